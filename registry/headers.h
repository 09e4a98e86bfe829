// What single headers of an answer mean, from their values alone.
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "base/mem.h"

#define RETRY_AFTER_MAX 60 // seconds

// Retry-After (RFC 9110, 10.2.3): milliseconds to wait, seen at `now`, at most RETRY_AFTER_MAX
// seconds of them; -1 where it says nothing of use.
int64_t header_retry_after(const char *value, time_t now);
// Range of an upload (distribution-spec, «Pushing a blob in chunks»): how many of `size` bytes the
// registry has, "0-1023", also "bytes=0-1023". False where it does not say.
bool header_range(const char *value, uint64_t size, uint64_t *out);
// Content-Range, "bytes FROM-…": where the answer begins. False where it does not say.
bool header_content_range(const char *value, uint64_t *from);
// OCI-Chunk-Min-Length: bytes, 0 where it says none.
uint64_t header_chunk_least(const char *value);
// Link, «<URL>; rel="next"»: the URL (RFC 8288), NULL where there is none.
const char *header_next_page(const char *value, struct arena *a);
// Warning, «299 - "text"»: the text without control characters, cut to fit; false for other codes,
// which are caches' affairs (distribution-spec, «Warnings»).
bool header_warning(const char *value, char *text, size_t n);
// Content-Type without its parameters.
const char *header_media_type(const char *value, struct arena *a);

// Single HTTP exchanges, several at once, each within bounds. Redirects, retries and who is asking
// are request's business.
#pragma once
#include <stdbool.h>

#include "base/sink.h"
#include "registry/tls.h"
#include "registry/url.h"

#define HTTP_TEXT_MAX (64u << 10) // of an error's body

// What is sent: size bytes at `bytes`, or (NULL) of fd from off on.
struct http_body {
	const void *bytes;
	int fd;
	uint64_t off, size;
};

struct http;
struct exchange {
	// To be filled, borrowed until done is called.
	const char *method, *url;
	struct strings headers;       // "Name: value"
	const struct http_body *body; // NULL: none
	const struct tls_files *tls;  // NULL for plain HTTP
	bool is_unverified;           // the server's certificate counts for nothing
	bool is_direct;               // no proxy (loopback)
	bool guard;                   // refuse addresses that address_of calls not ordinary …
	enum address allowed;         // … but for these
	int64_t not_before;           // http_now() at which to begin
	size_t text_max;              // of an answer's body in `text`; HTTP_TEXT_MAX if 0
	bool never_twice; // libcurl must not send the body again by itself over a new connection
	// Takes the answer's body, status and headers being known; NULL: into text.
	struct err *(*receive)(struct exchange *x, const void *bytes, size_t n);
	void (*progress)(struct exchange *x); // sent or received grew
	void (*done)(struct exchange *x);     // x may be started again or freed in it

	// The answer.
	int status;            // 0: none came
	struct err *error;     // it broke off: refused, reset, timed out, or receive's own
	int curl_code;         // CURLE_… behind error, 0: not libcurl's
	struct strings answer; // its headers, "Name: value"
	struct buffer text;
	enum address peer; // whom we were connected to
	uint64_t sent, received;

	struct exchange_state *state; // http's own
};

must_check struct err *http_open(struct http **out);
// Ends what is under way without calling done.
void http_drop(struct http **h);
// Queues the exchange; up to six are under way at once.
void http_start(struct http *h, struct exchange *x);
// Waits until something happened, at most a second, and calls done for what ended.
must_check struct err *http_step(struct http *h);
// Frees what the last answer left in x; http_start does so by itself.
void exchange_clear(struct exchange *x);

// A header of the answer by its name in any case, NULL if there is none. *at (starting at 0) goes
// on behind the last hit where there are several.
const char *exchange_header(const struct exchange *x, const char *name, size_t *at);
int64_t http_now(void); // milliseconds of a clock that never jumps

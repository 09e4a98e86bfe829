// Reads: base/decompress.c
//
// Compressed layers: what comes out does not depend on how the bytes came in, and has its limit.
#include <stdlib.h>
#include <string.h>

#include "base/compress.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { PLAIN_MAX = 300 << 10 };

// In pieces of `step` bytes; false where an error came.
static bool decompress(const uint8_t *data, size_t size, size_t step, struct buffer *out)
{
	drop(decompressor_drop) struct decompressor *d = NULL;
	drop(err_drop) struct err *e = NULL;

	buffer_init(out, PLAIN_MAX, "plain");
	e = decompress_open(&out->sink, PLAIN_MAX, &d);
	for (size_t at = 0; !e && at < size; at += step)
		e = sink_write(
			decompressor_sink(d), data + at, step < size - at ? step : size - at);
	if (!e)
		e = sink_finish(decompressor_sink(d));
	return !e;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	drop(buffer_drop) struct buffer whole = {0}, parts = {0};
	const bool is_sound = decompress(data, size, size + 1, &whole);

	if (decompress(data, size, 1 + size % 7, &parts) != is_sound || whole.len > PLAIN_MAX)
		abort();
	if (is_sound && (whole.len != parts.len || memcmp(whole.bytes, parts.bytes, whole.len)))
		abort();
	if (size >= 4 && !decompress_knows(data) && (!is_sound || whole.len != size))
		abort();
	return 0;
}

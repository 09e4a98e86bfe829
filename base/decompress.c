// The reading half of base/compress.h.
#include <stdbool.h>
#include <string.h>
#include <zlib.h>
#include <zstd.h>

#include "base/compress.h"

#define OUT_SIZE (128u << 10)

struct decompressor {
	struct sink sink;
	struct sink *next;
	uint64_t max, plain;
	// The first bytes, until they tell the format.
	unsigned char head[4];
	size_t head_len;
	struct err *(*pass)(
		struct decompressor *d, const void *bytes, size_t n); // NULL: unknown yet
	bool is_inside; // of a gzip member or zstd frame
	z_stream zlib;
	bool has_zlib;
	ZSTD_DCtx *zstd;
	unsigned char *out;
};

static struct err *emit(struct decompressor *d, const void *bytes, size_t n)
{
	if (n > d->max - d->plain)
		return err_new(ERR_FAILED, "decompresses to more than %llu bytes",
			(unsigned long long)d->max);
	d->plain += n;
	return sink_write(d->next, bytes, n);
}

static struct err *pass_plain(struct decompressor *d, const void *bytes, size_t n)
{
	return emit(d, bytes, n);
}

static struct err *pass_gzip(struct decompressor *d, const void *bytes, size_t n)
{
	z_stream *z = &d->zlib;
	bool has_more = false; // output that did not fit

	z->next_in = (unsigned char *)bytes; // zlib only reads it
	z->avail_in = (unsigned)n;
	while (z->avail_in || has_more) {
		if (!d->is_inside && inflateReset(z) != Z_OK)
			return err_new(ERR_FAILED, "gzip: cannot start");
		z->next_out = d->out;
		z->avail_out = OUT_SIZE;
		int status = inflate(z, Z_NO_FLUSH);

		if (status != Z_OK && status != Z_STREAM_END && status != Z_BUF_ERROR)
			return err_new(ERR_FAILED, "gzip: %s", z->msg ? z->msg : "damaged data");
		TRY(emit(d, d->out, OUT_SIZE - z->avail_out));
		d->is_inside = status != Z_STREAM_END;
		has_more = d->is_inside && z->avail_out == 0;
	}
	return NULL;
}

static struct err *pass_zstd(struct decompressor *d, const void *bytes, size_t n)
{
	ZSTD_inBuffer in = {bytes, n, 0};
	bool has_more = false;

	while (in.pos < in.size || has_more) {
		ZSTD_outBuffer out = {d->out, OUT_SIZE, 0};
		size_t left = ZSTD_decompressStream(d->zstd, &out, &in);

		if (ZSTD_isError(left))
			return err_new(ERR_FAILED, "zstd: %s", ZSTD_getErrorName(left));
		TRY(emit(d, d->out, out.pos));
		d->is_inside = left != 0;
		has_more = d->is_inside && out.pos == out.size;
	}
	return NULL;
}

static bool is_zstd(const unsigned char h[static 4])
{
	return memcmp(h, "\x28\xb5\x2f\xfd", 4) == 0 ||
		(memcmp(h + 1, "\x2a\x4d\x18", 3) == 0 && h[0] >> 4 == 5); // a skippable frame
}

static bool is_gzip(const unsigned char h[static 2])
{
	return h[0] == 0x1f && h[1] == 0x8b;
}

bool decompress_knows(const unsigned char head[static 4])
{
	return is_gzip(head) || is_zstd(head);
}

// At the fourth byte, or at the end of a shorter input.
static struct err *recognise(struct decompressor *d)
{
	if (d->head_len >= 2 && is_gzip(d->head)) {
		if (inflateInit2(&d->zlib, 16 + MAX_WBITS) != Z_OK)
			return err_new(ERR_FAILED, "gzip: cannot start");
		d->has_zlib = true;
		d->pass = pass_gzip;
	} else if (d->head_len == 4 && is_zstd(d->head)) {
		d->zstd = ZSTD_createDCtx();
		if (!d->zstd)
			return err_new(ERR_FAILED, "zstd: cannot start");
		d->pass = pass_zstd;
	} else {
		d->pass = pass_plain;
	}
	if (d->pass != pass_plain)
		d->out = mem_alloc(OUT_SIZE);
	d->is_inside = d->pass != pass_plain;
	return d->pass(d, d->head, d->head_len);
}

static struct err *decompress_write(struct sink *s, const void *bytes, size_t n)
{
	struct decompressor *d = (struct decompressor *)s;
	const unsigned char *p = bytes;

	while (n && !d->pass) {
		d->head[d->head_len++] = *p++;
		n--;
		if (d->head_len == sizeof(d->head))
			TRY(recognise(d));
	}
	while (n) { // zlib counts in unsigned
		size_t part = n < 1u << 30 ? n : 1u << 30;

		TRY(d->pass(d, p, part));
		p += part;
		n -= part;
	}
	return NULL;
}

static struct err *decompress_finish(struct sink *s)
{
	struct decompressor *d = (struct decompressor *)s;

	if (!d->pass)
		TRY(recognise(d));
	if (d->is_inside)
		return err_new(ERR_FAILED, "compressed data is cut short");
	return sink_finish(d->next);
}

struct err *decompress_open(struct sink *next, uint64_t max, struct decompressor **out)
{
	struct decompressor *d = mem_alloc(sizeof(*d));

	d->sink = (struct sink){decompress_write, decompress_finish};
	d->next = next;
	d->max = max;
	*out = d;
	return NULL;
}

struct sink *decompressor_sink(struct decompressor *d)
{
	return &d->sink;
}

void decompressor_drop(struct decompressor **pd)
{
	struct decompressor *d = *pd;

	if (!d)
		return;
	if (d->has_zlib)
		inflateEnd(&d->zlib);
	ZSTD_freeDCtx(d->zstd);
	mem_drop(&d->out);
	mem_drop(pd);
}

#include "base/compress.h"

#include <libdeflate.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zstd.h>
#include <cmocka.h>

#define MIB (1u << 20)
#define INPUT_MAX (5 * MIB + 12345)

static char *input; // words with some noise: neither trivial nor incompressible

static int make_input(void **state)
{
	static const char *const words[] = {"ELF", "libc.so.6", "\177", "usr/lib", "0123456789"};
	uint32_t seed = 1;
	size_t n = 0;

	(void)state;
	input = mem_alloc(INPUT_MAX + 64);
	while (n < INPUT_MAX) {
		seed = seed * 1664525 + 1013904223;
		const char *w = words[(seed >> 16) % 5];

		strcpy(input + n, w);
		n += strlen(w);
		input[n++] = (char)(seed >> 24);
	}
	return 0;
}

static int drop_input(void **state)
{
	(void)state;
	mem_drop(&input);
	return 0;
}

static struct err *compress_all(const char *format, int level, unsigned workers, uint64_t size,
	size_t n, size_t step, struct buffer *out)
{
	drop(compressor_drop) struct compressor *c = NULL;
	drop(pool_drop) struct pool *p = pool_new(workers);
	struct err *e = compress_open(compress_find(format), level, size, p, &out->sink, &c);

	for (size_t off = 0; !e && off < n; off += step)
		e = sink_write(compressor_sink(c), input + off, n - off < step ? n - off : step);
	if (!e)
		e = sink_finish(compressor_sink(c));
	compressor_drop(&c); // before its pool
	return e;
}

static void compress_ok(const char *format, int level, unsigned workers, uint64_t size, size_t n,
	size_t step, struct buffer *out)
{
	buffer_init(out, 2 * INPUT_MAX, "compressed");
	struct err *e = compress_all(format, level, workers, size, n, step, out);

	if (e)
		fail_msg("%s", err_text(e));
}

static struct err *decompress_all(
	const char *bytes, size_t n, size_t step, uint64_t max, struct buffer *out)
{
	drop(decompressor_drop) struct decompressor *d = NULL;

	buffer_init(out, 2 * INPUT_MAX, "plain");
	TRY(decompress_open(&out->sink, max, &d));
	for (size_t off = 0; off < n; off += step)
		TRY(sink_write(decompressor_sink(d), bytes + off, n - off < step ? n - off : step));
	return sink_finish(decompressor_sink(d));
}

static void assert_plain(const char *bytes, size_t n, size_t step, size_t plain)
{
	struct buffer b;
	struct err *e = decompress_all(bytes, n, step, plain, &b);

	if (e)
		fail_msg("%s", err_text(e));
	assert_int_equal(b.len, plain);
	assert_memory_equal(b.bytes, input, plain);
	buffer_drop(&b);
}

static void assert_fails(struct err *e, const char *part)
{
	assert_non_null(e);
	if (!strstr(err_text(e), part))
		fail_msg("'%s' lacks '%s'", err_text(e), part);
	err_drop(&e);
}

static const size_t sizes[] = {0, 1, 1000, MIB, 2 * MIB, 2 * MIB + 1, INPUT_MAX};
#define SIZES (sizeof(sizes) / sizeof(*sizes))

static void bytes_do_not_depend_on_workers(void **state)
{
	static const struct {
		const char *format;
		int level;
	} cases[] = {{"gzip", 1}, {"gzip", 6}, {"gzip", 12}, {"zstd", 3}, {"zstd", 9}, {"none", 0},
		{"gzip", COMPRESS_AUTO}};

	(void)state;
	for (size_t c = 0; c < sizeof(cases) / sizeof(*cases); c++) {
		for (size_t i = 0; i < SIZES; i++) {
			const size_t n = sizes[i];
			struct buffer one, many;

			if ((cases[c].level == 12 && n > 1000) ||
				(cases[c].level == COMPRESS_AUTO && n != 2 * MIB + 1))
				continue; // takes long and shows no more
			compress_ok(cases[c].format, cases[c].level, 1, n, n, 4096, &one);
			for (unsigned workers = 2; workers <= 5; workers += 3) {
				compress_ok(cases[c].format, cases[c].level, workers, n, n, 777777,
					&many);
				assert_int_equal(many.len, one.len);
				assert_memory_equal(many.bytes, one.bytes, one.len);
				buffer_drop(&many);
			}
			assert_plain(one.bytes, one.len, 50000, n);
			buffer_drop(&one);
		}
	}
}

static void small_is_one_member(void **state)
{
	struct libdeflate_compressor *c = libdeflate_alloc_compressor(12);
	drop(mem_drop) char *want = mem_alloc(3 * MIB);
	struct buffer b;

	(void)state;
	for (size_t i = 0; sizes[i] < MIB; i++) {
		size_t n = libdeflate_gzip_compress(c, input, sizes[i], want, 3 * MIB);

		compress_ok("gzip", 12, 2, sizes[i], sizes[i], 100000, &b);
		assert_int_equal(b.len, n);
		assert_memory_equal(b.bytes, want, n);
		assert_memory_equal(b.bytes + 4, "\0\0\0\0", 4); // mtime
		buffer_drop(&b);
	}
	libdeflate_free_compressor(c);
}

static void unknown_and_wrong_sizes(void **state)
{
	struct buffer b;

	(void)state;
	compress_ok("gzip", COMPRESS_AUTO, 2, 0, INPUT_MAX, 30000, &b);
	assert_plain(b.bytes, b.len, 1000, INPUT_MAX);
	buffer_drop(&b);
	compress_ok("zstd", COMPRESS_AUTO, 2, 0, INPUT_MAX, 30000, &b);
	assert_plain(b.bytes, b.len, 1000, INPUT_MAX);
	buffer_drop(&b);
	compress_ok("gzip", 1, 2, 10, 100000, 30000, &b);
	assert_plain(b.bytes, b.len, 1000, 100000);
	buffer_drop(&b);
	buffer_init(&b, INPUT_MAX, "compressed");
	assert_fails(compress_all("zstd", 1, 2, 10, 100000, 30000, &b), "zstd: ");
	buffer_drop(&b);
}

// What everybody else uses reads it.
static void assert_tool_reads(const char *tool, const struct buffer *b, size_t plain)
{
	char path[] = "/tmp/test_compress.XXXXXX";
	int fd = mkstemp(path);
	drop(mem_drop) char *cmd = str_printf("%s < %s", tool, path);
	drop(mem_drop) char *got = mem_alloc(INPUT_MAX + 1);

	assert_int_equal(write(fd, b->bytes, b->len), b->len);
	close(fd);
	FILE *f = popen(cmd, "r");
	size_t n = fread(got, 1, INPUT_MAX + 1, f);

	assert_int_equal(pclose(f), 0);
	unlink(path);
	assert_int_equal(n, plain);
	assert_memory_equal(got, input, plain);
}

static void tools_read_it(void **state)
{
	struct buffer b;

	(void)state;
	for (size_t i = 0; i < SIZES; i++) {
		compress_ok("gzip", 1, 2, sizes[i], sizes[i], 100000, &b);
		assert_tool_reads("gzip -dc", &b, sizes[i]);
		buffer_drop(&b);
		compress_ok("zstd", 1, 2, sizes[i], sizes[i], 100000, &b);
		assert_tool_reads("zstd -dcq", &b, sizes[i]);
		buffer_drop(&b);
	}
}

static void reads_members_and_frames(void **state)
{
	struct buffer b, all;
	char skippable[] = "\x50\x2a\x4d\x18\x05\0\0\0hello";

	(void)state;
	for (int zstd = 0; zstd < 2; zstd++) {
		buffer_init(&all, 2 * INPUT_MAX, "all");
		if (zstd)
			assert_null(sink_write(&all.sink, skippable, 13));
		assert_null(compress_all(zstd ? "zstd" : "gzip", 1, 1, 70000, 70000, 9999, &all));
		assert_null(compress_all(zstd ? "zstd" : "gzip", 1, 1, 0, 0, 9999, &all));
		if (zstd)
			assert_null(sink_write(&all.sink, skippable, 13));
		size_t first = all.len;

		assert_null(compress_all(zstd ? "zstd" : "gzip", 3, 1, 70000, 70000, 9999, &all));
		for (size_t step = 1; step < 10000; step = step * 7 + 1) {
			struct err *e = decompress_all(all.bytes, all.len, step, 140000, &b);

			if (e)
				fail_msg("%s", err_text(e));
			assert_int_equal(b.len, 140000);
			assert_memory_equal(b.bytes, input, 70000);
			assert_memory_equal(b.bytes + 70000, input, 70000);
			buffer_drop(&b);
		}
		// Cut anywhere but between members, it fails.
		for (size_t n = 5; n < all.len; n += 997) {
			if (n == first)
				continue;
			struct err *e = decompress_all(all.bytes, n, 4096, 140000, &b);

			assert_fails(e, "cut short");
			buffer_drop(&b);
		}
		buffer_drop(&all);
	}
}

static void damage_is_found(void **state)
{
	static const char *const formats[] = {"gzip", "zstd"};
	struct buffer b, plain;

	(void)state;
	for (int i = 0; i < 2; i++) {
		compress_ok(formats[i], 1, 1, 100000, 100000, 100000, &b);
		b.bytes[b.len / 2] ^= 0x40;
		struct err *e = decompress_all(b.bytes, b.len, 4096, 1 << 20, &plain);

		// zstd frames carry no checksum here; layers have their digests.
		if (i == 0 || e)
			assert_fails(e, formats[i]);
		else
			assert_true(
				plain.len != 100000 || memcmp(plain.bytes, input, plain.len) != 0);
		buffer_drop(&plain);
		b.bytes[b.len / 2] ^= 0x40;
		assert_null(sink_write(&b.sink, "garbage", 7));
		assert_fails(decompress_all(b.bytes, b.len, 4096, 1 << 20, &plain), formats[i]);
		buffer_drop(&plain);
		buffer_drop(&b);
	}
}

static void bombs_are_bounded(void **state)
{
	static const char *const formats[] = {"gzip", "zstd", "none"};
	struct buffer b, plain;

	(void)state;
	for (int i = 0; i < 3; i++) {
		compress_ok(formats[i], COMPRESS_AUTO, 1, 500000, 500000, 100000, &b);
		assert_fails(decompress_all(b.bytes, b.len, 4096, 499999, &plain),
			"decompresses to more than 499999 bytes");
		assert_true(plain.len <= 499999);
		buffer_drop(&plain);
		buffer_drop(&b);
	}
}

static void other_input_passes(void **state)
{
	struct buffer b;

	(void)state;
	for (size_t n = 0; n < 10; n++) {
		assert_null(decompress_all("\x1f\x8c\x28\xb5\x2f\xfd\0\0\0\0", n, 1, 100, &b));
		assert_int_equal(b.len, n);
		buffer_drop(&b);
	}
}

static struct err *refuse(struct sink *s, const void *bytes, size_t n)
{
	(void)s;
	(void)bytes;
	(void)n;
	return err_new(ERR_NETWORK, "line is cut");
}

static void errors_behind_it_come_through(void **state)
{
	struct sink bad = {.write = refuse};

	(void)state;
	for (const struct compress_format *f = compress_formats; f->name; f++) {
		drop(pool_drop) struct pool *p = pool_new(3);
		struct compressor *c;

		assert_null(compress_open(f, COMPRESS_AUTO, 0, p, &bad, &c));
		struct err *e = sink_write(compressor_sink(c), input, INPUT_MAX);

		if (!e)
			e = sink_finish(compressor_sink(c));
		assert_non_null(e);
		assert_int_equal(err_kind(e), ERR_NETWORK);
		assert_fails(e, "line is cut");
		compressor_drop(&c); // with blocks under way
		assert_null(c);
	}
}

static void levels(void **state)
{
	const struct compress_format *gzip = compress_find("gzip"), *zstd = compress_find("zstd");
	drop(arena_drop) struct arena a = {0};
	drop(pool_drop) struct pool *p = pool_new(1);
	struct compressor *c = NULL;
	struct buffer b;

	(void)state;
	assert_null(compress_find("bzip2"));
	assert_null(compress_find(""));
	assert_int_equal(compress_level(gzip, COMPRESS_AUTO, 1000), 10);
	assert_int_equal(compress_level(gzip, COMPRESS_AUTO, 75 * MIB), 6);
	assert_int_equal(compress_level(gzip, 3, 1000), 3);
	assert_int_equal(compress_level(zstd, COMPRESS_AUTO, 1000), 19);
	assert_string_equal(compress_identity(gzip, COMPRESS_AUTO, 1000, &a),
		"gzip libdeflate " LIBDEFLATE_VERSION_STRING " level 10 block 786432");
	assert_string_equal(compress_identity(gzip, COMPRESS_AUTO, 75 * MIB, &a),
		"gzip libdeflate " LIBDEFLATE_VERSION_STRING " level 6 block 1048576");
	assert_string_equal(compress_identity(zstd, 22, 1000, &a),
		"zstd libzstd " ZSTD_VERSION_STRING " level 22");
	assert_string_equal(compress_identity(compress_find("none"), 0, 1, &a), "none");

	buffer_init(&b, 10, "compressed");
	struct err *e = compress_open(gzip, 13, 0, p, &b.sink, &c);

	assert_non_null(e);
	assert_int_equal(err_kind(e), ERR_USAGE);
	assert_fails(e, "gzip has levels 1 to 12, not 13");
	assert_fails(compress_open(zstd, 23, 0, p, &b.sink, &c), "1 to 22");
	assert_null(c);
	buffer_drop(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bytes_do_not_depend_on_workers),
		cmocka_unit_test(small_is_one_member),
		cmocka_unit_test(unknown_and_wrong_sizes),
		cmocka_unit_test(tools_read_it),
		cmocka_unit_test(reads_members_and_frames),
		cmocka_unit_test(damage_is_found),
		cmocka_unit_test(bombs_are_bounded),
		cmocka_unit_test(other_input_passes),
		cmocka_unit_test(errors_behind_it_come_through),
		cmocka_unit_test(levels),
	};

	return cmocka_run_group_tests(tests, make_input, drop_input);
}

#include "oci/layer.h"

#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

#define TEN "123456789/"
#define HUNDRED TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN
#define CAPABILITY "\1\0\0\2\0\4\0\0\0\0\0\0\0\0\0\0\0\0\0\0" // cap_net_bind_service=ep

static char dir[64];
static struct arena arena;

static int enter(void **state)
{
	(void)state;
	strcpy(dir, "/tmp/test_layer.XXXXXX");
	return !mkdtemp(dir) || chdir(dir);
}

static int leave(void **state)
{
	drop(mem_drop) char *cmd = str_printf("rm -rf '%s'", dir);

	(void)state;
	arena_drop(&arena);
	return chdir("/") || system(cmd);
}

struct entries {
	const struct entry **at;
	size_t len, cap;
};

static struct entry *add(struct entries *es, const char *path, mode_t mode, const char *text)
{
	struct entry *e = arena_new(&arena, struct entry);

	*e = (struct entry){.path = path, .mode = mode};
	if (S_ISLNK(mode))
		e->target = text;
	if (S_ISREG(mode)) {
		e->bytes = text;
		e->size = strlen(text);
	}
	vec_push(&arena, es, e);
	return e;
}

static void add_xattr(struct entry *e, const char *name, const char *value, size_t n)
{
	vec_push(&arena, &e->xattrs, (struct xattr){name, {(const uint8_t *)value, n}});
}

// One of everything that is hard, in byte order of the paths.
static struct entries hard_ones(void)
{
	struct entries es = {0};
	struct entry *e;

	add(&es, "/", S_IFDIR | 0755, NULL);
	add(&es, "/" HUNDRED "name", S_IFREG | 0644, "beyond 100");
	add(&es, "/" HUNDRED HUNDRED HUNDRED "name", S_IFREG | 0644, "beyond 255");
	e = add(&es, "/bin", S_IFDIR | 01777, NULL);
	e->mtime = 1700000000;
	e = add(&es, "/bin/caps", S_IFREG | 04755, "#!");
	add_xattr(e, "security.capability", CAPABILITY, 20);
	add_xattr(e, "user.b", "line\nline", 9);
	e = add(&es, "/bin/owned", S_IFREG | 0600, "x");
	e->uid = 3000000;
	e->gid = 2097152;
	add(&es, "/bin/sh", S_IFLNK | 0777, "busybox");
	add(&es, "/bin/sh-long", S_IFLNK | 0777, "/" HUNDRED "target");
	add(&es, "/bin/\xc3\xa9", S_IFREG | 0644, "between plain ones");
	add(&es, "/bin/\xc3\xa9-link", S_IFLNK | 0777, "\xc3\xa9");
	e = add(&es, "/empty", S_IFREG | 0644, "");
	e->mtime = -1;
	e = add(&es, "/latin-\xe4", S_IFREG | 0644, "not UTF-8");
	e->uid = e->gid = 1000;
	add(&es, "/\xc3\xbc.conf", S_IFREG | 0644, "UTF-8");
	return es;
}

static void tar_ok(const struct entries *es, struct buffer *b)
{
	buffer_init(b, 8 << 20, "tar");
	struct err *e = layer_tar(es->at, es->len, &b->sink, NULL, NULL);

	if (e)
		fail_msg("%s", err_text(e));
}

static void put(const char *path, const void *bytes, size_t n)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_int_equal(fwrite(bytes, 1, n, f), n);
	fclose(f);
}

static char *output_of(const char *cmd)
{
	FILE *f = popen(cmd, "r");
	char *out = arena_alloc(&arena, 1 << 16);

	out[fread(out, 1, (1 << 16) - 1, f)] = '\0';
	assert_int_equal(pclose(f), 0);
	return out;
}

static void assert_fails(struct err *e, const char *part)
{
	assert_non_null(e);
	if (!strstr(err_text(e), part))
		fail_msg("'%s' lacks '%s'", err_text(e), part);
	err_drop(&e);
}

static void gnu_tar_reads_it(void **state)
{
	struct entries es = hard_ones();
	struct buffer b;

	(void)state;
	tar_ok(&es, &b);
	put("a.tar", b.bytes, b.len);
	assert_string_equal(output_of("TZ=UTC LC_ALL=C tar --full-time --quoting-style=escape "
				      "--warning=no-unknown-keyword -tvf a.tar 2>&1 | tr -s ' '"),
		"drwxr-xr-x 0/0 0 1970-01-01 00:00:00 ./\n"
		"-rw-r--r-- 0/0 10 1970-01-01 00:00:00 " HUNDRED "name\n"
		"-rw-r--r-- 0/0 10 1970-01-01 00:00:00 " HUNDRED HUNDRED HUNDRED "name\n"
		"drwxrwxrwt 0/0 0 2023-11-14 22:13:20 bin/\n"
		"-rwsr-xr-x 0/0 2 1970-01-01 00:00:00 bin/caps\n"
		"-rw------- 3000000/2097152 1 1970-01-01 00:00:00 bin/owned\n"
		"lrwxrwxrwx 0/0 0 1970-01-01 00:00:00 bin/sh -> busybox\n"
		"lrwxrwxrwx 0/0 0 1970-01-01 00:00:00 bin/sh-long -> /" HUNDRED "target\n"
		"-rw-r--r-- 0/0 18 1970-01-01 00:00:00 bin/\\303\\251\n"
		"lrwxrwxrwx 0/0 0 1970-01-01 00:00:00 bin/\\303\\251-link -> \\303\\251\n"
		"-rw-r--r-- 0/0 0 1969-12-31 23:59:59 empty\n"
		"-rw-r--r-- 1000/1000 9 1970-01-01 00:00:00 latin-\\344\n"
		"-rw-r--r-- 0/0 5 1970-01-01 00:00:00 \\303\\274.conf\n");
	const char *verbose = output_of("LC_ALL=C tar --warning=no-unknown-keyword --xattrs "
					"--xattrs-include='*' -tvvf a.tar bin/caps");

	assert_non_null(strstr(verbose, "x: 20 security.capability\n"));
	assert_non_null(strstr(verbose, "x: 9 user.b\n"));
	assert_non_null(strstr(
		output_of(
			"LC_ALL=C tar --warning=no-unknown-keyword -xOf a.tar bin/caps empty bin/owned"),
		"#!x"));
	buffer_drop(&b);
}

static const char *find_bytes(const struct buffer *b, const void *part, size_t n)
{
	return memmem(b->bytes, b->len, part, n);
}

static void is_plain_ustar(void **state)
{
	static const char zeros[1024], first[] = "12345678/";
	struct entries es = hard_ones(), plain = {0};
	struct buffer b;

	(void)state;
	tar_ok(&es, &b);
	assert_int_equal(b.len % 512, 0);
	assert_memory_equal(b.bytes + b.len - 1024, zeros, 1024);
	assert_memory_not_equal(b.bytes + b.len - 1536, zeros, 512);
	assert_null(find_bytes(&b, "ustar  ", 7)); // GNU's magic
	assert_null(find_bytes(&b, "root", 4));
	assert_null(find_bytes(&b, "LIBARCHIVE", 10));
	assert_null(find_bytes(&b, "atime", 5));
	// Values with NUL and newline as they are.
	assert_non_null(find_bytes(&b, "57 SCHILY.xattr.security.capability=" CAPABILITY "\n", 57));
	assert_non_null(find_bytes(&b, "SCHILY.xattr.user.b=line\nline\n", 30));
	assert_true(find_bytes(&b, "security.cap", 12) < find_bytes(&b, "user.b", 6));
	buffer_drop(&b);

	// Two headers, one block of bytes, the end: no PAX where ustar does.
	add(&plain, "/a", S_IFDIR | 0755, NULL);
	add(&plain, "/a/b", S_IFREG | 0644, first);
	tar_ok(&plain, &b);
	assert_int_equal(b.len, 5 * 512);
	assert_memory_equal(b.bytes + 257, "ustar\00000", 8);
	assert_memory_equal(b.bytes + 265, zeros, 64); // uname, gname
	assert_string_equal(b.bytes + 1024, first);
	buffer_drop(&b);
	// As few bytes for a name that fits ustar's prefix.
	plain.len = 0;
	add(&plain, "/" HUNDRED "name", S_IFLNK | 0777, "b");
	tar_ok(&plain, &b);
	assert_int_equal(b.len, 3 * 512);
	buffer_drop(&b);
	plain.len = 0;
	tar_ok(&plain, &b);
	assert_int_equal(b.len, 1024);
	buffer_drop(&b);
}

static void sizes_are_told_apart(void **state)
{
	struct entries es = {0};
	struct tar_sizes s;
	char name[200] = "/";

	(void)state;
	add(&es, "/d", S_IFDIR | 0755, "");
	add(&es, "/d/a", S_IFREG | 0644, "text");
	add(&es, "/d/b", S_IFREG | 0644, "text")->hard_link = "/d/a";
	layer_tar_sizes(es.at, es.len, &s);
	assert_int_equal(s.headers, 3 * 512);
	assert_int_equal(s.records, 0);
	assert_int_equal(s.content, 4);
	assert_int_equal(s.padding, 508);
	assert_int_equal(s.end, 1024);
	memset(name + 1, 'n', 150);
	add(&es, name, S_IFREG | 0644, "");
	layer_tar_sizes(es.at, es.len, &s);
	assert_int_equal(s.headers, 4 * 512);
	assert_int_equal(s.records, 2 * 512);
	assert_int_equal(s.content, 4);
}

static void raw_size_is_exact(void **state)
{
	struct entries all = hard_ones();
	struct buffer b;

	(void)state;
	for (size_t i = 0; i < all.len; i++) {
		tar_ok(&(struct entries){all.at + i, 1, 1}, &b);
		assert_int_equal(layer_raw_size(all.at + i, 1), b.len);
		buffer_drop(&b);
	}
	tar_ok(&all, &b);
	assert_int_equal(layer_raw_size(all.at, all.len), b.len);
	buffer_drop(&b);
	assert_int_equal(layer_raw_size(NULL, 0), 1024);
}

static void hard_links_share_their_bytes(void **state)
{
	struct entries es = {0};
	struct buffer b;

	(void)state;
	add(&es, "/a", S_IFREG | 0644, "text");
	add(&es, "/b", S_IFREG | 0644, "text")->hard_link = "/a";
	add(&es, "/c\303\251", S_IFREG | 0644, "text")->hard_link = "/a";
	tar_ok(&es, &b);
	assert_int_equal(layer_raw_size(es.at, es.len), b.len);
	put("l.tar", b.bytes, b.len);
	assert_string_equal(
		output_of("rm -rf l; mkdir l; tar --warning=no-unknown-keyword -xf l.tar -C l; "
			  "cat l/b; stat -c ' %h' l/a l/b l/c*"),
		"text 3\n 3\n 3\n");
	buffer_drop(&b);
}

static void same_bytes_everywhere(void **state)
{
	struct entries es = hard_ones();
	struct buffer here, there;

	(void)state;
	tar_ok(&es, &here);
	setenv("TZ", "Pacific/Auckland", 1);
	tzset();
	mode_t old = umask(077);

	for (int i = 0; i < 2; i++) {
		setlocale(LC_ALL, i ? "C.UTF-8" : "C");
		tar_ok(&es, &there);
		assert_int_equal(there.len, here.len);
		assert_memory_equal(there.bytes, here.bytes, here.len);
		buffer_drop(&there);
	}
	umask(old);
	setlocale(LC_ALL, "C");
	unsetenv("TZ");
	buffer_drop(&here);
}

// The first bytes only.
struct head {
	struct sink sink;
	char bytes[4096];
	size_t len;
};

static struct err *head_write(struct sink *s, const void *bytes, size_t n)
{
	struct head *h = (struct head *)s;

	if (n > sizeof(h->bytes) - h->len)
		return err_new(ERR_FAILED, "enough");
	memcpy(h->bytes + h->len, bytes, n);
	h->len += n;
	return NULL;
}

static void beyond_8_gib(void **state)
{
	const uint64_t size = 9ull << 30;
	struct head h = {.sink.write = head_write};
	struct entries es = {0};
	struct root *r;
	int fd = open("big", O_CREAT | O_WRONLY, 0644);

	(void)state;
	if (ftruncate(fd, (off_t)size))
		skip();
	close(fd);
	assert_null(root_open_dir(dir, &r));
	struct entry *e = add(&es, "/big", S_IFREG | 0644, "");

	*e = (struct entry){
		.path = e->path, .mode = e->mode, .size = size, .root = r, .source = "/big"};
	assert_int_equal(layer_raw_size(es.at, 1), 3 * 512 + size + 1024);
	assert_fails(layer_tar(es.at, 1, &h.sink, NULL, NULL), "enough");
	assert_int_equal(h.bytes[156], 'x');
	assert_string_equal(h.bytes + 512, "19 size=9663676416\n");
	assert_string_equal(h.bytes + 1024, "big");
	root_drop(&r);
}

static struct entry *add_source(struct entries *es, struct root *r, const char *path)
{
	struct entry *e = add(es, path, S_IFREG | 0644, "");
	struct stat st;

	assert_int_equal(stat(path + 1, &st), 0);
	e->bytes = NULL;
	e->root = r;
	e->source = path;
	e->size = (uint64_t)st.st_size;
	return e;
}

static void changed_sources(void **state)
{
	struct entries es = {0};
	struct buffer b;
	struct root *r;

	(void)state;
	put("file", "text", 4);
	put("empty", "", 0);
	assert_null(root_open_dir(dir, &r));
	add_source(&es, r, "/file");
	struct entry *empty = add_source(&es, r, "/empty");

	empty->path = "/renamed";
	tar_ok(&es, &b);
	buffer_drop(&b);

	buffer_init(&b, 1 << 20, "tar");
	put("file", "longer", 6);
	assert_fails(layer_tar(es.at, es.len, &b.sink, NULL, NULL),
		"changed while it was read: 6 bytes instead of 4");
	put("file", "", 0);
	struct err *e = layer_tar(es.at, es.len, &b.sink, NULL, NULL);

	assert_non_null(e);
	assert_non_null(strstr(err_text(e), "/file: it changed"));
	err_drop(&e);
	put("file", "text", 4);
	put("empty", "not", 3);
	assert_fails(layer_tar(es.at, es.len, &b.sink, NULL, NULL), "/empty: it changed");
	unlink("empty");
	e = layer_tar(es.at, es.len, &b.sink, NULL, NULL);
	assert_non_null(e);
	assert_int_equal(err_number(e), ENOENT);
	assert_non_null(strstr(err_text(e), "add /renamed from "));
	err_drop(&e);
	buffer_drop(&b);
	root_drop(&r);
}

static void count_progress(void *arg, uint64_t n)
{
	*(uint64_t *)arg += n;
}

// The blob of l, checked against its descriptor, is made of this tar.
static void assert_layer(const struct layer *l, const struct buffer *tar)
{
	const struct digest diff_id = digest_of(tar->bytes, tar->len);
	struct decompressor *d;
	struct hasher h;
	struct buffer b;

	assert_string_equal(l->diff_id.text, diff_id.text);
	assert_int_equal(l->raw_size, tar->len);
	assert_int_equal(l->blob.size, l->descriptor.size);
	buffer_init(&b, tar->len, "layer");
	assert_null(decompress_open(&b.sink, tar->len, &d));
	hasher_init(&h, decompressor_sink(d));
	assert_null(sink_copy_fd(&h.sink, l->blob.fd, l->blob.off, l->blob.size, "blob"));
	assert_null(sink_finish(&h.sink));
	assert_string_equal(hasher_digest(&h).text, l->descriptor.digest);
	assert_int_equal(b.len, tar->len);
	assert_memory_equal(b.bytes, tar->bytes, tar->len);
	decompressor_drop(&d);
	buffer_drop(&b);
	close(l->blob.fd);
}

static void write_ok(const struct layer_options *o, const struct entries *es, struct layer *out)
{
	struct err *e = layer_write(o, es->at, es->len, &arena, out);

	if (e)
		fail_msg("%s", err_text(e));
}

static void layers_are_kept(void **state)
{
	static const char *const formats[] = {"gzip", "zstd", "none"};
	static const char *const types[] = {OCI_LAYER "+gzip", OCI_LAYER "+zstd", OCI_LAYER};
	struct entries es = hard_ones();
	const char *warning;
	struct cache *c;
	struct buffer tar;
	struct layer l;
	uint64_t files = 0;

	(void)state;
	vec_each (e, &es)
		files += (*e)->size;
	tar_ok(&es, &tar);
	drop(pool_drop) struct pool *p = pool_new(2);

	assert_null(cache_open("kept", false, &arena, &warning, &c));
	for (int i = 0; i < 3; i++) {
		uint64_t seen = 0;
		struct layer_options o = {
			compress_find(formats[i]), COMPRESS_AUTO, p, c, count_progress, &seen};

		write_ok(&o, &es, &l);
		assert_false(l.is_cached);
		assert_string_equal(l.descriptor.media_type, types[i]);
		assert_layer(&l, &tar);
		assert_int_equal(seen, files);
		write_ok(&o, &es, &l);
		assert_true(l.is_cached);
		assert_int_equal(seen, 2 * files);
		assert_layer(&l, &tar);
		// Damaged, it is made again.
		drop(mem_drop) char *blob =
			str_printf("kept/blobs/sha256/%s", l.descriptor.digest + 7);

		assert_int_equal(truncate(blob, 100), 0);
		write_ok(&o, &es, &l);
		assert_false(l.is_cached);
		assert_layer(&l, &tar);
	}
	// Another level is another layer; so is another content of the same size.
	struct layer_options o = {compress_find("gzip"), 1, p, c, NULL, NULL};

	write_ok(&o, &es, &l);
	assert_false(l.is_cached);
	assert_layer(&l, &tar);
	buffer_drop(&tar);
	struct entry other = *es.at[1];

	other.bytes = "BEYOND 100";
	es.at[1] = &other;
	tar_ok(&es, &tar);
	write_ok(&o, &es, &l);
	assert_false(l.is_cached);
	assert_layer(&l, &tar);
	buffer_drop(&tar);
	cache_drop(&c);
}

static void big_sources(void **state)
{
	enum { SIZE = 3 << 20 };
	drop(mem_drop) char *bytes = mem_alloc(SIZE);
	struct entries es = {0};
	struct buffer tar;
	const char *warning;
	struct cache *c;
	struct layer one, two;
	struct root *r;

	(void)state;
	for (uint32_t i = 0, seed = 7; i < SIZE; i++) {
		seed = seed * 1664525 + 1013904223;
		bytes[i] = (char)(seed >> 29);
	}
	put("a", bytes, SIZE);
	put("b", bytes, 700001);
	assert_null(root_open_dir(dir, &r));
	add_source(&es, r, "/a");
	add_source(&es, r, "/b");
	tar_ok(&es, &tar);
	assert_memory_equal(tar.bytes + 512, bytes, SIZE);
	assert_memory_equal(tar.bytes + 512 + SIZE + 512, bytes, 700001);
	assert_null(cache_open(NULL, true, &arena, &warning, &c));
	drop(pool_drop) struct pool *p = pool_new(3);

	write_ok(&(struct layer_options){compress_find("gzip"), 1, p, c, NULL, NULL}, &es, &one);
	assert_layer(&one, &tar);
	cache_drop(&c);
	// In a worker of a pool that has no other.
	pool_drop(&p);
	p = pool_new(1);
	assert_null(cache_open(NULL, true, &arena, &warning, &c));
	write_ok(&(struct layer_options){compress_find("gzip"), 1, p, c, NULL, NULL}, &es, &two);
	assert_false(two.is_cached);
	assert_layer(&two, &tar);
	assert_string_equal(one.descriptor.digest, two.descriptor.digest);

	assert_int_equal(truncate("b", 5), 0);
	assert_fails(
		layer_write(&(struct layer_options){compress_find("gzip"), 1, p, c, NULL, NULL},
			es.at, es.len, &arena, &two),
		"/b: it changed");
	cache_drop(&c);
	root_drop(&r);
	buffer_drop(&tar);
}

#define test(f) cmocka_unit_test_setup_teardown(f, enter, leave)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(gnu_tar_reads_it),
		test(is_plain_ustar),
		test(sizes_are_told_apart),
		test(raw_size_is_exact),
		test(hard_links_share_their_bytes),
		test(same_bytes_everywhere),
		test(beyond_8_gib),
		test(changed_sources),
		test(layers_are_kept),
		test(big_sources),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

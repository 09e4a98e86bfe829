#include "oci/tar_read.h"

#include <archive.h>
#include <errno.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/sink.h"

#define READ_SIZE (64u << 10)
#define HEADERS_MAX (2u << 20) // libarchive itself takes a PAX header of at most 1 MiB

struct tar_reader {
	struct archive *archive;
	int fd;
	uint64_t base, size; // the region
	uint64_t at;         // in the region
	int failed;          // errno of a read that failed
	const char *what;
	locale_t plain;
	char buf[READ_SIZE];
};

static la_ssize_t read_some(struct archive *a, void *arg, const void **out)
{
	struct tar_reader *r = arg;
	uint64_t left = r->size - r->at;
	ssize_t got;

	do
		got = pread(r->fd, r->buf, left < READ_SIZE ? (size_t)left : READ_SIZE,
			(off_t)(r->base + r->at));
	while (got < 0 && errno == EINTR);
	if (got < 0) {
		r->failed = errno;
		archive_set_error(a, errno, "%s", strerror(errno));
		return -1;
	}
	r->at += (uint64_t)got;
	*out = r->buf;
	return got;
}

static la_int64_t skip_some(struct archive *a, void *arg, la_int64_t n)
{
	struct tar_reader *r = arg;
	uint64_t left = r->size - r->at;

	(void)a;
	if ((uint64_t)n > left)
		n = (la_int64_t)left;
	r->at += (uint64_t)n;
	return n;
}

static struct err *failed(struct tar_reader *r)
{
	const char *why = archive_error_string(r->archive);

	if (r->failed)
		return err_sys(r->failed, "read %s", r->what);
	return err_new(
		ERR_FAILED, "%s: not a sound tar: %s", r->what, why ? why : "damaged or cut short");
}

struct err *tar_reader_open(
	int fd, uint64_t off, uint64_t size, const char *what, struct tar_reader **out)
{
	drop(tar_reader_drop) struct tar_reader *r = mem_alloc(sizeof(*r));
	struct archive *a = archive_read_new();

	if (!a)
		return err_new(ERR_FAILED, "%s: libarchive does not start", what);
	r->archive = a;
	r->fd = fd;
	r->base = off;
	r->size = size;
	r->what = what;
	r->plain = newlocale(LC_ALL_MASK, "C", (locale_t)0);
	archive_read_support_format_tar(a);
	archive_read_support_format_empty(a);
	archive_read_set_callback_data(a, r);
	archive_read_set_read_callback(a, read_some);
	archive_read_set_skip_callback(a, skip_some);
	if (archive_read_open1(a) != ARCHIVE_OK)
		return failed(r);
	*out = take(r);
	return NULL;
}

void tar_reader_drop(struct tar_reader **r)
{
	if (*r && (*r)->archive)
		archive_read_free((*r)->archive);
	if (*r && (*r)->plain)
		freelocale((*r)->plain);
	mem_drop(r);
}

// Does a record "LENGTH KEY=VALUE\n" of path or linkpath hold a NUL?
static bool record_has_nul(const char *record, size_t n)
{
	const char *space = memchr(record, ' ', n);
	const char *equals = memchr(record, '=', n);

	if (!space || !equals || equals < space)
		return false;
	size_t key = (size_t)(equals - space) - 1;

	if (!(key == 4 && !memcmp(space + 1, "path", 4)) &&
		!(key == 8 && !memcmp(space + 1, "linkpath", 8)))
		return false;
	return memchr(equals, '\0', n - (size_t)(equals - record)) != NULL;
}

static bool records_have_nul(const char *p, size_t n)
{
	while (n) {
		size_t len = 0, i = 0;

		for (; i < n && i < 9 && p[i] >= '0' && p[i] <= '9'; i++)
			len = len * 10 + (size_t)(p[i] - '0');
		if (len == 0 || len > n)
			return false; // libarchive has said what it thinks of it
		if (record_has_nul(p, len))
			return true;
		p += len;
		n -= len;
	}
	return false;
}

// libarchive ends a PAX name at the first NUL, other readers refuse it: "a\0b" would be two things.
static bool headers_have_nul(const char *p, size_t n)
{
	while (n >= 512) {
		char digits[13] = "";

		memcpy(digits, p + 124, 12);
		unsigned long long size = strtoull(digits, NULL, 8);

		if (size > n - 512)
			return false;
		if (p[156] == 'x' && records_have_nul(p + 512, (size_t)size))
			return true;
		size_t step = 512 + ((size_t)size + 511) / 512 * 512;

		if (step > n)
			return false;
		p += step;
		n -= step;
	}
	return false;
}

static struct err *check_headers(struct tar_reader *r, uint64_t data)
{
	la_int64_t start = archive_read_header_position(r->archive);

	if (start < 0 || (uint64_t)start > data || data - (uint64_t)start > HEADERS_MAX)
		return err_new(ERR_FAILED, "%s: headers of an entry are too large", r->what);
	size_t n = (size_t)(data - (uint64_t)start);

	if (n <= 512)
		return NULL;
	drop(mem_drop) char *bytes = mem_alloc(n);
	size_t got;

	TRY(fd_read_at(r->fd, bytes, n, r->base + (uint64_t)start, r->what, &got));
	if (got < n)
		return err_new(ERR_FAILED, "%s: headers of an entry cannot be read", r->what);
	if (headers_have_nul(bytes, n))
		return err_new(ERR_FAILED, "%s: a name holds a NUL", r->what);
	return NULL;
}

static struct err *check_data(struct tar_reader *r, struct archive_entry *e, uint64_t data)
{
	const char *name = archive_entry_pathname(e);
	la_int64_t size = archive_entry_size(e);

	if (archive_entry_filetype(e) != AE_IFREG || archive_entry_hardlink(e))
		return NULL;
	if (archive_entry_sparse_reset(e) > 0)
		return err_hint(err_new(ERR_FAILED, "%s: %s is stored sparse", r->what, name),
			"write the tar without --sparse");
	if (size < 0 || data > r->size || (uint64_t)size > r->size - data)
		return err_new(ERR_FAILED, "%s: cut short in %s", r->what, name);
	return NULL;
}

// Names are bytes. In a UTF-8 locale libarchive would change decomposed letters of PAX names into
// composed ones; in the C locale it cannot convert them (ARCHIVE_WARN) and gives what is there.
// hdrcharset=BINARY, which would say so, works only when writing.
static int next_header(struct tar_reader *r, struct archive_entry **entry)
{
	locale_t before = uselocale(r->plain);
	int status;

	do
		status = archive_read_next_header(r->archive, entry);
	while (status == ARCHIVE_RETRY);
	uselocale(before);
	return status;
}

struct err *tar_reader_next(struct tar_reader *r, struct archive_entry **entry, uint64_t *off)
{
	*entry = NULL;
	if (r->size == 0)
		return NULL;
	int status = next_header(r, entry);

	if (status == ARCHIVE_EOF) {
		*entry = NULL;
		return NULL;
	}
	if (status < ARCHIVE_WARN)
		return failed(r);
	// Nothing filters the bytes, and the headers are all that was taken of this entry so far.
	uint64_t data = (uint64_t)archive_filter_bytes(r->archive, 0);

	if (!archive_entry_pathname(*entry))
		return err_new(ERR_FAILED, "%s: an entry without a name", r->what);
	TRY(check_headers(r, data));
	TRY(check_data(r, *entry, data));
	*off = r->base + data;
	return NULL;
}

bool tar_clean_name(const char *name, char *out)
{
	char *to = out;

	while (*name) {
		size_t n = strcspn(name, "/");

		if (n == 2 && name[0] == '.' && name[1] == '.')
			return false;
		if (n && !(n == 1 && name[0] == '.')) {
			if (to != out)
				*to++ = '/';
			memcpy(to, name, n);
			to += n;
		}
		name += n;
		name += *name == '/';
	}
	*to = '\0';
	return true;
}

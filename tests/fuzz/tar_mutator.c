// Changes a tar as a tar: a field of a header, what an entry holds, the order of entries; checksums
// are right afterwards, without which no reader looks at the rest.
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/fuzz/mutate.h"

enum { BLOCK = 512, ENTRIES_MAX = 128, CONTENT_MAX = 8192 };

struct tar {
	uint8_t *bytes;
	size_t size, max;
	struct dice dice;
	size_t at[ENTRIES_MAX + 1]; // of headers, then the end of the last entry
	size_t n;
};

static const struct field {
	unsigned off, len;
	bool is_number;
} fields[] = {
	{0, 100, false},   // name
	{100, 8, true},    // mode
	{108, 8, true},    // uid
	{116, 8, true},    // gid
	{124, 12, true},   // size
	{136, 12, true},   // mtime
	{156, 1, false},   // type
	{157, 100, false}, // target
	{257, 8, false},   // magic and version
	{329, 8, true},    // major
	{345, 155, false}, // prefix
};
enum { NAME = 0, SIZE = 4, TYPE = 6, TARGET = 7, FIELDS = sizeof(fields) / sizeof(*fields) };

static const char *const names[] = {"a", "a/", "./a", "a/b", "a/b/c", "/", ".", "..", "../a",
	"a/..", "/a", "a//b", "b", "b/c", ".wh.a", "a/.wh.b", "a/.wh..wh..opq", ".wh..wh..opq",
	".wh.", ".wh..", ".wh..wh..plnk", "index.json", "manifest.json", "oci-layout",
	"x/layer.tar", "c.json", "", "\xff\xfe"};
static const uint64_t numbers[] = {0, 1, 511, 512, 513, 1023, 01777, 06755, 0777777, 65535,
	UINT64_C(0x7fffffff), UINT64_C(0xffffffff), UINT64_C(077777777777)};
static const char *const keys[] = {"path", "linkpath", "size", "mtime", "uid", "gid", "uname",
	"SCHILY.xattr.user.a", "SCHILY.xattr.security.capability", "LIBARCHIVE.xattr.user.a",
	"GNU.sparse.major", "GNU.sparse.map", "GNU.sparse.realsize", "SCHILY.dev", "hdrcharset",
	"atime", "LIBARCHIVE.creationtime"};
#define PICK(t, list) list[dice_below(&(t)->dice, sizeof(list) / sizeof(*list))]

static uint64_t octal(const uint8_t *p, size_t n)
{
	uint64_t value = 0;

	for (size_t i = 0; i < n && p[i]; i++)
		if (p[i] >= '0' && p[i] <= '7')
			value = value << 3 | (uint64_t)(p[i] - '0');
	return value;
}

static size_t padded(size_t n)
{
	return (n + BLOCK - 1) / BLOCK * BLOCK;
}

static void find_entries(struct tar *t)
{
	size_t at = 0;

	t->n = 0;
	while (t->n < ENTRIES_MAX && at + BLOCK <= t->size && t->bytes[at]) {
		uint64_t size = octal(t->bytes + at + 124, 12);
		bool has_content = !memchr("123456", t->bytes[at + 156], 6);

		t->at[t->n++] = at;
		at += BLOCK;
		if (has_content && size <= t->size - at)
			at += padded((size_t)size);
		if (at > t->size)
			at = t->size;
	}
	t->at[t->n] = at;
}

static void fix_checksums(struct tar *t)
{
	for (size_t i = 0; i < t->n; i++) {
		uint8_t *h = t->bytes + t->at[i];
		unsigned sum = 0;
		char text[8];

		memset(h + 148, ' ', 8);
		for (size_t k = 0; k < BLOCK; k++)
			sum += h[k];
		snprintf(text, sizeof(text), "%06o", sum);
		memcpy(h + 148, text, 7);
	}
}

static void put_number(uint8_t *p, size_t n, uint64_t value, bool is_binary)
{
	char text[24];

	snprintf(text, sizeof(text), "%0*llo", (int)n - 1, (unsigned long long)value);
	if (!is_binary && strlen(text) < n) {
		memcpy(p, text, n);
		return;
	}
	for (size_t i = 0; i < n; i++) // base 256, as GNU tar writes what has no room
		p[n - 1 - i] = (uint8_t)(i < 8 ? value >> 8 * i : 0);
	p[0] |= 0x80;
}

static void put_text(uint8_t *p, size_t n, const char *text)
{
	memset(p, 0, n);
	memcpy(p, text, strlen(text) < n ? strlen(text) : n);
}

static void change_field(struct tar *t, size_t entry)
{
	const struct field *f = &PICK(t, fields);
	uint8_t *p = t->bytes + t->at[entry] + f->off;

	if (dice_below(&t->dice, 4) == 0)
		LLVMFuzzerMutate(p, f->len, f->len);
	else if (f->is_number)
		put_number(p, f->len, PICK(t, numbers), dice_below(&t->dice, 8) == 0);
	else if (f == &fields[TYPE])
		*p = (uint8_t) "0123456789xgLKSVXAD\0"[dice_below(&t->dice, 20)];
	else if (f == &fields[NAME] || f == &fields[TARGET])
		put_text(p, f->len, PICK(t, names));
	else
		LLVMFuzzerMutate(p, f->len, f->len);
}

// Room for `want` bytes where `old` bytes stood; false where there is none.
static bool resize(struct tar *t, size_t at, size_t old, size_t want)
{
	if (t->size - old + want > t->max)
		return false;
	memmove(t->bytes + at + want, t->bytes + at + old, t->size - at - old);
	t->size = t->size - old + want;
	return true;
}

static void set_content(struct tar *t, size_t entry, const uint8_t *bytes, size_t n)
{
	size_t at = t->at[entry] + BLOCK, old = t->at[entry + 1] - at;

	if (!resize(t, at, old, padded(n)))
		return;
	memset(t->bytes + at, 0, padded(n));
	memcpy(t->bytes + at, bytes, n);
	put_number(t->bytes + at - BLOCK + 124, 12, n, false);
}

static void change_content(struct tar *t, size_t entry)
{
	size_t at = t->at[entry] + BLOCK, n = t->at[entry + 1] - at;
	uint64_t said = octal(t->bytes + at - BLOCK + 124, 12);
	uint8_t bytes[CONTENT_MAX];

	n = said < n ? (size_t)said : n;
	n = n < sizeof(bytes) ? n : sizeof(bytes);
	memcpy(bytes, t->bytes + at, n);
	set_content(t, entry, bytes, LLVMFuzzerMutate(bytes, n, sizeof(bytes)));
}

// A PAX header of one or two records in front of the entry.
static void add_records(struct tar *t, size_t entry)
{
	char text[512] = "";
	size_t n = 0;

	for (size_t i = dice_below(&t->dice, 2); i < 2; i++) {
		const char *key = PICK(t, keys), *value = PICK(t, names);
		size_t len = strlen(key) + strlen(value) + 3;
		char number[24];

		if (dice_below(&t->dice, 2)) {
			snprintf(number, sizeof(number), "%llu",
				(unsigned long long)PICK(t, numbers));
			value = number;
			len = strlen(key) + strlen(value) + 3;
		}
		len += len + 1 < 10 ? 1 : len + 2 < 100 ? 2 : 3;
		n += (size_t)snprintf(text + n, sizeof(text) - n, "%zu %s=%s\n", len, key, value);
	}
	size_t at = t->at[entry];

	if (!resize(t, at, 0, 2 * BLOCK))
		return;
	memset(t->bytes + at, 0, 2 * BLOCK);
	memcpy(t->bytes + at, "PaxHeaders/a", 12);
	memcpy(t->bytes + at + 257, "ustar\00000", 8);
	put_number(t->bytes + at + 124, 12, n, false);
	t->bytes[at + 156] = dice_below(&t->dice, 8) ? 'x' : 'g';
	memcpy(t->bytes + at + BLOCK, text, n);
}

static void copy_entry(struct tar *t, size_t entry)
{
	size_t from = t->at[entry], n = t->at[entry + 1] - from;
	size_t to = t->at[dice_below(&t->dice, t->n + 1)];
	uint8_t *copy = malloc(n);

	if (copy && n <= t->max) {
		memcpy(copy, t->bytes + from, n);
		if (resize(t, to, 0, n))
			memcpy(t->bytes + to, copy, n);
	}
	free(copy);
}

static void remove_entry(struct tar *t, size_t entry)
{
	resize(t, t->at[entry], t->at[entry + 1] - t->at[entry], 0);
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned seed)
{
	struct tar t = {.bytes = data, .size = size, .max = max, .dice = {seed}};

	find_entries(&t);
	const size_t way = dice_below(&t.dice, 16), entry = t.n ? dice_below(&t.dice, t.n) : 0;

	if (!t.n || way == 0)
		t.size = LLVMFuzzerMutate(data, size, max);
	else if (way < 6)
		change_field(&t, entry);
	else if (way < 11)
		change_content(&t, entry);
	else if (way < 13)
		add_records(&t, entry);
	else if (way < 15)
		copy_entry(&t, entry);
	else
		remove_entry(&t, entry);
	find_entries(&t);
	fix_checksums(&t);
	return t.size;
}

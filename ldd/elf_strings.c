// Strings that stand in a file's segments: library names and a loader's own directories.
#include "ldd/elf_view.h"

#include <ctype.h>
#include <string.h>

#include "base/map.h"

enum {
	CHUNK = 256 << 10,
	NAME_LIMIT = 256, // bytes of a string, with its NUL
	LIB_STRINGS_MAX = 4096,
	DIR_STRINGS_MAX = 64,
};

// One segment read in overlapping chunks: each string shorter than NAME_LIMIT stands whole in one
// of them, with the byte before it.
struct chunks {
	struct file *f;
	uint64_t at, end; // of the next chunk; of the segment
	uint8_t *bytes;   // CHUNK
	struct span now;
};

static struct err *next_chunk(struct chunks *c, bool *more)
{
	size_t want = c->end - c->at < CHUNK ? (size_t)(c->end - c->at) : CHUNK, got = 0;

	*more = false;
	if (!want)
		return NULL;
	TRY(file_pread(c->f, c->bytes, want, c->at, &got));
	c->now = (struct span){c->bytes, got};
	c->at = got < CHUNK ? c->end : c->at + CHUNK - NAME_LIMIT - 1;
	*more = got > 0;
	return NULL;
}

// ^lib[\w.+-]+\.so(\.\d+)*$
static bool is_lib_name(const char *s, size_t n)
{
	size_t end = n;

	for (size_t i = 0; i < n; i++)
		if (!isalnum((unsigned char)s[i]) && !strchr("_.+-", s[i]))
			return false;
	for (size_t i = n; i > 0 && isdigit((unsigned char)s[i - 1]);) {
		while (i > 0 && isdigit((unsigned char)s[i - 1]))
			i--;
		if (!i || s[i - 1] != '.')
			break;
		end = --i;
	}
	return end >= 7 && memcmp(s, "lib", 3) == 0 && memcmp(s + end - 3, ".so", 3) == 0;
}

struct lib_strings {
	struct arena *a, *scratch;
	struct map seen;
	struct strings *out;
};

// The first ".so" of s from `at` on. Dots are rare in binaries, and memchr is much faster than
// memmem.
static const char *find_suffix(const char *at, const char *end)
{
	while (end - at > 3 && (at = memchr(at, '.', (size_t)(end - at - 2)))) {
		if (at[1] == 's' && at[2] == 'o')
			return at;
		at++;
	}
	return NULL;
}

static void find_lib_names(struct lib_strings *l, struct span s, bool is_first)
{
	const char *text = (const char *)s.ptr, *end = text + s.len;

	for (const char *at = text; (at = find_suffix(at, end)); at++) {
		const char *name = at;

		while (name > text && at - name < NAME_LIMIT && isprint((unsigned char)name[-1]))
			name--;
		size_t left = (size_t)(end - name);
		const char *nul = memchr(name, 0, left < NAME_LIMIT ? left : NAME_LIMIT);

		// What begins at the chunk's edge stood whole in the chunk before.
		if ((name == text && !is_first) || !nul || !is_lib_name(name, (size_t)(nul - name)))
			continue;
		void **seen = map_at(&l->seen, l->scratch, name);

		if (!*seen && l->out->len < LIB_STRINGS_MAX)
			vec_push(l->a, l->out, *seen = arena_strdup(l->a, name));
	}
}

// Code holds no strings where the linker gave constants a segment of their own.
static bool has_constants_apart(const struct elf *e)
{
	vec_each (s, &e->loads)
		if (!(s->flags & (PF_X | PF_W)))
			return true;
	return false;
}

struct err *elf_read_lib_strings(
	struct file *f, const struct elf *e, struct arena *a, struct strings *out)
{
	drop(arena_drop) struct arena scratch = {0};
	drop(mem_drop) uint8_t *bytes = mem_alloc(CHUNK);
	struct lib_strings l = {.a = a, .scratch = &scratch, .out = out};

	if (e->not_elf || e->broken)
		return NULL;
	bool skips_code = has_constants_apart(e);

	for (size_t i = 0; i < e->loads.len && i < 64; i++) {
		const struct elf_segment *s = &e->loads.at[i];
		struct chunks c = {f, s->offset, s->offset + s->filesz, bytes, {NULL, 0}};

		if (skips_code && (s->flags & PF_X))
			continue;
		for (bool more, first = true;; first = false) {
			TRY(next_chunk(&c, &more));
			if (!more)
				break;
			find_lib_names(&l, c.now, first);
		}
	}
	return NULL;
}

// The beginning of the directory string that ends with the slash at `end`; NULL where it is none.
static const char *dir_start(const char *text, const char *end)
{
	const char *s = end;

	while (s > text && end - s < NAME_LIMIT && isgraph((unsigned char)s[-1]))
		s--;
	return *s == '/' && s < end ? s : NULL;
}

// The length of the directory string at s; 0 where it is none.
static size_t dir_length(const char *s, size_t left)
{
	const char *nul = memchr(s, 0, left < NAME_LIMIT ? left : NAME_LIMIT);
	size_t n = nul ? (size_t)(nul - s) : 0;

	if (n < 3 || s[0] != '/' || s[n - 1] != '/')
		return 0;
	for (size_t i = 0; i < n; i++)
		if (!isgraph((unsigned char)s[i]))
			return 0;
	return n;
}

// Two directories that follow each other meet in "/", NUL, "/".
static void find_dirs(struct span s, struct arena *a, struct strings *out)
{
	const char *text = (const char *)s.ptr, *end = text + s.len, *at = text;

	while (!out->len && (at = memmem(at, (size_t)(end - at), "/\0/", 3))) {
		const char *dir = dir_start(text, at++);

		if (!dir || !dir_length(at + 1, (size_t)(end - at - 1)))
			continue;
		for (size_t n; dir < end && (n = dir_length(dir, (size_t)(end - dir)));
			dir += n + 1)
			if (out->len < DIR_STRINGS_MAX)
				vec_push(a, out, arena_strndup(a, dir, n - 1));
	}
}

static struct err *find_dirs_in(struct file *f, const struct elf_segment *s, uint8_t *bytes,
	struct arena *a, struct strings *out)
{
	struct chunks c = {f, s->offset, s->offset + s->filesz, bytes, {NULL, 0}};

	for (bool more; !out->len;) {
		TRY(next_chunk(&c, &more));
		if (!more)
			break;
		find_dirs(c.now, a, out);
	}
	return NULL;
}

struct err *elf_read_dir_strings(
	struct file *f, const struct elf *e, struct arena *a, struct strings *out)
{
	drop(mem_drop) uint8_t *bytes = mem_alloc(CHUNK);

	if (e->not_elf || e->broken)
		return NULL;
	// Constants stand with code only where a linker made no segment for them.
	for (int with_code = 0; with_code < 2; with_code++)
		for (size_t i = 0; i < e->loads.len && i < 64 && !out->len; i++) {
			const struct elf_segment *s = &e->loads.at[i];

			if (!(s->flags & PF_X) == !with_code)
				TRY(find_dirs_in(f, s, bytes, a, out));
		}
	return NULL;
}

// ---- texts that are known ----

// Every chunk of the segments that may hold constants, until `seen` is satisfied.
static struct err *each_chunk(struct file *f, const struct elf *e,
	bool (*seen)(void *arg, struct span s, bool is_last), void *arg)
{
	drop(mem_drop) uint8_t *bytes = mem_alloc(CHUNK);

	if (e->not_elf || e->broken)
		return NULL;
	bool skips_code = has_constants_apart(e);

	for (size_t i = 0; i < e->loads.len && i < 64; i++) {
		const struct elf_segment *s = &e->loads.at[i];
		struct chunks c = {f, s->offset, s->offset + s->filesz, bytes, {NULL, 0}};

		if (skips_code && (s->flags & PF_X))
			continue;
		for (bool more;;) {
			TRY(next_chunk(&c, &more));
			if (!more)
				break;
			if (seen(arg, c.now, c.at == c.end))
				return NULL;
		}
	}
	return NULL;
}

struct texts {
	const char *const *at;
	size_t n;
	bool *found;
};

// Paths all begin with the same byte: one look for that serves all of them.
static void find_by_first(struct texts *t, struct span s)
{
	const uint8_t *at = s.ptr, *end = s.ptr + s.len;

	for (; (at = memchr(at, t->at[0][0], (size_t)(end - at))); at++)
		for (size_t i = 0; i < t->n; i++) {
			size_t n = strlen(t->at[i]);

			if (!t->found[i] && n <= (size_t)(end - at) && !memcmp(at, t->at[i], n))
				t->found[i] = true;
		}
}

static bool find_texts(void *arg, struct span s, bool is_last)
{
	struct texts *t = arg;
	bool all = true;

	bool have_one_first = t->n > 0;

	(void)is_last;
	for (size_t i = 0; i < t->n; i++)
		have_one_first = have_one_first && *t->at[i] && *t->at[i] == *t->at[0];
	if (have_one_first)
		find_by_first(t, s);
	for (size_t i = 0; i < t->n; i++) {
		if (!t->found[i] && !have_one_first)
			t->found[i] = memmem(s.ptr, s.len, t->at[i], strlen(t->at[i]));
		all = all && t->found[i];
	}
	return all;
}

struct err *elf_find_texts(
	struct file *f, const struct elf *e, const char *const *texts, size_t n, bool *found)
{
	struct texts t = {texts, n, found};

	return each_chunk(f, e, find_texts, &t);
}

struct text_after {
	const char *prefix;
	char end;
	struct arena *a;
	const char *out;
};

static bool find_text_after(void *arg, struct span s, bool is_last)
{
	struct text_after *t = arg;
	const char *at = (const char *)s.ptr, *end = at + s.len;
	size_t n = strlen(t->prefix);

	while ((at = memmem(at, (size_t)(end - at), t->prefix, n))) {
		const char *text = at + n;
		size_t left = (size_t)(end - text), len = 0;

		while (len < left && len < NAME_LIMIT && text[len] && text[len] != t->end)
			len++;
		// What the chunk's edge cuts stands whole in the next one.
		if (len < NAME_LIMIT && (len < left || is_last))
			return (t->out = arena_strndup(t->a, text, len));
		at++;
	}
	return false;
}

struct err *elf_read_text_after(struct file *f, const struct elf *e, const char *prefix, char end,
	struct arena *a, const char **out)
{
	struct text_after t = {prefix, end, a, NULL};

	*out = NULL;
	TRY(each_chunk(f, e, find_text_after, &t));
	*out = t.out;
	return NULL;
}

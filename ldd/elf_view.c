#include "ldd/elf_view.h"

#include <string.h>

enum { READ_MAX = 256 << 20 }; // bytes that elf_read_at hands out at once

void view_open(struct elf_view *v, struct file *f)
{
	v->f = f;
	v->size = file_size(f);
	v->is_64 = v->big_endian = false;
	v->err = NULL;
	v->string_budget = VIEW_STRINGS;
	v->next = 0;
	memset(v->at, 0, sizeof(v->at));
}

void view_open_elf(struct elf_view *v, struct file *f, const struct elf *e)
{
	view_open(v, f);
	v->is_64 = e->class == ELFCLASS64;
	v->big_endian = e->data == ELFDATA2MSB;
}

// Reads up to `want` bytes from `start` into the slot that was filled longest ago.
static void load(struct elf_view *v, uint64_t start, size_t want)
{
	unsigned slot = v->next;
	size_t got = 0;

	if (v->err || start >= v->size)
		return;
	if (want > v->size - start)
		want = (size_t)(v->size - start);
	v->next = (slot + 1) % VIEW_WINDOWS;
	v->at[slot].len = 0;
	v->err = file_pread(v->f, v->bytes[slot], want, start, &got);
	if (v->err)
		return;
	v->at[slot].off = start;
	v->at[slot].len = got;
}

static struct span at_hand(const struct elf_view *v, uint64_t off)
{
	for (unsigned i = 0; i < VIEW_WINDOWS; i++)
		if (off >= v->at[i].off && off - v->at[i].off < v->at[i].len) {
			size_t skip = (size_t)(off - v->at[i].off);

			return (struct span){v->bytes[i] + skip, v->at[i].len - skip};
		}
	return (struct span){NULL, 0};
}

struct span view_peek(struct elf_view *v, uint64_t off)
{
	struct span s = at_hand(v, off);

	if (s.len)
		return s;
	if (off < VIEW_HEAD)
		load(v, 0, VIEW_HEAD);
	else
		load(v, off & ~(uint64_t)(VIEW_HEAD - 1), VIEW_WINDOW);
	return at_hand(v, off);
}

void view_expect(struct elf_view *v, uint64_t off, uint64_t n)
{
	if (off >= VIEW_HEAD && n <= VIEW_WINDOW && at_hand(v, off).len < n)
		load(v, off, (size_t)n);
}

bool view_read(struct elf_view *v, uint64_t off, uint64_t n, void *dst)
{
	uint8_t *to = dst;

	if (off > v->size || n > v->size - off || v->err)
		return false;
	if (n >= VIEW_WINDOW) { // past the cache
		size_t got = 0;

		v->err = file_pread(v->f, dst, (size_t)n, off, &got);
		return !v->err && got == n;
	}
	while (n) {
		struct span s = view_peek(v, off);

		if (!s.len)
			return false;
		if (s.len > n)
			s.len = (size_t)n;
		memcpy(to, s.ptr, s.len);
		to += s.len;
		off += s.len;
		n -= s.len;
	}
	return true;
}

const char *view_string(struct elf_view *v, uint64_t off, uint64_t end, struct arena *a)
{
	uint64_t at = off;

	while (at < end) {
		struct span s = view_peek(v, at);

		if (!s.len)
			return NULL;
		if (s.len > end - at)
			s.len = (size_t)(end - at);
		const uint8_t *nul = memchr(s.ptr, 0, s.len);

		at += nul ? (uint64_t)(nul - s.ptr) : s.len;
		if (at - off >= v->string_budget)
			return NULL;
		if (!nul)
			continue;
		v->string_budget -= at - off + 1;
		if ((uint64_t)(nul - s.ptr) == at - off) // the usual case: all of it in one window
			return arena_strndup(a, (const char *)s.ptr, (size_t)(at - off));
		char *text = arena_alloc(a, (size_t)(at - off) + 1);

		return view_read(v, off, at - off, text) ? text : NULL;
	}
	return NULL;
}

size_t view_entry_size(const struct elf_view *v, Elf_Type t)
{
	return v->is_64 ? elf64_fsize(t, 1, EV_CURRENT) : elf32_fsize(t, 1, EV_CURRENT);
}

bool view_table(struct elf_view *v, uint64_t off, size_t n, Elf_Type t, void *dst)
{
	size_t size = n * view_entry_size(v, t);
	Elf_Data d = {.d_buf = dst, .d_type = t, .d_size = size, .d_version = EV_CURRENT};
	unsigned encode = v->big_endian ? ELFDATA2MSB : ELFDATA2LSB;

	if (!view_read(v, off, size, dst))
		return false;
	return (v->is_64 ? elf64_xlatetom(&d, &d, encode) : elf32_xlatetom(&d, &d, encode)) != NULL;
}

bool elf_locate(const struct elf *e, uint64_t addr, uint64_t *off, uint64_t *left)
{
	for (size_t i = 0; i < e->loads.len; i++) {
		const struct elf_segment *s = &e->loads.at[i];

		if (addr < s->vaddr || addr - s->vaddr >= s->filesz)
			continue;
		*off = s->offset + (addr - s->vaddr);
		*left = s->filesz - (addr - s->vaddr);
		return true;
	}
	return false;
}

bool elf_read_at(struct file *f, const struct elf *e, uint64_t addr, uint64_t n, struct arena *a,
	struct span *out)
{
	uint64_t off, left;
	size_t got = 0;

	if (!elf_locate(e, addr, &off, &left) || n > left || n > READ_MAX)
		return false;
	uint8_t *bytes = arena_alloc(a, (size_t)n);
	drop(err_drop) struct err *err = file_pread(f, bytes, (size_t)n, off, &got);

	if (err || got != n)
		return false;
	*out = (struct span){bytes, got};
	return true;
}

// Section headers are not needed by loaders and need not be there: whatever is odd about them
// only means that there are none.
static bool read_section_table(struct elf_view *v, uint64_t *off, size_t *n, size_t *strings)
{
	union {
		Elf32_Ehdr e32;
		Elf64_Ehdr e64;
	} h;

	if (!view_table(v, 0, 1, ELF_T_EHDR, &h))
		return false;
	*off = VIEW_GET(v, &h, Ehdr, e_shoff);
	*n = (size_t)VIEW_GET(v, &h, Ehdr, e_shnum);
	*strings = (size_t)VIEW_GET(v, &h, Ehdr, e_shstrndx);
	size_t entry = view_entry_size(v, ELF_T_SHDR);

	if (!*off || !*n || VIEW_GET(v, &h, Ehdr, e_shentsize) != entry || *off > v->size)
		return false;
	return *n <= (v->size - *off) / entry;
}

static bool name_is(struct elf_view *v, uint64_t off, const char *name)
{
	char text[64];
	size_t n = strlen(name) + 1;

	return n <= sizeof(text) && view_read(v, off, n, text) && memcmp(text, name, n) == 0;
}

bool elf_find_section(struct elf_view *v, const char *name, uint32_t type, uint64_t *off,
	uint64_t *size, bool *has_sections)
{
	union {
		Elf32_Shdr s32;
		Elf64_Shdr s64;
	} s;
	uint64_t table, names = 0;
	size_t n, strings, entry = view_entry_size(v, ELF_T_SHDR);

	*has_sections = false;
	if (!read_section_table(v, &table, &n, &strings))
		return false;
	if (name) {
		if (strings >= n || !view_table(v, table + strings * entry, 1, ELF_T_SHDR, &s))
			return false;
		names = VIEW_GET(v, &s, Shdr, sh_offset);
	}
	if (names >= v->size)
		return false;
	*has_sections = true;
	for (size_t i = 1; i < n; i++) {
		if (!view_table(v, table + i * entry, 1, ELF_T_SHDR, &s))
			return false;
		if (type && VIEW_GET(v, &s, Shdr, sh_type) != type)
			continue;
		if (name && !name_is(v, names + VIEW_GET(v, &s, Shdr, sh_name), name))
			continue;
		*off = VIEW_GET(v, &s, Shdr, sh_offset);
		*size = VIEW_GET(v, &s, Shdr, sh_size);
		return *off <= v->size && *size <= v->size - *off;
	}
	return false;
}

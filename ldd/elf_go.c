// The build information that Go's linker leaves in a program (Go's debug/buildinfo).
#include "ldd/elf_view.h"

#include <string.h>

#define MAGIC "\xff Go buildinf:"
enum {
	MAGIC_LEN = 14,
	HEADER_LEN = 32, // magic, pointer size, flags, and two pointers before Go 1.18
	ALIGN = 16,
	SEARCH_MAX = 1 << 20, // bytes of a data segment, as Go's own reader does
	INFO_MAX = 1 << 20,
	FLAG_BIG_ENDIAN = 1,
	FLAG_INLINE = 2,
};

static bool find_in_segments(struct elf_view *v, const struct elf *e, uint64_t *out)
{
	for (size_t i = 0; i < e->loads.len && i < 64; i++) {
		const struct elf_segment *s = &e->loads.at[i];
		uint64_t n = s->filesz < SEARCH_MAX ? s->filesz : SEARCH_MAX;

		if (!(s->flags & PF_W))
			continue;
		for (uint64_t at = 0; at + HEADER_LEN <= n; at += ALIGN) {
			uint8_t magic[MAGIC_LEN];

			if (!view_read(v, s->offset + at, sizeof(magic), magic))
				break;
			if (memcmp(magic, MAGIC, MAGIC_LEN) == 0) {
				*out = s->offset + at;
				return true;
			}
		}
	}
	return false;
}

// Where the build info stands. With section headers a program without its section is no Go program.
static bool find_info(struct elf_view *v, const struct elf *e, uint64_t *out)
{
	uint64_t size;
	uint8_t magic[MAGIC_LEN];
	bool has_sections;

	if (elf_find_section(v, ".go.buildinfo", 0, out, &size, &has_sections))
		return size >= HEADER_LEN && view_read(v, *out, sizeof(magic), magic) &&
			memcmp(magic, MAGIC, MAGIC_LEN) == 0;
	return !has_sections && find_in_segments(v, e, out);
}

static bool skip_varint(struct elf_view *v, uint64_t *at, uint64_t *value)
{
	*value = 0;
	for (unsigned shift = 0; shift < 35; shift += 7) {
		uint8_t byte;

		if (!view_read(v, (*at)++, 1, &byte))
			return false;
		*value |= (uint64_t)(byte & 0x7f) << shift;
		if (!(byte & 0x80))
			return true;
	}
	return false;
}

// Since Go 1.18: two strings with their lengths, the version and the module's lines.
static bool locate_inline(struct elf_view *v, uint64_t info, uint64_t *off, uint64_t *n)
{
	uint64_t at = info + HEADER_LEN;

	if (!skip_varint(v, &at, n) || *n > INFO_MAX)
		return false;
	at += *n;
	if (!skip_varint(v, &at, n))
		return false;
	*off = at;
	return true;
}

// Before: pointers to two Go strings, each a pointer and a length.
static bool locate_pointed(
	struct elf_view *v, const struct elf *e, uint64_t info, uint64_t *off, uint64_t *n)
{
	unsigned size = v->is_64 ? 8 : 4;
	uint8_t bytes[16];
	uint64_t at, left;

	if (!view_read(v, info + 16 + size, size, bytes) ||
		!elf_locate(e, view_uint(v, bytes, size), &at, &left) || left < 2UL * size ||
		!view_read(v, at, 2UL * size, bytes))
		return false;
	*n = view_uint(v, bytes + size, size);
	return elf_locate(e, view_uint(v, bytes, size), off, &left) && *n <= left;
}

struct err *elf_read_goarm(struct file *f, const struct elf *e, int *goarm, bool *is_go)
{
	static const char setting[] = "build\tGOARM=";
	struct elf_view v;
	uint8_t header[HEADER_LEN];
	uint64_t info, off, n;

	*goarm = 0;
	*is_go = false;
	if (e->not_elf || e->broken)
		return NULL;
	view_open_elf(&v, f, e);
	if (!find_info(&v, e, &info) || !view_read(&v, info, sizeof(header), header))
		return v.err;
	*is_go = true;
	bool found = header[MAGIC_LEN + 1] & FLAG_INLINE ? locate_inline(&v, info, &off, &n)
							 : locate_pointed(&v, e, info, &off, &n);

	if (!found || n > INFO_MAX)
		return v.err;
	drop(mem_drop) char *text = mem_alloc((size_t)n + 1);

	if (!view_read(&v, off, n, text))
		return v.err;
	const char *line = memmem(text, (size_t)n, setting, sizeof(setting) - 1);

	if (line && line[sizeof(setting) - 1] >= '5' && line[sizeof(setting) - 1] <= '7')
		*goarm = line[sizeof(setting) - 1] - '0';
	return v.err;
}

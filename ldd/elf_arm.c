// What says which ARM a file was made for: .ARM.attributes of C and its like, GOARM of Go.
#include "ldd/elf_view.h"

#include <stdlib.h>
#include <string.h>

enum {
	ATTRIBUTES_MAX = 65536,
	TAG_FILE = 1,
	TAG_CPU_RAW_NAME = 4,
	TAG_CPU_NAME = 5,
	TAG_CPU_ARCH = 6,
	TAG_CPU_ARCH_PROFILE = 7,
	TAG_ABI_VFP_ARGS = 28,
	TAG_COMPATIBILITY = 32,
};

static bool take_uleb(struct span *s, uint64_t *out)
{
	uint64_t value = 0;

	for (unsigned shift = 0; s->len && shift < 63; shift += 7) {
		uint8_t byte = *s->ptr;

		*s = (struct span){s->ptr + 1, s->len - 1};
		value |= (uint64_t)(byte & 0x7f) << shift;
		if (!(byte & 0x80)) {
			*out = value;
			return true;
		}
	}
	return false;
}

static bool take_text(struct span *s, const char **out)
{
	const uint8_t *nul = s->len ? memchr(s->ptr, 0, s->len) : NULL;

	if (!nul)
		return false;
	*out = (const char *)s->ptr;
	*s = (struct span){nul + 1, s->len - (size_t)(nul + 1 - s->ptr)};
	return true;
}

// Attributes of the whole file. Below 32 all but two are numbers, above odd tags are texts.
static void read_attributes(struct span s, struct elf_arm *out)
{
	uint64_t tag, value = 0;
	const char *text;

	while (take_uleb(&s, &tag)) {
		bool is_text = tag == TAG_CPU_RAW_NAME || tag == TAG_CPU_NAME ||
			(tag > TAG_COMPATIBILITY && (tag & 1));

		if (!is_text && !take_uleb(&s, &value))
			return;
		if ((is_text || tag == TAG_COMPATIBILITY) && !take_text(&s, &text))
			return;
		if (tag == TAG_CPU_ARCH)
			out->cpu_arch = (int)(value & 0xff);
		if (tag == TAG_CPU_ARCH_PROFILE)
			out->cpu_profile = (int)(value & 0x7f);
		if (tag == TAG_ABI_VFP_ARGS)
			out->abi_vfp_args = (int)(value & 0xff);
	}
}

// One vendor's subsection: blocks of tag, size, attributes; those of Tag_File are for all of it.
static void read_vendor(const struct elf_view *v, struct span s, struct elf_arm *out)
{
	const char *vendor;

	if (!take_text(&s, &vendor) || strcmp(vendor, "aeabi") != 0)
		return;
	out->found = true;
	while (s.len) {
		struct span block = s, body;
		uint64_t tag, n;

		if (!take_uleb(&block, &tag) || !span_uint(block, 0, 4, v->big_endian, &n))
			return;
		size_t head = s.len - block.len + 4;

		if (n < head || n > s.len || !span_sub(s, head, n - head, &body))
			return;
		if (tag == TAG_FILE)
			read_attributes(body, out);
		s = (struct span){s.ptr + n, s.len - (size_t)n};
	}
}

struct err *elf_read_arm(struct file *f, const struct elf *e, struct elf_arm *out)
{
	struct elf_view v;
	uint64_t off, size, n;
	bool has_sections;

	*out = (struct elf_arm){.cpu_arch = -1, .abi_vfp_args = -1};
	if (e->not_elf || e->machine != EM_ARM)
		return NULL;
	view_open_elf(&v, f, e);
	if (!elf_find_section(&v, NULL, SHT_ARM_ATTRIBUTES, &off, &size, &has_sections) ||
		size > ATTRIBUTES_MAX)
		return v.err;
	drop(mem_drop) uint8_t *bytes = mem_alloc((size_t)size);

	if (!view_read(&v, off, size, bytes) || !size || bytes[0] != 'A')
		return v.err;
	for (struct span s = {bytes + 1, (size_t)size - 1}, part;
		span_uint(s, 0, 4, v.big_endian, &n) && n >= 4 && span_sub(s, 4, n - 4, &part);
		s = (struct span){s.ptr + n, s.len - (size_t)n})
		read_vendor(&v, part, out);
	return v.err;
}

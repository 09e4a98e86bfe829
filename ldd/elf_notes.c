// The facts that notes hold: build-id, x86 ISA level, .note.dlopen.
#include "ldd/elf_view.h"

#include <string.h>

enum {
	NOTE_DLOPEN = 0x407c0c0a, // uapi-group ELF_DLOPEN_METADATA, owner FDO
	DLOPEN_MAX = 65536,       // bytes of one JSON text
	BUILD_ID_MAX = 64,
	PROPERTIES_MAX = 4096,
};

// The x86 ISA level among the properties (x86-64 psABI, Program Property). Properties that make no
// sense are passed over, as ld.so does (elf/dl-load.c, _dl_process_pt_gnu_property).
static void read_properties(struct elf_view *v, uint64_t off, uint64_t size, struct elf *out)
{
	uint8_t bytes[PROPERTIES_MAX];
	uint64_t at = 0, step = v->is_64 ? 8 : 4;

	if (out->machine != EM_X86_64 && out->machine != EM_386)
		return;
	if (size > sizeof(bytes) || !view_read(v, off, size, bytes))
		return;
	while (size - at >= 8) {
		uint64_t type = view_uint(v, bytes + at, 4), n = view_uint(v, bytes + at + 4, 4);

		at += 8;
		if (n > size - at)
			return;
		if (type == GNU_PROPERTY_X86_ISA_1_NEEDED && n == 4)
			out->x86_isa_needed |= (uint32_t)view_uint(v, bytes + at, 4);
		n = (n + step - 1) & ~(step - 1);
		at += n < size - at ? n : size - at;
	}
}

static void read_build_id(
	struct elf_view *v, uint64_t off, uint64_t size, struct arena *a, struct elf *out)
{
	uint8_t id[BUILD_ID_MAX];

	if (!size || size > sizeof(id) || !view_read(v, off, size, id))
		return;
	char *hex = arena_alloc(a, (size_t)size * 2 + 1);

	for (uint64_t i = 0; i < size; i++) {
		hex[2 * i] = "0123456789abcdef"[id[i] >> 4];
		hex[2 * i + 1] = "0123456789abcdef"[id[i] & 15];
	}
	out->build_id = hex;
}

static const char *read_dlopen(
	struct elf_view *v, uint64_t off, uint64_t size, struct arena *a, struct elf *out)
{
	if (size > DLOPEN_MAX || size >= v->string_budget)
		return "a .note.dlopen is too large";
	v->string_budget -= size + 1;
	char *json = arena_alloc(a, (size_t)size + 1);

	if (!view_read(v, off, size, json))
		return "cannot read .note.dlopen";
	vec_push(a, &out->dlopen, json);
	return NULL;
}

static const char *read_note(struct elf_view *v, const char *owner, uint64_t type, uint64_t off,
	uint64_t size, struct arena *a, struct elf *out)
{
	if (type == NOTE_DLOPEN && memcmp(owner, "FDO", 4) == 0)
		return read_dlopen(v, off, size, a, out);
	if (memcmp(owner, ELF_NOTE_GNU, 4) != 0)
		return NULL;
	if (type == NT_GNU_BUILD_ID)
		read_build_id(v, off, size, a, out);
	if (type == NT_GNU_PROPERTY_TYPE_0)
		read_properties(v, off, size, out);
	return NULL;
}

const char *elf_read_notes(struct elf_view *v, uint64_t off, uint64_t size, uint64_t align,
	struct arena *a, struct elf *out)
{
	uint64_t at = 0, mask = align == 8 ? 7 : 3;

	while (size - at >= 12) {
		uint8_t h[12];
		char owner[4] = "";

		if (!view_read(v, off + at, sizeof(h), h))
			return "cannot read a note";
		uint64_t names = view_uint(v, h, 4), descs = view_uint(v, h + 4, 4);
		uint64_t name = at + 12, desc = (name + names + mask) & ~mask;

		if (name + names > size || desc > size || descs > size - desc)
			return "a note is larger than its segment";
		if (names == sizeof(owner) && !view_read(v, off + name, names, owner))
			return "cannot read a note";
		const char *why =
			read_note(v, owner, view_uint(v, h + 8, 4), off + desc, descs, a, out);

		if (why)
			return why;
		at = (desc + descs + mask) & ~mask;
		if (at > size)
			break;
	}
	return NULL;
}

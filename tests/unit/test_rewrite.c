// What ldd/rewrite.c makes of ELF files assembled byte by byte, and what it leaves as it is.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "elf_build.h"
#include "ldd/rewrite.h"

enum {
	ALIGN = 0x4000,
	DATA = 0x8010,        // offset of the second segment
	DATA_SIZE = 0x30,     // its bytes of the file
	DATA_MEMORY = 0x1000, // and of memory
	LINK_SIZE = 20,       // of .gnu_debuglink
};

static struct arena arena;
static struct built b;
static struct rewrite_options options;

// One entry of the section table that a test can change before it is written.
struct section {
	const char *name;
	uint32_t type;
	uint64_t flags, addr, off, size, align, link;
};
static struct section sections[16];
static size_t nsections;

static struct section *add_section(
	const char *name, uint32_t type, uint64_t flags, uint64_t off, uint64_t size)
{
	struct section *s = &sections[nsections++];

	*s = (struct section){
		name, type, flags, (flags & SHF_ALLOC) ? BUILD_VADDR + off : 0, off, size, 1, 0};
	return s;
}

static struct section *section(const char *name)
{
	for (size_t i = 0; i < nsections; i++)
		if (!strcmp(sections[i].name, name))
			return &sections[i];
	fail_msg("no %s", name);
	return NULL;
}

// Bytes that can be told from others, at the end of the file.
static size_t fill(size_t n, uint8_t first)
{
	size_t off = b.size;

	assert_true(off + n <= sizeof(b.bytes));
	for (size_t i = 0; i < n; i++)
		b.bytes[b.size++] = (uint8_t)(first + i * 7);
	return off;
}

static size_t header_field(int n32, int n64)
{
	return (size_t)(b.is_64 ? n64 : n32);
}

static void write_sections(void)
{
	uint32_t names[17];
	size_t n = nsections, at = b.size + 1;

	b.strings = b.size;
	built_text(&b, "");
	for (size_t i = 0; i < n; i++)
		names[i] = built_text(&b, sections[i].name);
	names[n] = built_text(&b, ".shstrtab");
	size_t names_size = b.size - (at - 1);

	built_align(&b, 8);
	built_put(&b, header_field(32, 40), b.size, b.is_64 ? 8 : 4);
	built_put(&b, header_field(48, 60), n + 2, 2);
	built_put(&b, header_field(50, 62), n + 1, 2);
	b.size += header_field(40, 64); // the null one
	for (size_t i = 0; i <= n; i++) {
		struct section own = {".shstrtab", SHT_STRTAB, 0, 0, b.strings, names_size, 1, 0};
		const struct section *s = i < n ? &sections[i] : &own;

		built_add(&b, names[i], 4);
		built_add(&b, s->type, 4);
		built_add(&b, s->flags, 0);
		built_add(&b, s->addr, 0);
		built_add(&b, s->off, 0);
		built_add(&b, s->size, 0);
		built_add(&b, s->link, 4);
		built_add(&b, 0, 4);
		built_add(&b, s->align, 0);
		built_add(&b, 0, 0);
	}
}

static const struct build usual = {
	.soname = "libf.so.1",
	.needed = {"libpthread.so.0", "libm.so.6", "libc.so.6"},
	.dyn = {{DT_FLAGS_1, DF_1_NOW}},
	.note_owner = "GNU",
	.note_type = NT_GNU_BUILD_ID,
	.note = "\1\2\3\4\5\6\7\10",
	.note_size = 8,
};

// Two segments of 16 KiB alignment with a gap between, then what no segment holds.
static void make(const struct build *s)
{
	nsections = 0;
	build_elf(&b, s);
	size_t text = b.size;

	built_put(&b, built_phdr(&b, 0, 6), ALIGN, b.is_64 ? 8 : 4);
	b.size = DATA;
	fill(DATA_SIZE, 100);
	built_segment(&b, PT_LOAD, DATA, DATA_SIZE, PF_R | PF_W, ALIGN);
	built_put(&b, built_phdr(&b, b.nphdrs - 1, 4), DATA_MEMORY, b.is_64 ? 8 : 4);
	built_put(&b, b.is_64 ? 56 : 44, b.nphdrs, 2);
	add_section(".note.gnu.build-id", SHT_NOTE, SHF_ALLOC, b.note, 24);
	add_section(".text", SHT_PROGBITS, SHF_ALLOC, b.phdrs, text - b.phdrs);
	add_section(".dynamic", SHT_DYNAMIC, SHF_ALLOC, b.dynamic, text - b.dynamic);
	add_section(".data", SHT_PROGBITS, SHF_ALLOC, DATA, DATA_SIZE);
	add_section(".bss", SHT_NOBITS, SHF_ALLOC, DATA + DATA_SIZE, DATA_MEMORY - DATA_SIZE);
	add_section(".comment", SHT_PROGBITS, 0, fill(300, 3), 300);
	add_section(".gnu_debuglink", SHT_PROGBITS, 0, fill(LINK_SIZE, 9), LINK_SIZE)->align = 4;
	add_section(".symtab", SHT_SYMTAB, 0, fill(480, 1), 480);
}

static void make_usual(void)
{
	make(&usual);
}

static struct elf read_elf(struct file *f)
{
	struct elf e;

	assert_null(elf_read(f, &arena, &e));
	assert_null(e.not_elf);
	if (e.broken)
		fail_msg("%s", e.broken);
	return e;
}

static struct rewrite plan(void)
{
	drop(file_drop) struct file *f = built_file(&b);
	struct rewrite w;
	struct elf e;

	assert_null(elf_read(f, &arena, &e));
	assert_null(rewrite_plan(f, &e, &options, &arena, &w));
	return w;
}

static void expect_why(const char *words)
{
	struct rewrite w = plan();

	if (!w.why_not)
		fail_msg("rewritten, though \"%s\"", words);
	if (!strstr(w.why_not, words))
		fail_msg("\"%s\" does not say \"%s\"", w.why_not, words);
}

static struct file *rewritten(struct rewrite *w)
{
	*w = plan();
	if (w->why_not)
		fail_msg("%s", w->why_not);
	return rewrite_open(w, built_file(&b));
}

static uint8_t *read_all(struct file *f)
{
	uint8_t *bytes = arena_alloc(&arena, file_size(f) + 1);
	size_t got;

	assert_null(file_pread(f, bytes, file_size(f) + 1, 0, &got));
	assert_int_equal(got, file_size(f));
	return bytes;
}

// Every PT_LOAD as it was, but for the ELF header and program headers in the first.
static void expect_same_segments(struct file *f, const struct elf *new)
{
	drop(file_drop) struct file *before = built_file(&b);
	struct elf old = read_elf(before);
	const uint8_t *bytes = read_all(f);

	assert_int_equal(old.loads.len, new->loads.len);
	for (size_t i = 0; i < old.loads.len; i++) {
		const struct elf_segment *s = &old.loads.at[i], *t = &new->loads.at[i];
		size_t skip = i ? 0 : b.phdrs + b.nphdrs * (b.is_64 ? 56 : 32);

		assert_int_equal(s->vaddr, t->vaddr);
		assert_int_equal(s->filesz, t->filesz);
		assert_int_equal(s->memsz, t->memsz);
		assert_int_equal(s->flags, t->flags);
		assert_int_equal((t->vaddr - t->offset) % t->align, 0);
		assert_memory_equal(
			bytes + t->offset + skip, b.bytes + s->offset + skip, s->filesz - skip);
	}
}

static const struct {
	uint8_t class, data;
} kinds[] = {
	{ELFCLASS32, ELFDATA2LSB},
	{ELFCLASS32, ELFDATA2MSB},
	{ELFCLASS64, ELFDATA2LSB},
	{ELFCLASS64, ELFDATA2MSB},
};

static void make_kind(size_t i, uint16_t machine)
{
	struct build s = usual;

	s.class = kinds[i].class;
	s.data = kinds[i].data;
	s.machine = machine;
	make(&s);
	write_sections();
}

static void sections_and_padding_go(void **state)
{
	(void)state;
	for (size_t i = 0; i < 4; i++) {
		struct rewrite w;

		make_kind(i, 0);
		drop(file_drop) struct file *f = rewritten(&w);
		struct elf e = read_elf(f);

		assert_int_equal(w.size, file_size(f));
		assert_int_equal(e.loads.at[1].offset, 0x1010); // congruent, behind the first
		assert_int_equal(e.loads.at[1].align, 4096);
		assert_int_equal(w.size, 0x1010 + DATA_SIZE);
		assert_int_equal(w.segments, e.loads.at[0].filesz + DATA_SIZE);
		assert_int_equal(w.sections_gone + w.padding_gone, b.size - w.size);
		assert_true(w.sections_gone > 780 && w.padding_gone > 0x6000);
		expect_same_segments(f, &e);
		assert_string_equal(e.build_id, "0102030405060708");
		assert_string_equal(e.soname, "libf.so.1");
		assert_int_equal(e.deps.len, 3);
		assert_true(e.bind_now);
	}
}

static uint64_t number(const uint8_t *p, unsigned n)
{
	uint64_t value = 0;

	assert_true(span_uint((struct span){p, n}, 0, n, b.is_big, &value));
	return value;
}

// The bytes of the section that the new file's table names; NULL: it names none of that name.
static const uint8_t *find_section(
	const uint8_t *bytes, const char *name, size_t *size, uint64_t *link)
{
	unsigned word = b.is_64 ? 8 : 4;
	size_t entry = header_field(40, 64), off = header_field(16, 24);
	const uint8_t *table = bytes + number(bytes + header_field(32, 40), word);
	uint64_t n = number(bytes + header_field(48, 60), 2);
	uint64_t strings = number(bytes + header_field(50, 62), 2);
	const uint8_t *names = bytes + number(table + strings * entry + off, word);

	for (const uint8_t *p = table + entry; p < table + n * entry; p += entry) {
		if (strcmp((const char *)names + number(p, 4), name) != 0)
			continue;
		*size = number(p + header_field(20, 32), word);
		*link = number(p + header_field(24, 40), 4);
		return bytes + number(p + off, word);
	}
	return NULL;
}

static void a_small_table_keeps_what_tools_read(void **state)
{
	(void)state;
	for (size_t i = 0; i < 4; i++) {
		struct rewrite w;
		uint64_t link;
		size_t size;

		struct build s = usual;

		s.class = kinds[i].class;
		s.data = kinds[i].data;
		make(&s);
		add_section(".dynstr", SHT_STRTAB, SHF_ALLOC, b.strings, b.strings_size);
		section(".dynamic")->link = nsections;
		write_sections();
		drop(file_drop) struct file *f = rewritten(&w);
		const uint8_t *bytes = read_all(f);
		const uint8_t *at = find_section(bytes, ".gnu_debuglink", &size, &link);

		assert_non_null(at);
		assert_int_equal(size, LINK_SIZE);
		assert_memory_equal(at, b.bytes + section(".gnu_debuglink")->off, size);
		assert_int_equal((at - bytes) % 4, 0);
		at = find_section(bytes, ".note.gnu.build-id", &size, &link);
		assert_ptr_equal(at, bytes + b.note);
		assert_null(find_section(bytes, ".symtab", &size, &link));
		assert_null(find_section(bytes, ".comment", &size, &link));
		assert_null(find_section(bytes, ".text", &size, &link));
		assert_non_null(find_section(bytes, ".dynamic", &size, &link));
		assert_int_equal(link, 4); // build-id, .dynamic, debug link, .dynstr
	}
}

static void section_headers_can_go_altogether(void **state)
{
	struct rewrite w;

	(void)state;
	make_usual();
	write_sections();
	options.drop_section_headers = true;
	drop(file_drop) struct file *f = rewritten(&w);
	const uint8_t *bytes = read_all(f);
	struct elf e = read_elf(f);

	expect_same_segments(f, &e);
	for (size_t i = 40; i < 48; i++)
		assert_int_equal(bytes[i], 0);
	for (size_t i = 60; i < 64; i++)
		assert_int_equal(bytes[i], 0);
	assert_int_equal(w.sections_gone + w.padding_gone, b.size - w.size);
}

static void needed_entries_are_taken_out(void **state)
{
	static const char *names[] = {"libpthread.so.0", "libc.so.6", "libnot.so"};
	static const struct strings drop_needed = {names, 3, 3};

	(void)state;
	options.drop_needed = &drop_needed;
	for (size_t i = 0; i < 4; i++) {
		struct rewrite w;

		make_kind(i, 0);
		drop(file_drop) struct file *f = rewritten(&w);
		struct elf e = read_elf(f);

		assert_int_equal(e.deps.len, 1);
		assert_string_equal(e.deps.at[0].name, "libm.so.6");
		assert_string_equal(e.soname, "libf.so.1");
		assert_int_equal(e.dt_flags_1, DF_1_NOW);
		assert_true(e.dt.strtab > 0 && e.dt.strsz > 0);
	}
}

// Even where nothing else can be gained.
static void needed_entries_go_from_a_file_that_stays_as_large(void **state)
{
	static const char *names[] = {"libm.so.6"};
	static const struct strings drop_needed = {names, 1, 1};
	struct rewrite w;

	(void)state;
	build_elf(&b, &usual);
	expect_why("not become smaller");
	options.drop_needed = &drop_needed;
	drop(file_drop) struct file *f = rewritten(&w);

	assert_int_equal(w.size, b.size);
	assert_int_equal(read_elf(f).deps.len, 2);
}

// DT_MIPS_RLD_MAP_REL counts from its own entry's address.
static void a_value_relative_to_its_entry_moves_with_it(void **state)
{
	static const char *names[] = {"libpthread.so.0", "libc.so.6"};
	static const struct strings drop_needed = {names, 2, 2};
	struct build s = usual;
	struct rewrite w;

	(void)state;
	s.machine = EM_MIPS;
	s.class = ELFCLASS32;
	s.dyn[0] = (struct build_dyn){0x70000035, 0x5000};
	make(&s);
	write_sections();
	options.drop_needed = &drop_needed;
	drop(file_drop) struct file *f = rewritten(&w);
	const uint8_t *p = read_all(f) + b.dynamic;
	uint64_t tag, value;

	for (;; p += 8) {
		tag = number(p, 4);
		value = number(p + 4, 4);
		assert_int_not_equal(tag, DT_NULL);
		if (tag == 0x70000035)
			break;
	}
	assert_int_equal(value, 0x5000 + 2 * 8);
}

static void larger_pages_keep_their_padding(void **state)
{
	struct rewrite w;

	(void)state;
	make_usual();
	write_sections();
	options.page_size = 8192;
	drop(file_drop) struct file *f = rewritten(&w);
	struct elf e = read_elf(f);

	assert_int_equal(e.loads.at[1].offset, 0x2010);
	assert_int_equal(e.loads.at[1].align, 8192);
	options.page_size = 65536; // more than the file has: as it was
	struct rewrite v = plan();

	assert_null(v.why_not);
	assert_int_equal(v.size, DATA + DATA_SIZE);
	assert_true(v.padding_gone < 1024); // the table went into it
}

static void page_sizes_are_the_machines(void **state)
{
	static const struct {
		uint16_t machine;
		uint64_t page;
	} pages[] = {{EM_ARM, 4096}, {EM_X86_64, 4096}, {EM_386, 4096}, {EM_RISCV, 4096},
		{EM_S390, 4096}, {EM_AARCH64, 65536}, {EM_PPC64, 65536}, {EM_MIPS, 0}};

	(void)state;
	for (size_t i = 0; i < sizeof(pages) / sizeof(*pages); i++) {
		struct elf e = {.machine = pages[i].machine};

		assert_int_equal(rewrite_page_size(&e), pages[i].page);
	}
	make_kind(2, EM_MIPS); // unknown: only the sections go
	assert_int_equal(plan().size, DATA + DATA_SIZE);
}

static void alignments_of_contents_stay(void **state)
{
	struct rewrite w;

	(void)state;
	make_usual();
	section(".data")->align = 8192;
	write_sections();
	drop(file_drop) struct file *f = rewritten(&w);
	struct elf e = read_elf(f);

	assert_int_equal(e.loads.at[0].align, 4096);
	assert_int_equal(e.loads.at[1].align, 8192);
	assert_int_equal(e.loads.at[1].offset, 0x2010);
}

static void thread_local_alignment_stays(void **state)
{
	struct rewrite w;

	(void)state;
	make_usual();
	// In place of the build-id's note.
	size_t i = b.nphdrs - 2;

	built_put(&b, built_phdr(&b, i, 0), PT_TLS, 4);
	built_put(&b, built_phdr(&b, i, 1), DATA, 8);
	built_put(&b, built_phdr(&b, i, 2), BUILD_VADDR + DATA, 8);
	built_put(&b, built_phdr(&b, i, 3), 0, 8);
	built_put(&b, built_phdr(&b, i, 6), 8192, 8);
	write_sections();
	drop(file_drop) struct file *f = rewritten(&w);
	struct elf e = read_elf(f);

	assert_int_equal(e.loads.at[1].align, 8192);
}

// Without a table that names the contents nobody knows what they need.
static void unnamed_contents_keep_their_alignment(void **state)
{
	struct rewrite w;

	(void)state;
	make_usual();
	b.size = DATA + DATA_SIZE; // no table at all
	assert_int_equal(plan().size, ALIGN + 0x10 + DATA_SIZE);

	make_usual();
	sections[3] = sections[--nsections]; // .data and .bss are not named
	sections[4] = sections[--nsections];
	write_sections();
	drop(file_drop) struct file *f = rewritten(&w);
	struct elf e = read_elf(f);

	assert_int_equal(e.loads.at[0].align, 4096);
	assert_int_equal(e.loads.at[1].align, ALIGN);
	assert_int_equal(e.loads.at[1].offset, ALIGN + 0x10);
}

static void unknown_bytes_are_not_touched(void **state)
{
	(void)state;
	make_usual();
	write_sections();
	fill(10, 77);
	expect_why("behind its sections");

	make_usual();
	write_sections();
	b.size += 70000; // zeros, but more than a page
	expect_why("behind its sections");

	make_usual();
	write_sections();
	b.size += 10;
	assert_null(plan().why_not);

	make_usual();
	write_sections();
	b.bytes[DATA - 100] = 1;
	expect_why("bytes that no header names");

	make_usual();
	add_section("pydata", SHT_PROGBITS, 0, fill(30, 1), 30);
	write_sections();
	expect_why("of its own kind, pydata");

	make_usual();
	add_section(".rodata1", SHT_PROGBITS, SHF_ALLOC, b.phdrs, 32);
	write_sections();
	expect_why("a checksum");

	make_usual();
	write_sections();
	b.bytes[EI_PAD] = 'A'; // AppImage
	expect_why("marked");
}

static void put_load(size_t i, int field, uint64_t value)
{
	built_put(&b, built_phdr(&b, i, field), value, b.is_64 ? 8 : 4);
}

static void odd_segments_are_not_touched(void **state)
{
	size_t data;

	(void)state;
	make_usual();
	data = b.nphdrs - 1;
	write_sections();
	put_load(data, 1, DATA + 1); // not where its address wants it
	expect_why("not aligned");
	put_load(data, 6, 1);
	expect_why("not lie on pages");
	put_load(data, 6, 3);
	expect_why("make no sense");

	make_usual();
	write_sections();
	put_load(data, 1, 0x10);
	expect_why("share bytes");

	make_usual();
	write_sections();
	put_load(data, 4, DATA_SIZE - 1); // more in the file than in memory
	expect_why("make no sense");

	make_usual();
	write_sections();
	put_load(data - 1, 1, section(".comment")->off); // a note that is not loaded
	put_load(data - 1, 3, 0x10);
	memset(b.bytes + section(".comment")->off, 0, 16);
	expect_why("not loaded has bytes");
}

static void odd_sections_are_not_touched(void **state)
{
	(void)state;
	make_usual();
	section(".text")->size = 0x4100;
	write_sections();
	expect_why("across the end");

	make_usual();
	section(".comment")->flags = SHF_ALLOC;
	write_sections();
	expect_why("lies in no segment");

	make_usual();
	section(".data")->align = 3;
	write_sections();
	expect_why("make no sense");

	make_usual();
	section(".symtab")->off = UINT64_MAX - 10;
	write_sections();
	expect_why("make no sense");

	make_usual();
	write_sections();
	built_put(&b, 62, 500, 2); // names in a section that is not there
	expect_why("make no sense");

	make_usual();
	write_sections();
	built_put(&b, 60, 60000, 2); // a table beyond the end
	expect_why("make no sense");
}

// Old kernels find the program headers by the first segment's distance: nothing may move then.
static void program_headers_elsewhere_hold_everything_in_place(void **state)
{
	struct rewrite w;

	(void)state;
	make_usual();
	size_t old = b.phdrs, size = b.nphdrs * 56, new = DATA + 8;

	// Into the second segment's bytes, made large enough.
	memmove(b.bytes + DATA + 0x800, b.bytes + DATA + DATA_SIZE, b.size - DATA - DATA_SIZE);
	for (size_t i = 5; i < nsections; i++)
		sections[i].off += 0x800 - DATA_SIZE;
	b.size += 0x800 - DATA_SIZE;
	memset(b.bytes + DATA, 0, 0x800);
	put_load(b.nphdrs - 1, 3, 0x800);
	section(".data")->size = 0x800;
	memcpy(b.bytes + new, b.bytes + old, size);
	b.phdrs = new;
	built_put(&b, 32, new, 8);
	write_sections();
	drop(file_drop) struct file *f = rewritten(&w);
	struct elf e = read_elf(f);

	assert_int_equal(e.loads.at[1].offset, DATA);
	assert_true(w.size < b.size && w.size >= DATA + 0x800);
	assert_memory_equal(read_all(f) + old, b.bytes + old, size); // they are only bytes now
}

static void segments_without_bytes_point_into_the_file(void **state)
{
	struct rewrite w;

	(void)state;
	make_usual();
	put_load(b.nphdrs - 1, 3, 0);
	section(".data")->type = SHT_NOBITS;
	memset(b.bytes + DATA, 0, DATA_SIZE);
	write_sections();
	drop(file_drop) struct file *f = rewritten(&w);
	struct elf e = read_elf(f);

	assert_true(e.loads.at[1].offset <= w.size);
	assert_int_equal((e.loads.at[1].vaddr - e.loads.at[1].offset) % 4096, 0);

	// Even where its place lies behind everything else.
	options.page_size = 16384;
	drop(file_drop) struct file *g = rewritten(&w);

	e = read_elf(g);
	assert_true(e.loads.at[1].offset <= w.size);
	assert_int_equal((e.loads.at[1].vaddr - e.loads.at[1].offset) % 16384, 0);
}

static void processor_attributes_that_a_segment_names_are_kept(void **state)
{
	struct build s = usual;
	struct rewrite w;
	size_t size;
	uint64_t link, at;

	(void)state;
	s.machine = EM_RISCV;
	make(&s);
	size_t off = fill(40, 50), note = b.nphdrs - 2;

	add_section(".riscv.attributes", 0x70000003, 0, off, 40);
	built_put(&b, built_phdr(&b, note, 0), 0x70000003, 4);
	put_load(note, 1, off);
	put_load(note, 2, 0);
	put_load(note, 3, 40);
	put_load(note, 4, 0);
	put_load(note, 6, 1);
	write_sections();
	for (int all = 0; all < 2; all++) {
		options.drop_section_headers = all;
		drop(file_drop) struct file *f = rewritten(&w);
		const uint8_t *bytes = read_all(f);

		at = number(bytes + built_phdr(&b, note, 1), 8);
		assert_true(at + 40 <= w.size);
		assert_memory_equal(bytes + at, b.bytes + off, 40);
		if (!all)
			assert_ptr_equal(
				find_section(bytes, ".riscv.attributes", &size, &link), bytes + at);
	}
}

static void any_part_of_the_new_file_can_be_read(void **state)
{
	struct rewrite w;
	uint8_t part[512];

	(void)state;
	make_usual();
	write_sections();
	drop(file_drop) struct file *f = rewritten(&w);
	const uint8_t *all = read_all(f);

	for (size_t n = 1; n < sizeof(part); n = n * 3 + 1)
		for (size_t off = 0; off<w.size; off += n> 16 ? 13 : 101) {
			size_t got, want = w.size - off < n ? w.size - off : n;

			assert_null(file_pread(f, part, n, off, &got));
			assert_int_equal(got, want);
			assert_memory_equal(part, all + off, want);
		}
}

static void a_source_that_became_shorter_is_an_error(void **state)
{
	struct rewrite w;
	uint8_t part[64];
	size_t got;

	(void)state;
	make_usual();
	write_sections();
	w = plan();
	b.size = 100;
	drop(file_drop) struct file *f = rewrite_open(&w, built_file(&b));
	drop(err_drop) struct err *e = file_pread(f, part, sizeof(part), 0x1010, &got);

	assert_non_null(e);
	assert_non_null(strstr(err_text(e), "shorter"));
}

// Two gigabytes of segment, of which planning reads nothing.
static void large_files_are_not_read(void **state)
{
	enum { PIECES = 6 };
	uint64_t large = (uint64_t)2 << 30;
	struct rewrite w;
	struct elf e;

	(void)state;
	make_usual();
	put_load(b.nphdrs - 1, 3, large);
	put_load(b.nphdrs - 1, 4, large);
	b.size = DATA;
	int fd = memfd_create("large", MFD_CLOEXEC);

	assert_int_equal(write(fd, b.bytes, b.size), b.size);
	assert_int_equal(ftruncate(fd, (off_t)(DATA + large + 100)), 0);
	drop(file_drop) struct file *g = file_from_fd(fd, true, 0, DATA + large + 100, "large");

	assert_null(elf_read(g, &arena, &e));
	assert_null(e.broken);
	assert_null(rewrite_plan(g, &e, &options, &arena, &w));
	assert_null(w.why_not);
	assert_int_equal(w.size, ALIGN + 0x10 + large);
	assert_true(w.pieces.len <= PIECES);
}

// patchelf up to 0.14 leaves PT_GNU_PROPERTY pointing at what it overwrote.
static void properties_that_make_no_sense_do_not_matter(void **state)
{
	struct rewrite w;

	(void)state;
	make_usual();
	built_put(&b, built_phdr(&b, b.nphdrs - 2, 0), PT_GNU_PROPERTY, 4);
	memset(b.bytes + b.note, 'Z', 24);
	write_sections();
	drop(file_drop) struct file *f = rewritten(&w);
	struct elf e = read_elf(f);

	assert_null(e.build_id);
	expect_same_segments(f, &e);
}

// Where the program headers have grown it points at these; a note or an interpreter never does.
static void properties_may_lie_among_the_headers(void **state)
{
	static const uint32_t refused[] = {PT_NOTE, PT_INTERP, PT_TLS};
	struct rewrite w;

	(void)state;
	make_usual();
	built_segment(&b, PT_GNU_PROPERTY, b.phdrs + 8, 24, PF_R, 8);
	built_put(&b, 56, b.nphdrs, 2);
	write_sections();
	drop(file_drop) struct file *f = rewritten(&w);
	struct elf e = read_elf(f);

	expect_same_segments(f, &e);
	for (size_t i = 0; i < sizeof(refused) / sizeof(*refused); i++) {
		make_usual();
		built_segment(&b, refused[i], b.phdrs + 8, 24, PF_R, 8);
		built_put(&b, 56, b.nphdrs, 2);
		write_sections();
		expect_why("a segment has bytes of its headers");
	}
}

static void what_cannot_be_loaded_is_left(void **state)
{
	(void)state;
	make_usual();
	write_sections();
	b.bytes[0] = 'X';
	expect_why("not an ELF file");
	make_usual();
	write_sections();
	built_put(&b, 16, ET_REL, 2);
	expect_why("only ET_DYN");
}

static int setup(void **state)
{
	(void)state;
	options = (struct rewrite_options){0};
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	arena_drop(&arena);
	return 0;
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(sections_and_padding_go),
		TEST(a_small_table_keeps_what_tools_read),
		TEST(section_headers_can_go_altogether),
		TEST(needed_entries_are_taken_out),
		TEST(needed_entries_go_from_a_file_that_stays_as_large),
		TEST(a_value_relative_to_its_entry_moves_with_it),
		TEST(larger_pages_keep_their_padding),
		TEST(page_sizes_are_the_machines),
		TEST(alignments_of_contents_stay),
		TEST(thread_local_alignment_stays),
		TEST(unnamed_contents_keep_their_alignment),
		TEST(unknown_bytes_are_not_touched),
		TEST(odd_segments_are_not_touched),
		TEST(odd_sections_are_not_touched),
		TEST(program_headers_elsewhere_hold_everything_in_place),
		TEST(segments_without_bytes_point_into_the_file),
		TEST(processor_attributes_that_a_segment_names_are_kept),
		TEST(any_part_of_the_new_file_can_be_read),
		TEST(a_source_that_became_shorter_is_an_error),
		TEST(large_files_are_not_read),
		TEST(properties_that_make_no_sense_do_not_matter),
		TEST(properties_may_lie_among_the_headers),
		TEST(what_cannot_be_loaded_is_left),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

// What ldd/elf.c says of files, assembled and compiled ones, good and bad.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "elf_build.h"
#include "ldd/elf.h"

static struct arena arena;
static struct built b;
static char top[64];

static struct elf read_built(void)
{
	drop(file_drop) struct file *f = built_file(&b);
	struct elf e;

	assert_null(elf_read(f, &arena, &e));
	return e;
}

static void expect_broken(const char *words)
{
	struct elf e = read_built();

	assert_null(e.not_elf);
	assert_non_null(e.broken);
	if (!strstr(e.broken, words))
		fail_msg("\"%s\" does not say \"%s\"", e.broken, words);
}

static const struct build usual = {
	.interp = "/lib64/ld-linux-x86-64.so.2",
	.soname = "libf.so.1",
	.runpath = "$ORIGIN/../lib",
	.needed = {"libm.so.6", "", "libc.so.6"},
	.needs = {{"libm.so.6", "GLIBC_2.29", 0}, {"libc.so.6", "GLIBC_2.34", VER_FLG_WEAK}},
	.defines = {"libf.so.1", "F_1", "F_2"},
	.dyn = {{DT_FLAGS_1, DF_1_NOW | DF_1_NODEFLIB}, {DT_RELR, 0x10000}},
};

static void check_usual(const struct elf *e)
{
	assert_null(e->not_elf);
	if (e->broken)
		fail_msg("%s", e->broken);
	assert_string_equal(e->interp, usual.interp);
	assert_string_equal(e->soname, usual.soname);
	assert_string_equal(e->runpath, usual.runpath);
	assert_null(e->rpath);
	assert_int_equal(e->deps.len, 3);
	assert_string_equal(e->deps.at[0].name, "libm.so.6");
	assert_string_equal(e->deps.at[1].name, "");
	assert_string_equal(e->deps.at[2].name, "libc.so.6");
	assert_int_equal(e->needs.len, 2);
	assert_string_equal(e->needs.at[0].file, "libm.so.6");
	assert_string_equal(e->needs.at[0].version, "GLIBC_2.29");
	assert_false(e->needs.at[0].weak);
	assert_string_equal(e->needs.at[1].version, "GLIBC_2.34");
	assert_true(e->needs.at[1].weak);
	assert_true(e->has_verdef);
	assert_int_equal(e->defines.len, 2);
	assert_string_equal(e->defines.at[0], "F_1");
	assert_string_equal(e->defines.at[1], "F_2");
	assert_true(e->is_dynamic && e->bind_now && e->has_relr);
	assert_true(e->dt_flags_1 & DF_1_NODEFLIB);
	assert_int_equal(e->loads.len, 1);
}

static void test_both_classes_and_orders(void **state)
{
	(void)state;
	for (int i = 0; i < 4; i++) {
		struct build s = usual;

		s.class = i & 1 ? ELFCLASS32 : ELFCLASS64;
		s.data = i & 2 ? ELFDATA2MSB : ELFDATA2LSB;
		s.machine = EM_MIPS;
		s.flags = 0x70001005;
		build_elf(&b, &s);
		struct elf e = read_built();

		check_usual(&e);
		assert_int_equal(e.class, s.class);
		assert_int_equal(e.data, s.data);
		assert_int_equal(e.machine, EM_MIPS);
		assert_int_equal(e.flags, 0x70001005);
	}
}

static void test_no_elf(void **state)
{
	static const char *const texts[] = {
		"", "\177E", "INPUT(libc.so.6)\n", "#!/bin/sh\nexit 0\n"};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		b.size = strlen(texts[i]);
		memcpy(b.bytes, texts[i], b.size);
		assert_non_null(read_built().not_elf);
	}
	build_elf(&b, &usual);
	b.size = 63;
	assert_string_equal(read_built().not_elf, "file too short");
}

static void test_identification(void **state)
{
	(void)state;
	build_elf(&b, &usual);
	b.bytes[EI_PAD + 2] = 1;
	assert_true(read_built().bad_ident);
	build_elf(&b, &usual);
	b.bytes[EI_VERSION] = 2;
	assert_true(read_built().bad_ident);
	build_elf(&b, &usual);
	b.bytes[EI_CLASS] = 3;
	expect_broken("class");
	build_elf(&b, &usual);
	b.bytes[EI_DATA] = 0;
	expect_broken("byte order");
}

static void test_bad_headers(void **state)
{
	struct build object = usual;

	(void)state;
	build_elf(&b, &usual);
	b.size = 100;
	expect_broken("outside the file");
	object.type = ET_REL;
	build_elf(&b, &object);
	expect_broken("ET_DYN");
	build_elf(&b, &usual);
	built_put(&b, 54, 0, 2);
	expect_broken("expected size");
	build_elf(&b, &usual);
	built_put(&b, 56, PN_XNUM, 2);
	expect_broken("PN_XNUM");
	build_elf(&b, &usual);
	built_put(&b, 56, 5000, 2);
	expect_broken("too many");
	build_elf(&b, &usual);
	built_put(&b, 32, UINT64_MAX - 8, 8);
	expect_broken("outside the file");
	build_elf(&b, &usual);
	built_put(&b, 32, b.size - 8, 8);
	expect_broken("outside the file");
	build_elf(&b, &usual);
	built_put(&b, built_phdr(&b, 2, 0), PT_DYNAMIC, 4);
	expect_broken("two PT_DYNAMIC");
}

static void test_bad_segments(void **state)
{
	(void)state;
	build_elf(&b, &usual);
	b.size -= 16;
	expect_broken("outside the file");
	build_elf(&b, &usual);
	built_put(&b, built_phdr(&b, 0, 1), UINT64_MAX, 8);
	expect_broken("outside the file");
	build_elf(&b, &usual);
	built_put(&b, built_phdr(&b, 1, 2), 0x900000, 8);
	expect_broken("PT_DYNAMIC");
	build_elf(&b, &usual);
	built_put(&b, built_phdr(&b, 1, 3), UINT64_MAX, 8);
	expect_broken("PT_DYNAMIC");
	build_elf(&b, &usual);
	built_put(&b, built_phdr(&b, 2, 3), strlen(usual.interp), 8);
	expect_broken("PT_INTERP");
	build_elf(&b, &usual);
	built_put(&b, built_phdr(&b, 2, 3), 0, 8);
	expect_broken("PT_INTERP");
}

// Section headers are not looked at: none, or any garbage, make no difference.
static void test_section_headers_do_not_matter(void **state)
{
	(void)state;
	build_elf(&b, &usual);
	built_put(&b, 40, 0xdeadbeefdeadbeef, 8);
	built_put(&b, 58, 0xffff, 2);
	built_put(&b, 60, 0xffff, 2);
	built_put(&b, 62, 0xfffe, 2);
	struct elf e = read_built();

	check_usual(&e);
}

static size_t dyn_value(uint64_t tag)
{
	for (size_t at = b.dynamic; at + 16 <= b.size; at += 16)
		if (b.bytes[at] == (tag & 0xff) && b.bytes[at + 1] == (tag >> 8 & 0xff))
			return at + 8;
	fail();
	return 0;
}

static void test_bad_strings(void **state)
{
	(void)state;
	build_elf(&b, &usual);
	built_put(&b, dyn_value(DT_STRTAB) - 8, DT_DEBUG, 8);
	expect_broken("no string table");
	build_elf(&b, &usual);
	built_put(&b, dyn_value(DT_STRTAB), 0x7fffffff0000, 8);
	expect_broken("outside the loaded");
	build_elf(&b, &usual);
	built_put(&b, dyn_value(DT_NEEDED), b.strings_size, 8);
	expect_broken("outside the string table");
	build_elf(&b, &usual);
	built_put(&b, dyn_value(DT_STRSZ), UINT64_MAX, 8);
	expect_broken("beyond its segment");
	build_elf(&b, &usual);
	built_put(&b, dyn_value(DT_STRSZ), 4, 8);
	expect_broken("no end");
}

// The kinds besides DT_NEEDED, in the order they stand in; tags have 64 bits.
static void test_other_dependencies(void **state)
{
	struct build s = usual;

	(void)state;
	s.dyn[0] = (struct build_dyn){DT_AUXILIARY, 1};
	s.dyn[1] = (struct build_dyn){DT_FILTER, 1};
	s.dyn[2] = (struct build_dyn){(UINT64_C(1) << 32) | DT_NEEDED, 1};
	s.dyn[3] = (struct build_dyn){DT_AUDIT, 1};
	s.dyn[4] = (struct build_dyn){DT_DEPAUDIT, 1};
	s.dyn[5] = (struct build_dyn){DT_RPATH, 1};
	build_elf(&b, &s);
	struct elf e = read_built();

	assert_null(e.broken);
	assert_int_equal(e.deps.len, 5);
	assert_int_equal(e.deps.at[2].kind, ELF_NEEDED);
	assert_int_equal(e.deps.at[3].kind, ELF_AUXILIARY);
	assert_string_equal(e.deps.at[3].name, "libm.so.6");
	assert_int_equal(e.deps.at[4].kind, ELF_FILTER);
	assert_string_equal(e.audit, "libm.so.6");
	assert_string_equal(e.depaudit, "libm.so.6");
	assert_string_equal(e.rpath, "libm.so.6");
}

static void test_long_name(void **state)
{
	char name[20001];
	struct build s = {.needed = {name}};

	(void)state;
	memset(name, 'x', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	build_elf(&b, &s);
	struct elf e = read_built();

	assert_null(e.broken);
	assert_string_equal(e.deps.at[0].name, name);
}

static void test_read_at(void **state)
{
	struct span s = {NULL, 0};
	struct elf e;

	(void)state;
	build_elf(&b, &usual);
	drop(file_drop) struct file *f = built_file(&b);

	assert_null(elf_read(f, &arena, &e));
	assert_true(elf_read_at(f, &e, e.dt.strtab, b.strings_size, &arena, &s));
	assert_int_equal(s.len, b.strings_size);
	assert_memory_equal(s.ptr, b.bytes + b.strings, s.len);
	assert_true(elf_read_at(f, &e, BUILD_VADDR, b.size, &arena, &s));
	assert_false(elf_read_at(f, &e, BUILD_VADDR, b.size + 1, &arena, &s));
	assert_false(elf_read_at(f, &e, BUILD_VADDR - 1, 1, &arena, &s));
	assert_false(elf_read_at(f, &e, BUILD_VADDR + b.size, 1, &arena, &s));
	assert_false(elf_read_at(f, &e, BUILD_VADDR + 8, UINT64_MAX - 4, &arena, &s));
	assert_false(elf_read_at(f, &e, UINT64_MAX, 1, &arena, &s));
}

static void test_version_chains(void **state)
{
	(void)state;
	build_elf(&b, &usual);
	built_put(&b, b.verneed + 12, 0x10000000, 4);
	expect_broken("version need");
	build_elf(&b, &usual);
	built_put(&b, b.verneed + 8, 0xfffffff0, 4);
	expect_broken("version need");
	build_elf(&b, &usual);
	built_put(&b, b.verneed + 4, 0xffffff, 4);
	expect_broken("names no file");
	build_elf(&b, &usual);
	built_put(&b, b.verdef + 16, 0xffffffff, 4);
	expect_broken("version definition");
	build_elf(&b, &usual);
	built_put(&b, b.verdef + 12, 0xffffffff, 4);
	expect_broken("version definition");
	// A chain of steps of one byte ends at the end of the segment, or makes no sense before.
	build_elf(&b, &usual);
	built_put(&b, b.verneed + 12, 1, 4);
	expect_broken("version need");
}

static void test_notes(void **state)
{
	static const char json[] = "[{\"soname\":[\"libz.so.1\"]}]";
	static const uint8_t isa[] = {2, 0x80, 0, 0xc0, 4, 0, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0};
	struct build s = {.note_owner = "FDO",
		.note_type = 0x407c0c0a,
		.note = json,
		.note_size = sizeof(json)};
	struct elf e;

	(void)state;
	build_elf(&b, &s);
	e = read_built();
	assert_int_equal(e.dlopen.len, 1);
	assert_string_equal(e.dlopen.at[0], json);
	built_put(&b, b.note + 4, 0xfffffff0, 4);
	expect_broken("larger than its segment");
	build_elf(&b, &s);
	built_put(&b, b.note, 0xfffffffc, 4);
	expect_broken("larger than its segment");
	build_elf(&b, &s);
	built_put(&b, built_phdr(&b, 2, 3), UINT64_MAX, 8);
	expect_broken("notes");

	s = (struct build){.note_owner = "GNU",
		.note_type = NT_GNU_PROPERTY_TYPE_0,
		.note = isa,
		.note_size = sizeof(isa),
		.note_align = 8};
	build_elf(&b, &s);
	assert_int_equal(read_built().x86_isa_needed, 4);
	s.machine = EM_AARCH64;
	build_elf(&b, &s);
	assert_int_equal(read_built().x86_isa_needed, 0);
	s = (struct build){.note_owner = "GNU",
		.note_type = NT_GNU_BUILD_ID,
		.note = "\1\xab\xff",
		.note_size = 3};
	build_elf(&b, &s);
	assert_string_equal(read_built().build_id, "01abff");
}

static void run(const char *fmt, ...)
{
	char command[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(command, sizeof(command), fmt, ap);
	va_end(ap);
	if (system(command) != 0)
		fail_msg("%s", command);
}

static struct file *open_host(const char *path)
{
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	assert_true(fd >= 0 && fstat(fd, &st) == 0);
	return file_from_fd(fd, true, 0, (uint64_t)st.st_size, path);
}

// What readelf prints for the same facts, in its words.
static char *readelf_words(const char *options, const char *sed, const char *path)
{
	static char out[1 << 16];
	char command[1024];

	snprintf(command, sizeof(command), "LC_ALL=C readelf -W %s %s 2>/dev/null | sed -n '%s'",
		options, path, sed);
	FILE *p = popen(command, "r");

	assert_non_null(p);
	size_t n = fread(out, 1, sizeof(out) - 1, p);

	out[n] = '\0';
	assert_int_equal(pclose(p), 0);
	return out;
}

static void compare_with_readelf(const char *path)
{
	drop(file_drop) struct file *f = open_host(path);
	struct elf e;
	drop(mem_drop) char *needed = str_dup("");

	assert_null(elf_read(f, &arena, &e));
	assert_null(e.not_elf);
	if (e.broken)
		fail_msg("%s: %s", path, e.broken);
	vec_each (d, &e.deps) {
		char *more = str_printf("%s%s\n", needed, d->name);

		mem_drop(&needed);
		needed = more;
	}
	assert_string_equal(
		needed, readelf_words("-d", "s/.*(NEEDED).*\\[\\(.*\\)\\]/\\1/p", path));
	char *soname = readelf_words("-d", "s/.*(SONAME).*\\[\\(.*\\)\\]/\\1/p", path);

	soname[strcspn(soname, "\n")] = '\0';
	assert_string_equal(e.soname ? e.soname : "", soname);
	char *id = readelf_words("-n", "s/.*Build ID: //p", path);

	id[strcspn(id, "\n")] = '\0';
	assert_string_equal(e.build_id ? e.build_id : "", id);
	char *versions =
		readelf_words("-V", "s/.*Name: \\([^ ]*\\)  Flags: .*Version: .*/\\1/p", path);

	vec_each (n, &e.needs) {
		size_t len = strcspn(versions, "\n");

		assert_int_equal(strlen(n->version), len);
		assert_memory_equal(n->version, versions, len);
		versions += len + 1;
	}
	assert_string_equal(versions, "");
}

static void test_real_files(void **state)
{
	static const char *const paths[] = {"/usr/bin/readelf", "/bin/ls",
		"/usr/arm-linux-gnueabihf/lib/libc.so.6", "/usr/arm-linux-gnueabi/lib/libm.so.6",
		"/usr/aarch64-linux-gnu/lib/ld-linux-aarch64.so.1"};

	(void)state;
	for (size_t i = 0; i < sizeof(paths) / sizeof(*paths); i++)
		if (access(paths[i], R_OK) == 0)
			compare_with_readelf(paths[i]);
}

static const struct elf_symbol *find(const struct elf_symbols *s, const char *name)
{
	vec_each (at, s)
		if (strcmp(at->name, name) == 0)
			return at;
	return NULL;
}

static struct elf_symbols symbols_of(const char *path)
{
	drop(file_drop) struct file *f = open_host(path);
	struct elf_symbols s;
	struct elf e;

	assert_null(elf_read(f, &arena, &e));
	assert_null(e.broken);
	assert_null(elf_read_symbols(f, &e, &arena, &s));
	return s;
}

// A library of two versions, and a program that exports nothing: its DT_GNU_HASH is empty.
static void test_symbols(void **state)
{
	static const char *const hashes[] = {"gnu", "sysv", "both"};

	(void)state;
	for (int i = 0; i < 3; i++) {
		run("cd %s && printf 'int old(void){return 1;} int new(void){return 2;}"
		    "__asm__(\".symver old,f@V_1\\\\n.symver new,f@@V_2\"); int data=1;' >f.c &&"
		    "printf 'V_1 {global: f;}; V_2 {global: f; data; local: *;} V_1;' >f.map &&"
		    "gcc -shared -fPIC -Wl,--hash-style=%s -Wl,--version-script=f.map "
		    "-Wl,-soname,libf.so.1 f.c -o libf.so && strip libf.so",
			top, hashes[i]);
		run("cd %s && printf 'int f(void); extern int data; void g(void)"
		    "__attribute__((weak)); int *p=&data; int main(){if(g)g(); return f()+*p;}' >m.c "
		    "&& gcc -fPIE -pie -Wl,--hash-style=%s -Wl,-z,lazy m.c libf.so -o m && strip m",
			top, hashes[i]);
		struct elf_symbols lib = symbols_of(arena_printf(&arena, "%s/libf.so", top));
		struct elf_symbols program = symbols_of(arena_printf(&arena, "%s/m", top));
		int versions = 0;

		vec_each (s, &lib)
			if (strcmp(s->name, "f") == 0) {
				versions |= s->is_hidden_version ? 1 : 2;
				assert_true(s->is_defined);
				assert_string_equal(
					s->version, s->is_hidden_version ? "V_1" : "V_2");
			}
		assert_int_equal(versions, 3);
		const struct elf_symbol *f = find(&program, "f"), *g = find(&program, "g");
		const struct elf_symbol *data = find(&program, "data");

		assert_true(f && g && data);
		assert_string_equal(f->version, "V_2");
		assert_string_equal(f->file, "libf.so.1");
		assert_false(f->is_defined || f->by_data);
		assert_true(data->by_data);
		assert_int_equal(g->bind, STB_WEAK);
		assert_null(g->version);
	}
}

// As many symbols as readelf counts by the section headers, those of libc among them.
static void test_symbol_count(void **state)
{
	const char *path = "/lib/x86_64-linux-gnu/libc.so.6";
	struct elf_symbols s;

	(void)state;
	if (access(path, R_OK) != 0)
		skip();
	s = symbols_of(path);
	drop(mem_drop) char *command = str_printf("readelf --dyn-syms -W %s | "
						  "grep -cE ' (GLOBAL|WEAK|UNIQUE) '",
		path);
	FILE *p = popen(command, "r");
	size_t expected = 0;

	assert_int_equal(fscanf(p, "%zu", &expected), 1);
	pclose(p);
	assert_int_equal(s.len, expected);
	assert_true(find(&s, "printf") && find(&s, "malloc"));
}

static void check_arm(const char *compiler, const char *options, int arch, int profile, int vfp)
{
	struct elf_arm arm;
	struct elf e;

	run("cd %s && echo 'int f(void){return 1;}' >a.c && %s %s -shared -nostdlib -fPIC a.c -o a.so",
		top, compiler, options);
	drop(mem_drop) char *path = str_printf("%s/a.so", top);
	drop(file_drop) struct file *f = open_host(path);

	assert_null(elf_read(f, &arena, &e));
	assert_null(elf_read_arm(f, &e, &arm));
	assert_true(arm.found);
	assert_int_equal(arm.cpu_arch, arch);
	assert_int_equal(arm.cpu_profile, profile);
	assert_int_equal(arm.abi_vfp_args, vfp);
}

static bool has_command(const char *name)
{
	drop(mem_drop) char *command = str_printf("command -v %s >/dev/null", name);

	return system(command) == 0;
}

static void test_arm_attributes(void **state)
{
	(void)state;
	if (!has_command("arm-linux-gnueabihf-gcc") || !has_command("arm-linux-gnueabi-gcc"))
		skip();
	check_arm("arm-linux-gnueabihf-gcc", "", 10, 'A', 1);
	check_arm("arm-linux-gnueabihf-gcc", "-marm -march=armv6+fp", 6, 0, 1);
	check_arm("arm-linux-gnueabihf-gcc", "-march=armv8-a+simd", 14, 'A', 1);
	check_arm("arm-linux-gnueabi-gcc", "-march=armv5te", 4, 0, -1);
}

static struct elf_arm arm_of_attributes(const char *attributes, size_t n)
{
	struct build s = {.class = ELFCLASS32, .machine = EM_ARM};
	struct elf_arm arm;
	struct elf e;

	build_elf(&b, &s);
	size_t at = b.size;

	memcpy(b.bytes + at, attributes, n);
	b.size += n;
	built_align(&b, 4);
	built_put(&b, 32, b.size, 4);
	built_put(&b, 46, 40, 2);
	built_put(&b, 48, 2, 2);
	b.size += 40 + 4;
	built_add(&b, SHT_ARM_ATTRIBUTES, 4);
	built_add(&b, 0, 4);
	built_add(&b, 0, 4);
	built_add(&b, at, 4);
	built_add(&b, n, 4);
	b.size += 16;
	drop(file_drop) struct file *f = built_file(&b);

	assert_null(elf_read(f, &arena, &e));
	assert_null(elf_read_arm(f, &e, &arm));
	return arm;
}

static void test_arm_attributes_by_hand(void **state)
{
	// A vendor to pass over, then aeabi: name, compatibility, odd text tag, arch 9, for a
	// section.
	static const char good[] = "A\x09\0\0\0gnu\0\x05"
				   "\x2b\0\0\0aeabi\0"
				   "\1\x1a\0\0\0\5CPU\0\x20\1gnu\0\x43v2\0\6\x09\7A\x1c\1"
				   "\2\7\0\0\0\6\x0a";
	struct elf_arm arm = arm_of_attributes(good, sizeof(good) - 1);

	(void)state;
	assert_true(arm.found);
	assert_int_equal(arm.cpu_arch, 9);
	assert_int_equal(arm.cpu_profile, 'A');
	assert_int_equal(arm.abi_vfp_args, 1);
	for (size_t n = 1; n < sizeof(good) - 1; n++)
		arm_of_attributes(good, n);
	assert_int_equal(arm_of_attributes("A\xff\xff\xff\xff"
					   "aeabi",
				 10)
				 .cpu_arch,
		-1);
}

static const char modinfo[] = "path\tx\nbuild\tGOOS=linux\nbuild\tGOARM=6\n";

static void check_goarm(const char *why, int expected, bool go)
{
	drop(file_drop) struct file *f = built_file(&b);
	struct elf e;
	int goarm = -1;
	bool is_go = !go;

	assert_null(elf_read(f, &arena, &e));
	if (e.broken)
		fail_msg("%s: %s", why, e.broken);
	assert_null(elf_read_goarm(f, &e, &goarm, &is_go));
	if (goarm != expected || is_go != go)
		fail_msg("%s: GOARM %d, is Go: %d", why, goarm, is_go);
}

static void begin_go(uint8_t flags)
{
	struct build s = {.class = ELFCLASS32, .machine = EM_ARM};

	build_elf(&b, &s);
	built_put(&b, built_phdr(&b, 0, 5), PF_R | PF_W, 4);
	built_align(&b, 16);
	memcpy(b.bytes + b.size, "\xff Go buildinf:", 14);
	b.size += 14;
	built_add(&b, 4, 1);
	built_add(&b, flags, 1);
}

static void test_goarm(void **state)
{
	(void)state;
	begin_go(2); // Go 1.18 and newer: strings in place
	b.size += 16;
	built_add(&b, 6, 1);
	memcpy(b.bytes + b.size, "go1.21", 6);
	b.size += 6;
	built_add(&b, sizeof(modinfo) - 1, 1);
	memcpy(b.bytes + b.size, modinfo, sizeof(modinfo));
	b.size += sizeof(modinfo);
	built_put(&b, built_phdr(&b, 0, 3), b.size, 4);
	check_goarm("inline", 6, true);

	begin_go(0); // before: pointers to strings
	size_t at = b.size;

	b.size += 16;
	built_put(&b, at + 4, BUILD_VADDR + b.size, 4);
	built_add(&b, BUILD_VADDR + b.size + 8, 4);
	built_add(&b, sizeof(modinfo) - 1, 4);
	memcpy(b.bytes + b.size, modinfo, sizeof(modinfo));
	b.size += sizeof(modinfo);
	built_put(&b, built_phdr(&b, 0, 3), b.size, 4);
	check_goarm("pointers", 6, true);
	built_put(&b, at + 4, 0xfffffff0, 4);
	check_goarm("bad pointer", 0, true);

	build_elf(&b, &usual);
	check_goarm("no Go", 0, false);
}

static void test_lib_strings(void **state)
{
	static const char text[] =
		"\0libone.so\0xlibtwo.so\0libthree.so.1.22\0lib.so\0libc.so.x\0"
		"lib/a.so\0libone.so\0libc++.so.1\0\x01libfour-4.so.0\0libfive.so";
	struct build s = {.soname = "x"};
	struct strings out = {0};
	struct elf e;

	(void)state;
	build_elf(&b, &s);
	memcpy(b.bytes + b.size, text, sizeof(text) - 1);
	b.size += sizeof(text) - 1; // the last one has no NUL
	built_put(&b, built_phdr(&b, 0, 3), b.size, 8);
	drop(file_drop) struct file *f = built_file(&b);

	assert_null(elf_read(f, &arena, &e));
	assert_null(e.broken);
	assert_null(elf_read_lib_strings(f, &e, &arena, &out));
	assert_int_equal(out.len, 4);
	assert_string_equal(out.at[0], "libone.so");
	assert_string_equal(out.at[1], "libthree.so.1.22");
	assert_string_equal(out.at[2], "libc++.so.1");
	assert_string_equal(out.at[3], "libfour-4.so.0");
}

static void check_dirs(const char *path, const char *const *expected)
{
	struct strings out = {0};
	struct elf e;
	size_t n = 0;

	if (access(path, R_OK) != 0)
		return;
	drop(file_drop) struct file *f = open_host(path);

	assert_null(elf_read(f, &arena, &e));
	assert_null(elf_read_dir_strings(f, &e, &arena, &out));
	for (; expected[n]; n++) {
		assert_true(n < out.len);
		assert_string_equal(out.at[n], expected[n]);
	}
	assert_int_equal(out.len, n);
}

// Debian's loaders; those of its cross packages know the directory they are installed in.
static void test_loader_directories(void **state)
{
	(void)state;
	check_dirs("/lib64/ld-linux-x86-64.so.2",
		(const char *[]){"/lib/x86_64-linux-gnu", "/usr/lib/x86_64-linux-gnu", "/lib",
			"/usr/lib", NULL});
	check_dirs("/usr/arm-linux-gnueabihf/lib/ld-linux-armhf.so.3",
		(const char *[]){"/lib/arm-linux-gnueabihf", "/usr/lib/arm-linux-gnueabihf", "/lib",
			"/usr/lib", NULL});
	check_dirs("/usr/arm-linux-gnueabi/lib/ld-linux.so.3",
		(const char *[]){"/lib/arm-linux-gnueabi", "/usr/lib/arm-linux-gnueabi", "/lib",
			"/usr/lib", NULL});
	check_dirs("/usr/aarch64-linux-gnu/lib/ld-linux-aarch64.so.1",
		(const char *[]){"/lib/aarch64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/lib",
			"/usr/lib", NULL});
}

static int setup(void **state)
{
	(void)state;
	strcpy(top, "/tmp/test_elf.XXXXXX");
	assert_non_null(mkdtemp(top));
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	arena_drop(&arena);
	run("rm -rf %s", top);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_both_classes_and_orders),
		cmocka_unit_test(test_no_elf),
		cmocka_unit_test(test_identification),
		cmocka_unit_test(test_bad_headers),
		cmocka_unit_test(test_bad_segments),
		cmocka_unit_test(test_section_headers_do_not_matter),
		cmocka_unit_test(test_bad_strings),
		cmocka_unit_test(test_other_dependencies),
		cmocka_unit_test(test_long_name),
		cmocka_unit_test(test_read_at),
		cmocka_unit_test(test_version_chains),
		cmocka_unit_test(test_notes),
		cmocka_unit_test(test_real_files),
		cmocka_unit_test(test_symbols),
		cmocka_unit_test(test_symbol_count),
		cmocka_unit_test(test_arm_attributes),
		cmocka_unit_test(test_arm_attributes_by_hand),
		cmocka_unit_test(test_goarm),
		cmocka_unit_test(test_lib_strings),
		cmocka_unit_test(test_loader_directories),
	};

	return cmocka_run_group_tests_name("elf", tests, setup, teardown);
}

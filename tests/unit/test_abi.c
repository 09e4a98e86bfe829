// Which files fit together, and which platform they are.
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
#include "ldd/abi.h"

#define HARD (EF_ARM_EABI_VER5 | EF_ARM_ABI_FLOAT_HARD)
#define SOFT (EF_ARM_EABI_VER5 | EF_ARM_ABI_FLOAT_SOFT)

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

static struct elf made(const struct build *s)
{
	build_elf(&b, s);
	return read_built();
}

static void expect_fit(
	const struct elf *program, const struct elf *e, enum elf_fit fit, const char *words)
{
	const char *why = NULL;
	enum elf_fit got = elf_fits(program, e, &arena, &why);

	if (got != fit || (words && (!why || !strstr(why, words))))
		fail_msg("%d (%s) where %d (%s) was expected", got, why ? why : "", fit,
			words ? words : "");
}

static const struct build amd64 = {.soname = "x"};

static void test_skipped(void **state)
{
	struct elf program = made(&amd64), e;

	(void)state;
	e = made(&amd64);
	expect_fit(&program, &e, ELF_FITS, NULL);
	e = made(&(struct build){.class = ELFCLASS32, .machine = EM_386});
	expect_fit(&program, &e, ELF_SKIPPED, "386 (32-bit little-endian)");
	e = made(&(struct build){.machine = EM_AARCH64});
	expect_fit(&program, &e, ELF_SKIPPED, "arm64 (64-bit little-endian)");
	// The class is looked at before the byte order.
	e = made(&(struct build){.class = ELFCLASS32, .data = ELFDATA2MSB, .machine = EM_MIPS});
	expect_fit(&program, &e, ELF_SKIPPED, "class");
	// The machine before the type.
	e = made(&(struct build){.machine = EM_AARCH64, .type = ET_REL});
	expect_fit(&program, &e, ELF_SKIPPED, "machine");
	build_elf(&b, &amd64);
	b.bytes[EI_CLASS] = 7;
	e = read_built();
	expect_fit(&program, &e, ELF_SKIPPED, "class");
}

static void test_fatal(void **state)
{
	struct elf program = made(&amd64), e;

	(void)state;
	b.size = (size_t)sprintf((char *)b.bytes, "INPUT(libc.so.6)\n");
	e = read_built();
	expect_fit(&program, &e, ELF_FATAL, "not an ELF file");
	b.size = 0;
	e = read_built();
	expect_fit(&program, &e, ELF_FATAL, "empty");
	build_elf(&b, &amd64);
	b.size = 100;
	e = read_built();
	expect_fit(&program, &e, ELF_FATAL, "outside the file");
	build_elf(&b, &(struct build){.class = ELFCLASS32, .machine = EM_386});
	b.size = 60; // enough for a 32-bit header, too little for what the loader reads
	e = read_built();
	expect_fit(&program, &e, ELF_FATAL, "too short");
	e = made(&(struct build){.data = ELFDATA2MSB, .machine = EM_PPC64});
	expect_fit(&program, &e, ELF_FATAL, "byte order");
	e = made(&(struct build){.osabi = ELFOSABI_FREEBSD});
	expect_fit(&program, &e, ELF_FATAL, "OS ABI 9");
	e = made(&(struct build){.osabi = ELFOSABI_ARM_AEABI});
	expect_fit(&program, &e, ELF_FATAL, "OS ABI 64");
	e = made(&(struct build){.abiversion = 1});
	expect_fit(&program, &e, ELF_FATAL, "ABI version 1");
	e = made(&(struct build){.osabi = ELFOSABI_GNU, .abiversion = 1});
	expect_fit(&program, &e, ELF_FITS, NULL);
	e = made(&(struct build){.osabi = ELFOSABI_GNU, .abiversion = 9});
	expect_fit(&program, &e, ELF_FATAL, "ABI version 9");
	e = made(&(struct build){.type = ET_REL});
	expect_fit(&program, &e, ELF_FATAL, "ET_DYN");
	e = made(&(struct build){.type = ET_EXEC});
	expect_fit(&program, &e, ELF_FATAL, "not a shared library");
	e = made(&(struct build){.dyn = {{DT_FLAGS_1, DF_1_PIE}}});
	expect_fit(&program, &e, ELF_FATAL, "position-independent program");
	build_elf(&b, &amd64);
	b.bytes[EI_PAD] = 1;
	e = read_built();
	expect_fit(&program, &e, ELF_FATAL, "padding");
	build_elf(&b, &amd64);
	built_put(&b, 20, 2, 4);
	e = read_built();
	expect_fit(&program, &e, ELF_FATAL, "version");
	build_elf(&b, &amd64);
	built_put(&b, 54, 0, 2);
	e = read_built();
	expect_fit(&program, &e, ELF_FATAL, "expected size");
	build_elf(&b, &amd64);
	built_put(&b, built_phdr(&b, 1, 0), PT_NULL, 4);
	e = read_built();
	expect_fit(&program, &e, ELF_FATAL, "no dynamic section");
}

static struct elf arm(uint32_t flags, const char *interp)
{
	return made(&(struct build){
		.class = ELFCLASS32, .machine = EM_ARM, .flags = flags, .interp = interp});
}

static void test_arm_float(void **state)
{
	struct elf hard = arm(HARD, "/lib/ld-linux-armhf.so.3"),
		   soft = arm(SOFT, "/lib/ld-linux.so.3");
	struct elf unmarked = arm(EF_ARM_EABI_VER5, "/lib/ld-linux-armhf.so.3");
	struct elf neither = arm(EF_ARM_EABI_VER5, NULL), old = arm(0x04000000 | 0x200, NULL);

	(void)state;
	expect_fit(&hard, &soft, ELF_SKIPPED, "the loader is hard-float");
	expect_fit(&soft, &hard, ELF_SKIPPED, "the loader is soft-float");
	expect_fit(&unmarked, &soft, ELF_SKIPPED, "soft-float");
	expect_fit(&hard, &neither, ELF_FITS, NULL);
	expect_fit(&soft, &neither, ELF_FITS, NULL);
	expect_fit(&neither, &hard, ELF_FITS, NULL);
	expect_fit(&hard, &old, ELF_FITS, NULL);
	assert_int_equal(elf_arm_float(&hard), EF_ARM_ABI_FLOAT_HARD);
	assert_int_equal(elf_arm_float(&soft), EF_ARM_ABI_FLOAT_SOFT);
	assert_int_equal(elf_arm_float(&neither), 0);
	assert_int_equal(elf_arm_float(&old), 0);
}

static void expect_flags_fit(
	uint16_t machine, uint8_t data, uint32_t ours, uint32_t theirs, enum elf_fit fit)
{
	struct build s = {.machine = machine, .data = data, .flags = ours};
	struct elf program = made(&s), e;

	s.flags = theirs;
	e = made(&s);
	expect_fit(&program, &e, fit, NULL);
}

static void test_flags_of_other_machines(void **state)
{
	(void)state;
	expect_flags_fit(EM_RISCV, ELFDATA2LSB, 5, 5, ELF_FITS);
	expect_flags_fit(EM_RISCV, ELFDATA2LSB, 5, 4, ELF_FITS); // compressed code is no ABI
	expect_flags_fit(EM_RISCV, ELFDATA2LSB, 4, 0, ELF_SKIPPED);
	expect_flags_fit(EM_PPC64, ELFDATA2LSB, 2, 1, ELF_SKIPPED);
	expect_flags_fit(EM_PPC64, ELFDATA2LSB, 2, 0, ELF_FITS);
	expect_flags_fit(EM_MIPS, ELFDATA2MSB, 0, EF_MIPS_ABI2, ELF_SKIPPED);
	expect_flags_fit(EM_MIPS, ELFDATA2MSB, 0x400, 0, ELF_SKIPPED);
}

static const struct row {
	struct build build;
	const char *arch; // NULL: none
	const char *text;
	const char *triplet;
	int cache_flags;
} rows[] = {
	{{.soname = "x"}, "amd64", "amd64 (64-bit little-endian)", "x86_64-linux-gnu", 0x303},
	{{.class = ELFCLASS32}, NULL, "x32 (32-bit little-endian)", "x86_64-linux-gnux32", 0x803},
	{{.class = ELFCLASS32, .machine = EM_386}, "386", "386 (", "i386-linux-gnu", 0x3},
	{{.machine = EM_AARCH64}, "arm64", "arm64 (", "aarch64-linux-gnu", 0xa03},
	{{.machine = EM_AARCH64, .data = ELFDATA2MSB}, NULL, "arm64 big-endian", NULL, 0xa03},
	{{.class = ELFCLASS32, .machine = EM_ARM, .flags = HARD}, "arm",
		"arm hard-float (32-bit little-endian)", "arm-linux-gnueabihf", 0x903},
	{{.class = ELFCLASS32, .machine = EM_ARM, .flags = SOFT}, "arm", "arm soft-float",
		"arm-linux-gnueabi", 0xb03},
	{{.class = ELFCLASS32, .machine = EM_ARM}, "arm", "arm (", "arm-linux-gnueabihf", 0x3},
	{{.class = ELFCLASS32, .machine = EM_ARM, .data = ELFDATA2MSB}, NULL, "arm big-endian",
		NULL, 0x3},
	{{.machine = EM_RISCV, .flags = 5}, "riscv64", "riscv64 (", "riscv64-linux-gnu", 0x1003},
	{{.machine = EM_PPC64}, "ppc64le", "ppc64le (", "powerpc64le-linux-gnu", 0x503},
	{{.machine = EM_PPC64, .data = ELFDATA2MSB}, NULL, "ppc64 (64-bit big-endian)",
		"powerpc64-linux-gnu", 0x503},
	{{.machine = EM_S390, .data = ELFDATA2MSB}, "s390x", "s390x (", "s390x-linux-gnu", 0x403},
	{{.machine = EM_LOONGARCH, .flags = 0x43}, "loong64", "loong64 (", "loongarch64-linux-gnu",
		0x1203},
	{{.class = ELFCLASS32, .machine = EM_MIPS, .data = ELFDATA2MSB}, "mips", "mips (",
		"mips-linux-gnu", 0x3},
	{{.class = ELFCLASS32, .machine = EM_MIPS}, "mipsle", "mipsle (", "mipsel-linux-gnu", 0x3},
	{{.class = ELFCLASS32, .machine = EM_MIPS, .flags = EF_MIPS_ABI2}, NULL, "mipsle n32",
		"mips64el-linux-gnuabin32", 0x603},
	{{.machine = EM_MIPS, .data = ELFDATA2MSB}, "mips64", "mips64 (", "mips64-linux-gnuabi64",
		0x703},
	{{.machine = EM_MIPS}, "mips64le", "mips64le (", "mips64el-linux-gnuabi64", 0x703},
	{{.machine = EM_SPARCV9, .data = ELFDATA2MSB}, NULL, "machine 43 (64-bit big-endian)", NULL,
		0},
	{{.osabi = ELFOSABI_FREEBSD}, NULL, "amd64 (", "x86_64-linux-gnu", 0x303},
};

static void test_platforms(void **state)
{
	(void)state;
	for (const struct row *r = rows; r < rows + sizeof(rows) / sizeof(*rows); r++) {
		struct elf e = made(&r->build);
		drop(file_drop) struct file *f = built_file(&b);
		struct platform p;
		drop(err_drop) struct err *err = elf_platform(f, &e, &p);
		const char *text = elf_machine_text(&e, &arena);

		if (strncmp(text, r->text, strlen(r->text)) != 0)
			fail_msg("%s is called %s", r->text, text);
		if (!r->arch) {
			assert_non_null(err);
			assert_int_equal(err_kind(err), ERR_NO_START);
		} else {
			assert_null(err);
			assert_string_equal(p.os, "linux");
			assert_string_equal(p.arch, r->arch);
			assert_string_equal(p.variant, "");
		}
		if (r->triplet)
			assert_string_equal(elf_triplets(&e)[0], r->triplet);
		assert_int_equal(elf_cache_flags(&e), r->cache_flags);
		assert_non_null(elf_system_dirs(&e)[0]);
	}
}

// sysdeps/unix/sysv/linux/arm/dl-cache.h: what carries no mark is compatible with both.
static void test_cache_flags_taken(void **state)
{
	struct elf e = made(&(struct build){.class = ELFCLASS32,
		.machine = EM_ARM,
		.flags = EF_ARM_EABI_VER5,
		.interp = "/lib/ld-linux-armhf.so.3"});
	int flags[3];

	(void)state;
	assert_int_equal(elf_cache_flags_taken(&e, flags), 2);
	assert_int_equal(flags[0], 0x903);
	assert_int_equal(flags[1], 0x3);
	e.interp = "/lib/ld-linux.so.3";
	assert_int_equal(elf_cache_flags_taken(&e, flags), 2);
	assert_int_equal(flags[0], 0xb03);
	assert_int_equal(flags[1], 0x3);
	e = made(&(struct build){0});
	assert_int_equal(elf_cache_flags_taken(&e, flags), 1);
	assert_int_equal(flags[0], 0x303);
}

static void test_x32_is_named(void **state)
{
	struct elf e = made(&(struct build){.class = ELFCLASS32});
	drop(file_drop) struct file *f = built_file(&b);
	struct platform p;
	drop(err_drop) struct err *err = elf_platform(f, &e, &p);

	(void)state;
	assert_non_null(strstr(err_text(err), "x32"));
}

static bool has_command(const char *name)
{
	drop(mem_drop) char *command = str_printf("command -v %s >/dev/null", name);

	return system(command) == 0;
}

static struct err *platform_of(const char *compiler, const char *options, struct platform *out)
{
	drop(mem_drop) char *path = str_printf("%s/a.so", top);
	drop(mem_drop) char *command = str_printf("cd %s && echo 'int f(void){return 1;}' >a.c && "
						  "%s %s -shared -nostdlib -fPIC a.c -o a.so",
		top, compiler, options);
	struct stat st;
	struct elf e;

	assert_int_equal(system(command), 0);
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	assert_true(fd >= 0 && fstat(fd, &st) == 0);
	drop(file_drop) struct file *f = file_from_fd(fd, true, 0, (uint64_t)st.st_size, path);

	assert_null(elf_read(f, &arena, &e));
	assert_null(e.broken);
	return elf_platform(f, &e, out);
}

static void test_arm_variants(void **state)
{
	static const struct {
		const char *compiler, *options, *variant;
	} made_for[] = {
		{"arm-linux-gnueabi-gcc", "-march=armv4t", "v5"},
		{"arm-linux-gnueabi-gcc", "-march=armv5te", "v5"},
		{"arm-linux-gnueabihf-gcc", "-marm -march=armv6+fp", "v6"},
		{"arm-linux-gnueabihf-gcc", "-marm -march=armv6kz+fp", "v6"},
		{"arm-linux-gnueabihf-gcc", "", "v7"},
		{"arm-linux-gnueabihf-gcc", "-march=armv8-a+simd", "v8"},
		{"arm-linux-gnueabihf-gcc", "-march=armv8.1-a+simd", "v8"},
		{"aarch64-linux-gnu-gcc", "", ""},
	};

	(void)state;
	if (!has_command("arm-linux-gnueabihf-gcc") || !has_command("arm-linux-gnueabi-gcc") ||
		!has_command("aarch64-linux-gnu-gcc"))
		skip();
	for (size_t i = 0; i < sizeof(made_for) / sizeof(*made_for); i++) {
		struct platform p;

		assert_null(platform_of(made_for[i].compiler, made_for[i].options, &p));
		if (strcmp(p.variant, made_for[i].variant) != 0)
			fail_msg("%s gives %s", made_for[i].options, p.variant);
	}
}

static void test_microcontrollers_are_refused(void **state)
{
	struct platform p;

	(void)state;
	if (!has_command("arm-linux-gnueabi-gcc"))
		skip();
	drop(err_drop) struct err *err =
		platform_of("arm-linux-gnueabi-gcc", "-mthumb -march=armv7-m", &p);

	assert_non_null(err);
	assert_int_equal(err_kind(err), ERR_NO_START);
	assert_non_null(strstr(err_text(err), "microcontroller"));
}

static int setup(void **state)
{
	(void)state;
	strcpy(top, "/tmp/test_abi.XXXXXX");
	assert_non_null(mkdtemp(top));
	return 0;
}

static int teardown(void **state)
{
	drop(mem_drop) char *command = str_printf("rm -rf %s", top);

	(void)state;
	arena_drop(&arena);
	return system(command);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_skipped),
		cmocka_unit_test(test_fatal),
		cmocka_unit_test(test_arm_float),
		cmocka_unit_test(test_flags_of_other_machines),
		cmocka_unit_test(test_platforms),
		cmocka_unit_test(test_cache_flags_taken),
		cmocka_unit_test(test_x32_is_named),
		cmocka_unit_test(test_arm_variants),
		cmocka_unit_test(test_microcontrollers_are_refused),
	};

	return cmocka_run_group_tests_name("abi", tests, setup, teardown);
}

#include "ldd/abi.h"

#include <stdio.h>
#include <string.h>

// Not in every <elf.h>.
#define E_RISCV_FLOAT_ABI 6u
#define E_MIPS_NAN2008 0x400u
#define E_LOONGARCH_ABI 7u
#define E_LOONGARCH_DOUBLE 3u

enum { OSABI_MAX_VERSION = 4, OSABI_MAX_VERSION_MIPS = 6 }; // glibc's LIBC_ABI_MAX

// The ABIs that have a name, each a machine with the class, byte order and e_flags it wants.
struct abi {
	uint16_t machine;
	uint8_t class, data;
	uint32_t mask, value; // of e_flags
	const char *arch;     // OCI's name, NULL: no platform
	const char *text;     // for messages
	int cache_flags;      // sysdeps/*/dl-cache.h; 0x3 is FLAG_ELF_LIBC6
	const char *triplets[3];
	const char *dirs[7];
};

#define DIRS_64(t)                                                                                 \
	{                                                                                          \
		"/lib/" t, "/usr/lib/" t, "/lib64", "/usr/lib64", "/lib", "/usr/lib"               \
	}
#define DIRS_32(t)                                                                                 \
	{                                                                                          \
		"/lib/" t, "/usr/lib/" t, "/lib", "/usr/lib"                                       \
	}
#define LE ELFDATA2LSB
#define BE ELFDATA2MSB
#define C32 ELFCLASS32
#define C64 ELFCLASS64
#define O32_NAN (EF_MIPS_ABI2 | E_MIPS_NAN2008)

// The first that fits counts.
static const struct abi abis[] = {
	{EM_X86_64, C64, LE, 0, 0, "amd64", NULL, 0x303, {"x86_64-linux-gnu", "x86_64-linux-musl"},
		DIRS_64("x86_64-linux-gnu")},
	{EM_X86_64, C32, LE, 0, 0, NULL, "x32", 0x803, {"x86_64-linux-gnux32"},
		{"/lib/x86_64-linux-gnux32", "/usr/lib/x86_64-linux-gnux32", "/libx32",
			"/usr/libx32"}},
	{EM_386, C32, LE, 0, 0, "386", NULL, 0x3, {"i386-linux-gnu", "i386-linux-musl"},
		DIRS_32("i386-linux-gnu")},
	{EM_AARCH64, C64, LE, 0, 0, "arm64", NULL, 0xa03,
		{"aarch64-linux-gnu", "aarch64-linux-musl"}, DIRS_64("aarch64-linux-gnu")},
	{EM_AARCH64, C64, BE, 0, 0, NULL, "arm64 big-endian", 0xa03, {"aarch64_be-linux-gnu"},
		DIRS_64("aarch64_be-linux-gnu")},
	{EM_AARCH64, C32, LE, 0, 0, NULL, "arm64 ILP32", 0, {"aarch64-linux-gnu_ilp32"},
		DIRS_32("aarch64-linux-gnu_ilp32")},
	{EM_ARM, C32, LE, EF_ARM_ABI_FLOAT_HARD, EF_ARM_ABI_FLOAT_HARD, "arm", "arm hard-float",
		0x903, {"arm-linux-gnueabihf", "arm-linux-musleabihf"},
		DIRS_32("arm-linux-gnueabihf")},
	{EM_ARM, C32, LE, EF_ARM_ABI_FLOAT_SOFT, EF_ARM_ABI_FLOAT_SOFT, "arm", "arm soft-float",
		0xb03, {"arm-linux-gnueabi", "arm-linux-musleabi"}, DIRS_32("arm-linux-gnueabi")},
	{EM_ARM, C32, LE, 0, 0, "arm", NULL, 0x3, {"arm-linux-gnueabihf", "arm-linux-gnueabi"},
		{"/lib/arm-linux-gnueabihf", "/usr/lib/arm-linux-gnueabihf",
			"/lib/arm-linux-gnueabi", "/usr/lib/arm-linux-gnueabi", "/lib",
			"/usr/lib"}},
	{EM_ARM, C32, BE, 0, 0, NULL, "arm big-endian", 0x3, {"armeb-linux-gnueabihf"},
		DIRS_32("armeb-linux-gnueabihf")},
	{EM_RISCV, C64, LE, E_RISCV_FLOAT_ABI, 4, "riscv64", NULL, 0x1003,
		{"riscv64-linux-gnu", "riscv64-linux-musl"}, DIRS_64("riscv64-linux-gnu")},
	{EM_RISCV, C64, LE, E_RISCV_FLOAT_ABI, 0, "riscv64", "riscv64 soft-float", 0xf03,
		{"riscv64-linux-gnu", "riscv64-linux-musl"}, DIRS_64("riscv64-linux-gnu")},
	{EM_RISCV, C64, LE, 0, 0, "riscv64", NULL, 0, {"riscv64-linux-gnu"},
		DIRS_64("riscv64-linux-gnu")},
	{EM_RISCV, C32, LE, 0, 0, NULL, "riscv32", 0, {"riscv32-linux-gnu"},
		DIRS_32("riscv32-linux-gnu")},
	{EM_PPC64, C64, LE, 0, 0, "ppc64le", NULL, 0x503,
		{"powerpc64le-linux-gnu", "powerpc64le-linux-musl"},
		DIRS_64("powerpc64le-linux-gnu")},
	{EM_PPC64, C64, BE, 0, 0, NULL, "ppc64", 0x503, {"powerpc64-linux-gnu"},
		DIRS_64("powerpc64-linux-gnu")},
	{EM_PPC, C32, BE, 0, 0, NULL, "powerpc", 0x3, {"powerpc-linux-gnu"},
		DIRS_32("powerpc-linux-gnu")},
	{EM_S390, C64, BE, 0, 0, "s390x", NULL, 0x403, {"s390x-linux-gnu", "s390x-linux-musl"},
		DIRS_64("s390x-linux-gnu")},
	{EM_S390, C32, BE, 0, 0, NULL, "s390", 0x3, {"s390-linux-gnu"}, DIRS_32("s390-linux-gnu")},
	{EM_LOONGARCH, C64, LE, E_LOONGARCH_ABI, E_LOONGARCH_DOUBLE, "loong64", NULL, 0x1203,
		{"loongarch64-linux-gnu", "loongarch64-linux-musl"},
		DIRS_64("loongarch64-linux-gnu")},
	{EM_LOONGARCH, C64, LE, 0, 0, "loong64", NULL, 0x1103, {"loongarch64-linux-gnu"},
		DIRS_64("loongarch64-linux-gnu")},
	{EM_MIPS, C32, BE, EF_MIPS_ABI2, EF_MIPS_ABI2, NULL, "mips n32", 0x603,
		{"mips64-linux-gnuabin32"}, {"/lib32", "/usr/lib32", "/lib", "/usr/lib"}},
	{EM_MIPS, C32, LE, EF_MIPS_ABI2, EF_MIPS_ABI2, NULL, "mipsle n32", 0x603,
		{"mips64el-linux-gnuabin32"}, {"/lib32", "/usr/lib32", "/lib", "/usr/lib"}},
	{EM_MIPS, C32, BE, O32_NAN, E_MIPS_NAN2008, "mips", "mips NaN2008", 0xc03,
		{"mips-linux-gnu"}, DIRS_32("mips-linux-gnu")},
	{EM_MIPS, C32, LE, O32_NAN, E_MIPS_NAN2008, "mipsle", "mipsle NaN2008", 0xc03,
		{"mipsel-linux-gnu"}, DIRS_32("mipsel-linux-gnu")},
	{EM_MIPS, C32, BE, 0, 0, "mips", NULL, 0x3, {"mips-linux-gnu", "mips-linux-musl"},
		DIRS_32("mips-linux-gnu")},
	{EM_MIPS, C32, LE, 0, 0, "mipsle", NULL, 0x3, {"mipsel-linux-gnu", "mipsel-linux-musl"},
		DIRS_32("mipsel-linux-gnu")},
	{EM_MIPS, C64, BE, E_MIPS_NAN2008, E_MIPS_NAN2008, "mips64", "mips64 NaN2008", 0xe03,
		{"mips64-linux-gnuabi64"}, DIRS_64("mips64-linux-gnuabi64")},
	{EM_MIPS, C64, LE, E_MIPS_NAN2008, E_MIPS_NAN2008, "mips64le", "mips64le NaN2008", 0xe03,
		{"mips64el-linux-gnuabi64"}, DIRS_64("mips64el-linux-gnuabi64")},
	{EM_MIPS, C64, BE, 0, 0, "mips64", NULL, 0x703, {"mips64-linux-gnuabi64"},
		DIRS_64("mips64-linux-gnuabi64")},
	{EM_MIPS, C64, LE, 0, 0, "mips64le", NULL, 0x703, {"mips64el-linux-gnuabi64"},
		DIRS_64("mips64el-linux-gnuabi64")},
};

static const struct abi *find_abi(const struct elf *e)
{
	for (size_t i = 0; !e->not_elf && i < sizeof(abis) / sizeof(*abis); i++)
		if (abis[i].machine == e->machine && abis[i].class == e->class &&
			abis[i].data == e->data && (e->flags & abis[i].mask) == abis[i].value)
			return &abis[i];
	return NULL;
}

uint32_t elf_arm_float(const struct elf *e)
{
	if (e->machine != EM_ARM || (e->flags & EF_ARM_EABIMASK) != EF_ARM_EABI_VER5)
		return 0;
	return e->flags & (EF_ARM_ABI_FLOAT_SOFT | EF_ARM_ABI_FLOAT_HARD);
}

// The float ABI of the loader that the program asks for; its own mark where that does not say.
static uint32_t arm_loader_float(const struct elf *program)
{
	const char *base = program->interp ? strrchr(program->interp, '/') : NULL;

	base = base ? base + 1 : program->interp;
	if (base &&
		(strncmp(base, "ld-linux-armhf.", 15) == 0 ||
			strncmp(base, "ld-musl-armhf.", 14) == 0))
		return EF_ARM_ABI_FLOAT_HARD;
	if (base && (strcmp(base, "ld-linux.so.3") == 0 || strcmp(base, "ld-musl-arm.so.1") == 0))
		return EF_ARM_ABI_FLOAT_SOFT;
	return elf_arm_float(program);
}

static bool is_valid_osabi(const struct elf *program, const struct elf *e)
{
	return e->osabi == ELFOSABI_SYSV || e->osabi == ELFOSABI_GNU ||
		(program->machine == EM_ARM && e->osabi == ELFOSABI_ARM_AEABI);
}

static bool is_valid_abiversion(const struct elf *program, const struct elf *e)
{
	if (e->abiversion == 0)
		return true;
	if (program->machine == EM_MIPS)
		return e->abiversion < OSABI_MAX_VERSION_MIPS;
	return e->osabi == ELFOSABI_GNU && e->abiversion < OSABI_MAX_VERSION;
}

// elf_machine_matches_host of sysdeps/*/dl-machine.h: NULL where the machine's own rules are met.
static const char *machine_mismatch(const struct elf *program, const struct elf *e)
{
	uint32_t differing = program->flags ^ e->flags, theirs, ours;

	if (program->machine != e->machine)
		return "another machine";
	switch (e->machine) {
	case EM_ARM:
		ours = arm_loader_float(program);
		theirs = elf_arm_float(e);
		if (ours == EF_ARM_ABI_FLOAT_HARD && theirs == EF_ARM_ABI_FLOAT_SOFT)
			return "soft-float, the loader is hard-float";
		if (ours == EF_ARM_ABI_FLOAT_SOFT && theirs == EF_ARM_ABI_FLOAT_HARD)
			return "hard-float, the loader is soft-float";
		return NULL;
	case EM_RISCV:
		return differing & E_RISCV_FLOAT_ABI ? "another float ABI" : NULL;
	case EM_PPC64:
		ours = program->flags & EF_PPC64_ABI;
		theirs = e->flags & EF_PPC64_ABI;
		return ours && theirs && ours != theirs ? "another ELF ABI version" : NULL;
	case EM_MIPS:
		if (differing & EF_MIPS_ABI2)
			return "o32 and n32 do not mix";
		return differing & E_MIPS_NAN2008 ? "another NaN encoding" : NULL;
	default:
		return NULL;
	}
}

static enum elf_fit say(enum elf_fit fit, const char **why, const char *text)
{
	*why = text;
	return fit;
}

// What _dl_map_object_from_fd refuses after open_verify; musl takes programs as libraries.
static enum elf_fit fits_as_library(
	const struct elf *program, const struct elf *e, const char **why)
{
	bool is_musl = program->interp && strstr(program->interp, "/ld-musl-");

	if (e->broken)
		return say(ELF_FATAL, why, e->broken);
	if (!e->is_dynamic)
		return say(ELF_FATAL, why, "object file has no dynamic section");
	if (!is_musl && e->type == ET_EXEC)
		return say(ELF_FATAL, why, "a program, not a shared library");
	if (!is_musl && (e->dt_flags_1 & DF_1_PIE))
		return say(ELF_FATAL, why, "a position-independent program, not a shared library");
	*why = NULL;
	return ELF_FITS;
}

enum elf_fit elf_fits(
	const struct elf *program, const struct elf *e, struct arena *a, const char **why)
{
	const size_t header =
		program->class == ELFCLASS64 ? sizeof(Elf64_Ehdr) : sizeof(Elf32_Ehdr);
	const char *mismatch;

	if (e->not_elf)
		return say(ELF_FATAL, why, e->not_elf);
	if (e->size < header)
		return say(ELF_FATAL, why, "file too short");
	if (e->class != program->class)
		return say(ELF_SKIPPED, why,
			arena_printf(a, "another class: %s", elf_machine_text(e, a)));
	if (e->data != program->data)
		return say(ELF_FATAL, why,
			arena_printf(a, "another byte order: %s", elf_machine_text(e, a)));
	if (e->bad_ident)
		return say(ELF_FATAL, why, "ELF version or padding of the identification is wrong");
	if (!is_valid_osabi(program, e))
		return say(ELF_FATAL, why, arena_printf(a, "ELF OS ABI %d is invalid", e->osabi));
	if (!is_valid_abiversion(program, e))
		return say(ELF_FATAL, why,
			arena_printf(a, "ELF ABI version %d is invalid", e->abiversion));
	if (e->version != EV_CURRENT)
		return say(ELF_FATAL, why, "ELF version is not the current one");
	mismatch = machine_mismatch(program, e);
	if (mismatch)
		return say(ELF_SKIPPED, why,
			arena_printf(a, "%s: %s", mismatch, elf_machine_text(e, a)));
	return fits_as_library(program, e, why);
}

const char *elf_machine_text(const struct elf *e, struct arena *a)
{
	const struct abi *abi = find_abi(e);
	const char *bits = e->class == ELFCLASS64 ? "64-bit"
		: e->class == ELFCLASS32          ? "32-bit"
						  : "unknown class";
	const char *order = e->data == ELFDATA2LSB ? "little-endian"
		: e->data == ELFDATA2MSB           ? "big-endian"
						   : "unknown byte order";

	if (e->not_elf)
		return e->not_elf;
	if (!abi)
		return arena_printf(a, "machine %d (%s %s)", e->machine, bits, order);
	return arena_printf(a, "%s (%s %s)", abi->text ? abi->text : abi->arch, bits, order);
}

const char *const *elf_triplets(const struct elf *e)
{
	static const char *const none[] = {NULL};
	const struct abi *abi = find_abi(e);

	return abi ? abi->triplets : none;
}

int elf_cache_flags(const struct elf *e)
{
	const struct abi *abi = find_abi(e);

	return abi ? abi->cache_flags : 0;
}

size_t elf_cache_flags_taken(const struct elf *e, int flags[static 3])
{
	const uint32_t floats = e->machine == EM_ARM ? arm_loader_float(e) : 0;
	const int own = elf_cache_flags(e);
	size_t n = 0;

	if (e->machine != EM_ARM) {
		flags[n++] = own;
		if (own == 0x3)
			flags[n++] = 0x1; // ELF without a C library's mark
		return n;
	}
	if (floats != EF_ARM_ABI_FLOAT_HARD)
		flags[n++] = 0xb03;
	if (floats != EF_ARM_ABI_FLOAT_SOFT)
		flags[n++] = 0x903;
	flags[n++] = 0x3;
	return n;
}

const char *const *elf_system_dirs(const struct elf *e)
{
	static const char *const usual[] = {"/lib", "/usr/lib", NULL};
	const struct abi *abi = find_abi(e);

	return abi ? abi->dirs : usual;
}

// Tag_CPU_arch → the 7 of v7; 0: not marked. -1: Linux does not run there.
static int arm_level(const struct elf_arm *arm)
{
	static const signed char levels[] = {
		[0] = 5,
		[1] = 5,
		[2] = 5, // pre-v4, v4, v4T: OCI knows nothing older than v5
		[3] = 5,
		[4] = 5,
		[5] = 5, // v5T, v5TE, v5TEJ
		[6] = 6,
		[7] = 6,
		[8] = 6,
		[9] = 6, // v6, v6KZ, v6T2, v6K
		[10] = 7,
		[11] = -1,
		[12] = -1,
		[13] = -1, // v6-M, v6S-M, v7E-M
		[14] = 8,
		[15] = -1, // v8-A, v8-R
		[16] = -1,
		[17] = -1, // v8-M
		[18] = 8,
		[19] = 8,
		[20] = 8, // v8.1-A to v8.3-A
		[21] = -1,
		[22] = 8, // v8.1-M, v9-A
	};

	if (arm->cpu_profile == 'M')
		return -1;
	if (arm->cpu_arch < 0)
		return 0;
	// What is newer than this table runs on nothing below v8.
	return (size_t)arm->cpu_arch < sizeof(levels) ? levels[arm->cpu_arch] : 8;
}

static struct err *arm_variant(struct file *f, const struct elf *e, struct platform *out)
{
	struct elf_arm arm;
	int level, goarm;
	bool is_go;

	TRY(elf_read_arm(f, e, &arm));
	TRY(elf_read_goarm(f, e, &goarm, &is_go));
	level = arm_level(&arm);
	if (level < 0)
		return err_new(
			ERR_NO_START, "made for an ARM microcontroller, which runs no Linux");
	if (goarm > level)
		level = goarm;
	if (level)
		snprintf(out->variant, sizeof(out->variant), "v%d", level & 15);
	return NULL;
}

struct err *elf_platform(struct file *f, const struct elf *e, struct platform *out)
{
	drop(arena_drop) struct arena a = {0};
	const struct abi *abi = find_abi(e);

	*out = (struct platform){.os = "linux"};
	if (e->not_elf || e->broken)
		return err_new(ERR_NO_START, "%s", e->not_elf ? e->not_elf : e->broken);
	if (e->osabi != ELFOSABI_SYSV && e->osabi != ELFOSABI_GNU &&
		!(e->machine == EM_ARM && e->osabi == ELFOSABI_ARM_AEABI))
		return err_new(ERR_NO_START, "not made for Linux (ELF OS ABI %d)", e->osabi);
	if (!abi || !abi->arch)
		return err_new(
			ERR_NO_START, "images know no platform for %s", elf_machine_text(e, &a));
	snprintf(out->arch, sizeof(out->arch), "%s", abi->arch);
	return e->machine == EM_ARM ? arm_variant(f, e, out) : NULL;
}

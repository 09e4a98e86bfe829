// Which ELF files can live in one process, and which platform of OCI they are.
#pragma once
#include "base/platform.h"
#include "ldd/elf.h"

// What glibc's open_verify (elf/dl-load.c) does with a candidate, in its order of checks.
enum elf_fit {
	ELF_FITS,
	ELF_SKIPPED, // another class, machine or ABI: the search goes on with the next directory
	ELF_FATAL,   // the loader stops: no ELF file, other endianness, OSABI, version, type …
};
// Does `e` fit into a process of `program`? *why (static text or in the arena) says why not.
enum elf_fit elf_fits(
	const struct elf *program, const struct elf *e, struct arena *a, const char **why);

// ARM: explicit float marks in e_flags. 0 unmarked, EF_ARM_ABI_FLOAT_SOFT or _HARD.
uint32_t elf_arm_float(const struct elf *e);

// The platform of a file (table in elf.md). For ARM `f` is read for .ARM.attributes and GOARM and
// the variant says what the file itself is marked for, empty if nothing is. Files for no
// platform of the table (x32, microcontroller profiles …) are an error of kind ERR_NO_START.
must_check struct err *elf_platform(struct file *f, const struct elf *e, struct platform *out);

// "amd64 (64-bit little-endian)": what a file is, for messages, also where it has no platform.
const char *elf_machine_text(const struct elf *e, struct arena *a);

// The GNU triplets whose directories a Debian or a cross toolchain uses for e's ABI, most usual
// first, NULL-ended: "arm-linux-gnueabihf". Empty list for unknown machines.
const char *const *elf_triplets(const struct elf *e);

// ld.so.cache's flags word for libraries of e's ABI (sysdeps/*/dl-cache.h), 0 for unknown ones.
int elf_cache_flags(const struct elf *e);
// Those that the loader of program e takes, highest first (_dl_cache_check_flags): ARM's two take
// what carries no float mark, too.
size_t elf_cache_flags_taken(const struct elf *e, int flags[static 3]);
// Fallback for the directories a glibc loader of e's ABI has built in, NULL-ended.
const char *const *elf_system_dirs(const struct elf *e);

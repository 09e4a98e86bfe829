// Beyond being there: symbol versions, undefined symbols, float ABI, ISA level, ARM variant.
#pragma once
#include "base/platform.h"
#include "ldd/closure.h"

// Each Verneed against the Verdef of the object its file name stands for in the closure
// (elf/dl-version.c): adds PROBLEM_VERSION. A weak need that is missing is a warning; a provider
// without any Verdef passes. DT_RELR needs GLIBC_ABI_DT_RELR from libc (glibc ≥ 2.36).
must_check struct err *verify_versions(struct resolver *r, struct closure *c);

// Undefined STB_GLOBAL symbols of each object looked up in breadth-first scope
// (elf/dl-lookup.c): PROBLEM_SYMBOL, an error where the loader would stop (BIND_NOW or a data
// relocation), else a warning. Plugins and lone libraries (no PT_INTERP) are left alone.
must_check struct err *verify_symbols(struct resolver *r, struct closure *c);

// The platform the closure needs: the highest ARM variant of program, its own libraries, loader
// and libc; for amd64 the highest GNU_PROPERTY_X86_ISA_1_NEEDED of these and of everything that
// glibc's loader loads at start, for it refuses what is above the processor. `asked` (NULL: nothing
// asserted) is compared: what a device of it cannot run is a PROBLEM_ABI. Other ARM libraries of
// the sysroot marked higher only warn. The user's own are those outside the sysroot's root. An ARM
// program that does not say its variant is a PROBLEM_ABI, unless `asked` says it.
must_check struct err *verify_platform(
	struct resolver *r, struct closure *c, const struct platform *asked, struct platform *out);

// The highest GLIBC_x.y version that any object asks libc for ("2.34"); NULL where none does.
const char *verify_glibc_floor(struct resolver *r, const struct closure *c);

// Does any object of the closure import (leave undefined) the symbol? Remembered per file.
must_check struct err *verify_imports(
	struct resolver *r, const struct closure *c, const char *symbol, const struct object **by);

// One ELF file → a smaller one that loads the same: what no segment holds is left out, and so is
// the padding between segments that only pages larger than the target's call for.
#pragma once
#include "ldd/elf.h"

// Part of what tells rewritten files apart from those of another imgmin.
#define REWRITE_VERSION 1

struct rewrite_options {
	// No section headers at all; else a small table keeps .ARM.attributes, build-id and dlopen
	// notes, .gnu_debuglink and their like readable for tools.
	bool drop_section_headers;
	// The largest page a target's kernel may have, a power of two from 4096 to 65536; 0: what
	// rewrite_page_size says of the machine.
	uint64_t page_size;
	const struct strings *drop_needed; // DT_NEEDED names to take out; NULL: none
};

// Bytes of the new file from `off` on: those of the old one at source_off, or `bytes`. What lies
// between pieces is zero.
struct rewrite_piece {
	uint64_t off, size, source_off;
	const uint8_t *bytes; // NULL: the old file's
};

struct rewrite {
	// Why the file is to be copied as it is ("it has bytes behind its sections, as programs
	// that read themselves do"); NULL: the rest holds. A file that would not become smaller has
	// it, too.
	const char *why_not;
	uint64_t size;          // of the new file
	uint64_t segments;      // bytes of it that PT_LOADs hold
	uint64_t sections_gone; // bytes that no segment held
	uint64_t padding_gone;
	struct {
		struct rewrite_piece *at;
		size_t len, cap;
	} pieces; // by off, without overlap
};

// 4 KiB for 32-bit ARM, x86, RISC-V, s390x; 64 KiB for arm64 and ppc64le; for any other the
// alignment the file has (0).
uint64_t rewrite_page_size(const struct elf *e);

// What the smaller file would be; nothing is written. Every PT_LOAD keeps its address, contents and
// zero-filled rest; PT_DYNAMIC, TLS, RELRO, notes, EXIDX and the others keep theirs. What is not
// understood for certain is not touched: *out says why. The error is for a file that cannot be
// read. p_offset ≡ p_vaddr modulo p_align must hold (elf(5); elf/dl-load.c; fs/binfmt_elf.c).
must_check struct err *rewrite_plan(struct file *f, const struct elf *e,
	const struct rewrite_options *o, struct arena *a, struct rewrite *out);

// The new file, read from the old one as it is asked for; `source` belongs to it then, and the
// plan's arena must outlive it. With why_not it is `source` itself.
struct file *rewrite_open(const struct rewrite *w, struct file *source);

// One ELF file as plain facts: what its headers, dynamic section, versions and notes say.
// Nothing is mapped or trusted: every offset and size is checked, every count has a limit.
#pragma once
#include <elf.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/root.h"

enum elf_dep_kind { ELF_NEEDED, ELF_FILTER, ELF_AUXILIARY };
struct elf_dep {
	enum elf_dep_kind kind;
	const char *name;
};

// A Verneed entry: `version` of `file` is asked for.
struct elf_version_need {
	const char *file, *version;
	bool weak; // VER_FLG_WEAK
};

struct elf_segment { // a PT_LOAD
	uint64_t offset, vaddr, filesz, memsz, align;
	uint32_t flags;
};

struct elf {
	uint64_t size; // of the file

	// Why the first bytes are no ELF header ("file too short", "not an ELF file"); NULL: they
	// are, and the next block holds.
	const char *not_elf;
	uint8_t class, data, osabi, abiversion; // ELFCLASS*, ELFDATA*, ELFOSABI*
	bool bad_ident;                         // EI_VERSION is not 1, or EI_PAD is not zero
	uint16_t type, machine;                 // ET_*, EM_*
	uint32_t version, flags;                // e_version, e_flags
	uint16_t phentsize;

	// Why the rest cannot be loaded ("PT_DYNAMIC lies outside the file"); NULL: it can, and the
	// rest holds. Only sought where not_elf is NULL.
	const char *broken;
	bool is_dynamic;                      // has PT_DYNAMIC
	const char *interp;                   // NULL: none
	const char *soname, *rpath, *runpath; // NULL: none
	const char *audit, *depaudit;
	struct {
		struct elf_dep *at;
		size_t len, cap;
	} deps; // in the order of the dynamic section
	uint64_t dt_flags, dt_flags_1;
	bool has_relr; // DT_RELR
	bool bind_now; // DT_BIND_NOW, DF_BIND_NOW or DF_1_NOW
	bool has_textrel;
	bool exec_stack; // PT_GNU_STACK asks for it
	bool has_tls;    // PT_TLS
	struct {
		struct elf_segment *at;
		size_t len, cap;
	} loads;
	struct {
		struct elf_version_need *at;
		size_t len, cap;
	} needs;
	bool has_verdef;
	struct strings defines;  // versions defined, without the base version (the soname)
	uint32_t x86_isa_needed; // GNU_PROPERTY_X86_ISA_1_NEEDED, 0: none
	struct strings dlopen;   // JSON text of each .note.dlopen (uapi-group ELF_DLOPEN_METADATA)
	const char *build_id;    // hex, NULL: none

	// Where the symbols are, for elf_read_symbols; 0 where there are none.
	struct {
		uint64_t symtab, strtab, strsz, versym, verneed, verneednum, verdef, verdefnum;
		uint64_t hash, gnu_hash, rel, relsz, rela, relasz, jmprel, pltrelsz, pltrel;
		uint64_t relr, relrsz, init, init_array, init_arraysz, fini, fini_array,
			fini_arraysz;
	} dt; // values of the dynamic section: addresses and sizes
};

// Reads the facts. A damaged or foreign file is no error here (see not_elf, broken); the error is
// for a file that cannot be read. Strings live in the arena.
must_check struct err *elf_read(struct file *f, struct arena *a, struct elf *out);

// n bytes at the loaded address addr, looked up through the PT_LOADs, copied into the arena.
// false where they do not lie in one segment's file bytes, and for more than 256 MiB.
bool elf_read_at(struct file *f, const struct elf *e, uint64_t addr, uint64_t n, struct arena *a,
	struct span *out);

struct elf_symbol {
	const char *name;
	const char *version; // NULL: none, or base
	const char *file;    // of an undefined one: the library its version is asked from
	uint8_t bind, type;  // STB_*, STT_*
	bool is_defined;
	bool is_hidden_version; // name@version, not name@@version
	bool by_data;           // undefined, and a data relocation (not a PLT slot) wants it
};
struct elf_symbols {
	struct elf_symbol *at;
	size_t len, cap;
};
// The dynamic symbols with a name, global or weak, in table order.
must_check struct err *elf_read_symbols(
	struct file *f, const struct elf *e, struct arena *a, struct elf_symbols *out);

// .ARM.attributes of the public "aeabi" vendor (Addenda to the ABI for the Arm Architecture).
struct elf_arm {
	bool found;
	int cpu_arch;     // Tag_CPU_arch (6), -1: not marked
	int cpu_profile;  // Tag_CPU_arch_profile (7): 'A', 'R', 'M', 'S' or 0
	int abi_vfp_args; // Tag_ABI_VFP_args (28), -1: not marked
};
must_check struct err *elf_read_arm(struct file *f, const struct elf *e, struct elf_arm *out);

// GOARM of a Go program's build info (5, 6, 7), 0 where it has none; *is_go says whether the file
// is a Go program at all.
must_check struct err *elf_read_goarm(struct file *f, const struct elf *e, int *goarm, bool *is_go);

// Printable NUL-ended strings of the loaded segments that match ^lib[\w.+-]+\.so(\.\d+)*$.
must_check struct err *elf_read_lib_strings(
	struct file *f, const struct elf *e, struct arena *a, struct strings *out);

// The directories a glibc loader has built in, without their last slash: in its segments they stand
// as a run of two or more NUL-ended strings "/…/" (elf/dl-load.c, system_dirs). None found: empty.
must_check struct err *elf_read_dir_strings(
	struct file *f, const struct elf *e, struct arena *a, struct strings *out);

// Which of the n texts stand in the loaded segments, whole or inside a longer string (Go's strings
// have no end of their own); found[i] is only ever set. A text has less than 256 bytes.
must_check struct err *elf_find_texts(
	struct file *f, const struct elf *e, const char *const *texts, size_t n, bool *found);
// What follows `prefix` in the first string that has it, up to a NUL or `end`: after
// "OPENSSLDIR: \"" stands OpenSSL's directory. NULL where there is none.
must_check struct err *elf_read_text_after(struct file *f, const struct elf *e, const char *prefix,
	char end, struct arena *a, const char **out);

// What verify, hidden and unbound remember of one file (object_file.memo), so that a library shared
// by a thousand programs is looked into once. Only for these.
#pragma once
#include "base/map.h"
#include "base/platform.h"
#include "ldd/closure.h"

// The needs of one Verneed: versions[first..first+n) of elf.needs ask the same file.
struct need_group {
	const char *file;
	size_t first, n;
};

// An answer of verify_versions: what `provider` lacks of one group.
struct version_answer {
	const struct object_file *provider;
	size_t group;
	struct strings missing, weak; // versions; weak ones only warn
};

// A file's symbols by name: chains of indices plus one, as in DT_HASH.
struct symbol_index {
	uint32_t *buckets, *next, *hashes;
	uint32_t mask; // number of buckets minus one
};

// One entry of a .note.dlopen.
struct dlopen_note {
	struct strings sonames;         // the first that is there is opened
	bool is_required, is_suggested; // neither: recommended
	const char *feature;            // or its description; NULL: none
};

struct facts {
	struct {
		struct need_group *at;
		size_t len, cap;
	} groups;
	struct {
		struct version_answer *at;
		size_t len, cap;
	} answers;
	struct map defines; // versions, from a name to itself, where they are many
	const char *floor;  // highest GLIBC_x.y needed, without "GLIBC_"; NULL: none

	struct elf_symbols symbols;
	const char *damage; // why the symbols cannot be read; NULL: they can
	struct symbol_index index;
	bool in_scope; // of the program that verify_symbols is looking at
	// Every undefined symbol was found when these were in the scope; NULL: not known yet.
	const struct object_file **found_in;
	size_t nfound_in;

	struct platform platform;
	const char *no_platform; // why it has none; NULL: it has one

	struct {
		struct dlopen_note *at;
		size_t len, cap;
	} notes;
	const char *bad_note; // what is wrong with a note; NULL: nothing
	struct strings lib_strings;
	struct map *nss; // of libc's file: what nsswitch.conf says, from database to struct strings

	bool has_defines, has_symbols, has_platform, has_notes, has_lib_strings;
};

// Never NULL. The needs' groups and the floor are always filled in.
struct facts *facts_of(struct resolver *r, const struct object_file *f);
// Is it one of the versions that the file defines?
bool facts_defines(struct resolver *r, const struct object_file *f, const char *version);
// Fills in symbols and their index. Damaged tables are no error (facts.damage).
must_check struct err *facts_symbols(
	struct resolver *r, const struct object_file *f, struct facts **out);
uint32_t symbol_hash(const char *name);
// The first symbol of that name after `after` (NULL: from the start); NULL: no more.
const struct elf_symbol *facts_find(
	const struct facts *f, const char *name, uint32_t hash, const struct elf_symbol *after);
// Does the file leave the symbol undefined?
bool facts_imports(const struct facts *f, const char *name);

// The files that symbols are searched in, in breadth-first order.
struct scope {
	const struct object_file **at;
	size_t len, cap;
	bool has_versions; // musl has none
};
// The first file that defines what is wanted, or that may, its symbols being damaged; NULL: none.
must_check struct err *scope_find(struct resolver *r, const struct scope *scope,
	const struct elf_symbol *want, const struct object_file **out);

// Is there something to look into: found, ELF, whole?
bool object_is_usable(const struct object *o);
// Is it there when the program starts, or only after a dlopen?
bool object_is_at_start(const struct object *o);
// The object that is the C library; NULL: none.
struct object *closure_libc(const struct closure *c);
// For messages: where the user finds the file.
const char *object_file_text(struct resolver *r, const struct object_file *f);

// Reads: ldd/hidden_notes.c base/json.c
//
// The JSON text of a .note.dlopen: a bounded list of libraries' names.
#include <string.h>

#include "base/span.h"
#include "ldd/facts.h"
#include "ldd/hidden_impl.h"
#include "tests/fuzz/must.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	drop(arena_drop) struct arena a = {0};
	struct facts facts = {0};

	note_parse(&a, arena_strndup(&a, (const char *)data, size), &facts);
	must(facts.notes.len <= 256);
	must(!facts.bad_note || *facts.bad_note);
	vec_each (note, &facts.notes) {
		must(note->sonames.len > 0 && note->sonames.len <= 64);
		must(!note->is_required || !note->is_suggested);
		must(!note->feature || strlen(note->feature) <= 100);
		vec_each (name, &note->sonames) {
			must(**name && strlen(*name) <= 255);
			for (const char *p = *name; *p; p++)
				must((unsigned char)*p > ' ' && *p != 127);
		}
	}
	return 0;
}

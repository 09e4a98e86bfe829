// .note.dlopen: a file's own word on what it opens (uapi-group, ELF_DLOPEN_METADATA).
#include <string.h>

#include "base/json.h"
#include "ldd/facts.h"
#include "ldd/hidden_impl.h"

enum { ENTRIES_MAX = 256, SONAMES_MAX = 64, SONAME_LEN_MAX = 255 };

// A library's name, or a path; nothing else goes on to the search.
static bool is_soname(const char *s)
{
	size_t n = strlen(s);

	for (size_t i = 0; i < n; i++)
		if ((unsigned char)s[i] <= ' ' || s[i] == 0x7f)
			return false;
	return n > 0 && n <= SONAME_LEN_MAX;
}

static const char *read_sonames(struct arena *a, const json_t *list, struct dlopen_note *note)
{
	const json_t *item;
	size_t i;

	if (!json_is_array(list) || json_array_size(list) == 0)
		return "soname is no list";
	if (json_array_size(list) > SONAMES_MAX)
		return "too many sonames";
	json_array_foreach(list, i, item)
	{
		const char *text = json_string_value(item);

		if (!text || !is_soname(text))
			return "a soname is no library's name";
		vec_push(a, &note->sonames, arena_strdup(a, text));
	}
	return NULL;
}

static const char *read_entry(struct arena *a, const json_t *entry, struct facts *facts)
{
	struct dlopen_note note = {0};
	const json_t *priority = json_object_get(entry, "priority");
	const char *word = json_string_value(priority), *feature, *wrong;

	if (!json_is_object(entry))
		return "an entry is no object";
	if (facts->notes.len >= ENTRIES_MAX)
		return "too many entries";
	wrong = read_sonames(a, json_object_get(entry, "soname"), &note);
	if (wrong)
		return wrong;
	if (priority &&
		(!word ||
			(strcmp(word, "required") != 0 && strcmp(word, "recommended") != 0 &&
				strcmp(word, "suggested") != 0)))
		return "an unknown priority";
	note.is_required = word && !strcmp(word, "required");
	note.is_suggested = word && !strcmp(word, "suggested");
	feature = json_string_value(json_object_get(entry, "feature"));
	if (!feature)
		feature = json_string_value(json_object_get(entry, "description"));
	note.feature = feature ? arena_strndup(a, feature, 100) : NULL;
	vec_push(a, &facts->notes, note);
	return NULL;
}

void note_parse(struct arena *a, const char *text, struct facts *facts)
{
	struct span span = {(const uint8_t *)text, strlen(text)};
	drop(json_drop) json_t *list = NULL;
	drop(err_drop) struct err *e = json_parse(span, ".note.dlopen", &list);
	const json_t *entry;
	size_t i;

	if (e) {
		facts->bad_note = arena_strdup(a, err_text(e));
		return;
	}
	if (!json_is_array(list) || json_array_size(list) > ENTRIES_MAX) {
		facts->bad_note = ".note.dlopen: no list of entries";
		return;
	}
	json_array_foreach(list, i, entry)
	{
		const char *wrong = read_entry(a, entry, facts);

		if (wrong)
			facts->bad_note = arena_printf(a, ".note.dlopen: %s", wrong);
	}
}

static const char *why_of(
	struct resolver *r, const struct object *user, const struct dlopen_note *note)
{
	return arena_printf(resolver_arena(r), "%s opens it%s%s (.note.dlopen, %s)",
		object_file_text(r, user->file), note->feature ? " for " : "",
		note->feature ? note->feature : "",
		note->is_required            ? "required"
			: note->is_suggested ? "suggested"
					     : "recommended");
}

// The first of the list that is there.
static struct err *add_first(struct resolver *r, struct closure *c, struct object *user,
	const struct dlopen_note *note, const char *why, bool *found)
{
	*found = false;
	for (size_t i = 0; i < note->sonames.len && !*found; i++)
		TRY(closure_add_hidden(r, c, user, note->sonames.at[i], why, found));
	return NULL;
}

static void report_missing(struct resolver *r, struct closure *c, const struct object *user,
	const struct dlopen_note *note)
{
	struct arena *a = resolver_arena(r);
	const char *names = note->sonames.at[0];
	struct problem *p;

	for (size_t i = 1; i < note->sonames.len && i < 4; i++)
		names = arena_printf(a, "%s or %s", names, note->sonames.at[i]);
	p = closure_problem(r, c, PROBLEM_MISSING, note->sonames.at[0],
		"%s not found, which %s opens%s%s and calls required in its .note.dlopen", names,
		object_file_text(r, user->file), note->feature ? " for " : "",
		note->feature ? note->feature : "");
	// What only a library opened later asks for does not keep the program from starting.
	p->is_warning = !object_is_at_start(user);
}

static struct err *add_note(struct resolver *r, struct closure *c, struct object *user,
	const struct dlopen_note *note, struct suggestions *out)
{
	const char *why = why_of(r, user, note);
	bool found;

	if (!note->is_suggested) {
		TRY(add_first(r, c, user, note, why, &found));
		if (!found && note->is_required)
			report_missing(r, c, user, note);
		if (found || note->is_required)
			return NULL;
	}
	vec_each (name, &note->sonames)
		TRY(suggest(r, c, user, *name, why, out));
	return NULL;
}

struct err *note_add(
	struct resolver *r, struct closure *c, struct object *user, struct suggestions *out)
{
	struct arena *a = resolver_arena(r);
	struct facts *facts = facts_of(r, user->file);

	if (!facts->has_notes) {
		vec_each (text, &user->file->elf.dlopen)
			note_parse(a, *text, facts);
		facts->has_notes = true;
	}
	if (facts->bad_note)
		vec_push(a, &c->notes,
			arena_printf(
				a, "%s: %s", object_file_text(r, user->file), facts->bad_note));
	for (size_t i = 0; i < facts->notes.len; i++)
		TRY(add_note(r, c, user, &facts->notes.at[i], out));
	return NULL;
}

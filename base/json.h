// One field table a document: the same table reads it, checks it and writes it.
#pragma once
#include <jansson.h>
#include <stdint.h>

#include "base/err.h"
#include "base/span.h"

enum json_kind {
	JSON_TEXT,    // const char *
	JSON_NUMBER,  // int64_t, whole numbers only
	JSON_FLAG,    // bool
	JSON_TEXTS,   // struct strings: an array of strings
	JSON_DICT,    // struct json_dict: an object of strings
	JSON_SET,     // struct strings: {"8080/tcp":{}}, the names alone
	JSON_STRUCT,  // a struct with its own table, in place; left out when all of it is empty
	JSON_STRUCTS, // struct json_list of structs with their own table
};

enum { JSON_REQUIRED = 1, JSON_KEEP_EMPTY = 2 }; // else empty values are left out on writing

struct json_field {
	const char *name;
	enum json_kind kind;
	int flags;
	size_t offset;                  // in the struct
	const struct json_table *table; // of JSON_STRUCT and JSON_STRUCTS
};

// A struct described by a table may hold `const char *unknown` at unknown_offset: members that the
// table does not name are kept there, as the text of one JSON object, and written again.
struct json_table {
	const struct json_field *fields; // ends with name NULL
	size_t size;                     // of the struct
	size_t unknown_offset;           // 0: none
};

struct json_pair {
	const char *name, *value;
};
struct json_dict {
	struct json_pair *at;
	size_t len, cap;
};
struct json_list {
	void *at; // len structs of table->size bytes
	size_t len, cap;
};

// Parses text (UTF-8, at most the caller's bound, no duplicate member names, bounded depth) into
// *out; strings live in the arena. `what` names the document in messages.
must_check struct err *json_read(
	struct span text, const struct json_table *t, struct arena *a, void *out, const char *what);
// The same for a document that is an array of such objects.
must_check struct err *json_read_list(struct span text, const struct json_table *t, struct arena *a,
	struct json_list *out, const char *what);
// Compact, members in table order, unknown ones after them by name; the same value always gives the
// same bytes. The result lives in the arena.
struct span json_write(const struct json_table *t, const void *value, struct arena *a);
struct span json_write_list(
	const struct json_table *t, const struct json_list *list, struct arena *a);

// Any JSON value, parsed with the same rules. The caller json_decref()s it.
must_check struct err *json_parse(struct span text, const char *what, json_t **out);
// A JSON string; bytes that are not UTF-8 (of a file's name, say) become U+FFFD one by one, as Go's
// encoder does it.
json_t *json_text(const char *s);
// Is s UTF-8, so that a document can hold it as it is?
bool json_is_text(const char *s);
// For drop(json_drop).
void json_drop(json_t **j);

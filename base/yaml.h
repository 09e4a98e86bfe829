// A small YAML document as a tree of texts, lists and maps, each with its place in the file.
#pragma once
#include <stdbool.h>

#include "base/err.h"
#include "base/span.h"

#define YAML_MAX (1 << 20) // bytes of a document
#define YAML_DEPTH_MAX 16  // lists and maps inside each other

enum yaml_kind { YAML_TEXT, YAML_LIST, YAML_MAP };

struct yaml {
	enum yaml_kind kind;
	unsigned line, column; // both from 1
	bool is_plain;         // a text without quotes: it may mean a number, true or nothing
	const char *text;      // UTF-8
	struct {
		struct yaml *at;
		size_t len, cap;
	} items; // of a list; of a map its values
	struct {
		struct yaml *at;
		size_t len, cap;
	} keys; // of a map, each a text that stands once
};

// Reads one document; name stands in errors, which are ERR_USAGE: "imgmin.yaml:3:5: …". Anchors,
// aliases, tags, doubled keys and keys that are no text are refused, as is what is not UTF-8.
// *out is NULL where the document is empty. All of it lives in the arena.
must_check struct err *yaml_read(
	struct span text, const char *name, struct arena *a, struct yaml **out);
// An ERR_USAGE about a place of it.
must_check struct err *yaml_error(const char *name, const struct yaml *at, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
// Nothing, ~ or null without quotes.
bool yaml_is_null(const struct yaml *y);

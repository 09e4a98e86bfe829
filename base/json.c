#include "base/json.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

// Documents of images nest about ten deep; the bound keeps every recursion over them short.
#define DEPTH_MAX 100

// Running out of memory ends the program here as everywhere else.
static void *alloc(size_t n)
{
	return mem_alloc(n);
}

static void use_own_memory(void)
{
	json_set_alloc_funcs(alloc, free);
}

static void setup(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, use_own_memory);
}

static bool nests_too_deep(struct span text)
{
	bool in_string = false;
	unsigned depth = 0;

	for (size_t i = 0; i < text.len; i++) {
		uint8_t c = text.ptr[i];

		if (in_string && c == '\\')
			i++;
		else if (c == '"')
			in_string = !in_string;
		else if (!in_string && (c == '{' || c == '[') && ++depth > DEPTH_MAX)
			return true;
		else if (!in_string && (c == '}' || c == ']') && depth)
			depth--;
	}
	return false;
}

struct err *json_parse(struct span text, const char *what, json_t **out)
{
	json_error_t e;

	setup();
	if (nests_too_deep(text))
		return err_new(ERR_FAILED, "%s: JSON nested more than %d deep", what, DEPTH_MAX);
	*out = json_loadb((const char *)text.ptr, text.len, JSON_REJECT_DUPLICATES, &e);
	if (!*out)
		return err_new(ERR_FAILED, "%s: not valid JSON: line %d, column %d: %s", what,
			e.line, e.column, e.text);
	return NULL;
}

void json_drop(json_t **j)
{
	json_decref(*j);
	*j = NULL;
}

static struct err *expected(const char *what)
{
	return err_new(ERR_FAILED, "should be %s", what);
}

static struct err *read_texts(const json_t *j, struct arena *a, struct strings *out)
{
	size_t i;
	json_t *v;

	if (!json_is_array(j))
		return expected("an array of strings");
	json_array_foreach(j, i, v)
	{
		if (!json_is_string(v))
			return expected("an array of strings");
		vec_push(a, out, arena_strdup(a, json_string_value(v)));
	}
	return NULL;
}

static struct err *read_dict(json_t *j, struct arena *a, struct json_dict *out)
{
	const char *name;
	json_t *v;

	if (!json_is_object(j))
		return expected("an object of strings");
	json_object_foreach(j, name, v)
	{
		if (!json_is_string(v))
			return expected("an object of strings");
		vec_push(a, out,
			(struct json_pair){
				arena_strdup(a, name), arena_strdup(a, json_string_value(v))});
	}
	return NULL;
}

static struct err *read_set(json_t *j, struct arena *a, struct strings *out)
{
	const char *name;
	json_t *v;

	if (!json_is_object(j))
		return expected("an object");
	json_object_foreach(j, name, v)
	{
		vec_push(a, out, arena_strdup(a, name));
	}
	return NULL;
}

static struct err *read_object(json_t *j, const struct json_table *t, struct arena *a, void *out);

static struct err *read_structs(
	const json_t *j, const struct json_table *t, struct arena *a, struct json_list *out)
{
	size_t i;
	json_t *v;

	if (!json_is_array(j))
		return expected("an array of objects");
	out->len = out->cap = json_array_size(j);
	if (out->len)
		out->at = arena_alloc(a, out->len * t->size);
	json_array_foreach(j, i, v)
	{
		TRY_AS(read_object(v, t, a, (char *)out->at + i * t->size), "[%zu]", i);
	}
	return NULL;
}

static struct err *read_field(json_t *j, const struct json_field *f, struct arena *a, char *at)
{
	switch (f->kind) {
	case JSON_TEXT:
		if (!json_is_string(j))
			return expected("a string");
		*(const char **)at = arena_strdup(a, json_string_value(j));
		return NULL;
	case JSON_NUMBER:
		if (!json_is_integer(j))
			return expected("a whole number");
		*(int64_t *)at = json_integer_value(j);
		return NULL;
	case JSON_FLAG:
		if (!json_is_boolean(j))
			return expected("true or false");
		*(bool *)at = json_is_true(j);
		return NULL;
	case JSON_TEXTS:
		return read_texts(j, a, (struct strings *)at);
	case JSON_DICT:
		return read_dict(j, a, (struct json_dict *)at);
	case JSON_SET:
		return read_set(j, a, (struct strings *)at);
	case JSON_STRUCT:
		return read_object(j, f->table, a, at);
	case JSON_STRUCTS:
		return read_structs(j, f->table, a, (struct json_list *)at);
	}
	return NULL;
}

static const struct json_field *field_named(const struct json_table *t, const char *name)
{
	for (const struct json_field *f = t->fields; f->name; f++)
		if (!strcmp(f->name, name))
			return f;
	return NULL;
}

// The members that the table does not name, as text; NULL where there are none.
static const char *unknown_members(json_t *j, const struct json_table *t, struct arena *a)
{
	drop(json_drop) json_t *rest = json_object();
	const char *name;
	json_t *v;

	json_object_foreach(j, name, v)
	{
		if (!field_named(t, name))
			json_object_set(rest, name, v);
	}
	if (!json_object_size(rest))
		return NULL;
	drop(mem_drop) char *text = json_dumps(rest, JSON_COMPACT | JSON_SORT_KEYS);

	return text ? arena_strdup(a, text) : NULL;
}

static struct err *read_object(json_t *j, const struct json_table *t, struct arena *a, void *out)
{
	if (!json_is_object(j))
		return expected("an object");
	for (const struct json_field *f = t->fields; f->name; f++) {
		json_t *v = json_object_get(j, f->name);

		// Go's encoders write null for what is empty.
		if (v && !json_is_null(v))
			TRY_AS(read_field(v, f, a, (char *)out + f->offset), "%s", f->name);
		else if (f->flags & JSON_REQUIRED)
			return err_new(ERR_FAILED, "%s is missing", f->name);
	}
	if (t->unknown_offset)
		*(const char **)((char *)out + t->unknown_offset) = unknown_members(j, t, a);
	return NULL;
}

struct err *json_read(
	struct span text, const struct json_table *t, struct arena *a, void *out, const char *what)
{
	drop(json_drop) json_t *j = NULL;

	memset(out, 0, t->size);
	TRY(json_parse(text, what, &j));
	TRY_AS(read_object(j, t, a, out), "%s", what);
	return NULL;
}

struct err *json_read_list(struct span text, const struct json_table *t, struct arena *a,
	struct json_list *out, const char *what)
{
	drop(json_drop) json_t *j = NULL;

	*out = (struct json_list){0};
	TRY(json_parse(text, what, &j));
	TRY_AS(read_structs(j, t, a, out), "%s", what);
	return NULL;
}

bool json_is_text(const char *s)
{
	drop(json_drop) json_t *whole = json_string(s);

	return whole != NULL;
}

json_t *json_text(const char *s)
{
	s = s ? s : "";
	json_t *whole = json_string(s);

	if (whole)
		return whole;
	size_t n = strlen(s), len = 0;
	drop(mem_drop) char *clean = mem_alloc(n * 3 + 1);

	for (size_t i = 0; i < n;) {
		size_t step = 0;

		for (size_t k = 1; k <= 4 && k <= n - i && !step; k++) {
			drop(json_drop) json_t *one = json_stringn(s + i, k);

			if (one)
				step = k;
		}
		memcpy(clean + len, step ? s + i : "\xef\xbf\xbd", step ? step : 3);
		len += step ? step : 3;
		i += step ? step : 1;
	}
	return json_stringn(clean, len);
}

static int compare_names(const void *x, const void *y)
{
	return strcmp(*(const char *const *)x, *(const char *const *)y);
}

// Objects whose names are data are written sorted, as Go's encoders do.
static json_t *dict_of(const struct json_dict *d)
{
	json_t *j = json_object();
	drop(mem_drop) struct json_pair *sorted = mem_alloc(d->len * sizeof(*sorted));

	if (d->len)
		memcpy(sorted, d->at, d->len * sizeof(*sorted));
	qsort(sorted, d->len, sizeof(*sorted), compare_names); // the name is the first member
	for (size_t i = 0; i < d->len; i++) {
		drop(json_drop) json_t *name = json_text(sorted[i].name);

		json_object_set_new(j, json_string_value(name), json_text(sorted[i].value));
	}
	return j;
}

static json_t *set_of(const struct strings *s)
{
	json_t *j = json_object();
	drop(mem_drop) const char **sorted = mem_alloc(s->len * sizeof(*sorted));

	if (s->len)
		memcpy(sorted, s->at, s->len * sizeof(*sorted));
	qsort(sorted, s->len, sizeof(*sorted), compare_names);
	for (size_t i = 0; i < s->len; i++) {
		drop(json_drop) json_t *name = json_text(sorted[i]);

		json_object_set_new(j, json_string_value(name), json_object());
	}
	return j;
}

static json_t *texts_of(const struct strings *s)
{
	json_t *j = json_array();

	for (size_t i = 0; i < s->len; i++)
		json_array_append_new(j, json_text(s->at[i]));
	return j;
}

static json_t *object_of(const struct json_table *t, const void *value);

static json_t *structs_of(const struct json_table *t, const struct json_list *l)
{
	json_t *j = json_array();

	for (size_t i = 0; i < l->len; i++)
		json_array_append_new(j, object_of(t, (const char *)l->at + i * t->size));
	return j;
}

static json_t *value_of(const struct json_field *f, const char *at)
{
	switch (f->kind) {
	case JSON_TEXT:
		return json_text(*(const char *const *)at);
	case JSON_NUMBER:
		return json_integer(*(const int64_t *)at);
	case JSON_FLAG:
		return json_boolean(*(const bool *)at);
	case JSON_TEXTS:
		return texts_of((const struct strings *)at);
	case JSON_DICT:
		return dict_of((const struct json_dict *)at);
	case JSON_SET:
		return set_of((const struct strings *)at);
	case JSON_STRUCT:
		return object_of(f->table, at);
	case JSON_STRUCTS:
		return structs_of(f->table, (const struct json_list *)at);
	}
	return NULL;
}

static bool is_empty_struct(const struct json_table *t, const char *value);

static bool is_empty(const struct json_field *f, const char *at)
{
	const char *text;

	switch (f->kind) {
	case JSON_TEXT:
		text = *(const char *const *)at;
		return !text || !*text;
	case JSON_NUMBER:
		return *(const int64_t *)at == 0;
	case JSON_FLAG:
		return !*(const bool *)at;
	case JSON_TEXTS:
	case JSON_SET:
		return ((const struct strings *)at)->len == 0;
	case JSON_DICT:
		return ((const struct json_dict *)at)->len == 0;
	case JSON_STRUCT:
		return is_empty_struct(f->table, at);
	case JSON_STRUCTS:
		return ((const struct json_list *)at)->len == 0;
	}
	return true;
}

static bool is_empty_struct(const struct json_table *t, const char *value)
{
	if (t->unknown_offset && *(const char *const *)(value + t->unknown_offset))
		return false;
	for (const struct json_field *f = t->fields; f->name; f++)
		if (!is_empty(f, value + f->offset))
			return false;
	return true;
}

static void add_unknown(json_t *j, const char *text)
{
	drop(json_drop) json_t *rest = json_loads(text, JSON_REJECT_DUPLICATES, NULL);

	json_object_update_missing(j, rest);
}

// Objects keep the order in which their members were set, so the table's order is the file's.
static json_t *object_of(const struct json_table *t, const void *value)
{
	json_t *j = json_object();

	for (const struct json_field *f = t->fields; f->name; f++) {
		const char *at = (const char *)value + f->offset;

		if ((f->flags & JSON_KEEP_EMPTY) || !is_empty(f, at))
			json_object_set_new(j, f->name, value_of(f, at));
	}
	if (t->unknown_offset) {
		const char *unknown =
			*(const char *const *)((const char *)value + t->unknown_offset);

		if (unknown)
			add_unknown(j, unknown);
	}
	return j;
}

static struct span text_of(const json_t *j, struct arena *a)
{
	drop(mem_drop) char *text = json_dumps(j, JSON_COMPACT);
	const char *kept = arena_strdup(a, text ? text : "null");

	return (struct span){(const uint8_t *)kept, strlen(kept)};
}

struct span json_write(const struct json_table *t, const void *value, struct arena *a)
{
	setup();
	drop(json_drop) json_t *j = object_of(t, value);

	return text_of(j, a);
}

struct span json_write_list(
	const struct json_table *t, const struct json_list *list, struct arena *a)
{
	setup();
	drop(json_drop) json_t *j = structs_of(t, list);

	return text_of(j, a);
}

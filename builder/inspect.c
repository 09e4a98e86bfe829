#include "builder/inspect.h"

#include <ctype.h>
#include <string.h>

#include "builder/page.h"

// ---- why a file is there ----

static void give_reason(struct inspected *i, struct arena *a, const char *path, const char *why)
{
	void **at = map_at(&i->reasons, a, path);

	if (!*at)
		*at = (void *)why;
}

static const char *object_reason(const struct object *o, struct arena *a)
{
	if (o->hidden)
		return o->hidden;
	if (!o->wanted_by.len)
		return o->rule == RULE_PRELOAD ? "preloaded" : "the loader";
	const char *by = o->wanted_by.at[0]->name;

	if (o->wanted_by.len == 1)
		return arena_printf(a, "needed by %s", by);
	return arena_printf(a, "needed by %s and %zu more", by, o->wanted_by.len - 1);
}

static void give_reasons(struct inspected *i, const struct started *s, struct arena *a)
{
	const struct closure *c = &s->closure;

	if (s->walk)
		give_reason(i, a, s->walk->path, s->why);
	if (!s->is_elf)
		return;
	if (c->interpreter)
		give_reason(i, a, c->interpreter->walk->path,
			arena_printf(a, "the loader of %s", c->objects.at[0]->name));
	for (size_t k = 1; k < c->objects.len; k++) {
		const struct object *o = c->objects.at[k];

		if (!o->file)
			continue;
		give_reason(i, a, o->file->walk->path, object_reason(o, a));
		if (o->rule == RULE_CACHE)
			give_reason(i, a, "/etc/ld.so.cache", "read by the loader");
	}
}

// /usr/lib/python3.11/os.py, /usr/lib/python3/dist-packages/yaml/reader.py
static bool is_pythons(const char *path)
{
	static const char *const libraries[] = {"/lib/python", "/lib64/python"};

	for (size_t i = 0; i < sizeof(libraries) / sizeof(*libraries); i++) {
		const char *at = strstr(path, libraries[i]);

		if (at && isdigit((unsigned char)at[strlen(libraries[i])]) && strchr(at + 7, '/'))
			return true;
	}
	return false;
}

const char *inspected_reason(const struct inspected *i, const struct layered_file *f)
{
	const char *why = map_get(&i->reasons, f->path);

	if (!why && f->hard_link)
		why = map_get(&i->reasons, f->hard_link);
	return why ? why : is_pythons(f->path) ? "Python" : "data";
}

// ---- one after the other ----

static struct err *inspect_image(struct transport *t, const struct descriptor *d,
	const struct inspect_format *format, size_t number, FILE *out)
{
	drop(arena_drop) struct arena a = {0};
	drop(inside_drop) struct inside inside = {0};
	struct inspected i = {0};
	struct image image;

	TRY(image_read(t, d, &a, &image));
	i.image = &image;
	if (!image.is_artifact) {
		TRY(inside_open(t, &image, NULL, NULL, &inside));
		i.inside = &inside;
		vec_each (s, &inside.started)
			give_reasons(&i, s, &a);
	}
	format->image(out, &i, number, &a);
	return NULL;
}

static struct err *write_images(const struct inspect_args *args,
	const struct registry_events *events, const struct inspect_format *format, FILE *out)
{
	drop(arena_drop) struct arena a = {0};
	drop(places_drop) struct places places = {0};
	drop(transport_drop) struct transport *t = NULL;
	const char *place = args->images.at[0], *name;
	struct descriptors manifests;
	struct named_image found;

	TRY(places_open(&args->registry, events, &places));
	TRY(place_open(&places, place, &a, &t, &name));
	TRY(place_find(t, name, &a, &found));
	TRY(place_wrap(image_manifests(t, &found.descriptor, &a, &manifests), place));
	size_t all = manifests.len;

	if (args->platform)
		TRY(image_select(t, args->platform, &a, &manifests));
	format->begin(out, found.names.len ? found.names.at[0] : place, &found.descriptor,
		manifests.len, all);
	for (size_t i = 0; i < manifests.len; i++)
		TRY(place_wrap(inspect_image(t, &manifests.at[i], format, i, out), place));
	format->end(out);
	return NULL;
}

static struct err *write_page(
	const struct inspect_args *args, const struct registry_events *events, FILE *out)
{
	FILE *document;
	struct err *e;

	TRY(page_begin(out, &document));
	e = write_images(args, events, &inspect_json, document);
	if (e) {
		fclose(document);
		return e;
	}
	return page_end(out, document);
}

struct err *inspect_write(
	const struct inspect_args *args, const struct registry_events *events, FILE *out)
{
	if (strcmp(args->format, "html") == 0)
		return write_page(args, events, out);
	return write_images(args, events,
		strcmp(args->format, "json") == 0 ? &inspect_json : &inspect_text, out);
}

// Distributions: metadata that somebody may ask for, and what entry points lead to.
#include <string.h>

#include "builder/python_impl.h"

static bool reads_metadata(const struct collector *c)
{
	static const char *const readers[] = {
		"importlib.metadata", "importlib_metadata", "pkg_resources", NULL};

	for (const char *const *name = readers; *name; name++)
		if (is_there(map_get(&c->modules, *name), c))
			return true;
	return false;
}

// Is something of it in the image, or is it asked for by its name?
static bool is_wanted(struct collector *c, const struct python_dist *d)
{
	if (map_get(&c->dist_names, d->name))
		return true;
	vec_each (top, &d->tops) {
		const struct module *m = map_get(&c->modules, *top);

		if (is_there(m, c) && m != &c->inside &&
			(!m->found.place || m->found.place->root == d->place->root) &&
			!is_library(m))
			return true;
	}
	return false;
}

// Does the script's own text name the distribution and this command of it, as setuptools writes it?
static bool is_scripts_own(
	struct collector *c, const struct python_dist *d, const struct python_entry *e)
{
	bool has_dist = false, has_name = false;

	if (!c->script_texts)
		return false;
	vec_each (text, c->script_texts) {
		has_dist |= strcmp(python_dist_name(*text, c->a), d->name) == 0;
		has_name |= strcmp(*text, e->name) == 0;
	}
	return has_dist && has_name;
}

// A plugin that nobody imports: its distribution is not among those taken.
void python_suggest_plugins(struct collector *c)
{
	vec_each (d, &c->dists)
		vec_each (e, &d->entries) {
			if (d->is_taken || strcmp(e->group, "console_scripts") == 0 ||
				strcmp(e->group, "gui_scripts") == 0 ||
				strncmp(e->group, "distutils.", 10) == 0 ||
				!map_get(&c->texts, e->group))
				continue;
			python_add_note(c,
				(struct python_note){.module = e->module,
					.by = d->name,
					.is_suggestion = true,
					.text = arena_printf(c->a,
						"%s is left out: a plugin (%s) of the "
						"distribution %s",
						e->module, e->group, d->name)});
		}
}

static struct err *follow_entry(
	struct collector *c, const struct python_dist *d, const struct python_entry *e)
{
	bool is_command =
		strcmp(e->group, "console_scripts") == 0 || strcmp(e->group, "gui_scripts") == 0;
	struct cause why = {arena_printf(c->a, "%s of %s", e->name, d->name), is_command};
	struct module *m;

	if (!map_get(&c->texts, e->group) || (is_command && !is_scripts_own(c, d, e)))
		return NULL;
	TRY(python_load(c, e->module, &why, &m));
	if (!is_there(m, c) && c->pending.len < PENDING_MAX)
		vec_push(c->a, &c->pending,
			(struct pending){.module = e->module, .by = why.by, .is_hard = is_command});
	return NULL;
}

static void take_dist(struct collector *c, struct python_dist *d)
{
	vec_each (file, &d->files) {
		const char *at = arena_printf(c->a, "%s/%s", d->place->dir, *file);

		python_add_file(c, d->place->root, root_walk(d->place->root, at)->path,
			arena_printf(c->a, "%s/%s", d->place->path, *file),
			arena_printf(c->a, "metadata of %s", d->name));
	}
	d->is_taken = true;
}

static void note_needs(struct collector *c)
{
	vec_each (d, &c->dists)
		for (size_t i = 0; d->is_taken && i < d->needs.len; i++)
			*map_at(&c->dist_names, c->a, d->needs.at[i]) = c;
}

// Metadata of what is in the image comes along where something may ask for it, and what its entry
// points lead to where their group is asked for.
struct err *python_follow_dists(struct collector *c, bool *any)
{
	if (!reads_metadata(c))
		return NULL;
	if (!c->has_dists)
		TRY(python_dists_find(&c->path, c->a, &c->dists));
	c->has_dists = true;
	// It wants to see all that a program's distribution requires before it starts the program.
	if (is_there(map_get(&c->modules, "pkg_resources"), c))
		note_needs(c);
	vec_each (d, &c->dists) {
		if (!d->is_taken && is_wanted(c, d)) {
			take_dist(c, d);
			*any = true;
		}
		for (size_t i = 0; d->is_taken && i < d->entries.len; i++)
			TRY(follow_entry(c, d, &d->entries.at[i]));
	}
	return NULL;
}

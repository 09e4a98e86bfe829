#include "builder/diff_config.h"

#include <stdlib.h>
#include <string.h>

struct configs {
	struct arena *a;
	struct strings *out;
};

static const char *shown(const char *text)
{
	return text && *text ? text : "(none)";
}

static void differ(struct configs *c, const char *what, const char *x, const char *y)
{
	if (strcmp(shown(x), shown(y)) != 0)
		vec_push(c->a, c->out, arena_printf(c->a, "%s: %s → %s", what, shown(x), shown(y)));
}

// As the config has them: ["/bin/sh","-c"].
static const char *words(const struct strings *s, struct arena *a)
{
	drop(json_drop) json_t *list = json_array();

	if (!s->len)
		return NULL;
	for (size_t i = 0; i < s->len; i++)
		json_array_append_new(list, json_text(s->at[i]));
	char *text = json_dumps(list, JSON_COMPACT);
	const char *out = arena_strdup(a, text);

	free(text);
	return out;
}

static void differ_words(
	struct configs *c, const char *what, const struct strings *x, const struct strings *y)
{
	differ(c, what, words(x, c->a), words(y, c->a));
}

// A hostile image's may be long.
static struct map map_of(const struct json_dict *d, struct arena *a)
{
	struct map out = {0};

	vec_each (p, d)
		*map_at(&out, a, p->name) = (void *)p->value;
	return out;
}

// What is in one of the dictionaries or differs, those of x first.
static void differ_dict(
	struct configs *c, const char *what, const struct json_dict *x, const struct json_dict *y)
{
	const struct map of_x = map_of(x, c->a), of_y = map_of(y, c->a);

	vec_each (p, x)
		differ(c, arena_printf(c->a, "%s %s", what, p->name), p->value,
			map_get(&of_y, p->name));
	vec_each (p, y)
		if (!map_get(&of_x, p->name))
			differ(c, arena_printf(c->a, "%s %s", what, p->name), NULL, p->value);
}

// NAME=VALUE each; of several of one name the last one counts.
static struct json_dict env_dict(const struct strings *env, struct arena *a)
{
	struct json_dict out = {0};
	struct map places = {0};

	for (size_t i = 0; i < env->len; i++) {
		size_t n = strcspn(env->at[i], "=");

		dict_put(&out, &places, a, arena_strndup(a, env->at[i], n),
			env->at[i][n] ? env->at[i] + n + 1 : "");
	}
	return out;
}

static struct err *other_dict(const char *unknown, struct arena *a, struct json_dict *out)
{
	drop(json_drop) json_t *all = NULL;
	const char *name;
	json_t *value;

	*out = (struct json_dict){0};
	if (!unknown)
		return NULL;
	TRY(json_parse((struct span){(const uint8_t *)unknown, strlen(unknown)}, "config", &all));
	json_object_foreach(all, name, value)
	{
		char *text = json_dumps(value, JSON_COMPACT | JSON_SORT_KEYS | JSON_ENCODE_ANY);

		vec_push(a, out, (struct json_pair){arena_strdup(a, name), arena_strdup(a, text)});
		free(text);
	}
	return NULL;
}

// Members that have no field of their own: Healthcheck, OnBuild, Shell …
static struct err *differ_others(struct configs *c, const char *what, const char *x, const char *y)
{
	struct json_dict p, q;

	TRY(other_dict(x, c->a, &p));
	TRY(other_dict(y, c->a, &q));
	differ_dict(c, what, &p, &q);
	return NULL;
}

struct err *diff_configs(
	const struct image *x, const struct image *y, struct arena *a, struct strings *out)
{
	const struct image_config *p = &x->config, *q = &y->config;
	const struct runtime_config *r = &p->config, *s = &q->config;
	struct configs c = {a, out};
	const struct json_dict env_x = env_dict(&r->env, a), env_y = env_dict(&s->env, a);
	char text[2][PLATFORM_TEXT];

	differ(&c, "Platform", platform_text(&x->platform, text[0]),
		platform_text(&y->platform, text[1]));
	differ_words(&c, "Entrypoint", &r->entrypoint, &s->entrypoint);
	differ_words(&c, "Cmd", &r->cmd, &s->cmd);
	differ_dict(&c, "Env", &env_x, &env_y);
	differ(&c, "User", r->user, s->user);
	differ(&c, "WorkingDir", r->working_dir, s->working_dir);
	differ_words(&c, "ExposedPorts", &r->exposed_ports, &s->exposed_ports);
	differ_words(&c, "Volumes", &r->volumes, &s->volumes);
	differ(&c, "StopSignal", r->stop_signal, s->stop_signal);
	differ_dict(&c, "Label", &r->labels, &s->labels);
	TRY(differ_others(&c, "Config", r->unknown, s->unknown));
	differ(&c, "Created", p->created, q->created);
	differ(&c, "Author", p->author, q->author);
	differ_dict(&c, "Annotation", &x->manifest.annotations, &y->manifest.annotations);
	return NULL;
}

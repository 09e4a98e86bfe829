#include "builder/results.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

struct result {
	const char *option, *word, *path;
};

struct results {
	struct result *at;
	size_t len, cap;
};

// A result is renamed over what is there; devices, pipes and directories stay what they are.
static bool is_file(const char *path, struct stat *st)
{
	return path && stat(path, st) == 0 && S_ISREG(st->st_mode);
}

static struct err *refuse_input(const struct result *r, const char *input)
{
	struct stat x, y;

	if (!is_file(r->path, &x) || !is_file(input, &y) || x.st_dev != y.st_dev ||
		x.st_ino != y.st_ino)
		return NULL;
	return err_hint(err_new(ERR_USAGE, "%s %s: it is the input itself", r->option, r->word),
		"give the result another name");
}

// Where a file lies or is to lie, so that two words for one place are the same text.
static const char *whereabouts(const char *path, struct arena *a)
{
	char real[PATH_MAX];
	const char *dir = strchr(path, '/') ? path_dir(a, path) : ".";

	if (!*dir)
		dir = "/";
	return realpath(dir, real) ? arena_printf(a, "%s/%s", real, path_base(path)) : path;
}

static struct err *refuse_same(const struct result *x, const struct result *y, struct arena *a)
{
	struct stat st;

	// /dev/stdout and the like take several.
	if ((stat(x->path, &st) == 0 && !S_ISREG(st.st_mode)) ||
		strcmp(whereabouts(x->path, a), whereabouts(y->path, a)) != 0)
		return NULL;
	return err_hint(err_new(ERR_USAGE, "%s %s and %s %s are the same file", x->option, x->word,
				y->option, y->word),
		"give one of them another name");
}

static struct err *check_all(
	const struct results *results, const struct strings *inputs, struct arena *a)
{
	for (size_t i = 0; i < results->len; i++) {
		for (size_t k = 0; k < inputs->len; k++)
			TRY(refuse_input(&results->at[i], inputs->at[k]));
		for (size_t k = 0; k < i; k++)
			TRY(refuse_same(&results->at[k], &results->at[i], a));
	}
	return NULL;
}

static void add(struct results *all, const char *option, const char *path, struct arena *a)
{
	if (path)
		vec_push(a, all, ((struct result){option, path, path}));
}

static void add_all(struct strings *all, const struct strings *more, struct arena *a)
{
	for (size_t i = 0; i < more->len; i++)
		vec_push(a, all, more->at[i]);
}

// What a place reads is the file of its word.
static struct err *add_place(struct strings *all, const char *place, struct arena *a)
{
	const char *path;

	TRY(place_file(place, false, a, &path));
	if (path)
		vec_push(a, all, path);
	return NULL;
}

static struct err *inputs_of(
	const struct build_args *args, const char *image, struct arena *a, struct strings *out)
{
	if (image)
		TRY(add_place(out, image, a));
	add_all(out, &args->paths, a);
	add_all(out, &args->trace, a);
	if (args->file)
		vec_push(a, out, args->file);
	for (size_t i = 0; i < args->add.len; i++)
		vec_push(a, out, arena_strndup(a, args->add.at[i], strcspn(args->add.at[i], ":")));
	return NULL;
}

struct err *results_check(const struct build_args *args, const struct strings *outputs,
	const char *image, struct arena *a)
{
	struct results results = {0};
	struct strings inputs = {0};

	for (size_t i = 0; i < outputs->len; i++) {
		struct result r = {.option = "-o", .word = outputs->at[i]};

		TRY(place_file(r.word, true, a, &r.path));
		if (r.path)
			vec_push(a, &results, r);
	}
	add(&results, "--iidfile", args->iidfile, a);
	add(&results, "--digestfile", args->digestfile, a);
	add(&results, "--metadata-file", args->metadata_file, a);
	TRY(inputs_of(args, image, a, &inputs));
	TRY(check_all(&results, &inputs, a));
	if (args->dry_run)
		return NULL;
	for (size_t i = 0; i < outputs->len; i++)
		TRY(place_try(outputs->at[i], a));
	vec_each (r, &results)
		if (r->option[1] == '-')
			TRY_AS(file_out_try(r->path), "%s", r->option);
	return NULL;
}

struct err *results_check_file(const char *output, const struct strings *images)
{
	drop(arena_drop) struct arena a = {0};
	struct strings inputs = {0};
	struct results results = {0};

	if (!output || strcmp(output, "-") == 0)
		return NULL;
	add(&results, "-o", output, &a);
	for (size_t i = 0; i < images->len; i++)
		TRY(add_place(&inputs, images->at[i], &a));
	TRY(check_all(&results, &inputs, &a));
	return file_out_try(output);
}

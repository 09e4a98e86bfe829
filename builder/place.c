#include "builder/place.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "oci/archive.h"
#include "oci/layout.h"
#include "registry/ref.h"

#define NAMES_SHOWN 20 // of the images at a place, in a message

enum kind { PLACE_LAYOUT, PLACE_ARCHIVE, PLACE_OTHER };

// Takes the transport's word off *path; PLACE_OTHER where there is none.
static enum kind word_of(const char **path)
{
	static const struct {
		const char *word;
		enum kind kind;
	} words[] = {
		{"oci:", PLACE_LAYOUT},
		{"oci-archive:", PLACE_ARCHIVE},
		{"docker-archive:", PLACE_ARCHIVE},
	};

	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++) {
		size_t n = strlen(words[i].word);

		if (strncmp(*path, words[i].word, n) == 0) {
			*path += n;
			return words[i].kind;
		}
	}
	return PLACE_OTHER;
}

static struct err *not_yet(const char *place)
{
	static const char *const words[] = {"docker://", "docker-daemon:", "containers-storage:"};

	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
		if (strncmp(place, words[i], strlen(words[i])) == 0)
			return err_hint(
				err_new(ERR_USAGE, "%s: %s is not supported", place, words[i]),
				"use oci:DIR or oci-archive:FILE");
	return NULL;
}

static bool is_dir(const char *path)
{
	struct stat st;
	size_t n = strlen(path);

	return (n && path[n - 1] == '/') || (stat(path, &st) == 0 && S_ISDIR(st.st_mode));
}

// "FILE:TAG" → FILE and TAG; a name may hold colons itself (host:5000/x:1), a file's path is taken
// up to the first one.
static const char *split_name(const char *path, struct arena *a, const char **name)
{
	const char *colon = strchr(path, ':');

	*name = colon && colon[1] ? colon + 1 : NULL;
	return colon ? arena_strndup(a, path, (size_t)(colon - path)) : path;
}

struct err *place_check(const char *place)
{
	const char *path = place;

	TRY(not_yet(place));
	bool may_have_name = word_of(&path) != PLACE_OTHER;

	return path[0] && !(may_have_name && path[0] == ':')
		? NULL
		: err_new(ERR_USAGE, "%s: no path", place);
}

struct err *place_create(const char *place, int64_t epoch, struct arena *a, struct transport **out,
	const char **name)
{
	const char *path = place;
	enum kind kind = word_of(&path);

	*name = NULL;
	TRY(place_check(place));
	if (kind == PLACE_OTHER)
		kind = strcmp(path, "-") != 0 && is_dir(path) ? PLACE_LAYOUT : PLACE_ARCHIVE;
	else
		path = split_name(path, a, name);
	return kind == PLACE_LAYOUT ? layout_create(path, out) : archive_create(path, epoch, out);
}

static struct err *not_an_image(const char *place)
{
	struct err *e = err_new(ERR_USAGE, "%s: no image archive or OCI layout", place);

	if (!strpbrk(place, "/."))
		return err_hint(e,
			"a bare word is an image in a registry, which imgmin does not read yet; "
			"a path needs a '/' or a '.': ./%s",
			place);
	return err_hint(e, "imgmin build makes one; docker save and skopeo copy do too");
}

struct err *place_open(
	const char *place, struct arena *a, struct transport **out, const char **name)
{
	const char *path = place;
	enum kind kind = word_of(&path);
	struct stat st;

	*name = NULL;
	TRY(not_yet(place));
	if (kind != PLACE_OTHER) {
		path = split_name(path, a, name);
		return kind == PLACE_LAYOUT ? layout_open(path, out) : archive_open(path, out);
	}
	if (!strpbrk(path, "/."))
		return not_an_image(place);
	if (stat(path, &st) < 0)
		return err_sys(ENOENT, "%s", place);
	if (layout_is(path))
		return layout_open(path, out);
	if (archive_is(path))
		return archive_open(path, out);
	return not_an_image(place);
}

// The full reference of a name, the name itself where it is none: "a:1" is "docker.io/library/a:1".
static const char *full_name(const char *name, struct arena *a)
{
	struct ref r;
	drop(err_drop) struct err *e = ref_parse(name, &r);

	return e ? name : ref_full(&r, a);
}

static bool has_name(const struct named_image *n, const char *name, struct arena *a)
{
	const char *full = full_name(name, a);

	for (size_t i = 0; i < n->names.len; i++) {
		const char *tag = strrchr(n->names.at[i], ':');

		if (strcmp(n->names.at[i], name) == 0 || (tag && strcmp(tag + 1, name) == 0) ||
			strcmp(full_name(n->names.at[i], a), full) == 0)
			return true;
	}
	return strcmp(n->descriptor.digest, name) == 0;
}

struct err *place_find(
	struct transport *t, const char *name, struct arena *a, struct named_image *out)
{
	struct named_images all = {0};
	const char *names = "";
	size_t found = 0;

	TRY(transport_list(t, a, &all));
	vec_each (n, &all) {
		if (n - all.at < NAMES_SHOWN)
			names = arena_printf(a, "%s%s%s", names, *names ? ", " : "",
				n->names.len ? n->names.at[0] : n->descriptor.digest);
		if (!name || has_name(n, name, a)) {
			*out = *n;
			found++;
		}
	}
	if (found == 1)
		return NULL;
	if (!all.len)
		return err_new(ERR_FAILED, "%s holds no image", t->name);
	return err_hint(err_new(ERR_USAGE, "%s: %s image is called %s", t->name,
				found ? "more than one" : "no", name ? name : "that"),
		"there are: %s", names);
}

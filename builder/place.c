#include "builder/place.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "builder/spec.h"
#include "oci/archive.h"
#include "oci/layout.h"
#include "registry/daemon.h"

#define NAMES_SHOWN 20 // of the images at a place, in a message

// ---- how they are spoken to ----

#define RETRY 5 // without --retry

// "2", "0.5s", "200ms"
static struct err *take_delay(const char *text, double *out)
{
	char *end;
	double n = strtod(text, &end);

	if (strcmp(end, "ms") == 0)
		n /= 1000;
	else if (end == text || (*end && strcmp(end, "s") != 0))
		n = -1;
	if (!isfinite(n) || n < 0 || n > 3600)
		return err_new(ERR_USAGE, "--retry-delay %s: not a number of seconds", text);
	*out = n;
	return NULL;
}

struct err *places_open(
	const struct registry_args *args, const struct registry_events *events, struct places *out)
{
	*out = (struct places){
		.registry =
			{
				.authfile = args->authfile,
				.creds = args->creds,
				.cert_dir = args->cert_dir,
				.tls_verify =
					!args->tls_verify || strcmp(args->tls_verify, "false") != 0,
				.retry = args->retry < 0 ? RETRY : (int)args->retry,
				.retry_is_given = args->retry >= 0,
			},
		.events = events,
	};
	if (args->creds && !strchr(args->creds, ':'))
		return err_hint(err_new(ERR_USAGE, "--creds: not USER:PASSWORD"),
			"--creds USER:PASSWORD, or imgmin login");
	return args->retry_delay ? take_delay(args->retry_delay, &out->registry.retry_delay) : NULL;
}

void places_drop(struct places *p)
{
	cache_drop(&p->cache);
}

struct err *places_cache(struct places *p, struct arena *a, struct cache **out)
{
	const char *warning = NULL;

	if (!p->cache)
		TRY(cache_open(p->cache_dir, p->is_cacheless, a, &warning, &p->cache));
	*out = p->cache;
	if (warning && p->events && p->events->warning)
		p->events->warning(p->events->arg, warning);
	return NULL;
}

struct err *places_reading(struct places *p, struct arena *a, struct layers_options *out)
{
	if (p->events) {
		out->progress = p->events->reading;
		out->progress_arg = p->events->arg;
	}
	return places_cache(p, a, &out->cache);
}

// ---- words ----

enum kind { PLACE_LAYOUT, PLACE_ARCHIVE, PLACE_DAEMON, PLACE_REGISTRY };

struct word {
	enum kind kind;
	const char *path, *name;
	struct ref ref; // of a registry or daemon
	bool is_plain;  // without a transport's word
};

static bool is_there(const char *path)
{
	return access(path, F_OK) == 0;
}

static bool is_dir(const char *path)
{
	struct stat st;
	size_t n = strlen(path);

	return (n && path[n - 1] == '/') || (stat(path, &st) == 0 && S_ISDIR(st.st_mode));
}

static bool begins(const char *s, const char *with)
{
	return strncmp(s, with, strlen(with)) == 0;
}

// What only a path is written like: "./x", "../x", "/x", "x/", "-", "x.tar", "x.tar.gz".
static bool is_path_only(const char *s)
{
	const char *tar = strstr(s, ".tar"), *dot = strrchr(s, '.');
	size_t n = strlen(s);

	return s[0] == '/' || begins(s, "./") || begins(s, "../") || strcmp(s, ".") == 0 ||
		strcmp(s, "..") == 0 || strcmp(s, "-") == 0 || (n && s[n - 1] == '/') ||
		(tar && (!tar[4] || tar[4] == '.')) || (dot && strcmp(dot, ".tgz") == 0);
}

static bool reads_as_reference(const char *s, struct ref *out)
{
	struct err *e = ref_parse(s, out);
	bool failed = e != NULL;

	err_drop(&e);
	return !failed;
}

// A plain word: cli.md, «Decided».
static bool is_reference(const char *s, bool to_write)
{
	struct ref ref;

	if (strcmp(s, "-") == 0)
		return false;
	if (!strpbrk(s, "/."))
		return true;
	if (is_there(s) || is_path_only(s))
		return false;
	return (!to_write || strchr(s, ':')) && reads_as_reference(s, &ref);
}

// "FILE:TAG" → FILE and TAG; a name may hold colons itself (host:5000/x:1), a file's path is taken
// up to the first one.
static void split_name(struct word *w, struct arena *a)
{
	const char *colon = strchr(w->path, ':');

	w->name = colon && colon[1] ? colon + 1 : NULL;
	if (colon)
		w->path = arena_strndup(a, w->path, (size_t)(colon - w->path));
}

static struct err *take_ref(struct word *w, struct arena *a)
{
	TRY(ref_parse(w->path, &w->ref)); // says the name
	w->name = ref_full(&w->ref, a);
	return NULL;
}

static struct err *with_word(
	const char *place, const char *rest, enum kind kind, struct arena *a, struct word *out)
{
	*out = (struct word){.kind = kind, .path = rest};
	if (kind == PLACE_REGISTRY || (kind == PLACE_DAEMON && *rest))
		return take_ref(out, a);
	if (kind == PLACE_DAEMON)
		return NULL;
	split_name(out, a);
	if (!out->path[0])
		return err_new(ERR_USAGE, "%s: no path", place);
	// The REF of a docker-archive is written as people write it, and kept in full.
	if (out->name && begins(place, "docker-archive:")) {
		TRY_AS(ref_parse(out->name, &out->ref), "%s", place);
		out->name = ref_full(&out->ref, a);
	}
	return NULL;
}

// Compressed archives are read, as "docker save | gzip" makes them; none is written.
static struct err *refuse_compressed(const struct word *w)
{
	static const char *const endings[] = {
		".gz", ".tgz", ".zst", ".tzst", ".xz", ".txz", ".bz2", ".tbz2", ".tbz", ".zip"};
	const char *dot = strrchr(path_base(w->path), '.');
	bool has_tar = dot && dot - w->path >= 4 && strncmp(dot - 4, ".tar", 4) == 0;

	for (size_t i = 0; dot && i < sizeof(endings) / sizeof(*endings); i++)
		if (strcasecmp(dot, endings[i]) == 0)
			return err_hint(
				err_new(ERR_USAGE,
					"%s: an archive is a plain tar, its layers are what is "
					"compressed",
					w->path),
				"name it %.*s%s, or write to - and pipe that through a compressor",
				(int)(dot - w->path), w->path, has_tar ? "" : ".tar");
	return NULL;
}

static struct err *parse_any(const char *place, bool to_write, struct arena *a, struct word *out)
{
	static const struct {
		const char *word;
		enum kind kind;
	} words[] = {
		{"oci:", PLACE_LAYOUT},
		{"oci-archive:", PLACE_ARCHIVE},
		{"docker-archive:", PLACE_ARCHIVE},
		{"docker-daemon:", PLACE_DAEMON},
		{"docker://", PLACE_REGISTRY},
	};

	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
		if (begins(place, words[i].word))
			return with_word(
				place, place + strlen(words[i].word), words[i].kind, a, out);
	if (begins(place, "containers-storage:") || begins(place, "dir:"))
		return err_hint(err_new(ERR_USAGE, "%s: this transport is not supported", place),
			"use oci:DIR, oci-archive:FILE, docker://REF or docker-daemon:REF");
	if (!*place)
		return err_new(ERR_USAGE, "%s: no path", place);
	*out = (struct word){.kind = PLACE_ARCHIVE, .path = place, .is_plain = true};
	if (is_reference(place, to_write)) {
		out->kind = PLACE_REGISTRY;
		return take_ref(out, a);
	}
	if (strcmp(place, "-") != 0 && is_dir(place))
		out->kind = PLACE_LAYOUT;
	return NULL;
}

static struct err *parse(const char *place, bool to_write, struct arena *a, struct word *out)
{
	TRY(parse_any(place, to_write, a, out));
	return to_write && out->kind == PLACE_ARCHIVE ? refuse_compressed(out) : NULL;
}

struct err *place_ask_target(const char *place, bool any_reference)
{
	drop(arena_drop) struct arena a = {0};
	struct word w;

	TRY(parse(place, true, &a, &w));
	if (w.kind != PLACE_REGISTRY || !w.is_plain || (!any_reference && strchr(place, ':')))
		return NULL;
	return err_hint(err_new(ERR_USAGE, "%s: a file or an image in a registry?", place),
		"a file is ./%s, an image docker://%s", place, place);
}

struct err *place_refuse_file(const char *ref, const char *order)
{
	struct stat st;
	bool is_file = stat(ref, &st) == 0 && S_ISREG(st.st_mode);

	if (begins(ref, "docker://") || (!is_file && !is_path_only(ref)))
		return NULL;
	return err_hint(err_new(ERR_USAGE,
				"%s: a file, where the name of an image in a registry goes", ref),
		"%s; where it is an image's name, docker://%s", order, ref);
}

static struct err *is_registry(
	const char *place, bool to_write, struct arena *a, bool *out, struct ref *ref)
{
	struct word w;

	TRY(parse(place, to_write, a, &w));
	*out = w.kind == PLACE_REGISTRY;
	*ref = w.ref;
	return NULL;
}

struct err *place_is_registry(const char *place, struct arena *a, bool *out, struct ref *ref)
{
	return is_registry(place, true, a, out, ref);
}

struct err *place_is_pulled(const char *place, struct arena *a, bool *out, struct ref *ref)
{
	return is_registry(place, false, a, out, ref);
}

struct err *place_file(const char *place, bool to_write, struct arena *a, const char **out)
{
	struct word w;

	TRY(parse(place, to_write, a, &w));
	*out = w.kind == PLACE_ARCHIVE && strcmp(w.path, "-") != 0 ? w.path : NULL;
	return NULL;
}

struct err *place_reach(const char *place, bool to_write, struct arena *a, struct place_reach *out)
{
	struct word w;

	TRY(parse(place, to_write, a, &w));
	*out = (struct place_reach){
		.is_registry = w.kind == PLACE_REGISTRY,
		.is_engine = w.kind == PLACE_DAEMON,
		.is_layout = w.kind == PLACE_LAYOUT,
	};
	if (!out->is_registry && !out->is_engine && strcmp(w.path, "-") != 0)
		out->path = w.path;
	return NULL;
}

struct err *place_platform(
	const char *place, struct arena *a, bool *is_single, struct platform *out)
{
	struct word w;

	TRY(parse(place, true, a, &w));
	*is_single = w.kind == PLACE_DAEMON;
	return *is_single ? daemon_platform(out) : NULL;
}

struct err *place_mount(struct transport *t, const char *place, const char *source, struct arena *a)
{
	struct word from, to;

	TRY(parse(place, true, a, &to));
	TRY(parse(source, false, a, &from));
	if (from.kind == PLACE_REGISTRY && to.kind == PLACE_REGISTRY &&
		strcmp(from.ref.host, to.ref.host) == 0 &&
		strcmp(from.ref.repository, to.ref.repository) != 0)
		registry_mount_from(t, &from.ref);
	return NULL;
}

// ---- whose credentials they are ----

static struct err *claim_creds(struct places *p, const struct ref *ref, struct arena *a)
{
	if (!p->registry.creds)
		return NULL;
	if (!p->creds_host)
		p->creds_host = arena_strdup(a, ref->host);
	if (strcmp(p->creds_host, ref->host) == 0)
		return NULL;
	return err_hint(
		err_new(ERR_USAGE, "--creds: %s or %s, whose are they?", p->creds_host, ref->host),
		"imgmin login keeps those of each registry, --authfile names a file of them");
}

struct err *place_claim_creds(struct places *p, const char *place, bool to_write, struct arena *a)
{
	struct word w;

	TRY(parse(place, to_write, a, &w));
	return w.kind == PLACE_REGISTRY ? claim_creds(p, &w.ref, a) : NULL;
}

struct err *place_wrap(struct err *e, const char *word)
{
	drop(mem_drop) char *first = NULL;
	const char *end;

	if (!e)
		return NULL;
	end = strstr(err_text(e), ": ");
	first = str_printf("%.*s", end ? (int)(end - err_text(e)) : 0, err_text(e));
	return strstr(first, word + (begins(word, "docker://") ? 9 : 0)) ? e
									 : err_wrap(e, "%s", word);
}

// ---- to write ----

static struct err *create_registry(
	struct places *p, const struct word *w, struct arena *a, struct transport **out)
{
	TRY(claim_creds(p, &w->ref, a));
	return registry_open(&w->ref, &p->registry, p->events, out);
}

struct err *place_create(struct places *p, const char *place, struct arena *a,
	struct transport **out, const char **name)
{
	struct word w;

	*name = NULL;
	TRY(parse(place, true, a, &w));
	*name = w.name;
	switch (w.kind) {
	case PLACE_LAYOUT:
		return layout_create(w.path, out);
	case PLACE_ARCHIVE:
		return archive_create(w.path, p->epoch, out);
	case PLACE_DAEMON:
		return daemon_create(p->epoch, out);
	default:
		return create_registry(p, &w, a, out);
	}
}

struct err *place_try(const char *place, struct arena *a)
{
	struct word w;

	TRY(parse(place, true, a, &w));
	if (w.kind == PLACE_LAYOUT)
		return place_elsewhere(layout_try(w.path));
	return w.kind == PLACE_ARCHIVE && strcmp(w.path, "-") != 0
		? place_elsewhere(file_out_try(w.path))
		: NULL;
}

struct err *place_elsewhere(struct err *e)
{
	if (!e || err_kind(e) != ERR_FAILED || !err_number(e))
		return e;
	return err_number(e) == ENOSPC || err_number(e) == EDQUOT
		? err_hint(e, "free some space there, or name another place with -o")
		: err_hint(e, "name a place that can be written with -o");
}

// ---- to read ----

// Of a tar that is no image the archive's own reader says what is wrong.
static bool is_tar(const char *path)
{
	drop(fd_drop) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	char magic[5];

	return fd >= 0 && pread(fd, magic, 5, 257) == 5 && !memcmp(magic, "ustar", 5);
}

static struct err *open_path(const char *path, struct transport **out)
{
	bool is;

	// What may not be read does not look like an image, but it may be one.
	if (access(path, R_OK))
		return err_sys(errno, "%s", path);
	TRY(layout_look(path, &is));
	if (is)
		return layout_open(path, out);
	TRY(archive_look(path, &is));
	if (is || is_tar(path))
		return archive_open(path, out);
	if (is_dir(path))
		return err_hint(err_new(ERR_FAILED, "%s: a directory, and no OCI layout", path),
			"a layout holds oci-layout and index.json; a folder with a program is for "
			"imgmin build, a file tree for --sysroot");
	return err_hint(err_new(ERR_FAILED, "%s: no image archive or OCI layout", path),
		"imgmin build makes one, docker save and skopeo copy do too; one that was cut short "
		"looks like this: copy it again");
}

struct err *place_open(struct places *p, const char *place, struct arena *a, struct transport **out,
	const char **name)
{
	struct word w;

	*name = NULL;
	TRY(parse(place, false, a, &w));
	if (w.is_plain && w.kind != PLACE_REGISTRY)
		return open_path(place, out);
	switch (w.kind) {
	case PLACE_LAYOUT:
		*name = w.name;
		return layout_open(w.path, out);
	case PLACE_ARCHIVE:
		*name = w.name;
		return archive_open(w.path, out);
	case PLACE_DAEMON:
		if (!w.name)
			return err_new(ERR_USAGE, "%s: which image?", place);
		return daemon_open(&w.ref, out);
	default:
		if (w.is_plain && is_there(place) && p->events && p->events->warning)
			p->events->warning(p->events->arg,
				arena_printf(a,
					"%s is looked for in a registry; the file here is ./%s",
					place, place));
		TRY(claim_creds(p, &w.ref, a));
		// Downloads lie there until they are whole, and later runs find them.
		TRY(places_cache(p, a, &p->registry.cache));
		return registry_open(&w.ref, &p->registry, p->events, out);
	}
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

// As one types it: "user/sensor:1.2", a layout's tag as it is.
static const char *typed_name(const char *name, struct arena *a)
{
	struct ref r;

	return strchr(name, '/') && reads_as_reference(name, &r) ? ref_familiar(&r, a) : name;
}

// "a:1, b:2": at most NAMES_SHOWN of all names.
static const char *names_there(const struct named_images *all, const char **first, struct arena *a)
{
	struct strings names = {0};

	vec_each (n, all) {
		for (size_t i = 0; i < n->names.len; i++)
			if (i == 0 || strchr(n->names.at[i], '/')) // not the tag of one before it
				vec_push(a, &names, typed_name(n->names.at[i], a));
		if (!n->names.len)
			vec_push(a, &names, n->descriptor.digest);
	}
	*first = names.at[0];
	return strings_shown(&names, NAMES_SHOWN, a);
}

static struct err *which(const struct transport *t, const char *name, size_t found,
	const struct named_images *all, struct arena *a)
{
	const char *word =
		begins(t->name, "oci:") || begins(t->name, "docker") ? "" : "oci-archive:";
	const char *first, *names = names_there(all, &first, a);
	struct err *e = !name ? err_new(ERR_USAGE, "%s: it holds %zu images", t->name, all->len)
		: found ? err_new(ERR_USAGE, "%s: more than one image is called %s", t->name, name)
			: err_new(ERR_USAGE, "%s: no image is called %s", t->name, name);

	return err_hint(e, "name one, as in %s%s:%s; there are: %s", word, t->name, first, names);
}

struct err *place_find(
	struct transport *t, const char *name, struct arena *a, struct named_image *out)
{
	struct named_images all = {0};
	size_t found = 0;

	TRY(transport_list(t, a, &all));
	vec_each (n, &all)
		if (!name || has_name(n, name, a)) {
			*out = *n;
			found++;
		}
	if (found == 1)
		return NULL;
	if (!all.len)
		return err_new(ERR_FAILED, "%s holds no image", t->name);
	return which(t, name, found, &all, a);
}

// The full name of the image, of several the one that was asked for; NULL: it has none.
static const char *whole_name(const struct named_image *n, const char *name, struct arena *a)
{
	for (size_t i = 0; i < n->names.len; i++) {
		const char *own = n->names.at[i], *tag = strrchr(own, ':');

		if (strpbrk(own, ":/") &&
			(!name || (tag && strcmp(tag + 1, name) == 0) ||
				strcmp(full_name(own, a), full_name(name, a)) == 0))
			return own;
	}
	return NULL;
}

struct err *place_ref(const char *place, const char *name, const struct named_image *found,
	struct arena *a, struct ref *out)
{
	const char *whole = whole_name(found, name, a);
	struct word w;

	TRY(parse(place, false, a, &w));
	if (w.kind == PLACE_REGISTRY || w.kind == PLACE_DAEMON) {
		*out = w.ref;
		return NULL;
	}
	if (whole && reads_as_reference(whole, out))
		return NULL;
	TRY(ref_parse(name_of_file(w.is_plain ? place : w.path, a), out));
	if (!name && found->names.len)
		name = found->names.at[0];
	if (name && reads_as_reference(arena_printf(a, "x:%s", name), &w.ref))
		snprintf(out->tag, sizeof(out->tag), "%s", w.ref.tag);
	return NULL;
}

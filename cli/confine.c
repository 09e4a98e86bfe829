#include "cli/confine.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/sink.h"
#include "builder/report.h"
#include "builder/sysroot.h"
#include "cli/show.h"
#include "oci/cache.h"
#include "registry/creds.h"
#include "registry/daemon.h"

static void allow(struct confinement *c, const char *path, enum sandbox_rights rights)
{
	vec_each (p, &c->allowed.writable)
		if (strcmp(p->path, path) == 0) {
			p->rights = p->rights > rights ? p->rights : rights;
			return;
		}
	vec_push(&c->arena, &c->allowed.writable, ((struct sandbox_path){path, rights}));
}

static void reach(struct confinement *c, enum sandbox_network network)
{
	if (c->allowed.network < network)
		c->allowed.network = network;
}

static void reach_place(struct confinement *c, const struct place_reach *p)
{
	if (p->is_engine)
		reach(c, daemon_is_remote() ? SANDBOX_NETWORK : SANDBOX_ENGINE);
	if (!p->is_registry)
		return;
	reach(c, SANDBOX_NETWORK);
	c->starts_programs |= creds_may_start(c->registry->creds, c->registry->authfile);
}

static bool read_word(
	struct confinement *c, const char *place, bool to_write, struct place_reach *out)
{
	drop(err_drop) struct err *e = place_reach(place, to_write, &c->arena, out);

	return !e;
}

void confine_image(struct confinement *c, const char *place, bool with_layers)
{
	struct place_reach p;

	c->needs_spool = true;
	if (!read_word(c, place, false, &p))
		return;
	reach_place(c, &p);
	c->needs_cache |= with_layers || p.is_registry;
}

void confine_sysroots(struct confinement *c, const struct strings *sysroots)
{
	vec_each (word, sysroots) {
		const char *place = sysroot_image(*word, &c->arena);

		if (place)
			confine_image(c, place, true);
	}
}

// The directory that a name stands in: files and layouts are made beside their names.
static const char *directory_of(const char *path, struct arena *a)
{
	size_t n = strlen(path);

	while (n > 1 && path[n - 1] == '/')
		n--;
	while (n && path[n - 1] != '/')
		n--;
	return n ? arena_strndup(a, path, n > 1 ? n - 1 : n) : ".";
}

void confine_file(struct confinement *c, const char *path)
{
	if (!path || !*path || strcmp(path, "-") == 0)
		return;
	if (file_out_is_direct(path))
		allow(c, path, SANDBOX_FILE);
	else
		allow(c, directory_of(path, &c->arena), SANDBOX_FILES);
}

// Layouts that share their blobs have them behind a link.
static void allow_layout(struct confinement *c, const char *dir)
{
	static const char *const rooms[] = {"blobs", "blobs/sha256"};
	struct stat st;

	allow(c, dir, SANDBOX_TREE);
	for (size_t i = 0; i < sizeof(rooms) / sizeof(*rooms); i++) {
		const char *room = arena_printf(&c->arena, "%s/%s", dir, rooms[i]);

		if (lstat(room, &st) == 0 && S_ISLNK(st.st_mode))
			allow(c, room, SANDBOX_TREE);
	}
}

void confine_output(struct confinement *c, const char *place)
{
	struct place_reach p;
	struct stat st;

	c->needs_spool = true;
	if (!read_word(c, place, true, &p))
		return;
	reach_place(c, &p);
	if (!p.path)
		return;
	if (!p.is_layout)
		confine_file(c, p.path);
	else if (stat(p.path, &st) == 0)
		allow_layout(c, p.path);
	else
		allow(c, directory_of(p.path, &c->arena), SANDBOX_TREE);
}

void confine_build(struct confinement *c, const struct build_args *args)
{
	c->registry = &args->registry;
	c->cache_dir = args->cache_dir;
	c->is_cacheless = args->no_cache;
	confine_sysroots(c, &args->sysroots);
	if (args->dry_run)
		return;
	c->needs_cache = c->needs_spool = true;
	vec_each (place, &args->outputs)
		confine_output(c, *place);
	if (args->push)
		vec_each (tag, &args->tags)
			confine_output(c, arena_printf(&c->arena, "docker://%s", *tag));
	if (args->load)
		confine_output(c, "docker-daemon:");
	if (!args->outputs.len && !args->push && !args->load)
		confine_file(c, "./NAME.tar");
	confine_file(c, args->iidfile);
	confine_file(c, args->digestfile);
	confine_file(c, args->metadata_file);
}

// ---- it begins ----

static void allow_temporary(struct confinement *c)
{
	const char *dir = getenv("TMPDIR");
	const char *cache = NULL;
	bool is_there = false;

	dir = dir && *dir ? dir : "/tmp";
	if (c->needs_cache && !c->is_cacheless)
		cache = cache_prepare(c->cache_dir, &c->arena, &is_there);
	if (cache)
		allow(c, cache, SANDBOX_TREE);
	// What failed now may go later, and the other way round.
	if (c->needs_cache && !is_there)
		allow(c, dir, SANDBOX_TREE);
	if (c->needs_spool)
		allow(c, dir, SANDBOX_SPOOL);
}

void confine_enter(struct confinement *c, const struct common_args *common)
{
	const char *word = getenv("IMGMIN_SANDBOX"), *said = "off, as IMGMIN_SANDBOX says";

	if (!word || strcmp(word, "off") != 0) {
		allow_temporary(c);
		c->allowed.starts_programs = c->starts_programs;
		said = sandbox_enter(&c->allowed, &c->arena);
	}
	if (common->verbose && !common->quiet)
		show_detail("sandbox: %s", text_printable(said, &c->arena));
	arena_drop(&c->arena);
}

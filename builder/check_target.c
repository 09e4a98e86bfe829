// What the devices and engines of --target cannot take.
#include <string.h>

#include "builder/target.h"

// ---- which ----

struct err *check_targets(struct check *c)
{
	const struct strings *names = &c->args->targets;

	for (size_t i = 0; i < names->len; i++) {
		const struct target *t = target_find(names->at[i]);

		if (!t)
			return err_hint(
				err_new(ERR_USAGE, "--target %s: no such target", names->at[i]),
				"there are %s", target_names(&c->arena));
		vec_push(&c->arena, &c->targets, (struct asked_target){.target = t});
	}
	return NULL;
}

static bool runs_on(const char *device, const struct platform *p)
{
	struct platform d;
	struct err *e = device ? platform_parse(device, &d) : NULL;
	bool runs = device && !e && platform_runs(&d, p);

	err_drop(&e);
	return runs;
}

static bool device_runs(const struct target *t, const struct platform *p)
{
	return runs_on(t->platform, p) || runs_on(t->narrow, p);
}

// Engines are asked about what the devices named beside them would be given.
static bool is_wanted(const struct check *c, const struct asked_target *asked, const char *digest)
{
	bool has_device = false;

	if (asked->target->platform)
		return asked->takes && strcmp(asked->takes, digest) == 0;
	vec_each (it, &c->targets) {
		has_device = has_device || it->target->platform;
		if (it->takes && strcmp(it->takes, digest) == 0)
			return true;
	}
	return !has_device;
}

// "linux/arm64 or linux/arm/v8"
static const char *device_platforms(const struct target *t, struct arena *a)
{
	return t->narrow ? arena_printf(a, "%s or %s", t->platform, t->narrow) : t->platform;
}

// ---- the index ----

// *takes is what the device would take; where that is nothing, *there lists what the image holds.
static struct err *find_image(struct check *c, struct transport *t, const char *device,
	const struct descriptors *manifests, const char **takes, const char **there)
{
	struct descriptors chosen = *manifests;
	struct err *e = NULL;

	if (*takes || !device)
		return NULL;
	e = image_select(t, device, &c->arena, &chosen);
	if (e && err_kind(e) != ERR_USAGE)
		return e;
	if (e)
		*there = arena_strdup(&c->arena, err_hint_text(e));
	else
		*takes = chosen.at[0].digest;
	err_drop(&e);
	return NULL;
}

struct err *check_target_devices(
	struct check *c, struct transport *t, const struct descriptors *manifests)
{
	vec_each (it, &c->targets) {
		const struct target *d = it->target;
		const char *there = "";

		if (!d->platform)
			continue;
		TRY(find_image(c, t, d->platform, manifests, &it->takes, &there));
		TRY(find_image(c, t, d->narrow, manifests, &it->takes, &there));
		if (it->takes)
			continue;
		finding_add(c, FINDING_POLICY, "no image for %s, which runs %s", d->what,
			device_platforms(d, &c->arena))
			->hint =
			arena_printf(&c->arena, "%s; build it for %s as well", there, d->platform);
	}
	return NULL;
}

static void check_order(
	struct check *c, const struct target *engine, const struct descriptors *manifests)
{
	struct platform highest = {0};
	char before[PLATFORM_TEXT], after[PLATFORM_TEXT];

	vec_each (d, manifests) {
		const struct platform p = platform_of(&d->platform);

		if (strcmp(p.os, "linux") != 0 || strcmp(p.arch, "arm") != 0)
			continue;
		if (!highest.arch[0] || platform_order(&p, &highest) > 0) {
			highest = p;
		} else if (platform_order(&p, &highest) < 0) {
			finding_add(c, FINDING_POLICY,
				"%s stands before %s, and %s gives any ARM device the first one",
				platform_text(&highest, before), platform_text(&p, after),
				engine->what)
				->hint = "order them v5, v6, v7, as imgmin build and imgmin index "
					 "create do";
			return;
		}
	}
}

static void check_types(struct check *c, const struct target *engine, const struct descriptor *top,
	const struct descriptors *manifests)
{
	bool is_oci = strcmp(top->media_type, OCI_INDEX) == 0;

	vec_each (d, manifests)
		is_oci = is_oci || strcmp(d->media_type, OCI_MANIFEST) == 0;
	if (is_oci)
		finding_add(c, FINDING_POLICY, "its media types are OCI's, which %s cannot pull",
			engine->what)
			->hint = "build with --format docker";
}

void check_target_index(
	struct check *c, const struct descriptor *top, const struct descriptors *manifests)
{
	vec_each (it, &c->targets) {
		if (it->target->first_match)
			check_order(c, it->target, manifests);
		if (it->target->no_oci)
			check_types(c, it->target, top, manifests);
	}
}

// ---- pages ----

// dl-load.c (_dl_map_object_from_fd) refuses a p_align below the page and an offset that does not
// fit its address; the kernel maps whole pages, so that the segments of a program linked for
// smaller ones overlap (load_elf_binary; arm64's Kconfig warns of it for 32-bit programs).
static const char *page_trouble(const struct elf *e, const struct target *t, struct arena *a)
{
	vec_each (s, &e->loads) {
		if (s->align < t->page_size)
			return arena_printf(a,
				"its segments are aligned to %llu bytes, %s has pages of %llu",
				(unsigned long long)s->align, t->what,
				(unsigned long long)t->page_size);
		if ((s->offset - s->vaddr) % t->page_size)
			return arena_printf(a,
				"the segment at 0x%llx lies at 0x%llx of the file, which does not "
				"fit "
				"%s with its pages of %llu bytes",
				(unsigned long long)s->vaddr, (unsigned long long)s->offset,
				t->what, (unsigned long long)t->page_size);
	}
	return NULL;
}

static void check_pages(
	struct check *c, const struct target *t, const struct elf *e, const char *path)
{
	drop(arena_drop) struct arena a = {0};
	bool is_arm = e->machine == EM_AARCH64 || e->machine == EM_ARM;

	if (e->not_elf || e->broken || !is_arm || (e->type != ET_EXEC && e->type != ET_DYN))
		return;
	const char *trouble = page_trouble(e, t, &a);

	if (!trouble)
		return;
	struct finding *f = finding_add(c, FINDING_POLICY, "%s: %s", path, trouble);

	// Of 32-bit ARM the libraries of distributions have small pages, too.
	f->hint = e->machine == EM_ARM
		? arena_printf(&c->arena, "build it for %s, or %s", t->platform, t->small_pages)
		: arena_printf(&c->arena, "link it with -Wl,-z,max-page-size=%llu, or %s",
			  (unsigned long long)t->page_size, t->small_pages);
}

// Whatever the image holds may be loaded, by dlopen or by hand.
static struct err *check_files(struct check *c, const struct target *t, struct inside *in)
{
	size_t n;
	const struct layered_file *files = layers_files(in->layers, &n);

	for (size_t i = 0; i < n; i++) {
		drop(arena_drop) struct arena a = {0};
		drop(file_drop) struct file *f = NULL;
		struct elf e;

		if (!S_ISREG(files[i].node.mode) || files[i].hard_link)
			continue;
		TRY(root_open_file(in->root, files[i].path, &f));
		TRY(elf_read(f, &a, &e));
		check_pages(c, t, &e, files[i].path);
	}
	return NULL;
}

// ---- one image, one program ----

static void check_layers(struct check *c, const struct target *t, const struct manifest *m)
{
	if (t->layers_max && m->layers.len > t->layers_max)
		finding_add(c, FINDING_POLICY, "it has %zu layers, %s takes %zu at most",
			m->layers.len, t->what, t->layers_max)
			->hint = "build it with fewer layers";
	for (size_t i = 0; t->no_zstd && i < m->layers.len; i++)
		if (strstr(((const struct descriptor *)m->layers.at + i)->media_type, "zstd"))
			finding_add(c, FINDING_POLICY, "layer %zu is zstd, which %s cannot read", i,
				t->what)
				->hint = "build with --compression gzip";
}

struct err *check_target_image(struct check *c, const struct image *image, struct inside *in)
{
	vec_each (it, &c->targets) {
		const struct target *t = it->target;

		if (!is_wanted(c, it, image->descriptor.digest))
			continue;
		check_layers(c, t, &image->manifest);
		if (t->page_size && in)
			TRY(check_files(c, t, in));
	}
	return NULL;
}

void check_target_program(
	struct check *c, const struct closure *closure, const struct platform *needed)
{
	char text[PLATFORM_TEXT];

	vec_each (it, &c->targets) {
		const struct target *t = it->target;

		if (t->platform && !device_runs(t, needed)) {
			finding_add(c, FINDING_POLICY, "it needs %s, %s runs %s",
				platform_text(needed, text), t->what,
				device_platforms(t, &c->arena))
				->hint = arena_printf(&c->arena,
				"build it for %s, with libraries made for it", t->platform);
			continue;
		}
		for (size_t i = 0; t->page_size && i < closure->objects.len; i++) {
			const struct object_file *f = closure->objects.at[i]->file;

			if (f)
				check_pages(c, t, &f->elf, f->path);
		}
	}
}

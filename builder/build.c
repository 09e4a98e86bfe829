#include "builder/build.h"

#include <errno.h>
#include <string.h>

#include "builder/bundle.h"
#include "builder/own.h"
#include "builder/results.h"
#include "ldd/rewrite.h"
#include "ldd/unbound.h"
#include "ldd/verify.h"

void build_warn(struct build *b, const char *text)
{
	if (b->events && b->events->warning)
		b->events->warning(b->events->arg, text);
}

// ---- programs, and which image each is for ----

static bool same_abi(const struct installed *x, const struct installed *y)
{
	const struct elf *a = &x->program.file->elf, *b = &y->program.file->elf;

	return a->machine == b->machine && a->class == b->class && a->data == b->data &&
		elf_arm_float(a) == elf_arm_float(b);
}

// Programs of one machine, ABI and sysroot share an image; those that differ in their variant and
// have one name are the same program for several boards.
static bool belongs(const struct built_image *image, const struct installed *p)
{
	vec_each (q, &image->assembly.programs) {
		if (!same_abi(*q, p) ||
			(*q)->program.sysroot->resolver != p->program.sysroot->resolver)
			return false;
		if (strcmp((*q)->program.platform.variant, p->program.platform.variant) != 0 &&
			strcmp(path_base((*q)->program.path), path_base(p->program.path)) == 0)
			return false;
	}
	return true;
}

static void into_image(struct build *b, struct installed *p)
{
	vec_each (image, &b->images)
		if (belongs(*image, p)) {
			vec_push(&b->arena, &(*image)->assembly.programs, p);
			return;
		}
	struct built_image *image = arena_new(&b->arena, struct built_image);

	image->assembly.spec = &b->spec;
	image->assembly.container = &b->spec.container;
	image->assembly.sysroot = p->program.sysroot;
	vec_push(&b->arena, &image->assembly.programs, p);
	vec_push(&b->arena, &b->images, image);
}

// Its own, else the one that was given for all of them.
static struct err *take_assertion(struct build *b, size_t i, const struct platform **out)
{
	const struct strings *own = &b->spec.args->platforms;

	*out = b->spec.has_platform ? &b->spec.platform : NULL;
	if (i >= own->len || !own->at[i])
		return NULL;
	struct platform *p = arena_new(&b->arena, struct platform);

	*out = p;
	return platform_parse(own->at[i], p);
}

// What a project file names is no mistyped path: it is not built yet.
static struct err *not_built(const struct build *b, struct err *e)
{
	if (!e || !b->spec.args->platforms.len || err_kind(e) != ERR_FAILED ||
		err_number(e) != ENOENT)
		return e;
	struct err *named = err_as(err_new(err_kind(e), "%s", err_text(e)), ENOENT);

	err_drop(&e);
	return err_hint(named, "the project file names it: build the program first");
}

static struct err *open_programs(struct build *b)
{
	const struct strings *paths = &b->spec.args->paths;

	for (size_t i = 0; i < paths->len; i++) {
		struct installed *p = arena_new(&b->arena, struct installed);

		TRY(take_assertion(b, i, &p->asserted));
		if (bundle_is(paths->at[i]))
			TRY(bundle_open(b->sysroots, &b->spec, paths->at[i], p->asserted, &b->arena,
				&p->program));
		else
			TRY(not_built(b,
				program_open(b->sysroots, paths->at[i], p->asserted, &b->arena,
					&p->program)));
		if (p->program.file->elf.type != ET_EXEC && !p->program.file->elf.interp &&
			p->program.file->elf.soname)
			return err_hint(err_new(ERR_NO_START, "%s is a shared library, no program",
						paths->at[i]),
				"give the program that loads it; --library-path says where its "
				"libraries are");
		into_image(b, p);
	}
	return NULL;
}

// ---- what they load ----

// What nothing binds to goes from the user's own programs: other files stay the same in all images.
static struct err *drop_unbound(struct build *b, struct installed *p)
{
	struct resolver *r = p->program.sysroot->resolver;
	const struct rewrite_options how = {
		.page_size = b->spec.shrink.page_size, .drop_needed = &p->unbound};
	drop(file_drop) struct file *f = NULL;
	struct rewrite plan;

	if (b->spec.shrink.strip == STRIP_NONE || !is_own(p, p->program.file))
		return NULL;
	TRY(unbound_needed(r, &p->closure, &b->arena, &p->unbound));
	if (!p->unbound.len)
		return NULL;
	TRY(root_open_file(p->program.root, p->program.file->walk->path, &f));
	TRY(rewrite_plan(f, &p->program.file->elf, &how, &b->arena, &plan));
	if (plan.why_not) {
		p->unbound.len = 0;
		return NULL;
	}
	TRY(resolver_forget_needed(r, p->program.root, p->program.path, &p->unbound));
	TRY(closure_resolve(r, p->program.root, p->program.path, &p->closure));
	return hidden_add(r, &p->closure, &p->suggestions);
}

static struct err *resolve_closure(struct assembly *a, struct installed *p)
{
	struct resolver *r = p->program.sysroot->resolver;

	if (p->program.bundle)
		return bundle_resolve(a, p);
	TRY(closure_resolve(r, p->program.root, p->program.path, &p->closure));
	return hidden_add(r, &p->closure, &p->suggestions);
}

static struct err *resolve_program(struct build *b, struct assembly *a, struct installed *p)
{
	struct platform needed;

	TRY(resolve_closure(a, p));
	struct resolver *r = p->program.sysroot->resolver;

	TRY(verify_versions(r, &p->closure));
	TRY(verify_symbols(r, &p->closure));
	TRY(verify_platform(r, &p->closure, p->asserted, &needed));
	if (b->events && b->events->resolved)
		b->events->resolved(b->events->arg, p);
	TRY(closure_error(&p->closure, p->program.asked));
	TRY(drop_unbound(b, p));
	if (p->program.bundle)
		TRY(bundle_check_platform(p->program.bundle, p->asserted, &needed));
	if (!a->platform.arch[0] || platform_level(&needed) > platform_level(&a->platform))
		a->platform = needed;
	const char *floor = verify_glibc_floor(r, &p->closure);

	if (floor && (!a->glibc_floor || strverscmp(floor, a->glibc_floor) > 0))
		a->glibc_floor = floor;
	return NULL;
}

static struct err *refuse_doubles(const struct build *b)
{
	for (size_t i = 0; i < b->images.len; i++)
		for (size_t k = 0; k < i; k++) {
			const struct assembly *x = &b->images.at[k]->assembly;
			const struct assembly *y = &b->images.at[i]->assembly;
			char text[PLATFORM_TEXT];

			if (!platform_equal(&x->platform, &y->platform))
				continue;
			if (x->programs.at[0]->program.bundle || y->programs.at[0]->program.bundle)
				return err_hint(
					err_new(ERR_USAGE,
						"%s and %s: a bundle shares its image with no other PATH",
						x->programs.at[0]->program.asked,
						y->programs.at[0]->program.asked),
					"put the other into the folder, or --add it");
			return err_hint(
				err_new(ERR_USAGE,
					"%s and %s are both for %s: an index holds one image for "
					"each platform",
					x->programs.at[0]->program.asked,
					y->programs.at[0]->program.asked,
					platform_text(&x->platform, text)),
				"their libraries may need a higher variant than the programs; give "
				"each its own with --sysroot PLATFORM=DIR");
		}
	return NULL;
}

static struct err *resolve_programs(struct build *b)
{
	vec_each (image, &b->images)
		vec_each (p, &(*image)->assembly.programs)
			TRY(resolve_program(b, &(*image)->assembly, *p));
	struct strings warnings = sysroots_warnings(b->sysroots, &b->arena);

	for (size_t i = 0; i < warnings.len; i++)
		build_warn(b, warnings.at[i]);
	return refuse_doubles(b);
}

// ---- trees ----

static void tell(
	struct build *b, const struct strings *texts, void (*listener)(void *arg, const char *text))
{
	for (size_t i = 0; listener && i < texts->len; i++)
		listener(b->events->arg, texts->at[i]);
}

struct err *build_assemble(
	struct build *b, struct built_image *image, struct tree *tree, struct root *host)
{
	struct assembly *a = &image->assembly;

	a->tree = tree;
	TRY(assemble(a, host));
	tell(b, &a->warnings, b->events ? b->events->warning : NULL);
	tell(b, &a->notes, b->events ? b->events->note : NULL);
	tell(b, &a->details, b->events ? b->events->detail : NULL);
	TRY(assembly_prove(a));
	layering_split(image, b->spec.layering, &b->arena);
	return NULL;
}

static struct err *assemble_images(struct build *b)
{
	vec_each (image, &b->images)
		TRY(build_assemble(b, *image, tree_new(b->spec.epoch), sysroots_host(b->sysroots)));
	exclude_warn(b);
	return NULL;
}

// ---- the story ----

static struct err *build_all(struct build *b, const struct build_args *args)
{
	TRY(spec_from_args(args, &b->arena, &b->spec));
	TRY(results_check(args, &b->spec.outputs, NULL, &b->arena));
	TRY(places_open(&args->registry, b->events ? b->events->registry : NULL, &b->places));
	b->places.epoch = b->spec.epoch;
	b->places.cache_dir = args->cache_dir;
	b->places.is_cacheless = args->no_cache;
	const struct sysroots_options o = {
		.given = &args->sysroots,
		.places = &b->places,
		.library_path = &args->library_path,
		.hwcaps = &args->hwcaps,
		.env_library_path = b->spec.container.library_path,
		.workdir = b->spec.container.config.working_dir,
		.for_image = true,
	};

	if (b->spec.is_renamed)
		build_warn(b,
			arena_printf(&b->arena,
				"the image is called %s: names of images are of a-z, 0-9, '.', '_' and "
				"'-'",
				b->spec.name));
	TRY(sysroots_open(&o, &b->sysroots));
	TRY(open_programs(b));
	TRY(resolve_programs(b));
	TRY(assemble_images(b));
	return build_pack(b);
}

struct err *build_images(
	const struct build_args *args, const struct build_events *events, struct build **out)
{
	*out = mem_alloc(sizeof(**out));
	(*out)->events = events;
	(*out)->command = "imgmin build";
	return build_all(*out, args);
}

void build_drop(struct build **bp)
{
	struct build *b = *bp;

	if (!b)
		return;
	vec_each (image, &b->images) {
		vec_each (l, &(*image)->layers)
			blob_drop(&l->layer.blob);
		vec_each (p, &(*image)->assembly.programs)
			bundle_drop(&(*p)->program.bundle);
		assembly_drop(&(*image)->assembly);
	}
	sysroots_drop(&b->sysroots);
	places_drop(&b->places);
	cache_drop(&b->cache);
	if (b->pool)
		pool_drop(&b->pool);
	arena_drop(&b->arena);
	mem_drop(bp);
}

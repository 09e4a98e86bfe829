// The platform that a closure needs, and whether it is the one that was asked for.
#include <stdio.h>
#include <string.h>

#include "ldd/facts.h"
#include "ldd/verify.h"

// Not in every elf.h: GNU_PROPERTY_X86_ISA_1_BASELINE is bit 0, _V2 bit 1, _V3 bit 2, _V4 bit 3
// (x86-64 psABI, "Program Property").
static int x86_level(uint32_t needed)
{
	int level = 0;

	for (int bit = 0; bit < 4; bit++)
		if (needed & 1u << bit)
			level = bit + 1;
	return level;
}

static struct err *read_platform(struct resolver *r, const struct object_file *f)
{
	struct facts *facts = facts_of(r, f);
	drop(file_drop) struct file *file = NULL;
	drop(err_drop) struct err *e = NULL;

	if (facts->has_platform)
		return NULL;
	TRY(root_open_file(f->root, f->walk->path, &file));
	e = elf_platform(file, &f->elf, &facts->platform);
	if (e && err_kind(e) != ERR_NO_START)
		return take(e);
	if (e)
		facts->no_platform = arena_strdup(resolver_arena(r), err_text(e));
	facts->has_platform = true;
	return NULL;
}

static int level_of(struct resolver *r, const struct object_file *f)
{
	const struct facts *facts = facts_of(r, f);

	if (!strcmp(facts->platform.arch, "amd64"))
		return x86_level(f->elf.x86_isa_needed);
	return facts->no_platform ? 0 : platform_level(&facts->platform);
}

// Does the object decide about the image's variant? The user's own files do, and what every
// program runs: the loader and libc. On x86 all that is there at start does, for glibc's loader
// refuses an object marked for more than the processor has (sysdeps/x86/dl-prop.h). Other libraries
// of an ARM sysroot may choose at run time: Debian's libgcrypt for armhf is marked v8.
static bool decides(const struct resolver *r, const struct closure *c, const struct object *o)
{
	const struct object *program = c->objects.at[0];

	if (o == program || resolver_is_own(r, o->file) || o->file == c->interpreter ||
		o == closure_libc(c))
		return true;
	return program->file->elf.machine == EM_X86_64 && c->libc == LIBC_GLIBC &&
		object_is_at_start(o);
}

static void set_level(struct platform *p, int level)
{
	bool is_base = !strcmp(p->arch, "amd64") && level == 1;

	if (level && !is_base)
		snprintf(p->variant, sizeof(p->variant), "v%d", level % 100);
	else
		memset(p->variant, 0, sizeof(p->variant));
}

// A second architecture in one closure cannot be: the search skips such files.
static bool has_levels(const struct platform *p)
{
	return !strcmp(p->arch, "arm") || !strcmp(p->arch, "amd64");
}

// The highest of those that decide, and who it is.
static struct err *highest_level(
	struct resolver *r, struct closure *c, int *level, const struct object_file **by)
{
	*by = c->objects.at[0]->file;
	*level = level_of(r, *by);
	vec_each (it, &c->objects) {
		const struct object *o = *it;

		if (!object_is_usable(o))
			continue;
		TRY(read_platform(r, o->file));
		if (!decides(r, c, o) || level_of(r, o->file) <= *level)
			continue;
		*level = level_of(r, o->file);
		*by = o->file;
	}
	if (c->interpreter && !c->interpreter->elf.not_elf && !c->interpreter->elf.broken) {
		TRY(read_platform(r, c->interpreter));
		if (level_of(r, c->interpreter) > *level) {
			*level = level_of(r, c->interpreter);
			*by = c->interpreter;
		}
	}
	return NULL;
}

static void warn_of_higher(struct resolver *r, struct closure *c, const struct platform *image)
{
	char text[PLATFORM_TEXT];

	if (strcmp(image->arch, "arm") != 0)
		return;
	for (size_t i = 1; i < c->objects.len; i++) {
		const struct object *o = c->objects.at[i];
		struct problem *p;

		if (!object_is_usable(o) || decides(r, c, o) ||
			level_of(r, o->file) <= platform_level(image))
			continue;
		p = closure_problem(r, c, PROBLEM_ABI, o->name,
			"%s is marked for ARMv%d, the image is %s: on such a device it must choose its code "
			"at run time",
			object_file_text(r, o->file), level_of(r, o->file),
			platform_text(image, text));
		p->is_warning = true;
	}
}

// Nothing marks the program: a Go program without build info, or assembler.
static void unmarked(struct resolver *r, struct closure *c, const struct platform *asked)
{
	const struct object *program = c->objects.at[0];
	struct problem *p;

	if (asked)
		return;
	p = closure_problem(r, c, PROBLEM_ABI, program->name,
		"%s does not say which ARM it was built for", object_file_text(r, program->file));
	p->hint = "name it: --platform linux/arm/v6 or linux/arm/v7";
}

static void wrong_machine(struct resolver *r, struct closure *c, const struct platform *is,
	const struct platform *asked)
{
	const struct object *program = c->objects.at[0];
	char a[PLATFORM_TEXT], b[PLATFORM_TEXT];
	struct problem *p = closure_problem(r, c, PROBLEM_ABI, program->name,
		"%s is for %s, asked for was %s: such a device says «exec format error»",
		object_file_text(r, program->file), platform_text(is, a), platform_text(asked, b));

	p->hint = arena_printf(resolver_arena(r),
		"build the program for %s, or leave --platform out", platform_text(asked, b));
}

static void too_high(struct resolver *r, struct closure *c, const struct platform *needs,
	const struct platform *asked, const struct object_file *by)
{
	char a[PLATFORM_TEXT], b[PLATFORM_TEXT];
	struct problem *p = closure_problem(r, c, PROBLEM_ABI, c->objects.at[0]->name,
		"%s is built for %s, asked for was %s: such a device ends it with «Illegal instruction»",
		object_file_text(r, by), platform_text(needs, a), platform_text(asked, b));

	if (resolver_is_own(r, by) || by == c->objects.at[0]->file)
		p->hint = !strcmp(needs->arch, "arm")
			? arena_printf(resolver_arena(r),
				  "build it with -march=armv%d, or Go with GOARM=%d, and with a compiler whose own "
				  "libraries are no higher",
				  platform_level(asked), platform_level(asked))
			: "build it with a lower -march";
	else
		p->hint = arena_printf(resolver_arena(r),
			"the sysroot is for newer devices: use one made for %s",
			platform_text(asked, b));
}

// The loader looks at its libraries' float ABI, never at the program's: that one starts, and passes
// its floating-point arguments in the wrong registers.
static void check_float(struct resolver *r, struct closure *c)
{
	const struct object *program = c->objects.at[0];
	uint32_t own = elf_arm_float(&program->file->elf), loaders;

	if (!c->interpreter || c->interpreter->elf.not_elf || c->interpreter->elf.broken)
		return;
	loaders = elf_arm_float(&c->interpreter->elf);
	vec_each (p, &c->problems)
		if (p->kind == PROBLEM_INTERPRETER)
			return;
	if (own && loaders && own != loaders)
		closure_problem(r, c, PROBLEM_ABI, program->name,
			"%s is built for %s, its loader %s for %s",
			object_file_text(r, program->file),
			own == EF_ARM_ABI_FLOAT_HARD ? "hard float" : "soft float",
			object_file_text(r, c->interpreter),
			own == EF_ARM_ABI_FLOAT_HARD ? "soft float" : "hard float");
}

static struct err *check_level(
	struct resolver *r, struct closure *c, const struct platform *asked, struct platform *out)
{
	const struct object_file *by;
	bool is_unmarked = !strcmp(out->arch, "arm") && !platform_level(out);
	int level;

	TRY(highest_level(r, c, &level, &by));
	set_level(out, level);
	if (is_unmarked)
		unmarked(r, c, asked);
	if (asked && is_unmarked && level <= platform_level(asked))
		*out = *asked; // the user's word stands for what the program does not say
	else if (asked && !platform_runs(asked, out))
		too_high(r, c, out, asked, by);
	warn_of_higher(r, c, out);
	return NULL;
}

struct err *verify_platform(
	struct resolver *r, struct closure *c, const struct platform *asked, struct platform *out)
{
	const struct object *program = c->objects.len ? c->objects.at[0] : NULL;
	const struct facts *facts;

	memset(out, 0, sizeof(*out));
	if (asked)
		*out = *asked;
	if (!program || !object_is_usable(program))
		return NULL; // a problem already
	TRY(read_platform(r, program->file));
	facts = facts_of(r, program->file);
	if (facts->no_platform) {
		if (!asked)
			closure_problem(r, c, PROBLEM_ABI, program->name, "%s", facts->no_platform)
				->hint = "if you know what it runs on, name it with --platform";
		return NULL;
	}
	*out = facts->platform;
	if (asked && (strcmp(asked->os, out->os) != 0 || strcmp(asked->arch, out->arch) != 0)) {
		wrong_machine(r, c, out, asked);
		return NULL;
	}
	if (!strcmp(out->arch, "arm"))
		check_float(r, c);
	return has_levels(out) ? check_level(r, c, asked, out) : NULL;
}

// For tests on real ELF files: a directory to compile in, and a resolver over a sysroot.
#pragma once
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ldd/closure.h"

struct fixture {
	char dir[64];
	struct root *host, *sysroot; // two roots: what comes from host is the user's own
	struct resolver *r;
};

// Runs shell words in the fixture's directory; they must succeed.
__attribute__((format(printf, 2, 3))) static inline void shell(
	const struct fixture *f, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	drop(mem_drop) char *words = str_vprintf(fmt, ap);
	va_end(ap);
	drop(mem_drop) char *all = str_printf("set -e; cd %s; %s", f->dir, words);

	if (system(all) != 0)
		fail_msg("failed: %s", all);
}

static inline int fixture_setup(void **state)
{
	struct fixture *f = mem_alloc(sizeof(*f));

	snprintf(f->dir, sizeof(f->dir), "/tmp/imgmin-test-XXXXXX");
	if (!mkdtemp(f->dir))
		return -1;
	*state = f;
	return 0;
}

static inline int fixture_teardown(void **state)
{
	struct fixture *f = *state;

	resolver_drop(&f->r);
	root_drop(&f->sysroot);
	root_drop(&f->host);
	shell(f, "rm -rf %s", f->dir);
	mem_drop(state);
	return 0;
}

// From here on the files don't change. A relative sysroot lies in the fixture's directory.
static inline void fixture_open(struct fixture *f, const char *sysroot)
{
	drop(mem_drop) char *dir =
		*sysroot == '/' ? str_dup(sysroot) : str_printf("%s/%s", f->dir, sysroot);

	assert_null(root_open_dir("/", &f->host));
	assert_null(root_open_dir(dir, &f->sysroot));
	f->r = resolver_new(&(struct resolver_options){.sysroot = f->sysroot, .host = f->host});
}

// A program of the fixture's directory, or at an absolute path of the sysroot.
static inline struct closure resolve(struct fixture *f, const char *program)
{
	struct closure c;
	struct root *root = *program == '/' ? f->sysroot : f->host;
	drop(mem_drop) char *path =
		*program == '/' ? str_dup(program) : str_printf("%s/%s", f->dir, program);
	struct err *e = closure_resolve(f->r, root, path, &c);

	if (e)
		fail_msg("%s: %s", program, err_text(e));
	return c;
}

static inline struct object *object_called(const struct closure *c, const char *name)
{
	vec_each (it, &c->objects)
		if (!strcmp((*it)->name, name))
			return *it;
	return NULL;
}

// The first problem of a kind; NULL: none.
static inline const struct problem *problem_of(const struct closure *c, enum problem_kind kind)
{
	vec_each (p, &c->problems)
		if (p->kind == kind)
			return p;
	return NULL;
}

static inline void expect_none(const struct closure *c)
{
	if (c->problems.len)
		fail_msg("unexpected: %s", c->problems.at[0].text);
}

static inline void expect_contains(const char *text, const char *part)
{
	if (!text || !strstr(text, part))
		fail_msg("\"%s\" lacks \"%s\"", text ? text : "(nothing)", part);
}

// The facts of an object, for a test that bends one of them.
static inline struct elf *elf_of(struct object *o)
{
	assert_non_null(o);
	assert_non_null(o->file);
	return (struct elf *)&o->file->elf;
}

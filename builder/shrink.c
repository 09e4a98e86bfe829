#include "builder/shrink.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/map.h"
#include "base/root_impl.h"
#include "ldd/rewrite.h"

// Files as they will be: "/usr/bin/x" of the image, read from the old file by its plan.
struct shrunk_root {
	struct root root;
	struct map plans; // path → struct plan
};

struct plan {
	struct rewrite rewrite;
	struct root *root;
	const char *source;
};

static int shrunk_lstat(struct root *r, const char *path, struct node *out)
{
	const struct plan *p = map_get(&((struct shrunk_root *)r)->plans, path);

	if (!p)
		return ENOENT;
	*out = (struct node){.mode = S_IFREG | 0755, .size = p->rewrite.size};
	return 0;
}

static struct err *shrunk_open(struct root *r, const char *path, struct file **out)
{
	const struct plan *p = map_get(&((struct shrunk_root *)r)->plans, path);
	struct file *source;

	if (!p)
		return err_sys(ENOENT, "%s", path);
	TRY(root_open_file(p->root, p->source, &source));
	*out = rewrite_open(&p->rewrite, source);
	return NULL;
}

static void shrunk_close(struct root *r)
{
	(void)r;
}

static struct err *nothing_listed(
	struct root *r, const char *path, struct arena *a, struct strings *names)
{
	(void)r, (void)path, (void)a, (void)names;
	return NULL;
}

static int by_offset(const void *x, const void *y)
{
	const struct elf_segment *a = x, *b = y;

	return a->offset < b->offset ? -1 : a->offset > b->offset;
}

// Bytes of the file as it is that a loader maps; what two segments share counts once.
static uint64_t segments_of(const struct elf *elf, struct arena *a)
{
	const size_t n = elf->loads.len;
	struct elf_segment *loads = arena_alloc(a, n * sizeof(*loads));
	uint64_t sum = 0, done = 0;

	for (size_t i = 0; i < n; i++)
		loads[i] = elf->loads.at[i];
	if (n)
		qsort(loads, n, sizeof(*loads), by_offset);
	for (size_t i = 0; i < n; i++) {
		uint64_t begin = loads[i].offset, end;

		if (__builtin_add_overflow(begin, loads[i].filesz, &end) || end > elf->size)
			end = elf->size;
		if (begin < done)
			begin = done;
		if (begin >= end)
			continue;
		sum += end - begin;
		done = end;
	}
	return sum;
}

// *is_elf: it can be loaded, and the entry knows its segments.
static struct err *read_facts(
	struct file *f, struct tree_entry *e, struct arena *a, struct elf *elf, bool *is_elf)
{
	char magic[4];
	size_t n;

	*is_elf = false;
	TRY(file_pread(f, magic, sizeof(magic), 0, &n));
	if (n != sizeof(magic) || memcmp(magic, ELFMAG, SELFMAG) != 0)
		return NULL;
	TRY(elf_read(f, a, elf));
	*is_elf = !elf->not_elf && !elf->broken;
	if (*is_elf)
		e->segments = segments_of(elf, a);
	return NULL;
}

static struct err *plan_file(struct tree_entry *e, const struct shrink_options *o,
	const struct strings *dropped, bool is_kept, struct arena *a, struct rewrite *out)
{
	const struct rewrite_options how = {
		.drop_section_headers = o->strip == STRIP_ALL,
		.page_size = o->page_size,
		.drop_needed = dropped,
	};
	drop(file_drop) struct file *f = NULL;
	struct elf elf;
	bool is_elf;

	*out = (struct rewrite){.why_not = ""};
	TRY(root_open_file(e->entry.root, e->entry.source, &f));
	TRY(read_facts(f, e, a, &elf, &is_elf));
	return is_elf && !is_kept ? rewrite_plan(f, &elf, &how, a, out) : NULL;
}

// Files that are compared with a checksum over all of them when they are loaded: OpenSSL's FIPS
// provider, and libraries with a .NAME.hmac beside them (libgcrypt, GnuTLS, Red Hat's fipscheck).
static bool is_checksummed(const struct tree *t, const char *path)
{
	drop(mem_drop) char *beside = str_printf(
		"%.*s/.%s.hmac", (int)(path_base(path) - path - 1), path, path_base(path));

	return strcmp(path_base(path), "fips.so") == 0 || tree_find(t, beside);
}

static const struct strings *dropped_of(
	const char *path, const struct dropped_needed *dropped, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(dropped[i].path, path) == 0)
			return dropped[i].names;
	return NULL;
}

static void replace(struct tree *t, struct tree_entry *e, struct shrunk_root *r, struct plan *p)
{
	p->root = e->entry.root;
	p->source = e->entry.source;
	*map_at(&r->plans, tree_arena(t), e->entry.path) = p;
	tree_replace(t, e, &r->root, e->entry.path, p->rewrite.size);
	e->segments = p->rewrite.segments;
}

struct err *shrink_tree(struct tree *t, const struct shrink_options *o,
	const struct dropped_needed *dropped, size_t ndropped, struct shrunk *out)
{
	static const struct root_ops ops = {
		shrunk_lstat, shrunk_open, nothing_listed, NULL, shrunk_close};
	struct arena *a = tree_arena(t);
	struct shrunk_root *r;
	size_t n;
	struct tree_entry *const *all = tree_entries(t, &n);

	*out = (struct shrunk){0};
	r = root_new(sizeof(*r), &ops, "image:");
	tree_adopt(t, &r->root);
	for (size_t i = 0; i < n; i++) {
		struct tree_entry *e = all[i];
		struct plan plan = {0};

		if (!S_ISREG(e->entry.mode) || !e->entry.root)
			continue;
		TRY_AS(plan_file(e, o, dropped_of(e->entry.path, dropped, ndropped),
			       o->strip == STRIP_NONE || is_checksummed(t, e->entry.path), a,
			       &plan.rewrite),
			"%s", e->entry.path);
		if (plan.rewrite.why_not) {
			if (*plan.rewrite.why_not)
				vec_push(a, &out->as_they_are,
					arena_printf(
						a, "%s: %s", e->entry.path, plan.rewrite.why_not));
			continue;
		}
		out->files++;
		out->before += e->entry.size;
		out->after += plan.rewrite.size;
		struct plan *kept = arena_new(a, struct plan);

		*kept = plan;
		replace(t, e, r, kept);
	}
	return NULL;
}

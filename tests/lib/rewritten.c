// rewritten [-a] [-p PAGE] [-d NAME]... FROM TO: reads paths from stdin, and puts each ELF file
// below FROM at the same path below TO as imgmin would rewrite it. One line a file:
//   OLD-SIZE NEW-SIZE SEGMENTS SECTIONS-GONE PADDING-GONE PATH
//   = WHY-NOT PATH            (between tabs; left at TO as it is)
// What imgmin reads from the new file must be what it reads from the old one, else status 1.
// -a: no section headers at all; -d: takes out a NEEDED entry.
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ldd/rewrite.h"
#include "ldd/abi.h"

static struct rewrite_options options;

static void must(struct err *e, const char *path)
{
	if (!e)
		return;
	fprintf(stderr, "%s: %s\n", path, err_text(e));
	exit(1);
}

static void differ(const char *path, const char *what)
{
	fprintf(stderr, "%s: rewritten, it has another %s\n", path, what);
	exit(1);
}

static bool same(const char *a, const char *b)
{
	return !a || !b ? a == b : strcmp(a, b) == 0;
}

static void compare_strings(
	const char *path, const char *what, const struct strings *a, const struct strings *b)
{
	if (a->len != b->len)
		differ(path, what);
	for (size_t i = 0; i < a->len; i++)
		if (!same(a->at[i], b->at[i]))
			differ(path, what);
}

static void compare_loads(const char *path, const struct elf *a, const struct elf *b)
{
	for (size_t i = 0; i < a->loads.len; i++) {
		const struct elf_segment *s = &a->loads.at[i], *t = &b->loads.at[i];

		if (a->loads.len != b->loads.len || s->vaddr != t->vaddr ||
			s->filesz != t->filesz || s->memsz != t->memsz || s->flags != t->flags)
			differ(path, "segment");
	}
}

static bool same_words(const struct elf *a, const struct elf *b)
{
	return same(a->interp, b->interp) && same(a->soname, b->soname) &&
		same(a->rpath, b->rpath) && same(a->runpath, b->runpath);
}

static bool same_needs(const struct elf *a, const struct elf *b)
{
	return a->needs.len == b->needs.len && a->x86_isa_needed == b->x86_isa_needed &&
		a->dt_flags == b->dt_flags && a->dt_flags_1 == b->dt_flags_1 &&
		a->exec_stack == b->exec_stack && a->has_relr == b->has_relr;
}

static void compare_facts(const char *path, const struct elf *a, const struct elf *b)
{
	size_t dropped = options.drop_needed ? options.drop_needed->len : 0;

	if (b->not_elf || b->broken)
		differ(path, b->not_elf ? b->not_elf : b->broken);
	if (!same_words(a, b))
		differ(path, "interpreter, soname or run path");
	if (!same(a->build_id, b->build_id))
		differ(path, "build-id");
	compare_strings(path, "dlopen note", &a->dlopen, &b->dlopen);
	compare_strings(path, "version", &a->defines, &b->defines);
	if (!same_needs(a, b))
		differ(path, "need or flag");
	if (memcmp(&a->dt, &b->dt, sizeof(a->dt)) != 0)
		differ(path, "dynamic section");
	if (b->deps.len > a->deps.len || a->deps.len - b->deps.len > dropped)
		differ(path, "number of NEEDED");
	for (size_t i = 0; i < b->deps.len && !dropped; i++)
		if (!same(a->deps.at[i].name, b->deps.at[i].name))
			differ(path, "NEEDED");
	compare_loads(path, a, b);
}

// What takes more than the headers: symbols, attributes, Go's notes.
static void compare_contents(const char *path, struct file *f, const struct elf *a, struct file *g,
	const struct elf *b, struct arena *arena)
{
	struct elf_symbols s, t;
	struct elf_arm arm, brm;
	int goarm, gobrm;
	bool is_go, is_gp;

	must(elf_read_symbols(f, a, arena, &s), path);
	must(elf_read_symbols(g, b, arena, &t), path);
	if (s.len != t.len)
		differ(path, "number of symbols");
	for (size_t i = 0; i < s.len; i++)
		if (!same(s.at[i].name, t.at[i].name) || !same(s.at[i].version, t.at[i].version))
			differ(path, "symbol");
	must(elf_read_goarm(f, a, &goarm, &is_go), path);
	must(elf_read_goarm(g, b, &gobrm, &is_gp), path);
	if (is_go != is_gp || goarm != gobrm)
		differ(path, "GOARM");
	if (options.drop_section_headers)
		return;
	must(elf_read_arm(f, a, &arm), path);
	must(elf_read_arm(g, b, &brm), path);
	if (arm.found != brm.found || arm.cpu_arch != brm.cpu_arch ||
		arm.cpu_profile != brm.cpu_profile || arm.abi_vfp_args != brm.abi_vfp_args)
		differ(path, "ARM attribute");
}

static void save(const char *to, const char *path, struct file *f)
{
	static uint8_t bytes[1 << 16];
	char *name = str_printf("%s/%s", to, path);
	int fd;
	size_t got;

	unlink(name); // it may be a hard link to the old one
	fd = open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0755);
	if (fd < 0) {
		perror(name);
		exit(1);
	}
	for (uint64_t off = 0; off < file_size(f); off += got) {
		must(file_pread(f, bytes, sizeof(bytes), off, &got), path);
		if (!got || write(fd, bytes, got) != (ssize_t)got) {
			perror(name);
			exit(1);
		}
	}
	close(fd);
	free(name);
}

static void rewrite(struct root *from, const char *to, const char *path)
{
	drop(arena_drop) struct arena a = {0};
	drop(file_drop) struct file *f = NULL, *g = NULL;
	const char *canonical = arena_printf(&a, "/%s", path);
	struct rewrite w, again;
	struct elf e, n;

	must(root_open_file(from, canonical, &f), path);
	must(elf_read(f, &a, &e), path);
	if (e.not_elf)
		return;
	must(rewrite_plan(f, &e, &options, &a, &w), path);
	if (w.why_not) {
		printf("=\t%s\t%s\n", w.why_not, path);
		return;
	}
	printf("%llu\t%llu\t%llu\t%llu\t%llu\t%s\n", (unsigned long long)e.size,
		(unsigned long long)w.size, (unsigned long long)w.segments,
		(unsigned long long)w.sections_gone, (unsigned long long)w.padding_gone, path);
	if (w.sections_gone + w.padding_gone != e.size - w.size)
		differ(path, "sum of what is gone");
	struct file *source = NULL;

	must(root_open_file(from, canonical, &source), path);
	g = rewrite_open(&w, source);
	must(elf_read(g, &a, &n), path);
	compare_facts(path, &e, &n);
	compare_contents(path, f, &e, g, &n, &a);
	must(rewrite_plan(g, &n, &options, &a, &again), path);
	if (!again.why_not)
		differ(path, "size when rewritten once more");
	save(to, path, g);
}

int main(int argc, char **argv)
{
	drop(arena_drop) struct arena a = {0};
	struct strings needed = {0};
	struct root *from = NULL;
	char line[4096];
	int option;

	while ((option = getopt(argc, argv, "ap:d:")) > 0) {
		if (option == 'a')
			options.drop_section_headers = true;
		else if (option == 'p')
			options.page_size = strtoull(optarg, NULL, 0);
		else if (option == 'd')
			vec_push(&a, &needed, optarg);
		else
			return 2;
	}
	if (argc - optind != 2)
		return 2;
	options.drop_needed = needed.len ? &needed : NULL;
	must(root_open_dir(argv[optind], &from), argv[optind]);
	while (fgets(line, sizeof(line), stdin)) {
		line[strcspn(line, "\n")] = '\0';
		rewrite(from, argv[optind + 1], line);
	}
	root_drop(&from);
	return 0;
}

// pyfiles [-a] [-t DIR] [-m MODULE]... SYSROOT INTERPRETER [SCRIPT [IMAGE_DIR]]: what a script
// takes along of a sysroot, a line each: «file|extension|dir PATH SIZE REASON» and
// «missing|maybe|note TEXT». -t writes the files there; -a takes the whole standard library.
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "builder/python.h"

static const char *dir;

static _Noreturn void fail(struct err *e)
{
	fprintf(stderr, "%s\n", err_text(e));
	if (err_hint_text(e))
		fprintf(stderr, "hint: %s\n", err_hint_text(e));
	exit(err_kind(e));
}

static void ok(struct err *e)
{
	if (e)
		fail(e);
}

static void make_dirs(char *path)
{
	for (char *p = path + 1; (p = strchr(p, '/')); *p++ = '/') {
		*p = 0;
		if (mkdir(path, 0755) < 0 && errno != EEXIST)
			perror(path);
	}
}

static void write_file(const struct python_file *f, struct span bytes)
{
	drop(mem_drop) char *path = str_printf("%s%s%s", dir, f->path, f->source ? "" : "/");

	make_dirs(path);
	FILE *out = f->source ? fopen(path, "wb") : NULL;

	if (!f->source)
		return;
	if (!out || fwrite(bytes.ptr, 1, bytes.len, out) != bytes.len || fclose(out) != 0)
		perror(path);
	chmod(path, 0755);
}

static void show(const struct python_file *f)
{
	drop(arena_drop) struct arena a = {0};
	struct span bytes = f->bytes;

	if (f->source && !bytes.ptr)
		ok(root_read(f->root, f->source, 1 << 30, &a, &bytes));
	printf("%s\t%s\t%zu\t%s\n",
		!f->source                ? "dir"
			: f->is_extension ? "extension"
					  : "file",
		f->path, bytes.len, f->reason);
	if (dir)
		write_file(f, bytes);
}

int main(int argc, char **argv)
{
	drop(arena_drop) struct arena a = {0};
	drop(root_drop) struct root *sysroot = NULL, *host = NULL;
	struct strings roots = {0}, env = {0};
	struct python_options o = {.roots = &roots, .env = &env};
	struct python_files out;

	for (int c; (c = getopt(argc, argv, "at:m:e:")) != -1;) {
		if (c == 'a')
			o.takes_all = true;
		else if (c == 't')
			dir = optarg;
		else if (c == 'm')
			vec_push(&a, &roots, optarg);
		else if (c == 'e')
			vec_push(&a, &env, optarg);
		else
			return 2;
	}
	if (argc - optind < 2)
		return 2;
	ok(root_open_dir(argv[optind], &sysroot));
	ok(root_open_dir("/", &host));
	o.sysroot = sysroot;
	o.interpreter = argv[optind + 1];
	o.root = host;
	if (argc - optind > 2) {
		char *real = realpath(argv[optind + 2], NULL);

		o.script = real ? arena_strdup(&a, real) : argv[optind + 2];
		free(real);
	}
	if (o.script)
		o.image_path = arena_printf(&a, "%s/%s",
			argc - optind > 3 ? argv[optind + 3] : "/app", path_base(o.script));
	ok(python_collect(&o, &a, &out));
	vec_each (f, &out.files)
		show(f);
	vec_each (n, &out.notes)
		printf("%s\t%s\n",
			n->is_missing              ? "missing"
				: n->is_suggestion ? "maybe"
						   : "note",
			n->text);
	return 0;
}

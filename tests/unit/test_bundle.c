// Folders of many ELF files: what lies in them, which is started, what plugins load, and the tree
// in which a folder stands.
#include <errno.h>

#include "fixture.h"

#include "builder/bundle.h"

static void ok(struct err *e)
{
	if (e)
		fail_msg("%s", err_text(e));
}

static void fails(struct err *e, enum err_kind kind, const char *part)
{
	assert_non_null(e);
	assert_int_equal(err_kind(e), kind);
	expect_contains(err_text(e), part);
	err_drop(&e);
}

// ---- one tree in another ----

static const char *joined(struct root *r, const char *dir, struct arena *a)
{
	struct strings names = {0};
	const char *all = "";

	ok(root_list(r, dir, a, &names));
	for (size_t i = 0; i < names.len; i++)
		all = arena_printf(a, "%s%s ", all, names.at[i]);
	return all;
}

static bool hides_home(const char *path)
{
	return path_is_below(path, "/home");
}

static void a_tree_stands_in_another(void **state)
{
	struct fixture *f = *state;
	struct root *below, *top;
	struct arena a = {0};

	shell(f,
		"mkdir -p sys/usr/bin sys/opt/app/old sys/home/x bundle/lib; echo s >sys/usr/bin/s;"
		"echo b >bundle/b; ln -s ../../usr/bin/s bundle/out; ln -s /opt/app/b sys/usr/bin/in;"
		"ln -s b bundle/lib/../link; echo z >sys/opt/zzz");
	drop(mem_drop) char *sys = str_printf("%s/sys", f->dir);
	drop(mem_drop) char *dir = str_printf("%s/bundle", f->dir);

	ok(root_open_dir(sys, &below));
	ok(root_open_dir(dir, &top));
	struct root *r = root_mount(below, top, "/opt/app", hides_home);

	assert_string_equal(joined(r, "/", &a), "home opt usr ");
	assert_string_equal(joined(r, "/opt", &a), "app zzz ");
	assert_string_equal(joined(r, "/opt/app", &a), "b lib link out ");
	assert_int_equal(root_walk(r, "/opt/app/old")->error, ENOENT);
	assert_int_equal(root_walk(r, "/home/x")->error, ENOENT);
	assert_string_equal(root_walk(r, "/opt/app/out")->path, "/usr/bin/s");
	assert_string_equal(root_walk(r, "/usr/bin/in")->path, "/opt/app/b");
	assert_string_equal(root_walk(r, "/opt/app/link")->path, "/opt/app/b");
	assert_string_equal(root_walk(r, "/opt/app/lib/../..")->path, "/opt");
	drop(mem_drop) char *there = str_printf("%s/b", dir);

	assert_string_equal(root_host_path(r, "/opt/app/b", &a), there);
	root_drop(&r);
	root_drop(&below);
	arena_drop(&a);
}

static void directories_on_the_way_are_made_up(void **state)
{
	struct fixture *f = *state;
	struct root *below, *top;
	struct arena a = {0};

	shell(f, "mkdir -p low/etc new; echo n >new/n; echo file >low/srv");
	drop(mem_drop) char *sys = str_printf("%s/low", f->dir);
	drop(mem_drop) char *dir = str_printf("%s/new", f->dir);

	ok(root_open_dir(sys, &below));
	ok(root_open_dir(dir, &top));
	struct root *r = root_mount(below, top, "/srv/a/b", NULL);

	assert_string_equal(joined(r, "/", &a), "etc srv ");
	assert_string_equal(joined(r, "/srv", &a), "a ");
	assert_string_equal(joined(r, "/srv/a", &a), "b ");
	assert_int_equal(root_walk(r, "/srv/a/b/n")->error, 0);
	assert_int_equal(root_walk(r, "/srv/a/bb")->error, ENOENT);
	root_drop(&r);
	root_drop(&below);
	arena_drop(&a);
}

static void below_means_whole_names(void **state)
{
	(void)state;
	assert_true(path_is_below("/a/b", "/a/b"));
	assert_true(path_is_below("/a/b/c", "/a/b"));
	assert_true(path_is_below("/a", "/"));
	assert_false(path_is_below("/a/bc", "/a/b"));
	assert_false(path_is_below("/a", "/a/b"));
}

// ---- what lies in it ----

struct read {
	struct root *root;
	struct arena a;
	struct bundle_files files;
};

static struct err *read_in(struct read *r, struct fixture *f, const char *name)
{
	drop(mem_drop) char *dir = str_printf("%s/%s", f->dir, name);

	ok(root_open_dir(dir, &r->root));
	return bundle_files_read(r->root, name, &r->a, &r->files);
}

static void forget(struct read *r)
{
	root_drop(&r->root);
	arena_drop(&r->a);
}

static const struct bundle_file *file_of(const struct read *r, const char *path)
{
	vec_each (f, &r->files)
		if (strcmp(f->path, path) == 0)
			return f;
	fail_msg("%s is not among the files", path);
	return NULL;
}

static void elf_files_are_told_apart(void **state)
{
	struct fixture *f = *state;
	struct read r = {0};

	shell(f,
		"mkdir -p kinds/sub; cd kinds; echo 'int main(void){return 0;}' >../m.c;"
		"cc -o program ../m.c; cc -static -o static ../m.c; cc -static-pie -o pie ../m.c;"
		"cc -shared -fPIC -Wl,-soname,l.so -o sub/l.so ../m.c;"
		"cc -shared -fPIC -o sub/nameless ../m.c; cc -c -o o.o ../m.c; echo text >text;"
		"head -c 30 program >cut; : >nothing; ln -s program link; chmod -x static");
	ok(read_in(&r, f, "kinds"));
	static const struct {
		const char *path;
		bool is_elf, is_program;
	} want[] = {{"/program", true, true}, {"/static", true, true}, {"/pie", true, true},
		{"/sub/l.so", true, false}, {"/sub/nameless", true, false}, {"/o.o", false, false},
		{"/text", false, false}, {"/cut", false, false}, {"/nothing", false, false},
		{"/link", false, false}, {"/sub", false, false}};

	for (size_t i = 0; i < sizeof(want) / sizeof(*want); i++) {
		const struct bundle_file *file = file_of(&r, want[i].path);

		if (file->is_elf != want[i].is_elf || file->is_program != want[i].is_program)
			fail_msg("%s: ELF %d, program %d", want[i].path, file->is_elf,
				file->is_program);
	}
	assert_int_equal(r.files.len, sizeof(want) / sizeof(*want));
	forget(&r);
}

static void expect_entry(struct read *r, const char *name, const char *word, const char *want)
{
	drop(mem_drop) char *at = str_printf("/opt/%s", name);
	const char *entry;

	ok(bundle_files_entry(&r->files, r->root, name, name, at, word, &r->a, &entry));
	assert_string_equal(entry, want);
}

static void the_entry_is_named_like_the_folder(void **state)
{
	struct fixture *f = *state;
	struct read r = {0};
	const char *entry;

	shell(f,
		"mkdir -p e/bin e/x; echo 'int main(void){return 0;}' >m.c; cc -o e/bin/one m.c;"
		"cp e/bin/one e/bin/two; cp e/bin/one e/x/three; ln -s bin/two e/linked;"
		"ln -s nowhere e/dead; cp e/bin/one e/x/off; chmod -x e/x/off; echo '#!' >e/script");
	ok(read_in(&r, f, "e"));
	expect_entry(&r, "three", NULL, "/x/three");
	expect_entry(&r, "linked", NULL, "/linked");
	expect_entry(&r, "linked", "/opt/linked/bin/one", "/bin/one");
	expect_entry(&r, "linked", "/bin/one", "/linked");
	expect_entry(&r, "linked", "/opt/linked", "/linked");
	static const char *const others[] = {"e", "off", "dead", "script"};

	for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++)
		fails(bundle_files_entry(
			      &r.files, r.root, "./e", others[i], "/opt/e", NULL, &r.a, &entry),
			ERR_USAGE, "bin/one, bin/two, x/three?");
	forget(&r);
}

static void what_is_no_file_is_found(void **state)
{
	struct fixture *f = *state;
	struct read r = {0};

	shell(f, "mkdir -p odd/sub; mkfifo odd/sub/pipe");
	ok(read_in(&r, f, "odd"));
	assert_true(S_ISFIFO(file_of(&r, "/sub/pipe")->mode));
	assert_false(file_of(&r, "/sub/pipe")->is_elf);
	forget(&r);
}

// ---- plugins ----

static void plugins_use_what_the_process_has(void **state)
{
	struct fixture *f = *state;
	struct closure program, plugin;

	shell(f,
		"mkdir -p p/lib p/plugins; cd p; echo 'int one(void){return 1;}' |"
		" cc -x c - -shared -fPIC -Wl,-soname,libone.so -o lib/libone.so;"
		"echo 'int two(void){return 2;}' | cc -x c - -shared -fPIC -Wl,-soname,libtwo.so -o lib/libtwo.so;"
		"echo 'int one(void);int two(void);int f(void){return one()+two();}' |"
		" cc -x c - -x none -shared -fPIC -o plugins/plug.so lib/libone.so lib/libtwo.so;"
		"echo 'int one(void);int main(void){return one();}' >m.c;"
		"cc -o new m.c lib/libone.so '-Wl,--enable-new-dtags,-rpath,$ORIGIN/lib';"
		"cc -o old m.c lib/libone.so '-Wl,--disable-new-dtags,-rpath,$ORIGIN/lib'");
	fixture_open(f, "/");
	drop(mem_drop) char *new = str_printf("%s/p/new", f->dir);
	drop(mem_drop) char *old = str_printf("%s/p/old", f->dir);
	drop(mem_drop) char *plug = str_printf("%s/p/plugins/plug.so", f->dir);

	// DT_RUNPATH is the program's alone; what it brought in is everybody's.
	ok(closure_resolve(f->r, f->host, new, &program));
	ok(closure_resolve_plugin(f->r, &program, f->host, plug, &plugin));
	assert_string_equal(plugin.objects.at[0]->name, "plug.so");
	assert_non_null(object_called(&plugin, "libone.so"));
	assert_ptr_not_equal(
		object_called(&plugin, "libone.so"), object_called(&program, "libone.so"));
	assert_ptr_equal(object_called(&plugin, "libone.so")->file,
		object_called(&program, "libone.so")->file);
	assert_true(closure_is_broken(&plugin));
	assert_int_equal(plugin.problems.len, 1);
	assert_string_equal(plugin.problems.at[0].name, "libtwo.so");
	assert_false(closure_is_broken(&program));

	ok(closure_resolve(f->r, f->host, old, &program));
	ok(closure_resolve_plugin(f->r, &program, f->host, plug, &plugin));
	assert_false(closure_is_broken(&plugin));
	assert_int_equal(object_called(&plugin, "libtwo.so")->rule, RULE_RPATH);

	// The process is as it was.
	assert_null(object_called(&program, "libtwo.so"));
	assert_null(object_called(&program, "plug.so"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			a_tree_stands_in_another, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(
			directories_on_the_way_are_made_up, fixture_setup, fixture_teardown),
		cmocka_unit_test(below_means_whole_names),
		cmocka_unit_test_setup_teardown(
			elf_files_are_told_apart, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(
			the_entry_is_named_like_the_folder, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(
			what_is_no_file_is_found, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(
			plugins_use_what_the_process_has, fixture_setup, fixture_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

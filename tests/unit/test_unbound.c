// Which NEEDED entries of compiled programs may go, each checked by a run without them.
#include "fixture.h"

#include <elf.h>

#include "ldd/facts.h"
#include "ldd/unbound.h"

// A library of the fixture's directory from one line of C.
static void make_library(struct fixture *f, const char *name, const char *source, const char *flags)
{
	shell(f,
		"echo '%s' >%s.c; gcc -w -shared -fPIC -Wl,-soname,%s -o %s %s.c -L. "
		"-Wl,-rpath,'$ORIGIN' %s",
		source, name, name, name, name, flags);
}

static void make_program(struct fixture *f, const char *source, const char *libraries)
{
	shell(f, "echo '%s' >p.c; gcc -w -o p p.c -Wl,--no-as-needed -Wl,-rpath,'$ORIGIN' %s; ./p",
		source, libraries);
}

// What may go of p's entries, as «a b».
static void expect(struct fixture *f, const char *want)
{
	drop(arena_drop) struct arena a = {0};
	struct strings names;
	struct closure c;
	char *text;

	fixture_open(f, "/");
	c = resolve(f, "p");
	expect_none(&c);
	assert_null(unbound_needed(f->r, &c, &a, &names));
	text = arena_strdup(&a, "");
	for (size_t i = 0; i < names.len; i++)
		text = arena_printf(&a, "%s%s%s", text, i ? " " : "", names.at[i]);
	assert_string_equal(text, want);
}

static void what_nothing_binds_to_goes(void **state)
{
	struct fixture *f = *state;

	make_library(f, "libidle.so", "int idle(void) { return 1; }", "");
	make_library(f, "libused.so", "int used(void) { return 0; }", "");
	make_program(f, "int used(void); int main(void) { return used(); }",
		"./libidle.so ./libused.so");
	expect(f, "libidle.so");
}

static void stubs_of_glibc_go(void **state)
{
	struct fixture *f = *state;

	if (system("gcc -print-file-name=libpthread.so.0 | xargs test -e") != 0)
		skip();
	shell(f,
		"for l in libpthread.so.0 librt.so.1 libdl.so.2; do"
		" test -e $(gcc -print-file-name=$l); done");
	make_program(f, "#include <math.h>\nint main(int n, char **v) { return cos(n) == 2; }",
		"$(gcc -print-file-name=libpthread.so.0) $(gcc -print-file-name=librt.so.1) "
		"$(gcc -print-file-name=libdl.so.2) -lm");
	expect(f, "libpthread.so.0 librt.so.1 libdl.so.2");
}

// Even where the program looks symbols up by name: the stubs have none to find.
static void stubs_go_from_a_program_with_dlsym(void **state)
{
	struct fixture *f = *state;

	make_library(f, "libidle.so", "int idle(void) { return 1; }", "");
	make_program(f,
		"#define _GNU_SOURCE\n#include <dlfcn.h>\n"
		"int main(void) { return !dlsym(RTLD_DEFAULT, \"idle\"); }",
		"$(gcc -print-file-name=libpthread.so.0) ./libidle.so");
	expect(f, "libpthread.so.0");
}

static void a_constructor_stays(void **state)
{
	struct fixture *f = *state;

	make_library(f, "libc1.so", "__attribute__((constructor)) static void f(void) {}", "");
	make_library(f, "libd1.so", "__attribute__((destructor)) static void f(void) {}", "");
	make_library(f, "libi1.so", "void begin(void) {}", "-Wl,-init,begin");
	make_library(f, "libf1.so", "void end(void) {}", "-Wl,-fini,end");
	make_library(f, "libn1.so", "__attribute__((constructor)) static void f(void) {}",
		"-nostartfiles");
	make_program(f, "int main(void) { return 0; }",
		"./libc1.so ./libd1.so ./libi1.so ./libf1.so ./libn1.so");
	expect(f, "");
}

// What only the idle library brings counts as its own.
static void a_constructor_behind_it_stays(void **state)
{
	struct fixture *f = *state;

	make_library(f, "libc1.so", "__attribute__((constructor)) static void f(void) {}", "");
	make_library(
		f, "libidle.so", "int idle(void) { return 1; }", "-Wl,--no-as-needed ./libc1.so");
	make_program(f, "int main(void) { return 0; }", "./libidle.so");
	expect(f, "");
}

static void what_only_it_brings_goes_with_it(void **state)
{
	struct fixture *f = *state;

	make_library(f, "libdeep.so", "int deep(void) { return 1; }", "");
	make_library(f, "libidle.so", "int deep(void); int idle(void) { return deep(); }",
		"./libdeep.so");
	make_program(f, "int main(void) { return 0; }", "./libidle.so");
	expect(f, "libidle.so");
}

static void a_symbol_used_behind_it_stays(void **state)
{
	struct fixture *f = *state;

	make_library(f, "libdeep.so", "int deep(void) { return 0; }", "");
	make_library(
		f, "libidle.so", "int idle(void) { return 1; }", "-Wl,--no-as-needed ./libdeep.so");
	make_library(f, "libused.so", "int deep(void); int used(void) { return deep(); }", "");
	make_program(f, "int used(void); int main(void) { return used(); }",
		"./libidle.so ./libused.so");
	expect(f, "");
}

static void what_interposes_stays(void **state)
{
	struct fixture *f = *state;

	make_library(f, "libmalloc.so",
		"#include <stddef.h>\nstatic char heap[1 << 20]; static size_t used;\n"
		"void *malloc(size_t n) { void *p = heap + used; used += (n + 15) & ~15; return p; }\n"
		"void free(void *p) {}",
		"");
	make_program(f, "int main(void) { return 0; }", "./libmalloc.so");
	expect(f, "");
}

// Data that the program copies is the library's all the same.
static void a_copy_relocation_stays(void **state)
{
	struct fixture *f = *state;

	make_library(f, "libdata.so", "int data = 7;", "");
	shell(f,
		"echo 'extern int data; int main(void) { return data - 7; }' >p.c;"
		"gcc -w -fno-pie -no-pie -o p p.c -Wl,--no-as-needed -Wl,-rpath,'$ORIGIN' ./libdata.so;"
		"./p; readelf -rW p | grep -q COPY");
	expect(f, "");
}

static void thread_local_data_stays(void **state)
{
	struct fixture *f = *state;

	make_library(f, "libtls.so", "static __thread int t; int *f(void) { return &t; }", "");
	make_program(f, "int main(void) { return 0; }", "./libtls.so");
	expect(f, "");
}

static void an_indirect_function_stays(void **state)
{
	struct fixture *f = *state;

	make_library(f, "libifunc.so",
		"static int a(void) { return 0; } static void *pick(void) { return a; }\n"
		"static int f(void) __attribute__((ifunc(\"pick\"))); int g(void) { return f(); }",
		"");
	shell(f, "readelf -rW libifunc.so | grep -q IRELATIV");
	make_program(f, "int main(void) { return 0; }", "./libifunc.so");
	expect(f, "");
}

static void a_unique_symbol_stays(void **state)
{
	struct fixture *f = *state;

	shell(f,
		"printf '.globl u\\n.type u,@gnu_unique_object\\n.data\\nu: .long 1\\n.size u,4\\n"
		".section .note.GNU-stack,\"\"\\n' >u.s; gcc -shared -Wl,-soname,libu.so -o libu.so u.s");
	make_program(f, "int main(void) { return 0; }", "./libu.so");
	expect(f, "");
}

// The loader ends a program that asks a version of a library that is not loaded.
static void a_wanted_version_stays(void **state)
{
	struct fixture *f = *state;
	struct closure c;
	struct strings names;
	struct elf *e;

	make_library(f, "libidle.so", "int idle(void) { return 1; }", "");
	make_program(f, "int main(void) { return 0; }", "./libidle.so");
	fixture_open(f, "/");
	c = resolve(f, "p");
	e = elf_of(c.objects.at[0]);
	assert_null(unbound_needed(f->r, &c, resolver_arena(f->r), &names));
	assert_int_equal(names.len, 1);
	vec_push(resolver_arena(f->r), &e->needs,
		(struct elf_version_need){"libidle.so", "V1", true});
	assert_null(unbound_needed(f->r, &c, resolver_arena(f->r), &names));
	assert_int_equal(names.len, 0);
}

// A library found only by the idle one's run path would be missing without it.
static void whose_run_path_is_needed_stays(void **state)
{
	struct fixture *f = *state;

	shell(f, "mkdir far");
	make_library(f, "libfar.so", "int far(void) { return 0; }", "");
	shell(f, "mv libfar.so far/");
	make_library(f, "libidle.so", "int idle(void) { return 1; }",
		"-Wl,--no-as-needed,--enable-new-dtags,-rpath,'$ORIGIN/far' -Lfar -l:libfar.so");
	make_library(f, "libused.so", "int far(void); int used(void) { return far(); }",
		"-Wl,--no-as-needed -Lfar -l:libfar.so");
	make_program(f, "int used(void); int main(void) { return used(); }",
		"./libidle.so ./libused.so -Wl,-rpath-link,far");
	expect(f, "");
}

static void what_a_plugin_needs_stays(void **state)
{
	struct fixture *f = *state;
	struct strings names;
	struct closure c;
	bool found;

	make_library(f, "libidle.so", "int idle(void) { return 1; }", "");
	make_library(f, "plugin.so", "int plugin(void) { return 0; }",
		"-Wl,--no-as-needed ./libidle.so");
	make_program(f, "int main(void) { return 0; }", "./libidle.so");
	fixture_open(f, "/");
	c = resolve(f, "p");
	drop(mem_drop) char *path = str_printf("%s/plugin.so", f->dir);

	assert_null(closure_add_hidden(f->r, &c, c.objects.at[0], path, "a test opens it", &found));
	assert_true(found);
	assert_null(unbound_needed(f->r, &c, resolver_arena(f->r), &names));
	assert_int_equal(names.len, 0);
}

static void without_its_symbols_nothing_goes(void **state)
{
	struct fixture *f = *state;
	struct strings names;
	struct closure c;

	make_library(f, "libidle.so", "int idle(void) { return 1; }", "");
	make_library(f, "libused.so", "int used(void) { return 0; }", "");
	make_program(f, "int used(void); int main(void) { return used(); }",
		"./libidle.so ./libused.so");
	fixture_open(f, "/");
	c = resolve(f, "p");
	facts_of(f->r, object_called(&c, "libused.so")->file)->damage = "a test says so";
	facts_of(f->r, object_called(&c, "libused.so")->file)->has_symbols = true;
	assert_null(unbound_needed(f->r, &c, resolver_arena(f->r), &names));
	assert_int_equal(names.len, 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, fixture_setup, fixture_teardown)
int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_nothing_binds_to_goes),
		TEST(stubs_of_glibc_go),
		TEST(stubs_go_from_a_program_with_dlsym),
		TEST(a_constructor_stays),
		TEST(a_constructor_behind_it_stays),
		TEST(what_only_it_brings_goes_with_it),
		TEST(a_symbol_used_behind_it_stays),
		TEST(what_interposes_stays),
		TEST(a_copy_relocation_stays),
		TEST(thread_local_data_stays),
		TEST(an_indirect_function_stays),
		TEST(a_unique_symbol_stays),
		TEST(a_wanted_version_stays),
		TEST(whose_run_path_is_needed_stays),
		TEST(what_a_plugin_needs_stays),
		TEST(without_its_symbols_nothing_goes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

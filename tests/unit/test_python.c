// Python scripts: tokens, imports and their circumstances, sys.path, and which files they come to.
#include "fixture.h"

#include "builder/python.h"
#include "builder/python_imports.h"

static struct arena arena;

static struct err *scan(const char *text, struct python_source *out)
{
	const struct python_scan_options o = {.name = "x.py", .minor = 11, .is_main = true};

	return python_scan(&o, (struct span){(const uint8_t *)text, strlen(text)}, &arena, out);
}

// The imports as «module[.name]» with a letter for each circumstance.
static const char *imports(const char *text)
{
	struct python_source s;
	struct err *e = scan(text, &s);
	const char *all = "";

	if (e)
		fail_msg("%s", err_text(e));
	vec_each (i, &s.imports)
		all = arena_printf(&arena, "%s%s%.*s%s%s%s%s%s%s%s", all, *all ? " " : "",
			(int)i->level, "........", i->module, i->name ? ":" : "",
			i->name ? i->name : "", i->function ? "/f" : "", i->is_guarded ? "/g" : "",
			i->is_conditional ? "/c" : "", i->instead_end ? "/i" : "");
	return all;
}

static void test_statements(void **state)
{
	(void)state;
	assert_string_equal(imports("import a, b.c as d; import e\n"), "a b.c e");
	assert_string_equal(imports("from a.b import (c as d,\n e, # x\n)\nfrom . import f"),
		"a.b:c a.b:e .:f");
	assert_string_equal(imports("from ...x import *\nfrom .... import y"), "...x:* ....:y");
	assert_string_equal(imports("x = 'import a'; y = '''\nimport b\n'''\n#import c\n"), "");
	assert_string_equal(imports("x = [\nimport_, \n]\nimport \\\n  a\n"), "a");
	assert_string_equal(imports("def f():\n\timport a\nimport b"), "a/f b");
	assert_string_equal(
		imports("async def f(x: int = lambda: 1): import a\nimport b"), "a/f b");
	assert_string_equal(
		imports("class A(B):\n  import a\n  def f(self):\n    import b\n"), "a b/f");
	assert_string_equal(imports("\xef\xbb\xbfimport a\r\nimport b\rimport c"), "a b c");
	assert_string_equal(imports("match x:\n  case 1:\n    import a\n"), "a/c");
	assert_string_equal(imports("match x:\n  case 1: import a\n"
				    "  case [b, *_] if b: from c import d; import e\n"),
		"a/c c:d/c e/c");
	assert_string_equal(
		imports("def g():\n  x = yield\n  yield from x\n  raise E from e\n"), "");
}

static void test_circumstances(void **state)
{
	(void)state;
	assert_string_equal(imports("try:\n  import a\nexcept ImportError:\n  import b\nimport c"),
		"a/g b/c/i c");
	assert_string_equal(
		imports("try: import a\nexcept (X, m.ModuleNotFoundError) as e: pass"), "a/g");
	assert_string_equal(imports("try:\n  import a\nexcept OSError:\n  import b\n"), "a b/c");
	assert_string_equal(
		imports("try:\n  import a\nexcept:\n  pass\nelse:\n  import b\n"), "a/g b");
	assert_string_equal(imports("try:\n  import a\nfinally:\n  import b\n"), "a b");
	assert_string_equal(
		imports("with contextlib.suppress(ImportError):\n  import a\nimport b"), "a/g b");
	assert_string_equal(imports("if x:\n  import a\nelif y:\n  import b\nelse:\n  import c\n"),
		"a/c b/c c/c");
}

static void test_conditions(void **state)
{
	(void)state;
	assert_string_equal(imports("if TYPE_CHECKING:\n  import a\nelse:\n  import b\n"), "b");
	assert_string_equal(imports("if t.TYPE_CHECKING or False: import a\n"), "");
	assert_string_equal(imports("if sys.platform == 'win32':\n  import a\n"
				    "elif sys.platform.startswith('linux'):\n  import b\n"
				    "else:\n  import c\n"),
		"b");
	assert_string_equal(imports("if os.name == 'nt': import a\nelse: import b\n"), "b");
	assert_string_equal(imports("if sys.platform in ('win32', \"cygwin\"): import a\n"), "");
	assert_string_equal(imports("if not (_sys.platform == 'win32'): import a\n"), "a");
	assert_string_equal(
		imports("if sys.version_info >= (3, 8): import a\nelse: import b"), "a");
	assert_string_equal(imports("if sys.version_info[0] < 3: import a\n"), "");
	assert_string_equal(imports("if sys.version_info[:2] == (3, 11): import a\n"), "a");
	assert_string_equal(imports("if sys.version_info > (3, 11): import a\n"), "a");
	assert_string_equal(imports("if sys.version_info < (3, 11, 2): import a\n"), "a/c");
	assert_string_equal(imports("if __name__ == '__main__': import a\n"), "a");
	assert_string_equal(imports("if x and sys.platform == 'win32': import a\n"), "");
	assert_string_equal(imports("while 0: import a\n"), "");
	assert_string_equal(imports("if (y := f(x))[1:2]: import a\n"), "a/c");
}

static void test_calls(void **state)
{
	struct python_source s;

	(void)state;
	assert_string_equal(
		imports("m = importlib.import_module('a.b')\n__import__(\"c\")"), "a.b c");
	assert_string_equal(imports("importlib.import_module('.a', __package__)\n"), ".a");
	assert_null(scan("__import__('a' + b)\nimport_module(x)\nx.encode('latin-1')\n"
			 "open(f, encoding='cp1252')\n__all__ = ['p', 'q']\n__all__ += ['r']\n",
		&s));
	assert_int_equal(s.imports.len, 0);
	assert_int_equal(s.computed.len, 2);
	assert_int_equal(s.computed.at[1], 2);
	assert_int_equal(s.encodings.len, 2);
	assert_int_equal(s.all.len, 3);
	assert_string_equal(s.all.at[2], "r");
}

static void refuses(const char *text, const char *part)
{
	struct python_source s;
	struct err *e = scan(text, &s);

	if (!e)
		fail_msg("taken for Python: %s", text);
	assert_int_equal(err_kind(e), ERR_FAILED);
	expect_contains(err_text(e), part);
	err_drop(&e);
}

static void test_no_python(void **state)
{
	(void)state;
	refuses("x = (\n1,\n", "x.py:1: '(' is never closed");
	refuses("x = [1)\n", "')' does not close the '['");
	refuses("a\n'''x\n", "x.py:2: a string that is never closed");
	refuses("x = 'a\n", "never closed");
	refuses("if x:\n  a\n b\n", "x.py:3: its indentation");
	refuses("if x:\nb\n", "an indented block is missing");
	refuses("  import a\n", "unexpected indentation");
	refuses("if x\n  a\n", "x.py:1: a ':' is missing");
	refuses("import\n", "ends too early");
	refuses("async\n x = 1\n", "ends too early");
	refuses("from x import\n", "ends too early");
	refuses("from x import (a\n", "never closed");
	refuses("import a b\n", "no Python at \"b\"");
	refuses("echo hello\n", "no Python at \"hello\"");
	refuses("print 'x'\n", "Python 2");
	refuses("x = $y\n", "'$'");
	refuses("x = 'a\xff'\n", "no UTF-8");
	refuses("if x:\n\ta\n        b\n", "tabs and spaces");

	char deep[500];

	memset(deep, '(', sizeof(deep));
	deep[499] = 0;
	refuses(deep, "too many nested brackets");

	struct python_source s;
	struct err *e = python_scan(&(struct python_scan_options){.name = "n.py", .minor = 11},
		(struct span){(const uint8_t *)"a\n\0", 3}, &arena, &s);

	assert_non_null(e);
	expect_contains(err_text(e), "n.py:2: no Python source: it has null bytes");
	err_drop(&e);
}

static void test_is_python(void **state)
{
	(void)state;
	assert_string_equal(imports("# -*- coding: latin-1 -*-\nx = '\xff'\nimport a\n"), "a");
	assert_string_equal(imports("x = 1if y else.5e-3j\nz = 0xffor 1\nimport a\n"), "a");
	assert_string_equal(
		imports("x = f'{a!r:>{w}} {{' rb'\\'' F\"\"\"{\n\"\"\"\nimport a\n"), "a");
	assert_string_equal(
		imports("@d\nclass A: pass\nmatch = type = 1\nprint('x')\nimport a\n"), "a");
	assert_string_equal(imports("x: int = 3\nassert x, 'y'\nlambda x: x\nimport a"), "a");

	const char nested[] = "x = f'{d['a']:{f\"{1}\"}}'\nimport a\n";
	struct python_source s;

	assert_null(python_scan(&(struct python_scan_options){.name = "n.py", .minor = 12},
		(struct span){(const uint8_t *)nested, strlen(nested)}, &arena, &s));
	assert_int_equal(s.imports.len, 1);
}

// A small installation: an interpreter that is an ELF file with the names of two modules in it.
static const char installation[] =
	"mkdir -p r/usr/bin r/usr/lib/python3.11/lib-dynload r/usr/lib/python3.11/encodings "
	"r/usr/lib/python3/dist-packages r/opt/more app;"
	"printf '\\177ELF...PyInit_time\\0PyInit__io\\0.cpython-311-arm-x.so\\0' "
	">r/usr/bin/python3.11; ln -s python3.11 r/usr/bin/python3; cd r/usr/lib/python3.11;"
	"echo '# dist-packages' >site.py; for m in os codecs io abc stat json random; do "
	"echo pass >$m.py; done; for m in __init__ aliases utf_8 ascii latin_1; do "
	"echo pass >encodings/$m.py; done; cd ../../../..;";

struct collected {
	struct python_files files;
	struct err *error;
};

static struct collected collect(struct fixture *f, const struct strings *roots)
{
	struct collected c = {0};
	static const char *variables[] = {"PYTHONPATH=/opt/path"};
	static const struct strings env = {variables, 1, 1};

	resolver_drop(&f->r); // of an earlier call
	root_drop(&f->host);
	root_drop(&f->sysroot);
	fixture_open(f, "r");
	c.error = python_collect(&(struct python_options){.sysroot = f->sysroot,
					 .interpreter = "/usr/bin/python3",
					 .root = f->host,
					 .script = arena_printf(&arena, "%s/app/main.py", f->dir),
					 .image_path = "/srv/main.py",
					 .env = &env,
					 .roots = roots,
					 .mtime = 0x01020304},
		&arena, &c.files);
	return c;
}

static struct python_files collect_ok(struct fixture *f)
{
	struct collected c = collect(f, NULL);

	if (c.error)
		fail_msg("%s", err_text(c.error));
	return c.files;
}

static const struct python_file *file_at(const struct python_files *all, const char *path)
{
	vec_each (f, &all->files)
		if (strcmp(f->path, path) == 0)
			return f;
	return NULL;
}

static void has(const struct python_files *all, const char *path)
{
	if (!file_at(all, path))
		fail_msg("%s is not there", path);
}

static void lacks(const struct python_files *all, const char *path)
{
	if (file_at(all, path))
		fail_msg("%s is there", path);
}

static const struct python_note *note_on(const struct python_files *all, const char *module)
{
	vec_each (n, &all->notes)
		if (n->module && strcmp(n->module, module) == 0)
			return n;
	return NULL;
}

static void expect_error(struct collected c, enum err_kind kind, const char *part)
{
	assert_non_null(c.error);
	assert_int_equal(err_kind(c.error), kind);
	expect_contains(err_text(c.error), part);
	err_drop(&c.error);
}

#define PACKAGES "/usr/lib/python3/dist-packages"

static void test_collect(void **state)
{
	struct fixture *f = *state;

	shell(f, "%s", installation);
	shell(f,
		"cd app; echo 'import json, time, own.sub.deep, pkg, ns.part\nfrom own import x\n"
		"from own.rel import *\ntry:\n  import absent\nexcept ImportError: pass' >main.py;"
		"mkdir -p own/sub own/rel; touch own/__init__.py own/sub/__init__.py own/x.py;"
		"echo 'from ..rel import up\nimport own' >own/sub/deep.py;"
		"echo '__all__ = [\"s\", \"gone\"]' >own/rel/__init__.py; touch own/rel/s.py own/rel/up.py;"
		"cd ../r" PACKAGES "; mkdir -p pkg ns; touch pkg/__init__.py pkg.py ns/part.py;"
		"touch pkg/_c.cpython-311-arm-x.so pkg/_c.py; echo 'from . import _c' >pkg/__init__.py");
	struct python_files all = collect_ok(f);

	assert_string_equal(all.version, "3.11");
	has(&all, "/srv/main.py");
	has(&all, "/srv/own/__init__.py");
	has(&all, "/srv/own/sub/deep.py");
	has(&all, "/srv/own/rel/up.py");
	has(&all, "/srv/own/rel/s.py");
	has(&all, "/srv/own/x.py");
	has(&all, "/usr/lib/python3.11/json.py");
	has(&all, "/usr/lib/python3.11/os.py");
	has(&all, "/usr/lib/python3.11/encodings/utf_8.py");
	has(&all, PACKAGES "/ns/part.py");
	has(&all, PACKAGES "/pkg/__init__.py");
	lacks(&all, PACKAGES "/pkg.py");
	lacks(&all, PACKAGES "/pkg/_c.py");
	lacks(&all, "/usr/lib/python3.11/random.py");
	lacks(&all, "/usr/lib/python3.11/codecs.py"); // frozen
	assert_true(file_at(&all, PACKAGES "/pkg/_c.cpython-311-arm-x.so")->is_extension);
	assert_null(file_at(&all, "/usr/lib/python3.11/lib-dynload")->source);
	assert_string_equal(
		file_at(&all, "/usr/lib/python3.11/json.py")->reason, "imported by main.py:1");
	assert_null(note_on(&all, "absent"));
	for (size_t i = 1; i < all.files.len; i++)
		assert_true(strcmp(all.files.at[i - 1].path, all.files.at[i].path) < 0);
}

static void test_notes(void **state)
{
	struct fixture *f = *state;

	shell(f, "%s", installation);
	shell(f,
		"cd app; echo 'import json, gone\nimport soft\ndef f():\n  import later' >main.py;"
		"touch json.py; echo 'try: import b\nexcept ImportError: pass' >soft.py;"
		"echo 'import nowhere' >b.py;"
		"echo 'def f():\n  import random' >../r/usr/lib/python3.11/stat.py");
	struct python_files all = collect_ok(f);

	has(&all, "/srv/json.py");
	expect_contains(note_on(&all, "json")->text, "stands in for the standard");
	assert_true(note_on(&all, "gone")->is_missing);
	assert_string_equal(note_on(&all, "gone")->by, "main.py:1");
	assert_false(note_on(&all, "later")->is_missing);
	assert_false(note_on(&all, "nowhere")->is_missing);
}

// six makes modules of those that the library has; what no six makes is missing.
static void test_six(void **state)
{
	struct fixture *f = *state;

	shell(f, "%s", installation);
	shell(f,
		"echo 'from six.moves import queue, reduce\nimport six.moves.cPickle\n"
		"import six.moves.nothing' >app/main.py;"
		"cd r/usr/lib/python3.11; touch queue.py functools.py pickle.py;"
		"echo 'import sys\nsys.modules[__name__ + \".moves\"] = 1' "
		">../python3/dist-packages/six.py");
	struct python_files all = collect_ok(f);

	has(&all, PACKAGES "/six.py");
	has(&all, "/usr/lib/python3.11/queue.py");
	has(&all, "/usr/lib/python3.11/pickle.py");
	assert_null(note_on(&all, "six.moves"));
	assert_null(note_on(&all, "six.moves.cPickle"));
	assert_non_null(note_on(&all, "six.moves.nothing"));
	shell(f, "rm r" PACKAGES "/six.py");
	all = collect_ok(f);
	assert_true(note_on(&all, "six.moves")->is_missing);
}

// A script is in no package: what it tries instead of a relative import is needed.
static void test_above_top(void **state)
{
	struct fixture *f = *state;

	shell(f, "%s", installation);
	shell(f,
		"cd app; touch a.py b.py; echo 'try:\n  from . import a\nexcept ImportError:\n"
		"  import a\nif x: from .c import d\nfrom .b import e' >main.py");
	struct python_files all = collect_ok(f);

	has(&all, "/srv/a.py");
	lacks(&all, "/srv/b.py");
	assert_false(note_on(&all, "c")->is_missing);
	assert_true(note_on(&all, "b")->is_missing);
	expect_contains(note_on(&all, "b")->text, "main.py:6 has a relative import");
	expect_contains(note_on(&all, "b")->hint, "in no package");
}

// Handlers of many imports are taken without asking for each whether all of those work.
static void test_handlers(void **state)
{
	struct fixture *f = *state;

	shell(f, "%s", installation);
	shell(f,
		"cd app; { echo try:; yes '  from json import load' | head -n 20000;"
		"echo except ImportError:; yes '  import random' | head -n 20000; } >main.py;"
		"echo 'def load(): pass' >../r/usr/lib/python3.11/json.py;"
		"sed -i '1i x = 1' ../r/usr/lib/python3.11/json.py");
	struct python_files all = collect_ok(f);

	has(&all, "/usr/lib/python3.11/random.py");
	shell(f,
		"printf 'try:\\n from json import load\\nexcept ImportError:\\n import random\\n' "
		">app/main.py");
	all = collect_ok(f);
	lacks(&all, "/usr/lib/python3.11/random.py");
	shell(f, "seq -f 'import no%%.0f' 10001 >app/main.py");
	expect_error(collect(f, NULL), ERR_FAILED, "more than 10000 modules are not found");
}

// A function of the library whose name the script has, and one that it has not.
static void test_called(void **state)
{
	struct fixture *f = *state;

	shell(f, "%s", installation);
	shell(f,
		"echo 'import json\njson.load()' >app/main.py; cd r/usr/lib/python3.11;"
		"echo 'def load(): inner()\ndef inner():\n  import random\n"
		"def other():\n  import extra' >json.py; touch extra.py");
	struct python_files all = collect_ok(f);

	has(&all, "/usr/lib/python3.11/random.py");
	lacks(&all, "/usr/lib/python3.11/extra.py");
	assert_true(note_on(&all, "extra")->is_suggestion);
}

static void test_path(void **state)
{
	struct fixture *f = *state;
	const char *names[] = {"asked", "none"};
	const struct strings roots = {names, 2, 2};

	shell(f, "%s", installation);
	shell(f,
		"echo 'import viapth, viapath' >app/main.py;"
		"mkdir -p r/opt/path r/opt/pth; touch r/opt/path/viapath.py r/opt/pth/viapth.py "
		"r" PACKAGES "/asked.py; printf '# x\\n/opt/pth\\n../gone\\nimport sys\\n' "
		">r" PACKAGES "/a.pth");
	struct collected c = collect(f, &roots);

	assert_null(c.error);
	has(&c.files, "/opt/path/viapath.py");
	has(&c.files, "/opt/pth/viapth.py");
	has(&c.files, PACKAGES "/a.pth");
	has(&c.files, PACKAGES "/asked.py");
	assert_true(note_on(&c.files, "none")->is_missing);
}

static void test_bytecode(void **state)
{
	struct fixture *f = *state;

	shell(f, "%s", installation);
	shell(f,
		"echo 'import a, b, c, d' >app/main.py; cd r" PACKAGES "; touch c.py; mkdir "
		"__pycache__; echo 12345 >a.py; cp a.py b.py; touch -d @16909060 a.py b.py;"
		"h='\\247\\r\\r\\n\\0\\0\\0\\0'; printf \"$h\\4\\3\\2\\1\\6\\0\\0\\0code\" "
		">__pycache__/a.cpython-311.pyc;"
		"printf \"$h\\4\\3\\2\\2\\6\\0\\0\\0code\" >__pycache__/b.cpython-311.pyc;"
		"printf '\\247\\r\\r\\n\\1\\0\\0\\0hashhashcode' >__pycache__/c.cpython-311.pyc;"
		"printf '\\247\\r\\r\\n' >d.pyc; touch -d @7 a.py;"
		"printf \"$h\\7\\0\\0\\0\\6\\0\\0\\0code\" >__pycache__/a.cpython-311.pyc");
	struct python_files all = collect_ok(f);
	const struct python_file *a = file_at(&all, PACKAGES "/__pycache__/a.cpython-311.pyc");

	assert_non_null(a);
	assert_int_equal(a->bytes.len, 20);
	assert_memory_equal(a->bytes.ptr + 8, "\4\3\2\1", 4);
	lacks(&all, PACKAGES "/__pycache__/b.cpython-311.pyc");
	a = file_at(&all, PACKAGES "/__pycache__/c.cpython-311.pyc");
	assert_non_null(a);
	assert_memory_equal(a->bytes.ptr + 8, "hashhash", 8);
	has(&all, PACKAGES "/d.pyc");
	assert_true(note_on(&all, "d")->is_suggestion);
}

static void test_refused(void **state)
{
	struct fixture *f = *state;

	shell(f, "%s", installation);
	shell(f, "echo 'import a' >app/main.py; printf 'import b\nx = (' >app/a.py");
	expect_error(collect(f, NULL), ERR_FAILED, "app/a.py:2: '(' is never closed");
}

static void test_egg(void **state)
{
	struct fixture *f = *state;

	shell(f, "%s", installation);
	shell(f,
		"echo 'import a' >app/main.py; cd r" PACKAGES "; echo ./a.egg >e.pth; touch a.egg");
	expect_error(collect(f, NULL), ERR_NO_START, "a.egg is an archive");
}

// A program as setuptools installs it, its plugins, and a handler that is never reached.
static void test_distributions(void **state)
{
	struct fixture *f = *state;

	shell(f, "%s", installation);
	shell(f,
		"cat >app/main.py <<'END'\n"
		"__requires__ = 'My_Tool==1.0'\n"
		"try:\n  from importlib.metadata import distribution\n"
		"except ImportError:\n  try:\n    from importlib_metadata import distribution\n"
		"  except ImportError:\n    from pkg_resources import load_entry_point\n"
		"load('My_Tool==1.0', 'console_scripts', 'main')\nEND\n"
		"cd r; mkdir usr/lib/python3.11/importlib; touch usr/lib/python3.11/importlib/__init__.py;"
		"printf '\\ndef distribution(x): pass' >usr/lib/python3.11/importlib/metadata.py;"
		"cd ." PACKAGES
		"; mkdir my_tool-1.0.dist-info lib-2.egg-info other-3.dist-info tool;"
		"touch tool/__init__.py importlib_metadata.py pkg_resources.py lib.py second.py other.py;"
		"echo 'import lib; GROUP = \"tool.plugins\"' >tool/run.py; touch tool/one.py;"
		"printf '[console_scripts]\\nmain = tool.run:main\\nsecond=second:main\\n"
		"[tool.plugins]\\n1 = tool.one:One [x]\\n[no.group]\\nx = other\\n' "
		">my_tool-1.0.dist-info/entry_points.txt; touch my_tool-1.0.dist-info/METADATA;"
		"echo 'tool/__init__.py,,' >my_tool-1.0.dist-info/RECORD;"
		"echo lib >lib-2.egg-info/top_level.txt; touch lib-2.egg-info/PKG-INFO;"
		"printf '[tool.plugins]\\no = other\\n' >other-3.dist-info/entry_points.txt");
	struct python_files all = collect_ok(f);

	has(&all, PACKAGES "/tool/run.py");
	has(&all, PACKAGES "/tool/one.py");
	has(&all, PACKAGES "/lib.py");
	has(&all, PACKAGES "/my_tool-1.0.dist-info/METADATA");
	has(&all, PACKAGES "/my_tool-1.0.dist-info/entry_points.txt");
	lacks(&all, PACKAGES "/my_tool-1.0.dist-info/RECORD");
	has(&all, PACKAGES "/lib-2.egg-info/PKG-INFO");
	lacks(&all, PACKAGES "/second.py");
	lacks(&all, PACKAGES "/importlib_metadata.py");
	lacks(&all, PACKAGES "/pkg_resources.py");
	lacks(&all, PACKAGES "/other.py");
	lacks(&all, PACKAGES "/other-3.dist-info/entry_points.txt");
	assert_true(note_on(&all, "other")->is_suggestion);
	expect_contains(note_on(&all, "other")->text, "a plugin (tool.plugins)");
}

static void test_no_library(void **state)
{
	struct fixture *f = *state;

	shell(f, "%s", installation);
	shell(f, "echo 'import a' >app/main.py; rm r/usr/lib/python3.11/os.py");
	expect_error(collect(f, NULL), ERR_NO_START, "the library of Python 3.11 is missing");
}

static int drop_arena(void **state)
{
	(void)state;
	arena_drop(&arena);
	return 0;
}

#define FIXTURE(test) cmocka_unit_test_setup_teardown(test, fixture_setup, fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_statements),
		cmocka_unit_test(test_circumstances),
		cmocka_unit_test(test_conditions),
		cmocka_unit_test(test_calls),
		cmocka_unit_test(test_no_python),
		cmocka_unit_test(test_is_python),
		FIXTURE(test_collect),
		FIXTURE(test_notes),
		FIXTURE(test_six),
		FIXTURE(test_above_top),
		FIXTURE(test_handlers),
		FIXTURE(test_called),
		FIXTURE(test_path),
		FIXTURE(test_bytecode),
		FIXTURE(test_refused),
		FIXTURE(test_egg),
		FIXTURE(test_distributions),
		FIXTURE(test_no_library),
	};

	return cmocka_run_group_tests(tests, NULL, drop_arena);
}

#include "builder/scripts.h"

#include <string.h>
#include <unistd.h>

#include "builder/python.h"
#include "builder/script.h"
#include "builder/shell.h"

#define TEXT_MAX (1u << 20) // bytes of a shell script that are read
#define DEPTH_MAX 8         // scripts that call one another

static const char *name_of(const struct scripted *s)
{
	return path_base(s->root ? s->path : s->interpreter);
}

// Does it lie in the sysroot where it lies in the image? A link may lead to it.
static bool is_in_place(
	const struct assembly *a, struct root *root, const char *path, const char *image_path)
{
	const struct walk *w = root_walk(root, image_path);

	return root == a->sysroot->root && !w->error && strcmp(w->path, path) == 0;
}

// ---- Python ----

static struct err *missing_module(
	const struct assembly *a, const struct scripted *s, const struct python_note *n)
{
	if (a->is_image && !n->hint)
		return err_hint(err_new(ERR_NO_START, "%s would stop: %s", name_of(s), n->text),
			"the image lacks it, too; --add brings it from this machine");
	return err_hint(err_new(ERR_NO_START, "%s would stop: %s", name_of(s), n->text), "%s",
		n->hint ? n->hint
			: "install its package in the sysroot, or bring the module with --add or "
			  "--include");
}

static bool names_module(const char *file, const char *part, size_t n)
{
	return strncmp(file, part, n) == 0 && (!file[n] || file[n] == '.');
}

static bool is_in_directory(const struct added_file *add, const char *top, size_t n)
{
	drop(mem_drop) char *module = str_printf("%s/%.*s", add->source, (int)n, top);
	drop(mem_drop) char *file = str_printf("%s.py", module);

	return access(file, F_OK) == 0 || access(module, F_OK) == 0;
}

// Does --add bring it? By name: the interpreter will find it or not, as the user meant it to.
static bool is_added(const struct assembly *a, const char *module)
{
	const char *dot = strrchr(module, '.'), *last = dot ? dot + 1 : module;
	size_t n = strcspn(module, ".");

	vec_each (add, &a->spec->adds)
		if (names_module(path_base(add->path), module, n) ||
			names_module(path_base(add->path), last, strlen(last)) ||
			is_in_directory(add, module, n))
			return true;
	return false;
}

static struct err *take_notes(
	struct assembly *a, const struct scripted *s, const struct python_files *files)
{
	struct arena *arena = tree_arena(a->tree);
	size_t suggested = 0;

	vec_each (n, &files->notes) {
		if (n->is_missing && !n->hint && is_added(a, n->module)) {
			vec_push(arena, &a->notes,
				arena_printf(arena,
					"%s comes with --add: what it imports is not seen",
					n->module));
			continue;
		}
		if (n->is_missing)
			return missing_module(a, s, n);
		if (n->is_suggestion) {
			suggested++;
			vec_push(arena, &a->details, n->text);
		} else {
			vec_push(arena, &a->notes, n->text);
		}
	}
	if (suggested)
		vec_push(arena, &a->notes,
			arena_printf(arena,
				"%s: %zu imports that may never happen are not followed (-v names them; "
				"--python-module NAME takes one, --python-all the whole library)",
				name_of(s), suggested));
	return NULL;
}

static struct err *take_module(struct assembly *a, const struct python_file *f)
{
	const char *path = f->path;

	if (tree_find(a->tree, path))
		return NULL;
	if (!f->source)
		return tree_add_dir(a->tree, path, 0755, PART_LIBRARIES, f->reason);
	bool is_its = is_in_place(a, f->root, f->source, path) ||
		(f->bytes.ptr && f->root == a->sysroot->root);
	enum part part = is_its ? PART_LIBRARIES : PART_PROGRAM;

	// In an image made smaller files keep their times, and bytecode is valid as it is.
	if (f->bytes.ptr && !a->is_image)
		return tree_add_bytes(a->tree, path, f->bytes, 0644, part, f->reason);
	if (is_its) {
		TRY(tree_add_walk(a->tree, f->root, root_walk(f->root, path), part, f->reason));
	} else {
		TRY(tree_place(a->tree, a->sysroot->root, path, part, &path));
		TRY(tree_add_file(a->tree, path, f->root, f->source, 0644, part, f->reason));
	}
	return f->is_extension ? assembly_take_libraries(a, f->root, f->source) : NULL;
}

// More modules to take, and where Python looks: of -m in the working directory first.
static void take_words(
	struct assembly *a, const struct scripted *s, struct strings *roots, struct strings *env)
{
	struct arena *arena = tree_arena(a->tree);
	const struct runtime_config *c = &a->container->config;
	const char *dir = c->working_dir && *c->working_dir ? c->working_dir : "/";
	const char *path = env_value(&c->env, "PYTHONPATH");

	vec_each (name, &a->spec->args->python_modules)
		vec_push(arena, roots, *name);
	vec_each (text, &c->env)
		vec_push(arena, env, *text);
	if (!s->module)
		return;
	vec_push(arena, roots, "runpy");
	vec_push(arena, roots, s->module);
	vec_push(arena, env,
		arena_printf(arena, "PYTHONPATH=%s%s%s", dir, path ? ":" : "", path ? path : ""));
	const char *top = arena_strdup(arena, s->module);

	for (char *dot = (char *)top; (dot = strchr(dot, '.'));)
		*dot = '/';
	if (!root_walk(a->sysroot->root, arena_printf(arena, "%s/%s/__main__.py", dir, top))->error)
		vec_push(arena, roots, arena_printf(arena, "%s.__main__", s->module));
}

static struct err *take_python(struct assembly *a, const struct scripted *s)
{
	struct arena *arena = tree_arena(a->tree);
	const struct build_args *args = a->spec->args;
	// Where a link leads, Python looks for modules; a file of this machine is no link any more.
	const char *image_path = s->root && is_in_place(a, s->root, s->path, s->image_path)
		? s->path
		: s->image_path;
	struct strings roots = {0}, env = {0};

	take_words(a, s, &roots, &env);
	const struct python_options o = {
		.sysroot = a->sysroot->root,
		.interpreter = s->interpreter,
		.root = s->root,
		.script = s->path,
		.image_path = s->root ? image_path : NULL,
		.env = &env,
		.roots = &roots,
		// An interpreter on its own may be given any script.
		.takes_all = args->python_all || (!s->root && !s->module),
		.mtime = a->spec->epoch,
	};
	struct python_files files;

	TRY(python_collect(&o, arena, &files));
	TRY(take_notes(a, s, &files));
	vec_each (f, &files.files)
		if (!is_excluded(f->path, &args->exclude))
			TRY(take_module(a, f));
	return NULL;
}

// ---- shells ----

bool is_shell(const char *path)
{
	static const char *const names[] = {
		"sh", "dash", "bash", "ash", "busybox", "ksh", "mksh", "zsh", "rbash"};

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (strcmp(path_base(path), names[i]) == 0)
			return true;
	return false;
}

// Where the container's PATH has a command; NULL: nowhere.
static const char *find_command(struct assembly *a, const char *name)
{
	struct root *root = a->sysroot->root;

	if (strchr(name, '/')) {
		name = path_in_workdir(&a->container->config, name, tree_arena(a->tree));
		return root_walk(root, name)->error ? NULL : name;
	}
	for (size_t i = 0; i < a->container->path.len; i++) {
		const char *path =
			arena_printf(tree_arena(a->tree), "%s/%s", a->container->path.at[i], name);
		const struct walk *w = root_walk(root, path);

		if (!w->error && S_ISREG(w->node.mode) && w->node.mode & 0111)
			return path;
	}
	return NULL;
}

static struct err *take_shell(
	struct assembly *a, struct root *root, const char *path, const char *name, int depth);

// A Python that a script starts may be given any script of its own.
static struct err *take_interpreter(struct assembly *a, const char *path)
{
	vec_push(tree_arena(a->tree), &a->notes,
		arena_printf(tree_arena(a->tree),
			"%s comes with its whole standard library: what it is told to run is not "
			"followed (--python-module NAME takes more)",
			path_base(path)));
	return take_python(a, &(struct scripted){.interpreter = path});
}

// A command, and if it is a script its interpreter and commands again.
static struct err *take_command(struct assembly *a, const char *path, const char *reason, int depth)
{
	struct root *root = a->sysroot->root;
	const struct walk *w = root_walk(root, path);
	struct script script;
	const char *version;

	TRY(assembly_take(a, path, PART_LIBRARIES, reason));
	TRY(script_read(root, w->path, tree_arena(a->tree), &script));
	if (!script.is_script && python_is(root, path, tree_arena(a->tree), &version))
		return take_interpreter(a, path);
	if (!script.is_script || !script.interpreter || depth == DEPTH_MAX)
		return NULL;
	const char *word = script_env_word(&script, tree_arena(a->tree));
	const char *interpreter = word ? find_command(a, word) : script.interpreter;

	if (!root_walk(root, script.interpreter)->error)
		TRY(assembly_take(a, script.interpreter, PART_LIBRARIES, reason));
	if (!interpreter || root_walk(root, interpreter)->error)
		return NULL;
	TRY(assembly_take(a, interpreter, PART_LIBRARIES, reason));
	if (python_is(root, interpreter, tree_arena(a->tree), &version))
		return take_python(a,
			&(struct scripted){.root = root,
				.path = w->path,
				.image_path = path,
				.interpreter = interpreter});
	return is_shell(interpreter) ? take_shell(a, root, w->path, path, depth + 1) : NULL;
}

static struct err *take_text(struct assembly *a, struct span text, const char *name, int depth);

static struct err *take_named(
	struct assembly *a, const struct shell_commands *c, const char *name, int depth)
{
	struct arena *arena = tree_arena(a->tree);
	const char *reason = arena_printf(arena, "called by %s", path_base(name));
	// The sysroot's own scripts name much that they can do without.
	bool is_asked = a->spec->args->include_commands && depth == 0;

	for (size_t i = 0; i < c->names.len; i++) {
		const char *path = find_command(a, c->names.at[i]);

		if (!path)
			vec_push(arena, is_asked ? &a->notes : &a->details,
				arena_printf(arena, "%s calls %s, which the %s does not have",
					path_base(name), c->names.at[i],
					sysroot_word(a->is_image)));
		else if (tree_find(a->tree, root_walk(a->sysroot->root, path)->path))
			continue;
		else if (a->spec->args->include_commands)
			TRY(take_command(a, path, reason, depth));
		else
			vec_push(arena, &a->commands_left, c->names.at[i]);
	}
	return NULL;
}

static struct err *take_shell(
	struct assembly *a, struct root *root, const char *path, const char *name, int depth)
{
	drop(file_drop) struct file *f = NULL;
	drop(mem_drop) char *text = NULL;
	size_t n;

	TRY(root_open_file(root, path, &f));
	n = file_size(f) < TEXT_MAX ? (size_t)file_size(f) : TEXT_MAX;
	text = mem_alloc(n + 1);
	TRY(file_pread(f, text, n, 0, &n));
	return take_text(a, (struct span){(const uint8_t *)text, n}, name, depth);
}

// What not everyone may read holds secrets.
static bool is_private(const struct assembly *a, const struct walk *w)
{
	return !a->is_image && !(w->node.mode & S_IROTH);
}

static bool is_path_added(const struct assembly *a, const char *path)
{
	vec_each (add, &a->spec->adds)
		if (strcmp(add->path, path) == 0)
			return true;
	return false;
}

// A file that the script reads into itself. One that is named by its whole path is taken where the
// sysroot has it, and what it calls counts as the script's own. What not everyone may read holds
// secrets: of a sysroot it is only taken by name.
static struct err *take_sourced(struct assembly *a, const char *path, const char *name, int depth)
{
	struct arena *arena = tree_arena(a->tree);
	const struct walk *w = root_walk(a->sysroot->root, path);
	bool is_there = path[0] == '/' && !w->error && S_ISREG(w->node.mode);
	bool is_secret = is_there && is_private(a, w);

	if (path[0] == '/' && tree_find(a->tree, w->error ? path : w->path))
		return NULL;
	if (is_path_added(a, path))
		return NULL;
	if (is_there && !is_secret && depth < DEPTH_MAX &&
		!is_excluded(w->path, &a->spec->args->exclude)) {
		TRY(assembly_take(
			a, path, PART_DATA, arena_printf(arena, "read by %s", path_base(name))));
		return take_shell(a, a->sysroot->root, w->path, path, depth + 1);
	}
	vec_push(arena, &a->notes,
		arena_printf(arena, "%s reads %s%s: %s brings it if the image lacks it",
			path_base(name), path, is_secret ? ", which not everyone may read" : "",
			a->is_image         ? "--keep"
				: is_secret ? "--include"
					    : "--add"));
	return NULL;
}

static struct err *take_text(struct assembly *a, struct span text, const char *name, int depth)
{
	struct arena *arena = tree_arena(a->tree);
	struct shell_commands commands = {0};
	const char *broken = NULL;

	shell_read(text, arena, &commands, &broken);
	if (broken)
		vec_push(arena, &a->warnings,
			arena_printf(arena, "%s: %s: what it calls behind that is not known",
				path_base(name), broken));
	for (size_t i = 0; i < commands.unknown.len; i++)
		vec_push(arena, &a->details,
			arena_printf(arena, "%s calls %s, which only a run can tell",
				path_base(name), commands.unknown.at[i]));
	for (size_t i = 0; i < commands.sourced.len; i++)
		TRY(take_sourced(a, commands.sourced.at[i], name, depth));
	return take_named(a, &commands, name, depth);
}

// The note of one script; of an image made smaller, all commands together are its own error.
static struct err *take_shell_script(struct assembly *a, const struct scripted *s)
{
	struct arena *arena = tree_arena(a->tree);
	size_t known = a->commands_left.len;

	TRY(take_shell(a, s->root, s->path, s->image_path, 0));
	const struct strings left = {a->commands_left.at + known, a->commands_left.len - known, 0};

	if (left.len && !a->is_image)
		vec_push(arena, &a->notes,
			arena_printf(arena,
				"%s calls programs that the image lacks: %s (--include-commands takes "
				"them)",
				name_of(s), strings_shown(&left, 8, arena)));
	return NULL;
}

// ---- the whole ----

static struct err *take_file(struct assembly *a, const struct scripted *s)
{
	const char *path;

	if (is_in_place(a, s->root, s->path, s->image_path))
		return tree_add_walk(a->tree, s->root, root_walk(s->root, s->image_path),
			PART_PROGRAM, "the program");
	TRY(tree_place(a->tree, a->sysroot->root, s->image_path, PART_PROGRAM, &path));
	return tree_add_file(a->tree, path, s->root, s->path, 0755, PART_PROGRAM, "the program");
}

struct err *assembly_take_script(struct assembly *a, const struct scripted *s)
{
	struct arena *arena = tree_arena(a->tree);
	const char *version;

	if (s->root)
		TRY(take_file(a, s));
	if (python_is(a->sysroot->root, s->interpreter, arena, &version))
		return take_python(a, s);
	if (s->text)
		return take_text(a, (struct span){(const uint8_t *)s->text, strlen(s->text)},
			s->interpreter, 0);
	if (!s->root)
		return NULL;
	if (is_shell(s->interpreter))
		return take_shell_script(a, s);
	vec_push(arena, &a->notes,
		arena_printf(arena,
			"%s is started by %s: what such a script loads is not known; %s or a "
			"--trace of a run brings it",
			name_of(s), s->interpreter, include_option(a->is_image)));
	return NULL;
}

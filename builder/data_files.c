// Rows of runtime data that need code, and how files get into a need.
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "builder/assemble.h"
#include "builder/data_impl.h"
#include "ldd/hidden_impl.h"

enum { CONF_MAX = 1 << 16, CONF_FILES_MAX = 256 };

// ---- files into a need ----

static void put_link(struct collector *c, struct data_need *n, const char *path, const char *target)
{
	vec_push(c->a, &n->files,
		(struct data_file){.path = path, .mode = S_IFLNK | 0777, .target = target});
}

static void put_links(struct collector *c, struct data_need *n, const struct walk *w)
{
	for (size_t i = 0; i < w->nlinks; i++)
		put_link(c, n, w->links[i].path, w->links[i].target);
}

static void put_node(
	struct collector *c, struct data_need *n, struct root *root, const struct walk *w)
{
	put_links(c, n, w);
	if (S_ISLNK(w->node.mode))
		put_link(c, n, w->path, w->node.target);
	else if (S_ISREG(w->node.mode))
		vec_push(c->a, &n->files,
			(struct data_file){.path = w->path,
				.mode = w->node.mode,
				.root = root,
				.source = w->path});
	else if (S_ISDIR(w->node.mode))
		vec_push(
			c->a, &n->files, (struct data_file){.path = w->path, .mode = w->node.mode});
}

struct err *need_put(struct collector *c, struct data_need *n, const char *path, bool *found)
{
	const struct walk *w = root_walk(c->o->sysroot, path);

	*found = !w->error && (S_ISREG(w->node.mode) || S_ISDIR(w->node.mode));
	if (w->error && w->error != ENOENT && w->error != ENOTDIR && w->error != ELOOP)
		return err_sys(w->error, "%s", root_host_path(c->o->sysroot, path, c->a));
	if (*found)
		put_node(c, n, c->o->sysroot, w);
	return NULL;
}

struct err *need_put_all(
	struct collector *c, struct data_need *n, const char *path, const struct strings *exclude)
{
	static const struct strings nothing = {0};
	struct root *from = c->o->sysroot;
	const struct walk *top = root_walk(from, path);
	struct strings paths = {0};

	if (top->error)
		return NULL;
	put_links(c, n, top);
	TRY(include_files(
		from, c->o->is_image, top->path, exclude ? exclude : &nothing, c->a, &paths));
	vec_each (p, &paths) {
		const struct walk *w = root_walk_parent(from, *p);

		if (!w->error && (S_ISREG(w->node.mode) || S_ISLNK(w->node.mode)))
			put_node(c, n, from, w);
	}
	return NULL;
}

// Where a made-up path will really lie, after the sysroot's own links.
static const char *place(struct collector *c, struct data_need *n, const char *path)
{
	const char *dir = path_dir(c->a, path), *rest = path_base(path);

	while (*dir) {
		const struct walk *w = root_walk(c->o->sysroot, dir);

		if (!w->error && S_ISDIR(w->node.mode)) {
			put_links(c, n, w);
			return arena_printf(
				c->a, "%s/%s", strcmp(w->path, "/") != 0 ? w->path : "", rest);
		}
		rest = arena_printf(c->a, "%s/%s", path_base(dir), rest);
		dir = path_dir(c->a, dir);
	}
	return arena_printf(c->a, "/%s", rest);
}

struct err *need_put_from(struct collector *c, struct data_need *n, struct root *from,
	const char *source, const char *path)
{
	const struct walk *w = root_walk(from, source);

	if (w->error)
		return err_sys(w->error, "%s", root_host_path(from, source, c->a));
	path = place(c, n, path);
	vec_push(c->a, &n->files,
		(struct data_file){
			.path = path, .mode = w->node.mode, .root = from, .source = w->path});
	return NULL;
}

void need_make_file(struct collector *c, struct data_need *n, const char *path, struct span bytes)
{
	path = place(c, n, path);
	vec_push(c->a, &n->files,
		(struct data_file){.path = path, .mode = S_IFREG | 0644, .bytes = bytes});
}

void need_make_link(struct collector *c, struct data_need *n, const char *path, const char *target)
{
	path = place(c, n, path);
	put_link(c, n, path, target);
}

void need_make_dir(struct collector *c, struct data_need *n, const char *path, mode_t mode)
{
	path = place(c, n, path);
	vec_push(c->a, &n->files, (struct data_file){.path = path, .mode = S_IFDIR | mode});
}

// What came from this machine keeps its place only as far as the sysroot's links let it.
void need_replace(struct collector *c, struct data_need *n)
{
	struct data_need placed = {0};

	vec_each (f, &n->files) {
		struct data_file moved = *f;
		bool is_there = !root_walk_parent(c->o->sysroot, f->path)->error;

		if (is_there && !S_ISREG(f->mode))
			continue;
		moved.path = place(c, &placed, f->path);
		vec_push(c->a, &placed.files, moved);
	}
	n->files.at = placed.files.at;
	n->files.len = placed.files.len;
	n->files.cap = placed.files.cap;
}

bool sysroot_has(struct collector *c, const char *path)
{
	const struct walk *w = root_walk(c->o->sysroot, path);

	return !w->error && S_ISREG(w->node.mode);
}

static void push_once(struct arena *a, struct strings *out, const char *text)
{
	vec_each (s, out)
		if (!strcmp(*s, text))
			return;
	vec_push(a, out, text);
}

struct err *system_dirs(struct collector *c, struct strings *out)
{
	for (size_t i = 0; i < c->o->nclosures; i++) {
		const struct closure *of = c->o->closures[i];
		const struct object *program = of->objects.len ? of->objects.at[0] : NULL;
		struct loader *ld;

		if (!program || !program->file || of->libc == LIBC_NONE)
			continue;
		TRY(resolver_loader(c->o->resolver, &program->file->elf, of->libc, &ld));
		vec_each (dir, &ld->system_dirs)
			push_once(c->a, out, *dir);
	}
	return NULL;
}

// The first of the loaders' directories that has the file.
static struct err *put_library(
	struct collector *c, struct data_need *n, const char *name, bool *found)
{
	struct strings dirs = {0};

	*found = false;
	TRY(system_dirs(c, &dirs));
	for (size_t i = 0; i < dirs.len && !*found; i++)
		TRY(need_put(c, n, arena_printf(c->a, "%s/%s", dirs.at[i], name), found));
	return NULL;
}

// ---- accounts and name services ----

// An account for root and one for nobody; this machine's own are nobody's business.
static const char passwd_text[] = "root:x:0:0:root:/root:/sbin/nologin\n"
				  "nobody:x:65534:65534:nobody:/nonexistent:/sbin/nologin\n";
static const char group_text[] = "root:x:0:\nnogroup:x:65534:\n";
// What glibc does without the file, for glibc before 2.34 asked DNS before /etc/hosts then.
static const char nsswitch_text[] = "passwd: files\ngroup: files\nshadow: files\n"
				    "hosts: files dns\nnetworks: files dns\n"
				    "protocols: files\nservices: files\n";

#define text_span(t) ((struct span){(const uint8_t *)(t), sizeof(t) - 1})

static struct err *put_or_make(struct collector *c, const struct data_ask *q, struct data_need *n,
	const char *path, struct span text)
{
	bool found = false;

	if (!root_is_host(c->o->sysroot))
		TRY(need_put(c, n, path, &found));
	if (found || data_stays_as_it_was(c, q))
		return NULL;
	need_make_file(c, n, path, text);
	n->source = "built in";
	return NULL;
}

struct err *add_accounts(struct collector *c, const struct data_ask *q, struct data_need *n)
{
	TRY(put_or_make(c, q, n, "/etc/passwd", text_span(passwd_text)));
	return put_or_make(c, q, n, "/etc/group", text_span(group_text));
}

// The modules of every service that the sysroot's file names; files and dns are part of glibc since
// 2.34 and then not there.
static struct err *put_modules(struct collector *c, struct data_need *n)
{
	static const char *const databases[] = {"passwd", "group", "shadow", "gshadow", "hosts",
		"networks", "services", "protocols", "rpc", "ethers", "netgroup", "initgroups"};
	struct span text;
	struct map conf = {0};
	bool found;

	TRY(root_read(c->o->sysroot, "/etc/nsswitch.conf", CONF_MAX, c->a, &text));
	if (text.ptr)
		nss_parse(c->a, text, &conf);
	for (size_t i = 0; i < sizeof(databases) / sizeof(*databases); i++) {
		const struct strings *services = map_get(&conf, databases[i]);

		for (size_t k = 0; services && k < services->len; k++)
			TRY(put_library(c, n, arena_printf(c->a, "libnss_%s.so.2", services->at[k]),
				&found));
	}
	return NULL;
}

struct err *add_nss(struct collector *c, const struct data_ask *q, struct data_need *n)
{
	bool found = false;

	// Asked for by name, it is the sysroot's.
	if (c->o->is_image || q->is_asked)
		TRY(need_put(c, n, "/etc/nsswitch.conf", &found));
	if (found && q->is_asked)
		TRY(put_modules(c, n));
	if (found || data_stays_as_it_was(c, q))
		return NULL;
	need_make_file(c, n, "/etc/nsswitch.conf", text_span(nsswitch_text));
	n->source = "built in";
	return NULL;
}

// ---- terminals, /tmp, libgcc ----

static struct err *put_terminal(struct collector *c, struct data_need *n, const char *name)
{
	// ncurses' search order on Debian; elsewhere only the middle one exists.
	static const char *const dirs[] = {
		"/etc/terminfo", "/lib/terminfo", "/usr/share/terminfo", "/usr/lib/terminfo"};
	bool found = false;

	if (strchr(name, '/') || *name == '.')
		return NULL;
	for (size_t i = 0; i < sizeof(dirs) / sizeof(*dirs) && !found; i++) {
		TRY(need_put(c, n, arena_printf(c->a, "%s/%c/%s", dirs[i], *name, name), &found));
		// Where file names do not tell upper case from lower.
		if (!found)
			TRY(need_put(c, n,
				arena_printf(
					c->a, "%s/%02x/%s", dirs[i], (unsigned char)*name, name),
				&found));
	}
	return NULL;
}

struct err *add_terminfo(struct collector *c, const struct data_ask *q, struct data_need *n)
{
	static const char *const common[] = {
		"dumb", "linux", "screen", "vt100", "xterm", "xterm-256color"};

	if (q->param)
		return put_terminal(c, n, q->param);
	for (size_t i = 0; i < sizeof(common) / sizeof(*common); i++)
		TRY(put_terminal(c, n, common[i]));
	return NULL;
}

struct err *add_tmp(struct collector *c, const struct data_ask *q, struct data_need *n)
{
	const struct walk *w = root_walk_parent(c->o->sysroot, "/tmp");
	bool found;

	if (data_stays_as_it_was(c, q) && (w->error || !S_ISDIR(w->node.mode)))
		return w->error ? NULL : need_put(c, n, "/tmp", &found);
	need_make_dir(c, n, "/tmp", data_stays_as_it_was(c, q) ? w->node.mode & 07777 : 01777);
	n->source = data_stays_as_it_was(c, q) ? (c->o->is_image ? "the image" : "the sysroot")
					       : "built in";
	return NULL;
}

// A library that a DT_NEEDED asks for is no data, and --without does not reach it.
static bool is_needed(const struct collector *c, const struct object_file *f)
{
	for (size_t i = 0; i < c->o->nclosures; i++)
		vec_each (o, &c->o->closures[i]->objects)
			if ((*o)->file == f && !(*o)->hidden)
				return true;
	return false;
}

struct err *add_libgcc(struct collector *c, const struct data_ask *q, struct data_need *n)
{
	const struct data_user *u = user_called(c, "libgcc_s.so.1");
	bool found;

	if (u && !q->is_asked && is_needed(c, u->object->file))
		return NULL;
	if (u && u->object->file->root == c->o->sysroot)
		return need_put(c, n, u->object->file->path, &found);
	return put_library(c, n, "libgcc_s.so.1", &found);
}

// ---- libraries named in text ----

static struct err *put_suggested(
	struct collector *c, struct data_need *n, const struct closure *of, const char *name)
{
	const struct object *program = of->objects.at[0];
	struct found answer = {0};
	struct loader *ld;
	bool found;

	TRY(resolver_loader(c->o->resolver, &program->file->elf, of->libc, &ld));
	TRY(search_library(c->o->resolver, ld, program, program, name, &answer, NULL));
	if (!answer.file || answer.file->root != c->o->sysroot)
		return NULL;
	return need_put(c, n, answer.file->path, &found);
}

struct err *add_dlopen(struct collector *c, const struct data_ask *q, struct data_need *n)
{
	for (size_t i = 0; c->o->suggestions && i < c->o->nclosures; i++) {
		const struct closure *of = c->o->closures[i];

		for (size_t k = 0; c->o->suggestions[i] && k < c->o->suggestions[i]->len; k++) {
			const struct suggestion *s = &c->o->suggestions[i]->at[k];

			if (s->is_present && (!q->param || !strcmp(q->param, s->name)))
				TRY(put_suggested(c, n, of, s->name));
		}
	}
	// What no text names can be asked for all the same.
	for (size_t i = 0; q->param && !n->files.len && i < c->o->nclosures; i++)
		if (c->o->closures[i]->libc != LIBC_NONE)
			TRY(put_suggested(c, n, c->o->closures[i], q->param));
	return NULL;
}

static int compare_text(const void *x, const void *y)
{
	return strcmp(*(const char *const *)x, *(const char *const *)y);
}

const char *suggested_libraries(struct collector *c)
{
	struct strings names = {0};
	const char *text;

	for (size_t i = 0; c->o->suggestions && i < c->o->nclosures; i++)
		for (size_t k = 0; c->o->suggestions[i] && k < c->o->suggestions[i]->len; k++)
			if (c->o->suggestions[i]->at[k].is_present)
				push_once(c->a, &names, c->o->suggestions[i]->at[k].name);
	if (!names.len)
		return NULL;
	qsort(names.at, names.len, sizeof(*names.at), compare_text);
	text = arena_printf(c->a, "programs that call dlopen hold the names %s", names.at[0]);
	for (size_t i = 1; i < names.len && i < 4; i++)
		text = arena_printf(c->a, "%s, %s", text, names.at[i]);
	return names.len > 4 ? arena_printf(c->a, "%s and %zu more", text, names.len - 4) : text;
}

// ---- PAM ----

// "auth required pam_unix.so nullok": the words that name a module.
static struct err *put_pam_modules(struct collector *c, struct data_need *n, struct span text)
{
	char *copy = arena_strndup(c->a, (const char *)text.ptr, text.len), *save = NULL;

	for (char *w = strtok_r(copy, " \t\r\n", &save); w; w = strtok_r(NULL, " \t\r\n", &save)) {
		size_t len = strlen(w);
		bool found;

		if (len <= 3 || strcmp(w + len - 3, ".so") != 0 || strstr(w, ".."))
			continue;
		if (*w == '/')
			TRY(need_put(c, n, w, &found));
		else if (!strchr(w, '/'))
			TRY(put_library(c, n, arena_printf(c->a, "security/%s", w), &found));
	}
	return NULL;
}

struct err *add_pam(struct collector *c, const struct data_ask *q, struct data_need *n)
{
	static const char *const conf[] = {"/etc/pam.d", "/etc/pam.conf", "/etc/security"};
	size_t nconf;

	(void)q;
	for (size_t i = 0; i < sizeof(conf) / sizeof(*conf); i++)
		TRY(need_put_all(c, n, conf[i], NULL));
	nconf = n->files.len;
	for (size_t i = 0; i < nconf && i < CONF_FILES_MAX; i++) {
		struct span text;

		if (!S_ISREG(n->files.at[i].mode) || strncmp(n->files.at[i].path, "/etc/pam", 8))
			continue;
		TRY(root_read(c->o->sysroot, n->files.at[i].path, CONF_MAX, c->a, &text));
		if (text.ptr)
			TRY(put_pam_modules(c, n, text));
	}
	return NULL;
}

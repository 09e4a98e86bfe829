// What the C library reads for languages, character sets and time zones.
#include <ctype.h>
#include <string.h>

#include "builder/assemble.h"
#include "builder/data_impl.h"

enum {
	NAME_MAX_ = 64,
	ARCHIVE_NAMES_MAX = 1 << 16,
	CATEGORY_MAX = 16 << 20,
	MODULES_MAX = 1 << 20,
};

// ---- zones ----

struct err *add_zone(struct collector *c, const struct data_ask *q, struct data_need *n)
{
	const char *name = q->param + (*q->param == ':');
	bool found;

	if (strstr(name, ".."))
		return NULL;
	return need_put(c, n,
		*name == '/' ? name : arena_printf(c->a, "/usr/share/zoneinfo/%s", name), &found);
}

// The device's own zone; where that is UTC the C libraries need no file to know it.
struct err *add_local_zone(struct collector *c, const struct data_ask *q, struct data_need *n)
{
	static const char *const utc[] = {"UTC", "UCT", "Universal", "Zulu"};
	const struct walk *w = root_walk(c->o->sysroot, "/etc/localtime");
	bool found;

	(void)q;
	for (size_t i = 0; !w->error && i < sizeof(utc) / sizeof(*utc); i++)
		if (strcmp(path_base(w->path), utc[i]) == 0)
			return NULL;
	return need_put(c, n, "/etc/localtime", &found);
}

// posix and right hold everything once more, without and with leap seconds.
struct err *add_zones(struct collector *c, const struct data_ask *q, struct data_need *n)
{
	static const char *left_out[] = {"/usr/share/zoneinfo/posix", "/usr/share/zoneinfo/right",
		"/usr/share/zoneinfo/localtime"};
	const struct strings exclude = {left_out, 3, 3};

	(void)q;
	return need_put_all(c, n, "/usr/share/zoneinfo", &exclude);
}

// ---- locales ----

static const char *const categories[] = {"LC_CTYPE", "LC_NUMERIC", "LC_TIME", "LC_COLLATE",
	"LC_MONETARY", "LC_MESSAGES", NULL, "LC_PAPER", "LC_NAME", "LC_ADDRESS", "LC_TELEPHONE",
	"LC_MEASUREMENT", "LC_IDENTIFICATION"};
enum { CATEGORIES = sizeof(categories) / sizeof(*categories) };

// "de_DE.UTF-8@euro" → "de_DE.utf8@euro", as directories and the archive are named
// (_nl_normalize_codeset in intl/l10nflist.c).
static const char *normalized(struct arena *a, const char *name)
{
	const char *dot = strchr(name, '.');
	size_t len = 0, end;
	bool has_letter = false;
	char codeset[NAME_MAX_ + 1];

	if (!dot)
		return name;
	end = strcspn(dot, "@");
	for (size_t i = 1; i < end && len < NAME_MAX_; i++) {
		has_letter = has_letter || isalpha((unsigned char)dot[i]);
		if (isalnum((unsigned char)dot[i]))
			codeset[len++] = (char)tolower((unsigned char)dot[i]);
	}
	codeset[len] = 0;
	return arena_printf(a, "%.*s.%s%s%s", (int)(dot - name), name, has_letter ? "" : "iso",
		codeset, dot + end);
}

// locale-archive (locale/locarchive.h): a head of u32 words, a hash of names, and for each locale
// where its categories stand.
struct archive {
	struct file *file;
	bool big_endian;
	uint32_t names, nnames; // the table of {hash, name, record}
};

static struct err *archive_word(struct archive *x, uint64_t off, uint32_t *out)
{
	uint8_t bytes[4];
	uint64_t value = 0;
	size_t got;

	TRY(file_pread(x->file, bytes, 4, off, &got));
	(void)span_uint((struct span){bytes, got}, 0, 4, x->big_endian, &value);
	*out = (uint32_t)value;
	return NULL;
}

static struct err *archive_open(struct collector *c, struct archive *x, bool *found)
{
	const struct walk *w = root_walk(c->o->sysroot, "/usr/lib/locale/locale-archive");
	uint32_t magic;

	*found = false;
	if (w->error || !S_ISREG(w->node.mode))
		return NULL;
	TRY(root_open_file(c->o->sysroot, w->path, &x->file));
	TRY(archive_word(x, 0, &magic));
	x->big_endian = magic == 0x090102de;
	if (magic != 0xde020109 && !x->big_endian)
		return NULL;
	TRY(archive_word(x, 8, &x->names));
	TRY(archive_word(x, 16, &x->nnames));
	*found = x->nnames <= ARCHIVE_NAMES_MAX;
	return NULL;
}

// Where the record of the locale stands; 0: nowhere.
static struct err *archive_find(struct archive *x, const char *name, uint32_t *record)
{
	size_t len = strlen(name) + 1;

	*record = 0;
	for (uint32_t i = 0; i < x->nnames && !*record; i++) {
		uint64_t entry = (uint64_t)x->names + 12 * (uint64_t)i;
		char text[2 * NAME_MAX_ + 2];
		uint32_t at;
		size_t got;

		TRY(archive_word(x, entry + 4, &at));
		if (!at || len > sizeof(text))
			continue;
		TRY(file_pread(x->file, text, len, at, &got));
		if (got == len && !memcmp(text, name, len))
			TRY(archive_word(x, entry + 8, record));
	}
	return NULL;
}

static struct err *put_category(struct collector *c, struct data_need *n, struct archive *x,
	uint32_t record, size_t i, const char *dir)
{
	uint64_t at = (uint64_t)record + 4 + 8 * (uint64_t)i;
	uint32_t off, len;
	size_t got;

	TRY(archive_word(x, at, &off));
	TRY(archive_word(x, at + 4, &len));
	if (!len || len > CATEGORY_MAX || (uint64_t)off + len > file_size(x->file))
		return err_new(ERR_FAILED, "locale-archive: damaged");
	uint8_t *bytes = arena_alloc(c->a, len);

	TRY(file_pread(x->file, bytes, len, off, &got));
	need_make_file(c, n,
		strcmp(categories[i], "LC_MESSAGES") != 0
			? arena_printf(c->a, "%s/%s", dir, categories[i])
			: arena_printf(c->a, "%s/LC_MESSAGES/SYS_LC_MESSAGES", dir),
		(struct span){bytes, got});
	return NULL;
}

// One locale taken out of the archive, which has dozens of them: glibc reads a directory as well.
static struct err *put_from_archive(struct collector *c, struct data_need *n, const char *name)
{
	struct archive x = {0};
	uint32_t record = 0;
	struct err *e;
	bool found;

	e = archive_open(c, &x, &found);
	if (!e && found)
		e = archive_find(&x, name, &record);
	for (size_t i = 0; !e && record && i < CATEGORIES; i++)
		if (categories[i])
			e = put_category(c, n, &x, record, i,
				arena_printf(c->a, "/usr/lib/locale/%s", name));
	file_drop(&x.file);
	return e;
}

struct err *add_locale(struct collector *c, const struct data_ask *q, struct data_need *n)
{
	const char *name = normalized(c->a, q->param);

	if (!strcmp(name, "C") || !strcmp(name, "POSIX") || strchr(name, '/') ||
		strstr(name, "..") || strlen(name) > NAME_MAX_ || strpbrk(name, "*?[\\"))
		return NULL;
	TRY(need_put_all(c, n, arena_printf(c->a, "/usr/lib/locale/%s", q->param), NULL));
	if (!n->files.len)
		TRY(need_put_all(c, n, arena_printf(c->a, "/usr/lib/locale/%s", name), NULL));
	if (!n->files.len)
		TRY(put_from_archive(c, n, name));
	if (!n->files.len && n->is_included && !q->is_asked)
		collect_warn(c, "%s: the %s has no such locale, programs will go by C instead",
			n->name, sysroot_word(c->o->is_image));
	return NULL;
}

// ---- character sets ----

struct conversions {
	struct collector *c;
	const char *dir;
	struct strings confs; // gconv-modules and what lies in gconv-modules.d
	const char *charset;  // upper case, without the "//"
};

static struct err *gconv_dir(struct collector *c, const char **out)
{
	struct strings dirs = {0};

	*out = NULL;
	TRY(system_dirs(c, &dirs));
	for (size_t i = 0; i < dirs.len && !*out; i++) {
		const char *dir = arena_printf(c->a, "%s/gconv", dirs.at[i]);

		// glibc asks below /usr/lib; /lib/T/gconv is the same by a link.
		if (!root_walk(c->o->sysroot, dir)->error)
			*out = dir;
	}
	return NULL;
}

// "//" at the end and case do not count.
static bool is_charset(const char *word, const char *charset)
{
	size_t n = strcspn(word, "/");

	return strlen(charset) == n && !strncasecmp(word, charset, n);
}

static bool next_line(char **save, char *words[4])
{
	char *line = strtok_r(NULL, "\n", save), *inner = NULL;

	if (!line)
		return false;
	line[strcspn(line, "#")] = 0;
	for (size_t i = 0; i < 4; i++) {
		words[i] = strtok_r(i ? NULL : line, " \t\r", &inner);
		if (!words[i])
			words[i] = line + strlen(line);
	}
	return true;
}

// alias ISO-IR-100// ISO-8859-1//
// module ISO-8859-1// INTERNAL ISO8859-1 1
static struct err *scan_conf(struct conversions *x, struct data_need *n, const char *conf)
{
	char *words[4], *copy, *save;
	struct span text;
	bool found;

	TRY(root_read(x->c->o->sysroot, conf, MODULES_MAX, x->c->a, &text));
	if (!text.ptr)
		return NULL;
	save = copy = arena_strndup(x->c->a, (const char *)text.ptr, text.len);
	while (next_line(&save, words)) {
		if (!n && !strcmp(words[0], "alias") && is_charset(words[1], x->charset))
			x->charset = arena_strndup(x->c->a, words[2], strcspn(words[2], "/"));
		if (!n || strcmp(words[0], "module") != 0 ||
			(!is_charset(words[1], x->charset) && !is_charset(words[2], x->charset)))
			continue;
		if (!strchr(words[3], '/'))
			TRY(need_put(x->c, n, arena_printf(x->c->a, "%s/%s.so", x->dir, words[3]),
				&found));
	}
	return NULL;
}

static struct err *find_confs(struct conversions *x)
{
	struct collector *c = x->c;
	const struct walk *w =
		root_walk(c->o->sysroot, arena_printf(c->a, "%s/gconv-modules.d", x->dir));
	struct strings names = {0};

	vec_push(c->a, &x->confs, arena_printf(c->a, "%s/gconv-modules", x->dir));
	if (w->error || !S_ISDIR(w->node.mode))
		return NULL;
	TRY(root_list(c->o->sysroot, w->path, c->a, &names));
	vec_each (name, &names)
		vec_push(c->a, &x->confs, arena_printf(c->a, "%s/%s", w->path, *name));
	return NULL;
}

// glibc reads the cache and, only where there is none, the texts (iconv/gconv_cache.c). Both may
// name modules that are not there.
static struct err *put_index(struct conversions *x, struct data_need *n)
{
	bool found;

	TRY(need_put(x->c, n, arena_printf(x->c->a, "%s/gconv-modules.cache", x->dir), &found));
	for (size_t i = 0; !found && i < x->confs.len; i++) {
		bool is_there;

		TRY(need_put(x->c, n, x->confs.at[i], &is_there));
	}
	return NULL;
}

struct err *add_gconv(struct collector *c, const struct data_ask *q, struct data_need *n)
{
	struct conversions x = {.c = c, .charset = q->param};

	TRY(gconv_dir(c, &x.dir));
	if (!x.dir)
		return NULL;
	if (!q->param)
		return need_put_all(c, n, x.dir, NULL);
	TRY(find_confs(&x));
	for (size_t pass = 0; pass < 2; pass++)
		vec_each (conf, &x.confs)
			TRY(scan_conf(&x, pass ? n : NULL, *conf));
	if (n->files.len)
		TRY(put_index(&x, n));
	return NULL;
}

#include "builder/assemble.h"
#include "builder/data.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "builder/container.h"
#include "builder/data_impl.h"
#include "ldd/verify.h"

enum { PARAM_MAX = 64 };

// ---- the table ----

const struct data_name data_names[] = {
	{"certs", "certificates of the authorities that TLS trusts", false},
	{"tzdata", "time zones; tzdata:Europe/Berlin brings one", true},
	{"passwd", "/etc/passwd and /etc/group", false},
	{"nss", "/etc/nsswitch.conf, and the modules it names", false},
	{"gconv", "iconv's conversions; gconv:SHIFT_JIS brings one", true},
	{"locale", "locale:C.UTF-8: what setlocale reads for a language", true},
	{"terminfo", "common terminals; terminfo:tmux brings one more", true},
	{"services", "/etc/services and /etc/protocols", false},
	{"tmp", "an empty /tmp for everyone", false},
	{"libgcc", "libgcc_s.so.1, which glibc opens when threads are ended", false},
	{"dlopen", "libraries whose names stand in a program's text; dlopen:NAME brings one", true},
	{"openssl", "OpenSSL's openssl.cnf and its loadable providers", false},
	{"pam", "PAM's configuration and modules", false},
	{NULL, NULL, false},
};

// What a rule may call for by itself: certain and small things are included, the rest suggested.
enum { INCLUDED, SUGGESTED };

#define LIST(...) ((const char *const[]){__VA_ARGS__, NULL})

#define PASSWD_CALLS                                                                               \
	"getpwnam", "getpwnam_r", "getpwuid", "getpwuid_r", "getpwent", "getpwent_r", "getgrnam",  \
		"getgrnam_r", "getgrgid", "getgrgid_r", "getgrent", "getgrent_r", "getgrouplist",  \
		"initgroups"
#define SERVICE_CALLS                                                                              \
	"getservbyname", "getservbyname_r", "getservbyport", "getservbyport_r", "getservent",      \
		"getprotobyname", "getprotobyname_r", "getprotobynumber", "getprotobynumber_r",    \
		"getprotoent"
#define HOST_CALLS                                                                                 \
	"getaddrinfo", "getnameinfo", "gethostbyname", "gethostbyname_r", "gethostbyname2",        \
		"gethostbyname2_r", "gethostbyaddr", "gethostbyaddr_r"
#define ZONE_CALLS                                                                                 \
	"localtime", "localtime_r", "__localtime64", "__localtime64_r", "mktime", "__mktime64",    \
		"tzset"
#define LOCALE_CALLS "setlocale", "newlocale", "__newlocale"

static const struct data_rule {
	const char *name;
	int by_itself;
	// Any of these calls for it: symbols imported by anything but `ignore` (whose users may
	// never come there), libraries loaded, texts in a program's own segments.
	const char *const *symbols, *const *libraries, *const *texts;
	const char *ignore;
	// Values of these variables are parameters; where it has symbols, they must be imported
	// too.
	const char *const *env;
	bool needs_param;
	bool is_glibc;            // other C libraries have it built in, or not at all
	bool is_kept;             // only of an image made smaller
	bool is_for_user;         // the engine looks the config's user up in it
	bool is_portable;         // this machine's files serve where the sysroot has none
	const char *const *paths; // patterns; or:
	data_add_fn *add;
} rules[] = {
	{
		.name = "certs",
		.symbols = LIST("SSL_CTX_set_default_verify_paths",
			"SSL_CTX_set_default_verify_file", "SSL_CTX_set_default_verify_dir",
			"SSL_CTX_set_default_verify_store", "X509_STORE_set_default_paths",
			"X509_STORE_set_default_paths_ex", "X509_get_default_cert_file",
			"gnutls_certificate_set_x509_system_trust",
			"gnutls_x509_trust_list_add_system_trust", "curl_easy_init",
			"NSS_InitContext", "NSS_NoDB_Init"),
		.ignore = "libssl.so.",
		.texts = LIST("/etc/ssl/certs/ca-certificates.crt",
			"/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem",
			"/etc/ssl/ca-bundle.pem"),
		.add = add_certs,
	},
	{
		// Embedded programs mostly bring their own authority.
		.name = "certs",
		.by_itself = SUGGESTED,
		.symbols = LIST("mbedtls_x509_crt_parse_path", "mbedtls_x509_crt_parse_file",
			"wolfSSL_CTX_load_verify_locations"),
		.add = add_certs,
	},
	{.name = "tzdata",
		.env = LIST("TZ"),
		.needs_param = true,
		.is_portable = true,
		.add = add_zone},
	{.name = "tzdata", .symbols = LIST(ZONE_CALLS), .is_kept = true, .add = add_local_zone},
	{
		// Without any file the C libraries go by UTC.
		.name = "tzdata",
		.by_itself = SUGGESTED,
		.symbols = LIST(ZONE_CALLS),
		.texts = LIST("/usr/share/zoneinfo"),
		.is_portable = true,
		.add = add_zones,
	},
	{
		.name = "passwd",
		.symbols = LIST(PASSWD_CALLS),
		.texts = LIST("/etc/passwd"),
		.add = add_accounts,
	},
	{.name = "passwd", .is_kept = true, .is_for_user = true, .add = add_accounts},
	{
		.name = "nss",
		.symbols = LIST(PASSWD_CALLS, HOST_CALLS, SERVICE_CALLS),
		.is_glibc = true,
		.add = add_nss,
	},
	{
		.name = "gconv",
		.by_itself = SUGGESTED,
		.symbols = LIST("iconv_open"),
		.ignore = "libstdc++.so.",
		.is_glibc = true,
		.add = add_gconv,
	},
	{
		.name = "locale",
		.symbols = LIST(LOCALE_CALLS),
		.env = LIST("LC_ALL", "LANG", "LC_CTYPE", "LC_COLLATE", "LC_MESSAGES",
			"LC_MONETARY", "LC_NUMERIC", "LC_TIME"),
		.needs_param = true,
		.is_glibc = true,
		.add = add_locale,
	},
	{
		.name = "terminfo",
		.symbols = LIST("setupterm", "tgetent", "initscr", "newterm"),
		.libraries =
			LIST("libtinfo.so.", "libtinfow.so.", "libncurses.so.", "libncursesw.so."),
		.texts = LIST("/usr/share/terminfo"),
		.is_portable = true,
		.add = add_terminfo,
	},
	{
		.name = "services",
		.symbols = LIST(SERVICE_CALLS),
		.is_portable = true,
		.paths = LIST("/etc/services", "/etc/protocols"),
	},
	{
		.name = "tmp",
		.symbols = LIST("tmpfile", "tmpfile64", "mkstemp", "mkstemp64", "mkostemp",
			"mkostemp64", "mkstemps", "mkstemps64", "mkostemps", "mkostemps64",
			"mkdtemp", "mktemp", "tmpnam", "tempnam"),
		.libraries = LIST("libsqlite3.so."),
		.texts = LIST("/tmp"),
		.add = add_tmp,
	},
	{
		.name = "libgcc",
		.symbols = LIST("pthread_cancel", "pthread_exit", "backtrace"),
		.is_glibc = true,
		.add = add_libgcc,
	},
	{.name = "dlopen", .by_itself = SUGGESTED, .add = add_dlopen},
	{
		.name = "openssl",
		.symbols = LIST("CONF_modules_load_file", "CONF_modules_load_file_ex",
			"CONF_get1_default_config_file", "OSSL_LIB_CTX_load_config"),
		.ignore = "libssl.so.",
		.add = add_openssl_conf,
	},
	{
		.name = "openssl",
		.libraries = LIST("libcrypto.so."),
		.is_kept = true,
		.add = add_openssl_conf,
	},
	{
		.name = "openssl",
		.by_itself = SUGGESTED,
		.symbols = LIST("OSSL_PROVIDER_load", "OSSL_PROVIDER_try_load"),
		.ignore = "libssl.so.",
		.add = add_openssl_modules,
	},
	{.name = "pam", .by_itself = SUGGESTED, .symbols = LIST("pam_start"), .add = add_pam},
};

// ---- --with and --without ----

static const struct data_name *name_called(const char *text, size_t n)
{
	for (const struct data_name *d = data_names; d->name; d++)
		if (strlen(d->name) == n && !strncmp(d->name, text, n))
			return d;
	return NULL;
}

static struct err *unknown_word(const char *option, const char *word, struct arena *a)
{
	const char *known = "";

	for (const struct data_name *d = data_names; d->name; d++)
		known = arena_printf(a, "%s%s%s", known, *known ? ", " : "", d->name);
	return err_hint(
		err_new(ERR_USAGE, "--%s %s: no such data", option, word), "known are %s", known);
}

static struct err *check_word(const char *option, const char *word, struct arena *a)
{
	size_t n = strcspn(word, ":");
	const struct data_name *d = name_called(word, n);

	if (!d)
		return unknown_word(option, word, a);
	if (word[n] == ':' && (!d->takes_param || !word[n + 1]))
		return err_new(ERR_USAGE, "--%s %s: %s takes no value%s", option, word, d->name,
			d->takes_param ? " that is empty" : "");
	if (!word[n] && !strcmp(d->name, "locale") && !strcmp(option, "with"))
		return err_hint(err_new(ERR_USAGE, "--with locale: which one?"),
			"name it, as in --with locale:C.UTF-8");
	if (strlen(word + n) <= PARAM_MAX && !strstr(word, ".."))
		return NULL;
	return err_new(ERR_USAGE, "--%s %s: no such %s", option, word, d->name);
}

// "certs,tzdata" into words.
static struct err *split_words(
	const char *option, const struct strings *lists, struct arena *a, struct strings *out)
{
	for (size_t i = 0; lists && i < lists->len; i++) {
		char *save = NULL, *copy = arena_strdup(a, lists->at[i]);

		for (char *w = strtok_r(copy, ", ", &save); w; w = strtok_r(NULL, ", ", &save)) {
			TRY(check_word(option, w, a));
			vec_push(a, out, w);
		}
	}
	return NULL;
}

// The parameter of the word where it is about `name`: "" for none; NULL where it is not.
static const char *param_of(const char *word, const char *name)
{
	size_t n = strlen(name);

	if (strncmp(word, name, n) != 0 || (word[n] && word[n] != ':'))
		return NULL;
	return word[n] ? word + n + 1 : word + n;
}

static bool is_listed(const struct strings *words, const char *name, const char *param)
{
	vec_each (w, words) {
		const char *p = param_of(*w, name);

		if (p && (!*p || (param && !strcmp(p, param))))
			return true;
	}
	return false;
}

bool data_stays_as_it_was(const struct collector *c, const struct data_ask *q)
{
	return c->o->is_image && !q->is_asked;
}

// ---- who runs in the image ----

static int by_name(const void *x, const void *y)
{
	const struct data_user *a = x, *b = y;
	int order = strcmp(a->name, b->name);

	return order ? order : strcmp(a->object->file->path, b->object->file->path);
}

static void add_user(
	struct collector *c, const struct closure *of, struct object **o, bool is_program)
{
	const struct object_file *f = (*o)->file;

	if (!f || f->elf.not_elf || f->elf.broken || (*o)->rule == RULE_INTERPRETER)
		return;
	vec_each (u, &c->users)
		if (u->object->file == f) {
			u->is_program = u->is_program || is_program;
			return;
		}
	vec_push(c->a, &c->users,
		(struct data_user){.name = path_base(f->path),
			.object = *o,
			.alone = {.objects = {o, 1, 1}, .libc = of->libc},
			.libc = of->libc,
			.is_program = is_program});
}

static void collect_users(struct collector *c)
{
	for (size_t i = 0; i < c->o->nclosures; i++) {
		const struct closure *of = c->o->closures[i];

		for (size_t k = 0; k < of->objects.len; k++)
			add_user(c, of, &of->objects.at[k], k == 0);
	}
	if (c->users.len)
		qsort(c->users.at, c->users.len, sizeof(*c->users.at), by_name);
}

const struct data_user *user_called(const struct collector *c, const char *prefix)
{
	size_t n = strlen(prefix);

	vec_each (u, &c->users) {
		const char *soname = u->object->file->elf.soname;

		if (!strncmp(u->name, prefix, n) || (soname && !strncmp(soname, prefix, n)))
			return u;
	}
	return NULL;
}

static bool is_ignored(const struct data_user *u, const char *prefix)
{
	return prefix && !strncmp(u->name, prefix, strlen(prefix));
}

struct err *user_importing(struct collector *c, const char *const *symbols, const char *ignore,
	bool is_glibc, const struct data_user **out, const char **symbol)
{
	*out = NULL;
	for (; symbols && *symbols; symbols++) {
		vec_each (u, &c->users) {
			const struct object *by = NULL;

			if (is_ignored(u, ignore) || (is_glibc && u->libc != LIBC_GLIBC))
				continue;
			TRY(verify_imports(c->o->resolver, &u->alone, *symbols, &by));
			if (!by)
				continue;
			*out = u;
			*symbol = *symbols;
			return NULL;
		}
	}
	return NULL;
}

struct err *user_has_texts(struct collector *c, const struct data_user *u, const char *const *texts,
	size_t n, bool *found)
{
	const struct object_file *f = u->object->file;
	drop(file_drop) struct file *file = NULL;

	(void)c;
	TRY(root_open_file(f->root, f->walk->path, &file));
	return elf_find_texts(file, &f->elf, texts, n, found);
}

// ---- what calls for a rule ----

// How many texts the rules before `end` have.
static size_t texts_before(const struct data_rule *end)
{
	size_t n = 0;

	for (const struct data_rule *r = rules; r < end; r++)
		for (const char *const *t = r->texts; t && *t; t++)
			n++;
	return n;
}

// Looks for the texts of all rules at once, the first time that one of them is asked for.
static struct err *look_for_texts(struct collector *c, struct data_user *u)
{
	size_t n = texts_before(rules + sizeof(rules) / sizeof(*rules));
	struct strings all = {0};

	for (size_t i = 0; i < sizeof(rules) / sizeof(*rules); i++)
		for (const char *const *t = rules[i].texts; t && *t; t++)
			vec_push(c->a, &all, *t);
	u->texts = arena_alloc(c->a, n * sizeof(*u->texts));
	return user_has_texts(c, u, all.at, n, u->texts);
}

static struct err *called_by_text(
	struct collector *c, const struct data_rule *rule, const char **reason)
{
	size_t first = texts_before(rule);

	if (!rule->texts)
		return NULL;
	vec_each (u, &c->users) {
		if (!u->is_program)
			continue;
		if (!u->texts)
			TRY(look_for_texts(c, u));
		for (size_t i = 0; rule->texts[i] && !*reason; i++)
			if (u->texts[first + i])
				*reason = arena_printf(
					c->a, "%s holds the path %s", u->name, rule->texts[i]);
	}
	return NULL;
}

static struct err *called_by(struct collector *c, const struct data_rule *rule, const char **reason)
{
	const struct data_user *u;
	const char *symbol;

	*reason = rule->add == add_dlopen ? suggested_libraries(c) : NULL;
	if (*reason)
		return NULL;
	TRY(user_importing(c, rule->symbols, rule->ignore, rule->is_glibc, &u, &symbol));
	if (u)
		*reason = arena_printf(c->a, "%s imports %s", u->name, symbol);
	for (const char *const *l = rule->libraries; l && *l && !*reason; l++)
		if ((u = user_called(c, *l)))
			*reason = arena_printf(c->a, "the image holds %s", u->name);
	if (!*reason)
		TRY(called_by_text(c, rule, reason));
	return NULL;
}

struct asks {
	struct data_ask *at;
	size_t len, cap;
};

static struct data_ask *ask_for(struct collector *c, struct asks *asks, const char *param)
{
	vec_each (q, asks)
		if (q->param == param || (q->param && param && !strcmp(q->param, param)))
			return q;
	vec_push(c->a, asks, (struct data_ask){.param = param});
	return &asks->at[asks->len - 1];
}

// "www-data", "33:adm": names that an engine translates before anything is started.
static bool is_named(const char *user)
{
	const char *group = user ? strchr(user, ':') : NULL;

	return user && *user &&
		(!isdigit((unsigned char)*user) ||
			(group && group[1] && !isdigit((unsigned char)group[1])));
}

// What the image's environment asks for; reason is what else does.
static void find_in_env(
	struct collector *c, const struct data_rule *rule, const char *reason, struct asks *out)
{
	for (const char *const *v = rule->env; v && *v; v++) {
		const char *value = c->o->env ? env_value(c->o->env, *v) : NULL;

		if (!value || !*value || (rule->symbols && !reason))
			continue;
		struct data_ask *q = ask_for(c, out, value);

		if (!q->reason)
			q->reason = arena_printf(c->a, "%s=%s in the environment%s%s", *v, value,
				reason ? ", and " : "", reason ? reason : "");
	}
}

// A rule for what an image has of its own, or for one zone, is not asked by name.
static bool is_asked_by_name(const struct data_rule *rule, const char *param)
{
	if (rule->is_kept)
		return false;
	if (!*param)
		return !rule->needs_param;
	return name_called(rule->name, strlen(rule->name))->takes_param &&
		(rule->needs_param || strcmp(rule->name, "tzdata") != 0);
}

static struct err *find_asks(struct collector *c, const struct data_rule *rule,
	const struct strings *with, struct asks *out)
{
	const char *reason = NULL;

	if (!rule->is_kept || c->o->is_image)
		TRY(called_by(c, rule, &reason));
	if (rule->is_for_user && c->o->is_image && is_named(c->o->user))
		reason = arena_printf(c->a, "the image's user is %s", c->o->user);
	if (reason && !rule->needs_param)
		ask_for(c, out, NULL)->reason = reason;
	find_in_env(c, rule, reason, out);
	vec_each (w, with) {
		const char *param = param_of(*w, rule->name);

		if (param && is_asked_by_name(rule, param))
			ask_for(c, out, *param ? param : NULL)->is_asked = true;
	}
	return NULL;
}

// ---- collecting ----

void collect_warn(struct collector *c, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	drop(mem_drop) char *text = str_vprintf(fmt, ap);
	va_end(ap);
	vec_each (w, c->warnings)
		if (!strcmp(*w, text))
			return;
	vec_push(c->a, c->warnings, arena_strdup(c->a, text));
}

static struct err *add_paths(struct collector *c, const struct data_rule *rule, struct data_need *n)
{
	bool found;

	for (const char *const *p = rule->paths; *p; p++)
		TRY(need_put(c, n, *p, &found));
	return NULL;
}

// The same rule with this machine's files.
static struct err *add_from_host(struct collector *c, const struct data_rule *rule,
	const struct data_ask *q, struct data_need *n)
{
	struct data_options o = *c->o;
	struct collector there = *c;

	if (!o.host || root_is_host(o.sysroot))
		return NULL;
	o.sysroot = o.host;
	there.o = &o;
	n->files.len = 0;
	TRY(rule->add ? rule->add(&there, q, n) : add_paths(&there, rule, n));
	if (!n->files.len)
		return NULL;
	need_replace(c, n);
	collect_warn(c, "%s: the %s has none, this machine's are taken", n->name,
		sysroot_word(c->o->is_image));
	n->source = "this machine";
	return NULL;
}

static int by_path(const void *x, const void *y)
{
	return strcmp(((const struct data_file *)x)->path, ((const struct data_file *)y)->path);
}

static struct err *finish_need(struct data_need *n)
{
	size_t kept = 0;

	if (n->files.len)
		qsort(n->files.at, n->files.len, sizeof(*n->files.at), by_path);
	n->bytes = 0;
	vec_each (f, &n->files) {
		if (kept && !strcmp(n->files.at[kept - 1].path, f->path))
			continue;
		if (S_ISREG(f->mode) && f->root) {
			const struct walk *w = root_walk_parent(f->root, f->source);

			n->bytes += w->error ? 0 : w->node.size;
		} else if (S_ISREG(f->mode)) {
			n->bytes += f->bytes.len;
		}
		n->files.at[kept++] = *f;
	}
	n->files.len = kept;
	return NULL;
}

// "Europe/Berlin", but no "<+03>-3" or "EST5EDT,M3.2.0/2": a rule begins with an offset.
static bool is_zone_name(const char *text)
{
	return strchr(text, '/') && !strpbrk(text, ",<");
}

static struct err *nothing_found(const struct data_need *n, bool is_image)
{
	return err_hint(err_new(ERR_FAILED, "%s: %s, but there is nothing of that kind in the %s",
				n->name, n->reason, sysroot_word(is_image)),
		"%s--add brings files of your own%s",
		is_image ? "" : "another --sysroot may have it; ",
		n->reason && !strncmp(n->reason, "--with", 6) ? "" : ", --without leaves it out");
}

// Unasked, only certificates come from this machine: an image without them fails in the field.
static bool is_urgent(const struct data_rule *rule, const struct data_need *n)
{
	return rule->add == add_certs || (rule->add == add_zone && n->is_included);
}

// Nothing is there of what was called for: an error, a warning, or all right.
static struct err *tell_missing(struct collector *c, const struct data_rule *rule,
	const struct data_ask *q, const struct data_need *n)
{
	bool stays = data_stays_as_it_was(c, q);

	if (q->is_asked && !(rule->add == add_certs && c->o->present))
		return nothing_found(n, c->o->is_image);
	if (!n->is_included)
		return NULL;
	// TZ may be a rule of its own ("CET-1CEST,M3.5.0,M10.5.0/3"), which needs no file.
	if (!stays && rule->add == add_zone && is_zone_name(q->param))
		return nothing_found(n, c->o->is_image);
	if (!stays && !q->param && is_urgent(rule, n))
		collect_warn(c, "%s: %s, but the %s has nothing of that kind", n->name, n->reason,
			sysroot_word(c->o->is_image));
	if (stays && rule->add == add_certs)
		collect_warn(c,
			"certs: %s, and the image has none; --with certs takes this machine's",
			n->reason);
	return NULL;
}

static void name_need(struct collector *c, const struct data_rule *rule, const struct data_ask *q,
	const struct strings *without, struct data_need *n)
{
	n->name = q->param ? arena_printf(c->a, "%s:%s", rule->name, q->param) : rule->name;
	n->reason = q->reason ? q->reason : arena_printf(c->a, "--with %s", n->name);
	n->is_refused = is_listed(without, rule->name, q->param) && !q->is_asked;
	n->is_included = !n->is_refused && (q->is_asked || rule->by_itself == INCLUDED);
}

static struct err *collect_one(struct collector *c, const struct data_rule *rule,
	const struct data_ask *q, const struct strings *without, struct data_needs *out)
{
	struct data_need n = {0};

	name_need(c, rule, q, without, &n);
	TRY(rule->add ? rule->add(c, q, &n) : add_paths(c, rule, &n));
	if (!n.files.len && rule->is_portable && !data_stays_as_it_was(c, q) &&
		(q->is_asked || (is_urgent(rule, &n) && n.is_included)))
		TRY(add_from_host(c, rule, q, &n));
	if (n.files.len && !n.source)
		n.source = c->o->is_image             ? "the image"
			: root_is_host(c->o->sysroot) ? "this machine"
						      : "the sysroot";
	TRY(finish_need(&n));
	if (!n.files.len)
		return tell_missing(c, rule, q, &n);
	vec_push(c->a, out, n);
	return NULL;
}

// Of several rules for the same files the first that is called for counts.
static bool is_settled(const size_t *before, size_t i)
{
	for (size_t k = 0; k < i; k++)
		if (rules[k].add && rules[k].add == rules[i].add && before[k] != before[k + 1])
			return true;
	return false;
}

struct err *data_collect(const struct data_options *o, struct arena *a, struct data_needs *out,
	struct strings *warnings)
{
	struct collector c = {.o = o, .a = a, .warnings = warnings};
	struct strings with = {0}, without = {0};
	size_t before[sizeof(rules) / sizeof(*rules) + 1] = {0};

	TRY(split_words("with", o->with, a, &with));
	TRY(split_words("without", o->without, a, &without));
	collect_users(&c);
	for (size_t i = 0; i < sizeof(rules) / sizeof(*rules); i++) {
		struct asks asks = {0};

		before[i] = out->len;
		if (is_settled(before, i))
			continue;
		TRY(find_asks(&c, &rules[i], &with, &asks));
		vec_each (q, &asks)
			TRY(collect_one(&c, &rules[i], q, &without, out));
	}
	return NULL;
}

const struct data_need *data_need_of(const struct data_needs *needs, const char *path)
{
	vec_each (n, needs) {
		const struct data_file key = {.path = path};

		if (n->is_included && n->files.len &&
			bsearch(&key, n->files.at, n->files.len, sizeof(key), by_path))
			return n;
	}
	return NULL;
}

bool data_is_refused(const struct data_needs *needs, const char *path)
{
	if (data_need_of(needs, path))
		return false;
	vec_each (n, needs)
		if (n->is_refused)
			vec_each (f, &n->files)
				if (S_ISREG(f->mode) && !strcmp(f->path, path))
					return true;
	return false;
}

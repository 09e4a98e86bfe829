// Certificates, and what OpenSSL reads and opens by the directories built into it.
#include <string.h>

#include "builder/assemble.h"
#include "builder/data_impl.h"

// Where distributions keep one file with all authorities: Debian, Alpine, Arch, OpenWrt and Yocto;
// Fedora; Alpine and the BSDs; openSUSE. curl, GnuTLS and Go's crypto/x509 know the same.
static const char *const bundles[] = {"/etc/ssl/certs/ca-certificates.crt",
	"/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem", "/etc/ssl/ca-bundle.pem",
	"/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem"};
enum { BUNDLES = sizeof(bundles) / sizeof(*bundles) };

static const char *find_bundle(struct root *root)
{
	for (size_t i = 0; i < BUNDLES; i++) {
		const struct walk *w = root_walk(root, bundles[i]);

		if (!w->error && S_ISREG(w->node.mode) && w->node.size)
			return bundles[i];
	}
	return NULL;
}

// ---- OpenSSL's directories ----

// "OPENSSLDIR: \"/usr/lib/ssl\"" stands in libcrypto (crypto/cversion.c), or in what has it linked
// in statically.
static struct err *read_dir(
	struct collector *c, const struct data_user *u, const char *prefix, const char **out)
{
	const struct object_file *f = u->object->file;
	drop(file_drop) struct file *file = NULL;

	TRY(root_open_file(f->root, f->walk->path, &file));
	TRY(elf_read_text_after(file, &f->elf, prefix, '"', c->a, out));
	if (*out && (**out != '/' || strstr(*out, "..")))
		*out = NULL;
	return NULL;
}

static struct err *openssl_dirs(struct collector *c, const char *prefix, struct strings *out)
{
	vec_each (u, &c->users) {
		const char *dir = NULL;
		bool is_known = false;

		if (!u->is_program && strncmp(u->name, "libcrypto.so", 12) != 0)
			continue;
		TRY(read_dir(c, u, prefix, &dir));
		for (size_t i = 0; dir && i < out->len; i++)
			is_known = is_known || !strcmp(out->at[i], dir);
		if (dir && !is_known)
			vec_push(c->a, out, dir);
	}
	return NULL;
}

struct err *add_openssl_conf(struct collector *c, const struct data_ask *q, struct data_need *n)
{
	struct strings dirs = {0};
	bool found;

	(void)q;
	TRY(openssl_dirs(c, "OPENSSLDIR: \"", &dirs));
	vec_each (dir, &dirs)
		TRY(need_put(c, n, arena_printf(c->a, "%s/openssl.cnf", *dir), &found));
	return NULL;
}

struct err *add_openssl_modules(struct collector *c, const struct data_ask *q, struct data_need *n)
{
	struct strings dirs = {0};

	(void)q;
	TRY(openssl_dirs(c, "MODULESDIR: \"", &dirs));
	vec_each (dir, &dirs)
		TRY(need_put_all(c, n, *dir, NULL));
	return NULL;
}

// ---- certificates ----

static void want(struct collector *c, struct strings *paths, const char *path)
{
	vec_each (p, paths)
		if (!strcmp(*p, path))
			return;
	vec_push(c->a, paths, path);
}

// Of the paths that a file knows, those that are there; else its first, to be made a link. Go tries
// them all, curl knows one.
static struct err *want_known(struct collector *c, const struct data_user *u, struct strings *paths)
{
	bool found[BUNDLES] = {false};
	const char *first = NULL;

	TRY(user_has_texts(c, u, bundles, BUNDLES, found));
	for (size_t i = 0; i < BUNDLES; i++) {
		if (!found[i])
			continue;
		if (!first || (sysroot_has(c, bundles[i]) && !sysroot_has(c, first)))
			first = bundles[i];
	}
	if (first)
		want(c, paths, first);
	return NULL;
}

static bool reads_bundle(const struct data_user *u)
{
	return u->is_program || !strncmp(u->name, "libcurl", 7) ||
		!strncmp(u->name, "libgnutls", 9) || !strncmp(u->name, "libp11-kit", 10) ||
		!strncmp(u->name, "libtls", 6);
}

// Where the programs look. For OpenSSL's default paths one cert.pem does what a directory of a
// hundred and forty files named by their hash would do.
static struct err *wanted_paths(struct collector *c, struct strings *paths)
{
	struct strings dirs = {0};

	vec_each (u, &c->users)
		if (reads_bundle(u))
			TRY(want_known(c, u, paths));
	TRY(openssl_dirs(c, "OPENSSLDIR: \"", &dirs));
	vec_each (dir, &dirs)
		want(c, paths, arena_printf(c->a, "%s/cert.pem", *dir));
	return NULL;
}

// A bundle that the user brings.
static const char *find_present(struct collector *c)
{
	const struct strings *present = c->o->present;

	for (size_t i = 0; i < BUNDLES; i++)
		for (size_t k = 0; present && k < present->len; k++)
			if (!strcmp(present->at[k], bundles[i]))
				return bundles[i];
	return NULL;
}

static struct err *no_certs(const struct data_need *n, bool is_image, bool has_host)
{
	return err_hint(err_new(ERR_FAILED, "certs: %s, and %sthe %s %s no certificates", n->reason,
				has_host ? "neither " : "", sysroot_word(is_image),
				has_host ? "nor this machine has" : "has"),
		"--add FILE:/etc/ssl/certs/ca-certificates.crt brings some, --without certs goes "
		"without");
}

static bool is_put(const struct data_need *n, const char *path)
{
	vec_each (f, &n->files)
		if (!strcmp(f->path, path))
			return true;
	return false;
}

// The one file they all come down to; *at is where it lies in the image, NULL where there is none.
static struct err *put_bundle(
	struct collector *c, const struct data_ask *q, struct data_need *n, const char **at)
{
	const char *bundle = find_bundle(c->o->sysroot);
	struct root *host = root_is_host(c->o->sysroot) ? NULL : c->o->host;
	bool found;

	*at = find_present(c);
	if (*at)
		return NULL;
	if (bundle)
		return need_put(c, n, *at = bundle, &found);
	if (data_stays_as_it_was(c, q))
		return NULL;
	bundle = host ? find_bundle(host) : NULL;
	if (!bundle)
		return n->is_included ? no_certs(n, c->o->is_image, c->o->host) : NULL;
	*at = bundles[0];
	n->source = "this machine";
	if (n->is_included)
		collect_warn(c, "certs: the %s has none, this machine's %s is taken",
			sysroot_word(c->o->is_image), bundle);
	return need_put_from(c, n, host, bundle, *at);
}

struct err *add_certs(struct collector *c, const struct data_ask *q, struct data_need *n)
{
	struct strings paths = {0};
	const char *at;

	TRY(put_bundle(c, q, n, &at));
	if (!at)
		return NULL;
	TRY(wanted_paths(c, &paths));
	vec_each (p, &paths) {
		bool found = false;

		if (!find_present(c) && sysroot_has(c, *p))
			TRY(need_put(c, n, *p, &found));
		if (!found && !is_put(n, *p) && strcmp(*p, at) != 0)
			need_make_link(c, n, *p, at);
	}
	return NULL;
}

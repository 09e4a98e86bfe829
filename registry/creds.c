#include "registry/creds.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/json.h"
#include "registry/helper.h"

#define HUB "docker.io"
#define HUB_KEY "https://index.docker.io/v1/" // what Docker files it under
#define FILE_MAX (1u << 20)

// One place that holds credentials, in the order they are asked.
struct source {
	const char *name; // for messages: a path, or the variable
	const char *path; // NULL: text is in the environment
	const char *text;
	bool is_named; // by the user: must be there
};
struct sources {
	struct source *at;
	size_t len, cap;
};

static const char *env(const char *name)
{
	const char *value = getenv(name);

	return value && *value ? value : NULL;
}

static const char *docker_path(struct arena *a)
{
	if (env("DOCKER_CONFIG"))
		return arena_printf(a, "%s/config.json", env("DOCKER_CONFIG"));
	return env("HOME") ? arena_printf(a, "%s/.docker/config.json", env("HOME")) : NULL;
}

static void add_file(struct sources *s, struct arena *a, const char *path, bool is_named)
{
	if (path)
		vec_push(a, s, (struct source){path, path, NULL, is_named});
}

static struct sources list_sources(const char *authfile, struct arena *a)
{
	const char *config = env("XDG_CONFIG_HOME"), *home = env("HOME");
	struct sources s = {0};

	if (authfile)
		add_file(&s, a, authfile, true);
	else
		add_file(&s, a, env("REGISTRY_AUTH_FILE"), false);
	if (env("DOCKER_AUTH_CONFIG"))
		vec_push(a, &s,
			(struct source){
				"DOCKER_AUTH_CONFIG", NULL, env("DOCKER_AUTH_CONFIG"), false});
	if (env("XDG_RUNTIME_DIR"))
		add_file(&s, a, arena_printf(a, "%s/containers/auth.json", env("XDG_RUNTIME_DIR")),
			false);
	if (config || home)
		add_file(&s, a,
			config ? arena_printf(a, "%s/containers/auth.json", config)
			       : arena_printf(a, "%s/.config/containers/auth.json", home),
			false);
	add_file(&s, a, docker_path(a), false);
	return s;
}

// What a shell's <(command) gives, which has no size.
static struct err *read_pipe(int fd, const char *path, struct buffer *out)
{
	char bytes[4096];
	ssize_t n;

	if (fcntl(fd, F_SETFL, 0)) // from here on it may wait for the writer
		return err_sys(errno, "%s", path);
	while ((n = read(fd, bytes, sizeof(bytes))) != 0) {
		if (n < 0 && errno != EINTR)
			return err_sys(errno, "%s", path);
		if (n > 0)
			TRY(sink_write(&out->sink, bytes, (size_t)n));
	}
	explicit_bzero(bytes, sizeof(bytes));
	return NULL;
}

static struct err *read_text(const char *path, struct buffer *out)
{
	drop(fd_drop) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat st;

	if (fd < 0 || fstat(fd, &st))
		return err_sys(errno, "%s", path);
	if (!S_ISREG(st.st_mode) && !S_ISFIFO(st.st_mode))
		return err_new(ERR_FAILED, "%s is not a file", path);
	if (st.st_size > FILE_MAX)
		return err_new(ERR_FAILED, "%s is larger than %u bytes", path, FILE_MAX);
	buffer_init(out, FILE_MAX, path);
	return S_ISREG(st.st_mode) ? sink_copy_fd(&out->sink, fd, 0, (uint64_t)st.st_size, path)
				   : read_pipe(fd, path, out);
}

// *out is NULL where the file is not there. An empty file is an empty object.
static struct err *load(const struct source *s, json_t **out)
{
	drop(buffer_drop) struct buffer text = {0};
	const char *bytes = s->text ? s->text : "";

	*out = NULL;
	if (s->path) {
		struct err *e = read_text(s->path, &text);

		if (e && !s->is_named && (err_number(e) == ENOENT || err_number(e) == ENOTDIR)) {
			err_drop(&e);
			return NULL;
		}
		if (e)
			return e;
		bytes = text.bytes;
	}
	if (!bytes[strspn(bytes, " \t\r\n")])
		bytes = "{}";
	struct err *e =
		json_parse((struct span){(const uint8_t *)bytes, strlen(bytes)}, s->name, out);

	if (e) {
		err_drop(&e); // jansson quotes what it stumbled over, which may be a secret
		return err_new(ERR_FAILED, "%s is not valid JSON", s->name);
	}
	if (json_is_object(*out))
		return NULL;
	json_drop(out);
	return err_new(ERR_FAILED, "%s is no JSON object", s->name);
}

// ---- keys

static bool is_hub_name(const char *s, size_t n)
{
	static const char *const names[] = {
		HUB, "index.docker.io", "registry-1.docker.io", "registry.hub.docker.com"};

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (strlen(names[i]) == n && !memcmp(names[i], s, n))
			return true;
	return false;
}

// What stands behind the host in keys that mean all of it.
static bool is_whole_host(const char *path)
{
	return !*path || !strcmp(path, "v1") || !strcmp(path, "v1/") || !strcmp(path, "v2") ||
		!strcmp(path, "v2/");
}

// How much of "host/repository" a key covers, 0 for none. "https://host/v1/" covers the host,
// "host/team" a part of it (containers-auth.json(5)).
static size_t covers(const char *key, const char *host, const char *repository)
{
	const char *p = key;

	if (!strncmp(p, "http://", 7))
		p += 7;
	else if (!strncmp(p, "https://", 8))
		p += 8;
	const size_t n = strcspn(p, "/");
	const bool is_host = (strlen(host) == n && !memcmp(p, host, n)) ||
		(!strcmp(host, HUB) && is_hub_name(p, n));

	if (!is_host)
		return 0;
	p += n;
	p += *p == '/';
	const size_t m = strlen(p);

	if (is_whole_host(p))
		return 1;
	if (!repository || strncmp(repository, p, m) || (repository[m] && repository[m] != '/'))
		return 0;
	return 1 + m;
}

// The value under the key that covers most of it.
static json_t *best(json_t *object, const char *host, const char *repository)
{
	size_t most = 0;
	json_t *value, *found = NULL;
	const char *key;

	json_object_foreach(object, key, value)
	{
		const size_t n = covers(key, host, repository);

		if (n > most) {
			most = n;
			found = value;
		}
	}
	return found;
}

static const char *member(json_t *j, const char *name)
{
	const char *text = json_string_value(json_object_get(j, name));

	return text && *text ? text : NULL;
}

// ---- reading

// Text has "user:password" in base64 and may end in NUL bytes, as Docker once wrote them.
static bool decode(const char *text, struct arena *a, struct creds *out)
{
	const size_t n = strlen(text);
	char *plain = arena_alloc(a, n + 4);

	if (n % 4 || n > (64 << 10) ||
		EVP_DecodeBlock((unsigned char *)plain, (const unsigned char *)text, (int)n) < 0)
		return false;
	const size_t padding = n > 1 ? (text[n - 1] == '=') + (text[n - 2] == '=') : 0;

	plain[n / 4 * 3 - padding] = '\0';
	char *colon = strchr(plain, ':');

	if (!colon)
		return false;
	*colon = '\0';
	out->username = plain;
	out->password = colon + 1;
	return true;
}

static bool from_entry(json_t *entry, const char *source, struct arena *a, struct creds *out)
{
	const char *auth = member(entry, "auth"), *user = member(entry, "username");
	const char *password = member(entry, "password");
	const char *identity = member(entry, "identitytoken");
	const char *token = member(entry, "registrytoken");
	struct creds c = {.source = source, .problem = out->problem};

	if (auth && !decode(auth, a, &c))
		out->problem = c.problem = arena_printf(a, "%s: a malformed \"auth\"", source);
	if (!c.username && user && password) {
		c.username = arena_strdup(a, user);
		c.password = arena_strdup(a, password);
	}
	if (identity)
		c.identity_token = arena_strdup(a, identity);
	if (token)
		c.registry_token = arena_strdup(a, token);
	if (!c.username && !identity && !token)
		return false;
	*out = c;
	return true;
}

static struct err *read_answer(
	const struct buffer *text, const char *source, struct arena *a, struct creds *out)
{
	drop(json_drop) json_t *j = NULL;
	struct err *e =
		json_parse((struct span){(const uint8_t *)text->bytes, text->len}, source, &j);

	err_drop(&e);
	const char *user = member(j, "Username"), *secret = member(j, "Secret");

	if (!user || !secret)
		return err_new(ERR_AUTH, "%s gave no credentials", source);
	out->source = source;
	if (!strcmp(user, "<token>")) {
		out->identity_token = arena_strdup(a, secret);
		return NULL;
	}
	out->username = arena_strdup(a, user);
	out->password = arena_strdup(a, secret);
	return NULL;
}

// True where the helper knew; what fails becomes out->problem.
static bool from_helper(const char *helper, const char *server, struct arena *a, struct creds *out)
{
	drop(buffer_drop) struct buffer answer = {0};
	bool found = false;
	struct err *e = helper_run(helper, "get", server, &answer, &found);

	if (!e && found)
		e = read_answer(&answer, arena_printf(a, "docker-credential-%s", helper), a, out);
	if (e)
		out->problem = arena_strdup(a, err_text(e));
	found = found && !e;
	err_drop(&e);
	return found;
}

static bool ask_helper(const char *helper, const char *host, struct arena *a, struct creds *out)
{
	if (!helper)
		return false;
	if (strcmp(host, HUB))
		return from_helper(helper, host, a, out);
	return from_helper(helper, HUB_KEY, a, out) ||
		(!out->problem && from_helper(helper, HUB, a, out));
}

static bool from_source(json_t *j, const struct source *s, const char *host, const char *repository,
	struct arena *a, struct creds *out)
{
	const char *helper = json_string_value(best(json_object_get(j, "credHelpers"), host, NULL));
	json_t *entry = best(json_object_get(j, "auths"), host, repository);

	if (ask_helper(helper ?: member(j, "credsStore"), host, a, out))
		return true;
	return entry && from_entry(entry, s->name, a, out);
}

static struct err *from_option(const char *given, struct arena *a, struct creds *out)
{
	const char *colon = strchr(given, ':');

	if (!colon || colon == given)
		return err_new(ERR_USAGE, "--creds is not USER:PASSWORD");
	out->username = arena_strndup(a, given, (size_t)(colon - given));
	out->password = arena_strdup(a, colon + 1);
	out->source = "--creds";
	return NULL;
}

static bool names_helper(const struct source *s)
{
	drop(json_drop) json_t *j = NULL;
	struct stat st;

	if (s->path && stat(s->path, &st) == 0 && !S_ISREG(st.st_mode))
		return true;
	drop(err_drop) struct err *e = load(s, &j);

	return !e &&
		(member(j, "credsStore") || json_object_size(json_object_get(j, "credHelpers")));
}

bool creds_may_start(const char *given, const char *authfile)
{
	drop(arena_drop) struct arena a = {0};
	const struct sources all = list_sources(authfile, &a);
	bool found = false;

	for (size_t i = 0; !given && !found && i < all.len; i++)
		found = names_helper(&all.at[i]);
	return found;
}

struct err *creds_find(const char *host, const char *repository, const char *given,
	const char *authfile, struct arena *a, struct creds *out)
{
	*out = (struct creds){0};
	if (given)
		return from_option(given, a, out);
	const struct sources all = list_sources(authfile, a);

	vec_each (s, &all) {
		drop(json_drop) json_t *j = NULL;
		struct err *e = load(s, &j);

		if (e && s->is_named)
			return e;
		if (e) {
			out->problem = arena_strdup(a, err_text(e));
			err_drop(&e);
			continue;
		}
		if (j && from_source(j, s, host, repository, a, out))
			return NULL;
	}
	return NULL;
}

// ---- writing

static bool holds(json_t *j, const char *host)
{
	return best(json_object_get(j, "auths"), host, NULL) ||
		best(json_object_get(j, "credHelpers"), host, NULL);
}

// Where login's result goes: what is read first and knows the host already, else Docker's file.
static struct err *choose(
	const struct sources *all, const char *host, struct arena *a, const char **out)
{
	const char *docker = docker_path(a);

	*out = NULL;
	vec_each (s, all) {
		drop(json_drop) json_t *j = NULL;

		if (s == all->at && s->path && (s->is_named || env("REGISTRY_AUTH_FILE"))) {
			*out = s->path;
			return NULL;
		}
		TRY(load(s, &j));
		if (!j || !holds(j, host))
			continue;
		if (!s->path)
			return err_hint(
				err_new(ERR_FAILED, "%s holds credentials for %s and goes first",
					s->name, host),
				"unset %s", s->name);
		*out = s->path;
		return NULL;
	}
	if (!docker)
		return err_new(ERR_FAILED, "neither DOCKER_CONFIG nor HOME is set");
	*out = docker;
	return NULL;
}

static void make_parent(const char *path)
{
	const char *slash = strrchr(path, '/');

	if (!slash || slash == path)
		return;
	drop(mem_drop) char *dir = str_printf("%.*s", (int)(slash - path), path);

	if (mkdir(dir, 0700) && errno == ENOENT) {
		make_parent(dir);
		(void)mkdir(dir, 0700); // what fails shows when the file is opened
	}
}

static struct err *save(const char *path, json_t *j)
{
	drop(file_out_drop) struct file_out *f = NULL;
	// Whoever keeps it elsewhere and links to it shall keep the link.
	drop(mem_drop) char *real = realpath(path, NULL);
	drop(mem_drop) char *text = json_dumps(j, JSON_INDENT(2));

	if (!text)
		return err_new(ERR_FAILED, "%s cannot be written as JSON", path);
	make_parent(path);
	TRY(file_out_open(real ?: path, 0600, &f));
	TRY(sink_write(file_out_sink(f), text, strlen(text)));
	TRY(sink_write(file_out_sink(f), "\n", 1));
	return file_out_commit(f);
}

// Every key that stands for the whole host.
static bool remove_keys(json_t *auths, const char *host)
{
	bool any = false;
	json_t *value;
	const char *key;
	void *next;

	json_object_foreach_safe(auths, next, key, value)
	{
		if (covers(key, host, NULL) != 1)
			continue;
		json_object_del(auths, key);
		any = true;
	}
	return any;
}

static const char *server_of(const char *host)
{
	return strcmp(host, HUB) ? host : HUB_KEY;
}

static struct err *store_in_helper(
	const char *helper, const char *host, const char *user, const char *password)
{
	drop(json_drop) json_t *j = json_pack("{s:s,s:s,s:s}", "ServerURL", server_of(host),
		"Username", user, "Secret", password);
	drop(buffer_drop) struct buffer answer = {0};
	drop(mem_drop) char *text = j ? json_dumps(j, JSON_COMPACT) : NULL;
	bool done;

	if (!text)
		return err_new(ERR_USAGE, "user or password is not UTF-8");
	struct err *e = helper_run(helper, "store", text, &answer, &done);

	explicit_bzero(text, strlen(text));
	if (!e && !done)
		e = err_new(ERR_AUTH, "docker-credential-%s did not store them", helper);
	return e;
}

static struct err *store_in_file(
	json_t *j, const char *path, const char *host, const char *user, const char *password)
{
	drop(mem_drop) char *plain = str_printf("%s:%s", user, password);
	const size_t n = strlen(plain);
	drop(mem_drop) char *encoded = mem_alloc(n * 4 / 3 + 8);
	const char *base = strrchr(path, '/') ?: path;
	const bool is_docker = !strcmp(base, "/config.json") || !strcmp(base, "config.json");
	json_t *auths = json_object_get(j, "auths");

	if (n > (48 << 10))
		return err_new(ERR_USAGE, "user and password are too long");
	EVP_EncodeBlock((unsigned char *)encoded, (const unsigned char *)plain, (int)n);
	if (!json_is_object(auths)) {
		json_object_set_new(j, "auths", json_object());
		auths = json_object_get(j, "auths");
	}
	remove_keys(auths, host);
	json_object_set_new(
		auths, is_docker ? server_of(host) : host, json_pack("{s:s}", "auth", encoded));
	explicit_bzero(plain, n);
	return save(path, j);
}

struct err *creds_store(const char *host, const char *username, const char *password,
	const char *authfile, struct arena *a, const char **where)
{
	const struct sources all = list_sources(authfile, a);
	drop(json_drop) json_t *j = NULL;
	const char *path, *helper;

	TRY(choose(&all, host, a, &path));
	TRY(load(&(struct source){.name = path, .path = path}, &j));
	if (!j)
		j = json_object();
	helper = json_string_value(best(json_object_get(j, "credHelpers"), host, NULL))
		?: member(j, "credsStore");
	if (helper) {
		*where = arena_printf(a, "docker-credential-%s", helper);
		return store_in_helper(helper, host, username, password);
	}
	*where = path;
	return store_in_file(j, path, host, username, password);
}

static struct err *erase_in(
	const struct source *s, const char *host, struct arena *a, const char **where)
{
	drop(json_drop) json_t *j = NULL;
	drop(buffer_drop) struct buffer answer = {0};
	bool done = false;

	TRY(load(s, &j));
	const char *helper = json_string_value(best(json_object_get(j, "credHelpers"), host, NULL))
		?: member(j, "credsStore");

	if (helper)
		TRY(helper_run(helper, "erase", server_of(host), &answer, &done));
	if (done)
		*where = arena_printf(a, "docker-credential-%s", helper);
	if (!remove_keys(json_object_get(j, "auths"), host))
		return NULL;
	*where = s->path;
	return save(s->path, j);
}

// What cannot be read logs nobody in.
static bool is_held_by(const struct source *s, const char *host)
{
	drop(json_drop) json_t *j = NULL;
	drop(err_drop) struct err *e = load(s, &j);

	return !e && j && holds(j, host);
}

struct err *creds_erase(const char *host, const char *authfile, struct arena *a, const char **where,
	const char **left)
{
	const struct sources all = list_sources(authfile, a);

	*where = *left = NULL;
	vec_each (s, &all)
		if (s->path)
			TRY(erase_in(&(struct source){.name = s->path, .path = s->path}, host, a,
				where));
		else if (is_held_by(s, host))
			*left = s->name;
	return NULL;
}

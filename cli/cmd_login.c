// imgmin login, imgmin logout: who we are to a registry.
#include <string.h>
#include <unistd.h>

#include "base/sink.h"
#include "cli/prompt.h"
#include "cli/registry_opts.h"
#include "cli/show.h"
#include "cli/show_registry.h"
#include "registry/creds.h"

#define PASSWORD_MAX (64u << 10)

struct login_args {
	struct strings hosts;
	const char *username;
	const char *password; // only to be refused
	bool password_stdin;
	struct registry_args registry;
};

// The host of "HOST", "https://HOST/v1/"; Docker Hub where none is named.
static struct err *take_host(const struct strings *hosts, struct ref *out)
{
	const char *text = hosts->len ? hosts->at[0] : "docker.io", *scheme = strstr(text, "://");

	if (scheme)
		text = scheme + 3;
	size_t n = strcspn(text, "/");
	drop(mem_drop) char *name = str_printf("%.*s/x", (int)(n < 300 ? n : 300), text);

	TRY_AS(ref_parse(name, out), "%s", text);
	if (strcmp(out->repository, "x") != 0 && strcmp(out->repository, "library/x") != 0)
		return err_hint(err_new(ERR_USAGE, "%s is no registry's name", text),
			"it is localhost, or has a '.' or a port: %.*s:5000", (int)n, text);
	if (strcmp(out->host, "index.docker.io") == 0 ||
		strcmp(out->host, "registry-1.docker.io") == 0)
		strcpy(out->host, "docker.io");
	return NULL;
}

// Everything that stdin holds, one line end at its end aside.
static struct err *read_password(struct arena *a, const char **out)
{
	char bytes[4096];
	drop(buffer_drop) struct buffer b = {0};
	ssize_t n;

	buffer_init(&b, PASSWORD_MAX, "password");
	while ((n = read(STDIN_FILENO, bytes, sizeof(bytes))) > 0)
		TRY(sink_write(&b.sink, bytes, (size_t)n));
	explicit_bzero(bytes, sizeof(bytes));
	size_t len = b.len;

	if (len && b.bytes[len - 1] == '\n')
		len--;
	if (len && b.bytes[len - 1] == '\r')
		len--;
	if (!len || memchr(b.bytes, 0, len))
		return err_new(ERR_USAGE, "--password-stdin: stdin holds no password");
	*out = arena_strndup(a, b.bytes, len);
	explicit_bzero(b.bytes, b.len);
	return NULL;
}

static const char from_a_script[] = "imgmin login -u USER --password-stdin <FILE";

static struct err *ask_for(const struct login_args *args, const char *host, struct arena *a,
	const char **username, const char **password)
{
	if (args->password)
		return err_hint(err_new(ERR_USAGE,
					"--password: others read it in the process list "
					"and the shell's history"),
			"%s", from_a_script);
	*username = args->username;
	if (!*username && args->password_stdin)
		return err_hint(err_new(ERR_USAGE, "--password-stdin needs --username"), "%s",
			from_a_script);
	if (!*username) {
		struct err *e =
			prompt(arena_printf(a, "Username for %s: ", host), true, a, username);

		if (e)
			return err_hint(err_wrap(e, "--username"), "%s", from_a_script);
	}
	if (!**username || strchr(*username, ':'))
		return err_new(ERR_USAGE, "--username: it is not empty and has no colon");
	if (args->password_stdin)
		return read_password(a, password);
	struct err *e = prompt("Password: ", false, a, password);

	return e ? err_hint(err_wrap(e, "password"), "--password-stdin takes it from a pipe")
		 : NULL;
}

static struct err *login_run(void *args, const struct common_args *common)
{
	drop(arena_drop) struct arena a = {0};
	drop(places_drop) struct places places = {0};
	const struct registry_events events = show_registry(common);
	const struct login_args *login = args;
	const char *username = NULL, *password = NULL, *where = NULL;
	struct ref ref;

	TRY(places_open(&login->registry, &events, &places));
	TRY(take_host(&login->hosts, &ref));
	TRY(ask_for(login, ref.host, &a, &username, &password));
	places.registry.creds = arena_printf(&a, "%s:%s", username, password);
	struct err *e = registry_ping(&ref, &places.registry, &events);

	if (e && err_kind(e) == ERR_AUTH) {
		err_drop(&e);
		e = err_new(ERR_AUTH, "%s does not take this user name and password", ref.host);
	}
	TRY(e);
	TRY(creds_store(ref.host, username, password, login->registry.authfile, &a, &where));
	if (!common->quiet)
		show_note("logged in to %s as %s, kept in %s", ref.host, username, where);
	return NULL;
}

static struct err *logout_run(void *args, const struct common_args *common)
{
	drop(arena_drop) struct arena a = {0};
	const struct login_args *login = args;
	const char *where = NULL, *left = NULL;
	struct ref ref;

	TRY(take_host(&login->hosts, &ref));
	TRY(creds_erase(ref.host, login->registry.authfile, &a, &where, &left));
	if (common->quiet)
		return NULL;
	if (where)
		show_note("logged out of %s, taken out of %s", ref.host, where);
	else if (!left)
		show_note("nobody was logged in to %s", ref.host);
	if (left)
		show_warning("%s still holds credentials for %s: unset it", left, ref.host);
	return NULL;
}

#define AT(field) offsetof(struct login_args, field)

static const struct opt login_opts[] = {
	OPT("username", 'u', OPT_TEXT, AT(username), "USER", "who; asked for on the terminal"),
	// docker login's; hidden, for the answer that it gets.
	{.name = "password",
		.letter = 'p',
		.kind = OPT_SECRET,
		.offset = AT(password),
		.value = "PASSWORD"},
	OPT("password-stdin", 0, OPT_FLAG, AT(password_stdin), NULL,
		"the password is what stdin holds; else it is asked for"),
	REGISTRY_OPTS_OF_LOGIN(AT(registry)),
	{0},
};

static const struct opt logout_opts[] = {
	REGISTRY_OPT_AUTHFILE(AT(registry)),
	{0},
};

static const struct login_args login_defaults = {.registry = REGISTRY_DEFAULTS};

const struct command command_login = {
	.name = "login",
	.synopsis = "[OPTIONS] [HOST]",
	.summary = "Keep credentials for a registry",
	.details =
		"They are tried at the registry first, Docker Hub where no HOST is named, and then "
		"given to the credential helper that is configured, else written to the file in which "
		"the next command will look first.",
	.opts = login_opts,
	.args_size = sizeof(struct login_args),
	.defaults = &login_defaults,
	.positional_offset = AT(hosts),
	.min_positional = 0,
	.max_positional = 1,
	.run = login_run,
};

const struct command command_logout = {
	.name = "logout",
	.synopsis = "[OPTIONS] [HOST]",
	.summary = "Forget the credentials for a registry",
	.details = "They are taken out of every file and credential helper that holds them.",
	.opts = logout_opts,
	.args_size = sizeof(struct login_args),
	.defaults = &login_defaults,
	.positional_offset = AT(hosts),
	.min_positional = 0,
	.max_positional = 1,
	.run = logout_run,
};

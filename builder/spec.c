#include "builder/spec.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/root.h"
#include "builder/place.h"
#include "registry/ref.h"

// ---- words ----

static const char blanks[] = " \t\n\v\f\r";

static struct err *json_words(
	const char *text, struct arena *a, struct strings *out, const char *what)
{
	drop(json_drop) json_t *list = NULL;
	struct err *e = json_parse((struct span){(const uint8_t *)text, strlen(text)}, what, &list);
	size_t i;
	json_t *word;

	if (e) {
		struct err *wrong = err_new(ERR_USAGE, "%s", err_text(e));

		err_drop(&e);
		return wrong;
	}
	if (!json_is_array(list))
		return err_new(ERR_USAGE, "%s: not an array", what);
	json_array_foreach(list, i, word)
	{
		if (!json_is_string(word))
			return err_new(ERR_USAGE, "%s: element %zu is no text", what, i + 1);
		vec_push(a, out, arena_strdup(a, json_string_value(word)));
	}
	return NULL;
}

// One word at *at, quotes and backslashes taken as sh(1) does; nothing is expanded.
static struct err *shell_word(const char **at, char *word, const char *what)
{
	char quote = 0;
	const char *p = *at;

	for (; *p && (quote || !strchr(blanks, *p)); p++) {
		if (quote && *p == quote) {
			quote = 0;
		} else if (!quote && (*p == '\'' || *p == '"')) {
			quote = *p;
		} else if (*p == '\\' && !p[1]) {
			return err_new(ERR_USAGE, "%s: a backslash at the end", what);
		} else if (*p == '\\' && (!quote || (quote == '"' && strchr("$`\"\\\n", p[1])))) {
			*word++ = *++p;
		} else {
			*word++ = *p;
		}
	}
	if (quote)
		return err_new(ERR_USAGE, "%s: a quote is not closed", what);
	*word = 0;
	*at = p;
	return NULL;
}

struct err *words_parse(const char *text, struct arena *a, struct strings *out, const char *what)
{
	const char *p = text + strspn(text, blanks);

	*out = (struct strings){0};
	if (*p == '[')
		return json_words(p, a, out, what);
	while (*p) {
		char *word = arena_alloc(a, strlen(p) + 1);

		TRY(shell_word(&p, word, what));
		vec_push(a, out, word);
		p += strspn(p, blanks);
	}
	return NULL;
}

// ---- single options ----

static struct err *pairs(
	const struct strings *texts, const char *option, struct arena *a, struct json_dict *out)
{
	struct map places = {0};

	for (size_t i = 0; i < texts->len; i++) {
		const char *equals = strchr(texts->at[i], '=');

		if (!equals || equals == texts->at[i])
			return err_new(ERR_USAGE, "--%s %s: not NAME=VALUE", option, texts->at[i]);
		dict_put(out, &places, a,
			arena_strndup(a, texts->at[i], (size_t)(equals - texts->at[i])),
			equals + 1);
	}
	return NULL;
}

// NAME=VALUE, or NAME with the value it has here. The last of one name counts; PATH is always
// there.
static struct err *take_env(const struct build_args *args, struct arena *a, struct spec *s)
{
	static const char path[] =
		"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
	struct json_dict all = {0};
	struct map places = {0};

	for (size_t i = 0; i < args->env.len; i++) {
		const char *text = args->env.at[i], *equals = strchr(text, '=');
		const char *value = equals ? equals + 1 : getenv(text);

		if (equals == text || !text[0])
			return err_new(ERR_USAGE, "--env %s: not NAME=VALUE", text);
		if (!value)
			return err_new(ERR_USAGE, "--env %s: not set here; give NAME=VALUE", text);
		dict_put(&all, &places, a,
			equals ? arena_strndup(a, text, (size_t)(equals - text)) : text, value);
	}
	if (!dict_get(&all, "PATH"))
		vec_push(a, &s->container.config.env, path);
	for (size_t i = 0; i < all.len; i++)
		vec_push(a, &s->container.config.env,
			arena_printf(a, "%s=%s", all.at[i].name, all.at[i].value));
	container_read(&s->container, a);
	return NULL;
}

static struct err *take_expose(const struct build_args *args, struct arena *a, struct spec *s)
{
	for (size_t i = 0; i < args->expose.len; i++) {
		const char *text = args->expose.at[i];
		char *end;
		long port = strtol(text, &end, 10);

		if (port < 1 || port > 65535 || end == text || !isdigit((unsigned char)text[0]) ||
			(*end && strcmp(end, "/tcp") != 0 && strcmp(end, "/udp") != 0 &&
				strcmp(end, "/sctp") != 0))
			return err_new(ERR_USAGE, "--expose %s: not PORT[/tcp|/udp|/sctp]", text);
		vec_push(a, &s->container.config.exposed_ports,
			arena_printf(a, "%ld%s", port, *end ? end : "/tcp"));
	}
	return NULL;
}

static struct err *absolute_path(const char *option, const char *path)
{
	return path[0] == '/' ? NULL
			      : err_new(ERR_USAGE, "--%s %s: not an absolute path", option, path);
}

static struct err *take_add(const char *text, struct arena *a, struct spec *s)
{
	const char *colon = strchr(text, ':'), *second = colon ? strchr(colon + 1, ':') : NULL;
	struct added_file add = {0};

	if (!colon || colon == text || !colon[1])
		return err_new(ERR_USAGE, "--add %s: not SRC:DST[:MODE]", text);
	add.source = arena_strndup(a, text, (size_t)(colon - text));
	add.path = second ? arena_strndup(a, colon + 1, (size_t)(second - colon - 1)) : colon + 1;
	if (second) {
		char *end;
		unsigned long mode = strtoul(second + 1, &end, 8);

		if (end == second + 1 || *end || mode > 07777 || !mode)
			return err_new(
				ERR_USAGE, "--add %s: mode %s is not octal", text, second + 1);
		add.mode = (mode_t)mode;
	}
	if (add.path[0] != '/')
		return err_new(ERR_USAGE, "--add %s: %s is not an absolute path", text, add.path);
	vec_push(a, &s->adds, add);
	return NULL;
}

// What a document cannot hold as it is would come out as something else.
static struct err *check_text(const char *option, const char *text)
{
	return !text || json_is_text(text)
		? NULL
		: err_new(ERR_USAGE, "--%s %s: not UTF-8, which a JSON document cannot hold",
			  option, text);
}

static struct err *check_texts(const char *option, const struct strings *texts)
{
	for (size_t i = 0; i < texts->len; i++)
		TRY(check_text(option, texts->at[i]));
	return NULL;
}

// The names that Docker and podman know (moby/sys/signal, signal_linux.go).
static const char *const signals[] = {"ABRT", "ALRM", "BUS", "CHLD", "CLD", "CONT", "FPE", "HUP",
	"ILL", "INT", "IO", "IOT", "KILL", "PIPE", "POLL", "PROF", "PWR", "QUIT", "RTMAX", "RTMIN",
	"SEGV", "STKFLT", "STOP", "SYS", "TERM", "TRAP", "TSTP", "TTIN", "TTOU", "URG", "USR1",
	"USR2", "VTALRM", "WINCH", "XCPU", "XFSZ"};

// Digits alone, at most `max`.
static bool is_number_to(const char *s, unsigned long max)
{
	char *end;

	errno = 0;
	return isdigit((unsigned char)*s) && strtoul(s, &end, 10) <= max && !*end && !errno;
}

static bool is_signal(const char *name)
{
	if (is_number_to(name, 64))
		return strtoul(name, NULL, 10) > 0;
	if (strncasecmp(name, "SIG", 3) == 0)
		name += 3;
	// RTMIN+1 to RTMIN+15, RTMAX-1 to RTMAX-14
	if (strncasecmp(name, "RTMIN+", 6) == 0)
		return is_number_to(name + 6, 15) && name[6] != '0';
	if (strncasecmp(name, "RTMAX-", 6) == 0)
		return is_number_to(name + 6, 14) && name[6] != '0';
	for (size_t i = 0; i < sizeof(signals) / sizeof(*signals); i++)
		if (strcasecmp(name, signals[i]) == 0)
			return true;
	return false;
}

// An engine would say so only when a container is to be stopped.
static struct err *check_signal(const char *name)
{
	return !name || is_signal(name)
		? NULL
		: err_hint(err_new(ERR_USAGE, "--stop-signal %s: no such signal", name),
			  "write it like SIGTERM, INT, SIGRTMIN+3 or 15");
}

#define ID_MAX 2147483647 // of a user or group (moby/sys/user, maxID)

// A name or number of n bytes: what passwd(5) can hold and engines read as one.
static bool is_account(const char *s, size_t n)
{
	char number[16];

	if (!n || strspn(s, "0123456789") < n) {
		for (size_t i = 0; i < n; i++)
			if (isspace((unsigned char)s[i]) || iscntrl((unsigned char)s[i]))
				return false;
		return n && s[0] != '-' && s[0] != '+';
	}
	if (n >= sizeof(number))
		return false;
	memcpy(number, s, n);
	number[n] = '\0';
	return is_number_to(number, ID_MAX);
}

static struct err *check_user(const char *user)
{
	const char *colon = user ? strchr(user, ':') : NULL;
	size_t n = !user ? 0 : colon ? (size_t)(colon - user) : strlen(user);

	if (!user ||
		(is_account(user, n) &&
			(!colon ||
				(!strchr(colon + 1, ':') &&
					is_account(colon + 1, strlen(colon + 1))))))
		return NULL;
	return err_hint(err_new(ERR_USAGE, "--user %s: not USER[:GROUP]", user),
		"names or numbers up to %d, such as 65534:65534", ID_MAX);
}

static struct err *check_config(const struct build_args *args, const struct runtime_config *c)
{
	TRY(check_text("entrypoint", args->entrypoint));
	TRY(check_text("cmd", args->cmd));
	TRY(check_texts("env", &c->env));
	TRY(check_texts("label", &args->labels));
	TRY(check_texts("annotation", &args->annotations));
	TRY(check_texts("volume", &c->volumes));
	TRY(check_text("user", c->user));
	TRY(check_user(c->user));
	TRY(check_text("workdir", c->working_dir));
	TRY(check_text("stop-signal", c->stop_signal));
	return check_signal(c->stop_signal);
}

static struct err *take_config(const struct build_args *args, struct arena *a, struct spec *s)
{
	struct runtime_config *c = &s->container.config;

	if (args->entrypoint)
		TRY(words_parse(args->entrypoint, a, &c->entrypoint, "--entrypoint"));
	if (args->cmd)
		TRY(words_parse(args->cmd, a, &c->cmd, "--cmd"));
	TRY(take_env(args, a, s));
	TRY(pairs(&args->labels, "label", a, &c->labels));
	TRY(pairs(&args->annotations, "annotation", a, &s->annotations));
	TRY(take_expose(args, a, s));
	for (size_t i = 0; i < args->volumes.len; i++) {
		TRY(absolute_path("volume", args->volumes.at[i]));
		vec_push(a, &c->volumes, args->volumes.at[i]);
	}
	if (args->workdir)
		TRY(absolute_path("workdir", args->workdir));
	c->user = args->user;
	c->working_dir = args->workdir;
	c->stop_signal = args->stop_signal;
	return check_config(args, c);
}

// ---- names ----

// The program's file name in lower case; what a repository's name cannot hold becomes '-'
// (distribution/reference: [a-z0-9]+ with single separators between).
static const char *default_name(const char *base, struct arena *a, bool *is_renamed)
{
	char *name = arena_strdup(a, base), *out = name;

	for (char *in = name; *in; in++) {
		char c = (char)tolower((unsigned char)*in);

		if (isalnum((unsigned char)c))
			*out++ = c;
		else if (out > name && isalnum((unsigned char)out[-1]) && in[1])
			*out++ = c == '.' || c == '_' ? c : '-';
	}
	while (out > name && !isalnum((unsigned char)out[-1]))
		out--;
	*out = 0;
	*is_renamed = strcmp(name, base) != 0;
	return *name ? name : "image";
}

const char *name_of_file(const char *place, struct arena *a)
{
	size_t n = strlen(place);
	bool is_renamed;

	while (n > 1 && place[n - 1] == '/')
		n--;
	const char *base = path_base(arena_strndup(a, place, n));

	return default_name(arena_strndup(a, base, strcspn(base, ".")), a, &is_renamed);
}

// A script's name says what it is written in; its image need not.
static const char *without_suffix(const char *name, struct arena *a)
{
	static const char *const suffixes[] = {".py", ".sh", ".pl", ".rb", ".lua", ".js"};
	size_t n = strlen(name);

	for (size_t i = 0; i < sizeof(suffixes) / sizeof(*suffixes); i++) {
		size_t m = strlen(suffixes[i]);

		if (n > m && strcmp(name + n - m, suffixes[i]) == 0)
			return arena_strndup(a, name, n - m);
	}
	return name;
}

// What a PATH is called: a folder's name without slashes behind it, that of "." as it really is.
static const char *name_of_path(const char *path, struct arena *a)
{
	char real[PATH_MAX];
	size_t n = strlen(path);

	while (n > 1 && path[n - 1] == '/')
		n--;
	const char *base = path_base(arena_strndup(a, path, n));

	if (strspn(base, ".") == strlen(base) && realpath(path, real))
		return arena_strdup(a, path_base(real));
	return base;
}

static struct err *take_names(const struct build_args *args, struct arena *a, struct spec *s)
{
	const char *path = args->paths.len ? args->paths.at[0] : "image";
	const char *own = default_name(without_suffix(name_of_path(path, a), a), a, &s->is_renamed);
	struct strings tags = args->tags;

	if (!tags.len && args->paths.len)
		vec_push(a, &tags, own);
	else
		s->is_renamed = false;
	for (size_t i = 0; i < tags.len; i++) {
		struct ref ref;

		TRY_AS(ref_parse(tags.at[i], &ref), "--tag %s", tags.at[i]);
		if (ref.digest[0])
			return err_new(ERR_USAGE,
				"--tag %s: a digest is what a build makes, not what it is told",
				tags.at[i]);
		vec_push(a, &s->tags, ref_full(&ref, a));
		vec_push(a, &s->tags_shown, ref_familiar(&ref, a));
		if (i == 0)
			s->name = arena_strdup(a, path_base(ref.repository));
	}
	return NULL;
}

static struct err *take_outputs(const struct build_args *args, struct arena *a, struct spec *s)
{
	struct ref ref;
	bool is_registry;

	if (args->push && !args->tags.len)
		return err_hint(err_new(ERR_USAGE, "--push needs to know where to"),
			"-t REGISTRY/NAME:TAG, or -t USER/NAME for Docker Hub");
	for (size_t i = 0; i < args->outputs.len; i++) {
		const char *place = args->outputs.at[i];

		TRY(place_is_registry(place, a, &is_registry, &ref));
		if (is_registry && strncmp(place, "docker://", 9) != 0)
			return err_hint(
				err_new(ERR_USAGE, "--output %s: a file or an image in a registry?",
					place),
				"a file is ./%s; -t %s --push sends it to a registry", place,
				place);
	}
	s->outputs = args->outputs;
	if (!s->outputs.len && !args->push && !args->load)
		vec_push(a, &s->outputs, arena_printf(a, "./%s.tar", s->name));
	return NULL;
}

static struct err *take_number(const char *what, const char *text, int64_t max, int64_t *out)
{
	char *end;

	errno = 0;
	long long n = strtoll(text, &end, 10);

	if (errno || end == text || *end || n < 0 || n > max)
		return err_new(ERR_USAGE, "%s %s: not a number from 0 to %lld", what, text,
			(long long)max);
	*out = n;
	return NULL;
}

// Docker's schema 2 knows neither zstd nor annotations.
static struct err *take_format(const struct build_args *args, struct spec *s)
{
	s->is_docker = args->format && strcmp(args->format, "docker") == 0;
	if (s->is_docker && strcmp(s->format->name, "zstd") == 0)
		return err_hint(err_new(ERR_USAGE, "--format docker has no zstd layers"),
			"leave --compression zstd or --format docker out");
	if (s->is_docker && args->annotations.len)
		return err_hint(err_new(ERR_USAGE, "--format docker has no annotations"),
			"--label stands in the config of both formats");
	return NULL;
}

static void take_strip(const struct build_args *args, struct spec *s)
{
	bool is_all = args->strip && strcmp(args->strip, "all") == 0;

	s->shrink.strip = args->no_strip ? STRIP_NONE : is_all ? STRIP_ALL : STRIP_SECTIONS;
	if (args->page_size)
		s->shrink.page_size = 1024 * strtoul(args->page_size, NULL, 10);
}

static struct err *take_layers(const struct build_args *args, struct spec *s)
{
	const char *epoch = getenv("SOURCE_DATE_EPOCH");
	int64_t level;

	s->layering = strcmp(args->layers, "single") == 0 ? LAYERS_SINGLE
		: strcmp(args->layers, "file") == 0       ? LAYERS_FILE
							  : LAYERS_STABLE;
	s->format = compress_find(args->compression);
	s->level = COMPRESS_AUTO;
	if (strcmp(args->compression_level, "auto") != 0) {
		TRY(take_number("--compression-level", args->compression_level, 22, &level));
		s->level = (int)level;
		if (level < s->format->level_min || level > s->format->level_max)
			return err_new(ERR_USAGE, "--compression-level %s: %s has levels %d to %d",
				args->compression_level, s->format->name, s->format->level_min,
				s->format->level_max);
	}
	if (args->source_date_epoch)
		return take_number("--source-date-epoch", args->source_date_epoch, 253402300799,
			&s->epoch); // the year 9999
	return epoch && *epoch ? take_number("SOURCE_DATE_EPOCH", epoch, 253402300799, &s->epoch)
			       : NULL;
}

struct err *spec_from_args(const struct build_args *args, struct arena *a, struct spec *out)
{
	*out = (struct spec){.args = args};
	if (args->platform) {
		TRY(platform_parse(args->platform, &out->platform));
		out->has_platform = true;
	}
	if (args->install) {
		size_t n = strlen(args->install);

		TRY(absolute_path("install", args->install));
		if (args->paths.len > 1 && args->install[n - 1] != '/')
			return err_hint(
				err_new(ERR_USAGE,
					"--install %s: several programs cannot have one path",
					args->install),
				"--install %s/", args->install);
	}
	for (size_t i = 0; i < args->exclude.len; i++)
		TRY(absolute_path("exclude", args->exclude.at[i]));
	for (size_t i = 0; i < args->include.len; i++)
		TRY(absolute_path("include", args->include.at[i]));
	for (size_t i = 0; i < args->keep.len; i++)
		TRY(absolute_path("keep", args->keep.at[i]));
	for (size_t i = 0; i < args->add.len; i++)
		TRY(take_add(args->add.at[i], a, out));
	TRY(take_names(args, a, out));
	TRY(take_outputs(args, a, out));
	TRY(take_config(args, a, out));
	TRY(take_layers(args, out));
	take_strip(args, out);
	return take_format(args, out);
}

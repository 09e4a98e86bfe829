#include "registry/daemon.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/json.h"
#include "oci/archive.h"
#include "registry/answer.h"
#include "registry/curl.h"

#define API_NEWEST "1.47"     // of those this was written for
#define ANSWER_MAX (1u << 20) // bytes of an answer that is no image
#define CONNECT_SECONDS 10L
#define QUESTION_SECONDS 60L // for an answer that needs no work

struct engine {
	const struct curl_table *curl;
	struct arena arena;
	const char *shown;  // "unix:///var/run/docker.sock", for messages
	const char *socket; // NULL: by TCP
	const char *base;   // "http://engine"
	const char *certs;  // directory with ca.pem, cert.pem and key.pem; NULL: no TLS
	const char *prefix; // "/v1.41"
	const char *load;   // "/v1.41/images/load"
	const char *os, *arch;
};

static void engine_drop(struct engine *e)
{
	arena_drop(&e->arena);
}

// ---- where it is ----

// The first socket there is: Docker's, that of a rootless Docker, balena-engine's.
static const char *find_socket(struct arena *a)
{
	const char *run = getenv("XDG_RUNTIME_DIR");
	const char *const places[] = {
		"/var/run/docker.sock",
		run && *run ? arena_printf(a, "%s/docker.sock", run) : "",
		"/var/run/balena-engine.sock",
		"/var/run/balena.sock",
	};

	for (size_t i = 0; i < sizeof(places) / sizeof(*places); i++)
		if (*places[i] && access(places[i], F_OK) == 0)
			return arena_printf(a, "unix://%s", places[i]);
	return arena_printf(a, "unix://%s", places[0]);
}

// What docker(1) makes of DOCKER_TLS_VERIFY and DOCKER_CERT_PATH.
static const char *find_certs(struct arena *a)
{
	const char *verify = getenv("DOCKER_TLS_VERIFY"), *dir = getenv("DOCKER_CERT_PATH");
	const char *home = getenv("HOME");

	if (!verify || !*verify)
		return NULL;
	return dir && *dir ? dir : arena_printf(a, "%s/.docker", home ? home : "");
}

bool daemon_is_remote(void)
{
	const char *host = getenv("DOCKER_HOST");

	return host && *host && strncmp(host, "unix://", 7) != 0;
}

static struct err *find_engine(struct engine *e)
{
	const char *host = getenv("DOCKER_HOST");

	e->shown = host && *host ? host : find_socket(&e->arena);
	if (strncmp(e->shown, "unix://", 7) == 0) {
		e->socket = e->shown + 7;
		e->base = "http://engine";
		return NULL;
	}
	if (strncmp(e->shown, "tcp://", 6) != 0)
		return err_hint(
			err_new(ERR_USAGE, "DOCKER_HOST is %s: not unix:// or tcp://", e->shown),
			"with ssh: ssh -L /tmp/docker.sock:/var/run/docker.sock HOST, then "
			"DOCKER_HOST=unix:///tmp/docker.sock");
	e->certs = find_certs(&e->arena);
	e->base = arena_printf(&e->arena, "%s://%s", e->certs ? "https" : "http", e->shown + 6);
	return NULL;
}

// ---- one question ----

struct call {
	const struct engine *engine;
	const char *path;
	curl_read_callback send; // NULL: GET, else POST of a tar as it comes
	void *send_arg;
	struct sink *to; // of what a 200 brings
	bool is_long;    // may take its time
	CURL *easy;
	struct buffer text; // of any other answer
	struct err *error;  // of `to`
	struct curl_slist *headers;
};

static size_t on_answer(char *bytes, size_t size, size_t n, void *arg)
{
	struct call *c = arg;
	long status = 0;

	n *= size;
	c->engine->curl->easy_getinfo(c->easy, CURLINFO_RESPONSE_CODE, &status);
	c->error = sink_write(status == 200 ? c->to : &c->text.sink, bytes, n);
	return c->error ? 0 : n;
}

static void set_up(struct call *c, const char *url)
{
	const struct curl_table *curl = c->engine->curl;
	const struct engine *e = c->engine;
	CURL *h = c->easy;

	curl->easy_setopt(h, CURLOPT_URL, url);
	curl->easy_setopt(h, CURLOPT_NOSIGNAL, 1L);
	curl->easy_setopt(h, CURLOPT_PROXY, "");
	curl->easy_setopt(h, CURLOPT_CONNECTTIMEOUT, CONNECT_SECONDS);
	curl->easy_setopt(h, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	curl->easy_setopt(h, CURLOPT_WRITEFUNCTION, on_answer);
	curl->easy_setopt(h, CURLOPT_WRITEDATA, c);
	if (!c->is_long)
		curl->easy_setopt(h, CURLOPT_TIMEOUT, QUESTION_SECONDS);
	if (e->socket)
		curl->easy_setopt(h, CURLOPT_UNIX_SOCKET_PATH, e->socket);
	if (!c->send)
		return;
	c->headers = curl->slist_append(c->headers, "Content-Type: application/x-tar");
	c->headers = curl->slist_append(c->headers, "Transfer-Encoding: chunked");
	c->headers = curl->slist_append(c->headers, "Expect:");
	curl->easy_setopt(h, CURLOPT_HTTPHEADER, c->headers);
	curl->easy_setopt(h, CURLOPT_POST, 1L);
	curl->easy_setopt(h, CURLOPT_READFUNCTION, c->send);
	curl->easy_setopt(h, CURLOPT_READDATA, c->send_arg);
}

static void set_up_tls(struct call *c, struct arena *a)
{
	const struct curl_table *curl = c->engine->curl;
	const char *dir = c->engine->certs;

	if (!dir)
		return;
	curl->easy_setopt(c->easy, CURLOPT_CAINFO, arena_printf(a, "%s/ca.pem", dir));
	curl->easy_setopt(c->easy, CURLOPT_SSLCERT, arena_printf(a, "%s/cert.pem", dir));
	curl->easy_setopt(c->easy, CURLOPT_SSLKEY, arena_printf(a, "%s/key.pem", dir));
}

static struct err *refused(const struct call *c, long status)
{
	drop(arena_drop) struct arena a = {0};
	const struct span text = {(const uint8_t *)c->text.bytes, c->text.len};
	const char *message = answer_engine_message(text, &a);

	return err_new(status == 401 || status == 403 ? ERR_AUTH : ERR_FAILED, "%s",
		message ? message : arena_printf(&a, "the engine answers with status %ld", status));
}

static struct err *no_answer(const struct call *c, CURLcode code)
{
	long number = 0;

	c->engine->curl->easy_getinfo(c->easy, CURLINFO_OS_ERRNO, &number);
	struct err *e = err_new(ERR_NETWORK, "%s", c->engine->curl->easy_strerror(code));

	if (code != CURLE_COULDNT_CONNECT)
		return e;
	if (number == EACCES)
		return err_hint(e, "may you write to the socket? Docker's belongs to group docker");
	return err_hint(e, "is the engine running? DOCKER_HOST says where it is");
}

static struct err *perform(struct call *c, struct arena *a)
{
	const struct curl_table *curl = c->engine->curl;
	const char *url = arena_printf(a, "%s%s", c->engine->base, c->path);
	long status = 0;

	c->easy = curl->easy_init();
	if (!c->easy)
		return err_new(ERR_FAILED, "libcurl has no memory");
	set_up(c, url);
	set_up_tls(c, a);
	CURLcode code = curl->easy_perform(c->easy);

	if (c->error)
		return take(c->error);
	curl->easy_getinfo(c->easy, CURLINFO_RESPONSE_CODE, &status);
	if (code && !status)
		return no_answer(c, code);
	if (status != 200)
		return refused(c, status);
	return code ? no_answer(c, code) : NULL;
}

static struct err *ask(struct call *c)
{
	drop(arena_drop) struct arena a = {0};

	buffer_init(&c->text, ANSWER_MAX, "answer");
	struct err *e = perform(c, &a);

	if (c->easy)
		c->engine->curl->easy_cleanup(c->easy);
	c->engine->curl->slist_free_all(c->headers);
	buffer_drop(&c->text);
	return e ? err_wrap(e, "%s", c->engine->shown) : NULL;
}

static struct err *ask_json(const struct engine *e, const char *path, json_t **out)
{
	drop(buffer_drop) struct buffer text = {0};
	struct call c = {.engine = e, .path = path, .to = &text.sink};

	buffer_init(&text, ANSWER_MAX, "answer");
	TRY(ask(&c));
	return json_parse((struct span){(const uint8_t *)text.bytes, text.len}, e->shown, out);
}

// ---- who it is ----

static const char *text_of(const json_t *j, const char *name, struct arena *a)
{
	const char *text = json_string_value(json_object_get(j, name));

	return arena_strdup(a, text ? text : "");
}

// The newest version of the API that both know; an engine that no longer speaks it gets its oldest.
static struct err *engine_open(struct engine *e)
{
	drop(json_drop) json_t *j = NULL;

	TRY(find_engine(e));
	TRY(curl_load(&e->curl));
	TRY(ask_json(e, "/version", &j));
	const char *version = text_of(j, "ApiVersion", &e->arena);
	const char *oldest = text_of(j, "MinAPIVersion", &e->arena);

	if (!*version || strspn(version, "0123456789.") != strlen(version) ||
		strspn(oldest, "0123456789.") != strlen(oldest))
		return err_new(ERR_FAILED, "%s: no container engine answers there", e->shown);
	if (strverscmp(version, API_NEWEST) > 0)
		version = strverscmp(oldest, API_NEWEST) > 0 ? oldest : API_NEWEST;
	e->prefix = arena_printf(&e->arena, "/v%s", version);
	e->load = arena_printf(&e->arena, "%s/images/load?quiet=1", e->prefix);
	e->os = text_of(j, "Os", &e->arena);
	e->arch = text_of(j, "Arch", &e->arena);
	return NULL;
}

// The variant is not in /version. The kernel's word may be aarch64 for an engine that is 32-bit.
static struct err *find_variant(struct engine *e, const char **out)
{
	drop(json_drop) json_t *j = NULL;

	TRY(ask_json(e, arena_printf(&e->arena, "%s/info", e->prefix), &j));
	const char *machine = text_of(j, "Architecture", &e->arena);

	*out = strncmp(machine, "armv5", 5) == 0    ? "/v5"
		: strncmp(machine, "armv6", 5) == 0 ? "/v6"
						    : "/v7";
	return NULL;
}

struct err *daemon_platform(struct platform *out)
{
	drop(engine_drop) struct engine e = {0};
	const char *variant = "";

	TRY(engine_open(&e));
	if (strcmp(e.arch, "arm") == 0)
		TRY(find_variant(&e, &variant));
	TRY_AS(platform_parse(arena_printf(&e.arena, "%s/%s%s", e.os, e.arch, variant), out), "%s",
		e.shown);
	return NULL;
}

// ---- to read ----

struct err *daemon_open(const struct ref *ref, struct transport **out)
{
	drop(engine_drop) struct engine e = {0};
	drop(fd_drop) int fd = -1;
	struct fd_sink file;

	TRY(engine_open(&e));
	TRY(spool_open(&fd));
	fd_sink_init(&file, fd, "temporary file");
	const char *name = ref_familiar(ref, &e.arena);
	struct call c = {
		.engine = &e,
		.path = arena_printf(&e.arena, "%s/images/%s/get", e.prefix, name),
		.to = &file.sink,
		.is_long = true,
	};

	TRY_AS(ask(&c), "docker-daemon:%s", name);
	TRY_AS(archive_open(arena_printf(&e.arena, "/proc/self/fd/%d", fd), out),
		"docker-daemon:%s", name);
	return NULL;
}

// ---- to write ----

struct daemon_out {
	struct transport transport;
	struct engine engine;
	struct transport *archive; // writes into a pipe …
	int pipe;                  // … whose other end is here
	pthread_t sender;
	bool is_sending;
	atomic_bool is_given_up; // the end of what comes is not the end of the archive
	struct buffer answer;
	struct err *error; // the sender's
};

static size_t on_read(char *to, size_t size, size_t n, void *arg)
{
	struct daemon_out *o = arg;
	ssize_t got;

	do
		got = read(o->pipe, to, size * n);
	while (got < 0 && errno == EINTR);
	return got < 0 || (got == 0 && o->is_given_up) ? CURL_READFUNC_ABORT : (size_t)got;
}

// Whatever the answer: who writes into the pipe from now on learns that nobody reads.
static void *send_archive(void *arg)
{
	struct daemon_out *o = arg;
	struct call c = {
		.engine = &o->engine,
		.path = o->engine.load,
		.send = on_read,
		.send_arg = o,
		.to = &o->answer.sink,
		.is_long = true,
	};

	o->error = ask(&c);
	fd_drop(&o->pipe);
	return NULL;
}

static struct err *read_answer(struct daemon_out *o)
{
	const struct span text = {(const uint8_t *)o->answer.bytes, o->answer.len};
	const char *why = answer_load_error(text, &o->engine.arena);

	return why ? err_new(ERR_FAILED, "%s: %s", o->engine.shown, why) : NULL;
}

static struct err *end_sending(struct daemon_out *o, bool give_up)
{
	o->is_given_up = give_up;
	transport_drop(&o->archive);
	if (!o->is_sending)
		return NULL;
	o->is_sending = false;
	pthread_join(o->sender, NULL);
	TRY(take(o->error));
	return give_up ? NULL : read_answer(o);
}

// A pipe that nobody reads any more: the engine has said why.
static struct err *sent(struct daemon_out *o, struct err *e)
{
	if (!e || err_number(e) != EPIPE)
		return e;
	struct err *why = end_sending(o, false);

	if (!why)
		return e;
	err_drop(&e);
	return why;
}

static struct err *gone(const struct daemon_out *o)
{
	return o->archive ? NULL : err_new(ERR_FAILED, "the connection has ended");
}

static struct err *out_has(struct transport *t, const struct descriptor *d, bool *out)
{
	struct daemon_out *o = (struct daemon_out *)t;

	TRY(gone(o));
	return transport_has(o->archive, d, out);
}

static struct err *out_put(struct transport *t, const struct descriptor *d, const struct blob *b)
{
	struct daemon_out *o = (struct daemon_out *)t;

	TRY(gone(o));
	return sent(o, transport_put(o->archive, d, b));
}

static struct err *out_put_document(
	struct transport *t, const struct descriptor *d, struct span bytes)
{
	struct daemon_out *o = (struct daemon_out *)t;

	TRY(gone(o));
	return sent(o, transport_put_document(o->archive, d, bytes));
}

static struct err *out_tag(
	struct transport *t, const struct descriptor *d, const struct strings *names)
{
	struct daemon_out *o = (struct daemon_out *)t;

	TRY(gone(o));
	return transport_tag(o->archive, d, names);
}

static struct err *out_commit(struct transport *t)
{
	struct daemon_out *o = (struct daemon_out *)t;

	TRY(gone(o));
	o->archive->preferred = t->preferred;
	TRY(sent(o, transport_commit(o->archive)));
	return end_sending(o, false);
}

static void out_close(struct transport *t)
{
	struct daemon_out *o = (struct daemon_out *)t;
	struct err *e = end_sending(o, true);

	err_drop(&e);
	fd_drop(&o->pipe);
	buffer_drop(&o->answer);
	engine_drop(&o->engine);
	mem_drop(&o);
}

static const struct transport_ops out_ops = {
	.has = out_has,
	.put = out_put,
	.put_document = out_put_document,
	.tag = out_tag,
	.commit = out_commit,
	.close = out_close,
};

static struct err *begin(struct daemon_out *o, int64_t epoch)
{
	int ends[2];

	TRY(engine_open(&o->engine));
	if (pipe2(ends, O_CLOEXEC))
		return err_sys(errno, "pipe");
	o->pipe = ends[0];
	drop(fd_drop) int write_end = ends[1];
	int failed = pthread_create(&o->sender, NULL, send_archive, o);

	if (failed)
		return err_sys(failed, "thread");
	o->is_sending = true;
	// The archive opens the pipe for itself; ours closes here.
	return sent(o,
		archive_create(arena_printf(&o->engine.arena, "/proc/self/fd/%d", write_end), epoch,
			&o->archive));
}

struct err *daemon_create(int64_t epoch, struct transport **out)
{
	struct daemon_out *o = mem_alloc(sizeof(*o));
	drop(transport_drop) struct transport *t = &o->transport;

	t->ops = &out_ops;
	t->name = "docker-daemon:";
	o->pipe = -1;
	buffer_init(&o->answer, ANSWER_MAX, "answer");
	TRY(begin(o, epoch));
	*out = take(t);
	return NULL;
}

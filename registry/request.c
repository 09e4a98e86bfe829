#include "registry/request.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>
#include <time.h>

#include "registry/answer.h"
#include "registry/auth.h"
#include "registry/creds.h"
#include "registry/curl.h"
#include "registry/headers.h"

enum { REDIRECTS_MAX = 10, BACKOFF_MAX = 20 };

#define DOCKER_HUB "docker.io"
#define DOCKER_HUB_API "registry-1.docker.io"

static bool proxy_is_set(void)
{
	static const char *const names[] = {
		"http_proxy", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"};

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		const char *value = getenv(names[i]);

		if (value && *value)
			return true;
	}
	return false;
}

// Certificates of the host of this URL, found once.
static struct err *tls_of(struct remote *r, const struct url *u, const struct tls_files **out)
{
	const bool is_base = !strcmp(u->host, r->base.host) && u->port == r->base.port;
	const char *host = is_base ? r->host
		: u->port == 443   ? u->host
				   : arena_printf(&r->arena, "%s:%d", u->host, u->port);

	vec_each (it, &r->tls)
		if (!strcmp((*it)->host, host)) {
			*out = *it;
			return NULL;
		}
	struct tls_files *t = arena_new(&r->arena, struct tls_files);
	struct err *e = tls_find(host, is_base ? r->o->cert_dir : NULL, &r->arena, t);

	vec_push(&r->arena, &r->tls, t);
	*out = t;
	return e;
}

static bool has_own_certificates(struct remote *r)
{
	const struct tls_files *t;
	struct err *e = tls_of(r, &r->base, &t);
	const bool yes = e || t->ca_fd >= 0 || t->cert;

	err_drop(&e);
	return yes;
}

static struct err *set_base(struct remote *r, const char *scheme)
{
	const char *host = strcmp(r->host, DOCKER_HUB) ? r->host : DOCKER_HUB_API;
	const char *text = arena_printf(&r->arena, "%s://%s/", scheme, host);

	TRY_AS(url_parse(text, &r->arena, &r->base), "registry %s", r->host);
	return NULL;
}

// Plain HTTP goes to this machine alone, unless the user says that certificates count for nothing.
static void choose_schemes(struct remote *r)
{
	if (r->address == ADDRESS_LOOPBACK && !has_own_certificates(r)) {
		r->schemes[0] = "http";
		r->schemes[1] = "https";
		return;
	}
	r->schemes[0] = "https";
	if (!r->o->tls_verify)
		r->schemes[1] = "http";
}

// "reg.example:5000" is a name on Docker Hub and a tag, and hardly meant to be.
static const char *doubt_about(const struct ref *ref, struct arena *a)
{
	const char *name = strrchr(ref->repository, '/'), *tag = ref->tag;
	const size_t digits = strspn(tag, "0123456789");

	if (strcmp(ref->host, DOCKER_HUB) || strncmp(ref->repository, "library/", 8) || !name ||
		digits < 2 || digits > 5 || tag[digits] || (digits < 4 && !strchr(name, '.')))
		return NULL;
	return arena_printf(
		a, "if %s:%s is a registry: %s:%s/NAME:TAG", name + 1, tag, name + 1, tag);
}

struct err *remote_open(struct remote *r, const struct ref *ref, const struct registry_options *o,
	const struct registry_events *events)
{
	*r = (struct remote){.o = o, .events = events};
	r->host = arena_strdup(&r->arena, ref->host);
	r->repository = arena_strdup(&r->arena, ref->repository);
	r->doubt = doubt_about(ref, &r->arena);
	TRY(http_open(&r->http));
	TRY(set_base(r, "https"));
	r->address = address_of_host(r->base.host);
	choose_schemes(r);
	TRY(set_base(r, r->schemes[0]));
	r->auth = auth_new(r);
	if (!o->tls_verify)
		remote_warn(r,
			arena_printf(
				&r->arena, "TLS certificates of %s are not verified", r->host));
	return NULL;
}

void remote_drop(struct remote *r)
{
	http_drop(&r->http);
	auth_drop(&r->auth);
	vec_each (it, &r->tls)
		tls_files_drop(*it);
	arena_drop(&r->arena);
}

void remote_warn(struct remote *r, const char *text)
{
	void **at = map_at(&r->warned, &r->arena, text);

	if (*at)
		return;
	*at = r;
	if (r->events && r->events->warning)
		r->events->warning(r->events->arg, text);
}

static int64_t backoff(const struct remote *r, int n)
{
	const double first = r->o->retry_delay > 0 ? r->o->retry_delay : 0.5;
	double seconds = first * (double)(1u << (n < 10 ? n : 10));
	uint16_t noise = 0;

	if (seconds > BACKOFF_MAX && first < BACKOFF_MAX)
		seconds = BACKOFF_MAX;
	if (getrandom(&noise, sizeof(noise), GRND_NONBLOCK) < 0)
		noise = 0;
	// Clients that were thrown out together do not come back together.
	return (int64_t)(seconds * 1000 * (0.75 + noise / 131072.0));
}

void request_init(struct request *r, struct remote *remote, const char *method, const char *url)
{
	*r = (struct request){.remote = remote, .method = method, .url = url};
}

void request_drop(struct request *r)
{
	exchange_clear(&r->x);
	err_drop(&r->error);
	arena_drop(&r->arena);
}

const char *request_header(const struct request *r, const char *name)
{
	return exchange_header(&r->x, name, NULL);
}

static void finish(struct request *r, struct err *error)
{
	r->error = error;
	r->is_done = true;
	if (r->done)
		r->done(r);
}

static void log_answer(struct request *r)
{
	const struct registry_events *ev = r->remote->events;
	drop(arena_drop) struct arena a = {0};

	if (!ev || !ev->log)
		return;
	const char *url = url_shown(r->at.text, &a);

	if (r->x.status)
		ev->log(ev->arg, arena_printf(&a, "%s %s: %d", r->method, url, r->x.status));
	else
		ev->log(ev->arg,
			arena_printf(&a, "%s %s: %s", r->method, url,
				r->x.error ? err_text(r->x.error) : "no answer"));
}

static void pass_warnings(struct request *r)
{
	size_t at = 0;
	const char *value;
	char text[512];

	while ((value = exchange_header(&r->x, "Warning", &at)))
		if (header_warning(value, text, sizeof(text)))
			remote_warn(r->remote,
				arena_printf(
					&r->remote->arena, "%s says: %s", r->remote->host, text));
}

static bool is_at_registry(const struct request *r)
{
	return url_same_origin(&r->at, &r->remote->base);
}

static void on_done(struct exchange *x);

// Breaks the answer off where it stands; what came counts.
static struct err *enough(struct request *r)
{
	r->has_enough = true;
	return err_new(ERR_NETWORK, "enough");
}

static struct err *on_receive(struct exchange *x, const void *bytes, size_t n)
{
	struct request *r = (struct request *)x;
	const bool is_good = x->status / 100 == 2;

	if (r->asks_why && is_good)
		return enough(r); // it is there, and that was the question
	if (r->receive && is_good)
		return r->receive(r, bytes, n);
	const size_t left = (is_good ? x->text.max : HTTP_TEXT_MAX - 1) - x->text.len;

	if (n > left && is_good)
		return err_new(ERR_NETWORK, "the answer is larger than %zu bytes", x->text.max);
	TRY(sink_write(&x->text.sink, bytes, n < left ? n : left));
	return n > left ? enough(r) : NULL; // an error may go on for ever
}

static void on_progress(struct exchange *x)
{
	struct request *r = (struct request *)x;

	if (r->progress)
		r->progress(r);
}

static struct err *set_exchange(struct request *r)
{
	struct exchange *x = &r->x;
	struct remote *remote = r->remote;

	x->tls = NULL;
	if (!strcmp(r->at.scheme, "https"))
		TRY(tls_of(remote, &r->at, &x->tls));
	x->method = r->method;
	x->url = r->at.text;
	x->body = r->has_body ? &r->body : NULL;
	x->is_unverified = !remote->o->tls_verify;
	x->is_direct = address_of_host(r->at.host) == ADDRESS_LOOPBACK;
	// A registry's own address is the user's choice; where others send us is not.
	x->guard = strcmp(r->at.host, remote->base.host) && !proxy_is_set();
	x->allowed = remote->address;
	x->never_twice = r->is_once;
	x->receive = on_receive;
	x->progress = on_progress;
	x->done = on_done;
	return NULL;
}

static void attempt(struct request *r)
{
	const char *header = NULL;
	struct err *e = set_exchange(r);

	r->has_enough = false;
	if (e) {
		finish(r, e);
		return;
	}
	if (is_at_registry(r) && !r->remote->is_settled) {
		if (r->remote->probe && r->remote->probe != r) {
			r->next = r->remote->parked;
			r->remote->parked = r;
			return;
		}
		r->remote->probe = r;
	}
	if (r->scope && is_at_registry(r)) {
		if (!auth_prepare(r->remote->auth, r, &header))
			return;
	} else if (r->authorization) {
		header = r->authorization;
	}
	r->sent_authorization = header;
	r->x.headers = (struct strings){0};
	vec_each (it, &r->headers)
		vec_push(&r->arena, &r->x.headers, *it);
	if (header)
		vec_push(&r->arena, &r->x.headers,
			arena_printf(&r->arena, "Authorization: %s", header));
	http_start(r->remote->http, &r->x);
}

void request_resume(struct request *r, struct err *error)
{
	if (error)
		finish(r, error);
	else
		attempt(r);
}

void request_start(struct request *r)
{
	struct err *e;

	r->is_done = r->was_refused = false;
	r->redirects = r->tries = 0;
	err_drop(&r->error);
	e = *r->url == '/' ? url_resolve(&r->remote->base, r->url, &r->arena, &r->at)
			   : url_parse(r->url, &r->arena, &r->at);
	if (e)
		finish(r, e);
	else
		attempt(r);
}

struct err *request_wait(struct request *r)
{
	while (!r->is_done)
		TRY(http_step(r->remote->http));
	return take(r->error);
}

// From here on the scheme holds, and whoever waited for that may go.
static void settle(struct remote *remote)
{
	struct request *r = take(remote->parked);

	remote->is_settled = true;
	remote->probe = NULL;
	while (r) {
		struct request *next = r->next;

		request_start(r); // its URL may have another scheme now
		r = next;
	}
}

// A server with TLS answers plain HTTP with 400 (Go, nginx) or hangs up.
static bool wants_other_scheme(const struct request *r)
{
	const struct exchange *x = &r->x;

	if (!strcmp(r->at.scheme, "http"))
		return (x->status == 400 &&
			       (!strcmp(r->method, "HEAD") || strstr(x->text.bytes, "HTTPS"))) ||
			x->curl_code == CURLE_GOT_NOTHING || x->curl_code == CURLE_RECV_ERROR ||
			x->curl_code == CURLE_UNSUPPORTED_PROTOCOL ||
			x->curl_code == CURLE_WEIRD_SERVER_REPLY;
	return x->curl_code == CURLE_SSL_CONNECT_ERROR || x->curl_code == CURLE_COULDNT_CONNECT;
}

// Does the first request begin anew with the other scheme?
static bool try_other_scheme(struct request *r)
{
	struct remote *remote = r->remote;
	const char *now = remote->base.scheme;
	const bool is_first = !strcmp(now, remote->schemes[0]);

	if (!remote->schemes[1] || !wants_other_scheme(r))
		return false;
	struct err *e = set_base(remote, remote->schemes[is_first]);

	if (e) {
		err_drop(&e);
		return false;
	}
	if (!is_first)
		settle(remote); // neither: the first one it is, and its error
	request_start(r);
	return true;
}

// The first answer tells what we speak to.
static void learn_from(struct request *r)
{
	struct remote *remote = r->remote;

	if (!strcmp(remote->base.scheme, "http") && remote->address != ADDRESS_LOOPBACK)
		remote_warn(remote,
			arena_printf(
				&remote->arena, "%s is spoken to over plain HTTP", remote->host));
	if (remote->address == ADDRESS_ORDINARY && !proxy_is_set())
		remote->address = r->x.peer; // its name leads here
}

static bool is_certificate_error(int code)
{
	return code == CURLE_PEER_FAILED_VERIFICATION || code == CURLE_SSL_CERTPROBLEM ||
		code == CURLE_SSL_CACERT_BADFILE || code == CURLE_SSL_ISSUER_ERROR ||
		code == CURLE_SSL_CIPHER;
}

bool request_may_repeat(const struct request *r)
{
	static const int statuses[] = {408, 429, 499, 500, 502, 503, 504, 522};
	const struct exchange *x = &r->x;

	if (x->curl_code)
		return !is_certificate_error(x->curl_code) && x->curl_code != CURLE_URL_MALFORMAT;
	for (size_t i = 0; i < sizeof(statuses) / sizeof(*statuses); i++)
		if (x->status == statuses[i] && !x->error)
			return true;
	return false;
}

int64_t request_delay(const struct request *r, int n)
{
	const char *value = request_header(r, "Retry-After");
	const int64_t asked = value ? header_retry_after(value, time(NULL)) : -1;
	const int64_t own = backoff(r->remote, n);

	return asked > own ? asked : own;
}

static bool repeat(struct request *r)
{
	// A name that does not exist and a port nobody listens on are not a bad line: once more,
	// unless the user knows better (a registry that is just starting).
	const bool is_nowhere = r->x.curl_code == CURLE_COULDNT_RESOLVE_HOST ||
		r->x.curl_code == CURLE_COULDNT_CONNECT;
	const struct registry_options *o = r->remote->o;
	const int most = is_nowhere && !o->retry_is_given && o->retry > 1 ? 1 : o->retry;

	if (r->is_once || r->tries >= most || !request_may_repeat(r))
		return false;
	r->x.not_before = http_now() + request_delay(r, r->tries++);
	attempt(r);
	return true;
}

static bool is_redirect(int status)
{
	return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

static struct err *follow(struct request *r)
{
	const char *location = request_header(r, "Location");
	const bool reads = !strcmp(r->method, "GET") || !strcmp(r->method, "HEAD");
	struct url to;

	if (!location)
		return err_new(
			ERR_NETWORK, "%s answered %d without a Location", r->at.host, r->x.status);
	if (r->x.status == 303 && !reads)
		return err_new(ERR_NETWORK, "%s answered 303 to %s", r->at.host, r->method);
	if (r->redirects++ == REDIRECTS_MAX)
		return err_new(ERR_NETWORK, "more than %d redirects", REDIRECTS_MAX);
	TRY_AS(url_resolve(&r->at, location, &r->arena, &to), "redirect of %s", r->at.host);
	TRY(url_may_follow(&r->at, &to, r->remote->address));
	if (!url_same_origin(&r->at, &to)) {
		if (r->is_secret)
			return err_new(ERR_NETWORK,
				"redirect of %s: what it was sent is not for %s", r->at.host,
				to.host);
		r->authorization = NULL;
	}
	r->at = to;
	return NULL;
}

static struct err *with_tls_hint(struct request *r, struct err *e)
{
	if (r->x.curl_code != CURLE_PEER_FAILED_VERIFICATION ||
		strstr(err_text(e), "subject name") || strstr(err_text(e), "expired"))
		return e;
	return err_hint(e,
		"put the CA's certificate into /etc/containers/certs.d/%s/ca.crt, or use "
		"--tls-verify=false",
		r->remote->host);
}

// "host:port", with brackets where IPv6 needs them.
static const char *address_shown(const struct url *u, struct arena *a)
{
	return arena_printf(a, strchr(u->host, ':') ? "[%s]:%d" : "%s:%d", u->host, u->port);
}

// Nobody listens there. Of a proxy libcurl's own words tell more.
static bool is_unreached(const struct request *r, const struct err *e)
{
	return r->x.curl_code == CURLE_COULDNT_CONNECT && err_number(e) &&
		(r->x.is_direct || !proxy_is_set());
}

static struct err *unreached(const struct request *r, struct err *e)
{
	drop(arena_drop) struct arena a = {0};
	const int number = err_number(e);

	err_drop(&e);
	e = err_new(ERR_NETWORK, "no %s answers at %s (%s)",
		is_at_registry(r) ? "registry" : "server", address_shown(&r->at, &a),
		strerror(number));
	return err_hint(err_as(e, number), "is it running, and is %d its port?", r->at.port);
}

// What OpenSSL and GnuTLS say to an answer without TLS.
static bool is_plain_http(const struct request *r, const struct err *e)
{
	return r->x.curl_code == CURLE_SSL_CONNECT_ERROR &&
		(strstr(err_text(e), "wrong version number") ||
			strstr(err_text(e), "packet length too long") ||
			strstr(err_text(e), "unexpected TLS packet"));
}

static struct err *with_doubt(const struct remote *r, struct err *e)
{
	return r->doubt ? err_hint(e, "%s", r->doubt) : e;
}

static struct err *broken(struct request *r)
{
	drop(arena_drop) struct arena a = {0};
	struct err *e = take(r->x.error);

	if (err_kind(e) != ERR_NETWORK)
		return e;
	e = with_doubt(r->remote, e);
	if (is_plain_http(r, e)) {
		err_drop(&e);
		e = err_new(
			ERR_NETWORK, "%s speaks plain HTTP, not TLS", address_shown(&r->at, &a));
		return is_at_registry(r) ? err_hint(e, "--tls-verify=false allows that") : e;
	}
	if (is_unreached(r, e))
		return unreached(r, e);
	if (r->x.curl_code == CURLE_COULDNT_RESOLVE_HOST)
		e = err_hint(e, "is this machine on a network, and is the name right?");
	return with_tls_hint(r, err_wrap(e, "%s", url_shown(r->at.text, &a)));
}

// A refused HEAD has no words, and some registries know no HEAD (405): GET instead, whose body
// counts only where it says why.
static bool ask_why(struct request *r)
{
	const int status = r->x.status;

	if (strcmp(r->method, "HEAD") || (status != 401 && status != 403 && status != 405))
		return false;
	r->asks_why = true;
	r->method = "GET";
	return true;
}

// What an answer leads to that is neither refused nor final: true where r is on its way again.
static bool goes_on(struct request *r, struct err **error)
{
	*error = NULL;
	if (r->x.status == 401 && !r->x.error && r->scope && is_at_registry(r))
		*error = auth_challenged(r->remote->auth, r);
	else if (repeat(r))
		return true;
	else if (r->x.error)
		*error = broken(r);
	else if (is_redirect(r->x.status))
		*error = follow(r);
	else if (!ask_why(r))
		return false;
	if (*error && !(r->x.status == 401 && ask_why(r)))
		return false;
	err_drop(error);
	attempt(r);
	return true;
}

static void on_done(struct exchange *x)
{
	struct request *r = (struct request *)x;
	struct remote *remote = r->remote;
	const bool is_first = remote->probe == r && is_at_registry(r);
	struct err *e;

	if (r->has_enough)
		err_drop(&x->error);
	log_answer(r);
	if (is_first && try_other_scheme(r))
		return;
	if (is_first)
		learn_from(r);
	pass_warnings(r);
	const bool is_answered = x->status != 0, again = goes_on(r, &e);

	if (is_first && (is_answered || !again))
		settle(remote); // the others know now who they have to be
	if (!again)
		finish(r, e);
}

// ---- what a registry says when it refuses

static const char *reason(int status)
{
	static const struct {
		int status;
		const char *text;
	} reasons[] = {
		{400, "Bad Request"},
		{401, "Unauthorized"},
		{403, "Forbidden"},
		{404, "Not Found"},
		{405, "Method Not Allowed"},
		{413, "Content Too Large"},
		{416, "Range Not Satisfiable"},
		{429, "Too Many Requests"},
		{500, "Internal Server Error"},
		{502, "Bad Gateway"},
		{503, "Service Unavailable"},
		{504, "Gateway Timeout"},
	};

	for (size_t i = 0; i < sizeof(reasons) / sizeof(*reasons); i++)
		if (reasons[i].status == status)
			return reasons[i].text;
	return "unexpected answer";
}

// Has it seen our credentials and refused these, not what they were to do? Token services (where no
// scope is asked for) take them as Basic or in the body.
static bool is_unknown_to(const struct request *r, const struct creds *c)
{
	if (r->x.status != 401 || !c->source)
		return false;
	if (!r->scope)
		return r->authorization || r->has_body;
	return r->sent_authorization &&
		(c->registry_token || !strncmp(r->sent_authorization, "Basic ", 6));
}

// imgmin login HOST helps where what it keeps is asked first.
static struct err *with_login_hint(const struct request *r, const struct creds *c, struct err *e)
{
	const struct remote *remote = r->remote;
	const char *host = remote->host, *file = remote->o->authfile;
	const bool is_hub = !strcmp(host, DOCKER_HUB);

	if (c->problem)
		return err_hint(e, "%s; or log in: imgmin login %s", c->problem, host);
	if (c->source && !strcmp(c->source, "--creds"))
		return err_hint(e,
			"--creds goes before what imgmin login keeps: correct it, or "
			"leave it out");
	if (c->source && !strcmp(c->source, "DOCKER_AUTH_CONFIG"))
		return err_hint(e,
			"DOCKER_AUTH_CONFIG goes before what imgmin login keeps: "
			"correct it, or unset it");
	if (file)
		return err_hint(e, "imgmin login --authfile %s %s", file, host);
	return is_hub ? err_hint(e, "imgmin login") : err_hint(e, "imgmin login %s", host);
}

static struct err *with_auth_hint(const struct request *r, struct err *e)
{
	const struct remote *remote = r->remote;
	const struct creds *c = auth_creds(remote->auth);
	const bool is_hub = !strcmp(remote->host, DOCKER_HUB);
	const bool pushes = r->scope && strstr(r->scope, "push");

	if (is_unknown_to(r, c))
		return with_login_hint(r, c,
			err_wrap(e, "%s does not take the %s of %s", remote->host,
				c->password ? "user name and password" : "token", c->source));
	if (c->source && r->sent_authorization)
		e = err_wrap(e, "with credentials of %s", c->source);
	if (is_hub) // who asks for what does not exist is told the same as who may not see it
		e = err_wrap(e, "%s/%s: it does not exist or you may not %s it", remote->host,
			remote->repository, pushes ? "push to" : "pull from");
	return with_login_hint(r, c, e);
}

struct err *request_refused(const struct request *r)
{
	const int status = r->x.status;
	const char *left = request_header(r, "ratelimit-remaining");
	char text[512], limit[80] = "";
	struct err *e;

	answer_complaint(
		(struct span){(const uint8_t *)r->x.text.bytes, r->x.text.len}, text, sizeof(text));
	if (status == 429 && left) {
		strcpy(limit, ", ratelimit-remaining ");
		answer_add_clean(limit, sizeof(limit), left);
	}
	e = err_new(status == 401 || status == 403 ? ERR_AUTH : ERR_NETWORK, "%d %s%s%s%s", status,
		reason(status), *text ? ": " : "", text, limit);
	e = with_doubt(r->remote, e);
	if (status == 401 || status == 403)
		return with_auth_hint(r, e);
	if (status == 404)
		return err_as(e, ENOENT);
	if (status == 400 || status == 422)
		return err_as(e, EBADMSG);
	if (status == 429)
		return err_hint(e, "log in (imgmin login %s), or try again later", r->remote->host);
	return e;
}

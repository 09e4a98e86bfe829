#include "registry/auth.h"

#include <ctype.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "registry/answer.h"
#include "registry/challenge.h"
#include "registry/creds.h"

enum auth_mode { AUTH_NONE, AUTH_BASIC, AUTH_BEARER };

struct token {
	struct token *next;
	struct auth *auth;
	const char *scope;  // what requests ask for
	const char *more;   // what the challenge asks for beyond that, "" for nothing
	const char *header; // NULL: none yet
	int64_t until;      // http_now()
	bool is_fetching, is_get_fallback;
	struct request request;
	const char *form;
	struct request *waiting;
};

struct auth {
	struct remote *remote;
	enum auth_mode mode;
	const char *realm, *service;
	bool is_looked_up;
	struct creds creds;
	struct token *tokens;
};

struct auth *auth_new(struct remote *r)
{
	struct auth *a = mem_alloc(sizeof(*a));

	a->remote = r;
	return a;
}

void auth_drop(struct auth **pa)
{
	struct auth *a = *pa;

	if (!a)
		return;
	for (struct token *t = a->tokens; t; t = t->next)
		request_drop(&t->request);
	mem_drop(pa);
}

const struct creds *auth_creds(const struct auth *a)
{
	return &a->creds;
}

static struct err *look_up(struct auth *a)
{
	struct remote *r = a->remote;

	if (a->is_looked_up)
		return NULL;
	TRY(creds_find(r->host, r->repository, r->o->creds, r->o->authfile, &r->arena, &a->creds));
	a->is_looked_up = true;
	if (a->creds.problem)
		remote_warn(r, a->creds.problem);
	return NULL;
}

static const char *basic(struct arena *a, const char *user, const char *password)
{
	drop(mem_drop) char *plain = str_printf("%s:%s", user, password);
	const size_t n = strlen(plain);
	char *encoded = arena_alloc(a, n * 4 / 3 + 8);

	EVP_EncodeBlock((unsigned char *)encoded, (const unsigned char *)plain, (int)n);
	return arena_printf(a, "Basic %s", encoded);
}

static struct token *token_of(struct auth *a, const char *scope)
{
	struct token *t = a->tokens;

	while (t && strcmp(t->scope, scope))
		t = t->next;
	if (t)
		return t;
	t = arena_new(&a->remote->arena, struct token);
	t->auth = a;
	t->scope = arena_strdup(&a->remote->arena, scope);
	t->more = "";
	t->next = a->tokens;
	return a->tokens = t;
}

// ---- fetching a token

// Each scope of the set is a parameter of its own in a GET.
static const char *add_scopes(struct arena *a, const char *url, const char *scopes)
{
	while (*scopes) {
		const size_t n = strcspn(scopes, " ");

		if (n)
			url = url_with(url, "scope", arena_strndup(a, scopes, n), a);
		scopes += n + strspn(scopes + n, " ");
	}
	return url;
}

static void init_get(struct token *t)
{
	struct auth *auth = t->auth;
	struct request *r = &t->request;
	struct arena *a = &r->arena;
	const struct creds *c = &auth->creds;
	const char *url = auth->realm;

	if (auth->service)
		url = url_with(url, "service", auth->service, a);
	url = add_scopes(a, url, t->scope);
	url = add_scopes(a, url, t->more);
	r->method = "GET";
	r->has_body = r->is_secret = false;
	if (c->username) {
		const char *secret = c->password ?: c->identity_token ?: "";

		url = url_with(url, "account", c->username, a);
		r->authorization = basic(a, c->username, secret);
	}
	r->url = url;
}

static void init_post(struct token *t)
{
	struct auth *auth = t->auth;
	struct request *r = &t->request;
	struct arena *a = &r->arena;
	const char *form = "grant_type=refresh_token&client_id=imgmin";
	const char *mark = "?"; // url_with appends by "&" behind a question mark

	form = arena_printf(a, "%s%s", mark, form);
	if (auth->service)
		form = url_with(form, "service", auth->service, a);
	form = url_with(form, "scope",
		arena_printf(a, "%s%s%s", t->scope, *t->more ? " " : "", t->more), a);
	form = url_with(form, "refresh_token", auth->creds.identity_token, a) + strlen(mark);
	r->method = "POST";
	r->url = auth->realm;
	r->has_body = r->is_secret = true;
	r->body = (struct http_body){.bytes = form, .fd = -1, .size = strlen(form)};
	vec_push(a, &r->headers, "Content-Type: application/x-www-form-urlencoded");
}

static struct err *read_token(struct token *t)
{
	const struct buffer *text = &t->request.x.text;
	const char *token;
	int64_t life;

	TRY(answer_token((struct span){(const uint8_t *)text->bytes, text->len}, &t->request.arena,
		&token, &life));
	const int64_t ms = life * 1000, early = ms / 4 < 10000 ? ms / 4 : 10000;

	t->until = http_now() + ms - early;
	t->header = arena_printf(&t->auth->remote->arena, "Bearer %s", token);
	return NULL;
}

// Everyone who waited gets the error, or goes on.
static void release(struct token *t, struct err *e)
{
	struct request *r = take(t->waiting);
	drop(err_drop) struct err *mine = e;

	t->is_fetching = false;
	while (r) {
		struct request *next = r->next;
		struct err *copy = NULL;

		if (mine) {
			copy = err_new(err_kind(mine), "%s", err_text(mine));
			if (err_hint_text(mine))
				copy = err_hint(copy, "%s", err_hint_text(mine));
		}
		request_resume(r, copy);
		r = next;
	}
}

static void on_token(struct request *r)
{
	struct token *t = r->arg;
	const int status = r->x.status;
	const char *host = r->at.host ?: t->auth->realm;
	struct err *e = take(r->error);

	// Services without OAuth take a refresh token as a password.
	if (!e && r->has_body && (status == 404 || status == 405 || status == 401) &&
		t->auth->creds.username && !t->is_get_fallback) {
		t->is_get_fallback = true;
		r->headers.len = 0;
		init_get(t);
		request_start(r);
		return;
	}
	if (!e && status != 200)
		e = request_refused(r);
	if (!e) {
		e = read_token(t);
		if (e && err_kind(e) == ERR_FAILED) { // JSON's own complaint
			struct err *wrong = err_new(ERR_NETWORK, "%s", err_text(e));

			err_drop(&e);
			e = wrong;
		}
	}
	release(t, e ? err_wrap(e, "token service %s", host) : NULL);
}

static void fetch(struct token *t)
{
	struct request *r = &t->request;

	t->is_fetching = true;
	t->is_get_fallback = false;
	t->header = NULL;
	request_drop(r);
	request_init(r, t->auth->remote, "GET", NULL);
	r->arg = t;
	r->done = on_token;
	if (t->auth->creds.identity_token)
		init_post(t);
	else
		init_get(t);
	request_start(r);
}

bool auth_prepare(struct auth *a, struct request *r, const char **header)
{
	const struct creds *c = &a->creds;

	*header = NULL;
	if (a->mode == AUTH_NONE)
		return true;
	if (a->mode == AUTH_BASIC) {
		if (c->username && c->password)
			*header = basic(&r->arena, c->username, c->password);
		return true;
	}
	if (c->registry_token) {
		*header = arena_printf(&r->arena, "Bearer %s", c->registry_token);
		return true;
	}
	struct token *t = token_of(a, r->scope);

	// A fresh token serves those who waited for it, however short its life is.
	if (t->header && (r->next_uses_fresh || http_now() < t->until)) {
		r->next_uses_fresh = false;
		*header = t->header;
		return true;
	}
	r->next_uses_fresh = true;
	r->next = t->waiting;
	t->waiting = r;
	if (!t->is_fetching)
		fetch(t);
	return false;
}

// ---- the challenge

// The realm gets our password: it must not be a place that nobody can read along only by luck, nor
// one inside that the registry could not reach itself.
static struct err *check_realm(const struct auth *a, const char *realm)
{
	const struct remote *r = a->remote;
	drop(arena_drop) struct arena arena = {0};
	struct url at;

	TRY_AS(url_parse(realm, &arena, &at), "token service of %s", r->host);
	if (!strcmp(at.scheme, "http") && strcmp(r->base.scheme, "http"))
		return err_new(ERR_NETWORK, "token service of %s: %s is not https", r->host,
			url_shown(at.text, &arena));
	TRY_AS(url_may_follow(&r->base, &at, r->address), "token service");
	return NULL;
}

static struct err *take_bearer(struct auth *a, const struct challenge *c, struct request *r)
{
	struct arena *arena = &a->remote->arena;
	const char *realm = challenge_get(c, "realm"), *scope = challenge_get(c, "scope");

	if (!realm)
		return err_new(ERR_NETWORK, "%s asks for a token without saying where to get one",
			a->remote->host);
	TRY(check_realm(a, realm));
	a->mode = AUTH_BEARER;
	a->realm = arena_strdup(arena, realm);
	a->service = challenge_get(c, "service") ? arena_strdup(arena, challenge_get(c, "service"))
						 : NULL;
	// A registry that asks for something else (another name behind a proxy) gets both.
	if (scope && strlen(scope) < 4096 && !strstr(r->scope, scope))
		token_of(a, r->scope)->more = arena_strdup(arena, scope);
	return NULL;
}

static struct err *take_challenge(struct auth *a, struct request *r)
{
	struct challenges all = {0};
	size_t at = 0;
	const char *value;

	while ((value = exchange_header(&r->x, "WWW-Authenticate", &at)))
		challenges_add(value, &r->arena, &all);
	const struct challenge *bearer = challenges_find(&all, "bearer");

	if (bearer)
		return take_bearer(a, bearer, r);
	if (!challenges_find(&all, "basic"))
		return request_refused(r);
	a->mode = AUTH_BASIC;
	return a->creds.username && a->creds.password ? NULL : request_refused(r);
}

struct err *auth_challenged(struct auth *a, struct request *r)
{
	struct token *t;

	TRY(look_up(a));
	if (!r->sent_authorization)
		return take_challenge(a, r);
	if (r->was_refused || a->mode != AUTH_BEARER || a->creds.registry_token)
		return request_refused(r);
	// The token ran out on the way, or was withdrawn: one more, unless somebody has it already.
	r->was_refused = true;
	t = token_of(a, r->scope);
	if (t->header && !strcmp(t->header, r->sent_authorization))
		t->header = NULL;
	return take_challenge(a, r);
}

#include "registry/http.h"

#include <errno.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "registry/curl.h"

#define AT_ONCE 6
#define HEADERS_MAX (64u << 10) // bytes of an answer's headers
#define UPLOAD_BUFFER (512L << 10)
#define DOWNLOAD_BUFFER (256L << 10)
#define CONNECT_SECONDS 30L
#define WINDOW 30000 // ms in which WINDOW_BYTES have to come or go
#define WINDOW_BYTES 480
#define ANSWER 300000 // ms a registry may take to store what it was sent whole

struct exchange_state {
	struct arena arena; // of the answer's headers
	struct exchange *next;
	CURL *easy;
	struct curl_slist *headers;
	uint64_t read; // of the body, by libcurl
	size_t header_bytes;
	int64_t window_start;
	uint64_t window_bytes;
	bool has_text;
	char error[CURL_ERROR_SIZE];
};

struct http {
	const struct curl_table *curl;
	CURLM *multi;
	struct exchange *waiting, *active;
	unsigned n_active;
	CURL *spare[AT_ONCE];
	unsigned n_spare;
};

int64_t http_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

struct err *http_open(struct http **out)
{
	drop(http_drop) struct http *h = mem_alloc(sizeof(*h));

	TRY(curl_load(&h->curl));
	h->multi = h->curl->multi_init();
	if (!h->multi)
		return err_new(ERR_FAILED, "libcurl has no memory");
	h->curl->multi_setopt(h->multi, CURLMOPT_MAX_HOST_CONNECTIONS, (long)AT_ONCE);
	h->curl->multi_setopt(h->multi, CURLMOPT_MAXCONNECTS, 2L * AT_ONCE);
	*out = take(h);
	return NULL;
}

void exchange_clear(struct exchange *x)
{
	struct exchange_state *s = x->state;

	if (s) {
		if (s->has_text)
			buffer_drop(&x->text);
		arena_drop(&s->arena);
		mem_drop(&x->state);
	}
	err_drop(&x->error);
	x->status = x->curl_code = 0;
	x->answer = (struct strings){0};
	x->text = (struct buffer){0};
	x->sent = x->received = 0;
}

// Takes the handle out of libcurl's hands, for another exchange.
static void release(struct http *h, struct exchange *x)
{
	struct exchange_state *s = x->state;

	h->curl->slist_free_all(s->headers);
	s->headers = NULL;
	if (!s->easy)
		return;
	h->curl->multi_remove_handle(h->multi, s->easy);
	if (h->n_spare < AT_ONCE)
		h->spare[h->n_spare++] = s->easy;
	else
		h->curl->easy_cleanup(s->easy);
	s->easy = NULL;
}

void http_drop(struct http **ph)
{
	struct http *h = *ph;

	if (!h)
		return;
	for (struct exchange *x = h->active; x; x = x->state->next)
		release(h, x);
	while (h->n_spare)
		h->curl->easy_cleanup(h->spare[--h->n_spare]);
	if (h->multi)
		h->curl->multi_cleanup(h->multi);
	mem_drop(ph);
}

static size_t on_read(char *to, size_t size, size_t n, void *arg)
{
	struct exchange *x = arg;
	struct exchange_state *s = x->state;
	const struct http_body *b = x->body;
	const uint64_t left = b->size - s->read;
	ssize_t got;

	n *= size;
	if (n > left)
		n = (size_t)left;
	if (b->bytes)
		memcpy(to, (const char *)b->bytes + s->read, n);
	while (!b->bytes && (got = pread(b->fd, to, n, (off_t)(b->off + s->read))) != (ssize_t)n) {
		if (got < 0 && errno == EINTR)
			continue;
		if (got > 0) {
			n = (size_t)got;
			break;
		}
		x->error = got < 0 ? err_sys(errno, "read what is sent")
				   : err_new(ERR_FAILED, "what is sent was cut short");
		return CURL_READFUNC_ABORT;
	}
	s->read += n;
	x->sent = s->read;
	if (x->progress)
		x->progress(x);
	return n;
}

static int on_seek(void *arg, curl_off_t off, int origin)
{
	struct exchange *x = arg;

	// libcurl rewinds when a kept connection turns out to be dead. The registry may have taken
	// a part by then: whoever sends decides what comes next.
	if (x->never_twice || origin != SEEK_SET || off < 0 || (uint64_t)off > x->body->size)
		return CURL_SEEKFUNC_FAIL;
	x->state->read = (uint64_t)off;
	return CURL_SEEKFUNC_OK;
}

static size_t on_header(char *line, size_t size, size_t n, void *arg)
{
	struct exchange *x = arg;
	struct exchange_state *s = x->state;

	n *= size;
	s->header_bytes += n;
	if (s->header_bytes > HEADERS_MAX) {
		x->error = err_new(
			ERR_NETWORK, "the answer's headers are longer than %u bytes", HEADERS_MAX);
		return 0;
	}
	if (n >= 5 && !memcmp(line, "HTTP/", 5)) { // after "100 Continue" once more
		x->answer.len = 0;
		return n;
	}
	size_t len = n;

	while (len && (line[len - 1] == '\r' || line[len - 1] == '\n'))
		len--;
	if (len)
		vec_push(&s->arena, &x->answer, arena_strndup(&s->arena, line, len));
	return n;
}

static void learn_status(struct http *h, struct exchange *x)
{
	long status = 0;

	h->curl->easy_getinfo(x->state->easy, CURLINFO_RESPONSE_CODE, &status);
	x->status = (int)status;
}

// libcurl's handle knows the status; http is found through it.
static size_t on_write(char *bytes, size_t size, size_t n, void *arg)
{
	struct exchange *x = arg;
	const struct curl_table *c;
	long status = 0;

	n *= size;
	if (!x->status) {
		x->error = curl_load(&c);
		if (x->error)
			return 0;
		c->easy_getinfo(x->state->easy, CURLINFO_RESPONSE_CODE, &status);
		x->status = (int)status;
	}
	x->received += n;
	x->error = x->receive ? x->receive(x, bytes, n) : sink_write(&x->text.sink, bytes, n);
	if (x->progress)
		x->progress(x);
	return x->error ? 0 : n;
}

static curl_socket_t on_socket(void *arg, curlsocktype purpose, struct curl_sockaddr *a)
{
	struct exchange *x = arg;

	(void)purpose;
	x->peer = address_of(&a->addr);
	if (x->guard && x->peer != ADDRESS_ORDINARY && x->peer != x->allowed) {
		if (!x->error)
			x->error = err_new(ERR_NETWORK,
				"the name leads to an address of this "
				"machine or link, which is refused");
		return CURL_SOCKET_BAD;
	}
	return socket(a->family, a->socktype | SOCK_CLOEXEC, a->protocol);
}

#define SET(option, value) h->curl->easy_setopt(e, CURLOPT_##option, value)

static void set_body(struct http *h, CURL *e, struct exchange *x)
{
	if (!strcmp(x->method, "HEAD"))
		SET(NOBODY, 1L);
	else if (x->body)
		SET(UPLOAD, 1L);
	SET(CUSTOMREQUEST, x->method);
	if (!x->body)
		return;
	SET(READFUNCTION, on_read);
	SET(READDATA, x);
	SET(SEEKFUNCTION, on_seek);
	SET(SEEKDATA, x);
	SET(INFILESIZE_LARGE, (curl_off_t)x->body->size);
	SET(UPLOAD_BUFFERSIZE, UPLOAD_BUFFER);
}

static void set_tls(struct http *h, CURL *e, const struct exchange *x)
{
	const struct tls_files *t = x->tls;

	if (!t)
		return;
	if (t->ca_file)
		SET(CAINFO, t->ca_file);
	if (t->ca_dir)
		SET(CAPATH, t->ca_dir);
	if (t->cert) {
		SET(SSLCERT, t->cert);
		SET(SSLKEY, t->key);
	}
	if (x->is_unverified) {
		SET(SSL_VERIFYPEER, 0L);
		SET(SSL_VERIFYHOST, 0L);
	}
}

static void set_headers(struct http *h, CURL *e, struct exchange *x)
{
	struct exchange_state *s = x->state;

	vec_each (header, &x->headers)
		s->headers = h->curl->slist_append(s->headers, *header);
	// Waiting for "100 Continue" would cost a round trip; a 401 came before any large body.
	s->headers = h->curl->slist_append(s->headers, "Expect:");
	SET(HTTPHEADER, s->headers);
}

static void begin(struct http *h, struct exchange *x)
{
	struct exchange_state *s = x->state;
	CURL *e = h->n_spare ? h->spare[--h->n_spare] : h->curl->easy_init();

	h->curl->easy_reset(e);
	s->easy = e;
	SET(URL, x->url);
	SET(PRIVATE, x);
	SET(ERRORBUFFER, s->error);
	SET(NOSIGNAL, 1L);
	SET(PROTOCOLS_STR, "http,https");
	SET(HTTP_VERSION, (long)CURL_HTTP_VERSION_2TLS);
	SET(USERAGENT, "imgmin/" VERSION);
	SET(CONNECTTIMEOUT, CONNECT_SECONDS);
	SET(BUFFERSIZE, DOWNLOAD_BUFFER);
	SET(WRITEFUNCTION, on_write);
	SET(WRITEDATA, x);
	SET(HEADERFUNCTION, on_header);
	SET(HEADERDATA, x);
	SET(OPENSOCKETFUNCTION, on_socket);
	SET(OPENSOCKETDATA, x);
	if (x->is_direct)
		SET(PROXY, "");
	set_body(h, e, x);
	set_tls(h, e, x);
	set_headers(h, e, x);
	s->window_start = http_now();
	h->n_active++;
	s->next = h->active;
	h->active = x;
	h->curl->multi_add_handle(h->multi, e);
}

void http_start(struct http *h, struct exchange *x)
{
	struct exchange **end = &h->waiting;

	exchange_clear(x);
	x->state = mem_alloc(sizeof(*x->state));
	x->state->has_text = true;
	buffer_init(&x->text, x->text_max ? x->text_max : HTTP_TEXT_MAX, "the answer");
	while (*end)
		end = &(*end)->state->next;
	*end = x;
}

// Starts what waits and may begin; the result is how long the next one has to wait, in ms.
static int begin_waiting(struct http *h)
{
	const int64_t now = http_now();
	int64_t wait = 1000;

	for (struct exchange **at = &h->waiting; *at && h->n_active < AT_ONCE;) {
		struct exchange *x = *at;

		if (x->not_before > now) {
			if (x->not_before - now < wait)
				wait = x->not_before - now;
			at = &x->state->next;
			continue;
		}
		*at = x->state->next;
		begin(h, x);
	}
	return (int)wait;
}

static void end(struct http *h, struct exchange *x)
{
	struct exchange **at = &h->active;

	while (*at != x)
		at = &(*at)->state->next;
	*at = x->state->next;
	h->n_active--;
	x->not_before = 0;
	release(h, x);
	x->done(x);
}

// One sentence of libcurl's, without its codes.
static struct err *broken(struct http *h, const struct exchange *x, CURLcode code)
{
	const char *detail = x->state->error;

	if (code == CURLE_SEND_FAIL_REWIND)
		return err_new(ERR_NETWORK, "the connection broke after %llu bytes",
			(unsigned long long)x->sent);
	struct err *e = err_new(ERR_NETWORK, "%s", *detail ? detail : h->curl->easy_strerror(code));
	long number = 0;

	if (code == CURLE_COULDNT_CONNECT)
		h->curl->easy_getinfo(x->state->easy, CURLINFO_OS_ERRNO, &number);
	return number ? err_as(e, (int)number) : e;
}

static void finish(struct http *h, struct exchange *x, CURLcode code)
{
	if (code == CURLE_OK || x->answer.len)
		learn_status(h, x);
	if (code != CURLE_OK) {
		// A callback's own error is the reason, libcurl's only says that one stopped it.
		if (!x->error) {
			x->error = broken(h, x, code);
			x->curl_code = (int)code;
		}
	}
	end(h, x);
}

// Is nothing happening any more? Slow drips count as nothing.
static bool is_stuck(struct exchange *x, int64_t now)
{
	struct exchange_state *s = x->state;
	const uint64_t bytes = x->sent + x->received;
	const bool is_answer_due = x->body && x->sent == x->body->size && x->body->size > 0;

	if (bytes - s->window_bytes >= WINDOW_BYTES) {
		s->window_start = now;
		s->window_bytes = bytes;
	}
	return now - s->window_start > (is_answer_due ? ANSWER : WINDOW);
}

static void end_stuck(struct http *h)
{
	const int64_t now = http_now();

	for (struct exchange *x = h->active, *next; x; x = next) {
		next = x->state->next;
		if (!is_stuck(x, now))
			continue;
		if (!x->error)
			x->error = err_new(ERR_NETWORK, "nothing came for %d seconds",
				(int)((now - x->state->window_start) / 1000));
		x->curl_code = CURLE_OPERATION_TIMEDOUT;
		end(h, x);
		return; // done may have changed the list; the others' turn comes with the next step
	}
}

struct err *http_step(struct http *h)
{
	int running, left, wait = begin_waiting(h);
	bool any = false;
	CURLMsg *m;

	if (h->curl->multi_perform(h->multi, &running))
		return err_new(ERR_FAILED, "libcurl failed");
	while ((m = h->curl->multi_info_read(h->multi, &left))) {
		char *x = NULL;

		if (m->msg != CURLMSG_DONE)
			continue;
		h->curl->easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, &x);
		finish(h, (struct exchange *)(void *)x, m->data.result);
		any = true;
	}
	if (any)
		return NULL;
	h->curl->multi_poll(h->multi, NULL, 0, wait, NULL);
	end_stuck(h);
	return NULL;
}

const char *exchange_header(const struct exchange *x, const char *name, size_t *at)
{
	const size_t n = strlen(name);
	size_t i = at ? *at : 0;

	for (; i < x->answer.len; i++) {
		const char *line = x->answer.at[i];

		if (strncasecmp(line, name, n) || line[n] != ':')
			continue;
		if (at)
			*at = i + 1;
		return line + n + 1 + strspn(line + n + 1, " \t");
	}
	return NULL;
}

#include "registry/upload.h"

#include <string.h>

#include "registry/headers.h"

enum step { STEP_EXISTS, STEP_OPEN, STEP_WHOLE, STEP_CHUNK, STEP_CLOSE, STEP_RECHECK, STEP_STATUS };

#define CHUNK (4ull << 20) // what every registry takes that takes chunks at all
#define CHUNK_LEAST (64ull << 10)
#define PROGRESS (1ull << 20) // bytes after which a lost connection is forgiven

static void answered(struct request *r);
static void open_session(struct upload *u, int64_t delay);

static void finish(struct upload *u, struct err *e, enum registry_fate fate)
{
	u->error = e ? err_wrap(e, "upload %s", u->d.digest) : NULL;
	u->fate = fate;
	u->done(u);
}

static void on_progress(struct request *r)
{
	struct upload *u = r->arg;
	const struct registry_events *ev = u->remote->events;

	if (ev && ev->progress && r->has_body)
		ev->progress(ev->arg, &u->d, FATE_UPLOADED, u->offset + r->x.sent);
}

static struct request *next(struct upload *u, enum step step, const char *method, const char *url)
{
	struct request *r = &u->request;

	u->step = (int)step;
	request_drop(r);
	request_init(r, u->remote, method, url);
	r->scope = u->scope;
	r->arg = u;
	r->done = answered;
	r->progress = on_progress;
	return r;
}

static void ask(struct upload *u, enum step step, int64_t delay)
{
	const char *url =
		arena_printf(&u->arena, "/v2/%s/blobs/%s", u->remote->repository, u->d.digest);
	struct request *r = next(u, step, "HEAD", url);

	r->x.not_before = http_now() + delay;
	request_start(r);
}

static void open_session(struct upload *u, int64_t delay)
{
	const char *url = arena_printf(&u->arena, "/v2/%s/blobs/uploads/", u->remote->repository);

	if (u->mount_from) {
		url = url_with(url, "mount", u->d.digest, &u->arena);
		url = url_with(url, "from", u->mount_from, &u->arena);
	}
	struct request *r = next(u, STEP_OPEN, "POST", url);

	u->is_open = u->is_resumed = false;
	u->offset = 0;
	r->has_body = true;
	r->body = (struct http_body){.bytes = "", .fd = -1};
	r->x.not_before = http_now() + delay;
	request_start(r);
}

// length bytes of the blob from u->offset on.
static void send_part(
	struct upload *u, enum step step, const char *method, const char *url, uint64_t length)
{
	struct request *r = next(u, step, method, url);

	u->length = length;
	r->is_once = true;
	r->has_body = true;
	r->body = (struct http_body){
		.fd = u->blob.fd,
		.off = u->blob.off + u->offset,
		.size = length,
	};
	vec_push(&r->arena, &r->headers, "Content-Type: application/octet-stream");
	if (step == STEP_CHUNK)
		vec_push(&r->arena, &r->headers,
			arena_printf(&r->arena, "Content-Range: %llu-%llu",
				(unsigned long long)u->offset,
				(unsigned long long)(u->offset + length - 1)));
	request_start(r);
}

static void send_closing(struct upload *u, enum step step, uint64_t length)
{
	send_part(u, step, "PUT", url_with(u->location.text, "digest", u->d.digest, &u->arena),
		length);
}

static void send_rest(struct upload *u)
{
	const uint64_t left = u->blob.size - u->offset;

	if (!left)
		send_closing(u, STEP_CLOSE, 0);
	else
		send_part(u, STEP_CHUNK, "PATCH", u->location.text,
			u->is_chunked && left > u->chunk ? u->chunk : left);
}

static struct err *take_location(struct upload *u, const struct request *r, bool is_required)
{
	const char *location = request_header(r, "Location");

	if (!location && !is_required)
		return NULL;
	if (!location)
		return err_new(ERR_NETWORK, "%s opened an upload without a Location", r->at.host);
	TRY(url_resolve(&r->at, location, &u->arena, &u->location));
	return url_may_follow(&r->at, &u->location, u->remote->address);
}

// How far the registry got; false where it does not say.
static bool read_range(const struct request *r, uint64_t size, uint64_t *out)
{
	const char *value = request_header(r, "Range");

	return value && header_range(value, size, out);
}

// How often something failed without progress in between; true: too often.
static bool is_hopeless(struct upload *u)
{
	const uint64_t at = u->offset + u->request.x.sent;

	if (at >= u->best + PROGRESS) {
		u->best = at;
		u->failures = 0;
	}
	return u->failures >= u->remote->o->retry;
}

static struct err *why(struct request *r)
{
	return r->error ? take(r->error) : request_refused(r);
}

static int64_t delay_of(struct upload *u)
{
	return request_delay(&u->request, u->failures++);
}

// A connection broke, or the registry was overloaded: what has arrived?
static void recover(struct upload *u)
{
	if (is_hopeless(u))
		finish(u, why(&u->request), FATE_UPLOADED);
	else
		ask(u, STEP_RECHECK, delay_of(u));
}

// The session is of no use any more.
static void start_anew(struct upload *u)
{
	if (is_hopeless(u) || u->gone++ >= 5)
		finish(u, why(&u->request), FATE_UPLOADED);
	else
		open_session(u, u->gone > 1 ? delay_of(u) : 0);
}

static void on_exists(struct upload *u, struct request *r)
{
	const int status = r->x.status;

	if (r->error || request_may_repeat(r))
		finish(u, why(r), FATE_EXISTS);
	else if (status == 200)
		finish(u, NULL, FATE_EXISTS);
	else if ((status == 401 || status == 403) && url_same_origin(&r->at, &u->remote->base))
		finish(u, why(r), FATE_EXISTS);
	else
		open_session(u, 0);
}

static void on_open(struct upload *u, struct request *r)
{
	const int status = r->x.status;
	const char *least;
	struct err *e;

	if (!r->error && status == 201) {
		finish(u, NULL, u->mount_from ? FATE_MOUNTED : FATE_EXISTS);
		return;
	}
	if (!r->error && u->mount_from && status / 100 == 4 && status != 429) {
		u->mount_from = NULL;
		open_session(u, 0);
		return;
	}
	if (r->error || status != 202) {
		finish(u, why(r), FATE_UPLOADED);
		return;
	}
	e = take_location(u, r, true);
	if (e) {
		finish(u, e, FATE_UPLOADED);
		return;
	}
	u->is_open = true;
	least = request_header(r, "OCI-Chunk-Min-Length");
	if (least && header_chunk_least(least)) {
		u->is_chunked = true;
		if (header_chunk_least(least) > u->chunk)
			u->chunk = header_chunk_least(least);
	}
	if (u->is_chunked)
		send_rest(u);
	else
		send_closing(u, STEP_WHOLE, u->blob.size);
}

// After PUT with the digest, whole or as the end of chunks.
static void on_closed(struct upload *u, struct request *r)
{
	const int status = r->x.status;

	if (r->error && !request_may_repeat(r)) {
		finish(u, why(r), FATE_UPLOADED);
	} else if (r->error || request_may_repeat(r)) {
		recover(u);
	} else if (status == 201 || status == 200 || status == 204) {
		finish(u, NULL, FATE_UPLOADED);
	} else if (status == 413 && !u->is_chunked) {
		u->is_chunked = true;
		open_session(u, 0);
	} else if (status == 404 || status == 410 || status == 416 ||
		(status == 400 && u->is_resumed)) {
		start_anew(u);
	} else {
		finish(u, why(r), FATE_UPLOADED);
	}
}

// The registry counts otherwise than we do.
static void resync(struct upload *u, struct request *r)
{
	uint64_t offset;
	struct err *e;

	if (is_hopeless(u)) {
		finish(u, why(r), FATE_UPLOADED);
		return;
	}
	u->is_resumed = true;
	if (!read_range(r, u->blob.size, &offset)) {
		struct request *status = next(u, STEP_STATUS, "GET", u->location.text);

		status->x.not_before = http_now() + delay_of(u);
		request_start(status);
		return;
	}
	e = take_location(u, r, false);
	if (e) {
		finish(u, e, FATE_UPLOADED);
		return;
	}
	if (offset == u->offset) { // it wants what we sent, but not so much of it
		u->is_chunked = true;
		u->chunk = u->chunk / 2 > CHUNK_LEAST ? u->chunk / 2 : CHUNK_LEAST;
	}
	u->failures++;
	u->offset = offset;
	send_rest(u);
}

// Some leave Range where it was; one that really took less answers 416 to the next.
static void chunk_taken(struct upload *u, struct request *r)
{
	struct err *e = take_location(u, r, false);

	u->offset += u->length;
	if (e)
		finish(u, e, FATE_UPLOADED);
	else
		send_rest(u);
}

// The session is gone, or no chunks are taken here.
static bool wants_it_anew(const struct upload *u, int status)
{
	return status == 404 || status == 410 ||
		(!u->is_chunked && status / 100 == 4 && status != 401 && status != 403);
}

static void on_chunk(struct upload *u, struct request *r)
{
	const int status = r->x.status;

	if (r->error && !request_may_repeat(r)) {
		finish(u, why(r), FATE_UPLOADED);
	} else if (r->error || request_may_repeat(r)) {
		recover(u);
	} else if (status == 202 || status == 201 || status == 204) {
		chunk_taken(u, r);
	} else if (status == 416) {
		resync(u, r);
	} else if (status == 413 && u->chunk > CHUNK_LEAST && u->is_chunked) {
		u->chunk /= 2;
		send_rest(u);
	} else if (wants_it_anew(u, status)) {
		start_anew(u);
	} else {
		finish(u, why(r), FATE_UPLOADED);
	}
}

static void on_recheck(struct upload *u, struct request *r)
{
	if (r->error) {
		finish(u, why(r), FATE_UPLOADED);
	} else if (r->x.status == 200) {
		finish(u, NULL, FATE_UPLOADED);
	} else if (u->is_open) {
		request_start(next(u, STEP_STATUS, "GET", u->location.text));
	} else {
		open_session(u, 0);
	}
}

static void on_status(struct upload *u, struct request *r)
{
	uint64_t offset = 0;
	struct err *e;

	if (r->error || r->x.status / 100 != 2) {
		if (u->failures++ > u->remote->o->retry)
			finish(u, why(r), FATE_UPLOADED);
		else
			open_session(u, 0);
		return;
	}
	e = take_location(u, r, false);
	if (e) {
		finish(u, e, FATE_UPLOADED);
		return;
	}
	u->is_resumed = true;
	u->offset = read_range(r, u->blob.size, &offset) ? offset : 0;
	if (u->offset || u->is_chunked)
		send_rest(u);
	else
		send_closing(u, STEP_WHOLE, u->blob.size);
}

static void answered(struct request *r)
{
	struct upload *u = r->arg;

	switch ((enum step)u->step) {
	case STEP_EXISTS:
		on_exists(u, r);
		break;
	case STEP_OPEN:
		on_open(u, r);
		break;
	case STEP_WHOLE:
	case STEP_CLOSE:
		on_closed(u, r);
		break;
	case STEP_CHUNK:
		on_chunk(u, r);
		break;
	case STEP_RECHECK:
		on_recheck(u, r);
		break;
	case STEP_STATUS:
		on_status(u, r);
		break;
	}
}

void upload_start(struct upload *u)
{
	u->chunk = CHUNK;
	if (u->is_there)
		finish(u, NULL, FATE_EXISTS);
	else if (u->is_missing)
		open_session(u, 0);
	else
		ask(u, STEP_EXISTS, 0);
}

void upload_drop(struct upload *u)
{
	request_drop(&u->request);
	blob_drop(&u->blob);
	err_drop(&u->error);
	arena_drop(&u->arena);
}

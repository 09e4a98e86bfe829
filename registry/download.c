#include "registry/download.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "registry/headers.h"

#define PROGRESS (1ull << 20) // bytes after which a lost connection is forgiven

static void get(struct download *d, int64_t delay);

static void finish(struct download *d, struct err *e)
{
	d->error = e ? err_wrap(e, "download %s", d->d.digest) : NULL;
	d->is_done = true;
}

static struct err *explain(struct err *e)
{
	if (e && (err_number(e) == ENOSPC || err_number(e) == EDQUOT))
		return err_hint(e,
			"free some space there, or choose another place with "
			"--cache-dir or TMPDIR");
	return e;
}

// From nothing: what a former run left was no good, or Range is not understood.
static struct err *rewind_file(struct download *d)
{
	if (ftruncate(d->file.fd, 0) || lseek(d->file.fd, 0, SEEK_SET) < 0)
		return err_sys(errno, "write %s", d->file.name);
	hasher_init(&d->hasher, &d->file.sink);
	return NULL;
}

// What a former run left counts as received.
static struct err *inherit(struct download *d)
{
	const off_t there = lseek(d->file.fd, 0, SEEK_END);

	hasher_init(&d->hasher, NULL);
	if (there <= 0 || (uint64_t)there > d->size)
		return rewind_file(d);
	d->is_inherited = true;
	TRY(sink_copy_fd(&d->hasher.sink, d->file.fd, 0, (uint64_t)there, d->file.name));
	d->hasher.next = &d->file.sink;
	return NULL;
}

static struct err *open_file(struct download *d)
{
	int fd = -1;

	if (d->remote->o->cache)
		TRY(cache_partial(d->remote->o->cache, &d->digest, &fd));
	d->is_kept = fd >= 0;
	if (fd < 0)
		TRY(spool_open(&fd));
	fd_sink_init(&d->file, fd, d->is_kept ? "the cache" : "a temporary file");
	return d->is_kept ? inherit(d) : rewind_file(d);
}

static struct err *publish(struct download *d)
{
	if (d->is_kept)
		TRY(cache_keep(d->remote->o->cache, &d->digest, d->file.fd));
	d->blob = (struct blob){.fd = d->file.fd, .size = d->size, .owned = true};
	d->file.fd = -1;
	d->fate = FATE_DOWNLOADED;
	return NULL;
}

static void complete(struct download *d)
{
	const struct digest is = hasher_digest(&d->hasher);
	struct err *e;

	if (digest_equal(&is, &d->digest)) {
		finish(d, publish(d));
		return;
	}
	e = rewind_file(d); // nobody shall resume from it
	if (!e && d->is_inherited) {
		d->is_inherited = false;
		get(d, 0);
		return;
	}
	if (!e)
		e = err_new(
			ERR_NETWORK, "what %s sent has the digest %s", d->request.at.host, is.text);
	finish(d, e);
}

// "bytes FROM-…": does it go on where we stopped?
static bool range_fits(const struct download *d, const struct request *r)
{
	const char *value = request_header(r, "Content-Range");
	uint64_t from;

	return value && header_content_range(value, &from) && from == d->hasher.size;
}

// The cache has no room for these bytes, which the hasher has heard already: a temporary file may
// have, and nothing is kept.
static struct err *leave_cache(struct download *d, const void *bytes, size_t n)
{
	drop(fd_drop) int fd = -1;
	struct fd_sink to;

	TRY(spool_open(&fd));
	fd_sink_init(&to, fd, "a temporary file (the cache is full)");
	TRY(sink_copy_fd(&to.sink, d->file.fd, 0, d->hasher.size - n, d->file.name));
	TRY(sink_write(&to.sink, bytes, n));
	cache_forget(d->remote->o->cache, &d->digest);
	fd_drop(&d->file.fd);
	d->file = to;
	fd = -1;
	d->is_kept = false;
	return NULL;
}

static struct err *keep_bytes(struct download *d, const void *bytes, size_t n)
{
	struct err *e = sink_write(&d->hasher.sink, bytes, n);
	const int number = e ? err_number(e) : 0;

	if (!d->is_kept || (number != ENOSPC && number != EDQUOT))
		return e;
	err_drop(&e);
	return leave_cache(d, bytes, n);
}

static struct err *on_bytes(struct request *r, const void *bytes, size_t n)
{
	struct download *d = r->arg;
	const struct registry_events *ev = d->remote->events;

	if (!d->is_ready && r->x.status == 206 && !range_fits(d, r))
		return err_new(
			ERR_NETWORK, "%s sent another range than it was asked for", r->at.host);
	if (!d->is_ready && r->x.status != 206 && d->hasher.size)
		TRY(rewind_file(d)); // Range was ignored
	d->is_ready = true;
	if (n > d->size - d->hasher.size)
		return err_new(ERR_NETWORK, "%s sent more than the %llu bytes there should be",
			r->at.host, (unsigned long long)d->size);
	TRY(explain(keep_bytes(d, bytes, n)));
	if (ev && ev->progress)
		ev->progress(ev->arg, &d->d, FATE_DOWNLOADED, d->hasher.size);
	return NULL;
}

static bool is_hopeless(struct download *d)
{
	if (d->hasher.size >= d->best + PROGRESS) {
		d->best = d->hasher.size;
		d->failures = 0;
	}
	return d->failures >= d->remote->o->retry;
}

static void again(struct download *d, struct err *e)
{
	if (is_hopeless(d)) {
		finish(d, e);
		return;
	}
	err_drop(&e);
	get(d, request_delay(&d->request, d->failures++));
}

// The offset was of no use to the registry: from the start, without Range.
static void from_start(struct download *d, struct err *e)
{
	struct err *failed = rewind_file(d);

	if (failed) {
		err_drop(&e);
		finish(d, failed);
		return;
	}
	again(d, e);
}

static struct err *no_more(const struct download *d, const struct request *r)
{
	return err_new(ERR_NETWORK, "%s has no more than %llu of the %llu bytes", r->at.host,
		(unsigned long long)d->hasher.size, (unsigned long long)d->size);
}

static void answered(struct request *r)
{
	struct download *d = r->arg;
	const int status = r->x.status;
	struct err *e = take(r->error);

	if (e) {
		const bool other_range = status == 206 && !d->is_ready;
		const bool repeat = request_may_repeat(r);

		if (other_range)
			from_start(d, e);
		else if (repeat)
			again(d, e);
		else {
			if (d->hasher.size && err_kind(e) == ERR_NETWORK && d->is_ready) {
				struct err *failed = rewind_file(d); // over-long

				err_drop(&failed);
			}
			finish(d, e);
		}
		return;
	}
	if (request_may_repeat(r)) {
		again(d, request_refused(r));
	} else if (status == 416 && d->hasher.size) {
		from_start(d, no_more(d, r));
	} else if (status != 200 && status != 206) {
		finish(d, request_refused(r));
	} else if (d->hasher.size < d->size) {
		again(d,
			err_new(ERR_NETWORK, "%s sent %llu of %llu bytes", r->at.host,
				(unsigned long long)d->hasher.size, (unsigned long long)d->size));
	} else {
		complete(d);
	}
}

static void get(struct download *d, int64_t delay)
{
	struct request *r = &d->request;

	if (d->hasher.size == d->size) {
		complete(d);
		return;
	}
	request_drop(r);
	request_init(r, d->remote, "GET",
		arena_printf(&d->arena, "/v2/%s/blobs/%s", d->remote->repository, d->d.digest));
	r->scope = d->scope;
	r->arg = d;
	r->done = answered;
	r->receive = on_bytes;
	r->is_once = true;
	r->x.not_before = http_now() + delay;
	d->is_ready = false;
	if (d->hasher.size)
		vec_push(&r->arena, &r->headers,
			arena_printf(&r->arena, "Range: bytes=%llu-",
				(unsigned long long)d->hasher.size));
	request_start(r);
}

void download_start(struct download *d)
{
	struct err *e = NULL;
	bool found = false;

	d->file.fd = d->blob.fd = -1;
	d->size = (uint64_t)d->d.size;
	if (!digest_parse(d->d.digest, &d->digest)) {
		finish(d, err_new(ERR_FAILED, "not a digest we know"));
		return;
	}
	if (d->remote->o->cache)
		e = cache_get(d->remote->o->cache, &d->digest, &d->blob, &found);
	if (found && d->blob.size != d->size) {
		blob_drop(&d->blob);
		e = err_new(ERR_NETWORK, "it has %llu bytes, not %llu",
			(unsigned long long)d->blob.size, (unsigned long long)d->size);
	}
	if (e || found) {
		d->fate = FATE_KEPT;
		finish(d, e);
		return;
	}
	e = open_file(d);
	if (e)
		finish(d, explain(e));
	else
		get(d, 0);
}

void download_drop(struct download *d)
{
	request_drop(&d->request);
	if (d->is_kept && d->file.fd >= 0 && !d->hasher.size)
		cache_forget(d->remote->o->cache, &d->digest);
	fd_drop(&d->file.fd);
	blob_drop(&d->blob);
	err_drop(&d->error);
	arena_drop(&d->arena);
}

#include "base/compress.h"

#include <errno.h>
#include <libdeflate.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <zstd.h>

// Up to this size level 10 costs a third of a second on two cores; beyond it the gain of 4 % is not
// worth the time. Levels 11 and 12 gain another 0.06 % on a libc, for half as much time again.
#define SMALL_INPUT (8u << 20)

// Blocks lose the matches across their boundaries: 0.2 % with these sizes. What is small is one
// block, since there every byte counts; a libc is two halves, so that nobody waits for one worker.
// Who asks for the highest level wants the fewest bytes, and waits.
#define GZIP_LEVEL_MAX 12
#define BLOCK_ALONE (768u << 10)
#define BLOCK_LARGE (1u << 20)

struct compressor {
	struct sink sink;
	struct sink *next;
	void (*close)(struct compressor *c); // NULL: nothing but the memory itself
};

struct sink *compressor_sink(struct compressor *c)
{
	return &c->sink;
}

void compressor_drop(struct compressor **c)
{
	if (*c && (*c)->close)
		(*c)->close(*c);
	mem_drop(c);
}

// gzip: members of one block each (RFC 1952 2.2), compressed by the pool, written in their order.

struct block {
	struct gzip *owner;
	struct job *job; // NULL: being filled
	char *in, *out;
	size_t len, out_len;
};

struct gzip {
	struct compressor base;
	struct pool *pool;
	int level;
	size_t block_size, out_size;
	bool has_member;
	// A ring: first is the oldest block under way, first + busy the one being filled.
	struct block *ring;
	unsigned ring_size, first, busy;
	atomic_bool is_cancelled;
	uint64_t size, seen; // of the whole input, 0: unknown; so far
};

static uint64_t gzip_block(int level, uint64_t size)
{
	if (level == GZIP_LEVEL_MAX && size && size <= SMALL_INPUT)
		return size;
	if (size == 0 || size > 2UL * BLOCK_LARGE)
		return BLOCK_LARGE;
	return size <= BLOCK_ALONE ? BLOCK_ALONE : (size + 1) / 2;
}

// At level 10 a state is 9 MB, so there is one for each thread, whatever it compresses.
struct state {
	int level;
	struct libdeflate_compressor *compressor;
};

static pthread_key_t state_key;

static void state_free(void *arg)
{
	struct state *s = arg;

	libdeflate_free_compressor(s->compressor);
	mem_drop(&s);
}

static void state_key_make(void)
{
	if (pthread_key_create(&state_key, state_free))
		abort();
}

static void state_drop_own(void)
{
	struct state *s = pthread_getspecific(state_key);

	pthread_setspecific(state_key, NULL);
	if (s)
		state_free(s);
}

static struct libdeflate_compressor *state_own(int level)
{
	struct state *s = pthread_getspecific(state_key);

	if (s && s->level == level)
		return s->compressor;
	state_drop_own();
	struct libdeflate_compressor *c = libdeflate_alloc_compressor(level);

	if (!c)
		return NULL;
	s = mem_alloc(sizeof(*s));
	*s = (struct state){level, c};
	if (pthread_setspecific(state_key, s)) {
		state_free(s);
		return NULL;
	}
	return c;
}

static struct err *block_compress(void *arg)
{
	struct block *b = arg;
	struct gzip *g = b->owner;

	if (atomic_load(&g->is_cancelled))
		return NULL;
	struct libdeflate_compressor *s = state_own(g->level);

	if (!s)
		return err_sys(ENOMEM, "compress");
	if (!b->out)
		b->out = mem_alloc(g->out_size);
	b->out_len = libdeflate_gzip_compress(s, b->in, b->len, b->out, g->out_size);
	// Cannot be, the room is libdeflate's own bound.
	return b->out_len ? NULL : err_new(ERR_FAILED, "compress: no room for a block");
}

static struct block *block_filling(struct gzip *g)
{
	struct block *b = &g->ring[(g->first + g->busy) % g->ring_size];

	if (!b->in)
		b->in = mem_alloc(g->block_size);
	return b;
}

// Waits for the oldest block and passes it on.
static struct err *block_collect(struct gzip *g)
{
	struct block *b = &g->ring[g->first];

	g->first = (g->first + 1) % g->ring_size;
	g->busy--;
	TRY(job_wait(take(b->job)));
	b->len = 0;
	return sink_write(g->base.next, b->out, b->out_len);
}

static struct err *block_start(struct gzip *g)
{
	struct block *b = block_filling(g);

	b->job = pool_submit(g->pool, block_compress, b);
	g->has_member = true;
	g->busy++;
	return g->busy == g->ring_size ? block_collect(g) : NULL;
}

static struct err *gzip_write(struct sink *s, const void *bytes, size_t n)
{
	struct gzip *g = (struct gzip *)s;
	const char *p = bytes;

	while (n) {
		struct block *b = block_filling(g);
		size_t part = g->block_size - b->len;

		// A block starts only when another byte follows, so that a lone one can be
		// compressed right where its end is told.
		if (part == 0) {
			TRY(block_start(g));
			continue;
		}
		if (part > n)
			part = n;
		memcpy(b->in + b->len, p, part);
		b->len += part;
		p += part;
		n -= part;
		g->seen += part;
	}
	// Where the size is known nobody needs to wait for the end being told.
	bool is_last = g->size && g->seen == g->size && block_filling(g)->len;

	return is_last ? block_start(g) : NULL;
}

static struct err *gzip_finish(struct sink *s)
{
	struct gzip *g = (struct gzip *)s;
	struct block *b = block_filling(g);

	if (b->len && g->busy)
		TRY(block_start(g));
	while (g->busy)
		TRY(block_collect(g));
	b = block_filling(g);
	// A lone block needs no worker; nothing at all is one empty member.
	if (b->len || !g->has_member) {
		TRY(block_compress(b));
		TRY(sink_write(g->base.next, b->out, b->out_len));
	}
	return sink_finish(g->base.next);
}

static void gzip_close(struct compressor *c)
{
	struct gzip *g = (struct gzip *)c;

	atomic_store(&g->is_cancelled, true);
	for (unsigned i = 0; i < g->ring_size; i++) {
		struct block *b = &g->ring[i];
		struct err *e = b->job ? job_wait(b->job) : NULL;

		err_drop(&e);
		mem_drop(&b->in);
		mem_drop(&b->out);
	}
	mem_drop(&g->ring);
	state_drop_own(); // workers' go with them
}

static struct err *gzip_open(
	int level, uint64_t size, struct pool *pool, struct sink *next, struct compressor **out)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	struct gzip *g = mem_alloc(sizeof(*g));

	pthread_once(&once, state_key_make);
	g->base = (struct compressor){{gzip_write, gzip_finish}, next, gzip_close};
	g->pool = pool;
	g->level = level;
	g->size = size;
	g->block_size = (size_t)gzip_block(level, size);
	if (size && size < g->block_size)
		g->block_size = (size_t)size;
	g->out_size = libdeflate_gzip_compress_bound(NULL, g->block_size);
	g->ring_size = pool_workers(pool) + 2;
	g->ring = mem_alloc(g->ring_size * sizeof(*g->ring));
	for (unsigned i = 0; i < g->ring_size; i++)
		g->ring[i].owner = g;
	*out = &g->base;
	return NULL;
}

static const char *gzip_version(void)
{
	return "libdeflate " LIBDEFLATE_VERSION_STRING;
}

// zstd: one frame.

struct zstd {
	struct compressor base;
	ZSTD_CCtx *ctx;
	size_t out_size;
	char *out;
};

static struct err *zstd_pass(struct zstd *z, ZSTD_inBuffer *in, ZSTD_EndDirective how)
{
	for (;;) {
		ZSTD_outBuffer out = {z->out, z->out_size, 0};
		size_t left = ZSTD_compressStream2(z->ctx, &out, in, how);

		if (ZSTD_isError(left))
			return err_new(ERR_FAILED, "zstd: %s", ZSTD_getErrorName(left));
		TRY(sink_write(z->base.next, z->out, out.pos));
		if (how == ZSTD_e_end ? left == 0 : in->pos == in->size)
			return NULL;
	}
}

static struct err *zstd_write(struct sink *s, const void *bytes, size_t n)
{
	return zstd_pass((struct zstd *)s, &(ZSTD_inBuffer){bytes, n, 0}, ZSTD_e_continue);
}

static struct err *zstd_finish(struct sink *s)
{
	struct zstd *z = (struct zstd *)s;

	TRY(zstd_pass(z, &(ZSTD_inBuffer){"", 0, 0}, ZSTD_e_end));
	return sink_finish(z->base.next);
}

static void zstd_close(struct compressor *c)
{
	struct zstd *z = (struct zstd *)c;

	ZSTD_freeCCtx(z->ctx);
	mem_drop(&z->out);
}

// Up to level 19 the tables are kept so small that compressing takes 19 MiB (zstd itself would take
// up to 90); above, only the window is bounded, to the 8 MiB that every decoder has to support
// (RFC 8878 3.1.1.1.2), and memory reaches 140 MiB.
static void zstd_set_memory(ZSTD_CCtx *ctx, int level)
{
	if (level > 19) {
		ZSTD_CCtx_setParameter(ctx, ZSTD_c_windowLog, 23);
		return;
	}
	ZSTD_CCtx_setParameter(ctx, ZSTD_c_windowLog, 21);
	if (level < 9)
		return; // small enough as they are
	ZSTD_CCtx_setParameter(ctx, ZSTD_c_hashLog, 21);
	ZSTD_CCtx_setParameter(ctx, ZSTD_c_chainLog, 21);
}

static struct err *zstd_open(
	int level, uint64_t size, struct pool *pool, struct sink *next, struct compressor **out)
{
	struct zstd *z = mem_alloc(sizeof(*z));

	(void)pool;
	z->base = (struct compressor){{zstd_write, zstd_finish}, next, zstd_close};
	z->out_size = ZSTD_CStreamOutSize();
	z->out = mem_alloc(z->out_size);
	z->ctx = ZSTD_createCCtx();
	*out = &z->base;
	if (!z->ctx)
		return err_sys(ENOMEM, "compress");
	ZSTD_CCtx_setParameter(z->ctx, ZSTD_c_compressionLevel, level);
	zstd_set_memory(z->ctx, level);
	if (size)
		ZSTD_CCtx_setPledgedSrcSize(z->ctx, size);
	return NULL;
}

static const char *zstd_version(void)
{
	return "libzstd " ZSTD_VERSION_STRING;
}

static uint64_t zstd_block(int level, uint64_t size)
{
	(void)level;
	(void)size;
	return 0;
}

// none

static struct err *none_write(struct sink *s, const void *bytes, size_t n)
{
	return sink_write(((struct compressor *)s)->next, bytes, n);
}

static struct err *none_finish(struct sink *s)
{
	return sink_finish(((struct compressor *)s)->next);
}

static struct err *none_open(
	int level, uint64_t size, struct pool *pool, struct sink *next, struct compressor **out)
{
	(void)level;
	(void)size;
	(void)pool;
	*out = mem_alloc(sizeof(**out));
	**out = (struct compressor){{none_write, none_finish}, next, NULL};
	return NULL;
}

static const char *none_version(void)
{
	return "";
}

const struct compress_format compress_formats[] = {
	{"gzip", "+gzip", 1, GZIP_LEVEL_MAX, gzip_version, gzip_block, gzip_open},
	{"zstd", "+zstd", 1, 22, zstd_version, zstd_block, zstd_open},
	{"none", "", 0, 0, none_version, zstd_block, none_open},
	{0},
};

const struct compress_format *compress_find(const char *name)
{
	for (const struct compress_format *f = compress_formats; f->name; f++) {
		if (strcmp(f->name, name) == 0)
			return f;
	}
	return NULL;
}

int compress_level(const struct compress_format *f, int level, uint64_t size)
{
	const bool is_small = size && size <= SMALL_INPUT;

	if (level != COMPRESS_AUTO)
		return level;
	if (f->open == gzip_open)
		return is_small ? 10 : 6;
	if (f->open == zstd_open)
		return is_small ? 19 : 6;
	return 0;
}

char *compress_identity(const struct compress_format *f, int level, uint64_t size, struct arena *a)
{
	uint64_t block = f->block(compress_level(f, level, size), size);
	char *words = arena_printf(
		a, "%s %s level %d", f->name, f->version(), compress_level(f, level, size));

	if (f->open == none_open)
		return arena_strdup(a, f->name);
	return block ? arena_printf(a, "%s block %llu", words, (unsigned long long)block) : words;
}

struct err *compress_open(const struct compress_format *f, int level, uint64_t size,
	struct pool *pool, struct sink *next, struct compressor **out)
{
	drop(compressor_drop) struct compressor *c = NULL;

	level = compress_level(f, level, size);
	if (level < f->level_min || level > f->level_max)
		return err_new(ERR_USAGE, "%s has levels %d to %d, not %d", f->name, f->level_min,
			f->level_max, level);
	TRY(f->open(level, size, pool, next, &c));
	*out = take(c);
	return NULL;
}

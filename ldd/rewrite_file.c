// The new file, put together as it is read.
#include <string.h>

#include "base/root_impl.h"
#include "ldd/rewrite.h"

struct rewritten {
	struct file base;
	struct file *source;
	const struct rewrite_piece *pieces;
	size_t npieces;
};

// The first piece that ends behind off.
static size_t find_piece(const struct rewritten *r, uint64_t off)
{
	size_t low = 0, high = r->npieces;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const struct rewrite_piece *p = &r->pieces[middle];

		if (p->off + p->size <= off)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static struct err *read_piece(
	struct rewritten *r, const struct rewrite_piece *p, uint64_t skip, uint8_t *to, size_t n)
{
	size_t got = 0;

	if (p->bytes) {
		memcpy(to, p->bytes + skip, n);
		return NULL;
	}
	TRY(file_pread(r->source, to, n, p->source_off + skip, &got));
	return got == n ? NULL : err_new(ERR_FAILED, "it became shorter while it was read");
}

static struct err *pread_rewritten(struct file *f, void *buf, size_t n, uint64_t off, size_t *got)
{
	struct rewritten *r = (struct rewritten *)f;
	uint8_t *to = buf;

	*got = 0;
	for (size_t i = find_piece(r, off); n; i++) {
		const struct rewrite_piece *p = i < r->npieces ? &r->pieces[i] : NULL;
		uint64_t gap = !p ? n : p->off > off ? p->off - off : 0, left;
		size_t part = gap < n ? (size_t)gap : n;

		memset(to, 0, part);
		to += part, off += part, n -= part, *got += part;
		if (!p || !n)
			break;
		left = p->size - (off - p->off);
		part = left < n ? (size_t)left : n;
		TRY(read_piece(r, p, off - p->off, to, part));
		to += part, off += part, n -= part, *got += part;
	}
	return NULL;
}

static void close_rewritten(struct file *f)
{
	file_drop(&((struct rewritten *)f)->source);
}

struct file *rewrite_open(const struct rewrite *w, struct file *source)
{
	static const struct file_ops ops = {pread_rewritten, close_rewritten};

	if (w->why_not)
		return source;
	struct rewritten *r = file_new(sizeof(*r), &ops, w->size);

	r->source = source;
	r->pieces = w->pieces.at;
	r->npieces = w->pieces.len;
	return &r->base;
}

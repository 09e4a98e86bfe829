#include "base/mem.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23 // linux/mman.h
#endif

enum {
	BROUGHT_MIN = 32 << 10,
	BROUGHT_MAX = 256 << 10,
	LARGE = 64 << 10, // has a block of its own, which can be given back
};

struct arena_block {
	struct arena_block *next;
	size_t used, size;
	_Alignas(max_align_t) char bytes[];
};

static _Noreturn void out_of_memory(void)
{
	fputs("imgmin: error: out of memory\n", stderr);
	_Exit(1);
}

void *mem_alloc(size_t n)
{
	void *p = calloc(1, n ? n : 1);

	if (!p)
		out_of_memory();
	return p;
}

void *mem_resize(void *p, size_t n)
{
	p = realloc(p, n ? n : 1);
	if (!p)
		out_of_memory();
	return p;
}

void mem_drop(void *pp)
{
	void **p = pp;

	free(*p);
	*p = NULL;
}

char *str_dup(const char *s)
{
	size_t n = strlen(s) + 1;

	return memcpy(mem_alloc(n), s, n);
}

char *str_ndup(const char *s, size_t n)
{
	n = strnlen(s, n);
	char *copy = mem_alloc(n + 1);

	return memcpy(copy, s, n);
}

char *str_vprintf(const char *fmt, va_list ap)
{
	char *s = NULL;

	if (vasprintf(&s, fmt, ap) < 0)
		out_of_memory();
	return s;
}

char *str_printf(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	char *s = str_vprintf(fmt, ap);
	va_end(ap);
	return s;
}

// A middling block will soon be full: its pages come in one call instead of by a fault each, which
// costs ten times as much in a virtual machine. A kernel before 5.14 does not know how: no matter.
static void bring_pages(struct arena_block *b)
{
	const uintptr_t page = 4096;
	uintptr_t from = ((uintptr_t)b + page - 1) & ~(page - 1), to = (uintptr_t)b + b->size;

	if (b->size >= BROUGHT_MIN && b->size <= BROUGHT_MAX)
		(void)madvise((void *)from, to - from, MADV_POPULATE_WRITE);
}

static struct arena_block *new_block(size_t size, struct arena_block *next)
{
	struct arena_block *b = mem_resize(NULL, sizeof(*b) + size);

	b->size = size;
	b->used = 0;
	b->next = next;
	return b;
}

// Behind the block that is being filled.
static void *take_alone(struct arena_block *first, size_t n)
{
	first->next = new_block(n, first->next);
	first->next->used = n;
	return first->next->bytes;
}

// Room in a block, whatever stands in it: a block is zeroed as it is handed out, and the end of a
// large one, which may stay empty, is not touched.
static void *arena_take(struct arena *a, size_t n)
{
	const size_t align = _Alignof(max_align_t);
	struct arena_block *b = a->block;

	if (n > SIZE_MAX / 4)
		out_of_memory();
	n = (n + align - 1) & ~(align - 1);
	if (b && n >= LARGE)
		return take_alone(b, n);
	if (!b || b->size - b->used < n) {
		size_t size = b ? b->size * 2 : 4096;

		if (size > 1 << 20)
			size = 1 << 20;
		if (size < n)
			size = n;
		b = a->block = new_block(size, a->block);
		bring_pages(b);
	}
	b->used += n;
	return b->bytes + b->used - n;
}

void *arena_alloc(struct arena *a, size_t n)
{
	return memset(arena_take(a, n), 0, n);
}

void arena_release(struct arena *a, const void *p, size_t n)
{
	if (n < LARGE || !a->block)
		return;
	for (struct arena_block **at = &a->block->next; *at; at = &(*at)->next)
		if ((*at)->bytes == p) {
			struct arena_block *b = *at;

			*at = b->next;
			free(b);
			return;
		}
}

char *arena_strndup(struct arena *a, const char *s, size_t n)
{
	n = strnlen(s, n);
	char *copy = memcpy(arena_take(a, n + 1), s, n);

	copy[n] = 0;
	return copy;
}

char *arena_strdup(struct arena *a, const char *s)
{
	return arena_strndup(a, s, SIZE_MAX / 8);
}

char *arena_printf(struct arena *a, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	drop(mem_drop) char *s = str_vprintf(fmt, ap);
	va_end(ap);
	return arena_strdup(a, s);
}

void arena_drop(struct arena *a)
{
	while (a->block) {
		struct arena_block *b = a->block;

		a->block = b->next;
		free(b);
	}
}

void *vec_grow_(struct arena *a, void *at, size_t len, size_t *cap, size_t size)
{
	if (len < *cap)
		return at;
	size_t more = *cap ? *cap * 2 : 4;

	if (more > SIZE_MAX / 4 / size)
		out_of_memory();
	void *bigger = arena_alloc(a, more * size);

	if (len)
		memcpy(bigger, at, len * size);
	*cap = more;
	return bigger;
}

const char *strings_shown(const struct strings *s, size_t max, struct arena *a)
{
	const char *out = "";

	for (size_t i = 0; i < s->len && i < max; i++)
		out = arena_printf(a, "%s%s%s", out, i ? ", " : "", s->at[i]);
	return s->len > max ? arena_printf(a, "%s and %zu more", out, s->len - max) : out;
}

// Memory that never comes back NULL, arenas for what dies together, and scope cleanup.
#pragma once
#include <stdarg.h>
#include <stddef.h>

// A variable that calls fn(&variable) when its scope ends. fn must accept a pointer to NULL.
#define drop(fn) __attribute__((cleanup(fn)))
// The pointer's value, handed over: the variable is NULL afterwards, so its drop() does nothing.
#define take(p)                                                                                    \
	({                                                                                         \
		__typeof__(p) taken_ = (p);                                                        \
		(p) = NULL;                                                                        \
		taken_;                                                                            \
	})

// What never returns NULL says so, to the compiler and to the analysers.
#define never_null __attribute__((returns_nonnull))

// Zeroed memory of n bytes; ends the program with a message and status 1 when there is none.
// Sizes that come from files are bounded by their parser before they get here.
never_null void *mem_alloc(size_t n);
// p resized to n bytes; new bytes are not zeroed.
never_null void *mem_resize(void *p, size_t n);
// For drop(mem_drop): frees *pp, where pp is the address of any pointer.
void mem_drop(void *pp);

never_null char *str_dup(const char *s);
// The first n bytes of s, or all of it where that is shorter.
never_null char *str_ndup(const char *s, size_t n);
never_null char *str_printf(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
never_null char *str_vprintf(const char *fmt, va_list ap);

// An arena owns everything allocated from it until arena_drop. A zeroed struct is an empty arena.
struct arena {
	struct arena_block *block;
};
// Zeroed, aligned for any type.
never_null void *arena_alloc(struct arena *a, size_t n);
never_null char *arena_strdup(struct arena *a, const char *s);
never_null char *arena_strndup(struct arena *a, const char *s, size_t n);
never_null char *arena_printf(struct arena *a, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
void arena_drop(struct arena *a);
// Gives back what arena_alloc gave for n bytes, if it is large; what is small waits for arena_drop.
void arena_release(struct arena *a, const void *p, size_t n);
#define arena_new(a, type) ((type *)arena_alloc((a), sizeof(type)))

// A growing array in an arena: struct { … vec(const char *) names; }. A zeroed one is empty.
#define vec(type)                                                                                  \
	struct {                                                                                   \
		type *at;                                                                          \
		size_t len, cap;                                                                   \
	}
#define vec_push(a, v, ...)                                                                        \
	((v)->at = vec_grow_((a), (v)->at, (v)->len, &(v)->cap, sizeof(*(v)->at)),                 \
		(v)->at[(v)->len++] = (__VA_ARGS__))
// The address of a new zeroed element at the end.
#define vec_add(a, v)                                                                              \
	((v)->at = vec_grow_((a), (v)->at, (v)->len, &(v)->cap, sizeof(*(v)->at)),                 \
		&(v)->at[(v)->len++])
// for (T *it = …): vec_each(it, &v) { use *it }
// NOLINTBEGIN(bugprone-macro-parentheses): it is a name
#define vec_each(it, v)                                                                            \
	for (__auto_type it = ((void)0, (v)->at); (size_t)(it - (v)->at) < (v)->len; it++)
// NOLINTEND(bugprone-macro-parentheses)
never_null void *vec_grow_(struct arena *a, void *at, size_t len, size_t *cap, size_t size);

// A list of strings, the commonest growing array.
struct strings {
	const char **at;
	size_t len, cap;
};
// "a, b, c and 4 more": at most max of them.
never_null const char *strings_shown(const struct strings *s, size_t max, struct arena *a);

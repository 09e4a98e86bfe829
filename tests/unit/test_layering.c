// Which file goes into which layer: all of them into one each, the most stable first.
#include "fixture.h"

#include "builder/build.h"

struct made {
	struct arena a;
	struct built_image image;
};

// n files for each part, in directories of their own, and a link.
static void make(struct made *m, size_t n)
{
	struct tree *t = m->image.assembly.tree = tree_new(0);

	for (enum part part = PART_COUNT; part-- > 0;)
		for (size_t i = 0; i < n; i++)
			assert_null(
				tree_add_bytes(t, arena_printf(&m->a, "/d%d/f%zu", (int)part, i),
					(struct span){(const uint8_t *)"x", 1}, 0644, part, "why"));
	assert_null(tree_add_link(t, "/zz/link", "x", PART_PROGRAM, "why"));
	tree_finish(t);
}

// Every entry in one layer, its parents not above it; sorted in each.
static void check(struct made *m, enum layering how)
{
	size_t n, seen = 0;
	struct map layer_of = {0};
	size_t number = 0;

	tree_entries(m->image.assembly.tree, &n);
	layering_split(&m->image, how, &m->a);
	assert_in_range(m->image.layers.len, 1, 100);
	vec_each (l, &m->image.layers) {
		assert_true(l->n > 0);
		assert_non_null(l->title);
		number++;
		for (size_t i = 0; i < l->n; i++) {
			const char *path = l->entries[i]->entry.path;
			const char *dir = path_dir(&m->a, path);

			assert_null(map_get(&layer_of, path));
			*map_at(&layer_of, &m->a, path) = (void *)(uintptr_t)number;
			if (*dir)
				assert_non_null(map_get(&layer_of, dir));
			seen++;
		}
	}
	assert_int_equal(seen, n);
}

static void drop_made(struct made *m)
{
	tree_drop(&m->image.assembly.tree);
	arena_drop(&m->a);
}

static void stable(void **state)
{
	(void)state;
	drop(drop_made) struct made m = {0};

	make(&m, 3);
	check(&m, LAYERS_STABLE);
	assert_int_equal(m.image.layers.len, 4);
	for (enum part part = 0; part < PART_COUNT; part++)
		assert_string_equal(m.image.layers.at[part].title, part_text(part));
}

static void single(void **state)
{
	(void)state;
	drop(drop_made) struct made m = {0};

	make(&m, 3);
	check(&m, LAYERS_SINGLE);
	assert_int_equal(m.image.layers.len, 1);
}

static void by_file(void **state)
{
	(void)state;
	// 4, 96, 100, 104 and 400 files.
	static const size_t counts[] = {1, 24, 25, 26, 100};

	for (size_t i = 0; i < sizeof(counts) / sizeof(*counts); i++) {
		drop(drop_made) struct made m = {0};
		size_t want = counts[i] * 4 + 1;

		make(&m, counts[i]);
		check(&m, LAYERS_FILE);
		assert_int_equal(m.image.layers.len, want > 100 ? 100 : want);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(stable),
		cmocka_unit_test(single),
		cmocka_unit_test(by_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

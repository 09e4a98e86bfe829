#include "fixture.h"

#include "ldd/elf.h"

enum { NEEDLES = 1000 };

// Numbered texts one behind the other, across the place where the reader's chunks meet.
static void make_haystack(struct fixture *f)
{
	shell(f,
		"awk 'BEGIN { printf \"const char hay[] = \\\"\"; for (i = 0; i < 256000; i++) "
		"printf \"x\"; for (i = 0; i < %d; i++) printf \"<needle-%%03d>\", i; "
		"printf \"\\\";\\nvoid _start(void) { for (;;); }\\n\" }' >p.c;"
		"gcc -static -nostdlib -o p p.c",
		NEEDLES);
	fixture_open(f, "/");
}

static void open_file(struct fixture *f, struct arena *a, struct file **file, struct elf *e)
{
	drop(mem_drop) char *path = str_printf("%s/p", f->dir);

	assert_null(root_open_file(f->host, path, file));
	assert_null(elf_read(*file, a, e));
}

static void texts_are_found_wherever_chunks_meet(void **state)
{
	drop(arena_drop) struct arena a = {0};
	drop(file_drop) struct file *file = NULL;
	const char *texts[NEEDLES + 1];
	bool found[NEEDLES + 1] = {false};
	struct elf e;

	make_haystack(*state);
	open_file(*state, &a, &file, &e);
	for (int i = 0; i < NEEDLES; i++)
		texts[i] = arena_printf(&a, "<needle-%03d>", i);
	texts[NEEDLES] = "<needle-xxx>";
	assert_null(elf_find_texts(file, &e, texts, NEEDLES + 1, found));
	for (int i = 0; i < NEEDLES; i++)
		if (!found[i])
			fail_msg("%s is not found", texts[i]);
	assert_false(found[NEEDLES]);
}

static void text_behind_a_prefix_is_whole_wherever_chunks_meet(void **state)
{
	drop(arena_drop) struct arena a = {0};
	drop(file_drop) struct file *file = NULL;
	const char *text;
	struct elf e;

	make_haystack(*state);
	open_file(*state, &a, &file, &e);
	for (int i = 0; i < NEEDLES - 30; i++) {
		assert_null(elf_read_text_after(
			file, &e, arena_printf(&a, "<needle-%03d", i), '#', &a, &text));
		if (i < NEEDLES - 60 && text)
			fail_msg("longer than any name: %s", text);
		assert_null(elf_read_text_after(
			file, &e, arena_printf(&a, "<needle-%03d", i), '-', &a, &text));
		assert_string_equal(text, "><needle");
	}
	assert_null(elf_read_text_after(
		file, &e, arena_printf(&a, "<needle-%d", NEEDLES - 1), '#', &a, &text));
	assert_string_equal(text, ">");
	assert_null(elf_read_text_after(file, &e, "<needle-xxx", '>', &a, &text));
	assert_null(text);
}

int main(void)
{
#define TEST(t) cmocka_unit_test_setup_teardown(t, fixture_setup, fixture_teardown)
	const struct CMUnitTest tests[] = {
		TEST(texts_are_found_wherever_chunks_meet),
		TEST(text_behind_a_prefix_is_whole_wherever_chunks_meet),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

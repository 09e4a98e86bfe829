#include "builder/script.h"

#include <string.h>

#define HEAD_SIZE 256 // BINPRM_BUF_SIZE

// " /usr/bin/env -S python3 -u" → interpreter and what follows it.
static void split(char *line, struct script *out)
{
	line[strcspn(line, "\n")] = 0;
	for (size_t n = strlen(line); n && strchr(" \t", line[n - 1]); n--)
		line[n - 1] = 0;
	line += strspn(line, " \t");
	out->interpreter = *line ? line : NULL;
	line += strcspn(line, " \t");
	if (*line)
		*line++ = 0;
	line += strspn(line, " \t");
	out->argument = *line ? line : NULL;
}

struct err *script_read(struct root *r, const char *path, struct arena *a, struct script *out)
{
	drop(file_drop) struct file *f = NULL;
	char *head = arena_alloc(a, HEAD_SIZE + 1);
	size_t got;

	*out = (struct script){0};
	TRY(root_open_file(r, path, &f));
	TRY(file_pread(f, head, HEAD_SIZE, 0, &got));
	out->is_elf = got >= 4 && memcmp(head, "\177ELF", 4) == 0;
	out->is_script = got >= 2 && memcmp(head, "#!", 2) == 0;
	if (out->is_script)
		split(head + 2, out);
	return NULL;
}

const char *script_env_word(const struct script *s, struct arena *a)
{
	if (!s->argument || strcmp(path_base(s->interpreter), "env") != 0)
		return NULL;
	char *copy = arena_strdup(a, s->argument), *save = NULL;

	for (char *word = strtok_r(copy, " \t", &save); word; word = strtok_r(NULL, " \t", &save))
		if (word[0] != '-' && !strchr(word, '='))
			return word;
	return NULL;
}

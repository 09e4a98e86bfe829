#include "builder/container.h"

#include <string.h>

// Docker and containerd set it where Env has none.
#define DEFAULT_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

const char *env_value(const struct strings *env, const char *name)
{
	size_t n = strlen(name);

	for (size_t i = env->len; i-- > 0;)
		if (strncmp(env->at[i], name, n) == 0 && env->at[i][n] == '=')
			return env->at[i] + n + 1;
	return NULL;
}

void container_read(struct container *c, struct arena *a)
{
	const char *path = env_value(&c->config.env, "PATH");
	char *dirs = arena_strdup(a, path ? path : DEFAULT_PATH), *save = NULL;

	c->library_path = env_value(&c->config.env, "LD_LIBRARY_PATH");
	c->path = (struct strings){0};
	for (char *dir = strtok_r(dirs, ":", &save); dir; dir = strtok_r(NULL, ":", &save))
		vec_push(a, &c->path, dir);
}

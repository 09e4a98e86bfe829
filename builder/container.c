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

const char *env_path(const struct strings *env)
{
	const char *path = env_value(env, "PATH");

	return path ? path : DEFAULT_PATH;
}

const char *path_in_workdir(const struct runtime_config *c, const char *path, struct arena *a)
{
	if (path[0] == '/')
		return path;
	return arena_printf(a, "%s/%s", c->working_dir ? c->working_dir : "", path);
}

void container_read(struct container *c, struct arena *a)
{
	char *dirs = arena_strdup(a, env_path(&c->config.env)), *save = NULL;

	c->library_path = env_value(&c->config.env, "LD_LIBRARY_PATH");
	c->path = (struct strings){0};
	for (char *dir = strtok_r(dirs, ":", &save); dir; dir = strtok_r(NULL, ":", &save))
		vec_push(a, &c->path, path_in_workdir(&c->config, dir, a));
}

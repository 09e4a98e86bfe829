// Reads: registry/creds.c
//
// config.json and auth.json, and behind a NUL what a credential helper answers: who we are by them,
// and that what login keeps is found again.
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/span.h"
#include "registry/creds.h"
#include "registry/helper.h"
#include "tests/fuzz/must.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct span answer;
static bool is_asked; // a helper was

// In place of registry/helper.c, which would start a program.
struct err *helper_run(
	const char *name, const char *verb, const char *input, struct buffer *out, bool *found)
{
	(void)name;
	(void)verb;
	(void)input;
	is_asked = true;
	buffer_init(out, 64 << 10, "its answer");
	*found = answer.len > 0;
	return sink_write(&out->sink, answer.ptr, answer.len);
}

// Files are synced, which costs nothing there.
static char dir[] = "/dev/shm/imgmin-fuzz-XXXXXX", file[64];

static void leave(void)
{
	unlink(file);
	rmdir(dir);
}

static void enter(void)
{
	static const char *const names[] = {"REGISTRY_AUTH_FILE", "DOCKER_AUTH_CONFIG",
		"XDG_RUNTIME_DIR", "XDG_CONFIG_HOME", "DOCKER_CONFIG", "HOME"};

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		unsetenv(names[i]);
	must(mkdtemp(dir));
	snprintf(file, sizeof(file), "%s/auth.json", dir);
	atexit(leave);
}

static void write_file(struct span text)
{
	drop(fd_drop) int fd = open(file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	must(fd >= 0 && write(fd, text.ptr, text.len) == (ssize_t)text.len);
}

static void find(const char *host, const char *repository, struct arena *a)
{
	struct creds c;
	struct err *e = creds_find(host, repository, NULL, file, a, &c);

	if (!e && (c.username || c.password))
		must(c.username && c.password && c.source);
	must(e || !(c.identity_token || c.registry_token) || c.source);
	must(!e || *err_text(e));
	err_drop(&e);
}

static void store(const char *host, struct arena *a)
{
	struct creds c;
	const char *where, *left;
	struct err *e;

	is_asked = false;
	e = creds_store(host, "me", "se:cret", file, a, &where);
	if (e || is_asked) {
		err_drop(&e);
		return;
	}
	must(!strcmp(where, file));
	must(!creds_find(host, NULL, NULL, file, a, &c));
	must(is_asked ||
		(c.username && !strcmp(c.username, "me") && !strcmp(c.password, "se:cret")));
	must(!creds_erase(host, file, a, &where, &left) && !left);
	must(!creds_find(host, NULL, NULL, file, a, &c));
	must(is_asked || !c.username);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const hosts[] = {"docker.io", "reg.example:5000"};
	drop(arena_drop) struct arena a = {0};
	const uint8_t *nul = memchr(data, 0, size);
	const struct span text = {data, nul ? (size_t)(nul - data) : size};

	if (!*file)
		enter();
	answer = (struct span){data + text.len + (nul != NULL), size - text.len - (nul != NULL)};
	for (size_t i = 0; i < 2; i++) {
		write_file(text);
		find(hosts[i], "team/app", &a);
		store(hosts[i], &a);
	}
	return 0;
}

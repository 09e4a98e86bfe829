#include "cli/output.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/sink.h"

const char *output_format(const char *given, const char *path)
{
	const char *dot = path ? strrchr(path, '.') : NULL;

	if (given)
		return given;
	if (dot && (!strcasecmp(dot, ".html") || !strcasecmp(dot, ".htm")))
		return "html";
	return dot && !strcasecmp(dot, ".json") ? "json" : "text";
}

// Writes into a copy of fd, and tells whether all of it arrived.
static struct err *write_to(
	int fd, const char *name, struct err *(*write)(void *context, FILE *out), void *context)
{
	int copy = dup(fd);
	FILE *out = copy < 0 ? NULL : fdopen(copy, "w");
	struct err *e;

	if (!out)
		return err_sys(errno, "%s", name);
	e = write(context, out);
	bool failed = ferror(out);

	if ((fclose(out) || failed) && !e)
		e = err_sys(errno, "%s", name);
	return e;
}

static struct err *to_file(
	const char *path, struct err *(*write)(void *context, FILE *out), void *context)
{
	drop(file_out_drop) struct file_out *f = NULL;

	TRY(file_out_open(path, 0666, &f));
	TRY(write_to(file_out_fd(f), path, write, context));
	return file_out_commit(f);
}

// Through a temporary file: a damaged image leaves nothing half-written on stdout.
static struct err *to_stdout(struct err *(*write)(void *context, FILE *out), void *context)
{
	drop(fd_drop) int fd = -1;
	struct fd_sink out;
	off_t size;

	TRY(spool_open(&fd));
	TRY(write_to(fd, "temporary file", write, context));
	size = lseek(fd, 0, SEEK_END);
	if (size < 0)
		return err_sys(errno, "temporary file");
	fd_sink_init(&out, STDOUT_FILENO, "stdout");
	return sink_copy_fd(&out.sink, fd, 0, (uint64_t)size, "temporary file");
}

struct err *output_whole(
	const char *path, struct err *(*write)(void *context, FILE *out), void *context)
{
	return path && strcmp(path, "-") != 0 ? to_file(path, write, context)
					      : to_stdout(write, context);
}

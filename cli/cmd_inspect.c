// imgmin inspect: what is in an image.
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/sink.h"
#include "builder/inspect.h"
#include "cli/registry_opts.h"
#include "cli/show_registry.h"

// Writes into a copy of fd, and tells whether all of it arrived.
static struct err *write_to(const struct inspect_args *args, const struct registry_events *events,
	int fd, const char *name)
{
	int copy = dup(fd);
	FILE *out = copy < 0 ? NULL : fdopen(copy, "w");
	struct err *e;

	if (!out)
		return err_sys(errno, "%s", name);
	e = inspect_write(args, events, out);
	bool failed = ferror(out);

	if ((fclose(out) || failed) && !e)
		e = err_sys(errno, "%s", name);
	return e;
}

static struct err *to_file(const struct inspect_args *args, const struct registry_events *events)
{
	drop(file_out_drop) struct file_out *f = NULL;

	TRY(file_out_open(args->output, 0666, &f));
	TRY(write_to(args, events, file_out_fd(f), args->output));
	return file_out_commit(f);
}

// Through a temporary file: a damaged image leaves nothing half-written on stdout.
static struct err *to_stdout(const struct inspect_args *args, const struct registry_events *events)
{
	drop(fd_drop) int fd = -1;
	struct fd_sink out;
	off_t size;

	TRY(spool_open(&fd));
	TRY(write_to(args, events, fd, "temporary file"));
	size = lseek(fd, 0, SEEK_END);
	if (size < 0)
		return err_sys(errno, "temporary file");
	fd_sink_init(&out, STDOUT_FILENO, "stdout");
	return sink_copy_fd(&out.sink, fd, 0, (uint64_t)size, "temporary file");
}

static struct err *inspect_run(void *args, const struct common_args *common)
{
	const struct inspect_args *i = args;
	const struct registry_events events = show_registry_reading(common);

	return i->output && strcmp(i->output, "-") != 0 ? to_file(i, &events)
							: to_stdout(i, &events);
}

#define AT(field) offsetof(struct inspect_args, field)

static const struct opt inspect_opts[] = {
	OPT("format", 0, OPT_CHOICE, AT(format), "FORMAT",
		"text (default), json, or html: one self-contained page",
		.choices = "text|json|html"),
	OPT("output", 'o', OPT_TEXT, AT(output), "FILE", "write there instead of to stdout"),
	OPT("platform", 0, OPT_TEXT, AT(platform), "OS/ARCH[/VARIANT]",
		"only what a device of this platform would run"),
	REGISTRY_OPTS(AT(registry)),
	{0},
};

static const struct inspect_args inspect_defaults = {
	.format = "text", .registry = REGISTRY_DEFAULTS};

const struct command command_inspect = {
	.name = "inspect",
	.synopsis = "[OPTIONS] IMAGE",
	.summary = "Show what is in an image, and why",
	.details =
		"Platforms, config, layers and the largest files, each with the reason it is there: what "
		"the entrypoint is, and what its loader finds inside the image. IMAGE is a reference, "
		"docker-daemon:REF, oci:DIR[:TAG], oci-archive:FILE[:TAG], docker-archive:FILE[:REF] or the "
		"path of a layout or an archive. Nothing is unpacked or run.",
	.opts = inspect_opts,
	.args_size = sizeof(struct inspect_args),
	.defaults = &inspect_defaults,
	.positional_offset = AT(images),
	.min_positional = 1,
	.max_positional = 1,
	.run = inspect_run,
};

// Small images for tests: a tar of tar(1), a config, a manifest, put through any transport.
#pragma once
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/sink.h"
#include "oci/transport.h"

#define helper __attribute__((unused))

static char work_dir[64];

static int make_work_dir(void **state)
{
	(void)state;
	strcpy(work_dir, "/tmp/imgmin-test-XXXXXX");
	return mkdtemp(work_dir) && !chdir(work_dir) ? 0 : -1;
}

static int remove_work_dir(void **state)
{
	char command[256];

	(void)state;
	snprintf(command, sizeof(command), "chmod -R u+rwX %s; rm -rf %s", work_dir, work_dir);
	return chdir("/") || system(command);
}

// A shell command in the work directory; its exit status.
static int __attribute__((format(printf, 1, 2), unused)) run(const char *fmt, ...)
{
	drop(mem_drop) char *command = NULL;
	va_list ap;

	va_start(ap, fmt);
	command = str_vprintf(fmt, ap);
	va_end(ap);
	int status = system(command);

	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

// What a shell command prints, without its last line end.
static helper char *output_of(struct arena *a, const char *command)
{
	FILE *p = popen(command, "r");
	char *text = arena_alloc(a, 1 << 16);
	size_t n = p ? fread(text, 1, (1 << 16) - 1, p) : 0;

	if (p)
		pclose(p);
	while (n && text[n - 1] == '\n')
		text[--n] = '\0';
	return text;
}

static helper bool have(const char *program)
{
	if (run("command -v %s >/dev/null 2>&1", program) == 0)
		return true;
	print_message("# SKIP: %s is not installed\n", program);
	return false;
}

static helper void must(struct err *e)
{
	if (e)
		fail_msg("%s", err_text(e));
}

static helper void must_fail(struct err *e, const char *part)
{
	if (!e)
		fail_msg("should have failed with «%s»", part);
	if (!strstr(err_text(e), part))
		fail_msg("«%s» does not say «%s»", err_text(e), part);
	err_drop(&e);
}

static helper struct span span_of(const char *s)
{
	return (struct span){(const uint8_t *)s, strlen(s)};
}

static helper struct span file_bytes(struct arena *a, const char *path)
{
	int fd = open(path, O_RDONLY);
	struct stat st;

	if (fd < 0 || fstat(fd, &st))
		fail_msg("%s: %s", path, strerror(errno));
	uint8_t *bytes = arena_alloc(a, (size_t)st.st_size + 1);

	if (read(fd, bytes, (size_t)st.st_size) != st.st_size)
		fail_msg("%s: %s", path, strerror(errno));
	close(fd);
	return (struct span){bytes, (size_t)st.st_size};
}

static helper void write_text(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	if (!f || fputs(text, f) < 0 || fclose(f))
		fail_msg("%s: %s", path, strerror(errno));
}

static helper void put_bytes(struct transport *t, const struct descriptor *d, struct span bytes)
{
	struct blob b = {.fd = memfd_create("blob", 0), .size = bytes.len, .owned = true};

	if (write(b.fd, bytes.ptr, bytes.len) != (ssize_t)bytes.len)
		fail_msg("memfd: %s", strerror(errno));
	must(transport_put(t, d, &b));
	blob_drop(&b);
}

// One layer as it lies in files: the plain tar, and what is stored (the same, or compressed).
struct sample_layer {
	const char *tar, *stored, *media_type;
};

// Puts an image and gives the manifest's descriptor, its platform set.
static helper struct descriptor put_image(struct transport *t, struct arena *a, const char *arch,
	const char *variant, const struct sample_layer *layers, size_t n)
{
	struct image_config c = {.architecture = arch, .variant = variant, .os = "linux"};
	struct manifest m = {.schema_version = 2, .media_type = OCI_MANIFEST};
	struct descriptor *d = arena_alloc(a, (n + 1) * sizeof(*d));

	c.rootfs.type = "layers";
	vec_push(a, &c.config.env, "PATH=/bin");
	vec_push(a, &c.config.entrypoint, "/bin/hello");
	for (size_t i = 0; i < n; i++) {
		struct span plain = file_bytes(a, layers[i].tar);
		struct span stored = file_bytes(a, layers[i].stored);
		struct digest diff_id = digest_of(plain.ptr, plain.len);

		vec_push(a, &c.rootfs.diff_ids, arena_strdup(a, diff_id.text));
		d[i] = descriptor_of(layers[i].media_type, stored, a);
		put_bytes(t, &d[i], stored);
	}
	m.layers = (struct json_list){d, n, n};
	struct span config = json_write(&image_config_table, &c, a);

	m.config = descriptor_of(OCI_CONFIG, config, a);
	put_bytes(t, &m.config, config);
	struct span manifest = json_write(&manifest_table, &m, a);
	struct descriptor out = descriptor_of(OCI_MANIFEST, manifest, a);

	must(transport_put_document(t, &out, manifest));
	out.platform =
		(struct oci_platform){.architecture = arch, .variant = variant, .os = "linux"};
	return out;
}

// A layer with /bin/hello and a link to it, in hello.tar and hello.tar.gz.
static helper struct sample_layer hello_layer(bool compressed)
{
	if (access("hello.tar.gz", F_OK))
		must(run("mkdir -p tree/bin && printf '#!/bin/true\\n' >tree/bin/hello && "
			 "chmod 755 tree/bin/hello && ln -sf hello tree/bin/hi && "
			 "tar -C tree --owner=0 --group=0 -cf hello.tar . && "
			 "gzip -nk hello.tar")
				? err_new(ERR_FAILED, "tar does not run")
				: NULL);
	return compressed ? (struct sample_layer){"hello.tar", "hello.tar.gz", OCI_LAYER "+gzip"}
			  : (struct sample_layer){"hello.tar", "hello.tar", OCI_LAYER};
}

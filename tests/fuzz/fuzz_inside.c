// Reads: oci/layers.c builder/started.c builder/script.c builder/container.c builder/check_inside.c
//
// A tar as the only layer of an image that starts what lies in it: its root stays inside of it, and
// what its config names is found there or told as missing.
#include <fcntl.h>
#include <string.h>

#include "builder/check.h"
#include "tests/fuzz/memory.h"
#include "tests/fuzz/must.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct blob layer;

static struct err *open_layer(struct transport *t, const struct descriptor *d, struct blob *out)
{
	(void)t;
	(void)d;
	*out = layer;
	return NULL;
}

static void check_files(struct layers *l)
{
	size_t n;
	const struct layered_file *files = layers_files(l, &n);

	for (size_t i = 0; i < n; i++) {
		const struct walk *w = root_walk_parent(layers_root(l), files[i].path);
		drop(file_drop) struct file *f = NULL;
		char byte;
		size_t got;

		must(!w->error && !strcmp(w->path, files[i].path) && !w->nlinks);
		if (!S_ISREG(files[i].node.mode))
			continue;
		must(!root_open_file(layers_root(l), w->path, &f));
		must(file_size(f) == files[i].node.size);
		if (file_size(f))
			must(!file_pread(f, &byte, 1, file_size(f) - 1, &got) && got == 1);
	}
}

static void check_started(struct inside *in)
{
	vec_each (s, &in->started) {
		must(s->trouble || s->walk);
		must(!s->trouble || *s->trouble);
		must(!s->is_elf || (s->walk && S_ISREG(s->walk->node.mode)));
		if (s->walk)
			must(root_walk(in->root, s->walk->path)->error == 0);
	}
}

static void check_image(struct transport *t, const struct image *image)
{
	static const struct check_args args = {0};
	const struct layers_options o = {.entries = 2000};
	struct check c = {.args = &args, .name = "image", .platform = "linux/arm/v7"};
	struct inside in;
	drop(err_drop) struct err *e = inside_open(t, image, NULL, &o, &in);

	if (!e) {
		check_files(in.layers);
		check_started(&in);
		e = check_inside(&c, &in);
		vec_each (f, &c.findings)
			must(f->text && *f->text);
	}
	must(!e || *err_text(e));
	inside_drop(&in);
	check_drop(&c);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct transport_ops ops = {.open = open_layer};
	static const char *entry[] = {"/bin/run"}, *cmd[] = {"prog", "/bin/data"};
	static const char *env[] = {"PATH=/bin:usr/bin", "LD_LIBRARY_PATH=/opt:lib"};
	const struct digest digest = digest_of(data, size);
	const char *ids[] = {digest.text};
	struct descriptor d = {
		.media_type = OCI_LAYER, .digest = digest.text, .size = (int64_t)size};
	struct transport t = {.ops = &ops, .name = "memory"};
	struct image image = {
		.manifest.layers = {&d, 1, 1},
		.config = {.architecture = "arm",
			.variant = "v7",
			.os = "linux",
			.config = {.user = "me:us",
				.working_dir = "/w",
				.entrypoint = {entry, 1, 1},
				.cmd = {cmd, 2, 2},
				.env = {env, 2, 2}},
			.rootfs.diff_ids = {ids, 1, 1}},
	};

	layer = (struct blob){.fd = memory_fd((struct span){data, size}), .size = size};
	check_image(&t, &image);
	return 0;
}

// Reads: oci/archive_read.c oci/docker_save.c oci/tar_read.c oci/layers.c oci/types.c
//
// An image's archive, of docker save or an OCI layout, plain or compressed: what it lists lies in
// it, documents are what their digests say, and layers that are read have a sound tree.
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "builder/image.h"
#include "oci/archive.h"
#include "oci/layers.h"
#include "tests/fuzz/memory.h"
#include "tests/fuzz/must.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { IMAGES_MAX = 8, LAYERS_MAX = 8 };

static void check_blob(struct transport *t, const struct descriptor *d)
{
	drop(blob_drop) struct blob b = {.fd = -1};
	bool is_there;

	if (fails(transport_open(t, d, &b)))
		return;
	must(!transport_has(t, d, &is_there) && is_there);
	must(b.size == (uint64_t)d->size);
	must(lseek(b.fd, 0, SEEK_END) >= (off_t)(b.off + b.size));
}

static void check_document(struct transport *t, const struct descriptor *d, struct arena *a)
{
	struct digest digest, is;
	struct span text;

	if (fails(transport_read(t, d, a, &text)))
		return;
	is = digest_of(text.ptr, text.len);
	must(digest_parse(d->digest, &digest) && digest_equal(&digest, &is));
}

static void check_layers(struct transport *t, const struct image *image)
{
	const struct layers_options o = {.plain_bytes = 1 << 20, .entries = 2000};
	drop(layers_drop) struct layers *l = NULL;
	size_t n;

	if (image->manifest.layers.len > LAYERS_MAX ||
		fails(layers_open(t, &image->manifest, &image->config, &o, &l)))
		return;
	const struct layered_file *files = layers_files(l, &n);

	for (size_t i = 0; i < n; i++) {
		drop(file_drop) struct file *f = NULL;
		char byte;
		size_t got;

		if (!S_ISREG(files[i].node.mode))
			continue;
		must(!root_open_file(layers_root(l), files[i].path, &f));
		must(file_size(f) == files[i].node.size);
		if (file_size(f))
			must(!file_pread(f, &byte, 1, file_size(f) - 1, &got) && got == 1);
	}
}

static void check_image(struct transport *t, const struct descriptor *d, struct arena *a)
{
	struct descriptors manifests = {0};

	check_blob(t, d);
	check_document(t, d, a);
	if (fails(image_manifests(t, d, a, &manifests)))
		return;
	for (size_t i = 0; i < manifests.len && i < IMAGES_MAX; i++) {
		struct image image;

		if (fails(image_read(t, &manifests.at[i], a, &image)))
			continue;
		const struct descriptor *layers = image.manifest.layers.at;

		for (size_t k = 0; k < image.manifest.layers.len; k++)
			check_blob(t, &layers[k]);
		check_layers(t, &image);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	drop(transport_drop) struct transport *t = NULL;
	drop(arena_drop) struct arena a = {0};
	struct named_images images = {0};
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", memory_fd((struct span){data, size}));
	bool is_one = archive_is(path);

	if (fails(archive_open(path, &t)))
		return 0;
	must(is_one);
	must(!transport_list(t, &a, &images));
	for (size_t i = 0; i < images.len && i < IMAGES_MAX; i++)
		check_image(t, &images.at[i].descriptor, &a);
	return 0;
}

// Reads: oci/layer_tree.c oci/tar_read.c
//
// A tar as two layers of an image, one on the other: the tree they add up to is one, and each
// file's bytes lie in them.
#include <string.h>

#include "oci/layer_tree.h"
#include "tests/fuzz/memory.h"
#include "tests/fuzz/must.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { NODES_MAX = 2000, PATH_BYTES_MAX = 4096 };

static void check_parent(const struct layer_tree *t, const char *path, struct arena *a)
{
	const struct tree_node *parent;
	int error;

	parent = layer_tree_find(t, path_dir(a, path), &error);
	must(!error && parent && S_ISDIR(parent->mode));
}

static void check_file(
	const struct layer_tree *t, const struct layered_file *f, uint64_t size, struct arena *a)
{
	int error;
	const struct tree_node *n = layer_tree_find(t, f->path, &error);

	must(!error && n && tree_node_facts(n).ino == f->node.ino);
	must(*f->path == '/' && strlen(f->path) < PATH_BYTES_MAX && f->layer < 2);
	must(!strcmp(path_lexical(a, f->path), f->path));
	must(S_ISLNK(f->node.mode) == (f->node.target != NULL));
	must(S_ISREG(f->node.mode) || !n->size || f->node.target);
	if (S_ISREG(f->node.mode))
		must(n->off <= 2 * size && n->size <= 2 * size - n->off);
	must(S_ISDIR(f->node.mode) || !n->child);
	if (f->hard_link) {
		const struct tree_node *first = layer_tree_find(t, f->hard_link, &error);

		must(!error && first && first->off == n->off && first->size == n->size);
	}
	check_parent(t, f->path, a);
}

static void check(const struct layer_tree *t, uint64_t size)
{
	drop(arena_drop) struct arena a = {0};
	struct layer_facts facts[2] = {0};
	struct strings names = {0};
	size_t n, regular = 0;
	const struct layered_file *files = layer_tree_files(t, &a, &n);

	for (size_t i = 0; i < n; i++) {
		must(!i || strcmp(files[i - 1].path, files[i].path) < 0);
		check_file(t, &files[i], size, &a);
		regular += S_ISREG(files[i].node.mode);
	}
	must(n <= t->nnodes);
	layer_tree_count(t, facts);
	must(facts[0].files + facts[1].files == regular);
	tree_node_names(t->root, &a, &names);
	for (size_t i = 0; i < names.len; i++)
		must(*names.at[i] && !strchr(names.at[i], '/'));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct blob tar = {.fd = memory_fd((struct span){data, size}), .size = size};
	drop(layer_tree_drop) struct layer_tree t;

	layer_tree_init(&t, NODES_MAX);
	for (unsigned layer = 0; layer < 2; layer++) {
		drop(err_drop) struct err *e =
			layer_tree_add(&t, &tar, layer * size, layer, "its tar");

		if (e)
			break;
		check(&t, size);
	}
	return 0;
}

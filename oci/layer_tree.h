// The tree that the layers of an image add up to, as an index over their plain tars: each layer's
// entries and whiteouts are applied the way containerd unpacks them (image-spec layer.md), links
// among the parents of an entry are followed inside the tree.
#pragma once
#include "oci/layers.h"

struct tree_node {
	struct tree_node *parent, *child; // child: the first one
	struct tree_node *next, *before;  // of the same parent
	struct tree_node *bucket;         // the next one in the hash table's slot
	const char *target;
	const struct xattrs *xattrs; // NULL: none
	uint64_t off, size;          // of a regular file, in all plain tars one after the other
	int64_t mtime;
	mode_t mode;
	uid_t uid;
	gid_t gid;
	uint32_t ino;       // the same for hard links
	uint16_t layer;     // that had the entry last
	uint16_t cleared;   // one more than the layer that last hid all below it
	uint16_t path_len;  // of the canonical path
	bool has_hard_link; // another node had the same ino at some time
	char name[];
};

struct layer_tree {
	struct arena arena;
	struct tree_node *root;
	struct tree_node **slots;
	size_t nslots, nnodes; // nnodes: made so far, those removed again included
	uint64_t nodes_max;
	uint64_t nentries; // read from all tars
	uint64_t text;     // bytes of link targets and attributes
	uint64_t followed; // bytes of link targets, each time one was followed
	uint32_t last_ino;
};

void layer_tree_init(struct layer_tree *t, uint64_t nodes_max);
void layer_tree_drop(struct layer_tree *t);
// Applies a plain tar, whose first byte is the one numbered `at` of all; `what` names it in
// messages.
must_check struct err *layer_tree_add(struct layer_tree *t, const struct blob *tar, uint64_t at,
	unsigned layer, const char *what);
// The node at a canonical path, else NULL and the errno.
const struct tree_node *layer_tree_find(const struct layer_tree *t, const char *path, int *error);
struct node tree_node_facts(const struct tree_node *n);
// The names in a directory, in byte order.
void tree_node_names(const struct tree_node *n, struct arena *a, struct strings *names);
// Adds the visible regular files to their layers' facts.
void layer_tree_count(const struct layer_tree *t, struct layer_facts *facts);
// All entries but "/", sorted by path.
struct layered_file *layer_tree_files(const struct layer_tree *t, struct arena *a, size_t *n);

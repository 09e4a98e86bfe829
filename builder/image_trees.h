// An image as the tree that libraries come from: one for each platform it holds, read when the
// first program of that platform needs it.
#pragma once
#include "builder/image.h"
#include "builder/place.h"
#include "builder/sysroot.h"

struct image_tree {
	struct descriptor descriptor;
	struct platform platform;
	struct layers *layers;  // NULL: not read yet
	struct sysroot sysroot; // the resolver is its user's
};

struct image_trees;
// Looks for nothing yet but mistakes in the word; places must live as long.
must_check struct err *image_trees_new(
	struct places *places, const char *word, struct image_trees **out);
void image_trees_drop(struct image_trees **t);

// The trees of a program's machine, those before others that suit a device of platform p better,
// then those that ask for more than p has. is_soft: ARM's software floating point, whose libraries
// are found under the lowest variants. None is ERR_NO_START and lists the platforms there are.
// is_sure: an image of one platform alone is for p, whatever it says.
must_check struct err *image_trees_for(struct image_trees *t, const struct platform *p,
	bool is_soft, bool is_sure, struct image_tree ***out, size_t *n);
// All that are no attestations, in the order of the index.
must_check struct err *image_trees_all(struct image_trees *t, struct image_tree **out, size_t *n);
// The same without asking: none before something asked.
struct image_tree *image_trees_known(struct image_trees *t, size_t *n);
// Reads the layers, or finds them in the cache; once.
must_check struct err *image_tree_read(struct image_trees *t, struct image_tree *tree);
// "linux/arm/v7, linux/arm64"
const char *image_trees_platforms(struct image_trees *t);

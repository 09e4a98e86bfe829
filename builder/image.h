// An image as it lies at a place: its manifests with their documents, and what it starts.
#pragma once
#include "ldd/hidden.h"
#include "oci/layers.h"

struct descriptors {
	struct descriptor *at;
	size_t len, cap;
};
// The manifests under an image's top descriptor, in the order of the index (of nested ones too);
// the descriptor itself where there is no index.
must_check struct err *image_manifests(struct transport *t, const struct descriptor *top,
	struct arena *a, struct descriptors *out);
// Only what is for the device `asked` ("linux/arm/v7"): that very platform, else the highest that
// runs on it. ERR_USAGE lists the platforms there are.
must_check struct err *image_select(
	struct transport *t, const char *asked, struct arena *a, struct descriptors *manifests);
// Does p suit the device `asked` better than `than` (arch empty: nothing yet)? False where it does
// not run there.
bool platform_is_better(
	const struct platform *p, const struct platform *than, const struct platform *asked);

// "NAME@DIGEST" of what is called so; a digest that is part of the name gives way.
char *image_shown(const char *name, const char *digest, struct arena *a);

// One platform's image, or something else that an index holds.
struct image {
	struct descriptor descriptor;
	struct manifest manifest;
	struct image_config config; // empty for an artifact
	// No file system that starts: an attestation, an SBOM, a signature.
	bool is_artifact;
	struct platform platform; // as the index says, else as the config does
};
// Does the descriptor alone say that it is an attestation?
bool descriptor_is_attestation(const struct descriptor *d);
must_check struct err *image_read(
	struct transport *t, const struct descriptor *d, struct arena *a, struct image *out);
// "LD_LIBRARY_PATH" → its value in the config's Env, NULL where it is not there.
const char *image_env(const struct image *image, const char *name);

// A file that a container of the image starts, or is told to start by it.
struct started {
	const char *word; // as it is asked for
	const char *why;  // "the program", "runs entry.sh"
	// The entrypoint, the command where there is none, and interpreters: without them nothing
	// starts.
	bool is_required;
	const char *path;        // where it was found, links not followed
	const struct walk *walk; // NULL: not found
	const char *trouble;     // why the kernel would not start it; NULL: it would try
	const char *interpreter; // of a script, what runs it in the end (not env); NULL: none
	bool is_elf;             // then there is a closure
	struct closure closure;
	struct suggestions suggestions;
};
struct started_list {
	struct started *at;
	size_t len, cap;
};

// The inside of one platform's image.
struct inside {
	struct arena arena;
	const struct image *image;
	struct layers *layers;
	struct root *root;
	struct resolver *resolver;
	struct started_list started;
};
// Reads the layers as the options say (NULL: those of nobody), and finds what the config's words
// start. diff_ids: NULL for the config's own. Problems of programs are no errors: they stand in the
// list. inside_drop it in any case.
must_check struct err *inside_open(struct transport *t, const struct image *image,
	const struct strings *diff_ids, const struct layers_options *options, struct inside *out);
// One more word that is started, as an --entry is.
must_check struct err *inside_start(struct inside *in, const char *word, const char *why);
void inside_drop(struct inside *in);

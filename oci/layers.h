// The layers of an image as one root: each is indexed where it lies, or spooled plain where it is
// compressed; nothing is unpacked.
#pragma once
#include "base/root.h"
#include "oci/cache.h"
#include "oci/transport.h"

// A zeroed one will do.
struct layers_options {
	uint64_t plain_bytes; // of all layers together, 0: 64 GiB
	uint64_t entries;     // 0: 2,000,000
	uint64_t ratio;       // plain to compressed, of a layer above 64 MiB; 0: 1,100
	// Where layers that came compressed are kept plain, under their diff_id, and looked for
	// first: then the transport isn't asked for them. NULL: a temporary file.
	struct cache *cache;
	// So many bytes of a compressed layer were read; NULL: none.
	void (*progress)(void *arg, const struct descriptor *d, uint64_t bytes);
	void *progress_arg;
};

// What one layer holds of the final image, and what it cost.
struct layer_facts {
	struct descriptor descriptor;
	struct digest diff_id; // as computed
	uint64_t raw_size;     // of its plain tar
	uint64_t files;        // regular files that are still visible
};

struct layered_file {
	const char *path; // canonical
	struct node node;
	size_t layer;          // counted from 0, the lowest
	const char *hard_link; // the canonical path it shares its bytes with; NULL: none
};

struct layers;
// Reads the layers of a manifest from lowest to highest with whiteouts applied. diff_ids that
// differ from the config's, sizes or digests that differ from the descriptors, damaged tars, paths
// that climb out, and limits passed are errors. The root belongs to *out. Options may be NULL.
// The transport may go before the layers do; a plain file they lie in must not change meanwhile.
must_check struct err *layers_open(struct transport *t, const struct manifest *m,
	const struct image_config *c, const struct layers_options *options, struct layers **out);
struct root *layers_root(struct layers *l);
const struct layer_facts *layers_facts(const struct layers *l, size_t *n);
// All visible entries, sorted by path.
const struct layered_file *layers_files(const struct layers *l, size_t *n);
void layers_drop(struct layers **l);

// The documents of an image: descriptor, index, manifest, config, layout, each with its one table.
// Names and meaning are those of image-spec 1.1 (descriptor.md, image-index.md, manifest.md,
// config.md, image-layout.md). Unknown members survive reading and writing.
#pragma once
#include "base/digest.h"
#include "base/json.h"
#include "base/map.h"
#include "base/platform.h"

#define OCI_INDEX "application/vnd.oci.image.index.v1+json"
#define OCI_MANIFEST "application/vnd.oci.image.manifest.v1+json"
#define OCI_CONFIG "application/vnd.oci.image.config.v1+json"
#define OCI_LAYER "application/vnd.oci.image.layer.v1.tar" // then the compressor's suffix
#define DOCKER_LIST "application/vnd.docker.distribution.manifest.list.v2+json"
#define DOCKER_MANIFEST "application/vnd.docker.distribution.manifest.v2+json"
#define DOCKER_CONFIG "application/vnd.docker.container.image.v1+json"
#define DOCKER_LAYER "application/vnd.docker.image.rootfs.diff.tar" // then ".gzip"

#define OCI_REF_NAME "org.opencontainers.image.ref.name"
#define CONTAINERD_IMAGE_NAME "io.containerd.image.name"

#define OCI_DOCUMENT_MAX (4u << 20) // bytes of a manifest, index or config (distribution-spec)

struct oci_platform {
	const char *architecture, *os, *os_version, *variant;
	struct strings os_features;
	const char *unknown;
};

struct descriptor {
	const char *media_type, *artifact_type;
	const char *digest; // well-formed once read or made
	int64_t size;       // bytes, never negative
	struct strings urls;
	struct json_dict annotations;
	struct oci_platform platform;
	const char *unknown;
};

struct manifest {
	int64_t schema_version; // 2
	const char *media_type, *artifact_type;
	struct descriptor config;
	struct json_list layers; // of struct descriptor
	struct descriptor subject;
	struct json_dict annotations;
	const char *unknown;
};

struct index {
	int64_t schema_version; // 2
	const char *media_type, *artifact_type;
	struct json_list manifests; // of struct descriptor
	struct descriptor subject;
	struct json_dict annotations;
	const char *unknown;
};

struct runtime_config { // config.config
	const char *user;
	struct strings exposed_ports; // "8080/tcp"
	struct strings env, entrypoint, cmd;
	struct strings volumes;
	const char *working_dir, *stop_signal;
	struct json_dict labels;
	const char *unknown;
};

struct history {
	const char *created, *created_by, *author, *comment;
	bool empty_layer;
	const char *unknown;
};

struct rootfs {
	const char *type; // "layers"
	struct strings diff_ids;
	const char *unknown;
};

struct image_config {
	const char *created, *author, *architecture, *os, *os_version, *variant;
	struct runtime_config config;
	struct rootfs rootfs;
	struct json_list history; // of struct history
	const char *unknown;
};

extern const struct json_table descriptor_table, manifest_table, index_table, image_config_table;

// json_read plus what the specification demands: schemaVersion 2, digests well-formed, sizes not
// negative, mediaType (where present) as expected, not both `manifests` and `layers`,
// as many diff_ids as the caller's layers. ERR_FAILED names the document.
must_check struct err *manifest_read(
	struct span text, struct arena *a, struct manifest *out, const char *what);
must_check struct err *index_read(
	struct span text, struct arena *a, struct index *out, const char *what);
must_check struct err *image_config_read(
	struct span text, struct arena *a, struct image_config *out, const char *what);

bool media_is_index(const char *media_type);
bool media_is_manifest(const char *media_type);
// A descriptor of these bytes.
struct descriptor descriptor_of(const char *media_type, struct span bytes, struct arena *a);
struct platform platform_of(const struct oci_platform *p);
struct oci_platform oci_platform_of(const struct platform *p, struct arena *a);
// The value of an annotation or label, NULL where there is none.
const char *dict_get(const struct json_dict *d, const char *name);
void dict_set(struct json_dict *d, struct arena *a, const char *name, const char *value);
// The same for many: `places`, empty before the first, spares the search. Nothing else adds to the
// dict meanwhile.
void dict_put(struct json_dict *d, struct map *places, struct arena *a, const char *name,
	const char *value);

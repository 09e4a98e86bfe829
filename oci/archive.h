// A transport: one tar file, always hybrid: the OCI layout for containerd, podman and skopeo, and
// Docker's manifest.json naming blobs/sha256/… for docker load and balena-engine.
#pragma once
#include "oci/transport.h"

// For reading: oci-archives, docker-archives of docker save (manifest.json with VERSION/layer.tar)
// and hybrids; a compressed archive is spooled first. Where index.json is missing, manifests are
// made up from manifest.json, uncompressed layers keeping their bytes.
must_check struct err *archive_open(const char *path, struct transport **out);
// For writing: beside path, renamed over it on commit. path "-" is stdout, written as it comes.
// Every member is written with mode 0644, owner 0 and time `mtime`; the same puts give the same
// bytes. manifest.json has one entry for each platform manifest that was tagged or is part of a
// tagged index: the one put first (or transport.preferred) takes the names in Docker's short form,
// others are NAME-arch-variant ("sensor:latest-arm-v7"). Names without a tag are not in it.
must_check struct err *archive_create(const char *path, int64_t mtime, struct transport **out);
// Calls moved(arg, bytes) while a layer is being put: so many of its bytes are written.
void archive_watch(struct transport *t, void (*moved)(void *arg, uint64_t bytes), void *arg);
// Could the file be one? (A tar, perhaps compressed, with index.json or manifest.json.)
bool archive_is(const char *path);
// The same; what cannot be read is an error.
must_check struct err *archive_look(const char *path, bool *is);

// Places that images come from and go to: the transports of containers-transports(5) by their
// words.
#pragma once
#include "oci/layers.h"
#include "oci/transport.h"
#include "registry/client.h"

// What every command that talks to a registry takes, as it was typed (cli.md, «Environment»).
struct registry_args {
	const char *authfile, *creds, *cert_dir, *tls_verify, *retry_delay; // NULL: not given
	int64_t retry;                                                      // -1: not given
};
#define REGISTRY_DEFAULTS                                                                          \
	{                                                                                          \
		.tls_verify = "true", .retry = -1                                                  \
	}

// How places are spoken to; a zeroed one will do where no registry is named. registry_args are
// checked: ERR_USAGE.
struct places {
	struct registry_options registry;
	const struct registry_events *events; // NULL: nobody listens
	int64_t epoch;                        // time of members of archives, seconds
	const char *cache_dir;                // --cache-dir; NULL: the usual one
	bool is_cacheless;                    // --no-cache
	struct cache *cache;                  // opened for the first that needs it
	const char *creds_host;               // whose --creds are
};
must_check struct err *places_open(
	const struct registry_args *args, const struct registry_events *events, struct places *out);
void places_drop(struct places *p); // after the transports
// Where downloads and plain layers are kept between runs; it belongs to the places.
must_check struct err *places_cache(struct places *p, struct arena *a, struct cache **out);
// How layers of images are read here: with that cache, and told to the listener.
must_check struct err *places_reading(
	struct places *p, struct arena *a, struct layers_options *out);

// "docker://REF", "docker-daemon:[REF]", "oci:DIR[:TAG]", "oci-archive:FILE[:TAG]",
// "docker-archive:FILE[:REF]", "-" (stdout), or a plain word: without "/" and "." a reference; an
// existing directory or one ending in "/" is a layout; anything else with a ":" that could be a
// reference is one, the rest are archives. *name is the TAG or the full REF given, NULL for none.
must_check struct err *place_create(struct places *p, const char *place, struct arena *a,
	struct transport **out, const char **name);
// Could it be written there? Looked at before work begins; nothing of it stays, and what is neither
// a file nor a directory is not tried.
must_check struct err *place_try(const char *place, struct arena *a);
// The same error with what to do where the disk is full or the place cannot be written.
must_check struct err *place_elsewhere(struct err *e);
// The same words, for an image that is there. A plain word that is no existing path, and could not
// be meant as one ("./x", "x.tar"), is a reference.
must_check struct err *place_open(struct places *p, const char *place, struct arena *a,
	struct transport **out, const char **name);
// The error as one about the place `word`, where its first part does not name it already.
must_check struct err *place_wrap(struct err *e, const char *word);
// The one image that `name` (NULL: the only one) means at a place; ERR_USAGE lists the names there
// are where it is not clear.
must_check struct err *place_find(
	struct transport *t, const char *name, struct arena *a, struct named_image *out);
// --creds are one registry's. Named here before anything is asked, a second registry is ERR_USAGE
// and the first one hears of nothing; place_create and place_open look themselves, too.
must_check struct err *place_claim_creds(
	struct places *p, const char *place, bool to_write, struct arena *a);
// How the image found as `name` at a place is called: its reference there; where it has but a tag,
// or nothing, that behind the name of the file or folder.
must_check struct err *place_ref(const char *place, const char *name,
	const struct named_image *found, struct arena *a, struct ref *out);
// What a place takes where it holds one platform only: an engine its own. *is_single says whether
// it does.
must_check struct err *place_platform(
	const char *place, struct arena *a, bool *is_single, struct platform *out);
// A word that is read as a reference though it could be meant as a file: without "docker://", and
// (unless any_reference) without the ":" that only a reference has. ERR_USAGE.
must_check struct err *place_ask_target(const char *place, bool any_reference);
// A word where only a REF can stand, and it is a file's or written like one. ERR_USAGE.
must_check struct err *place_refuse_file(const char *ref, const char *order);
// The path of the archive that a place means; NULL: it is something else, or a stream.
must_check struct err *place_file(
	const char *place, bool to_write, struct arena *a, const char **out);
// What it takes to read a place, or to write it.
struct place_reach {
	bool is_registry, is_engine;
	const char *path; // of an archive or a layout; NULL: it is none, or a stream
	bool is_layout;
};
must_check struct err *place_reach(
	const char *place, bool to_write, struct arena *a, struct place_reach *out);
// Would place_create send it to a registry; to which repository?
must_check struct err *place_is_registry(
	const char *place, struct arena *a, bool *out, struct ref *ref);
// Would place_open look for it in a registry?
must_check struct err *place_is_pulled(
	const char *place, struct arena *a, bool *out, struct ref *ref);
// Where `source` is another repository of the registry that `place` (open for writing as t) is in,
// blobs are mounted from there.
must_check struct err *place_mount(
	struct transport *t, const char *place, const char *source, struct arena *a);

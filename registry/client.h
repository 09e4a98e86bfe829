// A transport: one repository of a registry, spoken to by the distribution protocol
// (distribution-spec 1.1).
#pragma once
#include "oci/cache.h"
#include "oci/transport.h"
#include "registry/ref.h"

// What every command that talks to a registry takes as options (cli.md, «Environment»).
struct registry_options {
	const char *authfile, *creds, *cert_dir; // NULL: not given
	bool tls_verify;                         // --tls-verify=false also allows plain HTTP
	int retry;                               // how often a request is repeated; default 5
	bool retry_is_given; // it holds where nobody listens, too: else once is enough there
	double retry_delay;  // seconds before the first repetition; 0: default
	struct cache *
		cache; // where downloads lie until they are whole, and resume from; NULL: temporary
};

// What became of a layer or config on its way.
enum registry_fate { FATE_EXISTS, FATE_MOUNTED, FATE_UPLOADED, FATE_DOWNLOADED, FATE_KEPT };

struct registry_events {
	void *arg;
	// Once per blob; from is the repository it was mounted from, else NULL.
	void (*blob)(
		void *arg, const struct descriptor *d, enum registry_fate fate, const char *from);
	// So far, on its way to what fate says (FATE_UPLOADED, FATE_DOWNLOADED); 0: it is queued.
	void (*progress)(
		void *arg, const struct descriptor *d, enum registry_fate fate, uint64_t bytes);
	// A layer, of an image anywhere, is read: so many of its (compressed) bytes so far.
	void (*reading)(void *arg, const struct descriptor *d, uint64_t bytes);
	void (*warning)(void *arg, const char *text); // "Warning: 299", insecure TLS; each once
	void (*log)(void *arg, const char *line);     // requests and answers, without secrets (-vv)
};

// Nothing is asked of the registry yet. list gives the one image that ref means; open downloads
// (resuming, checked); put only queues: queued blobs go out several at a time when the first
// document is put; tag sends the manifest under ref's tag (or each name given), commit waits for
// everything. A dropped transport leaves no tag behind.
must_check struct err *registry_open(const struct ref *ref, const struct registry_options *o,
	const struct registry_events *events, struct transport **out);

// Blobs that `source` (another repository of the same registry) holds are mounted instead of sent.
void registry_mount_from(struct transport *t, const struct ref *source);

// Tries the credentials against the registry: ERR_AUTH where it refuses them (login).
must_check struct err *registry_ping(const struct ref *ref, const struct registry_options *o,
	const struct registry_events *events);

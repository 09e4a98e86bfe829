// Requests to one registry, each answered in the end: who is asking, redirects, repetitions.
#pragma once
#include "base/map.h"
#include "registry/client.h"
#include "registry/http.h"

struct auth;
struct request;

// One registry, spoken to.
struct remote {
	const struct registry_options *o;
	const struct registry_events *events; // NULL: nobody listens
	struct http *http;
	struct auth *auth;
	struct arena arena;
	const char *host, *repository;  // as the reference names them
	const char *doubt;              // a hint where it looks like an address, else NULL
	struct url base;                // "https://host:port/"
	const char *schemes[2];         // to be tried in this order; [1] may be NULL
	bool is_settled;                // something has answered: the scheme holds
	struct request *probe, *parked; // the first request, and those waiting for its answer
	enum address address;
	vec(struct tls_files *) tls;
	struct map warned;
};

struct request {
	struct exchange x; // status and headers of the last answer
	struct remote *remote;

	// To be filled; borrowed until done.
	const char *method;
	const char *url; // "/v2/…" at the registry, else absolute
	const char
		*scope; // what is asked for, e.g. "repository:a/b:pull"; NULL: without credentials
	const char *authorization; // header for the URL's own origin (the token service)
	struct strings headers;
	struct http_body body;
	bool has_body;
	bool is_once;   // no repetition: the caller looks first what has arrived
	bool is_secret; // the body: redirects to another origin are refused
	// Takes the body of a 2xx; NULL: into x.text.
	struct err *(*receive)(struct request *r, const void *bytes, size_t n);
	void (*progress)(struct request *r);
	void (*done)(struct request *r); // NULL: nothing; r may be started again in it
	void *arg;

	// What became of it: an error, or x.status.
	struct err *error;
	bool is_done;
	struct url at; // where the answer came from

	struct arena arena;
	const char *sent_authorization;
	struct request *next; // of those that wait for the same
	int redirects, tries;
	bool asks_why;        // a HEAD was refused without words: GET has some
	bool has_enough;      // of the answer: what came after was not read
	bool was_refused;     // with a token, once
	bool next_uses_fresh; // the token it waits for, whatever its life
};

must_check struct err *remote_open(struct remote *r, const struct ref *ref,
	const struct registry_options *o, const struct registry_events *events);
void remote_drop(struct remote *r);
// Each text once.
void remote_warn(struct remote *r, const char *text);

void request_init(struct request *r, struct remote *remote, const char *method, const char *url);
void request_drop(struct request *r); // not while it is under way, http_drop() aside
void request_start(struct request *r);
must_check struct err *request_wait(struct request *r);
// Goes on with one that waited for a token; the error (taken over) ends it.
void request_resume(struct request *r, struct err *error);
const char *request_header(const struct request *r, const char *name);
// Is the answer something else than what was wanted? Then what it says: kind by status, "CODE:
// message" of the registry, hints.
must_check struct err *request_refused(const struct request *r);
// Milliseconds before the n-th repetition (0 is the first), with jitter; what Retry-After of the
// last answer asks for if that is more.
int64_t request_delay(const struct request *r, int n);
// Would another try help with a broken connection or with this status?
bool request_may_repeat(const struct request *r);

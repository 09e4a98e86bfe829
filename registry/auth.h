// Basic and Bearer (distribution-spec, token authentication): tokens by scope, fetched once for all
// that wait for them.
#pragma once
#include "registry/request.h"

struct auth;
struct auth *auth_new(struct remote *r);
void auth_drop(struct auth **a);

// The Authorization for a request to the registry in *header, NULL for none. False: it has to wait
// for a token, request_resume() comes.
bool auth_prepare(struct auth *a, struct request *r, const char **header);
// The registry answered 401. NULL: try again; else why that is no use.
must_check struct err *auth_challenged(struct auth *a, struct request *r);
// Are there credentials for this registry, as far as we were asked?
const struct creds *auth_creds(const struct auth *a);

// Who we are to a registry: Docker's config.json, containers-auth.json(5), credential helpers.
#pragma once
#include <stdbool.h>

#include "base/err.h"

// All NULL: nobody. Values never appear in messages; source does.
struct creds {
	const char *username, *password;
	const char *identity_token; // a refresh token
	const char *registry_token; // a Bearer token as it is
	const char *source;         // "/home/me/.docker/config.json", "docker-credential-pass"
	const char *problem;        // a helper or file that failed on the way, for the message
};

// creds ("USER:PASSWORD", --creds) and authfile are NULL where not given. A helper that fails
// leaves `problem` and the search goes on; a file that was named and can't be read is an error.
must_check struct err *creds_find(const char *host, const char *repository, const char *given,
	const char *authfile, struct arena *a, struct creds *out);

// Might creds_find start a helper? A file that can be read but once is taken for one that says so.
bool creds_may_start(const char *given, const char *authfile);

// login: the helper that is configured for the host gets them, else the file that the next read
// will find them in, atomically, mode 0600, its other fields kept. *where says which.
must_check struct err *creds_store(const char *host, const char *username, const char *password,
	const char *authfile, struct arena *a, const char **where);
// logout: from every file and helper that holds them. *where is NULL where nobody did. *left names
// the environment's variable that still does, NULL for none.
must_check struct err *creds_erase(const char *host, const char *authfile, struct arena *a,
	const char **where, const char **left);

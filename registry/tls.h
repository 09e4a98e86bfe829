// Whose certificates are believed, and which one is shown: the certs.d directories of Docker and
// containers (containers-certs.d(5)), SSL_CERT_FILE, SSL_CERT_DIR.
#pragma once
#include "base/err.h"

// NULL: libcurl's own choice.
struct tls_files {
	const char *host; // with port where it was named
	const char *ca_file, *ca_dir;
	const char *cert, *key;
	int ca_fd; // behind ca_file where several were joined, else -1
};

// For host, as certs.d writes it ("registry:5000"). cert_dir (NULL: not given) takes the place of
// certs.d. Found files that can't be read are errors.
must_check struct err *tls_find(
	const char *host, const char *cert_dir, struct arena *a, struct tls_files *out);
void tls_files_drop(struct tls_files *t);

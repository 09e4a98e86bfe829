// The options of every command that talks to a registry: rows for its option table.
#pragma once
#include "builder/place.h"
#include "cli/opt.h"

// offset: of a struct registry_args, which begins as REGISTRY_DEFAULTS.
#define REGISTRY_OPT(name, kind, offset, member, ...)                                              \
	OPT(name, 0, kind, (offset) + offsetof(struct registry_args, member), __VA_ARGS__)

#define REGISTRY_OPT_AUTHFILE(offset)                                                              \
	REGISTRY_OPT("authfile", OPT_TEXT, offset, authfile, "FILE",                               \
		"credentials in the format of Docker's config.json")
// Those of login: its credentials are its own.
#define REGISTRY_OPTS_OF_LOGIN(offset)                                                             \
	REGISTRY_OPT_AUTHFILE(offset),                                                             \
		REGISTRY_OPT("cert-dir", OPT_TEXT, offset, cert_dir, "DIR",                        \
			"certificates (*.crt) and client keys (*.cert, *.key) for the registry"),  \
		REGISTRY_OPT("tls-verify", OPT_CHOICE, offset, tls_verify, "BOOL",                 \
			"false: any certificate will do, and plain HTTP",                          \
			.choices = "true|false"),                                                  \
		REGISTRY_OPT("retry", OPT_NUMBER, offset, retry, "N",                              \
			"how often a request is repeated; default 5", .min = 0, .max = 100),       \
		REGISTRY_OPT("retry-delay", OPT_TEXT, offset, retry_delay, "SECONDS",              \
			"before the first repetition; later ones wait longer")
#define REGISTRY_OPTS(offset)                                                                      \
	REGISTRY_OPT("creds", OPT_SECRET, offset, creds, "USER:PASSWORD",                          \
		"who you are to the registry; imgmin login keeps it off the command line"),        \
		REGISTRY_OPTS_OF_LOGIN(offset)

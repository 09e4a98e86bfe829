// Image references: [host[:port]/]path[:tag][@digest], read and written as Docker does.
#pragma once
#include "base/digest.h"

struct ref {
	char host[256];       // "docker.io" where none was named; with port
	char repository[256]; // path; "library/debian" for a bare name of docker.io
	char tag[129];        // "" where none was given
	char digest[72];      // "" where none was given
};

// Grammar of distribution/reference; the whole name has at most 255 bytes. Names beginning with
// a scheme, 64 bare hex digits, capitals in the path and zones in IPv6 hosts are refused:
// ERR_USAGE, with the reason.
must_check struct err *ref_parse(const char *text, struct ref *out);
// The full name: "docker.io/library/debian:12", what containerd shows. The default tag is written.
char *ref_full(const struct ref *r, struct arena *a);
// The familiar one: "debian:12", "user/sensor:latest", what Docker's RepoTags hold.
char *ref_familiar(const struct ref *r, struct arena *a);
// The tag, "latest" where neither tag nor digest was given, "" where only a digest.
const char *ref_tag(const struct ref *r);

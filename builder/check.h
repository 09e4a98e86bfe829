// The story of `imgmin check`: is an image sound, and would its programs start.
#pragma once
#include "builder/image.h"
#include "builder/place.h"
#include "builder/sysroot.h"

struct check_args {
	struct strings names, sysroots, library_path;
	struct strings targets; // names of builder/target.h
	const char *platform;
	bool strict;
	uint64_t max_size; // bytes of an image's layers as they are sent; 0: any
	struct registry_args registry;
};

enum finding_kind {
	FINDING_WARNING,
	FINDING_DAMAGE,   // in the image itself
	FINDING_NO_START, // a program of it would not start
	FINDING_POLICY,   // nothing for --platform, too large, or what a target cannot take
};
struct finding {
	enum finding_kind kind;
	const char *platform; // "linux/arm/v7", or what else it is about
	const char *text;     // one line
	const char *hint;     // NULL: none
	struct strings details;
};

struct target;
struct check {
	struct arena arena;
	const struct check_args *args;
	const char *name;
	const char *platform; // what is being looked at
	struct {
		struct asked_target {
			const struct target *target;
			const char *takes; // digest of what a device would take; NULL: nothing
		} * at;
		size_t len, cap;
	} targets;
	struct {
		struct finding *at;
		size_t len, cap;
	} findings;
	size_t images, layers, programs, libraries; // looked at
};

// Looks at an image or, where the name is that of an ELF file, at a program of this machine. What
// is found wrong stands in out->findings; the error is for what cannot be looked at at all.
// check_drop in any case.
must_check struct err *check(
	const struct check_args *args, const struct registry_events *events, struct check *out);
void check_drop(struct check *c);
// Is it looked at as a program of this machine, rather than as an image?
bool check_is_program(const char *name);
size_t check_count(const struct check *c, enum finding_kind kind);
// What the findings come to: damage ERR_FAILED, else a program that would not start ERR_NO_START,
// else a target's or --platform's no ERR_POLICY, and so with args->strict a warning; NULL where all
// is well.
must_check struct err *check_verdict(const struct check *c);

// For the parts of the check.
struct finding *finding_add(struct check *c, enum finding_kind kind, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
// The problems of a program as findings; image: it lies in there, NULL: on this machine.
void check_closure(struct check *c, const struct closure *closure, const struct image *image);
// What a container of the image starts, and whether it would (builder/check_inside.c).
must_check struct err *check_inside(struct check *c, struct inside *in);

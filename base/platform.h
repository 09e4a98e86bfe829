// Platforms as OCI writes them: linux/arm/v7 as text and struct, their order and matching.
#pragma once
#include <stdbool.h>

#include "base/err.h"

// Empty strings where not given. amd64's v1 and arm64's v8 are written as empty variants
// (image-spec image-index.md, Platform Variants; containerd platforms.Normalize).
struct platform {
	char os[16], arch[16], variant[8];
};

// "linux/arm/v7", "arm64", "linux/amd64": the first part may be missing when it is linux. Aliases
// people type (x86_64, aarch64, armhf, armel, i386) are understood. Unknown words: ERR_USAGE.
must_check struct err *platform_parse(const char *text, struct platform *out);
// "linux/arm/v7"; the longest has 41 bytes with its NUL.
#define PLATFORM_TEXT 48
const char *platform_text(const struct platform *p, char out[PLATFORM_TEXT]);
bool platform_equal(const struct platform *a, const struct platform *b);
// Can a device of platform `device` run what was made for `image`? Same os and architecture, and a
// variant not above the device's (v6 runs on v7, amd64 v2 not on v1).
bool platform_runs(const struct platform *device, const struct platform *image);
// The number in a variant ("v7" → 7), 0 for none.
int platform_level(const struct platform *p);
// The order of an index: engines before Docker 20.10 and containerd 1.5 take the first arm entry,
// so v5, v6, v7, v8, arm64, then the others by name. Negative, 0 or positive like strcmp.
int platform_order(const struct platform *a, const struct platform *b);
// This machine's.
struct platform platform_host(void);

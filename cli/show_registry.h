// What a registry does, on stderr, the same for every command: a line for each layer, warnings and,
// with -vv, requests.
#pragma once
#include "cli/opt.h"
#include "registry/client.h"

struct registry_events show_registry(const struct common_args *common);
// For commands that only look at an image: what is in the cache is told with -v.
struct registry_events show_registry_reading(const struct common_args *common);
// "1.2: digest: sha256:… size: 1234" as docker push says it; name is a full reference.
char *pushed_text(const char *name, const struct descriptor *top);
void show_pushed(FILE *out, const char *name, const struct descriptor *top);

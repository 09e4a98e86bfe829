// manifest.json of docker save's archives: one entry an image.
#pragma once
#include "base/json.h"

struct docker_save {
	const char *config; // member names
	struct strings repo_tags;
	struct strings layers; // lowest first
	const char *unknown;
};

extern const struct json_table docker_save_table;

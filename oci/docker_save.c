#include "oci/docker_save.h"

static const struct json_field fields[] = {
	{"Config", JSON_TEXT, JSON_REQUIRED, offsetof(struct docker_save, config), NULL},
	{"RepoTags", JSON_TEXTS, JSON_KEEP_EMPTY, offsetof(struct docker_save, repo_tags), NULL},
	{"Layers", JSON_TEXTS, JSON_KEEP_EMPTY, offsetof(struct docker_save, layers), NULL},
	{0},
};
const struct json_table docker_save_table = {
	fields, sizeof(struct docker_save), offsetof(struct docker_save, unknown)};

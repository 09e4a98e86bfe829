#include "oci/types.h"

#include <string.h>

#define FIELD(type, json, k, fl, member)                                                           \
	{                                                                                          \
		.name = (json), .kind = (k), .flags = (fl),                                        \
		.offset = offsetof(struct type, member)                                            \
	}
#define NESTED(type, json, k, fl, member, tab)                                                     \
	{                                                                                          \
		.name = (json), .kind = (k), .flags = (fl),                                        \
		.offset = offsetof(struct type, member), .table = (tab)                            \
	}
#define TABLE(type, list)                                                                          \
	{                                                                                          \
		.fields = (list), .size = sizeof(struct type),                                     \
		.unknown_offset = offsetof(struct type, unknown)                                   \
	}

static const struct json_field platform_fields[] = {
	FIELD(oci_platform, "architecture", JSON_TEXT, 0, architecture),
	FIELD(oci_platform, "os", JSON_TEXT, 0, os),
	FIELD(oci_platform, "os.version", JSON_TEXT, 0, os_version),
	FIELD(oci_platform, "os.features", JSON_TEXTS, 0, os_features),
	FIELD(oci_platform, "variant", JSON_TEXT, 0, variant),
	{0},
};
static const struct json_table platform_table = TABLE(oci_platform, platform_fields);

static const struct json_field descriptor_fields[] = {
	FIELD(descriptor, "mediaType", JSON_TEXT, JSON_REQUIRED, media_type),
	FIELD(descriptor, "digest", JSON_TEXT, JSON_REQUIRED, digest),
	FIELD(descriptor, "size", JSON_NUMBER, JSON_REQUIRED | JSON_KEEP_EMPTY, size),
	FIELD(descriptor, "urls", JSON_TEXTS, 0, urls),
	FIELD(descriptor, "annotations", JSON_DICT, 0, annotations),
	NESTED(descriptor, "platform", JSON_STRUCT, 0, platform, &platform_table),
	FIELD(descriptor, "artifactType", JSON_TEXT, 0, artifact_type),
	{0},
};
const struct json_table descriptor_table = TABLE(descriptor, descriptor_fields);

static const struct json_field manifest_fields[] = {
	FIELD(manifest, "schemaVersion", JSON_NUMBER, JSON_REQUIRED, schema_version),
	FIELD(manifest, "mediaType", JSON_TEXT, 0, media_type),
	FIELD(manifest, "artifactType", JSON_TEXT, 0, artifact_type),
	NESTED(manifest, "config", JSON_STRUCT, JSON_REQUIRED, config, &descriptor_table),
	NESTED(manifest, "layers", JSON_STRUCTS, JSON_KEEP_EMPTY, layers, &descriptor_table),
	NESTED(manifest, "subject", JSON_STRUCT, 0, subject, &descriptor_table),
	FIELD(manifest, "annotations", JSON_DICT, 0, annotations),
	{0},
};
const struct json_table manifest_table = TABLE(manifest, manifest_fields);

static const struct json_field index_fields[] = {
	FIELD(index, "schemaVersion", JSON_NUMBER, JSON_REQUIRED, schema_version),
	FIELD(index, "mediaType", JSON_TEXT, 0, media_type),
	FIELD(index, "artifactType", JSON_TEXT, 0, artifact_type),
	NESTED(index, "manifests", JSON_STRUCTS, JSON_KEEP_EMPTY, manifests, &descriptor_table),
	NESTED(index, "subject", JSON_STRUCT, 0, subject, &descriptor_table),
	FIELD(index, "annotations", JSON_DICT, 0, annotations),
	{0},
};
const struct json_table index_table = TABLE(index, index_fields);

static const struct json_field runtime_fields[] = {
	FIELD(runtime_config, "User", JSON_TEXT, 0, user),
	FIELD(runtime_config, "ExposedPorts", JSON_SET, 0, exposed_ports),
	FIELD(runtime_config, "Env", JSON_TEXTS, 0, env),
	FIELD(runtime_config, "Entrypoint", JSON_TEXTS, 0, entrypoint),
	FIELD(runtime_config, "Cmd", JSON_TEXTS, 0, cmd),
	FIELD(runtime_config, "Volumes", JSON_SET, 0, volumes),
	FIELD(runtime_config, "WorkingDir", JSON_TEXT, 0, working_dir),
	FIELD(runtime_config, "Labels", JSON_DICT, 0, labels),
	FIELD(runtime_config, "StopSignal", JSON_TEXT, 0, stop_signal),
	{0},
};
static const struct json_table runtime_table = TABLE(runtime_config, runtime_fields);

static const struct json_field rootfs_fields[] = {
	FIELD(rootfs, "type", JSON_TEXT, 0, type),
	FIELD(rootfs, "diff_ids", JSON_TEXTS, JSON_KEEP_EMPTY, diff_ids),
	{0},
};
static const struct json_table rootfs_table = TABLE(rootfs, rootfs_fields);

static const struct json_field history_fields[] = {
	FIELD(history, "created", JSON_TEXT, 0, created),
	FIELD(history, "created_by", JSON_TEXT, 0, created_by),
	FIELD(history, "author", JSON_TEXT, 0, author),
	FIELD(history, "comment", JSON_TEXT, 0, comment),
	FIELD(history, "empty_layer", JSON_FLAG, 0, empty_layer),
	{0},
};
static const struct json_table history_table = TABLE(history, history_fields);

static const struct json_field config_fields[] = {
	FIELD(image_config, "created", JSON_TEXT, 0, created),
	FIELD(image_config, "author", JSON_TEXT, 0, author),
	FIELD(image_config, "architecture", JSON_TEXT, JSON_REQUIRED | JSON_KEEP_EMPTY,
		architecture),
	FIELD(image_config, "variant", JSON_TEXT, 0, variant),
	FIELD(image_config, "os", JSON_TEXT, JSON_REQUIRED | JSON_KEEP_EMPTY, os),
	FIELD(image_config, "os.version", JSON_TEXT, 0, os_version),
	NESTED(image_config, "config", JSON_STRUCT, 0, config, &runtime_table),
	NESTED(image_config, "rootfs", JSON_STRUCT, JSON_KEEP_EMPTY, rootfs, &rootfs_table),
	NESTED(image_config, "history", JSON_STRUCTS, 0, history, &history_table),
	{0},
};
const struct json_table image_config_table = TABLE(image_config, config_fields);

static struct err *check_descriptor(const struct descriptor *d)
{
	struct digest parsed;

	if (!digest_parse(d->digest, &parsed))
		return err_new(
			ERR_FAILED, "digest %.80s is not sha256 and 64 hex digits", d->digest);
	if (d->size < 0)
		return err_new(ERR_FAILED, "size of %s is negative", d->digest);
	return NULL;
}

static struct err *check_descriptors(const struct json_list *l, const char *name)
{
	const struct descriptor *d = l->at;

	for (size_t i = 0; i < l->len; i++)
		TRY_AS(check_descriptor(&d[i]), "%s: [%zu]", name, i);
	return NULL;
}

static struct err *check_subject(const struct descriptor *subject)
{
	if (subject->digest)
		TRY_AS(check_descriptor(subject), "subject");
	return NULL;
}

// One document that is index and manifest at once would be two images under one digest
// (image-spec manifest.md; CVE-2021-41190).
static struct err *check_no_member(const char *unknown, const char *name, const char *kind)
{
	drop(json_drop) json_t *rest = NULL;

	if (!unknown)
		return NULL;
	TRY(json_parse((struct span){(const uint8_t *)unknown, strlen(unknown)}, "unknown members",
		&rest));
	json_t *v = json_object_get(rest, name);

	if (v && !json_is_null(v))
		return err_new(ERR_FAILED, "%s has a member \"%s\" too", kind, name);
	return NULL;
}

static struct err *check_schema(int64_t version)
{
	if (version != 2)
		return err_new(ERR_FAILED, "schemaVersion is %lld, only 2 is supported",
			(long long)version);
	return NULL;
}

static struct err *check_manifest(const struct manifest *m)
{
	TRY(check_schema(m->schema_version));
	if (m->media_type && !media_is_manifest(m->media_type))
		return err_new(ERR_FAILED, "mediaType %s is not a manifest's", m->media_type);
	TRY(check_no_member(m->unknown, "manifests", "the manifest"));
	TRY_AS(check_descriptor(&m->config), "config");
	TRY(check_descriptors(&m->layers, "layers"));
	return check_subject(&m->subject);
}

struct err *manifest_read(struct span text, struct arena *a, struct manifest *out, const char *what)
{
	TRY(json_read(text, &manifest_table, a, out, what));
	TRY_AS(check_manifest(out), "%s", what);
	return NULL;
}

static struct err *check_index(const struct index *x)
{
	TRY(check_schema(x->schema_version));
	if (x->media_type && !media_is_index(x->media_type))
		return err_new(ERR_FAILED, "mediaType %s is not an index's", x->media_type);
	TRY(check_no_member(x->unknown, "layers", "the index"));
	TRY(check_no_member(x->unknown, "config", "the index"));
	TRY(check_descriptors(&x->manifests, "manifests"));
	return check_subject(&x->subject);
}

struct err *index_read(struct span text, struct arena *a, struct index *out, const char *what)
{
	TRY(json_read(text, &index_table, a, out, what));
	TRY_AS(check_index(out), "%s", what);
	return NULL;
}

struct err *image_config_read(
	struct span text, struct arena *a, struct image_config *out, const char *what)
{
	struct digest parsed;

	TRY(json_read(text, &image_config_table, a, out, what));
	for (size_t i = 0; i < out->rootfs.diff_ids.len; i++)
		if (!digest_parse(out->rootfs.diff_ids.at[i], &parsed))
			return err_new(ERR_FAILED,
				"%s: diff_id %.80s is not sha256 and 64 hex digits", what,
				out->rootfs.diff_ids.at[i]);
	return NULL;
}

bool media_is_index(const char *media_type)
{
	return media_type && (!strcmp(media_type, OCI_INDEX) || !strcmp(media_type, DOCKER_LIST));
}

bool media_is_manifest(const char *media_type)
{
	return media_type &&
		(!strcmp(media_type, OCI_MANIFEST) || !strcmp(media_type, DOCKER_MANIFEST));
}

struct descriptor descriptor_of(const char *media_type, struct span bytes, struct arena *a)
{
	struct digest d = digest_of(bytes.ptr, bytes.len);

	return (struct descriptor){
		.media_type = arena_strdup(a, media_type),
		.digest = arena_strdup(a, d.text),
		.size = (int64_t)bytes.len,
	};
}

static void copy_word(char *to, size_t n, const char *from)
{
	if (from && strlen(from) < n)
		memcpy(to, from, strlen(from) + 1);
}

struct platform platform_of(const struct oci_platform *p)
{
	struct platform out = {0};

	copy_word(out.os, sizeof(out.os), p->os);
	copy_word(out.arch, sizeof(out.arch), p->architecture);
	copy_word(out.variant, sizeof(out.variant), p->variant);
	if ((!strcmp(out.arch, "arm64") && !strcmp(out.variant, "v8")) ||
		(!strcmp(out.arch, "amd64") && !strcmp(out.variant, "v1")))
		out.variant[0] = '\0';
	return out;
}

struct oci_platform oci_platform_of(const struct platform *p, struct arena *a)
{
	return (struct oci_platform){
		.os = arena_strdup(a, p->os),
		.architecture = arena_strdup(a, p->arch),
		.variant = *p->variant ? arena_strdup(a, p->variant) : NULL,
	};
}

const char *dict_get(const struct json_dict *d, const char *name)
{
	for (size_t i = 0; i < d->len; i++)
		if (!strcmp(d->at[i].name, name))
			return d->at[i].value;
	return NULL;
}

void dict_set(struct json_dict *d, struct arena *a, const char *name, const char *value)
{
	struct map places = {0};

	dict_put(d, &places, a, name, value);
}

void dict_put(struct json_dict *d, struct map *places, struct arena *a, const char *name,
	const char *value)
{
	// A place is counted from 1: none is NULL.
	for (size_t i = places->len; i < d->len; i++)
		*map_at(places, a, d->at[i].name) = (void *)(uintptr_t)(i + 1);
	void **place = map_at(places, a, name);

	if (*place) {
		d->at[(uintptr_t)*place - 1].value = arena_strdup(a, value);
		return;
	}
	vec_push(a, d, (struct json_pair){arena_strdup(a, name), arena_strdup(a, value)});
	*place = (void *)(uintptr_t)d->len;
}

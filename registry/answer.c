#include "registry/answer.h"

#include <string.h>

#include "registry/headers.h"

enum {
	TOKEN_MAX = 16 << 10, // bytes
	TOKEN_SECONDS = 60,   // where the service does not say (token specification)
	TOKEN_SECONDS_MAX = 24 * 3600,
	LINE_MAX_BYTES = 200, // of words that are no JSON
};

static const char *text_member(const json_t *j, const char *name)
{
	return json_string_value(json_object_get(j, name));
}

// NULL where it is no JSON.
static json_t *parsed(struct span body)
{
	json_t *j = NULL;
	struct err *e = json_parse(body, "answer", &j);

	err_drop(&e);
	return j;
}

// ---- what a registry says when it refuses

void answer_add_clean(char *out, size_t n, const char *text)
{
	size_t len = strlen(out);

	for (; text && *text && len + 1 < n; text++) {
		const unsigned char c = (unsigned char)*text;

		// C1 controls are 0xc2 0x80 … 0x9f in UTF-8; what goes must not leave another one.
		if (len && (unsigned char)out[len - 1] == 0xc2 && c >= 0x80 && c < 0xa0) {
			len--;
			continue;
		}
		out[len++] = c < ' ' || c == 127 ? ' ' : (char)c;
	}
	while (len && out[len - 1] == ' ')
		len--;
	out[len] = '\0';
}

static void add_first_line(struct span body, char *out, size_t n)
{
	drop(arena_drop) struct arena a = {0};
	char *text = arena_strndup(
		&a, (const char *)body.ptr, body.len < LINE_MAX_BYTES ? body.len : LINE_MAX_BYTES);

	text[strcspn(text, "\r\n")] = '\0';
	if (*text != '<' && strlen(text) < LINE_MAX_BYTES)
		answer_add_clean(out, n, text);
}

void answer_complaint(struct span body, char *out, size_t n)
{
	drop(json_drop) json_t *j = body.len ? parsed(body) : NULL;

	*out = '\0';
	if (!body.len)
		return;
	if (!j) {
		add_first_line(body, out, n);
		return;
	}
	const json_t *first = json_array_get(json_object_get(j, "errors"), 0) ?: j;
	const char *code = text_member(first, "code") ?: text_member(first, "error");
	const char *message = text_member(first, "message") ?: text_member(first, "details")
		?: text_member(first, "error_description");

	answer_add_clean(out, n, code);
	if (code && message && strlen(out) + 3 < n)
		strcat(out, ": ");
	answer_add_clean(out, n, message);
}

// ---- a token

static bool is_header_text(const char *s)
{
	if (!*s)
		return false;
	for (; *s; s++)
		if (*s <= ' ' || *s == 127)
			return false;
	return true;
}

struct err *answer_token(struct span body, struct arena *a, const char **out, int64_t *seconds)
{
	drop(json_drop) json_t *j = NULL;

	TRY(json_parse(body, "its answer", &j));
	const char *token = text_member(j, "token");
	const json_t *life = json_object_get(j, "expires_in");

	if (!token || !*token)
		token = text_member(j, "access_token");
	if (!token)
		return err_new(ERR_AUTH, "no token in its answer");
	if (strlen(token) > TOKEN_MAX || !is_header_text(token))
		return err_new(ERR_NETWORK, "its token is too long or malformed");
	*seconds = json_is_integer(life) ? json_integer_value(life) : TOKEN_SECONDS;
	if (*seconds < 1 || *seconds > TOKEN_SECONDS_MAX)
		*seconds = *seconds < 1 ? TOKEN_SECONDS : TOKEN_SECONDS_MAX;
	*out = arena_strdup(a, token);
	return NULL;
}

// ---- documents

struct err *answer_document_type(struct span body, const char *content_type, const char *wanted,
	struct arena *a, const char **out)
{
	drop(json_drop) json_t *j = NULL;
	const char *type = content_type ? header_media_type(content_type, a) : NULL;

	TRY(json_parse(body, "the document", &j));
	const char *own = text_member(j, "mediaType");

	if (json_object_get(j, "manifests") && json_object_get(j, "layers"))
		return err_new(ERR_NETWORK, "it holds both manifests and layers");
	if (type && strstr(type, "docker.distribution.manifest.v1+"))
		return err_new(ERR_NETWORK, "its format (Docker schema 1) is too old");
	if (own && type && strcmp(own, type))
		return err_new(
			ERR_NETWORK, "its Content-Type is %.100s, its mediaType %.100s", type, own);
	*out = own                                ? arena_strdup(a, own)
		: type                            ? type
		: json_object_get(j, "manifests") ? OCI_INDEX
						  : OCI_MANIFEST;
	if (!media_is_index(*out) && !media_is_manifest(*out))
		return err_new(ERR_NETWORK, "%.100s is neither a manifest nor an index", *out);
	if (wanted && strcmp(*out, wanted))
		return err_new(ERR_NETWORK, "it is of type %s, not %s as announced", *out, wanted);
	return NULL;
}

struct err *answer_referrers(struct span body, struct arena *a, struct named_images *out)
{
	const struct descriptor *d;
	struct index index;

	TRY(index_read(body, a, &index, "referrers"));
	d = index.manifests.at;
	for (size_t i = 0; i < index.manifests.len; i++)
		vec_add(a, out)->descriptor = (struct descriptor){
			.media_type = d[i].media_type, .digest = d[i].digest, .size = d[i].size};
	return NULL;
}

// ---- an engine's words

const char *answer_load_error(struct span body, struct arena *a)
{
	while (body.len) {
		const uint8_t *end = memchr(body.ptr, '\n', body.len);
		const size_t n = end ? (size_t)(end - body.ptr) : body.len;
		drop(json_drop) json_t *j = parsed((struct span){body.ptr, n});
		const char *why = text_member(j, "error");

		if (why)
			return arena_strdup(a, why);
		body.ptr += n + (end != NULL);
		body.len -= n + (end != NULL);
	}
	return NULL;
}

const char *answer_engine_message(struct span body, struct arena *a)
{
	drop(json_drop) json_t *j = parsed(body);
	const char *message = text_member(j, "message");

	return message ? arena_strdup(a, message) : NULL;
}

#include "builder/k8s.h"

#include <stdlib.h>
#include <string.h>

#include "builder/image.h"

#define LABEL_MAX 63u // RFC 1123, validation.go of apimachinery
#define SUBDOMAIN_MAX 253u
#define LOWER "abcdefghijklmnopqrstuvwxyz0123456789"
#define ALNUM LOWER "ABCDEFGHIJKLMNOPQRSTUVWXYZ"

struct daemon_set {
	const struct k8s_args *args;
	struct arena *a;
	const char *image, *asked; // by digest; as it was typed
	const char *name;
	struct platform *platforms; // that the image is for, in platform_order
	size_t n_platforms;
	bool is_numbered; // each platform's user is a number other than 0
	bool is_root;     // one platform's is root
};

// ---- what Kubernetes takes for a name ----

// At most max bytes of `words` and `inner`, with one of `words` at both ends.
static bool is_word(const char *s, size_t n, size_t max, const char *inner)
{
	if (!n || n > max || !strchr(ALNUM, s[0]) || !strchr(ALNUM, s[n - 1]))
		return false;
	for (size_t i = 0; i < n; i++)
		if (!strchr(ALNUM, s[i]) && !strchr(inner, s[i]))
			return false;
	return true;
}

static bool is_lower(const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (s[i] >= 'A' && s[i] <= 'Z')
			return false;
	return true;
}

static bool is_label(const char *s)
{
	return is_lower(s, strlen(s)) && is_word(s, strlen(s), LABEL_MAX, "-");
}

static bool is_subdomain(const char *s, size_t n)
{
	const char *end = s + n;

	if (!n || n > SUBDOMAIN_MAX || !is_lower(s, n))
		return false;
	for (;;) {
		const char *dot = memchr(s, '.', (size_t)(end - s));

		if (!is_word(s, (size_t)((dot ? dot : end) - s), LABEL_MAX, "-"))
			return false;
		if (!dot)
			return true;
		s = dot + 1;
	}
}

// "gpio", "example.com/gpio"
static bool is_qualified(const char *s, size_t n)
{
	const char *slash = memchr(s, '/', n);
	size_t prefix = slash ? (size_t)(slash - s) : 0;

	if (slash && !is_subdomain(s, prefix))
		return false;
	return is_word(
		s + (slash ? prefix + 1 : 0), n - (slash ? prefix + 1 : 0), LABEL_MAX, "-_.");
}

static struct err *check_selector(const struct strings *selector)
{
	for (size_t i = 0; i < selector->len; i++) {
		const char *word = selector->at[i], *value = strchr(word, '=');
		size_t n = value ? (size_t)(value - word) : 0;

		if (!value || !is_qualified(word, n) ||
			(value[1] && !is_word(value + 1, strlen(value + 1), LABEL_MAX, "-_.")))
			return err_hint(err_new(ERR_USAGE,
						"--node-selector %s: not a label KEY=VALUE", word),
				"kubectl get nodes --show-labels lists those there are");
		for (size_t k = 0; k < i; k++)
			if (strncmp(selector->at[k], word, n + 1) == 0)
				return err_new(ERR_USAGE, "--node-selector %s: %s was given, too",
					word, selector->at[k]);
	}
	return NULL;
}

static struct err *check_env(const struct strings *env)
{
	for (size_t i = 0; i < env->len; i++) {
		const char *word = env->at[i], *value = strchr(word, '=');
		size_t n = value ? (size_t)(value - word) : 0;

		if (!n || strspn(word, ALNUM "-._") < n || (word[0] >= '0' && word[0] <= '9'))
			return err_new(ERR_USAGE, "--env %s: not NAME=VALUE", word);
		if (!json_is_text(value))
			return err_new(
				ERR_USAGE, "--env %.*s: the value is not UTF-8", (int)n, word);
	}
	return NULL;
}

// A path that the kubelet takes for a hostPath, and that is one device.
static struct err *check_device(const char *path)
{
	drop(mem_drop) char *inside = str_printf("%s/", path);

	if (path[0] == '/' && path[1] && json_is_text(path) && !strstr(inside, "//") &&
		!strstr(inside, "/../") && !strstr(inside, "/./") && !strchr(path, ':'))
		return NULL;
	return err_new(ERR_USAGE, "--device %s: not the path of a device on the node", path);
}

static struct err *check_devices(const struct k8s_args *args)
{
	const char *resource = args->device_resource;

	for (size_t i = 0; i < args->devices.len; i++)
		TRY(check_device(args->devices.at[i]));
	if (resource &&
		(!strchr(resource, '/') || !is_qualified(resource, strlen(resource)) ||
			strstr(resource, "kubernetes.io/")))
		return err_new(ERR_USAGE,
			"--device-resource %s: not the name of a device plugin's resource, such as "
			"example.com/gpiomem",
			resource);
	if (resource && args->privileged)
		return err_hint(
			err_new(ERR_USAGE, "--device-resource and --privileged are two ways"),
			"the first gives the container one device, the second all of them: choose one");
	if (args->devices.len && !resource && !args->privileged)
		return err_hint(
			err_new(ERR_USAGE,
				"--device %s: the container could not open it (EPERM): without "
				"privileges its cgroup allows no device of the node",
				args->devices.at[0]),
			"--device-resource NAME asks a device plugin on the node for it; --privileged "
			"gives the container every device there is");
	return NULL;
}

static struct err *check_args(const struct k8s_args *args)
{
	if (args->name && !is_label(args->name))
		return err_hint(err_new(ERR_USAGE, "--name %s: not a name", args->name),
			"it has at most %u of a-z, 0-9 and - between them", LABEL_MAX);
	if (args->namespace && !is_label(args->namespace))
		return err_hint(err_new(ERR_USAGE, "--namespace %s: not a name", args->namespace),
			"it has at most %u of a-z, 0-9 and - between them", LABEL_MAX);
	TRY(check_selector(&args->node_selector));
	TRY(check_env(&args->env));
	return check_devices(args);
}

// The last part of the repository, as far as it can be a label.
static const char *name_of(const struct ref *ref, struct arena *a)
{
	const char *last = strrchr(ref->repository, '/');
	char *name = arena_strdup(a, last ? last + 1 : ref->repository);
	size_t n = strlen(name);

	for (size_t i = 0; i < n; i++)
		if (!strchr(LOWER, name[i]))
			name[i] = '-';
	for (n = n > LABEL_MAX ? LABEL_MAX : n; n && name[n - 1] == '-'; n--)
		continue;
	name[n] = '\0';
	return name;
}

// ---- the image ----

enum user { USER_ROOT, USER_NUMBER, USER_NAME };

// "65534:65534", "nobody", "".
static enum user user_of(const char *user)
{
	size_t n = user ? strcspn(user, ":") : 0;

	if (!n)
		return USER_ROOT;
	if (strspn(user, "0123456789") >= n)
		return strspn(user, "0") >= n ? USER_ROOT : USER_NUMBER;
	return n == 4 && strncmp(user, "root", n) == 0 ? USER_ROOT : USER_NAME;
}

static int by_platform(const void *x, const void *y)
{
	return platform_order(x, y);
}

static struct err *read_images(
	struct daemon_set *s, struct transport *t, const struct descriptors *manifests)
{
	s->platforms = arena_alloc(s->a, manifests->len * sizeof(*s->platforms));
	s->is_numbered = true;
	vec_each (d, manifests) {
		struct image image;

		TRY(image_read(t, d, s->a, &image));
		if (image.is_artifact || strcmp(image.platform.os, "linux") != 0)
			continue;
		const enum user user = user_of(image.config.config.user);

		s->platforms[s->n_platforms++] = image.platform;
		s->is_numbered &= user == USER_NUMBER;
		s->is_root |= user == USER_ROOT;
	}
	qsort(s->platforms, s->n_platforms, sizeof(*s->platforms), by_platform);
	return s->n_platforms ? NULL : err_new(ERR_FAILED, "it holds no image for Linux");
}

static struct err *find_image(struct daemon_set *s, struct places *places)
{
	drop(transport_drop) struct transport *t = NULL;
	const char *place = s->args->images.at[0], *name;
	struct descriptors manifests;
	struct named_image found;
	struct ref ref;
	bool is_pulled;

	TRY(place_is_pulled(place, s->a, &is_pulled, &ref));
	if (!is_pulled)
		return err_hint(
			err_new(ERR_USAGE, "%s: a node pulls its images from a registry", place),
			"imgmin push %s REF sends it there, then imgmin k8s REF", place);
	TRY(place_open(places, place, s->a, &t, &name));
	TRY(place_find(t, name, s->a, &found));
	TRY(image_manifests(t, &found.descriptor, s->a, &manifests));
	TRY(read_images(s, t, &manifests));
	s->image =
		arena_printf(s->a, "%s/%s@%s", ref.host, ref.repository, found.descriptor.digest);
	s->asked = ref_full(&ref, s->a);
	s->name = s->args->name ? s->args->name : name_of(&ref, s->a);
	return NULL;
}

// ---- YAML ----

// What JSON lets stand in a string as it is, and YAML does not: it takes them for line breaks or
// refuses them (YAML 1.2.2, 5.1 and 5.4). Bytes of the UTF-8 character that begins here, 0:
// another.
static size_t escaped_length(const unsigned char *u)
{
	if (u[0] == 0x7f)
		return 1;
	if (u[0] == 0xc2)
		return u[1] < 0xa0 ? 2 : 0;
	if (u[0] == 0xe2)
		return u[1] == 0x80 && (u[2] == 0xa8 || u[2] == 0xa9) ? 3 : 0;
	if (u[0] == 0xef)
		return (u[1] == 0xbb && u[2] == 0xbf) || (u[1] == 0xbf && u[2] >= 0xbe) ? 3 : 0;
	return 0;
}

static const char *escape_of(const char *s, size_t *n, char out[8])
{
	const unsigned char *u = (const unsigned char *)s;

	*n = escaped_length(u);
	if (!*n)
		return NULL;
	const unsigned code = *n == 1 ? u[0]
		: *n == 2             ? (u[0] & 0x1fu) << 6 | (u[1] & 0x3fu)
				      : (u[0] & 0x0fu) << 12 | (u[1] & 0x3fu) << 6 | (u[2] & 0x3fu);

	snprintf(out, 8, "\\u%04x", code & 0xffff);
	return out;
}

// A string in JSON's quotes, which are YAML's double ones.
static const char *quoted(const char *text, struct arena *a)
{
	drop(json_drop) json_t *j = json_text(text);
	char *dumped = json_dumps(j, JSON_ENCODE_ANY), escape[8];
	char *out = arena_alloc(a, strlen(dumped) * 6 + 1), *to = out;

	for (const char *s = dumped; *s;) {
		size_t n;

		if (escape_of(s, &n, escape)) {
			to = stpcpy(to, escape);
			s += n;
		} else {
			*to++ = *s++;
		}
	}
	free(dumped);
	return out;
}

// The kubelet replaces $(NAME) in values and takes $$ for one $.
static const char *literal(const char *value, struct arena *a)
{
	char *out = arena_alloc(a, strlen(value) * 2 + 1), *to = out;

	for (; *value; value++) {
		*to++ = *value;
		if (*value == '$')
			*to++ = '$';
	}
	return out;
}

static void write_head(const struct daemon_set *s, FILE *out)
{
	const char *label = quoted(s->name, s->a);

	fprintf(out, "# %s\n", s->asked);
	fprintf(out, "apiVersion: apps/v1\nkind: DaemonSet\nmetadata:\n  name: %s\n", label);
	if (s->args->namespace)
		fprintf(out, "  namespace: %s\n", quoted(s->args->namespace, s->a));
	fprintf(out, "  labels:\n    app.kubernetes.io/name: %s\n", label);
	fprintf(out, "spec:\n  selector:\n    matchLabels:\n      app.kubernetes.io/name: %s\n",
		label);
	fprintf(out,
		"  template:\n    metadata:\n      labels:\n        app.kubernetes.io/name: %s\n",
		label);
	fputs("    spec:\n      automountServiceAccountToken: false\n      enableServiceLinks: false\n",
		out);
}

static void write_nodes(const struct daemon_set *s, FILE *out)
{
	const struct strings *selector = &s->args->node_selector;
	char text[PLATFORM_TEXT];

	for (size_t i = 0; i < selector->len; i++) {
		const char *word = selector->at[i], *value = strchr(word, '=');
		const char *key = arena_strndup(s->a, word, (size_t)(value - word));

		fprintf(out, "%s        %s: %s\n", i ? "" : "      nodeSelector:\n",
			quoted(key, s->a), quoted(value + 1, s->a));
	}
	fputs("      affinity:\n        nodeAffinity:\n"
	      "          requiredDuringSchedulingIgnoredDuringExecution:\n"
	      "            nodeSelectorTerms:\n            - matchExpressions:\n"
	      "              - key: kubernetes.io/os\n                operator: In\n"
	      "                values: [\"linux\"]\n",
		out);
	for (size_t i = 0; i < s->n_platforms; i++)
		if (platform_level(&s->platforms[i]))
			fprintf(out,
				"              # Nodes have no label for the variant of %s: label those "
				"that can\n              # run it, and add --node-selector.\n",
				platform_text(&s->platforms[i], text));
	fputs("              - key: kubernetes.io/arch\n                operator: In\n"
	      "                values: [",
		out);
	for (size_t i = 0; i < s->n_platforms; i++)
		if (!i || strcmp(s->platforms[i].arch, s->platforms[i - 1].arch) != 0)
			fprintf(out, "%s%s", i ? ", " : "", quoted(s->platforms[i].arch, s->a));
	fputs("]\n", out);
}

// The last one of a name counts, as in a container.
static bool is_overruled(const struct strings *env, size_t i)
{
	const size_t n = strcspn(env->at[i], "=") + 1;

	for (size_t k = i + 1; k < env->len; k++)
		if (strncmp(env->at[k], env->at[i], n) == 0)
			return true;
	return false;
}

static void write_env(const struct daemon_set *s, FILE *out)
{
	const struct strings *env = &s->args->env;

	for (size_t i = 0; i < env->len; i++) {
		const char *value = strchr(env->at[i], '=');
		const char *name = arena_strndup(s->a, env->at[i], (size_t)(value - env->at[i]));

		if (!is_overruled(env, i))
			fprintf(out, "        - name: %s\n          value: %s\n",
				quoted(name, s->a), quoted(literal(value + 1, s->a), s->a));
	}
}

static void write_security(const struct daemon_set *s, FILE *out)
{
	fputs("        securityContext:\n          readOnlyRootFilesystem: true\n", out);
	if (s->args->privileged)
		fputs("          privileged: true\n", out);
	else
		fputs("          allowPrivilegeEscalation: false\n          capabilities:\n"
		      "            drop: [\"ALL\"]\n          seccompProfile:\n"
		      "            type: RuntimeDefault\n",
			out);
	if (s->is_numbered)
		fputs("          runAsNonRoot: true\n", out);
	else if (s->is_root)
		fputs("          # The image's user is root: imgmin build --user 65534:65534 gives it "
		      "another.\n",
			out);
	else
		fputs("          # runAsNonRoot needs a user by number: imgmin build --user "
		      "65534:65534.\n",
			out);
}

static void write_resources(const struct daemon_set *s, FILE *out)
{
	fputs("        # Where to start from: kubectl top pod tells what it really takes.\n"
	      "        resources:\n          requests:\n            cpu: \"10m\"\n"
	      "            memory: \"16Mi\"\n          limits:\n            memory: \"64Mi\"\n",
		out);
	if (s->args->device_resource)
		fprintf(out, "            %s: 1\n", quoted(s->args->device_resource, s->a));
}

static void write_devices(const struct daemon_set *s, FILE *out)
{
	const struct strings *devices = &s->args->devices;

	if (s->args->device_resource) {
		for (size_t i = 0; i < devices->len; i++)
			fprintf(out, "        # %s comes from the device plugin.\n",
				quoted(devices->at[i], s->a));
		return;
	}
	for (size_t i = 0; i < devices->len; i++)
		fprintf(out, "%s        - name: device-%zu\n          mountPath: %s\n",
			i ? "" : "        volumeMounts:\n", i, quoted(devices->at[i], s->a));
	for (size_t i = 0; i < devices->len; i++)
		fprintf(out,
			"%s      - name: device-%zu\n        hostPath:\n          path: %s\n"
			"          type: CharDevice\n",
			i ? "" : "      volumes:\n", i, quoted(devices->at[i], s->a));
}

static void write_all(const struct daemon_set *s, FILE *out)
{
	write_head(s, out);
	write_nodes(s, out);
	fprintf(out, "      containers:\n      - name: %s\n        image: %s\n",
		quoted(s->name, s->a), quoted(s->image, s->a));
	if (s->args->env.len)
		fputs("        env:\n", out);
	write_env(s, out);
	write_security(s, out);
	write_resources(s, out);
	write_devices(s, out);
}

struct err *k8s_write(const struct k8s_args *args, const struct registry_events *events, FILE *out)
{
	drop(arena_drop) struct arena a = {0};
	drop(places_drop) struct places places = {0};
	struct daemon_set s = {.args = args, .a = &a};

	TRY(check_args(args));
	TRY(places_open(&args->registry, events, &places));
	TRY(place_wrap(find_image(&s, &places), args->images.at[0]));
	write_all(&s, out);
	return NULL;
}

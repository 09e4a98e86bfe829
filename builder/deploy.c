#include "builder/deploy.h"

#include <errno.h>
#include <string.h>

#include "base/map.h"
#include "builder/image.h"
#include "builder/transfer.h"
#include "oci/archive.h"
#include "registry/ssh.h"

// A login without a terminal often lacks some of these.
#define PATHS "PATH=\"$PATH:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin\"; export PATH; "
// One line for a POSIX shell, whichever the user's is; no single quote may stand in it.
#define SHELL(script) "exec sh -c '" PATHS script "'"

// All that is to be known, a line each; whatever else a login prints is passed over.
#define FIND(candidates)                                                                           \
	"for e in " candidates "; do command -v $e >/dev/null 2>&1 && break; e=; done; "           \
	"echo \"imgmin-engine $e\"; "                                                              \
	"echo \"imgmin-machine $(uname -m) $(getconf LONG_BIT 2>/dev/null)\"; "
#define ASK                                                                                        \
	"case \"$e\" in \"\"|ctr) exit 0;; esac; "                                                 \
	"$e version --format \"imgmin-server {{.Server.Os}}/{{.Server.Arch}}\" || exit 1; "        \
	"$e info --format \"imgmin-storage {{json .DriverStatus}}\"; "                             \
	"$e image ls -q --no-trunc | sort -u | "                                                   \
	"xargs -r $e image inspect --format \"imgmin-layers {{json .RootFS.Layers}}\"; exit 0"

static const struct engine {
	const char *asked; // the word of --engine
	const char *find;  // asks
	const char *none;  // what is not there
	const char *program, *load;
} engines[] = {
	{"auto", SHELL(FIND("docker balena-engine balena ctr") ASK),
		"no docker, balena-engine or ctr", "docker", SHELL("exec docker load -q")},
	{"docker", SHELL(FIND("docker") ASK), "no docker", "docker", SHELL("exec docker load -q")},
	{"balena-engine", SHELL(FIND("balena-engine balena") ASK), "no balena-engine",
		"balena-engine", SHELL("exec balena-engine load -q")},
	{"balena-engine", NULL, NULL, "balena", SHELL("exec balena load -q")},
	{"containerd", SHELL(FIND("ctr") ASK), "no ctr", "ctr", NULL},
};
#define ENGINES (sizeof(engines) / sizeof(*engines))

struct device {
	struct ssh_target at;
	const struct engine *engine;
	struct platform platform;
	const char *machine,
		*server;            // uname -m and the word size; the engine's os/arch, NULL: none
	bool takes_all;             // its images are not made of Docker's own layers
	vec(struct strings) images; // the diff_ids of each image it holds
};

// ---- what the device says ----

// The rest of the line that begins with `word`, from *at on, which then is behind it; NULL: none.
static const char *next_line(const char **at, const char *word, struct arena *a)
{
	size_t n = strlen(word);

	for (const char *s = *at; *s;) {
		size_t len = strcspn(s, "\n");
		bool is_it = len >= n && strncmp(s, word, n) == 0;
		const char *rest = s + n;

		s += len + (s[len] != 0);
		if (is_it) {
			*at = s;
			len -= n;
			while (len && (rest[len - 1] == '\r' || rest[len - 1] == ' '))
				len--;
			return arena_strndup(a, rest, len);
		}
	}
	return NULL;
}

static const char *line_of(const char *said, const char *word, struct arena *a)
{
	return next_line(&said, word, a);
}

// What went wrong, in the engine's words: the last line that is none of ours.
static const char *complaint(const char *said, struct arena *a)
{
	const char *last = "it says nothing";

	for (const char *s = said; *s;) {
		size_t n = strcspn(s, "\n");

		if (n && s[0] != '\r' && strncmp(s, "imgmin-", 7) != 0 &&
			strncmp(s, "See '", 5) != 0 && strncmp(s, "errors pretty", 13) != 0)
			last = arena_strndup(a, s, n > 400 ? 400 : n);
		s += n + (s[n] != 0);
	}
	return last;
}

static struct err *engine_failed(const struct device *d, const char *said, struct arena *a)
{
	struct err *e = err_new(ERR_FAILED, "%s: %s", d->engine->program, complaint(said, a));
	const char *user = d->at.user[0] ? d->at.user : "USER";

	if (strcasestr(said, "permission denied"))
		return err_hint(e,
			strcmp(d->engine->program, "ctr") == 0
				? "containerd's socket is root's: deploy to ssh://root@%s"
				: "on the device: 'sudo usermod -aG docker %s', then log in anew; or "
				  "deploy to ssh://root@%s",
			strcmp(d->engine->program, "ctr") == 0 ? d->at.host : user, d->at.host);
	if (strcasestr(said, "cannot connect") || strcasestr(said, "connection refused"))
		return err_hint(
			e, "is the engine running on the device? --engine names another one");
	return e;
}

// A list that is not what it should be holds nothing for us: the layers are sent then.
static void read_layers(struct device *d, const char *text, struct arena *a)
{
	drop(json_drop) json_t *j = NULL;
	struct err *e =
		json_parse((struct span){(const uint8_t *)text, strlen(text)}, "layers", &j);
	struct strings *image;
	size_t i;
	json_t *id;

	err_drop(&e);
	if (!json_is_array(j))
		return;
	image = vec_add(a, &d->images);
	json_array_foreach(j, i, id) vec_push(
		a, image, arena_strdup(a, json_is_string(id) ? json_string_value(id) : ""));
}

// "armv7l 32". A 64-bit kernel may have 32-bit programs: Raspberry Pi OS does.
static const char *platform_of_machine(const char *machine, struct arena *a)
{
	size_t n = strcspn(machine, " ");
	bool is_32 = strcmp(machine + n, " 32") == 0;

	if (strncmp(machine, "armv5", 5) == 0 || strncmp(machine, "armv6", 5) == 0)
		return arena_printf(a, "linux/arm/v%c", machine[4]);
	if (strncmp(machine, "armv", 4) == 0 || (is_32 && strncmp(machine, "aarch64", 7) == 0))
		return "linux/arm/v7";
	if (is_32 && strncmp(machine, "x86_64", 6) == 0)
		return "linux/386";
	if (n == 4 && machine[0] == 'i' && strncmp(machine + 2, "86", 2) == 0)
		return "linux/386";
	return arena_printf(a, "linux/%.*s", (int)n, machine);
}

static struct err *find_platform(struct device *d, const char *asked, struct arena *a)
{
	const char *text = platform_of_machine(d->machine, a);

	if (asked) {
		TRY_AS(platform_parse(asked, &d->platform), "--platform");
		return NULL;
	}
	// The engine knows better than the kernel, but for the variant of an ARM.
	if (d->server && strcmp(d->server, "linux/arm") == 0)
		text = strncmp(text, "linux/arm/", 10) == 0 ? text : "linux/arm/v7";
	else if (d->server)
		text = d->server;
	struct err *e = platform_parse(text, &d->platform);

	return e ? err_hint(e, "--platform says what the device is") : NULL;
}

static struct err *find_engine(
	struct device *d, const struct engine *asked, const char *program, const char *said)
{
	const char *place = d->at.host;

	for (size_t i = 0; program && *program && i < ENGINES; i++)
		if (strcmp(engines[i].program, program) == 0)
			d->engine = &engines[i];
	if (d->engine)
		return NULL;
	if (!program)
		return err_hint(err_new(ERR_FAILED, "%s: no POSIX shell answers there: %.200s",
					place, said),
			"does 'ssh %s sh -c true' work?", place);
	return err_hint(err_new(ERR_FAILED, "%s: %s on the device", place, asked->none),
		"install docker.io, balena-engine or containerd there; --engine says which to take");
}

static struct err *ask_device(struct device *d, const struct deploy_args *args, struct arena *a)
{
	drop(ssh_drop) struct ssh *s = NULL;
	const struct engine *asked = engines;
	const char *said, *line, *program, *storage;
	int status;

	for (size_t i = 0; i < ENGINES; i++)
		if (engines[i].find && strcmp(engines[i].asked, args->engine) == 0)
			asked = &engines[i];
	TRY(ssh_start(&d->at, asked->find, false, &s));
	TRY_AS(ssh_finish(s, &said, &status), "%s", d->at.host);
	program = line_of(said, "imgmin-engine ", a);
	TRY(find_engine(d, asked, program, said));
	if (status)
		return err_wrap(engine_failed(d, said, a), "%s", d->at.host);
	d->machine = line_of(said, "imgmin-machine ", a);
	d->server = line_of(said, "imgmin-server ", a);
	storage = line_of(said, "imgmin-storage ", a);
	// containerd's snapshotters in Docker: load reads every layer.
	d->takes_all = !d->server || !storage || strstr(storage, "io.containerd.snapshotter");
	while ((line = next_line(&said, "imgmin-layers ", a)))
		read_layers(d, line, a);
	d->machine = d->machine ? d->machine : "";
	return find_platform(d, args->platform, a);
}

// How many of the lowest layers it holds. `load` opens no file of a layer whose chain of diff_ids
// is there (moby, image/tarexport/load.go); it is there where an image begins with the same ones.
static size_t layers_held(const struct device *d, const struct strings *diff_ids)
{
	size_t most = 0;

	if (d->takes_all)
		return 0;
	vec_each (image, &d->images) {
		size_t n = 0;

		while (n < image->len && n < diff_ids->len &&
			strcmp(image->at[n], diff_ids->at[n]) == 0)
			n++;
		most = n > most ? n : most;
	}
	return most;
}

// ---- sending ----

// The archive on its way, as a transport that has what the device holds.
struct sending {
	struct transport transport;
	struct transport *archive;
	struct map held; // digests of layers
	struct deployed *done;
	const struct registry_events *events; // NULL: nobody listens
	const struct descriptor *on_its_way;
};

static void tell_fate(const struct sending *s, const struct descriptor *d, enum registry_fate fate)
{
	if (s->events && s->events->blob)
		s->events->blob(s->events->arg, d, fate, NULL);
}

static void tell_moved(void *arg, uint64_t bytes)
{
	const struct sending *s = arg;

	if (s->events && s->events->progress && s->on_its_way)
		s->events->progress(s->events->arg, s->on_its_way, FATE_UPLOADED, bytes);
}

static struct err *sending_has(struct transport *t, const struct descriptor *d, bool *out)
{
	struct sending *s = (struct sending *)t;

	*out = map_get(&s->held, d->digest);
	if (!*out)
		return transport_has(s->archive, d, out);
	tell_fate(s, d, FATE_EXISTS);
	return NULL;
}

static struct err *sending_put(
	struct transport *t, const struct descriptor *d, const struct blob *b)
{
	struct sending *s = (struct sending *)t;

	s->on_its_way = d;
	tell_moved(s, 0);
	TRY(transport_put(s->archive, d, b));
	s->on_its_way = NULL;
	tell_fate(s, d, FATE_UPLOADED);
	return NULL;
}

static struct err *sending_put_document(
	struct transport *t, const struct descriptor *d, struct span bytes)
{
	return transport_put_document(((struct sending *)t)->archive, d, bytes);
}

static const struct transport_ops sending_ops = {
	.has = sending_has,
	.put = sending_put,
	.put_document = sending_put_document,
};

// A layer that stands above those that are held, too, is sent.
static void count_layers(struct sending *s, const struct image *image, size_t held, struct arena *a)
{
	const struct descriptor *layers = image->manifest.layers.at;
	struct deployed *done = s->done;

	done->layers = image->manifest.layers.len;
	for (size_t i = 0; i < held; i++)
		*map_at(&s->held, a, layers[i].digest) = s;
	for (size_t i = held; i < done->layers; i++)
		*map_at(&s->held, a, layers[i].digest) = NULL;
	for (size_t i = 0; i < done->layers; i++)
		if (i < held)
			done->bytes_held += (uint64_t)layers[i].size;
		else
			done->bytes_sent += (uint64_t)layers[i].size;
	done->layers_sent = done->layers - held;
}

static struct err *send_image(struct sending *s, struct transport *src, const struct image *image,
	const char *pipe, struct arena *a)
{
	drop(transport_drop) struct transport *archive = NULL;
	struct strings names = {0};

	vec_push(a, &names, s->done->name);
	TRY(archive_create(pipe, 0, &archive));
	archive_watch(archive, tell_moved, s);
	s->archive = archive;
	TRY(transfer_content(src, &image->descriptor, &s->transport, a));
	TRY(transport_tag(archive, &image->descriptor, &names));
	return transport_commit(archive);
}

static const char *load_command(
	const struct device *d, const struct deploy_args *args, struct arena *a)
{
	if (d->engine->load)
		return d->engine->load;
	return arena_printf(a, SHELL("exec ctr %s%s images import -"), args->namespace ? "-n " : "",
		args->namespace ? args->namespace : "");
}

// Where the device stops reading, what it says is the reason.
static struct err *load(const struct device *d, const struct deploy_args *args,
	struct transport *src, const struct image *image, struct sending *s, struct arena *a)
{
	drop(ssh_drop) struct ssh *ssh = NULL;
	const char *said;
	int status;

	TRY(ssh_start(&d->at, load_command(d, args, a), true, &ssh));
	struct err *e =
		send_image(s, src, image, arena_printf(a, "/proc/self/fd/%d", ssh_input(ssh)), a);

	if (e && err_number(e) != EPIPE)
		return e;
	bool is_cut = e;

	err_drop(&e);
	TRY(ssh_finish(ssh, &said, &status));
	if (!status && is_cut)
		return err_new(ERR_FAILED, "%s took a part of the image only", d->engine->program);
	return status ? engine_failed(d, said, a) : NULL;
}

// ---- the image ----

// What it will be called there: a tag is needed, and a digest is none.
static struct err *name_image(const char *place, const char *name, const struct named_image *found,
	struct arena *a, const char **out)
{
	struct ref ref;

	TRY(place_ref(place, name, found, a, &ref));
	if (!*ref_tag(&ref))
		return err_hint(
			err_new(ERR_USAGE, "%s: a digest, and no tag to call it by on the device",
				place),
			"add one: %s:TAG@%s", ref.repository, ref.digest);
	ref.digest[0] = '\0';
	*out = ref_full(&ref, a);
	return NULL;
}

static struct err *check_args(const struct deploy_args *args, struct device *d)
{
	const char *name = args->namespace;

	TRY(ssh_parse(args->words.at[1], &d->at));
	if (name &&
		(!*name || name[0] == '-' || strlen(name) > 76 ||
			strspn(name,
				"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") !=
				strlen(name)))
		return err_new(ERR_USAGE, "--namespace %s: not a name", name);
	return NULL;
}

struct err *deploy(const struct deploy_args *args, const struct registry_events *events,
	struct arena *a, struct deployed *out)
{
	drop(places_drop) struct places places = {0};
	drop(transport_drop) struct transport *src = NULL;
	struct device device = {0};
	struct sending s = {.transport = {.ops = &sending_ops, .name = "the device"},
		.done = out,
		.events = events};
	const char *place = args->words.at[0], *name;
	char text[PLATFORM_TEXT];
	struct descriptors manifests;
	struct named_image found;
	struct image image;

	*out = (struct deployed){0};
	TRY(check_args(args, &device));
	TRY(places_open(&args->registry, events, &places));
	TRY(place_open(&places, place, a, &src, &name));
	TRY(place_find(src, name, a, &found));
	TRY(name_image(place, name, &found, a, &out->name));
	TRY(ask_device(&device, args, a));
	TRY(image_manifests(src, &found.descriptor, a, &manifests));
	TRY(image_select(src, platform_text(&device.platform, text), a, &manifests));
	TRY(image_read(src, &manifests.at[0], a, &image));
	out->digest = image.descriptor.digest;
	out->engine = device.engine->asked;
	if (strcmp(out->engine, "auto") == 0)
		out->engine = device.engine->program;
	if (image.config.rootfs.diff_ids.len != image.manifest.layers.len)
		return err_new(ERR_FAILED, "%s: as many diff_ids as layers are needed", place);
	count_layers(&s, &image, layers_held(&device, &image.config.rootfs.diff_ids), a);
	TRY_AS(load(&device, args, src, &image, &s, a), "%s", device.at.host);
	return NULL;
}

// What a container of an image starts, and whether it would: programs, loaders, users.
#include <stdlib.h>
#include <string.h>

#include "builder/check.h"
#include "ldd/verify.h"

#define ACCOUNTS_MAX (1u << 20) // bytes of /etc/passwd

// ---- users ----

struct account {
	bool is_known; // by number
	uid_t uid;
	gid_t gid;
};

static bool is_number(const char *s, unsigned *out)
{
	char *end;
	unsigned long n = strtoul(s, &end, 10);

	*out = (unsigned)n;
	return s[0] >= '0' && s[0] <= '9' && !*end && n <= UINT32_MAX;
}

// The fields of name's line in passwd or group; false where there is none.
static struct err *find_account(
	struct inside *in, const char *file, const char *name, char *fields[4], bool *found)
{
	struct span text;
	char *save = NULL;

	*found = false;
	TRY(root_read(in->root, file, ACCOUNTS_MAX, &in->arena, &text));
	if (!text.ptr)
		return NULL;
	char *copy = arena_strndup(&in->arena, (const char *)text.ptr, text.len);

	for (char *line = strtok_r(copy, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		size_t n = 0;

		for (char *field; n < 4 && (field = strsep(&line, ":"));)
			fields[n++] = field;
		if (n < 3 || strcmp(fields[0], name) != 0)
			continue;
		if (n == 3)
			fields[3] = "";
		*found = true;
		return NULL;
	}
	return NULL;
}

// A name is looked up inside the image; where it is not there the engine starts nothing.
static struct err *check_user(struct check *c, struct inside *in, struct account *out)
{
	const char *text = in->image->config.config.user;
	char *fields[4], *user, *group;
	bool found;

	*out = (struct account){.is_known = true};
	if (!text || !*text)
		return NULL;
	group = arena_strdup(&in->arena, text);
	user = strsep(&group, ":");
	if (!is_number(user, &out->uid)) {
		TRY(find_account(in, "/etc/passwd", user, fields, &found));
		out->is_known = found && is_number(fields[2], &out->uid);
		if (found)
			is_number(fields[3], &out->gid);
		else
			finding_add(c, FINDING_NO_START,
				"the user \"%s\" is not in the image's /etc/passwd", user)
				->hint = "name it by number, such as 65534:65534";
	}
	if (!group || is_number(group, &out->gid))
		return NULL;
	TRY(find_account(in, "/etc/group", group, fields, &found));
	if (found)
		is_number(fields[2], &out->gid);
	else
		finding_add(c, FINDING_NO_START,
			"the group \"%s\" is not in the image's /etc/group", group)
			->hint = "name it by number, such as 65534:65534";
	return NULL;
}

static bool may(const struct account *who, const struct node *n, unsigned bits)
{
	if (!who->is_known || who->uid == 0)
		return true;
	unsigned mode = n->uid == who->uid ? n->mode >> 6
		: n->gid == who->gid       ? n->mode >> 3
					   : n->mode;

	return (mode & bits) == bits;
}

// Is there a way to the file for this user? Names what is in the way.
static void check_access(struct check *c, struct inside *in, const struct account *who,
	const struct walk *w, unsigned bits)
{
	char *path = arena_strdup(&in->arena, w->path);

	for (char *slash = path; (slash = strchr(slash + 1, '/'));) {
		*slash = 0;
		const struct walk *dir = root_walk(in->root, path);

		if (!dir->error && !may(who, &dir->node, 1)) {
			finding_add(c, FINDING_NO_START,
				"user %u may not pass the directory %s (mode %04o)", who->uid, path,
				dir->node.mode & 07777)
				->hint = "open the directory (chmod a+rx) before it goes into the "
					 "image, or run as its owner";
			return;
		}
		*slash = '/';
	}
	if (!may(who, &w->node, bits))
		finding_add(c, FINDING_NO_START, "user %u may not %s %s (mode %04o)", who->uid,
			bits & 1 ? "execute" : "read", w->path, w->node.mode & 07777)
			->hint = bits & 1
			? "let others execute it (chmod a+rx) before it goes into the image, or "
			  "run as its owner"
			: "let others read it (chmod a+r) before it goes into the image, or run as "
			  "its owner";
}

// ---- programs ----

// Without a cache glibc's loader does not find what only ld.so.conf names.
static void check_conf(struct check *c, const struct closure *closure)
{
	vec_each (it, &closure->objects) {
		const struct object *o = *it;

		if (!o->file || o->rule != RULE_CONF)
			continue;
		finding_add(c, FINDING_NO_START,
			"%s is in %s, which only /etc/ld.so.conf names: the loader reads /etc/ld.so.cache "
			"alone, and the image has none",
			o->name, o->file->path)
			->hint = "run ldconfig when the image is made";
	}
}

// The loader goes on without what it cannot preload (ld.so(8), LD_PRELOAD); what it finds may lack
// something itself.
static struct err *check_preloaded(struct check *c, struct inside *in, struct closure *closure)
{
	const char *list = image_env(in->image, "LD_PRELOAD");
	char *copy = arena_strdup(&in->arena, list ? list : ""), *save = NULL;

	bool is_told = false;

	if (!closure->interpreter)
		return NULL;
	vec_each (s, &in->started) { // once for an image
		if (&s->closure == closure)
			break;
		is_told |= s->is_elf && s->closure.interpreter;
	}
	for (char *name = strtok_r(copy, ": ", &save); name; name = strtok_r(NULL, ": ", &save)) {
		bool found;

		TRY(closure_add_hidden(in->resolver, closure, closure->objects.at[0], name,
			"preloaded by LD_PRELOAD", &found));
		if (!found && !is_told)
			finding_add(c, FINDING_WARNING,
				"LD_PRELOAD names %s, which the image lacks: the loader ignores it",
				name)
				->hint =
				"put the library into the image, or take LD_PRELOAD out of its "
				"env";
	}
	return NULL;
}

static struct err *check_loads(
	struct check *c, struct inside *in, struct started *s, const struct account *who)
{
	struct resolver *r = in->resolver;
	struct closure *closure = &s->closure;
	struct platform declared = in->image->platform, needed;

	// Engines take an ARM image without a variant for v7 (containerd platforms.Normalize).
	if (strcmp(declared.arch, "arm") == 0 && !declared.variant[0])
		strcpy(declared.variant, "v7");
	TRY(check_preloaded(c, in, closure));
	TRY(verify_versions(r, closure));
	TRY(verify_symbols(r, closure));
	TRY(verify_platform(r, closure, declared.arch[0] ? &declared : NULL, &needed));
	check_closure(c, closure, in->image);
	check_conf(c, closure);
	if (closure->interpreter)
		check_access(c, in, who, closure->interpreter->walk, 1);
	for (size_t i = 1; i < closure->objects.len; i++)
		if (closure->objects.at[i]->file)
			check_access(c, in, who, closure->objects.at[i]->file->walk, 4);
	c->libraries += closure->objects.len - 1;
	return NULL;
}

static const char *start_hint(const struct started *s)
{
	if (s->word[0] && s->word[strlen(s->word) - 1] == '\r')
		return "the script has line ends of Windows: save it with those of Unix";
	if (strncmp(s->why, "runs ", 5) == 0)
		return "put this interpreter into the image as well";
	if (!s->walk)
		return "put it into the image, or name a program that is there as the entrypoint";
	if (!S_ISREG(s->walk->node.mode))
		return "name a program as the entrypoint";
	if (!(s->walk->node.mode & 0111))
		return "make it executable (chmod 755) before it goes into the image";
	return "a script begins with #! and its interpreter, such as #!/bin/sh";
}

static struct err *check_started(
	struct check *c, struct inside *in, struct started *s, const struct account *who)
{
	struct finding *f;

	c->programs++;
	if (s->trouble) {
		f = finding_add(c, s->is_required ? FINDING_NO_START : FINDING_WARNING,
			"%s (%s): %s", s->word, s->why, s->trouble);
		f->hint = start_hint(s);
		return NULL;
	}
	check_access(c, in, who, s->walk, s->is_elf ? 1 : 5);
	return s->is_elf ? check_loads(c, in, s, who) : NULL;
}

struct err *check_inside(struct check *c, struct inside *in)
{
	const char *os = in->image->platform.os;
	struct account who;

	if (*os && strcmp(os, "linux") != 0) {
		finding_add(
			c, FINDING_WARNING, "its programs were not looked at: it is for %s", os);
		return NULL;
	}
	if (!in->started.len)
		finding_add(c, FINDING_WARNING,
			"has neither an entrypoint nor a command: it starts only what it is told to");
	TRY(check_user(c, in, &who));
	vec_each (s, &in->started)
		TRY(check_started(c, in, s, &who));
	const struct strings *warnings = resolver_warnings(in->resolver);

	for (size_t i = 0; i < warnings->len; i++)
		finding_add(c, FINDING_WARNING, "%s", warnings->at[i]);
	return NULL;
}

// Name services: which libnss_X an nsswitch.conf makes glibc open (nss/nsswitch.c,
// nsswitch.conf(5)).
#include <ctype.h>
#include <string.h>

#include "ldd/facts.h"
#include "ldd/hidden_impl.h"

enum { CONF_MAX = 1 << 16, SERVICES_MAX = 16, SERVICE_NAME_MAX = 64 };

static const struct trigger {
	const char *symbol, *database;
} triggers[] = {
	{"getpwnam", "passwd"},
	{"getpwnam_r", "passwd"},
	{"getpwuid", "passwd"},
	{"getpwuid_r", "passwd"},
	{"getpwent", "passwd"},
	{"getpwent_r", "passwd"},
	{"getgrnam", "group"},
	{"getgrnam_r", "group"},
	{"getgrgid", "group"},
	{"getgrgid_r", "group"},
	{"getgrent", "group"},
	{"getgrent_r", "group"},
	{"getgrouplist", "group"},
	{"initgroups", "group"},
	{"getspnam", "shadow"},
	{"getspnam_r", "shadow"},
	{"getspent", "shadow"},
	{"getsgnam", "gshadow"},
	{"getaddrinfo", "hosts"},
	{"getnameinfo", "hosts"},
	{"gethostbyname", "hosts"},
	{"gethostbyname_r", "hosts"},
	{"gethostbyname2", "hosts"},
	{"gethostbyname2_r", "hosts"},
	{"gethostbyaddr", "hosts"},
	{"gethostbyaddr_r", "hosts"},
	{"gethostent", "hosts"},
	{"getnetbyname", "networks"},
	{"getnetbyaddr", "networks"},
	{"getservbyname", "services"},
	{"getservbyname_r", "services"},
	{"getservbyport", "services"},
	{"getservbyport_r", "services"},
	{"getservent", "services"},
	{"getprotobyname", "protocols"},
	{"getprotobyname_r", "protocols"},
	{"getprotobynumber", "protocols"},
	{"getprotobynumber_r", "protocols"},
	{"getrpcbyname", "rpc"},
	{"getrpcbynumber", "rpc"},
	{"ether_hostton", "ethers"},
	{"ether_ntohost", "ethers"},
	{"innetgr", "netgroup"},
	{"setnetgrent", "netgroup"},
};

static bool is_service_name(const char *name, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!isalnum((unsigned char)name[i]) && name[i] != '_' && name[i] != '-')
			return false;
	return n > 0 && n <= SERVICE_NAME_MAX;
}

// "files mdns4_minimal [NOTFOUND=return] dns": the services, without the actions between them.
static void read_services(struct arena *a, const char *line, struct strings *out)
{
	out->len = 0; // of two lines for one database the last counts
	while (*(line += strspn(line, " \t\r"))) {
		size_t n = *line == '[' ? strcspn(line, "]") : strcspn(line, " \t\r[");

		if (*line == '[')
			n += line[n] == ']';
		else if (is_service_name(line, n) && out->len < SERVICES_MAX)
			vec_push(a, out, arena_strndup(a, line, n));
		line += n;
	}
}

static struct strings *database_at(struct arena *a, struct map *conf, const char *name)
{
	void **slot = map_at(conf, a, name);

	if (!*slot)
		*slot = arena_new(a, struct strings);
	return *slot;
}

void nss_parse(struct arena *a, struct span text, struct map *conf)
{
	char *copy = arena_strndup(a, (const char *)text.ptr, text.len), *save = NULL;

	for (char *line = strtok_r(copy, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		char *colon;

		line[strcspn(line, "#")] = '\0';
		line += strspn(line, " \t");
		colon = strchr(line, ':');
		if (!colon)
			continue;
		*colon = '\0';
		line[strcspn(line, " \t")] = '\0';
		if (is_service_name(line, strlen(line)))
			read_services(a, colon + 1, database_at(a, conf, line));
	}
}

// Read once for each sysroot: remembered with its libc.
static struct err *read_conf(struct resolver *r, const struct object *libc, struct map **out)
{
	struct arena *a = resolver_arena(r);
	struct facts *facts = facts_of(r, libc->file);
	struct span text = {0};

	if (!facts->nss) {
		struct map *conf = arena_new(a, struct map);

		if (!resolver_options(r)->for_image)
			TRY(root_read(
				resolver_sysroot(r), "/etc/nsswitch.conf", CONF_MAX, a, &text));
		if (text.ptr)
			nss_parse(a, text, conf);
		facts->nss = conf;
	}
	*out = facts->nss;
	return NULL;
}

// Since 2.34 files and dns are part of libc (its NEWS).
static bool has_built_in(const struct elf *libc)
{
	vec_each (it, &libc->defines)
		if (!strncmp(*it, "GLIBC_2.", 8) && strverscmp(*it, "GLIBC_2.34") >= 0)
			return true;
	return false;
}

static bool is_built_in(const char *service)
{
	return !strcmp(service, "files") || !strcmp(service, "dns");
}

static struct err *add_database(struct resolver *r, struct closure *c, struct object *libc,
	const struct object *user, const struct trigger *t, const struct map *conf)
{
	static const char *const fallback[] = {"files", "dns"};
	struct arena *a = resolver_arena(r);
	const struct strings *listed = map_get(conf, t->database);
	// What stands in no nsswitch.conf: files, and dns for hosts and networks.
	bool is_net = !strcmp(t->database, "hosts") || !strcmp(t->database, "networks");
	struct strings usual = {(const char **)fallback, is_net ? 2 : 1, 2};
	bool found;

	if (!listed)
		listed = &usual;
	vec_each (it, listed) {
		if (is_built_in(*it) && has_built_in(&libc->file->elf))
			continue;
		TRY(closure_add_hidden(r, c, libc, arena_printf(a, "libnss_%s.so.2", *it),
			arena_printf(a,
				"libc opens it for %s, which %s imports (nsswitch.conf: %s)",
				t->symbol, object_file_text(r, user->file), t->database),
			&found));
	}
	return NULL;
}

struct err *nss_add(struct resolver *r, struct closure *c, const struct object *user)
{
	struct object *libc = closure_libc(c);
	const char *done = NULL;
	struct facts *facts;
	struct map *conf;

	if (!libc || c->libc == LIBC_MUSL)
		return NULL;
	TRY(facts_symbols(r, user->file, &facts));
	for (size_t i = 0; i < sizeof(triggers) / sizeof(*triggers); i++) {
		const struct trigger *t = &triggers[i];

		if ((done && !strcmp(done, t->database)) || !facts_imports(facts, t->symbol))
			continue;
		TRY(read_conf(r, libc, &conf));
		TRY(add_database(r, c, libc, user, t, conf));
		done = t->database;
	}
	return NULL;
}

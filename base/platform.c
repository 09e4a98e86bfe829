#include "base/platform.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

// What people type, what it means. A variant written out wins over the alias's own
// (containerd platforms/database.go, normalizeArch; Debian's, uname's and Docker Hub's words).
static const struct alias {
	const char *word, *arch, *variant;
} aliases[] = {
	{"386", "386", ""},
	{"i386", "386", ""},
	{"i486", "386", ""},
	{"i586", "386", ""},
	{"i686", "386", ""},
	{"x86", "386", ""},
	{"amd64", "amd64", ""},
	{"x86_64", "amd64", ""},
	{"x86-64", "amd64", ""},
	{"x64", "amd64", ""},
	{"arm", "arm", "v7"},
	{"armhf", "arm", "v7"},
	{"armel", "arm", "v6"},
	{"armv5", "arm", "v5"},
	{"armv5l", "arm", "v5"},
	{"armv5te", "arm", "v5"},
	{"armv5tel", "arm", "v5"},
	{"armv5tejl", "arm", "v5"},
	{"armv6", "arm", "v6"},
	{"armv6l", "arm", "v6"},
	{"armv6hf", "arm", "v6"},
	{"armv7", "arm", "v7"},
	{"armv7l", "arm", "v7"},
	{"armv7a", "arm", "v7"},
	{"armv7hf", "arm", "v7"},
	{"armv8l", "arm", "v8"},
	{"arm32v5", "arm", "v5"},
	{"arm32v6", "arm", "v6"},
	{"arm32v7", "arm", "v7"},
	{"arm64", "arm64", ""},
	{"arm64v8", "arm64", ""},
	{"aarch64", "arm64", ""},
	{"armv8", "arm64", ""},
	{"loong64", "loong64", ""},
	{"loongarch64", "loong64", ""},
	{"mips", "mips", ""},
	{"mipsle", "mipsle", ""},
	{"mipsel", "mipsle", ""},
	{"mips64", "mips64", ""},
	{"mips64le", "mips64le", ""},
	{"mips64el", "mips64le", ""},
	{"ppc64", "ppc64", ""},
	{"ppc64le", "ppc64le", ""},
	{"ppc64el", "ppc64le", ""},
	{"powerpc64le", "ppc64le", ""},
	{"riscv64", "riscv64", ""},
	{"riscv64gc", "riscv64", ""},
	{"s390x", "s390x", ""},
	{"wasm", "wasm", ""},
};

// The systems that images are made for: `copy --platform windows/amd64` is a fair question.
static const char *const systems[] = {"linux", "windows", "darwin", "freebsd", "netbsd", "openbsd",
	"dragonfly", "solaris", "illumos", "aix", "android", "wasip1", "wasi"};

// The variants an architecture can have, without the "v"; the first is what an empty one means
// in comparisons.
static const struct variants {
	const char *arch, *words;
} variants[] = {
	{"arm", "7 5 6 8"},
	{"arm64", "8 8.1 8.2 8.3 8.4 8.5 8.6 8.7 8.8 8.9 9 9.1 9.2 9.3 9.4 9.5"},
	{"amd64", "1 2 3 4"},
};

static const char *variants_of(const char *arch)
{
	for (size_t i = 0; i < sizeof(variants) / sizeof(*variants); i++)
		if (!strcmp(variants[i].arch, arch))
			return variants[i].words;
	return "";
}

static bool word_listed(const char *list, const char *word, size_t n)
{
	for (; n && *list; list += strcspn(list, " "), list += strspn(list, " "))
		if (strcspn(list, " ") == n && !memcmp(list, word, n))
			return true;
	return false;
}

static bool is_system(const char *word)
{
	for (size_t i = 0; i < sizeof(systems) / sizeof(*systems); i++)
		if (!strcmp(systems[i], word))
			return true;
	return false;
}

static const struct alias *find_alias(const char *word)
{
	for (size_t i = 0; i < sizeof(aliases) / sizeof(*aliases); i++)
		if (!strcmp(aliases[i].word, word))
			return &aliases[i];
	return NULL;
}

static struct err *unknown(const char *text, const char *what, const char *word)
{
	return err_hint(err_new(ERR_USAGE, "platform \"%.60s\": %s \"%.20s\"", text, what, word),
		"write it like linux/arm/v7, linux/arm64 or linux/amd64");
}

// "7", "v7", "8.0" → "v7", "v8"; false for what the architecture does not have.
static bool normalize_variant(const char *arch, const char *word, char out[8])
{
	size_t n;

	word += *word == 'v';
	n = strlen(word);
	if (n > 2 && !strcmp(word + n - 2, ".0"))
		n -= 2;
	if (n > 6 || !word_listed(variants_of(arch), word, n))
		return false;
	snprintf(out, 8, "v%.*s", (int)n, word);
	return true;
}

// amd64's v1 and arm64's v8 are the empty variant.
static void drop_base_variant(struct platform *p)
{
	if ((!strcmp(p->arch, "amd64") && !strcmp(p->variant, "v1")) ||
		(!strcmp(p->arch, "arm64") && !strcmp(p->variant, "v8")))
		memset(p->variant, 0, sizeof(p->variant));
}

struct err *platform_parse(const char *text, struct platform *out)
{
	struct platform p = {.os = "linux"};
	char copy[PLATFORM_TEXT];
	char *part[3] = {copy, NULL, NULL};
	size_t n = 1, at = 0;
	const struct alias *alias;

	if (strlen(text) >= sizeof(copy))
		return unknown(text, "too long:", text);
	for (size_t i = 0; i <= strlen(text); i++)
		copy[i] = (char)tolower((unsigned char)text[i]);
	for (char *c = copy; (c = strchr(c, '/')); part[n++] = c) {
		if (n == 3)
			return unknown(text, "too many parts:", c);
		*c++ = '\0';
	}
	if (!strcmp(part[0], "macos"))
		part[0] = "darwin";
	if (is_system(part[0]))
		snprintf(p.os, sizeof(p.os), "%.15s", part[at++]);
	else if (n == 3)
		return unknown(text, "unknown operating system", part[0]);
	if (at == n)
		return unknown(text, "no architecture after", part[0]);
	alias = find_alias(part[at]);
	if (!alias)
		return unknown(text, "unknown architecture", part[at]);
	snprintf(p.arch, sizeof(p.arch), "%s", alias->arch);
	snprintf(p.variant, sizeof(p.variant), "%s", alias->variant);
	if (++at < n && !normalize_variant(p.arch, part[at], p.variant))
		return unknown(text, "unknown variant", part[at]);
	drop_base_variant(&p);
	*out = p;
	return NULL;
}

const char *platform_text(const struct platform *p, char out[PLATFORM_TEXT])
{
	snprintf(out, PLATFORM_TEXT, "%.15s%s%.15s%s%.7s", p->os, *p->os ? "/" : "", p->arch,
		*p->variant ? "/" : "", p->variant);
	return out;
}

// A variant as one number to compare by: "v8.2" → 802. Empty is the architecture's usual one.
static long variant_rank(const struct platform *p)
{
	const char *v = *p->variant ? p->variant + (*p->variant == 'v') : variants_of(p->arch);
	char *end;
	long rank = strtol(v, &end, 10) * 100;

	return *end == '.' ? rank + strtol(end + 1, NULL, 10) : rank;
}

static bool same_machine(const struct platform *a, const struct platform *b)
{
	return !strcmp(a->os, b->os) && !strcmp(a->arch, b->arch);
}

// Variants that are no numbers (a future riscv64 profile) can only be compared as words.
static bool is_ranked(const struct platform *p)
{
	return !*p->variant || isdigit((unsigned char)p->variant[*p->variant == 'v']);
}

bool platform_equal(const struct platform *a, const struct platform *b)
{
	if (!same_machine(a, b))
		return false;
	if (is_ranked(a) && is_ranked(b))
		return variant_rank(a) == variant_rank(b);
	return !strcmp(a->variant, b->variant);
}

bool platform_runs(const struct platform *device, const struct platform *image)
{
	if (!same_machine(device, image))
		return false;
	if (is_ranked(device) && is_ranked(image))
		return variant_rank(image) <= variant_rank(device);
	return !strcmp(device->variant, image->variant);
}

int platform_level(const struct platform *p)
{
	return *p->variant == 'v' ? (int)strtol(p->variant + 1, NULL, 10) : 0;
}

static int class_in_index(const struct platform *p)
{
	if (strcmp(p->os, "linux") != 0)
		return 3;
	return !strcmp(p->arch, "arm") ? 0 : !strcmp(p->arch, "arm64") ? 1 : 2;
}

int platform_order(const struct platform *a, const struct platform *b)
{
	int order = class_in_index(a) - class_in_index(b);
	long ra = variant_rank(a), rb = variant_rank(b);

	if (!order)
		order = strcmp(a->os, b->os);
	if (!order)
		order = strcmp(a->arch, b->arch);
	if (!order)
		order = (ra > rb) - (ra < rb);
	return order ? order : strcmp(a->variant, b->variant);
}

// The architecture is that of this program: under a 64-bit kernel a 32-bit userland (Raspberry Pi
// OS) has 32-bit libraries in "/", whatever uname says.
#if defined(__x86_64__)
#define HOST_ARCH "amd64"
#elif defined(__i386__)
#define HOST_ARCH "386"
#elif defined(__aarch64__)
#define HOST_ARCH "arm64"
#elif defined(__arm__)
#define HOST_ARCH "arm"
#elif defined(__riscv) && __riscv_xlen == 64
#define HOST_ARCH "riscv64"
#elif defined(__powerpc64__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define HOST_ARCH "ppc64le"
#elif defined(__powerpc64__)
#define HOST_ARCH "ppc64"
#elif defined(__s390x__)
#define HOST_ARCH "s390x"
#elif defined(__loongarch64)
#define HOST_ARCH "loong64"
#elif defined(__mips64) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define HOST_ARCH "mips64le"
#elif defined(__mips64)
#define HOST_ARCH "mips64"
#elif defined(__mips__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define HOST_ARCH "mipsle"
#elif defined(__mips__)
#define HOST_ARCH "mips"
#else
#error "add this architecture to platform.c"
#endif

struct platform platform_host(void)
{
	struct platform p = {.os = "linux", .arch = HOST_ARCH};
	struct utsname u;
	const struct alias *alias;

	if (strcmp(p.arch, "arm") != 0 || uname(&u) < 0)
		return p;
	// A 64-bit kernel means a v8 processor.
	alias = find_alias(!strcmp(u.machine, "aarch64") ? "armv8l" : u.machine);
	snprintf(p.variant, sizeof(p.variant), "%s",
		alias && !strcmp(alias->arch, "arm") ? alias->variant : "v7");
	return p;
}

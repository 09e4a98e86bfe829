#include "registry/curl.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>

// What a program opens at run time stands in a note of its own (uapi-group, ELF dlopen metadata),
// so that packagers and closures find it. Owner "FDO", type 0x407c0c0a.
__asm__(".pushsection .note.dlopen, \"a\", %note\n"
	".balign 4\n"
	".long 4\n"
	".long 2f - 1f\n"
	".long 0x407c0c0a\n"
	".asciz \"FDO\"\n"
	"1:\n"
	".asciz \"[{\\\"soname\\\":[\\\"libcurl.so.4\\\",\\\"libcurl-gnutls.so.4\\\"],"
	"\\\"feature\\\":\\\"registry\\\","
	"\\\"description\\\":\\\"pushes to registries and pulls from them\\\","
	"\\\"priority\\\":\\\"recommended\\\"}]\"\n"
	"2:\n"
	".balign 4\n"
	".popsection\n");

static const char *const sonames[] = {"libcurl.so.4", "libcurl-gnutls.so.4"};

static struct curl_table table;

static const struct {
	const char *name;
	void **at;
} functions[] = {
	{"curl_global_init", (void **)&table.global_init},
	{"curl_easy_init", (void **)&table.easy_init},
	{"curl_easy_cleanup", (void **)&table.easy_cleanup},
	{"curl_easy_reset", (void **)&table.easy_reset},
	{"curl_easy_setopt", (void **)&table.easy_setopt},
	{"curl_easy_getinfo", (void **)&table.easy_getinfo},
	{"curl_easy_perform", (void **)&table.easy_perform},
	{"curl_easy_strerror", (void **)&table.easy_strerror},
	{"curl_multi_init", (void **)&table.multi_init},
	{"curl_multi_cleanup", (void **)&table.multi_cleanup},
	{"curl_multi_setopt", (void **)&table.multi_setopt},
	{"curl_multi_add_handle", (void **)&table.multi_add_handle},
	{"curl_multi_remove_handle", (void **)&table.multi_remove_handle},
	{"curl_multi_perform", (void **)&table.multi_perform},
	{"curl_multi_poll", (void **)&table.multi_poll},
	{"curl_multi_info_read", (void **)&table.multi_info_read},
	{"curl_slist_append", (void **)&table.slist_append},
	{"curl_slist_free_all", (void **)&table.slist_free_all},
	{"curl_url", (void **)&table.url},
	{"curl_url_cleanup", (void **)&table.url_cleanup},
	{"curl_url_set", (void **)&table.url_set},
	{"curl_url_get", (void **)&table.url_get},
	{"curl_getdate", (void **)&table.getdate},
	{"curl_free", (void **)&table.free},
};

// It is not installed, or something of its own is not, or it could not be read.
static struct err *not_loaded(const char *why)
{
	struct err *e = err_new(ERR_FAILED, "no libcurl.so.4, which speaks to registries: %s",
		why ? why : "dlopen");

	return why && strstr(why, strerror(ENOENT))
		? err_hint(e, "install it: apt-get install libcurl4")
		: e;
}

struct err *curl_load(const struct curl_table **out)
{
	static void *library;
	static bool is_ready;

	*out = &table;
	if (is_ready)
		return NULL;
	struct err *e = NULL;

	for (size_t i = 0; i < sizeof(sonames) / sizeof(*sonames) && !library; i++) {
		library = dlopen(sonames[i], RTLD_LAZY | RTLD_LOCAL);
		if (!library && !e) // what keeps the usual one away is told
			e = not_loaded(dlerror());
	}
	if (!library)
		return e;
	err_drop(&e);
	for (size_t i = 0; i < sizeof(functions) / sizeof(*functions); i++) {
		*functions[i].at = dlsym(library, functions[i].name);
		if (!*functions[i].at)
			return err_new(ERR_FAILED, "libcurl is too old: %s is not in it",
				functions[i].name);
	}
	if (table.global_init(CURL_GLOBAL_DEFAULT))
		return err_new(ERR_FAILED, "libcurl does not start");
	is_ready = true;
	return NULL;
}

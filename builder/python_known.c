#include "builder/python_known.h"

#include <stddef.h>
#include <string.h>

// Of Python 3.11's Modules/main.c and Python/pylifecycle.c; ascii and latin_1 are for a LANG or
// PYTHONIOENCODING that asks for them.
const char *const python_start[] = {"encodings", "encodings.aliases", "encodings.utf_8",
	"encodings.ascii", "encodings.latin_1", "codecs", "io", "abc", "site", "os", "stat",
	"sitecustomize", NULL};

bool python_is_frozen(const char *module, unsigned minor)
{
	static const char *const frozen[] = {"_collections_abc", "_sitebuiltins", "abc", "codecs",
		"genericpath", "importlib._bootstrap", "importlib._bootstrap_external",
		"importlib.machinery", "importlib.util", "io", "ntpath", "os", "posixpath", "runpy",
		"site", "stat", "zipimport"};

	for (size_t i = 0; minor >= 11 && i < sizeof(frozen) / sizeof(*frozen); i++)
		if (strcmp(module, frozen[i]) == 0)
			return true;
	return false;
}

const struct python_hidden python_hidden[] = {
	{"strptime", true, "_strptime"},
	{"breakpoint", true, "pdb"},
	{"namereplace", true, "unicodedata"},
	{"_asyncio", false, "asyncio"},
	{"_decimal", false, "collections"},
	{"_decimal", false, "numbers"},
	{"_elementtree", false, "copy"},
	{"_elementtree", false, "xml.etree.ElementPath"},
	{"_json", false, "json.decoder"},
	{"_pickle", false, "_compat_pickle"},
	{"_pickle", false, "copyreg"},
	{"_socket", false, "encodings.idna"},
	{"_sqlite3", false, "sqlite3.dbapi2"},
	{"_zoneinfo", false, "zoneinfo._common"},
	{"array", false, "collections.abc"},
	{NULL, false, NULL},
};

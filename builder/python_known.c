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

const char python_config[] = "_sysconfigdata_";

// From comparing what every module of Debian 12's library loads with what its source says, and from
// the PyImport_ calls of CPython 3.11's C sources.
const struct python_hidden python_hidden[] = {
	{"strptime", true, "_strptime"},
	{"breakpoint", true, "pdb"},
	{"namereplace", true, "unicodedata"},
	{"get_config_var", true, python_config},
	{"get_config_vars", true, python_config},
	{"get_path", true, python_config},
	{"get_paths", true, python_config},
	{"_asyncio", false, "asyncio"},
	{"_codecs_hk", false, "_codecs_tw"},
	{"_curses_panel", false, "_curses"},
	{"_decimal", false, "collections.abc"},
	{"_decimal", false, "numbers"},
	{"_elementtree", false, "copy"},
	{"_elementtree", false, "xml.etree.ElementPath"},
	{"_json", false, "json.decoder"},
	{"_pickle", false, "_compat_pickle"},
	{"_pickle", false, "copyreg"},
	{"_socket", false, "encodings.idna"},
	{"_sqlite3", false, "functools"},
	{"_sqlite3", false, "sqlite3.dbapi2"},
	{"iterdump", true, "sqlite3.dump"},
	{"_testbuffer", false, "struct"},
	{"_zoneinfo", false, "datetime"},
	{"_zoneinfo", false, "weakref"},
	{"_zoneinfo", false, "zoneinfo._common"},
	{"_zoneinfo", false, "zoneinfo._tzpath"},
	{"array", false, "collections.abc"},
	// What frozen modules import, for images that lack their sources (3.11).
	{"importlib.util", false, "contextlib"},
	{"importlib.util", false, "functools"},
	{"importlib.util", false, "importlib._abc"},
	{"importlib.util", false, "types"},
	{"importlib.util", false, "warnings"},
	{"runpy", false, "importlib.machinery"},
	{"runpy", false, "importlib.util"},
	// Functions of the library that it calls by itself, or that nearly every use comes to.
	{"argparse", false, "shutil"},
	{"_distutils_system_mod", false, python_config},
	{"distutils.sysconfig", false, python_config},
	{"encodings.idna", false, "encodings.punycode"},
	{"encodings.iso2022_jp", false, "_codecs_jp"},
	{"encodings.iso2022_jp_1", false, "_codecs_jp"},
	{"encodings.iso2022_jp_2", false, "_codecs_cn"},
	{"encodings.iso2022_jp_2", false, "_codecs_jp"},
	{"encodings.iso2022_jp_2", false, "_codecs_kr"},
	{"encodings.iso2022_jp_2004", false, "_codecs_jp"},
	{"encodings.iso2022_jp_3", false, "_codecs_jp"},
	{"encodings.iso2022_jp_ext", false, "_codecs_jp"},
	{"encodings.iso2022_kr", false, "_codecs_kr"},
	{"gettext", false, "locale"},
	{"multiprocessing.popen_spawn_posix", false, "multiprocessing.spawn"},
	{"multiprocessing.popen_spawn_posix", false, "pkgutil"},
	{"multiprocessing.popen_spawn_posix", false, "runpy"},
	{"optparse", false, "textwrap"},
	{"pkgutil", false, "typing"},
	{"pkgutil", false, "weakref"},
	{"pydoc", false, python_config},
	{"zipfile", false, "encodings.cp437"},
	{"zoneinfo._common", false, "importlib.resources"},
	{"zoneinfo._tzpath", false, python_config},
	// What six.moves stands for.
	{"six.moves.queue", false, "queue"},
	{"six.moves.configparser", false, "configparser"},
	{"six.moves.socketserver", false, "socketserver"},
	{"six.moves.reprlib", false, "reprlib"},
	{"six.moves.copyreg", false, "copyreg"},
	{"six.moves.cPickle", false, "pickle"},
	{"six.moves.http_client", false, "http.client"},
	{"six.moves.http_cookies", false, "http.cookies"},
	{"six.moves.http_cookiejar", false, "http.cookiejar"},
	{"six.moves.BaseHTTPServer", false, "http.server"},
	{"six.moves.SimpleHTTPServer", false, "http.server"},
	{"six.moves.html_parser", false, "html.parser"},
	{"six.moves.html_entities", false, "html.entities"},
	{"six.moves.xmlrpc_client", false, "xmlrpc.client"},
	{"six.moves.xmlrpc_server", false, "xmlrpc.server"},
	{"six.moves.shlex_quote", false, "shlex"},
	{"six.moves.StringIO", false, "io"},
	{"six.moves.reduce", false, "functools"},
	{"six.moves.zip_longest", false, "itertools"},
	{"six.moves.collections_abc", false, "collections.abc"},
	{"six.moves.email_mime_text", false, "email.mime.text"},
	{"six.moves.email_mime_multipart", false, "email.mime.multipart"},
	{"six.moves.urllib", false, "urllib.error"},
	{"six.moves.urllib", false, "urllib.parse"},
	{"six.moves.urllib", false, "urllib.request"},
	{"six.moves.urllib", false, "urllib.response"},
	{"six.moves.urllib", false, "urllib.robotparser"},
	{"six.moves.urllib.error", false, "urllib.error"},
	{"six.moves.urllib.parse", false, "urllib.parse"},
	{"six.moves.urllib.request", false, "urllib.request"},
	{"six.moves.urllib_parse", false, "urllib.parse"},
	{"six.moves.urllib_error", false, "urllib.error"},
	{NULL, false, NULL},
};

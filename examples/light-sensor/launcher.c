// The program of a frozen folder: starts libpython with what lies beside it in _internal, and with
// nothing else of the machine: no environment, no site-packages.
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <limits.h>
#include <string.h>
#include <unistd.h>

#ifndef MAIN
#error "MAIN is the script's bytecode, a file in _internal"
#endif

// DIR/_internal of this program, wherever it was moved and whatever link it was started by.
static int find_inside(char path[static PATH_MAX])
{
	static const char inside[] = "_internal";
	ssize_t len = readlink("/proc/self/exe", path, PATH_MAX - sizeof(inside));
	char *slash;

	if (len <= 0)
		return -1;
	path[len] = '\0';
	slash = strrchr(path, '/');
	if (!slash)
		return -1;
	memcpy(slash + 1, inside, sizeof(inside));
	return 0;
}

static PyStatus set_path(PyConfig *config, wchar_t **field, const char *dir, const char *name)
{
	char path[PATH_MAX + 64];

	snprintf(path, sizeof(path), "%s%s%s", dir, *name ? "/" : "", name);
	return PyConfig_SetBytesString(config, field, path);
}

static PyStatus add_search_path(PyConfig *config, const char *dir, const char *name)
{
	wchar_t *path = NULL;
	PyStatus status = set_path(config, &path, dir, name);

	if (!PyStatus_Exception(status))
		status = PyWideStringList_Append(&config->module_search_paths, path);
	PyMem_RawFree(path);
	return status;
}

static PyStatus configure(PyConfig *config, const char *inside, int argc, char **argv)
{
	static const char *search[] = {"base_library.zip", "lib-dynload", ""};
	wchar_t **places[] = {&config->prefix, &config->exec_prefix, &config->base_prefix,
		&config->base_exec_prefix, &config->home};
	PyStatus status = PyConfig_SetBytesArgv(config, argc, argv);

	config->parse_argv = 0; // all words are the script's
	config->site_import = 0;
	config->write_bytecode = 0;
	config->pathconfig_warnings = 0;
	config->install_signal_handlers = 1;
	config->module_search_paths_set = 1;
	for (size_t i = 0; i < sizeof(search) / sizeof(*search) && !PyStatus_Exception(status); i++)
		status = add_search_path(config, inside, search[i]);
	for (size_t i = 0; i < sizeof(places) / sizeof(*places) && !PyStatus_Exception(status); i++)
		status = set_path(config, places[i], inside, "");
	if (!PyStatus_Exception(status))
		status = set_path(config, &config->run_filename, inside, MAIN);
	return status;
}

int main(int argc, char **argv)
{
	char inside[PATH_MAX];
	PyPreConfig before;
	PyConfig config;
	PyStatus status;

	if (find_inside(inside)) {
		fprintf(stderr, "%s: /proc/self/exe cannot be read\n", argv[0]);
		return 1;
	}
	PyPreConfig_InitIsolatedConfig(&before);
	before.utf8_mode = 1; // a container has no locale
	status = Py_PreInitialize(&before);
	if (PyStatus_Exception(status))
		Py_ExitStatusException(status);
	PyConfig_InitIsolatedConfig(&config);
	status = configure(&config, inside, argc, argv);
	if (!PyStatus_Exception(status))
		status = Py_InitializeFromConfig(&config);
	PyConfig_Clear(&config);
	if (PyStatus_Exception(status))
		Py_ExitStatusException(status);
	return Py_RunMain();
}

#include "registry/tls.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/sink.h"

// The first directory there is serves, as in containers-certs.d(5).
static const char *find_dir(const char *host, const char *cert_dir, struct arena *a)
{
	const char *xdg = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");
	const char *places[4] = {
		xdg && *xdg    ? arena_printf(a, "%s/containers/certs.d/%s", xdg, host)
			: home ? arena_printf(a, "%s/.config/containers/certs.d/%s", home, host)
			       : NULL,
		arena_printf(a, "/etc/containers/certs.d/%s", host),
		arena_printf(a, "/etc/docker/certs.d/%s", host),
	};
	struct stat st;

	if (cert_dir)
		return cert_dir;
	for (size_t i = 0; i < sizeof(places) / sizeof(*places); i++)
		if (places[i] && stat(places[i], &st) == 0 && S_ISDIR(st.st_mode))
			return places[i];
	return NULL;
}

static bool ends_with(const char *s, const char *end)
{
	const size_t n = strlen(s), m = strlen(end);

	return n > m && !strcmp(s + n - m, end);
}

static int is_certificate(const struct dirent *d)
{
	return ends_with(d->d_name, ".crt") || ends_with(d->d_name, ".cert");
}

static struct err *append(int to, const char *path)
{
	drop(fd_drop) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct fd_sink sink;
	struct stat st;

	if (fd < 0 || fstat(fd, &st))
		return err_sys(errno, "certificate %s", path);
	if (!S_ISREG(st.st_mode) || st.st_size > (16 << 20))
		return err_new(ERR_FAILED, "certificate %s: not a file of PEM", path);
	fd_sink_init(&sink, to, "memory");
	TRY(sink_copy_fd(&sink.sink, fd, 0, (uint64_t)st.st_size, path));
	return sink_write(&sink.sink, "\n", 1);
}

// The system's own bundle: private CAs stand beside it, not in its place.
static struct err *append_system(int to)
{
	static const char *const bundles[] = {
		"/etc/ssl/certs/ca-certificates.crt",
		"/etc/pki/tls/certs/ca-bundle.crt",
		"/etc/ssl/ca-bundle.pem",
		"/etc/ssl/cert.pem",
	};

	for (size_t i = 0; i < sizeof(bundles) / sizeof(*bundles); i++)
		if (access(bundles[i], R_OK) == 0)
			return append(to, bundles[i]);
	return NULL;
}

static struct err *add_client(
	struct tls_files *t, const char *dir, const char *name, struct arena *a)
{
	t->cert = arena_printf(a, "%s/%s", dir, name);
	t->key = arena_printf(a, "%.*skey", (int)(strlen(t->cert) - 4), t->cert);
	if (access(t->key, R_OK))
		return err_sys(errno, "key %s of the certificate beside it", t->key);
	return NULL;
}

static struct err *add_names(
	struct tls_files *t, const char *dir, struct dirent **names, int n, struct arena *a)
{
	for (int i = 0; i < n; i++) {
		const char *name = names[i]->d_name;

		if (ends_with(name, ".cert")) {
			TRY(add_client(t, dir, name, a));
			continue;
		}
		if (t->ca_fd < 0) {
			t->ca_fd = memfd_create("certificates", MFD_CLOEXEC);
			if (t->ca_fd < 0)
				return err_sys(errno, "memory for certificates");
			// With SSL_CERT_FILE that is what the user believes, else the system's.
			TRY(t->ca_file ? append(t->ca_fd, t->ca_file) : append_system(t->ca_fd));
			t->ca_file = arena_printf(a, "/proc/self/fd/%d", t->ca_fd);
		}
		drop(mem_drop) char *path = str_printf("%s/%s", dir, name);

		TRY(append(t->ca_fd, path));
	}
	return NULL;
}

struct err *tls_find(const char *host, const char *cert_dir, struct arena *a, struct tls_files *out)
{
	const char *dir = find_dir(host, cert_dir, a);
	const char *file = getenv("SSL_CERT_FILE"), *path = getenv("SSL_CERT_DIR");
	struct dirent **names = NULL;
	struct err *e;

	*out = (struct tls_files){.host = arena_strdup(a, host), .ca_fd = -1};
	if (file && *file)
		out->ca_file = arena_strdup(a, file);
	if (path && *path)
		out->ca_dir = arena_strdup(a, path);
	if (!dir)
		return NULL;
	const int n = scandir(dir, &names, is_certificate, alphasort);

	if (n < 0)
		return err_sys(errno, "certificates in %s", dir);
	e = add_names(out, dir, names, n, a);
	for (int i = 0; i < n; i++)
		free(names[i]);
	free(names);
	return e;
}

void tls_files_drop(struct tls_files *t)
{
	fd_drop(&t->ca_fd);
}

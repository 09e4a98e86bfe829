#include "fixture.h"

#include "builder/data.h"

// A root with a C library, as much of one as resolving needs; programs link to it.
static void make_root(struct fixture *f)
{
	shell(f,
		"mkdir -p root/lib root/lib64 root/etc root/usr/bin root/usr/lib;"
		"I=$(readelf -l /bin/sh | sed -n 's/.*interpreter: \\(.*\\)]/\\1/p');"
		"mkdir -p root/$(dirname $I); cp -L $I root/$I;"
		"l=$(gcc -print-file-name=libc.so.6); cp -L $l root/lib; cp -L $l root/lib64");
}

// /usr/bin/NAME, whose main is these words.
static void make_program(struct fixture *f, const char *name, const char *words, const char *flags)
{
	shell(f, "echo 'int main() { %s; return 0; }' >p.c; gcc -w -o root/usr/bin/%s p.c %s",
		words, name, flags);
}

// A library with one function.
static void make_library(struct fixture *f, const char *function)
{
	shell(f,
		"echo 'void %s(void) {}' >l.c; gcc -shared -fPIC -Wl,-soname,libfake.so -o "
		"root/lib/libfake.so l.c; cp root/lib/libfake.so root/lib64",
		function);
}

// libcrypto with its directories, libssl with what certificates are asked for by.
static void make_openssl(struct fixture *f, const char *dir)
{
	shell(f,
		"echo 'const char v[] = \"OPENSSLDIR: \\\"%s\\\"\";"
		"const char m[] = \"MODULESDIR: \\\"/usr/lib/ossl-modules\\\"\";"
		"void OSSL_PROVIDER_load(void) {}' >c.c;"
		"gcc -w -shared -fPIC -Wl,-soname,libcrypto.so.3 -o root/lib/libcrypto.so.3 c.c;"
		"echo 'void SSL_CTX_set_default_verify_paths(void) {}' >s.c;"
		"gcc -w -shared -fPIC -Wl,-soname,libssl.so.3 -Wl,--no-as-needed -o "
		"root/lib/libssl.so.3 s.c root/lib/libcrypto.so.3;"
		"cp root/lib/lib*.so.3 root/lib64",
		dir);
	make_program(f, "tls", "SSL_CTX_set_default_verify_paths()",
		"-Wl,-rpath-link,root/lib root/lib/libssl.so.3");
}

// What a test asks for; lists end with NULL.
struct question {
	const char *programs[4], *with[4], *without[4], *env[4], *present[4];
	bool is_image, no_host;
	const char *host; // in the fixture's directory; NULL: an empty one
};

struct answer {
	struct arena a;
	struct closure closures[4];
	struct suggestions suggestions[4];
	struct root *host;
	struct data_needs needs;
	struct strings warnings;
	struct err *err;
};

static struct strings list_of(const char *const *at)
{
	struct strings s = {(const char **)at, 0, 0};

	while (s.len < 4 && at[s.len])
		s.len++;
	return s;
}

static void ask(struct fixture *f, const struct question *q, struct answer *out)
{
	struct strings with = list_of(q->with), without = list_of(q->without),
		       env = list_of(q->env), present = list_of(q->present);
	const struct closure *closures[4];
	const struct suggestions *suggestions[4];
	drop(mem_drop) char *host = str_printf("%s/%s", f->dir, q->host ? q->host : "none");
	struct data_options o = {.with = &with,
		.without = &without,
		.env = &env,
		.present = &present,
		.is_image = q->is_image,
		.closures = closures,
		.suggestions = suggestions};

	*out = (struct answer){0};
	shell(f, "mkdir -p none");
	if (!f->r)
		fixture_open(f, "root");
	assert_null(root_open_dir(host, &out->host));
	for (size_t i = 0; i < 4 && q->programs[i]; i++) {
		out->closures[i] = resolve(f, q->programs[i]);
		assert_null(hidden_add(f->r, &out->closures[i], &out->suggestions[i]));
		closures[i] = &out->closures[i];
		suggestions[i] = &out->suggestions[i];
		o.nclosures++;
	}
	o.resolver = f->r;
	o.sysroot = f->sysroot;
	o.host = q->no_host ? NULL : out->host;
	out->err = data_collect(&o, &out->a, &out->needs, &out->warnings);
}

static void forget(struct answer *a)
{
	err_drop(&a->err);
	arena_drop(&a->a);
	root_drop(&a->host);
}

static const struct data_need *need_called(const struct answer *a, const char *name)
{
	if (a->err)
		fail_msg("%s", err_text(a->err));
	vec_each (n, &a->needs)
		if (!strcmp(n->name, name))
			return n;
	return NULL;
}

static const struct data_file *file_at(const struct data_need *n, const char *path)
{
	assert_non_null(n);
	vec_each (f, &n->files)
		if (!strcmp(f->path, path))
			return f;
	return NULL;
}

static void expect_file(const struct data_need *n, const char *path)
{
	const struct data_file *f = file_at(n, path);

	if (!f || !S_ISREG(f->mode))
		fail_msg("%s lacks the file %s", n->name, path);
}

static void expect_link(const struct data_need *n, const char *path, const char *target)
{
	const struct data_file *f = file_at(n, path);

	if (!f || !S_ISLNK(f->mode))
		fail_msg("%s lacks the link %s", n->name, path);
	else
		assert_string_equal(f->target, target);
}

// ---- certificates ----

static void certificates_come_where_openssl_looks(void **state)
{
	struct fixture *f = *state;
	struct answer a;

	make_root(f);
	make_openssl(f, "/usr/lib/ssl");
	shell(f,
		"mkdir -p root/etc/ssl/certs root/usr/lib/ssl; ln -s /etc/ssl/certs "
		"root/usr/lib/ssl/certs; echo 12345 >root/etc/ssl/certs/ca-certificates.crt");
	ask(f, &(struct question){.programs = {"/usr/bin/tls"}}, &a);
	const struct data_need *n = need_called(&a, "certs");

	assert_non_null(n);
	assert_true(n->is_included);
	assert_string_equal(n->reason, "tls imports SSL_CTX_set_default_verify_paths");
	assert_string_equal(n->source, "the sysroot");
	assert_int_equal(n->bytes, 6);
	assert_int_equal(n->files.len, 2);
	expect_file(n, "/etc/ssl/certs/ca-certificates.crt");
	expect_link(n, "/usr/lib/ssl/cert.pem", "/etc/ssl/certs/ca-certificates.crt");
	assert_int_equal(a.warnings.len, 0);
	assert_ptr_equal(data_need_of(&a.needs, "/usr/lib/ssl/cert.pem"), n);
	assert_null(data_need_of(&a.needs, "/usr/lib/ssl/certs"));
	forget(&a);
}

static void links_of_the_sysroot_are_kept(void **state)
{
	struct fixture *f = *state;
	struct answer a;

	make_root(f);
	make_openssl(f, "/etc/ssl");
	shell(f,
		"mkdir -p root/etc/ssl/certs; echo 1 >root/etc/ssl/certs/ca-certificates.crt;"
		"ln -s certs/ca-certificates.crt root/etc/ssl/cert.pem");
	ask(f, &(struct question){.programs = {"/usr/bin/tls"}}, &a);
	const struct data_need *n = need_called(&a, "certs");

	expect_link(n, "/etc/ssl/cert.pem", "certs/ca-certificates.crt");
	expect_file(n, "/etc/ssl/certs/ca-certificates.crt");
	forget(&a);
}

static void certificates_else_come_from_this_machine(void **state)
{
	struct fixture *f = *state;
	struct answer a;

	make_root(f);
	make_openssl(f, "/usr/lib/ssl");
	shell(f,
		"mkdir -p host/etc/pki/tls/certs; echo 1 >host/etc/pki/tls/certs/ca-bundle.crt;"
		"ln -s /lib root/etc/ssl");
	ask(f, &(struct question){.programs = {"/usr/bin/tls"}, .host = "host"}, &a);
	const struct data_need *n = need_called(&a, "certs");

	assert_string_equal(n->source, "this machine");
	expect_link(n, "/etc/ssl", "/lib");
	expect_file(n, "/lib/certs/ca-certificates.crt");
	assert_string_equal(file_at(n, "/lib/certs/ca-certificates.crt")->source,
		"/etc/pki/tls/certs/ca-bundle.crt");
	assert_int_equal(a.warnings.len, 1);
	expect_contains(a.warnings.at[0], "this machine's /etc/pki/tls/certs/ca-bundle.crt");
	forget(&a);
}

static void no_certificates_anywhere_is_an_error(void **state)
{
	struct fixture *f = *state;
	struct answer a;

	make_root(f);
	make_openssl(f, "/usr/lib/ssl");
	ask(f, &(struct question){.programs = {"/usr/bin/tls"}}, &a);
	assert_non_null(a.err);
	assert_int_equal(err_kind(a.err), ERR_FAILED);
	expect_contains(err_text(a.err), "SSL_CTX_set_default_verify_paths");
	expect_contains(err_hint_text(a.err), "--without certs");
	forget(&a);
	shell(f, "mkdir -p host/etc/ssl; echo 1 >host/etc/ssl/cert.pem");
	ask(f, &(struct question){.programs = {"/usr/bin/tls"}, .host = "host", .no_host = true},
		&a);
	assert_non_null(a.err);
	forget(&a);
	ask(f, &(struct question){.programs = {"/usr/bin/tls"}, .without = {"certs"}}, &a);
	assert_null(need_called(&a, "certs"));
	assert_int_equal(a.warnings.len, 0);
	forget(&a);
}

static void certificates_that_the_user_brings_are_the_ones(void **state)
{
	struct fixture *f = *state;
	struct answer a;

	make_root(f);
	make_openssl(f, "/usr/lib/ssl");
	ask(f, &(struct question){.programs = {"/usr/bin/tls"}, .present = {"/etc/ssl/cert.pem"}},
		&a);
	const struct data_need *n = need_called(&a, "certs");

	assert_int_equal(n->files.len, 1);
	expect_link(n, "/usr/lib/ssl/cert.pem", "/etc/ssl/cert.pem");
	forget(&a);
}

static void what_is_refused_is_told_and_left_out(void **state)
{
	struct fixture *f = *state;
	struct answer a;

	make_root(f);
	make_openssl(f, "/usr/lib/ssl");
	shell(f, "mkdir -p root/etc/ssl/certs; echo 1 >root/etc/ssl/certs/ca-certificates.crt");
	ask(f, &(struct question){.programs = {"/usr/bin/tls"}, .without = {"tzdata,certs"}}, &a);
	const struct data_need *n = need_called(&a, "certs");

	assert_true(n->is_refused);
	assert_false(n->is_included);
	assert_int_equal(n->bytes, 2);
	assert_null(data_need_of(&a.needs, "/etc/ssl/certs/ca-certificates.crt"));
	assert_true(data_is_refused(&a.needs, "/etc/ssl/certs/ca-certificates.crt"));
	forget(&a);
}

static void static_programs_are_known_by_their_texts(void **state)
{
	struct fixture *f = *state;
	struct answer a;

	make_root(f);
	shell(f,
		"mkdir -p root/etc/ssl/certs root/usr/share/zoneinfo;"
		"echo 1 >root/usr/share/zoneinfo/UTC;"
		"echo 1 >root/etc/ssl/certs/ca-certificates.crt;"
		// Go's strings stand one behind the other, without an end.
		"echo 'const char t[] = \"xx/etc/ssl/certs/ca-certificates.crt/usr/share/zoneinfo/yy\";"
		"void _start(void) { for (;;); }' >p.c;"
		"gcc -static -nostdlib -o root/usr/bin/go p.c;"
		"echo 'void _start(void) { for (;;); }' >q.c;"
		"gcc -static -nostdlib -o root/usr/bin/no q.c");
	ask(f, &(struct question){.programs = {"/usr/bin/go"}}, &a);
	expect_contains(need_called(&a, "certs")->reason,
		"go holds the path /etc/ssl/certs/ca-certificates.crt");
	assert_true(need_called(&a, "certs")->is_included);
	assert_false(need_called(&a, "tzdata")->is_included);
	forget(&a);
	ask(f, &(struct question){.programs = {"/usr/bin/no"}}, &a);
	assert_null(a.err);
	assert_int_equal(a.needs.len, 0);
	forget(&a);
}

// ---- zones ----

static void make_zones(struct fixture *f)
{
	make_root(f);
	make_program(f, "date", "localtime()", "");
	shell(f,
		"cd root; mkdir -p usr/share/zoneinfo/Europe usr/share/zoneinfo/right;"
		"echo berlin >usr/share/zoneinfo/Europe/Berlin; echo 1 >usr/share/zoneinfo/right/UTC;"
		"ln -s Europe/Berlin usr/share/zoneinfo/CET; ln -s /usr/share/zoneinfo/Europe/Berlin "
		"etc/localtime");
}

static void zones_are_suggested_and_come_when_asked_for(void **state)
{
	struct fixture *f = *state;
	struct answer a;

	make_zones(f);
	ask(f, &(struct question){.programs = {"/usr/bin/date"}}, &a);
	const struct data_need *n = need_called(&a, "tzdata");

	assert_false(n->is_included);
	assert_false(n->is_refused);
	assert_int_equal(n->bytes, 7);
	assert_string_equal(n->reason, "date imports localtime");
	assert_null(file_at(n, "/usr/share/zoneinfo/right/UTC"));
	expect_link(n, "/usr/share/zoneinfo/CET", "Europe/Berlin");
	assert_int_equal(a.needs.len, 1);
	forget(&a);
	ask(f, &(struct question){.programs = {"/usr/bin/date"}, .with = {"certs", NULL}}, &a);
	assert_non_null(a.err); // there are none
	forget(&a);
	ask(f, &(struct question){.programs = {"/usr/bin/date"}, .with = {"tzdata"}}, &a);
	assert_true(need_called(&a, "tzdata")->is_included);
	forget(&a);
	ask(f, &(struct question){.programs = {"/usr/bin/date"}, .with = {"tzdata:CET"}}, &a);
	n = need_called(&a, "tzdata:CET");
	assert_true(n->is_included);
	assert_string_equal(n->reason, "--with tzdata:CET");
	assert_int_equal(n->files.len, 2);
	forget(&a);
}

static void the_zone_of_the_environment_comes_by_itself(void **state)
{
	struct fixture *f = *state;
	struct answer a;

	make_zones(f);
	ask(f,
		&(struct question){
			.programs = {"/usr/bin/date"}, .env = {"A=b", "TZ=:Europe/Berlin"}},
		&a);
	const struct data_need *n = need_called(&a, "tzdata::Europe/Berlin");

	assert_true(n->is_included);
	expect_contains(n->reason, "TZ=:Europe/Berlin");
	expect_file(n, "/usr/share/zoneinfo/Europe/Berlin");
	forget(&a);
	ask(f, &(struct question){.programs = {"/usr/bin/date"}, .env = {"TZ=Europe/Nowhere"}}, &a);
	assert_non_null(a.err);
	expect_contains(err_hint_text(a.err), "--without");
	forget(&a);
	ask(f,
		&(struct question){
			.programs = {"/usr/bin/date"}, .env = {"TZ=CET-1CEST,M3.5.0,M10.5.0/3"}},
		&a);
	assert_null(a.err);
	assert_int_equal(a.needs.len, 1);
	forget(&a);
}

static void an_image_keeps_its_own_time(void **state)
{
	struct fixture *f = *state;
	struct answer a;

	make_zones(f);
	ask(f, &(struct question){.programs = {"/usr/bin/date"}, .is_image = true}, &a);
	const struct data_need *n = need_called(&a, "tzdata");

	assert_true(n->is_included);
	expect_link(n, "/etc/localtime", "/usr/share/zoneinfo/Europe/Berlin");
	expect_file(n, "/usr/share/zoneinfo/Europe/Berlin");
	forget(&a);
}

// ---- accounts ----

static void accounts_come_from_the_sysroot_or_are_built_in(void **state)
{
	struct fixture *f = *state;
	struct answer a;

	make_root(f);
	make_program(f, "id", "getpwuid()", "");
	shell(f, "echo root:x:0: >root/etc/group");
	ask(f, &(struct question){.programs = {"/usr/bin/id"}}, &a);
	const struct data_need *n = need_called(&a, "passwd");

	assert_true(n->is_included);
	assert_int_equal(n->files.len, 2);
	assert_non_null(file_at(n, "/etc/group")->root);
	assert_null(file_at(n, "/etc/passwd")->root);
	expect_contains((const char *)file_at(n, "/etc/passwd")->bytes.ptr, "nobody:x:65534:65534");
	n = need_called(&a, "nss");
	assert_string_equal(n->source, "built in");
	expect_contains(
		(const char *)file_at(n, "/etc/nsswitch.conf")->bytes.ptr, "hosts: files dns");
	forget(&a);
}

static void accounts_of_this_machine_stay_here(void **state)
{
	struct fixture *f = *state;
	struct answer a;

	make_root(f);
	make_program(f, "id", "getpwuid()", "");
	fixture_open(f, "/");
	drop(mem_drop) char *program = str_printf("%s/root/usr/bin/id", f->dir);

	ask(f, &(struct question){.programs = {program}}, &a);
	assert_string_equal(need_called(&a, "passwd")->source, "built in");
	assert_null(file_at(need_called(&a, "passwd"), "/etc/passwd")->root);
	forget(&a);
}

static void an_image_keeps_its_name_services(void **state)
{
	struct fixture *f = *state;
	struct answer a;

	make_root(f);
	make_program(f, "id", "getpwuid()", "");
	ask(f, &(struct question){.programs = {"/usr/bin/id"}, .is_image = true}, &a);
	assert_null(need_called(&a, "nss"));
	forget(&a);
	shell(f,
		"echo 'passwd: files fake' >root/etc/nsswitch.conf; echo >root/lib/libnss_fake.so.2;"
		"echo >root/lib64/libnss_fake.so.2");
	resolver_drop(&f->r);
	root_drop(&f->sysroot);
	root_drop(&f->host);
	fixture_open(f, "root");
	ask(f, &(struct question){.programs = {"/usr/bin/id"}, .with = {"nss"}}, &a);
	const struct data_need *n = need_called(&a, "nss");

	assert_int_equal(n->files.len, 2);
	assert_non_null(file_at(n, "/etc/nsswitch.conf")->root);
	forget(&a);
}

// ---- languages ----

static void a_locale_needs_both_a_call_and_a_name(void **state)
{
	struct fixture *f = *state;
	struct answer a;

	make_root(f);
	make_program(f, "ls", "setlocale()", "");
	make_program(f, "no", "getpid()", "");
	shell(f,
		"mkdir -p root/usr/lib/locale/C.utf8/LC_MESSAGES; echo 1 >root/usr/lib/locale/C.utf8/LC_CTYPE;"
		"echo 2 >root/usr/lib/locale/C.utf8/LC_MESSAGES/SYS_LC_MESSAGES");
	ask(f, &(struct question){.programs = {"/usr/bin/ls"}, .env = {"LANG=C.UTF-8", "LC_ALL=C"}},
		&a);
	const struct data_need *n = need_called(&a, "locale:C.UTF-8");

	assert_true(n->is_included);
	assert_int_equal(n->files.len, 2);
	expect_contains(n->reason, "LANG=C.UTF-8");
	expect_contains(n->reason, "ls imports setlocale");
	assert_int_equal(a.needs.len, 1);
	forget(&a);
	ask(f, &(struct question){.programs = {"/usr/bin/no"}, .env = {"LANG=C.UTF-8"}}, &a);
	assert_null(need_called(&a, "locale:C.UTF-8"));
	forget(&a);
	ask(f, &(struct question){.programs = {"/usr/bin/ls"}}, &a);
	assert_int_equal(a.needs.len, 0);
	forget(&a);
	ask(f, &(struct question){.programs = {"/usr/bin/ls"}, .env = {"LANG=xx_YY.UTF-8"}}, &a);
	assert_null(need_called(&a, "locale:xx_YY.UTF-8"));
	assert_int_equal(a.warnings.len, 1);
	forget(&a);
}

// An archive of one locale whose files are their category's number.
static void make_archive(struct fixture *f, const char *name)
{
	uint32_t words[14 + 3 + 1 + 26] = {0xde020109, 0, 56, 1, 1};
	drop(mem_drop) char *path = str_printf("%s/root/usr/lib/locale/locale-archive", f->dir);
	uint32_t texts = sizeof(words), data = texts + 32;
	char text[32] = {0}, digits[13];
	FILE *out;

	words[15] = texts; // the name, after its hash
	words[16] = 17 * 4;
	for (uint32_t i = 0; i < 13; i++) {
		words[18 + 2 * i] = data + i;
		words[19 + 2 * i] = 1;
		digits[i] = (char)('a' + i);
	}
	snprintf(text, sizeof(text), "%s", name);
	shell(f, "mkdir -p root/usr/lib/locale");
	out = fopen(path, "w");
	assert_non_null(out);
	fwrite(words, sizeof(words), 1, out);
	fwrite(text, sizeof(text), 1, out);
	fwrite(digits, sizeof(digits), 1, out);
	fclose(out);
}

static void one_locale_is_taken_out_of_an_archive(void **state)
{
	struct fixture *f = *state;
	struct answer a;

	make_root(f);
	make_program(f, "ls", "setlocale()", "");
	make_archive(f, "de_DE.utf8@euro");
	ask(f, &(struct question){.programs = {"/usr/bin/ls"}, .with = {"locale:de_DE.UTF-8@euro"}},
		&a);
	const struct data_need *n = need_called(&a, "locale:de_DE.UTF-8@euro");
	const char *dir = "/usr/lib/locale/de_DE.utf8@euro";
	drop(mem_drop) char *ctype = str_printf("%s/LC_CTYPE", dir);
	drop(mem_drop) char *messages = str_printf("%s/LC_MESSAGES/SYS_LC_MESSAGES", dir);

	assert_int_equal(n->files.len, 12);
	assert_int_equal(n->bytes, 12);
	assert_int_equal(file_at(n, ctype)->bytes.ptr[0], 'a');
	assert_int_equal(file_at(n, messages)->bytes.ptr[0], 'a' + 5);
	forget(&a);
}

static void conversions_come_by_charset(void **state)
{
	struct fixture *f = *state;
	struct answer a;

	make_root(f);
	make_program(f, "iconv", "iconv_open()", "");
	shell(f,
		"for d in root/lib root/lib64; do mkdir -p $d/gconv/gconv-modules.d; cd $d/gconv;"
		"printf '# text\\nmodule\\tISO-8859-1//\\tINTERNAL\\tISO8859-1\\t1\\n' >gconv-modules;"
		"printf 'alias LATIN9// ISO-8859-15//\\nmodule INTERNAL ISO-8859-15// ISO8859-15 1' "
		">gconv-modules.d/extra.conf; echo 1 >ISO8859-1.so; echo 12 >ISO8859-15.so; cd ../../..; "
		"done");
	ask(f, &(struct question){.programs = {"/usr/bin/iconv"}}, &a);
	assert_false(need_called(&a, "gconv")->is_included);
	assert_int_equal(need_called(&a, "gconv")->files.len, 4);
	forget(&a);
	ask(f, &(struct question){.programs = {"/usr/bin/iconv"}, .with = {"gconv:latin9"}}, &a);
	const struct data_need *n = need_called(&a, "gconv:latin9");

	assert_int_equal(n->files.len, 3);
	assert_non_null(strstr(n->files.at[0].path, "gconv/ISO8859-15.so"));
	forget(&a);
	ask(f, &(struct question){.programs = {"/usr/bin/iconv"}, .with = {"gconv:klingon"}}, &a);
	assert_non_null(a.err);
	forget(&a);
}

// ---- the small ones ----

static void terminals_services_and_tmp(void **state)
{
	struct fixture *f = *state;
	struct answer a;

	make_root(f);
	make_library(f, "initscr");
	make_program(f, "p", "initscr(); getservbyname(); mkstemp()", "root/lib/libfake.so");
	shell(f,
		"mkdir -p root/usr/share/terminfo/x root/usr/share/terminfo/6c host/etc;"
		"echo 1 >root/usr/share/terminfo/x/xterm; echo 2 >root/usr/share/terminfo/6c/linux;"
		"echo 3 >root/usr/share/terminfo/x/xfce; echo services >host/etc/services");
	ask(f, &(struct question){.programs = {"/usr/bin/p"}, .host = "host"}, &a);
	const struct data_need *n = need_called(&a, "terminfo");

	assert_true(n->is_included);
	assert_int_equal(n->files.len, 2);
	expect_file(n, "/usr/share/terminfo/6c/linux");
	assert_null(need_called(&a, "services")); // this machine's only come when asked for
	assert_int_equal(file_at(need_called(&a, "tmp"), "/tmp")->mode, S_IFDIR | 01777);
	forget(&a);
	ask(f, &(struct question){.programs = {"/usr/bin/p"}, .host = "host", .with = {"services"}},
		&a);
	n = need_called(&a, "services");
	assert_string_equal(n->source, "this machine");
	assert_int_equal(n->bytes, 9);
	expect_file(n, "/etc/services");
	forget(&a);
	ask(f, &(struct question){.programs = {"/usr/bin/p"}, .with = {"terminfo:xfce"}}, &a);
	expect_file(need_called(&a, "terminfo:xfce"), "/usr/share/terminfo/x/xfce");
	forget(&a);
}

static void openssl_brings_its_providers_when_asked(void **state)
{
	struct fixture *f = *state;
	struct answer a;

	make_root(f);
	make_openssl(f, "/usr/lib/ssl");
	make_program(f, "vpn", "OSSL_PROVIDER_load()", "root/lib/libcrypto.so.3");
	shell(f,
		"mkdir -p root/usr/lib/ssl root/usr/lib/ossl-modules; echo 1 "
		">root/usr/lib/ossl-modules/legacy.so; echo conf >root/etc/openssl.cnf;"
		"ln -s /etc/openssl.cnf root/usr/lib/ssl/openssl.cnf");
	ask(f, &(struct question){.programs = {"/usr/bin/vpn"}}, &a);
	assert_int_equal(a.needs.len, 1);
	assert_false(need_called(&a, "openssl")->is_included);
	expect_file(need_called(&a, "openssl"), "/usr/lib/ossl-modules/legacy.so");
	forget(&a);
	ask(f, &(struct question){.programs = {"/usr/bin/vpn"}, .with = {"openssl"}}, &a);
	assert_int_equal(a.needs.len, 2);
	expect_link(need_called(&a, "openssl"), "/usr/lib/ssl/openssl.cnf", "/etc/openssl.cnf");
	expect_file(need_called(&a, "openssl"), "/etc/openssl.cnf");
	forget(&a);
	ask(f, &(struct question){.programs = {"/usr/bin/vpn"}, .is_image = true}, &a);
	assert_true(need_called(&a, "openssl")->is_included);
	forget(&a);
}

static void pam_brings_the_modules_it_names(void **state)
{
	struct fixture *f = *state;
	struct answer a;

	make_root(f);
	make_library(f, "pam_start");
	make_program(f, "login", "pam_start()", "root/lib/libfake.so");
	shell(f,
		"mkdir -p root/etc/pam.d root/lib/security root/lib64/security;"
		"echo 'auth [success=1 default=ignore] pam_unix.so nullok' >root/etc/pam.d/login;"
		"for d in root/lib root/lib64; do for m in unix other; do echo 1 "
		">$d/security/pam_$m.so; done; done");
	ask(f, &(struct question){.programs = {"/usr/bin/login"}}, &a);
	assert_false(need_called(&a, "pam")->is_included);
	forget(&a);
	ask(f, &(struct question){.programs = {"/usr/bin/login"}, .with = {"pam"}}, &a);
	const struct data_need *n = need_called(&a, "pam");

	assert_int_equal(n->files.len, 2);
	assert_non_null(strstr(n->files.at[1].path, "security/pam_unix.so"));
	forget(&a);
}

static void named_libraries_are_suggested(void **state)
{
	struct fixture *f = *state;
	struct answer a;

	make_root(f);
	shell(f,
		"echo 'int x;' >l.c; gcc -shared -fPIC -o root/lib/libone.so.1 l.c;"
		"cp root/lib/libone.so.1 root/lib64;"
		"echo 'const char n[] = \"libone.so.1\"; int main() { return dlopen(n, 1); }' >p.c;"
		"gcc -w -o root/usr/bin/p p.c");
	ask(f, &(struct question){.programs = {"/usr/bin/p"}}, &a);
	assert_false(need_called(&a, "dlopen")->is_included);
	expect_contains(need_called(&a, "dlopen")->reason, "libone.so.1");
	forget(&a);
	ask(f, &(struct question){.programs = {"/usr/bin/p"}, .with = {"dlopen"}}, &a);
	assert_true(need_called(&a, "dlopen")->is_included);
	assert_int_equal(need_called(&a, "dlopen")->files.len, 1);
	forget(&a);
}

static void libgcc_is_only_refused_where_nothing_is_linked_to_it(void **state)
{
	struct fixture *f = *state;
	struct answer a;

	shell(f,
		"echo 'int main() { pthread_exit(0); }' >p.c; gcc -w -o p p.c;"
		"gcc -w -o q p.c -Wl,--no-as-needed -lgcc_s");
	fixture_open(f, "/");
	drop(mem_drop) char *p = str_printf("%s/p", f->dir), *q = str_printf("%s/q", f->dir);
	struct question question = {.programs = {p}, .without = {"libgcc"}};
	const struct data_need *n;

	ask(f, &question, &a);
	n = need_called(&a, "libgcc");
	assert_true(n->is_refused);
	vec_each (file, &n->files)
		assert_int_equal(data_is_refused(&a.needs, file->path), S_ISREG(file->mode) != 0);
	forget(&a);
	question.programs[0] = q;
	ask(f, &question, &a);
	assert_null(need_called(&a, "libgcc"));
	forget(&a);
}

static void unknown_names_are_wrong_usage(void **state)
{
	static const char *const bad[] = {
		"cert", "certs:x", "locale", "tzdata:", "tzdata:../x", ":"};
	struct fixture *f = *state;
	struct answer a;

	make_root(f);
	make_program(f, "p", "getpid()", "");
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		ask(f, &(struct question){.programs = {"/usr/bin/p"}, .with = {bad[i]}}, &a);
		if (!a.err || err_kind(a.err) != ERR_USAGE)
			fail_msg("--with %s is taken", bad[i]);
		expect_contains(err_text(a.err), bad[i]);
		forget(&a);
	}
	ask(f, &(struct question){.programs = {"/usr/bin/p"}, .without = {"cert"}}, &a);
	assert_non_null(a.err);
	expect_contains(err_text(a.err), "--without cert");
	expect_contains(err_hint_text(a.err), "certs, tzdata, passwd");
	forget(&a);
}

static void the_order_of_programs_does_not_matter(void **state)
{
	struct fixture *f = *state;
	struct answer a, b;

	make_root(f);
	make_program(f, "a", "getpwnam(); mkstemp()", "");
	make_program(f, "b", "getpwuid(); getgrnam(); tmpfile(); initgroups()", "");
	ask(f, &(struct question){.programs = {"/usr/bin/a", "/usr/bin/b"}}, &a);
	ask(f, &(struct question){.programs = {"/usr/bin/b", "/usr/bin/a"}}, &b);
	assert_null(a.err);
	assert_int_equal(a.needs.len, b.needs.len);
	for (size_t i = 0; i < a.needs.len; i++) {
		assert_string_equal(a.needs.at[i].name, b.needs.at[i].name);
		assert_string_equal(a.needs.at[i].reason, b.needs.at[i].reason);
	}
	assert_string_equal(need_called(&a, "passwd")->reason, "a imports getpwnam");
	forget(&a);
	forget(&b);
}

int main(void)
{
#define TEST(t) cmocka_unit_test_setup_teardown(t, fixture_setup, fixture_teardown)
	const struct CMUnitTest tests[] = {
		TEST(certificates_come_where_openssl_looks),
		TEST(links_of_the_sysroot_are_kept),
		TEST(certificates_else_come_from_this_machine),
		TEST(no_certificates_anywhere_is_an_error),
		TEST(certificates_that_the_user_brings_are_the_ones),
		TEST(what_is_refused_is_told_and_left_out),
		TEST(static_programs_are_known_by_their_texts),
		TEST(zones_are_suggested_and_come_when_asked_for),
		TEST(the_zone_of_the_environment_comes_by_itself),
		TEST(an_image_keeps_its_own_time),
		TEST(accounts_come_from_the_sysroot_or_are_built_in),
		TEST(accounts_of_this_machine_stay_here),
		TEST(an_image_keeps_its_name_services),
		TEST(a_locale_needs_both_a_call_and_a_name),
		TEST(one_locale_is_taken_out_of_an_archive),
		TEST(conversions_come_by_charset),
		TEST(terminals_services_and_tmp),
		TEST(openssl_brings_its_providers_when_asked),
		TEST(pam_brings_the_modules_it_names),
		TEST(named_libraries_are_suggested),
		TEST(libgcc_is_only_refused_where_nothing_is_linked_to_it),
		TEST(unknown_names_are_wrong_usage),
		TEST(the_order_of_programs_does_not_matter),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

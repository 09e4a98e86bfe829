#include "registry/ssh.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

static void targets_are_read(void **state)
{
	static const struct {
		const char *url, *user, *host;
		int port;
	} cases[] = {
		{"ssh://h", "", "h", 0},
		{"ssh://pi@raspberrypi.local:2222/", "pi", "raspberrypi.local", 2222},
		{"ssh://root@[fe80::1]:65535", "root", "fe80::1", 65535},
		{"ssh://[::1]", "", "::1", 0},
		{"ssh://a_b-c@10.0.0.1", "a_b-c", "10.0.0.1", 0},
	};
	(void)state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct ssh_target t;

		assert_null(ssh_parse(cases[i].url, &t));
		assert_string_equal(t.user, cases[i].user);
		assert_string_equal(t.host, cases[i].host);
		assert_int_equal(t.port, cases[i].port);
	}
}

static void others_are_refused(void **state)
{
	static const char *const cases[] = {"", "ssh:", "ssh://", "ssh:///", "h", "ssh://-h",
		"ssh://u@-h", "ssh://-u@h", "ssh://@h", "ssh://u@", "ssh://u@@h",
		"ssh://h:", "ssh://h:0", "ssh://h:65536", "ssh://h:100000", "ssh://h:1x",
		"ssh://h//", "ssh://h/x", "ssh://h x", "ssh://h\nx", "ssh://[", "ssh://[]",
		"ssh://[::1", "ssh://[::1]x", "ssh://[::1]:", "ssh://[-1]", "ssh://[::1%eth0]",
		"ssh://u:p@h", "ssh://h;x", "ssh://$h", "http://h"};
	char longest[400] = "ssh://";
	(void)state;

	memset(longest + 6, 'a', 256);
	for (size_t i = 0; i <= sizeof(cases) / sizeof(*cases); i++) {
		const char *url = i < sizeof(cases) / sizeof(*cases) ? cases[i] : longest;
		struct ssh_target t;
		struct err *e = ssh_parse(url, &t);

		if (!e)
			fail_msg("%s is taken", url);
		assert_int_equal(err_kind(e), ERR_USAGE);
		err_drop(&e);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(targets_are_read),
		cmocka_unit_test(others_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

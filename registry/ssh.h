// A command on another machine, by the ssh(1) of this one: its keys, its config, its questions.
#pragma once
#include <stdbool.h>

#include "base/sink.h"

struct ssh_target {
	char user[64];  // "": ssh decides
	char host[256]; // never empty, never begins with "-"
	int port;       // 0: ssh decides
};
// "ssh://[user@]host[:port][/]", "ssh://[::1]:22". ERR_USAGE for anything else.
must_check struct err *ssh_parse(const char *url, struct ssh_target *out);

struct ssh;
// Starts `command`, which the user's shell on the other machine gets as it is: nothing but fixed
// words belongs in it. With has_input ssh_input is its stdin, else it has none.
must_check struct err *ssh_start(
	const struct ssh_target *to, const char *command, bool has_input, struct ssh **out);
int ssh_input(const struct ssh *s);
// Ends its stdin, waits for it, and gives what it wrote to stdout and stderr together (owned by s)
// and its exit status. ERR_NETWORK with ssh's own words where the connection failed.
must_check struct err *ssh_finish(struct ssh *s, const char **said, int *status);
void ssh_drop(struct ssh **p); // ends what goes on

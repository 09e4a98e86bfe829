#include "builder/trace_line.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// At "[pid 12<sh>] ": at what is behind it.
static char *skip_pid(char *s, char pid[16], bool *has_pid)
{
	s += 5 + strspn(s + 5, " ");
	size_t n = strspn(s, "0123456789");

	*has_pid = n > 0 && n < 8;
	snprintf(pid, 16, "%.*s", n < 8 ? (int)n : 0, s);
	if (s[n] == '<' && strchr(s, '>'))
		s = strchr(s, '>');
	s += strcspn(s, "]");
	return s + (*s == ']');
}

// At n characters of a process or a time: behind them and their annotation; NULL: that has no end.
static char *skip_number(char *s, size_t n, char pid[16], bool *has_pid)
{
	if (!*has_pid && n < 8 && strspn(s, "0123456789") == n &&
		strtol(s, NULL, 10) <= TRACE_PID_LIMIT) {
		snprintf(pid, 16, "%.*s", (int)n, s);
		*has_pid = true;
	}
	s += n;
	if (*s == '<' && !(s = strchr(s, '>')))
		return NULL;
	return s + (*s == '>');
}

// Behind "[pid 12<sh>] ", "12 ", times, "[ 59] " and "[00007f…] ".
char *trace_skip_prefix(char *s, char pid[16], bool *has_pid)
{
	*has_pid = false;
	for (;;) {
		size_t n;

		s += strspn(s, " \t");
		if (strncmp(s, "[pid ", 5) == 0) {
			s = skip_pid(s, pid, has_pid);
		} else if (*s == '[' && s[n = 1 + strspn(s + 1, " 0123456789abcdef")] == ']') {
			s += n + 1;
		} else if (strncmp(s, "(+", 2) == 0 && strchr(s, ')')) {
			s = strchr(s, ')') + 1;
		} else if ((n = strspn(s, "0123456789:.")) && (s[n] == ' ' || s[n] == '<')) {
			s = skip_number(s, n, pid, has_pid);
			if (!s)
				return NULL;
		} else {
			return s;
		}
	}
}

// At a quote: behind the closing one.
static char *skip_string(char *s)
{
	for (s++; *s && *s != '"'; s++)
		if (*s == '\\' && s[1])
			s++;
	return *s ? s + 1 : NULL;
}

// At the "<" of -y's path: its ">". Sockets' have arrows and devices' more brackets in them.
char *trace_skip_annotation(char *s)
{
	bool is_path = s[1] == '/' || s[1] == '\\';
	size_t depth = 0;

	for (; *s; s++) {
		depth += *s == '<';
		if (*s == '>' && (is_path || s[-1] != '-') && --depth == 0)
			return s;
	}
	return NULL;
}

// Behind the element that is no bracket or comma; NULL where the line ends in it.
static char *skip_element(char *s, const char *begin)
{
	char before = s > begin ? s[-1] : 0;

	if (*s == '"')
		return skip_string(s);
	if (strncmp(s, "/*", 2) == 0)
		return (s = strstr(s, "*/")) ? s + 2 : NULL;
	if (*s == '<' && s[1] != '<' && (isdigit((unsigned char)before) || before == 'D'))
		return (s = trace_skip_annotation(s)) ? s + 1 : NULL;
	return s + 1;
}

static bool parse_result(char *s, struct call *c)
{
	char *end;

	s += strspn(s, " \t");
	if (*s++ != '=' || *s++ != ' ')
		return false;
	c->result = -1;
	if (*s == '?')
		return true;
	c->result = (long long)strtoull(s, &end, 0);
	if (*end == '<')
		c->annotation = end;
	return end != s;
}

// "openat(AT_FDCWD</usr>, "share", O_RDONLY) = 3</usr/share>"; cuts text into pieces.
bool trace_parse_call(char *text, struct call *c)
{
	size_t n = strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789_");
	size_t nargs = 0, depth = 0;
	char *s = text + n, *arg;

	*c = (struct call){.name = text, .result = -1};
	if (!n || *s != '(')
		return false;
	*s++ = 0;
	for (arg = s; *s;) {
		if (depth == 0 && (*s == ',' || *s == ')')) {
			bool is_end = *s == ')';

			*s++ = 0;
			if (nargs < TRACE_ARGS)
				c->args[nargs++] = arg + strspn(arg, " ");
			if (is_end)
				return parse_result(s, c);
			arg = s;
			continue;
		}
		depth += strchr("([{", *s) != NULL;
		depth -= depth && strchr(")]}", *s);
		s = skip_element(s, arg);
		if (!s)
			return false;
	}
	return false;
}

// One character behind a backslash, as strace(1) writes them.
static char unescape(char **s)
{
	static const char from[] = "ntvfr", to[] = "\n\t\v\f\r";
	const char *at = strchr(from, **s);
	unsigned v = 0, n = 0;

	if (**s && at) {
		++*s;
		return to[at - from];
	}
	if (**s == 'x') {
		for (++*s; n < 2 && isxdigit((unsigned char)**s); n++, ++*s)
			v = v * 16 +
				(isdigit((unsigned char)**s) ? **s - '0' : (**s | 32) - 'a' + 10);
		return (char)v;
	}
	if (**s < '0' || **s > '7')
		return *(*s)++;
	for (; n < 3 && **s >= '0' && **s <= '7'; n++, ++*s)
		v = v * 8 + (unsigned)(**s - '0');
	return (char)v;
}

// Text up to the closing character, unescaped in place; NULL where a NUL is in it or no end.
char *trace_unquote(char *s, char close, char **after)
{
	char *begin = s, *out = s;

	while (*s != close) {
		char c = *s++;

		if (c == '\\' && *s)
			c = unescape(&s);
		if (!c)
			return NULL;
		*out++ = c;
	}
	*after = s + 1;
	*out = 0;
	return begin;
}

// A path among the arguments: NULL for none there, *lost where it is not to be read.
const char *trace_path_arg(char *arg, bool *lost)
{
	char *after = "", *path = NULL;

	*lost = arg && strcmp(arg, "NULL") != 0;
	if (arg && *arg == '"')
		path = trace_unquote(arg + 1, '"', &after);
	if (!path || strncmp(after, "...", 3) == 0)
		return NULL;
	*lost = false;
	return *path ? path : NULL;
}

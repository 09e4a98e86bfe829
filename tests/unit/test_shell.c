// Shell scripts: which words are commands, case by case, and dash(1) as the judge of the grammar.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "builder/shell.h"

// Most samples name less than all fields.
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"

static struct arena arena;

static int end(void **state)
{
	(void)state;
	arena_drop(&arena);
	return 0;
}

// Exactly as large as the text, so that reading on is seen.
static void read_bytes(const char *text, size_t n, struct shell_commands *out, const char **broken)
{
	drop(mem_drop) uint8_t *bytes = mem_alloc(n);

	if (n)
		memcpy(bytes, text, n);
	shell_read((struct span){bytes, n}, &arena, out, broken);
}

static const char *joined(const struct strings *s)
{
	char *text = arena_strdup(&arena, "");

	vec_each (it, s)
		text = arena_printf(&arena, "%s%s%s", text, *text ? "|" : "", *it);
	return text;
}

static void expect_list(
	const char *what, const char *text, const struct strings *got, const char *want)
{
	if (strcmp(joined(got), want ? want : "") != 0)
		fail_msg("%s: got \"%s\", not \"%s\", of\n%s", what, joined(got), want, text);
}

struct sample {
	const char *text, *names, *unknown, *sourced;
};

static void expect_all(const struct sample *samples, size_t n)
{
	for (const struct sample *s = samples; s < samples + n; s++) {
		struct shell_commands c;
		const char *broken;

		read_bytes(s->text, strlen(s->text), &c, &broken);
		if (broken)
			fail_msg("%s, of\n%s", broken, s->text);
		expect_list("names", s->text, &c.names, s->names);
		expect_list("unknown", s->text, &c.unknown, s->unknown);
		expect_list("sourced", s->text, &c.sourced, s->sourced);
	}
}
#define EXPECT(samples) expect_all(samples, sizeof(samples) / sizeof(*(samples)))

static void test_simple(void **state)
{
	static const struct sample samples[] = {
		{"", ""},
		{"#!/bin/sh\n# ls\n", ""},
		{"ls", "ls"},
		{"ls -l; cat x && rm y || cp a b | tr a b & sort", "ls|cat|rm|cp|tr|sort"},
		{"ls\nls\n\tls #no\ncat#1\n", "ls|cat#1"},
		{"/usr/bin/x ./y ../z", "/usr/bin/x"},
		{"./y\n../bin/z 'a\nb'\n'/opt/my prog' x\n\"l\"s\nl\\s",
			"./y|../bin/z|/opt/my prog|ls"},
		{"ls\\\n -l \\\n cat\nc\\\nat x", "ls|cat"},
		{"A=1 B='x y' ls\nC=2\nD=$(id) E+=1 cat\nF[1]=2 rm", "ls|id|cat|rm"},
		{">out ls <in 2>&1\ncat 2>/dev/null x >&2\n2>&1 rm\n>x\nid &>/dev/null\nps >| y",
			"ls|cat|rm|id|ps"},
		{"{fd}>x ls\nexec {fd}<&-\ncat <<<'ls' | tr", "ls|cat|tr"},
		{"echo ls; cd /; [ -x /bin/ls ] && test -n x; export A=1; :; true", ""},
		{"! ls\ntime cat\ntime -p rm\n! { cp; }", "ls|cat|rm|cp"},
		{"echo then if fi do ls; echo }", ""},
		{"alias ll='ls -l' g=grep\nll; g x; rm", "rm"},
		{"ls | \n# note\ncat &&\n\n rm", "ls|cat|rm"},
		{"ls\r\ncat\r\n", "ls|cat"},
		{"ls; exit 0\ncat\n\1\2\"'binary", "ls"},
		{"ls || exit 1\nif x; then exit 1; fi\ncat; (exit); rm", "ls|x|cat|rm"},
		{"exec ls -l\n'", "ls"},
		{"exec 3>x\nls", "ls"},
	};

	(void)state;
	EXPECT(samples);
}

static void test_unknown(void **state)
{
	static const struct sample samples[] = {
		{"\"$EDITOR\" x; $EDITOR y; ${PAGER:-less} z; `which x` y", "which",
			"$EDITOR|${PAGER:-less}|`which x`"},
		{"\"$dir\"/bin/prog; /usr/lib/*/prog; ~/bin/x; $(id -u) a", "id",
			"$dir/bin/prog|/usr/lib/*/prog|~/bin/x|$(id -u)"},
		{"'$x' a; \\$y", "$x|$y"},
		{"$1; \"$@\"; $", "$", "$1|$@"},
		{". ./lib.sh; source /etc/profile\n. \"$D/x\"; . './a b' c; . /etc/profile", "", "",
			"./lib.sh|/etc/profile|./a b"},
	};

	(void)state;
	EXPECT(samples);
}

static void test_runners(void **state)
{
	static const struct sample samples[] = {
		{"command -p cat; command -v gcc; command -V cc; command rm; exec -a x ls",
			"cat|rm|ls"},
		{"env ls; env -i A=1 B=2 cat; env -u X -C / rm; env - PATH=/ cp; env",
			"env|ls|cat|rm|cp"},
		{"nohup ls &\nnice cat; nice -n 5 rm; nice -5 cp; nice --adjustment 3 mv",
			"nohup|ls|nice|cat|rm|cp|mv"},
		{"time -o x -f %e ls; time cat", "ls|cat"},
		{"sudo ls; sudo -u root -E cat; sudo -- rm; sudo A=1 cp", "sudo|ls|cat|rm|cp"},
		{"ls | xargs; ls | xargs -0 rm -f; ls | xargs -n 1 -I{} -P4 cp {} x",
			"ls|xargs|rm|cp"},
		{"exec env A=1 nice -n 5 sudo -u x nohup ls", "env|nice|sudo|nohup|ls"},
		{"env $x; sudo \"$SHELL\" -c 1; exec \"$@\"", "env|sudo", "$x|$SHELL|$@"},
		{"timeout -k 5 10 ls; setsid cat; stdbuf -oL tr",
			"timeout|ls|setsid|cat|stdbuf|tr"},
		{"find . -name x -exec rm {} \\; -o -execdir grep x {} +", "find|rm|grep"},
		{"trap 'rm -f x' EXIT; eval 'ls | cat'; sh -c 'cp a b'; trap - 1; bash -ec \"mv\" x",
			"rm|ls|cat|sh|cp|bash|mv"},
		{"trap \"rm $x\" 0; sh script; eval \"$x\"; eval 'broken (' ; id", "rm|sh|id"},
	};

	(void)state;
	EXPECT(samples);
}

static void test_compound(void **state)
{
	static const struct sample samples[] = {
		{"if a; then b; elif c; then d; else e; fi\nif\na\nthen\nf\nfi >x | g",
			"a|b|c|d|e|f|g"},
		{"while a; do b; done <c\nuntil d\ndo\ne\ndone", "a|b|d|e"},
		{"for i in ls cat; do a $i; done\nfor i\ndo b; done\nfor i do c; done; for i; do d; done",
			"a|b|c|d"},
		{"for ((i=0; i<$(a); i++)); do b; done; for ((;;)) { c; }\nselect x in a b; do d; done",
			"a|b|c|d"},
		{"(a; b) | (c)\n{ d; e; } 2>&1\n((f); g)\n{ h\n}", "a|b|c|d|e|f|g|h"},
		{"case $x in a) ls ;; b|c) cat;; (d) rm;; *) cp\nesac\nmv", "ls|cat|rm|cp|mv"},
		{"case \"$(a)\" in\n# note )\n\n'x)'|\"y\") b;;\n[!a-z]*)\n;;\nesac; case x in esac; c",
			"a|b|c"},
		{"case x in if) a;; (esac) b;; in) c;& d) d;;& esac", "a|b|c|d"},
		{"x=$(case a in b) ls;; esac); y=$(case a in (b) cat;; esac)", "ls|cat"},
		{"f() { ls; }\ng ()\n{\ncat\n}\nfunction h { rm; }\nfunction i() { cp; }\nj() (mv)\n"
		 "k() if a; then b; fi\nf; g; h; i; j; k; l; my-f() { :; }; my-f",
			"ls|cat|rm|cp|mv|a|b|l"},
		{"main\nmain() { f >x; } >y 2>&1\n", "f"},
		{"[[ -n $x && ( $y < z || a =~ ^(b|c)$ ) ]] && ls\n[[ $(cat) == a*\n ]] || rm",
			"ls|cat|rm"},
		{"((x = 1 << 2)) && ls; ((x++)); (( a > b ? $(cat) : 1 ))", "ls|cat"},
		{"a=(b c $(ls)\n'd' [1]=x) cat\nlocal b=(x); declare -A m=([k]=v)\nrm",
			"ls|cat|rm"},
		{"shopt -s extglob\nls !(a|b) @(c|$(cat)) x; case y in @(a|b)) rm;; esac",
			"cat|ls|rm"},
		{"coproc ls\ncoproc N { cat; }\ncoproc { rm; }", "ls|cat|rm"},
		{"if (a) then b; fi; { c; }; while (d) do e; done", "a|b|c|d|e"},
	};

	(void)state;
	EXPECT(samples);
}

static void test_substitutions(void **state)
{
	static const struct sample samples[] = {
		{"x=$(ls $(cat $(rm))) y=`cp \\`mv \\\\\\`id\\\\\\`\\``", "rm|cat|ls|id|mv|cp"},
		{"echo \"a $(ls \"b $(cat)\") c `rm \\\"x\\\"`\"", "cat|ls|rm"},
		{"echo $((1 + $(ls))) \"$(( ($x) * 2 ))\" $((cat) | rm) $(( 1 << 2 ))",
			"ls|cat|rm"},
		{"echo ${x:-$(ls)} \"${y:+\"$(cat)\"}\" ${z#'}'} \"${a:-'}\" \"${b##'}'}\"; rm",
			"ls|cat|rm"},
		{"echo ${#x} ${#} ${x%%\\}} ${x//\\//_} ${!y} ${a[@]} ${x:$((1+2)):3} $# $$ $! $-; rm",
			"rm"},
		{"echo $'it\\'s' $\"text $(ls)\" '$(no)' \\$\\(no\\) \"\\$(no)\"; rm", "ls|rm"},
		{"diff <(ls) >(cat) x<(rm)", "ls|cat|rm|diff"},
		{"x=$(ls # a comment with )\n); y=$( (cat) ); z=$(<file); w=$()", "ls|cat"},
		{"echo \"$x\"'a'\"b\"\\'c; ls 'multi\nline \"' \"multi\n'line\"; cat", "ls|cat"},
		{"echo \"#\" a#b '#'; ls", "ls"},
	};

	(void)state;
	EXPECT(samples);
}

static void test_here_documents(void **state)
{
	static const struct sample samples[] = {
		{"cat <<EOF\nls $(id) `who` ${x:-$(ps)} \\$(no) \"'\nEOF\nrm", "cat|id|who|ps|rm"},
		{"cat <<'EOF' >x\n$(no) ` \" '\nEOF\nrm", "cat|rm"},
		{"cat <<\\EOF; ls\n$(\nEOF\ncat <<\"E F\"\n`\nE F\nrm", "cat|ls|rm"},
		{"cat <<-EOF | tr\n\ta\n\t\tEOF\ncp", "cat|tr|cp"},
		{"cat <<A <<B\n'\nA\n\"\nB\nrm", "cat|rm"},
		{"x=$(cat <<EOF\n)\nEOF\n); rm", "cat|rm"},
		{"if cat <<EOF; then\nfi\nEOF\nrm; fi", "cat|rm"},
		{"cat <<EOF\nno end", "cat"},
		{"cat <<EOF\n EOF\nEOFx\nEOF", "cat"},
		{"f() {\ncat <<-'E'\n\t}\n\tE\n}\nrm", "cat|rm"},
		{"while read x; do ls; done <<EOF\n(\nEOF\nrm", "ls|rm"},
	};

	(void)state;
	EXPECT(samples);
}

static void test_broken(void **state)
{
	static const struct {
		const char *text, *broken, *names;
	} samples[] = {
		{"ls\ncat 'x\n\n", "line 2: a quote is not closed", "ls|cat"},
		{"ls\n\necho \"x", "line 3: a quote is not closed", "ls"},
		{"ls `cat", "line 1: a backquote is not closed", "ls"},
		{"ls $(cat", "line 1: a bracket is not closed", "cat|ls"},
		{"ls ${x", "line 1: a ${ is not closed", "ls"},
		{"ls\nif a; then b\n", "line 2: no \"fi\" follows", "ls|a|b"},
		{"while a; do b;", "line 1: no \"done\" follows", "a|b"},
		{"case x in a) b", "line 1: no \"esac\" follows", "b"},
		{"{ ls", "line 1: no \"}\" follows", "ls"},
		{"(ls", "line 1: a bracket is not closed", "ls"},
		{"ls; fi", "line 1: a word or sign that closes nothing", "ls"},
		{"ls\n)", "line 2: a word or sign that closes nothing", "ls"},
		{"ls |", "line 1: a command is missing", "ls"},
		{"ls >", "line 1: a redirection leads nowhere", "ls"},
		{"| ls", "line 1: a command is missing", ""},
		{"ls (x)", "line 1: a bracket cannot stand here", ""},
		{"if a; b; fi", "line 1: something else than \"then\"", "a|b"},
		{"[[ a", "line 1: no \"]]\" follows", ""},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(samples) / sizeof(*samples); i++) {
		struct shell_commands c;
		const char *broken;

		read_bytes(samples[i].text, strlen(samples[i].text), &c, &broken);
		if (!broken || strcmp(broken, samples[i].broken) != 0)
			fail_msg("got \"%s\" of\n%s", broken ? broken : "(nothing)",
				samples[i].text);
		expect_list("names", samples[i].text, &c.names, samples[i].names);
	}
}

static void test_bounds(void **state)
{
	static const char *const openings[] = {"$(", "$((", "(", "((", "{ ", "\"$(", "${x:-", "`",
		"if ", "case x in a) ", "f() ", "! ", "a=(", "<(", "\"${x-", "eval '",
		"$(case a in "};
	const size_t size = 1 << 18;
	drop(mem_drop) char *text = mem_alloc(size + 1);
	drop(mem_drop) char *large = mem_alloc((1 << 20) + 5);
	struct shell_commands c;
	const char *broken;

	(void)state;
	for (size_t i = 0; i < sizeof(openings) / sizeof(*openings); i++) {
		size_t n = strlen(openings[i]);

		for (size_t at = 0; at + n <= size; at += n)
			memcpy(text + at, openings[i], n);
		read_bytes(text, size, &c, &broken);
		// Quotes in quotes may well come out even.
		if (!broken && !strpbrk(openings[i], "'`"))
			fail_msg("%s", openings[i]);
	}
	// Each "((" looks like arithmetic without an end.
	for (size_t at = 0; at + 14 <= 1 << 20; at += 14)
		memcpy(large + at, "((a # ((\n) );\n", 14);
	read_bytes(large, (1 << 20) - 4, &c, &broken);
	assert_null(broken);
	assert_string_equal(joined(&c.names), "a");
	memset(large, ' ', (1 << 20) + 4);
	memcpy(large, "ls;", 3);
	memcpy(large + (1 << 20) + 1, "rm", 2);
	read_bytes(large, (1 << 20) + 4, &c, &broken);
	assert_string_equal(broken, "only the first 1 MiB is read");
	assert_string_equal(joined(&c.names), "ls");
	read_bytes("l\0s\n", 4, &c, &broken);
	assert_null(broken);
}

// Every script for sh of this machine that dash reads to the end is read to the end.
static void test_real_scripts(void **state)
{
	char path[4096];
	size_t n = 0;

	(void)state;
	if (system("dash -c : 2>/dev/null") != 0)
		skip();
	FILE *p = popen(
		"find /usr/bin /usr/sbin /etc /usr/lib/git-core /usr/share -maxdepth 4 -type f"
		" -size -900k -exec awk 'FNR == 1 { if (/^#! *\\/bin\\/(da)?sh/) print FILENAME;"
		" nextfile }' {} + 2>/dev/null | while IFS= read -r f; do dash -n \"$f\" 2>/dev/null"
		" && printf '%s\\n' \"$f\"; done",
		"r");

	assert_non_null(p);
	for (; fgets(path, sizeof(path), p); n++) {
		drop(mem_drop) char *text = mem_alloc(1 << 20);
		struct shell_commands c;
		const char *broken;

		path[strcspn(path, "\n")] = 0;
		FILE *f = fopen(path, "r");

		assert_non_null(f);
		read_bytes(text, fread(text, 1, 1 << 20, f), &c, &broken);
		fclose(f);
		if (broken)
			fail_msg("%s: %s", path, broken);
	}
	pclose(p);
	print_message("# %zu scripts\n", n);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_simple),
		cmocka_unit_test(test_unknown),
		cmocka_unit_test(test_runners),
		cmocka_unit_test(test_compound),
		cmocka_unit_test(test_substitutions),
		cmocka_unit_test(test_here_documents),
		cmocka_unit_test(test_broken),
		cmocka_unit_test(test_bounds),
		cmocka_unit_test(test_real_scripts),
	};

	return cmocka_run_group_tests(tests, NULL, end);
}

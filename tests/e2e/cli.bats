#!/usr/bin/env bats
# shellcheck disable=SC2016,SC2094
# What every command promises: exit statuses, streams, help, and errors that say what, why and what to do.

bats_require_minimum_version 1.5.0

setup()
{
	cd "$BATS_TEST_DIRNAME/../.." || return 1
	IMGMIN=$(realpath "${IMGMIN:-${B:-build}/imgmin}")
	"$IMGMIN" version >/dev/null || return 1
	cd "$BATS_TEST_TMPDIR" || return 1
	unset NO_COLOR CI
}

imgmin()
{
	"$IMGMIN" "$@"
}

# A line each; some have two words, therefore $c is not quoted below.
commands()
{
	imgmin help | sed -nE '/^Commands:/,/^$/s/^  ([a-z0-9]+( [a-z]+)?)  .*/\1/p'
}

# One error line, at most one hint, nothing on stdout.
expect_usage_error()
{
	[ "$status" -eq 2 ]
	[ -z "$output" ]
	[[ ${stderr_lines[0]} == "imgmin: error: "*": "* ]]
	[ "${#stderr_lines[@]}" -le 2 ]
	[ -z "${stderr_lines[1]:-}" ] || [[ ${stderr_lines[1]} == "hint: "* ]]
}

@test "without arguments: the short help on stderr, status 2" {
	run --separate-stderr imgmin
	[ "$status" -eq 2 ]
	[ -z "$output" ]
	[[ $stderr == *"Usage: imgmin"*"Commands:"* ]]
}

@test "the version, asked for in two ways" {
	for how in version --version "-v --version" "--quiet version" "version -q"; do
		# shellcheck disable=SC2086
		run --separate-stderr imgmin $how
		[ "$status" -eq 0 ]
		[[ $output =~ ^imgmin\ [0-9]+\.[0-9]+\.[0-9]+$ ]]
		[ -z "$stderr" ]
	done
}

@test "help on stdout, status 0, and equal whichever way it is asked for" {
	run --separate-stderr imgmin help
	[ "$status" -eq 0 ]
	[ -z "$stderr" ]
	[ "$output" = "$(imgmin --help)" ]
	[ "$output" = "$(imgmin -h)" ]
	[[ $output == *--version* ]]
}

@test "help for every command" {
	[ "$(commands | wc -l)" -ge 2 ]
	while read -r c <&9; do
		run --separate-stderr imgmin $c --help
		[ "$status" -eq 0 ]
		[ -z "$stderr" ]
		[[ ${lines[0]} == "Usage: imgmin $c"* ]]
		[[ $output == *--progress*--color*--quiet*--verbose*--help* ]]
		[ "$output" = "$(imgmin help $c)" ]
		[ "$output" = "$(imgmin $c -h)" ]
		[ "$output" = "$(imgmin -h $c)" ]
		[ "$output" = "$(imgmin $c --no-such-option --help)" ]
		[ "$(wc -L <<<"$output")" -le 80 ]
	done 9< <(commands)
}

@test "the help of a command lists each of its options" {
	imgmin help --table >table
	while IFS= read -r row; do
		c=$(cut -f1 <<<"$row") option=$(cut -f2 <<<"$row") letter=$(cut -f3 <<<"$row")
		case $c in
		'*' | imgmin) imgmin help >help ;;
		*) imgmin help "$c" >help ;;
		esac
		grep -qE "^ +${letter:+$letter, }$option( |\[=|\$)" help
	done <table
}

@test "no help says a thing twice" {
	while read -r c <&9; do
		run ! grep -qF '(repeatable) (repeatable)' <(imgmin help $c | tr -s ' \n' ' ')
	done 9< <(commands)
}

@test "the table has six columns and no option twice" {
	imgmin help --table >table
	[ "$(awk -F'\t' 'NF != 6' table | wc -l)" -eq 0 ]
	[ -z "$(cut -f1,2 table | sort | uniq -d)" ]
	[ -z "$(awk -F'\t' '$3 != "" { print $1, $3 }' table | sort | uniq -d)" ]
	# A command's own letter must not hide one that every command has.
	awk -F'\t' '$1 == "*" && $3 != "" { print $3 }' table >common
	[ -z "$(awk -F'\t' '$1 != "*" { print $3 }' table | grep -xFf common)" ]
}

@test "an unknown command, with the nearest one as hint" {
	run --separate-stderr imgmin hlep
	expect_usage_error
	[ "${stderr_lines[0]}" = "imgmin: error: hlep: no such command" ]
	[ "${stderr_lines[1]}" = "hint: did you mean imgmin help?" ]
	run --separate-stderr imgmin frobnicate
	expect_usage_error
	[ "${stderr_lines[1]}" = "hint: 'imgmin help' lists the commands" ]
	run --separate-stderr imgmin help frobnicate
	expect_usage_error
	run --separate-stderr imgmin ''
	expect_usage_error
}

@test "a path in place of a command: the hint is the command that was meant" {
	run --separate-stderr imgmin ./sensor
	expect_usage_error
	[ "${stderr_lines[1]}" = "hint: imgmin build ./sensor" ]
}

@test "an unknown option of every command" {
	while read -r c <&9; do
		for option in --no-such-option --no-such-option=x -Z; do
			run --separate-stderr imgmin $c $option
			expect_usage_error
			[[ ${stderr_lines[0]} == *"no such option of imgmin $c" ]]
			[[ ${stderr_lines[1]} == "hint: "* ]]
		done
		run --separate-stderr imgmin $c --verbsoe
		expect_usage_error
		[ "${stderr_lines[1]}" = "hint: did you mean --verbose?" ]
	done 9< <(commands)
}

@test "a mistyped --version is no --verbose" {
	run --separate-stderr imgmin --verison
	expect_usage_error
	[ "${stderr_lines[1]}" = "hint: did you mean --version?" ]
}

@test "a wrong value, a missing one, and one too many" {
	run --separate-stderr imgmin version --progress loud
	expect_usage_error
	[ "${stderr_lines[0]}" = "imgmin: error: --progress loud: not one of auto, plain, json, none" ]
	run --separate-stderr imgmin version --color
	expect_usage_error
	[ "${stderr_lines[1]}" = "hint: --color WHEN" ]
	run --separate-stderr imgmin version --quiet=yes
	expect_usage_error
	run --separate-stderr imgmin version now
	expect_usage_error
	run --separate-stderr imgmin --sysroot / build
	expect_usage_error
	[[ $stderr == *"options stand after its name"* ]]
}

@test "every value of every choice is taken, and no other" {
	imgmin help --table | awk -F'\t' '$5 != "" && $4 != "N|auto"' >choices
	[ -s choices ]
	while IFS= read -r row; do
		c=$(cut -f1 <<<"$row") option=$(cut -f2 <<<"$row")
		[ "$c" != '*' ] || c=version
		run --separate-stderr imgmin "$c" "$option=no-such-word"
		expect_usage_error
		[[ ${stderr_lines[0]} == "imgmin: error: $option no-such-word: not one of "* ]]
		for word in $(cut -f5 <<<"$row" | tr '|' ' '); do
			run --separate-stderr imgmin "$c" "$option=$word" --no-such-option
			expect_usage_error
			[[ ${stderr_lines[0]} == "imgmin: error: --no-such-option: "* ]]
		done
	done <choices
}

@test "common options before the command and after it" {
	[ "$(imgmin -qv --progress=json --color never version)" = "$(imgmin version)" ]
	[ "$(imgmin version -qv --progress=json --color never)" = "$(imgmin version)" ]
}

@test "no escape codes in a pipe or a file, colours asked for or not" {
	{
		imgmin help
		imgmin || true
		imgmin hlep || true
		while read -r c <&9; do
			imgmin help $c
			imgmin $c --no-such-option || true
		done 9< <(commands)
	} >all 2>&1
	[ -s all ]
	run ! grep -q $'\e' all
}

@test "names with line breaks and terminal commands stay one harmless line" {
	run --separate-stderr imgmin $'x\nhint: rm -rf\e[31m\xc2\x9b31m'
	[ "$status" -eq 2 ]
	[ "${stderr_lines[0]}" = 'imgmin: error: x\x0ahint: rm -rf\x1b[31m\xc2\x9b31m: no such command' ]
	# Text that runs backwards, characters without a width, and bytes that are none.
	run --separate-stderr imgmin $'a\u202eb\u2066c\u200bd\ufeffe\x9b31m\xe2\x80'
	[ "${stderr_lines[0]}" = 'imgmin: error: a\xe2\x80\xaeb\xe2\x81\xa6c\xe2\x80\x8bd\xef\xbb\xbfe\x9b31m\xe2\x80: no such command' ]
	run --separate-stderr imgmin $'übersicht…\u4e2d\U0001f600'
	[ "${stderr_lines[0]}" = $'imgmin: error: übersicht…\u4e2d\U0001f600: no such command' ]
}

@test "a stdout that takes nothing is an error, status 1" {
	run --separate-stderr bash -c '"$0" help >/dev/full' "$IMGMIN"
	[ "$status" -eq 1 ]
	[ "$stderr" = "imgmin: error: stdout: No space left on device" ]
	run --separate-stderr bash -c '"$0" help >&-' "$IMGMIN"
	[ "$status" -eq 1 ]
	[[ $stderr == "imgmin: error: stdout: "* ]]
}

@test "a reader that goes away is an error, status 1, and no signal" {
	mkfifo pipe
	# shellcheck disable=SC2016
	run --separate-stderr bash -c 'exec 3<>pipe 4>pipe 3<&-; "$0" help >&4' "$IMGMIN"
	[ "$status" -eq 1 ]
	[ "$stderr" = "imgmin: error: stdout: Broken pipe" ]
}

@test "closed standard streams lend their numbers to no file" {
	run bash -c '"$0" version <&- >out 2>&-' "$IMGMIN"
	[ "$status" -eq 0 ]
	[ "$(cat out)" = "$(imgmin version)" ]
	run bash -c '"$0" hlep >out 2>&-' "$IMGMIN"
	[ "$status" -eq 2 ]
	[ ! -s out ]
}

@test "narrow and wide terminals" {
	for columns in 40 60 80 200; do
		script -qec "stty cols $columns; '$IMGMIN' help; '$IMGMIN' help help" /dev/null \
			</dev/null | tr -d '\r' >shown
		[ -s shown ]
		[ "$(wc -L <shown)" -le "$columns" ]
	done
}

@test "a word that several commands begin with: they are named" {
	run -0 --separate-stderr imgmin help index
	grep -q '^Usage: imgmin index create' <<<"$output"
	grep -q '^Usage: imgmin index inspect' <<<"$output"
	first=$output
	run -0 --separate-stderr imgmin index --help
	[ "$output" = "$first" ]
	run --separate-stderr imgmin index
	expect_usage_error
	[ "${stderr_lines[0]}" = "imgmin: error: index: which command of it?" ]
	[ "${stderr_lines[1]}" = "hint: there are imgmin index create, imgmin index inspect" ]
	run --separate-stderr imgmin index list x
	expect_usage_error
	[ "${stderr_lines[0]}" = "imgmin: error: index list: no such command" ]
	[ "${stderr_lines[1]}" = "hint: there are imgmin index create, imgmin index inspect" ]
}

@test "every page says the same of --creds" {
	pages=("$BATS_TEST_DIRNAME"/../../man/imgmin-{build,check,copy,index,inspect,pull,push}.1.scd)
	[ "$(grep -hA1 '^\*--creds\*' "${pages[@]}" | grep -v -e '^--$' | sort -u | wc -l)" = 2 ]
}

#!/bin/bash
# The static checks, a line each; prints TAP. What they find stands in $B/lint/CHECKER.log.
#
#   tests/lint.sh [CHECKER...]      gcc clang tidy cppcheck shellcheck complexity; all by default
#
# The lists of exceptions are those of Debian 12. What another release's checker finds is shown and
# counts as skipped: it may know more, or be wrong elsewhere.
#
# What a checker must not complain about is written down with its reason: .clang-tidy, the lists in
# tests/lint, and for shellcheck here.
set -uo pipefail
cd "$(dirname "$0")/.." || exit
export B=${B:-build}
logs=$B/lint
jobs=${JOBS:-2}

declare -A what=(
	[gcc]="gcc -fanalyzer finds nothing"
	[clang]="the analyser of scan-build finds nothing"
	[tidy]="clang-tidy finds nothing"
	[cppcheck]="cppcheck finds nothing"
	[shellcheck]="shellcheck finds nothing"
	[complexity]="no function is more complex than 15, but for those in tests/lint/complexity.txt"
)

# The version that the exceptions were made for, and the one that is here.
declare -A made_for=([gcc]=12 [clang]=14 [tidy]=14 [cppcheck]=2.10 [shellcheck]=0.9)

version_of() { # CHECKER
	case $1 in
	gcc) gcc -dumpversion ;;
	clang) clang -dumpversion ;;
	tidy) clang-tidy --version ;;
	*) "$1" --version ;;
	esac 2>&1 | grep -oE '[0-9]+(\.[0-9]+)*' | head -n 1
}

is_another() { # CHECKER
	[ -n "${made_for[$1]-}" ] && [[ $(version_of "$1"). != "${made_for[$1]}".* ]]
}

# These three look at one file after the other, and make knows which of them changed.
by_file() { # CHECKER...
	rm -f "$logs"/*/*.log
	make -s -k -j "$jobs" B="$B" "${@/#/lint-}" >"$logs/make.log" 2>&1
	by_file_status=$?
}

checker_gcc() { logs_of gcc; }
checker_clang() { logs_of clang; }
checker_tidy() { logs_of tidy; }

# Each finding once, though many files include its header. A file that has no log and no stamp
# was never looked at: what make said is the finding then.
logs_of() { # CHECKER
	local found
	found=$(cat "$logs"/*/*."$1".log 2>/dev/null)
	[ -z "$found" ] || { echo "$found"; return 1; }
	[ "$by_file_status" = 0 ] || ! grep "$1" "$logs/make.log" || return 1
	[ "$(find "$logs" -name "*.$1" | wc -l)" -gt 0 ]
}

checker_cppcheck() {
	mkdir -p "$logs/cppcheck"
	cppcheck -j "$jobs" --quiet --error-exitcode=1 --inconclusive --cppcheck-build-dir="$logs/cppcheck" \
		--enable=warning,performance,portability,style --suppressions-list=tests/lint/cppcheck.txt \
		--std=c11 -I. -Itests/unit -D__GNUC__ -D__x86_64__ -D_GNU_SOURCE -DVERSION='""' \
		--template='{file}:{line}: {severity}: {message} [{id}]' \
		base ldd oci registry builder cli tests/unit tests/lib 2>&1
}

# SC2046: words are split where a list of names is made of them.
# Of what bats runs it cannot know the following. SC2154, SC2034: names come from, and are for, what
# `load` brings. SC2164: a command that fails ends a test. SC2178, SC2128: $output is local text in
# one function and an array in another. SC1007: «name= command» means just that. SC2238: a file may
# be called «time». SC2010: names are the tests' own. SC2120: arguments may be left out.
checker_shellcheck() {
	local files status=0
	mapfile -t files < <(find .ci packaging tests examples completions -name '*.sh' -o -path .ci/run |
		grep -v /build/)
	shellcheck -S warning -f gcc -e SC2046 "${files[@]}" || status=1
	mapfile -t files < <(find tests examples completions -name '*.bash' -o -name '*.bats')
	shellcheck -S warning -f gcc -e SC2046,SC2154,SC2034,SC2164,SC2178,SC2128,SC1007,SC2238,SC2010,SC2120 \
		"${files[@]}" || status=1
	return $status
}

checker_complexity() { tests/lint/complexity.sh; }

checkers=("$@")
[ $# -gt 0 ] || checkers=(gcc clang tidy cppcheck shellcheck complexity)
mkdir -p "$logs"
files=()
for checker in "${checkers[@]}"; do
	[ -n "${what[$checker]-}" ] || { echo "no checker is called $checker" >&2; exit 2; }
	case $checker in gcc | clang | tidy) files+=("$checker") ;; esac
done
[ ${#files[@]} = 0 ] || by_file "${files[@]}"

echo "1..${#checkers[@]}"
failed=0 number=0
for checker in "${checkers[@]}"; do
	number=$((number + 1))
	if "checker_$checker" >"$logs/$checker.log"; then
		echo "ok $number - ${what[$checker]}"
	elif is_another "$checker"; then
		echo "ok $number - ${what[$checker]} # SKIP $logs/$checker.log: it is not version ${made_for[$checker]}"
		sed 's/^/# /' "$logs/$checker.log"
	else
		echo "not ok $number - ${what[$checker]}"
		sed 's/^/# /' "$logs/$checker.log"
		failed=1
	fi
done
exit $failed

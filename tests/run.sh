#!/bin/bash
# Runs tests and ends with one line «N passed, N failed», and the skipped ones where there are any.
#
#   tests/run.sh unit|e2e|lint|FILE...
#
# unit: the cmocka programs in $B/unit, the corpus of the fuzz targets, and the checks of the
# sources; e2e: tests/e2e/*.bats on the built program; lint: the static checks. Every test speaks
# TAP, whose output is kept in $B/tap.
# Two run at a time (JOBS=N for more). GOLDEN=write makes tests re-record golden files.
set -uo pipefail
cd "$(dirname "$0")/.." || exit
export B=${B:-build}
tap=$B/tap
jobs=${JOBS:-$(nproc)}

fail_usage() { echo "usage: tests/run.sh unit|e2e|lint|FILE..." >&2; exit 2; }

# One test file: its TAP goes to $tap/NAME.tap, its exit status behind it.
run_one() { # FILE
	local out status
	out=$tap/$(basename "$1").tap
	case $1 in
	*.bats) timeout -k 10 900 bats --tap "$1" ;;
	*/lint.sh) timeout -k 10 1800 "$1" ;;
	*) CMOCKA_MESSAGE_OUTPUT=TAP timeout -k 10 600 "$1" ;;
	esac >"$out" 2>&1 </dev/null
	status=$?
	echo "# exit status $status" >>"$out"
	tell "$1" "$out"
}

# «passed failed skipped» of one TAP file. Tests that were announced and never came count as
# failed, and so does a program that ended badly without saying which test it was.
count() { # TAP
	awk '
	/^1\.\.[0-9]+/ { planned += substr($1, 4) }
	/^ok / { if (tolower($0) ~ /# skip/) skipped++; else passed++ }
	/^not ok / { failed++ }
	/^# exit status / { status = $4 }
	END {
		seen = passed + failed + skipped
		if (planned > seen) failed += planned - seen
		if (!failed && (status || !seen)) failed = 1
		print passed + 0, failed + 0, skipped + 0
	}' "$1"
}

tell() { # FILE TAP
	local passed failed skipped
	read -r passed failed skipped < <(count "$2")
	{
		printf '%-6s %-40s %4d passed' "$([ "$failed" = 0 ] && echo ok || echo FAILED)" \
			"${1#"$B"/}" "$passed"
		[ "$failed" = 0 ] || printf ', %d failed' "$failed"
		[ "$skipped" = 0 ] || printf ', %d skipped' "$skipped"
		echo
		grep -iE '^ok .*# skip' "$2" | sed -E 's/^ok [0-9]+ (- )?/       skipped: /; s/# skip/–/I'
		# What a passing bats file tells about itself: how much was compared, and such.
		[ "$failed" != 0 ] || [[ $1 != *.bats ]] ||
			sed -n '/^# exit status/d; s/^# /       /p' "$2"
		# What went wrong: all of a short output, else from each failure on.
		if [ "$failed" != 0 ]; then
			if [ "$(wc -l <"$2")" -le 60 ]; then cat "$2"; else
				awk '/^not ok/ {n = 40} /^ok/ {n = 0} n-- > 0' "$2" | head -n 200
				tail -n 5 "$2"
			fi | sed 's/^/       | /'
		fi
	} >"$2.told"
	cat "$2.told"
}

files=()
for word; do
	case $word in
	unit) for source in tests/unit/test_*.c; do files+=("$B/unit/$(basename "$source" .c)"); done
		files+=(tests/floors.sh tests/style.sh)
		[ ! -e tests/fuzz/replay.sh ] || files+=(tests/fuzz/replay.sh) ;;
	e2e) files+=(tests/e2e/*.bats) ;;
	lint) files+=(tests/lint.sh) ;;
	*) files+=("$word") ;;
	esac
done
[ ${#files[@]} -gt 0 ] || fail_usage

rm -rf "$tap"
mkdir -p "$tap"
export -f run_one tell count
export tap
printf '%s\0' "${files[@]}" | xargs -0 -r -n 1 -P "$jobs" bash -c 'run_one "$1"' run_one

passed=0 failed=0 skipped=0
for out in "$tap"/*.tap; do
	[ -e "$out" ] || continue
	read -r p f s < <(count "$out")
	passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
done
line="$passed passed, $failed failed"
[ $skipped = 0 ] || line+=", $skipped skipped"
echo "$line"
[ $failed = 0 ] && [ $passed -gt 0 ]

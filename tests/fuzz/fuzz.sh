#!/bin/bash
# tests/fuzz/fuzz.sh SECONDS TARGET...: runs each fuzz target that long, FUZZ_JOBS (2) at a time.
#
# What is found goes to $B/found/TARGET, the log beside it, and a line for each target that ever ran
# to $B/report.md. Exit status 1: there were findings. To keep the useful part of a run:
#   $B/fuzz/TARGET -merge=1 tests/fuzz/corpus/TARGET $B/found/TARGET
set -euo pipefail
cd "$(dirname "$0")/../.."
export UBSAN_OPTIONS=print_stacktrace=1
seconds=$1
shift

stat_of() { # LOG NAME
	awk -v name="stat::$2:" '$1 == name { value = $2 } END { print value + 0 }' "$1"
}

# The last «cov: 12 ft: 34 corp: 5/678b» of a log.
figure() { # LOG NAME
	grep -ao " $2: [^ ]*" "$1" | tail -n 1 | cut -d' ' -f3 || true
}

# The last commit that touched what the target says it reads: its line «// Reads: FILE...».
last_commit() { # TARGET
	local files
	read -ra files < <(sed -n 's|^// Reads: ||p' "tests/fuzz/fuzz_$1.c" | tr '\n' ' ')
	[ ${#files[@]} = 0 ] || git log -1 --format='%h %cs' -- "${files[@]}" 2>/dev/null || true
}

run() { # TARGET
	local name=$1 log=$B/found/$1.log found status=0 words=()
	mkdir -p "$B/found/$name"
	rm -f "$B/found/should-not-fail-$name-"*
	[ ! -e "tests/fuzz/$name.dict" ] || words=("-dict=tests/fuzz/$name.dict")
	"$B/fuzz/$name" -max_total_time="$seconds" -max_len=20000 -rss_limit_mb=1500 -timeout=10 \
		-print_final_stats=1 -artifact_prefix="$B/found/should-not-fail-$name-" \
		"${words[@]}" \
		"$B/found/$name" "tests/fuzz/corpus/$name" >"$log" 2>&1 || status=$?
	found=$(find "$B/found" -maxdepth 1 -name "should-not-fail-$name-*" | wc -l)
	[ "$status" = 0 ] || [ "$found" != 0 ] || found="status $status"
	echo "| $name | $seconds | $(stat_of "$log" number_of_executed_units) |" \
		"$(stat_of "$log" average_exec_per_sec) | $(figure "$log" cov) | $(figure "$log" ft) |" \
		"$(figure "$log" corp) | $(last_commit "$name") | $found |" >"$B/found/$name.row"
	[ "$found" = 0 ] || tail -n 60 "$log"
	echo "$name: $(stat_of "$log" number_of_executed_units) runs in $seconds s, findings: $found"
	[ "$found" = 0 ]
}

report() {
	echo "| target | seconds | runs | runs/s | edges | features | corpus | parser last changed | findings |"
	echo "|---|---|---|---|---|---|---|---|---|"
	cat "$B/found/"*.row
}

failed=0 running=0
for name; do
	if [ "$running" -ge "${FUZZ_JOBS:-2}" ]; then
		wait -n || failed=1
		running=$((running - 1))
	fi
	run "$name" &
	running=$((running + 1))
done
while [ "$running" -gt 0 ]; do
	wait -n || failed=1
	running=$((running - 1))
done
report >"$B/report.md"
echo "$B/report.md"
exit $failed

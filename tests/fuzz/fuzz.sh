#!/bin/bash
# tests/fuzz/fuzz.sh SECONDS TARGET...: runs each fuzz target that long, and stops at a finding.
# What is found goes to $B/found/TARGET. To keep the useful part of it:
#   $B/fuzz/TARGET -merge=1 tests/fuzz/corpus/TARGET $B/found/TARGET
set -euo pipefail
cd "$(dirname "$0")/../.."
seconds=$1
shift

for name; do
	mkdir -p "$B/found/$name"
	log=$B/found/$name.log
	if ! "$B/fuzz/$name" -max_total_time="$seconds" -max_len=20000 -rss_limit_mb=1500 -timeout=10 \
		-artifact_prefix="$B/found/should-not-fail-$name-" \
		"$B/found/$name" "tests/fuzz/corpus/$name" >"$log" 2>&1; then
		tail -n 60 "$log"
		exit 1
	fi
	echo "$name: $(grep -a DONE "$log" | tail -n 1), no finding"
done

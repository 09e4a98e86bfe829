#!/bin/bash
# Runs every fuzz target over its corpus, file by file. Prints TAP.
set -uo pipefail
cd "$(dirname "$0")/../.." || exit
B=${B:-build}

sources=(tests/fuzz/fuzz_*.c)
echo "1..${#sources[@]}"
failed=0
for source in "${sources[@]}"; do
	name=$(basename "$source" .c)
	name=${name#fuzz_}
	files=("tests/fuzz/corpus/$name"/*)
	if out=$("$B/fuzz/$name" "${files[@]}" 2>&1); then
		echo "ok - $name: ${#files[@]} files"
		continue
	fi
	failed=1
	echo "not ok - $name"
	sed 's/^/# /' <<<"$out" | head -n 40
done
exit $failed

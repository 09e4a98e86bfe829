#!/bin/bash
# The look of the sources: .clang-format, as version 14 of it lays them out. Prints TAP.
set -euo pipefail
cd "$(dirname "$0")/.."

name="sources are formatted as .clang-format says"
echo 1..1
formatter=$(command -v clang-format-14 || command -v clang-format || true)
if [ -z "$formatter" ] || ! "$formatter" --version | grep -q 'version 14\.'; then
	echo "ok 1 - $name # SKIP no clang-format 14 here"
	exit 0
fi
# Test programs of the examples and the tests included; what is no C stays out.
files=$(ls -- {base,ldd,oci,registry,builder,cli}/*.[ch] tests/{unit,lib,fuzz}/*.[ch] \
	examples/*/*.[ch] 2>/dev/null || true)
wrong=$("$formatter" --dry-run --ferror-limit=1 $files 2>&1 | grep -oE '^[^:]+:[0-9]+' || true)
if [ -z "$wrong" ]; then
	echo "ok 1 - $name"
else
	echo "not ok 1 - $name"
	printf '# clang-format -i %s\n' $(sed 's/:.*//' <<<"$wrong" | sort -u)
	exit 1
fi

#!/bin/bash
# No function has a cyclomatic complexity (pmccabe's count, && and || included) above 15, but for
# those in complexity.txt, which must all be there and be above. Prints what is wrong.
set -uo pipefail
cd "$(dirname "$0")/../.." || exit

above=$(pmccabe {base,ldd,oci,registry,builder,cli}/*.c tests/{unit,fuzz,lib}/*.c 2>/dev/null |
	sed -nE 's/^([0-9]+)\t.*\t([^\t]+)\([0-9]+\): (.*)/\2:\3 \1/p' | awk '$2 > 15' | sort)
listed=$(sed -n 's/^\([^# ]*\) .*/\1/p' tests/lint/complexity.txt | sort)
found=$(
	join -v 1 <(echo "$above") <(echo "$listed") | sed 's/ / has a complexity of /; s/$/: split it/'
	join -v 2 <(echo "$above") <(echo "$listed") |
		sed 's/$/ is in tests\/lint\/complexity.txt, but not above 15/'
)
[ -z "$found" ] || { echo "$found"; exit 1; }

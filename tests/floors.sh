#!/bin/bash
# The floors of the house: a file includes its own folder and the folders below it, never above;
# ldd and oci don't know each other. Prints TAP.
set -euo pipefail
cd "$(dirname "$0")/.."

declare -A floor=([base]=0 [ldd]=1 [oci]=1 [registry]=2 [builder]=3 [cli]=4)

# «file:line includes X» for each include that is not allowed.
climbs() {
	local file line from target
	while IFS=: read -r file line target; do
		from=${file%%/*}
		if [[ $target != */* ]]; then
			echo "$file:$line includes \"$target\" without its folder"
		elif [ -z "${floor[${target%%/*}]-}" ]; then
			echo "$file:$line includes $target, which is on no floor"
		elif [ "${target%%/*}" != "$from" ] &&
			[ "${floor[${target%%/*}]}" -ge "${floor[$from]}" ]; then
			echo "$file:$line includes $target: $from/ does not know ${target%%/*}/"
		fi
	done < <(grep -noE --include='*.[ch]' -rH '^[[:space:]]*#[[:space:]]*include[[:space:]]*"[^"]+"' \
		"${!floor[@]}" 2>/dev/null | sed -E 's/:[^:"]*"([^"]+)"$/:\1/')
}

# A header must stand alone, whatever was included before it.
not_self_contained() {
	local header
	for header in */*.h; do
		[ -n "${floor[${header%%/*}]-}" ] || continue
		${CC:-cc} -std=gnu11 -I. -D_GNU_SOURCE -fsyntax-only -x c -include "$header" /dev/null \
			>/dev/null 2>&1 || echo "$header does not compile by itself"
		grep -q '^#pragma once$' "$header" || echo "$header lacks #pragma once"
	done
}

report() { # NUMBER NAME FAILURES
	if [ -z "$3" ]; then
		echo "ok $1 - $2"
	else
		echo "not ok $1 - $2"
		sed 's/^/# /' <<<"$3"
		failed=1
	fi
}

failed=0
echo 1..2
report 1 "no include climbs a floor" "$(climbs)"
report 2 "every header stands alone" "$(not_self_contained)"
exit $failed

#!/bin/bash
# rewrite-answers.sh OLD NEW PROGRAM...: runs each program of two roots with --version, else --help,
# and compares what it says and its exit status. A line a program: «same», «none» where it answers
# neither, «unsteady» where OLD itself answers differently twice, «different».
#
# Each run has its own namespaces and no rights but chroot(2): some programs ignore what they are
# told and do their work.
set -uo pipefail
here=$(cd "$(dirname "$0")" && pwd)
old=$1 new=$2
shift 2
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT

answer() { # FILE ROOT PROGRAM OPTION
	timeout -s KILL 10 unshare --pid --fork --kill-child --net --mount --ipc --uts \
		setpriv --bounding-set=-all,+sys_chroot --inh-caps=-all --no-new-privs \
		"$here/inroot.sh" "$2" "$3" "$4" >"$1" 2>&1 </dev/null
	echo "status $?" >>"$1"
}

compare() { # PROGRAM
	local option
	for option in --version --help; do
		answer "$out/old" "$old" "$1" "$option"
		[ "$(tail -n 1 "$out/old")" = 'status 0' ] || continue
		[ "$(wc -l <"$out/old")" -gt 1 ] || continue
		answer "$out/new" "$new" "$1" "$option"
		if cmp -s "$out/old" "$out/new"; then
			echo "same $1 $option"
			return
		fi
		answer "$out/again" "$old" "$1" "$option"
		if cmp -s "$out/old" "$out/again"; then
			echo "different $1 $option"
			diff "$out/old" "$out/new" | head -n 10 | sed 's/^/    /'
		else
			echo "unsteady $1 $option"
		fi
		return
	done
	echo "none $1"
}

for program; do
	compare "$program"
done

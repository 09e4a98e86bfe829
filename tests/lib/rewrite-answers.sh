#!/bin/bash
# rewrite-answers.sh OLD NEW PROGRAM...: runs each program of two roots with --version, else --help,
# and compares what it says and its exit status. A line a program: «same», «none» where it answers
# neither, «unsteady» where OLD itself answers differently twice, «different».
#
# NEW as image:FILE makes for each program the root that an image of its own unpacks to; lines of
# FILE are options for some: «/usr/bin/x --include /etc/x». «none» are not built, «refused» is one
# that imgmin makes no image of.
#
# Each run has its own namespaces and no rights but chroot(2): some programs ignore what they are
# told and do their work.
set -uo pipefail
here=$(cd "$(dirname "$0")" && pwd)
old=$1 new=$2
shift 2
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
kind=$new
[[ $kind != image:* ]] || new=$out/root
imgmin=${B:-$here/../../build}/imgmin

answer() { # FILE ROOT PROGRAM OPTION
	timeout -s KILL 10 unshare --pid --fork --kill-child --net --mount --ipc --uts \
		setpriv --bounding-set=-all,+sys_chroot --inh-caps=-all --no-new-privs \
		"$here/inroot.sh" "$2" "$3" "$4" >"$1" 2>&1 </dev/null
	echo "status $?" >>"$1"
}

# The image that OLD as a sysroot gives of a program, unpacked.
image_of() { # PROGRAM
	local options
	rm -rf "$out/layout" "$out/root"
	mkdir "$out/root"
	read -ra options < <(sed -n "s,^$1 ,,p" "${kind#image:}")
	"$imgmin" build -q --sysroot "$old" --layers single --compression none --no-cache \
		"${options[@]}" -o "oci:$out/layout" "$old$1" >"$out/said" 2>&1 || return
	# The one layer is by far the largest blob.
	tar -xpf "$(find "$out/layout/blobs" -type f -printf '%s %p\n' | sort -n | tail -n 1 |
		cut -d' ' -f2)" -C "$out/root"
	# What every engine gives a container.
	mkdir -p "$out/root/dev"
	cp -a "$old"/dev/{null,zero,full,random,urandom} "$out/root/dev/"
}

compare() { # PROGRAM
	local option
	for option in --version --help; do
		answer "$out/old" "$old" "$1" "$option"
		[ "$(tail -n 1 "$out/old")" = 'status 0' ] || continue
		[ "$(wc -l <"$out/old")" -gt 1 ] || continue
		if [[ $kind = image:* ]] && ! image_of "$1"; then
			echo "refused $1 $option"
			sed 's/^/    /' "$out/said"
			return
		fi
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

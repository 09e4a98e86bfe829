#!/bin/bash
# make demo: a small C program for a Raspberry Pi and for this machine, in one image archive, and
# both run from that image. No registry, no account; a container engine only where one answers.
set -euo pipefail
cd "$(dirname "$0")/../.."
export B=${B:-build}
demo=$B/demo
imgmin=$B/imgmin
tag="imgmin-demo/sensor"

say() { printf '\n== %s\n' "$*"; }
# Shows a command as it would be typed, and runs it.
show() {
	printf '$ %s\n' "$*"
	"$@"
}

rm -rf "$demo"
mkdir -p "$demo"
native=$demo/native/bin/sensor
armhf=$demo/armhf/bin/sensor

say "Compile examples/sensor for this machine and for armhf"
make -s -C examples/sensor BUILD="$(realpath "$demo")/native"
make -s -C examples/sensor BUILD="$(realpath "$demo")/armhf" CC=arm-linux-gnueabihf-gcc
ls -l "$native" "$armhf"

say "What the armhf program needs"
show "$imgmin" ldd "$armhf"

say "One archive for both"
show "$imgmin" build -t $tag -o "$demo/sensor.tar" "$native" "$armhf"

say "What is in it"
show "$imgmin" inspect "$demo/sensor.tar"
printf '\nThe archive: %s bytes, for %s platforms\n' "$(stat -c %s "$demo/sensor.tar")" \
	"$(tar -xOf "$demo/sensor.tar" manifest.json | grep -o '"Config"' | wc -l)"

# «TAG LAYER...» for each image of the archive, from Docker's manifest.json.
images() {
	tar -xOf "$demo/sensor.tar" manifest.json | tr -d ' \n' | sed 's/},{/}\n{/g' |
		sed -E 's/.*"RepoTags":\["([^"]*)".*/\1 &/; s/ .*"Layers":\[([^]]*)\].*/ \1/; s/[",]+/ /g'
}

# Loads the archive and runs both; what an engine cannot run, the chroot shows.
run_in() { # docker|podman
	local arm_tag
	timeout 10 "$1" info >/dev/null 2>&1 || return 1
	"$1" load -q -i "$demo/sensor.tar" >/dev/null 2>&1 || return 1
	"$1" run --rm --network none $tag --once >/dev/null 2>&1 || return 1
	show "$1" run --rm --network none $tag --once
	arm_tag=$(images | cut -d' ' -f1 | grep arm)
	if tests/lib/binfmt.sh arm 2>/dev/null &&
		"$1" run --rm --network none "$arm_tag" --once >/dev/null 2>&1; then
		show "$1" run --rm --network none "$arm_tag" --once 2>/dev/null
	else
		echo "($1 cannot start ARM programs here: unpacked into a directory, then chroot)"
		run_unpacked arm
	fi
	"$1" rmi -f $tag "$arm_tag" >/dev/null 2>&1 || true
}

# Unpacks the images' layers and runs the programs in there, qemu-user being the processor.
run_unpacked() { # [PART-OF-TAG]
	local tag layers layer root as_root=()
	if [ "$(id -u)" != 0 ]; then
		if unshare -r true 2>/dev/null; then as_root=(unshare -r); else as_root=(sudo -n); fi
	fi
	images | grep -- "${1-}" | while read -r tag layers; do
		root=$demo/root/${tag//[\/:]/-}
		mkdir -p "$root"
		for layer in $layers; do
			tar -xOf "$demo/sensor.tar" "$layer" | tar -xzf - --no-same-owner -C "$root"
		done
		printf '$ chroot %s /usr/bin/sensor --once\n' "$root"
		"${as_root[@]}" tests/lib/inroot.sh "$root" /usr/bin/sensor --once </dev/null
	done
}

say "Run both from the image"
if command -v docker >/dev/null && run_in docker; then
	:
elif command -v podman >/dev/null && run_in podman; then
	:
else
	echo "No container engine answers here: unpacked into directories, then chroot."
	run_unpacked
fi

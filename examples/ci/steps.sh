#!/bin/bash
# A multi-arch image in any CI that runs a shell: cross-compile, pack, push, join.
#
#   REPOSITORY=ghcr.io/user/sensor TAG=1.2 examples/ci/steps.sh
#
# REGISTRY_USER and REGISTRY_PASSWORD log in first; MAX_SIZE is the budget of each platform.
set -euo pipefail
: "${REPOSITORY:?such as ghcr.io/user/sensor}" "${TAG:?such as 1.2}"
max_size=${MAX_SIZE:-2MB}
source=${SOURCE:-examples/sensor}

if [ -n "${REGISTRY_PASSWORD:-}" ]; then
	printf %s "$REGISTRY_PASSWORD" |
		imgmin login -u "$REGISTRY_USER" --password-stdin "${REPOSITORY%%/*}"
fi

# Each platform is pushed by its digest: no tag shows half of the image.
platform() { # NAME COMPILER
	make -C "$source" CC="$2" BUILD="$PWD/out/$1"
	imgmin build "out/$1/bin/sensor" -t "$REPOSITORY" -o "out/$1.tar" \
		--max-size "$max_size" --digestfile "out/$1.digest"
	imgmin push "out/$1.tar" "$REPOSITORY@$(cat "out/$1.digest")"
}
platform armv7 arm-linux-gnueabihf-gcc
platform arm64 aarch64-linux-gnu-gcc

imgmin index create "$REPOSITORY:$TAG" "$(cat out/armv7.digest)" "$(cat out/arm64.digest)"

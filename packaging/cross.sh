#!/bin/bash
# imgmin for a Debian architecture, linked against that Debian's libraries; prints where it is:
#
#   packaging/cross.sh amd64|arm64|armhf
#
# In $B/cross-ARCH, and $B itself for this machine's own. Others need the cross compiler and root,
# for the libraries: tests/lib/sysroot.sh. Exit status 77 and the reason where that cannot be.
set -euo pipefail
cd "$(dirname "$0")/.."
arch=$1
# Always the same spelling: what depends on which header is kept with the names that make was given.
B=$(realpath -m --relative-to=. "${B:-build}")

case $arch in
amd64) triplet=x86_64-linux-gnu ;;
arm64) triplet=aarch64-linux-gnu ;;
armhf) triplet=arm-linux-gnueabihf ;;
*) echo "usage: packaging/cross.sh amd64|arm64|armhf" >&2; exit 2 ;;
esac
cannot() { echo "no imgmin for $arch: $*" >&2; exit 77; }

mkdir -p "$B"
exec 9>"$B/cross-$arch.lock"
flock 9
if [ "$arch" = "$(dpkg --print-architecture)" ]; then
	make -s -j2 B="$B" >&2 9>&-
	realpath "$B/imgmin"
	exit
fi
command -v "$triplet-gcc" >/dev/null || cannot "$triplet-gcc is not installed"
dev=$(tests/lib/sysroot.sh "$arch" dev)
# CFLAGS without -g: nothing in the program tells of the directory it was built in.
make -s -j2 B="$B/cross-$arch" CFLAGS=-O2 CC="$triplet-gcc --sysroot=$dev" \
	PKG_CONFIG="env PKG_CONFIG_SYSROOT_DIR=$dev PKG_CONFIG_LIBDIR=$dev/usr/lib/$triplet/pkgconfig pkg-config" \
	>&2 9>&-
realpath "$B/cross-$arch/imgmin"

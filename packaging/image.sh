#!/bin/bash
# imgmin's own image, made by imgmin:  packaging/image.sh VERSION OPTION...
#
# One for amd64, arm64 and arm/v7; the options are those of imgmin build, such as -o imgmin.tar or
# -t user/imgmin --push. PLATFORMS names fewer architectures.
set -euo pipefail
cd "$(dirname "$0")/.."
export B=${B:-build}
version=$1
shift

paths=() sysroots=()
for arch in ${PLATFORMS:-amd64 arm64 armhf}; do
	case $arch in
	amd64) platform=linux/amd64 ;;
	arm64) platform=linux/arm64 ;;
	armhf) platform=linux/arm/v7 ;;
	esac
	paths+=("$(packaging/cross.sh "$arch")")
	# The libraries that it was linked with, libcurl among them.
	sysroots+=(--sysroot "$platform=$(tests/lib/sysroot.sh "$arch" dev)")
done

# libcurl is what it opens when a registry is first spoken to.
exec "$B/imgmin" build "${paths[@]}" "${sysroots[@]}" --with certs,tmp,passwd,nss,dlopen:libcurl.so.4 \
	--workdir /work --label org.opencontainers.image.version="$version" \
	--label org.opencontainers.image.licenses=Apache-2.0 "$@"

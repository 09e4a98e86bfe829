#!/bin/bash
# How to link with the libraries here:  LINK=static|shared tests/lib/libs.sh OUT CC [FLAG...]
# OUT gets the linker's options, for use as @OUT. Headers that are missing are named with the
# packages that hold them; then it ends with 1.
set -uo pipefail
out=$1
shift

for header in archive gelf libdeflate zstd jansson libfyaml openssl/sha zlib curl/curl; do
	"$@" -E -x c -include "$header.h" /dev/null >/dev/null 2>&1 && continue
	echo "$1 does not find <$header.h>." >&2
	case $1 in
	*-linux-*) echo "A cross build needs the libraries of that machine; HACKING.md says how." >&2 ;;
	*)
		line=$("$(dirname "$0")/deps.sh" --print build 2>/dev/null)
		[ -z "$line" ] || echo "As root: apt-get update && $line" >&2
		;;
	esac
	exit 1
done

others='-Wl,--start-group -larchive -ldeflate -lzstd -ljansson -lfyaml -lcrypto -lz -Wl,--end-group'
static="-Wl,-Bstatic -lelf $others -Wl,-Bdynamic"
# The libelf.a of Debian 13 wants functions that no library of its package holds.
static_but_libelf="-lelf -Wl,-Bstatic $others -Wl,-Bdynamic"
shared="-lelf $others"

mkdir -p "$(dirname "$out")"
trap 'rm -f "$out.probe" "$out.c"' EXIT
cat >"$out.c" <<'END'
#include <archive.h>
#include <libelf.h>
#include <openssl/evp.h>
int main(void)
{
	struct archive *a = archive_read_new();
	archive_read_support_format_tar(a);
	EVP_Digest("", 0, 0, 0, EVP_sha256(), 0);
	return elf_version(EV_CURRENT) == EV_NONE || !elf_begin(0, ELF_C_READ, 0);
}
END
choices=("$shared")
[ "${LINK:-static}" = shared ] || choices=("$static" "$static_but_libelf" "$shared")
for options in "${choices[@]}"; do
	# shellcheck disable=SC2086
	"$@" -o "$out.probe" "$out.c" -Wl,--gc-sections -pthread $options -ldl >"$out.log" 2>&1 || continue
	echo "$options -ldl" >"$out"
	rm -f "$out.log"
	exit 0
done
echo "$1 cannot link with the libraries; $out.log says why." >&2
exit 1

#!/bin/bash
# Are the libraries' headers where this compiler looks?  tests/lib/headers.sh CC [FLAG...]
# If not, says which packages hold them, and ends with 1.
for header in archive gelf libdeflate zstd jansson openssl/sha zlib; do
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

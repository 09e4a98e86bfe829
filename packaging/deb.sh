#!/bin/bash
# Debian packages of imgmin:  packaging/deb.sh VERSION DIR ARCH...
#
# Prints the packages' paths. Equal sources give equal packages: times are SOURCE_DATE_EPOCH or the
# last commit's. DEBFULLNAME and DEBEMAIL say who the maintainer is, as for Debian's own tools.
set -euo pipefail
cd "$(dirname "$0")/.."
export B=${B:-build}
version=$1-1
dir=$2
shift 2
export SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || echo 0)}
maintainer="${DEBFULLNAME:-imgmin maintainers} <${DEBEMAIL:-imgmin@packages.invalid}>"
stage=$(mktemp -d)
trap 'rm -rf "$stage"' EXIT

put() { # FILE PATH: into the package, readable for all
	install -D -m 644 "$1" "$root/$2"
}

# "libc6 (>= 2.34)": what the loader will ask for, and the newest version of its symbols.
depends() { # PROGRAM
	local name newest
	for name in $(readelf -d "$1" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p'); do
		case $name in
		libc.so.6 | libm.so.6 | ld-linux*) ;;
		libelf.so.1) printf 'libelf1, ' ;;
		*) echo "packaging/deb.sh does not know which package holds $name" >&2; exit 1 ;;
		esac
	done
	newest=$(readelf -V "$1" | grep -o 'GLIBC_[0-9.]*' | sort -uV | tail -n 1)
	echo "libc6 (>= ${newest#GLIBC_})"
}

# The sources of the libraries inside the program, by the changelogs of the packages they came in.
static_sources() { # SYSROOT LIBS
	local lib doc
	for lib in $(grep -o -e '-Bstatic .*-Bdynamic' "$2" | grep -o -e '-l[a-z]*' | sort -u); do
		case $lib in
		-lelf) doc=libelf-dev ;;
		-lcrypto) doc=libssl-dev ;;
		-lz) doc=zlib1g-dev ;;
		*) doc=lib${lib#-l}-dev ;;
		esac
		if [ -z "$1" ]; then
			dpkg-query -W -f '${source:Package} (= ${source:Version})\n' "$doc"
		else
			zcat "$1/usr/share/doc/$doc"/changelog*.gz | sed -n '1s/^\([^ ]*\) (\([^)]*\)).*/\1 (= \2)/p'
		fi
	done | sort -u | paste -sd, | sed 's/,/, /g'
}

documents() {
	local page doc=usr/share/doc/imgmin
	for page in man/*.scd; do
		page=${page#man/}
		sed 's,/usr/local/,/usr/,g' "man/$page" | scdoc >"$stage/page"
		put "$stage/page" "usr/share/man/man$(sed 's/.*\.\([0-9]\)\.scd/\1/' <<<"$page")/${page%.scd}"
	done
	put CHANGELOG.md $doc/changelog
	put README.md $doc/README.md
	cat >"$stage/changelog" <<-END
		imgmin ($version) unstable; urgency=medium

		  * Made from the sources of this version; changelog.gz beside this file
		    says what is new.

		 -- $maintainer  $(date -u -R -d "@$SOURCE_DATE_EPOCH")
	END
	put "$stage/changelog" $doc/changelog.Debian
	gzip -9n "$root/$doc"/changelog* "$root"/usr/share/man/man*/*
	cat >"$stage/copyright" <<-END
		Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/
		Upstream-Name: imgmin
		Comment: The program holds the libraries that Built-Using names, each under the
		 license in /usr/share/doc of its own package; libelf's is the LGPL, version 3 or later.

		Files: *
		Copyright: $(date -u +%Y -d "@$SOURCE_DATE_EPOCH") the authors of imgmin
		License: Apache-2.0
		 On Debian systems the full text is in /usr/share/common-licenses/Apache-2.0.
	END
	put "$stage/copyright" $doc/copyright
}

for_shells_and_editors() {
	put share/imgmin.schema.json usr/share/imgmin/imgmin.schema.json
	put completions/imgmin.bash usr/share/bash-completion/completions/imgmin
	put completions/_imgmin usr/share/zsh/vendor-completions/_imgmin
	put completions/imgmin.fish usr/share/fish/vendor_completions.d/imgmin.fish
}

# lintian knows a library inside a program by its strings.
overrides() {
	cat >"$stage/overrides" <<-END
		# Linked statically so that starting costs no more than any C program; Built-Using
		# names them, sources and versions.
		imgmin: embedded-library *
		# The project's own package, no upload to Debian: there is no request that it closes.
		imgmin: initial-upload-closes-no-bugs *
	END
	put "$stage/overrides" usr/share/lintian/overrides/imgmin
}

control() { # ARCH PROGRAM SOURCES
	mkdir -p "$root/DEBIAN"
	cat >"$root/DEBIAN/control" <<-END
		Package: imgmin
		Version: $version
		Architecture: $1
		Maintainer: $maintainer
		Installed-Size: $(du -k --apparent-size -s "$root/usr" | cut -f1)
		Depends: $(depends "$2")
		Recommends: libcurl4 | libcurl3-gnutls, ca-certificates
		Built-Using: $3
		Section: utils
		Priority: optional
		Description: minimal container images from ELF programs
		 imgmin reads a program's ELF headers, finds the libraries that its loader will
		 ask for on the device, and packs exactly those into an OCI image. It works for
		 programs of any architecture, and runs neither the program nor its loader.
		 .
		 It also makes existing images smaller, checks whether their programs would
		 start on a device, and moves images between registries and archives.
	END
	(cd "$root" && find usr -type f -printf '%P\n' | LC_ALL=C sort | sed 's,^,usr/,' |
		xargs md5sum >DEBIAN/md5sums)
}

package() { # ARCH
	local arch=$1 program sysroot='' libs strip=strip out=$dir/imgmin_${version}_$1.deb
	program=$(packaging/cross.sh "$arch")
	libs=$(dirname "$program")/libs
	if [ "$arch" != "$(dpkg --print-architecture)" ]; then
		sysroot=$(tests/lib/sysroot.sh "$arch" dev)
		case $arch in
		arm64) strip=aarch64-linux-gnu-strip ;;
		armhf) strip=arm-linux-gnueabihf-strip ;;
		amd64) strip=x86_64-linux-gnu-strip ;;
		esac
	fi
	root=$stage/$arch
	install -D -m 755 "$program" "$root/usr/bin/imgmin"
	$strip -R .comment "$root/usr/bin/imgmin"
	documents
	for_shells_and_editors
	overrides
	control "$arch" "$root/usr/bin/imgmin" "$(static_sources "$sysroot" "$libs")"
	find "$root" -type d -exec chmod 755 {} +
	find "$root" -exec touch -h -d "@$SOURCE_DATE_EPOCH" {} +
	dpkg-deb --root-owner-group -Zxz --build "$root" "$out" >&2
	echo "$out"
}

umask 022
mkdir -p "$dir"
for arch; do
	package "$arch"
done

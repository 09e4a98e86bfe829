#!/usr/bin/env bats
# make install into a directory of one's own, and the build for another processor.
load ../lib/common

setup() {
	cd "$top"
}

@test "make install DESTDIR= PREFIX=" {
	make -s install B="$B" DESTDIR="$BATS_TEST_TMPDIR/dest" PREFIX=/opt/imgmin
	cd "$BATS_TEST_TMPDIR/dest"
	[ "$(ls)" = opt ]
	[ "$(opt/imgmin/bin/imgmin --version)" = "$("$imgmin" --version)" ]
	cmp opt/imgmin/share/imgmin/imgmin.schema.json "$top/share/imgmin.schema.json"
	# Every page that has a source is there, where there is scdoc.
	command -v scdoc >/dev/null || skip "scdoc is not installed: no man pages"
	for page in "$top"/man/*.scd; do
		page=$(basename "$page" .scd)
		[ -s "opt/imgmin/share/man/man${page##*.}/$page" ]
	done
	sed 's/\\&//g' opt/imgmin/share/man/man5/imgmin.yaml.5 |
		grep -F schema=/opt/imgmin/share/imgmin/imgmin.schema.json
	# All of it goes away again, and nothing else does.
	touch opt/imgmin/bin/other
	make -s -C "$top" uninstall B="$B" DESTDIR="$PWD" PREFIX=/opt/imgmin
	[ "$(find . ! -type d)" = ./opt/imgmin/bin/other ]
}

@test "nothing links in OpenSSL's providers, which cost five megabytes and a slower start" {
	need_tool nm
	nm "$imgmin" >"$BATS_TEST_TMPDIR/symbols"
	grep -q ' T main$' "$BATS_TEST_TMPDIR/symbols"
	[ "$(grep -c OSSL_PROVIDER_load "$BATS_TEST_TMPDIR/symbols")" = 0 ]
}

@test "make for armhf, linked with static libraries, runs in the armhf sysroot" {
	local programs
	need_root
	need_tool arm-linux-gnueabihf-gcc
	sysroot programs armhf
	packaging/cross.sh armhf
	file "$B/cross-armhf/imgmin" | grep 'ARM, EABI5'
	# The loader and libc are all it needs on the device.
	readelf -d "$B/cross-armhf/imgmin" | grep NEEDED
	[ "$(readelf -d "$B/cross-armhf/imgmin" | grep NEEDED | grep -cvE 'libc\.so|ld-linux|libelf')" = 0 ]

	# It works there as here, 32 bits and all: on a copy, so that the sysroot stays as it was.
	cp -al "$programs" "$programs.cross"
	cp "$B/cross-armhf/imgmin" "$programs.cross/usr/bin/imgmin"
	"$top/tests/lib/inroot.sh" "$programs.cross" /usr/bin/imgmin ldd --format list \
		/usr/bin/curl /usr/sbin/mosquitto >"$BATS_TEST_TMPDIR/there" ||
		{ rm -rf "$programs.cross"; return 1; }
	"$imgmin" ldd --sysroot "$programs.cross" --format list "$programs.cross/usr/bin/curl" \
		"$programs.cross/usr/sbin/mosquitto" | sed "s,^$programs.cross,," >"$BATS_TEST_TMPDIR/here"
	rm -rf "$programs.cross"
	diff "$BATS_TEST_TMPDIR/here" "$BATS_TEST_TMPDIR/there"
}

@test "without rights to install, the one apt-get line and status 2" {
	need_root
	need_tool setpriv
	# A dpkg database that knows no package, and a user who may not change it.
	mkdir -p "$BATS_TEST_TMPDIR/dpkg/updates"
	touch "$BATS_TEST_TMPDIR/dpkg/status"
	chmod 755 "$BATS_TEST_TMPDIR" "$BATS_TEST_TMPDIR/dpkg"
	cp tests/lib/deps.sh "$BATS_TEST_TMPDIR/deps.sh"
	chmod -R a+rX "$BATS_TEST_TMPDIR" "$BATS_FILE_TMPDIR" "$BATS_RUN_TMPDIR"
	status=0
	DPKG_ADMINDIR=$BATS_TEST_TMPDIR/dpkg setpriv --reuid=65534 --regid=65534 --clear-groups \
		bash "$BATS_TEST_TMPDIR/deps.sh" demo >"$BATS_TEST_TMPDIR/out" || status=$?
	cat "$BATS_TEST_TMPDIR/out"
	[ $status = 2 ]
	[ "$(grep -c '^apt-get update && apt-get install ' "$BATS_TEST_TMPDIR/out")" = 1 ]
	grep -qw libarchive-dev "$BATS_TEST_TMPDIR/out"
}

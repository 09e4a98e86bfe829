#!/usr/bin/env bats
# The same input gives the same image, bit for bit: from another directory, under another umask,
# time zone, locale and user, with files created in another order, and on one CPU or two.
load ../lib/common

# A project: the sensor for two machines, and data with names beyond ASCII and xattrs.
project() { # DIR FILE-ORDER...
	local dir=$1 file
	shift
	mkdir -p "$dir/data/sub" "$dir/data/größe"
	cp -r "$B/sensor/native" "$B/sensor/armhf" "$dir"
	for file; do
		echo "content of $file" >"$dir/data/$file"
	done
	head -c 3000000 /usr/bin/git 2>/dev/null >"$dir/data/large" || yes | head -c 3000000 >"$dir/data/large"
	ln -s 日本語 "$dir/data/link"
	if setfattr -n user.note -v "grüße" "$dir/data/日本語" 2>/dev/null; then
		setfattr -n user.empty "$dir/data/a"
		setfattr -n user.binary -v 0x00ff0a3d "$dir/data/日本語"
	fi
}

setup_file() {
	[ -n "$(command -v arm-linux-gnueabihf-gcc)" ] || return 0
	sensor
	cd "$BATS_FILE_TMPDIR"
	(umask 022 && project project a Z z 'sub/ü' 'größe/x y' 日本語 Ünïcode $'new\nline' b)
	cd project
	build >"$BATS_FILE_TMPDIR/want"
}

setup() {
	need_tool arm-linux-gnueabihf-gcc
	cd "$BATS_FILE_TMPDIR"
}

# In a project's directory: prints what imgmin says and the archive's own hash. No layer comes from
# a cache, else there would be nothing to compare.
build() {
	"$imgmin" build --quiet --no-cache -t our/sensor --add data:/srv/data -o - \
		native/bin/sensor armhf/bin/sensor "$@" 2>/dev/null | sha256sum
}

# same COMMAND...: its output is what the first build printed.
same() {
	"$@" >"$BATS_TEST_TMPDIR/have"
	diff "$BATS_FILE_TMPDIR/want" "$BATS_TEST_TMPDIR/have"
}

@test "the archive holds something, and other content gives another digest" {
	cp -a project changed
	echo more >>changed/data/a
	cd changed
	[ "$(build)" != "$(cat "$BATS_FILE_TMPDIR/want")" ]
	"$imgmin" build --quiet --no-cache -o - native/bin/sensor | tar -t >"$BATS_TEST_TMPDIR/list"
	grep -c blobs/sha256/ "$BATS_TEST_TMPDIR/list"
}

@test "once more" {
	cd project
	same build
}

@test "from another directory, deeper and with other times" {
	mkdir -p "other/ä ö/deep"
	cp -r --preserve=mode,links,xattr project "other/ä ö/deep/p"
	find other -exec touch -h -d 2001-02-03 {} +
	cd "other/ä ö/deep/p"
	same build
}

@test "files created in another order" {
	(umask 022 && project reversed b $'new\nline' Ünïcode 日本語 'größe/x y' 'sub/ü' z Z a)
	cd reversed
	same build
}

@test "under another umask" {
	cd project
	umask 077
	same build
	umask 000
	same build
	# Whoever checked the files out under another umask gets the same image, too.
	cd ..
	(umask 077 && project strict a Z z 'sub/ü' 'größe/x y' 日本語 Ünïcode $'new\nline' b)
	cd strict
	same build
}

@test "in another time zone" {
	cd project
	TZ=Pacific/Kiritimati same build
	TZ=America/St_Johns same build
}

@test "in another locale" {
	cd project
	for locale in C POSIX C.UTF-8 $(locale -a 2>/dev/null | grep -iE '^(de_DE|tr_TR|ja_JP|en_US)' | head -n 4); do
		LC_ALL=$locale LANG=$locale same build
	done
}

@test "as another user" {
	need_root
	need_tool setpriv
	export -f build
	export imgmin
	# Everybody may read the project; the files belong to another user, too.
	local dir
	dir=$(mktemp -d /tmp/project.XXXXXX)
	cp -r --preserve=mode,links,xattr project/. "$dir"
	chown -R 1234:5678 "$dir"
	chmod 755 "$dir"
	setpriv --reuid 1234 --regid 5678 --clear-groups test -x "$imgmin" || {
		rm -rf "$dir"
		skip "other users cannot reach $imgmin"
	}
	cd "$dir"
	HOME=/nonexistent same setpriv --reuid 1234 --regid 5678 --clear-groups bash -c build
	rm -rf "$dir"
}

@test "on one CPU and on all" {
	need_tool taskset
	export -f build
	export imgmin
	cd project
	same taskset -c 0 bash -c build
}

@test "out of the cache and anew" {
	cd project
	cached() {
		"$imgmin" build --quiet --cache-dir "$BATS_TEST_TMPDIR/cache" -t our/sensor \
			--add data:/srv/data -o - native/bin/sensor armhf/bin/sensor 2>/dev/null | sha256sum
	}
	same cached
	same cached
}

@test "programs in another order: the same manifests under another first tag" {
	cd project
	"$imgmin" build --quiet --no-cache -t our/sensor -o a.tar native/bin/sensor armhf/bin/sensor >a
	"$imgmin" build --quiet --no-cache -t our/sensor -o b.tar armhf/bin/sensor native/bin/sensor >b
	diff a b
	rm a.tar b.tar
}

@test "SOURCE_DATE_EPOCH is the only time in it" {
	cd project
	a=$(SOURCE_DATE_EPOCH=1700000000 build)
	b=$(build --source-date-epoch 1700000000)
	[ "$a" = "$b" ]
	[ "$a" != "$(cat "$BATS_FILE_TMPDIR/want")" ]
}

@test "names beyond ASCII and xattrs arrive in the image" {
	need_root
	need_tool umoci getfattr
	cd project
	"$imgmin" build --quiet --no-cache -t our/sensor --add data:/srv/data \
		-o "oci:$BATS_TEST_TMPDIR/layout:one" native/bin/sensor
	umoci unpack --image "$BATS_TEST_TMPDIR/layout:one" "$BATS_TEST_TMPDIR/bundle"
	diff -r --no-dereference data "$BATS_TEST_TMPDIR/bundle/rootfs/srv/data"
	getfattr -d -m user data/日本語 2>/dev/null | grep -q user.note || skip "no xattrs on this file system"
	# An empty value means «no such attribute» to who reads PAX headers, so only these are compared.
	diff <(cd data && getfattr -d -m user 日本語) \
		<(cd "$BATS_TEST_TMPDIR/bundle/rootfs/srv/data" && getfattr -d -m user 日本語)
}

#!/usr/bin/env bats
# Images as sysroots: what is built from one is what is built from its files in a directory.
bats_require_minimum_version 1.5.0
load ../lib/common
load ../lib/images
load ../lib/registry
load ../lib/engines

arm=/usr/arm-linux-gnueabihf
arm64=/usr/aarch64-linux-gnu

setup_file() {
	local name
	[ -d $arm/lib ] && [ -d $arm64/lib ] || return 0
	engines_start
	programs
	cd "$BATS_FILE_TMPDIR"
	aarch64-linux-gnu-gcc -O1 -o hello-arm64 hello.c -lm
	for name in arm arm64; do
		mkdir "$name"
		cp -a "${!name}/lib" "$name/lib"
	done
	# The same files in two layers: the upper one replaces a damaged file and hides another.
	mkdir lower lower/lib upper upper/lib
	echo damaged >lower/lib/libm.so.6
	cp -a arm/lib/. upper/lib
	echo '#hidden' >lower/lib/hidden.so
	: >upper/lib/.wh.hidden.so
	image pack layout-arm -a arm/v7 -z gzip lower upper
	image pack layout-arm64 -a arm64 -z gzip arm64
	image pack layout-plain -a arm/v7 lower upper
	make_image other --layers 1 --size 1000
	server_start s --image other --listen main=127.0.0.1:0
	for name in arm arm64; do
		"$imgmin" push -q "oci:layout-$name" "docker://$s_main/base:$name"
	done
	"$imgmin" index create -q "$s_main/base:both" "$s_main/base:arm" "$s_main/base:arm64"
}

teardown_file() {
	servers_stop
	engines_stop
}

setup() {
	need_tool arm-linux-gnueabihf-gcc aarch64-linux-gnu-gcc jq
	[ -d $arm/lib ] && [ -d $arm64/lib ] || skip "the cross toolchains have no libraries"
	export XDG_CACHE_HOME=$BATS_TEST_TMPDIR/cache HOME=$BATS_TEST_TMPDIR/home
	unset XDG_RUNTIME_DIR XDG_CONFIG_HOME DOCKER_CONFIG DOCKER_AUTH_CONFIG REGISTRY_AUTH_FILE
	here=$BATS_FILE_TMPDIR
	cd "$BATS_TEST_TMPDIR"
}

teardown() {
	umount "$BATS_TEST_TMPDIR/cache" 2>/dev/null || true
}

# digest_from [PLATFORM=]SYSROOT... -- PROGRAM...: of the image that is built so.
digest_from() {
	local options=()
	while [ "$1" != -- ]; do
		options+=(--sysroot "$1")
		shift
	done
	shift
	"$imgmin" build -q --no-cache -t test/it -o out.tar "${options[@]}" "$@" | sed 's/.*@//'
}

blob_requests() { # how many layers were asked for, since LINE of the log
	tail -n "+$1" "$s_log" | jq -s '[.[] | select(.method == "GET" and
		(.path | test("/blobs/sha256:")))] | length'
}
lines() { echo $(($(wc -l <"$1") + 1)); }

@test "the sensor of the examples: one digest, wherever the libraries come from" {
	sensor
	want=$(digest_from "$here/arm" -- "$sensor_armhf")
	[ "${want%%:*}" = sha256 ]
	"$imgmin" copy -q "oci:$here/layout-arm" "docker-archive:archive.tar"
	"$imgmin" copy -q "oci:$here/layout-plain" "oci-archive:plain.tar:1"
	gzip -k plain.tar
	for place in "oci:$here/layout-arm" "$here/layout-arm" "docker-archive:archive.tar" archive.tar \
		./archive.tar "oci-archive:plain.tar:1" plain.tar plain.tar.gz "oci:$here/layout-plain" \
		"docker://$s_main/base:arm" "docker://$s_main/base:both" \
		"linux/arm/v7=oci:$here/layout-arm"; do
		echo "$place"
		[ "$(digest_from "$place" -- "$sensor_armhf")" = "$want" ]
	done
}

@test "an image of several platforms serves programs of each" {
	want=$(digest_from "linux/arm/v7=$here/arm" "linux/arm64=$here/arm64" -- \
		"$here/hello-arm" "$here/hello-arm64")
	[ "$(digest_from "docker://$s_main/base:both" -- "$here/hello-arm" "$here/hello-arm64")" = "$want" ]
	# So do two images that were given without a word of their platforms.
	[ "$(digest_from "oci:$here/layout-arm" "oci:$here/layout-arm64" -- "$here/hello-arm" \
		"$here/hello-arm64")" = "$want" ]
	expect 0 "$imgmin" inspect --format json out.tar
	[ "$(jq -r '[.. | .platform? | strings] | join(" ")' <<<"$output")" = "linux/arm/v7 linux/arm64" ]
}

@test "only the platform that is needed is fetched, and once" {
	at=$(lines "$s_log")
	expect 0 "$imgmin" ldd --format list --sysroot "docker://$s_main/base:both" "$here/hello-arm"
	first=$output
	[ "$(blob_requests "$at")" = 3 ] # a config and two layers
	at=$(lines "$s_log")
	expect 0 "$imgmin" ldd --format list --sysroot "docker://$s_main/base:both" "$here/hello-arm"
	[ "$output" = "$first" ]
	[ "$(blob_requests "$at")" = 0 ]
	# A tag may mean another image tomorrow: which one it was is said.
	expect 0 "$imgmin" ldd --sysroot "docker://$s_main/base:both" "$here/hello-arm"
	says "libraries come from $s_main/base:both@sha256:"
	[[ $first == *'libm.so.6 => /lib/libm.so.6'* ]]
}

@test "the second time no layer is read" {
	cp -r "$here/layout-arm" layout
	expect 0 "$imgmin" ldd --sysroot oci:layout "$here/hello-arm"
	first=$output
	for n in 0 1; do
		truncate -s +0 "$(image blob layout $n)"
		: >"$(image blob layout $n)"
	done
	expect 0 "$imgmin" ldd --sysroot oci:layout "$here/hello-arm"
	[ "$output" = "$first" ]
	expect 1 "$imgmin" inspect oci:layout
}

@test "what is damaged in the cache is made again" {
	want=$(digest_from "$here/arm" -- "$here/hello-arm")
	build() { "$imgmin" build -q -t test/it -o out.tar --sysroot "oci:$here/layout-arm" "$here/hello-arm"; }
	[ "$(build)" = "test/it:latest@$want" ]
	kept=$(find cache -size +1M -path '*/blobs/*')
	[ "$(wc -l <<<"$kept")" = 1 ]
	for damage in flip cut empty gone; do
		case $damage in
		flip) flip "$kept" ;;
		cut) truncate -s -1 "$kept" ;;
		empty) : >"$kept" ;;
		gone) rm "$kept" ;;
		esac
		[ "$(build)" = "test/it:latest@$want" ]
		echo "${kept##*/}  $kept" | sha256sum -c --quiet
	done
	# A layer that is not what the config says is not kept at all.
	cp -r "$here/layout-arm" wrong
	image edit wrong 'config["rootfs"]["diff_ids"][1] = "sha256:" + 64 * "a"'
	rm -r cache
	expect 1 "$imgmin" ldd --sysroot oci:wrong "$here/hello-arm"
	says "its diff_id is"
	[ -z "$(find cache -size +1M)" ]
}

@test "--cache-dir and --no-cache say where layers are kept" {
	expect 0 "$imgmin" build -q --cache-dir mine -o out.tar --sysroot "oci:$here/layout-arm" "$here/hello-arm"
	[ -n "$(find mine -size +1M -path '*/blobs/*')" ]
	[ ! -e cache/imgmin ]
	mkdir temp
	expect 0 env TMPDIR="$PWD/temp" "$imgmin" build -q --no-cache -o out.tar \
		--sysroot "oci:$here/layout-arm" "$here/hello-arm"
	[ ! -e cache/imgmin ]
	[ -z "$(ls temp)" ]
}

@test "links of the image stay in the image" {
	mkdir -p tree/usr/lib tree/etc outside
	cp -a "$here/arm/lib/." tree/usr/lib
	ln -s /usr/lib tree/lib
	cp "$here/arm/lib/libm.so.6" outside/libm.so.6
	image pack good -a arm/v7 -z gzip tree
	expect 0 "$imgmin" ldd --format list --sysroot oci:good "$here/hello-arm"
	prints "libm.so.6 => /lib/libm.so.6"
	for to in "$PWD/outside/libm.so.6" "../../../../../../../../../../..$PWD/outside/libm.so.6"; do
		ln -sf "$to" tree/usr/lib/libm.so.6
		rm -rf bad
		image pack bad -a arm/v7 -z gzip tree
		expect 3 "$imgmin" ldd --format list --sysroot oci:bad "$here/hello-arm"
		prints "libm.so.6 => not found"
		expect 3 "$imgmin" build -o bad.tar --sysroot oci:bad "$here/hello-arm"
		[ ! -e bad.tar ]
	done
	# The program's own platform counts, and this machine's libraries do not.
	cp "$here/hello" .
	mkdir empty
	image pack nothing -a "$(uname -m | sed 's/x86_64/amd64/; s/aarch64/arm64/')" empty
	expect 3 "$imgmin" ldd --sysroot oci:nothing hello
}

@test "a platform that the image lacks is said, with those it has" {
	expect 3 "$imgmin" ldd --sysroot "docker://$s_main/base:both" "$here/hello"
	says "holds nothing for linux/"
	says "it holds linux/arm/v7, linux/arm64"
	expect 3 "$imgmin" build --sysroot "oci:$here/layout-arm64" "$here/hello-arm"
	says "linux/arm/v7"
}

@test "of an index's ARM variants the one whose loader suits the program" {
	need_tool arm-linux-gnueabi-gcc
	[ -d /usr/arm-linux-gnueabi/lib ] || skip "no libraries of armel"
	mkdir soft
	cp -a /usr/arm-linux-gnueabi/lib soft/lib
	arm-linux-gnueabi-gcc -O1 -o hello-soft "$here/hello.c" -lm
	image pack layout-soft -a arm/v5 -z gzip soft
	"$imgmin" push -q oci:layout-soft "docker://$s_main/debian:soft"
	"$imgmin" index create -q "$s_main/debian:two" "$s_main/debian:soft" "$s_main/base:arm"
	expect 0 "$imgmin" build -q -o out.tar --sysroot "docker://$s_main/debian:two" hello-soft "$here/hello-arm"
	expect 0 "$imgmin" check ./out.tar
	# Whatever the variants are called: what fits counts.
	image pack layout-low -a arm/v6 -z gzip "$here/arm"
	image pack layout-high -a arm/v7 -z gzip soft
	"$imgmin" push -q oci:layout-low "docker://$s_main/odd:low"
	"$imgmin" push -q oci:layout-high "docker://$s_main/odd:high"
	"$imgmin" index create -q "$s_main/odd:two" "$s_main/odd:low" "$s_main/odd:high"
	expect 0 "$imgmin" ldd --sysroot "docker://$s_main/odd:two" "$here/hello-arm"
	expect 0 "$imgmin" ldd --sysroot "docker://$s_main/odd:two" hello-soft
}

@test "a cache that is full costs the next run time, nothing else" {
	need_root
	mkdir cache
	mount -t tmpfs -o size=300k tmpfs cache || skip "cannot mount here"
	want=$(digest_from "$here/arm" -- "$here/hello-arm")
	for n in 1 2; do
		expect 0 "$imgmin" build -q -t test/it -o out.tar --sysroot "oci:$here/layout-arm" "$here/hello-arm"
		[ "$output" = "test/it:latest@$want" ]
	done
}

@test "check takes an image for a program's libraries" {
	expect 0 "$imgmin" check --sysroot "oci:$here/layout-arm" "$here/hello-arm"
	expect 3 "$imgmin" check --sysroot "oci:$here/layout-arm64" "$here/hello-arm"
}

@test "what is no image is said to be none" {
	expect 1 "$imgmin" ldd --sysroot "$here/hello.c" "$here/hello-arm"
	says "no image archive or OCI layout"
	expect 1 "$imgmin" ldd --sysroot debian "$here/hello-arm"
	says "docker://debian"
	expect 2 "$imgmin" ldd --sysroot docker://A/B "$here/hello-arm"
	expect 6 "$imgmin" ldd --retry 0 --sysroot docker://127.0.0.1:1/base "$here/hello-arm"
}

@test "a script's interpreter comes out of the image" {
	mkdir -p tree/bin
	cp -a "$here/arm/lib" tree
	cp "$here/hello-arm" tree/bin/hello
	printf '#!/bin/hello\n' >script
	chmod +x script
	image pack one -a arm/v7 -z gzip tree
	expect 0 "$imgmin" ldd --format list --sysroot oci:one script
	prints "libm.so.6 => /lib/libm.so.6"
	expect 3 "$imgmin" ldd --sysroot "docker://$s_main/base:both" script
	says "--platform"
	says "linux/arm/v7, linux/arm64"
}

@test "credentials reach the registry of a sysroot, by every command" {
	"$imgmin" push -q --creds "$user:$password" "oci:$here/layout-arm" "docker://$s_main/basic/base:arm"
	at="docker://$s_main/basic/base:arm"
	printf '{"auths":{"%s":{"auth":"%s"}}}' "$s_main" "$(printf %s "$user:$password" | base64)" >auth.json
	for command in ldd check "build -q -o out.tar"; do
		# shellcheck disable=SC2086
		expect 5 "$imgmin" $command --sysroot "$at" "$here/hello-arm"
		# shellcheck disable=SC2086
		expect 0 "$imgmin" $command --authfile auth.json --sysroot "$at" "$here/hello-arm"
		# shellcheck disable=SC2086
		expect 0 "$imgmin" $command --creds "$user:$password" --sysroot "$at" "$here/hello-arm"
	done
}

@test "what docker save wrote, and the daemon itself" {
	need_engines
	want=$(digest_from "$here/arm" -- "$here/hello-arm")
	tar -C "$here/arm" -cf arm.tar lib
	docker import --platform linux/arm/v7 arm.tar test/base:arm
	docker save -o saved.tar test/base:arm
	# That import calls it amd64 is known better.
	[ "$(digest_from linux/arm/v7=docker-archive:saved.tar -- "$here/hello-arm")" = "$want" ]
	export DOCKER_HOST=unix://$DOCKER_SOCK
	[ "$(digest_from linux/arm/v7=docker-daemon:test/base:arm -- "$here/hello-arm")" = "$want" ]
}

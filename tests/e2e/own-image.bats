#!/usr/bin/env bats
# imgmin's own image, built by imgmin: started by a real Docker Engine, it builds and pushes.
load ../lib/common
load ../lib/engines
load ../lib/registry

setup_file() {
	export why_not='' own=$BATS_FILE_TMPDIR/imgmin.tar
	local tool status=0
	for tool in arm-linux-gnueabihf-gcc aarch64-linux-gnu-gcc docker-registry jq; do
		command -v $tool >/dev/null || { why_not="$tool is not installed"; return 0; }
	done
	"$top/packaging/image.sh" 0.1.0 -q -t own/imgmin:0.1.0 -o "$own" \
		>"$BATS_FILE_TMPDIR/name" 2>"$BATS_FILE_TMPDIR/log" || status=$?
	[ $status != 77 ] || { why_not=$(tail -n 1 "$BATS_FILE_TMPDIR/log"); return 0; }
	[ $status = 0 ] || { cat "$BATS_FILE_TMPDIR/log"; return 1; }
	sensor
	engines_start
	real_start own 'http: {addr: 127.0.0.1:0}'
	[ -n "$why_no_engines" ] || docker load -q -i "$own"
}

teardown_file() {
	servers_stop
	[ -z "${engines:-}" ] || engines_stop
}

setup() {
	[ -z "$why_not" ] || skip "$why_not"
	cd "$BATS_TEST_TMPDIR"
}

@test "an image for three platforms, sound and not large" {
	expect 0 "$imgmin" check --strict --max-size 15MB "$own"
	"$imgmin" inspect --format json "$own" >inspected
	for arch in amd64 arm64 arm; do
		grep -q "\"$arch\"\|linux/$arch" inspected
	done
}

@test "docker run: the version, on each platform" {
	need_engines
	[ "$(run_in_docker own/imgmin:0.1.0 version)" = "$("$imgmin" version)" ]
	need_foreign aarch64
	need_foreign arm
	[ "$(run_in_docker own/imgmin:0.1.0-arm64 version)" = "$("$imgmin" version)" ]
	[ "$(run_in_docker own/imgmin:0.1.0-arm-v7 version)" = "$("$imgmin" version)" ]
}

@test "docker run: a program that is mounted becomes an image, and is pushed" {
	need_engines
	mkdir work
	cp -r "$B/sensor/armhf" work/sensor
	docker run --rm --network host -v "$PWD/work:/work" -v /usr/arm-linux-gnueabihf:/sysroot:ro \
		own/imgmin:0.1.0 build sensor/bin/sensor --sysroot /sysroot \
		-t "$r_own/u/sensor:1" --push -o sensor.tar >printed
	[[ $(cat printed) == "$r_own/u/sensor:1@sha256:"* ]]
	expect 0 "$imgmin" check --strict "$r_own/u/sensor:1"
	expect 0 "$imgmin" check --strict work/sensor.tar
	# The digest is what this machine's imgmin makes of the same files.
	cp -r work/sensor here
	"$imgmin" build here/bin/sensor --sysroot /usr/arm-linux-gnueabihf -q \
		-t "$r_own/u/sensor:1" -o here.tar >here.printed
	diff printed here.printed
}

@test "docker run: on the Pi's platform it reads from the registry too" {
	need_engines
	need_foreign arm
	"$imgmin" push -q "$own" "$r_own/own/imgmin:0.1.0"
	[ "$(docker run --rm --network host own/imgmin:0.1.0-arm-v7 index inspect --format json \
		"$r_own/own/imgmin:0.1.0" | jq '.manifests | length')" = 3 ]
}

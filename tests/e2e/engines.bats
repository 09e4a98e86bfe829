#!/usr/bin/env bats
# The archive of examples/sensor, native and armhf, in the engines that people have: Docker Engine,
# containerd, podman; and read by skopeo, umoci and buildah.
load ../lib/common
load ../lib/engines

reading='^light: [0-9.]+ lux \+- [0-9.]+, [a-z ]+ \(simulated: no sensor here\)$'

setup_file() {
	engines_start
	[ -n "$(command -v arm-linux-gnueabihf-gcc)" ] || return 0
	sensor
	cd "$BATS_FILE_TMPDIR"
	"$imgmin" build --quiet "$sensor_native" -t native/sensor -o native.tar
	"$imgmin" build --quiet "$sensor_armhf" -t armhf/sensor:1.2 -o armhf.tar
	"$imgmin" build --quiet "$sensor_native" "$sensor_armhf" -t both/sensor -o both.tar
}

teardown_file() {
	engines_stop
}

setup() {
	need_tool arm-linux-gnueabihf-gcc
	cd "$BATS_FILE_TMPDIR"
}

@test "docker load and run: native" {
	need_engines
	docker load -i native.tar
	run_in_docker native/sensor --once | tee "$BATS_TEST_TMPDIR/out"
	grep -qE "$reading" "$BATS_TEST_TMPDIR/out"
}

@test "docker load and run: armhf" {
	need_engines
	need_foreign arm
	docker load -i armhf.tar
	[ "$(docker image inspect -f '{{.Os}}/{{.Architecture}}/{{.Variant}}' armhf/sensor:1.2)" = \
		linux/arm/v7 ]
	run_in_docker --platform linux/arm/v7 armhf/sensor:1.2 --once | tee "$BATS_TEST_TMPDIR/out"
	grep -qE "$reading" "$BATS_TEST_TMPDIR/out"
}

@test "docker load and run: both platforms of one archive" {
	need_engines
	need_foreign arm
	docker load -i both.tar
	run_in_docker both/sensor --once | grep -E "$reading"
	run_in_docker --platform linux/arm/v7 both/sensor:latest-arm-v7 --once | grep -E "$reading"
}

@test "a container ends by SIGTERM, as process 1" {
	need_engines
	docker load -i native.tar
	id=$(docker run -d --network none native/sensor)
	sleep 0.5
	docker stop -t 10 "$id"
	[ "$(docker inspect -f '{{.State.ExitCode}}' "$id")" = 0 ]
	docker rm "$id"
}

# Runs in containerd without cgroup settings or snapshotters that a machine may lack.
run_in_containerd() { # PLATFORM IMAGE [ARG...]
	local platform=$1 image=$2
	shift 2
	ctr run --rm --snapshotter native --platform "$platform" "$image" "sensor-$RANDOM" "$@"
}

@test "ctr images import, check and run: native" {
	need_engines
	ctr images import --snapshotter native native.tar
	ctr images check --snapshotter native | grep -E 'native/sensor:latest.*complete'
	run_in_containerd linux/amd64 docker.io/native/sensor:latest /usr/bin/sensor --once |
		grep -E "$reading"
}

@test "ctr images import, check and run: armhf out of the archive of both" {
	need_engines
	need_foreign arm
	ctr images import --snapshotter native --all-platforms both.tar
	ctr images ls | grep -E 'both/sensor:latest.*linux/amd64,linux/arm/v7'
	run_in_containerd linux/arm/v7 docker.io/both/sensor:latest /usr/bin/sensor --once |
		grep -E "$reading"
	run_in_containerd linux/amd64 docker.io/both/sensor:latest /usr/bin/sensor --once |
		grep -E "$reading"
}

@test "skopeo inspects each platform" {
	need_tool skopeo jq
	skopeo inspect oci-archive:native.tar | jq -e '.Architecture == "amd64" and .Os == "linux"'
	skopeo inspect docker-archive:armhf.tar | jq -e '.Architecture == "arm"'
	skopeo inspect --raw oci-archive:both.tar |
		jq -e '[.manifests[].platform | "\(.os)/\(.architecture)"] |
			sort == ["linux/amd64", "linux/arm"]'
	skopeo --override-arch arm --override-variant v7 inspect --config oci-archive:both.tar |
		jq -e '.architecture == "arm" and .variant == "v7" and .config.Entrypoint == ["/usr/bin/sensor"]'
}

@test "skopeo copies every platform into a layout, digests unchanged" {
	need_tool skopeo jq
	skopeo copy --all oci-archive:both.tar "oci:$BATS_TEST_TMPDIR/layout:both"
	[ "$(skopeo inspect --raw oci-archive:both.tar | sha256sum)" = \
		"$(skopeo inspect --raw "oci:$BATS_TEST_TMPDIR/layout:both" | sha256sum)" ]
}

@test "umoci unpacks it, and the program runs from there" {
	need_root
	need_tool umoci skopeo
	skopeo copy oci-archive:native.tar "oci:$BATS_TEST_TMPDIR/layout:native"
	umoci unpack --image "$BATS_TEST_TMPDIR/layout:native" "$BATS_TEST_TMPDIR/bundle"
	chroot "$BATS_TEST_TMPDIR/bundle/rootfs" /usr/bin/sensor --once | grep -E "$reading"
}

@test "podman loads both" {
	need_root
	need_tool podman
	storage=(--root "$BATS_TEST_TMPDIR/root" --runroot "$BATS_TEST_TMPDIR/run"
		--storage-driver vfs)
	podman "${storage[@]}" load -i native.tar
	podman "${storage[@]}" load -i armhf.tar
	podman "${storage[@]}" images | grep native/sensor
	[ "$(podman "${storage[@]}" image inspect -f '{{.Architecture}}' armhf/sensor:1.2)" = arm ]
}

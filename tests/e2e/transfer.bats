#!/usr/bin/env bats
# imgmin copy between layouts, archives and a real Docker Engine; build --load and --format docker;
# the words for places. What speaks to registries stands in files of its own.
load ../lib/common
load ../lib/engines

bats_require_minimum_version 1.5.0

setup_file() {
	engines_start
	[ -n "$(command -v arm-linux-gnueabihf-gcc)" ] || return 0
	sensor
	cd "$BATS_FILE_TMPDIR"
	"$imgmin" build -q "$sensor_armhf" "$sensor_native" -t user/sensor:1.2 -o both.tar
}

teardown_file() {
	engines_stop
}

setup() {
	need_tool arm-linux-gnueabihf-gcc
	mkdir "$BATS_TEST_TMPDIR/work"
	cd "$BATS_TEST_TMPDIR/work"
	both=$BATS_FILE_TMPDIR/both.tar
	[ -z "${DOCKER_SOCK:-}" ] || export DOCKER_HOST=unix://$DOCKER_SOCK
}

sha() { sha256sum | cut -d' ' -f1; }

@test "archive, layout, archive: the same bytes, and skopeo reads the same digest" {
	need_tool skopeo
	expect 0 "$imgmin" copy "$both" oci:layout
	[[ $output == user/sensor:1.2@sha256:* ]]
	expect 0 "$imgmin" copy oci:layout:1.2 again.tar
	expect 0 "$imgmin" copy again.tar oci:layout2
	diff -r layout layout2
	[ "$(skopeo inspect --raw oci:layout:1.2 | sha)" = "${output#*@sha256:}" ]
	[ "$(skopeo inspect --raw oci-archive:again.tar | sha)" = "${output#*@sha256:}" ]
	expect 0 "$imgmin" check --strict again.tar
}

@test "--platform copies one, and says what there is where there is none" {
	need_tool skopeo jq
	expect 0 "$imgmin" copy --platform linux/arm/v7 "$both" oci:arm:v7
	skopeo inspect --config oci:arm:v7 | jq -e '.architecture == "arm" and .variant == "v7"'
	expect 2 "$imgmin" copy --platform linux/riscv64 "$both" oci:none
	says "linux/arm/v7, linux/amd64"
	[ ! -e none ]
	expect 2 "$imgmin" copy --all --platform linux/arm/v7 "$both" oci:none
}

@test "a damaged layer is not copied" {
	"$imgmin" copy -q "$both" oci:layout
	layer=$(find layout/blobs -size +100k | head -n 1)
	printf x | dd of="$layer" bs=1 seek=500 conv=notrunc status=none
	expect 1 "$imgmin" copy oci:layout out.tar
	says "$(basename "$layer")"
	[ ! -e out.tar ]
	for command in inspect slim; do
		expect 1 env XDG_CACHE_HOME="$PWD/none" "$imgmin" $command oci:layout
		says "$(basename "$layer") is damaged: its digest is "
		says "hint: get or build the image again: $PWD/$layer"
	done
}

@test "an archive is not copied onto itself" {
	cp "$both" x.tar
	ln x.tar y.tar
	for to in x.tar ./x.tar oci-archive:x.tar docker-archive:y.tar; do
		expect 2 "$imgmin" copy ./x.tar "$to"
		says "are the same file"
	done
	cmp x.tar "$both"
}

@test "copy to stdout: the archive there, the digest on stderr" {
	"$imgmin" copy "$both" file.tar
	"$imgmin" copy "$both" - >out.tar 2>err
	cmp file.tar out.tar
	grep -q '^user/sensor:1.2@sha256:' err
}

@test "--format docker: Docker's media types, one image and several" {
	need_tool skopeo jq
	expect 0 "$imgmin" build -q --format docker "$sensor_native" -t d/one -o one.tar
	skopeo inspect --raw oci-archive:one.tar | jq -e '
		.mediaType == "application/vnd.docker.distribution.manifest.v2+json" and
		.config.mediaType == "application/vnd.docker.container.image.v1+json" and
		all(.layers[]; .mediaType == "application/vnd.docker.image.rootfs.diff.tar.gzip")'
	expect 0 "$imgmin" check --strict one.tar
	expect 0 "$imgmin" build -q --format docker "$sensor_armhf" "$sensor_native" -t d/two -o two.tar
	skopeo inspect --raw oci-archive:two.tar | jq -e '
		.mediaType == "application/vnd.docker.distribution.manifest.list.v2+json" and
		all(.manifests[]; .mediaType == "application/vnd.docker.distribution.manifest.v2+json")'
	# The layers are those of the other format.
	"$imgmin" build -q "$sensor_native" -o oci.tar
	[ "$(skopeo inspect --raw oci-archive:one.tar | jq '[.layers[].digest]')" = \
		"$(skopeo inspect --raw oci-archive:oci.tar | jq '[.layers[].digest]')" ]
	expect 2 "$imgmin" build --format docker --compression zstd "$sensor_native"
	expect 2 "$imgmin" build --format docker --annotation a=b "$sensor_native"
}

@test "--push without --tag, and a word that may be a file or an image, are wrong usage" {
	expect 2 "$imgmin" build --push "$sensor_native"
	expect 2 "$imgmin" build "$sensor_native" -o sensor
	says "./sensor"
	expect 2 "$imgmin" copy "$both" dir:x
	[ -z "$(ls)" ]
}

@test "a bare word to write to is asked about, and nothing leaves this machine" {
	expect 2 "$imgmin" copy "$both" newname
	says "newname: a file or an image in a registry?"
	says "a file is ./newname, an image docker://newname"
	expect 2 "$imgmin" pull 127.0.0.1:1/u/s newname
	says "a file is ./newname"
	expect 2 "$imgmin" pull 127.0.0.1:1/u/s user/other:1
	says "a file is ./user/other:1"
	touch newname
	expect 2 "$imgmin" copy "$both" newname
	says "./newname"
	expect 6 "$imgmin" copy --retry 0 "$both" 127.0.0.1:1/u/s
	[ ! -s newname ]
}

@test "SRC and REF the wrong way round: said, not sent" {
	touch there
	for ref in out.tar ./out there; do
		expect 2 "$imgmin" push 127.0.0.1:1/u/s "$ref"
		says "$ref: a file, where the name of an image in a registry goes"
		says "SRC comes first, then REF"
		expect 2 "$imgmin" index create "$ref" 127.0.0.1:1/u/s
		says "REF comes first, then the IMAGEs"
	done
}

@test "an error names its image once" {
	for args in "index create 127.0.0.1:1/a/b ./none.tar" "push ./none.tar 127.0.0.1:1/a/b"; do
		run --separate-stderr "$imgmin" $args
		[ "${stderr_lines[0]}" = "imgmin: error: ./none.tar: No such file or directory" ]
	done
	run --separate-stderr "$imgmin" index create --retry 0 127.0.0.1:1/a/b 127.0.0.1:1/a/c
	[ "$status" = 6 ]
	[[ ${stderr_lines[0]} == "imgmin: error: 127.0.0.1:1/a/c"* ]]
	[ "$(grep -o /a/c <<<"${stderr_lines[0]}" | wc -l)" = 1 ]
	expect 2 "$imgmin" inspect docker://u/Dev
	says "imgmin: error: image name 'u/Dev': its path holds a capital letter"
	expect 2 "$imgmin" inspect docker://joe:s3cret@u.example/x
	[[ $stderr != *s3cret* ]]
}

@test "build --load, and it runs; no file is written" {
	need_engines
	expect 0 "$imgmin" build "$sensor_native" --load -t load/one:1 -t load/two
	[ -z "$(ls)" ]
	run_in_docker load/one:1 --once | grep -q lux
	[ "$(docker image inspect -f '{{.Id}}' load/one:1)" = \
		"$(docker image inspect -f '{{.Id}}' load/two:latest)" ]
}

@test "of several platforms the engine gets its own" {
	need_engines
	expect 0 "$imgmin" build -q "$sensor_armhf" "$sensor_native" --load -t load/both
	[ "$(docker image inspect -f '{{.Architecture}}' load/both)" = amd64 ]
	not_there=$(docker images -q load/both:latest-amd64)
	[ -z "$not_there" ]
	expect 0 "$imgmin" copy "$both" docker-daemon:load/copied:3
	[ "$(docker image inspect -f '{{.Architecture}}' load/copied:3)" = amd64 ]
	expect 0 "$imgmin" copy --platform linux/arm/v7 "$both" docker-daemon:load/arm
	[ "$(docker image inspect -f '{{.Architecture}}' load/arm)" = arm ]
}

@test "docker-daemon: is read, too" {
	need_engines
	"$imgmin" build -q "$sensor_native" --load -t load/back:7
	expect 0 "$imgmin" copy docker-daemon:load/back:7 back.tar
	[[ $output == load/back:7@sha256:* ]]
	expect 0 "$imgmin" check --strict back.tar
	expect 0 "$imgmin" inspect docker-daemon:load/back:7
	expect 1 "$imgmin" copy docker-daemon:load/none out.tar
	says "load/none"
	[ ! -e out.tar ]
}

@test "an image in Docker's own types is loaded" {
	need_engines
	expect 0 "$imgmin" build -q --format docker "$sensor_native" --load -t load/docker
	run_in_docker load/docker --once | grep -q lux
}

@test "a load that breaks off leaves no image" {
	need_engines
	"$imgmin" build -q "$sensor_native" -o oci:layout
	layer=$(find layout/blobs -size +100k | head -n 1)
	printf x | dd of="$layer" bs=1 seek=500 conv=notrunc status=none
	expect 1 "$imgmin" copy oci:layout docker-daemon:load/broken
	says "$(basename "$layer")"
	[ -z "$(docker images -q load/broken)" ]
}

@test "no engine: exit 6, and where it was sought" {
	DOCKER_HOST=unix://$PWD/none expect 6 "$imgmin" build -q "$sensor_native" --load
	says "$PWD/none"
	DOCKER_HOST=tcp://127.0.0.1:1 expect 6 "$imgmin" copy "$both" docker-daemon:
	DOCKER_HOST=ssh://host expect 2 "$imgmin" copy "$both" docker-daemon:
}

#!/usr/bin/env bats
# imgmin check --target: what a device or an engine cannot take, by whose fault it is and what to do.
# shellcheck disable=SC2016,SC2154
load ../lib/common
load ../lib/images

setup_file() {
	need_tool arm-linux-gnueabihf-gcc arm-linux-gnueabi-gcc aarch64-linux-gnu-gcc
	programs
	cd "$BATS_FILE_TMPDIR"
	aarch64-linux-gnu-gcc -O1 -o hello-arm64 hello.c -lm
	aarch64-linux-gnu-gcc -O1 -Wl,-z,max-page-size=4096 -o hello-4k hello.c -lm
	arm-linux-gnueabi-gcc -O1 -o hello-armel hello.c -lm
	arm-linux-gnueabihf-gcc -O1 -Wl,-z,max-page-size=65536 -static -o hello-arm-64k hello.c -lm
	arm-linux-gnueabi-gcc -march=armv6 -O1 -o hello-v6 hello.c -lm
	# v5 and v6 of one ABI would share an image.
	"$imgmin" build -q ./hello ./hello-armel ./hello-arm ./hello-arm64 -o oci:five.d
	"$imgmin" build -q ./hello-v6 -o oci:v6.d
	cp -n v6.d/blobs/sha256/* five.d/blobs/sha256/
	reindex five.d 'manifests[1:1] = json.load(open("v6.d/index.json"))["manifests"]
manifests[1]["platform"] = {"os": "linux", "architecture": "arm", "variant": "v6"}'
}

setup() {
	cd "$BATS_TEST_TMPDIR"
	here=$BATS_FILE_TMPDIR
}

# hint_is TEXT: what the last command of expect advises.
hint_is() {
	says "hint: $1"
}

# reindex DIR CODE: an index of the layout's manifests, after CODE changed their list.
reindex() {
	python3 - "$@" <<-'END'
		import hashlib, json, sys
		where, code = sys.argv[1:]
		index_type = "application/vnd.oci.image.index.v1+json"
		blob = where + "/blobs/sha256/"
		manifests = json.load(open(where + "/index.json"))["manifests"]
		if manifests[0]["mediaType"] == index_type:
		    manifests = json.load(open(blob + manifests[0]["digest"][7:]))["manifests"]
		exec(code)
		data = json.dumps({"schemaVersion": 2, "mediaType": index_type,
		    "manifests": manifests}).encode()
		digest = hashlib.sha256(data).hexdigest()
		open(blob + digest, "wb").write(data)
		json.dump({"schemaVersion": 2, "manifests": [{"mediaType": index_type,
		    "digest": "sha256:" + digest, "size": len(data)}]}, open(where + "/index.json", "w"))
	END
}

@test "five platforms are sound, and each target takes what is its own" {
	expect 0 "$imgmin" check --strict "$here/five.d"
	prints "5 platforms"
	for target in pi-zero pi1 pi-zero-2 pi2 pi3 pi4 pi5 balena docker-20 containerd-1.4 k3s-1.21; do
		expect 0 "$imgmin" check --target $target "$here/five.d"
	done
}

@test "a target nobody knows is wrong usage; the known ones are named" {
	expect 2 "$imgmin" check --target pi9 "$here/five.d"
	says "--target pi9: no such target"
	hint_is "there are pi-zero, pi1, pi-zero-2, pi2, pi3, pi4, pi5, balena, docker-18, "
}

@test "a v7 program in an image that says v6 would not start" {
	"$imgmin" build -q "$here/hello-arm" -o oci:d
	image edit d 'config["variant"] = "v6"; index["manifests"][0]["platform"]["variant"] = "v6"'
	expect 3 "$imgmin" check --target pi-zero ./d
	prints "error: linux/arm/v6: "
	prints "/usr/bin/hello-arm"
	prints "Illegal instruction"
	says "would not start"
}

@test "an image that holds nothing for a device" {
	"$imgmin" build -q "$here/hello" "$here/hello-arm" -o oci:d
	expect 4 "$imgmin" check --target pi-zero ./d
	prints "error: index: no image for a Pi Zero or Pi 1, which runs linux/arm/v6"
	hint_is "it holds linux/arm/v7, linux/amd64; build it for linux/arm/v6 as well"
	expect 0 "$imgmin" check --target pi2 ./d
	"$imgmin" build -q "$here/hello-arm" -o one.tar
	expect 4 "$imgmin" check --target pi-zero ./one.tar
	prints "error: image: no image for a Pi Zero or Pi 1"
	expect 0 "$imgmin" check --target pi4 ./one.tar
	"$imgmin" build -q "$here/hello-arm64" -o two.tar
	expect 4 "$imgmin" check --target pi2 ./two.tar
	expect 4 "$imgmin" check -q --target pi-zero --target pi2 --target pi3 ./two.tar
	says "(and 1 more)"
}

@test "--platform that nothing in the image is for" {
	expect 4 "$imgmin" check --platform linux/riscv64 "$here/five.d"
	prints "error: index: no image for linux/riscv64"
	hint_is "it holds linux/arm/v5, linux/arm/v6, linux/arm/v7, linux/arm64, linux/amd64"
	expect 2 "$imgmin" check --platform linux/pdp11 "$here/five.d"
}

@test "a library missing in one of five platforms" {
	cp -a "$here/five.d" d
	image edit d 'manifest["layers"].pop(1); config["rootfs"]["diff_ids"].pop(1)'
	expect 3 "$imgmin" check ./d
	prints "error: linux/arm/v5: "
	prints_not "error: linux/arm/v7"
	prints_not "error: linux/amd64"
	prints "5 platforms"
	says "would not start: linux/arm/v5: "
	says "libm.so.6"
	# The same where a target has nothing against it.
	expect 3 "$imgmin" check --target pi5 ./d
}

@test "zstd, for engines that cannot read it" {
	"$imgmin" build -q --compression zstd "$here/hello-arm" -o oci:d
	for target in balena docker-18 docker-19 docker-20 containerd-1.4; do
		expect 4 "$imgmin" check -v --target $target ./d
		prints "error: linux/arm/v7: layer 2 is zstd, which "
		prints "  hint: build with --compression gzip"
	done
	expect 4 "$imgmin" check --target balena ./d
	prints "layer 2 is zstd, which balena-engine cannot read"
	says "layer 0 is zstd, which balena-engine cannot read (and 2 more)"
	hint_is "build with --compression gzip"
	expect 0 "$imgmin" check --target pi4 ./d
	"$imgmin" build -q --compression gzip "$here/hello-arm" -o oci:e
	expect 0 "$imgmin" check --target balena --target pi4 ./e
}

@test "an engine beside a device is asked about that device's image alone" {
	"$imgmin" build -q "$here/hello-arm" -o oci:d
	"$imgmin" build -q --compression zstd "$here/hello" -o oci:e
	cp -n e/blobs/sha256/* d/blobs/sha256/
	reindex d 'manifests += json.load(open("e/index.json"))["manifests"]
manifests[0]["platform"] = {"os": "linux", "architecture": "arm", "variant": "v7"}
manifests[1]["platform"] = {"os": "linux", "architecture": "amd64"}'
	expect 4 "$imgmin" check --target balena ./d
	prints "error: linux/amd64: layer 0 is zstd"
	expect 0 "$imgmin" check --target balena --target pi2 ./d
}

@test "pages of 4 KiB, for a Pi 5" {
	"$imgmin" build -q "$here/hello-4k" -o oci:d
	expect 4 "$imgmin" check --target pi5 ./d
	prints "error: linux/arm64: /usr/bin/hello-4k: its segments are aligned to 4096 bytes, a Pi 5 has pages of 16384"
	prints ": 1 error, 0 warnings"
	hint_is "link it with -Wl,-z,max-page-size=16384, or keep larger pages with imgmin build --page-size 16K, or put kernel=kernel8.img into the Pi's config.txt"
	expect 0 "$imgmin" check --target pi4 ./d
	expect 0 "$imgmin" check --strict ./d
	# A file that nothing in the image asks for may be loaded all the same.
	"$imgmin" build -q "$here/hello-arm64" --add "$here/hello-4k:/opt/plugin.so" -o oci:e
	expect 4 "$imgmin" check --target pi5 ./e
	prints "error: linux/arm64: /opt/plugin.so: "
}

@test "an offset that does not fit its address where pages are larger" {
	cp "$here/hello-4k" odd
	# The alignment says 16 KiB, the places in the file are still those of 4 KiB.
	python3 - odd <<-'END'
		import struct, sys
		data = bytearray(open(sys.argv[1], "rb").read())
		phoff, = struct.unpack_from("<Q", data, 32)
		size, count = struct.unpack_from("<HH", data, 54)
		for i in range(count):
		    at = phoff + i * size
		    if struct.unpack_from("<I", data, at)[0] == 1:
		        struct.pack_into("<Q", data, at + 48, 16384)
		        offset, vaddr = struct.unpack_from("<QQ", data, at + 8)
		        if vaddr and (offset - vaddr) % 16384 == 0:
		            struct.pack_into("<QQ", data, at + 16, vaddr + 4096, vaddr + 4096)
		open(sys.argv[1], "wb").write(data)
	END
	mkdir -p t/opt && cp odd t/opt/odd
	image pack p -a arm64 t
	expect 4 "$imgmin" check --target pi5 ./p
	prints "error: linux/arm64: /opt/odd: the segment at 0x"
	prints "which does not fit a Pi 5 with its pages of 16384 bytes"
}

@test "32-bit programs on a Pi 5, where it would run them" {
	# It takes the arm64 image of the two.
	"$imgmin" build -q "$here/hello-arm" "$here/hello-arm64" -o oci:both
	expect 0 "$imgmin" check --target pi5 ./both
	"$imgmin" build -q "$here/hello-arm" -o oci:d
	expect 4 "$imgmin" check --target pi5 ./d
	prints "error: linux/arm/v7: /usr/bin/hello-arm: its segments are aligned to 4096 bytes"
	hint_is "build it for linux/arm64, or keep larger pages with imgmin build --page-size 16K, or put kernel=kernel8.img into the Pi's config.txt"
	expect 4 "$imgmin" check --target pi5 --platform linux/arm/v7 ./both
	"$imgmin" build -q "$here/hello-arm-64k" --page-size 16K -o oci:e
	expect 0 "$imgmin" check --target pi5 ./e
}

@test "the order of the index, where engines take the first ARM image" {
	"$imgmin" build -q "$here/hello-arm" "$here/hello-armel" "$here/hello" -o oci:d -t d
	expect 0 "$imgmin" check --target balena --target containerd-1.4 ./d
	reindex d 'manifests.reverse()'
	for target in balena docker-18 docker-19 containerd-1.4; do
		expect 4 "$imgmin" check --target $target ./d
		prints "error: index: linux/arm/v7 stands before linux/arm/v5, and "
		prints " gives any ARM device the first one"
	done
	hint_is "order them v5, v6, v7, as imgmin build and imgmin index create do"
	expect 0 "$imgmin" check --target docker-20 ./d
	expect 0 "$imgmin" check --target pi-zero ./d
}

@test "media types that Docker 18 does not know" {
	expect 4 "$imgmin" check --target docker-18 "$here/five.d"
	prints "error: index: its media types are OCI's, which Docker 18 cannot pull"
	hint_is "build with --format docker"
	"$imgmin" build -q --format docker "$here/hello" "$here/hello-arm" -o docker.tar
	expect 0 "$imgmin" check --target docker-18 --target docker-19 ./docker.tar
	expect 0 "$imgmin" check --target balena "$here/five.d"
}

@test "more layers than Docker stacks" {
	tree tree
	mkdir -p more/opt
	echo x >more/opt/x
	image pack i tree $(yes more | head -n 125) 'config["config"]["Entrypoint"] = ["/usr/bin/hello"]'
	expect 4 "$imgmin" check --target balena ./i
	prints "error: linux/amd64: it has 126 layers, balena-engine takes 125 at most"
	expect 0 "$imgmin" check --target containerd-1.4 ./i
	image pack j tree $(yes more | head -n 124) 'config["config"]["Entrypoint"] = ["/usr/bin/hello"]'
	expect 0 "$imgmin" check --target balena ./j
}

@test "damage comes before what would not start, and that before a target's no" {
	"$imgmin" build -q "$here/hello-4k" -o oci:d
	image edit d 'config["config"]["Entrypoint"] = ["/usr/bin/nothing"]'
	expect 3 "$imgmin" check --target pi5 --strict ./d
	prints "/usr/bin/hello-4k: its segments are aligned to 4096 bytes"
	says "/usr/bin/nothing"
	image edit d 'config["rootfs"]["diff_ids"][2] = "sha256:" + 64 * "0"'
	expect 1 "$imgmin" check --target pi5 --strict ./d
	says "layer 2: its diff_id is sha256:"
	prints "/usr/bin/nothing"
}

@test "what is wrong with an image is told with what to do about the image" {
	mkdir -p t/usr/bin t/opt
	tree t
	starts() { # PROGRAM STATUS HINT
		image pack i t "config['config']['Entrypoint'] = ['$1']"
		expect "$2" "$imgmin" check ./i
		hint_is "$3"
	}
	starts /usr/bin/nothing 3 "put it into the image, or name a program that is there as the entrypoint"
	starts nothing 3 "put it into the image, or name a program"
	starts /usr/bin 3 "name a program as the entrypoint"
	cp "$here/hello" t/opt/x
	chmod 644 t/opt/x
	starts /opt/x 3 "make it executable (chmod 755) before it goes into the image"
	echo text >t/opt/text
	chmod 755 t/opt/text
	starts /opt/text 3 "a script begins with #! and its interpreter, such as #!/bin/sh"
	printf '#!/bin/sh\n' >t/opt/script
	chmod 755 t/opt/script
	starts /opt/script 3 "put this interpreter into the image as well"
	find t -name 'libm.so*' -delete
	starts /usr/bin/hello 3 "put it into the image where the loader looks for it: -v lists the places"
	find t -name 'ld-linux*' -delete
	starts /usr/bin/hello 3 "put this loader into the image, or link the program statically"
	# Of another machine, which says more than the libraries it lacks.
	cp "$here/hello-arm" t/usr/bin/hello
	starts /usr/bin/hello 3 "put a program of that platform into the image"
	says "is for linux/arm/v7, asked for was linux/amd64"
	cp -a "$here/v6.d" d
	image edit d 'config["rootfs"]["diff_ids"][0] = "sha256:" + 64 * "0"'
	expect 1 "$imgmin" check ./d
	hint_is "build the image again"
	rm -r d && cp -a "$here/v6.d" d
	flip "$(image blob d 0)"
	expect 1 "$imgmin" check ./d
	hint_is "get or build the image again"
}

@test "every finding has its hint with -v" {
	"$imgmin" build -q --compression zstd "$here/hello-4k" -o oci:d
	expect 4 "$imgmin" check -v --target pi5 --target balena ./d
	prints "  hint: link it with -Wl,-z,max-page-size=16384"
	prints "  hint: build with --compression gzip"
	expect 4 "$imgmin" check --target pi5 --target balena ./d
	prints_not "hint:"
}

@test "programs that are no image yet" {
	expect 0 "$imgmin" check --target pi2 --target balena "$here/hello-arm"
	expect 4 "$imgmin" check --target pi-zero "$here/hello-arm"
	prints "error: linux/arm/v7: it needs linux/arm/v7, a Pi Zero or Pi 1 runs linux/arm/v6"
	hint_is "build it for linux/arm/v6, with libraries made for it"
	expect 0 "$imgmin" check --target pi-zero "$here/hello-armel"
	expect 0 "$imgmin" check --target pi5 "$here/hello-arm64"
	expect 4 "$imgmin" check --target pi5 "$here/hello-4k"
	prints "/hello-4k: its segments are aligned to 4096 bytes"
	expect 4 "$imgmin" check --target pi5 "$here/hello"
	prints "it needs linux/amd64, a Pi 5 runs linux/arm64 or linux/arm/v8"
}

@test "a budget for each platform's layers" {
	size=$(($(stat -c %s "$here"/v6.d/blobs/sha256/* | sort -n | tail -n 3 | paste -sd+)))
	expect 0 "$imgmin" check --max-size "$size" "$here/v6.d"
	expect 4 "$imgmin" check --max-size $((size - 1)) "$here/v6.d"
	prints "error: linux/arm/v6: its layers have $size bytes, --max-size allows $((size - 1))"
	expect 4 "$imgmin" check --max-size 100kB "$here/five.d"
	for platform in linux/arm/v5 linux/arm/v6 linux/arm/v7 linux/arm64 linux/amd64; do
		prints "error: $platform: its layers have "
	done
	hint_is "its largest files are /lib/libc.so.6 "
	says ", /usr/bin/hello-"
	expect 0 "$imgmin" check --max-size 10MiB "$here/five.d"
	expect 2 "$imgmin" check --max-size much "$here/five.d"
}

@test "a build above its budget writes nothing" {
	expect 4 "$imgmin" build -q --max-size 100kB "$here/hello" "$here/hello-arm" -o both.tar -o oci:both.d --digestfile digest
	[ ! -e both.tar ] && [ ! -e both.d ] && [ ! -e digest ]
	says ": its layers have "
	says ", --max-size allows 100 kB"
	hint_is "its largest files are "
	says "/libc.so.6 "
	expect 0 "$imgmin" build -q --max-size 10MB "$here/hello" -o one.tar
	expect 0 "$imgmin" check --max-size 10MB ./one.tar
	expect 4 "$imgmin" slim -q --max-size 100kB ./one.tar -o small.tar
	[ ! -e small.tar ]
	expect 2 "$imgmin" build --max-size -1 "$here/hello"
}

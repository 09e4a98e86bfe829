#!/usr/bin/env bats
# imgmin check: images that are sound, images damaged in every part, programs that would not start.
# shellcheck disable=SC2016,SC2154
load ../lib/common
load ../lib/images

setup_file() {
	programs
	cd "$BATS_FILE_TMPDIR"
	"$imgmin" build -q hello -t hello -o hello.tar -o oci:hello.d
	tree tree
}

setup() {
	cd "$BATS_TEST_TMPDIR"
	here=$BATS_FILE_TMPDIR
}

# one CODE [TREE...]: an image in ./i of the shared tree (and others above it), its config by CODE.
one() {
	local code=$1
	shift
	image pack i "$here/tree" "$@" "$code"
}
starts='config["config"]["Entrypoint"] = ["/usr/bin/hello"]'

@test "what imgmin build made is sound, as archive and as layout" {
	for place in "$here/hello.tar" "oci-archive:$here/hello.tar" "$here/hello.d" "oci:$here/hello.d:latest"; do
		expect 0 "$imgmin" check --strict "$place"
		[[ $output == "$place: 1 platform, 3 layers, 1 program, 3 libraries: 0 errors, 0 warnings" ]]
		[ -z "$stderr" ]
		expect 0 "$imgmin" check -q "$place"
		[ -z "$output" ]
	done
}

@test "several platforms, and one of them" {
	need_tool arm-linux-gnueabihf-gcc
	"$imgmin" build -q "$here/hello" "$here/hello-arm" -o both.tar
	expect 0 "$imgmin" check --strict ./both.tar
	prints "2 platforms, 6 layers, 2 programs, 6 libraries"
	expect 0 "$imgmin" check --platform linux/arm/v8 ./both.tar
	prints "1 platform, 3 layers, 1 program, 3 libraries"
	expect 4 "$imgmin" check --platform linux/arm/v6 ./both.tar
	says "no image for linux/arm/v6"
	says "hint: it holds linux/arm/v7, linux/amd64"
}

@test "a byte flipped in any blob is damage, and the blob is named" {
	for what in 0 1 2 config manifest; do
		cp -a "$here/hello.d" "d$what"
		blob=$(image blob "d$what" $what)
		flip "$blob"
		expect 1 "$imgmin" check "./d$what"
		prints "error: linux/amd64: "
		prints "$(basename "$blob") is damaged: its digest is "
		prints ": 1 error, "
		says "is damaged: "
	done
}

@test "all that is damaged is listed, not only the first" {
	cp -a "$here/hello.d" d
	flip "$(image blob d 0)"
	truncate -s -9 "$(image blob d 2)"
	expect 1 "$imgmin" check ./d
	prints "error: linux/amd64: layer 0: "
	prints "error: linux/amd64: layer 2: "
	prints ": 2 errors, "
	says "(and 1 more)"
}

@test "a blob that is cut short, too long or gone" {
	for how in "truncate -s -1" "truncate -s +1" rm; do
		rm -rf d && cp -a "$here/hello.d" d
		$how "$(image blob d 1)"
		expect 1 "$imgmin" check ./d
		prints "error: linux/amd64: layer 1: "
	done
}

@test "a wrong size, a wrong diff_id, a missing one" {
	cp -a "$here/hello.d" d
	image edit d 'manifest["layers"][1]["size"] += 1'
	expect 1 "$imgmin" check ./d
	prints "its descriptor says"
	rm -r d && cp -a "$here/hello.d" d
	image edit d 'config["rootfs"]["diff_ids"][2] = "sha256:" + 64 * "0"'
	expect 1 "$imgmin" check ./d
	prints "error: linux/amd64: layer 2: its diff_id is sha256:"
	prints "1 program, 3 libraries: 1 error" # the inside is looked at all the same
	image edit d 'config["rootfs"]["diff_ids"].pop()'
	expect 1 "$imgmin" check ./d
	prints "the manifest has 3 layers, the config 2 diff_ids"
}

@test "a layer with the right digest that is no whole tar or gzip" {
	tar=$(image blob "$here/hello.d" 2)
	for n in 100 1000; do
		rm -rf d && cp -a "$here/hello.d" d
		head -c $n "$tar" >cut
		cp cut "d/blobs/sha256/$(sha256sum cut | cut -d' ' -f1)"
		image edit d "manifest['layers'][2].update(digest='sha256:$(sha256sum cut | cut -d' ' -f1)', size=$n)"
		expect 1 "$imgmin" check ./d
		prints "error: linux/amd64: layer 2: "
	done
}

@test "index and config that disagree" {
	cp -a "$here/hello.d" d
	image edit d 'index["manifests"][0]["platform"] = {"os": "linux", "architecture": "arm64"}'
	expect 1 "$imgmin" check ./d
	prints "error: linux/arm64: its architecture is arm64 in the index, but amd64 in its config"
	prints "error: linux/arm64: "
	prints "is for linux/amd64, asked for was linux/arm64"
}

@test "a platform twice in an index" {
	need_tool arm-linux-gnueabihf-gcc
	"$imgmin" build -q "$here/hello" "$here/hello-arm" -o oci:d
	image edit d 'import copy
m = copy.deepcopy(index["manifests"][1]); index["manifests"].append(m)'
	expect 0 "$imgmin" check ./d
	prints "warning: linux/amd64: the index holds it more than once"
	expect 4 "$imgmin" check --strict ./d
	says "--strict allows no warning"
}

@test "an ARM variant that the config leaves out is a warning, another one is damage" {
	need_tool arm-linux-gnueabihf-gcc
	"$imgmin" build -q "$here/hello-arm" -o oci:d
	image edit d 'del config["variant"]'
	expect 0 "$imgmin" check ./d
	prints "warning: linux/arm/v7: the config does not say which ARM variant"
	image edit d 'config["variant"] = "v6"; index["manifests"][0]["platform"]["variant"] = "v6"'
	expect 3 "$imgmin" check ./d
	prints "error: linux/arm/v6: "
	prints "Illegal instruction"
	image edit d 'config["variant"] = "v7"'
	expect 1 "$imgmin" check ./d
	prints "its variant is v6 in the index, but v7 in its config"
}

@test "a program of another machine" {
	need_tool arm-linux-gnueabihf-gcc
	cp -a "$here/tree" t
	cp "$here/hello-arm" t/usr/bin/hello
	image pack i t "$starts"
	expect 3 "$imgmin" check ./i
	prints "error: linux/amd64: "
	prints "exec format error"
}

@test "an entrypoint that is not there, not executable, a directory, no program" {
	one 'config["config"]["Entrypoint"] = ["/usr/bin/nothing"]'
	expect 3 "$imgmin" check ./i
	prints "error: linux/amd64: /usr/bin/nothing (the program): No such file or directory"
	says "would not start"
	one 'config["config"]["Entrypoint"] = ["/usr/bin"]'
	expect 3 "$imgmin" check ./i
	prints "/usr/bin (the program): a directory"
	mkdir -p t/opt && echo text >t/opt/text && chmod 644 t/opt/text
	one 'config["config"]["Cmd"] = ["/opt/text"]' t
	expect 3 "$imgmin" check ./i
	prints "/opt/text (the program): not executable"
	chmod 755 t/opt/text
	one 'config["config"]["Cmd"] = ["/opt/text"]' t
	expect 3 "$imgmin" check ./i
	prints "/opt/text (the program): neither an ELF program nor a script"
}

@test "words without a slash are looked for in the image's PATH, relative ones in its directory" {
	one 'config["config"]["Cmd"] = ["hello"]'
	expect 0 "$imgmin" check --strict ./i
	one 'config["config"].update(Cmd=["hello"], Env=["PATH=/bin:/opt"])'
	expect 3 "$imgmin" check ./i
	prints "hello (the program): not found in PATH (/bin:/opt)"
	one 'config["config"].update(Cmd=["bin/hello"], WorkingDir="/usr")'
	expect 0 "$imgmin" check --strict ./i
	one 'config["config"].update(Cmd=["./bin/hello"])'
	expect 3 "$imgmin" check ./i
}

@test "a library that the image lacks; every place that was searched with -v" {
	cp -a "$here/tree" t
	find t -name 'libm.so*' -delete
	image pack i t "$starts"
	expect 3 "$imgmin" check ./i
	prints "error: linux/amd64: "
	prints libm.so.6
	prints_not "  searched"
	expect 3 "$imgmin" check -v ./i
	prints "  searched oci:./i/lib/"
}

@test "the loader itself is missing; a symbol version is missing" {
	cp -a "$here/tree" t
	find t -name 'ld-linux*' -delete
	image pack i t "$starts"
	expect 3 "$imgmin" check ./i
	prints "the interpreter "
	cp -a "$here/tree" u
	echo 'double other(double x) { return x; }' >m.c
	cc -shared -fpic -Wl,-soname,libm.so.6 -o "$(find u -name libm.so.6)" m.c \
		-Wl,--version-script=<(echo 'OTHER_1 { other; };')
	image pack j u "$starts"
	expect 3 "$imgmin" check ./j
	prints GLIBC_2.
}

@test "LD_LIBRARY_PATH of the image's Env is searched" {
	cp -a "$here/tree" t
	mkdir -p t/opt/lib
	mv "$(find t -name libm.so.6)" t/opt/lib/
	image pack i t "$starts"
	expect 3 "$imgmin" check ./i
	image edit i 'config["config"]["Env"] = ["LD_LIBRARY_PATH=/nowhere:/opt/lib"]'
	expect 0 "$imgmin" check --strict ./i
}

@test "a library that only ld.so.conf names is not found on the device" {
	cp -a "$here/tree" t
	mkdir -p t/opt/lib
	mv "$(find t -name libm.so.6)" t/opt/lib/
	echo /opt/lib >t/etc/ld.so.conf
	image pack i t "$starts"
	expect 3 "$imgmin" check ./i
	prints "libm.so.6 is in /opt/lib/libm.so.6, which only /etc/ld.so.conf names"
}

@test "scripts need their interpreters, also through env" {
	mkdir -p t/opt
	printf '#!/bin/sh\nexec hello\n' >t/opt/a
	printf '#! /usr/bin/env -S python3 -u\n' >t/opt/b
	printf '#!/usr/bin/hello -x\r\n' >t/opt/c
	printf '#!/usr/bin/hello\r\n' >t/opt/d
	printf '#!/opt/f' >t/opt/e
	printf '#!/usr/bin/hello' >t/opt/f
	printf '#!/opt/g' >t/opt/g
	chmod 755 t/opt/*
	expect_of() { # STATUS SCRIPT TEXT
		one "config['config']['Entrypoint'] = ['/opt/$2']" t
		expect "$1" "$imgmin" check ./i
		prints "$3"
	}
	expect_of 3 a "error: linux/amd64: /bin/sh (runs a): No such file or directory"
	expect_of 3 b "/usr/bin/env (runs b): "
	expect_of 3 b "python3 (runs b): not found in PATH"
	expect_of 0 c "2 programs"
	expect_of 3 d '/usr/bin/hello\x0d (runs d): '
	says "line ends of Windows"
	expect_of 0 e "3 programs, 3 libraries"
	expect_of 3 g "/opt/g (the program): its interpreter is a script" # the kernel says ELOOP
}

@test "a wrapper's program is looked at too" {
	mkdir -p t/opt
	cc -static -O1 -o t/opt/init "$here/hello.c" -lm
	cp "$here/hello" t/opt/app
	image pack i t 'config["config"].update(Entrypoint=["/opt/init", "--"], Cmd=["/opt/app"])'
	expect 3 "$imgmin" check ./i
	prints "2 programs"
	prints "interpreter"
}

@test "users: known ones, and whether they may" {
	mkdir -p t/etc && echo 'app:x:1000:1000::/:' >t/etc/passwd
	one "$starts; config['config']['User'] = 'app'" t
	expect 0 "$imgmin" check --strict ./i
	image edit i 'config["config"]["User"] = "nobody:games"'
	expect 3 "$imgmin" check ./i
	prints 'the user "nobody" is not in the image'
	prints 'the group "games" is not in the image'
	image edit i 'config["config"]["User"] = "1000:1000"'
	expect 0 "$imgmin" check --strict ./i
	cp -a "$here/tree" u
	chmod 700 u/usr/bin/hello
	chmod 600 "$(find u -name libm.so.6)"
	image pack j u "$starts; config['config']['User'] = '1000'"
	expect 3 "$imgmin" check ./j
	prints "user 1000 may not execute /usr/bin/hello (mode 0700)"
	prints "libm.so.6 (mode 0600)"
	chmod 700 u/usr
	image pack k u "$starts; config['config']['User'] = '1000'"
	expect 3 "$imgmin" check ./k
	prints "user 1000 may not pass the directory /usr (mode 0700)"
}

@test "neither entrypoint nor command is a warning" {
	one ''
	expect 0 "$imgmin" check ./i
	prints "warning: linux/amd64: has neither an entrypoint nor a command"
	expect 4 "$imgmin" check --strict ./i
}

@test "attestations and other artifacts are hashed, not started" {
	need_tool arm-linux-gnueabihf-gcc
	"$imgmin" build -q "$here/hello" "$here/hello-arm" -o oci:d
	image edit d 'import copy
m = put_json({"schemaVersion": 2, "mediaType": manifest["mediaType"],
	"config": dict(put_json({"x": 1}), mediaType="application/vnd.oci.image.config.v1+json"),
	"layers": [dict(put_json({"proof": 1}), mediaType="application/vnd.in-toto+json")]})
index["manifests"].append(dict(m, mediaType=manifest["mediaType"],
	platform={"os": "unknown", "architecture": "unknown"}))'
	expect 0 "$imgmin" check --strict ./d
	prints "2 platforms, 6 layers"
	flip "$(grep -l proof d/blobs/sha256/* | head -n 1)"
	expect 1 "$imgmin" check ./d
}

@test "members nobody knows are no trouble" {
	one "$starts; config['later'] = {'a': [1]}; config['config']['Later'] = 2; manifest['later'] = None"
	image edit i 'index["later"] = 1; index["manifests"][0]["later"] = {}'
	expect 0 "$imgmin" check --strict ./i
}

@test "a program of this machine, of a sysroot, with a library path" {
	expect 0 "$imgmin" check --strict "$here/hello"
	[[ $output == "$here/hello: 1 program, 3 libraries: 0 errors, 0 warnings" ]]
	mkdir -p lib
	echo 'int x(void) { return 1; }' >x.c
	echo 'int x(void); int main(void) { return x(); }' >y.c
	cc -shared -fpic -Wl,-soname,libx.so -o lib/libx.so x.c
	cc -o y y.c lib/libx.so
	expect 3 "$imgmin" check ./y
	prints "error: linux/amd64: "
	prints libx.so
	expect 0 "$imgmin" check --library-path lib ./y
	expect 3 "$imgmin" check --sysroot "$here/tree" ./y
	expect 0 "$imgmin" check --sysroot "$here/tree" --library-path lib ./y
	expect 3 "$imgmin" check --platform linux/arm/v7 ./y
	prints "exec format error"
}

@test "what cannot be looked at at all" {
	expect 1 "$imgmin" check ./nothing.tar
	says "./nothing.tar: No such file or directory"
	echo text >text.tar
	expect 1 "$imgmin" check ./text.tar
	says "no image archive or OCI layout"
	expect 2 "$imgmin" check --sysroot / "$here/hello.tar"
	says "is an image, no program"
	expect 2 "$imgmin" check --platform linux/pdp11 "$here/hello.tar"
}

@test "images of buildah and skopeo, in their formats" {
	need_root
	need_tool buildah skopeo
	export STORAGE_DRIVER=vfs
	store=(--root "$BATS_TEST_TMPDIR/store" --runroot "$BATS_TEST_TMPDIR/run")
	c=$(buildah "${store[@]}" from scratch)
	buildah "${store[@]}" copy -q "$c" "$here/tree" /
	buildah "${store[@]}" config --entrypoint '["/usr/bin/hello"]' --env A=B --label x=y --port 80 "$c"
	buildah "${store[@]}" commit -q "$c" new
	buildah "${store[@]}" push -q new "docker-archive:$PWD/docker.tar:x/new:1"
	buildah "${store[@]}" push -q new "oci-archive:$PWD/oci.tar:1"
	skopeo copy -q --dest-compress-format zstd "oci-archive:$PWD/oci.tar:1" "oci:$PWD/zstd:1"
	skopeo copy -q --format v2s2 "oci-archive:$PWD/oci.tar:1" "oci-archive:$PWD/v2s2.tar"
	for place in ./docker.tar docker-archive:docker.tar:x/new:1 ./oci.tar ./zstd ./v2s2.tar; do
		expect 0 "$imgmin" check --strict "$place"
		prints "1 platform, 1 layer, 1 program, 3 libraries"
	done
}

@test "what LD_PRELOAD in the image's env names is looked for; what is not there is a warning" {
	mkdir -p lib
	echo 'int never(void); int f(void) { return never(); }' >f.c
	echo 'int never(void) { return 7; }' >never.c
	cc -shared -fPIC -Wl,-soname,libnever.so -o lib/libnever.so never.c
	cc -shared -fPIC -Wl,--no-as-needed -o lib/libpre.so f.c -Llib -lnever
	build=("$imgmin" build -q "$here/hello" --add lib/libpre.so:/opt/libpre.so -o oci:pre)
	"${build[@]}" --env 'LD_PRELOAD=/opt/libpre.so:libnothing.so' --add lib/libnever.so:/opt/libnever.so \
		--env LD_LIBRARY_PATH=/opt
	expect 0 "$imgmin" check oci:pre
	prints "LD_PRELOAD names libnothing.so, which the image lacks: the loader ignores it"
	prints "0 errors, 1 warning"
	expect 4 "$imgmin" check --strict oci:pre
	expect 0 "$imgmin" slim oci:pre -o slimmed.tar
	expect 0 "$imgmin" inspect --format json ./slimmed.tar
	[[ $output == *'"/opt/libpre.so"'* && $output == *'"/opt/libnever.so"'* ]]
	# What is preloaded, and lacks a library itself, stops every program.
	rm -rf pre
	"${build[@]}" --env LD_PRELOAD=/opt/libpre.so 2>warnings
	expect 3 "$imgmin" check oci:pre
	prints libnever.so
}

@test "scripts that are each other's interpreter, or their own, start nothing" {
	for interpreter in /bin/a.sh /bin/b.sh; do
		printf '#!%s\n' $interpreter >a.sh
		printf '#!/bin/a.sh\n' >b.sh
		chmod 755 ./*.sh
		"$imgmin" build -q "$here/hello" --add a.sh:/bin/a.sh --add b.sh:/bin/b.sh -o endless.tar
		expect 3 "$imgmin" slim ./endless.tar --entry /bin/a.sh -o out.tar
		says "/bin/a.sh (--entry, "
		says "its interpreter is a script, and that one's too, without end"
		[ ! -e out.tar ]
	done
}

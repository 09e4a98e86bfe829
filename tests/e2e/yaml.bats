#!/usr/bin/env bats
# imgmin.yaml: the same image as by options, what the command line changes, and mistakes.
load ../lib/common

setup() {
	need_tool arm-linux-gnueabihf-gcc
	sensor
	cd "$BATS_TEST_TMPDIR"
	mkdir -p board/build/armhf board/build/native board/conf
	cp -r "$B/sensor/armhf" "$B/sensor/native" board/build
	echo 'rate = 5' >board/conf/sensor.toml
	native=$(platform_of board/build/native/bin/sensor)
	cat >board/imgmin.yaml <<-END
		name: user/sensor
		programs:                       # one entry per platform
		  linux/arm/v7: build/armhf/bin/sensor
		  $native: build/native/bin/sensor
		with: [tmp]
		add:  ["conf/sensor.toml:/etc/sensor.toml:0644"]
		env:  {LANG: C.UTF-8}
		user: "65534:65534"
		compression: none
		max-size: 40MiB
	END
}

platform_of() { # PROGRAM
	"$imgmin" ldd --format json "$1" | jq -r '.files[0].platform'
}

# digest COMMAND...: what it prints must be one NAME@DIGEST.
digest() {
	"$@" >out 2>err || { cat err >&2; return 1; }
	[ "$(wc -l <out)" = 1 ]
	cut -d@ -f2 out
}

by_options() {
	(cd board && digest "$imgmin" build -q --no-cache -t user/sensor build/armhf/bin/sensor \
		build/native/bin/sensor --with tmp --add conf/sensor.toml:/etc/sensor.toml:0644 \
		--env LANG=C.UTF-8 --user 65534:65534 --compression none "$@")
}

@test "the image is the one that options make, from wherever it is built" {
	want=$(by_options -o ./options.tar)
	here=$(cd board && digest "$imgmin" build -q --no-cache)
	there=$(digest "$imgmin" build -q --no-cache board)
	(cd / && "$imgmin" build -q --no-cache --file "$BATS_TEST_TMPDIR/board/imgmin.yaml" \
		-o "$BATS_TEST_TMPDIR/file.tar")
	[ "$want" = "$here" ]
	[ "$want" = "$there" ]
	# Without an output the archive goes where one is; all are the same bytes.
	cmp board/options.tar board/sensor.tar
	cmp board/options.tar sensor.tar
	cmp board/options.tar file.tar
	"$imgmin" inspect --format json ./sensor.tar | grep -q 65534:65534
}

@test "options are added to lists and replace the rest" {
	"$imgmin" build -q board -t our/other:2 --env A=1 --user 7:8 --platform linux/arm/v7 \
		--metadata-file meta.json -o oci:layout >out
	[ "$(cut -d@ -f1 out)" = our/other:2 ]
	config=$(jq -r .config.digest "layout/blobs/sha256/$(jq -r '.manifests[0].digest' layout/index.json | cut -d: -f2)")
	config=layout/blobs/sha256/${config#sha256:}
	[ "$(jq -r '.architecture + .variant' "$config")" = armv7 ]
	[ "$(jq -r .config.User "$config")" = 7:8 ]
	jq -e '.config.Env | index("LANG=C.UTF-8") and index("A=1")' "$config"
	# A path beside --file is built in place of the file's programs.
	"$imgmin" build -q -f board/imgmin.yaml board/build/native/bin/sensor -o ./one.tar >out
	grep '^user/sensor:latest@sha256:' out
	expect 4 "$imgmin" build -q board --max-size 1kB
	[ ! -e sensor.tar ]
}

@test "outputs and results go beside the file" {
	cat >>board/imgmin.yaml <<-END
		output: [dist.tar, "oci:layout:1"]
		digestfile: digest
	END
	"$imgmin" build -q board >out
	[ -s board/dist.tar ]
	[ -s board/layout/index.json ]
	[ "$(cat board/digest)" = "$(cut -d@ -f2 out)" ]
	"$imgmin" check ./board/dist.tar
}

@test "a sysroot by platform" {
	mkdir -p board/root
	# The cross toolchain's libraries, at the place a device has them.
	cp -r /usr/arm-linux-gnueabihf/lib board/root/lib
	sed -i 's/^with:.*/sysroot: {linux\/arm\/v7: root}/' board/imgmin.yaml
	expect 0 "$imgmin" build board --dry-run --platform linux/arm/v7
	[[ $stderr != *"cross toolchain"* ]]
	cp -r board/root whole
	rm board/root/lib/libm.so.6
	expect 3 "$imgmin" build board --dry-run --platform linux/arm/v7
	says libm.so.6
	# The command line's takes its place; two there are as wrong as ever.
	expect 0 "$imgmin" build board --dry-run --platform linux/arm/v7 --sysroot linux/arm/v7=whole
	expect 2 "$imgmin" build board --dry-run --sysroot linux/arm/v7=whole --sysroot armhf=./whole
	says "two for linux/arm/v7"
}

@test "a program of another platform than it stands at: 3" {
	sed -i 's,build/native,build/armhf,' board/imgmin.yaml
	expect 3 "$imgmin" build -q board
	says 'is for linux/arm/v7, asked for was'
	expect 2 "$imgmin" build -q board --platform linux/riscv64
	says 'board/imgmin.yaml:2:1: programs: none for linux/riscv64'
	says 'linux/arm/v7'
	[ ! -e sensor.tar ]
}

@test "mistakes name file, line and column, and nothing is written" {
	echo 'sysrot: x' >>board/imgmin.yaml
	expect 2 "$imgmin" build -q board
	[ "$stderr" = "imgmin: error: board/imgmin.yaml:11:1: sysrot: no such key
hint: did you mean sysroot:?" ]
	sed -i '$d' board/imgmin.yaml
	echo 'user: root' >>board/imgmin.yaml
	expect 2 "$imgmin" build -q -f board/imgmin.yaml
	says 'board/imgmin.yaml:11:1: user: stands in line 8 already'
	expect 2 "$imgmin" build -q
	says 'build: an argument is missing'
	says 'imgmin.yaml'
	expect 2 "$imgmin" build -q board board
	says '-f board/imgmin.yaml'
	expect 3 "$imgmin" build -q board/imgmin.yaml
	says 'hint: a project file is read with -f board/imgmin.yaml'
	cp board/imgmin.yaml imgmin.yml
	expect 2 "$imgmin" build -q
	says 'hint: -f imgmin.yml reads that file; without -f it is called imgmin.yaml'
	sed -i '/^user: root/d' board/imgmin.yaml
	rm board/build/native/bin/sensor
	expect 1 "$imgmin" build -q board
	says 'board/build/native/bin/sensor: No such file or directory'
	says 'hint: the project file names it: build the program first'
	mkdir dir.yaml
	expect 1 "$imgmin" build -q -f dir.yaml
	says 'dir.yaml'
	[ -z "$(find . -name '*.tar')" ]
}

@test "a file of ten million laughs is refused at once" {
	{
		echo 'a: &a [x, x, x, x, x, x, x, x, x]'
		for pair in a:b b:c c:d d:e e:f f:g; do
			echo "${pair#*:}: &${pair#*:} [*${pair%:*}, *${pair%:*}, *${pair%:*}, *${pair%:*}]"
		done
	} >imgmin.yaml
	expect 2 "$imgmin" build -q
	says 'anchors (&name) are not read here'
	head -c 1048577 /dev/zero | tr '\0' '[' >imgmin.yaml
	expect 2 "$imgmin" build -q
	says 'larger than 1048576 bytes'
	head -c 1000000 /dev/zero | tr '\0' '[' >imgmin.yaml
	expect 2 "$imgmin" build -q
	says 'imgmin.yaml:1:'
}

@test "the schema has the option table's keys, and editors can use it" {
	"$imgmin" help --table | python3 "$top/tests/lib/schema.py" check "$top/share/imgmin.schema.json"
	for key in $(jq -r '.properties | keys[]' "$top/share/imgmin.schema.json"); do
		# Each of its keys is one that the program knows, and each is in the manual.
		printf '%s: []\n' "$key" >imgmin.yaml
		expect 2 "$imgmin" build -q
		[[ $stderr != *'no such key'* && $stderr != *'not for a project file'* ]]
		grep -qF "*$key*" "$top/man/imgmin.yaml.5.scd"
	done
	python3 -c 'import jsonschema, yaml' 2>/dev/null || skip "python3-jsonschema or python3-yaml is not installed"
	python3 "$top/tests/lib/schema.py" valid "$top/share/imgmin.schema.json" \
		board/imgmin.yaml "$top"/examples/*/imgmin.yaml
	# What the program refuses, an editor marks as well.
	for wrong in 'sysrot: x' 'push: maybe' 'name: [a]' 'add: {a: b}' 'programs: {"": x}' \
		'layers: two' 'creds: a:b' 'max-size: {}' 'env: [[a]]'; do
		echo "$wrong" >imgmin.yaml
		expect 2 "$imgmin" build -q
		expect 1 python3 "$top/tests/lib/schema.py" valid "$top/share/imgmin.schema.json" imgmin.yaml
	done
}

@test "the examples' files are sound" {
	for dir in "$top"/examples/*/; do
		[ -e "$dir/imgmin.yaml" ] || continue
		# Every one is read whole before its programs are looked for.
		status=0
		"$imgmin" build --dry-run -q "$dir" >out 2>err || status=$?
		cat err
		# A script is there, the modules of its sysroot are not.
		case $status in
		0) ;;
		1) grep -q 'No such file' err ;;
		*) [ "$status" = 3 ] && grep -q 'RPi.GPIO, which light_sensor.py' err ;;
		esac
	done
}

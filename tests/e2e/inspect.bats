#!/usr/bin/env bats
# imgmin inspect: what is in an image and why, for people and as JSON.
# shellcheck disable=SC2154
load ../lib/common
load ../lib/images

setup_file() {
	programs
	cd "$BATS_FILE_TMPDIR"
	"$imgmin" build -q hello --no-strip -t user/hello:1 -o hello.tar -o oci:hello.d --env A=B --label x=y --expose 80 \
		--user 7:8 --workdir /tmp --cmd 'a "b c"'
	tree tree
}

setup() {
	cd "$BATS_TEST_TMPDIR"
	here=$BATS_FILE_TMPDIR
}

# get EXPRESSION: of the JSON in $output, `i` is the first image, `files` its files by path.
get() {
	python3 -c '
import json, sys
j = json.load(sys.stdin)
i = j["images"][0]
files = {f["path"]: f for f in i.get("files", [])}
print(eval(sys.argv[1]))' "$1" <<<"$output"
}

# is EXPRESSION VALUE
is() {
	local got
	got=$(get "$1")
	[ "$got" = "$2" ] || {
		printf '%s is «%s», not «%s»\n' "$1" "$got" "$2" >&2
		return 1
	}
}

# has_row WORDS...: a line of stdout with these words in this order, whatever stands between.
has_row() {
	local pattern
	pattern=$(printf '%s.*' "$@")
	grep -qE "$pattern" <<<"$output" || {
		printf 'no line with %s in:\n%s\n' "$*" "$output" >&2
		return 1
	}
}

@test "text: config, layers with totals, largest files with their reasons" {
	expect 0 "$imgmin" inspect "$here/hello.tar"
	[ -z "$stderr" ]
	[[ ${output%%$'\n'*} =~ ^docker.io/user/hello:1@sha256:[0-9a-f]{64}$ ]]
	grep -qx linux/amd64 <<<"$output"
	has_row '^  entrypoint +\["/usr/bin/hello"\]$'
	has_row '^  cmd +\["a", "b c"\]$'
	has_row '^  env ' PATH=
	has_row '^ +A=B$'
	has_row '^  user +7:8$'
	has_row '^  workdir +/tmp$'
	has_row '^  ports +80/tcp$'
	has_row '^  labels +x=y$'
	has_row '^ +0  sha256:[0-9a-f]{12} ' 'kB|MB' ' 2  loader and libc$'
	has_row '^ +2  sha256:' ' 1  program$'
	has_row '^  total ' ' 4$'
	has_row 'MB  /' '/libc.so.6 +0  needed by hello and 1 more$'
	has_row '/libm.so.6 +1  needed by hello$'
	has_row '/ld-linux-x86-64.so.2 +0  the loader of hello$'
	has_row 'kB  /usr/bin/hello +2  the program$'
	[ "$(grep -c $'\033' <<<"$output")" = 0 ]
}

@test "json has the shape that the manual promises, and the sizes are right" {
	expect 0 "$imgmin" inspect --format json "$here/hello.d"
	is 'list(j)' "['name', 'digest', 'media_type', 'images']"
	is 'list(i)' "['kind', 'platform', 'digest', 'manifest_size', 'media_type', 'annotations', 'size', 'raw_size', 'config', 'layers', 'programs', 'files']"
	is 'list(i["config"])' "['digest', 'created', 'author', 'entrypoint', 'cmd', 'env', 'user', 'workdir', 'ports', 'volumes', 'stop_signal', 'labels']"
	is 'list(i["layers"][0])' "['digest', 'diff_id', 'media_type', 'size', 'raw_size', 'files', 'created_by', 'comment']"
	is 'list(i["programs"][0])' "['word', 'path', 'why', 'elf', 'interpreter', 'missing', 'trouble', 'objects']"
	is 'list(i["files"][0])' "['path', 'size', 'layer', 'mode', 'hard_link', 'why']"
	is 'list(i["programs"][0]["objects"][0])' "['name', 'path', 'rule', 'wanted_by', 'hidden']"
	is '[(o["name"].split(".")[0], o["wanted_by"]) for o in i["programs"][0]["objects"]][:3]' \
		"[('hello', []), ('libm', ['hello']), ('libc', ['hello', 'libm.so.6'])]"
	is 'all(o["path"] in files for o in i["programs"][0]["objects"])' True
	is 'i["config"]["cmd"]' "['a', 'b c']"
	is 'sum(l["size"] for l in i["layers"]) == i["size"]' True
	is 'sum(l["raw_size"] for l in i["layers"]) == i["raw_size"]' True
	is 'sum(l["files"] for l in i["layers"]) == len(files)' True
	is 'files["/usr/bin/hello"]["size"]' "$(stat -c %s "$here/hello")"
	is 'files["/usr/bin/hello"]["mode"]' 0755
	is 'files["/usr/bin/hello"]["why"]' "the program"
	for n in 0 1 2; do
		blob=$(image blob "$here/hello.d" $n)
		is "i['layers'][$n]['digest']" "sha256:$(basename "$blob")"
		is "i['layers'][$n]['size']" "$(stat -c %s "$blob")"
		is "i['layers'][$n]['raw_size']" "$(zcat "$blob" | wc -c)"
		is "i['layers'][$n]['diff_id']" "sha256:$(zcat "$blob" | sha256sum | cut -d' ' -f1)"
	done
	# The archive holds the same image.
	laid_out=$output
	expect 0 "$imgmin" inspect --format json "$here/hello.tar"
	[ "$output" = "$laid_out" ]
}

@test "several platforms in the order of the index, and one of them" {
	need_tool arm-linux-gnueabihf-gcc
	"$imgmin" build -q "$here/hello" "$here/hello-arm" -o both.tar
	expect 0 "$imgmin" inspect --format json ./both.tar
	is '[x["platform"] for x in j["images"]]' "['linux/arm/v7', 'linux/amd64']"
	is 'files["/lib/libm.so.6"]["why"]' "needed by hello-arm"
	expect 0 "$imgmin" inspect --format json --platform amd64 ./both.tar
	is '[x["platform"] for x in j["images"]]' "['linux/amd64']"
	expect 0 "$imgmin" inspect ./both.tar
	has_row '^an index of 2 images$'
	expect 0 "$imgmin" inspect --platform linux/arm/v7 ./both.tar
	has_row '^an index of 2 images; 1 of them shown$'
	expect 2 "$imgmin" inspect --platform linux/riscv64 ./both.tar
	says "hint: it holds linux/arm/v7, linux/amd64"
}

@test "-o writes a file, whole or not at all" {
	expect 0 "$imgmin" inspect -o text "$here/hello.tar"
	[ -z "$output" ]
	diff text <("$imgmin" inspect "$here/hello.tar")
	cp -a "$here/hello.d" d
	flip "$(image blob d 2)"
	expect 1 "$imgmin" inspect -o text ./d
	diff text <("$imgmin" inspect "$here/hello.tar")
	expect 1 "$imgmin" inspect ./d
	[ -z "$output" ]
	expect 1 "$imgmin" inspect -o /nowhere/text "$here/hello.tar"
	[ "$(ls -A)" = "$(printf 'd\nstderr\ntext')" ]
}

@test "scripts, missing programs and no program at all are no failure" {
	mkdir -p t/opt && printf '#!/usr/bin/env hello\n' >t/opt/run && chmod 755 t/opt/run
	cp "$here/hello" t/opt/env && mkdir -p t/usr/bin && cp "$here/hello" t/usr/bin/env
	image pack i "$here/tree" t 'config["config"]["Entrypoint"] = ["/opt/run"]'
	expect 0 "$imgmin" inspect --format json ./i
	is 'files["/opt/run"]["why"]' "the program"
	is 'files["/usr/bin/env"]["why"]' "runs run"
	is 'files["/usr/bin/hello"]["why"]' "runs run"
	is 'files["/opt/env"]["why"]' "data"
	is 'files["/opt/env"]["layer"]' 1
	is '[p["path"] for p in i["programs"]]' "['/opt/run', '/usr/bin/env', '/usr/bin/hello']"
	image pack i "$here/tree" 'config["config"]["Cmd"] = ["nothing"]'
	expect 0 "$imgmin" inspect ./i
	has_row '^  trouble +nothing: not found in PATH'
	image pack i "$here/tree" ''
	expect 0 "$imgmin" inspect --format json ./i
	is 'i["programs"]' '[]'
	is '{f["why"] for f in files.values()}' "{'data'}"
}

@test "Python's modules are called so, other data is data" {
	cp -a "$here/tree" tree
	mkdir -p tree/usr/lib/python3.11/json tree/usr/lib/python3/dist-packages tree/usr/lib/pythonic \
		tree/usr/share/python3
	touch tree/usr/lib/python3.11/json/decoder.py tree/usr/lib/python3/dist-packages/six.py \
		tree/usr/lib/pythonic/x tree/usr/share/python3/y tree/usr/lib/python3.9
	image pack layout tree "config['config'] = {'Entrypoint': ['/usr/bin/hello']}"
	expect 0 "$imgmin" inspect --format json oci:layout
	is 'sorted(p for p, f in files.items() if f["why"] == "Python")' \
		"['/usr/lib/python3.11/json/decoder.py', '/usr/lib/python3/dist-packages/six.py']"
	is '{f["why"] for p, f in files.items() if p[-2:] in ("/x", "/y", ".9")}' "{'data'}"
}

@test "files that a higher layer replaces or removes are not counted" {
	mkdir -p t/usr/bin t/etc u/etc && echo new >t/usr/bin/hello && echo old >u/etc/gone && touch t/etc/.wh.gone
	image pack i u "$here/tree" t ''
	expect 0 "$imgmin" inspect --format json ./i
	is '"/etc/gone" in files' False
	is 'files["/usr/bin/hello"]["layer"]' 2
	is 'files["/usr/bin/hello"]["size"]' 4
	is 'i["layers"][0]["files"]' 0
}

@test "names and values that are no plain text" {
	mkdir -p t
	printf 'x%.0s' {1..99} >"$(printf 't/a\033[1m\nb')"
	printf 'x%.0s' {1..98} >"$(printf 't/\303\244\377\200c')"
	image pack i t 'config["config"]["Env"] = ["A=\u001b[1m\nB"]'
	expect 0 "$imgmin" inspect ./i
	has_row '^  env +A=\\x1b\[1m\\x0aB$'
	has_row ' 99 B  /a\\x1b\[1m\\x0ab'
	expect 0 "$imgmin" inspect --format json ./i
	is '[ascii(p) for p in files]' "[\"'/a\\\\x1b[1m\\\\nb'\", \"'/\\\\xe4\\\\ufffd\\\\ufffdc'\"]"
}

@test "attestations are told apart" {
	cp -a "$here/hello.d" d
	image edit d 'index["manifests"][0]["platform"] = {"os": "unknown", "architecture": "unknown"}'
	expect 0 "$imgmin" inspect ./d
	has_row '^artifact \(attestation\)$'
	expect 0 "$imgmin" inspect --format json ./d
	is 'i["kind"]' artifact
	is 'sorted(i)' "['annotations', 'digest', 'kind', 'manifest_size', 'media_type']"
}

@test "a file tree is no image: said what it is, and what it is good for" {
	mkdir -p tree/etc
	touch tree/etc/fstab
	tar -cf tree.tar -C tree .
	gzip -k tree.tar
	for file in tree.tar tree.tar.gz; do
		expect 1 "$imgmin" inspect "./$file"
		says "./$file: is a tar of files, not an image"
		says "docker import makes one of such a tree, and unpacked it is what --sysroot takes"
	done
	expect 1 "$imgmin" inspect ./tree
	says "./tree: a directory, and no OCI layout"
	says "a file tree for --sysroot"
}

@test "which image of several" {
	"$imgmin" build -q "$here/hello" -t one -o oci:all
	"$imgmin" build -q "$here/hello" -t user/two:3 --env X=Y -o oci:all
	expect 2 "$imgmin" inspect ./all
	says "oci:./all: it holds 2 images"
	says "hint: name one, as in oci:./all:one:latest; there are: one:latest, user/two:3"
	expect 2 "$imgmin" inspect oci:all:none
	says "oci:all: no image is called none"
	"$imgmin" copy -q oci:all:3 both.tar
	expect 2 "$imgmin" inspect oci-archive:both.tar:none
	says "name one, as in oci-archive:both.tar:user/two:3; there are: user/two:3"
	expect 0 "$imgmin" inspect oci:all:3
	has_row 'X=Y'
	expect 0 "$imgmin" inspect oci:all:user/two:3
	has_row 'X=Y'
	expect 0 "$imgmin" inspect oci:all:one:latest
	prints_not 'X=Y'
	expect 2 "$imgmin" inspect oci:all:4
}

@test "images of buildah, skopeo and docker save" {
	need_root
	need_tool buildah skopeo
	export STORAGE_DRIVER=vfs
	store=(--root "$BATS_TEST_TMPDIR/store" --runroot "$BATS_TEST_TMPDIR/run")
	c=$(buildah "${store[@]}" from scratch)
	buildah "${store[@]}" copy -q "$c" "$here/tree" /
	buildah "${store[@]}" config --entrypoint '["/usr/bin/hello"]' --created-by "by hand" "$c"
	buildah "${store[@]}" commit -q "$c" new
	buildah "${store[@]}" push -q new "docker-archive:$PWD/docker.tar:x/new:1"
	buildah "${store[@]}" push -q new "oci-archive:$PWD/oci.tar:1"
	skopeo copy -q --dest-compress-format zstd "oci-archive:$PWD/oci.tar:1" "oci:$PWD/zstd:1"
	gzip -k docker.tar
	for place in ./docker.tar ./docker.tar.gz docker-archive:docker.tar:x/new:1 ./oci.tar ./zstd; do
		expect 0 "$imgmin" inspect --format json "$place"
		is 'len(i["layers"])' 1
		is 'i["platform"]' "linux/amd64"
		is 'files["/usr/bin/hello"]["why"]' "the program"
		is '[f["why"] for p, f in files.items() if p.endswith("libm.so.6")]' "['needed by hello']"
		is 'len(files)' "$(find "$here/tree" -type f | wc -l)"
	done
	expect 0 "$imgmin" inspect ./zstd
	has_row '^ +0  sha256:' ' by hand$'
}

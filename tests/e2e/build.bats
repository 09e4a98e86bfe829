#!/usr/bin/env bats
# The options of `imgmin build` one by one: what is in the image, and what starts from it.
load ../lib/common

setup_file() {
	mkdir -p "$BATS_FILE_TMPDIR/src/bin" "$BATS_FILE_TMPDIR/src/lib"
	cd "$BATS_FILE_TMPDIR/src"
	echo 'int f(void) { return 7; }' >f.c
	echo '#include <stdio.h>
int f(void);
int main(int n, char **a) { (void)n; printf("%s %d\n", a[0], f()); return 0; }' >main.c
	echo 'int main(void) { return 0; }' >plain.c
	gcc -shared -fPIC -Wl,-soname,libf.so.1 -o lib/libf.so.1 f.c
	gcc -o bin/main main.c lib/libf.so.1 -Wl,-rpath,'$ORIGIN/../lib'
	gcc -o bin/plain plain.c
	gcc -static -o bin/static plain.c
}

setup() {
	need_tool jq skopeo gcc
	src=$BATS_FILE_TMPDIR/src
	bin=$src/bin
	cd "$BATS_TEST_TMPDIR"
}

build() { # [OPTION...] PATH...: into i.tar
	expect 0 "$imgmin" build --quiet -o i.tar "$@"
}

config() { # JQ-FILTER, of i.tar's config
	skopeo inspect --config oci-archive:i.tar | jq -rc "$1"
}

# Everything in i.tar's layers is unpacked to root/, its names go to root.list.
unpack() { # [PLACE]
	rm -rf root
	mkdir root
	: >root.list
	local layer
	rm -rf layers
	skopeo copy --quiet --dest-decompress "${1:-oci-archive:i.tar}" dir:layers
	for layer in $(jq -r '.layers[].digest' layers/manifest.json); do
		tar tf "layers/${layer#sha256:}" >>root.list
		tar xf "layers/${layer#sha256:}" -C root
	done
}

# Nothing in the image is there twice.
has() { # PATH...
	local path
	for path; do
		[ "$(grep -cx "$path" root.list)" = 1 ] || {
			echo "$path is not there once:"
			cat root.list
			return 1
		}
	done
}

hasnt() {
	! grep -x "$1" root.list
}

# With /proc, as engines have it: without, glibc knows no $ORIGIN of a program.
run_inside() { # COMMAND...
	need_root
	mkdir -p root/proc
	unshare -m sh -c 'mount -t proc proc root/proc && exec chroot root "$@"' - "$@"
}

@test "-t: a line for each name, and all names in the archive" {
	build -t user/app:1 -t host:5000/app "$bin/plain"
	[ "$(cut -d@ -f1 <<<"$output")" = "user/app:1
host:5000/app:latest" ]
	tar xOf i.tar manifest.json | jq -e '.[0].RepoTags | index("user/app:1") and index("host:5000/app:latest")'
}

@test "-o: several places hold the same image" {
	build -o oci:dir:one -o oci:dir:two -o oci-archive:a.tar:three -o sub.tar "$bin/plain"
	digest=${output#*@}
	for place in oci:dir:one oci:dir:two oci-archive:a.tar:three oci-archive:sub.tar oci-archive:i.tar; do
		[ "$(skopeo inspect "$place" | jq -r .Digest)" = "$digest" ]
	done
	expect 0 "$imgmin" build --quiet "$bin/plain"
	cmp plain.tar i.tar
}

@test "-o -: the archive on stdout, the digest on stderr" {
	"$imgmin" build --quiet -o - "$bin/plain" >out.tar 2>err
	grep -q '^plain:latest@sha256:' err
	skopeo inspect oci-archive:out.tar >/dev/null
}

@test "-o: what is no place is said before anything is read" {
	expect 2 "$imgmin" build -o oci: /nothing
}

@test "--install: a path, and a directory" {
	build --install /opt//x/../app/start "$bin/plain"
	[ "$(config .config.Entrypoint)" = '["/opt/app/start"]' ]
	unpack
	has opt/app/start
	build --install /opt/app/ "$bin/plain" "$bin/main"
	[ "$(config .config.Entrypoint)" = '["/opt/app/plain"]' ]
	unpack
	has opt/app/plain opt/app/main opt/lib/libf.so.1
	[ "$(run_inside /opt/app/main)" = "/opt/app/main 7" ]
	expect 2 "$imgmin" build --install /opt/app "$bin/plain" "$bin/main"
	says "--install /opt/app/"
}

@test "--add: file, mode, folder, link, slash" {
	mkdir -p in/deep
	echo a >in/deep/a
	ln -s deep/a in/link
	mkdir -p over/lib
	echo new >over/lib/new
	build --add in/deep/a:/etc/a --add in/deep/a:/etc/key:0400 --add in/deep/a:/srv/ \
		--add in:/data --add in/link:/etc/flat --add over:/ "$bin/plain"
	unpack
	has etc/a etc/key srv/a data/deep/a data/link etc/flat usr/lib/new lib
	[ "$(stat -c %a root/etc/a root/etc/key)" = "644
400" ]
	[ "$(readlink root/data/link)" = deep/a ]
	[ "$(cat root/etc/flat root/lib/new)" = "a
new" ]
}

@test "--add: what cannot be read or copied is named" {
	mkfifo fifo
	expect 1 "$imgmin" build -o i.tar --add fifo:/x "$bin/plain"
	says fifo
	expect 1 "$imgmin" build -o i.tar --add nothing:/x "$bin/plain"
	says "--add nothing"
	[ ! -e i.tar ]
}

@test "--include: links, what they lead to, and what that loads" {
	mkdir -p s/usr/bin s/usr/lib/x86_64-linux-gnu s/usr/lib64 s/etc/alternatives s/opt/lib
	for link in bin lib lib64; do ln -s usr/$link s/$link; done
	loader=$(ldd "$bin/plain" | grep -o '/lib64/ld-[^ ]*') || skip "this machine has another loader"
	cp "$loader" s/lib64/
	cp "$(ldd "$bin/plain" | grep -o '/[^ ]*libc.so.6')" s/lib/x86_64-linux-gnu/
	cp "$src/lib/libf.so.1" s/opt/lib/
	gcc -o s/usr/bin/tool "$src/main.c" "$src/lib/libf.so.1" -Wl,-rpath,/opt/lib
	ln -s /etc/alternatives/t s/usr/bin/t
	ln -s /usr/bin/tool s/etc/alternatives/t
	build --sysroot s --include '/bin/t' "$bin/plain"
	unpack
	has usr/bin/t etc/alternatives/t usr/bin/tool opt/lib/libf.so.1 usr/bin/plain
	[ "$(run_inside /bin/t)" = "/bin/t 7" ]
	build --sysroot s/ --include '/bin/*' --exclude '/**/t' "$bin/plain"
	unpack
	has usr/bin/tool
	hasnt usr/bin/t
	expect 1 "$imgmin" build --sysroot s -o j.tar --include '/usr/*.none' "$bin/plain"
	says "nothing in the sysroot matches"
	expect 2 "$imgmin" build --sysroot s -o j.tar --exclude '*.a' "$bin/plain"
	expect 3 "$imgmin" build --sysroot s -o j.tar --exclude '/usr/lib/**/libc.so.6' "$bin/plain"
	says "would not start from the image"
}

@test "a sysroot by a link, with a slash, and a program inside it" {
	mkdir s s/usr
	cp -rl "$(dirname "$bin")"/bin s/usr/bin
	ln -s s link
	ln -s /usr/bin s/bin
	for path in s/usr/bin/static link/usr/bin/static ./s/../s/usr/../usr/bin/static; do
		build --sysroot link/ "$path"
		[ "$(config .config.Entrypoint)" = '["/usr/bin/static"]' ]
	done
	# An absolute link of the sysroot is not one of this machine.
	build --sysroot s link/bin/static
	[ "$(config .config.Entrypoint)" = '["/bin/static"]' ]
	unpack
	has bin usr/bin/static
}

@test "a program of this machine keeps a plain path" {
	cd /usr/lib
	expect 0 "$imgmin" build --quiet -o "$BATS_TEST_TMPDIR/i.tar" ../bin/env
	cd "$BATS_TEST_TMPDIR"
	[ "$(config .config.Entrypoint)" = '["/usr/bin/env"]' ]
}

@test "a library found by another library's \$ORIGIN goes with it" {
	mkdir -p l/deps
	gcc -shared -fPIC -Wl,-soname,libf.so.1 -o l/deps/libf.so.1 "$src/f.c"
	echo 'int f(void); int g(void) { return f(); }' >g.c
	gcc -shared -fPIC -Wl,-soname,libg.so.1 -o l/libg.so.1 g.c l/deps/libf.so.1 -Wl,-rpath,'$ORIGIN/deps'
	echo 'int g(void); int main(void) { return g() != 7; }' >m.c
	gcc -o m m.c l/libg.so.1 -Wl,-rpath,"$PWD/l" -Wl,-rpath-link,l/deps
	build m
	unpack
	! grep -F "${PWD#/}" root.list || false
	run_inside /usr/bin/m
	mkdir far
	mv l/libg.so.1 far
	ln -s ../l/deps far/deps
	build --library-path far m
	unpack
	run_inside /usr/bin/m
}

@test "two programs with their own copies of one library" {
	mkdir -p a/bin a/lib b/bin b/lib
	cp "$bin/main" a/bin/one
	cp "$bin/main" b/bin/two
	cp "$src/lib/libf.so.1" a/lib
	cp "$src/lib/libf.so.1" b/lib
	build a/bin/one b/bin/two
	unpack
	has usr/lib/libf.so.1 usr/bin/one usr/bin/two
	[ "$(run_inside /usr/bin/two)" = "/usr/bin/two 7" ]
	echo >>b/lib/libf.so.1
	expect 2 "$imgmin" build -o j.tar a/bin/one b/bin/two
	says "two files claim /usr/lib/libf.so.1"
	says "a/lib/libf.so.1"
}

@test "config: each option" {
	build --entrypoint "/usr/bin/plain 'a b'" --cmd '["x","y z"]' -e A=1 -e A=2 --label l=v \
		--annotation n=w -u 1000:1000 -w /srv --expose 80 --expose 53/udp --volume /data \
		--stop-signal SIGINT --source-date-epoch 86400 "$bin/plain"
	[ "$(config '[.config.Entrypoint, .config.Cmd]')" = '[["/usr/bin/plain","a b"],["x","y z"]]' ]
	[ "$(config '.config.Env[1:]')" = '["A=2"]' ]
	[ "$(config '[.config.Labels.l, .config.User, .config.WorkingDir, .config.StopSignal, .created]')" = \
		'["v","1000:1000","/srv","SIGINT","1970-01-02T00:00:00Z"]' ]
	[ "$(config '.config.ExposedPorts + .config.Volumes | keys')" = '["/data","53/udp","80/tcp"]' ]
	[ "$(skopeo inspect --raw oci-archive:i.tar | jq -r .annotations.n)" = w ]
}

@test "words that end nowhere, and what no document can hold" {
	expect 2 "$imgmin" build -o i.tar --cmd "'a" "$bin/plain"
	expect 2 "$imgmin" build -o i.tar --entrypoint '["a"' "$bin/plain"
	expect 2 "$imgmin" build -o i.tar -e $'A=\xff' "$bin/plain"
	says "not UTF-8"
	build --cmd $'a\rb' "$bin/plain"
	[ "$(config .config.Cmd)" = '["a","b"]' ]
	cp "$bin/plain" $'odd\xff'
	expect 2 "$imgmin" build -o j.tar $'odd\xff'
	says "--install"
	build --install /usr/bin/even $'odd\xff'
}

@test "--layers: stable, single, file; never over 100" {
	build "$bin/main"
	[ "$(config '.rootfs.diff_ids | length')" -ge 2 ]
	build --layers single "$bin/main"
	[ "$(config '.rootfs.diff_ids | length')" = 1 ]
	mkdir many
	for i in $(seq 150); do echo "$i" >"many/$i"; done
	build --layers file --add many:/many --no-cache --compression none "$bin/main"
	[ "$(config '.rootfs.diff_ids | length')" = 100 ]
	unpack
	[ "$(ls root/many | wc -l)" = 150 ]
	[ -z "$(grep -v '/$' root.list | sort | uniq -d)" ]
}

@test "--compression and levels; the content is the same" {
	build --compression none "$bin/main"
	want=$(config .rootfs.diff_ids)
	for how in "gzip 1" "gzip 12" "zstd 3" "zstd 19" "gzip auto"; do
		build --compression "${how% *}" --compression-level "${how#* }" "$bin/main"
		[ "$(config .rootfs.diff_ids)" = "$want" ]
		skopeo inspect --raw oci-archive:i.tar | jq -e --arg f "${how% *}" \
			'all(.layers[]; .mediaType | endswith("+" + $f))'
	done
	expect 2 "$imgmin" build --compression gzip --compression-level 13 "$bin/main"
	expect 2 "$imgmin" build --compression lz4 "$bin/main"
}

# A plugin whose library lies in the second directory of its run path, below sys/.
plugin_in_sysroot() {
	mkdir -p sys/usr/bin sys/opt/one sys/opt/two other
	local file
	for file in $(ldd "$bin/plain" | grep -o '/[^ ]*'); do
		install -D "$file" "sys$file"
	done
	cp "$bin/plain" sys/usr/bin/plain
	echo 'int x(void) { return 1; }' >x.c
	echo 'int x(void); int y(void) { return x(); }' >y.c
	gcc -shared -fPIC -Wl,-soname,libx.so.1 -o sys/opt/two/libx.so.1 x.c
	gcc -shared -fPIC -g -DOTHER -Wl,-soname,libx.so.1 -o other/libx.so.1 x.c
	gcc -shared -fPIC -o sys/opt/plugin.so y.c sys/opt/two/libx.so.1 \
		-Wl,--enable-new-dtags,-rpath,/opt/one:/opt/two
}

@test "what --include brings finds the same libraries inside the image" {
	plugin_in_sysroot
	local how=(--sysroot sys --include /opt/plugin.so sys/usr/bin/plain)
	build "${how[@]}"
	unpack
	has opt/plugin.so opt/two/libx.so.1
	expect 3 "$imgmin" build -o no.tar --add other/libx.so.1:/opt/one/libx.so.1 "${how[@]}"
	says "/opt/plugin.so would not start from the image: libx.so.1 is /opt/two/libx.so.1 in the sysroot"
	[ ! -e no.tar ]
	# Left out by name it is the user's wish.
	expect 0 "$imgmin" build -o i.tar --exclude /opt/two/libx.so.1 "${how[@]}"
	says "/opt/plugin.so: needs libx.so.1, which --exclude leaves out"
	# What lacks a library in the sysroot already is a warning there.
	rm sys/opt/two/libx.so.1
	expect 0 "$imgmin" build -o i.tar "${how[@]}"
	says "libx.so.1"
}

@test "--iidfile, --digestfile, --metadata-file" {
	printf x >$'odd\xff\n'
	build --iidfile iid --digestfile digest --metadata-file meta --layers file \
		--add $'odd\xff\n':/etc/ "$bin/plain"
	[ "$(cat digest)" = "${output#*@}" ]
	[ "$(cat iid)" = "$(skopeo inspect --raw oci-archive:i.tar | jq -r .config.digest)" ]
	jq -e --arg d "$(cat digest)" '."containerimage.digest" == $d' meta
	[ "$(jq '."imgmin.images"[0].layers | length' meta)" = "$(config '.rootfs.diff_ids | length')" ]
}

@test "--dry-run writes nothing" {
	mkdir here
	cd here
	expect 0 "$imgmin" build --dry-run --iidfile iid --cache-dir cache "$bin/main"
	[ -z "$output" ]
	says "libf.so.1"
	[ -z "$(ls)" ]
}

@test "--cache-dir and --no-cache" {
	expect 0 "$imgmin" build --cache-dir cache -o i.tar "$bin/main"
	[ -n "$(find cache -type f)" ]
	expect 0 "$imgmin" build --cache-dir cache -o j.tar "$bin/main"
	says "from the cache"
	cmp i.tar j.tar
	expect 0 "$imgmin" build --no-cache --cache-dir none -o k.tar "$bin/main"
	[ ! -e none ]
	cmp i.tar k.tar
}

@test "two sysroots for one platform; a --library-path that is not there" {
	mkdir a b
	expect 2 "$imgmin" build -o j.tar --sysroot a --sysroot b "$bin/static"
	says '--sysroot: two for all platforms'
	expect 2 "$imgmin" build -o j.tar --sysroot linux/arm=a --sysroot linux/arm=b "$bin/static"
	says '--sysroot: two for linux/arm'
	expect 0 "$imgmin" build -q -o i.tar --sysroot linux/arm=a --sysroot linux/arm64=b "$bin/static"
	expect 0 "$imgmin" build -o i.tar --library-path "/nope:$src/lib" "$bin/main"
	says 'warning: --library-path /nope: no such directory'
	[ "$(grep -c warning <<<"$stderr")" = 1 ]
	expect 0 "$imgmin" build -o i.tar --library-path '=/nope:$ORIGIN/x' "$bin/static"
	[[ $stderr != *warning* ]]
}

@test "--exclude that matches nothing is a warning" {
	mkdir -p s/etc
	touch s/etc/conf
	expect 0 "$imgmin" build -o i.tar --sysroot s --exclude /etc/cnof --exclude '/et/*' "$bin/static"
	says 'warning: --exclude /etc/cnof: nothing matches it'
	says 'warning: --exclude /et/*: nothing matches it'
	expect 0 "$imgmin" build -o i.tar --sysroot s --exclude /etc/conf --exclude '/e*/co?f' --exclude /etc \
		--exclude '/**/libnothing.so' --with passwd --exclude /etc/passwd "$bin/static"
	[[ $stderr != *'nothing matches'* ]] || { echo "$stderr"; return 1; }
	# Of what holds ** the part before it.
	expect 0 "$imgmin" build -o i.tar --sysroot s --exclude '/ect/**' --exclude '/e*/no/**/x' \
		--exclude '/etc/**' --exclude '/e*/**/*.txt' "$bin/static"
	says 'warning: --exclude /ect/**: nothing matches it'
	says 'warning: --exclude /e*/no/**/x: nothing matches it'
	[ "$(grep -c 'nothing matches' <<<"$stderr")" = 2 ]
	expect 0 "$imgmin" build -o i.tar --exclude /opt/x/nothing --exclude "$src/lib/nothing" "$bin/main"
	[ "$(grep -c 'nothing matches' <<<"$stderr")" = 2 ]
	printf '#!/bin/sh\n' >script
	chmod +x script
	expect 0 "$imgmin" build -o i.tar --exclude /opt/own.py script
	[[ $stderr != *'nothing matches'* ]]
}

@test "names in capitals become small, and that is said" {
	cp "$bin/plain" Plain+X
	expect 0 "$imgmin" build Plain+X
	says "called plain-x"
	[ -e plain-x.tar ]
}

@test "several platforms: one index, armv6 and armv7 of one name" {
	need_tool arm-linux-gnueabihf-gcc
	mkdir v6 v7
	arm-linux-gnueabihf-gcc -static -nostdlib -o v7/app -x c - <<<'void _start(void) {}'
	arm-linux-gnueabihf-gcc -static -nostdlib -march=armv6+fp -marm -o v6/app -x c - <<<'void _start(void) {}'
	cp "$bin/static" app
	build v7/app app v6/app
	skopeo copy --quiet --all oci-archive:i.tar:app:latest oci:d 2>/dev/null ||
		skopeo copy --quiet --all oci-archive:i.tar oci:d:app
	jq -s 'map(select(.mediaType == "application/vnd.oci.image.index.v1+json" and (.manifests | length) == 3))
		| .[0].manifests | map(.platform | .architecture + (.variant // ""))' \
		$(grep -l manifests d/blobs/sha256/*) | jq -e '. == ["armv6", "armv7", "amd64"]'
}

@test "--platform asserts" {
	expect 3 "$imgmin" build --platform linux/arm/v7 -o i.tar "$bin/plain"
	[ ! -e i.tar ]
	build --platform "linux/$(skopeo --version >/dev/null; dpkg --print-architecture)" "$bin/plain"
}

@test "LD_LIBRARY_PATH in --env" {
	gcc -o m "$src/main.c" "$src/lib/libf.so.1"
	expect 3 "$imgmin" build -o i.tar m
	mkdir -p s/opt
	build -e LD_LIBRARY_PATH=/opt/f --library-path "$src/lib" m
	unpack
	[ "$(run_inside /usr/bin/m)" = "/usr/bin/m 7" ]
}

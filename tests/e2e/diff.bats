#!/usr/bin/env bats
# imgmin diff: files, config, and the bytes that an update downloads, as real engines download them.
# shellcheck disable=SC2154
load ../lib/common
load ../lib/engines
load ../lib/images
load ../lib/registry

setup_file() {
	programs
	engines_start
	cd "$BATS_FILE_TMPDIR"
	mkdir old new
	# Both hold a program, and data that changes in every way there is.
	for t in old new; do
		mkdir -p $t/etc $t/bin $t/empty-$t
		echo same >$t/etc/same
		chmod 644 $t/etc/same
		head -c 30000 /dev/zero >$t/etc/mode
		ln -s $t $t/etc/link
		echo $t >$t/etc/text
		echo owner >$t/etc/owner
	done
	chmod 644 old/etc/mode
	chmod 4755 new/etc/mode
	head -c 50000 /dev/zero >new/etc/added
	head -c 20000 /dev/zero >old/etc/removed
	head -c 90000 /dev/zero >old/etc/grown
	head -c 170000 /dev/zero >new/etc/grown
	mkdir new/etc/type
	echo type >old/etc/type
	image pack a old 'config["config"] = {"Entrypoint": ["/bin/x"], "Env": ["PATH=/bin", "A=1"],
		"User": "1", "Healthcheck": {"Test": ["CMD", "x"]}, "Labels": {"gone": "1", "stays": "1"}}'
	image pack b new 'config["config"] = {"Entrypoint": ["/bin/x", "-v"], "Env": ["A=2", "PATH=/bin", "B=3"],
		"User": "2", "Healthcheck": {"Test": ["CMD", "y"]}, "Labels": {"stays": "1"}}'
	command -v docker-registry >/dev/null || return 0
	real_start open 'http: {addr: "127.0.0.1:0"}'
}

teardown_file() {
	servers_stop
	engines_stop
}

setup() {
	cd "$BATS_TEST_TMPDIR"
	here=$BATS_FILE_TMPDIR
	export XDG_CACHE_HOME=$PWD/cache
}

# get EXPRESSION: of the JSON in $output; p is its first platform, files its changes by path.
get() {
	python3 -c '
import json, sys
j = json.load(sys.stdin)
p = j["platforms"][0]
files = {f["path"]: f for f in p["files"]}
print(eval(sys.argv[1]))' "$1" <<<"$output"
}

# is EXPRESSION VALUE
is() {
	local got
	got=$(get "$1")
	[ "$got" = "$2" ] || {
		printf '%s is «%s», not «%s»\n%s\n' "$1" "$got" "$2" "$output" >&2
		return 1
	}
}

# stored LAYOUT WHAT: bytes of one of its blobs
stored() {
	stat -c %s "$(image blob "$1" "$2")"
}

@test "files: every kind of change, and nothing that stayed" {
	need_root
	chown 5:6 "$here/new/etc/owner"
	image pack c "$here/new"
	expect 0 "$imgmin" diff --format json "$here/a" ./c
	is 'sorted(files)' "['/empty-new/', '/empty-old/', '/etc/added', '/etc/grown', '/etc/link', '/etc/mode', '/etc/owner', '/etc/removed', '/etc/text', '/etc/type/']"
	is '[f["path"] for f in p["files"]] == sorted(files)' True
	is 'p["a_size"]' "$(stored "$here/a" 0)"
	is 'p["b_size"]' "$(stored ./c 0)"
	is '"same" in p' False
	is 'list(files["/etc/added"].values())' "['added', '/etc/added', 0, 50000, None]"
	is 'list(files["/etc/removed"].values())' "['removed', '/etc/removed', 20000, 0, None]"
	is 'list(files["/etc/grown"].values())' "['content', '/etc/grown', 90000, 170000, None]"
	is 'list(files["/etc/text"].values())' "['content', '/etc/text', 4, 4, None]"
	is 'list(files["/etc/mode"].values())' "['metadata', '/etc/mode', 30000, 30000, 'mode 0644 → 4755']"
	is 'list(files["/etc/owner"].values())' "['metadata', '/etc/owner', 6, 6, 'owner 0:0 → 5:6']"
	is 'list(files["/etc/link"].values())' "['metadata', '/etc/link', 0, 0, 'link to old → new']"
	is 'list(files["/etc/type/"].values())' "['content', '/etc/type/', 5, 0, 'file → directory']"
	is 'list(files["/empty-new/"].values())' "['added', '/empty-new/', 0, 0, None]"
}

@test "files: extended attributes, by name" {
	python3 - <<-'END'
		import io, tarfile
		for name, attributes in ("x", {}), ("y", {"SCHILY.xattr.user.colour": "red"}):
		    with tarfile.open(name + ".tar", "w", format=tarfile.PAX_FORMAT) as out:
		        info = tarfile.TarInfo("p")
		        info.size, info.pax_headers = 3, attributes
		        out.addfile(info, io.BytesIO(b"abc"))
	END
	mkdir some
	for t in x y; do
		image pack i$t some
		digest=$(sha256sum $t.tar | cut -c1-64)
		cp $t.tar i$t/blobs/sha256/$digest
		image edit i$t "d = 'sha256:$digest'
manifest['layers'][0].update(digest=d, size=$(stat -c %s $t.tar))
config['rootfs']['diff_ids'] = [d]"
	done
	expect 0 "$imgmin" diff --format json ./ix ./iy
	is 'list(files["/p"].values())' "['metadata', '/p', 3, 3, 'attributes user.colour']"
}

@test "config: each member that differs, those without a field of their own too" {
	expect 0 "$imgmin" diff --format json "$here/a" "$here/b"
	is '"\n".join(p["config"])' 'Entrypoint: ["/bin/x"] → ["/bin/x","-v"]
Env A: 1 → 2
Env B: (none) → 3
User: 1 → 2
Label gone: 1 → (none)
Config Healthcheck: {"Test":["CMD","x"]} → {"Test":["CMD","y"]}'
}

@test "text: largest change first, sums, and the download at the end" {
	expect 0 "$imgmin" diff "$here/a" "$here/b"
	[ -z "$stderr" ]
	[ "$(sed -n 4p <<<"$output")" = linux/amd64 ]
	[ "$(sed -n 5,8p <<<"$output" | tr -s ' ')" = " changed 90.0 kB → 170 kB /etc/grown
 added 50.0 kB /etc/added
 removed 20.0 kB /etc/removed
 changed 5 B → 0 B /etc/type/ (file → directory)" ]
	prints "  files: 2 added, 2 removed, 5 changed; +110 kB raw"
	prints '  config   User: 1 → 2'
	[[ ${lines=${output##*$'\n'}} =~ ^"  a device that holds A downloads "[0-9.]+" kB for B (1 of 1 layer)"$ ]]
	expect 0 "$imgmin" diff "$here/a" "$here/a"
	prints "no difference in files and config"
	[ "${output##*$'\n'}" = "  a device that holds A downloads 0 B for B (0 of 1 layer)" ]
}

@test "the same files in other layers are no change, and layers are not shared" {
	mkdir one two three
	echo 1 >one/1
	echo 2 >two/2
	cp -r one/1 two/2 three
	chmod 755 one two three
	image pack split one two
	image pack joined three
	expect 0 "$imgmin" diff --format json ./split ./joined
	is 'p["files"]' "[]"
	is 'p["layers_new"], p["layers_shared"]' "(1, 0)"
	is 'p["download"]' $(($(stored joined manifest) + $(stored joined config) + $(stored joined 0)))
}

@test "a hidden file is a removed one, and one that came back is the new one" {
	mkdir low high1 high2
	echo low >low/f
	echo low >low/g
	touch high1/.wh.f
	echo high >high2/f
	image pack low.d low
	image pack hidden low high1
	image pack back low high1 high2
	expect 0 "$imgmin" diff --format json ./low.d ./hidden
	is '[(f["kind"], f["path"]) for f in p["files"]]' "[('removed', '/f')]"
	is 'p["layers_new"], p["layers_shared"]' "(1, 1)"
	expect 0 "$imgmin" diff --format json ./low.d ./back
	is '[(f["kind"], f["path"]) for f in p["files"]]' "[('content', '/f')]"
}

@test "archives, layouts and compressions: one image is one image" {
	need_tool skopeo
	"$imgmin" build -q "$here/hello" -t user/hello:1 -o x.tar -o oci:x.d
	skopeo copy -q docker-archive:x.tar docker-archive:y.tar:user/hello:1
	for other in ./x.d oci:x.d docker-archive:y.tar; do
		expect 0 "$imgmin" diff --format json ./x.tar $other
		is 'p["files"], p["config"]' "([], [])"
	done
	"$imgmin" build -q "$here/hello" --compression zstd -o z.tar
	expect 0 "$imgmin" diff --format json ./x.tar ./z.tar
	is 'p["files"], p["config"], p["layers_new"]' "([], [], 3)"
}

@test "platforms go together; one that only one side has is said; --platform chooses" {
	need_tool arm-linux-gnueabihf-gcc
	"$imgmin" build -q "$here/hello" "$here/hello-arm" -o both.tar
	"$imgmin" build -q "$here/hello" --env X=1 -o amd.tar
	"$imgmin" build -q "$here/hello-arm" -o arm.tar
	expect 0 "$imgmin" diff --format json ./both.tar ./amd.tar
	is '[(x["platform"], x["in"]) for x in j["platforms"]]' "[('linux/amd64', 'both'), ('linux/arm/v7', 'a')]"
	is 'p["config"], p["layers_new"], p["layers_shared"]' "(['Env X: (none) → 1'], 0, 3)"
	expect 0 "$imgmin" diff --format json ./amd.tar ./both.tar
	is '[(x["platform"], x["in"]) for x in j["platforms"]]' "[('linux/arm/v7', 'b'), ('linux/amd64', 'both')]"
	is 'p["layers_new"] > 0, p["download"] > 500000' "(True, True)"
	expect 0 "$imgmin" diff ./both.tar ./amd.tar
	prints "  only in A"
	expect 0 "$imgmin" diff --platform arm --format json ./both.tar ./arm.tar
	is '[(x["platform"], x["in"], x["files"]) for x in j["platforms"]]' "[('linux/arm/v7', 'both', [])]"
	expect 2 "$imgmin" diff --platform arm ./both.tar ./amd.tar
	says "hint: it holds linux/amd64"
	expect 0 "$imgmin" diff --format json ./amd.tar ./arm.tar
	is '[(x["platform"], x["in"]) for x in j["platforms"]]' "[('linux/arm/v7', 'b'), ('linux/amd64', 'a')]"
}

@test "damage and wrong words: a line on stderr, nothing on stdout" {
	cp -r "$here/b" broken
	flip "$(image blob broken 0)"
	expect 1 "$imgmin" diff "$here/a" ./broken
	[ -z "$output" ]
	says "error: ./broken: "
	expect 1 "$imgmin" diff "$here/a" ./missing.tar
	says missing.tar
	expect 2 "$imgmin" diff "$here/a"
	expect 2 "$imgmin" diff "$here/a" "$here/b" "$here/a"
}

# Bytes of bodies that the registry sent to GETs since line FROM of its log.
served() { # FROM
	sleep 0.3 # the log is written after the answer
	tail -n "+$(($1 + 1))" "$r_open_log" | jq -R 'fromjson? | select(."http.request.method" == "GET" and
		."http.response.status" == 200 and (."http.request.uri" | test("/(blobs|manifests)/"))) |
		."http.response.written"' | awk '{n += $1} END {print n + 0}'
}

# push_pair REPOSITORY [PLATFORM-PROGRAM]: :1 and :2, of which only the data differs, in the layer
# below the program's.
push_pair() {
	local repo=$1
	shift
	head -c 40000 /dev/urandom >data
	"$imgmin" build -q "$here/hello" "$@" --add data:/data -t "$repo:1" --push
	head -c 50000 /dev/urandom >data
	"$imgmin" build -q "$here/hello" "$@" --add data:/data --env NEW=1 -t "$repo:2" --push
}

@test "containerd: the registry serves what diff says, to the byte" {
	need_engines
	need_tool docker-registry jq arm-linux-gnueabihf-gcc
	for programs in "" "$here/hello-arm"; do
		repo=$r_open/ctr/x${programs:+y}
		push_pair "$repo" $programs
		expect 0 "$imgmin" diff --platform linux/amd64 --format json "$repo:1" "$repo:2"
		said=$(get 'p["download"]')
		[ "$said" -gt 50000 ]
		ctr images pull --plain-http --snapshotter native --platform linux/amd64 "$repo:1"
		lines=$(wc -l <"$r_open_log")
		ctr images pull --plain-http --snapshotter native --platform linux/amd64 "$repo:2"
		echo "# said $said, served $(served "$lines")"
		[ "$(served "$lines")" = "$said" ]
	done
}

@test "Docker with a graph driver: the download and what it fetches again, to the byte" {
	need_engines
	need_tool docker-registry jq
	repo=$r_open/docker/x
	push_pair "$repo"
	expect 0 "$imgmin" diff --format json "$repo:1" "$repo:2"
	is 'p["layers_new"], p["layers_shared"], p["layers_again"]' "(1, 3, 1)"
	said=$(get 'p["download"] + p["fetched_again"]')
	docker pull -q "$repo:1"
	lines=$(wc -l <"$r_open_log")
	docker pull -q "$repo:2"
	echo "# said $said, served $(served "$lines")"
	[ "$(served "$lines")" = "$said" ]
	expect 0 "$imgmin" diff "$repo:1" "$repo:2"
	[[ ${output##*$'\n'} == "  and "*" (1 of 4 layers) where it reuses layers only above equal ones"* ]]
}

@test "a registry is asked for layers only where files can differ" {
	need_tool docker-registry jq
	repo=$r_open/asked/x
	"$imgmin" build -q "$here/hello" -t "$repo:1" --push
	"$imgmin" build -q "$here/hello" --env NEW=1 -t "$repo:2" --push
	rm -rf "$XDG_CACHE_HOME"
	lines=$(wc -l <"$r_open_log")
	expect 0 "$imgmin" diff "$repo:1" "$repo:2"
	prints "Env NEW: (none) → 1"
	[ "$(served "$lines")" -lt 10000 ]
}

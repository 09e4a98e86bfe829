#!/usr/bin/env bats
# What is kept between runs: found again, shared, damaged, killed, full, listed and removed.
# shellcheck disable=SC2154
load ../lib/common
load ../lib/images
load ../lib/registry

setup_file() {
	programs
	cd "$BATS_FILE_TMPDIR"
	export XDG_CACHE_HOME=$PWD/first
	# The same sources with one more word are another program.
	sed 's/%s/%s again/' hello.c >other.c
	mkdir other.d
	cc -O1 -o other.d/hello other.c -lm
	# 24 MB that do not compress: long enough to be killed in.
	head -c 24000000 /dev/urandom >large
	"$imgmin" build -q --no-cache hello -o hello.tar >hello.name
	"$imgmin" build -q --no-cache other.d/hello -o other.tar >other.name
}

setup() {
	cd "$BATS_TEST_TMPDIR"
	here=$BATS_FILE_TMPDIR
	export XDG_CACHE_HOME=$PWD/cache
	cache=$XDG_CACHE_HOME/imgmin
}

teardown() {
	servers_stop
	! mountpoint -q "$cache" || umount "$cache"
}

# The blobs that the cache holds.
kept() {
	find "$cache/blobs/sha256" -type f
}

# build [OPTION]...: hello, which must be what it is without a cache.
build() {
	rm -f x.tar
	expect 0 "$imgmin" build "$here/hello" -o x.tar "$@"
	[ "$output" = "$(cat "$here/hello.name")" ]
	cmp x.tar "$here/hello.tar"
}

@test "a change of the program alone compresses its layer alone" {
	build
	[[ $stderr != *"from the cache"* ]]
	expect 0 "$imgmin" build "$here/other.d/hello" -o x.tar --metadata-file meta.json
	[ "$output" = "$(cat "$here/other.name")" ]
	cmp x.tar "$here/other.tar"
	[ "$(grep -c ', from the cache$' <<<"$stderr")" = 2 ]
	grep -qE 'loader and libc: .*, from the cache$' <<<"$stderr"
	grep -qE ' libraries: .*, from the cache$' <<<"$stderr"
	! grep -E ' program: .*, from the cache$' <<<"$stderr" || false
	[ "$(jq -c '[.. | .layers? // empty | .[] | .cached]' meta.json)" = "[true,true,false]" ]
	build
	[ "$(grep -c ', from the cache$' <<<"$stderr")" = 3 ]
}

@test "damage is found and made good: a flipped byte, a cut, a directory, a FIFO, nothing" {
	for how in flip cut empty directory fifo gone link; do
		build -q
		for file in $(kept); do
			case $how in
			flip) flip "$file" ;;
			cut) truncate -s 100 "$file" ;;
			empty) : >"$file" ;;
			directory) rm "$file" && mkdir "$file" && touch "$file/x" ;;
			fifo) rm "$file" && mkfifo "$file" ;;
			gone) rm "$file" ;;
			link) rm "$file" && ln -s /etc/passwd "$file" ;;
			esac
		done
		build
		[[ $stderr != *"from the cache"* ]]
		build
		[ "$(grep -c ', from the cache$' <<<"$stderr")" = 3 ]
	done
	# The links from origin to blob.
	find "$cache/layers" -type l -exec ln -sfn /etc/passwd {} \;
	build
	find "$cache/layers" -type l -delete -exec mkdir {} \;
	build
	rm -r "$cache"/layers/*
	touch "$cache/layers/0123456789abcdef0123456789abcdef"
	build
	rm -r "${cache:?}"/*
	build
	build
	[ "$(grep -c ', from the cache$' <<<"$stderr")" = 3 ]
}

@test "builds at the same time share the cache: of one program, and of several" {
	for round in 1 2 3; do
		rm -rf "$cache"
		pids=()
		for i in 1 2 3 4; do
			program=hello name=hello
			[ $((i % 2)) = 0 ] || program=other.d/hello name=other
			"$imgmin" build -q "$here/$program" -o "$i.tar" >"$i.name" 3>&- &
			pids+=($!)
		done
		for pid in "${pids[@]}"; do wait "$pid"; done
		for i in 1 2 3 4; do
			name=hello
			[ $((i % 2)) = 0 ] || name=other
			cmp "$i.tar" "$here/$name.tar"
		done
		[ "$(kept | wc -l)" = 4 ] # two programs, the same libraries
		[ -z "$(ls -A "$cache/tmp")" ]
		build
		[ "$(grep -c ', from the cache$' <<<"$stderr")" = 3 ]
	done
}

@test "builds while the cache is emptied all the time give right images" {
	while [ ! -e stop ]; do "$imgmin" cache prune --all; done >pruned 3>&- &
	pruner=$!
	failed=0
	for _ in 1 2 3 4 5 6; do build -q || failed=1; done
	touch stop
	wait $pruner
	[ $failed = 0 ]
	build -q
}

@test "kill -9 in the middle of a build leaves a cache that works" {
	expect 0 "$imgmin" build -q --no-cache "$here/hello" --add "$here/large:/large" -o want.tar
	early=0
	for delay in 0 0.02 0.05 0.1 0.2; do
		rm -rf "$cache" killed.tar
		"$imgmin" build -q "$here/hello" --add "$here/large:/large" -o killed.tar >/dev/null 3>&- &
		# A layer is being written.
		until [ -n "$(ls -A "$cache/tmp" 2>/dev/null)" ] || ! kill -0 $!; do :; done
		sleep $delay
		kill -9 $! 2>/dev/null || true
		wait $! || true
		[ -e killed.tar ] || early=$((early + 1))
		expect 0 "$imgmin" build -q "$here/hello" --add "$here/large:/large" -o x.tar
		cmp x.tar want.tar
		[ -z "$(ls -A "$cache/tmp")" ]
	done
	echo "# $early of 5 ended before the image was there"
	[ $early -gt 0 ]
}

@test "no room in the cache: the image is made all the same, and it is said" {
	need_root
	mkdir -p "$cache"
	mount -t tmpfs -o size=300k tmpfs "$cache" || skip "cannot mount here"
	build
	says "no room in the layer cache $cache: not all layers are kept for the next run"
	[ -z "$(ls -A "$cache/tmp")" ]
	build
	says "program: "
	# What is small was kept.
	grep -q 'from the cache$' <<<"$stderr"
	# None at all, not even for a name.
	head -c 1000000 /dev/zero >"$cache/filler" || true
	build
}

@test "no room in the cache: a pull goes on elsewhere, and what fits is kept" {
	need_root
	need_tool docker-registry
	real_start open 'http: {addr: "127.0.0.1:0"}'
	"$imgmin" build -q --no-cache "$here/hello" -t "$r_open/a/b:1" --push
	mkdir -p "$cache"
	mount -t tmpfs -o size=300k tmpfs "$cache" || skip "cannot mount here"
	expect 0 "$imgmin" pull "$r_open/a/b:1" oci:back
	[ -n "$(kept)" ]
	[ -z "$(ls -A "$cache/tmp")" ]
	XDG_CACHE_HOME=$PWD/other expect 0 "$imgmin" pull "$r_open/a/b:1" oci:want
	diff -r back/blobs want/blobs
	mkdir "$cache/t"
	TMPDIR=$cache/t expect 1 "$imgmin" pull "$r_open/a/b:1" oci:none
	says "a temporary file (the cache is full): No space left on device"
	[ ! -e none ]
}

@test "no room anywhere: one error that names both places and says what helps; nothing half-written" {
	need_root
	mkdir -p "$cache"
	mount -t tmpfs -o size=300k tmpfs "$cache" || skip "cannot mount here"
	mkdir "$cache/t"
	TMPDIR=$cache/t expect 1 "$imgmin" build -q "$here/hello" -o x.tar
	says "No space left on device"
	says "temporary file in $cache/t"
	says "layer cache $cache is full"
	says "hint: free some space there"
	[ -z "$output" ]
	[ ! -e x.tar ]
	[ -z "$(ls -A "$cache/tmp")$(ls -A "$cache/t")" ]
}

@test "du adds up, -v and json list each" {
	expect 0 "$imgmin" cache du
	[ ! -e "$cache" ] # looking makes nothing
	[ "$(tail -n 1 <<<"$output" | tr -s ' ')" = " total 0 0 B" ]
	build -q
	echo part >"$cache/tmp/$(printf '%064d' 1).part"
	expect 0 "$imgmin" cache du --format json
	[ "$(jq .size <<<"$output")" = "$(($(kept | xargs stat -c %s | paste -sd+) + 5))" ]
	[ "$(jq '[.items[].size] | add == $all' --argjson all "$(jq .size <<<"$output")" <<<"$output")" = true ]
	[ "$(jq -r .dir <<<"$output")" = "$cache" ]
	[ "$(jq -r '.items[] | select(.kind == "layer") | .digest' <<<"$output" | sort)" = \
		"$(kept | sed 's,.*/,sha256:,' | sort)" ]
	[ "$(jq -c '[.items[] | select(.kind == "partial") | .size]' <<<"$output")" = "[5]" ]
	expect 0 "$imgmin" cache du -v --cache-dir "$cache"
	[ "$(grep -c '^layer .* sha256:[0-9a-f]\{64\}$' <<<"$output")" = 3 ]
	[ "$(grep -c '^partial .* sha256:0*1$' <<<"$output")" = 1 ]
	prints "$cache"
	grep -qE '^  layers made here +3 ' <<<"$output"
	grep -qE '^  not finished +1 +5 B$' <<<"$output"
	grep -qE '^  total +4 ' <<<"$output"
}

@test "prune: what is old, down to a size, everything" {
	build -q
	all=$(kept | wc -l)
	expect 0 "$imgmin" cache prune
	prints "freed 0 B (0 removed)"
	says "--all removes it, too"
	[ "$(kept | wc -l)" = "$all" ]
	oldest=$(kept | head -n 1)
	touch -d '8 days ago' "$oldest"
	expect 0 "$imgmin" cache prune
	prints "freed "
	prints "(1 removed)"
	[ ! -e "$oldest" ]
	[ "$(kept | wc -l)" = $((all - 1)) ]
	build # the rest is of use still
	[ "$(grep -c ', from the cache$' <<<"$stderr")" = 2 ]
	newest=$(kept | xargs stat -c '%s %n' | sort -n | head -n 1 | cut -d' ' -f2)
	kept | xargs touch -d '1 hour ago'
	touch "$newest"
	expect 0 "$imgmin" cache prune --keep-size 100kB
	[ "$(kept)" = "$newest" ]
	expect 0 "$imgmin" cache prune --all
	[ -z "$(kept)" ]
	[ -z "$(ls -A "$cache/layers")" ]
	build
	expect 2 "$imgmin" cache prune --all --keep-size 1
	expect 2 "$imgmin" cache prune --keep-size much
	says "not a size"
	expect 2 "$imgmin" cache
	says "imgmin cache du, imgmin cache prune"
	# Only what is known for the cache's own.
	mkdir -p mine/blobs mine/tmp
	touch mine/file mine/blobs/file mine/tmp/file
	expect 0 "$imgmin" cache prune --all --cache-dir mine
	[ "$(find mine -type f | wc -l)" = 3 ]
}

@test "beyond 2 GB the least recently used goes by itself, the newest stay" {
	build -q
	kept | xargs touch -d '1 hour ago'
	old=$cache/blobs/sha256/$(printf '%064d' 1)
	older=$cache/blobs/sha256/$(printf '%064d' 2)
	truncate -s 1500MB "$old"
	truncate -s 600MB "$older"
	touch -d '2 hours ago' "$old"
	touch -d '3 hours ago' "$older"
	build # nothing new
	[ -e "$older" ]
	expect 0 "$imgmin" build -q "$here/other.d/hello" -o other.tar
	[ ! -e "$older" ]
	[ -e "$old" ]
	build
	[ "$(grep -c ', from the cache$' <<<"$stderr")" = 3 ]
}

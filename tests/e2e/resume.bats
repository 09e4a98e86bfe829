#!/usr/bin/env bats
# Pushes and pulls that are killed at any moment: the next run makes it right, and sends only what
# was not finished.
load ../lib/common
load ../lib/registry

setup_file() {
	cd "$BATS_FILE_TMPDIR"
	make_image image --layers 5 --size 30000
	server_start s --image image --rate 250000
}

teardown_file() {
	servers_stop
}

setup() {
	need_tool jq
	cd "$BATS_TEST_TMPDIR"
	mkdir -p home
	export XDG_CACHE_HOME=$PWD/cache HOME=$PWD/home TMPDIR=$PWD
	unset XDG_RUNTIME_DIR XDG_CONFIG_HOME DOCKER_CONFIG DOCKER_AUTH_CONFIG REGISTRY_AUTH_FILE
}

killer() { # push|pull
	mkdir rounds
	"$PYTHON" "$top/tests/lib/killer.py" "$1" "$imgmin" "$s_main" "$s_log" \
		"$BATS_FILE_TMPDIR/image" "$PWD/rounds" --rounds 50
}

@test "push, killed at 50 random points" {
	killer push
}

@test "pull, killed at 50 random points" {
	killer pull
	# Leftovers of killed runs are swept by the next ones.
	[ -z "$(find rounds -mindepth 1)" ]
}

@test "pulls at the same time: one keeps what comes, each gets the image" {
	pids=()
	for i in 1 2 3; do
		"$imgmin" pull -q "$s_main/slow/together/seeded:latest" "oci:layout$i" >"out$i" 2>&1 3>&- &
		pids+=($!)
	done
	for pid in "${pids[@]}"; do
		wait "$pid" || { cat out?; return 1; }
	done
	for i in 1 2 3; do
		diff -r "$BATS_FILE_TMPDIR/image/blobs" "layout$i/blobs"
	done
	[ -z "$(find cache/imgmin/tmp -type f)" ]
	# And the next one downloads nothing.
	before=$(requests "$s_log" '.method == "GET" and (.path | contains("/blobs/"))')
	expect 0 "$imgmin" pull "$s_main/slow/together/seeded:latest" oci:layout4
	diff -r "$BATS_FILE_TMPDIR/image/blobs" layout4/blobs
	[ "$(requests "$s_log" '.method == "GET" and (.path | contains("/blobs/"))')" = "$before" ]
}

@test "a pull that broke off goes on where it stopped" {
	expect 0 "$imgmin" pull --retry 3 --retry-delay 0.05 "$s_main/fault/1-once/seeded:latest" oci:layout
	diff -r "$BATS_FILE_TMPDIR/image/blobs" layout/blobs
	# Nothing came twice: what was sent is what there is, and the manifests.
	sent=$(jq -s 'map(select(.repo == "fault/1-once/seeded" and (.path | contains("/blobs/"))) | .out) | add' "$s_log")
	size=$(jq -s 'map([.config.size] + [.layers[].size] | add) | add' \
		"$BATS_FILE_TMPDIR/image/blobs/sha256/$(jq -r '.manifests[0].digest' \
			"$BATS_FILE_TMPDIR/image/index.json" | cut -d: -f2)")
	[ "$sent" = "$size" ]
}

#!/usr/bin/env bats
# Programs of a Debian for another processor, as images, run for real in Docker Engine.
load ../lib/common
load ../lib/engines

setup_file() {
	engines_start
}

teardown_file() {
	engines_stop
}

setup() {
	need_engines
	need_foreign arm
	sysroot root armhf
	cd "$BATS_TEST_TMPDIR"
}

# in_image PATH [OPTION...] -- ARG...: builds PATH out of the sysroot, loads it, runs it with ARGs.
in_image() {
	local path=$1 name options=()
	name=test/$(basename "$path")
	shift
	while [ "$1" != -- ]; do
		options+=("$1")
		shift
	done
	shift
	"$imgmin" build --quiet --sysroot "$root" -t "$name" -o image.tar "${options[@]}" "$root$path"
	docker load --quiet -i image.tar
	ls -l image.tar
	run_in_docker --platform linux/arm/v7 "$name" "$@"
}

@test "mosquitto" {
	in_image /usr/sbin/mosquitto -- -h | grep 'mosquitto version 2'
}

@test "sqlite3 answers a query" {
	in_image /usr/bin/sqlite3 -- :memory: 'select 6*7' | grep -x 42
}

@test "curl reads a file" {
	in_image /usr/bin/curl -- --version | grep -E '^curl 7|^curl 8'
	run_in_docker --platform linux/arm/v7 test/curl -s file:///proc/version | grep Linux
}

# redis-server is a link to redis-check-rdb, and looks at the name it was called by.
@test "redis-server" {
	in_image /usr/bin/redis-server -- --version | grep '^Redis server v='
	# And it serves.
	id=$(docker run -d --network none --platform linux/arm/v7 test/redis-server --save '')
	for i in $(seq 100); do
		! docker logs "$id" 2>&1 | grep -q 'Ready to accept connections' || break
		sleep 0.1
	done
	docker logs "$id" 2>&1 | grep 'Ready to accept connections'
	docker stop -t 10 "$id"
	docker rm "$id"
}

@test "python3 with its library" {
	in_image /usr/bin/python3 --include '/usr/lib/python3*/**' -- -c 'print(1)' | grep -x 1
	run_in_docker --platform linux/arm/v7 test/python3 -c \
		'import json, math, hashlib; print(json.dumps({"pi": round(math.pi, 2)}))' |
		grep -x '{"pi": 3.14}'
}

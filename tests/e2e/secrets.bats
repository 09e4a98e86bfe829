#!/usr/bin/env bats
# The password and the tokens stand in no output, log, command line or leftover file.
bats_require_minimum_version 1.5.0
load ../lib/common
load ../lib/registry

setup_file() {
	cd "$BATS_FILE_TMPDIR"
	make_image image --layers 2 --size 60000
	server_start s --image image --listen main=127.0.0.1:0 --listen other=127.0.0.2:0 --rate 60000
	server_start hub --hub --listen main=127.0.0.1:0 --listen auth=127.0.0.2:0
}

teardown_file() {
	servers_stop
}

setup() {
	need_tool jq
	cd "$BATS_TEST_TMPDIR"
	mkdir -p home out
	export XDG_CACHE_HOME=$PWD/cache HOME=$PWD/home
	unset XDG_RUNTIME_DIR XDG_CONFIG_HOME DOCKER_CONFIG DOCKER_AUTH_CONFIG REGISTRY_AUTH_FILE
	image=$BATS_FILE_TMPDIR/image
	encoded=$(printf %s "$user:$password" | base64)
	printf '{"auths":{"%s":{"auth":"%s"},"%s":{"auth":"%s"}}}' "$s_main" "$encoded" "$hub_main" \
		"$encoded" >auth.json
	export told=$BATS_TEST_TMPDIR/told
	mkdir told
	n=0
}

# tells [STATUS] COMMAND [ARG]...: imgmin at its most talkative; all it says is kept in told/.
tells() {
	local want=$1 status=0
	shift
	n=$((n + 1))
	timeout 30 "$imgmin" -vv "$@" >"$told/$n.out" 2>"$told/$n.err" || status=$?
	[[ $status =~ ^$want$ ]] || { cat "$told/$n.err"; echo "status $status of: $*"; return 1; }
}

# nothing_told [DIR]: neither the password, nor it encoded, nor a token.
nothing_told() {
	local dir=${1:-$told} word
	for word in "$password" "$encoded" "${encoded%%=*}" "$token_mark" 'Authorization: [BA-Z]'; do
		if grep -raE -- "$word" "$dir"; then
			echo "«$word» was told"
			return 1
		fi
	done
}

@test "push and pull by token: -vv shows requests, but no secrets" {
	tells 0 push --authfile auth.json "oci:$image" "$s_main/auth/x:v1"
	grep -q '/v2/auth/x/' told/1.err
	tells 0 pull --authfile auth.json "$s_main/auth/x:v1" out/x.tar
	tells 0 copy --authfile auth.json "docker://$s_main/auth/x:v1" "docker://$s_main/auth/y:v1"
	tells 0 push --creds "$user:$password" "oci:$image" "$s_main/auth/z:v1"
	tells 0 push --creds="$user:$password" "oci:$image" "$s_main/basic/z:v1"
	nothing_told
	[ "$(requests "$s_log" '.auth == "bearer"')" -gt 10 ] # there was something to be told
	[ "$(requests "$s_log" '.auth == "basic"')" -gt 3 ]
}

@test "failures: neither messages nor logs hold secrets" {
	tells 5 push --creds "$user:x$password" "oci:$image" "$s_main/auth/bad:v1"
	tells 5 push --creds "$user:x$password" "oci:$image" "$s_main/basic/bad:v1"
	for fault in 14-early 22 26-always 31-always 47; do
		tells '[0-6]' push --retry 1 --retry-delay 0.05 --authfile auth.json "oci:$image" \
			"$s_main/auth/fault/$fault/x:v1"
	done
	for fault in 15-missing 15-huge 18 19 3; do
		tells '[0-6]' pull --retry 1 --retry-delay 0.05 --authfile auth.json \
			"$s_main/auth/fault/$fault/seeded:latest" out/x.tar
	done
	nothing_told
}

@test "login and logout tell nothing, and keep it where Docker does" {
	printf %s "$password" >secret
	tells 0 login -u "$user" --password-stdin "$hub_main" <secret
	tells 0 logout "$hub_main"
	printf 'x%s' "$password" >secret
	tells 5 login -u "$user" --password-stdin "$hub_main" <secret
	nothing_told
	nothing_told home
}

@test "no file that stays holds them: cache, archive, temporary files" {
	mkdir tmp
	TMPDIR=$PWD/tmp tells 0 push --authfile auth.json "oci:$image" "$s_main/auth/files:v1"
	TMPDIR=$PWD/tmp tells 0 pull --authfile auth.json "$s_main/auth/files:v1" out/files.tar
	nothing_told out
	nothing_told tmp
	[ ! -d cache ] || nothing_told cache
}

# watch COMMAND…: runs it, and keeps its command line as others see it, again and again.
watch() {
	local pid
	"$@" >told/watched.out 2>told/watched.err 3>&- &
	pid=$!
	sleep 0.1
	samples=0
	while kill -0 $pid 2>/dev/null; do
		tr '\0' ' ' <"/proc/$pid/cmdline" >>told/cmdline 2>/dev/null || true
		cat "/proc/$pid/comm" >>told/cmdline 2>/dev/null || true
		samples=$((samples + 1))
		sleep 0.05
	done
	wait $pid
}

@test "the command line of a slow push shows none" {
	watch "$imgmin" push --authfile auth.json "oci:$image" "$s_main/auth/slow/x:v1"
	[ "$samples" -ge 5 ]
	grep -q push told/cmdline
	nothing_told
	rm told/*
	watch "$imgmin" push --creds "$user:$password" "oci:$image" "$s_main/auth/slow/y:v1"
	[ "$samples" -ge 5 ]
	nothing_told
	rm told/*
	watch "$imgmin" push "--creds=$user:$password" "oci:$image" "$s_main/auth/slow/z:v1"
	nothing_told
}

@test "a credential helper gets the host by stdin, and its command line holds nothing" {
	mkdir bin home/.docker
	cat >bin/docker-credential-look <<-END
		#!/bin/sh
		tr '\\0' ' ' </proc/\$\$/cmdline >>told/helper
		env >>told/helper
		echo '{"Username":"$user","Secret":"$password"}'
	END
	chmod +x bin/*
	echo '{"credsStore":"look"}' >home/.docker/config.json
	PATH=$PWD/bin:$PATH tells 0 push "oci:$image" "$s_main/auth/helped:v1"
	grep -q docker-credential-look told/helper
	nothing_told
}

#!/usr/bin/env bats
# Docker Hub's way of speaking, replayed in a network where registry-1.docker.io and auth.docker.io
# are ours; and credential helpers, good and bad ones.
bats_require_minimum_version 1.5.0
load ../lib/common
load ../lib/registry

setup_file() {
	cd "$BATS_FILE_TMPDIR"
	make_image image --layers 2 --size 20000
	make_ca ca
	make_cert ca hub DNS:registry-1.docker.io,DNS:auth.docker.io,DNS:index.docker.io
	cat >hosts <<-END
		127.0.0.1 localhost
		10.77.0.1 registry-1.docker.io
		10.77.0.2 auth.docker.io
		10.77.0.3 docker.io index.docker.io hub.docker.com
	END
	netns_start "$PWD/hosts" 10.77.0.1 10.77.0.2
	[ -z "$netns" ] || server_start hub --hub --image library/debian=image --image grafana/grafana=image \
		--image library/limited=image --name main=registry-1.docker.io --name auth=auth.docker.io \
		--listen main=10.77.0.1:443,ca/hub.crt,ca/hub.key \
		--listen auth=10.77.0.2:443,ca/hub.crt,ca/hub.key
}

teardown_file() {
	servers_stop
}

setup() {
	need_netns
	need_tool jq openssl
	cd "$BATS_TEST_TMPDIR"
	mkdir -p home bin out
	export XDG_CACHE_HOME=$PWD/cache HOME=$PWD/home PATH=$PWD/bin:$PATH
	export SSL_CERT_FILE=$BATS_FILE_TMPDIR/ca/ca.crt
	unset XDG_RUNTIME_DIR XDG_CONFIG_HOME DOCKER_CONFIG DOCKER_AUTH_CONFIG REGISTRY_AUTH_FILE
	image=$BATS_FILE_TMPDIR/image
	log=$BATS_TEST_TMPDIR/log
	lines=$(wc -l <"$hub_log")
}

# hub COMMAND [ARG]...: imgmin in that network; the requests of this test alone stand in $log.
hub() { inside timeout 60 "$imgmin" "$@"; }
look() { tail -n "+$((lines + 1))" "$hub_log" >"$log"; }

# The credentials of tester, where docker login puts them.
logged_in() {
	mkdir -p home/.docker
	echo "{\"auths\":{\"https://index.docker.io/v1/\":{\"auth\":\"$(printf %s "$user:$password" |
		base64)\"}}}" >home/.docker/config.json
}

@test "a bare name is of library/, and a token comes from the other host" {
	expect 0 hub pull debian oci:out/layout
	diff -r "$image/blobs" out/layout/blobs
	look
	[ "$(requests "$log" '.repo == "library/debian" and .status == 200 and .auth == "bearer"')" -ge 4 ]
	[ "$(requests "$log" '.listener == "auth" and .path == "/token"')" = 1 ]
	[ "$(requests "$log" '.listener == "auth" and (.query | contains("service=faults.test")) and
		(.query | test("scope=repository(:|%3A)library(/|%2F)debian(:|%3A)pull(&|$)"))')" = 1 ]
	no_requests "$log" '.auth == "basic"'
	# Somebody else's is not of library/.
	expect 0 hub pull docker.io/grafana/grafana:latest oci:out/grafana
}

@test "the key of Docker Hub in config.json is that of its old index" {
	logged_in
	expect 0 hub pull debian out/debian.tar
	look
	[ "$(requests "$log" '.listener == "auth" and .auth == "basic"')" = 1 ]
	no_requests "$log" '.listener == "main" and .auth == "basic"'
}

@test "push to one's own repository" {
	logged_in
	expect 0 hub push "oci:$image" tester/sensor:1.2
	look
	[ "$(requests "$log" '.method == "PUT" and .path == "/v2/tester/sensor/manifests/1.2" and
		.status == 201')" = 1 ]
	[ "$(requests "$log" '.listener == "auth"')" = 1 ]
	no_requests "$log" '.listener == "main" and .auth == "basic"'
	expect 0 hub pull tester/sensor:1.2 oci:out/layout
	diff -r "$image/blobs" out/layout/blobs
}

@test "push without being logged in: exit 5, what it may mean, what to do" {
	expect 5 hub push "oci:$image" tester/other:1
	says 'does not exist or you may not push to it'
	grep -q '^hint: .*imgmin login' "$BATS_TEST_TMPDIR/stderr"
}

@test "push to somebody else's repository" {
	logged_in
	expect 5 hub push "oci:$image" grafana/grafana:1
	says 'does not exist or you may not push to it'
	look
	no_requests "$log" '.method == "PUT" and .status < 300'
	[ "$(wc -l <"$log")" -le 20 ]
}

@test "pull of an unknown repository: 401, which means that it is not there" {
	expect 5 hub pull nobody/nothing out/x.tar
	says 'nobody/nothing'
	says 'does not exist'
	grep -q '^hint: .*login' "$BATS_TEST_TMPDIR/stderr"
	[ -z "$(ls out)" ]
	look
	[ "$(wc -l <"$log")" -le 10 ]
}

@test "what looks like a registry's address gets a hint" {
	expect 5 hub push "oci:$image" reg.example:5000
	says 'hint: if reg.example:5000 is a registry: reg.example:5000/NAME:TAG'
	expect 5 hub pull nothing:12 out/x.tar
	says 'hint: imgmin login'
}

@test "the pull limit: what is left is said" {
	expect 6 hub pull --retry 1 --retry-delay 0.05 limited out/x.tar
	says 'pull rate limit'
	says '0;w=21600'
	[ -z "$(ls out)" ]
}

@test "login and logout of Docker Hub" {
	printf %s "$password" | expect 0 hub login -u "$user" --password-stdin
	[ "$(stat -c %a home/.docker/config.json)" = 600 ]
	[ "$(jq -r '.auths["https://index.docker.io/v1/"].auth' home/.docker/config.json | base64 -d)" = \
		"$user:$password" ]
	expect 0 hub push "oci:$image" tester/after-login:1
	expect 0 hub logout
	[ "$(jq '.auths // {} | length' home/.docker/config.json)" = 0 ]
	expect 5 hub push "oci:$image" tester/after-logout:1
}

@test "login with a wrong password: exit 5, and nothing is kept" {
	printf wrong | expect 5 hub login -u "$user" --password-stdin
	[ ! -e home/.docker/config.json ] || [ "$(jq '.auths // {} | length' home/.docker/config.json)" = 0 ]
}

# ---- helpers -----------------------------------------------------------------------------------

# helper NAME: reads docker-credential-NAME from stdin, and is the one of the configuration.
helper() {
	mkdir -p home/.docker
	cat >"bin/docker-credential-$1"
	chmod +x "bin/docker-credential-$1"
	echo "{\"credsStore\":\"$1\"}" >home/.docker/config.json
}

@test "a good helper is asked for the right key, by stdin" {
	helper good <<-END
		#!/bin/sh
		read -r server
		echo "\$# \$1 \$server" >>$PWD/asked
		echo '{"ServerURL":"https://index.docker.io/v1/","Username":"$user","Secret":"$password"}'
	END
	expect 0 hub push "oci:$image" tester/helped:1
	[ "$(sort -u asked)" = "1 get https://index.docker.io/v1/" ]
	[ "$(wc -l <asked)" = 1 ]
}

@test "credHelpers of a host comes before credsStore" {
	helper wrong <<-END
		#!/bin/sh
		touch $PWD/wrong-asked
		exit 1
	END
	helper right <<-END
		#!/bin/sh
		echo '{"Username":"$user","Secret":"$password"}'
	END
	echo '{"credsStore":"wrong","credHelpers":{"https://index.docker.io/v1/":"right"}}' \
		>home/.docker/config.json
	expect 0 hub push "oci:$image" tester/helped:2
	[ ! -e wrong-asked ]
}

@test "a helper with an identity token" {
	helper identity <<-END
		#!/bin/sh
		echo '{"Username":"<token>","Secret":"refresh-$password"}'
	END
	expect 0 hub push "oci:$image" tester/helped:3
	look
	[ "$(requests "$log" '.listener == "auth" and .method == "POST" and .status == 200')" -ge 1 ]
	no_requests "$log" '.auth == "basic"'
}

@test "a helper that knows nothing: anonymous" {
	helper empty <<-'END'
		#!/bin/sh
		echo "credentials not found in native keychain"
		exit 1
	END
	expect 0 hub pull debian out/debian.tar
	expect 5 hub push "oci:$image" tester/helped:4
}

@test "a helper that is missing is named" {
	mkdir -p home/.docker
	echo '{"credsStore":"gone"}' >home/.docker/config.json
	expect 5 hub push "oci:$image" tester/helped:5
	says docker-credential-gone
}

@test "a helper that fails is named, with what it says, but nothing that hurts a terminal" {
	helper fails <<-'END'
		#!/bin/sh
		printf 'keychain \033[31mis locked\n' >&2
		exit 1
	END
	expect 5 hub push "oci:$image" tester/helped:6
	says docker-credential-fails
	run ! grep -q $'\033' "$BATS_TEST_TMPDIR/stderr"
}

@test "a helper that floods is stopped" {
	helper floods <<-'END'
		#!/bin/sh
		exec yes "flood flood flood flood"
	END
	expect 5 hub push "oci:$image" tester/helped:7
	says docker-credential-floods
	[ "$(wc -c <"$BATS_TEST_TMPDIR/stderr")" -lt 2000 ]
}

@test "a helper that hangs is stopped, and can be left" {
	helper hangs <<-END
		#!/bin/sh
		echo \$\$ >$PWD/pid
		exec sleep 300
	END
	expect 5 hub push "oci:$image" tester/helped:8
	says docker-credential-hangs
	run ! kill -0 "$(cat pid)"
}

@test "a helper's name is a name, not a path or an option" {
	mkdir -p home/.docker evil
	printf '#!/bin/sh\ntouch %s\n' "$PWD/ran" >evil/docker-credential-x
	cp evil/docker-credential-x docker-credential-x
	chmod +x evil/* docker-credential-x
	for name in "../evil/x" "/../$PWD/evil/x" "x;touch $PWD/ran" ""; do
		jq -n --arg n "$name" '{credsStore: $n}' >home/.docker/config.json
		status=0
		hub pull debian out/debian.tar >out.txt 2>stderr || status=$?
		[ ! -e ran ]
		rm -f out/debian.tar
	done
}

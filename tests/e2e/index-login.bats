#!/usr/bin/env bats
# imgmin index, login and logout, and what a copy inside one registry moves, with docker-registry.
load ../lib/common

bats_require_minimum_version 1.5.0

# registry NAME [HTPASSWD]: starts one on a free port; $NAME is "localhost:PORT" from then on.
registry() {
	local dir=$BATS_FILE_TMPDIR/$1 port
	port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
	mkdir "$dir"
	{
		echo "version: 0.1"
		echo "storage: {filesystem: {rootdirectory: $dir}}"
		echo "http: {addr: 127.0.0.1:$port}"
		[ -z "${2:-}" ] || echo "auth: {htpasswd: {realm: test, path: $2}}"
	} >"$dir.yml"
	docker-registry serve "$dir.yml" >"$dir.log" 2>&1 </dev/null 3>&- &
	echo $! >"$dir.pid"
	for _ in $(seq 100); do
		(exec 9<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null && break
		sleep 0.1
	done
	export "$1=localhost:$port"
}

setup_file() {
	[ -n "$(command -v docker-registry)" ] && [ -n "$(command -v arm-linux-gnueabihf-gcc)" ] || return 0
	sensor
	cd "$BATS_FILE_TMPDIR"
	# "s3cret" of joe
	echo 'joe:$2y$05$AdbeQ8d3Q4.6Yzvh/vxUXeELSuNASp/oefVOyHGaSKbT4o7efXhVe' >htpasswd
	registry open
	registry closed "$BATS_FILE_TMPDIR/htpasswd"
	"$imgmin" build -q "$sensor_native" -t "$open/u/s:amd" --push >amd
	"$imgmin" build -q "$sensor_armhf" -t "$open/u/other:arm" --push >arm
	"$imgmin" build -q "$sensor_armhf" "$sensor_native" -t u/s:1 -o both.tar >both
}

teardown_file() {
	for pid in "$BATS_FILE_TMPDIR"/*.pid; do
		[ ! -e "$pid" ] || kill "$(cat "$pid")"
	done
}

setup() {
	need_tool docker-registry arm-linux-gnueabihf-gcc skopeo jq
	mkdir "$BATS_TEST_TMPDIR/work"
	cd "$BATS_TEST_TMPDIR/work"
	export DOCKER_CONFIG=$PWD/docker
	unset XDG_RUNTIME_DIR XDG_CONFIG_HOME REGISTRY_AUTH_FILE DOCKER_AUTH_CONFIG
	export HOME=$PWD
	both=$(sed 's/.*@//' "$BATS_FILE_TMPDIR/both")
	arm=$(sed 's/.*@//' "$BATS_FILE_TMPDIR/arm")
}

raw() { skopeo inspect --tls-verify=false --raw "docker://$1"; }

@test "images of two jobs become the index that one build makes" {
	expect 0 "$imgmin" index create "$open/u/s:1" "$open/u/s:amd" "$open/u/other@$arm"
	[[ $output == "1: digest: $both size: "* ]]
	says "mounted from u/other"
	[ "sha256:$(raw "$open/u/s:1" | sha256sum | cut -d' ' -f1)" = "$both" ]
	expect 0 "$imgmin" index inspect "$open/u/s:1"
	[ "$(awk 'NR > 1 {print $1}' <<<"$output" | tr '\n' ' ')" = "linux/arm/v7 linux/amd64 " ]
	expect 0 "$imgmin" index inspect --format json "$open/u/s:1"
	[ "$output" = "$(raw "$open/u/s:1")" ]
}

@test "--append keeps what is there, without it nothing is kept" {
	expect 0 "$imgmin" index create --append "$open/u/s:2" "$open/u/s:amd"
	expect 0 "$imgmin" index create --append "$open/u/s:2" "$open/u/other:arm"
	[[ $output == *"$both"* ]]
	expect 0 "$imgmin" index create --append "$open/u/s:2" "$open/u/other:arm"
	[[ $output == *"$both"* ]]
	expect 0 "$imgmin" index create "$open/u/s:2" "$open/u/other:arm"
	raw "$open/u/s:2" | jq -e '.manifests | length == 1'
}

@test "jobs that append at the same time lose no image" {
	for i in 1 2 3; do
		"$imgmin" index create -q --append "$open/race/s:$i" "$open/u/s:amd" &
		"$imgmin" index create -q --append "$open/race/s:$i" "$open/u/other:arm"
		wait $!
		[ "sha256:$(raw "$open/race/s:$i" | sha256sum | cut -d' ' -f1)" = "$both" ]
	done
}

@test "a bare digest is an image in the tag's own repository" {
	amd=$(sed 's/.*@//' "$BATS_FILE_TMPDIR/amd")
	expect 0 "$imgmin" copy -q "$open/u/other@$arm" "$open/u/s:arm"
	expect 0 "$imgmin" index create "$open/u/s:bare" "$amd" "@$arm"
	[[ $output == "bare: digest: $both size: "* ]]
	expect 2 "$imgmin" index create "$open/u/s:bare" sha256:12
	says "sha256:12: a sha256 digest has 64 hex digits"
	expect 6 "$imgmin" index create "$open/u/s:bare" "sha256:$(printf %064d 0)"
	says "$open/u/s@sha256:"
}

@test "two images for one platform are refused, and the tag stays" {
	"$imgmin" build -q "$sensor_native" --label other=1 -o other.tar
	expect 0 "$imgmin" index create "$open/u/s:3" "$open/u/s:amd"
	before=$(raw "$open/u/s:3")
	expect 2 "$imgmin" index create "$open/u/s:3" "$open/u/s:amd" other.tar
	says "both for linux/amd64"
	# Before anything is brought: the registry was not asked for a blob.
	"$imgmin" build -q "$sensor_native" --label other=1 -t "$open/u/other:amd" --push
	expect 2 "$imgmin" index create "$open/u/fresh:1" "$open/u/other:amd" "$open/u/s:amd"
	says "both for linux/amd64"
	[ "$(grep -c 'u/fresh/blobs' "$BATS_FILE_TMPDIR/open.log")" = 0 ]
	[ ! -e "$BATS_FILE_TMPDIR/open/docker/registry/v2/repositories/u/fresh" ]
	expect 2 "$imgmin" index create --append "$open/u/s:3" other.tar
	[ "$(raw "$open/u/s:3")" = "$before" ]
	expect 2 "$imgmin" index inspect "$open/u/s:amd"
}

@test "an index of Docker's types is a manifest list; archives come along" {
	"$imgmin" build -q --format docker "$sensor_native" -o a.tar
	"$imgmin" build -q --format docker "$sensor_armhf" -o b.tar
	expect 0 "$imgmin" index create "$open/list/s" a.tar b.tar
	raw "$open/list/s" | jq -e \
		'.mediaType == "application/vnd.docker.distribution.manifest.list.v2+json"'
	expect 0 "$imgmin" check --strict "$open/list/s"
}

@test "a copy inside one registry mounts, downloading nothing" {
	"$imgmin" push -q "$BATS_FILE_TMPDIR/both.tar" "$open/from/s:1"
	export XDG_CACHE_HOME=$PWD/cache
	expect 0 "$imgmin" copy "$open/from/s:1" "$open/to/s:2"
	says "mounted from from/s"
	[[ $stderr != *downloaded* && $stderr != *uploaded* ]]
	[ -z "$(find cache -type f -size +10k)" ]
	[ "sha256:$(raw "$open/to/s:2" | sha256sum | cut -d' ' -f1)" = "$both" ]
	expect 0 "$imgmin" pull "$open/to/s:2" back.tar
	expect 0 "$imgmin" check --strict back.tar
}

@test "an image named by its digest: it is said once, and is no name of the copy" {
	"$imgmin" push -q "$BATS_FILE_TMPDIR/both.tar" "$open/dig/s:1"
	expect 0 "$imgmin" pull -q "$open/dig/s@$both" one.tar
	[ "$output" = "$open/dig/s@$both" ]
	[ "$(tar xOf one.tar index.json | jq '[.manifests[] | .annotations // {} | keys[]] | length')" = 0 ]
	expect 0 "$imgmin" check --strict one.tar
	expect 0 "$imgmin" copy -q "$open/dig/s:1@$both" oci:two
	[ "$output" = "$open/dig/s:1@$both" ]
	grep -q '"org.opencontainers.image.ref.name":"1"' <(jq -c . two/index.json)
	[ "$(grep -c '@sha256' two/index.json)" = 0 ]
	expect 0 "$imgmin" copy -q oci:two oci:three
	[ "$output" = "$open/dig/s:1@$both" ]
	expect 0 "$imgmin" pull -q --platform linux/arm/v7 "$open/dig/s@$both" arm.tar
	[[ $output == "$open/dig/s@sha256:"* && $output != *"$both"* ]]
	for command in inspect "index inspect"; do
		expect 0 "$imgmin" $command "$open/dig/s@$both"
		[ "${output%%$'\n'*}" = "$open/dig/s@$both" ]
	done
}

@test "between registries a line for each layer, once; what the cache has is told with -v" {
	export XDG_CACHE_HOME=$PWD/cache
	"$imgmin" push -q "$BATS_FILE_TMPDIR/both.tar" "$open/lines/s:1"
	expect 0 "$imgmin" copy "$open/lines/s:1" oci:seen
	grep -q 'downloaded' <<<"$stderr"
	"$imgmin" login -q -u joe --password-stdin "$closed" <<<s3cret
	expect 0 "$imgmin" copy "$open/lines/s:1" "$closed/lines/s:1"
	grep -q uploaded <<<"$stderr"
	[ -z "$(cut -d: -f1 <<<"$stderr" | sort | uniq -d)" ]
	expect 0 "$imgmin" pull "$open/lines/s:1" again.tar
	says ": from the cache"
	expect 0 "$imgmin" inspect "$open/lines/s:1"
	[ -z "$stderr" ]
	expect 0 "$imgmin" check "$open/lines/s:1"
	[ -z "$stderr" ]
	expect 0 "$imgmin" inspect -v "$open/lines/s:1"
	says ": from the cache"
}

@test "build --push says what was made before it says what was sent" {
	expect 0 "$imgmin" build -v "$sensor_native" -t "$open/order/s:1" --push --label order=1
	[ "$(grep -nE -m1 '; verified' <<<"$stderr" | cut -d: -f1)" -lt \
		"$(grep -nE -m1 ': (uploaded|exists|mounted)' <<<"$stderr" | cut -d: -f1)" ]
	[[ $output == *"$open/order/s:1@sha256:"* ]]
}

@test "login, push, logout: Docker's config.json with mode 0600, other fields kept" {
	expect 5 "$imgmin" push "$BATS_FILE_TMPDIR/both.tar" "$closed/a/b"
	says "imgmin login $closed"
	mkdir docker
	echo '{"detachKeys": "ctrl-x", "auths": {"other.example": {"auth": "YTpi"}}}' >docker/config.json
	expect 0 "$imgmin" login -u joe --password-stdin "$closed" <<<s3cret
	[ -z "$output" ]
	[[ $stderr != *s3cret* ]]
	[ "$(stat -c %a docker/config.json)" = 600 ]
	jq -e --arg h "$closed" '.detachKeys == "ctrl-x" and .auths["other.example"].auth == "YTpi" and
		.auths[$h].auth == "am9lOnMzY3JldA=="' docker/config.json
	expect 0 "$imgmin" push "$BATS_FILE_TMPDIR/both.tar" "$closed/a/b"
	expect 0 "$imgmin" logout "$closed"
	jq -e --arg h "$closed" '.auths[$h] == null and .auths["other.example"].auth == "YTpi"' \
		docker/config.json
	expect 5 "$imgmin" push "$BATS_FILE_TMPDIR/both.tar" "$closed/a/b"
	expect 0 "$imgmin" push --creds joe:s3cret "$BATS_FILE_TMPDIR/both.tar" "$closed/a/b"
}

@test "a wrong password is exit 5 and nothing is kept" {
	expect 5 "$imgmin" login -u joe --password-stdin "$closed" <<<wr0ng
	[[ $stderr != *wr0ng* ]]
	[ ! -e docker/config.json ]
	expect 2 "$imgmin" login --password-stdin "$closed" <<<s3cret
	expect 2 "$imgmin" login -u joe --password-stdin "$closed" </dev/null
	expect 2 "$imgmin" login -u joe --password-stdin nohost <<<s3cret
	expect 2 "$imgmin" login --password-stdin "$closed" <<<s3cret
	says "hint: imgmin login -u USER --password-stdin"
	for option in -p --password; do
		expect 2 "$imgmin" login -u joe $option s3cret "$closed"
		says "hint: imgmin login -u USER --password-stdin"
		[[ $stderr != *s3cret* ]]
	done
	status=0
	setsid -w "$imgmin" login "$closed" </dev/null 2>err || status=$?
	[ "$status" != 0 ]
	grep -q 'hint: imgmin login -u USER --password-stdin' err
}

@test "the password is asked for on the terminal, and not shown" {
	need_tool script
	# script gives it a terminal; what is typed comes after the question.
	{ sleep 1; echo joe; sleep 1; echo s3cret; sleep 1; } |
		script -qec "$imgmin login $closed" /dev/null >said
	grep -q "logged in to $closed as joe" said
	grep -q "Password: " said
	[ "$(grep -c s3cret said)" = 0 ]
}

@test "a registry without TLS on another address, a wrong port, a wrong name: each is told apart" {
	local port=${open#*:} unused
	expect 6 "$imgmin" pull "$open/u/s:none" back.tar
	says "$open/u/s:none: no such tag (or repository): 404"
	expect 6 "$imgmin" pull "$open/u/s@sha256:$(printf '%064d' 0)" back.tar
	says "no such digest (or repository)"
	unused=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
	expect 6 "$imgmin" pull --retry 0 "localhost:$unused/u/s:1" back.tar
	says "no registry answers at localhost:$unused (Connection refused)"
	says "hint: is it running, and is $unused its port?"
	expect 6 "$imgmin" pull --retry 0 registry.invalid/u/s:1 back.tar
	says "hint: is this machine on a network, and is the name right?"
	# Loopback alone is spoken to without TLS: an address beyond it comes with a network of its own.
	[ "$(id -u)" = 0 ] && command -v ip >/dev/null && unshare -n true 2>/dev/null || return 0
	sed "s/127\.0\.0\.1:$port/10.77.0.9:5000/" "$BATS_FILE_TMPDIR/open.yml" >plain.yml
	unshare -n bash -c 'ip link set lo up; ip addr add 10.77.0.9/32 dev lo
		docker-registry serve plain.yml >log 2>&1 </dev/null 3>&- & trap "kill $!" EXIT
		for _ in $(seq 100); do
			(exec 9<>/dev/tcp/10.77.0.9/5000) 2>/dev/null && break
			sleep 0.1
		done
		! "$0" pull --retry 0 10.77.0.9:5000/u/s:amd back.tar 2>said || exit 1
		"$0" pull -q --tls-verify=false 10.77.0.9:5000/u/s:amd back.tar' "$imgmin" 3>&-
	grep -F "10.77.0.9:5000 speaks plain HTTP, not TLS" said
	grep -F "hint: --tls-verify=false allows that" said
}

@test "credentials that are refused: whose they are, and a hint that helps" {
	local both=$BATS_FILE_TMPDIR/both.tar wrong
	wrong='{"auths": {"'$closed'": {"auth": "'$(printf joe:wr0ng | base64)'"}}}'
	expect 5 "$imgmin" push --creds joe:wr0ng "$both" "$closed/a/b"
	says "$closed does not take the user name and password of --creds: 401"
	says "hint: --creds goes before what imgmin login keeps: correct it, or leave it out"
	[[ $stderr != *wr0ng* ]]
	DOCKER_AUTH_CONFIG=$wrong expect 5 "$imgmin" push "$both" "$closed/a/b"
	says "does not take the user name and password of DOCKER_AUTH_CONFIG"
	says "correct it, or unset it"
	echo "$wrong" >wrong.json
	expect 5 "$imgmin" push --authfile wrong.json "$both" "$closed/a/b"
	says "does not take the user name and password of wrong.json"
	says "hint: imgmin login --authfile wrong.json $closed"
	expect 2 "$imgmin" push --creds joe "$both" "$closed/a/b"
	says "hint: --creds USER:PASSWORD, or imgmin login"
}

@test "--retry holds where nobody listens; without it once more is enough" {
	local unused
	unused=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
	expect 6 "$imgmin" pull -vv --retry 4 --retry-delay 10ms "localhost:$unused/u/s:1" back.tar
	[ "$(grep -c "GET http://localhost:$unused/" "$BATS_TEST_TMPDIR/stderr")" = 5 ]
	expect 6 "$imgmin" pull -vv --retry-delay 10ms "localhost:$unused/u/s:1" back.tar
	[ "$(grep -c "GET http://localhost:$unused/" "$BATS_TEST_TMPDIR/stderr")" = 2 ]
}

@test "logout cannot empty DOCKER_AUTH_CONFIG, and says so" {
	export DOCKER_AUTH_CONFIG
	DOCKER_AUTH_CONFIG='{"auths": {"'$closed'": {"auth": "am9lOnMzY3JldA=="}}}'
	expect 0 "$imgmin" logout "$closed"
	says "DOCKER_AUTH_CONFIG still holds credentials for $closed: unset it"
	[[ $stderr != *"logged out"* && $stderr != *nobody* ]]
	expect 0 "$imgmin" logout "$open"
	says "nobody was logged in to $open"
	[[ $stderr != *DOCKER_AUTH_CONFIG* ]]
}

@test "a registry's address is no image" {
	expect 2 "$imgmin" push "$BATS_FILE_TMPDIR/both.tar" "$open"
	says "$open names a registry, not an image"
	says "hint: $open/NAME:TAG"
	expect 2 "$imgmin" push "$BATS_FILE_TMPDIR/both.tar" localhost:
	expect 2 "$imgmin" pull localhost:latest back.tar
	says "hint: localhost/NAME:TAG"
}

@test "a push by digest gives no tag, and takes no other digest" {
	"$imgmin" build -q "$sensor_armhf" -t u/bydigest -o one.tar --digestfile digest
	digest=$(cat digest)
	other=sha256:$(printf 0 | sha256sum | cut -d' ' -f1)
	expect 2 "$imgmin" push one.tar "$open/u/bydigest@$other"
	says "the digest of the image is $digest"
	expect 0 "$imgmin" push -q one.tar "$open/u/bydigest@$digest"
	[[ $output == "$open/u/bydigest@$digest: size: "[0-9]* ]]
	[ "$(raw "$open/u/bydigest@$digest" | sha256sum | cut -d' ' -f1)" = "${digest#*:}" ]
	[ "$(curl -s "http://$open/v2/u/bydigest/tags/list" | jq '.tags // [] | length')" = 0 ]
	expect 0 "$imgmin" index create -q "$open/u/bydigest:1" "$digest"
	[ "$(curl -s "http://$open/v2/u/bydigest/tags/list" | jq -c .tags)" = '["1"]' ]
	# With a tag beside it the digest is only compared.
	expect 0 "$imgmin" push -q one.tar "$open/u/bydigest:2@$digest"
	[[ $output == "2: digest: $digest size: "[0-9]* ]]
}

#!/usr/bin/env bats
# Against the real docker-registry: without accounts, with htpasswd, with a token service, by TLS;
# and what is pushed there as Docker, containerd and skopeo see it.
load ../lib/common
load ../lib/engines
load ../lib/registry

reading='^light: [0-9.]+ lux \+- [0-9.]+, [a-z ]+ \(simulated: no sensor here\)$'

http='http: {addr: "127.0.0.1:0"}'

# token_service NAME KEY-OPTION...: its port in $t_NAME, and a registry $r_NAME that believes it.
token_service() {
	local name=$1 dir=$BATS_FILE_TMPDIR/token-$1 i
	shift
	mkdir -p "$dir"
	openssl req -x509 -nodes -days 2 -subj "/CN=token service" -keyout "$dir/key" -out "$dir/crt" \
		-newkey "$@" 2>/dev/null
	"$PYTHON" "$top/tests/lib/tokenserver.py" --port "$dir/port" --log "$dir/log" --key "$dir/key" \
		--cert "$dir/crt" --life 2 >"$dir/stderr" 2>&1 </dev/null 3>&- &
	echo $! >>"$BATS_FILE_TMPDIR/servers.pids"
	for ((i = 0; i < 100; i++)); do
		[ ! -e "$dir/port" ] || break
		sleep 0.05
	done
	export "t_${name}_log=$dir/log"
	real_start "$name" "$http" "auth: {token: {realm: \"http://127.0.0.1:$(cat "$dir/port")/token\",
  service: registry.tests, issuer: tests, rootcertbundle: $dir/crt}}"
}

setup_file() {
	engines_start
	command -v docker-registry >/dev/null || return 0
	cd "$BATS_FILE_TMPDIR"
	make_image image --layers 3 --size 50000
	make_ca ca
	make_cert ca server IP:127.0.0.1
	make_cert ca client DNS:client
	make_ca other
	make_cert other client DNS:client
	real_start open "$http"
	# bcrypt of the tests' password; htpasswd(1) would be one more package.
	printf '%s:%s\n' "$user" "$(perl -e 'print crypt($ARGV[0], "\$2y\$05\$imgminimgminimgminimgu")' \
		"$password")" >htpasswd
	real_start htpasswd "$http" "auth: {htpasswd: {realm: tests, path: $PWD/htpasswd}}"
	token_service es256 ec -pkeyopt ec_paramgen_curve:prime256v1
	token_service rs256 rsa:2048
	real_start tls "http: {addr: \"127.0.0.1:0\", tls: {certificate: $PWD/ca/server.crt, key: $PWD/ca/server.key}}"
	real_start client "http: {addr: \"127.0.0.1:0\", tls: {certificate: $PWD/ca/server.crt, key: $PWD/ca/server.key, clientcas: [$PWD/ca/ca.crt]}}"
}

teardown_file() {
	servers_stop
	engines_stop
}

setup() {
	need_tool docker-registry jq openssl
	cd "$BATS_TEST_TMPDIR"
	mkdir -p home out
	export XDG_CACHE_HOME=$PWD/cache HOME=$PWD/home
	unset XDG_RUNTIME_DIR XDG_CONFIG_HOME DOCKER_AUTH_CONFIG REGISTRY_AUTH_FILE
	image=$BATS_FILE_TMPDIR/image
	creds=(--creds "$user:$password")
}

# Without the configuration that the engines' client uses.
imgmin() { env -u DOCKER_CONFIG "$imgmin" "$@"; }

# How many requests of METHOD the registry's log has since line FROM.
asked() { # LOG FROM METHOD
	sleep 0.2 # the log is written after the answer
	tail -n "+$(($2 + 1))" "$1" | jq -R 'fromjson? | select(."http.request.method" == "'"$3"'" and
		."http.response.status" != null) | 1' | wc -l
}

round_trip() { # REF [OPTION]...
	local ref=$1
	shift
	expect 0 imgmin push "$@" "oci:$image" "$ref"
	rm -rf out/back
	expect 0 imgmin pull "$@" "$ref" oci:out/back
	diff -r "$image/blobs" out/back/blobs
}

@test "without accounts: there and back, bit for bit" {
	round_trip "$r_open/a/b:v1"
	expect 0 imgmin push "oci:$image" "$r_open/a/told:v1"
	digest=$(jq -r '.manifests[0].digest' "$image/index.json")
	[[ $output$stderr == *"digest: $digest"* ]]
	expect 0 imgmin pull "$r_open/a/b@$digest" out/digest.tar
	# A file that nobody has named is named then.
	(cd out && expect 0 imgmin pull "$r_open/a/b@$digest" && says 'imgmin: wrote ./b.tar')
	cmp out/b.tar out/digest.tar
	[ "$(tar -xOf out/digest.tar "blobs/sha256/${digest#*:}" | sha256sum | cut -c1-64)" = "${digest#*:}" ]
}

@test "a layer that is damaged here: the registry is not blamed for it" {
	cp -r "$image" bad
	layer=$(find bad/blobs -type f -size +40k | head -n 1)
	printf x | dd of="$layer" bs=1 seek=500 conv=notrunc status=none
	for command in push copy; do
		expect 1 imgmin $command oci:bad "docker://$r_open/bad/x:v1"
		says "$(basename "$layer") is damaged: its digest is "
		says "hint: get or build the image again: $PWD/$layer is not as it was made"
	done
}

@test "a second push uploads nothing, and asks little" {
	expect 0 imgmin push "oci:$image" "$r_open/twice/x:v1"
	lines=$(wc -l <"$r_open_log")
	expect 0 imgmin push "oci:$image" "$r_open/twice/x:v1"
	[ "$(asked "$r_open_log" "$lines" POST)" = 0 ]
	[ "$(asked "$r_open_log" "$lines" PATCH)" = 0 ]
	[ "$(asked "$r_open_log" "$lines" PUT)" -le 1 ]
	[[ $output$stderr != *uploaded* ]]
}

@test "a push of something new asks for its blobs alone" {
	make_image new --layers 1 --size 1000
	lines=$(wc -l <"$r_open_log")
	expect 0 imgmin push oci:new "$r_open/new/x:v1"
	[ "$(asked "$r_open_log" "$lines" HEAD)" = 2 ]
	[ "$(asked "$r_open_log" "$lines" GET)" = 0 ]
}

@test "a no-op push of one layer takes at most four requests" {
	make_image one --layers 1 --size 1000
	expect 0 imgmin push oci:one "$r_open/noop/x:v1"
	lines=$(wc -l <"$r_open_log")
	expect 0 imgmin push oci:one "$r_open/noop/x:v1"
	total=0
	for method in GET HEAD POST PATCH PUT; do
		total=$((total + $(asked "$r_open_log" "$lines" $method)))
	done
	[ "$total" -le 4 ]
}

@test "build --push of two platforms; Docker pulls and runs both" {
	need_engines
	sensor
	expect 0 imgmin build -q "$sensor_native" "$sensor_armhf" -t "$r_open/user/sensor:1.2" --push
	[[ $output == *"@sha256:"* ]]
	docker pull -q "$r_open/user/sensor:1.2"
	run_in_docker "$r_open/user/sensor:1.2" --once | grep -E "$reading"
	need_foreign arm
	docker pull -q --platform linux/arm/v7 "$r_open/user/sensor:1.2"
	run_in_docker --platform linux/arm/v7 "$r_open/user/sensor:1.2" --once | grep -E "$reading"
}

@test "skopeo and containerd see what was pushed" {
	need_engines
	need_tool skopeo
	sensor
	expect 0 imgmin build -q "$sensor_native" "$sensor_armhf" -t "$r_open/user/seen" --push
	digest=${output##*@}
	[ "sha256:$(skopeo inspect --raw --tls-verify=false "docker://$r_open/user/seen" | sha256sum |
		cut -d' ' -f1)" = "$digest" ]
	skopeo inspect --raw --tls-verify=false "docker://$r_open/user/seen" |
		jq -e '[.manifests[].platform.architecture] == ["arm", "amd64"]'
	ctr images pull --plain-http --snapshotter native --all-platforms "$r_open/user/seen:latest"
	ctr images check --snapshotter native | grep -F "$r_open/user/seen" | grep complete
	ctr run --rm --snapshotter native --platform linux/amd64 "$r_open/user/seen:latest" \
		"seen-$RANDOM" /usr/bin/sensor --once | grep -E "$reading"
}

@test "--format docker: Docker's own media types, pulled and run" {
	need_engines
	sensor
	expect 0 imgmin build -q --format docker "$sensor_native" "$sensor_armhf" \
		-t "$r_open/user/old" --push
	skopeo inspect --raw --tls-verify=false "docker://$r_open/user/old" | jq -e \
		'.mediaType == "application/vnd.docker.distribution.manifest.list.v2+json" and
		([.manifests[].mediaType] | unique) ==
			["application/vnd.docker.distribution.manifest.v2+json"]'
	docker pull -q "$r_open/user/old"
	run_in_docker "$r_open/user/old" --once | grep -E "$reading"
}

@test "what skopeo pushed comes as it was" {
	need_tool skopeo
	skopeo copy -q --dest-tls-verify=false "oci:$image" "docker://$r_open/by/skopeo:1"
	expect 0 imgmin pull "$r_open/by/skopeo:1" oci:out/skopeo
	diff -r "$image/blobs" out/skopeo/blobs
	# And the archive is one that skopeo reads.
	expect 0 imgmin pull "$r_open/by/skopeo:1" out/skopeo.tar
	[ "$(skopeo inspect --raw oci-archive:out/skopeo.tar | sha256sum)" = \
		"$(skopeo inspect --raw --tls-verify=false "docker://$r_open/by/skopeo:1" | sha256sum)" ]
}

@test "copy inside a registry mounts; to another one it sends" {
	expect 0 imgmin push "oci:$image" "$r_open/source/x:v1"
	lines=$(wc -l <"$r_open_log")
	expect 0 imgmin copy "docker://$r_open/source/x:v1" "docker://$r_open/target/y:v2"
	[ "$(asked "$r_open_log" "$lines" PATCH)" = 0 ]
	tail -n "+$((lines + 1))" "$r_open_log" | jq -R 'fromjson? | select(."http.request.method" == "PUT" and
		(."http.request.uri" | contains("/blobs/")))' >puts
	[ ! -s puts ]
	[[ $output$stderr == *"mounted from"* ]]
	expect 0 imgmin pull "$r_open/target/y:v2" oci:out/mounted
	diff -r "$image/blobs" out/mounted/blobs
	expect 0 imgmin copy --tls-verify=false "docker://$r_open/source/x:v1" "docker://$r_tls/moved/x:v1"
	rm -rf out/mounted
	expect 0 imgmin pull --tls-verify=false "$r_tls/moved/x:v1" oci:out/mounted
	diff -r "$image/blobs" out/mounted/blobs
}

@test "index create joins what separate jobs pushed by digest" {
	for platform in linux/amd64 linux/arm/v7 linux/arm64; do
		name=${platform//\//-}
		make_image "job-$name" --platforms $platform --layers 1 --size 1000 --seed "$name"
		expect 0 imgmin push "oci:job-$name" "$r_open/joined/x:job-$name"
		digests+=("$r_open/joined/x@$(jq -r '.manifests[0].digest' "job-$name/index.json")")
	done
	expect 0 imgmin index create "$r_open/joined/x:v1" "${digests[@]}"
	expect 0 imgmin index inspect "$r_open/joined/x:v1"
	skopeo inspect --raw --tls-verify=false "docker://$r_open/joined/x:v1" | jq -e \
		'[.manifests[].platform | "\(.architecture)\(.variant // "")"] == ["armv7", "arm64", "amd64"] or
		[.manifests[].platform | "\(.architecture)\(.variant // "")"] == ["armv7", "amd64", "arm64"]'
	# Two images for one platform are refused, and the tag stays what it was.
	before=$(skopeo inspect --raw --tls-verify=false "docker://$r_open/joined/x:v1")
	make_image job-again --platforms linux/arm64 --layers 1 --size 1000 --seed again
	expect 0 imgmin push oci:job-again "$r_open/joined/x:job-again"
	status=0
	imgmin index create "$r_open/joined/x:v1" "${digests[2]}" "$r_open/joined/x:job-again" \
		>out.txt 2>stderr || status=$?
	[ "$status" != 0 ]
	grep -q linux/arm64 stderr
	[ "$(skopeo inspect --raw --tls-verify=false "docker://$r_open/joined/x:v1")" = "$before" ]
	# --append keeps what is there.
	expect 0 imgmin index create "$r_open/joined/x:v2" "${digests[0]}"
	expect 0 imgmin index create --append "$r_open/joined/x:v2" "${digests[1]}"
	[ "$(skopeo inspect --raw --tls-verify=false "docker://$r_open/joined/x:v2" |
		jq '.manifests | length')" = 2 ]
}

@test "htpasswd: --creds, --authfile, login and logout" {
	round_trip "$r_htpasswd/a/b:v1" "${creds[@]}"
	expect 5 imgmin push "oci:$image" "$r_htpasswd/a/none:v1"
	grep -q '^hint: .*imgmin login' "$BATS_TEST_TMPDIR/stderr"
	expect 5 imgmin push --creds "$user:wrong" "oci:$image" "$r_htpasswd/a/wrong:v1"
	printf '{"auths":{"%s":{"auth":"%s"}}}' "$r_htpasswd" \
		"$(printf %s "$user:$password" | base64)" >auth.json
	round_trip "$r_htpasswd/a/file:v1" --authfile auth.json
	REGISTRY_AUTH_FILE=auth.json round_trip "$r_htpasswd/a/env:v1"
	DOCKER_AUTH_CONFIG=$(cat auth.json) round_trip "$r_htpasswd/a/env2:v1"

	mkdir -p home/.docker
	echo '{"detachKeys":"ctrl-q","auths":{"elsewhere.test":{"auth":"eDp5"}}}' >home/.docker/config.json
	printf wrong | expect 5 imgmin login -u "$user" --password-stdin "$r_htpasswd"
	[ "$(jq '.auths | length' home/.docker/config.json)" = 1 ]
	printf %s "$password" | expect 0 imgmin login -u "$user" --password-stdin "$r_htpasswd"
	[ "$(stat -c %a home/.docker/config.json)" = 600 ]
	jq -e '.detachKeys == "ctrl-q" and .auths["elsewhere.test"].auth == "eDp5" and
		(.auths | length) == 2' home/.docker/config.json
	round_trip "$r_htpasswd/a/login:v1"
	expect 0 imgmin logout "$r_htpasswd"
	jq -e '.detachKeys == "ctrl-q" and (.auths | keys) == ["elsewhere.test"]' home/.docker/config.json
	expect 5 imgmin push "oci:$image" "$r_htpasswd/a/out:v1"
}

@test "Docker reads what imgmin login wrote, and the other way round" {
	need_engines
	printf %s "$password" | expect 0 imgmin login -u "$user" --password-stdin "$r_htpasswd"
	expect 0 imgmin push "oci:$image" "$r_htpasswd/docker/x:v1"
	DOCKER_CONFIG=$HOME/.docker docker pull -q "$r_htpasswd/docker/x:v1"
	rm -r home/.docker
	printf %s "$password" | DOCKER_CONFIG=$HOME/.docker docker login -u "$user" --password-stdin \
		"$r_htpasswd"
	round_trip "$r_htpasswd/docker/y:v1"
}

@test "a token service: ES256 and RS256, tokens of two seconds" {
	for name in es256 rs256; do
		at=r_$name
		round_trip "${!at}/a/b:v1" "${creds[@]}"
		expect 5 imgmin push --creds "$user:wrong" "oci:$image" "${!at}/a/wrong:v1"
		says "${!at} does not take the user name and password of --creds: 401"
		expect 5 imgmin push "oci:$image" "${!at}/a/none:v1"
		# What anybody may pull needs no account.
		expect 0 imgmin push "${creds[@]}" "oci:$image" "${!at}/public/x:v1"
		expect 0 imgmin pull "${!at}/public/x:v1" "out/$name.tar"
	done
	grep -q 'push' "$t_es256_log"
}

@test "a token service: the token ends in mid-push" {
	make_image large --layers 4 --size 12000000
	imgmin push -q "${creds[@]}" oci:large "$r_es256/large/x:v1" >out.txt 2>stderr 3>&- &
	push=$!
	# Once it is under way the registry stops for longer than a token lives.
	for ((i = 0; i < 100; i++)); do
		! grep -q large/x "$t_es256_log" || break
		sleep 0.02
	done
	kill -STOP "$r_es256_pid"
	sleep 2.5
	kill -CONT "$r_es256_pid"
	wait $push || { cat stderr; return 1; }
	expect 0 imgmin pull "${creds[@]}" "$r_es256/large/x:v1" oci:out/large
	diff -r large/blobs out/large/blobs
}

@test "copy between repositories of a token service: one token for both" {
	expect 0 imgmin push "${creds[@]}" "oci:$image" "$r_rs256/from/x:v1"
	expect 0 imgmin copy "${creds[@]}" "docker://$r_rs256/from/x:v1" "docker://$r_rs256/to/y:v1"
	[[ $output$stderr == *"mounted from"* ]]
}

@test "TLS: a private CA in certs.d, SSL_CERT_FILE, or loudly without" {
	mkdir certs
	cp "$BATS_FILE_TMPDIR/ca/ca.crt" certs/
	round_trip "$r_tls/a/b:v1" --cert-dir certs
	SSL_CERT_FILE=$BATS_FILE_TMPDIR/ca/ca.crt round_trip "$r_tls/a/c:v1"
	expect 6 imgmin push --retry 0 "oci:$image" "$r_tls/a/d:v1"
	says certificate
	round_trip "$r_tls/a/e:v1" --tls-verify=false
	expect 0 imgmin pull --tls-verify=false "$r_tls/a/e:v1" out/loud.tar
	says 'not verified'
}

@test "TLS: certs.d of the user, of the system's containers and of Docker" {
	need_root
	mkdir -p etc "home/.config/containers/certs.d/$r_tls" "xdg/containers/certs.d/$r_client"
	cp "$BATS_FILE_TMPDIR/ca/ca.crt" "home/.config/containers/certs.d/$r_tls/"
	round_trip "$r_tls/certs/home:v1"
	rm -r home/.config
	expect 6 imgmin push --retry 0 "oci:$image" "$r_tls/certs/none:v1"
	# A client certificate lies there as well.
	cp "$BATS_FILE_TMPDIR/ca/ca.crt" "xdg/containers/certs.d/$r_client/"
	cp "$BATS_FILE_TMPDIR/ca/client.crt" "xdg/containers/certs.d/$r_client/client.cert"
	cp "$BATS_FILE_TMPDIR/ca/client.key" "xdg/containers/certs.d/$r_client/client.key"
	XDG_CONFIG_HOME=$PWD/xdg round_trip "$r_client/certs/xdg:v1"
	# /etc is the machine's: these are mounted over it for the one command only.
	for place in containers docker; do
		mkdir -p "etc/$place/certs.d/$r_tls"
		cp "$BATS_FILE_TMPDIR/ca/ca.crt" "etc/$place/certs.d/$r_tls/"
		unshare -m --propagation private true 2>/dev/null || skip "no mount namespaces here"
		[ -d "/etc/$place" ] || continue
		expect 0 env -u DOCKER_CONFIG unshare -m --propagation private sh -c '
			mount --bind "etc/$1" "/etc/$1" && shift && exec "$@"' - "$place" \
			"$imgmin" push "oci:$image" "$r_tls/certs/$place:v1"
	done
}

@test "TLS: a client certificate" {
	mkdir certs foreign
	cp "$BATS_FILE_TMPDIR/ca/ca.crt" certs/
	expect '6' imgmin push --retry 0 --cert-dir certs "oci:$image" "$r_client/a/none:v1"
	cp "$BATS_FILE_TMPDIR/ca/client.crt" certs/client.cert
	cp "$BATS_FILE_TMPDIR/ca/client.key" certs/client.key
	round_trip "$r_client/a/b:v1" --cert-dir certs
	cp "$BATS_FILE_TMPDIR/ca/ca.crt" foreign/
	cp "$BATS_FILE_TMPDIR/other/client.crt" foreign/client.cert
	cp "$BATS_FILE_TMPDIR/other/client.key" foreign/client.key
	expect 6 imgmin push --retry 0 --cert-dir foreign "oci:$image" "$r_client/a/foreign:v1"
}

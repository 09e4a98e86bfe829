#!/usr/bin/env bats
# Registries that lie, stumble or are hostile (tests/lib/faultserver.py). What must hold: a correct
# result, or exit status 5 or 6 and a message that names the cause; no credentials where they do not
# belong; no tag after a push that failed; no file after a pull that failed.
bats_require_minimum_version 1.5.0
load ../lib/common
load ../lib/registry

setup_file() {
	cd "$BATS_FILE_TMPDIR"
	make_image image --layers 3 --size 100000
	make_image both --platforms linux/amd64,linux/arm/v7 --layers 2 --size 30000
	make_ca ca
	make_cert ca good IP:127.0.0.1,DNS:localhost
	make_cert ca expired IP:127.0.0.1 200101000000Z 200201000000Z
	make_cert ca astray DNS:elsewhere.test
	make_cert ca names DNS:registry.test,DNS:auth.test,DNS:cdn.test,IP:127.0.0.1,IP:169.254.169.254
	server_start s --image image --image both/image=both --listen main=127.0.0.1:0 \
		--listen other=127.0.0.2:0 --listen port=127.0.0.1:0 --rate 70000 \
		--listen tls=127.0.0.1:0,ca/good.crt,ca/good.key \
		--listen expired=127.0.0.1:0,ca/expired.crt,ca/expired.key \
		--listen astray=127.0.0.1:0,ca/astray.crt,ca/astray.key
	# Where loopback and link-local are not the registry's own neighbourhood.
	cat >hosts <<-END
		127.0.0.1 localhost
		10.77.0.1 registry.test
		10.77.0.2 auth.test
		10.77.0.3 cdn.test
	END
	netns_start "$PWD/hosts" 10.77.0.1 10.77.0.2 10.77.0.3 169.254.169.254
	[ -z "$netns" ] || server_start n --image image --name main=registry.test \
		--name auth=auth.test --name plain=auth.test --name other=cdn.test \
		--listen main=10.77.0.1:443,ca/names.crt,ca/names.key \
		--listen auth=10.77.0.2:443,ca/names.crt,ca/names.key \
		--listen other=10.77.0.3:443,ca/names.crt,ca/names.key \
		--listen plain=10.77.0.2:80 --listen loop=127.0.0.1:80 --listen meta=169.254.169.254:80 \
		--listen looptls=127.0.0.1:443,ca/names.crt,ca/names.key \
		--listen metatls=169.254.169.254:443,ca/names.crt,ca/names.key
}

teardown_file() {
	servers_stop
}

setup() {
	need_tool jq openssl
	export XDG_CACHE_HOME=$BATS_TEST_TMPDIR/cache HOME=$BATS_TEST_TMPDIR/home
	unset XDG_RUNTIME_DIR XDG_CONFIG_HOME DOCKER_CONFIG DOCKER_AUTH_CONFIG REGISTRY_AUTH_FILE
	mkdir -p "$HOME" "$BATS_TEST_TMPDIR/out"
	cd "$BATS_TEST_TMPDIR"
	image=$BATS_FILE_TMPDIR/image
	fast=(--retry 3 --retry-delay 0.02)
	creds=(--creds "$user:$password")
}

# ---- pull --------------------------------------------------------------------------------------

fresh() {
	rm -rf out cache
	mkdir out
}

# pulls FAULT [OPTION]...: the pull succeeds and gives the image bit for bit.
pulls() {
	local fault=$1
	shift
	fresh
	expect 0 timeout 30 "$imgmin" pull "${fast[@]}" "$@" "$s_main/fault/$fault/seeded:latest" \
		oci:out/layout
	same_image out/layout
}

same_image() { # LAYOUT
	diff -r "$image/blobs" "$1/blobs" || return 1
}

# refuses FAULT WORDS [OPTION]...: the pull fails with 6, says one of the WORDS (a regular
# expression), and leaves nothing, whatever the target is.
refuses() {
	local fault=$1 words=$2 place
	shift 2
	for place in oci:out/layout out/image.tar; do
		fresh
		refused 6 "$words" timeout 30 "$imgmin" pull "${fast[@]}" "$@" \
			"$s_main/fault/$fault/seeded:latest" "$place"
		no_files
	done
}

# refused STATUS WORDS COMMAND...: both are regular expressions.
refused() {
	local want=$1 words=$2 status=0
	shift 2
	output=$("$@" 2>"$BATS_TEST_TMPDIR/stderr") || status=$?
	stderr=$(cat "$BATS_TEST_TMPDIR/stderr")
	[[ $status =~ ^$want$ ]] || { echo "exit status $status, not $want: $*: $stderr"; return 1; }
	[ -z "$output" ] || { echo "a failure printed a result: $output"; return 1; }
	[[ ${stderr,,} =~ $words ]] || { printf 'no word of «%s» in:\n%s\n' "$words" "$stderr"; return 1; }
	grep -q '^imgmin: error: ' "$BATS_TEST_TMPDIR/stderr"
}

no_files() {
	[ -z "$(find out -mindepth 1)" ] || { echo "left behind:"; find out; return 1; }
}

no_astray_credentials() {
	no_requests "$s_log" '.auth != null and .listener != "main" and (.path | startswith("/token") | not)'
}

@test "1 truncated blob: resumed where it can be, else refused" {
	pulls 1-once
	[ "$(requests "$s_log" '.repo == "fault/1-once/seeded" and .range != null')" -ge 1 ]
	refuses 1-always 'blob|size|bytes|closed|short|broke|transfer'
	refuses 1-short 'size|bytes|short'
}

@test "2 over-long blob, and an endless one" {
	refuses 2-long 'size|bytes|long|more'
	refuses 2-endless 'size|bytes|long|more'
	# It was cut off, not swallowed.
	no_requests "$s_log" '.repo == "fault/2-endless/seeded" and .out > 20000000'
}

@test "3 right size, wrong digest" {
	refuses 3 digest
}

@test "4 lying Docker-Content-Digest: what was received counts" {
	fresh
	if "$imgmin" pull "${fast[@]}" "$s_main/fault/4/seeded:latest" oci:out/layout 2>stderr; then
		same_image out/layout
	else
		refuses 4 digest
	fi
	digest=$(jq -r '.manifests[0].digest' "$image/index.json")
	fresh
	expect 0 "$imgmin" pull "${fast[@]}" "$s_main/fault/4/seeded@$digest" oci:out/layout
	same_image out/layout
}

@test "5 tampered manifest, asked for by digest" {
	digest=$(jq -r '.manifests[0].digest' "$image/index.json")
	refused 6 'digest|size|bytes' "$imgmin" pull "${fast[@]}" "$s_main/fault/5/seeded@$digest" out/image.tar
	no_files
}

@test "6 Content-Type and mediaType differ" {
	refuses 6 'type|sent as'
}

@test "7 a manifest that is an index too" {
	refuses 7 'manifests'
}

@test "8 duplicate JSON names" {
	refuses 8 'dup|twice|json'
}

@test "9 a manifest of 100 MB" {
	refuses 9 'large|size|bytes|more'
	no_requests "$s_log" '.repo == "fault/9/seeded" and .out > 30000000'
}

@test "10 deep JSON, an index that names itself, indexes eight deep" {
	refuses 10-deep 'deep|nest|json'
	refuses 10-cycle 'digest|size|bytes|cycle|itself'
	refused '[16]' 'deep|nest|level' "$imgmin" pull "${fast[@]}" "$s_main/fault/10-nest/seeded:latest" \
		out/image.tar
	no_files
}

@test "11 12 a digest that is a path, and one that is no hex" {
	rm -f /tmp/escape
	refuses 11 digest
	refuses 11-config digest
	[ ! -e /tmp/escape ]
	refuses 12 digest
	refuses 12-config digest
}

@test "13 sizes: negative, huge, beyond 64 bits, no integer" {
	refuses 13-negative 'size|negative'
	refuses 13-huge 'size|bytes|large'
	refuses 13-beyond 'size|json|number|integer'
	refuses 13-float 'size|number|integer'
	refuses 13-text 'size|number|integer'
}

@test "18 redirect loop: at most ten" {
	refuses 18 redirect --retry 0
	[ "$(requests "$s_log" '.path | startswith("/loop/")')" -le 100 ]
	for path in $(jq -r 'select(.path | startswith("/loop/")) | .path' "$s_log" | sort -u); do
		# Once for each of the two targets.
		[ "$(requests "$s_log" ".path == \"$path\"")" -le 20 ]
	done
}

@test "19 20 redirects to another host and to another port get no credentials" {
	for fault in 19 20; do
		fresh
		expect 0 "$imgmin" pull "${fast[@]}" "${creds[@]}" "$s_main/basic/fault/$fault/seeded:latest" \
			oci:out/layout
		same_image out/layout
	done
	[ "$(requests "$s_log" '.listener == "other" and (.path | startswith("/cdn/"))')" -ge 3 ]
	[ "$(requests "$s_log" '.listener == "port" and (.path | startswith("/cdn/"))')" -ge 3 ]
	[ "$(requests "$s_log" '.auth == "basic" and .repo == "basic/fault/19/seeded"')" -ge 3 ]
	no_astray_credentials
}

@test "25 503, then fine: every request is asked again" {
	pulls 25
	pushes 25
}

@test "24 Retry-After: seconds, a date, the past, garbage" {
	for variant in seconds date past garbage; do
		pulls 24-$variant
	done
	# The second request of the first two kept the distance.
	jq -se 'map(select(.repo == "fault/24-seconds/seeded")) | .[1].began - .[0].ended >= 0.9' "$s_log"
}

@test "24 Retry-After of blobs: downloads and uploads keep the distance, too" {
	pulls 24-blobs
	pushes 24-blobs
	for repo in seeded x; do
		jq -se "map(select(.repo == \"fault/24-blobs/$repo\")) | group_by(.path) |
			map(select(any(.status == 429))) | length == 4 and
			all(.[0].status == 429 and .[1].began - .[0].ended >= 0.9)" "$s_log"
	done
}

@test "24 Retry-After of thirty years: no hammering, and no patience for it either" {
	fresh
	status=0
	timeout -s INT 3 "$imgmin" pull --retry 3 "$s_main/fault/24-huge/seeded:latest" out/image.tar \
		2>stderr || status=$?
	[ "$status" != 0 ]
	[ "$(requests "$s_log" '.repo == "fault/24-huge/seeded"')" = 1 ]
	no_files
}

@test "32 206 at the wrong offset" {
	for variant in early late zero; do
		status=0
		fresh
		timeout 30 "$imgmin" pull "${fast[@]}" "$s_main/fault/32-$variant/seeded:latest" oci:out/layout \
			2>stderr || status=$?
		case $status in
		0) same_image out/layout ;;
		6) grep -iqE 'range|offset' stderr && no_files ;;
		*) cat stderr && false ;;
		esac
	done
}

@test "33 Range ignored: the whole blob comes, and counts from the start" {
	pulls 33
}

@test "34 Content-Encoding added: bytes stay as they came" {
	pulls 34
}

@test "35 slow headers, slow body; one that stalls can be left" {
	pulls 35-headers
	pulls 35-body
	fresh
	status=0
	timeout -k 5 -s INT 1 "$imgmin" pull "${fast[@]}" "$s_main/fault/35-stall/seeded:latest" \
		out/image.tar 2>stderr || status=$?
	[ "$status" = 124 ]
	[ ! -e out/image.tar ]
	# What it left under another name goes with the next run.
	expect 0 "$imgmin" pull "${fast[@]}" "$s_main/seed/image:latest" out/image.tar
	[ "$(ls -A out)" = image.tar ]
}

# ---- push --------------------------------------------------------------------------------------

tags() { curl -sf "http://$s_main/_/tags/$1"; }
blobs() { curl -sf "http://$s_main/_/blobs/$1" | sed 's/.*://'; }

push() { # REPOSITORY [OPTION]...
	local repo=$1
	shift
	timeout 30 "$imgmin" push "${fast[@]}" "$@" "oci:$image" "$s_main/$repo:v1"
}

# pushed REPOSITORY: all of it is there.
pushed() {
	[ "$(tags "$1")" = v1 ] || { echo "no tag"; return 1; }
	local digest
	digest=$(jq -r '.manifests[0].digest' "$image/index.json")
	diff <({ blobs "$1"; echo "${digest#*:}"; } | sort) <(blobs_of "$image")
}

# pushes FAULT [REPOSITORY-PREFIX] [OPTION]...
pushes() {
	local repo=${2:-}fault/$1/x
	shift
	[ $# = 0 ] || shift
	expect 0 push "$repo" "$@"
	pushed "$repo"
}

# push_fails STATUS WORDS FAULT [PREFIX] [OPTION]...: and leaves no tag.
push_fails() {
	local status=$1 words=$2 repo=${4:-}fault/$3/x
	shift 3
	[ $# = 0 ] || shift
	refused "$status" "$words" push "$repo" "$@"
	[ -z "$(tags "$repo")" ] || { echo "tagged all the same"; return 1; }
}

# push_or_fails WORDS FAULT [PREFIX] [OPTION]...: either of both, and in few requests.
push_or_fails() {
	local status=0 words=$1 repo=${3:-}fault/$2/x
	shift 2
	[ $# = 0 ] || shift
	push "$repo" "$@" >out.txt 2>stderr || status=$?
	case $status in
	0) pushed "$repo" ;;
	6) [ -z "$(tags "$repo")" ] && grep -iqE "$words" stderr || { cat stderr; return 1; } ;;
	*) cat stderr; return 1 ;;
	esac
	[ "$(requests "$s_log" ".repo == \"$repo\"")" -lt 200 ]
}

@test "a registry without faults takes a push, an index too, and gives both back" {
	expect 0 push plain/x
	pushed plain/x
	expect 0 "$imgmin" push "oci:$BATS_FILE_TMPDIR/both" "$s_main/plain/both:v1"
	expect 0 "$imgmin" pull "$s_main/plain/both:v1" oci:out/both
	diff -r "$BATS_FILE_TMPDIR/both/blobs" out/both/blobs
}

@test "14 401 in mid-upload: a new token, and on" {
	pushes 14-early auth/ "${creds[@]}"
	pushes 14-late auth/ "${creds[@]}"
}

@test "15 a token service without a token, with a huge one, an endless one" {
	push_fails '[56]' token 15-missing auth/ "${creds[@]}"
	push_fails '[56]' token 15-huge auth/ "${creds[@]}"
	push_fails '[56]' token 15-flood auth/ "${creds[@]}"
	no_requests "$s_log" '.path == "/token" and .out > 30000000'
}

@test "15 a token that lives one second, and one called access_token" {
	pushes 15-access auth/ "${creds[@]}"
	pushes 15-brief auth/slow/ "${creds[@]}"
	# The image takes longer than the first token lived.
	[ "$(requests "$s_log" '.path == "/token" and (.query | contains("15-brief"))')" -ge 2 ]
}

@test "wrong credentials: exit 5, no tag, and not tried for ever" {
	push_fails 5 'auth|password|login' 1-x auth/ --creds "$user:wrong"
	push_fails 5 'auth|password|login' 1-x basic/ --creds "$user:wrong"
	push_fails 5 'auth|login' 1-y basic/
	[ "$(requests "$s_log" '.repo == "basic/fault/1-x/x"')" -le 12 ]
}

@test "22 no Location" {
	push_fails 6 location 22
}

@test "18 a redirect loop for uploads" {
	push_fails 6 redirect 18
}

@test "23 relative Locations after a redirect" {
	pushes 23
	pushes 23-root
	push_or_fails 'auth|redirect|401' 23-other
	no_astray_credentials
}

@test "26 reset in mid-PUT" {
	pushes 26-once
	pushes 26-kept
	push_fails 6 'reset|broke|connection|closed|upload' 26-always
}

@test "27 reset after PUT, before the answer: looked up, not sent again" {
	pushes 27
	for digest in $(jq -r '.layers[].digest' "$image/blobs/sha256/$(jq -r \
		'.manifests[0].digest' "$image/index.json" | cut -d: -f2)"); do
		[ "$(requests "$s_log" ".repo == \"fault/27/x\" and .method == \"PUT\" and
			(.query | contains(\"${digest#*:}\"))")" = 1 ]
	done
}

@test "28 413 and 416, with and without Range" {
	push_or_fails 'range|416|413' 28-plain
	pushes 28-plain2
	push_or_fails 'range|416' 28-range
	push_or_fails 'range|416' 28-bare
	push_or_fails 'range|416' 28-minimum
	push_fails 6 'range|416|chunk|upload|refuse' 28-always
}

@test "29 a Range that is stuck" {
	push_or_fails 'range|stuck|progress' 29
}

@test "30 201 and 204 as answers to a chunk" {
	pushes 30-201
	pushes 30-204
}

@test "31 the session is gone: once, for ever" {
	pushes 31-once
	push_fails 6 'upload|404|session' 31-always
}

# ---- where credentials go ----------------------------------------------------------------------

# Commands against registry.test, which is neither loopback nor plain.
pull_far() { # REPOSITORY [OPTION]...
	local repo=$1
	shift
	SSL_CERT_FILE=$BATS_FILE_TMPDIR/ca/ca.crt inside timeout 30 "$imgmin" pull "${fast[@]}" "$@" \
		"registry.test/$repo:latest" out/image.tar
}

@test "the far registry itself works, with a token from another host" {
	need_netns
	expect 0 pull_far auth/x/seeded "${creds[@]}"
	[ "$(requests "$n_log" '.listener == "auth" and .auth == "basic"')" = 1 ]
}

@test "--creds are one registry's: with two nobody gets them" {
	refused 2 'creds' "$imgmin" copy "${creds[@]}" "$s_other/basic/two/seeded:latest" \
		"docker://$s_main/basic/two/x:v1"
	refused 2 'creds' "$imgmin" index create "${creds[@]}" "$s_main/basic/two/x:v1" \
		"$s_other/basic/two/seeded:latest"
	cp /bin/true program
	refused 2 'creds' "$imgmin" build program -t "$s_main/basic/two/x:v1" \
		-t "$s_other/basic/two/x:v1" --push "${creds[@]}"
	no_requests "$s_log" '.repo | startswith("basic/two/")'
	expect 0 "$imgmin" copy "${creds[@]}" "$s_main/basic/two/seeded:latest" \
		"docker://$s_main/basic/two/x:v1"
}

@test "16 realms on http, on loopback and on the metadata address" {
	need_netns
	for listener in plain loop meta looptls metatls; do
		fresh
		refused '[56]' 'realm|token' pull_far "auth/fault/16-$listener/seeded" "${creds[@]}"
		no_files
		no_requests "$n_log" ".listener == \"$listener\""
	done
}

@test "17 a token service that sends us inward" {
	need_netns
	for listener in plain loop meta looptls metatls; do
		fresh
		refused '[56]' 'redirect|loopback|link-local|http|token|address' \
			pull_far "auth/fault/17-$listener/seeded" "${creds[@]}"
		no_files
		no_requests "$n_log" ".listener == \"$listener\""
	done
}

@test "17 a token service that sends a refresh token on to another origin" {
	mkdir -p home/.docker
	printf '{"auths":{"%s":{"identitytoken":"refresh-%s"}}}' "$s_main" "$password" \
		>home/.docker/config.json
	refused '[56]' 'redirect' timeout 30 "$imgmin" pull "${fast[@]}" \
		"$s_main/auth/fault/17-port/seeded:latest" out/image.tar
	no_files
	[ "$(requests "$s_log" '.path == "/token/port" and .method == "POST"')" -ge 1 ]
	no_requests "$s_log" '.listener == "port" and .method == "POST"'
}

@test "19 across hosts by TLS: the blob comes, the credentials stay" {
	need_netns
	expect 0 pull_far basic/fault/19/seeded "${creds[@]}"
	[ "$(requests "$n_log" '.listener == "other" and (.path | startswith("/cdn/"))')" -ge 3 ]
	no_requests "$n_log" '.listener == "other" and .auth != null'
}

@test "21 https to http, and inward" {
	need_netns
	for listener in plain loop meta looptls metatls; do
		fresh
		refused 6 'redirect|http|loopback|link-local|address' \
			pull_far "basic/fault/21-$listener/seeded" "${creds[@]}"
		no_files
		no_requests "$n_log" ".listener == \"$listener\""
	done
}

@test "46 urls of a descriptor that ask for credentials" {
	for variant in basic bearer; do
		fresh
		refused '[1-6]' 'blob|layer|sha256' "$imgmin" pull "${fast[@]}" "${creds[@]}" \
			"$s_main/basic/fault/46-$variant/seeded:latest" out/image.tar
		no_files
	done
	no_astray_credentials
	no_requests "$s_log" '(.path | startswith("/token")) and (.query | contains("service=evil")) and .auth != null'
}

@test "46 urls of a descriptor that ask for none" {
	fresh
	status=0
	"$imgmin" pull "${fast[@]}" "${creds[@]}" "$s_main/basic/fault/46-free/seeded:latest" oci:out/layout \
		2>stderr || status=$?
	[ "$status" = 0 ] || { [ "$status" = 6 ] && no_files; }
	no_astray_credentials
}

# ---- layers ------------------------------------------------------------------------------------

# hostile KIND STATUS [WORDS]: check, inspect, and check of what was pushed and pulled again. In
# little memory; outside stays as it is.
hostile() {
	local kind=$1 want=$2 words=${3:-} status place
	mkdir -p outside
	echo precious >outside/sentinel
	make_image "h-$kind" --hostile "$kind" --outside "$PWD/outside" >/dev/null
	"$imgmin" push -q "oci:h-$kind" "$s_main/hostile/$kind:v1" >/dev/null
	"$imgmin" pull -q "$s_main/hostile/$kind:v1" "out/$kind.tar" >/dev/null
	for place in "oci:h-$kind" "out/$kind.tar"; do
		status=0
		output=$(small "$imgmin" check "$place" 2>&1) || status=$?
		[[ $status =~ ^$want$ && $output =~ $words ]] || { echo "$status: $output"; return 1; }
		status=0
		small "$imgmin" inspect "$place" >inspect.txt 2>&1 || status=$?
		[ "$status" -le 1 ] || { cat inspect.txt; return 1; }
	done
	[ "$(cat outside/sentinel)" = precious ]
	[ "$(ls outside)" = sentinel ]
	[ ! -e /escape ] && [ ! -e escape ] && [ ! -e ../escape ]
}
small() { (ulimit -v 400000 -t 20 && exec timeout 60 "$@"); }

@test "36 bombs: gzip, many members, many entries, an endless path" {
	hostile 36-gzip 1 diff_id
	hostile 36-members 1 diff_id
	hostile 36-entries 3
	hostile 36-path 1 'path of more than'
}

@test "36 bombs: zstd" {
	need_tool zstd
	hostile 36-zstd 1 diff_id
}

@test "37 names: .., absolute, NUL" {
	hostile 37-dotdot 1 'climbs out'
	hostile 37-inner 1 'climbs out'
	hostile 37-absolute 3
	hostile 37-nul 1 NUL
}

@test "38 a link out of the image, then a file through it" {
	hostile 38 3
	hostile 38-two-layers '[13]'
}

@test "39 a link in place of the root" {
	hostile 39 1 'not a directory'
	hostile 39-slash 1 'not a directory'
}

@test "40 hard links to files outside" {
	hostile 40 1 'missing'
	hostile 40-dotdot 1 'climbs out'
}

@test "41 whiteouts through links and out of the image" {
	hostile 41 3
	hostile 41-dotdot 1 'climbs out'
	hostile 41-opaque 3
}

@test "42 diff_ids that are not the layers'" {
	for variant in wrong count; do
		fresh
		status=0
		"$imgmin" pull "${fast[@]}" "$s_main/fault/42-$variant/seeded:latest" out/image.tar 2>stderr ||
			status=$?
		case $status in
		0) expect 1 "$imgmin" check out/image.tar ;;
		1 | 6) grep -q diff_id stderr && no_files ;;
		*) false ;;
		esac
	done
}

# ---- the rest ----------------------------------------------------------------------------------

# with_sbom REPOSITORY: the image there, and something that refers to it.
with_sbom() {
	local digest size empty
	push "$1" >/dev/null 2>&1
	digest=$(jq -r '.manifests[0].digest' "$image/index.json")
	size=$(jq -r '.manifests[0].size' "$image/index.json")
	empty=sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a
	location=$(curl -sS -X POST -o /dev/null -D - "http://$s_main/v2/$1/blobs/uploads/" |
		tr -d '\r' | sed -n 's/^Location: //p')
	curl -sSf -X PUT -d '{}' -H 'Content-Type: application/octet-stream' \
		"http://$s_main$location&digest=$empty"
	printf '{"schemaVersion":2,"mediaType":"%s","artifactType":"application/spdx+json","config":{"mediaType":"application/vnd.oci.empty.v1+json","digest":"%s","size":2},"layers":[],"subject":{"mediaType":"%s","digest":"%s","size":%s}}' \
		application/vnd.oci.image.manifest.v1+json $empty \
		application/vnd.oci.image.manifest.v1+json "$digest" "$size" >sbom.json
	sbom=sha256:$(sha256sum <sbom.json | cut -d' ' -f1)
	curl -sSf -X PUT --data-binary @sbom.json -H \
		'Content-Type: application/vnd.oci.image.manifest.v1+json' \
		"http://$s_main/v2/$1/manifests/$sbom"
}

@test "43 HTML and errors for referrers: none are there, and the copy goes on" {
	for variant in html 404 400 406; do
		push "fault/43-$variant/x" >/dev/null 2>&1
		expect 0 timeout 30 "$imgmin" copy "${fast[@]}" --referrers "$s_main/fault/43-$variant/x:v1" \
			"docker://$s_main/copied/43-$variant:v1"
		pushed "copied/43-$variant"
	done
}

@test "43 referrers are copied where they are" {
	with_sbom referred/x
	expect 0 timeout 30 "$imgmin" copy "${fast[@]}" --referrers "$s_main/referred/x:v1" \
		"docker://$s_main/copied/referred:v1"
	curl -sf "http://$s_main/_/manifests/copied/referred" | grep -q "$sbom"
}

@test "44 a Link that goes round" {
	with_sbom fault/44/x
	refused 6 'goes round|pages' timeout 30 "$imgmin" copy -q "${fast[@]}" --referrers \
		"$s_main/fault/44/x:v1" "docker://$s_main/copied/44:v1"
	[ -z "$(tags copied/44)" ]
	[ "$(requests "$s_log" '.path | startswith("/v2/fault/44/x/referrers/")')" -lt 200 ]
}

@test "45 a credential helper that hangs, and one that floods" {
	mkdir -p bin home/.docker
	printf '#!/bin/sh\nexec sleep 300\n' >bin/docker-credential-hangs
	printf '#!/bin/sh\nexec yes flood\n' >bin/docker-credential-floods
	chmod +x bin/*
	for helper in hangs floods; do
		fresh
		echo "{\"credsStore\":\"$helper\"}" >home/.docker/config.json
		PATH=$PWD/bin:$PATH refused '[56]' "docker-credential-$helper" timeout 100 "$imgmin" pull \
			"${fast[@]}" "$s_main/basic/x/seeded:latest" out/image.tar
		no_files
	done
}

# Neither C0 nor, hidden by UTF-8, C1 controls or the right-to-left override.
harmless() {
	[ "$(LC_ALL=C tr -d '\n\t\040-\176\200-\377' <stderr | wc -c)" = 0 ]
	run ! grep -qP '\xc2[\x80-\x9f]|\xe2\x80\xae' <(cat stderr)
	[ "$(wc -c <stderr)" -lt 70000 ]
}

@test "47 control characters in errors" {
	for variant in json raw flood; do
		push_fails '[56]' '403|forbidden|denied' 47-$variant
		harmless
		fresh
		refused '[56]' '403|forbidden|denied' "$imgmin" pull -vv "${fast[@]}" \
			"$s_main/fault/47-$variant/seeded:latest" out/image.tar
		harmless
		no_files
	done
}

@test "47 an error without end is not read to its end" {
	fresh
	refused '[56]' '403|forbidden|denied' timeout 30 "$imgmin" pull "${fast[@]}" \
		"$s_main/fault/47-endless/seeded:latest" out/image.tar
	harmless
	no_files
	push_fails '[56]' '403|forbidden|denied' 47-endless
	no_requests "$s_log" '(.repo | startswith("fault/47-endless/")) and .out > 30000000'
}

@test "a registry's Warning is printed once" {
	expect 0 "$imgmin" pull "$s_main/fault/4-warns/seeded:latest" oci:out/layout
	[ "$(grep -c 'warning: .*this registry closes in May' "$BATS_TEST_TMPDIR/stderr")" = 1 ]
	expect 0 "$imgmin" pull -q "$s_main/fault/4-warns/seeded:latest" oci:out/quiet
	[ -z "$stderr" ]
}

@test "48 a certificate that expired, one for another host, one of nobody" {
	for listener in expired astray; do
		fresh
		at=s_$listener
		SSL_CERT_FILE=$BATS_FILE_TMPDIR/ca/ca.crt refused 6 'certificate' "$imgmin" pull \
			"${fast[@]}" "${!at}/seed/image:latest" out/image.tar
		no_files
		no_requests "$s_log" ".listener == \"$listener\""
	done
	refused 6 'certificate' "$imgmin" pull "${fast[@]}" "$s_tls/seed/image:latest" out/image.tar
	SSL_CERT_FILE=$BATS_FILE_TMPDIR/ca/ca.crt expect 0 "$imgmin" pull "${fast[@]}" \
		"$s_tls/seed/image:latest" oci:out/layout
	same_image out/layout
	expect 0 "$imgmin" pull "${fast[@]}" --tls-verify=false "$s_expired/seed/image:latest" oci:out/loud
	says 'not verified'
}

@test "49 disk full: the target's, the cache's" {
	need_root
	mkdir small
	mount -t tmpfs -o size=128k none small 2>/dev/null || skip "no tmpfs can be mounted"
	for place in small/image.tar oci:small/layout; do
		status=0
		"$imgmin" pull "${fast[@]}" "$s_main/seed/image:latest" "$place" 2>stderr || status=$?
		left=$(find small -mindepth 1)
		[ "$status" = 1 ] && grep -q 'No space left' stderr && [ -z "$left" ] || {
			umount small
			echo "$status, left: $left"
			cat stderr
			return 1
		}
	done
	# A cache that is full is no reason to fail where the target is not, but to fail cleanly it is.
	status=0
	XDG_CACHE_HOME=$PWD/small "$imgmin" pull "${fast[@]}" "$s_main/seed/image:latest" oci:out/layout \
		2>stderr || status=$?
	umount small
	case $status in
	0) same_image out/layout ;;
	1) grep -q 'No space left' stderr && no_files ;;
	*) cat stderr && false ;;
	esac
}

@test "50 SIGINT in mid-push: no tag" {
	for after in 0.05 0.2 0.4; do
		status=0
		timeout -k 5 -s INT $after "$imgmin" push "oci:$image" "$s_main/slow/int-$after/x:v1" \
			2>stderr || status=$?
		[ "$status" = 124 ] # and not 137: it went by itself
		[ -z "$(tags "slow/int-$after/x")" ]
	done
	"$imgmin" push "oci:$image" "$s_main/slow/int-0.4/x:v1" >out.txt 2>stderr
	pushed slow/int-0.4/x
}

#!/usr/bin/env bats
# The CI steps of examples/ci: their own scripts, run as the CI would, against a real registry that
# wants a login.
load ../lib/common
load ../lib/registry

setup_file() {
	[ -n "$(command -v docker-registry)" ] && [ -n "$(command -v htpasswd)" ] || return 0
	htpasswd -Bbn "$user" "$password" >"$BATS_FILE_TMPDIR/htpasswd" 2>/dev/null
	real_start ci 'http: {addr: 127.0.0.1:0}' \
		"auth: {htpasswd: {realm: tests, path: $BATS_FILE_TMPDIR/htpasswd}}"
}

teardown_file() {
	servers_stop
}

setup() {
	local tool
	need_tool docker-registry htpasswd jq skopeo arm-linux-gnueabihf-gcc aarch64-linux-gnu-gcc
	"$PYTHON" -c 'import yaml' 2>/dev/null || skip "python3-yaml is not installed"
	cd "$BATS_TEST_TMPDIR"
	# What a checkout has, and a runner: imgmin on the PATH, packages that are there already.
	mkdir -p checkout/examples bin docker
	cp -r "$top/examples/ci" checkout/examples
	mkdir checkout/examples/sensor
	cp -r "$top"/examples/sensor/{Makefile,sensor.c,lib} checkout/examples/sensor
	ln -s "$imgmin" bin/imgmin
	printf '#!/bin/sh\nexec "$@"\n' >bin/sudo
	printf '#!/bin/sh\necho "$@" >>"%s/apt"\n' "$PWD" >bin/apt-get
	chmod +x bin/*
	export PATH=$PWD/bin:$PATH DOCKER_CONFIG=$PWD/docker HOME=$PWD
	unset REGISTRY_AUTH_FILE DOCKER_AUTH_CONFIG XDG_RUNTIME_DIR MAKEFLAGS MAKELEVEL
	cd checkout
}

# Two platforms under the tag, which are sound, and no other tag beside it.
joined() { # REPOSITORY TAG
	"$imgmin" index inspect --format json "$r_ci/$1:$2" --creds "$user:$password" |
		jq -c '[.manifests[].platform | [.os, .architecture, .variant] | map(select(.)) | join("/")]' \
			>platforms
	[ "$(cat platforms)" = '["linux/arm/v7","linux/arm64"]' ] || { cat platforms; return 1; }
	"$imgmin" check --strict "$r_ci/$1:$2" --creds "$user:$password"
	tags=$(skopeo list-tags --tls-verify=false --creds "$user:$password" "docker://$r_ci/$1" |
		jq -c .Tags)
	[ "$tags" = "[\"$2\"]" ] || { echo "tags $tags"; return 1; }
}

steps() { # REPOSITORY
	REPOSITORY=$r_ci/$1 TAG=1.2 REGISTRY_USER=$user REGISTRY_PASSWORD=$password \
		examples/ci/steps.sh
}

github() { # REPOSITORY
	sed "s,ghcr\.io/,$r_ci/," examples/ci/github.yml >github.yml
	"$top/tests/lib/pipeline.py" github github.yml "github.repository=$1" github.actor="$user" \
		github.ref_name=1.2 secrets.GITHUB_TOKEN="$password"
}

gitlab() { # REPOSITORY
	"$top/tests/lib/pipeline.py" gitlab examples/ci/gitlab.yml CI_REGISTRY="$r_ci" \
		CI_REGISTRY_IMAGE="$r_ci/$1" CI_REGISTRY_USER="$user" \
		CI_REGISTRY_PASSWORD="$password" CI_COMMIT_TAG=1.2
}

@test "the shell step" {
	steps u/shell
	joined u/shell 1.2
}

@test "the shell step: a platform over the budget, and nothing is tagged" {
	MAX_SIZE=100kB expect 4 steps u/large
	says "--max-size allows 100 kB"
	expect 6 "$imgmin" index inspect "$r_ci/u/large:1.2" --creds "$user:$password"
}

@test "GitHub: the workflow and its composite action" {
	github u/github >../output
	joined u/github 1.2
	[ "$(grep -c '^output digest=sha256:' ../output)" = 2 ]
	# It installs just the compilers, whose packages tests/lib/deps.sh knows.
	[ "$(grep -o 'gcc-[a-z0-9-]*' ../apt | sort -u | tr '\n' ' ')" = \
		"gcc-aarch64-linux-gnu gcc-arm-linux-gnueabihf " ]
}

@test "GitHub: an owner and repository with capitals" {
	github U/GitHub-Capitals >../output
	joined u/github-capitals 1.2
}

@test "GitHub: without the right to push, status 5 and no tag" {
	password=wrong expect 5 github u/denied
	expect 6 "$imgmin" index inspect "$r_ci/u/denied:1.2" --creds "$user:$password"
}

@test "GitLab: the pipeline" {
	gitlab u/gitlab
	joined u/gitlab 1.2
}

@test "all three make the same image" {
	for how in steps github gitlab; do $how "u/same-$how" >/dev/null; done
	for how in steps github gitlab; do
		"$imgmin" index inspect --format json "$r_ci/u/same-$how:1.2" --creds "$user:$password" |
			sha256sum
	done | sort -u >../digests
	[ "$(wc -l <../digests)" = 1 ]
}

@test "their scripts pass shellcheck" {
	need_tool shellcheck
	shellcheck examples/ci/steps.sh
}

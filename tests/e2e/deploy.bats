#!/usr/bin/env bats
# imgmin deploy through a real sshd on loopback into Docker Engine and containerd.
load ../lib/common
load ../lib/engines

bats_require_minimum_version 1.5.0

# sshd_start NAME [LINE]...: a server of our own; `ssh NAME` reaches it, and so does imgmin.
sshd_start() {
	local name=$1 port i
	shift
	port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
	{
		printf '%s\n' "ListenAddress 127.0.0.1:$port" "HostKey $ssh/host" "PidFile none" \
			"AuthorizedKeysFile $ssh/user.pub" "StrictModes no" "UsePAM no" \
			"PasswordAuthentication no" "PermitRootLogin prohibit-password"
		printf '%s\n' "$@"
	} >"$ssh/$name.conf"
	/usr/sbin/sshd -D -e -f "$ssh/$name.conf" >"$ssh/$name.log" 2>&1 </dev/null 3>&- &
	echo $! >"$ssh/$name.pid"
	for ((i = 0; i < 100; i++)); do
		(exec 9<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null && break
		sleep 0.05
	done
	export "port_$name=$port"
	printf '%s\n' "Host $name" "  HostName 127.0.0.1" "  Port $port" >>"$ssh/config"
}

setup_file() {
	export ssh=
	engines_start
	[ -x /usr/sbin/sshd ] && [ "$(id -u)" = 0 ] && [ -n "$(command -v ssh-keygen)" ] || return 0
	ssh=$(mktemp -d /tmp/imgmin-ssh.XXXXXX)
	chmod 755 "$ssh"
	mkdir -p /run/sshd
	ssh-keygen -q -t ed25519 -N '' -f "$ssh/host"
	ssh-keygen -q -t ed25519 -N '' -f "$ssh/user"
	sshd_start device "SetEnv DOCKER_HOST=unix://$DOCKER_SOCK CONTAINERD_ADDRESS=$CTR_SOCK CONTAINERD_NAMESPACE=test"
	sshd_start denied "SetEnv DOCKER_HOST=unix://$DOCKER_SOCK CONTAINERD_ADDRESS=$CTR_SOCK" \
		"ForceCommand exec setpriv --reuid=65534 --regid=65534 --clear-groups sh -c \"\$SSH_ORIGINAL_COMMAND\""
	# What a balenaOS device has: Docker's client under another name.
	mkdir "$ssh/balena"
	ln -s /usr/bin/docker "$ssh/balena/balena-engine"
	sshd_start balena "SetEnv DOCKER_HOST=unix://$DOCKER_SOCK PATH=$ssh/balena:/usr/bin:/bin"
	sshd_start down "SetEnv DOCKER_HOST=unix://$ssh/none.sock"
	printf '%s\n' "Host *" "  User root" "  IdentityFile $ssh/user" "  IdentitiesOnly yes" \
		"  BatchMode yes" "  UserKnownHostsFile $ssh/known" "  StrictHostKeyChecking accept-new" \
		"  LogLevel ERROR" >>"$ssh/config"
	# The real client with this config; what it sends to the device is counted.
	mkdir "$ssh/bin"
	cat >"$ssh/bin/ssh" <<-END
		#!/bin/bash
		set -o pipefail
		printf '%s\n' "\$@" >>"$ssh/argv"
		tee "$ssh/wire" | /usr/bin/ssh -F "$ssh/config" "\$@"
	END
	chmod +x "$ssh/bin/ssh"
	cd "$BATS_FILE_TMPDIR"
	printf '#include <math.h>\n#include <stdio.h>\nint main(int c, char **v) { printf("%%s %%g\\n", TEXT, sqrt(c * 4.0)); }\n' >p.c
	for i in 1 2; do
		gcc -O1 -fno-builtin -DTEXT="\"version $i\"" p.c -o prog -lm
		"$imgmin" build -q ./prog -t "user/prog:$i" -o "$i.tar"
	done
}

teardown_file() {
	local pid
	if [ -n "$ssh" ]; then
		for pid in "$ssh"/*.pid; do
			end "$pid"
		done
		rm -rf "$ssh"
	fi
	engines_stop
}

setup() {
	need_engines
	[ -n "$ssh" ] || skip "openssh-server is not installed, or this is not root"
	PATH=$ssh/bin:$PATH
	cd "$BATS_FILE_TMPDIR"
}

wire() { stat -c %s "$ssh/wire"; }

@test "the first time all goes, then only what has changed" {
	expect 0 "$imgmin" deploy 1.tar ssh://device
	[[ $output =~ ^user/prog:1@sha256:[0-9a-f]{64}$ ]]
	[[ $stderr =~ "docker: sent "([0-9]+)" of "([0-9]+)" layers, " ]]
	[ "${BASH_REMATCH[1]}" = "${BASH_REMATCH[2]}" ]
	says "the device held 0 B"
	[ "$(grep -cE '^[0-9a-f]{12}: uploaded \([0-9.]+ k?M?B\)' <<<"$stderr")" = "${BASH_REMATCH[1]}" ]
	whole=$(wire)
	[ "$(run_in_docker user/prog:1)" = "version 1 2" ]

	expect 0 "$imgmin" deploy 2.tar "ssh://root@127.0.0.1:$port_device/"
	[[ $stderr =~ "docker: sent 1 of "([2-9])" layers, " ]]
	[ "$(grep -c ': uploaded (' <<<"$stderr")" = 1 ]
	[ "$(grep -c ': exists' <<<"$stderr")" = $((BASH_REMATCH[1] - 1)) ]
	second=$(wire)
	[ "$(run_in_docker user/prog:2)" = "version 2 2" ]
	# The program's layer and the documents; libc is far larger.
	layer=$("$imgmin" inspect --format json 2.tar | jq '[.. | .layers? // empty] | first | last | .size')
	echo "whole $whole second $second layer $layer"
	((second < layer + 20000 && whole > 500000))

	expect 0 "$imgmin" deploy --engine docker 2.tar ssh://device --progress json
	jq -es 'map(select(.event == "blob")) | length > 1 and all(.status == "exists")' <<<"$stderr"
	says "sent 0 of "
	(($(wire) < 20000))
	[ "$(run_in_docker user/prog:2)" = "version 2 2" ]
}

@test "containerd gets all of it" {
	expect 0 "$imgmin" deploy --engine containerd 1.tar ssh://device
	says "containerd: sent "
	says "the device held 0 B"
	ctr images check | grep 'docker.io/user/prog:1 .*complete'
	ctr run --rm docker.io/user/prog:1 deployed 2>&1 | tee "$BATS_TEST_TMPDIR/out"
	grep -qx "version 1 2" "$BATS_TEST_TMPDIR/out"
	expect 0 "$imgmin" deploy --engine containerd --namespace other 1.tar ssh://device
	command ctr -a "$CTR_SOCK" -n other images ls -q | grep -x docker.io/user/prog:1
}

@test "balena-engine" {
	expect 0 "$imgmin" deploy --engine balena-engine 2.tar ssh://balena
	says "balena-engine: sent "
	[ "$(run_in_docker user/prog:2)" = "version 2 2" ]
}

@test "memory stays flat" {
	need_tool /usr/bin/time
	head -c 150000000 /dev/urandom >blob
	"$imgmin" build -q ./prog --add ./blob:/blob --compression none -t user/large -o large.tar
	/usr/bin/time -f %M -o "$BATS_TEST_TMPDIR/peak" "$imgmin" deploy -q large.tar ssh://device
	cat "$BATS_TEST_TMPDIR/peak"
	(($(cat "$BATS_TEST_TMPDIR/peak") < 40000))
	(($(wire) > 150000000))
	rm blob large.tar
}

@test "of several platforms the device's goes" {
	need_tool arm-linux-gnueabihf-gcc
	sensor
	"$imgmin" build -q "$sensor_armhf" "$sensor_native" -t user/both -o both.tar
	expect 0 "$imgmin" deploy both.tar ssh://device
	[ "$(docker image inspect -f '{{.Architecture}}' user/both)" = amd64 ]
	expect 0 "$imgmin" deploy --platform linux/arm/v7 both.tar ssh://device
	[ "$(docker image inspect -f '{{.Architecture}}' user/both)" = arm ]
	"$imgmin" build -q "$sensor_armhf" -t user/arm -o arm.tar
	expect 2 "$imgmin" deploy arm.tar ssh://device
	says "no image for linux/amd64"
}

@test "an engine that cannot be used" {
	expect 1 "$imgmin" deploy --engine balena-engine 1.tar ssh://device
	says "no balena-engine on the device"
	says "hint: install"
	expect 1 "$imgmin" deploy 1.tar ssh://denied
	says "ermission denied"
	says "usermod -aG docker"
	expect 1 "$imgmin" deploy --engine containerd 1.tar ssh://denied
	says "hint: containerd's socket is root's: deploy to ssh://root@denied"
	expect 1 "$imgmin" deploy 1.tar ssh://down
	says "hint: is the engine running"
}

@test "no connection: 6, in ssh's own words" {
	expect 6 "$imgmin" deploy 1.tar ssh://127.0.0.1:1
	says "Connection refused"
	says "hint: does 'ssh 127.0.0.1 true' work?"
	sed "s|IdentityFile .*|IdentityFile $ssh/host|" "$ssh/config" >"$ssh/config.wrong"
	mkdir -p "$BATS_TEST_TMPDIR/bin"
	printf '#!/bin/sh\nexec /usr/bin/ssh -F %s "$@"\n' "$ssh/config.wrong" >"$BATS_TEST_TMPDIR/bin/ssh"
	chmod +x "$BATS_TEST_TMPDIR/bin/ssh"
	PATH=$BATS_TEST_TMPDIR/bin:$PATH expect 6 "$imgmin" deploy 1.tar ssh://device
	says "Permission denied (publickey"
}

@test "a host is never an option of ssh, and no word reaches a shell" {
	: >"$ssh/argv"
	for url in ssh://-oProxyCommand=x ssh://-l@device ssh:// ssh://a/b ssh://u:p@h ssh://h:0 \
		ssh://h:65536 ssh://h:x 'ssh://$(x)' 'ssh://a;b' ssh://[::1 'ssh://u v@h' device http://h; do
		expect 2 "$imgmin" deploy 1.tar "$url"
		says "not ssh://[USER@]HOST[:PORT]"
	done
	for name in '' '-x' '$(x)' "a'b" 'a b'; do
		expect 2 "$imgmin" deploy --namespace "$name" 1.tar ssh://device
	done
	expect 2 "$imgmin" deploy 1.tar
	expect 2 "$imgmin" deploy --engine podman 1.tar ssh://device
	[ ! -s "$ssh/argv" ]
}

@test "a damaged layer leaves nothing on the device" {
	mkdir -p bad
	"$imgmin" copy -q 2.tar oci:bad/l:user/bad:1
	big=$(find bad/l/blobs -type f -size +100k | head -n 1)
	printf x | dd of="$big" bs=1 seek=5000 conv=notrunc status=none
	expect 1 "$imgmin" deploy --engine containerd oci:bad/l ssh://device
	says sha256
	run ! docker image inspect user/bad:1
}

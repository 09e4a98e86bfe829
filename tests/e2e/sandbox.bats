#!/usr/bin/env bats
# A library preloaded into imgmin (tests/lib/intruder.c) tries to get out while a file is parsed.
load ../lib/common
load ../lib/registry

setup_file() {
	cc -shared -fPIC -O -Wall -o "$BATS_FILE_TMPDIR/intruder.so" "$top/tests/lib/intruder.c" -ldl
	cc -O -Wall -o "$BATS_FILE_TMPDIR/oldkernel" "$top/tests/lib/oldkernel.c"
	cd "$BATS_FILE_TMPDIR"
	echo 'int main(void) { return 0; }' | cc -O -x c -o prog -
	echo 'int main(void) { return 1; }' | cc -O -x c -o other -
	"$imgmin" build -q ./prog -t prog -o image.tar >/dev/null
	"$imgmin" build -q ./other -t prog -o other.tar >/dev/null
	"$imgmin" build -q ./prog -t prog --compression none -o oci:layout >/dev/null
	python3 -c '
import socket, sys, time
s = socket.socket()
s.bind(("127.0.0.1", 0))
s.listen(100)
print(s.getsockname()[1], flush=True)
while True:
    s.accept()[0].close()
' >port 2>/dev/null 3>&- &
	echo $! >listener.pid
	until [ -s port ]; do sleep 0.05; done
	server_start s --listen main=127.0.0.1:0
}

teardown_file() {
	servers_stop
	kill "$(cat "$BATS_FILE_TMPDIR/listener.pid")"
}

setup() {
	"$imgmin" ldd -v "$BATS_FILE_TMPDIR/prog" 2>&1 | grep -q 'Landlock (ABI [0-9]*): .*seccomp: no exec' ||
		skip "this kernel has no Landlock or no seccomp"
	cd "$BATS_TEST_TMPDIR"
	mkdir out outside tmp
	in=$BATS_FILE_TMPDIR
	export TMPDIR=$PWD/tmp
	INTRUDER_PORT=$(cat "$in/port")
	export INTRUDER_DIR=$PWD/outside INTRUDER_PORT
}

# intrude FILE ARG...: imgmin ARG... with the intruder in it, at work when FILE is read.
intrude() {
	local at=$1
	shift
	rm -f outside/*
	output=$(INTRUDER_AT=$at LD_PRELOAD=$in/intruder.so "$imgmin" "$@" 2>&1) || {
		echo "$output"
		return 1
	}
}

told() { # WORD RESULT
	grep -qx "intruder: $1: $2" <<<"$output" || { echo "not '$1: $2': $output"; return 1; }
}

# held FILE ARG...: nothing gets out of it, and without the sandbox all of it does.
held() {
	intrude "$@"
	told exec 'Operation not permitted'
	told connect 'Operation not permitted'
	told write 'Permission denied'
	told 'threads outside' 0
	[ -z "$(ls outside)" ]
	IMGMIN_SANDBOX=off intrude "$@"
	told exec 'done'
	told connect 'done'
	told write 'done'
	[ "$(ls outside | tr '\n' ' ')" = 'by-program by-write ' ]
}

# says_sandbox TEXT ARG...: what -v tells.
says_sandbox() {
	local text=$1
	shift
	expect 0 "$imgmin" "$@" -v
	says "$text"
}

@test "ldd: a program" {
	held /prog ldd "$in/prog"
	says_sandbox 'no writes; seccomp: no exec, no network' ldd "$in/prog"
}

@test "inspect: an archive, to stdout and to a file" {
	held /image.tar inspect "$in/image.tar"
	held /image.tar inspect --format html -o out/page.html "$in/image.tar"
	says_sandbox "writes only to out, $XDG_CACHE_HOME/imgmin, unnamed files in $TMPDIR; seccomp: no exec, no network" \
		inspect -o out/text "$in/image.tar"
}

@test "check: an archive, a layout and a program" {
	held /image.tar check "$in/image.tar"
	held index.json check "oci:$in/layout"
	held /prog check "$in/prog"
	says_sandbox 'seccomp: no exec, no network' check "$in/image.tar"
}

@test "diff: the second archive" {
	held /other.tar diff "$in/image.tar" "$in/other.tar"
	says_sandbox 'seccomp: no exec, no network' diff "$in/image.tar" "$in/other.tar"
}

@test "slim: an archive" {
	held /image.tar slim "$in/image.tar" -o out/slim.tar
	held /image.tar slim --no-cache "$in/image.tar" -o oci:out/layout:1
	says_sandbox 'seccomp: no exec, no network' slim "$in/image.tar" -o out/slim.tar --iidfile out/iid
}

@test "build: a program, and an image that its libraries come from" {
	held /prog build "$in/prog" -o out/x.tar
	held /image.tar build "$in/prog" --sysroot "$in/image.tar" -o out/x.tar
	says_sandbox 'no writes; seccomp: no exec, no network' build "$in/prog" --dry-run
}

@test "copy: between files" {
	held /image.tar copy "$in/image.tar" oci:out/layout
	says_sandbox 'seccomp: no exec, no network' copy "$in/image.tar" out/x.tar
}

@test "the directory of a result is open, its neighbours are not" {
	INTRUDER_DIR=$PWD/out intrude /image.tar inspect -o out/text "$in/image.tar"
	told write 'done'
	INTRUDER_DIR=$TMPDIR intrude /image.tar inspect -o out/text "$in/image.tar"
	told write 'Permission denied'
}

@test "an image in a registry: the network is open, nothing else is" {
	expect 0 "$imgmin" push -v "$in/image.tar" "$s_main/prog:1"
	says 'seccomp: no exec, network open'
	intrude /other.tar push "$in/other.tar" "$s_main/prog:2"
	told exec 'Operation not permitted'
	told connect 'done'
	told write 'Permission denied'
	[ -z "$(ls outside)" ]
	says_sandbox 'seccomp: no exec, network open' inspect "docker://$s_main/prog:1"
	says_sandbox 'seccomp: no exec, network open' k8s "$s_main/prog:2"
	says_sandbox 'seccomp: no exec, network open' index create "$s_main/prog:3" "$s_main/prog:1"
	says_sandbox 'seccomp: no exec, network open' index inspect "$s_main/prog:3"
	says_sandbox 'seccomp: no exec, network open' pull "$s_main/prog:1" out/x.tar
}

@test "a credential helper writes where it is used to, a file that is read does not" {
	mkdir bin config
	cat >bin/docker-credential-outside <<-END
		#!/bin/sh
		: >"$PWD/by-helper"
		echo '{"Username":"$user","Secret":"$password"}'
	END
	chmod +x bin/docker-credential-outside
	echo '{"credsStore":"outside"}' >config/config.json
	export DOCKER_CONFIG=$PWD/config PATH=$PWD/bin:$PATH
	says_sandbox 'seccomp: exec only for ssh and credential helpers, network open' \
		push "$in/image.tar" "$s_main/auth/prog:1"
	[ -e by-helper ]
	intrude /other.tar push "$in/other.tar" "$s_main/auth/prog:2"
	told exec 'Operation not permitted'
	told write 'Permission denied'
	told 'threads outside' 1
	# Who names the credentials needs no helper.
	says_sandbox 'seccomp: no exec, network open' \
		push --creds "$user:$password" "$in/image.tar" "$s_main/auth/prog:1"
}

@test "deploy: ssh alone is started" {
	need_tool ssh
	expect 6 "$imgmin" deploy -v "$in/image.tar" ssh://nobody@127.0.0.1:1
	says 'seccomp: exec only for ssh and credential helpers, no network'
	output=$(INTRUDER_AT=/image.tar LD_PRELOAD=$in/intruder.so "$imgmin" deploy "$in/image.tar" \
		ssh://nobody@127.0.0.1:1 2>&1) || true
	told exec 'Operation not permitted'
	told connect 'Operation not permitted'
	told write 'Permission denied'
}

@test "an engine behind a socket: no other network" {
	DOCKER_HOST=unix://$PWD/none.sock expect 6 "$imgmin" inspect -v docker-daemon:x
	says 'seccomp: no exec, sockets of this machine only'
	DOCKER_HOST=tcp://127.0.0.1:1 expect 6 "$imgmin" inspect -v docker-daemon:x
	says 'seccomp: no exec, network open'
}

@test "what cannot be written is an ordinary error" {
	mkdir real
	ln -s real link
	expect 0 "$imgmin" inspect -o link/text "$in/image.tar"
	expect 0 "$imgmin" inspect -o real/../link/text "$in/image.tar"
	expect 1 "$imgmin" inspect -o missing/text "$in/image.tar"
	says 'No such file or directory'
	expect 0 "$imgmin" slim -q "$in/image.tar" --cache-dir new/cache/dir -o /dev/null
	[ -d new/cache/dir/blobs ]
	mkfifo fifo
	cat fifo >read &
	expect 0 "$imgmin" inspect -o fifo "$in/image.tar"
	wait
	[ -s read ]
	shm=$(mktemp -d -p /dev/shm)
	expect 0 "$imgmin" inspect -o "$shm/text" "$in/image.tar"
	[ -s "$shm/text" ]
	rm -r "$shm"
	expect 0 "$imgmin" inspect -o /dev/fd/5 "$in/image.tar" 5>fd
	[ -s fd ]
	expect 0 "$imgmin" inspect -o >(cat >sub) "$in/image.tar"
	HOME= XDG_CACHE_HOME= expect 0 "$imgmin" slim "$in/image.tar" -o out/slim.tar
	[ -z "$(ls -A tmp)" ]
}

@test "a layout's blobs may lie behind a link" {
	cp -r "$in/layout" out/layout
	mv out/layout/blobs shared
	ln -s ../../shared out/layout/blobs
	expect 0 "$imgmin" copy "$in/other.tar" oci:out/layout:two
	mv shared/sha256 deeper
	ln -s ../deeper shared/sha256
	expect 0 "$imgmin" build "$in/other" --compression zstd -o oci:out/layout:three
	expect 0 "$imgmin" inspect oci:out/layout:three
}

@test "IMGMIN_SANDBOX=off is told" {
	IMGMIN_SANDBOX=off says_sandbox 'sandbox: off, as IMGMIN_SANDBOX says' check "$in/image.tar"
	IMGMIN_SANDBOX=on says_sandbox 'sandbox: Landlock' check "$in/image.tar"
}

# The numbers of landlock_create_ruleset and of seccomp.
@test "a kernel, or a container, without Landlock, without seccomp, without both" {
	landlock=444 seccomp=$(echo '#include <sys/syscall.h>
SYS_seccomp' | cc -E -P -x c - | tail -1)
	plain=$imgmin

	imgmin=$PWD/wrapped
	wrap() { printf '#!/bin/sh\nexec %s %s %s "$@"\n' "$in/oldkernel" "$*" "$plain" >wrapped; chmod +x wrapped; }
	wrap $landlock=38
	says_sandbox 'this kernel has no Landlock: writes are not limited; seccomp: no exec, no network' \
		inspect "$in/image.tar"
	intrude /image.tar inspect "$in/image.tar"
	told exec 'Operation not permitted'
	told connect 'Operation not permitted'
	told write 'done'

	wrap $landlock=1
	says_sandbox 'no Landlock (Operation not permitted): writes are not limited; seccomp' inspect "$in/image.tar"

	wrap $seccomp=38
	says_sandbox 'no seccomp (Function not implemented)' inspect "$in/image.tar"
	intrude /image.tar inspect "$in/image.tar"
	told exec 'Permission denied' # Landlock, too, knows programs, and TCP since its fourth ABI
	told write 'Permission denied'

	wrap $landlock=38 $seccomp=1
	expect 0 "$imgmin" slim -v "$in/image.tar" -o out/slim.tar
	says 'no seccomp (Operation not permitted): exec and network are not limited'
	wrap $landlock=38 $seccomp=1 "$(echo '#include <sys/syscall.h>
SYS_prctl' | cc -E -P -x c - | tail -1)=22"
	expect 0 "$imgmin" slim -v "$in/image.tar" -o out/slim.tar
	says 'sandbox: this kernel has none: Invalid argument'
}

@test "older Landlocks: what they know holds" {
	cc -shared -fPIC -O -Wall -o old.so "$top/tests/lib/oldlandlock.c" -ldl
	for abi in 2 3 4 5 6 7; do
		LANDLOCK_ABI=$abi LD_PRELOAD=$PWD/old.so says_sandbox \
			"Landlock (ABI $abi): writes only to out, " slim "$in/image.tar" -o out/slim.tar
	done
	# The first lets nothing move to another directory.
	LANDLOCK_ABI=1 LD_PRELOAD=$PWD/old.so says_sandbox \
		'Landlock of this kernel (ABI 1) is too old: writes are not limited; seccomp: no exec' \
		slim "$in/image.tar" -o out/slim.tar
	LANDLOCK_ABI=1 LD_PRELOAD=$PWD/old.so says_sandbox 'Landlock (ABI 1): no writes; seccomp' \
		ldd "$in/prog"
}

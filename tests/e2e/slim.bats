#!/usr/bin/env bats
# imgmin slim of a small Debian, for two machines in one index: what is left does its real work in
# Docker Engine, with no network, and nothing else is left.
load ../lib/common
load ../lib/engines
load ../lib/registry
load ../lib/slim

setup_file() {
	engines_start
	minbase_start
}

teardown_file() {
	engines_stop
}

setup() {
	need_minbase
	cd "$BATS_TEST_TMPDIR"
}

teardown() {
	end server.pid
	[ ! -e container ] || docker rm -f "$(cat container)" >/dev/null
}

# ---- what each program takes besides itself, and its work ----

slim_sqlite3() {
	slimmed sqlite3 --entrypoint '["/usr/bin/sqlite3"]'
}

work_sqlite3() {
	out=$(works sqlite3 :memory: 'create table t(a, b);
		insert into t values (2, "two"), (1, "one");
		select group_concat(b, "+") from (select b from t order by a);
		select sqrt(16), date(0, "unixepoch", "localtime");')
	[ "$out" = $'one+two\n4.0|1970-01-01' ]
}

# What a config names no loader sees: /app is the user's, the rest are folders that nginx writes to
# and the types that its config includes.
slim_nginx() {
	slimmed nginx --entrypoint '["/usr/sbin/nginx","-c","/app/nginx.conf"]' --keep '/app/nginx.conf' \
		--keep '/app/www/**' --keep /etc/nginx/mime.types --keep /var/lib/nginx --keep /var/log/nginx
}

work_nginx() {
	mkdir -m 755 web
	docker run -d --network none "${platform[@]}" -v "$PWD/web:/web" "nginx:$tag" >container
	for ((i = 0; i < 100; i++)); do
		[ ! -S web/socket ] || break
		sleep 0.1
	done
	docker logs "$(cat container)"
	curl -sS -i --unix-socket web/socket http://localhost/page.html >answer
	grep -q '^Content-Type: text/html' answer
	grep -q '^<p>a page of the image</p>' answer
	[ "$(curl -sS -o /dev/null -w '%{http_code}' --unix-socket web/socket http://localhost/none)" = 404 ]
}

# Without a script to follow, the whole standard library comes along.
slim_python3() {
	slimmed python3 --entrypoint '["/usr/bin/python3"]'
}

work_python3() {
	out=$(works python3 -c 'import ssl, sqlite3, json
db = sqlite3.connect(":memory:")
n = len(ssl.create_default_context().get_ca_certs())
print(json.dumps({"two": db.execute("select 1 + 1").fetchone()[0], "certs": n > 100}))')
	[ "$out" = '{"two": 2, "certs": true}' ]
}

slim_curl() {
	slimmed curl --entrypoint '["/usr/bin/curl"]'
}

# The server's authority stands in the image's bundle; a stranger's does not.
work_curl() {
	mkdir run
	tls_start "$BATS_FILE_TMPDIR/ca/server"
	works curl -sS --unix-socket /run/tls/socket https://localhost/ | grep -q 'Ciphers supported'
	end server.pid
	rm run/socket
	tls_start "$BATS_FILE_TMPDIR/stranger/server"
	run works curl -sS --unix-socket /run/tls/socket https://localhost/
	[ "$status" = 60 ]
}

# Its commands are all busybox's own, so that the script is all that has to be named.
slim_busybox() {
	slimmed busybox --entrypoint '["/app/hello.sh"]' --keep /app/hello.sh
}

work_busybox() {
	out=$(works busybox 6)
	[ "$out" = '6 lines, the last is six' ]
}

slim_ssh() {
	slimmed ssh --entrypoint '["/usr/bin/ssh"]'
}

work_ssh() {
	works ssh -V 2>&1 | grep -E '^OpenSSH_[0-9.]+p[0-9]+ Debian.*OpenSSL [0-9]'
}

slim_git() {
	slimmed git --entrypoint '["/usr/bin/git"]'
}

work_git() {
	mkdir run
	echo hello >run/file
	vars=(-w /run/tls -e GIT_AUTHOR_NAME=A -e GIT_AUTHOR_EMAIL=a@example.org
		-e GIT_COMMITTER_NAME=C -e GIT_COMMITTER_EMAIL=c@example.org)
	works git init -q
	works git add file
	works git commit -q -m 'from the image'
	works git log --format=%s,%an,%cn | grep -x 'from the image,A,C'
	[ "$(works git show HEAD:file)" = hello ]
}

# PROGRAM amd64|armhf
does_its_work() {
	need_engines
	if [ "$2" = armhf ]; then
		need_foreign arm
		platform=(--platform linux/arm/v7) tag=latest-arm-v7
	else
		platform=(--platform linux/amd64) tag=latest
	fi
	"slim_$1"
	docker_load "$1"
	"work_$1"
}

@test "sqlite3, amd64: a query" { does_its_work sqlite3 amd64; }
@test "sqlite3, armhf: a query" { does_its_work sqlite3 armhf; }
@test "nginx, amd64: a page over a unix socket" { does_its_work nginx amd64; }
@test "nginx, armhf: a page over a unix socket" { does_its_work nginx armhf; }
@test "python3, amd64: import ssl, sqlite3, json" { does_its_work python3 amd64; }
@test "python3, armhf: import ssl, sqlite3, json" { does_its_work python3 armhf; }
@test "curl, amd64: TLS by the image's certificates" { does_its_work curl amd64; }
@test "curl, armhf: TLS by the image's certificates" { does_its_work curl armhf; }
@test "busybox, amd64: a script" { does_its_work busybox amd64; }
@test "busybox, armhf: a script" { does_its_work busybox armhf; }
@test "ssh, amd64: its version" { does_its_work ssh amd64; }
@test "ssh, armhf: its version" { does_its_work ssh armhf; }
@test "git, amd64: init and commit" { does_its_work git amd64; }
@test "git, armhf: init and commit" { does_its_work git armhf; }

# ---- and nothing else ----

@test "each holds what its loader opens, what the data table brings, and --keep" {
	need_root
	need_tool jq skopeo
	for name in sqlite3 nginx python3 curl busybox ssh git; do
		"slim_$name"
		holds_only_its_own "$name" amd64 amd64
		holds_only_its_own "$name" armhf arm
	done
}

@test "sqlite3 for amd64 comes to no more than 5,500,000 bytes" {
	slim_sqlite3
	"$imgmin" inspect --format json "$BATS_FILE_TMPDIR/sqlite3.tar" |
		jq -e '.images[] | select(.platform == "linux/amd64") | .raw_size <= 5500000'
}

# What is left of Debian for these words, unpacked into ./root.
left_for() { # ENTRYPOINT OPTION…
	local entrypoint=$1 layer
	shift
	rm -rf out root
	"$imgmin" slim "oci:$BATS_FILE_TMPDIR/debian" --platform linux/amd64 --workdir /app \
		--entrypoint "$entrypoint" -o oci:out "$@" 2>said || return
	mkdir root
	for layer in $(python3 -c '
import json
def read(d): return json.load(open("out/blobs/sha256/" + d["digest"][7:]))
for l in read(json.load(open("out/index.json"))["manifests"][0])["layers"]: print(l["digest"][7:])'); do
		tar -xf "out/blobs/sha256/$layer" -C root
	done
	cp /bin/busybox root/busybox
}
in_app() { chroot root /busybox sh -c "cd /app && $1"; }

@test "the words of the command: a script by its relative path, a module, a shell's text" {
	need_minbase
	[ -x /bin/busybox ] || skip "busybox is not installed"
	left_for '["python3","-u","run.py"]'
	[ "$(in_app "python3 -u run.py")" = 'ran {"a": 1}' ]
	[ ! -e root/usr/lib/python3.11/asyncio ]
	left_for '["python3","-m","pkg"]'
	[ "$(in_app "python3 -m pkg")" = "pkg 3" ]
	# Made smaller once more it is the same.
	cp -r out once
	rm -rf twice
	"$imgmin" slim oci:once -o oci:twice -q
	[ "$("$imgmin" inspect oci:once | sed -n 's/^ *digest *//p')" = \
		"$("$imgmin" inspect oci:twice | sed -n 's/^ *digest *//p')" ]
	run left_for '["python3","-c","import ssl"]'
	[ "$status" = 4 ]
	grep -q 'what the text of python3 -c imports is not followed' said
	run left_for '["/bin/sh","-c","python3 run.py | cat"]'
	[ "$status" = 4 ]
	grep -q 'its script calls other programs: python3, cat' said
	left_for '["/bin/sh","-c","python3 run.py | cat"]' --include-commands --keep /app/run.py
	[ "$(in_app "sh -c 'python3 run.py | cat'")" = 'ran {"a": 1}' ]
}

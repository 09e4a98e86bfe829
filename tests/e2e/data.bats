#!/usr/bin/env bats
# Runtime data: programs that open files no loader asks for do their work in the image.
load ../lib/common
load ../lib/images

setup_file() {
	command -v openssl >/dev/null || return 0
	cd "$BATS_FILE_TMPDIR"
	# An authority of our own, and a server's certificate by it.
	openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj '/CN=Test Authority' \
		-keyout ca.key -out ca.pem 2>/dev/null
	openssl req -newkey rsa:2048 -nodes -subj /CN=localhost -keyout server.key -out server.csr 2>/dev/null
	printf 'subjectAltName=IP:127.0.0.1,DNS:localhost\n' >san
	openssl x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 \
		-extfile san -out server.pem 2>/dev/null
}

setup() {
	need_tool jq skopeo gcc
	cd "$BATS_TEST_TMPDIR"
}

teardown() {
	[ -z "${server:-}" ] || kill "$server" 2>/dev/null || true
}

build() { # [OPTION...] PATH...: into i.tar, and root/
	expect 0 "$imgmin" build -o i.tar "$@"
	unpack
}

unpack() {
	local layer
	rm -rf root layers
	mkdir root
	skopeo copy --quiet --dest-decompress oci-archive:i.tar dir:layers
	for layer in $(jq -r '.layers[].digest' layers/manifest.json); do
		tar xf "layers/${layer#sha256:}" -C root
	done
}

# tls_start: a server on a free loopback port, $port.
tls_start() {
	local i
	need_tool openssl
	for ((i = 0; i < 20; i++)); do
		port=$((20000 + RANDOM % 20000))
		openssl s_server -accept "127.0.0.1:$port" -www -cert "$BATS_FILE_TMPDIR/server.pem" \
			-key "$BATS_FILE_TMPDIR/server.key" >server.log 2>&1 </dev/null 3>&- &
		server=$!
		for _ in $(seq 50); do
			! grep -q ACCEPT server.log || return 0
			kill -0 "$server" 2>/dev/null || break
			sleep 0.1
		done
	done
	cat server.log
	return 1
}

inside() { # COMMAND...: in root/
	env -i "${vars[@]}" "$(command -v chroot)" root "$@"
}

vars=(PATH=/usr/bin:/bin)

@test "curl trusts what the image's bundle holds, and nothing else" {
	need_root
	need_tool curl
	tls_start
	build "$(command -v curl)"
	says 'data certs: '
	says 'curl imports curl_easy_init'
	run inside /usr/bin/curl -sS "https://127.0.0.1:$port/"
	[ "$status" = 60 ]
	cat "$BATS_FILE_TMPDIR/ca.pem" >>root/etc/ssl/certs/ca-certificates.crt
	run inside /usr/bin/curl -sS "https://127.0.0.1:$port/"
	[ "$status" = 0 ]
	[[ $output == *"Ciphers supported"* ]]
}

@test "OpenSSL's own default paths lead to the bundle, without a file for each authority" {
	need_root
	tls_start
	build "$(command -v openssl)"
	run inside /usr/bin/openssl s_client -verify_return_error -connect "127.0.0.1:$port" </dev/null
	[ "$status" != 0 ]
	cat "$BATS_FILE_TMPDIR/ca.pem" >>root/etc/ssl/certs/ca-certificates.crt
	run inside /usr/bin/openssl s_client -verify_return_error -connect "127.0.0.1:$port" </dev/null
	[ "$status" = 0 ]
	[[ $output == *"Verify return code: 0 (ok)"* ]]
	[ -z "$(find root/etc/ssl/certs -name '*.0')" ]
}

@test "certificates of the user's own take the bundle's place" {
	need_root
	need_tool curl
	tls_start
	build --add "$BATS_FILE_TMPDIR/ca.pem:/etc/ssl/certs/ca-certificates.crt" "$(command -v openssl)"
	cmp root/etc/ssl/certs/ca-certificates.crt "$BATS_FILE_TMPDIR/ca.pem"
	run inside /usr/bin/openssl s_client -verify_return_error -connect "127.0.0.1:$port" </dev/null
	[ "$status" = 0 ]
}

@test "--without certs leaves them out" {
	need_tool curl
	build --without certs "$(command -v curl)"
	[ ! -e root/etc/ssl/certs ]
	[ ! -e root/usr/lib/ssl/cert.pem ]
}

# A sysroot with curl and its libraries, and nothing else.
curl_root() {
	local lib
	mkdir -p bare/usr/bin
	cp "$(command -v curl)" bare/usr/bin
	ldd bare/usr/bin/curl | grep -oE '/[^ ]+' | while read -r lib; do
		mkdir -p "bare$(dirname "$lib")"
		cp -L "$lib" "bare$lib"
	done
}

@test "where the sysroot has no certificates, this machine's are taken with a warning" {
	need_tool curl
	[ -s /etc/ssl/certs/ca-certificates.crt ] || skip "no certificates here"
	curl_root
	build --sysroot bare bare/usr/bin/curl
	says "this machine's /etc/ssl/certs/ca-certificates.crt"
	cmp root/etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
}

@test "where nobody has certificates, the build fails and says what to do" {
	need_root
	need_tool curl unshare
	curl_root
	expect 1 unshare -m sh -c 'mount -t tmpfs none /etc/ssl &&
		{ [ ! -d /etc/pki ] || mount -t tmpfs none /etc/pki; } && exec "$@"' - \
		"$imgmin" build -o i.tar --sysroot bare bare/usr/bin/curl
	says "certs: curl imports curl_easy_init"
	says "hint: "
	says "--without certs"
	[ ! -e i.tar ]
	expect 0 unshare -m sh -c 'mount -t tmpfs none /etc/ssl &&
		{ [ ! -d /etc/pki ] || mount -t tmpfs none /etc/pki; } && exec "$@"' - \
		"$imgmin" build -o i.tar --sysroot bare bare/usr/bin/curl \
		--add "$BATS_FILE_TMPDIR/ca.pem:/etc/ssl/certs/ca-certificates.crt"
}

@test "date: UTC without files, Berlin with --with tzdata, or by TZ alone" {
	need_root
	[ -e /usr/share/zoneinfo/Europe/Berlin ] || skip "no zones here"
	vars+=(TZ=Europe/Berlin)
	build /usr/bin/date
	[ ! -e root/usr/share/zoneinfo ]
	says 'not taken: tzdata, '
	says 'date imports localtime; --with tzdata takes it'
	[ "$(inside /usr/bin/date -d @0 +%H)" = 00 ]
	build --with tzdata /usr/bin/date
	[ "$(inside /usr/bin/date -d @0 +%H)" = 01 ]
	[ -e root/usr/share/zoneinfo/Asia/Tokyo ]
	build --with tzdata:Europe/Berlin /usr/bin/date
	[ "$(inside /usr/bin/date -d @0 +%H)" = 01 ]
	[ ! -e root/usr/share/zoneinfo/Asia ]
	build --env TZ=Europe/Berlin /usr/bin/date
	[ "$(inside /usr/bin/date -d @0 +%H)" = 01 ]
	[ ! -e root/usr/share/zoneinfo/Asia ]
}

@test "accounts: two of them, and none of this machine's" {
	need_root
	echo '#include <pwd.h>
		#include <grp.h>
		#include <stdio.h>
		int main(void) { return printf("%s %s %s\n", getpwuid(0)->pw_name,
			getpwnam("nobody")->pw_dir, getgrgid(65534)->gr_name) < 0; }' >who.c
	gcc -o who who.c
	build ./who
	[ "$(inside /usr/bin/who)" = "root /nonexistent nogroup" ]
	[ "$(wc -l <root/etc/passwd)" = 2 ]
	build --without passwd,nss ./who
	[ ! -e root/etc/passwd ]
	[ ! -e root/etc/nsswitch.conf ]
}

@test "iconv: nothing by itself, one charset by its alias, or all" {
	need_root
	local charset=CP932
	build /usr/bin/iconv
	[ -z "$(find root -name gconv)" ]
	says 'iconv imports iconv_open; --with gconv takes it'
	run inside /usr/bin/iconv -f $charset -t UTF-8 <<<x
	[ "$status" != 0 ]
	build --with gconv:$charset /usr/bin/iconv
	[ "$(printf '\x83\x65' | inside /usr/bin/iconv -f $charset -t UTF-8)" = テ ]
	[ "$(find root -name '*.so' -path '*gconv*' | wc -l)" -lt 6 ]
	build --with gconv /usr/bin/iconv
	[ "$(printf 'aテ' | inside /usr/bin/iconv -f UTF-8 -t ISO-2022-JP -c | head -c 1)" = a ]
}

@test "a locale comes with its name in the environment" {
	need_root
	[ -d /usr/lib/locale/C.utf8 ] || skip "no C.UTF-8 here"
	vars+=(LANG=C.UTF-8)
	build --env LANG=C.UTF-8 /usr/bin/locale
	[ "$(inside /usr/bin/locale charmap)" = UTF-8 ]
	build /usr/bin/locale
	[ ! -e root/usr/lib/locale ]
	[ "$(inside /usr/bin/locale charmap)" = ANSI_X3.4-1968 ]
	build --with locale:C.UTF-8 /usr/bin/locale
	[ "$(inside /usr/bin/locale charmap)" = UTF-8 ]
}

@test "mkstemp finds a /tmp that is everyone's" {
	need_root
	echo '#include <stdlib.h>
		int main(void) { char t[] = "/tmp/x.XXXXXX"; return mkstemp(t) < 0; }' >tmp.c
	gcc -o temporary tmp.c
	build ./temporary
	[ "$(stat -c %a root/tmp)" = 1777 ]
	inside /usr/bin/temporary
	build --without tmp ./temporary
	[ ! -e root/tmp ]
	run inside /usr/bin/temporary
	[ "$status" = 1 ]
}

@test "terminals: the common ones, and one more by name" {
	need_root
	need_tool tput
	[ -e /lib/terminfo/x/xterm ] || skip "no terminals here"
	build "$(command -v tput)"
	[ "$(inside /usr/bin/tput -T xterm-256color colors)" = 256 ]
	run inside /usr/bin/tput -T tmux-256color colors
	[ "$status" != 0 ]
	build --with terminfo:tmux-256color "$(command -v tput)"
	[ "$(inside /usr/bin/tput -T tmux-256color colors)" = 256 ]
}

@test "a static Go program brings certificates by the paths it holds" {
	need_tool go
	mkdir go
	cat >go/main.go <<-'END'
		package main

		import (
			"crypto/x509"
			"fmt"
			"os"
		)

		func main() {
			pool, err := x509.SystemCertPool()
			if err != nil {
				os.Exit(1)
			}
			fmt.Println(len(pool.Subjects()) > 10)
		}
	END
	printf 'module example.com/tls\n\ngo 1.18\n' >go/go.mod
	(cd go && CGO_ENABLED=0 GOFLAGS=-mod=mod go build -o ../gotls .)
	build ./gotls
	need_root
	[ "$(inside /usr/bin/gotls)" = true ]
}

@test "openssl's legacy provider is suggested, and works with --with openssl" {
	need_root
	need_tool openssl
	build "$(command -v openssl)"
	run inside /usr/bin/openssl list -providers -provider legacy
	[ "$status" != 0 ]
	build --with openssl "$(command -v openssl)"
	run inside /usr/bin/openssl list -providers -provider legacy
	[ "$status" = 0 ]
	[[ $output == *"OpenSSL Legacy Provider"* ]]
}

@test "--without libgcc leaves it out, but not where it is linked" {
	need_root
	echo 'void pthread_exit(void *); int main(int n) { if (n > 9) pthread_exit(0); return 0; }' >p.c
	gcc -w -o p p.c
	gcc -w -o q p.c -Wl,--no-as-needed -lgcc_s
	build ./p
	[ -n "$(find root -name libgcc_s.so.1)" ]
	build --without libgcc ./p
	[ -z "$(find root -name libgcc_s.so.1)" ]
	inside /usr/bin/p
	build --without libgcc ./q
	inside /usr/bin/q
}

@test "unknown names are wrong usage, and the known ones are told" {
	expect 2 "$imgmin" build -o i.tar --with cert /usr/bin/true
	says "--with cert: no such data"
	says "hint: known are certs, tzdata"
	expect 2 "$imgmin" build -o i.tar --without x /usr/bin/true
}

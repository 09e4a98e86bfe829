# A small Debian as an image, and what slim makes of it; load after common, engines and registry.
#
#   setup_file() { engines_start; minbase_start; }
#   need_minbase          # in a test: skips with the reason
#   slimmed NAME OPTION…  # $BATS_FILE_TMPDIR/NAME.tar and NAME.said, made by the first who asks
#   docker_load NAME; works NAME ARG…

# What a user puts onto Debian: his authority's certificate, a site, a script.
app_layer() { # DIR
	local ca=$BATS_FILE_TMPDIR/ca name
	mkdir -p "$1/app/www"
	# Not the server's own: what only the image's bundle vouches for.
	for name in ca stranger; do
		make_ca "$BATS_FILE_TMPDIR/$name"
		make_cert "$BATS_FILE_TMPDIR/$name" server DNS:localhost
	done
	mkdir -p "$1/etc/ssl/certs"
	cat "$minbase_amd64/etc/ssl/certs/ca-certificates.crt" "$ca/ca.crt" \
		>"$1/etc/ssl/certs/ca-certificates.crt"
	echo '<p>a page of the image</p>' >"$1/app/www/page.html"
	cat >"$1/app/nginx.conf" <<-'END'
		daemon off;
		user www-data;
		worker_processes 2;
		pid /web/pid;
		events { }
		http {
			include /etc/nginx/mime.types;
			access_log /dev/stdout;
			server { listen unix:/web/socket; root /app/www; }
		}
	END
	cat >"$1/app/hello.sh" <<-'END'
		#!/bin/busybox sh
		set -e
		for word in one two three four five six; do echo "$word"; done >/dev/shm/words
		n=$(busybox wc -l </dev/shm/words)
		[ "$n" -eq "$1" ] && echo "$n lines, the last is $(busybox tail -n 1 /dev/shm/words)"
	END
	chmod 755 "$1/app/hello.sh"
	mkdir "$1/app/pkg"
	echo 'import json, fractions; print("ran", json.dumps({"a": 1}))' >"$1/app/run.py"
	echo 'from . import x; print("pkg", x.Y)' >"$1/app/pkg/__main__.py"
	echo 'Y = 3' >"$1/app/pkg/x.py"
	touch "$1/app/pkg/__init__.py"
}

minbase_start() {
	export why_no_minbase= minbase_amd64= minbase_armhf=
	local arch dir=$BATS_FILE_TMPDIR
	[ "$(uname -m)" = x86_64 ] || { why_no_minbase="not on amd64"; return 0; }
	for arch in amd64 armhf; do
		printf -v "minbase_$arch" '%s' "$("$top/tests/lib/sysroot.sh" "$arch" minbase 2>"$dir/reason")" ||
			{ why_no_minbase=$(cat "$dir/reason"); return 0; }
	done
	app_layer "$dir/app"
	tar -cf "$dir/app.tar" --numeric-owner --owner 0 --group 0 -C "$dir/app" .
	tar -cf "$dir/amd64.tar" --numeric-owner -C "$minbase_amd64" .
	tar -cf "$dir/armhf.tar" --numeric-owner -C "$minbase_armhf" .
	echo '{"Env":["PATH=/usr/sbin:/usr/bin:/sbin:/bin"],"Cmd":["bash"]}' >"$dir/config.json"
	python3 "$top/tests/lib/layout.py" "$dir/debian" \
		"linux/amd64,$dir/config.json,$dir/amd64.tar,$dir/app.tar" \
		"linux/arm/v7,$dir/config.json,$dir/armhf.tar,$dir/app.tar"
	rm "$dir/amd64.tar" "$dir/armhf.tar"
}

need_minbase() {
	[ -z "$why_no_minbase" ] || skip "$why_no_minbase"
}

slimmed() { # NAME OPTION...
	local name=$1
	shift
	[ ! -e "$BATS_FILE_TMPDIR/$name.tar" ] || return 0
	printf '%s\n' "$@" | grep -A 1 -x -e --keep | grep '^/' >"$BATS_FILE_TMPDIR/$name.kept" || true
	"$imgmin" slim --progress plain -t "$name" -o "$BATS_FILE_TMPDIR/$name.tar" "$@" \
		"oci:$BATS_FILE_TMPDIR/debian" 2>"$BATS_FILE_TMPDIR/$name.said" ||
		{ cat "$BATS_FILE_TMPDIR/$name.said"; return 1; }
}

docker_load() { # NAME
	[ -e "$BATS_FILE_TMPDIR/$1.loaded" ] || docker load -i "$BATS_FILE_TMPDIR/$1.tar"
	touch "$BATS_FILE_TMPDIR/$1.loaded"
}

# Runs it as its config says, for $platform under $tag, with ./run for /run/tls and $vars.
works() { # NAME ARG...
	local name=$1 place=()
	shift
	[ ! -d run ] || place=(-v "$PWD/run:/run/tls")
	run_in_docker "${platform[@]}" "${place[@]}" "${vars[@]}" "$name:$tag" "$@"
}

# A server on run/socket with that certificate; server.pid is its process.
tls_start() { # CERTIFICATE without its suffix
	local i
	openssl s_server -unix run/socket -www -cert "$1.crt" -key "$1.key" >server.log 2>&1 </dev/null 3>&- &
	echo $! >server.pid
	for ((i = 0; i < 100; i++)); do
		[ ! -S run/socket ] || return 0
		sleep 0.05
	done
	cat server.log
	return 1
}

# The program that a slimmed image starts, and the patterns that were kept.
declare -gA slim_program=([sqlite3]=/usr/bin/sqlite3 [nginx]=/usr/sbin/nginx
	[python3]=/usr/bin/python3 [curl]=/usr/bin/curl [busybox]=/bin/busybox [ssh]=/usr/bin/ssh
	[git]=/usr/bin/git)
declare -gA loader_of=([amd64]=/lib64/ld-linux-x86-64.so.2 [armhf]=/lib/ld-linux-armhf.so.3)

# Everything in the layers has its reason: what the root's own loader opens for the program, what
# tests/lib/slim-files.py knows of the data that the report names, and what --keep was given.
holds_only_its_own() { # NAME amd64|armhf ARCHITECTURE
	local root=minbase_$2 dir=$BATS_TEST_TMPDIR/$1-$2 layer status=0
	root=${!root}
	mkdir "$dir"
	skopeo --override-arch "$3" copy --quiet --dest-decompress \
		"oci-archive:$BATS_FILE_TMPDIR/$1.tar" "dir:$dir/layers"
	for layer in $(jq -r '.layers[].digest' "$dir/layers/manifest.json"); do
		tar tf "$dir/layers/${layer#sha256:}"
		tar tvf "$dir/layers/${layer#sha256:}" | sed -n 's,^-[^/]*/.* [0-9:]* ,/,p' >>"$dir/regular"
	done | sort -u >"$dir/files"
	"$imgmin" inspect --format json "$BATS_FILE_TMPDIR/$1.tar" |
		jq -r --arg arch "$3" '.images[] | select(.platform | startswith("linux/" + $arch)).files[].path' |
		sort >"$dir/inspected"
	diff <(sort "$dir/regular") "$dir/inspected"
	"$top/tests/lib/inroot.sh" --trace "$root" "${loader_of[$2]}" "${slim_program[$1]}" \
		>"$dir/trace" 2>"$dir/reason" || status=$?
	[ "$status" != 77 ] || skip "$(cat "$dir/reason")"
	[ "$status" = 0 ]
	"$PYTHON" "$top/tests/lib/slim-files.py" "$root" "$dir" "${slim_program[$1]}" \
		"${loader_of[$2]}" "$BATS_FILE_TMPDIR/$1.said" "$BATS_FILE_TMPDIR/$1.kept"
}

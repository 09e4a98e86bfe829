#!/usr/bin/env bats
# Killed at any moment, an existing output is whole: the old one or the new one. What a killed run
# leaves behind, the next one sweeps.
load ../lib/common

setup_file() {
	sensor_native=$B/sensor/native/bin/sensor
	cd "$BATS_FILE_TMPDIR"
	make -s -C "$top/examples/sensor" BUILD="$B/sensor/native"
	# Enough bytes that a build takes a while, in layers old and new share or don't.
	mkdir data
	for i in 1 2 3 4; do
		head -c 4000000 /dev/urandom >data/$i
	done
}

setup() {
	cd "$BATS_TEST_TMPDIR"
	sensor_native=$B/sensor/native/bin/sensor
}

old() { "$imgmin" build --quiet --no-cache -o "$1" "$sensor_native" >/dev/null 2>&1; }
new() {
	exec "$imgmin" build --quiet --no-cache --add "$BATS_FILE_TMPDIR/data:/data" -o "$1" \
		"$sensor_native" >/dev/null 2>&1
}

# How long one whole run takes, in milliseconds.
milliseconds() {
	local from
	from=$(date +%s%N)
	"$@"
	echo $((($(date +%s%N) - from) / 1000000))
}

# kills N COMMAND...: runs it N times and kills it at N moments spread over its whole time and half
# as much again; after each, `check` must hold.
kills() { # N MILLISECONDS COMMAND...
	local n=$1 whole=$2 i pid pause
	shift 2
	for ((i = 0; i < n; i++)); do
		pause=$((whole * 16 * i / (10 * n) + RANDOM % (whole / n + 1)))
		("$@") &
		pid=$!
		sleep "$(printf '%d.%03d' $((pause / 1000)) $((pause % 1000)))"
		kill -9 $pid 2>/dev/null || true
		wait $pid 2>/dev/null || true
		check || { echo "killed after $pause ms of $whole"; return 1; }
	done
}

@test "kill -9 at 50 moments: an archive is the old or the new one" {
	local time old_sum new_sum seen_old=0 seen_new=0
	mkdir out
	(new "$PWD/out/x.tar")
	new_sum=$(sha256sum <out/x.tar)
	time=$(milliseconds eval '(new "$PWD/out/x.tar")')
	old out/x.tar
	old_sum=$(sha256sum <out/x.tar)
	cp out/x.tar old.tar
	[ "$old_sum" != "$new_sum" ]

	check() {
		case $(sha256sum <out/x.tar) in
		"$old_sum") seen_old=$((seen_old + 1)) ;;
		"$new_sum")
			seen_new=$((seen_new + 1))
			cp old.tar out/x.tar
			;;
		*) return 1 ;;
		esac
	}
	kills 50 "$time" new "$PWD/out/x.tar"
	echo "# killed 50 times over $time ms: $seen_old times the old archive, $seen_new the new one" >&3
	[ "$seen_old" -gt 10 ]

	# The next one sweeps.
	old out/x.tar
	[ "$(ls -A out)" = x.tar ] || { ls -lA out; return 1; }
}

# Whole: what index.json names is there with the size and digest that it says, down to the layers.
whole() { # LAYOUT
	local digest size file list
	jq -e '.manifests | length > 0' "$1/index.json" >/dev/null || return 1
	list=$(jq -r '.manifests[] | "\(.digest) \(.size)"' "$1/index.json")
	while [ -n "$list" ]; do
		while read -r digest size; do
			file=$1/blobs/sha256/${digest#sha256:}
			[ "$(stat -c %s "$file")" = "$size" ] || return 1
			[ "$(sha256sum <"$file")" = "${digest#sha256:}  -" ] || return 1
		done <<<"$list"
		list=$(while read -r digest size; do
			jq -r '(.manifests[]?, .config?, .layers[]?) | select(.digest?) | "\(.digest) \(.size)"' \
				"$1/blobs/sha256/${digest#sha256:}" 2>/dev/null || true # a layer
		done <<<"$list")
	done
}

@test "kill -9 at 20 moments: a layout stays whole" {
	need_tool jq
	local time
	rm -rf lay
	time=$(milliseconds eval '(new "oci:$PWD/lay:tag")')
	rm -rf lay
	old "oci:$PWD/lay:tag"
	whole lay
	check() { whole lay; }
	kills 20 "$time" new "oci:$PWD/lay:tag"
	(new "oci:$PWD/lay:tag")
	whole lay
	[ "$(ls -A lay | sort | tr '\n' ' ')" = "blobs index.json oci-layout " ] || { ls -lAR lay; return 1; }
	[ -z "$(ls -A lay/blobs/sha256 | grep -vE '^[0-9a-f]{64}$')" ]
}

@test "kill -9 with a layer cache: the next build is right" {
	local time want
	cached() {
		exec "$imgmin" build --quiet --cache-dir "$PWD/cache" \
			--add "$BATS_FILE_TMPDIR/data:/data" -o "$PWD/c.tar" "$sensor_native" >/dev/null 2>&1
	}
	time=$(milliseconds eval '(cached)')
	want=$(sha256sum <c.tar)
	check() {
		(cached)
		[ "$(sha256sum <c.tar)" = "$want" ] || return 1
		rm -rf cache
	}
	rm -rf cache
	kills 10 "$time" cached
}

@test "SIGINT and SIGTERM leave nothing half-written" {
	local time signal pid
	mkdir clean
	time=$(milliseconds eval '(new "$PWD/clean/x.tar")')
	rm clean/x.tar
	for signal in INT TERM HUP; do
		# A background child of a shell would ignore SIGINT.
		(trap - INT; new "$PWD/clean/x.tar") &
		pid=$!
		sleep "$(printf '%d.%03d' $((time / 2000)) $((time / 2 % 1000)))"
		kill -s $signal $pid 2>/dev/null || true
		wait $pid 2>/dev/null || true
		[ ! -e clean/x.tar ] || rm clean/x.tar
		[ -z "$(ls -A clean)" ] || { ls -lA clean; return 1; }
	done
}

# stopped SIGNAL: a build that the signal ends while its output is being written; its status.
stopped() {
	local status=0
	# A pipe that nobody reads holds the build up once the archive stands beside its target.
	mkfifo "$1.fifo"
	sleep 30 <>"$1.fifo" &
	local reader=$!
	"$imgmin" build --quiet --cache-dir cache --add "$BATS_FILE_TMPDIR/data:/data" \
		--compression none -o out/x.tar -o "$1.fifo" "$sensor_native" >/dev/null 2>&1 &
	local pid=$!
	for i in $(seq 100); do [ -n "$(ls -A out 2>/dev/null)" ] && break; sleep 0.05; done
	sleep 0.3
	ls -A out >"$1.during"
	kill -s "$1" $pid
	wait $pid || status=$?
	kill $reader 2>/dev/null || true
	echo $status
}

@test "a stop by SIGTERM or SIGHUP removes what was half-written, and ends by that signal" {
	mkdir out
	[ "$(stopped TERM)" = 143 ]
	[ "$(stopped HUP)" = 129 ]
	[ -z "$(find out -name '.*')" ]
	find "${TMPDIR:-/tmp}" -maxdepth 1 -name '.image.imgmin-*' -newer TERM.fifo | (! grep .)
}

# stays FILE TEXT ARG...: wrong usage that says TEXT, and FILE is what it was.
stays() {
	local file=$1 text=$2 before
	shift 2
	before=$(sha256sum <"$file")
	expect 2 "$imgmin" "$@"
	says "$text"
	says 'hint: '
	[ "$(sha256sum <"$file")" = "$before" ]
}

@test "a result never takes the place of an input" {
	cp /bin/true prog
	"$imgmin" build -q --no-cache -o base.tar -t base-slim ./prog
	cp base.tar other.tar
	ln -s base.tar link.tar
	stays prog '-o ./prog: it is the input itself' build ./prog -o ./prog
	stays prog '--iidfile prog: it is the input itself' build ./prog -o x.tar --iidfile prog
	stays prog '-o ./prog: it is the input itself' build "$sensor_native" --add prog:/x -o ./prog
	stays base.tar '-o base.tar: it is the input itself' \
		slim base.tar --entry /usr/bin/prog -o base.tar
	stays base.tar '-o oci-archive:base.tar:x: it is' slim link.tar -o oci-archive:base.tar:x
	stays base.tar '-o ./base.tar: it is' inspect oci-archive:base.tar -o ./base.tar
	stays base.tar '-o base.tar: it is' diff base.tar other.tar -o base.tar
	stays other.tar '-o other.tar: it is' diff base.tar other.tar -o other.tar
	expect 0 "$imgmin" diff base.tar other.tar -o new.txt
	expect 0 "$imgmin" inspect base.tar -o /dev/null
	# Another run's result is no input.
	expect 0 "$imgmin" build -q --no-cache -o base.tar ./prog
}

@test "a result that slim names by itself is not its input either" {
	"$imgmin" build -q --no-cache -o base-slim.tar -t base "$sensor_native"
	stays base-slim.tar '-o ./base-slim.tar: it is' slim base-slim.tar
}

@test "two results are two files" {
	same() { # TEXT ARG...
		expect 2 "$imgmin" build --no-cache "$sensor_native" "${@:2}"
		says "$1"
		[ "$(find . -type f ! -name stderr)" = '' ]
	}
	same '-o a.tar and --metadata-file ./a.tar are the same file' -o a.tar --metadata-file ./a.tar
	same 'are the same file' -o a.tar -o "$PWD/a.tar"
	same '--iidfile id and --digestfile id are the same file' -o a.tar --iidfile id --digestfile id
	expect 0 "$imgmin" build -q --no-cache "$sensor_native" -o oci:dir:a -o oci:dir:b -o a.tar \
		-o b.tar --iidfile /dev/null --digestfile /dev/null
}

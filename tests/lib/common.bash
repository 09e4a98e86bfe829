# What every e2e test starts with: load ../lib/common
#
# $imgmin is the program under test, $top the project, $BATS_TEST_TMPDIR each test's own directory.
top=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)
B=${B:-build}
[[ $B = /* ]] || B=$top/$B
imgmin=$B/imgmin
export B
export XDG_CACHE_HOME=${XDG_CACHE_HOME:-$BATS_FILE_TMPDIR/cache}
# The tests' words are those of the C locale, wherever they run.
export LC_ALL=C.UTF-8
unset NO_COLOR SOURCE_DATE_EPOCH DOCKER_HOST

need_root() {
	[ "$(id -u)" = 0 ] || skip "needs root"
}

need_tool() { # COMMAND...
	local tool
	for tool; do
		command -v "$tool" >/dev/null || skip "$tool is not installed"
	done
}

# sysroot VARIABLE ARCH [KIND]: where that sysroot is, or a skip with the reason.
sysroot() {
	local dir reason status=0
	reason=$BATS_TEST_TMPDIR/sysroot.reason
	dir=$("$top/tests/lib/sysroot.sh" "$2" "${3:-programs}" 2>"$reason") || status=$?
	[ "$status" != 77 ] || skip "$(cat "$reason")"
	[ "$status" = 0 ] || { cat "$reason" >&2; return 1; }
	printf -v "$1" '%s' "$dir"
}

# examples/sensor, compiled once a run: $sensor_native and $sensor_armhf.
sensor() {
	(
		flock 9
		make -s -C "$top/examples/sensor" BUILD="$B/sensor/native" &&
			make -s -C "$top/examples/sensor" BUILD="$B/sensor/armhf" CC=arm-linux-gnueabihf-gcc
	) 9>"$B/sensor.lock"
	export sensor_native=$B/sensor/native/bin/sensor
	export sensor_armhf=$B/sensor/armhf/bin/sensor
}

# expect STATUS COMMAND...: runs it with stdout in $output and stderr in $stderr, and wants STATUS.
expect() {
	local want=$1 status=0
	shift
	output=$("$@" 2>"$BATS_TEST_TMPDIR/stderr") || status=$?
	stderr=$(cat "$BATS_TEST_TMPDIR/stderr")
	[ "$status" = "$want" ] || {
		printf 'exit status %s, not %s: %s\nstdout: %s\nstderr: %s\n' \
			"$status" "$want" "$*" "$output" "$stderr" >&2
		return 1
	}
}

# says TEXT: is it in what the last command of expect wrote to stderr?
says() {
	[[ $stderr == *"$1"* ]] || {
		printf 'stderr lacks «%s»:\n%s\n' "$1" "$stderr" >&2
		return 1
	}
}

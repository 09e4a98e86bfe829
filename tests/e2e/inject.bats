#!/usr/bin/env bats
# Every system call can fail. A choice of those that build, slim, push and pull make fails here, one
# in each run (tests/lib/faults.py says what must hold then); `make faults` takes all of them.
bats_require_minimum_version 1.5.0
load ../lib/common

setup_file() {
	"${CC:-cc}" -O2 -std=gnu11 -D_GNU_SOURCE -o "$BATS_FILE_TMPDIR/inject" tests/lib/inject.c
}

# fails_well COMMAND SCENARIOS: a hundred faults and more in each command.
fails_well() {
	local status=0
	need_tool python3 cc
	/usr/bin/python3 tests/lib/faults.py --imgmin "$imgmin" --inject "$BATS_FILE_TMPDIR/inject" \
		--sample $((130 / $2)) --at-least 110 "$1" >"$BATS_TEST_TMPDIR/out" 2>&1 || status=$?
	[ $status != 77 ] || skip "$(tail -n 1 "$BATS_TEST_TMPDIR/out")"
	cat "$BATS_TEST_TMPDIR/out"
	[ $status = 0 ]
	echo "# $1: $(tail -n 1 "$BATS_TEST_TMPDIR/out")" >&3
}

@test "a failed call in build: no partial image, a message, the status" {
	fails_well build 2
}

@test "a failed call in slim: no partial image, a message, the status" {
	fails_well slim 2
}

@test "a failed call in push: no tag without its blobs" {
	need_tool docker-registry
	fails_well push 2
}

@test "a failed call in pull: no partial image, and what was there stays" {
	need_tool docker-registry
	fails_well pull 3
}

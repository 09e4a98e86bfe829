#!/usr/bin/env bats
# make demo, as a stranger sees it.
load ../lib/common

@test "make demo shows the tree and the sizes and runs both programs" {
	need_tool arm-linux-gnueabihf-gcc
	command -v qemu-arm-static >/dev/null || need_tool qemu-arm
	cd "$top"
	# No engine answers to this: what is tested is the part that needs none.
	export DOCKER_HOST=unix:///nonexistent PATH=$BATS_TEST_TMPDIR/bin:$PATH
	mkdir "$BATS_TEST_TMPDIR/bin"
	printf '#!/bin/sh\nexit 1\n' >"$BATS_TEST_TMPDIR/bin/podman"
	chmod +x "$BATS_TEST_TMPDIR/bin/podman"
	B=$B tests/lib/demo.sh >"$BATS_TEST_TMPDIR/out" 2>&1 || { cat "$BATS_TEST_TMPDIR/out"; return 1; }
	grep -q 'liblight.so.1' "$BATS_TEST_TMPDIR/out"
	grep -q 'linux/arm/v7' "$BATS_TEST_TMPDIR/out"
	[ "$(grep -c '^light: ' "$BATS_TEST_TMPDIR/out")" = 2 ] || { cat "$BATS_TEST_TMPDIR/out"; return 1; }
}

#!/usr/bin/env bats
# Random trees of libraries: what no case thought of. A seed always gives the same tree;
# tests/lib/ldd-random.py says how to run others.

load ../lib/cases

setup_file() { cases_setup; }
setup() { need_chroot; }

@test "random trees: glibc's loader and imgmin agree" {
	"$PYTHON" "$CASES_LIB/ldd-random.py" "$IMGMIN" "$FIX/chrooted" "$FIX/glibc" \
		/lib64/ld-linux-x86-64.so.2 "$BATS_TEST_TMPDIR/trees" 1 30
}

@test "random trees: musl's loader and imgmin agree" {
	[ -e /lib/ld-musl-x86_64.so.1 ] || skip "no musl"
	mkdir -p "$FIX/musl"/{lib,proc,etc}
	cp -L /lib/ld-musl-x86_64.so.1 "$FIX/musl/lib/"
	"$PYTHON" "$CASES_LIB/ldd-random.py" "$IMGMIN" "$FIX/chrooted" "$FIX/musl" \
		/lib/ld-musl-x86_64.so.1 "$BATS_TEST_TMPDIR/trees" 1 25
}

@test "random trees: in the image that is built the program loads the same" {
	"$PYTHON" "$CASES_LIB/ldd-random.py" "$IMGMIN" "$FIX/chrooted" "$FIX/glibc" \
		/lib64/ld-linux-x86-64.so.2 "$BATS_TEST_TMPDIR/trees" 1 15 build
}

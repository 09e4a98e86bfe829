#!/usr/bin/env bats
# imgmin ldd against ld.so itself: the same names and the same files in the same order, for every
# dynamic program of two foreign sysroots and of this machine. Files are compared by inode.
load ../lib/common

# Every dynamic program of a root, by its path in it, one a line. Links are left out: their file is
# in the list itself.
programs_of() { # ROOT DIR...
	local root=$1
	shift
	(cd "$root" && find "$@" -xdev -type f -perm -u+x -print0 2>/dev/null |
		xargs -0 file -F '|' -- | grep -a 'ELF.*interpreter' | cut -d'|' -f1 |
		sed 's,^\([^/]\),/\1,' | sort -u)
}

compare() { # ROOT LOADER LIST
	local root=$1 loader=$2 list=$3 out=$BATS_TEST_TMPDIR
	xargs "$top/tests/lib/inroot.sh" --trace "$root" "$loader" <"$list" >"$out/trace" 2>&1
	# As a user types them: host paths of the programs.
	sed "s,^,${root%/}," "$list" |
		xargs "$imgmin" ldd --sysroot "$root" --format list >"$out/imgmin" 2>"$out/imgmin.err" ||
		[ $? = 123 ]
	"$B/oracle" -f "$root" "$loader" <"$out/trace" >"$out/want"
	sed "s,^${root%/}\(/.*\):\$,\1:," "$out/imgmin" |
		"$B/oracle" -f "$root" "$loader" >"$out/have"
	! diff -u "$out/want" "$out/have" >"$out/diff" || return 0
	head -n 60 "$out/diff" "$out/imgmin.err"
	echo "$(grep -c '^[-+][^-+]' "$out/diff") lines differ"
	return 1
}

# What was compared is told beside the result.
describe() { # ROOT-NAME LIST TRACE
	echo "# $1: $(wc -l <"$2") programs, $(grep -c ' => ' "$3") libraries" >&3
}

compare_sysroot() { # ARCH LOADER
	local root
	need_root
	need_tool file
	sysroot root "$1"
	programs_of "$root" usr/bin usr/sbin bin sbin usr/lib usr/libexec >"$BATS_TEST_TMPDIR/list"
	[ "$(wc -l <"$BATS_TEST_TMPDIR/list")" -ge 50 ]
	compare "$root" "$2" "$BATS_TEST_TMPDIR/list"
	describe "$1" "$BATS_TEST_TMPDIR/list" "$BATS_TEST_TMPDIR/trace"
}

# The same root without one or the other file; hard links, so it costs nothing.
compare_without() { # ARCH LOADER GLOB
	local root copy
	need_root
	need_tool file
	sysroot root "$1"
	copy=$(mktemp -d "$(dirname "$root")/without.XXXXXX")
	cp -al "$root/." "$copy"
	(cd "$copy" && rm $3)
	programs_of "$copy" usr/bin usr/sbin bin sbin >"$BATS_TEST_TMPDIR/list"
	compare "$copy" "$2" "$BATS_TEST_TMPDIR/list" && describe "$1 without $3" \
		"$BATS_TEST_TMPDIR/list" "$BATS_TEST_TMPDIR/trace"
	local status=$?
	rm -rf "$copy"
	return $status
}

@test "every program of the armhf sysroot" {
	compare_sysroot armhf /lib/ld-linux-armhf.so.3
}

@test "every program of the big-endian s390x sysroot" {
	compare_sysroot s390x /lib/ld64.so.1
}

@test "armhf without an ld.so.cache" {
	compare_without armhf /lib/ld-linux-armhf.so.3 etc/ld.so.cache
}

@test "s390x without an ld.so.cache" {
	compare_without s390x /lib/ld64.so.1 etc/ld.so.cache
}

@test "armhf without libz: not found, and its own needs with it" {
	compare_without armhf /lib/ld-linux-armhf.so.3 'usr/lib/*/libz.so.1*'
	grep -q 'libz.so.1 => not found' "$BATS_TEST_TMPDIR/trace"
}

@test "every dynamic program of this machine" {
	local loader=/lib64/ld-linux-x86-64.so.2
	need_root
	need_tool file
	[ "$(uname -m)" = x86_64 ] || skip "this machine is no x86_64"
	programs_of / /usr/bin /usr/sbin >"$BATS_TEST_TMPDIR/all"
	# Programs of another loader (musl's, another class) are not this ld.so's to judge.
	while read -r program; do
		! readelf -lW "$program" 2>/dev/null | grep -q "interpreter: $loader]" ||
			echo "$program"
	done <"$BATS_TEST_TMPDIR/all" >"$BATS_TEST_TMPDIR/list"
	compare / "$loader" "$BATS_TEST_TMPDIR/list"
	describe "this machine" "$BATS_TEST_TMPDIR/list" "$BATS_TEST_TMPDIR/trace"
}

#!/usr/bin/env bats
# Cases 6 to 25 of the search rules: where the loader looks for a name. Each builds a root, asks
# the real loader in it, and wants the same names and files of `imgmin ldd`.

load ../lib/cases

setup_file() { cases_setup; }
setup() { need_chroot; new_root; }

@test "case 6: a program's RPATH serves the libraries of a library without RUNPATH" {
	# liba has a RUNPATH, which serves itself alone; libb has none and falls back to the program.
	prog "$R/prog" needs=liba.so needs=libc.so.6 rpath=/A
	lib "$R/A/liba.so" soname=liba.so needs=libb.so runpath=/B
	lib "$R/B/libb.so" soname=libb.so needs=libn.so
	lib "$R/A/libn.so" soname=libn.so
	loads "$R" /prog "liba.so => /A/liba.so" "libb.so => /B/libb.so" "libn.so => /A/libn.so"
}

@test "case 7: a RUNPATH hides the program's RPATH from its own library" {
	prog "$R/prog" needs=liba.so needs=libc.so.6 rpath=/A
	lib "$R/A/liba.so" soname=liba.so needs=libn.so runpath=/B
	lib "$R/A/libn.so" soname=libn.so
	lacks "$R" /prog libn.so "liba.so => /A/liba.so"
}

@test "case 8: glibc inherits no RUNPATH" {
	prog "$R/prog" needs=liba.so needs=libc.so.6 runpath=/A
	lib "$R/A/liba.so" soname=liba.so needs=libb.so
	lib "$R/A/libb.so" soname=libb.so
	lacks "$R" /prog libb.so "liba.so => /A/liba.so"
}

@test "case 9: a soname satisfies a later name that no file has, not an earlier one" {
	lib "$R/A/libx.so" soname=liby.so.1
	prog "$R/prog" needs=libx.so needs=liby.so.1 needs=libc.so.6 rpath=/A
	loads "$R" /prog "libx.so => /A/libx.so"
	prog "$R/other" needs=liby.so.1 needs=libx.so needs=libc.so.6 rpath=/A
	lacks "$R" /other liby.so.1
}

@test "case 9: a program's file name is no name that it is known by" {
	lib "$R/opt/lib/same"
	prog "$R/opt/same" needs=same needs=libc.so.6 runpath='$ORIGIN/lib'
	loads "$R" /opt/same "same => /opt/lib/same"
}

@test "case 10: what only looks like \$ORIGIN is taken as it stands" {
	local dir n=0
	for dir in '$ORIGINx' '$ORIGIN_' '${ORIGIN' '$origin'; do
		# The literal directory holds a library, and so does what a hasty reader would expand to.
		prog "$R/opt/p$n" needs=libf.so needs=libc.so.6 runpath="/opt/$dir"
		lib "$R/opt/$dir/libf.so" soname=libf.so
		loads "$R" /opt/p$n "libf.so => /opt/$dir/libf.so"
		prog "$R/opt/q$n" needs=libg.so needs=libc.so.6 runpath="$dir:${dir}/sub"
		lib "$R/opt/libg.so" soname=libg.so
		lib "$R/optx/libg.so" soname=libg.so
		lacks "$R" /opt/q$n libg.so
		n=$((n + 1))
	done
}

@test "case 11: \$ORIGIN is expanded inside a word" {
	lib "$R/optx/libf.so" soname=libf.so
	prog "$R/opt/p1" needs=libf.so needs=libc.so.6 runpath='${ORIGIN}x'
	loads "$R" /opt/p1 "libf.so => /optx/libf.so"
	# "$$ORIGIN" is a dollar and the origin: a relative directory called "$" and the origin below.
	lib "$R/\$/opt/libg.so" soname=libg.so
	prog "$R/opt/p2" needs=libg.so needs=libc.so.6 runpath='$$ORIGIN'
	loads "$R" /opt/p2 "libg.so => /\$/opt/libg.so"
	lib "$R/a/opt/libh.so" soname=libh.so
	prog "$R/opt/p3" needs=libh.so needs=libc.so.6 runpath='/a$ORIGIN'
	loads "$R" /opt/p3 "libh.so => /a/opt/libh.so"
}

@test "case 12: a trailing colon in RUNPATH is the working directory, with a warning" {
	lib "$R/libf.so" soname=libf.so
	prog "$R/opt/prog" needs=libf.so needs=libc.so.6 runpath=/A:
	loads "$R" /opt/prog "libf.so => /libf.so"
	said "warning"
	said "working directory"
	# From anywhere else it is not found, by the real loader.
	not CWD=/etc start "$R" /opt/prog
}

@test "case 13: NEEDED with a slash: \$ORIGIN expanded, relative from the working directory" {
	prog "$R/opt/p1" needs='$ORIGIN/libf.so' needs=libc.so.6
	lib "$R/opt/libf.so" soname=libf.so
	loads "$R" /opt/p1 "/opt/libf.so => /opt/libf.so"
	rm "$R/opt/libf.so"
	lacks "$R" /opt/p1 /opt/libf.so

	prog "$R/opt/p2" needs=sub/libg.so needs=libc.so.6
	lib "$R/sub/libg.so" soname=libg.so
	loads "$R" /opt/p2
	rm -r "${R:?}/sub"
	# Beside the program is not where the loader looks.
	lib "$R/opt/sub/libg.so" soname=libg.so
	not start "$R" /opt/p2
	CWD=/opt start "$R" /opt/p2
	lacks "$R" /opt/p2 sub/libg.so
}

@test "case 14: glibc passes over an empty NEEDED" {
	# ld writes no empty name; the string of one is shortened to nothing.
	prog "$R/prog" needs=libempty.so needs=libc.so.6
	patch "$R/prog" dyn needed=0
	loads "$R" /prog "libc.so.6 => /lib/x86_64-linux-gnu/libc.so.6"
	# The empty name is the program's: it must not become its own cause.
	timeout 10 "$IMGMIN" ldd --sysroot "$R" --why libc.so.6 "$R/prog" | head -c 1000 | grep prog
	timeout 10 "$IMGMIN" ldd --sysroot "$R" "$R/prog" | head -c 9000 | grep libc.so.6
}

@test "case 15: \$ORIGIN of a program reached through a link is its real directory" {
	prog "$R/opt/real/prog" needs=libf.so needs=libc.so.6 runpath='$ORIGIN/../lib'
	lib "$R/opt/lib/libf.so" soname=libf.so
	mkdir -p "$R/usr/bin"
	ln -s /opt/real/prog "$R/usr/bin/prog"
	lib "$R/usr/lib/decoy/libf.so" soname=libf.so
	loads "$R" /usr/bin/prog "libf.so => /opt/lib/libf.so"
}

@test "case 16: \$ORIGIN of a library reached through a link is the link's directory" {
	prog "$R/prog" needs=libx.so needs=libc.so.6 runpath=/A
	lib "$R/real/libx.so" soname=libx.so needs=libf.so runpath='$ORIGIN'
	mkdir "$R/A"
	ln -s ../real/libx.so "$R/A/libx.so"
	lib "$R/real/libf.so" soname=libf.so
	lacks "$R" /prog libf.so
	lib "$R/A/libf.so" soname=libf.so
	loads "$R" /prog "libf.so => /A/libf.so"
}

@test "case 17: a missing AUXILIARY is fine, a missing FILTER is an error" {
	lib "$R/A/liba.so" soname=liba.so ld=-f ld=libaux.so runpath=/A
	prog "$R/p1" needs=liba.so needs=libc.so.6 runpath=/A
	loads "$R" /p1 "libaux.so => not found"
	echo "no library, but fatal to no one" >"$R/A/libaux.so"
	loads "$R" /p1
	rm "$R/A/libaux.so"
	lib "$R/A/libf.so" soname=libf.so ld=-F ld=libfilter.so runpath=/A
	prog "$R/p2" needs=libf.so needs=libc.so.6 runpath=/A
	lacks "$R" /p2 libfilter.so
	# Where they are there, both come before the library that names them.
	lib "$R/A/libaux.so" soname=libaux.so
	lib "$R/A/libfilter.so" soname=libfilter.so
	loads "$R" /p1 "libaux.so => /A/libaux.so"
	loads "$R" /p2 "libfilter.so => /A/libfilter.so"
}

@test "case 18: NODEFLIB refuses a hit in a system directory" {
	lib "$R/usr/lib/libf.so" soname=libf.so
	lib "$R/srv/libg.so" soname=libg.so
	echo /srv >>"$R/etc/ld.so.conf.new"
	cat "$R/etc/ld.so.conf" >>"$R/etc/ld.so.conf.new"
	mv "$R/etc/ld.so.conf.new" "$R/etc/ld.so.conf"
	recache "$R"
	prog "$R/p0" needs=libf.so needs=libg.so needs=libc.so.6
	loads "$R" /p0 "libf.so => /usr/lib/libf.so"
	prog "$R/p1" needs=libf.so ld=-z ld=nodefaultlib
	lacks "$R" /p1 libf.so
	# The cache still serves what it knows in other directories.
	prog "$R/p2" needs=libg.so ld=-z ld=nodefaultlib
	loads "$R" /p2 "libg.so => /srv/libg.so"
}

@test "case 19: a version the first match lacks is an error, the next directory is no help" {
	printf 'V1 { f; };\n' >"$BATS_TEST_TMPDIR/v1"
	printf 'V1 { f; };\nV2 { g; };\n' >"$BATS_TEST_TMPDIR/v2"
	lib "$R/A/libv.so" soname=libv.so code='void f(void){}' ld=--version-script="$BATS_TEST_TMPDIR/v1"
	lib "$R/B/libv.so" soname=libv.so code='void f(void){} void g(void){}' \
		ld=--version-script="$BATS_TEST_TMPDIR/v2"
	prog "$R/prog" code='void g(void); void *use = g;' with="$R/B/libv.so" needs=libc.so.6 \
		runpath=/A:/B
	stops "$R" /prog libv.so "version \`V2' not found"
	said V2
	prog "$R/good" code='void g(void); void *use = g;' with="$R/B/libv.so" needs=libc.so.6 \
		runpath=/B:/A
	loads "$R" /good "libv.so => /B/libv.so"
}

@test "case 20: a name of 5000 characters, a chain of 40 and a cycle" {
	long=$(printf 'x%.0s' {1..5000})
	prog "$R/p1" needs="$long" needs=libc.so.6 runpath='/A:$ORIGIN/A'
	lacks "$R" /p1 "$long"
	prog "$R/p4" needs="$(printf "/.%.0s" {1..2500})/libf.so" needs=libc.so.6
	lib "$R/libf.so" soname=libf.so
	not start "$R" /p4 >/dev/null
	status=0
	ours "$R" /p4 >/dev/null || status=$?
	status_is 3 $status

	lib "$R/A/libchain40.so" soname=libchain40.so
	for i in {39..1}; do
		lib "$R/A/libchain$i.so" soname=libchain$i.so with="$R/A/libchain$((i + 1)).so" runpath=/A
	done
	prog "$R/p2" needs=libchain1.so needs=libc.so.6 runpath=/A
	loads "$R" /p2 "libchain1.so => /A/libchain1.so" "libchain40.so => /A/libchain40.so"

	lib "$R/A/liba.so" soname=liba.so needs=libb.so runpath=/A
	lib "$R/A/libb.so" soname=libb.so needs=libc1.so needs=libb.so runpath=/A
	lib "$R/A/libc1.so" soname=libc1.so needs=liba.so runpath=/A
	prog "$R/p3" needs=liba.so needs=libc.so.6 runpath=/A
	loads "$R" /p3 "libc1.so => /A/libc1.so"
}

@test "case 20: a cycle that begins in /etc/ld.so.preload" {
	lib "$R/usr/lib/libp.so" soname=libp.so needs=libq.so
	lib "$R/usr/lib/libq.so" soname=libq.so needs=libp.so
	echo "/usr/lib/libp.so # first of all" >"$R/etc/ld.so.preload"
	prog "$R/prog" needs=libc.so.6
	loads "$R" /prog "libq.so => /usr/lib/libq.so"
	why=$(timeout 10 "$IMGMIN" ldd --sysroot "$R" --why libq.so "$R/prog" | head -c 1000)
	[ "$(grep -o libq.so <<<"$why" | wc -l)" = 1 ]
}

@test "case 20: a hundred names in a run path of 12,000 directories end" {
	local needs=()
	for i in $(seq 100); do
		needs+=("needs=l$i.so")
	done
	prog "$R/prog" "${needs[@]}" runpath="$(seq -s: -f /%g 12000)"
	status=0
	"$IMGMIN" ldd --sysroot "$R" "$R/prog" >"$BATS_TEST_TMPDIR/out" 2>"$BATS_TEST_TMPDIR/err" ||
		status=$?
	status_is 3 $status
	said "more than 1000000 places"
}

@test "case 20: 40 libraries that all need each other" {
	local needs=()
	for i in $(seq 40); do
		needs+=("needs=l$i.so")
	done
	lib "$R/opt/lib/l1.so" "${needs[@]}"
	for i in $(seq 2 40); do
		cp "$R/opt/lib/l1.so" "$R/opt/lib/l$i.so"
	done
	prog "$R/prog" "${needs[@]}" needs=libc.so.6 rpath=/opt/lib
	loads "$R" /prog "l40.so => /opt/lib/l40.so"
}

@test "case 21: one file under two names is one object" {
	lib "$R/A/liba.so"
	ln "$R/A/liba.so" "$R/A/libb.so"
	prog "$R/p1" needs=liba.so needs=libb.so needs=libc.so.6 runpath=/A
	loads "$R" /p1 "liba.so => /A/liba.so"
	[ "$(ours "$R" /p1 | grep -c '/A/')" = 1 ]
	# A directory under two names, as with /lib and /usr/lib.
	ln -s A "$R/B"
	lib "$R/C/libx.so" soname=libx.so needs=/B/liba.so
	prog "$R/p2" needs=liba.so needs=libx.so needs=libc.so.6 runpath=/A:/C
	loads "$R" /p2 "liba.so => /A/liba.so"
	[ "$(ours "$R" /p2 | grep -c 'liba')" = 1 ]
}

@test "case 22: of one soname by two rpaths the first in breadth-first order is loaded" {
	lib "$R/X/libn.so" soname=libn.so
	lib "$R/Y/libn.so" soname=libn.so
	lib "$R/A/libdeep.so" soname=libdeep.so needs=libn.so rpath=/X
	lib "$R/A/liba.so" soname=liba.so needs=libdeep.so rpath=/A
	lib "$R/A/libb.so" soname=libb.so needs=libn.so rpath=/Y
	# Depth first, liba's libdeep would bring /X/libn.so.
	prog "$R/prog" needs=liba.so needs=libb.so needs=libc.so.6 rpath=/A
	loads "$R" /prog "libn.so => /Y/libn.so"
}

@test "case 23: links stay inside the root, loops end, and .. stops at the top" {
	lib "$R/srv/libf.so" soname=libf.so
	mkdir -p "$R/A" "$R/B"
	ln -s /srv/libf.so "$R/A/libf.so"
	prog "$R/p1" needs=libf.so needs=libc.so.6 runpath=/A
	loads "$R" /p1 "libf.so => /A/libf.so"
	ln -s libl2.so "$R/A/libl.so"
	ln -s libl.so "$R/A/libl2.so"
	prog "$R/p2" needs=libl.so needs=libc.so.6 runpath=/A
	lacks "$R" /p2 libl.so
	# ELOOP ends the walk along this RUNPATH, other than ENOENT and EACCES would (open_path in
	# elf/dl-load.c), but not the search.
	lib "$R/B/libl.so" soname=libl.so
	prog "$R/p3" needs=libl.so needs=libc.so.6 runpath=/A:/B
	lacks "$R" /p3 libl.so
	lib "$R/usr/lib/libl.so" soname=libl.so
	loads "$R" /p3 "libl.so => /usr/lib/libl.so"
	ln -s ../../../../../../../../../../srv/libf.so "$R/B/libf.so"
	prog "$R/p4" needs=libf.so needs=libc.so.6 runpath='$ORIGIN/../../../../../../B'
	loads "$R" /p4 "libf.so => /B/libf.so"
	# A link to a file that only the host has.
	cp "$R/srv/libf.so" "$BATS_TEST_TMPDIR/libhost.so"
	ln -s "$BATS_TEST_TMPDIR/libhost.so" "$R/A/libhost.so"
	prog "$R/p5" needs=libhost.so needs=libc.so.6 runpath=/A
	lacks "$R" /p5 libhost.so
}

@test "case 24: \$ORIGIN in a sysroot holds the prefix once" {
	prog "$R/opt/bin/prog" needs=libf.so needs=libc.so.6 runpath='$ORIGIN/../lib'
	lib "$R/opt/lib/libf.so" soname=libf.so needs=libg.so runpath='$ORIGIN/more'
	lib "$R/opt/lib/more/libg.so" soname=libg.so
	loads "$R" /opt/bin/prog "libf.so => /opt/lib/libf.so" "libg.so => /opt/lib/more/libg.so"
	# Also where that very path exists below the sysroot a second time.
	mkdir -p "$R$R/opt/lib"
	lib "$R$R/opt/lib/libf.so" soname=libf.so
	loads "$R" /opt/bin/prog "libf.so => /opt/lib/libf.so"
}

@test "glibc-hwcaps: none unless asked for, then as the loader on such a machine" {
	grep -qw sse4_2 /proc/cpuinfo || skip "this machine is not x86-64-v2"
	prog "$R/prog" needs=libf.so needs=libg.so needs=libh.so needs=libc.so.6 runpath=/A
	for path in A/libf.so usr/lib/libf.so usr/lib/libg.so usr/lib/libh.so srv/libh.so; do
		lib "$R/$path" soname="${path##*/}"
		lib "$R/${path%/*}/glibc-hwcaps/x86-64-v2/${path##*/}" soname="${path##*/}"
	done
	printf '/srv\n/lib/x86_64-linux-gnu\n' >"$R/new"
	mv "$R/new" "$R/etc/ld.so.conf"
	recache "$R"
	want=$(real "$R" /prog)
	[ "$(grep -c glibc-hwcaps/x86-64-v2 <<<"$want")" = 3 ]
	equal "with --hwcaps" "$want" "$(ours "$R" /prog --hwcaps x86-64-v2)"
	equal "without" "${want//glibc-hwcaps\/x86-64-v2\/}" "$(ours "$R" /prog)"
}

@test "case 25: no /etc at all; a damaged cache is ignored" {
	prog "$R/prog" needs=libf.so needs=libc.so.6
	lib "$R/usr/lib/libf.so" soname=libf.so
	rm -r "${R:?}/etc"
	loads "$R" /prog "libf.so => /usr/lib/libf.so" "libc.so.6 => /lib/x86_64-linux-gnu/libc.so.6"

	mkdir "$R/etc"
	printf '/lib/x86_64-linux-gnu\n/srv\n' >"$R/etc/ld.so.conf"
	lib "$R/srv/libf.so" soname=libf.so
	recache "$R"
	loads "$R" /prog "libf.so => /srv/libf.so"
	cp "$R/etc/ld.so.cache" "$BATS_TEST_TMPDIR/good"

	# Without one, ld.so.conf is read as ldconfig would, which the loader does not do; that is said.
	rm "$R/etc/ld.so.cache"
	grep -qxF "libf.so => /usr/lib/libf.so" <<<"$(real "$R" /prog)"
	grep -qxF "libf.so => /srv/libf.so" <<<"$(ours "$R" /prog)"
	said warning
	said ld.so.conf

	# Cut in its header, and in its entries.
	for size in 30 60; do
		head -c $size "$BATS_TEST_TMPDIR/good" >"$R/etc/ld.so.cache"
		loads "$R" /prog "libf.so => /usr/lib/libf.so"
		said warning
		said "ld.so.cache is ignored: "
		not grep -q 'ignored.*ignored' "$BATS_TEST_TMPDIR/err"
	done
	# Of a machine of the other endianness (the flag byte, 3).
	cp "$BATS_TEST_TMPDIR/good" "$R/etc/ld.so.cache"
	printf '\003' | dd of="$R/etc/ld.so.cache" bs=1 seek=28 conv=notrunc status=none
	loads "$R" /prog "libf.so => /usr/lib/libf.so"
	said warning
	# Keys that lie outside the file, in every entry.
	cp "$BATS_TEST_TMPDIR/good" "$R/etc/ld.so.cache"
	n=$(od -An -tu4 -j20 -N4 "$R/etc/ld.so.cache")
	for ((i = 0; i < n; i++)); do
		printf '\377\377\377\177\377\377\377\177' |
			dd of="$R/etc/ld.so.cache" bs=1 seek=$((48 + 24 * i + 4)) conv=notrunc status=none
	done
	loads "$R" /prog "libf.so => /usr/lib/libf.so"
}

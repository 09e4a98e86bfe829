#!/usr/bin/env bats
# Cases 5, 8, 14, 26, 27 and 35: ARM's loaders, musl's, and LD_LIBRARY_PATH.

load ../lib/cases

setup_file() { cases_setup; }
setup() { need_chroot; }

need_arm() {
	local triplet
	for triplet in arm-linux-gnueabihf arm-linux-gnueabi; do
		command -v $triplet-gcc >/dev/null || skip "no $triplet-gcc"
	done
}

# The kernel starts ARM programs by qemu, also in a chroot: the F flag has it opened beforehand.
need_qemu() {
	local table=/proc/sys/fs/binfmt_misc
	[ -e $table/register ] || mount -t binfmt_misc none $table || skip "no binfmt_misc"
	[ -e $table/qemu-arm ] || cat /usr/lib/binfmt.d/qemu-arm.conf >$table/register ||
		skip "qemu-user-static is not installed"
}

# armhf_root: a root with the loader and C library of the cross toolchain.
armhf_root() {
	local from=/usr/arm-linux-gnueabihf/lib
	R=$BATS_TEST_TMPDIR/root
	mkdir -p "$R/lib/arm-linux-gnueabihf" "$R/proc"
	cp -L $from/ld-linux-armhf.so.3 "$R/lib/"
	cp -L $from/libc.so.6 "$R/lib/arm-linux-gnueabihf/"
}

@test "case 5: ARM: a soft-float library before a hard-float one is skipped, and said" {
	need_arm
	armhf_root
	lib "$R/A/libf.so" arch=armel soname=libf.so
	lib "$R/B/libf.so" arch=armhf soname=libf.so
	readelf -hW "$R/A/libf.so" | grep -q soft-float
	prog "$R/prog" arch=armhf needs=libf.so needs=libc.so.6 runpath=/A:/B
	readelf -hW "$R/prog" | grep -q hard-float
	got=$(ours "$R" /prog)
	grep -qxF "libf.so => /B/libf.so" <<<"$got"
	said "/A/libf.so"
	said "soft"
	# One that says neither fits.
	lib "$R/C/libf.so" arch=armel soname=libf.so
	patch "$R/C/libf.so" header e_flags=0x05000000
	prog "$R/other" arch=armhf needs=libf.so needs=libc.so.6 runpath=/C
	grep -qxF "libf.so => /C/libf.so" <<<"$(ours "$R" /other)"
	need_qemu
	loads "$R" /prog "libf.so => /B/libf.so"
	loads "$R" /other "libf.so => /C/libf.so"
}

@test "case 5: ARM: a hard-float library before a soft-float one is skipped by the soft loader" {
	need_arm
	R=$BATS_TEST_TMPDIR/root
	mkdir -p "$R/lib/arm-linux-gnueabi" "$R/proc"
	cp -L /usr/arm-linux-gnueabi/lib/ld-linux.so.3 "$R/lib/"
	cp -L /usr/arm-linux-gnueabi/lib/libc.so.6 "$R/lib/arm-linux-gnueabi/"
	lib "$R/A/libf.so" arch=armhf soname=libf.so
	lib "$R/B/libf.so" arch=armel soname=libf.so
	prog "$R/prog" arch=armel needs=libf.so needs=libc.so.6 runpath=/A:/B
	grep -qxF "libf.so => /B/libf.so" <<<"$(ours "$R" /prog)"
	said "/A/libf.so"
	said "hard"
	need_qemu
	loads "$R" /prog "libf.so => /B/libf.so"
}

@test "case 27: an armhf program that wants /lib/ld-linux.so.3 is told of the loader that is there" {
	need_arm
	armhf_root
	prog "$R/prog" arch=armhf interp=/lib/ld-linux.so.3 needs=libc.so.6
	status=0
	ours "$R" /prog || status=$?
	status_is 3 $status
	said "/lib/ld-linux.so.3"
	said "/lib/ld-linux-armhf.so.3"
	need_qemu
	not start "$R" /prog
	prog "$R/good" arch=armhf needs=libc.so.6
	loads "$R" /good "libc.so.6 => /lib/arm-linux-gnueabihf/libc.so.6"
}

# musl_root: a root with musl's loader, which is its C library.
musl_root() {
	command -v musl-gcc >/dev/null || skip "no musl-gcc"
	R=$BATS_TEST_TMPDIR/root
	mkdir -p "$R/lib" "$R/proc" "$R/etc"
	cp -L /lib/ld-musl-x86_64.so.1 "$R/lib/"
}

musl_prog() { prog "$@" interp=/lib/ld-musl-x86_64.so.1; }

# What musl's own ldd prints, without its first line, the loader itself.
musl_real() {
	"$FIX/chrooted" "$1" / /lib/ld-musl-x86_64.so.1 --list "$2" 2>/dev/null |
		sed -E -e '/^\t\/lib\/ld-musl[^>]*$/d' -e 's/^\t//' -e 's/ \(0x[0-9a-f]+\)$//' | clean_paths |
		name_loader
}

# As loads and lacks, with musl's loader. It prints a missing library on stderr only, so where one
# is, the found ones are compared.
musl_loads() {
	local got status=0
	start "$1" "$2" || { echo "musl refuses $2" && return 1; }
	got=$(ours "$1" "$2" | sed '/^LOADER => .*/d') || status=$?
	equal "$2" "$(musl_real "$1" "$2" | sed '/^LOADER => .*/d')" "$got"
	status_is 0 $status
	grep -qxF -- "$3" <<<"$got" || { echo "lacks $3:" && echo "$got" && return 1; }
}
musl_lacks() {
	local status=0
	not start "$1" "$2" >"$BATS_TEST_TMPDIR/real"
	grep -qF -- "$3" "$BATS_TEST_TMPDIR/real" || { cat "$BATS_TEST_TMPDIR/real" && return 1; }
	ours "$1" "$2" >"$BATS_TEST_TMPDIR/list" || status=$?
	status_is 3 $status
	said "$3"
}

@test "case 8: musl inherits RUNPATH, and RPATH of a library that is loaded by it" {
	musl_root
	musl_prog "$R/prog" needs=liba.so needs=libc.so runpath=/A
	lib "$R/A/liba.so" soname=liba.so needs=libb.so
	lib "$R/A/libb.so" soname=libb.so needs=libc.so
	musl_loads "$R" /prog "libb.so => /A/libb.so"
	# Also past a library with a RUNPATH of its own: the search climbs to its loaders.
	lib "$R/A/liba.so" soname=liba.so needs=libb.so runpath=/B
	musl_loads "$R" /prog "libb.so => /A/libb.so"
}

@test "case 12: musl passes over empty elements of a run path" {
	musl_root
	lib "$R/libf.so" soname=libf.so
	musl_prog "$R/opt/prog" needs=libf.so needs=libc.so runpath=/A::/B:
	musl_lacks "$R" /opt/prog libf.so
}

@test "case 14: musl stops at an empty NEEDED" {
	musl_root
	musl_prog "$R/prog" needs=libempty.so needs=libc.so
	patch "$R/prog" dyn needed=0
	not start "$R" /prog
	status=0
	ours "$R" /prog || status=$?
	status_is 3 $status
}

@test "case 26: musl: \$LIB voids the run path" {
	musl_root
	lib "$R/A/libf.so" soname=libf.so
	musl_prog "$R/p1" needs=libf.so needs=libc.so runpath='/A:/opt/$LIB'
	musl_lacks "$R" /p1 libf.so
	musl_prog "$R/opt/p2" needs=libf.so needs=libc.so runpath='/nowhere:$ORIGIN/../A'
	musl_loads "$R" /opt/p2 "libf.so => /A/libf.so"
}

@test "case 26: musl: libdl.so.2 is the loader itself, libcrypt.so.1 is searched" {
	musl_root
	musl_prog "$R/p1" needs=libdl.so.2 needs=libpthread.so.0 needs=libc.so
	start "$R" /p1
	status=0
	ours "$R" /p1 >"$BATS_TEST_TMPDIR/list" || status=$?
	status_is 0 $status
	not grep "not found" "$BATS_TEST_TMPDIR/list"
	musl_prog "$R/p2" needs=libcrypt.so.1 needs=libc.so
	musl_lacks "$R" /p2 libcrypt.so.1
	lib "$R/usr/lib/libcrypt.so.1" soname=libcrypt.so.1
	musl_loads "$R" /p2 "libcrypt.so.1 => /usr/lib/libcrypt.so.1"
}

@test "case 26: musl: its system path and the file that replaces it" {
	musl_root
	for dir in usr/lib usr/local/lib lib; do
		lib "$R/$dir/libf.so" soname=libf.so
		musl_prog "$R/prog" needs=libf.so needs=libc.so
		musl_loads "$R" /prog "libf.so => /$dir/libf.so"
	done
	lib "$R/srv/libf.so" soname=libf.so
	printf '/nowhere\n/srv:/lib\n' >"$R/etc/ld-musl-x86_64.path"
	musl_loads "$R" /prog "libf.so => /srv/libf.so"
	: >"$R/etc/ld-musl-x86_64.path"
	musl_lacks "$R" /prog libf.so
	# NODEFLIB is glibc's.
	rm "$R/etc/ld-musl-x86_64.path"
	musl_prog "$R/prog" needs=libf.so needs=libc.so ld=-z ld=nodefaultlib
	musl_loads "$R" /prog "libf.so => /lib/libf.so"
}

@test "case 26: musl: the first file that opens wins, a bad one is an error" {
	musl_root
	musl_prog "$R/prog" needs=libf.so needs=libc.so runpath=/A:/B
	lib "$R/B/libf.so" soname=libf.so
	mkdir "$R/A"
	printf 'GROUP ( /B/libf.so AS_NEEDED ( /B/libg.so ) )%080d\n' 0 >"$R/A/libf.so"
	musl_lacks "$R" /prog libf.so
	said /A/libf.so
	# Another class too, which glibc would skip.
	lib "$R/A/libf.so" arch=i386 soname=libf.so
	musl_lacks "$R" /prog libf.so
}

@test "case 26: glibc and musl side by side, a program of musl-gcc" {
	new_root
	musl_root
	echo '#include <stdio.h>
	int main(void){return puts("hello") < 0;}' >"$BATS_TEST_TMPDIR/m.c"
	musl-gcc -o "$R/musl" "$BATS_TEST_TMPDIR/m.c"
	gcc -o "$R/glibc" "$BATS_TEST_TMPDIR/m.c"
	loads "$R" /glibc "libc.so.6 => /lib/x86_64-linux-gnu/libc.so.6"
	start "$R" /musl
	status=0
	ours "$R" /musl >"$BATS_TEST_TMPDIR/list" || status=$?
	status_is 0 $status
	grep -F ld-musl-x86_64.so.1 "$BATS_TEST_TMPDIR/list"
	not grep -F libc.so.6 "$BATS_TEST_TMPDIR/list"
	not grep -F "not found" "$BATS_TEST_TMPDIR/list"
}

@test "case 35: LD_LIBRARY_PATH comes after RPATH and before RUNPATH, in both its forms" {
	new_root
	for dir in A B; do
		lib "$R/$dir/libf.so" soname=libf.so
	done
	lib "$R/B/libg.so" soname=libg.so
	prog "$R/p1" needs=libf.so needs=libg.so needs=libc.so.6 rpath=/A
	prog "$R/p2" needs=libf.so needs=libg.so needs=libc.so.6 runpath=/A
	prog "$R/p3" needs=libf.so needs=libg.so needs=libc.so.6
	for p in p1 p2 p3; do
		equal $p "$(real "$R" /$p LD_LIBRARY_PATH=/B)" "$(ours "$R" /$p --library-path =/B)"
		equal "$p, two" "$(real "$R" /$p 'LD_LIBRARY_PATH=/nowhere;/A:/B')" \
			"$(ours "$R" /$p --library-path==/nowhere --library-path==/A --library-path==/B)"
	done
	lacks "$R" /p3 libg.so
}

# build [OPTION]... PROGRAM: an image of the root's program, in image.tar.
build() {
	"$IMGMIN" build --sysroot "$R" -t cases/image -o "$BATS_TEST_TMPDIR/image.tar" "$@" \
		>"$BATS_TEST_TMPDIR/out" 2>"$BATS_TEST_TMPDIR/err"
}

# image_root ARCHIVE DIR: every layer of a saved image in one folder.
image_root() {
	local layer
	mkdir -p "$BATS_TEST_TMPDIR/archive" "$2"
	tar -xf "$1" -C "$BATS_TEST_TMPDIR/archive"
	"$PYTHON" -c 'import json, sys; print("\n".join(json.load(open(sys.argv[1]))[0]["Layers"]))' \
		"$BATS_TEST_TMPDIR/archive/manifest.json" >"$BATS_TEST_TMPDIR/layers"
	while read -r layer; do
		tar -xf "$BATS_TEST_TMPDIR/archive/$layer" -C "$2"
	done <"$BATS_TEST_TMPDIR/layers"
}

@test "case 13: a name relative to the working directory is an error unless --workdir fits" {
	new_root
	prog "$R/opt/prog" needs=sub/libf.so needs=libc.so.6
	lib "$R/srv/sub/libf.so" soname=libf.so
	build --workdir /srv "$R/opt/prog"
	image_root "$BATS_TEST_TMPDIR/image.tar" "$BATS_TEST_TMPDIR/image"
	CWD=/srv start "$BATS_TEST_TMPDIR/image" /opt/prog
	status=0
	build --workdir /opt "$R/opt/prog" || status=$?
	status_is 3 $status
	said sub/libf.so
}

@test "case 35: LD_LIBRARY_PATH in --env is used, and checked again inside the image" {
	new_root
	prog "$R/opt/prog" needs=libf.so needs=libc.so.6
	lib "$R/opt/lib/libf.so" soname=libf.so
	build --env LD_LIBRARY_PATH=/opt/lib "$R/opt/prog"
	said verified
	image_root "$BATS_TEST_TMPDIR/image.tar" "$BATS_TEST_TMPDIR/image"
	[ -e "$BATS_TEST_TMPDIR/image/opt/lib/libf.so" ]
	start "$BATS_TEST_TMPDIR/image" /opt/prog LD_LIBRARY_PATH=/opt/lib
	rm "$BATS_TEST_TMPDIR/image.tar"
	status=0
	build "$R/opt/prog" || status=$?
	status_is 3 $status
	said libf.so
	[ ! -e "$BATS_TEST_TMPDIR/image.tar" ]
}

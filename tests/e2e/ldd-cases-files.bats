#!/usr/bin/env bats
# Cases 1 to 4, 23 and 28 to 34: files that are no libraries, not these libraries, or damaged ones.

load ../lib/cases

setup_file() { cases_setup; }
setup() { need_chroot; new_root; }

# two ROOT: a program that looks for libf.so in /a, then in /b, where a good one lies.
two() {
	prog "$1/prog" needs=libf.so needs=libc.so.6 runpath=/a:/b
	lib "$1/b/libf.so" soname=libf.so
	mkdir -p "$1/a"
}

@test "case 1: a linker script or other text earlier in the path is fatal" {
	two "$R"
	echo 'INPUT(libf.so.1)' >"$R/a/libf.so"
	stops "$R" /prog /a/libf.so "file too short"
	printf '/* GNU ld script */\nOUTPUT_FORMAT(elf64-x86-64)\nGROUP ( /b/libf.so AS_NEEDED ( /b/l.so ) )\n' \
		>"$R/a/libf.so"
	stops "$R" /prog /a/libf.so "invalid ELF header"
}

@test "case 2: an empty file and a directory called libf.so are fatal" {
	two "$R"
	: >"$R/a/libf.so"
	stops "$R" /prog /a/libf.so "file too short"
	rm "$R/a/libf.so"
	mkdir "$R/a/libf.so"
	stops "$R" /prog /a/libf.so "cannot read file data"
}

@test "case 3: a dangling link, another class, another machine and a file as directory are skipped" {
	two "$R"
	ln -s nowhere "$R/a/libf.so"
	loads "$R" /prog "libf.so => /b/libf.so"
	rm "$R/a/libf.so"
	lib "$R/a/libf.so" arch=i386 soname=libf.so
	loads "$R" /prog "libf.so => /b/libf.so"
	lib "$R/a/libf.so" arch=arm64 soname=libf.so
	loads "$R" /prog "libf.so => /b/libf.so"
	rm -r "${R:?}/a"
	: >"$R/a"
	loads "$R" /prog "libf.so => /b/libf.so"
	# Where nothing else is found, it is named.
	rm -r "${R:?}/a" "$R/b"
	lib "$R/a/libf.so" arch=arm64 soname=libf.so
	lacks "$R" /prog libf.so
	said /a/libf.so
}

@test "case 4: other endianness, ET_REL, phentsize 0 and a file cut at 100 bytes are fatal" {
	two "$R"
	for damage in "header ei_data=2" "header e_type=1" "header e_phentsize=0" "truncate 100" \
		"header ei_osabi=9" "header ei_abiversion=9" "header ei_pad=1" "header e_version=2"; do
		cp "$R/b/libf.so" "$R/a/libf.so"
		patch "$R/a/libf.so" $damage
		echo "# $damage"
		stops "$R" /prog /a/libf.so
	done
	# OSABI 3 is GNU's and fine.
	cp "$R/b/libf.so" "$R/a/libf.so"
	patch "$R/a/libf.so" header ei_osabi=3
	loads "$R" /prog "libf.so => /a/libf.so"
}

@test "case 28: static, static-PIE, a library as root, a script" {
	echo 'int main(void){return 0;}' >"$BATS_TEST_TMPDIR/m.c"
	gcc -static -o "$R/static" "$BATS_TEST_TMPDIR/m.c"
	gcc -static-pie -o "$R/static-pie" "$BATS_TEST_TMPDIR/m.c"
	for name in static static-pie; do
		start "$R" /$name
		equal $name "statically linked" "$(ours "$R" /$name | sed 's/^[[:space:]]*//')"
	done
	lib "$R/usr/lib/libf.so" soname=libf.so needs=libg.so needs=libc.so.6
	lib "$R/usr/lib/libg.so" soname=libg.so
	want=$("$FIX/chrooted" "$R" / LD_TRACE_LOADED_OBJECTS=1 /lib64/ld-linux-x86-64.so.2 \
		/usr/lib/libf.so | grep -v linux-vdso | sed -E 's/^\t(.*) \(0x.*/\1/; / => /!s/.*/& => &/' |
		name_loader)
	equal library "$want" "$(ours "$R" /usr/lib/libf.so)"

	prog "$R/bin/run" needs=libg.so needs=libc.so.6
	printf '#!/bin/run -x\n' >"$R/script"
	chmod +x "$R/script"
	start "$R" /script
	status=0
	ours "$R" /script >"$BATS_TEST_TMPDIR/list" || status=$?
	status_is 0 $status
	grep -qF "libg.so => /usr/lib/libg.so" "$BATS_TEST_TMPDIR/list"
	printf '#!/bin/nothing\n' >"$R/script"
	not start "$R" /script
	status=0
	ours "$R" /script || status=$?
	status_is 3 $status
	said /bin/nothing
}

@test "case 28: several files, a block for each" {
	prog "$R/one" needs=libc.so.6
	prog "$R/two" needs=libmissing.so needs=libc.so.6
	status=0
	"$IMGMIN" ldd --sysroot "$R" --format list "$R/one" "$R/two" >"$BATS_TEST_TMPDIR/out" \
		2>"$BATS_TEST_TMPDIR/err" || status=$?
	status_is 3 $status
	equal blocks "$R/one:"$'\n'"$R/two:" "$(grep ':$' "$BATS_TEST_TMPDIR/out")"
	said "libmissing.so => not found"
	[ "$(grep -c '^[[:space:]]*libc.so.6 => ' "$BATS_TEST_TMPDIR/out")" = 2 ]
}

# is_error PROGRAM FILE: imgmin ends 3 and names the file. The real loader is not asked here: it
# believes such files and crashes or waits.
is_error() {
	local status=0
	ours "$R" "$1" >/dev/null || status=$?
	status_is 3 $status
	said "$2"
}

@test "case 29: no STRTAB, one outside the file, NEEDED past it, one without an end" {
	two "$R"
	lib "$BATS_TEST_TMPDIR/f.so" soname=libf.so needs=libc.so.6
	for damage in "retag strtab=debug" "dyn strtab=0x7fffff000" "dyn needed=0x7fffff" \
		"dyn strsz=1"; do
		cp "$BATS_TEST_TMPDIR/f.so" "$R/a/libf.so"
		patch "$R/a/libf.so" $damage
		echo "# $damage"
		is_error /prog /a/libf.so
		# The same as the program itself.
		prog "$R/p" needs=libc.so.6
		patch "$R/p" $damage
		is_error /p "$R/p"
	done
	# The last string is cut: it starts inside the table and ends outside.
	cp "$BATS_TEST_TMPDIR/f.so" "$R/a/libf.so"
	size=$(readelf -dW "$R/a/libf.so" | awk '/STRSZ/ { print $3 }')
	patch "$R/a/libf.so" dyn "strsz=$((size - 1))"
	is_error /prog /a/libf.so
}

@test "case 30: PN_XNUM, phoff overflow, two PT_DYNAMIC; section headers missing or garbage" {
	two "$R"
	for damage in "header e_phnum=0xffff" "header e_phoff=0xfffffffffffffff0" \
		"header e_phoff=0x7ffffffffffffff0" "like stack=dynamic"; do
		cp "$R/b/libf.so" "$R/a/libf.so"
		patch "$R/a/libf.so" $damage
		echo "# $damage"
		is_error /prog /a/libf.so
	done
	for damage in "header e_shoff=0 header e_shnum=0 header e_shstrndx=0" \
		"header e_shoff=0x123456789 header e_shnum=0xfff0 header e_shstrndx=0xffff header e_shentsize=3" \
		"header e_shoff=1"; do
		cp "$R/b/libf.so" "$R/a/libf.so"
		patch "$R/a/libf.so" $damage
		loads "$R" /prog "libf.so => /a/libf.so"
	done
}

@test "case 31: loops in Verneed and Verdef are bounded; a note's size; bad JSON in a dlopen note" {
	printf 'V1 { f; };\nV2 { g; } V1;\nV3 { h; } V2;\n' >"$BATS_TEST_TMPDIR/map"
	lib "$R/A/libv.so" soname=libv.so code='void f(void){} void g(void){} void h(void){}' \
		ld=--version-script="$BATS_TEST_TMPDIR/map"
	prog "$BATS_TEST_TMPDIR/p" code='void f(void); void g(void); void h(void); void *u[] = {f, g, h};' \
		with="$R/A/libv.so" needs=libc.so.6 runpath=/A
	cp "$BATS_TEST_TMPDIR/p" "$R/p"
	loads "$R" /p "libv.so => /A/libv.so"
	# Verneed: vn_cnt at 2, vn_next at 12, its first Vernaux at 16 with vna_next at 12 of it.
	for damage in "at16 verneed+2=0xffff at verneed+28=1" "at verneed+28=0xfffffff0" \
		"at16 verneed+2=0xffff at verneed+28=0xffffffff" "dyn verneednum=0xffffffff at verneed+12=1" \
		"dyn verneednum=0x7fffffffffffffff at verneed+12=0xfffffff0" "dyn verneed=0x7fffff000"; do
		cp "$BATS_TEST_TMPDIR/p" "$R/p"
		patch "$R/p" $damage
		echo "# $damage"
		bounded /p
	done
	# Verdef: vd_cnt at 6, vd_aux at 12, vd_next at 16.
	cp "$BATS_TEST_TMPDIR/p" "$R/p"
	cp "$R/A/libv.so" "$BATS_TEST_TMPDIR/libv.so"
	for damage in "dyn verdefnum=0xffffffff at verdef+16=1" "at verdef+16=0xfffffff0" \
		"at verdef+12=0xfffffff0" "at16 verdef+6=0xffff" "dyn verdef=0x7fffff000"; do
		cp "$BATS_TEST_TMPDIR/libv.so" "$R/A/libv.so"
		patch "$R/A/libv.so" $damage
		echo "# $damage"
		bounded /p
	done
}

@test "case 31: in 32 bits a next can lead back" {
	printf 'V1 { f; };\nV2 { g; } V1;\n' >"$BATS_TEST_TMPDIR/map"
	lib "$BATS_TEST_TMPDIR/libv.so" arch=i386 soname=libv.so code='void f(void){} void g(void){}' \
		ld=--version-script="$BATS_TEST_TMPDIR/map"
	prog "$BATS_TEST_TMPDIR/p" arch=i386 code='void f(void); void g(void); void *u[] = {f, g};' \
		with="$BATS_TEST_TMPDIR/libv.so" runpath=/A
	mkdir "$R/A"
	for damage in "at16 verneed+2=0xffff at verneed+28=0" "at16 verneed+2=0xffff at verneed+28=0xfffffff0" \
		"dyn verneednum=0xffffffff at verneed+12=0xfffffff0"; do
		cp "$BATS_TEST_TMPDIR/libv.so" "$R/A/"
		cp "$BATS_TEST_TMPDIR/p" "$R/p"
		patch "$R/p" $damage
		echo "# $damage"
		bounded /p
	done
	for damage in "dyn verdefnum=0xffffffff at verdef+16=0" "at16 verdef+6=0xffff at verdef+12=0xfffffff0" \
		"dyn verdefnum=0xffffffff at verdef+36=0xffffffe4"; do
		cp "$BATS_TEST_TMPDIR/p" "$R/p"
		cp "$BATS_TEST_TMPDIR/libv.so" "$R/A/"
		patch "$R/A/libv.so" $damage
		echo "# $damage"
		bounded /p
	done
}

# bounded PROGRAM: an answer in time, whichever; no crash (128 and more) and no timeout (124).
bounded() {
	local status=0
	ours "$R" "$1" >/dev/null || status=$?
	[ $status = 0 ] || status_is 3 $status
}

# A program with a dlopen note whose JSON text is $2.
noted() {
	prog "$1" needs=libc.so.6 code="asm(\".pushsection .note.dlopen,\\\"a\\\",@note; .balign 4; \
.long 4, 2f-1f, 0x407c0c0a; .asciz \\\"FDO\\\"; 1: .asciz \\\"$2\\\"; 2: .balign 4; .popsection\");"
}

@test "case 31: notes" {
	noted "$R/good" '[{\\\"soname\\\":[\\\"libopt.so.1\\\"],\\\"priority\\\":\\\"recommended\\\"}]'
	readelf -nW "$R/good" | grep -q 0x407c0c0a
	lib "$R/usr/lib/libopt.so.1" soname=libopt.so.1
	start "$R" /good
	timeout 10 "$IMGMIN" ldd --sysroot "$R" --format json "$R/good" >"$BATS_TEST_TMPDIR/json"
	grep -q libopt.so.1 "$BATS_TEST_TMPDIR/json"

	noted "$R/bad" '[{\\\"soname\\\":[\\\"libopt.so.1'
	noted "$R/odd" '{\\\"soname\\\":17}'
	for name in bad odd; do
		loads "$R" /$name
		RAW=1 ours "$R" /$name --format tree >/dev/null
		said warning
		said dlopen
	done

	noted "$R/over" '[]'
	for damage in "note descsz=0xfffffff0" "note namesz=0xfffffffc" "note descsz=0x7fffffff"; do
		cp "$R/good" "$R/over"
		patch "$R/over" $damage
		echo "# $damage"
		bounded /over
	done
}

@test "case 32: DT_RELR without its version is an error" {
	code='static int x; __attribute__((used)) static void *table[] = {&x, table, table + 1};'
	relr=(ld=-z ld=pack-relative-relocs)
	# ld adds the version for a libc of GLIBC_2.x versions; this one shows it another real one.
	echo 'GLIBC_PRIVATE { *; };' >"$BATS_TEST_TMPDIR/map"
	lib "$BATS_TEST_TMPDIR/libc.so.6" soname=libc.so.6 code='void __libc_early_init(void){}' \
		ld=--version-script="$BATS_TEST_TMPDIR/map"
	prog "$R/p1" code="$code void __libc_early_init(void); void *u = __libc_early_init;" "${relr[@]}" \
		with="$BATS_TEST_TMPDIR/libc.so.6"
	readelf -dW "$R/p1" | grep -q RELR
	stops "$R" /p1 "" "DT_RELR without GLIBC_ABI_DT_RELR dependency"
	said GLIBC_ABI_DT_RELR
	# The same of a library.
	lib "$R/A/libr.so" soname=libr.so with="$BATS_TEST_TMPDIR/libc.so.6" "${relr[@]}" \
		code="$code void __libc_early_init(void); void *u = __libc_early_init;"
	prog "$R/p2" needs=libr.so needs=libc.so.6 runpath=/A
	stops "$R" /p2 libr.so "DT_RELR without GLIBC_ABI_DT_RELR dependency"
	# As the linker makes it, when it sees the real libc.
	prog "$R/p3" code="$code void exit(int); void *u = exit;" "${relr[@]}" \
		with=/lib/x86_64-linux-gnu/libc.so.6
	readelf -VW "$R/p3" | grep -q GLIBC_ABI_DT_RELR
	loads "$R" /p3
	# The loader asks for it only where a version of libc is wanted at all (elf/dl-version.c).
	prog "$R/p4" code="$code" "${relr[@]}" needs=libc.so.6
	readelf -dW "$R/p4" | grep -q RELR
	loads "$R" /p4
}

@test "case 33: a FIFO, a device or a socket named as a library never blocks" {
	two "$R"
	mkfifo "$R/a/libf.so"
	is_error /prog /a/libf.so
	rm "$R/a/libf.so"
	mknod "$R/a/libf.so" c 1 5 || skip "no device nodes here"
	is_error /prog /a/libf.so
	rm "$R/a/libf.so"
	"$PYTHON" -c 'import socket, sys, os; os.chdir(sys.argv[1]); socket.socket(socket.AF_UNIX).bind("libf.so")' \
		"$R/a"
	is_error /prog /a/libf.so
	# As the program itself.
	mkfifo "$R/fifo"
	status=0
	ours "$R" /fifo || status=$?
	[ $status != 0 ]
	[ $status -lt 124 ]
}

@test "case 34: a 32-bit library in a 64-bit path first is skipped, in the cache's directories too" {
	prog "$R/prog" needs=libf.so needs=libc.so.6
	lib "$R/srv/a/libf.so" arch=i386 soname=libf.so
	lib "$R/srv/b/libf.so" soname=libf.so
	printf '/srv/a\n/srv/b\n/lib/x86_64-linux-gnu\n' >"$R/new"
	mv "$R/new" "$R/etc/ld.so.conf"
	recache "$R"
	loads "$R" /prog "libf.so => /srv/b/libf.so"
	lib "$R/lib/x86_64-linux-gnu/libg.so" arch=i386 soname=libg.so
	lib "$R/usr/lib/libg.so" soname=libg.so
	prog "$R/other" needs=libg.so needs=libc.so.6
	loads "$R" /other "libg.so => /usr/lib/libg.so"
}

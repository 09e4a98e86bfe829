#!/usr/bin/env bats
# Smaller files of real systems: every segment keeps its contents, and programs say and do the same.
load ../lib/common

setup_file() {
	[ -f "$B/imgmin.a" ] || make -s -C "$top" B="$B" "$B/imgmin.a"
	gcc -std=gnu11 -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 -D_TIME_BITS=64 -O1 -I"$top" \
		-o "$B/rewritten" "$top/tests/lib/rewritten.c" "$B/imgmin.a" -pthread "@$B/libs"
}

# The root rewritten as a whole, beside the old one: hard links but for the ELF files. What was
# rewritten is listed in $BATS_TEST_TMPDIR/rewritten, one path a line.
rewrite_tree() { # ROOT [OPTION...]
	local root=$1
	shift
	copy=$(mktemp -d "$(dirname "$root")/rewritten.XXXXXX")
	cp -al "$root/." "$copy"
	(cd "$root" && find . -type f -size +1 -printf '%P\n') |
		"$B/rewritten" "$@" "$root" "$copy" >"$BATS_TEST_TMPDIR/report"
	grep -v '^=' "$BATS_TEST_TMPDIR/report" | cut -f6 >"$BATS_TEST_TMPDIR/rewritten"
}

drop_tree() {
	[ -z "${copy:-}" ] || rm -rf "$copy"
	copy=
}

teardown() {
	drop_tree
}

# Contents and addresses by a reader of our own, and nothing that binutils finds odd.
compare_segments() { # OLD NEW
	python3 "$top/tests/lib/rewrite-compare.py" "$1" "$2" <"$BATS_TEST_TMPDIR/rewritten"
	(cd "$2" && xargs -d '\n' readelf -lSdnW) <"$BATS_TEST_TMPDIR/rewritten" 2>&1 >/dev/null |
		sed 's/^/readelf: /' >"$BATS_TEST_TMPDIR/odd"
	head "$BATS_TEST_TMPDIR/odd"
	[ ! -s "$BATS_TEST_TMPDIR/odd" ]
}

describe() { # NAME
	local odd
	odd=$(grep -c '^=' "$BATS_TEST_TMPDIR/report") || true
	grep -v '^=' "$BATS_TEST_TMPDIR/report" | awk -F '\t' -v name="$1" -v odd="$odd" '
		{ old += $1; new += $2; segments += $3 }
		END { printf "# %s: %d files, %d as they are; %d bytes, rewritten %d, segments %d\n",
			name, NR, odd, old, new, segments }' >&3
}

# Every program of the list in both roots; at least N must have answered.
compare_answers() { # OLD NEW N LIST
	xargs -P 2 -n 12 "$top/tests/lib/rewrite-answers.sh" "$1" "$2" <"$4" >"$4.answers"
	local same
	same=$(grep -c ^same "$4.answers")
	echo "# $same programs answer the same, $(grep -c ^none "$4.answers") answer nothing, $(
		grep -c ^unsteady "$4.answers") never the same" >&3
	! grep -A 10 -E '^(different|refused)' "$4.answers"
	[ "$same" -gt "$3" ]
}

programs() { # ROOT
	(cd "$1" && sed -n '\,bin/,p' "$BATS_TEST_TMPDIR/rewritten" | while read -r path; do
		[ ! -x "$path" ] || echo "/$path"
	done)
}

@test "armhf: every file keeps its segments, every program its answers" {
	need_root
	sysroot root armhf
	"$top/tests/lib/inroot.sh" "$root" /bin/true || skip "armhf programs do not run here"
	rewrite_tree "$root"
	describe armhf
	[ "$(wc -l <"$BATS_TEST_TMPDIR/rewritten")" -gt 500 ]
	compare_segments "$root" "$copy"
	programs "$root" >"$BATS_TEST_TMPDIR/programs"
	compare_answers "$root" "$copy" 200 "$BATS_TEST_TMPDIR/programs"
}

# What a program is told to say is in its image, but for what the options here bring.
@test "armhf: every program answers the same from an image of its own" {
	need_root
	sysroot root armhf
	"$top/tests/lib/inroot.sh" "$root" /bin/true || skip "armhf programs do not run here"
	cat >"$BATS_TEST_TMPDIR/options" <<-'END'
		/usr/sbin/lighttpd-angel --include /usr/sbin/lighttpd
		/usr/bin/sqlite3 --without passwd
	END
	# The first starts the other by its path. The sysroot has no /etc/passwd, so that sqlite3
	# finds no home there; an image gets one.
	(cd "$root" && find usr/bin usr/sbin -type f -perm /111 -printf '/%p\n') | sort |
		while read -r path; do
			[ "$(head -c 4 "$root$path" | tail -c 3)" != ELF ] || echo "$path"
		done >"$BATS_TEST_TMPDIR/programs"
	compare_answers "$root" "image:$BATS_TEST_TMPDIR/options" 300 "$BATS_TEST_TMPDIR/programs"
}

@test "armhf: without section headers, for larger pages" {
	need_root
	sysroot root armhf
	rewrite_tree "$root" -a -p 16384
	[ "$(wc -l <"$BATS_TEST_TMPDIR/rewritten")" -gt 500 ]
	compare_segments "$root" "$copy"
	printf '/usr/bin/%s\n' python3.11 sqlite3 git curl openssl jq >"$BATS_TEST_TMPDIR/some"
	compare_answers "$root" "$copy" 5 "$BATS_TEST_TMPDIR/some"
}

@test "s390x, big-endian: every file keeps its segments, some programs their answers" {
	need_root
	sysroot root s390x
	rewrite_tree "$root"
	describe s390x
	[ "$(wc -l <"$BATS_TEST_TMPDIR/rewritten")" -gt 500 ]
	compare_segments "$root" "$copy"
	"$top/tests/lib/inroot.sh" "$root" /bin/true || skip "s390x programs do not run here"
	programs "$root" | awk 'NR % 20 == 0' >"$BATS_TEST_TMPDIR/some"
	compare_answers "$root" "$copy" 5 "$BATS_TEST_TMPDIR/some"
}

# native PROGRAM...: each with its libraries, rewritten below $BATS_TEST_TMPDIR/new.
native() {
	local program
	for program; do
		readlink -f "$program"
		ldd "$program" | grep -o '/[^ ]*' | xargs -n 1 readlink -f
	done | sort -u | sed 's,^/,,' >"$BATS_TEST_TMPDIR/list"
	while read -r path; do
		install -D "/$path" "$BATS_TEST_TMPDIR/new/$path"
	done <"$BATS_TEST_TMPDIR/list"
	"$B/rewritten" / "$BATS_TEST_TMPDIR/new" <"$BATS_TEST_TMPDIR/list" \
		>"$BATS_TEST_TMPDIR/report"
	grep -v '^=' "$BATS_TEST_TMPDIR/report" | cut -f6 >"$BATS_TEST_TMPDIR/rewritten"
}

# Runs a rewritten program with rewritten libraries by the rewritten loader.
run_native() { # PROGRAM [ARG...]
	local new=$BATS_TEST_TMPDIR/new program loader
	program=$(readlink -f "$1")
	loader=$(readlink -f /lib64/ld-linux-x86-64.so.2)
	mkdir -p "$BATS_TEST_TMPDIR/libs"
	(cd "$new" && find . -name '*.so*' -type f -printf '%P\n') | while read -r path; do
		# By soname, as ldconfig would.
		name=$(readelf -dW "$new/$path" | sed -n 's/.*soname: \[\(.*\)\]/\1/p')
		ln -sf "$new/$path" "$BATS_TEST_TMPDIR/libs/${name:-$(basename "$path")}"
	done
	shift
	"$new$loader" --inhibit-cache --library-path "$BATS_TEST_TMPDIR/libs" "$new$program" "$@"
}

@test "programs of this machine do the same" {
	[ "$(uname -m)" = x86_64 ] || skip "knows the loader of x86_64"
	need_tool python3 readelf gcc
	native /bin/ls /usr/bin/python3 "$(command -v gdb || echo /bin/cat)" \
		"$(command -v git || echo /bin/cp)"
	compare_segments / "$BATS_TEST_TMPDIR/new"
	describe amd64
	[ "$(run_native /bin/ls -l /usr)" = "$(ls -l /usr)" ]
	[ "$(run_native /usr/bin/python3 -c 'import json, math, hashlib
print(json.dumps([math.pi, hashlib.sha256(b"x").hexdigest()]))')" = \
		"$(python3 -c 'import json, math, hashlib
print(json.dumps([math.pi, hashlib.sha256(b"x").hexdigest()]))')" ]
	if command -v gdb; then
		[ "$(run_native "$(command -v gdb)" -nx -batch -ex 'print 6*7')" = '$1 = 42' ]
	fi
}

# works PROGRAM: the program says the same rewritten, and is smaller.
works() {
	"./$1" >"$1.want"
	mkdir -p new
	cp "$1" "new/$1"
	echo "$1" | "$B/rewritten" . new >report
	[ "$(grep -c '^=' report)" = 0 ]
	"new/$1" >"$1.have"
	cmp "$1.want" "$1.have"
	[ "$(stat -c %s "new/$1")" -lt "$(stat -c %s "$1")" ]
}

hello='#include <stdio.h>
#include <pthread.h>
static __thread int t __attribute__((aligned(8192))) = 3;
static char page[65536] __attribute__((aligned(65536)));
static int value __attribute__((aligned(16384))) = 39;
static void *add(void *p) { t += value; return p; }
__attribute__((constructor)) static void begin(void) { page[7] = 1; }
int main(void) {
	pthread_t p;
	pthread_create(&p, 0, add, 0);
	pthread_join(p, 0);
	add(0);
	printf("%d %d %d %d\n", t, page[7], (int)((unsigned long)page % 65536),
		(int)((unsigned long)&value % 16384));
	return 0;
}'

@test "static, static-PIE, musl, other linkers: the same words" {
	cd "$BATS_TEST_TMPDIR"
	echo "$hello" >h.c
	gcc -O1 -g -static -o static h.c
	works static
	gcc -O1 -g -static-pie -o static-pie h.c
	works static-pie
	gcc -O1 -g -no-pie -o no-pie h.c
	works no-pie
	gcc -O1 -g -Wl,-z,noseparate-code,-z,max-page-size=0x200000 -o large h.c
	works large
	grep -o '^42 1 0 0' large.have
	if command -v musl-gcc; then
		musl-gcc -O1 -g -static -o musl h.c
		works musl
	fi
	if command -v ld.gold; then
		gcc -O1 -g -fuse-ld=gold -o gold h.c
		works gold
	fi
	if command -v ld.lld; then
		gcc -O1 -g -fuse-ld=lld -o lld h.c
		works lld
	fi
	if command -v patchelf; then
		cp no-pie patched
		patchelf --set-rpath "/$(printf '%0300d' 0)" patched
		works patched
		gcc -O1 -g -o patched-pie h.c
		patchelf --set-rpath "/$(printf '%0300d' 0)" patched-pie
		works patched-pie
	fi
	if command -v go; then
		mkdir go.d
		printf 'package main\nfunc main() { println("hello"); print(len(make([]int, 3))) }\n' \
			>go.d/main.go
		(cd go.d && GOCACHE=$PWD/cache GO111MODULE=off CGO_ENABLED=0 go build -o ../go main.go)
		works go
	fi
}

@test "programs that read themselves stay as they are" {
	cd "$BATS_TEST_TMPDIR"
	echo "$hello" >h.c
	gcc -O1 -o h h.c
	mkdir new
	{ cat h; echo 'PK, a bundle'; } >appended
	echo data >data
	objcopy --add-section pydata=data h section
	printf '%s\n' appended section h.c | "$B/rewritten" . new >report
	cat report
	grep 'behind its sections.*appended' report
	grep 'of its own kind, pydata.*section' report
	[ "$(wc -l <report)" = 2 ]
	[ -z "$(ls new)" ]
}

@test "a program does without the stubs of glibc" {
	need_tool gcc readelf
	cd "$BATS_TEST_TMPDIR"
	for stub in libpthread.so.0 librt.so.1 libdl.so.2; do
		[ -e "$(gcc -print-file-name=$stub)" ] || skip "this glibc has no $stub"
	done
	echo 'int own(void) { return 40; }' >own.c
	gcc -shared -fPIC -Wl,-soname,libown.so.1 -o libown.so.1 own.c
	printf '#include <math.h>\n#include <stdio.h>\nint own(void);
int main(int n, char **v) { printf("%%d\\n", own() + (int)sqrt(3.0 + n)); }\n' >p.c
	gcc -O1 -o p p.c -Wl,--no-as-needed -Wl,-rpath,"$PWD" libown.so.1 -lm \
		$(gcc -print-file-name=libpthread.so.0) $(gcc -print-file-name=librt.so.1) \
		$(gcc -print-file-name=libdl.so.2)
	mkdir new
	cp p new
	echo p | "$B/rewritten" -d libpthread.so.0 -d librt.so.1 -d libdl.so.2 . new
	readelf -dW new/p | grep -o 'library: .*' >needed
	cat needed
	[ "$(wc -l <needed)" = 3 ]
	[ "$(new/p)" = 42 ]
	[ "$(./p)" = 42 ]
}

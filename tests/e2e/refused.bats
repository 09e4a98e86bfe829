#!/usr/bin/env bats
# What imgmin build refuses: the promised exit status, one line of error, a hint, and no output.
load ../lib/common

setup_file() {
	[ -n "$(command -v arm-linux-gnueabihf-gcc)" ] || return 0
	sensor
	# A C library for the tests' own roots: program and libraries lie in ROOT/usr.
	mkdir -p "$BATS_FILE_TMPDIR/src"
	cd "$BATS_FILE_TMPDIR/src"
	echo 'int f(void) { return 7; }' >f.c
	echo 'int f(void); int main(void) { return f() != 7; }' >main.c
}

setup() {
	need_tool arm-linux-gnueabihf-gcc
	cd "$BATS_TEST_TMPDIR"
	src=$BATS_FILE_TMPDIR/src
}

teardown() {
	! mountpoint -q small || umount small
	! mountpoint -q fixed || umount fixed
}

# refused STATUS ARG...: imgmin build ends with STATUS, says why and what to do, and leaves nothing.
refused() {
	local want=$1
	shift
	rm -f out.tar
	expect "$want" "$imgmin" build --no-cache -o out.tar "$@"
	[ -z "$output" ] || { echo "stdout: $output"; return 1; }
	[ "$(grep -c '^imgmin: error: ' <<<"$stderr")" = 1 ] || { echo "$stderr"; return 1; }
	grep -q '^hint: ' <<<"$stderr" || { echo "no hint: $stderr"; return 1; }
	[ ! -e out.tar ]
}

# program [CC [FLAG...]]: bin/main and lib/libf.so.1, found by $ORIGIN/../lib.
program() {
	local cc=${1:-cc}
	shift || true
	mkdir -p bin lib
	$cc "$@" -fPIC -shared -Wl,-soname,libf.so.1 -o lib/libf.so.1 "$src/f.c"
	$cc "$@" -o bin/main "$src/main.c" lib/libf.so.1 -Wl,-rpath,'$ORIGIN/../lib'
}

@test "no such file" {
	refused 1 ./nothing-here
	says 'nothing-here: No such file or directory'
}

@test "not an ELF file" {
	echo "Dear diary" >diary
	refused 3 ./diary
	says 'not an ELF file'
}

@test "a missing library: every searched place is listed" {
	program
	rm lib/libf.so.1
	refused 3 bin/main
	says 'libf.so.1'
	says "$PWD/bin/../lib"
	says '/usr/lib'
}

@test "a missing symbol version" {
	mkdir -p bin lib
	echo 'F_2 { global: f; local: *; };' >new.map
	echo 'F_1 { global: f; local: *; };' >old.map
	cc -fPIC -shared -Wl,-soname,libf.so.1 -Wl,--version-script=new.map -o lib/libf.so.1 "$src/f.c"
	cc -o bin/main "$src/main.c" lib/libf.so.1 -Wl,-rpath,'$ORIGIN/../lib'
	cc -fPIC -shared -Wl,-soname,libf.so.1 -Wl,--version-script=old.map -o lib/libf.so.1 "$src/f.c"
	refused 3 bin/main
	says F_2
	says libf.so.1
}

@test "an amd64 program where arm/v7 is asserted" {
	refused 3 --platform linux/arm/v7 "$sensor_native"
	says linux/amd64
	says linux/arm/v7
}

@test "a soft-float library under a hard-float program" {
	need_tool arm-linux-gnueabi-gcc
	program arm-linux-gnueabihf-gcc
	arm-linux-gnueabi-gcc -fPIC -shared -Wl,-soname,libf.so.1 -o lib/libf.so.1 "$src/f.c"
	refused 3 bin/main
	says libf.so.1
	says soft
}

@test "a v7 library in an image asked to be v6" {
	need_tool arm-linux-gnueabi-gcc
	program arm-linux-gnueabi-gcc -march=armv5te
	"$imgmin" build --quiet --no-cache -o fine.tar bin/main
	arm-linux-gnueabi-gcc -march=armv7-a -fPIC -shared -Wl,-soname,libf.so.1 -o lib/libf.so.1 \
		"$src/f.c"
	refused 3 --platform linux/arm/v6 bin/main
	says v7
	says v6
}

@test "a v7 program in an image asked to be v6" {
	refused 3 --platform linux/arm/v6 "$sensor_armhf"
	says v7
}

@test "a directory where a library should be" {
	program
	rm lib/libf.so.1
	mkdir lib/libf.so.1
	refused 3 bin/main
	says libf.so.1
	says directory
}

@test "a FIFO where a library should be: it does not wait" {
	program
	rm lib/libf.so.1
	mkfifo lib/libf.so.1
	refused 3 bin/main
	says libf.so.1
}

# The host's C library lies outside of a sysroot, whatever its links say.
@test "a sysroot whose links lead out" {
	local libc interpreter
	program
	libc=$(ldd bin/main | awk '$1 == "libc.so.6" {print $3}')
	interpreter=$(readelf -lW bin/main | sed -n 's/.*interpreter: \(.*\)]/\1/p')
	mkdir -p root/usr/lib root/usr/bin "root$(dirname "$interpreter")"
	cp "$interpreter" "root$interpreter"
	cp bin/main root/usr/bin
	cp lib/libf.so.1 root/usr/lib
	ln -s "../../../../../../../../../../../../..$libc" root/usr/lib/libc.so.6
	refused 3 --sysroot "$PWD/root" "$PWD/root/usr/bin/main"
	says libc.so.6
	# An absolute link is one of the root's own: with the file there it is found.
	mkdir -p "root$(dirname "$libc")"
	cp "$libc" "root$libc"
	"$imgmin" build --quiet --no-cache --sysroot "$PWD/root" -o fine.tar "$PWD/root/usr/bin/main"
}

@test "a full disk" {
	need_root
	mkdir small
	mount -t tmpfs -o size=256k tmpfs small || skip "tmpfs cannot be mounted here"
	expect 1 "$imgmin" build --no-cache -o small/out.tar "$sensor_native"
	says 'No space left on device'
	says 'hint: '
	[ -z "$(ls -A small)" ] || { echo "left behind: $(ls -A small)"; return 1; }
}

@test "a full disk under the layer cache: the image is made all the same, or it is said" {
	need_root
	mkdir small
	mount -t tmpfs -o size=64k tmpfs small || skip "tmpfs cannot be mounted here"
	"$imgmin" build --cache-dir small -o out.tar "$sensor_native" >out 2>err || {
		grep -q 'No space left on device' err
		[ ! -e out.tar ]
	}
}

@test "an output path that is missing or cannot be written" {
	expect 1 "$imgmin" build --no-cache -o missing/out.tar "$sensor_native"
	says missing
	says 'hint: '
	need_root
	mkdir fixed
	echo old >fixed/out.tar
	mount --bind fixed fixed && mount -o remount,bind,ro fixed || skip "no bind mounts here"
	expect 1 "$imgmin" build --no-cache -o fixed/out.tar "$sensor_native"
	says 'Read-only file system'
	says 'hint: '
	[ "$(cat fixed/out.tar)" = old ]
}

@test "two programs that claim one path" {
	mkdir -p one two
	cp /bin/true one/tool
	cp /bin/false two/tool
	refused 2 one/tool two/tool
	says /usr/bin/tool
}

@test "a closure that differs inside the image: a library that was left out is needed" {
	program
	refused 3 --exclude '/**/libc.so.6' bin/main
	[[ $stderr == *"libc.so.6"*"inside the image"*"not found"* ]]
}

@test "a place that is not the sysroot's is said: the cross toolchain's own" {
	program arm-linux-gnueabihf-gcc
	"$imgmin" build --no-cache -o cross.tar bin/main 2>said
	grep -q 'linux/arm/v7: libraries come from the cross toolchain.s /usr/arm-linux-gnueabihf' said
}

@test "an entrypoint that the image does not hold; a user's name without a passwd" {
	program
	refused 3 --entrypoint /usr/bin/other bin/main
	refused 3 --user pi bin/main
	"$imgmin" build --quiet --no-cache --entrypoint "main --once" -o words.tar bin/main
}

@test "names of user and group that the passwd or group of the image lacks" {
	program
	refused 3 --user nobodyx --with passwd bin/main
	says "the user nobodyx is not in the image's /etc/passwd"
	refused 3 --user 1000:nogroupx --with passwd bin/main
	says "the group nogroupx is not in the image's /etc/group"
	refused 3 --user nobod --with passwd bin/main
	rm -f out.tar
	for user in nobody nobody:nogroup nobody:7 7:root 7; do
		expect 0 "$imgmin" build -q --no-cache --user $user --with passwd -o out.tar bin/main
	done
}

@test "a name that Docker takes for a path and not for a host; one with a blank" {
	program
	refused_name() {
		expect 2 "$imgmin" build --no-cache -o out.tar -t "$1" bin/main
		says "$2"
		[ ! -e out.tar ]
	}
	refused_name UPPER/x "a host would have a '.'"
	refused_name 'Bad Name' 'it holds a blank'
	expect 0 "$imgmin" build -q --no-cache -o out.tar -t UPPER.local/x bin/main
}

@test "an output that cannot be is told before the work begins, and nothing of it stays" {
	mkdir full
	touch full/file
	told_first() { # STATUS TEXT OPTION...
		local status=$1 text=$2
		shift 2
		expect "$status" "$imgmin" build ./no-such-program "$@"
		says "$text"
		[[ $stderr != *no-such-program* ]]
	}
	told_first 1 "none/x.tar" -o none/x.tar
	says "hint: name a place that can be written with -o"
	told_first 1 "oci:none/x" -o oci:none/x
	told_first 1 "oci:full: is neither empty nor an OCI image layout" -o oci:full
	told_first 1 "cannot write full: Is a directory" -o docker-archive:full
	told_first 1 "--iidfile: cannot write none/id" -o out.tar --iidfile none/id
	told_first 2 "x.tar.gz: an archive is a plain tar" -o x.tar.gz
	says "hint: name it x.tar, or write to - and pipe that"
	told_first 2 "x.tgz: an archive is a plain tar" -o oci-archive:x.tgz
	says "hint: name it x.tar,"
	expect 1 "$imgmin" build ./no-such-program -o out.tar -o oci:layout
	says no-such-program
	[ "$(ls -A)" = $'full\nstderr' ]
	[ "$(ls -A full)" = file ]
	program
	expect 2 "$imgmin" copy ./main x.tar.zst
	says "x.tar.zst: an archive is a plain tar"
	"$imgmin" build -q --no-cache bin/main -o - 2>digest | gzip >x.tar.gz
	expect 0 "$imgmin" check -q ./x.tar.gz
	expect 1 "$imgmin" inspect -o none/x.json ./x.tar.gz
	says "cannot write none/x.json"
}

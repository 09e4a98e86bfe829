# What the cases of `imgmin ldd` share: tiny ELF files linked to order, private roots with the
# real loaders in them, and those loaders as oracles.
#
# Objects come from gcc, but are linked by ld directly: a fixture takes 10 ms, and no start-up
# file or libgcc adds what the case does not ask for.

CASES_LIB=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
IMGMIN=${IMGMIN:-$(cd "$CASES_LIB/../.." && realpath -m "${B:-build}")/imgmin}
PYTHON=/usr/bin/python3
[ -x $PYTHON ] || PYTHON=python3
declare -gA CC_OF=([amd64]=gcc [i386]="gcc -m32" [armhf]=arm-linux-gnueabihf-gcc
	[armel]=arm-linux-gnueabi-gcc [arm64]=aarch64-linux-gnu-gcc)
declare -gA LD_OF=([amd64]="ld -m elf_x86_64" [i386]="ld -m elf_i386" [armhf]=arm-linux-gnueabihf-ld
	[armel]=arm-linux-gnueabi-ld [arm64]=aarch64-linux-gnu-ld)
declare -gA INTERP_OF=([amd64]=/lib64/ld-linux-x86-64.so.2 [i386]=/lib/ld-linux.so.2
	[armhf]=/lib/ld-linux-armhf.so.3 [armel]=/lib/ld-linux.so.3
	[arm64]=/lib/ld-linux-aarch64.so.1)

# cases_setup: once a file. $FIX holds what all tests of it share.
cases_setup() {
	export FIX=$BATS_FILE_TMPDIR/fix XDG_CACHE_HOME=$BATS_FILE_TMPDIR/cache
	mkdir -p "$FIX/stubs"
	gcc -O1 -D_GNU_SOURCE -o "$FIX/chrooted" "$CASES_LIB/chrooted.c"
	glibc_root "$FIX/glibc"
}

# The program's start is one exit(0): it runs to its end wherever the loader lets it start.
start_source() {
	case $1 in
	amd64) echo 'void _start(void){asm("mov $60,%eax; xor %edi,%edi; syscall");}' ;;
	i386) echo 'void _start(void){asm("mov $1,%eax; xor %ebx,%ebx; int $0x80");}' ;;
	armhf | armel) echo 'void _start(void){asm("mov r7,#1; mov r0,#0; svc #0");}' ;;
	arm64) echo 'void _start(void){asm("mov x8,#93; mov x0,#0; svc #0");}' ;;
	esac
}

# object ARCH SOURCE: compiles a line of C, once, and prints the object's name.
object() {
	local name
	name=$FIX/stubs/$1-$(md5sum <<<"$2" | cut -c1-16).o
	[ -e "$name" ] || ${CC_OF[$1]} -w -fpic -O1 -fno-asynchronous-unwind-tables -fcf-protection=none \
		-xc -c -o "$name" - <<<"$2" 2>/dev/null ||
		${CC_OF[$1]} -w -fpic -O1 -fno-asynchronous-unwind-tables -xc -c -o "$name" - <<<"$2"
	echo "$name"
}

# stub ARCH NAME: a library whose soname is NAME, to link against; NAME becomes a DT_NEEDED.
stub() {
	local file
	file=$FIX/stubs/$1-$(md5sum <<<"$2" | cut -c1-16).so
	[ -e "$file" ] || ${LD_OF[$1]} -shared -soname "$2" -o "$file" "$(object "$1" '')"
	echo "$file"
}

# elf lib|prog PATH [arch=ARCH] [soname=S] [needs=NAME]... [runpath=DIRS] [rpath=DIRS] [interp=PATH]
#   [code=C] [ld=OPTION]... [with=FILE]...
# needs= may name anything, as it will stand in DT_NEEDED; with= links against an existing file.
elf() {
	local kind=$1 path=$2 arch=amd64 word interp='' code='' args=()
	shift 2
	for word; do
		[ "${word%%=*}" != arch ] || arch=${word#*=}
	done
	interp=${INTERP_OF[$arch]}
	for word; do
		case $word in
		arch=*) ;;
		soname=*) args+=(-soname "${word#*=}") ;;
		needs=*) args+=("$(stub "$arch" "${word#*=}")") ;;
		runpath=*) args+=(--enable-new-dtags -rpath "${word#*=}") ;;
		rpath=*) args+=(--disable-new-dtags -rpath "${word#*=}") ;;
		interp=*) interp=${word#*=} ;;
		code=*) code=${word#*=} ;;
		ld=*) args+=("${word#*=}") ;;
		with=*) args+=("${word#*=}") ;;
		*) echo "elf: what is $word?" >&2 && return 1 ;;
		esac
	done
	mkdir -p "$(dirname "$path")"
	if [ "$kind" = lib ]; then
		${LD_OF[$arch]} -shared --hash-style=both --no-as-needed --allow-shlib-undefined \
			-o "$path" "$(object "$arch" "$code")" "${args[@]}"
	else
		${LD_OF[$arch]} -pie --hash-style=both --no-as-needed --allow-shlib-undefined \
			--unresolved-symbols=ignore-in-shared-libs -dynamic-linker "$interp" -o "$path" \
			"$(object "$arch" "$(start_source "$arch")$code")" "${args[@]}"
	fi
}
lib() { elf lib "$@"; }
prog() { elf prog "$@"; }
patch() { "$PYTHON" "$CASES_LIB/elfpatch.py" "$@"; }

# glibc_root DIR: the machine's own amd64 loader and C library, and a cache of ldconfig's.
glibc_root() {
	mkdir -p "$1"/{lib64,lib/x86_64-linux-gnu,etc,proc}
	cp -L /lib64/ld-linux-x86-64.so.2 "$1/lib64/"
	cp -L /lib/x86_64-linux-gnu/libc.so.6 "$1/lib/x86_64-linux-gnu/"
	echo /lib/x86_64-linux-gnu >"$1/etc/ld.so.conf"
	recache "$1"
}
recache() { /sbin/ldconfig -r "$1"; }

# new_root: a copy of the glibc root for one test; $R is its name.
new_root() {
	R=$BATS_TEST_TMPDIR/root
	cp -al "$FIX/glibc" "$R"
}

need_chroot() {
	[ "$(id -u)" = 0 ] || skip "chroot needs root"
	"$FIX/chrooted" / / /bin/true || skip "no chroot or mount namespaces here"
}

# Paths below / as the loader prints them: a name without a leading slash is taken from the
# working directory, "." and ".." and doubled slashes go.
clean_paths() {
	awk -v cwd="${1:-/}" '
	function clean(p,   n, i, part, out, k) {
		if (p == "not found") return p
		if (p !~ /^\//) p = cwd "/" p
		n = split(p, part, "/"); k = 0
		for (i = 1; i <= n; i++) {
			if (part[i] == "" || part[i] == ".") continue
			if (part[i] == "..") { if (k) k--; continue }
			out[++k] = part[i]
		}
		p = ""
		for (i = 1; i <= k; i++) p = p "/" out[i]
		return p
	}
	!/ => / { print; next }
	{ i = index($0, " => "); print substr($0, 1, i - 1) " => " clean(substr($0, i + 4)) }'
}

# The loader itself comes under its own path or under the name libc asks for it by.
name_loader() { sed -E 's,^.* => (/lib(64)?/ld-linux[^/]*|/lib/ld-musl[^/]*)$,LOADER => \1,'; }

# real ROOT PROGRAM [NAME=VALUE]...: what the real loader prints, as `NAME => PATH` lines. $CWD is
# its working directory.
real() {
	local root=$1 prog=$2
	shift 2
	"$FIX/chrooted" "$root" "${CWD:-/}" LD_TRACE_LOADED_OBJECTS=1 "$@" "$prog" |
		sed -E -e '/linux-(vdso|gate)\.so/d' -e 's/^\t//' -e 's/ \(0x[0-9a-f]+\)$//' \
			-e '/ => /!s/^(.*)$/\1 => \1/' | clean_paths "${CWD:-/}" | name_loader
	return "${PIPESTATUS[0]}"
}

# start ROOT PROGRAM [NAME=VALUE]...: really runs it; its message goes to stdout.
start() {
	local root=$1 prog=$2
	shift 2
	"$FIX/chrooted" "$root" "${CWD:-/}" "$@" "$prog" 2>&1
}

# ours ROOT PROGRAM [OPTION]...: what imgmin says, paths inside the root.
ours() {
	local root=$1 prog=$2 status=0
	shift 2
	timeout 10 "$IMGMIN" ldd --sysroot "$root" --format list "$@" "$root$prog" \
		>"$BATS_TEST_TMPDIR/out" 2>"$BATS_TEST_TMPDIR/err" || status=$?
	awk -v root="$root/" '{ i = index($0, " => ")
		if (i && index(substr($0, i + 4), root) == 1)
			$0 = substr($0, 1, i + 3) substr($0, i + 3 + length(root))
		if (i && index($0, root) == 1) $0 = substr($0, length(root))
		print }' "$BATS_TEST_TMPDIR/out" | { [ -z "${RAW:-}" ] && clean_paths / || cat; } | name_loader
	return $status
}

# not COMMAND: bash ends a test at a failing command, but never at one that `!` turned around.
not() {
	if "$@"; then
		echo "should have failed: $*"
		return 1
	fi
}

# equal WHAT A B: with a diff where they are not.
equal() {
	[ "$2" = "$3" ] && return
	echo "$1:"
	diff -u --label expected --label got <(echo "$2") <(echo "$3")
	return 1
}

# Was it said, on either stream?
said() {
	grep -qF -- "$1" "$BATS_TEST_TMPDIR/err" "$BATS_TEST_TMPDIR/out" && return
	echo "\"$1\" was not said, but:"
	cat "$BATS_TEST_TMPDIR/out" "$BATS_TEST_TMPDIR/err"
	return 1
}

status_is() {
	[ "$1" = "$2" ] && return
	echo "exit status $2, expected $1"
	cat "$BATS_TEST_TMPDIR/out" "$BATS_TEST_TMPDIR/err"
	return 1
}

# loads ROOT PROGRAM [LINE]...: the real loader starts it, and imgmin gives the loader's list with
# the LINEs (`NAME => PATH`) in it.
loads() {
	local root=$1 prog=$2 want got line status=0
	shift 2
	start "$root" "$prog" || { echo "the real loader refuses $prog" && return 1; }
	want=$(real "$root" "$prog")
	for line; do
		grep -qxF -- "$line" <<<"$want" || { printf 'the real loader lacks %s:\n%s\n' "$line" "$want" && return 1; }
	done
	got=$(ours "$root" "$prog") || status=$?
	equal "$prog" "$want" "$got"
	status_is 0 $status
}

# lacks ROOT PROGRAM NAME [LINE]...: the real loader finds no NAME and does not start the program;
# imgmin gives the same list and exit status 3.
lacks() {
	local root=$1 prog=$2 name=$3 want got status=0
	shift 3
	not start "$root" "$prog" >"$BATS_TEST_TMPDIR/real" || { echo "the real loader starts $prog" && return 1; }
	want=$(real "$root" "$prog") || true
	for line in "$name => not found" "$@"; do
		grep -qxF -- "$line" <<<"$want" || { printf 'the real loader lacks %s:\n%s\n' "$line" "$want" && return 1; }
	done
	got=$(ours "$root" "$prog") || status=$?
	equal "$prog" "$want" "$got"
	status_is 3 $status
	said "$name"
}

# stops ROOT PROGRAM FILE [MESSAGE]: the real loader stops at FILE, with MESSAGE; imgmin ends 3 and
# names it.
stops() {
	local message status=0
	message=$(start "$1" "$2") && { echo "the real loader starts $2" && return 1; }
	[[ $message == *"$3"*"${4:-}"* ]] || { echo "the real loader says: $message" && return 1; }
	ours "$1" "$2" >/dev/null || status=$?
	status_is 3 $status
	said "$3"
}

#!/bin/bash
# Runs a command of a foreign root inside it, under qemu-user where the processor is another:
#   tests/lib/inroot.sh ROOT COMMAND [ARG...]      tests/lib/inroot.sh --trace ROOT LOADER PROGRAM...
# Exit status 77 and a reason on stderr where that is impossible here.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
mode=-x
[ "$1" != --trace ] || { mode=; shift; }
root=$1 command=$2

cannot() { echo "cannot run programs of $root: $*" >&2; exit 77; }

# Built once beside the other programs; two at a time may come here.
oracle=${B:-$here/../../build}/oracle
if [ ! -x "$oracle" ] || [ "$here/oracle.c" -nt "$oracle" ]; then
	mkdir -p "$(dirname "$oracle")"
	gcc -O2 -std=gnu11 -D_GNU_SOURCE -o "$oracle.$$" "$here/oracle.c"
	mv "$oracle.$$" "$oracle"
fi

# e_machine with its class, and EI_DATA, of the command itself.
qemu_of() {
	local class data machine
	read -r class data machine < <(od -An -tu1 -N20 "$1" | tr '\n' ' ' |
		awk '{print $5, $6, $6 == 1 ? $19 + 256 * $20 : $20 + 256 * $19}')
	case $class.$data.$machine in
	2.1.62 | 1.1.3) ;;
	1.1.40) echo qemu-arm ;;
	2.1.183) echo qemu-aarch64 ;;
	2.2.22) echo qemu-s390x ;;
	2.1.243) echo qemu-riscv64 ;;
	*) cannot "machine $machine" ;;
	esac
}

emulator=()
# Links of the root are followed as the root sees them: no absolute one is in the way here.
name=$(qemu_of "$root$command")
if [ -n "$name" ] && [ "$(uname -m)" = x86_64 ]; then
	# From Debian 13 on qemu-arm is the static one; before, only qemu-arm-static is.
	path=$(command -v "$name-static" || command -v "$name") || cannot "$name is not installed"
	emulator=(-q "$path")
fi
exec "$oracle" "${emulator[@]}" $mode "$@"

# What the tests of images share, after common: small programs and trees to pack.

# shellcheck disable=SC2154
# image COMMAND...: tests/lib/image.py
image() {
	python3 "$top/tests/lib/image.py" "$@"
}

# programs: $BATS_FILE_TMPDIR/hello and hello-arm, which need libm and libc.
programs() {
	echo '#include <math.h>
		#include <stdio.h>
		int main(int n, char **v) { return printf("%f %s\n", cos(n), v[0]) < 0; }' >"$BATS_FILE_TMPDIR/hello.c"
	cc -O1 -o "$BATS_FILE_TMPDIR/hello" "$BATS_FILE_TMPDIR/hello.c" -lm
	! command -v arm-linux-gnueabihf-gcc >/dev/null ||
		arm-linux-gnueabihf-gcc -O1 -o "$BATS_FILE_TMPDIR/hello-arm" "$BATS_FILE_TMPDIR/hello.c" -lm
}

# tree DIR: a tree with the program /usr/bin/hello and what it needs, as this machine has it.
tree() {
	local dir=$1 lib
	mkdir -p "$dir/usr/bin" "$dir/etc" "$dir/tmp"
	cp "$BATS_FILE_TMPDIR/hello" "$dir/usr/bin/hello"
	ldd "$BATS_FILE_TMPDIR/hello" | grep -oE '/[^ ]+' | while read -r lib; do
		mkdir -p "$dir$(dirname "$lib")"
		cp -L "$lib" "$dir$lib"
	done
}

# flip FILE: the byte in its middle.
flip() {
	python3 - "$1" <<-'END'
		import os, sys
		with open(sys.argv[1], "r+b") as f:
		    f.seek(os.path.getsize(sys.argv[1]) // 2)
		    byte = f.read(1)[0]
		    f.seek(-1, 1)
		    f.write(bytes([byte ^ 1]))
	END
}

# prints TEXT: is it in what the last command of expect wrote to stdout?
prints() {
	[[ $output == *"$1"* ]] || {
		printf 'stdout lacks «%s»:\n%s\n' "$1" "$output" >&2
		return 1
	}
}

# prints_not TEXT
prints_not() {
	[[ $output != *"$1"* ]] || {
		printf 'stdout should not say «%s»:\n%s\n' "$1" "$output" >&2
		return 1
	}
}

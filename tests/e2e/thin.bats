#!/usr/bin/env bats
# How small an image is: every byte is accounted for, and few are not a program's own.
load ../lib/common

setup() {
	cd "$BATS_TEST_TMPDIR"
}

# account ARCHIVE METADATA: sets $raw and $segments; the tars of the layers lie in layers/.
account() {
	rm -rf layers
	mkdir layers
	python3 "$top/tests/lib/account.py" "$1" "$2" layers >accounted
	read -r _ raw segments <accounted
}

# A program with a library of its own, about as large as wiringPi's, which is linked to all that a
# cautious Makefile names, needed or not.
thin_program() {
	cat >own.c <<-'END'
		#define ONE(n) int own_##n(volatile unsigned *r, unsigned v) { \
			unsigned old = r[0x##n & 63]; \
			for (unsigned i = 0; i < v; i++) \
				r[(i + 0x##n) & 63] ^= (old << (0x##n & 15)) + i * 0x##n; \
			if (v > 7) r[0x##n & 31] = (r[0x##n & 31] & ~(7u << (v & 28))) | v << (v & 28); \
			return (int)(old ^ r[5]) % (0x##n + 3); }
		#define FOUR(n) ONE(n##0) ONE(n##4) ONE(n##8) ONE(n##c)
		#define LOT(n) FOUR(n##0) FOUR(n##1) FOUR(n##2) FOUR(n##3) FOUR(n##4) FOUR(n##5) \
			FOUR(n##6) FOUR(n##7) FOUR(n##8) FOUR(n##9) FOUR(n##a) FOUR(n##b)
		LOT(1) LOT(2) LOT(3) LOT(4) LOT(5) LOT(6) LOT(7) LOT(8)
	END
	cat >thin.c <<-'END'
		#include <crypt.h>
		#include <math.h>
		#include <pthread.h>
		#include <stdio.h>
		#include <time.h>
		int own_104(volatile unsigned *r, unsigned v);
		static void *root(void *p) { *(double *)p = sqrt(*(double *)p); return NULL; }
		int main(void) {
			static volatile unsigned registers[64];
			double d = own_104(registers, 0) + 16;
			struct timespec now;
			pthread_t thread;
			pthread_create(&thread, NULL, root, &d);
			pthread_join(thread, NULL);
			clock_gettime(CLOCK_MONOTONIC, &now);
			printf("%g %s\n", d, crypt("word", "$1$salt$"));
			return now.tv_sec < 0;
		}
	END
	local libs=$root/lib/arm-linux-gnueabihf
	arm-linux-gnueabihf-gcc -O2 -shared -fPIC -Wl,-soname,libown.so.1 -o libown.so.1 own.c
	arm-linux-gnueabihf-gcc -O2 -o thin thin.c -Wl,--no-as-needed -Wl,-rpath,'$ORIGIN' libown.so.1 \
		"$libs/libm.so.6" "$libs/libcrypt.so.1" "$libs/libpthread.so.0" "$libs/librt.so.1"
}

ratio() { # A B
	awk -v a="$1" -v b="$2" 'BEGIN { printf "%.4f", a / b }'
}

# thin_build NAME OPTION...: NAME.tar, and its account.
thin_build() {
	local name=$1
	shift
	expect 0 "$imgmin" build -q --sysroot "$root" -o "$name.tar" --metadata-file "$name.json" "$@" \
		thin
	account "$name.tar" "$name.json"
	packed=$(cat layers/*.blob | wc -c)
}

@test "a C program with its libraries: bytes beside their segments, and the best compression" {
	need_root
	need_tool arm-linux-gnueabihf-gcc libdeflate-gzip zstd python3
	sysroot root armhf
	thin_program
	readelf -dW thin | grep 'libpthread.so.0'

	thin_build gzip --layers single --compression-level 12
	echo "# raw $raw, segments $segments: $(ratio "$raw" "$segments")" >&3
	[ $((raw * 100)) -le $((segments * 101)) ]
	best=$(libdeflate-gzip -12 -c layers/0.tar | wc -c)
	echo "# gzip -12 $packed, libdeflate-gzip $best: $(ratio "$packed" "$best")" >&3
	[ "$packed" -le "$best" ]
	mkdir files
	tar -xf layers/0.tar -C files
	[ -z "$(find files -name 'libpthread*' -o -name 'librt*')" ]
	[ "$(find files -name 'lib*.so*' -type f | wc -l)" = 4 ]

	thin_build zstd --layers single --compression zstd --compression-level 22
	best=$(zstd --ultra -22 -c layers/0.tar | wc -c)
	echo "# zstd -22 $packed, zstd --ultra $best: $(ratio "$packed" "$best")" >&3
	[ "$packed" -le "$best" ]

	best=$(libdeflate-gzip -12 -c layers/0.tar | wc -c)
	thin_build auto
	echo "# four layers, level auto: raw $raw ($(ratio "$raw" "$segments")), gzip $packed ($(
		ratio "$packed" "$best") of libdeflate-gzip -12 of one)" >&3
}

@test "every byte is accounted for, however an image is made" {
	need_tool python3 jq setfattr
	mkdir -p tree/sub
	echo text >tree/sub/file
	: >tree/empty
	head -c 5000 /dev/urandom >"tree/$(printf 'n%.0s' $(seq 200))"
	touch $'tree/gr\303\274n'
	cp /bin/true tree/true
	cp /bin/true tree/broken
	truncate -s 40 tree/broken
	for options in '' '--layers single' '--layers file' '--no-strip' '--strip=all --layers single' \
		'--compression zstd' '--with tzdata,certs'; do
		echo "$options"
		# shellcheck disable=SC2086
		expect 0 "$imgmin" build -v --add tree:/data $options -o a.tar --metadata-file a.json \
			/bin/ls
		says "$(jq '."imgmin.images"[0].raw_size' a.json) bytes raw: "
		account a.tar a.json
	done
	# Names that share their bytes, and attributes.
	mkdir whole
	for layer in layers/*.tar; do tar -xf "$layer" -C whole; done
	ln whole/data/true whole/data/twice
	setfattr -n user.colour -v red whole/data/sub/file
	tar --xattrs --numeric-owner -cf whole.tar -C whole .
	echo '{"Entrypoint":["/usr/bin/ls"]}' >config.json
	python3 "$top/tests/lib/layout.py" layout "linux/amd64,config.json,whole.tar"
	expect 0 "$imgmin" slim -q --keep /data oci:layout -o b.tar --metadata-file b.json
	account b.tar b.json
	tar -tvf layers/2.tar | grep 'link to data/true'
	jq -e '."imgmin.images"[0].account.tar_records > 1024' b.json
}

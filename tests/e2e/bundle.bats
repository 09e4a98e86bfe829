#!/usr/bin/env bats
# Folders with many ELF files: what is started, what its plugins load, and what the image makes of
# it, run from the image.
load ../lib/common
load ../lib/engines

setup_file() {
	engines_start
}

teardown_file() {
	engines_stop
}

setup() {
	need_tool skopeo jq gcc
	cd "$BATS_TEST_TMPDIR"
	entry=
}

library() { # PATH SOURCE GCC-ARGUMENT...
	mkdir -p "$(dirname "$1")"
	echo "$2" | ${cc:-gcc} -x c - -x none -shared -fPIC -Wl,-soname,"$(basename "$1")" -o "$1" "${@:3}"
}

# onedir NAME: a program with $ORIGIN/lib that opens all it is told to; one() is 1, plug() adds up.
onedir() {
	local dir=$1
	library "$dir/lib/libone.so.1" 'int one(void) { return 1; }' "${@:2}"
	cat >main.c <<-'END'
		#include <dlfcn.h>
		#include <stdio.h>
		int one(void);
		int main(int argc, char **argv)
		{
			int sum = one();
			for (int i = 1; i < argc; i++) {
				void *h = dlopen(argv[i], RTLD_NOW);
				if (!h)
					return puts(dlerror()), 1;
				sum += ((int (*)(void))dlsym(h, "plug"))();
			}
			printf("sum %d\n", sum);
			return 0;
		}
	END
	${cc:-gcc} -o "$dir/$(basename "$dir")" main.c "$dir/lib/libone.so.1" '-Wl,-rpath,$ORIGIN/lib' -ldl
}

# What the linker is not to look at.
loose=-Wl,--unresolved-symbols=ignore-all

unpack() { # ARCHIVE ROOT: $raw is the layers' size, $env and $entry are the config's
	local digest
	rm -rf layers "$2"
	mkdir "$2"
	skopeo copy --quiet ${arch:+--override-arch "$arch"} "oci-archive:$1" dir:layers
	raw=0
	for digest in $(jq -r '.layers[].digest | ltrimstr("sha256:")' layers/manifest.json); do
		gzip -dc "layers/$digest" >layer.tar
		raw=$((raw + $(stat -c %s layer.tar)))
		tar -xf layer.tar -C "$2"
	done
	digest=$(jq -r '.config.digest | ltrimstr("sha256:")' layers/manifest.json)
	entry=$(jq -r '.config.Entrypoint | join(" ")' "layers/$digest")
	env=$(jq -r '.config.Env[]' "layers/$digest" | grep -v ^PATH= || true)
}

# As the image's config has it; $ORIGIN needs /proc.
run_in() { # ROOT ARGUMENT...
	local root=$PWD/$1
	need_root
	shift
	mkdir -p "$root/proc"
	# shellcheck disable=SC2016,SC2086
	unshare -m sh -c 'mount -t proc proc "$1/proc" && cd / && shift && exec "$@"' sh "$root" \
		env -i $env /usr/sbin/chroot "$root" ${entry%% *} "$@"
}

build() { # DIR OPTION...
	expect 0 "$imgmin" build -o i.tar "$@"
	says verified
	unpack i.tar root
}

@test "the program named like the folder, its libraries by \$ORIGIN, all files with links and modes" {
	onedir app
	library app/plugins/deep/plug.so 'int one(void); int plug(void) { return one() + 1; }' $loose
	mkdir -p app/empty app/share
	echo text >app/share/readme
	chmod 640 app/share/readme
	ln -s share/readme app/link
	ln -s ../lib app/plugins/lib
	cp /bin/true app/helper
	build app
	[ "$entry" = /opt/app/app ]
	[ -z "$env" ]
	diff <(cd app && find . -printf '%P %M %l\n' | sort | grep -v '^ ') \
		<(cd root/opt/app && find . -printf '%P %M %l\n' | sort | grep -v '^ ')
	expect 0 run_in root /opt/app/plugins/deep/plug.so
	[ "$output" = 'sum 3' ]
	run_in root | grep -qx 'sum 1'
}

@test "LD_LIBRARY_PATH is set only for what no rule finds, and is said; what the user sets comes first" {
	onedir app
	library app/odd/libtwo.so.2 'int two(void) { return 20; }'
	library app/deeper/libthree.so.3 'int two(void); int three(void) { return two() + 300; }' app/odd/libtwo.so.2
	library app/plug.so 'int three(void); int plug(void) { return three(); }' app/deeper/libthree.so.3 -Wl,-rpath-link,app/odd
	build app
	[ "$env" = LD_LIBRARY_PATH=/opt/app/deeper:/opt/app/odd ] || [ "$env" = LD_LIBRARY_PATH=/opt/app/odd:/opt/app/deeper ]
	says 'LD_LIBRARY_PATH=/opt/app/'
	expect 0 run_in root /opt/app/plug.so
	[ "$output" = 'sum 321' ]
	build app --env LD_LIBRARY_PATH=/opt/app/deeper
	[ "$env" = LD_LIBRARY_PATH=/opt/app/deeper:/opt/app/odd ]
	build app --env LD_LIBRARY_PATH=/opt/app/deeper:/opt/app/odd
	[ "$env" = LD_LIBRARY_PATH=/opt/app/deeper:/opt/app/odd ]
	[[ $stderr != *LD_LIBRARY_PATH* ]]
}

@test "the program's DT_RPATH serves its plugins, its DT_RUNPATH does not; a plugin's own does" {
	onedir app
	library app/lib/libtwo.so.2 'int two(void) { return 20; }'
	library app/plug.so 'int two(void); int plug(void) { return two(); }' app/lib/libtwo.so.2
	build app
	[ "$env" = LD_LIBRARY_PATH=/opt/app/lib ]
	gcc -o app/app main.c app/lib/libone.so.1 '-Wl,--disable-new-dtags,-rpath,$ORIGIN/lib'
	build app
	[ -z "$env" ]
	expect 0 run_in root /opt/app/plug.so
	[ "$output" = 'sum 21' ]
	onedir app
	library app/plug.so 'int two(void); int plug(void) { return two(); }' app/lib/libtwo.so.2 '-Wl,-rpath,$ORIGIN/lib'
	build app
	[ -z "$env" ]
	expect 0 run_in root /opt/app/plug.so
}

@test "what the program has loaded serves plugins that could not find it" {
	onedir app
	library app/sub/plug.so 'int one(void); int plug(void) { return one() + 1; }' app/lib/libone.so.1
	build app
	[ -z "$env" ]
	expect 0 run_in root /opt/app/sub/plug.so
	[ "$output" = 'sum 3' ]
}

@test "libraries of the build machine come neither from an absolute run path nor over the bundle's own" {
	onedir app
	library here/libtwo.so.2 'int two(void) { return 666; }'
	library app/odd/libtwo.so.2 'int two(void) { return 20; }'
	library app/plug.so 'int two(void); int plug(void) { return two(); }' here/libtwo.so.2 "-Wl,--disable-new-dtags,-rpath,$PWD/here"
	build app
	expect 0 run_in root /opt/app/plug.so
	[ "$output" = 'sum 21' ]
	[ "$(find root -name 'libtwo.so.2')" = root/opt/app/odd/libtwo.so.2 ]
}

@test "a plugin that lacks a library is a warning, the program's lack ends with 3" {
	onedir app
	library gone/libgone.so.7 'int gone(void) { return 0; }'
	library app/plug.so 'int gone(void); int plug(void) { return gone(); }' gone/libgone.so.7
	library app/more.so 'int gone(void); int plug(void) { return gone(); }' gone/libgone.so.7
	build app
	says 'warning: /opt/app/more.so: libgone.so.7, needed by more.so, is not found'
	[ "$(grep -c libgone <<<"$stderr")" = 1 ]
	rm app/lib/libone.so.1
	expect 3 "$imgmin" build app -o no.tar
	says 'libone.so.1, needed by app, is not found'
	[ ! -e no.tar ]
}

@test "the proof covers plugins too: what they need and --exclude takes away ends with 3" {
	onedir app
	library app/plug.so 'double tan(double); int plug(void) { volatile double x = 1; return (int)tan(x); }' -lm
	build app
	expect 0 run_in root /opt/app/plug.so
	expect 3 "$imgmin" build app --exclude '/**/libm.so.6' -o no.tar
	says '/opt/app/plug.so would not start from the image: libm.so.6'
	[ ! -e no.tar ]
}

@test "which program: the only one, that of --entrypoint, else the candidates" {
	mkdir -p tree/bin tree/lib
	cp /bin/true tree/bin/one
	build tree
	[ "$entry" = /opt/tree/bin/one ]
	# A library that can be started is none, nor is a file that may not be executed.
	library tree/lib/libv.so.1 'const char i[] __attribute__((section(".interp"))) = "/lib/ld.so";'
	chmod +x tree/lib/libv.so.1
	cp /bin/true tree/bin/data
	chmod -x tree/bin/data
	build tree
	[ "$entry" = /opt/tree/bin/one ]
	chmod +x tree/bin/data
	expect 2 "$imgmin" build tree -o no.tar
	says 'bin/data, bin/one'
	says 'hint: say it with --entrypoint /opt/tree/bin/data'
	build tree --entrypoint '/opt/tree/bin/one --help'
	[ "$entry" = '/opt/tree/bin/one --help' ]
	cp tree/bin/one tree/bin/tree
	build tree
	[ "$entry" = /opt/tree/bin/tree ]
	ln -s bin/data tree/tree
	build tree
	[ "$entry" = /opt/tree/tree ]
	run_in root
}

@test "no program: none at all, none that may be executed, imgmin.yaml, an image" {
	mkdir -p none/sub empty
	echo 'print()' >none/sub/x.py
	for dir in none empty; do
		expect 3 "$imgmin" build $dir
		says "$dir: a directory without any ELF program"
		says 'hint: of scripts name the script itself'
	done
	cp /bin/true none/t
	chmod -x none/t
	expect 3 "$imgmin" build none
	says 'hint: chmod +x none/t'
	touch none/imgmin.yaml
	expect 2 "$imgmin" build none
	says imgmin.yaml
	expect 0 "$imgmin" build -q -o oci:layout:x /bin/true
	expect 3 "$imgmin" build layout
	says 'it is an image'
}

@test "links: out of the bundle refused, however they say it; loops and dead ends stay" {
	onedir app
	for target in /etc/passwd ../main.c ../../../../../etc/passwd /nowhere ../app/../x lib/../../main.c; do
		ln -sfn "$target" app/out
		expect 1 "$imgmin" build app -o no.tar
		says "app/out: the link to $target leads out of the bundle"
	done
	build app --exclude /opt/app/out
	[ ! -L root/opt/app/out ]
	rm app/out
	ln -s loop2 app/loop1
	ln -s loop1 app/loop2
	ln -s . app/self
	ln -s .. app/lib/up
	ln -s missing app/dead
	ln -s ../app/lib app/around
	ln -s /opt/app/lib app/absolute
	build app
	for link in loop1 self lib/up dead around absolute; do
		[ "$(readlink root/opt/app/$link)" = "$(readlink app/$link)" ]
	done
	run_in root | grep -qx 'sum 1'
	mkfifo app/fifo
	expect 1 "$imgmin" build app -o no.tar
	says 'app/fifo is a FIFO'
	says 'hint: a bundle holds files, links and directories: leave it out with --exclude /opt/app/fifo'
	expect 0 "$imgmin" build -q app --exclude /opt/app/fifo -o no-fifo.tar
	expect 1 "$imgmin" build -q app --exclude /opt/app/fif -o with-fifo.tar
}

@test "--install: a directory for it, or its place; not one that the system needs" {
	onedir app
	build app --install /srv/
	[ "$entry" = /srv/app/app ]
	run_in root | grep -qx 'sum 1'
	build app/ --install /usr/lib/other
	[ "$entry" = /usr/lib/other/app ]
	run_in root | grep -qx 'sum 1'
	for place in /usr /usr/lib /etc /opt /lib/..; do
		expect 2 "$imgmin" build app --install $place -o no.tar
		says 'is no place of its own'
	done
}

@test "the folder by any name: slashes behind it, a dot, a link, absolute; the image is called like it" {
	onedir app
	ln -s app current
	expect 0 "$imgmin" build app -o i.tar
	first=$output
	[[ $first = app:latest@sha256:* ]]
	for word in app/ ./app// "$PWD/app" app/../app; do
		expect 0 "$imgmin" build "$word" -o i.tar
		[ "$output" = "$first" ]
	done
	(cd app && "$imgmin" build -q . -o ../i.tar) >out
	[ "$(cat out)" = "$first" ]
	build current
	[ "$entry" = /opt/current/app ]
}

@test "10,000 files: in seconds and megabytes; more than 100,000 and too deep are told" {
	need_tool python3
	onedir app
	python3 - <<-'END'
		import os
		for i in range(10000):
		    os.makedirs(f"app/d/{i % 97}", exist_ok=True)
		    open(f"app/d/{i % 97}/{i}", "w").write("x" * (i % 300))
		os.makedirs("deep/" + "/".join(["d"] * 70))
		os.makedirs("many")
		for i in range(100001):
		    open(f"many/{i}", "w").close()
	END
	# Address space, which is above what is used.
	(ulimit -v 1500000; exec timeout 60 "$imgmin" build -q app -o i.tar)
	unpack i.tar root
	[ "$(find root/opt/app/d -type f | wc -l)" = 10000 ]
	expect 1 "$imgmin" build deep
	says 'directories more than 64 deep'
	expect 1 "$imgmin" build many
	says 'many: more than 100000 files'
}

@test "a bundle for each of several platforms is one index" {
	need_tool arm-linux-gnueabihf-gcc
	sysroot pi armhf pi
	onedir amd64/app
	cc=arm-linux-gnueabihf-gcc onedir armhf/app
	expect 0 "$imgmin" build -o i.tar --sysroot linux/arm="$pi" amd64/app armhf/app
	tar -xOf i.tar index.json >index.json
	tar -xOf i.tar "blobs/$(jq -r '.manifests[0].digest | sub(":"; "/")' index.json)" |
		jq -e '[.manifests[].platform.architecture] | sort == ["amd64", "arm"]'
	arch=arm unpack i.tar root
	[ "$entry" = /opt/app/app ]
	[ -f root/opt/app/lib/libone.so.1 ]
	expect 2 "$imgmin" build -o no.tar amd64/app /bin/true
	says 'a bundle shares its image with no other PATH'
}

@test "ELF files for other machines are data" {
	need_tool arm-linux-gnueabihf-gcc
	onedir app
	cc=arm-linux-gnueabihf-gcc library app/prebuilt/arm/addon.so 'int plug(void) { return 0; }'
	build app
	says '1 ELF files are for other machines'
	[ -s root/opt/app/prebuilt/arm/addon.so ]
	run_in root | grep -qx 'sum 1'
}

@test "an ARM plugin of a higher variant raises the image's, or is refused" {
	need_tool arm-linux-gnueabihf-gcc
	sysroot pi armhf pi
	cc=arm-linux-gnueabihf-gcc onedir app
	cc="arm-linux-gnueabihf-gcc -march=armv8-a+simd" library app/plug.so 'int plug(void) { return 2; }'
	expect 0 "$imgmin" build -o i.tar --sysroot "$pi" app
	says 'linux/arm/v8'
	expect 3 "$imgmin" build -o no.tar --sysroot "$pi" --platform linux/arm/v7 app
	says '/opt/app/plug.so is built for linux/arm/v8'
}

@test "a static program with assets" {
	mkdir -p site/assets/css
	echo 'body {}' >site/assets/css/x.css
	cat >main.c <<-'END'
		#include <stdio.h>
		int main(void) { char s[9]; FILE *f = fopen("/opt/site/assets/css/x.css", "r"); return !f || puts(fgets(s, 9, f)) < 0; }
	END
	gcc -static -o site/site main.c
	build site
	[ "$(find root/opt -type f | sort)" = 'root/opt/site/assets/css/x.css
root/opt/site/site' ]
	[ ! -e root/lib ]
	expect 0 run_in root
	[ "$output" = 'body {}' ]
}

@test "a static Go program with assets" {
	need_tool go
	mkdir -p serve/assets
	echo hello >serve/assets/text
	cat >main.go <<-'END'
		package main
		import ("fmt"; "os")
		func main() { b, err := os.ReadFile("/opt/serve/assets/text"); fmt.Print(string(b)); if err != nil { os.Exit(1) } }
	END
	GOCACHE=${GOCACHE:-$B/examples/go-cache} CGO_ENABLED=0 GOFLAGS=-p=2 go build -o serve/serve main.go
	build serve
	expect 0 run_in root
	[ "$output" = hello ]
}

@test "a tree like Java's: bin/java, lib/*.so by \$ORIGIN/../lib, lib/server/libjvm.so" {
	library jre/lib/server/libjvm.so 'int jvm(void) { return 40; }'
	library jre/lib/libjli.so 'int jli(void) { return 0; }'
	library jre/lib/libjava.so 'int jvm(void); int plug(void) { return jvm() + 1; }' jre/lib/server/libjvm.so '-Wl,-rpath,$ORIGIN:$ORIGIN/server'
	library jre/lib/libnio.so 'int plug(void); int nio(void) { return plug(); }' jre/lib/libjava.so '-Wl,-rpath,$ORIGIN' -Wl,-rpath-link,jre/lib/server
	mkdir jre/bin
	onedir java
	gcc -o jre/bin/java main.c java/lib/libone.so.1 jre/lib/libjli.so '-Wl,--no-as-needed,--disable-new-dtags,-rpath,$ORIGIN/../lib'
	cp java/lib/libone.so.1 jre/lib/
	cp jre/bin/java jre/bin/keytool
	expect 2 "$imgmin" build jre -o no.tar
	says 'which one is to be started: bin/java, bin/keytool?'
	build jre --entrypoint /opt/jre/bin/java
	[ -z "$env" ]
	expect 0 run_in root /opt/jre/lib/libjava.so
	[ "$output" = 'sum 42' ]
}

@test "a bundle that lies in the sysroot keeps its place, and its links may lead elsewhere there" {
	mkdir -p sys/etc sys/usr/lib/app
	mkdir -p sys/lib64 sys/lib/x86_64-linux-gnu
	cp -L /lib64/ld-linux-x86-64.so.2 sys/lib64/ || skip "no amd64 machine"
	cp -L /lib/x86_64-linux-gnu/libc.so.6 sys/lib/x86_64-linux-gnu/
	onedir app
	cp -a app/. sys/usr/lib/app/
	echo conf >sys/etc/app.conf
	ln -s /etc/app.conf sys/usr/lib/app/conf
	build --sysroot sys sys/usr/lib/app
	[ "$entry" = /usr/lib/app/app ]
	[ "$(cat root/etc/app.conf)" = conf ]
	[ ! -e root/opt ]
	run_in root | grep -qx 'sum 1'
}

@test "in Docker: the program, its plugins, and what only LD_LIBRARY_PATH finds" {
	need_engines
	onedir app
	library app/odd/libtwo.so.2 'int two(void) { return 20; }'
	library app/plug.so 'int two(void); int plug(void) { return two(); }' app/odd/libtwo.so.2
	export DOCKER_HOST=unix://$DOCKER_SOCK
	expect 0 "$imgmin" build -q --load -t bundled:1 app
	[ "$(run_in_docker bundled:1)" = 'sum 1' ]
	[ "$(run_in_docker bundled:1 /opt/app/plug.so)" = 'sum 21' ]
	expect 0 "$imgmin" check docker-daemon:bundled:1
}

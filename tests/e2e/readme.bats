#!/usr/bin/env bats
# The README tells the truth: its session is typed and prints what is shown, its other commands work,
# its options and commands are those of the program.
load ../lib/common
load ../lib/registry
load ../lib/engines

# Where the README's session was recorded.
recorded_with='12.2.0-14cross1 2.36-8cross1'

setup_file() {
	cd "$BATS_FILE_TMPDIR"
	mkdir bin
	ln -s "$imgmin" bin/imgmin
	engines_start
	command -v docker-registry >/dev/null || return 0
	real_start open 'http: {addr: "127.0.0.1:0"}'
}

teardown_file() {
	servers_stop
	engines_stop
}

setup() {
	cd "$BATS_TEST_TMPDIR"
	readme=$top/README.md
	export PATH=$BATS_FILE_TMPDIR/bin:$PATH HOME=$PWD/home
	mkdir home
	unset CI XDG_RUNTIME_DIR XDG_CONFIG_HOME DOCKER_CONFIG REGISTRY_AUTH_FILE DOCKER_AUTH_CONFIG
}

shown() { "$PYTHON" "$top/tests/lib/readme.py" "$1" "$readme" "${@:2}"; }

# The name of each command, some of two words.
program_commands() { imgmin help | sed -nE '/^Commands:/,/^$/s/^  ([a-z0-9]+( [a-z]+)?)  .*/\1/p'; }

@test "the session prints what the README shows" {
	need_tool arm-linux-gnueabihf-gcc make
	local how=any installed
	installed=$(dpkg-query -W -f '${Version} ' gcc-12-arm-linux-gnueabihf libc6-armhf-cross 2>/dev/null || true)
	if [ "${installed% }" = "$recorded_with" ]; then
		how=exact
	elif grep -qx 'VERSION_ID="12"' /etc/os-release; then
		how=near
	fi
	mkdir copy room
	tar -C "$top" --exclude=./.git --exclude=./build --exclude='./build-*' --exclude='./examples/*/build' -cf - . | tar -xf - -C copy
	# Nothing is in the cache, as at the README's reader.
	XDG_CACHE_HOME=$PWD/cache shown session copy room $how || { echo "installed: $installed"; false; }
}

# What each command line of the README is tried with; user/sensor is one of a registry here.
@test "every other command line of the README works" {
	need_tool docker-registry arm-linux-gnueabihf-gcc aarch64-linux-gnu-gcc
	local line tried digest words
	echo 'int main(void) { return 0; }' >main.c
	echo 'int f(void) { return 0; }' >f.c
	echo 'int f(void); int main(void) { return f(); }' >app.c
	mkdir -p out/armv7 out/arm64 dist/app nginx
	cc -o sensor main.c
	arm-linux-gnueabihf-gcc -o out/armv7/sensor main.c
	aarch64-linux-gnu-gcc -o out/arm64/sensor main.c
	cc -fPIC -shared -Wl,-soname,libf.so.1 -o dist/app/libf.so.1 f.c
	cc -o dist/app/app app.c dist/app/libf.so.1 -Wl,-rpath,'$ORIGIN'
	echo 'user nobody;' >nginx/nginx.conf
	imgmin build -q ./sensor --add nginx:/etc/nginx --push -t "$r_open/nginx:1.25"
	digest=$(imgmin build -q ./sensor -t user/sensor -o ./sensor.tar | cut -d@ -f2)
	tried=0
	while IFS= read -r line; do
		case $line in
		'imgmin build light_sensor.py --sysroot pi') continue ;; # the next test
		'imgmin build') continue ;;                              # the test of the YAML block
		'imgmin index create' | *[A-Z][A-Z]* | *' A B' | 'imgmin '[a-z]*' IMAGE' | 'imgmin deploy '*)
			# Names a command and its arguments.
			words=$(sed -E 's/^imgmin ([a-z0-9]+( [a-z]+)?).*/\1/' <<<"$line")
			imgmin help "$words" >usage || { echo "no command: $line"; return 1; }
			grep -q "^Usage: imgmin $words" usage
			continue
			;;
		'imgmin help COMMAND' | 'imgmin login' | 'imgmin cache du') imgmin help ${line#imgmin } >/dev/null && continue ;;
		esac
		line=${line//ghcr.io\//$r_open/}
		line=${line// user\/sensor/ $r_open/user/sensor}
		line=${line//nginx:1.25/$r_open/nginx:1.25}
		line=${line//@sha256:.../@$digest}
		bash -c "$line" >said 2>&1 </dev/null || { echo "\$ $line"; cat said; return 1; }
		tried=$((tried + 1))
	done < <(shown commands)
	echo "# $tried command lines outside of the session" >&3
	[ $tried -ge 7 ]
	[ -s date.tar ]
}

@test "the first image runs in Docker, with the commands that are shown" {
	need_engines
	local load='docker load -i date.tar && docker run --rm date'
	grep -qF "\`$load\`" "$readme"
	shown commands | grep -qxF 'imgmin build /bin/date'
	imgmin build /bin/date
	# This engine has no bridge.
	eval "${load/docker run/docker run --network none}" >said
	cat said
	grep -qE '[0-9]{2}:[0-9]{2}:[0-9]{2}.* [0-9]{4}$' said
}

@test "a script with a device's sysroot" {
	shown commands | grep -qxF 'imgmin build light_sensor.py --sysroot pi'
	local pi
	sysroot pi armhf pi
	ln -s "$pi" pi
	cp "$top/examples/light-sensor/light_sensor.py" .
	imgmin build light_sensor.py --sysroot pi
	imgmin check ./light_sensor.tar || imgmin check ./light-sensor.tar
}

@test "every option that the README names is one of the program, and of the command it is shown with" {
	local option before words
	imgmin help --table >table
	cut -f2 table | sort -u >known
	while IFS=$'\t' read -r option before; do
		case $option in
		# Docker's, the sensor's own, PyInstaller's.
		--rm | --once | --onedir) continue ;;
		esac
		grep -qxF -e "$option" known || { echo "no such option: $option"; return 1; }
		[[ $before == imgmin\ * ]] || continue
		words=$(program_commands | awk -v line="${before#imgmin } " 'index(line, $0 " ") == 1')
		awk -F'\t' -v o="$option" -v c="$words" '$2 == o && ($1 == c || $1 == "*") { n++ } END { exit !n }' table ||
			{ echo "imgmin $words has no $option"; return 1; }
	done < <(shown options)
}

@test "every command stands in the README's table, and no other" {
	# «`imgmin cache du`, `cache prune`» names two.
	awk '/^## Commands/ { on = 1 } on && /^\| `/ { print } on && /^`man/ { exit }' "$readme" |
		cut -d'|' -f2 | grep -o '`[^`]*`' | tr -d '`' | sed -E 's/^imgmin //; s/ ?[A-Z].*//; s/ ssh:.*//' | sort >named
	program_commands | grep -vx version | sort >there
	diff there named
}

@test "every exit status has its line" {
	local n
	for n in 0 1 2 3 4 5 6; do
		grep -q "^| $n | " "$readme"
	done
	[ "$(sed -n '/^| exit status/,/^$/p' "$readme" | grep -c '^| [0-9]')" = 8 ]
}

@test "the YAML block is read, and builds" {
	need_tool arm-linux-gnueabihf-gcc aarch64-linux-gnu-gcc
	shown yaml >imgmin.yaml
	[ -s imgmin.yaml ]
	mkdir -p out/armv7 out/arm64 conf
	echo 'int main(void) { return 0; }' >main.c
	arm-linux-gnueabihf-gcc -o out/armv7/sensor main.c
	aarch64-linux-gnu-gcc -o out/arm64/sensor main.c
	echo 'rate = 5' >conf/sensor.toml
	imgmin build
	[ -s sensor.tar ]
	# As a reader would mistype it.
	sed -i 's/^programs:/program:/' imgmin.yaml
	expect 2 imgmin build
	says 'imgmin.yaml:2:1: program: no such key'
}

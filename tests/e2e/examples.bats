#!/usr/bin/env bats
# The reference applications of examples/: each is built by its own Makefile, packed, kept below
# its size, and run from its image on the processor that it is for.
load ../lib/common
load ../lib/registry
load ../lib/engines

setup_file() {
	server_start reg --listen main=127.0.0.1:0
	engines_start
}

teardown_file() {
	servers_stop
	engines_stop
}

setup() {
	need_tool skopeo jq
	cd "$BATS_TEST_TMPDIR"
}

# example NAME [MAKE-ARGUMENT...]: builds it under $B once a run; two files may want it.
example() {
	(
		flock 9
		make -s -C "$top/examples/$1" BUILD="$B/examples/$1/${build:-}" "${@:2}"
	) 9>"$B/examples.lock" >&2
}

lights() { # native|armhf [TARGET...]: examples/traffic-lights, in $lights
	local cross=() machine=$1
	shift
	[ "$machine" = native ] || cross=(CROSS=arm-linux-gnueabihf)
	build=$machine example traffic-lights "${cross[@]}" "$@"
	lights=$B/examples/traffic-lights/$machine
}

publisher() {
	need_tool go
	GOCACHE=${GOCACHE:-$B/examples/go-cache} GOFLAGS=-p=2 example publisher
	publisher=$B/examples/publisher
}

# unpack ARCHIVE ROOT [SKOPEO-OPTION...]: the layers into ROOT; $raw and $compressed are their bytes.
unpack() {
	local archive=$1 root=$2 digest
	shift 2
	rm -rf layers "$root"
	mkdir "$root"
	skopeo copy --quiet "$@" "oci-archive:$archive" dir:layers
	raw=0 compressed=$(jq '[.layers[].size] | add' layers/manifest.json)
	for digest in $(jq -r '.layers[].digest | ltrimstr("sha256:")' layers/manifest.json); do
		gzip -dc "layers/$digest" >layer.tar
		raw=$((raw + $(stat -c %s layer.tar)))
		tar -xf layer.tar -C "$root"
	done
}

# at_most WHAT BYTES LIMIT
at_most() {
	echo "# $1: $2 bytes, of $3" >&3
	[ "$2" -le "$3" ]
}

in_image() { # ROOT COMMAND...
	need_root
	"$top/tests/lib/inroot.sh" "$@"
}

# What the lights say in one cycle, and what their lines do; a process of its own writes each.
cycle='red
red and yellow
green
yellow
off'
lines='gpio-sim: 17=0 27=0 22=0
gpio-sim: 17=1 27=0 22=0
gpio-sim: 17=1 27=1 22=0
gpio-sim: 17=0 27=0 22=1
gpio-sim: 17=0 27=1 22=0
gpio-sim: 17=0 27=0 22=0'
times=(--times "5,5,5,5")

one_cycle() { # COMMAND...
	expect 0 "$@" "${times[@]}" --cycles 1
	[ "$output" = "$cycle" ] || { echo "$output"; return 1; }
	[ "$(grep -v ' lines for ' <<<"$stderr")" = "$lines" ] || { echo "$stderr"; return 1; }
}

@test "traffic-lights: without a chip one clear line, and status 1; wrong words are told" {
	lights native
	for chip in /dev/gpiochip-none /dev/null /; do
		expect 1 "$lights/bin/traffic-lights" --chip $chip
		[ "$(wc -l <<<"$stderr")" = 1 ]
		says "traffic-lights: $chip: "
		[ -z "$output" ]
	done
	expect 1 "$lights/bin/traffic-lights" --chip /dev/gpiochip-none
	says 'No such file or directory'
	expect 1 "$lights/bin/traffic-lights" --chip /dev/null
	says 'not a GPIO chip'
	for words in '--lines 1,2' '--lines 1,2,x' '--lines 1,2,3,4' '--lines 1,2,-3' '--times 1,2,3' \
		'--times 1,2,3,9999999' '--cycles x' '--bright' 'now'; do
		# shellcheck disable=SC2086
		expect 2 "$lights/bin/traffic-lights" $words
	done
}

@test "traffic-lights: the double has the library's interface, and a cycle of the lights" {
	need_tool nm
	lights native
	diff <(nm -D --defined-only "$lights/lib/libtrafficgpio.so.1" | cut -d' ' -f2-) \
		<(nm -D --defined-only "$lights/sim/libtrafficgpio.so.1" | cut -d' ' -f2-)
	one_cycle env LD_LIBRARY_PATH="$lights/sim" "$lights/bin/traffic-lights"
}

@test "traffic-lights: the library asks a chip as the kernel wants it, and explains its refusals" {
	lights native
	gcc -O1 -D_GNU_SOURCE -Wall -shared -fPIC -o gpiochip.so "$top/tests/lib/gpiochip.c" -ldl
	export GPIOCHIP_LOG=$PWD/log
	chip=(env LD_PRELOAD="$PWD/gpiochip.so" "$lights/bin/traffic-lights" --chip /dev/gpiochip-test)
	expect 0 "${chip[@]}" "${times[@]}" --cycles 1
	[ "$output" = "$cycle" ]
	diff log - <<-END
		3 outputs for traffic-lights
		set 17=1 27=0 22=0
		set 17=1 27=1 22=0
		set 17=0 27=0 22=1
		set 17=0 27=1 22=0
		set 17=0 27=0 22=0
		released
	END
	rm log
	expect 0 "${chip[@]}" --times 0,0,0,0 --cycles 1 --lines 1,2,3 --active-low
	grep -q '^3 outputs for traffic-lights, active low$' log
	[ "$(tail -n 2 log)" = 'set 1=0 2=0 3=0
released' ]
	rm log
	expect 1 "${chip[@]}" --lines 4,5,6
	[ "$stderr" = 'traffic-lights: /dev/gpiochip-test: line 5 is in use by spi0 CS0' ]
	expect 1 "${chip[@]}" --lines 4,6,54
	[ "$stderr" = 'traffic-lights: /dev/gpiochip-test: no line 54, the last is 53' ]
	expect 1 env GPIOCHIP_OLD=1 "${chip[@]}"
	[ "$stderr" = 'traffic-lights: /dev/gpiochip-test: Invalid argument; Linux before 5.10?' ]
	[ ! -e log ]
}

@test "traffic-lights: SIGTERM switches all off, at once" {
	lights native
	LD_LIBRARY_PATH=$lights/sim "$lights/bin/traffic-lights" --times 3600000,0,0,0 >out 2>err 3>&- &
	pid=$!
	for ((i = 0; i < 100; i++)); do
		! grep -q red out || break
		sleep 0.05
	done
	kill -TERM $pid
	wait $pid
	[ "$(cat out)" = "red
off" ]
	[ "$(tail -n 1 err)" = 'gpio-sim: 17=0 27=0 22=0' ]
}

@test "traffic-lights: the armhf image is at most 1.76 MB raw and 1.0 MB gzip, and runs" {
	need_tool arm-linux-gnueabihf-gcc
	sysroot pi armhf pi
	lights armhf
	expect 0 "$imgmin" build -q --sysroot "$pi" --platform linux/arm/v7 -o i.tar "$lights/bin/traffic-lights"
	unpack i.tar root
	at_most "traffic-lights, armhf, raw" "$raw" 1760000
	at_most "traffic-lights, armhf, gzip" "$compressed" 1000000
	expect 1 in_image root /usr/bin/traffic-lights
	[ "$stderr" = 'traffic-lights: /dev/gpiochip0: No such file or directory' ]

	expect 0 "$imgmin" build -q --sysroot "$pi" --library-path "$lights/sim" -o sim.tar \
		"$lights/bin/traffic-lights"
	unpack sim.tar root
	one_cycle in_image root /usr/bin/traffic-lights
}

@test "traffic-lights: static with musl, at most 60 KB raw" {
	need_tool musl-gcc
	lights native static
	expect 0 "$imgmin" build -q -o i.tar "$lights/static/traffic-lights"
	unpack i.tar root
	at_most "traffic-lights, amd64, static, raw" "$raw" 60000
	[ "$(find root -type f)" = root/usr/bin/traffic-lights ]
	expect 1 in_image root /usr/bin/traffic-lights
	[ "$stderr" = 'traffic-lights: /dev/gpiochip0: No such file or directory' ]
	one_cycle "$lights/static-sim/traffic-lights"
}

@test "traffic-lights: static with musl for armhf, at most 60 KB raw" {
	need_tool arm-linux-gnueabihf-gcc
	sysroot musl armhf musl
	lights armhf static MUSL_ROOT="$musl"
	expect 0 "$imgmin" build -q --platform linux/arm/v7 -o i.tar "$lights/static/traffic-lights"
	unpack i.tar root
	at_most "traffic-lights, armhf, static, raw" "$raw" 60000
	expect 1 in_image root /usr/bin/traffic-lights
	[ "$stderr" = 'traffic-lights: /dev/gpiochip0: No such file or directory' ]
	expect 0 "$imgmin" build -q -o sim.tar "$lights/static-sim/traffic-lights"
	unpack sim.tar root
	one_cycle in_image root /usr/bin/traffic-lights
}

@test "traffic-lights: docker stop reaches it as the container's first process" {
	need_engines
	lights native
	export DOCKER_HOST=unix://$DOCKER_SOCK
	expect 0 "$imgmin" build -q --library-path "$lights/sim" -t lights:sim --load "$lights/bin/traffic-lights"
	docker run -d --network none --name lights lights:sim --times 3600000,0,0,0
	for ((i = 0; i < 100; i++)); do
		! docker logs lights 2>/dev/null | grep -q red || break
		sleep 0.1
	done
	docker stop -t 60 lights
	[ "$(docker inspect -f '{{.State.ExitCode}}' lights)" = 0 ]
	[ "$(docker logs lights 2>/dev/null)" = "red
off" ]
}

@test "publisher: four machines, one static file and its certificates each, equal wherever built" {
	publisher
	example publisher image IMGMIN="$imgmin"
	tar -xOf "$publisher/publisher.tar" index.json >index.json
	local digest
	digest=$(jq -r '.manifests[0].digest | sub(":"; "/")' index.json)
	tar -xOf "$publisher/publisher.tar" "blobs/$digest" |
		jq -e '[.manifests[].platform | .architecture + (.variant // "")] == ["armv6", "armv7", "arm64", "amd64"]'
	for of in arm/v6 arm/v7 arm64 amd64; do
		IFS=/ read -r arch variant <<<"$of"
		unpack "$publisher/publisher.tar" "root-$arch$variant" --override-arch "$arch" \
			${variant:+--override-variant "$variant"}
		[ "$(cd "root-$arch$variant" && find . -type f | sort)" = './etc/ssl/certs/ca-certificates.crt
./usr/bin/publisher' ]
		[ "$(grep -c BEGIN.CERT "root-$arch$variant/etc/ssl/certs/ca-certificates.crt")" -gt 50 ]
		at_most "publisher, $of, gzip" "$compressed" 2250000
	done
	# No path of this machine is in them, and another directory changes nothing.
	cp -r "$top/examples/publisher" elsewhere
	rm -rf elsewhere/build
	(cd elsewhere && GOCACHE=${GOCACHE:-$B/examples/go-cache} make -s build/amd64/publisher)
	cmp elsewhere/build/amd64/publisher "$publisher/amd64/publisher"
}

@test "publisher: sends over HTTPS from its image, and trusts what the image says" {
	need_tool openssl python3
	publisher
	make_ca .
	make_cert . server IP:127.0.0.1
	receiver_start
	expect 0 "$imgmin" build -q -o i.tar --add ca.crt:/etc/ssl/certs/ca-certificates.crt \
		"$publisher"/{amd64,armv6,armv7,arm64}/publisher
	for of in amd64 arm/v6 arm/v7 arm64; do
		IFS=/ read -r arch variant <<<"$of"
		unpack i.tar root --override-arch "$arch" ${variant:+--override-variant "$variant"}
		rm -f received
		expect 0 in_image root /usr/bin/publisher -once -url "https://127.0.0.1:$port/v1" -topic "a/$arch$variant"
		[[ $output == "sent "*" lux" ]]
		[ "$(jq -r .path received)" = "/v1/a/$arch$variant" ]
		jq -e '.body | fromjson | (.lux | type == "number") and .simulated' received
	done
	# Without the certificate it sends nothing.
	rm -f root/etc/ssl/certs/ca-certificates.crt received
	expect 1 in_image root /usr/bin/publisher -once -url "https://127.0.0.1:$port/v1"
	says 'certificate'
	[ ! -e received ]
}

@test "publisher: the wrong architecture is refused before anything is pushed" {
	publisher
	: >>"$reg_log"
	local before
	before=$(requests "$reg_log" true)
	for wrong in armv7 arm64 amd64; do
		expect 3 "$imgmin" build --platform linux/arm/v6 --push -t "$reg_main/wrong/publisher:1" \
			--tls-verify false "$publisher/$wrong/publisher"
		[ "$(requests "$reg_log" true)" = "$before" ]
	done
	# One right program among them does not help the others.
	expect 3 "$imgmin" build --platform linux/arm/v6 --push -t "$reg_main/wrong/publisher:1" \
		--tls-verify false "$publisher/armv6/publisher" "$publisher/armv7/publisher"
	[ "$(requests "$reg_log" true)" = "$before" ]
	# And the right one arrives where the log is the same.
	expect 0 "$imgmin" build -q --platform linux/arm/v6 --push -t "$reg_main/right/publisher:1" \
		--tls-verify false "$publisher/armv6/publisher"
	[ "$(requests "$reg_log" true)" -gt "$before" ]
}

# freeze DIR [OPTION...]: light-sensor for armhf as the folder DIR/dist/light-sensor, from the
# sysroot $pi.
freeze() {
	make -s -C "$top/examples/light-sensor" bundle BUILD="$PWD/$1" SYSROOT="$pi" PYTHON="$PYTHON" \
		CROSS=arm-linux-gnueabihf FREEZE="${*:2}"
}

# The image of a frozen folder.
pack_bundle() { # DIR ARCHIVE [OPTION...]
	expect 0 "$imgmin" build -q --sysroot "$pi" --platform linux/arm/v7 -t light-sensor -o "$2" \
		--install /opt/light-sensor/ --add "$1/_internal:/opt/light-sensor/_internal" "${@:3}" \
		"$1/light-sensor"
}

no_pi='light_sensor: This module can only be run on a Raspberry Pi!'

@test "light-sensor: measures on the double, and SIGTERM ends it with 0" {
	cd "$top/examples/light-sensor"
	expect 0 env PYTHONPATH=sim "$PYTHON" -B light_sensor.py --once
	[[ $output =~ ^light:\ [0-9]+\.[0-9]\ lux$ ]]
	says 'gpio-sim: 4=0'
	says 'gpio-sim: lines given back'
	expect 0 env LIGHT_PIN=17 PYTHONPATH=sim "$PYTHON" -B light_sensor.py --once
	says 'gpio-sim: 17=0'
	expect 1 env LIGHT_FARAD=much PYTHONPATH=sim "$PYTHON" -B light_sensor.py --once
	[ "$stderr" = 'light_sensor: LIGHT_FARAD: a number above 0, not much' ]

	cd "$BATS_TEST_TMPDIR"
	LIGHT_INTERVAL=3600 PYTHONPATH=$top/examples/light-sensor/sim \
		"$PYTHON" -B "$top/examples/light-sensor/light_sensor.py" >out 2>err 3>&- &
	pid=$!
	for ((i = 0; i < 200; i++)); do
		! grep -q lux out || break
		sleep 0.05
	done
	kill -TERM $pid
	wait $pid
	[ "$(tail -n 1 err)" = 'gpio-sim: lines given back' ]
}

@test "light-sensor frozen: whole without a libc, the same each time" {
	need_tool arm-linux-gnueabihf-gcc arm-linux-gnueabihf-readelf
	sysroot pi armhf pi
	freeze one
	freeze two
	diff -r one two
	# Every library that something in there needs is in there, but for the C library's.
	find one -type f | while read -r file; do
		arm-linux-gnueabihf-readelf -dW "$file" 2>/dev/null || true
	done | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p' | sort -u >needed
	grep -q libpython needed
	while read -r name; do
		case $name in
		libc.so.6 | libm.so.6 | ld-linux-armhf.so.3) [ ! -e "one/dist/light-sensor/_internal/$name" ] ;;
		*) [ -f "one/dist/light-sensor/_internal/$name" ] || { echo "$name is missing"; return 1; } ;;
		esac
	done <needed
	[ -z "$(find one -name '*.py')" ]
}

@test "light-sensor frozen: the image is at most 12 MB raw, runs, and knows that this is no Pi" {
	need_tool arm-linux-gnueabihf-gcc
	sysroot pi armhf pi
	freeze real
	pack_bundle real/dist/light-sensor i.tar
	unpack i.tar root
	at_most "light-sensor, armhf, frozen, raw" "$raw" 12000000
	echo "# light-sensor, armhf, frozen, gzip: $compressed bytes" >&3
	expect 1 in_image root /opt/light-sensor/light-sensor
	[ "$stderr" = "$no_pi" ]

	# With the double frozen in, it measures: all of it works but the pins.
	freeze sim --path sim
	pack_bundle sim/dist/light-sensor sim.tar
	unpack sim.tar root
	expect 0 in_image root /opt/light-sensor/light-sensor --once
	[[ $output =~ ^light:\ [0-9]+\.[0-9]\ lux$ ]] || [ "$output" = 'light: dark' ]
	says 'gpio-sim: lines given back'
}

@test "light-sensor frozen: in Docker" {
	need_engines
	need_foreign arm
	need_tool arm-linux-gnueabihf-gcc
	sysroot pi armhf pi
	freeze real
	pack_bundle real/dist/light-sensor i.tar
	docker load -q -i i.tar
	expect 1 run_in_docker light-sensor
	says "$no_pi"
}

# make TARGET in light-sensor, into $PWD/out; skips where imgmin says that it cannot do that yet.
sensor_image() { # TARGET [WORDS-IT-SAYS]
	local status=0
	make -s -C "$top/examples/light-sensor" "$1" BUILD="$PWD/out" SYSROOT="$pi" PYTHON="$PYTHON" \
		CROSS=arm-linux-gnueabihf IMGMIN="$imgmin" >made 2>&1 || status=$?
	[ "$status" = 0 ] || [ -z "${2:-}" ] || ! grep -q "$2" made || skip "imgmin: $2"
	[ "$status" = 0 ] || { cat made; return 1; }
}

@test "light-sensor: the script's image is at most 7.3 MB raw and 3.4 MB gzip, and runs" {
	sysroot pi armhf pi
	sensor_image image
	unpack out/light-sensor.tar root
	at_most "light-sensor, armhf, raw" "$raw" 7300000
	at_most "light-sensor, armhf, gzip" "$compressed" 3400000
	entrypoint out/light-sensor.tar
	expect 1 in_image root "${entrypoint[@]}"
	[ "$stderr" = "$no_pi" ]
	expect 1 in_image root "${entrypoint[@]}" --once
	[ "$stderr" = "$no_pi" ]
	not_in_image root/usr/lib/python3.*/{asyncio,tkinter,unittest,site-packages} root/bin/sh root/usr/bin/sh
}

@test "light-sensor: the script's image in Docker" {
	need_engines
	need_foreign arm
	sysroot pi armhf pi
	sensor_image image
	docker load -q -i out/light-sensor.tar
	expect 1 run_in_docker light-sensor
	says "$no_pi"
}

@test "light-sensor frozen: the folder is one word of imgmin build" {
	need_tool arm-linux-gnueabihf-gcc
	sysroot pi armhf pi
	sensor_image image-bundle 'a directory'
	unpack out/light-sensor-bundle.tar root
	at_most "light-sensor, armhf, frozen, raw" "$raw" 12000000
	entrypoint out/light-sensor-bundle.tar
	[ "$(basename "${entrypoint[0]}")" = light-sensor ]
	expect 1 in_image root "${entrypoint[@]}"
	[ "$stderr" = "$no_pi" ]
	# From the folder come its own libraries, and each is there once.
	[ "$(find root -name 'libz.so*' -type f | wc -l)" = 1 ]
	[ "$(find root -name 'libpython*' -type f | wc -l)" = 1 ]
}

# What a container of the archive starts, in the array $entrypoint. Of a script in ./root that is
# its interpreter: the kernel here knows none for the processor.
entrypoint() {
	local text
	text=$(skopeo inspect --config "oci-archive:$1" | jq -r '.config.Entrypoint[]')
	mapfile -t entrypoint <<<"$text"
	text=$(head -n 1 "root${entrypoint[0]}" | tr -d '\0')
	[[ $text != '#!'* ]] || entrypoint=("${text#??}" "${entrypoint[@]}")
}

not_in_image() { # PATH...
	local path
	for path; do
		[ ! -e "$path" ] || { echo "$path is in the image"; return 1; }
	done
}

# A server with server.crt that keeps the last POST in ./received; its port is $port.
receiver_start() {
	"$PYTHON" "$top/tests/lib/receiver.py" server.crt server.key received port 3>&- >receiver.log 2>&1 </dev/null &
	echo $! >>"$BATS_FILE_TMPDIR/servers.pids"
	local i
	for ((i = 0; i < 100; i++)); do
		[ ! -s port ] || break
		sleep 0.05
	done
	port=$(cat port)
}

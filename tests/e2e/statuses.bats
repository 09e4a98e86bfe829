#!/usr/bin/env bats
# Every exit status by several causes and commands, and a table of wrong uses: each error is one line
# that says what and why, with a hint where there is something to do; stdout stays empty, and
# nothing is written.
load ../lib/common
load ../lib/registry

http='http: {addr: "127.0.0.1:0"}'

setup_file() {
	mkdir "$BATS_FILE_TMPDIR/inputs"
	cd "$BATS_FILE_TMPDIR/inputs"
	cp "$(type -P true)" sensor
	echo "Dear diary" >diary
	printf 'colour: red\n' >wrong.yaml
	printf 'name: a\nname: b\n' >twice.yaml
	printf 'env: [\n' >open.yaml
	printf 'with: {a: b}\nprograms: sensor\n' >type.yaml
	mkdir empty
	"$imgmin" build -q ./sensor -t u/sensor -o ./sensor.tar >/dev/null
	"$imgmin" build -q ./sensor -t u/sensor -o oci:whole >/dev/null
	head -c 100000 sensor.tar >cut.tar
	# A layer whose bytes are others than its name says.
	cp -r whole damaged
	layer=$(find damaged/blobs -type f -size +100k)
	printf X | dd of="$layer" bs=1 seek=5000 conv=notrunc status=none
	# What needs a library that is nowhere.
	echo 'int f(void) { return 7; }' >f.c
	echo 'int f(void); int main(void) { return f() != 7; }' >main.c
	mkdir lost
	cc -fPIC -shared -Wl,-soname,libf.so.1 -o lost/libf.so.1 f.c
	cc -o lost/main main.c lost/libf.so.1
	rm lost/libf.so.1
	[ -z "$(command -v docker-registry)" ] || {
		printf '%s:%s\n' "$user" "$(perl -e 'print crypt($ARGV[0], "\$2y\$05\$imgminimgminimgminimgu")' \
			"$password")" >"$BATS_FILE_TMPDIR/htpasswd"
		real_start open "$http"
		real_start closed "$http" "auth: {htpasswd: {realm: tests, path: $BATS_FILE_TMPDIR/htpasswd}}"
		"$imgmin" push -q ./sensor.tar "$r_open/u/sensor" >/dev/null
	}
}

teardown_file() {
	servers_stop
}

setup() {
	# Copies: a command that writes beside them is seen, and the next test finds them whole.
	cp -r "$BATS_FILE_TMPDIR/inputs/." "$BATS_TEST_TMPDIR"
	cd "$BATS_TEST_TMPDIR"
	mkdir -p home/docker
	export HOME=$PWD/home DOCKER_CONFIG=$PWD/home/docker
	unset XDG_RUNTIME_DIR XDG_CONFIG_HOME REGISTRY_AUTH_FILE DOCKER_AUTH_CONFIG NO_SUCH_VARIABLE
	written=$(cd "$BATS_TEST_TMPDIR" && listing)
}

# All that lies here, but for what the tests themselves keep.
listing() { find . -path ./stderr -o -printf '%P %s %y\n' | sort; }

# ends STATUS TEXT HINT ARG...: imgmin's status, TEXT in its one line of error, HINT in the hint;
# an empty HINT is one that may be or not, «-» says that there is none.
ends() {
	local want=$1 text=$2 hint=$3 status=0 errors hints shown now
	shift 3
	output=$("$imgmin" "$@" 2>stderr </dev/null) || status=$?
	shown="imgmin $*
status $status, wanted $want: $text / $hint
stdout: $output
$(cat stderr)"
	errors=$(grep -a '^imgmin: error: ' stderr || true)
	hints=$(grep -a '^hint: ' stderr || true)
	[ "$status" = "$want" ] || { echo "wrong status: $shown"; return 1; }
	[ -z "$output" ] || { echo "something on stdout: $shown"; return 1; }
	[ "$(grep -c . <<<"$errors")" = 1 ] || { echo "not one error: $shown"; return 1; }
	[[ $errors == *"$text"* ]] || { echo "not what was wrong: $shown"; return 1; }
	[[ $errors != *. ]] || { echo "a full stop: $shown"; return 1; }
	case $hint in
	'') ;;
	-) [ -z "$hints" ] || { echo "a hint: $shown"; return 1; } ;;
	*) [[ $hints == *"$hint"* ]] || { echo "not the hint: $shown"; return 1; } ;;
	esac
	[ "$(grep -c . <<<"$hints")" -le 1 ] || { echo "several hints: $shown"; return 1; }
	# The error comes last, and its hint after it.
	[[ $(tail -n 1 stderr) == "${hints:-$errors}" ]] || { echo "not at the end: $shown"; return 1; }
	now=$(listing)
	[ "$now" = "$written" ] || { diff <(echo "$written") <(echo "$now"); echo "written: $shown"; return 1; }
}

need_registry() {
	need_tool docker-registry perl
}

@test "0: done" {
	expect 0 "$imgmin" build -q ./sensor --dry-run
	expect 0 "$imgmin" ldd ./sensor
	expect 0 "$imgmin" check ./sensor.tar
	expect 0 "$imgmin" check --strict ./sensor
	expect 0 "$imgmin" inspect oci:whole
	expect 0 "$imgmin" diff ./sensor.tar oci:whole
	expect 0 "$imgmin" slim -q ./sensor.tar --dry-run
	expect 0 "$imgmin" cache du
	expect 0 "$imgmin" logout 127.0.0.1:1
	need_registry
	expect 0 "$imgmin" push -q ./sensor.tar "$r_open/u/other"
	expect 0 "$imgmin" pull -q "$r_open/u/other" ./pulled.tar
	expect 0 "$imgmin" index create -q "$r_open/u/index" "$r_open/u/other"
	expect 0 "$imgmin" index inspect "$r_open/u/index"
	expect 0 "$imgmin" k8s "$r_open/u/other"
	expect 0 "$imgmin" login -u "$user" --password-stdin "$r_closed" <<<"$password"
	expect 0 "$imgmin" logout "$r_closed"
}

@test "1: input, output, a damaged image" {
	ends 1 './nothing: No such file or directory' './NAME' build ./nothing
	ends 1 'No such file or directory' '-o' build -o ./missing/out.tar ./sensor
	ends 1 './nothing: No such file or directory' '' ldd ./nothing
	ends 1 'cut.tar' '' inspect ./cut.tar
	ends 1 'cut.tar' '' slim ./cut.tar
	ends 1 'diary' '' inspect ./diary
	ends 1 'damaged' '' copy oci:damaged ./copied.tar
	ends 1 'cut.tar' '' diff ./sensor.tar ./cut.tar
	ends 1 'nothing.tar' '' push ./nothing.tar "127.0.0.1:1/u/s"
	ends 1 'nothing.txt' '' build --trace ./nothing.txt ./sensor
	ends 1 'nothing.yaml' '' build --file ./nothing.yaml
	ends 1 '/nothing/**' '' build --include '/nothing/**' ./sensor
	# These tell on stdout what they know, before the error.
	expect 1 "$imgmin" ldd --why libnothing.so ./sensor
	says 'imgmin: error: ./sensor does not load libnothing.so'
	says 'hint: imgmin ldd '
	expect 1 "$imgmin" check oci:damaged
	says 'imgmin: error: '
	says 'hint: get or build the image again'
}

@test "3: the program would not start" {
	need_tool arm-linux-gnueabihf-gcc
	sensor
	ends 3 './lost/main would not start: libf.so.1' '--library-path' build ./lost/main
	ends 3 'linux/arm/v7' 'leave --platform out' build --platform linux/arm/v7 ./sensor
	ends 3 'linux/arm/v6' 'GOARM=6' build --platform linux/arm/v6 "$sensor_armhf"
	ends 3 'diary' '' build ./diary
	ends 3 'libc.so.6' '' build --exclude '/**/libc.so.6' ./sensor
	ends 3 '/usr/bin/other' '' build --entrypoint /usr/bin/other ./sensor
	ends 3 './sensor.tar: other (--entry' '--entry PATH' slim --entry other ./sensor.tar
	# These tell on stdout what they know, before the error.
	expect 3 "$imgmin" ldd ./lost/main
	says 'imgmin: error: '
	expect 3 "$imgmin" check ./lost/main
	says 'imgmin: error: '
}

@test "4: a policy said no" {
	ends 4 '--max-size allows 1.00 kB' 'its largest files are ' build --max-size 1kB ./sensor
	ends 4 '--max-size allows' 'its largest files are ' slim --max-size 1kB ./sensor.tar
	expect 4 "$imgmin" check --max-size 1kB ./sensor.tar
	says 'imgmin: error: ./sensor.tar'
	"$imgmin" build -q --no-strip --compression zstd ./sensor -o ./zstd.tar >/dev/null
	expect 4 "$imgmin" check --target docker-18 ./zstd.tar
	says 'imgmin: error: ./zstd.tar'
	# A shell may call anything.
	"$imgmin" build -q /bin/sh -o ./sh.tar >/dev/null
	written=$(listing)
	ends 4 './sh.tar' '--entry' slim ./sh.tar
}

@test "5: not authorised" {
	need_registry
	ends 5 "$r_closed/u/sensor" "imgmin login $r_closed" push ./sensor.tar "$r_closed/u/sensor"
	ends 5 "$r_closed/u/sensor" "imgmin login $r_closed" pull "$r_closed/u/sensor" ./pulled.tar
	ends 5 "$r_closed/u/sensor" "imgmin login" inspect "$r_closed/u/sensor"
	ends 5 "$r_closed/u/sensor" '' slim --creds "$user:wrong" "$r_closed/u/sensor"
	ends 5 "$r_closed" '' build --push -t "$r_closed/u/sensor" --creds "$user:wrong" ./sensor
	ends 5 "$r_closed" '' copy "$r_open/u/sensor" "$r_closed/u/sensor"
	ends 5 "$r_closed" '' index create "$r_closed/u/sensor:2" "$r_closed/u/sensor:1"
	expect 5 "$imgmin" login -u "$user" --password-stdin "$r_closed" <<<wrong
	says "imgmin: error: $r_closed does not take this user name and password"
	[ ! -e home/docker/config.json ]
	echo '{"credHelpers": {"'"$r_closed"'": "nothing"}}' >home/docker/config.json
	written=$(listing)
	ends 5 '401 Unauthorized' 'docker-credential-nothing: no such program in PATH' push ./sensor.tar "$r_closed/u/sensor"
}

@test "6: network and registry" {
	need_registry
	local nobody=127.0.0.1:1
	ends 6 "$nobody" '' push --retry 0 ./sensor.tar "$nobody/u/sensor"
	ends 6 "$nobody" '' pull --retry 0 "$nobody/u/sensor" ./pulled.tar
	ends 6 "$nobody" '' inspect --retry 0 "$nobody/u/sensor"
	ends 6 "$nobody" '' diff --retry 0 "$nobody/u/a" "$nobody/u/b"
	ends 6 "$nobody" '' check --retry 0 "$nobody/u/sensor"
	ends 6 "$nobody" '' slim --retry 0 "$nobody/u/sensor"
	ends 6 "$nobody" '' build --retry 0 --push -t "$nobody/u/sensor" ./sensor
	ends 6 "$r_open/u/nothing" '' pull "$r_open/u/nothing" ./pulled.tar
	ends 6 "$r_open/u/sensor:none" '' index inspect "$r_open/u/sensor:none"
	ends 6 "$r_open/u/nothing" '' k8s "$r_open/u/nothing"
	expect 6 "$imgmin" login --retry 0 -u "$user" --password-stdin "$nobody" <<<"$password"
	says "imgmin: error: "
	[ -z "$output" ]
}

# What is typed | what is said | the hint, «-» where there is none.
wrong_uses() {
	cat <<'END'
frobnicate|frobnicate: no such command|'imgmin help' lists the commands
./sensor|./sensor: no such command|imgmin build ./sensor
frobnicate ./sensor|frobnicate: no such command|'imgmin help' lists the commands
--sysroot / build ./sensor|--sysroot: no such option of imgmin|a command's options stand after its name, as in 'imgmin build --sysroot DIR ./sensor'
hlep|hlep: no such command|did you mean imgmin help?
build|build: an argument is missing|imgmin build [OPTIONS] PATH..., or none where imgmin.yaml says it
build --no-such-option ./sensor|--no-such-option: no such option of imgmin build|'imgmin build --help' lists the options
build --platfrom linux/arm/v7 ./sensor|--platfrom: no such option of imgmin build|did you mean --platform?
build --progress loud ./sensor|--progress loud: not one of auto, plain, json, none|-
build --compression lzma ./sensor|--compression lzma: not one of gzip, zstd, none|-
build --compression-level 99 ./sensor|--compression-level 99: not a number from 0 to 22|-
build --compression-level many ./sensor|--compression-level many: not a number from 0 to 22|-
build --layers two ./sensor|--layers two: not one of stable, single, file|-
build --format zip ./sensor|--format zip: not one of oci, docker|-
build --format docker --compression zstd ./sensor|--format docker has no zstd layers|leave --compression zstd or --format docker out
build --format docker --annotation a=b ./sensor|--format docker has no annotations|--label stands in the config of both formats
build --max-size big ./sensor|--max-size big: not a size|write it like 500kB, 2MB (10⁶ bytes) or 2MiB
build --max-size|--max-size: its value is missing|--max-size SIZE
build --source-date-epoch yesterday ./sensor|--source-date-epoch yesterday: not a number from 0 to 253402300799|-
build --platform linux/vax ./sensor|platform "linux/vax": unknown architecture "vax"|write it like linux/arm/v7, linux/arm64 or linux/amd64
build --platform linux/arm/v9 ./sensor|platform "linux/arm/v9": unknown variant "v9"|write it like linux/arm/v7, linux/arm64 or linux/amd64
build --env NOVALUE_SET ./sensor|--env NOVALUE_SET: not set here; give NAME=VALUE|-
build --env =x ./sensor|--env =x: not NAME=VALUE|-
build --label novalue ./sensor|--label novalue: not NAME=VALUE|-
build --user "a b" ./sensor|--user a b: not USER[:GROUP]|names or numbers up to 2147483647, such as 65534:65534
build --workdir relative ./sensor|--workdir relative: not an absolute path|-
build --volume data ./sensor|--volume data: not an absolute path|-
build --stop-signal SIGFOO ./sensor|--stop-signal SIGFOO: no such signal|write it like SIGTERM, INT, SIGRTMIN+3 or 15
build --entrypoint '["a"' ./sensor|--entrypoint: not valid JSON: line 1, column 4: ']' expected near end of file|-
build --entrypoint "a 'b" ./sensor|--entrypoint: a quote is not closed|-
build --cmd '[1]' ./sensor|--cmd: element 1 is no text|-
build --add ./diary ./sensor|--add ./diary: not SRC:DST[:MODE]|-
build --add ./diary:rel ./sensor|--add ./diary:rel: rel is not an absolute path|-
build --add ./diary:/a:rw ./sensor|--add ./diary:/a:rw: mode rw is not octal|-
build --install rel ./sensor|--install rel: not an absolute path|-
build --with crets ./sensor|--with crets: no such data|known are certs, tzdata, passwd, nss, gconv, locale, terminfo, services, tmp, libgcc, dlopen, openssl, pam
build --with locale ./sensor|--with locale: which one?|name it, as in --with locale:C.UTF-8
build --with certs:x ./sensor|--with certs:x: certs takes no value|-
build --trace ./diary ./sensor|./diary: not a log of strace|-
build --push ./sensor|--push needs to know where to|-t REGISTRY/NAME:TAG, or -t USER/NAME for Docker Hub
build --push -t UPPER/Case ./sensor|--tag UPPER/Case: image name 'UPPER/Case': its path holds a capital letter|-
build -t u/s:b@d ./sensor|--tag u/s:b@d: image name '…@d': its digest does not begin with sha256:|-
build -t http://u/s ./sensor|--tag http://u/s: image name 'http://u/s': a name has no scheme|leave out 'http://'
build -o nowhere ./sensor|--output nowhere: a file or an image in a registry?|a file is ./nowhere; -t nowhere --push sends it to a registry
build --page-size 5 ./sensor|--page-size 5: not one of 4K, 16K, 64K|-
build --retry many ./sensor|--retry many: not a whole number|-
build --retry-delay soon ./sensor|--retry-delay soon: not a number of seconds|-
build --creds nocolon --push -t u/s ./sensor|--creds: not USER:PASSWORD|--creds USER:PASSWORD, or imgmin login
build --file wrong.yaml|wrong.yaml:1:1: colour: no such key|keys are the options of 'imgmin build --help', name and programs
build --quiet=yes ./sensor|--quiet=yes: it takes no value|-
build --file twice.yaml|twice.yaml:2:1: name: stands in line 1 already|-
build --file open.yaml|open.yaml:2:1: flow sequence without a closing bracket|-
build --file type.yaml|type.yaml:1:7: with: a map, where a list is meant|-
build --strip=yes ./sensor|--strip yes: not one of sections, all|-
build --install /usr/bin/a ./sensor ./diary|--install /usr/bin/a: several programs cannot have one path|--install /usr/bin/a/
build --sysroot linux/vax=/ ./sensor|--sysroot linux/vax=/: platform "linux/vax": unknown architecture "vax"|write it like linux/arm/v7, linux/arm64 or linux/amd64
build --tls-verify=maybe -t u/s --push ./sensor|--tls-verify maybe: not one of true, false|-
build -o oci: ./sensor|oci:: no path|-
build --include relative/path ./sensor|--include relative/path: not an absolute path|-
build --expose http ./sensor|--expose http: not PORT[/tcp|-
build --expose 70000 ./sensor|--expose 70000: not PORT[/tcp|-
slim|slim: an argument is missing|imgmin slim [OPTIONS] IMAGE
slim a b|b: one argument too many for slim|imgmin slim [OPTIONS] IMAGE
ldd|ldd: an argument is missing|imgmin ldd [OPTIONS] FILE...
ldd --format xml ./sensor|--format xml: not one of tree, list, json|-
ldd --why|--why: its value is missing|--why NAME
ldd --platform linux/vax ./sensor|platform "linux/vax": unknown architecture "vax"|write it like linux/arm/v7, linux/arm64 or linux/amd64
ldd ./sensor --creds nocolon|--creds: not USER:PASSWORD|--creds USER:PASSWORD, or imgmin login
inspect ./sensor.tar --format pdf|--format pdf: not one of text, json, html|-
inspect ./a ./b|./b: one argument too many for inspect|imgmin inspect [OPTIONS] IMAGE
inspect --retry-delay soon u/s|--retry-delay soon: not a number of seconds|-
inspect|inspect: an argument is missing|imgmin inspect [OPTIONS] IMAGE
check --target pi9 ./sensor.tar|--target pi9: no such target|there are pi-zero, pi1, pi-zero-2, pi2, pi3, pi4, pi5, balena, docker-18, docker-19, docker-20, containerd-1.4, k3s-1.21
check --max-size x ./sensor.tar|--max-size x: not a size|write it like 500kB, 2MB (10⁶ bytes) or 2MiB
check --sysroot / ./sensor.tar|./sensor.tar is an image, no program: it brings its own libraries|leave --sysroot and --library-path out
check|check: an argument is missing|imgmin check [OPTIONS] IMAGE
diff ./sensor.tar|diff: an argument is missing|imgmin diff [OPTIONS] A B
diff ./sensor.tar ./sensor.tar ./sensor.tar|./sensor.tar: one argument too many for diff|imgmin diff [OPTIONS] A B
push ./sensor.tar|push: an argument is missing|imgmin push [OPTIONS] SRC REF
push ./sensor.tar http://u/s|image name 'http://u/s': a name has no scheme|leave out 'http://'
push ./sensor.tar UPPER|image name 'UPPER': its path holds a capital letter|-
push ./sensor.tar u/s@sha256:12|image name 'u/s@sha256:12': a sha256 digest has 64 hex digits in lower case|-
pull|pull: an argument is missing|imgmin pull [OPTIONS] REF [DEST]
pull u/s:x:y|image name 'u/s:x:y': a tag is letters, digits and '_', and from the second on '.' and '-'|-
pull u/s a b|b: one argument too many for pull|imgmin pull [OPTIONS] REF [DEST]
pull u/s@sha256:12 ./x.tar|image name 'u/s@sha256:12': a sha256 digest has 64 hex digits in lower case|-
copy ./sensor.tar|copy: an argument is missing|imgmin copy [OPTIONS] SRC DEST
copy --all --platform linux/arm ./sensor.tar oci:x|--all and --platform are opposites|-
copy oci: oci:x|oci:: no path|-
copy ./sensor.tar docker-daemon:UP|image name 'UP': its path holds a capital letter|-
index|index: which command of it?|there are imgmin index create, imgmin index inspect
index list x|index list: no such command|there are imgmin index create, imgmin index inspect
index create u/s|index create: an argument is missing|imgmin index create [OPTIONS] REF IMAGE...
index inspect|index inspect: an argument is missing|imgmin index inspect [OPTIONS] REF
index create u/s:1@sha256:12 u/a|image name 'u/s:1@sha256:12': a sha256 digest has 64 hex digits in lower case|-
k8s ./sensor.tar|./sensor.tar: a node pulls its images from a registry|imgmin push ./sensor.tar REF sends it there, then imgmin k8s REF
k8s --device gpiomem u/s|--device gpiomem: not the path of a device on the node|-
k8s --node-selector x u/s|--node-selector x: not a label KEY=VALUE|kubectl get nodes --show-labels lists those there are
k8s --name A_B u/s|--name A_B: not a name|it has at most 63 of a-z, 0-9 and - between them
k8s --device-resource x --privileged u/s|--device-resource x: not the name of a device plugin's resource, such as example.com/gpiomem|-
k8s|k8s: an argument is missing|imgmin k8s [OPTIONS] IMAGE
k8s --namespace A u/s|--namespace A: not a name|it has at most 63 of a-z, 0-9 and - between them
k8s --env novalue u/s|--env novalue: not NAME=VALUE|-
cache prune --all --keep-size 1MB|--all and --keep-size contradict each other|--keep-size 0 is --all
cache prune --keep-size lots|--keep-size lots: not a size|write it like 500kB, 2MB (10⁶ bytes) or 2MiB
cache du --format html|--format html: not one of text, json|-
cache|cache: which command of it?|there are imgmin cache du, imgmin cache prune
login --password-stdin|--password-stdin needs --username|imgmin login -u USER --password-stdin <FILE
login -u x:y --password-stdin|--username: it is not empty and has no colon|-
login -u x --password-stdin http://h|h is no registry's name|it is localhost, or has a '.' or a port: h:5000
logout a b|b: one argument too many for logout|imgmin logout [OPTIONS] [HOST]
logout http://h|h is no registry's name|it is localhost, or has a '.' or a port: h:5000
help frobnicate|frobnicate: no such command|'imgmin help' lists the commands
help build slim|slim: one argument too many for help|imgmin help build
version now|now: one argument too many for version|imgmin version
END
}

@test "2: a table of wrong uses: what was typed, why, and what to do" {
	local line words text hint n=0 wrong=0
	while IFS='|' read -r line text hint; do
		[ -n "$line" ] || continue
		eval "words=($line)"
		n=$((n + 1))
		ends 2 "$text" "$hint" "${words[@]}" || wrong=$((wrong + 1))
	done < <(wrong_uses)
	echo "$n wrong uses, $wrong of them not told as they should be"
	[ $n -ge 100 ]
	[ $wrong = 0 ]
}

#!/usr/bin/env bats
# What imgmin slim keeps of an image besides its files' contents, where images come from and go to,
# and what it refuses.
load ../lib/common
load ../lib/images
load ../lib/engines
load ../lib/registry

setup_file() {
	cd "$BATS_FILE_TMPDIR"
	engines_start
	programs
	# Says what it may do, by its file's capabilities.
	cat >program.c <<-'END'
		#include <stdio.h>
		#include <string.h>
		int main(void)
		{
			char line[999];
			FILE *f = fopen("/proc/self/status", "r");
			while (f && fgets(line, sizeof(line), f))
				if (!strncmp(line, "CapPrm", 6))
					fputs(line, stdout);
			return 0;
		}
	END
	cc -O1 -o program program.c
	libraries=$(ldd program | grep -oE '/[^ ]+')
	# shellcheck disable=SC2086
	"$PYTHON" "$top/tests/lib/attributes.py" make files.tar program $libraries
	cat >config.json <<-'END'
		{"Entrypoint": ["/usr/bin/program", "-x"], "Cmd": ["word"], "User": "1000:1000",
		"Env": ["PATH=/usr/bin", "EMPTY=", "WORDS=a b=c"], "WorkingDir": "/srv/data",
		"Labels": {"org.example": "label", "empty": ""}, "StopSignal": "SIGQUIT",
		"ExposedPorts": {"80/tcp": {}, "53/udp": {}}, "Volumes": {"/srv/data": {}},
		"Healthcheck": {"Test": ["CMD", "/usr/bin/program"], "Interval": 30000000000},
		"Shell": ["/bin/ash", "-c"], "OnBuild": ["RUN true"]}
	END
	"$PYTHON" "$top/tests/lib/layout.py" layout "linux/amd64,config.json,files.tar"
	tree plain
	tree broken
	rm "$(find broken -name 'libm.so.6')"
	image pack plain-layout plain "config['config'] = {'Entrypoint': ['/usr/bin/hello']}"
	image pack broken-layout broken "config['config'] = {'Entrypoint': ['/usr/bin/hello']}"
	real_start open 'http: {addr: "127.0.0.1:0"}'
}

teardown_file() {
	servers_stop
	engines_stop
}

setup() {
	need_tool jq skopeo cc
	here=$BATS_FILE_TMPDIR
	cd "$BATS_TEST_TMPDIR"
	export HOME=$BATS_TEST_TMPDIR/home
	unset XDG_RUNTIME_DIR XDG_CONFIG_HOME DOCKER_AUTH_CONFIG REGISTRY_AUTH_FILE
	[ -z "${DOCKER_SOCK:-}" ] || export DOCKER_HOST=unix://$DOCKER_SOCK
}

# layers_of ARCHIVE: unpacked into layers/, its names as words.
layers_of() {
	rm -rf layers
	skopeo copy --quiet --dest-decompress "oci-archive:$1" dir:layers
	jq -r '.layers[].digest | "layers/" + ltrimstr("sha256:")' layers/manifest.json
}

attributes() { # LAYER...
	"$PYTHON" "$top/tests/lib/attributes.py" show "$@"
}

config_of() { # ARCHIVE
	skopeo inspect --raw --config "oci-archive:$1"
}

@test "owners, modes, times, capabilities, hard links and other attributes stay" {
	expect 0 "$imgmin" slim "$here/layout" -o slim.tar --keep /srv/data --entry /usr/bin/setuid \
		--entry setgid
	# shellcheck disable=SC2046
	attributes $(layers_of slim.tar) >have
	# A pipe is made by whom it serves, as devices are by the engine.
	attributes "$here/files.tar" | grep -vE '^srv/(other|data/pipe) ' >want
	grep -q '^srv/data/twin 1 .* srv/data/secret' want
	# Directories that the old layer does not name come with 0755.
	diff <(grep -vE '^[^ ]+ 5 ' want) <(grep -vE '^[^ ]+ 5 |^(tmp|etc/ld.so.cache) ' have)
	diff <(grep -E '^[^ ]+ 5 ' want) <(grep -E '^[^ ]+ 5 ' have | grep -E '^(usr|usr/bin|srv|srv/data) ')
}

@test "file capabilities work in the engine" {
	need_engines
	expect 0 "$imgmin" slim -q "$here/layout" -o slim.tar -t slim/capable --user 1000:1000
	docker load -i slim.tar
	[ "$(run_in_docker slim/capable)" = $'CapPrm:\t0000000000000400' ]
}

@test "the directories that the config names are as they were, and empty" {
	expect 0 "$imgmin" slim "$here/layout" -o slim.tar
	# shellcheck disable=SC2046
	attributes $(layers_of slim.tar) >have
	[ "$(grep ^srv/data have)" = 'srv/data 5 2770 78:90 1 0 - -' ]
	expect 0 "$imgmin" slim "$here/layout" -o slim.tar --exclude /srv
	# shellcheck disable=SC2046
	! attributes $(layers_of slim.tar) | grep ^srv
}

@test "a user that the image does not know" {
	cp -r "$here/plain" named
	mkdir -p named/etc
	echo 'root:x:0:0:root:/root:/bin/sh' >named/etc/passwd
	echo 'root:x:0:' >named/etc/group
	image pack layout named "config['config'] = {'Entrypoint': ['/usr/bin/hello']}"
	expect 0 "$imgmin" slim oci:layout -o slim.tar --exclude /etc/group --exclude /etc/grup
	says 'warning: --exclude /etc/grup: nothing matches it'
	[ "$(grep -c 'nothing matches' <<<"$stderr")" = 1 ]
	rm slim.tar
	expect 3 "$imgmin" slim oci:layout -o slim.tar --user nobodyx
	says "the user nobodyx is not in the image's /etc/passwd"
	says 'hint: give numbers'
	[ ! -e slim.tar ]
	expect 3 "$imgmin" slim oci:layout -o slim.tar --user root:staff
	says "the group staff is not in the image's /etc/group"
	expect 0 "$imgmin" slim oci:layout -o slim.tar --user root:root
}

@test "an archive, a layout and its index that may not be read say so" {
	need_root
	need_tool setpriv
	local dir
	dir=$(mktemp -d /tmp/closed.XXXXXX)
	chmod 755 "$dir"
	other() { setpriv --reuid 1234 --regid 5678 --clear-groups env HOME=/nonexistent "$@"; }
	other test -x "$imgmin" || { rm -rf "$dir"; skip "other users cannot reach $imgmin"; }
	cp -r "$here/plain-layout" "$dir/layout"
	cp -r "$here/plain-layout" "$dir/shut"
	(cd "$dir/layout" && tar cf ../x.tar .)
	chmod 600 "$dir/x.tar" "$dir/layout/index.json"
	chmod 700 "$dir/shut"
	for place in x.tar layout shut; do
		expect 1 other "$imgmin" inspect "$dir/$place"
		[[ $stderr == *"$dir/$place"*": Permission denied"* ]] || { echo "$stderr"; rm -rf "$dir"; return 1; }
	done
	rm -rf "$dir"
}

@test "a health check goes on" {
	cp -r "$here/plain" healthy
	cp "$here/program" healthy/usr/bin/program
	cp "$here/program" healthy/usr/bin/other
	image pack layout healthy "config['config'] = {'Entrypoint': ['/usr/bin/program'],
		'Healthcheck': {'Test': ['CMD', 'hello', '-x'], 'Interval': 10**9}}"
	expect 0 "$imgmin" slim oci:layout -o slim.tar
	files_of slim.tar >files
	grep -x /usr/bin/hello files
	! grep -x /usr/bin/other files || false
	image edit layout "config['config']['Healthcheck'] = {'Test':
		['CMD-SHELL', '/usr/bin/other -q || exit 1']}; config['config']['Shell'] = ['/usr/bin/hello']"
	expect 0 "$imgmin" slim oci:layout -o slim.tar
	files_of slim.tar >files
	grep -x /usr/bin/hello files
	grep -x /usr/bin/other files
	expect 0 "$imgmin" slim oci:layout -o slim.tar --exclude /usr/bin/hello --exclude /usr/bin/other
	! files_of slim.tar | grep -E 'hello|other' || false
	# None that works now is none that has to work then.
	image edit layout "config['config']['Healthcheck'] = {'Test': ['CMD', '/none']}"
	expect 0 "$imgmin" slim oci:layout -o slim.tar
	says "warning: the health check starts /none: "
	image edit layout "config['config']['Healthcheck'] = {'Test': ['NONE']}"
	expect 0 "$imgmin" slim -v oci:layout -o slim.tar
	[[ $stderr != *health* ]]
}

@test "a user by name brings the accounts, though the program asks nobody" {
	need_engines
	cp -r "$here/plain" named
	echo 'pi:x:1234:1235::/:/bin/false' >named/etc/passwd
	echo 'pi:x:1235:' >named/etc/group
	cp "$here/program" named/usr/bin/program
	image pack layout named "config['config'] = {'Entrypoint': ['/usr/bin/program'], 'User': 'pi'}"
	expect 0 "$imgmin" slim oci:layout -o slim.tar -t slim/named
	says "data passwd: "
	docker load -i slim.tar
	run_in_docker slim/named | grep CapPrm
	expect 0 "$imgmin" slim oci:layout -o slim.tar --user 1234
	[[ $stderr != *"data passwd"* ]]
	expect 3 "$imgmin" slim oci:layout -o none.tar --without passwd
	says "hint: "
}

@test "the whole config stays, what Docker adds to it too" {
	expect 0 "$imgmin" slim "$here/layout" -o slim.tar
	diff <(config_of slim.tar | jq -S .config) <(jq -S . "$here/config.json")
}

# ---- where images come from, and go to ----

# What an image of hello says.
hello="0.540302 /usr/bin/hello"

@test "an entrypoint below the working directory, by its path or by PATH" {
	cp -a "$here/plain" plain
	mkdir plain/srv
	mv plain/usr/bin/hello plain/srv
	for config in "'Entrypoint': ['./hello']" "'Entrypoint': ['hello'], 'Env': ['PATH=.']"; do
		rm -rf layout
		image pack layout plain "config['config'] = {'WorkingDir': '/srv', $config}"
		"$imgmin" slim oci:layout -o out.tar
		"$imgmin" check out.tar
	done
}

@test "what a config or the image itself preloads comes along" {
	echo 'int fputs_of_its_own(void) { return 1; }' >own.c
	for how in file variable; do
		rm -rf tree layout layers small
		cp -a "$here/plain" tree
		mkdir -p tree/opt tree/etc
		cc -shared -o tree/opt/own.so own.c
		config="'Entrypoint': ['/usr/bin/hello']"
		if [ $how = file ]; then
			echo /opt/own.so >tree/etc/ld.so.preload
		else
			config+=", 'Env': ['LD_PRELOAD=/opt/own.so /opt/missing.so']"
		fi
		image pack layout tree "config['config'] = {$config}"
		"$imgmin" slim oci:layout -o out.tar 2>log
		mkdir small
		for layer in $(layers_of out.tar); do tar xf "$layer" -C small; done
		[ -e small/opt/own.so ]
	done
	grep 'LD_PRELOAD names /opt/missing.so' log
	[ "$("$imgmin" slim oci:layout -o two.tar | grep -o 'sha256:.*')" = \
		"$("$imgmin" slim out.tar -o two.tar | grep -o 'sha256:.*')" ]
}

@test "musl finds libraries by the list of its directories" {
	need_tool musl-gcc
	mkdir -p tree/opt/lib tree/usr/bin tree/lib tree/etc
	echo 'int own(void) { return 0; }' >own.c
	echo 'int own(void); int main(void) { return own(); }' >main.c
	musl-gcc -shared -o tree/opt/lib/libown.so own.c
	musl-gcc -o tree/usr/bin/main main.c -Ltree/opt/lib -lown
	loader=$(readelf -lW tree/usr/bin/main | grep -o '/lib/ld-musl-[^]]*')
	cp -L "$loader" tree/lib/
	list=/etc/$(basename "${loader%.so.1}").path
	printf '/lib\n/opt/lib\n' >"tree$list"
	image pack layout tree "config['config'] = {'Entrypoint': ['/usr/bin/main']}"
	"$imgmin" slim oci:layout -o out.tar
	mkdir small
	for layer in $(layers_of out.tar); do tar xf "$layer" -C small; done
	cmp "tree$list" "small$list"
	chroot small /usr/bin/main
}

@test "data that an image lacks is not brought in unasked" {
	cat >asks.c <<-'END'
		#include <pwd.h>
		#include <stdio.h>
		#include <time.h>
		int main(void)
		{
			time_t now = time(0);
			puts("/etc/ssl/certs/ca-certificates.crt /tmp");
			return !getpwuid(0) || !localtime(&now);
		}
	END
	cc -o asks asks.c
	cp -a "$here/plain" tree
	rm -rf tree/tmp tree/etc
	mv asks tree/usr/bin/hello
	image pack layout tree "config['config'] = {
		'Entrypoint': ['/usr/bin/hello'], 'Env': ['TZ=Europe/Berlin']}"
	"$imgmin" slim oci:layout -o out.tar 2>told
	grep -q 'certs: .*, and the image has none; --with certs takes' told
	for layer in $(layers_of out.tar); do tar tf "$layer"; done >files
	! grep -E '^(etc|tmp|usr/share)' files || false
	"$imgmin" slim oci:layout -o out.tar --with passwd,tmp
	for layer in $(layers_of out.tar); do tar tf "$layer"; done >files
	grep -x etc/passwd files
	grep -x tmp/ files
	# Its own /tmp stays as it is.
	install -d -m 750 tree/tmp
	rm -rf layout
	image pack layout tree "config['config'] = {'Entrypoint': ['/usr/bin/hello']}"
	"$imgmin" slim oci:layout -o out.tar
	for layer in $(layers_of out.tar); do tar tvf "$layer"; done | grep '^drwxr-x---.* tmp/$'
}

@test "an image of the Docker daemon becomes one there" {
	need_engines
	"$imgmin" copy -q "oci:$here/plain-layout" docker-daemon:daemon/hello:2
	expect 0 "$imgmin" slim docker-daemon:daemon/hello:2 --load
	[[ $output == daemon/hello:2-slim@sha256:* ]]
	[ -z "$(ls *.tar)" ]
	[ "$(run_in_docker daemon/hello:2-slim)" = "$hello" ]
	docker run --rm --network none --entrypoint /usr/bin/hello daemon/hello:2-slim
}

@test "an image of a registry is pushed back there" {
	need_tool docker-registry
	"$imgmin" push -q "oci:$here/plain-layout" "$r_open/team/hello:1"
	expect 0 "$imgmin" slim "docker://$r_open/team/hello:1" -t "$r_open/team/hello:small" -t "$r_open/other/hello" --push
	[ "$(wc -l <<<"$output")" = 2 ]
	[ "$(skopeo inspect --tls-verify=false --format '{{.Digest}}' "docker://$r_open/team/hello:small")" = "${output:(-71)}" ]
	skopeo copy -q --src-tls-verify=false "docker://$r_open/other/hello:latest" oci-archive:pulled.tar
	"$imgmin" check pulled.tar
	! "$imgmin" slim -q "$r_open/team/none:1" -o none.tar || false
	[ ! -e none.tar ]
}

@test "an archive is named by its image: NAME-slim.tar" {
	"$imgmin" copy -q "oci:$here/plain-layout" docker-archive:in.tar:org/hello:7
	expect 0 "$imgmin" slim ./in.tar
	[[ $output == org/hello:7-slim@sha256:* ]]
	[ "$(ls *.tar)" = $'hello-slim.tar\nin.tar' ]
	"$imgmin" check hello-slim.tar
	skopeo copy -q oci-archive:hello-slim.tar docker-archive:out.tar:x:y
	cp -r "$here/plain-layout" words
	expect 0 "$imgmin" slim oci:words -q
	[[ $output == words:slim@sha256:* ]]
	[ -e words-slim.tar ]
}

@test "an index keeps its platforms; attestations stay behind, with a warning" {
	need_tool arm-linux-gnueabihf-gcc
	mkdir -p arm/usr/bin
	cp "$here/hello-arm" arm/usr/bin/hello
	cp -r /usr/arm-linux-gnueabihf/lib arm/lib
	for name in arm plain; do
		[ $name = arm ] || tar -cf plain.tar -C "$here/plain" .
		[ $name = plain ] || tar -cf arm.tar -C arm .
	done
	echo '{"Entrypoint": ["/usr/bin/hello"]}' >config.json
	"$PYTHON" "$top/tests/lib/layout.py" both linux/arm/v7,config.json,arm.tar \
		linux/amd64,config.json,plain.tar
	image edit both "
index['manifests'].append({'mediaType': 'application/vnd.oci.image.manifest.v1+json',
    'platform': {'architecture': 'unknown', 'os': 'unknown'},
    'annotations': {'vnd.docker.reference.type': 'attestation-manifest',
        'vnd.docker.reference.digest': index['manifests'][0]['digest']},
    **put_json({'schemaVersion': 2, 'mediaType': 'application/vnd.oci.image.manifest.v1+json',
        'config': {'mediaType': 'application/vnd.oci.image.config.v1+json',
            **put_json({'os': 'unknown', 'architecture': 'unknown',
                'rootfs': {'type': 'layers', 'diff_ids': []}})},
        'layers': [{'mediaType': 'application/vnd.in-toto+json', **put_json({})}]})})"
	expect 0 "$imgmin" slim oci:both -o slim.tar
	says "warning: sha256:"
	says "attestation"
	says "linux/arm/v7: "
	skopeo inspect --raw oci-archive:slim.tar | jq -e '[.manifests[].platform |
		"\(.os)/\(.architecture)/\(.variant)"] | sort == ["linux/amd64/null", "linux/arm/v7"]'
	"$imgmin" check slim.tar
	expect 0 "$imgmin" slim oci:both -o one.tar --platform linux/arm/v7
	[ "$(config_of one.tar | jq -r .architecture)" = arm ]
}

@test "the same image wherever it comes from, and nothing is left to do in it" {
	cp -r "$here/plain-layout" plain
	"$imgmin" copy -q oci:plain docker-archive:one.tar:a:1
	"$imgmin" copy -q oci:plain "docker://$r_open/same/hello:1"
	for place in oci:plain one.tar "$r_open/same/hello:1"; do
		"$imgmin" slim -q "$place" -t same -o "${place//[^a-z]/}.slim" >>digests
	done
	"$imgmin" slim -q ./oneta*.slim -t same -o twice.tar >>digests
	[ "$(wc -l <digests)" = 4 ]
	[ "$(sort -u digests | wc -l)" = 1 ]
}

# ---- what goes in ----

files_of() { # ARCHIVE
	"$imgmin" inspect --format json "$1" | jq -r '.images[].files[].path'
}

@test "--exclude goes before all that asks for a file" {
	expect 0 "$imgmin" slim "$here/layout" -o slim.tar --keep '/srv/**' --exclude /srv/data/late \
		--exclude '/srv/data/e*'
	files_of slim.tar >files
	grep -q /srv/data/secret files
	grep -q /srv/other files
	! grep -E '/srv/data/(late|early|empty)' files || false
}

@test "--trace takes what a real run opened" {
	need_root
	need_tool strace chroot
	cp -a "$here/plain" root
	mkdir -p root/srv/conf.d
	echo one >root/srv/conf.d/a
	echo two >root/srv/b
	echo three >root/srv/c
	cat >reader.c <<-'END'
		#include <dlfcn.h>
		#include <stdio.h>
		#include <unistd.h>
		int main(int n, char **v)
		{
			int c;
			FILE *f = fopen("/srv/conf.d/a", "r"), *g = chdir("/srv") ? NULL : fopen("b", "r");
			char name[] = "lib?.so.6";
			name[3] = 'm';
			while (f && (c = getc(f)) != EOF)
				putchar(c);
			while (g && (c = getc(g)) != EOF)
				putchar(c);
			puts(dlopen(name, RTLD_NOW) ? "loaded" : "not loaded");
			return n > 9 && v;
		}
	END
	cc -O1 -o root/usr/bin/reader reader.c
	image pack layout root "config['config'] = {'Entrypoint': ['/usr/bin/reader']}"
	strace -f -o log chroot root /usr/bin/reader >want
	grep -q '^loaded' want
	expect 0 "$imgmin" slim oci:layout -o without.tar
	! files_of without.tar | grep -E '^/srv|libm' || false
	expect 0 "$imgmin" slim oci:layout -o slim.tar --trace log
	files_of slim.tar >files
	grep -qx /srv/conf.d/a files
	grep -qx /srv/b files
	! grep -x /srv/c files || false
	mkdir small
	for layer in $(layers_of slim.tar); do tar xf "$layer" -C small; done
	diff <(chroot small /usr/bin/reader) want
	# chroot's own files are this machine's, whatever the image has by their names.
	mkdir -p root/usr/sbin
	cp root/usr/bin/hello root/usr/sbin/chroot
	image pack layout2 root "config['config'] = {'Entrypoint': ['/usr/bin/reader']}"
	expect 0 "$imgmin" slim oci:layout2 -o slim.tar --trace log
	files_of slim.tar >files
	[ "$(grep -cx /usr/sbin/chroot files)" = 0 ]
	[[ $stderr != *"left out"* ]]
}

@test "a shell's image with a log that says nothing of it: exit 4" {
	cp -a "$here/plain" root
	cp /bin/dash root/usr/bin/sh
	image pack layout root "config['config'] = {'Entrypoint': ['/usr/bin/sh']}"
	echo '1 execve("/opt/other/program", ["program"], 0x7 /* 1 var */) = 0' >other.log
	echo '1 execve("/usr/bin/hello", ["hello"], 0x7 /* 1 var */) = 0' >hello.log
	expect 4 "$imgmin" slim oci:layout -o slim.tar --trace other.log
	says "starts the shell"
	[ ! -e slim.tar ]
	expect 0 "$imgmin" slim oci:layout -o slim.tar --trace other.log --trace hello.log
	files_of slim.tar | grep -qx /usr/bin/hello
}

@test "texts name slim's own options, and the image" {
	cp -a "$here/plain" root
	mkdir -p root/lib
	cp "$(ldd "$here/hello" | grep -o '/[^ ]*libm.so.6')" root/lib/libdyn.so.6
	echo '#include <dlfcn.h>
		int main(void) { return !dlopen("libdyn.so.6", RTLD_NOW); }' >opener.c
	cc -O1 -o root/usr/bin/opener opener.c
	image pack layout root "config['config'] = {'Entrypoint': ['/usr/bin/opener']}"
	expect 1 "$imgmin" slim oci:layout -o slim.tar --keep '/srv/none/**'
	says "nothing in the image matches /srv/none/"
	[[ $stderr != *sysroot* ]]
	expect 0 "$imgmin" slim oci:layout -o slim.tar
	says "/usr/bin/opener may open libdyn.so.6 (--keep takes it)"
	[[ $stderr != *--include* ]]
}

# ---- what is refused ----

refused() { # STATUS ARG...
	expect "$1" "$imgmin" slim -o out.tar --iidfile id "${@:2}"
	[ ! -e out.tar ]
	[ ! -e id ]
	[ -z "$(find . -name '*.tmp*' -o -name '.*.tar*')" ]
}

@test "an entrypoint that does not start in the old image: exit 3" {
	refused 3 "oci:$here/broken-layout"
	says libm.so.6
	says "hint: the image does not start as it is: imgmin check says more"
	cp -a "$here/plain" plain
	rm -rf plain/etc
	image pack nobody plain "config['config'] = {
		'Entrypoint': ['/usr/bin/hello'], 'User': 'nobody'}"
	refused 3 oci:nobody
	says "bring the file with --with passwd or --add"
	refused 3 "oci:$here/plain-layout" --entrypoint /usr/bin/none
	says /usr/bin/none
	refused 3 "oci:$here/plain-layout" --entry none
	says "hint: "
	image pack empty "$here/plain"
	refused 2 oci:empty
	says "starts no program"
	# What was left out is missed.
	refused 3 "oci:$here/plain-layout" --exclude '/**/libm.so.6'
	says libm.so.6
}

@test "indexes that hold nothing but each other come to an end" {
	"$PYTHON" - layout "$top/tests/lib" <<-'END'
		import sys
		sys.path.insert(0, sys.argv[2])
		import image
		media = image.OCI + "index.v1+json"
		inner = []
		for level in range(3):
		    index = {"schemaVersion": 2, "mediaType": media, "manifests": inner}
		    one = dict(image.put_json("layout", index), mediaType=media)
		    inner = [one] * 2000
		image.write_layout("layout", {"schemaVersion": 2, "manifests": [one]})
	END
	refused 1 oci:layout
	says "more than 1000 manifests and indexes"
	expect 1 "$imgmin" copy oci:layout out.tar
	says "more than 10000 manifests"
	[ ! -e out.tar ]
}

@test "hostile images leave nothing behind, here or elsewhere" {
	mkdir outside
	echo untouched >outside/sentinel
	for kind in 36-gzip 36-members 37-dotdot 37-inner 37-absolute 38 38-two-layers 39 40 40-dotdot 41 \
		41-dotdot; do
		rm -rf image
		make_image image --hostile "$kind" --outside "$PWD/outside" >/dev/null
		run "$imgmin" slim oci:image -o out.tar
		echo "$kind: $status: $output"
		[ "$status" != 0 ]
		[ "$status" -lt 100 ]
		[ ! -e out.tar ]
		[ "$(ls outside)" = sentinel ]
		[ "$(cat outside/sentinel)" = untouched ]
	done
	[ ! -e /escape ]
}

@test "layers that are not what their digests say leave nothing" {
	# What an earlier run kept of the same layer would do.
	export XDG_CACHE_HOME=$PWD/cache
	cp -r "$here/plain-layout" damaged
	flip "$(image blob damaged 0)"
	refused 1 oci:damaged
	cp -r "$here/plain-layout" other
	image edit other "config['rootfs']['diff_ids'][0] = 'sha256:' + 64 * '0'"
	refused 1 oci:other
}

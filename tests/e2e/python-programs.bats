#!/usr/bin/env bats
# Programs of Debian that are written in Python, each packed with nothing but itself named: from its
# image it answers as from the whole sysroot, byte for byte, with the same status.
load ../lib/common

# Program and question, then what it needs besides and why. armhf has those marked, since an
# interpreter under qemu takes its time.
programs='
*/usr/bin/autopep8 --help
/usr/bin/bumpversion --help
/usr/bin/chardet --help
*/usr/bin/chardetect --version
*/usr/bin/codespell --help
/usr/bin/ddgr --help
/usr/bin/dput --help
/usr/bin/flask --help
/usr/bin/gitlint --help
/usr/bin/gunicorn --help
/usr/bin/invoke --help
/usr/bin/isort --help
/usr/bin/logilab-pytest --help
/usr/bin/markdown-it --help
/usr/bin/mutagen-inspect --help
*/usr/bin/normalizer --help
/usr/bin/parallel-rsync --help
*/usr/bin/parallel-ssh --help
*/usr/bin/pinout --help
/usr/bin/pkginfo --help
*/usr/bin/pycodestyle --help
/usr/bin/pyflakes3 --help
*/usr/bin/pygmentize --help
*/usr/bin/pyserial-miniterm --help
*/usr/bin/pyserial-ports --help
/usr/bin/python-dotenv --help
/usr/bin/python3-coverage --help
/usr/bin/s3cmd --help
*/usr/bin/speedtest-cli --help
/usr/bin/sshuttle --help
*/usr/bin/tabulate --help
/usr/bin/tqdm --help
/usr/bin/trash --help
/usr/bin/trash-list --help
/usr/bin/vcs --help
/usr/bin/waitress-serve --help
*/usr/bin/watchmedo --help
*/usr/bin/yamllint --help
/usr/bin/flake8 --version   --python-module mccabe            # a plugin, found by its entry point
/usr/bin/jsonschema --help  --include $lib/jsonschema/schemas/**  # reads its schemas
/usr/bin/pydocstyle --help  --include $lib/pydocstyle/data/**  # reads lists of words
/usr/bin/supervisord --help --include $lib/supervisor/version.txt  # reads its version
/usr/bin/echo_supervisord_conf --help --include $lib/supervisor/skel/** --include $lib/supervisor/version.txt # prints a file
*/usr/bin/rst2html --help   --python-module docutils.readers.standalone --python-module docutils.parsers.rst --python-module docutils.writers.html4css1  # made at run time
/usr/bin/radicale --help
'

setup() {
	need_root
	need_tool jq skopeo
	cd "$BATS_TEST_TMPDIR"
}

# run_in ROOT PROGRAM ARG, into NAME.out and NAME.err, with the status in the first's last line.
run_in() {
	local status=0
	"$top/tests/lib/inroot.sh" "$2" /usr/bin/python3 -B "$3" "$4" >"$1.out" 2>"$1.err" \
		</dev/null || status=$?
	echo "status $status" >>"$1.out"
}

# unpack DIR ROOT: the only layer, and what every container has besides.
unpack() {
	local digest
	mkdir -p "$2/dev"
	mknod -m 666 "$2/dev/null" c 1 3
	digest=$(jq -r '.manifests[0].digest | sub(":"; "/")' "$1/index.json")
	digest=$(jq -r '.layers[0].digest | sub(":"; "/")' "$1/blobs/$digest")
	tar -xf "$1/blobs/$digest" -C "$2"
}

# One program, in a directory of its own; its only output is one line.
compare() { # PROGRAM ARG OPTION...
	local program=$1 arg=$2 name
	shift 2
	name=$(basename "$program")
	mkdir "$name"
	"$imgmin" build --quiet --compression none --layers single --sysroot "$root" \
		-o "oci:$name/image" "$@" "$root$program" >"$name/said" 2>&1 ||
		{ echo "$name: build: $(cat "$name/said")"; return; }
	unpack "$name/image" "$name/root"
	run_in "$name/want" "$root" "$program" "$arg"
	run_in "$name/got" "$name/root" "$program" "$arg"
	rm -rf "$name/root" "$name/image"
	if [ "$(tail -n 1 "$name/want.out")" = 'status 77' ]; then
		echo "skip: $(cat "$name/want.err")"
	elif [ "$(tail -n 1 "$name/want.out")" != 'status 0' ]; then
		echo "$name: does not work in the sysroot: $(tail -n 1 "$name/want.err")"
	elif cmp -s "$name/want.out" "$name/got.out" && cmp -s "$name/want.err" "$name/got.err"; then
		echo ok
	else
		echo "$name: $(diff "$name/want.out" "$name/got.out" | head -n 3) $(tail -n 1 "$name/got.err")"
	fi
}

# all ARCH LEAST: every program, or those with a star where ARCH is foreign, two at a time.
all() {
	local lines
	sysroot root "$1" python
	lib=/usr/lib/python3/dist-packages
	lines=$(sed 's/ *#.*//; /^$/d; s,\$lib,'"$lib,g" <<<"$programs")
	[ "$1" = amd64 ] || lines=$(grep '^\*' <<<"$lines")
	export root imgmin top
	export -f compare run_in unpack
	sed 's/^\*//' <<<"$lines" >list
	# shellcheck disable=SC2016
	xargs -P 2 -d '\n' -n 1 bash -c 'set -f; compare $0' <list >results
	! grep '^skip' results || skip "$(grep -m 1 '^skip' results)"
	echo "# $1: $(grep -c '^ok$' results) of $(wc -l <list) programs answer alike" >&3
	! grep -v '^ok$' results
	[ "$(grep -c '^ok$' results)" -ge "$2" ]
}

@test "amd64: forty programs answer as from the whole sysroot" {
	all amd64 40
}

@test "armhf: a dozen of them" {
	all armhf 12
}

@test "what they need besides is needed, and the manual says why" {
	sysroot root amd64 python
	export root
	while read -r program arg _; do
		run compare "$program" "$arg"
		[ "$output" != ok ] || { echo "$program works without its options"; return 1; }
		grep -q "$(basename "$program")" "$top/man/imgmin-build.1.scd"
	done < <(grep '#' <<<"$programs" | sed 's/^\*//')
}

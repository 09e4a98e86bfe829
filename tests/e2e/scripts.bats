#!/usr/bin/env bats
# Scripts as programs: what becomes of good ones in an image, and what is said of bad ones.
load ../lib/common

setup() {
	cd "$BATS_TEST_TMPDIR"
	python=/usr/bin/python3
	[ -x $python ] && [ -r /usr/lib/python3/dist-packages ] || skip "no Debian's python3 here"
}

script() { # FILE LINE...
	mkdir -p "$(dirname "$1")"
	printf '%s\n' "${@:2}" >"$1"
	chmod 755 "$1"
}

build() { # STATUS ARG...
	rm -rf image
	expect "$1" "$imgmin" build --progress plain --compression none --layers single \
		-o oci:image "${@:2}"
}

# refused WHAT HINT: the last script is refused with these words.
refused() { # STATUS FILE WHAT HINT
	build "$1" "$2"
	says "$3"
	says "hint: "
	says "$4"
	[ ! -e image ]
}

# run_image PROGRAM ARG...: the image just built, as the kernel starts it.
run_image() {
	local digest
	need_root
	need_tool jq
	rm -rf root
	mkdir -p root/dev
	mknod -m 666 root/dev/null c 1 3
	digest=$(jq -r '.manifests[0].digest | sub(":"; "/")' image/index.json)
	digest=$(jq -r '.layers[0].digest | sub(":"; "/")' "image/blobs/$digest")
	tar -xf "image/blobs/$digest" -C root
	[ "$(uname -m)" = x86_64 ] || skip "runs on amd64"
	expect 0 chroot root "$@"
}

@test "should-fail: first lines that start nothing" {
	script a.py 'import os'
	refused 3 ./a.py 'not an ELF file' '#!/usr/bin/python3'
	script a.py '#!'
	refused 3 ./a.py './a.py' 'its first line has to name its interpreter'
	for line in '#!/usr/bin/python3' '#!/usr/bin/env python3' '#!/usr/bin/python3 -u'; do
		script a.py "$line"$'\r' $'print(1)\r'
		refused 3 ./a.py 'ends in CR LF' "sed -i 's/\\r\$//' ./a.py"
	done
	script a.py '#!/usr/bin/python9'
	refused 3 ./a.py 'its interpreter /usr/bin/python9 is not there' '--sysroot'
	script a.py '#!python3'
	refused 3 ./a.py 'has no whole path' '#!/usr/bin/env python3'
	script a.py '#!/usr/bin/env python9'
	refused 3 ./a.py 'env finds no python9 in the PATH of /' '--sysroot'
	script a.py '#!/usr/bin/env'
	refused 3 ./a.py 'env start nothing' '#!/usr/bin/env python3'
	script a.py '#!/usr/bin/env python3 -u'
	refused 3 ./a.py '"python3 -u"' '#!/usr/bin/env -S python3 -u'
	script a.py "#!$PWD/a.py"
	refused 3 ./a.py 'too many times over' '#!/bin/sh'
}

@test "should-fail: an interpreter that the sysroot lacks" {
	mkdir -p root/usr/bin
	script a.py '#!/usr/bin/python3'
	build 3 --sysroot root ./a.py
	says "its interpreter $PWD/root/usr/bin/python3 is not there"
	script a.py '#!/usr/bin/env python3'
	build 3 --sysroot root ./a.py
	says "env finds no python3 in the PATH of $PWD/root"
}

@test "should-fail: no Python, and modules that are nowhere" {
	script a.py '#!/usr/bin/python3' 'import os' 'print "hello"'
	refused 1 ./a.py 'a.py:3: this is Python 2' '2to3'
	script a.py '#!/usr/bin/python3' 'x = (1'
	build 1 ./a.py
	says "a.py:2: '(' is never closed"
	script a.py '#!/usr/bin/python3' 'import os' 'import no_such.thing'
	refused 3 ./a.py 'no_such.thing, which a.py:3 imports, is not found' 'bring the module'
	# The same of a module that the script has beside it.
	script a.py '#!/usr/bin/python3' 'import b'
	script b.py 'import no_such'
	refused 3 ./a.py 'no_such, which b.py:1 imports, is not found' 'bring the module'
	script a.py '#!/usr/bin/python3'
	build 3 --python-module nowhere ./a.py
	says 'nowhere, which --python-module asks for, is not found'
	: >egg.egg
	script a.py '#!/usr/bin/python3' 'import in_egg'
	build 3 --env "PYTHONPATH=$PWD/egg.egg" ./a.py
	says 'zipped eggs'
}

@test "a module that --add brings is not missing" {
	script a.py '#!/usr/bin/python3' 'import brought, pack.part' 'print(brought.x, pack.part.y)'
	script more/brought.py 'x = 1'
	script more/pack/part.py 'y = 2'
	build 3 --add more/brought.py:/usr/bin/brought.py ./a.py
	says 'pack.part, which a.py:2 imports, is not found'
	build 0 --add more/brought.py:/usr/bin/brought.py --add more/pack:/usr/bin/pack ./a.py
	says 'brought comes with --add: what it imports is not seen'
	run_image /usr/bin/a.py
	[ "$output" = '1 2' ]
	build 0 --env PYTHONPATH=/more --add more:/more ./a.py
	PYTHONPATH=/more run_image /usr/bin/a.py
	[ "$output" = '1 2' ]
}

@test "a link to a script is one file, and each script's commands are its own" {
	script real/a.py '#!/usr/bin/python3' 'import beside' 'print(beside.x)'
	script real/beside.py 'x = 3'
	ln -s real/a.py link.py
	script b.sh '#!/bin/sh' 'tr a b'
	build 0 ./link.py ./b.sh
	says 'b.sh calls programs that the image lacks: tr'
	run_image /usr/bin/link.py
	[ "$output" = 3 ]
	[ ! -e root/usr/bin/a.py ]
}

@test "a missing module that the script expects is no error" {
	script a.py '#!/usr/bin/python3' 'try:' '    import no_such' 'except ImportError:' \
		'    no_such = None' 'def f():' '    import not_here' 'print(no_such)'
	build 0 ./a.py
	says 'not_here, which a.py:7 imports in f(), is not found'
	run_image /usr/bin/a.py
	[ "$output" = None ]
}

@test "cycles, packages, relative imports and data come along" {
	script main.py '#!/usr/bin/env -S python3 -B' 'import one, own.words' \
		'print(one.name, own.words.text(), own.words.data())'
	script one.py 'import two' 'name = "one"'
	script two.py 'import one' 'name = "two"'
	script own/__init__.py '"a package"'
	script own/words.py 'from . import deeper' 'import os' 'def text(): return deeper.TEXT' \
		'def data(): return open(os.path.join(os.path.dirname(__file__), "words.txt")).read()'
	script own/deeper/__init__.py 'from ..more import TEXT'
	script own/more.py 'TEXT = "deep"'
	echo -n data >own/words.txt
	build 0 --install /app/ --add own/words.txt:/app/own/words.txt ./main.py
	run_image /app/main.py
	[ "$output" = 'one deep data' ]
	# Where it was run before, the image is the same.
	python3 -c 'import compileall; compileall.compile_dir(".", quiet=1)'
	build 0 --install /app/ --add own/words.txt:/app/own/words.txt ./main.py
	first=${output##*@}
	mkdir elsewhere
	cp -r main.py one.py two.py own elsewhere
	find elsewhere -name __pycache__ -exec rm -r {} +
	touch -d '2001-02-03' elsewhere/*.py elsewhere/own/*.py
	build 0 --install /app/ --add elsewhere/own/words.txt:/app/own/words.txt elsewhere/main.py
	[ "$first" = "${output##*@}" ]
}

@test "a module named like one of the library stands in for it, and this is said" {
	script main.py '#!/usr/bin/python3' 'import random' 'print(random.x)'
	script random.py 'x = 5'
	build 0 ./main.py
	says "random.py beside the script stands in for the standard library's random"
	run_image /usr/bin/main.py
	[ "$output" = 5 ]
}

@test "an interpreter that is a script comes along with its own" {
	script inner.sh '#!/bin/sh' 'echo "inner $1"'
	script outer "#!$PWD/inner.sh" 'text'
	build 0 ./outer
	run_image /bin/sh "$PWD/inner.sh" x
	[ "$output" = 'inner x' ]
	expect 0 chroot root /usr/bin/outer
	[ "$output" = 'inner /usr/bin/outer' ]
}

@test "a script of the sysroot keeps its place, and the name of a link to it" {
	sysroot root amd64 python
	build 0 --sysroot "$root" "$root/usr/bin/chardet"
	run_image /usr/bin/chardet --version
	[[ $output == 'chardet '* ]]
	[ -L root/usr/bin/chardet ]
}

@test "shell scripts: commands are told, and taken when asked for" {
	script a.sh '#!/bin/sh' '. ./lib.sh' 'echo one | tr o 0' 'no_such_command || $EDITOR' 'date -u +%Z'
	build 0 -v ./a.sh
	says 'a.sh calls programs that the image lacks: tr, date (--include-commands takes them)'
	says 'a.sh calls no_such_command, which the sysroot does not have'
	says 'a.sh calls $EDITOR, which only a run can tell'
	says 'a.sh reads ./lib.sh'
	script a.sh '#!/bin/sh' 'echo one | tr o 0' 'wc -c </dev/null' 'no_such_command 2>/dev/null || :'
	build 0 --include-commands ./a.sh
	says 'a.sh calls no_such_command, which the sysroot does not have'
	run_image /usr/bin/a.sh
	[ "$output" = '0ne
0' ]
	script a.sh '#!/bin/sh' 'cat "x'
	build 0 ./a.sh
	says 'a.sh: line 2: a quote is not closed'
}

@test "a shell script's files by their whole path come along, and what they call" {
	need_root
	script "$PWD/etc/one.sh" ". $PWD/etc/two.sh" 'word=one'
	script "$PWD/etc/two.sh" ". $PWD/etc/one.sh" 'number=$(wc -c </dev/null)'
	chmod 644 etc/*.sh
	script a.sh '#!/bin/sh' "depth=\$((depth + 1)); [ \$depth -gt 3 ] || . $PWD/etc/one.sh" \
		'echo $word $number' '[ ! -e /no/such.sh ] || . /no/such.sh'
	sed -i '1i [ -z "$seen" ] || return 0; seen=1' etc/one.sh
	build 0 --include-commands ./a.sh
	says 'a.sh reads /no/such.sh: --add brings it if the image lacks it'
	[[ $stderr != *"reads $PWD"* ]]
	run_image /usr/bin/a.sh
	[ "$output" = 'one 0' ]
	[ "$("$imgmin" inspect --format json oci:image | jq -r '.. | objects |
		select(.path? == "'"$PWD/etc/two.sh"'") | .path' | head -n 1)" = "$PWD/etc/two.sh" ]
	build 0 --exclude "$PWD/etc/two.sh" ./a.sh
	says "a.sh reads $PWD/etc/two.sh" || says "one.sh reads $PWD/etc/two.sh"
	chmod 640 etc/two.sh # it may hold a password
	build 0 ./a.sh
	says "one.sh reads $PWD/etc/two.sh, which not everyone may read: --include brings it"
	[ -z "$("$imgmin" inspect --format json oci:image | jq -r '.. | objects |
		select(.path? == "'"$PWD/etc/two.sh"'") | .path')" ]
}

@test "two scripts in one image, and scripts of interpreters that are not known" {
	script a.py '#!/usr/bin/python3' 'print("a")'
	script b.sh '#!/bin/sh' 'echo b'
	build 0 ./a.py ./b.sh
	run_image /usr/bin/a.py
	[ "$output" = a ]
	expect 0 chroot root /usr/bin/b.sh
	[ "$output" = b ]
	script a.awk '#!/usr/bin/awk -f' 'BEGIN { print 1 }'
	build 0 ./a.awk
	says 'what such a script loads is not known'
}

@test "several sysroots: --platform says which" {
	sysroot armhf armhf python
	sysroot amd64 amd64 python
	script a.py '#!/usr/bin/python3' 'print(1)'
	both=(--sysroot "linux/amd64=$amd64" --sysroot "linux/arm/v7=$armhf")
	build 0 "${both[@]}" --platform linux/arm/v7 ./a.py
	says 'linux/arm/v7: '
	build 0 "${both[@]}" --platform linux/amd64 ./a.py
	says 'linux/amd64: '
	build 3 "${both[@]}" ./a.py
	says 'does not say for which platform'
	says '--platform'
	build 3 "${both[@]}" --platform linux/riscv64 ./a.py
	says 'no sysroot was given for linux/riscv64'
}

@test "a virtual environment: its packages come along, and it runs; copied Python and links alike" {
	need_root
	for how in --symlinks --copies; do
		rm -rf venv
		$python -m venv --without-pip $how venv || skip "no venv module here"
		packages=$(echo venv/lib/python3.*/site-packages)
		mkdir -p "$packages/tiny" away
		echo 'from tiny import more' >"$packages/tiny/__init__.py"
		echo 'def hi(): return "tiny says hi"' >"$packages/tiny/more.py"
		echo "$PWD/away" >"$packages/away.pth"
		echo 'value = "away"' >away/faraway.py
		script app.py "#!$PWD/venv/bin/python" 'import sys, tiny, faraway' \
			'print(tiny.more.hi(), faraway.value, sys.prefix)'
		build 0 ./app.py
		[[ $stderr != *warning* ]]
		run_image /usr/bin/app.py
		[ "$output" = "tiny says hi away $PWD/venv" ]
		[ -e "root$PWD/venv/pyvenv.cfg" ]
	done
	# What lies in the system's packages is not seen, unless the environment says so.
	script app.py "#!$PWD/venv/bin/python" 'import onlyhere'
	build 3 ./app.py
	says "onlyhere, which app.py:2 imports, is not found"
	mkdir system
	script app.py "#!$PWD/venv/bin/python" 'print(1)'
	expect 3 "$imgmin" build ./app.py --sysroot system -o oci:image
	says "hint: it is a virtual environment of this machine"
}

@test "a virtual environment in an image is made smaller" {
	need_root
	$python -m venv --without-pip --symlinks venv || skip "no venv module here"
	packages=$(echo venv/lib/python3.*/site-packages)
	echo 'hi = "hi"' >"$packages/tiny.py"
	echo 'unused = 1' >"$packages/unused.py"
	script app.py "#!$PWD/venv/bin/python" 'import tiny' 'print(tiny.hi)'
	"$imgmin" build -q ./app.py --include "$PWD/venv/**" -o oci:fat
	rm -rf image
	expect 0 "$imgmin" slim --compression none --layers single oci:fat -o oci:image
	run_image /usr/bin/app.py
	[ "$output" = hi ]
	[ ! -e "root$PWD/$packages/unused.py" ]
}

@test "the interpreter of a sysroot that was given for another platform: said which it is" {
	script app.sh '#!/bin/sh' 'echo'
	expect 3 "$imgmin" build ./app.sh --sysroot linux/s390x=/ -o oci:image
	says "./app.sh: its interpreter /bin/sh is for linux/"
	says ", the sysroot for linux/s390x"
	says "call it what it is: --sysroot linux/"
	expect 3 "$imgmin" build ./app.sh --sysroot linux/s390x=/ --sysroot linux/riscv64=/ -o oci:image
	says "say it with --platform: sysroots are given for linux/s390x, linux/riscv64"
}

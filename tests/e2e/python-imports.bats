#!/usr/bin/env bats
# What a Python script takes along, against what the interpreter of another processor's Debian
# loads: no file may be missing, and a tree of just these files must run the script alike.
load ../lib/common

setup_file() {
	make -s -C "$BATS_TEST_DIRNAME/../.." B="${B:-build}" "${B:-build}/imgmin.a" "${B:-build}/libs"
}

setup() {
	need_root
	sysroot root armhf
	cd "$BATS_TEST_TMPDIR"
	# shellcheck disable=SC2046
	(cd "$top" && gcc -std=gnu11 -I. -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 -D_TIME_BITS=64 \
		-o "$BATS_TEST_TMPDIR/pyfiles" tests/lib/pyfiles.c "$B/imgmin.a" "@$B/libs" \
		-Wl,--gc-sections -pthread)
	python=$(cd "$root/usr/bin" && ls python3.* | grep -x 'python3\.[0-9]*')
}

# run_in ROOT ARG...: its Python with these arguments, or a skip where that is impossible here.
run_in() {
	local status=0 dir=$1
	shift
	"$top/tests/lib/inroot.sh" "$dir" "/usr/bin/$python" -B "$@" 2>stderr || status=$?
	[ "$status" != 77 ] || skip "$(cat stderr)"
	return "$status"
}

tail='import sys
for m in list(sys.modules.values()):
    s = getattr(m, "__spec__", None)
    if getattr(m, "__file__", None) and s and s.origin != "frozen": print(m.__file__)'

@test "all files that a module of the library loads are taken" {
	for module in argparse asyncio ctypes curses datetime decimal email.mime.text hashlib json \
		logging.handlers multiprocessing.pool optparse pkgutil pydoc sqlite3 ssl statistics \
		unittest urllib.request xml.etree.ElementTree zoneinfo; do
		echo "import $module" >script.py
		./pyfiles "$root" /usr/bin/python3 script.py | cut -f2 | sort >taken
		run_in "$root" -c "import $module
$tail" | sort >loaded
		[ "$(wc -l <loaded)" -gt 3 ]
		comm -23 loaded taken >lacking
		[ ! -s lacking ] || { echo "$module lacks: $(cat lacking)"; return 1; }
	done
}

@test "a tree of the interpreter and these files runs the script alike" {
	cat >script.py <<-'END'
		import argparse, json, datetime, subprocess, sys
		from concurrent.futures import ThreadPoolExecutor
		parser = argparse.ArgumentParser(description="some words")
		parser.add_argument("--n", type=int)
		parser.print_help()
		print(json.dumps({"a": [1.5, None]}), parser.parse_args(["--n", "4"]))
		print(datetime.datetime.strptime("2024-02-03", "%Y-%m-%d"), sys.path[:4])
		with ThreadPoolExecutor(2) as pool: print(list(pool.map(abs, [-1, 2])))
		print("ü.de".encode("idna"), b"\xe9".decode("cp1252"))
	END
	mkdir tree
	./pyfiles -t tree "$root" /usr/bin/python3 script.py /app >taken
	mkdir -p tree/usr/bin
	cp "$root/usr/bin/$python" tree/usr/bin/
	mapfile -t extensions < <(awk -F'\t' '$1 == "extension" {print $2}' taken)
	"$top/tests/lib/inroot.sh" --trace "$root" /lib/ld-linux-armhf.so.3 "/usr/bin/$python" \
		"${extensions[@]}" 2>stderr >trace || skip "$(cat stderr)"
	for library in $(grep -o '/[^ ]*\.so[^ ]*' trace | grep -v dynload | sort -u) \
		/lib/ld-linux-armhf.so.3 /lib/arm-linux-gnueabihf/libgcc_s.so.1; do
		mkdir -p "tree$(dirname "$library")"
		cp "$root$library" "tree$library"
	done
	# The script's text, so that the whole sysroot stays as it is.
	run_in "$root" -c "import sys; sys.path[0] = '/app'; sys.argv[0] = 'script.py'
$(cat script.py)" >want
	run_in tree -c "import sys; sys.path[0] = '/app'; sys.argv[0] = 'script.py'
$(cat script.py)" >got
	grep -q 'usage: script.py' got
	diff want got
}

@test "should-fail: no Python, and no interpreter" {
	echo 'x = (' >script.py
	expect 1 ./pyfiles "$root" /usr/bin/python3 script.py
	says "script.py:1: '(' is never closed"
	echo 'x = 1' >script.py
	expect 3 ./pyfiles "$root" /usr/bin/env script.py
	says "is no Python with its library"
}

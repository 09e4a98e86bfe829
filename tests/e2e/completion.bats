#!/usr/bin/env bats
# bash, zsh and fish offer what the program's own tables say: asked in the shells themselves.
load ../lib/common

shells='bash zsh fish'

setup_file() {
	local tool
	export offered=
	for tool in $shells; do
		! command -v "$tool" >/dev/null || offered+="$tool "
	done
}

setup() {
	"$imgmin" help --table >"$BATS_TEST_TMPDIR/table"
	mkdir "$BATS_TEST_TMPDIR/here"
	cd "$BATS_TEST_TMPDIR/here"
}

# offers SHELL LINE WORD...: those, no more and no less. The / behind a directory, the = behind an
# option and what the word has before its last : , = or / come or not, as the shell likes it.
offers() {
	local shell=$1 line=$2 got want
	shift 2
	got=$(HOME=$BATS_TEST_TMPDIR timeout 60 "$top/tests/lib/complete.sh" "$shell" "$line" |
		sed -E 's,([^/])/$,\1,; s/^(--.*)=$/\1/')
	[[ $line != *[:=,/]* ]] || [ $# = 0 ] || got=$(sed -E 's,.*[:=/,]([^:]),\1,' <<<"$got")
	got=$(sort -u <<<"$got")
	want=$(printf '%s\n' "$@" | sort -u)
	[ "$got" = "$want" ] || {
		printf '%s: «%s» offers\n%s\nand not\n%s\n' "$shell" "$line" "$got" "$want"
		return 1
	}
}

all_offer() {
	local shell
	for shell in $offered; do
		offers "$shell" "$@"
	done
}

@test "the scripts are those that the program's tables make" {
	"$top/completions/generate.py" "$imgmin" "$BATS_TEST_TMPDIR"
	for script in imgmin.bash _imgmin imgmin.fish; do
		diff "$top/completions/$script" "$BATS_TEST_TMPDIR/$script" ||
			{ echo "$script lags behind: make completions"; return 1; }
	done
}

@test "every shell of this test is here" {
	for tool in $shells; do need_tool "$tool"; done
}

@test "commands, also those of two words" {
	readarray -t firsts < <("$imgmin" help | sed -nE '/^Commands:/,/^$/s/^  ([a-z0-9]+).*/\1/p' | sort -u)
	[ ${#firsts[@]} -gt 10 ]
	all_offer 'imgmin ' "${firsts[@]}"
	all_offer 'imgmin help ' "${firsts[@]}"
	all_offer 'imgmin index ' create inspect
	all_offer 'imgmin help cache ' du prune
	all_offer 'imgmin --progress plain -v pul' pull
}

# One process a command and shell: the whole list of its options.
@test "every option of every command, and of the program" {
	cut -f2 <(grep -P '^(\*|imgmin)\t' "$BATS_TEST_TMPDIR/table") >want
	readarray -t want <want
	all_offer 'imgmin --' "${want[@]}"
	while read -r command; do
		readarray -t want < <(awk -F'\t' -v c="$command" '$1 == c || $1 == "*" {print $2}' \
			"$BATS_TEST_TMPDIR/table")
		all_offer "imgmin $command --" "${want[@]}"
	done < <(cut -f1 "$BATS_TEST_TMPDIR/table" | grep -vx -e '\*' -e imgmin | uniq)
}

@test "every value of every choice" {
	awk -F'\t' '$5 != "" && !seen[$2 $5]++ {print $1 "\t" $2 "\t" $4 "\t" $5}' \
		"$BATS_TEST_TMPDIR/table" >choices
	[ -s choices ]
	while IFS=$'\t' read -r command option value choices; do
		[ "$command" != '*' ] || command=version
		readarray -t want < <(tr '|' '\n' <<<"$choices")
		# Where the value may be missing it stands behind = only.
		[[ $value = '[='* ]] || all_offer "imgmin $command $option " "${want[@]}"
		all_offer "imgmin $command $option=" "${want[@]}"
	done <choices
	all_offer 'imgmin inspect --platform linux/arm/' v5 v6 v7
}

@test "runtime data and devices by the names that the program knows" {
	readarray -t data < <("$imgmin" help --words | sed -nE 's/^data\t([^\t]*).*/\1/p')
	readarray -t devices < <("$imgmin" help --words | sed -nE 's/^target\t([^\t]*).*/\1/p')
	[ ${#data[@]} -gt 5 ] && [ ${#devices[@]} -gt 5 ]
	all_offer 'imgmin build --with ' "${data[@]}"
	all_offer 'imgmin slim --without certs,tz' tzdata
	all_offer 'imgmin check --target ' "${devices[@]}"
	# The program takes each of them.
	for name in "${data[@]}"; do
		[ "$name" != locale ] || continue
		expect 0 "$imgmin" build /bin/true --dry-run --without "$name"
	done
	for name in "${devices[@]}"; do
		expect 1 "$imgmin" check --target "$name" ./none.tar
	done
}

@test "files, directories and places" {
	mkdir -p out/deep
	touch out/sensor out.tar
	all_offer 'imgmin build out/s' sensor
	all_offer 'imgmin build out/sensor out/d' deep
	all_offer 'imgmin build --cert-dir out' out
	all_offer 'imgmin build --authfile ou' out out.tar
	all_offer 'imgmin build -e X=y --trace ou' out out.tar
	all_offer 'imgmin inspect ou' out out.tar
	all_offer 'imgmin build --sysroot linux/arm/v7=ou' out out.tar
	all_offer 'imgmin push oci-archive:ou' out out.tar
	all_offer 'imgmin push oci:ou' out
	all_offer 'imgmin diff out.tar ou' out out.tar
	rm -r out out.tar
	all_offer 'imgmin copy a ' docker:// docker-daemon: oci: oci-archive: docker-archive:
	# No guess where only a registry knows.
	all_offer 'imgmin build --tag '
	all_offer 'imgmin index inspect '
}

typed() { # LINE WANT
	local got
	got=$("$top/tests/lib/typed.py" "$1")
	[ "$got" = "$2" ] || { printf '«%s» becomes «%s», not «%s»\n' "$1" "$got" "$2"; return 1; }
}

@test "bash at a terminal: words that it parts at : and =, spaces and quotes" {
	mkdir -p 'my images'
	touch 'my images/a.tar'
	typed 'imgmin che' 'imgmin check |'
	typed 'imgmin build --form' 'imgmin build --format |'
	typed 'imgmin build --format=d' 'imgmin build --format=docker |'
	typed 'imgmin build --with=certs,tz' 'imgmin build --with=certs,tzdata |'
	typed 'imgmin inspect docker-a' 'imgmin inspect docker-archive:|'
	typed 'imgmin inspect docker-archive:my' 'imgmin inspect docker-archive:my\ images/|'
	typed 'imgmin inspect my\ images/' 'imgmin inspect my\ images/a.tar |'
	typed "imgmin inspect 'my images/" "imgmin inspect 'my images/a.tar' |"
	typed 'imgmin build --sysroot=linux/arm/v7=my' 'imgmin build --sysroot=linux/arm/v7=my\ images/|'
	typed 'imgmin index c' 'imgmin index create |'
}

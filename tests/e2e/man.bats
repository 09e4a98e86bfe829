#!/usr/bin/env bats
# The manual says what the program's own option table says, no more and no less.

bats_require_minimum_version 1.5.0

setup()
{
	cd "$BATS_TEST_DIRNAME/../.." || return 1
	IMGMIN=$(realpath "${IMGMIN:-${B:-build}/imgmin}")
	"$IMGMIN" version >/dev/null || return 1
	MAN=$(realpath "$BATS_TEST_DIRNAME/../../man")
	cd "$BATS_TEST_TMPDIR" || return 1
	"$IMGMIN" help --table >table
}

# "index create" and "index inspect" share the page of index.
full_names()
{
	"$IMGMIN" help | sed -nE '/^Commands:/,/^$/s/^  ([a-z0-9]+( [a-z]+)?)  .*/\1/p'
}

commands()
{
	full_names | cut -d' ' -f1 | uniq
}

# The options that a page explains, each as --help writes it: "-t, --tag REF".
documented()
{
	sed -n '/^# OPTIONS/,/^# [^O]/p' "$1" | sed -n '/^\*-/{s/[*_\\]//g;p;}' | sort
}

# The same out of the option table.
in_table()
{
	awk -F'\t' -v c="$1" '$1 == c || index($1, c " ") == 1 {
		print ($3 == "" ? "" : $3 ", ") $2 ($4 == "" || $4 ~ /^\[=/ ? "" : " ") $4
	}' table | tr -d _ | sort -u
}

@test "every command has a page, and every page a command" {
	commands | sort >have
	for page in "$MAN"/imgmin-*.1.scd; do
		page=${page##*/imgmin-}
		echo "${page%.1.scd}"
	done | sort >pages
	diff have pages
}

@test "imgmin(1) explains the options of every command" {
	{
		in_table '*'
		in_table imgmin
	} | sort >want
	[ -s want ]
	diff want <(documented "$MAN/imgmin.1.scd")
}

@test "each command's page explains exactly its options" {
	for c in $(commands); do
		in_table "$c" >want
		diff want <(documented "$MAN/imgmin-$c.1.scd") || {
			echo "the page of $c differs from its option table"
			return 1
		}
	done
}

@test "pages name every value of a choice" {
	while IFS= read -r row; do
		c=$(cut -f1 <<<"$row")
		case $c in
		'*' | imgmin) page=$MAN/imgmin.1.scd ;;
		*) page=$MAN/imgmin-${c%% *}.1.scd ;;
		esac
		for word in $(cut -f5 <<<"$row" | tr '|' ' '); do
			sed 's/[*_\\]/ /g' "$page" | grep -qwF -- "$word"
		done
	done < <(awk -F'\t' '$5 != ""' table)
}

@test "pages say the synopsis that --help says" {
	for c in $(commands); do
		sed -n '/^# SYNOPSIS/,/^# D/s/^\*imgmin/imgmin/p' "$MAN/imgmin-$c.1.scd" |
			sed 's/[*_\\]//g; s/++$//' >page
		full_names | grep -E "^$c( |\$)" >names
		while read -ra name; do
			"$IMGMIN" help "${name[@]}" | sed -n '1s/^Usage: //p'
		done <names >help
		diff page help
	done
}

@test "pages name every command and each other rightly" {
	for c in $(commands); do
		grep -q "^\*imgmin-$c\*(1)" "$MAN/imgmin.1.scd"
	done
	for page in $(grep -oh '\*imgmin-[a-z0-9]*\*(1)' "$MAN"/*.scd | tr -d '*' | sort -u); do
		[ -e "$MAN/${page%(1)}.1.scd" ]
	done
}

@test "pages are rendered without a warning" {
	command -v scdoc >/dev/null || skip "scdoc is not installed"
	for page in "$MAN"/*.scd; do
		name=${page##*/}
		name=${name%.scd}
		run --separate-stderr scdoc <"$page"
		[ "$status" -eq 0 ]
		[ -z "$stderr" ]
		printf '%s\n' "$output" >"$name"
		# The page's own title is the name of its file.
		grep -q "^\.TH \"${name%.*}\" \"${name##*.}\"" "$name"
		if command -v man >/dev/null; then
			run --separate-stderr man --warnings -E UTF-8 -l -Tutf8 -Z "$name"
			[ "$status" -eq 0 ]
			[ -z "$stderr" ]
		fi
		if command -v mandoc >/dev/null; then
			run mandoc -T lint -W error "$name"
			[ "$status" -eq 0 ]
		fi
	done
}

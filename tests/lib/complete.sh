#!/bin/bash
# What a shell offers for a line:  tests/lib/complete.sh bash|zsh|fish LINE
# One candidate a line, sorted, without the shell's quoting; the scripts are those in completions/.
set -euo pipefail
shell=$1
line=$2
scripts=$(cd "$(dirname "$0")/../../completions" && pwd)

# The function as readline calls it: words parted at blanks and at runs of : and =.
in_bash() {
	bash --norc -c '
		. "$1/imgmin.bash"
		COMP_LINE=$2 COMP_POINT=${#2} COMP_WORDS=()
		rest=$2
		while [[ $rest =~ ^[[:blank:]]*([:=]+|[^[:blank:]:=]+) ]]; do
			COMP_WORDS+=("${BASH_REMATCH[1]}")
			rest=${rest#"${BASH_REMATCH[0]}"}
		done
		[[ $2 != *[[:blank:]] ]] || COMP_WORDS+=("")
		COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
		"$(complete -p imgmin | sed "s/.*-F \([^ ]*\) .*/\1/")"
		[ ${#COMPREPLY[@]} = 0 ] || printf "%s\n" "${COMPREPLY[@]}"
	' - "$scripts" "$line"
}

# An interactive zsh whose compadd prints the matches in place of showing them.
in_zsh() {
	scripts=$scripts line=$line zsh -f -c '
		zmodload zsh/zpty
		zpty shell zsh -f -i
		zpty -w shell "PROMPT= RPROMPT=; unsetopt zle_bracketed_paste 2>/dev/null; stty -echo"
		zpty -w shell "fpath=(${(q)scripts} \$fpath); autoload -Uz compinit; compinit -u -D"
		zpty -w shell "compadd() {
			if [[ \${@[1,(i)(-|--)]} == *-(O|A|D)\ * ]]; then builtin compadd \"\$@\"; return; fi
			local -a hits
			builtin compadd -A hits \"\$@\"
			local status_=\$?
			((\$#hits)) && print -l -- \">\"\$^hits\"<\"
			builtin compadd \"\$@\"
		}"
		zpty -w shell "bindkey \"^I\" complete-word; zle-end() { print \">the end<\"; zle kill-buffer }"
		zpty -w shell "zle -N zle-end; bindkey \"^G\" zle-end; print \">ready\"\"<\""
		zpty -r -m shell reply "*>ready<*" || exit 1
		zpty -n -w shell "$line"$'"'\t\a'"'
		zpty -r -m shell reply "*>the end<*" || exit 1
		print -r -- "$reply"
		zpty -d shell
	' | tr -d '\r' | grep -o '>[^<]*<' | sed 's/^>//; s/<$//' | grep -vx -e 'the end' -e ready || true
}

# Candidates have their descriptions behind a tab.
in_fish() {
	fish --no-config -c 'source $argv[1]/imgmin.fish; complete -C $argv[2]' "$scripts" "$line" |
		cut -f1
}

"in_$shell" | sort -u

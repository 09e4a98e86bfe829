#!/usr/bin/python3
"""Writes the completion scripts for bash, zsh and fish from what the program says of itself.

    completions/generate.py build/imgmin DIR

The scripts stand in the repository, since a cross build cannot ask the program it made; `make
completions` renews them, and tests/e2e/completion.bats fails where they lag behind.
"""
import subprocess
import sys

# What a value is, by the name that --help gives it. A new name belongs here.
VALUES = {
    "FILE": "file", "FILE...": "file", "PATH...": "file", "SRC:DST[:MODE]": "file",
    "DIR": "dir", "DIR[:DIR]": "dir",
    "PLACE": "place", "IMAGE": "place", "IMAGE...": "place", "IMAGE|FILE": "place",
    "A": "place", "B": "place", "SRC": "place", "DEST": "place",
    "[PLATFORM=]SRC": "place",
    "OS/ARCH[/VARIANT]": "platform", "LIST": "data", "SIGNAL": "signal", "COMMAND": "command",
    # These only their writer knows.
    **dict.fromkeys(("REF", "HOST", "GLOB", "PATH", "NAME", "NAME=VALUE", "NAME[=VALUE]", "KEY=VALUE", "ssh://[USER@]HOST[:PORT]",
                     "WORDS",
                     "USER", "USER[:GROUP]", "USER:PASSWORD", "PORT[/PROTO]", "SECONDS", "SIZE",
                     "N"), "none"),
}
# What the name alone does not tell: directories of the image are none of this machine.
OF_OPTION = {"--workdir": "none", "--volume": "none", "--target": "target"}

LISTS = {
    "platform": "linux/386 linux/amd64 linux/arm/v5 linux/arm/v6 linux/arm/v7 linux/arm64 "
                "linux/mips64le linux/ppc64le linux/riscv64 linux/s390x".split(),
    "signal": "SIGHUP SIGINT SIGKILL SIGQUIT SIGTERM SIGUSR1 SIGUSR2".split(),
    "transport": "docker:// docker-daemon: oci: oci-archive: docker-archive:".split(),
}
NOTE = "Made by completions/generate.py from the program's own tables; `make completions` renews it."


class Option:
    def __init__(self, row):
        self.command, self.name, self.letter, self.value, choices, self.help = row.split("\t")
        self.words = choices.split("|") if choices else []
        self.repeats = "(repeatable)" in self.help
        # [=HOW]: only behind the = of the same word.
        self.maybe = self.value.startswith("[=")

    @property
    def kind(self):
        if self.words:
            return "words"
        if not self.value:
            return None
        if self.name in OF_OPTION:
            return OF_OPTION[self.name]
        if self.value not in VALUES:
            sys.exit(f"{self.command} {self.name} {self.value}: completions/generate.py does not "
                     "know what such a value is")
        return VALUES[self.value]

    @property
    def spellings(self):
        return [self.name] + ([self.letter] if self.letter else [])

    @property
    def brief(self):
        return self.help.replace(" (repeatable)", "")


class Command:
    def __init__(self, name, synopsis, summary, options):
        self.name, self.summary, self.options = name, summary, options
        words = [w[1:-1] if w.endswith("...]") else w for w in synopsis.split() if w != "[OPTIONS]"]
        self.repeats = bool(words) and words[-1].endswith("...")
        self.positional = []
        for word in words:
            word = word[1:-1] if word.startswith("[") and word.endswith("]") else word
            if word not in VALUES:
                sys.exit(f"{name} {word}: completions/generate.py does not know what it is")
            self.positional.append((word.rstrip("."), VALUES[word]))


class Program:
    def __init__(self, path):
        def said(option):
            out = subprocess.run([path, "help", option], check=True, capture_output=True, text=True)
            return out.stdout.splitlines()
        options = [Option(row) for row in said("--table")]
        self.common = [o for o in options if o.command == "*"]
        self.own = [o for o in options if o.command == "imgmin"]
        self.commands, self.data, self.targets = [], [], []
        for row in said("--words"):
            kind, name, *rest = row.split("\t")
            if kind == "command":
                mine = [o for o in options if o.command == name]
                self.commands.append(Command(name, *rest, mine))
            else:
                (self.data if kind == "data" else self.targets).append((name, rest[0]))
        self.firsts = list(dict.fromkeys(c.name.split()[0] for c in self.commands))
        self.groups = {f: [c for c in self.commands if c.name.startswith(f + " ")]
                       for f in self.firsts}
        self.groups = {f: cs for f, cs in self.groups.items() if cs}

    def about(self, first):
        """What a command, or the first word of several, is for."""
        if first in self.groups:
            return ", ".join(c.name.split()[1] for c in self.groups[first])
        return next(c.summary for c in self.commands if c.name == first)


def quoted(text):
    return "'" + text.replace("'", "'\\''") + "'"


# bash

BASH = r"""# bash completion for imgmin
# @NOTE@

# The line's words up to the cursor, though bash parts them at : and = too; into $words.
_imgmin_words()
{
	local line=$COMP_LINE rest i

	words=()
	for ((i = 0; i <= COMP_CWORD; i++)); do
		rest=${line#"${line%%[![:blank:]]*}"}
		if ((i)) && [[ $rest == "$line" ]]; then
			words[-1]+=${COMP_WORDS[i]}
		else
			words+=("${COMP_WORDS[i]}")
		fi
		line=${rest#"${COMP_WORDS[i]}"}
	done
}

# COMMAND OPTION: what its value is, into $kind; empty where it takes none.
_imgmin_kind()
{
	kind=
	case "$1 $2" in
@KINDS@
	esac
}

# COMMAND: its options, into $options.
_imgmin_options()
{
	options='@COMMON@'
	case $1 in
	'') options+=' @OWN@' ;;
@OPTIONS@
	esac
}

# COMMAND NUMBER: what its argument of that number is, into $kind.
_imgmin_positional()
{
	kind=none
	case "$1 $2" in
@POSITIONAL@
	esac
}

# The command that the words before the cursor name, into $command, how many arguments it has so
# far, into $n, and what the word at the cursor is, into $kind; empty: an option may stand here.
_imgmin_place()
{
	local i word ended=

	command='' n=0 kind=''
	for ((i = 1; i < ${#words[@]} - 1; i++)); do
		word=${words[i]}
		if [[ -z $ended && $word == -- ]]; then
			ended=yes
		elif [[ -z $ended && $word == -?* ]]; then
			_imgmin_kind "$command" "$word"
			if [[ -n $kind && $kind != maybe* && $word != *=* ]] &&
				((++i == ${#words[@]} - 1)); then
				return
			fi
			kind=
		elif [[ -z $command ]]; then
			command=$word
		elif ((n == 0)) && _imgmin_is_group "$command"; then
			command+=" $word"
		else
			[[ $command != help* ]] || command+=" $word"
			((++n))
		fi
	done
	[[ -z $ended ]] || kind=argument
}

_imgmin_is_group()
{
	case $1 in
	@GROUPS@) return 0 ;;
	esac
	return 1
}

# WORD...: those that begin with $cur.
_imgmin_take()
{
	local word

	for word; do
		[[ $word != "$cur"* ]] || COMPREPLY+=("$word")
	done
}

# Files (f) or directories (d) that begin with $1, each behind the prefix $2.
_imgmin_files()
{
	local path

	while IFS= read -r path; do
		COMPREPLY+=("$2$path")
	done < <(compgen "-$3" -- "$1")
	((${#COMPREPLY[@]} == 0)) || compopt -o filenames 2>/dev/null
}

_imgmin_values()
{
	local kind=$1 cur=$2 prefix

	case $kind in
	words\ * | maybe\ *) _imgmin_take ${kind#* } ;;
	file) _imgmin_files "$cur" '' f ;;
	dir)
		prefix=
		[[ $cur != *:* ]] || prefix=${cur%:*}:
		_imgmin_files "${cur#"$prefix"}" "$prefix" d
		;;
	place)
		case $cur in
		oci:*) _imgmin_files "${cur#*:}" oci: d ;;
		oci-archive:* | docker-archive:*) _imgmin_files "${cur#*:}" "${cur%%:*}:" f ;;
		docker:* | docker-daemon:*) ;;
		linux/*=*) _imgmin_files "${cur#*=}" "${cur%%=*}=" f ;;
		*)
			_imgmin_files "$cur" '' f
			local files=${#COMPREPLY[@]}
			_imgmin_take @TRANSPORTS@
			# Alone, a transport is no file name whose : needs a backslash.
			((files)) || compopt +o filenames -o nospace 2>/dev/null
			;;
		esac
		;;
	platform) _imgmin_take @PLATFORMS@ ;;
	signal) _imgmin_take @SIGNALS@ ;;
	target) _imgmin_take @TARGETS@ ;;
	data)
		prefix=
		[[ $cur != *,* ]] || prefix=${cur%,*},
		cur=${cur##*,}
		_imgmin_take @DATA@
		COMPREPLY=("${COMPREPLY[@]/#/$prefix}")
		;;
	esac
}

_imgmin()
{
	local words command kind n options cur option broken path=

	COMPREPLY=()
	_imgmin_words
	cur=${words[-1]}
	# What is quoted is a path.
	case $cur in
	[\'\"]*) cur=${cur:1} path=yes ;;
	*\\*) cur=${cur//\\/} ;;
	esac
	_imgmin_place
	if [[ -z $kind && -z $path && $cur == --*=* ]]; then
		option=${cur%%=*}
		_imgmin_kind "$command" "$option"
		_imgmin_values "${kind:-none}" "${cur#*=}"
		COMPREPLY=("${COMPREPLY[@]/#/$option=}")
	elif [[ -n $kind && $kind != argument ]]; then
		_imgmin_values "$kind" "$cur"
	elif [[ -z $kind && $cur == -* ]]; then
		_imgmin_options "$command"
		_imgmin_take $options
	elif [[ -z $command || $command == help ]]; then
		_imgmin_take @FIRSTS@
	elif ((n == 0)) && _imgmin_is_group "$command"; then
		_imgmin_seconds "$command"
	elif [[ $command == help\ * ]]; then
		((n > 1)) || _imgmin_seconds "${command#help }"
	else
		_imgmin_positional "$command" "$n"
		_imgmin_values "$kind" "$cur"
	fi
	# Readline replaces only what stands behind the last : or = of the word.
	[[ -z $path ]] || return 0
	broken=$cur
	while [[ -n $broken ]]; do
		case ${broken: -1} in
		[:=]) [[ $COMP_WORDBREAKS != *"${broken: -1}"* ]] || break ;;
		esac
		broken=${broken%?}
	done
	COMPREPLY=("${COMPREPLY[@]#"$broken"}")
}

_imgmin_seconds()
{
	case $1 in
@SECONDS@
	esac
}

complete -F _imgmin imgmin
"""


def bash_kinds(program):
    kinds = {}
    for o in program.common:
        if o.kind:
            for spelling in o.spellings:
                kinds.setdefault(bash_kind(o), []).append(f"*' {spelling}'")
    for c in program.commands:
        for o in c.options:
            if o.kind:
                for spelling in o.spellings:
                    kinds.setdefault(bash_kind(o), []).append(f"'{c.name} {spelling}'")
    return "\n".join(fold("\t" + " | ".join(patterns) + f") kind={quoted(kind)} ;;", " | ", "\t\t")
                     for kind, patterns in kinds.items())


def bash_kind(o):
    if o.maybe:
        return "maybe " + " ".join(o.words)
    return "words " + " ".join(o.words) if o.kind == "words" else o.kind


def fold(text, at, indent):
    """Breaks a line behind `at` where it would be longer than 100 columns."""
    lines, line = [], ""
    for part in text.split(at):
        if line and len(line.expandtabs(8)) + len(part) + len(at) + 2 > 98:
            lines.append(line + at.rstrip() + " \\")
            line = indent + part
        else:
            line = line + at + part if line else part
    return "\n".join(lines + [line])


def fold_words(words, indent):
    return fold(" ".join(words), " ", indent).replace(" \\ \\", " \\")


def bash(program):
    rows, seconds = [], []
    for c in program.commands:
        for i, (_, kind) in enumerate(c.positional):
            more = c.repeats and i == len(c.positional) - 1
            if kind not in ("none", "command"):
                rows.append(f"\t'{c.name} '{'*' if more else i}) kind={quoted(kind)} ;;")
    for first, cs in program.groups.items():
        seconds.append(f"\t{first}) _imgmin_take {' '.join(c.name.split()[1] for c in cs)} ;;")
    options = [f"\t'{c.name}') options+=' {' '.join(o.name for o in c.options)}' ;;"
               for c in program.commands if c.options]
    return fill(BASH, {
        "KINDS": bash_kinds(program),
        "COMMON": " ".join(o.name for o in program.common),
        "OWN": " ".join(o.name for o in program.own),
        "OPTIONS": "\n".join(fold(o, " ", "\t\t").replace(" \\\n", "\n") for o in options),
        "POSITIONAL": "\n".join(rows),
        "GROUPS": " | ".join(program.groups),
        "SECONDS": "\n".join(seconds),
        "FIRSTS": " ".join(program.firsts),
        "TRANSPORTS": " ".join(LISTS["transport"]),
        "PLATFORMS": " ".join(LISTS["platform"]),
        "SIGNALS": " ".join(LISTS["signal"]),
        "TARGETS": " ".join(name for name, _ in program.targets),
        "DATA": " ".join(name for name, _ in program.data),
    })


def fill(template, values):
    for name, text in {"NOTE": NOTE, **values}.items():
        template = template.replace(f"@{name}@", text)
    return template


# zsh

ZSH = r"""#compdef imgmin
# zsh completion for imgmin
# @NOTE@

_imgmin_data() {
	local -a names=(
@DATA@
	)
	_values -s , 'runtime data' $names
}

_imgmin_target() {
	local -a names=(
@TARGETS@
	)
	_describe -t targets target names
}

_imgmin_place() {
	local -a transports=(@TRANSPORTS@)
	if compset -P 'oci:'; then
		_directories
	elif compset -P '(oci-archive|docker-archive):' || compset -P 'linux/[^=]##='; then
		_files
	elif ! compset -P 'docker(|-daemon):'; then
		_alternative 'files:file:_files' 'transports:transport:compadd -S "" -a transports'
	fi
}

_imgmin_dirs() {
	compset -P '*:'
	_directories
}

_imgmin_command() {
	local -a commands=(
@COMMANDS@
	)
	_describe -t commands 'imgmin command' commands
}

_imgmin_of() {
	local group=$1
	shift
	local -a commands=("$@")
	_describe -t commands "imgmin $group command" commands
}

_imgmin() {
	local curcontext=$curcontext state state_descr line ret=1
	typeset -A opt_args
	local -a common=(
@COMMON@
	)

	_arguments -C -s -S : $common \
@OWN@
		'1: :_imgmin_command' '*:: :->command' && ret=0
	[[ $state == command ]] || return ret
	local command=$words[1]
	curcontext="${curcontext%:*:*}:imgmin-$command:"
	case $command in
@GROUPS@
	esac
	case $command in
@CASES@
	esac
	return ret
}

if [[ $funcstack[1] == _imgmin ]]; then _imgmin "$@"; else compdef _imgmin imgmin; fi
"""


def zsh_text(text):
    """Inside [...] of a spec and between its colons."""
    for char in "\\[]:":
        text = text.replace(char, "\\" + char)
    return text


def zsh_action(kind, words):
    if kind == "words":
        return "(" + " ".join(words) + ")"
    return {"file": "_files", "dir": "_imgmin_dirs", "place": "_imgmin_place",
            "data": "_imgmin_data", "target": "_imgmin_target", "none": " ",
            "platform": "(" + " ".join(LISTS["platform"]) + ")",
            "signal": "(" + " ".join(LISTS["signal"]) + ")",
            "command": "_imgmin_command"}[kind]


def zsh_specs(options):
    specs = []
    for o in options:
        help_ = f"[{zsh_text(o.brief)}]"
        value = ""
        if o.kind:
            value = f":{zsh_text(o.value.strip('[]=') if o.maybe else o.value)}" \
                    f":{zsh_action(o.kind, o.words)}"
        mark = "*" if o.repeats else "(" + " ".join(o.spellings) + ")"
        if o.maybe:
            specs.append(f"{mark}{o.name}=-{help_}:{value}")
            continue
        specs.append(f"{mark}{o.name}{'=' if value else ''}{help_}{value}")
        if o.letter:
            specs.append(f"{mark}{o.letter}{'+' if value else ''}{help_}{value}")
    return specs


def zsh_positional(command):
    specs = []
    for i, (word, kind) in enumerate(command.positional):
        last = command.repeats and i == len(command.positional) - 1
        specs.append(f"{'*' if last else i + 1}:{zsh_text(word)}:{zsh_action(kind, [])}")
    return specs


def zsh_described(pairs, indent="\t\t"):
    return "\n".join(indent + quoted(f"{name}:{zsh_text(text)}") for name, text in pairs)


def zsh_cases(program):
    cases = []
    for c in program.commands:
        if c.name == "help":
            cases.append("\thelp)\n\t\tif ((CURRENT == 2)); then\n\t\t\t_imgmin_command && ret=0")
            for first, cs in program.groups.items():
                cases.append(f"\t\telif ((CURRENT == 3)) && [[ $words[2] == {first} ]]; then\n"
                             f"\t\t\t_imgmin_of {first} {' '.join(c.name.split()[1] for c in cs)}"
                             " && ret=0")
            cases.append("\t\tfi\n\t\t;;")
            continue
        specs = [quoted(s) for s in zsh_specs(c.options) + zsh_positional(c)]
        lines = " \\\n\t\t\t".join(["_arguments -s -S : $common"] + specs)
        name = quoted(c.name) if " " in c.name else c.name
        cases.append(f"\t{name})\n\t\t{lines} && ret=0\n\t\t;;")
    return "\n".join(cases)


def zsh(program):
    groups = []
    for first, cs in program.groups.items():
        pairs = [(c.name.split()[1], c.summary) for c in cs]
        groups.append(
            f"\t{first})\n\t\tif ((CURRENT == 2)); then\n\t\t\t_imgmin_of {first} \\\n" +
            " \\\n".join("\t\t\t\t" + quoted(f"{n}:{zsh_text(s)}") for n, s in pairs) +
            " && ret=0\n\t\t\treturn ret\n\t\tfi\n"
            '\t\tcommand+=" $words[2]"\n\t\tshift words\n\t\t((CURRENT--))\n\t\t;;')
    return fill(ZSH, {
        "DATA": "\n".join("\t\t" + quoted(f"{n}[{zsh_text(s)}]") for n, s in program.data),
        "TARGETS": zsh_described(program.targets),
        "TRANSPORTS": " ".join(LISTS["transport"]),
        "COMMANDS": zsh_described((f, program.about(f)) for f in program.firsts),
        "COMMON": "\n".join("\t\t" + quoted(s) for s in zsh_specs(program.common)),
        "OWN": "\n".join(f"\t\t{quoted(s)} \\" for s in zsh_specs(program.own)),
        "GROUPS": "\n".join(groups),
        "CASES": zsh_cases(program),
    })


# fish

FISH = r"""# fish completion for imgmin
# @NOTE@

# The command's words so far, without options and their values; one a line.
function __imgmin_words
    set -l skip no
    for word in (commandline -opc)[2..]
        if test $skip = yes
            set skip no
        else if contains -- $word @VALUED@
            set skip yes
        else if not string match -q -- '-*' $word
            echo $word
        end
    end
end

# COMMAND [NUMBER [more]]: is it the command, and is its argument of that number, or a later one,
# to come?
function __imgmin_is
    set -l words (__imgmin_words)
    set -l name (string split ' ' -- $argv[1])
    set -l n (count $name)
    test (count $words) -ge $n; or return 1
    test "$words[1..$n]" = "$argv[1]"; or return 1
    set -q argv[2]; or return 0
    string match -q -- '-*' (commandline -ct); and return 1
    set -q argv[3]; and test (count $words) -gt (math $n + $argv[2]); and return 0
    test (count $words) -eq (math $n + $argv[2])
end

# WORD...: these are all the words so far.
function __imgmin_only
    set -l words (__imgmin_words)
    test "$words" = "$argv"
end

function __imgmin_places
    set -l word (commandline -ct | string replace -r '^--?[a-z-]*=' '')
    switch $word
        case 'oci:*'
            __fish_complete_directories (string replace oci: '' -- $word) '' |
                string replace -r '^' oci:
        case 'oci-archive:*' 'docker-archive:*'
            set -l parts (string split -m 1 : -- $word)
            __fish_complete_path $parts[2] | string replace -r '^' $parts[1]:
        case 'linux/*=*'
            set -l parts (string split -m 1 = -- $word)
            __fish_complete_path $parts[2] | string replace -r '^' $parts[1]=
        case 'docker:*' 'docker-daemon:*'
        case '*'
            printf '%s\n' @TRANSPORTS@
            __fish_complete_path $word
    end
end

function __imgmin_data
    __fish_complete_list , __imgmin_data_names
end

function __imgmin_data_names
    printf '%s\t%s\n' \
@DATA@
end

function __imgmin_targets
    printf '%s\t%s\n' \
@TARGETS@
end

complete -c imgmin -f
@ROWS@
"""


def fish_action(kind, words):
    """What stands behind -a; None: files."""
    if kind == "words":
        return " ".join(words)
    return {"file": None, "none": "", "dir": "(__fish_complete_directories)",
            "place": "(__imgmin_places)", "data": "(__imgmin_data)",
            "target": "(__imgmin_targets)", "platform": " ".join(LISTS["platform"]),
            "signal": " ".join(LISTS["signal"])}[kind]


def fish_option(o, condition):
    row = f"complete -c imgmin{condition} -l {o.name[2:]}"
    if o.letter:
        row += f" -s {o.letter[1:]}"
    if o.kind:
        action = fish_action(o.kind, o.words)
        row += " -rF" if action is None else " -f" if o.maybe else " -x"
        row += f" -a {quoted(action)}" if action else ""
    return f"{row} -d {quoted(o.brief)}"


def fish_rows(program):
    rows = [fish_option(o, "") for o in program.common]
    rows += [fish_option(o, " -n __imgmin_only") for o in program.own]
    for where in ("", "help"):
        for first in program.firsts:
            rows.append(f"complete -c imgmin -n {quoted(('__imgmin_only ' + where).strip())} "
                        f"-a {first} -d {quoted(program.about(first))}")
        for first, cs in program.groups.items():
            for c in cs:
                rows.append(f"complete -c imgmin -n "
                            f"{quoted(' '.join(f'__imgmin_only {where} {first}'.split()))} "
                            f"-a {c.name.split()[1]} -d {quoted(c.summary)}")
    for c in program.commands:
        name = f'"{c.name}"' if " " in c.name else c.name
        rows += [fish_option(o, f" -n {quoted(f'__imgmin_is {name}')}") for o in c.options]
        for i, (_, kind) in enumerate(c.positional):
            if kind in ("none", "command"):
                continue
            more = c.repeats and i == len(c.positional) - 1
            condition = f"__imgmin_is {name} {i}{' more' if more else ''}"
            action = fish_action(kind, [])
            rows.append(f"complete -c imgmin -n {quoted(condition)} " +
                        ("-F" if action is None else f"-a {quoted(action)}"))
    return rows


def fish(program):
    def described(pairs):
        return " \\\n".join(f"        {quoted(n)} {quoted(s)}" for n, s in pairs)
    options = program.common + [o for c in program.commands for o in c.options]
    valued = [s for o in options if o.kind and not o.maybe for s in o.spellings]
    return fill(FISH, {
        "VALUED": " ".join(dict.fromkeys(valued)),
        "TRANSPORTS": " ".join(LISTS["transport"]),
        "DATA": described(program.data),
        "TARGETS": described(program.targets),
        "ROWS": "\n".join(fish_rows(program)),
    })


def main():
    if len(sys.argv) != 3:
        sys.exit("usage: completions/generate.py IMGMIN DIR")
    program = Program(sys.argv[1])
    for name, make in (("imgmin.bash", bash), ("_imgmin", zsh), ("imgmin.fish", fish)):
        with open(f"{sys.argv[2]}/{name}", "w", encoding="utf-8") as out:
            out.write(make(program))


main()

#!/usr/bin/env bats
# Progress: on a terminal as tmux shows it at three widths, as a stream, and where there is none.
load ../lib/common
load ../lib/registry

setup_file() {
	sensor
	cd "$BATS_FILE_TMPDIR"
	mkdir data
	head -c 45000000 /dev/urandom >data/a
	head -c 30000000 /dev/urandom >data/b
	server_start s --rate 25000000
	real_start reg 'http: {addr: "127.0.0.1:0"}'
	"$imgmin" build -q --no-cache --add "$PWD/data:/data" -o image.tar "$sensor_native"
}

teardown_file() {
	servers_stop
}

setup() {
	cd "$BATS_TEST_TMPDIR"
	unset CI
	data=$BATS_FILE_TMPDIR/data
	socket=imgmin-$$-$BATS_TEST_NUMBER
	mkdir tmp
}

teardown() {
	! command -v tmux >/dev/null || tmux -L "$socket" kill-server 2>/dev/null || true
}

screen() { # [OPTION]...
	tmux -L "$socket" capture-pane -p "$@" 2>&1 | sed -e 's/ *$//' -e '/^$/d'
}

# A terminal of that width, and a shell in it that runs the words.
terminal() { # COLUMNS LINES COMMAND...
	local columns=$1 lines=$2
	shift 2
	echo 'trap : INT' >command # this shell stays
	printf '%q ' "$@" >>command
	printf '\necho "status $?"\nexec sleep 100\n' >>command
	TMPDIR=$PWD/tmp tmux -L "$socket" -f /dev/null -u new-session -d -x "$columns" -y "$lines" \
		"bash --norc --noprofile '$PWD/command'"
}

# Until the screen shows the pattern, at most 60 s.
shows() { # PATTERN
	local i
	for ((i = 0; i < 600; i++)); do
		! screen | grep -qE -- "$1" || return 0
		sleep 0.1
	done
	echo "never shown: $1"
	screen
	return 1
}

# What a layer or blob is told by while it is under way: its figures, of how many.
live=' / [0-9.]+ [kM]?B'

record() { # DIRECTORY
	local i
	mkdir "$1"
	for ((i = 1000; i < 1600; i++)); do
		screen -J >"$1/$i"
		! grep -q '^status' "$1/$i" || return 0
		sleep 0.08
	done
	echo "it did not end"
	return 1
}

# No live line is wrapped or stands twice in any of the pictures; while the big layer is sent, it is
# on each of them.
steady() { # DIRECTORY COLUMNS
	local shot n first='' last=''
	for shot in "$1"/*; do
		! grep -E "$live" "$shot" | grep -E ".{$2}" || { cat "$shot"; return 1; }
		n=$(grep -cE " / 75\.0 MB" "$shot") || true
		[ "$n" -le 1 ] || { cat "$shot"; return 1; }
		[ "$n" = 0 ] || { first=${first:-$shot} last=$shot; }
		# Each picture has the lines' beginnings and no remains of others before them.
		! grep -E "$live" "$shot" | grep -vE '^(loader|libraries|data|program|[0-9a-f]{12}|[0-9a-f]+…)' ||
			{ cat "$shot"; return 1; }
	done
	[ -n "$first" ] || { echo "never seen"; return 1; }
}

@test "a 75 MB build and push at 40, 80 and 200 columns: no line wraps, nothing is left behind" {
	need_tool tmux
	local w
	for w in 40 80 200; do
		terminal $w 70 "$imgmin" build --no-cache --add "$data:/data" \
			-t "$s_main/slow/w$w/x:1" --push "$sensor_native"
		record "shots$w"
		steady "shots$w" $w
		screen -J >end
		tmux -L "$socket" kill-server
		[ "$(grep -c 75.0 "shots$w"/* | awk -F: '{ n += $2 } END { print n }')" -gt 20 ]
		! grep -E "$live|waiting|━|─" end || { cat end; return 1; }
		[ "$(grep -cE '^[0-9a-f]{12} ' end)" = 4 ] || { cat end; return 1; }
		[ "$(grep -cE '^(loader|libraries|data|program)[ a-z0-9…]* [0-9.]+ k?M?B > ' end)" = 4 ] ||
			{ cat end; return 1; }
		tail -n 3 end >last
		grep -qE '^1: digest: sha256:[0-9a-f]{64} size: [0-9]+$' last
		grep -qE '^[0-9.:]+/slow/.*@sha256:[0-9a-f]{64}$' last
		grep -qx 'status 0' last
		echo "# $w columns: $(ls "shots$w" | wc -l) pictures" >&3
	done
}

@test "a terminal that gets narrower and wider meanwhile" {
	need_tool tmux
	local w
	# On a screen that is full, as they are: tmux moves what stands at its top into its history.
	terminal 200 30 bash -c "seq -f 'line %g' 28; '$imgmin' push '$BATS_FILE_TMPDIR/image.tar' \
		'$s_main/slow/resize/x:1'"
	shows "$live"
	for w in 60 40 120 35 80; do
		tmux -L "$socket" resize-window -x $w -y 30
		sleep 0.5
		screen >now
		[ "$(grep -cE ' / 75\.0 MB|%$' now)" -le 1 ] || { cat now; return 1; }
	done
	shows '^status 0'
	screen -S - -J >end
	! grep -E "$live|waiting|━|─" end || { cat end; return 1; }
	[ "$(grep -vc '^line [0-9]*$' end)" = 6 ] || { cat end; return 1; }
}

@test "more layers than the terminal has lines" {
	need_tool tmux
	mkdir -p many
	for i in 1 2 3 4 5 6 7 8 9; do head -c 2000000 /dev/urandom >many/$i; done
	"$imgmin" build -q --no-cache --layers file --add "$PWD/many:/many" -o many.tar "$sensor_native"
	terminal 60 5 "$imgmin" push many.tar "$s_main/slow/many/x:1"
	shows '^and [0-9]+ more$'
	shows '^status 0'
	screen -S - -J >end
	! grep -E "$live|^and|━|─" end || { cat end; return 1; }
	[ "$(grep -cE '^[0-9a-f]{12} +uploaded' end)" -gt 9 ]
}

@test "Ctrl-C while a layer is sent: said in a line, nothing tagged, nothing left" {
	need_tool tmux
	terminal 80 24 "$imgmin" build --no-cache --add "$data:/data" \
		-t "$s_main/slow/stop/x:1" --push "$sensor_native"
	shows 'uploading .* [1-9][0-9.]* MB / 75.0 MB'
	for ((i = 0; i < 100; i++)); do
		[ "$(screen | grep -cE '^[0-9a-f]{12} +uploaded')" -lt 3 ] || break
		sleep 0.1
	done
	tmux -L "$socket" send-keys C-c
	shows '^status'
	screen -J | tail -n 2 >end
	printf '%s\n' "imgmin: interrupted: the push of layer 4 of 4 was left unfinished; nothing was tagged" \
		"status 130" | diff - end
	! screen -J | grep -E "$live|━" || false
	[ -z "$(ls -A tmp)" ] || { ls -lA tmp; return 1; }
	[ -z "$(curl -s "http://$s_main/_/tags/slow/stop/x")" ]
}

@test "Ctrl-C while a layer is made: the output is not there" {
	need_tool tmux
	mkdir out
	terminal 80 24 "$imgmin" build --no-cache --compression-level 9 --add "$data:/data" -o out/x.tar \
		"$sensor_native"
	shows 'packing .* / 75.0 MB'
	tmux -L "$socket" send-keys C-c
	shows '^status'
	screen -J | tail -n 2 >end
	printf '%s\n' 'imgmin: interrupted: the layer "data amd64" was left unfinished; nothing was written' \
		"status 130" | sed "s/amd64/$("$imgmin" inspect "$BATS_FILE_TMPDIR/image.tar" | grep -oE 'linux/[a-z0-9]+' | head -n 1 | cut -d/ -f2)/" |
		diff - end
	[ -z "$(ls -A out tmp | grep -v :)" ] || { ls -lAR out tmp; return 1; }
}

@test "the stream: it takes back only what it drew, and draws at most ten times a second" {
	local w
	for w in 40 80 200; do
		expect 0 "$PYTHON" "$top/tests/lib/terminal.py" $w 24 "$imgmin" push \
			"$BATS_FILE_TMPDIR/image.tar" "$s_main/slow/stream$w/x:1"
		echo "# $w columns: $stderr" >&3
		[ "$(grep -cE '^[0-9a-f]{12} ' <<<"$output")" = 4 ]
		! grep -qE "$live" <<<"$output"
	done
	# What is said meanwhile stands above the live lines.
	expect 0 "$PYTHON" "$top/tests/lib/terminal.py" 80 24 "$imgmin" push -vv \
		"$BATS_FILE_TMPDIR/image.tar" "$s_main/slow/said/x:1"
	[ "$(grep -c '^imgmin: ' <<<"$output")" -gt 8 ]
	! grep -qE "$live" <<<"$output" || false
	# In CI a terminal is none.
	CI=true expect 0 "$PYTHON" "$top/tests/lib/terminal.py" 80 24 "$imgmin" push \
		"$BATS_FILE_TMPDIR/image.tar" "$s_main/slow/ci/x:1"
	[[ $stderr == "0 frames"* ]]
	[[ $output == *": uploaded (75.0 MB), "*" s"* ]]
}

@test "where there is no terminal there is no escape code, whatever the mode" {
	local mode
	for mode in auto plain json none; do
		expect 0 "$imgmin" build --progress $mode --no-cache --add "$data:/data" \
			-t "$r_reg/$mode/x:1" --push "$sensor_native"
		[[ $stderr$output != *$'\e'* && $stderr != *$'\r'* ]]
		printf '%s\n' "$stderr" >$mode
		[[ $output == "$r_reg/$mode/x:1@sha256:"* ]]
	done
	[ ! -s none ] || [ -z "$(cat none)" ]
	# Times aside, two runs say the same.
	diff <(sed -E 's/, [0-9.]+ s$//; s/auto/plain/' auto | sort) \
		<(sed -E 's/, [0-9.]+ s$//' plain | sort)
	expect 0 "$imgmin" push -q "$BATS_FILE_TMPDIR/image.tar" "$r_reg/quiet/x:1"
	[ -z "$stderr" ]
}

@test "json: every line is an object, and the bytes add up" {
	need_tool jq
	expect 0 "$imgmin" build --progress json --no-cache --metadata-file meta --add "$data:/data" \
		-t "$r_reg/json/y:1" --push "$sensor_native"
	printf '%s\n' "$stderr" >events
	while IFS= read -r line; do
		jq -e 'type == "object" and (.event | type == "string")' <<<"$line" >/dev/null
	done <events
	# Each layer was packed and sent once, all of it, and never more than all.
	jq -s -e --slurpfile m meta '
		($m[0]["imgmin.images"][0].layers) as $layers
		| ([$layers[].raw_size] | add) == ([.[] | select(.status == "packed") | .bytes] | add)
		and ([$layers[].size] | add) == ([.[] | select(.status == "uploaded") | .bytes] | add)
		and ([$layers[].digest] | sort) == ([.[] | select(.status == "uploaded") | .digest] | sort)
		and all(.[] | select(.bytes); .bytes <= .total)
		and any(.[]; .event == "tag" and .digest == $m[0]["containerimage.digest"])' events
	# Of each layer the numbers only grow.
	jq -s -e '[.[] | select(.event == "blob")] | group_by(.digest)
		| all(.[]; [.[].bytes] == ([.[].bytes] | sort))' events
	# And down again.
	expect 0 env XDG_CACHE_HOME="$PWD/new" "$imgmin" pull --progress json "$r_reg/json/y:1" y.tar
	jq -s -e --slurpfile m meta '([$m[0]["imgmin.images"][0].layers[].size] | add)
		== ([.[] | select(.status == "downloaded") | .bytes] | add)' <<<"$stderr"
	expect 6 "$imgmin" pull --progress json "$r_reg/json/none:1" z.tar
	jq -s -e '.[-1].event == "error" and (.[-1].text | length > 0)' <<<"$stderr"
}

@test "none: warnings and errors, and no more" {
	expect 6 "$imgmin" pull --progress none "$r_reg/none/none:1" z.tar
	[[ $stderr == "imgmin: error: "* ]]
}

@test "SIGTERM in a log: a line says what was left undone" {
	"$imgmin" push "$BATS_FILE_TMPDIR/image.tar" "$s_main/slow/term/x:1" >out 2>err 3>&- &
	pid=$!
	for ((i = 0; i < 100; i++)); do
		[ "$(grep -c uploaded err)" != 3 ] || break
		sleep 0.1
	done
	sleep 0.5
	kill -TERM $pid
	status=0
	wait $pid || status=$?
	[ "$status" = 143 ]
	tail -n 1 err | grep -qx 'imgmin: interrupted: the push of layer 4 of 4 was left unfinished; nothing was tagged'
}

@test "the table of files: largest first, as wide as the terminal, and what a large one means" {
	head -c 6000000 /dev/urandom >libicudata.so.72
	table=("$imgmin" build --dry-run --add "$PWD/libicudata.so.72:/usr/lib/libicudata.so.72"
		"$sensor_native")
	expect 0 "${table[@]}"
	says 'hint: libicudata.so.72 is 6'
	sizes=$(awk '$1 ~ /^[0-9.]+$/ && $2 ~ /^(k|M)?B$/ { print $1 $2 }' <<<"$stderr" | sed 's/B$//' |
		tr k K | numfmt --from=si)
	[ "$(wc -l <<<"$sizes")" -gt 4 ]
	[ "$sizes" = "$(sort -rn <<<"$sizes")" ]
	expect 0 "$PYTHON" "$top/tests/lib/terminal.py" 60 24 "${table[@]}"
	[ "$(grep -cE '^ +[0-9.]+ k?M?B  ' <<<"$output")" = "$(wc -l <<<"$sizes")" ]
	! grep -E '^ .{59}' <<<"$output" || false
	[[ $output == *"hint: libicudata.so.72 is 6"* ]]
	rm libicudata.so.72
	expect 0 "$imgmin" build --dry-run "$sensor_native"
	[[ $stderr != *"hint: "* ]]
}

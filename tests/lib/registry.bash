# Registries for bats files: the fault server, the real docker-registry, certificates, and a
# network of their own. Load after common; whatever starts here is ended by servers_stop.

PYTHON=/usr/bin/python3
[ -x $PYTHON ] || PYTHON=python3
user=tester
password=s3cret-Pass
token_mark=t0ken-

# A layout directory with an image that does not compress; options of ociimage.py.
make_image() { # DIR [OPTION]...
	"$PYTHON" "$top/tests/lib/ociimage.py" "$@"
}

# server_start NAME [OPTION]...: the fault server; its ports stand in $NAME_main and so on, its log
# in $NAME_log. With $netns set it listens in that network.
server_start() {
	local name=$1 dir=$BATS_FILE_TMPDIR/$1 i within=()
	shift
	mkdir -p "$dir"
	# Not by a function: $! must be the server itself.
	[ -z "${netns:-}" ] || within=(nsenter -t "$netns" -n -m --wd="$PWD")
	"${within[@]}" "$PYTHON" "$top/tests/lib/faultserver.py" --ports "$dir/ports" \
		--log "$dir/log" "$@" >"$dir/stderr" 2>&1 </dev/null 3>&- &
	echo $! >>"$BATS_FILE_TMPDIR/servers.pids"
	for ((i = 0; i < 100; i++)); do
		[ ! -e "$dir/ports" ] || break
		sleep 0.05
	done
	[ -e "$dir/ports" ] || { cat "$dir/stderr"; return 1; }
	export "${name}_log=$dir/log"
	while IFS='=' read -r key value; do
		export "${name}_$key=$value"
	done <"$dir/ports"
}

servers_stop() {
	local pid
	[ -e "$BATS_FILE_TMPDIR/servers.pids" ] || return 0
	while read -r pid; do
		kill "$pid" 2>/dev/null || true
	done <"$BATS_FILE_TMPDIR/servers.pids"
	rm "$BATS_FILE_TMPDIR/servers.pids"
}

# real_start NAME [LINE]...: docker-registry with these further lines of YAML; its host and port
# stand in $r_NAME, its log in $r_NAME_log, its process in $r_NAME_pid.
real_start() {
	local name=$1 dir=$BATS_FILE_TMPDIR/real-$1 i port
	shift
	mkdir -p "$dir/data"
	printf '%s\n' "version: 0.1" "log: {level: info, formatter: json}" \
		"storage: {filesystem: {rootdirectory: $dir/data}, delete: {enabled: true}}" "$@" \
		>"$dir/config.yml"
	OTEL_TRACES_EXPORTER=none docker-registry serve "$dir/config.yml" >"$dir/log" 2>&1 </dev/null 3>&- &
	echo $! >>"$BATS_FILE_TMPDIR/servers.pids"
	export "r_${name}_pid=$!" "r_${name}_log=$dir/log"
	for ((i = 0; i < 100; i++)); do
		port=$(sed -nE 's/.*listening on 127\.0\.0\.1:([0-9]+).*/\1/p' "$dir/log" | head -n 1)
		[ -z "$port" ] || break
		sleep 0.1
	done
	[ -n "$port" ] || { cat "$dir/log"; return 1; }
	export "r_$name=127.0.0.1:$port"
}

# How many requests of the log are as the jq expression says.
requests() { # LOG EXPRESSION
	jq -s "map(select($2)) | length" "$1"
}

# Shows those that a test did not want to see.
no_requests() { # LOG EXPRESSION
	[ "$(requests "$1" "$2")" = 0 ] && return
	echo "requests that should not be: $2"
	jq -c "select($2)" "$1" | head -n 20
	return 1
}

# A network of our own where addresses beyond loopback exist and names resolve as we like; commands
# enter it by `inside`. Sets why_no_netns where that cannot be.
netns_start() { # HOSTS-FILE ADDRESS...
	export netns= why_no_netns=
	local hosts=$1 ready=$BATS_FILE_TMPDIR/netns.ready i
	shift
	[ "$(id -u)" = 0 ] || { why_no_netns="needs root"; return 0; }
	command -v ip >/dev/null && unshare -n -m true 2>/dev/null ||
		{ why_no_netns="no network namespaces here"; return 0; }
	unshare -n -m --propagation private bash -c '
		set -e
		hosts=$1 ready=$2
		shift 2
		ip link set lo up
		for address; do ip addr add "$address/32" dev lo; done
		mount --bind "$hosts" /etc/hosts
		touch "$ready"
		exec sleep 1000' - "$hosts" "$ready" "$@" >"$ready.log" 2>&1 </dev/null 3>&- &
	netns=$!
	echo $netns >>"$BATS_FILE_TMPDIR/servers.pids"
	for ((i = 0; i < 100; i++)); do
		[ ! -e "$ready" ] || return 0
		sleep 0.05
	done
	netns= why_no_netns="no network of our own: $(cat "$ready.log")"
}
inside() { nsenter -t "$netns" -n -m --wd="$PWD" "$@"; }
need_netns() { [ -z "$why_no_netns" ] || skip "$why_no_netns"; }

# A private CA in DIR/ca.crt.
make_ca() { # DIR
	mkdir -p "$1"
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 \
		-subj "/CN=tests" -keyout "$1/ca.key" -out "$1/ca.crt" 2>/dev/null
}

# DIR/NAME.crt and .key, of that CA. Valid for the names (DNS:…,IP:…); DATES as openssl ca has them.
make_cert() { # DIR NAME ALTNAMES [START END]
	local dir=$1 name=$2
	openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj "/CN=$name" \
		-keyout "$dir/$name.key" -out "$dir/$name.csr" 2>/dev/null
	echo "subjectAltName=$3" >"$dir/$name.ext"
	: >"$dir/index.txt"
	cat >"$dir/ca.cnf" <<-END
		[ca]
		default_ca=it
		[it]
		database=$dir/index.txt
		new_certs_dir=$dir
		rand_serial=yes
		default_md=sha256
		policy=any
		unique_subject=no
		[any]
		commonName=supplied
	END
	local dates=(-days 2)
	[ -z "${4:-}" ] || dates=(-startdate "$4" -enddate "$5")
	openssl ca -batch -notext -config "$dir/ca.cnf" -cert "$dir/ca.crt" -keyfile "$dir/ca.key" \
		-extfile "$dir/$name.ext" -in "$dir/$name.csr" -out "$dir/$name.crt" "${dates[@]}" \
		2>"$dir/$name.log" || { cat "$dir/$name.log"; return 1; }
}

# The blobs of a layout directory, in order.
blobs_of() { # LAYOUT
	find "$1/blobs/sha256" -type f -printf '%f\n' | sort
}

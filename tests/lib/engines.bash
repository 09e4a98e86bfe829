# Real engines for bats files: a private containerd and dockerd, nothing of which stays behind.
#
#   setup_file()    { engines_start; }      # sets DOCKER_SOCK and CTR_SOCK, or why_no_engines
#   teardown_file() { engines_stop; }
#   need_engines                            # in a test: skips with the reason
#
# docker and ctr below are the ones to call.

docker() { command /usr/bin/docker -H "unix://$DOCKER_SOCK" "$@"; }
ctr() { command ctr -a "$CTR_SOCK" -n test "$@"; }

# Waits until COMMAND works, 20 seconds at most, and only while PID lives.
wait_for() { # PID COMMAND...
	local pid=$1 i
	shift
	for ((i = 0; i < 200; i++)); do
		"$@" >/dev/null 2>&1 && return 0
		kill -0 "$pid" 2>/dev/null || return 1
		sleep 0.1
	done
	return 1
}

no_engines() {
	export why_no_engines=$1
	engines_stop
}

engines_start() {
	export why_no_engines= engines= CTR_SOCK= DOCKER_SOCK= DOCKER_CONFIG=
	local tool
	[ "$(id -u)" = 0 ] || { why_no_engines="needs root"; return 0; }
	for tool in containerd ctr dockerd runc /usr/bin/docker; do
		command -v "$tool" >/dev/null || { why_no_engines="$tool is not installed"; return 0; }
	done
	# A socket's path is limited to 107 bytes: not below bats' own directories.
	engines=$(mktemp -d /tmp/engines.XXXXXX)
	CTR_SOCK=$engines/c.sock
	DOCKER_CONFIG=$engines/config
	containerd --root "$engines/containerd" --state "$engines/state" --address "$CTR_SOCK" \
		>"$engines/containerd.log" 2>&1 </dev/null 3>&- &
	echo $! >"$engines/containerd.pid"
	wait_for $! test -S "$CTR_SOCK" ||
		{ no_engines "containerd did not start: $(tail -n 1 "$engines/containerd.log")"; return 0; }

	DOCKER_SOCK=$engines/docker.sock
	dockerd --iptables=false --bridge=none --storage-driver=vfs --data-root "$engines/docker" \
		--exec-root "$engines/exec" --pidfile "$engines/dockerd.pidfile" -H "unix://$DOCKER_SOCK" \
		--containerd "$CTR_SOCK" >"$engines/dockerd.log" 2>&1 </dev/null 3>&- &
	echo $! >"$engines/dockerd.pid"
	wait_for $! docker version ||
		{ no_engines "dockerd did not start: $(tail -n 1 "$engines/dockerd.log")"; return 0; }
}

# Ends one process by its id, and waits until it is gone.
end() { # PIDFILE
	local pid i
	[ -e "$1" ] || return 0
	pid=$(cat "$1")
	kill "$pid" 2>/dev/null || return 0
	for ((i = 0; i < 100; i++)); do
		kill -0 "$pid" 2>/dev/null || return 0
		sleep 0.1
	done
	kill -9 "$pid" 2>/dev/null || true
}

engines_stop() {
	[ -n "$engines" ] || return 0
	end "$engines/dockerd.pid"
	end "$engines/containerd.pid"
	awk -v top="$engines/" 'index($2, top) == 1 {print $2}' /proc/mounts | sort -r |
		xargs -r umount -l 2>/dev/null || true
	rm -rf "$engines"
	engines=
}

need_engines() {
	[ -z "$why_no_engines" ] || skip "$why_no_engines"
}

# Containers of other processors start here, or skip with the reason.
need_foreign() { # MACHINE
	local reason status=0
	reason=$("$top/tests/lib/binfmt.sh" "$1" 2>&1) || status=$?
	[ "$status" = 0 ] || skip "$reason"
}

# Containers get nothing but what is in the image: no network, no capabilities beyond the default.
run_in_docker() { # IMAGE [ARG...]
	docker run --rm --network none "$@"
}

"""What is measured, and how: bench/timed.c for time and memory, strace for system calls."""
import math
import os
import platform
import re
import shlex
import shutil
import signal
import statistics
import subprocess


class Failed(Exception):
    """imgmin or the harness did not do its part."""


class Missing(Exception):
    """The machine lacks a peer, or the right to run it."""


TIME_LIMIT = 600  # seconds; a peer that hangs must not hold the machine


def run(*argv, env=None, any_status=False):
    """Runs a command to its end; what it said is the error where it fails."""
    # In a group of its own, so that the end of time is one for its children too.
    with subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                          errors="replace", stdin=subprocess.DEVNULL, start_new_session=True,
                          env={**os.environ, **(env or {})}) as done:
        try:
            out, said = done.communicate(timeout=TIME_LIMIT)
        except BaseException as e:
            os.killpg(done.pid, signal.SIGKILL)
            if not isinstance(e, subprocess.TimeoutExpired):
                raise
            raise Failed(f"{shlex.join(argv)[:200]}: still running after {TIME_LIMIT} s") from e
    if done.returncode and not any_status:
        raise Failed(f"{shlex.join(argv)[:200]}: {said.strip()[-400:]}")
    return out


class Side:
    """A command that does the row's work, with what became of it.

    before: argv that makes ready for a run, outside the time; size: a function that tells the bytes
    of the result after a run; why: why it cannot be run; also: further things to be said of it."""

    def __init__(self, name, argv, before=None, env=None, any_status=False, size=None, why="",
                 daemon=False):
        self.name, self.argv, self.before, self.env = name, argv, before, env or {}
        self.any_status, self.size, self.why, self.daemon = any_status, size, why, daemon
        self.times, self.memory = [], None
        self.beside = None  # the side of ours whose time is told as a ratio to this one's
        self.bytes = self.requests = self.syscalls = None

    @property
    def median(self):
        return statistics.median(self.times) if self.times else None

    @property
    def quartiles(self):
        if len(self.times) < 2:
            return None
        low, _, high = statistics.quantiles(self.times, n=4, method="inclusive")
        return low, high

    def facts(self):
        return {"name": self.name, "command": command_text(self.argv, self.env),
                "times": self.times, "median": self.median, "quartiles": self.quartiles,
                "peak_memory": self.memory, "bytes": self.bytes, "requests": self.requests,
                "syscalls": self.syscalls, "work_in_daemon": self.daemon, "why": self.why}


def command_text(argv, env):
    words = [f"{k}={shlex.quote(v)}" for k, v in env.items()]
    return " ".join(words + [shlex.quote(w) for w in argv])


def missing(name, e):
    return Side(name, [], why=str(e))


class Timer:
    """Runs sides. The program that times them is compiled below work."""

    def __init__(self, work):
        self.timed, self.out = os.path.join(work, "timed"), os.path.join(work, "timed.out")
        run(os.environ.get("CC", "cc"), "-O2", "-o", self.timed, "bench/timed.c")

    def run(self, argv, env=None, any_status=False):
        """(seconds, bytes of the largest resident set, that of one process of all that ran)."""
        run(self.timed, self.out, *argv, env=env, any_status=any_status)
        with open(self.out) as f:
            took, used, status = map(int, f.read().split())
        if status and not any_status:
            # Once more, to hear what it says.
            run(*argv, env=env)
            raise Failed(f"{shlex.join(argv)[:200]}: status {status}, but not the second time")
        return took / 1e9, used * 1024

    def once(self, side):
        if side.before:
            run(*side.before, env=side.env)
        return self.run(side.argv, side.env, side.any_status)

    def peak_memory(self, argv):
        """Maximum resident set size in bytes, on two CPUs."""
        return self.run([*two_cpus(), *argv])[1]

    def compare(self, sides, rounds, runs=1, registry=None, syscalls=True, look=True):
        """Measures all sides, the first of which is ours: they take turns in every round, in an
        order that changes with the rounds. Within a round a side's runs count by their median.
        Before the rounds each runs once, for the page cache, the bytes and the requests."""
        for side in sides if look else []:
            attempt(sides, side, lambda: self.look(side, registry))
        for i in range(rounds):
            alive = [s for s in sides if not s.why]
            order = alive[i % len(alive):] + alive[:i % len(alive)]
            seen = {side: [] for side in order}
            for _ in range(runs):
                for side in order:
                    attempt(sides, side, lambda: seen[side].append(self.settled(side)))
            for side, figures in seen.items():
                if not side.why:
                    side.times.append(statistics.median(t for t, _ in figures))
                    side.memory = max([side.memory or 0, *(m for _, m in figures)])
        for side in sides if syscalls and shutil.which("strace") else []:
            attempt(sides, side, lambda: self.count_calls(side))

    def settled(self, side):
        """imgmin syncs what it writes: nobody shall wait for what another left unwritten."""
        if side.before:
            run(*side.before, env=side.env)
            os.sync()
        return self.run(side.argv, side.env, side.any_status)

    def look(self, side, registry):
        if side.before:
            run(*side.before, env=side.env)
        else:
            self.run(side.argv, side.env, side.any_status)  # it finds what it left there
        asked = registry.requests() if registry else 0
        side.memory = self.run(side.argv, side.env, side.any_status)[1]
        if registry:
            side.requests = registry.requests() - asked
        if side.size:
            side.bytes = side.size()

    def count_calls(self, side):
        if side.before:
            run(*side.before, env=side.env)
        run("strace", "-c", "-f", "-qq", "-o", self.out, *side.argv, env=side.env,
            any_status=side.any_status)
        with open(self.out) as f:
            found = re.search(r"^ *100\.00 +\S+ +\S+ +(\d+) .*total$", f.read(), re.M)
        side.syscalls = int(found[1]) if found else None


def attempt(sides, side, what):
    """A peer that fails is out of the comparison, and the report says why; imgmin must not fail."""
    if side.why:
        return
    try:
        what()
    except Failed as e:
        if side is sides[0] or side.name.startswith("imgmin"):
            raise
        side.why = str(e)


def two_cpus():
    return ["taskset", "-c", ",".join(map(str, sorted(os.sched_getaffinity(0))[:2]))]


def ratio(ours, peer):
    """The median of the rounds' ratios."""
    return statistics.median(a / b for a, b in zip(ours.times, peer.times))


# ---- growth ----

# Student's t for 95 % in two tails, by degrees of freedom.
STUDENT = [None, 12.71, 4.30, 3.18, 2.78, 2.57, 2.45, 2.36, 2.31]


def slope(points):
    """(exponent, half of its 95 % interval or None, largest residual as a factor) of a power law
    through points (n, value): least squares of the logarithms."""
    xs, ys = [math.log(n) for n, _ in points], [math.log(v) for _, v in points]
    mx, my, n = statistics.mean(xs), statistics.mean(ys), len(points)
    sxx = sum((x - mx) ** 2 for x in xs)
    k = sum((x - mx) * (y - my) for x, y in zip(xs, ys)) / sxx
    off = [y - my - k * (x - mx) for x, y in zip(xs, ys)]
    free = n - 2
    half = STUDENT[free] * math.sqrt(sum(o * o for o in off) / free / sxx) if free > 0 else None
    return k, half, math.exp(max(map(abs, off)))


def fit(points):
    """The exponent over all points and over the last three. A cost that does not grow flattens
    the former, so that the latter tells more of what comes next."""
    k, half, residual = slope(points)
    return {"exponent": k, "interval": half, "residual": residual, "last": slope(points[-3:])[0]}


# ---- the machine ----

def first_line(*argv):
    try:
        lines = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                               text=True).stdout.split("\n")
        return lines[0].strip()
    except OSError:
        return argv[0] + " is not there"


def package(name):
    """For tools that do not say their version."""
    return first_line("dpkg-query", "-W", "-f", "${Package} ${Version}", name)


def from_proc(path, pattern):
    with open(path) as f:
        found = re.search(pattern, f.read(), re.M)
    return found[1] if found else "unknown"


def machine(work, docker):
    commit = first_line("git", "-c", "safe.directory=*", "rev-parse", "--short=12", "HEAD")
    changed = first_line("git", "-c", "safe.directory=*", "status", "--porcelain", "-uno")
    return {"cpus": len(os.sched_getaffinity(0)),
            "cpu": from_proc("/proc/cpuinfo", r"^model name\s*: (.*)"),
            "memory": int(from_proc("/proc/meminfo", r"^MemTotal: *(\d+)")) * 1024,
            "kernel": f"{platform.system()} {platform.release()}",
            "system": from_proc("/etc/os-release", r'^PRETTY_NAME="?([^"\n]*)'),
            "filesystem": first_line("stat", "-f", "-c", "%T", work),
            "commit": commit + (" and changes" if changed else ""),
            "load_before": os.getloadavg()[0],
            "versions": [*(first_line(*argv) for argv in (
                ("ldd", "--version"), ("buildah", "--version"), (docker, "--version"),
                ("umoci", "--version"), ("skopeo", "--version"), ("pigz", "--version"),
                ("zstd", "--version"), ("tar", "--version"), ("curl", "--version"),
                ("strace", "--version"), ("docker-registry", "--version"))),
                package("libtree"), package("pax-utils")]}

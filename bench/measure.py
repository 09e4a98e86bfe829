"""What is measured, and how: hyperfine for times, GNU time for memory."""
import json
import os
import platform
import shlex
import signal
import statistics
import subprocess
import tempfile
import time


class Failed(Exception):
    """imgmin or the harness did not do its part."""


class Missing(Exception):
    """The machine lacks a peer, or the right to run it."""


TIME_LIMIT = 300  # seconds; a peer that hangs must not hold the machine


def run(*argv):
    """Runs a command to its end; what it said is the error where it fails."""
    # In a group of its own, so that the end of time is one for its children too.
    with subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                          stdin=subprocess.DEVNULL, start_new_session=True) as done:
        try:
            out, said = done.communicate(timeout=TIME_LIMIT)
        except BaseException as e:
            os.killpg(done.pid, signal.SIGKILL)
            if not isinstance(e, subprocess.TimeoutExpired):
                raise
            raise Failed(f"{shlex.join(argv)[:200]}: still running after {TIME_LIMIT} s") from e
    if done.returncode:
        raise Failed(f"{shlex.join(argv)[:200]}: {said.strip()[-400:]}")
    return out


def round_times(commands, runs, warmup, any_status):
    """The times of each command's runs, in seconds. A command is (argv, argv to run before)."""
    with tempfile.NamedTemporaryFile(suffix=".json") as out:
        argv = ["hyperfine", "-N", "--style", "none", "-r", str(runs), "-w", str(warmup),
                "--export-json", out.name]
        if any_status:
            argv.append("-i")
        if any(before for _, before in commands):
            # imgmin syncs what it writes: it shall not wait for what the other side left unwritten.
            for _, before in commands:
                words = shlex.join(before or ["true"]) + " && sync"
                argv += ["--prepare", shlex.join(["sh", "-c", words])]
        run(*argv, *(shlex.join(command) for command, _ in commands))
        with open(out.name) as f:
            return [result["times"] for result in json.load(f)["results"]]


def alternating(ours, peer, rounds, runs, any_status=False):
    """(ours, peer, ratio, difference): medians over the rounds. The order changes every round, and
    within one a command's runs count by their median."""
    pairs = []
    for i in range(rounds):
        order = [ours, peer] if i % 2 == 0 else [peer, ours]
        times = [statistics.median(t)
                 for t in round_times(order, runs, 1 if i == 0 or runs > 1 else 0, any_status)]
        pairs.append(times if i % 2 == 0 else times[::-1])
    return (statistics.median(a for a, _ in pairs), statistics.median(b for _, b in pairs),
            statistics.median(a / b for a, b in pairs), statistics.median(a - b for a, b in pairs))


def once(argv):
    """How long one run takes, to choose by; the second one, when files are in the page cache."""
    for _ in range(2):
        start = time.monotonic()
        subprocess.run(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return time.monotonic() - start


def peak_memory(argv):
    """Maximum resident set size in bytes, on two CPUs."""
    with tempfile.NamedTemporaryFile(mode="r") as out:
        cpus = ",".join(map(str, sorted(os.sched_getaffinity(0))[:2]))
        run("taskset", "-c", cpus, "/usr/bin/time", "-f", "%M", "-o", out.name, *argv)
        return int(out.read().split()[-1]) * 1024


def machine():
    def first_line(*argv):
        try:
            return subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                  text=True).stdout.split("\n")[0].strip()
        except OSError:
            return argv[0] + " is not there"

    cpu = "unknown"
    with open("/proc/cpuinfo") as f:
        for line in f:
            if line.startswith("model name"):
                cpu = line.split(":", 1)[1].strip()
                break
    return {"cpus": len(os.sched_getaffinity(0)), "cpu": cpu,
            "kernel": f"{platform.system()} {platform.release()}",
            "load_before": os.getloadavg()[0],
            "versions": [first_line(*argv) for argv in (
                ("libtree", "--version"), ("buildah", "--version"), ("pigz", "--version"),
                ("tar", "--version"), ("skopeo", "--version"),
                ("curl", "--version"), ("docker-registry", "--version"),
                ("hyperfine", "--version"))]}

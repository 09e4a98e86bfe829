#!/usr/bin/python3
"""Fails the system calls of imgmin one by one and looks at what is left.

    faults.py --imgmin FILE --inject FILE [--sample N] [--at-least N] [--report FILE] [--jobs N]
              [--keep DIR] [SCENARIO...]

Each scenario is run once as it is, which gives the list of its calls (tests/lib/inject.c) and the
result it must have. Then, for each fault, it is run in a directory of its own. What must hold:

- it ends, by itself and with a documented status, and nothing of a sanitizer's is on stderr;
- with 0 everything is as without the fault; else the error's own text is told, stdout has no result,
  and each place holds what it held before or all that it was to hold, and nothing lies beside;
- a registry has no tag whose blobs are missing;
- the same command then succeeds without a fault and gives the same, whatever the cache now holds.

--sample N takes about N faults a scenario, at least one for each kind of call and target before any
second one; without it each call gets each of its errors. Exit status: 1 where something was found
or fewer than --at-least were injected, 77 where the machine does not let faults be injected.
"""
import argparse
import collections
import concurrent.futures
import hashlib
import http.client
import json
import os
import re
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import time

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
NOT_PERMITTED = 77

# What each call can fail with. EOF is a return of 0: a file cut short, a peer that hung up. SHORT
# does half of the work, which must do no harm. With a + all later calls of that name fail as well,
# as on a disk that is full.
READ = ["EIO", "EINTR", "EOF", "SHORT", "EIO+", "SHORT+"]
WRITE = ["ENOSPC", "EIO", "EINTR", "SHORT", "ENOSPC+", "SHORT+"]
HARMLESS = {("read", "EINTR"), ("pread64", "EINTR"), ("write", "EINTR"), ("pwrite64", "EINTR")}
ERRORS = {
    "openat": ["EMFILE", "EACCES", "EIO", "EINTR", "EMFILE+"],
    "open": ["EMFILE", "EACCES", "EIO"],
    "read": READ,
    "readv": READ,
    "pread64": READ,
    "preadv": READ,
    "write": WRITE,
    "writev": WRITE,
    "pwrite64": WRITE,
    "close": ["EIO", "EINTR"],
    "lseek": ["EIO"],
    "newfstatat": ["EIO", "EACCES", "ENOMEM", "EIO+"],
    "fstat": ["EIO"],
    "statx": ["EIO"],
    "stat": ["EIO"],
    "lstat": ["EIO"],
    "access": ["EIO"],
    "faccessat": ["EIO"],
    "faccessat2": ["EIO", "EACCES"],
    "readlinkat": ["EIO", "EACCES"],
    "readlink": ["EIO"],
    "getdents64": ["EIO", "ENOMEM"],
    "mkdirat": ["ENOSPC", "EACCES", "EROFS", "EROFS+"],
    "mkdir": ["ENOSPC", "EACCES", "EROFS"],
    "unlinkat": ["EIO", "EACCES", "EACCES+"],
    "unlink": ["EIO", "EACCES"],
    "renameat": ["ENOSPC", "EXDEV", "EROFS", "EIO", "EIO+"],
    "renameat2": ["ENOSPC", "EXDEV", "EINVAL", "EIO"],
    "rename": ["ENOSPC", "EXDEV", "EIO"],
    "linkat": ["EMLINK", "EXDEV", "EPERM"],
    "link": ["EMLINK", "EXDEV"],
    "symlinkat": ["ENOSPC", "EPERM", "EACCES"],
    "ftruncate": ["EIO", "ENOSPC"],
    "fallocate": ["ENOSPC", "EOPNOTSUPP"],
    "fsync": ["EIO", "ENOSPC", "EINTR", "EIO+"],
    "fdatasync": ["EIO", "ENOSPC"],
    "syncfs": ["EIO", "ENOSPC"],
    "copy_file_range": ["ENOSPC", "EIO", "EXDEV", "ENOSYS", "EOF"],
    "sendfile": ["EIO", "EINVAL"],
    "fcntl": ["EINVAL", "ENOLCK"],
    "flock": ["ENOLCK", "EINTR"],
    "ioctl": ["EIO", "ENOTTY"],
    "mmap": ["ENOMEM", "ENODEV"],
    "mprotect": ["ENOMEM"],
    "clone3": ["EAGAIN", "EAGAIN+"],
    "clone": ["EAGAIN"],
    "fork": ["EAGAIN"],
    "vfork": ["EAGAIN"],
    "execve": ["ENOMEM", "EACCES"],
    "wait4": ["EINTR"],
    "waitid": ["EINTR"],
    "pipe2": ["EMFILE"],
    "pipe": ["EMFILE"],
    "dup": ["EMFILE"],
    "dup2": ["EBUSY"],
    "dup3": ["EBUSY"],
    "socket": ["EMFILE", "EACCES"],
    "socketpair": ["EMFILE"],
    "connect": ["ECONNREFUSED", "EINTR", "ETIMEDOUT", "ENETUNREACH", "ECONNREFUSED+"],
    "bind": ["EADDRINUSE"],
    "sendto": ["ECONNRESET", "EPIPE", "EINTR", "SHORT", "ECONNRESET+", "SHORT+"],
    "sendmsg": ["ECONNRESET", "EPIPE", "EINTR"],
    "sendmmsg": ["ECONNRESET"],
    "recvfrom": ["ECONNRESET", "EINTR", "EOF", "SHORT", "EOF+", "SHORT+"],
    "recvmsg": ["ECONNRESET", "EINTR"],
    "getsockopt": ["ENOBUFS"],
    "setsockopt": ["ENOBUFS"],
    "getsockname": ["ENOBUFS"],
    "getpeername": ["ENOTCONN"],
    "poll": ["EINTR", "ENOMEM"],
    "ppoll": ["EINTR", "ENOMEM"],
    "epoll_create1": ["EMFILE"],
    "epoll_ctl": ["ENOMEM"],
    "epoll_pwait": ["EINTR"],
    "eventfd2": ["EMFILE"],
    "getrandom": ["EAGAIN", "ENOSYS"],
    "getcwd": ["ENOENT", "EACCES"],
    "utimensat": ["EACCES", "EPERM"],
    "fchmod": ["EPERM"],
    "fchmodat": ["EPERM"],
    "fchown": ["EPERM"],
    "flistxattr": ["EIO", "ENOTSUP"],
    "fgetxattr": ["EIO", "ENODATA"],
    "lgetxattr": ["EIO"],
    "llistxattr": ["EIO"],
    "statfs": ["EIO"],
    "fstatfs": ["EIO"],
    "fadvise64": ["EINVAL"],
    "memfd_create": ["EMFILE"],
    "uname": ["EFAULT"],
    "prlimit64": ["EPERM"],
    "sysinfo": ["EFAULT"],
    "sched_getaffinity": ["EINVAL", "ENOSYS"],
    "prctl": ["EINVAL", "EPERM"],
    "seccomp": ["EINVAL", "ENOSYS"],
    "landlock_create_ruleset": ["ENOSYS", "EOPNOTSUPP"],
    "landlock_add_rule": ["EINVAL"],
    "landlock_restrict_self": ["E2BIG"],
}
STRERROR = {name: os.strerror(number) for number, name in __import__("errno").errorcode.items()}
SANITIZERS = re.compile(rb"AddressSanitizer|LeakSanitizer|runtime error:|UndefinedBehavior")
TEMP = re.compile(r"\.imgmin-[a-z0-9]{6}")
REMOVES = {"unlinkat", "unlink", "rmdir"}

Call = collections.namedtuple("Call", "name nth target")
Fault = collections.namedtuple("Fault", "call error")


def write(path, text):
    with open(path, "w", encoding="utf-8") as f:
        f.write(text)


def snapshot(top):
    """Each path below with what it is: enough to tell two states apart."""
    seen = {}
    for folder, names, files in os.walk(top):
        for name in names + files:
            path = os.path.join(folder, name)
            mode = os.lstat(path).st_mode
            if stat.S_ISLNK(mode):
                what = os.readlink(path)
            elif stat.S_ISREG(mode):
                with open(path, "rb") as f:
                    what = hashlib.sha256(f.read()).hexdigest()
            else:
                what = ""
            seen[os.path.relpath(path, top)] = (stat.filemode(mode), what)
    return seen


def under(seen, place):
    return {k: v for k, v in seen.items() if k == place or k.startswith(place + "/")}


# ---- a registry ------------------------------------------------------------------------------


class Registry:
    def __init__(self, folder):
        os.makedirs(folder)
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            self.port = s.getsockname()[1]
        config = os.path.join(folder, "config.yml")
        write(config, "version: 0.1\nlog: {level: warn}\n"
              f"storage: {{filesystem: {{rootdirectory: {folder}/data}}}}\n"
              f"http: {{addr: '127.0.0.1:{self.port}'}}\n")
        with open(os.path.join(folder, "log"), "wb") as log:
            self.process = subprocess.Popen(["docker-registry", "serve", config], stdout=log,
                                            stderr=log, stdin=subprocess.DEVNULL,
                                            env=os.environ | {"OTEL_TRACES_EXPORTER": "none"})
        for _ in range(100):
            try:
                self.ask("GET", "/v2/")
                return
            except OSError:
                time.sleep(0.1)
        raise RuntimeError("the registry does not answer")

    def ask(self, method, path):
        c = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            c.request(method, path, headers={"Accept": ", ".join([
                "application/vnd.oci.image.index.v1+json",
                "application/vnd.oci.image.manifest.v1+json",
                "application/vnd.docker.distribution.manifest.v2+json"])})
            r = c.getresponse()
            return r.status, r.read()
        finally:
            c.close()

    def image(self, repo, name="latest"):
        """The digests of an image with all it consists of; None where there is no such tag."""
        status, body = self.ask("GET", f"/v2/{repo}/manifests/{name}")
        if status == 404:
            return None
        if status != 200:
            return f"{name}: {status}"
        found = ["sha256:" + hashlib.sha256(body).hexdigest()]
        document = json.loads(body)
        for m in document.get("manifests", []):
            found += self.image(repo, m["digest"]) or [f"missing {m['digest']}"]
        for blob in [document.get("config")] + document.get("layers", []):
            if blob:
                status, _ = self.ask("HEAD", f"/v2/{repo}/blobs/{blob['digest']}")
                found.append(blob["digest"] if status == 200 else f"missing {blob['digest']}")
        return found

    def stop(self):
        self.process.terminate()
        self.process.wait()


# ---- scenarios -------------------------------------------------------------------------------


class Scenario:
    """A command line, what it finds, and what it makes in out/."""

    def __init__(self, name, words, before=None, repo=None):
        self.name, self.words, self.prepare, self.repo = name, words, before, repo
        self.command = name.split("-")[0]
        self.talks = self.command in ("push", "pull")
        self.before = self.after = self.stdout = self.image = None


def scenarios(work, registry):
    host = f"127.0.0.1:{registry.port}" if registry else "127.0.0.1:1"
    common = ["--retry", "2", "--retry-delay", "0.01"]
    program, other = f"{work}/prog", f"{work}/other"
    build = ["build", program, "--compression-level", "1", "--add", f"{work}/conf:/etc/conf",
             "-t", "t/x", "-o", "out/a.tar", "-o", "oci:out/layout"]
    slim = ["slim", f"{work}/fat.tar", "--compression-level", "1", "-t", "t/x",
            "-o", "out/a.tar", "-o", "oci:out/layout"]

    def older(run, *places):
        # Another image at the same places, and everything of this one in the cache.
        run(["build", other, "--compression-level", "1", "-t", "t/x"] + list(places))

    def older_build(run):
        older(run, "-o", "out/a.tar", "-o", "oci:out/layout")
        run(build[:-4] + ["-o", "a.tar"])
        return ["a.tar"]

    return [
        Scenario("build-new", build + ["--iidfile", "out/id", "--digestfile", "out/digest"]),
        Scenario("build-over", build, older_build),
        Scenario("slim-new", slim),
        Scenario("slim-over", ["slim", f"oci:{work}/fat", "--compression-level", "1", "-t", "t/x",
                               "-o", "out/a.tar"], lambda run: older(run, "-o", "out/a.tar")),
        Scenario("push-layout", ["push", f"oci:{work}/image", host + "/{repo}"] + common, None, True),
        Scenario("push-archive", ["push", f"{work}/plain.tar", host + "/{repo}"] + common, None, True),
        Scenario("pull-layout", ["pull", f"{host}/seed:latest", "oci:out/layout"] + common),
        Scenario("pull-archive", ["pull", f"{host}/seed:latest", "out/a.tar"] + common,
                 lambda run: older(run, "-o", "out/a.tar")),
        Scenario("pull-over", ["pull", f"{host}/seed:latest", "oci:out/layout"] + common,
                 lambda run: older(run, "-o", "oci:out/layout")),
    ]


class Bench:
    """Where everything happens: the inputs, the registry, and a directory for each trial."""

    def __init__(self, args):
        self.args = args
        folder = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
        self.work = args.keep or tempfile.mkdtemp(prefix="faults-", dir=folder)
        os.makedirs(self.work, exist_ok=True)
        self.registry = None
        self.trials = 0

    def close(self):
        if self.registry:
            self.registry.stop()
        if not self.args.keep:
            shutil.rmtree(self.work, ignore_errors=True)

    def environment(self, trial):
        known = {k: os.environ[k] for k in ("PATH", "LD_LIBRARY_PATH") if k in os.environ}
        return known | {
            "HOME": f"{trial}/home", "XDG_CACHE_HOME": f"{trial}/cache", "TMPDIR": f"{trial}/tmp",
            "LC_ALL": "C.UTF-8", "ASAN_OPTIONS": "exitcode=99:abort_on_error=0:detect_leaks=1",
            "UBSAN_OPTIONS": "halt_on_error=1:exitcode=99:print_stacktrace=1",
        }

    def imgmin(self, trial, words, injected=()):
        prefix = [self.args.inject, *injected, "--"] if injected else []
        return subprocess.run(prefix + [self.args.imgmin, *words], cwd=trial, timeout=120,
                              env=self.environment(trial), stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)

    def must(self, trial, words):
        done = self.imgmin(trial, words)
        if done.returncode:
            raise RuntimeError(f"{' '.join(words)}: {done.returncode}: {done.stderr.decode()}")
        return done

    def new_trial(self, scenario, template=None):
        self.trials += 1
        trial = f"{self.work}/{scenario.name}.{self.trials}"
        if template:
            shutil.copytree(template, trial, symlinks=True)
        else:
            for name in ("", "out", "cache", "home", "tmp"):
                os.mkdir(os.path.join(trial, name))
        return trial

    def make_inputs(self, names):
        for name, extra in (("prog", ""), ("other", "puts(\"another\");")):
            write(f"{self.work}/{name}.c", "#include <netdb.h>\n#include <stdio.h>\n"
                  f"int main(void) {{ struct addrinfo *a; {extra}\n"
                  "return getaddrinfo(\"x\", \"80\", 0, &a) != 0; }\n")
            subprocess.run(["cc", "-o", f"{self.work}/{name}", f"{self.work}/{name}.c"], check=True)
        os.makedirs(f"{self.work}/conf/d")
        write(f"{self.work}/conf/a.conf", "a\n")
        write(f"{self.work}/conf/d/b.conf", "b\n" * 3000)
        trial = self.new_trial(Scenario("inputs", []))
        for place in ("-o", f"{self.work}/fat.tar"), ("-o", f"oci:{self.work}/fat"):
            self.must(trial, ["build", f"{self.work}/prog", "--with", "certs", "--add",
                              f"{self.work}/conf:/etc/conf", "-t", "t/fat", *place])
        subprocess.run([sys.executable, f"{TOP}/tests/lib/ociimage.py", f"{self.work}/image",
                        "--layers", "3", "--size", "30000"], check=True,
                       stdout=subprocess.DEVNULL)
        # As docker save leaves them: layers that nobody has compressed.
        self.must(trial, ["build", f"{self.work}/other", "--compression", "none", "--format",
                          "docker", "-t", "t/plain", "-o", f"{self.work}/plain.tar"])
        if any(n.startswith(("push", "pull")) for n in names):
            self.registry = Registry(f"{self.work}/registry")
            self.must(trial, ["push", f"oci:{self.work}/image",
                              f"127.0.0.1:{self.registry.port}/seed:latest"])

    # -- one scenario

    def words(self, scenario, trial):
        repo = os.path.basename(trial).replace(".", "/")
        return [w.replace("{repo}", repo) for w in scenario.words], repo

    def record(self, scenario):
        """Runs it without a fault: its calls, and what it leaves."""
        template = self.new_trial(scenario)
        if scenario.prepare:
            for name in scenario.prepare(lambda words: self.must(template, words)) or []:
                os.remove(f"{template}/{name}")
        scenario.template = template
        scenario.before = snapshot(f"{template}/out")
        trial = self.new_trial(scenario, template)
        words, repo = self.words(scenario, trial)
        done = self.imgmin(trial, words, ["--told", f"{trial}.told", "--list"])
        if done.returncode == NOT_PERMITTED:
            print(done.stderr.decode().strip())
            sys.exit(NOT_PERMITTED)
        with open(f"{trial}.told", encoding="utf-8", errors="replace") as f:
            lines = f.read().split("\n")
        if "exit 0" not in lines:
            raise RuntimeError(f"{scenario.name}: {lines[-3:]} {done.stderr.decode()}")
        scenario.after = snapshot(f"{trial}/out")
        scenario.stdout = done.stdout.replace(repo.encode(), b"REPO")
        if scenario.repo:
            scenario.image = self.registry.image(repo)
        calls = []
        for line in lines:
            kind, *rest = line.split(" ", 3)
            if kind == "call":
                target = TEMP.sub(".imgmin-*", rest[2] if len(rest) > 2 else "")
                target = re.sub(r"(socket|pipe):\[\d+\]", r"\1", target.replace(trial, "."))
                calls.append(Call(rest[0], int(rest[1]), re.sub(r"[0-9a-f]{64}", "DIGEST", target)))
        shutil.rmtree(trial)
        return calls

    def faults(self, scenario, calls):
        is_sanitized = self.is_sanitized()
        every = []
        for c in calls:
            # The sanitizers' own allocator ends the program where it gets no memory.
            if is_sanitized and c.name == "mmap" and c.target == "memory":
                continue
            every += [Fault(c, e) for e in ERRORS.get(c.name, [])]
        if not self.args.sample or len(every) <= self.args.sample:
            return every
        return sample(every, self.args.sample)

    def is_sanitized(self):
        with open(self.args.imgmin, "rb") as f:
            return b"__asan_init" in f.read()

    def trial(self, scenario, fault):
        """One fault: (what became of it, [what is wrong])."""
        trial = self.new_trial(scenario, scenario.template)
        words, repo = self.words(scenario, trial)
        told = f"{trial}.told"
        call = fault.call
        done = self.imgmin(trial, words, ["--told", told, "--limit", "30", "--fail",
                                          f"{call.name}:{call.nth}:{fault.error}"])
        with open(told, encoding="utf-8", errors="replace") as f:
            lines = f.read().split("\n")[:-1]
        os.remove(told)
        if not any(line.startswith("hit ") for line in lines):
            shutil.rmtree(trial)
            return "not reached", []
        end = lines[-1]
        hit = next(line for line in lines if line.startswith("hit ")).split(" ", 3)
        wrong = [line for line in lines if line in ("hang", "left")]
        stdout = done.stdout.replace(repo.encode(), b"REPO")
        wrong += self.judge(scenario, trial, end, stdout, done.stderr, hit,
                            fault.error)
        wrong += self.judge_registry(scenario, repo, end)
        again = self.imgmin(trial, words)
        if again.returncode:
            wrong.append(f"afterwards: {again.returncode}: {again.stderr.decode()}")
        elif again.stdout.replace(repo.encode(), b"REPO") != scenario.stdout:
            wrong.append(f"afterwards another result: {again.stdout.decode()}")
        else:
            out = snapshot(f"{trial}/out")
            wrong += ["afterwards: " + w for w in differences(
                scenario.after, out if call.name not in REMOVES else without_leftovers(out))]
        if not self.args.keep or not wrong:
            shutil.rmtree(trial)
        return end, wrong

    def judge(self, scenario, trial, end, stdout, stderr, hit, error):
        wrong = []
        _, name, _, *target = hit
        target = target[0] if target else ""
        if SANITIZERS.search(stderr):
            wrong.append("sanitizer: " + stderr.decode(errors="replace")[:3000])
        allowed = {"exit 0", "exit 1"}
        if error == "EACCES" and not scenario.talks:
            allowed.add("exit 3")  # what the loader may not read is not there for it either
        if scenario.talks and (target.startswith("socket:") or not target):
            allowed = {"exit 0", "exit 1", "exit 6"}
        if end not in allowed:
            wrong.append(f"ended with {end}")
        out = snapshot(f"{trial}/out")
        if end == "exit 0":
            if stdout != scenario.stdout:
                wrong.append(f"0 with another result: {stdout.decode()}")
            wrong += ["0 with other output: " + w for w in differences(
                scenario.after, out if name not in REMOVES else without_leftovers(out))]
        else:
            # Where stderr itself fails nothing can be told.
            is_mute = name == "write" and (target.startswith("pipe:") or error.endswith("+"))
            text = re.search(r"^imgmin: error: (.+)", stderr.decode(errors="replace"), re.M)
            cause = STRERROR.get(error.rstrip("+"), "")
            if error.startswith("SHORT") or (name, error) in HARMLESS:
                wrong.append("what must do no harm did")
            if not is_mute and not (text and cause in text.group(1)):
                wrong.append("not told: " + stderr.decode(errors="replace"))
            if stdout and name not in ("close",):
                wrong.append(f"failed with a result: {stdout.decode()}")
            wrong += places(scenario, out, may_leave=name in REMOVES or error.endswith("+"))
        left = snapshot(f"{trial}/tmp")
        if left and name not in REMOVES:
            wrong.append(f"left in TMPDIR: {sorted(left)}")
        known = {"out", "cache", "home", "tmp"}
        astray = set(os.listdir(trial)) - known
        if astray or os.listdir(f"{trial}/home"):
            wrong.append(f"astray: {astray} {os.listdir(f'{trial}/home')}")
        return wrong

    def judge_registry(self, scenario, repo, end):
        if not scenario.repo:
            return []
        image = self.registry.image(repo)
        if image != scenario.image and (end == "exit 0" or image is not None):
            return [f"the registry has {image}"]
        return []

    def run(self, scenario, tell):
        calls = self.record(scenario)
        faults = self.faults(scenario, calls)
        ends = collections.Counter()
        findings = []
        with concurrent.futures.ThreadPoolExecutor(self.args.jobs) as pool:
            for fault, (end, wrong) in zip(
                    faults, pool.map(lambda f: self.trial(scenario, f), faults)):
                ends[end] += 1
                if wrong:
                    findings.append((fault, wrong))
        shutil.rmtree(scenario.template, ignore_errors=True)
        tell(scenario, len(calls), ends, findings)
        return len(findings)


def sample(every, n):
    """Evenly over kinds of calls and targets, first one of each, with errors in turn."""
    kinds = collections.OrderedDict()
    for fault in every:
        kinds.setdefault((fault.call.name, fault.call.target), []).append(fault)
    # Of kinds, too, only as many as are wanted, evenly over the run.
    groups = list(kinds.values())
    chosen, turn = [], 0
    while len(chosen) < n and groups:
        room = n - len(chosen)
        step = max(1.0, len(groups) / room)
        at = 0.0
        while at < len(groups) and len(chosen) < n:
            group = groups[int(at)]
            chosen.append(group.pop((turn * 7 + int(at) * 3) % len(group)))
            at += step
        groups = [g for g in groups if g]
        turn += 1
    return chosen


def without_leftovers(seen):
    """What could not be removed stays; the next run that makes the same anew sweeps it."""
    return {k: v for k, v in seen.items() if not TEMP.search(k)}


def differences(want, got):
    lacking = sorted(set(want) - set(got))
    beyond = sorted(set(got) - set(want))
    other = sorted(k for k in set(want) & set(got) if want[k] != got[k])
    found = []
    for what, names in (("lacks", lacking), ("has beyond", beyond), ("changed", other)):
        if names:
            found.append(f"{what} {names[:6]}")
    return found


def places(scenario, out, may_leave):
    """Each place is as before or as wanted, and nothing else is there."""
    wrong = []
    for name in sorted({k.split("/")[0] for k in out} | {k.split("/")[0] for k in scenario.before}):
        got = under(out, name)
        old, new = under(scenario.before, name), under(scenario.after, name)
        if got in (old, new):
            continue
        if TEMP.search(name) and may_leave:
            continue
        index = f"{name}/index.json"
        if index in old and all(got.get(k) == v for k, v in old.items() if k != index) and \
                got.get(index) == old[index]:
            # A layout that was there keeps its image; blobs without a name do no harm.
            odd = {k for k in got if k not in old and new.get(k) != got[k]}
            if not odd or (may_leave and all(TEMP.search(k) for k in odd)):
                continue
        wrong.append(f"partial output {name}: " + "; ".join(differences(new, got)))
    return wrong


# ---- report ----------------------------------------------------------------------------------


class Report:
    def __init__(self, path):
        self.rows, self.findings, self.path = [], [], path
        self.faults = collections.Counter()

    def tell(self, scenario, calls, ends, findings):
        hit = sum(n for end, n in ends.items() if end != "not reached")
        self.faults[scenario.command] += hit
        failed = {e: n for e, n in sorted(ends.items()) if e not in ("exit 0", "not reached")}
        self.rows.append((scenario.name, calls, hit, ends["exit 0"],
                          ", ".join(f"{e}: {n}" for e, n in failed.items()), len(findings)))
        print(f"{scenario.name}: {calls} calls, {hit} faults, {ends['exit 0']} unharmed, "
              f"{self.rows[-1][4]}, {len(findings)} findings", flush=True)
        for fault, wrong in findings:
            line = (f"{scenario.name}: {fault.call.name} {fault.call.nth} {fault.error} "
                    f"{fault.call.target}: ")
            print("  " + line + " · ".join(wrong)[:300].replace("\n", " "), flush=True)
            self.findings.append(line + "\n  ".join(wrong))

    def write(self):
        if not self.path:
            return
        with open(self.path, "w", encoding="utf-8") as f:
            f.write("# Failed system calls\n\n| scenario | calls | faults | unharmed | failed | "
                    "findings |\n|---|---|---|---|---|---|\n")
            for row in self.rows:
                f.write("| " + " | ".join(str(x) for x in row) + " |\n")
            f.write(f"\n{sum(self.faults.values())} faults: " + ", ".join(
                f"{c} {n}" for c, n in self.faults.items()) + ".\n")
            f.write("\n## Findings\n\n" + ("".join(f"- {x}\n" for x in self.findings) or "None.\n"))


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--imgmin", required=True, type=os.path.abspath)
    p.add_argument("--inject", required=True, type=os.path.abspath)
    p.add_argument("--sample", type=int)
    p.add_argument("--at-least", type=int, default=1)
    p.add_argument("--report")
    p.add_argument("--jobs", type=int, default=2)
    p.add_argument("--keep", type=os.path.abspath)
    p.add_argument("scenario", nargs="*")
    args = p.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    bench, report = Bench(args), Report(args.report)
    try:
        names = [s.name for s in scenarios(bench.work, None)]
        wanted = [n for n in names if not args.scenario or
                  any(n == w or n.startswith(w + "-") for w in args.scenario)]
        bench.make_inputs(wanted)
        found = sum(bench.run(s, report.tell) for s in scenarios(bench.work, bench.registry)
                    if s.name in wanted)
    finally:
        bench.close()
    report.write()
    total = sum(report.faults.values())
    print(f"{total} faults, {found} findings")
    if total < args.at_least:
        print(f"these are fewer than {args.at_least}")
    return 1 if found or total < args.at_least else 0


sys.exit(main())

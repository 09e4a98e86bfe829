"""Rows of `imgmin ldd`, beside ldd, lddtree and libtree."""
import hashlib
import os
import subprocess

import inputs
from bench import group, need
from measure import Missing, Side

DIRS = ("/usr/bin", "/usr/sbin")


def imgmin(bench, programs):
    # A program whose library is missing ends some of them with an error; the work is done.
    return Side("imgmin ldd", [bench.imgmin, "ldd", "--format", "list", *programs],
                any_status=True)


def libtree(programs):
    need("libtree")
    return Side("libtree", ["libtree", "-p", "-vvv", *programs], any_status=True)


def ldd(programs):
    need("ldd")
    return Side("ldd", ["ldd", *programs], any_status=True)


def lddtree(programs):
    need("lddtree")
    # With the interpreter of its package, which has the libraries it wants.
    argv = ["/usr/bin/python3", "/usr/bin/lddtree", *programs]
    if subprocess.run([*argv[:2], "-V"], stdout=subprocess.DEVNULL,
                      stderr=subprocess.DEVNULL).returncode:
        raise Missing("lddtree does not start here")
    return Side("lddtree", argv, any_status=True)


def spread(programs, n):
    """n of them, in the order of their names' digests."""
    return sorted(programs, key=lambda p: hashlib.sha256(p.encode()).digest())[:n]


@group(("ldd of all programs of /usr/bin and /usr/sbin", 0.15, {}),
       ("ldd of 100 of them, beside lddtree", 0.1, {}),
       ("ldd of 100 of them, beside ldd", 0.1, {}))
def ldd_all(bench):
    programs = inputs.dynamic_programs(*DIRS)
    c = bench.compare(f"ldd: {len(programs)} programs in one call",
                      [imgmin(bench, programs), ("libtree", lambda: libtree(programs))], 9,
                      note="libtree -p -vvv shows system libraries and their own, as ldd does")
    yield c.ratio("libtree", note=f"{len(programs)} programs in one call")
    few = spread(programs, 100)
    c = bench.compare("ldd: 100 programs in one call",
                      [imgmin(bench, few), ("libtree", lambda: libtree(few)),
                       ("lddtree", lambda: lddtree(few)), ("ldd", lambda: ldd(few))], 7,
                      note="ldd starts each program's loader")
    yield c.ratio("lddtree")
    yield c.ratio("ldd")


def count_libraries(bench, programs):
    """(how many, program) of each, from the list itself."""
    out = subprocess.run(imgmin(bench, programs).argv, stdout=subprocess.PIPE,
                         stderr=subprocess.DEVNULL, text=True).stdout
    counts, now = {}, None
    for line in out.splitlines():
        if line.endswith(":"):
            now = line[:-1]
            counts[now] = 0
        elif " => " in line and now:
            counts[now] += 1
    return [(n, program) for program, n in counts.items()]


def of_sixty(bench):
    """(program, how many libraries) of the one nearest to 60; of several, the one that the peer is
    quickest with."""
    counts = count_libraries(bench, inputs.dynamic_programs(*DIRS))
    nearest = min(abs(n - 60) for n, _ in counts)

    def peers_time(program):
        side = libtree([program])
        return min(bench.timer.once(side)[0] for _ in range(3))

    found = [(p, n) for n, p in counts if abs(n - 60) == nearest]
    return found[0] if len(found) == 1 else min(found, key=lambda c: peers_time(c[0]))


@group(("ldd of one program of some 60 libraries", 0.4, {"unit": "ms"}))
def ldd_one(bench):
    need("libtree")
    program, n = of_sixty(bench)
    one = [program]
    c = bench.compare(f"ldd: {os.path.basename(program)}, {n} libraries",
                      [imgmin(bench, one), ("libtree", lambda: libtree(one)),
                       ("lddtree", lambda: lddtree(one)), ("ldd", lambda: ldd(one))], 11, 5)
    yield c.ratio("libtree", note=f"{program}, {n} libraries")


@group(("start: imgmin --version", 0.002, {"unit": "ms", "kind": "difference"}))
def start(bench):
    bare = inputs.bare(bench.path("bare"))
    c = bench.compare("start", [Side("imgmin --version", [bench.imgmin, "--version"]),
                                Side("a C program whose main returns at once", [bare])], 11, 10)
    ours, peer = c.sides
    yield {"ours": ours.median, "peer": peer.median, "result": ours.median - peer.median,
           "note": "peer: " + peer.name}


GROUPS = {"ldd-all": ldd_all, "ldd-one": ldd_one, "start": start}

"""Rows that tell how time and memory grow: programs, bytes, layers, platforms."""
import os
import shutil
import sys

import inputs
import measure
from bench import EXPONENT, MEMORY, MIB, Growth, group, need
from measure import Missing, Side, two_cpus
from registry import Registry
from rows_ldd import DIRS, imgmin as imgmin_ldd, libtree, spread
from rows_registry import fresh, image, imgmin_push, skopeo_push

LINEAR = 1.1


class Curve:
    """The same work for several n, side by side; its growth comes into the report."""

    def __init__(self, bench, title, what):
        self.bench, self.title, self.what = bench, title, what
        self.waiting = []  # (n, name, side)
        self.points = {}  # name → [(n, seconds, memory)]

    def add(self, n, name, make):
        """A side for n; the first of each n is ours. A peer that is missing stays out."""
        try:
            side = make()
        except Missing:
            return
        side.name = f"{name}, {n:,} {self.what.rstrip('s') if n == 1 else self.what}"
        side.beside = next((s for m, _, s in self.waiting if m == n), None)
        self.waiting.append((n, name, side))

    def measure(self, rounds, runs=1, note="", **more):
        """All that wait, in turns, so that what else the machine does meets every n."""
        ns = sorted({n for n, _, _ in self.waiting})
        title = f"{self.title}: {ns[0]:,}{f' to {ns[-1]:,}' if len(ns) > 1 else ''} {self.what}"
        self.bench.compare(title, [s for _, _, s in self.waiting], rounds, runs, note,
                           ours_first=False, **more)
        for n, name, side in self.waiting:
            if side.times:
                self.points.setdefault(name, []).append((n, side.median, side.memory))
        self.waiting = []

    def ends(self, note=""):
        """The row of imgmin, whose name is the first."""
        made = [Growth(self.bench.name, self.title, name, self.what, points)
                for name, points in self.points.items()]
        self.bench.growths += made
        return made[0].row(note)


# ---- programs ----

def many_programs(bench, n):
    """n programs in the order of their names' digests; copies where the machine has fewer."""
    programs = spread(inputs.dynamic_programs(*DIRS), n)
    have, copies = len(programs), bench.path("copies")
    os.makedirs(copies, exist_ok=True)
    for i in range(n - have):
        path = os.path.join(copies, f"{i}-{os.path.basename(programs[i % have])}")
        if not os.path.exists(path):
            shutil.copyfile(programs[i % have], path)
        programs.append(path)
    return programs, have


@group(("growth: ldd of 1 to 1,000 programs, exponent", LINEAR, EXPONENT))
def growth_ldd(bench):
    programs, have = many_programs(bench, 1000)
    curve = Curve(bench, "ldd", "programs")
    for n in (1, 10, 100, 1000):
        curve.add(n, "imgmin ldd", lambda n=n: imgmin_ldd(bench, programs[:n]))
        curve.add(n, "libtree", lambda n=n: libtree(programs[:n]))
    curve.measure(7, 3, syscalls=False)
    yield curve.ends(f"{1000 - have} of the thousand are copies of others" if have < 1000 else "")
    shutil.rmtree(bench.path("copies"))


# ---- bytes ----

TREES_MB = (1, 4, 16, 64, 256, 1024, 4096)
PEER_MB = 64  # so far beside the peer as well


@group(("growth: build with a tree of 1 MB to 4 GB, exponent", LINEAR, EXPONENT),
       ("peak memory: a tree of 4 GB", 64 * MIB, MEMORY))
def growth_tree(bench):
    sizes = [n for n in TREES_MB if n <= 256] if bench.quick else TREES_MB
    if shutil.disk_usage(bench.work).free < 3 * sizes[-1] * MIB:
        raise Missing("too little space here")
    tree, out, packed = (bench.path(n) for n in ("grown", "grown.tar", "grown.gz"))
    curve, grown = Curve(bench, "build with a tree", "MB"), inputs.Grown(tree)
    for n in sizes:
        grown.to(n)
        os.sync()
        ours = Side("", [*two_cpus(), *bench.build(bench.tiny, "--add", tree + ":/data", "--no-cache",
                                                   "--compression-level", "6", out="grown.tar")],
                    ["rm", "-f", out], size=lambda: os.path.getsize(out))
        curve.add(n, "imgmin build", lambda side=ours: side)
        if n <= PEER_MB and shutil.which("pigz"):
            pack = f"tar -cf - -C {tree} . | pigz -6 >{packed}"
            curve.add(n, "tar | pigz -6", lambda words=pack: Side(
                "", [*two_cpus(), "sh", "-c", words], ["rm", "-f", packed],
                size=lambda: os.path.getsize(packed)))
        # The largest take minutes: what the first run adds to the page cache is little beside them.
        curve.measure(7 if n <= 64 else 3 if n <= 256 else 1, syscalls=False, look=n <= 256,
                      note="two CPUs; text, code and random bytes in eight files a MB; gzip's level "
                           "6, which imgmin takes by itself above 8 MB")
    yield curve.ends()
    shutil.rmtree(tree)
    os.remove(out)
    used = ours.memory
    if sizes[-1] < 4096:
        yield {"ours": used, "note": f"{sizes[-1]} MB alone were measured"}
    else:
        yield {"ours": used, "result": used, "note": "two CPUs; maximum resident set"}


# ---- layers ----

LAYERS, LAYER = (1, 2, 4, 8, 16, 32, 64), 256 << 10


@group(("growth: push of 1 to 64 layers, exponent", LINEAR, EXPONENT),
       ("growth: pull of 1 to 64 layers, exponent", LINEAR, EXPONENT),
       ("growth: slim of 1 to 64 layers, exponent", LINEAR, EXPONENT),
       ("growth: inspect of 1 to 64 layers, exponent", LINEAR, EXPONENT))
def growth_layers(bench):
    pushes, pulls, slims, looks = (Curve(bench, what, "layers")
                                   for what in ("push", "pull", "slim", "inspect"))
    theirs, slimmed = bench.path("theirs"), bench.path("slimmed.tar")
    ours, env, before = fresh(bench, "ours")
    note = "a layer is 256 KiB that do not compress"
    images = {n: image(bench, f"layers{n}", n, LAYER) for n in LAYERS}
    with Registry(bench.path("registry")) as registry:
        ref = f"docker://{registry.address}/"
        for n, archive in images.items():
            pushes.add(n, "imgmin push", lambda a=archive: imgmin_push(
                bench, a, registry, registry.emptied))
            pushes.add(n, "skopeo copy", lambda a=archive: skopeo_push(
                a, registry, registry.emptied))
        pushes.measure(7, note=note, registry=registry)
        for n, archive in images.items():
            measure.run(bench.imgmin, "push", "-q", archive, f"{registry.address}/layers{n}:v")
            pulls.add(n, "imgmin copy", lambda n=n: Side(
                "", [bench.imgmin, "copy", "-q", f"{ref}layers{n}:v", f"oci:{ours}:v"], before,
                env=env))
            pulls.add(n, "skopeo copy", lambda n=n: skopeo_copy(f"{ref}layers{n}:v", theirs))
            keep = ["--keep", "/data/*"] if n > 1 else []
            slims.add(n, "imgmin slim", lambda a=archive, k=keep: Side(
                "", [bench.imgmin, "slim", "-q", a, "-o", slimmed, "--no-cache", *k],
                ["rm", "-f", slimmed]))
            looks.add(n, "imgmin inspect", lambda a=archive: Side(
                "", [bench.imgmin, "inspect", a]))
        pulls.measure(7, note=note, registry=registry)
    slims.measure(7, note=note + " and is kept")
    looks.measure(7, 3, note=note)
    for curve in (pushes, pulls, slims, looks):
        yield curve.ends()
    for archive in images.values():
        os.remove(archive)


def skopeo_copy(ref, out, *options):
    need("skopeo")
    return Side("", ["skopeo", "copy", "-q", *options, "--src-tls-verify=false", ref,
                     f"oci:{out}:v"], ["rm", "-rf", out])


# ---- platforms ----

PLATFORMS = ["linux/" + p for p in (
    "amd64", "arm64", "arm/v7", "arm/v6", "arm/v5", "386", "riscv64", "s390x", "ppc64le", "ppc64",
    "mips64le", "mips64", "mipsle", "mips", "loong64", "riscv32")]


def platform_layout(bench, platforms, out):
    measure.run(sys.executable, "tests/lib/ociimage.py", out, "--layers", "2", "--size", "65536",
                "--platforms", ",".join(platforms), "--seed", out)
    return out


@group(("growth: build for 1 to 14 platforms, exponent", LINEAR, EXPONENT),
       ("growth: index create of 1 to 16 platforms, exponent", LINEAR, EXPONENT),
       ("growth: copy of 1 to 16 platforms, exponent", LINEAR, EXPONENT))
def growth_platforms(bench):
    builds, indexes, copies = (Curve(bench, what, "platforms")
                               for what in ("build", "index create", "copy of an index"))
    programs = inputs.foreign(bench.path("foreign"))
    ours, env, before = fresh(bench, "ours")
    theirs, out = bench.path("theirs"), bench.path("out.tar")
    note = "two layers of 64 KiB a platform"
    parts = [platform_layout(bench, [p], bench.path(f"part{i}"))
             for i, p in enumerate(PLATFORMS)]
    for n in (1, 2, 4, 8, len(programs)):
        builds.add(n, "imgmin build", lambda n=n: Side(
            "", [bench.imgmin, "build", "-q", *programs[:n], "-o", out, "--no-cache"],
            ["rm", "-f", out]))
    builds.measure(7, 3, note="static programs, most of 64 KiB")
    with Registry(bench.path("registry")) as registry:
        def create(n, name):
            return [bench.imgmin, "index", "create", "-q", f"{registry.address}/{name}:v",
                    *("oci:" + p for p in parts[:n])]

        for n in (1, 2, 4, 8, 16):
            indexes.add(n, "imgmin index create", lambda n=n: Side("", create(n, "index"),
                                                                  registry.emptied))
        indexes.measure(7, note=note, registry=registry)
        for n in (1, 2, 4, 8, 16):
            measure.run(*create(n, f"index{n}"))
            ref = f"docker://{registry.address}/index{n}:v"
            copies.add(n, "imgmin copy", lambda r=ref: Side(
                "", [bench.imgmin, "copy", "-q", r, "oci:" + ours], before, env=env))
            copies.add(n, "skopeo copy --all", lambda r=ref: skopeo_copy(r, theirs, "--all"))
        copies.measure(7, note=note, registry=registry)
    for curve in (builds, indexes, copies):
        yield curve.ends()


GROUPS = {"growth-ldd": growth_ldd, "growth-tree": growth_tree, "growth-layers": growth_layers,
          "growth-platforms": growth_platforms}

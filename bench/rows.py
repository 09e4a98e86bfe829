"""The rows of the report, in groups that are measured together."""
import functools
import json
import os
import shutil
import subprocess
import tarfile

import inputs
import measure
from measure import Failed, Missing
from registry import Registry, puts

MIB = 1 << 20


class Bench:
    def __init__(self, imgmin, work, quick):
        self.imgmin, self.work, self.quick = imgmin, work, quick

    def path(self, name):
        return os.path.join(self.work, name)

    def rounds(self, n):
        return 3 if self.quick else n

    def build(self, program, *options, out="out.tar"):
        return [self.imgmin, "build", "-q", program, "-o", self.path(out), *options]

    @functools.cached_property
    def sensor(self):
        return inputs.sensor(self.path("sensor"))

    @functools.cached_property
    def tiny(self):
        return inputs.tiny(self.path("tiny"))

    @functools.cached_property
    def tree(self):
        return inputs.tree(self.path("tree"))


def row(title, limit, unit="s", kind="ratio", ours=None, peer=None, result=None, note="",
        failed=False):
    return {"title": title, "unit": unit, "kind": kind, "ours": ours, "peer": peer,
            "result": result, "limit": limit, "holds": None if None in (result, limit) else result <= limit,
            "note": note, "failed": failed}


def group(*heads):
    """A group of rows, given by (title, limit, further fields of row); the function yields what
    else is known of each."""
    def wrap(fn):
        def measured(bench):
            done = []
            try:
                for fields in fn(bench):
                    title, limit, more = heads[len(done)]
                    done.append(row(title, limit, **more, **fields))
                why, failed = "", False
            except (Failed, Missing) as e:
                why, failed = str(e), isinstance(e, Failed)
            for title, limit, more in heads[len(done):]:
                done.append(row(title, limit, **more, note=why, failed=failed))
            return done
        return measured
    return wrap


def ratio(figures, note=""):
    ours, peer, of_rounds, _ = figures
    return {"ours": ours, "peer": peer, "result": of_rounds, "note": note}


def need(*tools):
    for tool in tools:
        if not shutil.which(tool):
            raise Missing(f"no {tool} here")


# ---- ldd ----

def list_command(bench, programs):
    return [bench.imgmin, "ldd", "--format", "list", *programs], None


def libtree_command(programs):
    return ["libtree", "-p", "-vvv", *programs], None


@group(("ldd of all programs of /usr/bin and /usr/sbin", 0.25, {}))
def ldd_all(bench):
    need("libtree")
    programs = inputs.dynamic_programs("/usr/bin", "/usr/sbin")
    figures = measure.alternating(list_command(bench, programs), libtree_command(programs),
                                  bench.rounds(9), 1, any_status=True)
    yield ratio(figures, f"{len(programs)} programs in one call; peer: libtree -p -vvv")


def count_libraries(bench, programs):
    """(how many, program) of each, from the list itself."""
    out = subprocess.run(list_command(bench, programs)[0], stdout=subprocess.PIPE,
                         stderr=subprocess.DEVNULL, text=True).stdout
    counts, now = {}, None
    for line in out.splitlines():
        if line.endswith(":"):
            now = line[:-1]
            counts[now] = 0
        elif " => " in line and now:
            counts[now] += 1
    return [(n, program) for program, n in counts.items()]


@group(("ldd of one program of some 60 libraries", 0.5, {"unit": "ms"}))
def ldd_one(bench):
    need("libtree")
    counts = count_libraries(bench, inputs.dynamic_programs("/usr/bin", "/usr/sbin"))
    nearest = min(abs(n - 60) for n, _ in counts)
    # Of several, the one that the peer is quickest with.
    program, n = min(((p, n) for n, p in counts if abs(n - 60) == nearest),
                     key=lambda c: measure.once(libtree_command([c[0]])[0]))
    figures = measure.alternating(list_command(bench, [program]), libtree_command([program]),
                                  bench.rounds(15), 10, any_status=True)
    yield ratio(figures, f"{program}, {n} libraries; peer: libtree -p -vvv")


@group(("start: imgmin --version", 0.002, {"unit": "ms", "kind": "difference"}))
def start(bench):
    bare = inputs.bare(bench.path("bare"))
    ours, peer, _, more = measure.alternating(([bench.imgmin, "--version"], None), ([bare], None),
                                              bench.rounds(15), 10)
    yield {"ours": ours, "peer": peer, "result": more,
           "note": "peer: a C program whose main returns at once"}


# ---- build ----

def layer_sizes(archive):
    """Sizes of the layers of the one image in an archive, bottom first."""
    with tarfile.open(archive) as tar:
        def document(name):
            return json.load(tar.extractfile(name))

        top = document("index.json")["manifests"][0]
        blob = document("blobs/" + top["digest"].replace(":", "/"))
        return [layer["size"] for layer in blob["layers"]]


def unpack_layers(archive, to):
    """The files of the image, for the peer to copy."""
    os.makedirs(to)
    with tarfile.open(archive) as tar:
        top = json.load(tar.extractfile("index.json"))["manifests"][0]
        manifest = json.load(tar.extractfile("blobs/" + top["digest"].replace(":", "/")))
        for layer in manifest["layers"]:
            blob = tar.extractfile("blobs/" + layer["digest"].replace(":", "/"))
            with tarfile.open(fileobj=blob, mode="r:*") as files:
                files.extractall(to)


BUILDAH = """set -e
buildah() { command buildah --storage-driver vfs --root "$1/root" --runroot "$1/run" "${@:2}"; }
cd "$1"
case $2 in
clean)
	buildah "$1" rm -a >/dev/null
	buildah "$1" rmi -a -f >/dev/null
	rm -f "$1/out.tar" ;;
build)
	c=$(buildah "$1" from scratch)
	buildah "$1" copy -q "$c" "$3" / >/dev/null
	buildah "$1" config --entrypoint "$4" "$c"
	buildah "$1" commit -q --disable-compression=false "$c" "oci-archive:$1/out.tar" >/dev/null ;;
esac
"""


def buildah_command(bench, files, entrypoint):
    """from scratch, copy, config, commit into an archive of compressed layers, as imgmin's output
    is one. Its storage is there already, and what an earlier run left in it is removed before the
    time runs."""
    need("buildah")
    if os.geteuid():
        raise Missing("buildah's storage driver vfs needs root here")
    storage, script = bench.path("buildah"), bench.path("buildah.sh")
    os.makedirs(storage, exist_ok=True)
    with open(script, "w") as f:
        f.write(BUILDAH)
    command = ["bash", script, storage]
    measure.run(*command, "build", files, entrypoint)
    measure.run(*command, "clean")
    return [*command, "build", files, entrypoint], [*command, "clean"]


@group(("build of the armhf sensor, layers in the cache", 0.05, {}),
       ("build of the armhf sensor, nothing in the cache", 0.4, {}),
       ("bytes of the armhf sensor's layers", 1.0, {"unit": "B"}))
def sensor(bench):
    out, cache = bench.path("out.tar"), bench.path("cache")
    warm = bench.build(bench.sensor, "--cache-dir", cache)
    measure.run(*warm)
    ours = sum(layer_sizes(out))
    unpack_layers(out, bench.path("files"))
    peer = buildah_command(bench, bench.path("files") + "/.", '["/usr/bin/sensor"]')
    note = "peer: buildah from scratch, copy, config, commit to an oci-archive, compressed (storage driver vfs)"
    yield ratio(measure.alternating((warm, ["rm", "-f", out]), peer, bench.rounds(7), 1), note)
    cold = bench.build(bench.sensor, "--cache-dir", bench.path("cold"))
    figures = measure.alternating((cold, ["rm", "-rf", out, bench.path("cold")]), peer,
                                  bench.rounds(7), 1)
    yield ratio(figures, note)
    measure.run(*peer[0])
    theirs = sum(layer_sizes(bench.path("buildah/out.tar")))
    yield {"ours": ours, "peer": theirs, "result": ours / theirs, "note": note}


SCRIPT = """#!/usr/bin/python3
import datetime, json, logging, math, socket, struct, sys, threading, time

while True:
    print(json.dumps({"at": datetime.datetime.now().isoformat(), "light": math.sin(time.time())}))
    time.sleep(1)
"""


@group(("rebuild of a Python image of 7 MB, its script changed", 0.1, {"unit": "ms"}))
def rebuild(bench):
    root, script = inputs.sysroot("armhf", "programs"), bench.path("light.py")
    with open(script, "w") as f:
        f.write(SCRIPT)
    os.chmod(script, 0o755)
    out, warm, cold = bench.path("out.tar"), bench.path("cache"), bench.path("cold")
    said = bench.path("rebuild.json")
    measure.run(*bench.build(script, "--sysroot", root, "--cache-dir", warm, "--metadata-file",
                             said))
    with open(said) as f:
        raw = json.load(f)["imgmin.images"][0]["raw_size"]
    change = ["sh", "-c", f"rm -rf {out} {cold}; date '+# %N' >>{script}"]
    ours = bench.build(script, "--sysroot", root, "--cache-dir", warm)
    peer = bench.build(script, "--sysroot", root, "--cache-dir", cold)
    yield ratio(measure.alternating((ours, change), (peer, change), bench.rounds(7), 3),
                f"{raw:,} bytes of layers; peer: the same with an empty cache")


@group(("build with a tree of 75 MB in 2,000 files", 0.5, {}),
       ("bytes of that tree's layer", 1.0, {"unit": "B"}))
def tree(bench):
    need("pigz", "tar")
    out, packed = bench.path("out.tar"), bench.path("tree.gz")
    ours = bench.build(bench.tiny, "--add", bench.tree.path + ":/data", "--no-cache")
    peer = ["sh", "-c", 'tar -cf - -C "$1" . | pigz -6 >"$2"', "sh", bench.tree.path, packed]
    note = f"{bench.tree.told}; peer: tar -cf - TREE | pigz -6"
    figures = measure.alternating((ours, ["rm", "-f", out]), (peer, ["rm", "-f", packed]),
                                  bench.rounds(7), 1)
    yield ratio(figures, note)
    size, theirs = max(layer_sizes(out)), os.path.getsize(packed)
    yield {"ours": size, "peer": theirs, "result": size / theirs, "note": note}


MEMORY = {"unit": "MiB", "kind": "value"}


@group(("peak memory: the tree of 75 MB", 48 * MIB, MEMORY),
       ("peak memory: a tree of 1 GB", 48 * MIB, MEMORY),
       ("peak memory: the tree of 75 MB, zstd", 48 * MIB, MEMORY),
       ("peak memory: the armhf sensor", 48 * MIB, MEMORY),
       ("peak memory: the armhf sensor, zstd", 48 * MIB, MEMORY))
def memory(bench):
    if not os.path.exists("/usr/bin/time"):
        raise Missing("no /usr/bin/time here")

    def peak(program, *options, note=""):
        used = measure.peak_memory(bench.build(program, "--no-cache", *options))
        return {"ours": used, "result": used, "note": note}

    small = bench.tree.path + ":/data"
    yield peak(bench.tiny, "--add", small, note="two CPUs; /usr/bin/time's maximum resident set")
    large = inputs.large_tree(bench.path("large"))
    yield peak(bench.tiny, "--add", large + ":/data", note="random bytes, text and holes")
    shutil.rmtree(large)
    yield peak(bench.tiny, "--add", small, "--compression", "zstd")
    yield peak(bench.sensor)
    yield peak(bench.sensor, "--compression", "zstd")


# ---- slim ----

@group(("slim of sqlite3 out of a small Debian", 1.5, {}),
       ("bytes of that image, not compressed", 5_500_000, {"unit": "B", "kind": "value"}),
       ("peak memory: slim of sqlite3", 48 * MIB, MEMORY))
def slim(bench):
    archive, out = inputs.small_debian(bench.path("debian"), bench.imgmin), bench.path("slim.tar")
    ours = [bench.imgmin, "slim", "-q", archive, "-o", out, "--no-cache", "--metadata-file",
            bench.path("slim.json")]
    peer = ["sh", "-c", 'sha256sum "$1" && tar -tf "$1"', "sh", archive]
    figures = measure.alternating((ours, ["rm", "-f", out]), (peer, None), bench.rounds(9), 1)
    yield ratio(figures, f"docker archive of {os.path.getsize(archive) / 1e6:.0f} MB, nothing kept "
                "from earlier runs; peer: sha256sum and tar -t of it")
    with open(bench.path("slim.json")) as f:
        size = json.load(f)["imgmin.images"][0]["raw_size"]
    yield {"ours": size, "result": size, "note": "layers as tar files"}
    used = measure.peak_memory(ours)
    yield {"ours": used, "result": used}
    os.remove(archive)


# ---- push and pull ----

MB = 1_000_000


def image(bench, name, layers, size):
    """The archive of an image with that many layers of that size, random bytes in gzip."""
    out, options = name + ".tar", []
    program = inputs.filled(bench.path(name), size)
    for i in range(1, layers):
        noise = inputs.random_file(bench.path(f"{name}.noise{i}"), size, i)
        options += ["--add", f"{noise}:/data/noise{i}"]
    measure.run(*bench.build(program, "--layers", "file", "--no-cache", *options, out=out))
    sizes = layer_sizes(bench.path(out))
    if len(sizes) != layers or not all(size <= n < size * 1.02 for n in sizes):
        raise Failed(f"{name}: layers of {sizes}")
    return bench.path(out)


def layer_blobs(archive, to):
    """[(path, digest)] of the layers of an archive, as files of their own below to."""
    os.makedirs(to)
    with tarfile.open(archive) as tar:
        members = [m for m in tar.getmembers() if m.name.startswith("blobs/") and m.size > MB // 2]
        for member in members:
            member.name = os.path.basename(member.name)
            tar.extract(member, to)
    return [(os.path.join(to, m.name), "sha256:" + m.name) for m in members]


def push_command(bench, archive, registry):
    return [bench.imgmin, "push", "-q", archive, registry.address + "/bench:v"]


def skopeo_push(archive, registry):
    need("skopeo")
    return ["skopeo", "copy", "-q", "--dest-tls-verify=false", "oci-archive:" + archive,
            f"docker://{registry.address}/bench:v"]


@group(("push of 28 MB in four layers, beside skopeo", 0.6, {}),
       ("push of 28 MB in four layers, beside four curls", 1.15, {"unit": "ms"}),
       ("push of 1 MB, beside skopeo", 0.5, {"unit": "ms"}),
       ("requests of a push of one layer that is there", 4, {"unit": "requests", "kind": "value"}),
       ("pull of 28 MB in four layers, beside skopeo", None, {"unit": "ms"}))
def push(bench):
    need("skopeo", "curl")
    large, small = image(bench, "large", 4, 7 * MB), image(bench, "small", 1, MB)
    note = "docker-registry on loopback, emptied before each run; peer: "
    with Registry(bench.path("registry")) as registry:
        def beside(archive, peer):
            ours = push_command(bench, archive, registry)
            return measure.alternating((ours, registry.emptied), (peer, registry.emptied),
                                       bench.rounds(9), 3)

        copies = note + "skopeo copy oci-archive: docker:"
        yield ratio(beside(large, skopeo_push(large, registry)), copies)
        blobs = layer_blobs(large, bench.path("blobs"))
        yield ratio(beside(large, puts(registry.address, blobs)),
                    note + "POST and PUT of the layers by curl, all at once, without config, "
                    "manifest and tag")
        yield ratio(beside(small, skopeo_push(small, registry)), copies)
        measure.run(*push_command(bench, small, registry))
        before = registry.requests()
        measure.run(*push_command(bench, small, registry))
        requests = registry.requests() - before
        yield {"ours": requests, "result": requests, "note": "by the registry's access log"}
        measure.run(*push_command(bench, large, registry))
        yield pull(bench, registry)


def pull(bench, registry):
    out, theirs = bench.path("pulled.tar"), bench.path("copied.tar")
    kept = bench.path("kept")
    ours = ["env", "XDG_CACHE_HOME=" + kept, bench.imgmin, "pull", "-q",
            registry.address + "/bench:v", out]
    peer = ["skopeo", "copy", "-q", "--src-tls-verify=false", f"docker://{registry.address}/bench:v",
            "oci-archive:" + theirs]
    figures = measure.alternating((ours, ["rm", "-rf", out, kept]), (peer, ["rm", "-f", theirs]),
                                  bench.rounds(9), 3)
    return ratio(figures, "nothing kept from earlier runs; peer: skopeo copy docker: oci-archive:")


@group(("peak memory: push of a layer of 1 GiB", 48 * MIB, MEMORY),
       ("peak memory: pull of a layer of 1 GiB", 48 * MIB, MEMORY))
def push_memory(bench):
    if shutil.disk_usage(bench.work).free < 6 << 30:
        raise Missing("less than 6 GiB free here")
    archive, pulled, kept = bench.path("huge.tar"), bench.path("pulled.tar"), bench.path("kept")
    noise = inputs.large_file(bench.path("huge"))
    measure.run(*bench.build(bench.tiny, "--add", noise + ":/data", "--no-cache", "--compression",
                             "none", out="huge.tar"))
    os.remove(noise)
    with Registry(bench.path("registry")) as registry:
        used = measure.peak_memory(push_command(bench, archive, registry))
        yield {"ours": used, "result": used,
               "note": "random bytes, not compressed; two CPUs; maximum resident set"}
        os.remove(archive)
        used = measure.peak_memory(["env", "XDG_CACHE_HOME=" + kept, bench.imgmin, "pull", "-q",
                                    registry.address + "/bench:v", pulled])
        yield {"ours": used, "result": used}
    os.remove(pulled)
    shutil.rmtree(kept)


GROUPS = {"ldd-all": ldd_all, "ldd-one": ldd_one, "start": start, "sensor": sensor, "rebuild": rebuild,
          "tree": tree, "memory": memory, "slim": slim, "push": push, "push-memory": push_memory}

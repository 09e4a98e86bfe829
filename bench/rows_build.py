"""Rows of `imgmin build` and `slim`, beside buildah, umoci, docker and tar with a compressor."""
import json
import os
import shlex
import shutil
import tarfile

import inputs
import measure
from bench import MEMORY, MIB, group, need
from engine import Buildah, docker_client
from measure import Side
from registry import Registry

ENTRYPOINT = '["/usr/bin/sensor"]'


def layer_sizes(archive):
    """Sizes of the layers of the one image in an archive, bottom first."""
    with tarfile.open(archive) as tar:
        def document(name):
            return json.load(tar.extractfile(name))

        top = document("index.json")["manifests"][0]
        blob = document("blobs/" + top["digest"].replace(":", "/"))
        return [layer["size"] for layer in blob["layers"]]


def layout_layers(layout):
    """Bytes of all layers of the one image in a layout directory."""
    def document(name):
        with open(os.path.join(layout, name)) as f:
            return json.load(f)

    top = document("index.json")["manifests"][0]
    blob = document("blobs/" + top["digest"].replace(":", "/"))
    return sum(layer["size"] for layer in blob["layers"])


def archive_layers(path):
    return lambda: sum(layer_sizes(path))


def unpack_layers(archive, to):
    """The files of the image, for the peers to copy."""
    os.makedirs(to)
    with tarfile.open(archive) as tar:
        top = json.load(tar.extractfile("index.json"))["manifests"][0]
        manifest = json.load(tar.extractfile("blobs/" + top["digest"].replace(":", "/")))
        for layer in manifest["layers"]:
            blob = tar.extractfile("blobs/" + layer["digest"].replace(":", "/"))
            with tarfile.open(fileobj=blob, mode="r:*") as files:
                files.extractall(to)


class Context:
    """What a user writes for an engine: the finished files below root/, and three lines."""

    def __init__(self, folder, entrypoint):
        self.folder, self.files = folder, os.path.join(folder, "root")
        self.entrypoint = entrypoint
        os.makedirs(folder, exist_ok=True)
        for name in ("Dockerfile", "Containerfile"):
            with open(os.path.join(folder, name), "w") as f:
                f.write(f"FROM scratch\nCOPY root/ /\nENTRYPOINT {entrypoint}\n")


def shell(*lines):
    return ["sh", "-c", "set -e; " + "; ".join(lines)]


def buildah_archive(bench, context):
    """from scratch, copy, config, commit into an archive of compressed layers."""
    b, out = Buildah(bench.path("buildah")), bench.path("buildah.tar")
    argv = shell(f"c=$({b.words} from scratch)", f"{b.words} copy -q $c {context.files}/. /",
                 f"{b.words} config --entrypoint {shlex.quote(context.entrypoint)} $c",
                 f"{b.words} commit -q --disable-compression=false $c oci-archive:{out}")
    return Side("buildah", argv, b.forget(out), size=archive_layers(out))


def umoci_lines(layout, context):
    return [f"umoci init --layout {layout}", f"umoci new --image {layout}:v",
            f"umoci insert --image {layout}:v {context.files} /",
            f"umoci config --image {layout}:v --config.entrypoint "
            + json.loads(context.entrypoint)[0]]


def umoci(bench, context):
    need("umoci")
    layout = bench.path("umoci")
    return Side("umoci", shell(*umoci_lines(layout, context)), ["rm", "-rf", layout],
                size=lambda: layout_layers(layout))


def docker_build(bench, context, name, kit, platform="linux/amd64"):
    engine = bench.engine()
    return Side(name, [docker_client(), "build", "-q", "--platform", platform, "-t", "bench:v",
                       context.folder],
                engine.forget(), env={**engine.env, "DOCKER_BUILDKIT": kit}, daemon=True,
                size=lambda: int(engine.docker("image", "inspect", "-f", "{{.Size}}", "bench:v")))


CLASSIC, KIT = "docker build", "docker build, BuildKit"
DOCKER_NOTE = ("docker's time is that of its client; its daemon is warm, and its memory and system "
               "calls are not counted. Its bytes are files, not compressed, as the daemon keeps them")


def sensor_context(bench):
    """The files that imgmin finds, for the peers."""
    out = bench.path("sensor.tar")
    context = Context(bench.path("context"), ENTRYPOINT)
    if not os.path.exists(context.files):
        measure.run(*bench.build(bench.sensor, "--no-cache", out="sensor.tar"))
        unpack_layers(out, context.files)
    return context


@group(("build of the armhf sensor, layers in the cache", 0.05, {}),
       ("build of the armhf sensor, nothing in the cache", 0.4, {}),
       ("bytes of the armhf sensor's layers", 1.0, {"unit": "B"}))
def sensor(bench):
    context, out = sensor_context(bench), bench.path("out.tar")
    warm, cold = bench.path("cache"), bench.path("cold")
    measure.run(*bench.build(bench.sensor, "--cache-dir", warm))
    kept = "imgmin, layers in the cache"
    arm = "linux/arm/v7"
    c = bench.compare("build of the armhf sensor", [
        Side("imgmin", bench.build(bench.sensor, "--cache-dir", cold), ["rm", "-rf", out, cold],
             size=archive_layers(out)),
        Side(kept, bench.build(bench.sensor, "--cache-dir", warm), ["rm", "-f", out],
             size=archive_layers(out)),
        ("buildah", lambda: buildah_archive(bench, context)),
        ("umoci", lambda: umoci(bench, context)),
        (CLASSIC, lambda: docker_build(bench, context, CLASSIC, "0", arm)),
        (KIT, lambda: docker_build(bench, context, KIT, "1", arm))], 7,
        note="the peers get the files that imgmin finds; imgmin and buildah write an archive, umoci "
             "a layout. " + DOCKER_NOTE)
    yield c.ratio("buildah", ours=kept)
    yield c.ratio("buildah")
    yield c.bytes("buildah", "umoci")


def imgmin_push(bench, registry, name, cache, before):
    return Side(name, [bench.imgmin, "build", "-q", bench.sensor, "-t",
                       f"{registry.address}/imgmin:v", "--push", "--cache-dir", cache], before)


def docker_push(bench, registry, context, name, kit, cold):
    engine, ref, docker = bench.engine(), f"{registry.address}/docker{kit}:v", docker_client()
    words = f"{docker} build -q --platform linux/arm/v7 -t {ref} {context.folder}"
    before = shell(*(shlex.join(argv) for argv in (engine.forget(), registry.emptied)))
    return Side(name, shell(words, f"{docker} push -q {ref}"), before if cold else None,
                env={**engine.env, "DOCKER_BUILDKIT": kit}, daemon=True)


BY_HAND = """FROM bench-base AS found
COPY sensor/ /opt/sensor/
RUN mkdir -p /out/usr && cp -r /opt/sensor/bin /opt/sensor/lib /out/usr/ && \\
    for file in $(ldd /opt/sensor/bin/sensor | grep -o '/[^ ]*' | grep -v ^/opt); do \\
        cp -L --parents "$file" /out/; \\
    done
FROM scratch
COPY --from=found /out/ /
ENTRYPOINT %s
"""


def hand_context(bench):
    """What a user writes who has imgmin not: a first stage that looks for the libraries."""
    folder = bench.path("by-hand")
    if os.path.exists(folder):
        return folder
    measure.run("tests/lib/binfmt.sh", "arm")
    root = inputs.sysroot("armhf", "minbase")
    base, engine = bench.path("base"), bench.engine()
    os.makedirs(base)
    measure.run("tar", "-cf", base + "/base.tar", "-C", root, "--exclude=./dev/*", ".")
    with open(os.path.join(base, "Dockerfile"), "w") as f:
        f.write("FROM scratch\nADD base.tar /\nLABEL bench=base\n")
    measure.run(engine.words, "build", "-q", "--platform", "linux/arm/v7", "-t", "bench-base", base,
                env={**engine.env, "DOCKER_BUILDKIT": "0"})
    shutil.rmtree(base)
    shutil.copytree(os.path.dirname(os.path.dirname(bench.sensor)), os.path.join(folder, "sensor"))
    with open(os.path.join(folder, "Dockerfile"), "w") as f:
        f.write(BY_HAND % ENTRYPOINT)
    return folder


def hand_push(bench, registry, name, kit):
    """Its base is in the engine already, and its first stage runs under qemu."""
    folder, engine = hand_context(bench), bench.engine()
    ref, docker = f"{registry.address}/hand{kit}:v", engine.words
    before = shell(f"{docker} image rm -f {ref}", f"{docker} image prune -f",
                   f"{docker} builder prune -af", shlex.join(registry.emptied))
    argv = shell(f"{docker} build -q --network none --platform linux/arm/v7 -t {ref} {folder}",
                 f"{docker} push -q {ref}")
    return Side(name, argv, before, env={**engine.env, "DOCKER_BUILDKIT": kit}, daemon=True)


def buildah_push(bench, registry, context, cold):
    b, ref = Buildah(bench.path("buildah")), f"{registry.address}/buildah:v"
    argv = shell(f"{b.words} bud -q {'' if cold else '--layers '}--platform linux/arm/v7 -t {ref} "
                 + context.folder, f"{b.words} push -q --tls-verify=false {ref}")
    return Side("buildah bud + push", argv, b.forget(registry.emptied[-1]) if cold else None)


def umoci_push(bench, registry, context, cold):
    need("umoci", "skopeo")
    layout, ref = bench.path("umoci"), f"docker://{registry.address}/umoci:v"
    argv = shell(f"rm -rf {layout}", *umoci_lines(layout, context),
                 f"skopeo copy -q --dest-tls-verify=false oci:{layout}:v {ref}")
    return Side("umoci + skopeo copy", argv, registry.emptied if cold else None)


@group(("build and push of the armhf sensor, cold, beside docker, libraries by ldd", 0.12, {}),
       ("build and push of the armhf sensor, cold, beside docker, files given", None, {}),
       ("build and push of the armhf sensor, cold, beside buildah", 0.3, {}),
       ("build and push of the armhf sensor, warm, beside docker", None, {}),
       ("build and push of the armhf sensor, warm, beside buildah", 0.07, {}))
def sensor_push(bench):
    context = sensor_context(bench)
    names = ["docker build + push, files given", "docker build + push, files given, BuildKit"]
    by_hand = ["docker build + push, libraries by ldd",
               "docker build + push, libraries by ldd, BuildKit"]
    with Registry(bench.path("registry")) as registry:
        def sides(cold):
            cache = bench.path("cold" if cold else "cache")
            before = shell(f"rm -rf {cache}", shlex.join(registry.emptied)) if cold else None
            return [imgmin_push(bench, registry, "imgmin build --push", cache, before),
                    *((name, lambda n=name, k=kit: docker_push(bench, registry, context, n, k, cold))
                      for name, kit in zip(names, "01")),
                    ("buildah bud + push", lambda: buildah_push(bench, registry, context, cold)),
                    ("umoci + skopeo copy", lambda: umoci_push(bench, registry, context, cold))]

        c = bench.compare("build and push of the armhf sensor, cold",
                          sides(True) + [(name, lambda n=name, k=kit: hand_push(bench, registry, n, k))
                                         for name, kit in zip(by_hand, "01")], 7,
                          registry=registry,
                          note="no cache, no layer in the engines but the base of «libraries by "
                               "ldd», an empty docker-registry on loopback. «files given»: FROM "
                               "scratch and a COPY of the files that imgmin finds; «libraries by "
                               "ldd»: a first stage on Debian for armhf finds them under qemu, as a "
                               "Dockerfile for this does. " + DOCKER_NOTE)
        yield c.ratio(*by_hand)
        yield c.ratio(*names)
        yield c.ratio("buildah bud + push")
        c = bench.compare("build and push of the armhf sensor, warm", sides(False), 7,
                          registry=registry,
                          note="the same again, everything in the caches and in the registry; "
                               "buildah with --layers. umoci keeps nothing")
        yield c.ratio(*names)
        yield c.ratio("buildah bud + push")


SCRIPT = """#!/usr/bin/python3
import datetime, json, logging, math, socket, struct, sys, threading, time

while True:
    print(json.dumps({"at": datetime.datetime.now().isoformat(), "light": math.sin(time.time())}))
    time.sleep(1)
"""


MARK = "@" * 19  # as long as nanoseconds since the epoch
SHOWS_MARK = f"""#include <stdio.h>
const char mark[] = "{MARK}";
int main(void) {{ return puts(mark) < 0; }}
"""


def program_with_python(bench, root):
    """(program, words of a shell that change it, options): C, and Python beside it, as of a program
    that runs scripts."""
    program, compiler = bench.path("runner"), "arm-linux-gnueabihf-gcc"
    need(compiler)
    with open(program + ".c", "w") as f:
        f.write(SHOWS_MARK)
    measure.run(compiler, "-O2", "-o", program, program + ".c")
    with open(program, "rb") as f:
        at = f.read().index(MARK.encode())
    python = os.path.basename(os.path.realpath(os.path.join(root, "usr/bin/python3")))
    options = ["--sysroot", root]
    for path in (f"/usr/bin/{python}", f"/usr/lib/{python}/json/**", f"/usr/lib/{python}/encodings/**"):
        options += ["--include", path]
    change = f"date +%s%N | tr -d '\\n' | dd of={program} bs=1 seek={at} conv=notrunc status=none"
    return program, change, options


def raw_bytes(bench, program, *options):
    said = bench.path("rebuild.json")
    measure.run(*bench.build(program, *options, "--metadata-file", said))
    with open(said) as f:
        return json.load(f)["imgmin.images"][0]["raw_size"]


def rebuild_after(bench, title, program, change, options):
    """A rebuild in which the program's layer alone is new, beside one with an empty cache."""
    out, warm, cold = bench.path("out.tar"), bench.path("cache"), bench.path("cold")
    raw = raw_bytes(bench, program, *options, "--cache-dir", warm)
    before = ["sh", "-c", f"rm -rf {out} {cold}; {change}"]
    empty = "imgmin, with an empty cache"
    c = bench.compare(title, [
        Side("imgmin", bench.build(program, *options, "--cache-dir", warm), before),
        Side(empty, bench.build(program, *options, "--cache-dir", cold), before)], 7, 3)
    return c.ratio(empty, note=f"{raw:,} bytes of layers")


@group(("rebuild of an image of 7 MB with Python, its program changed", 0.1, {"unit": "ms"}),
       ("rebuild of a Python image of 7 MB, its script changed and read again", None,
        {"unit": "ms"}))
def rebuild(bench):
    root, script = inputs.sysroot("armhf", "programs"), bench.path("light.py")
    with open(script, "w") as f:
        f.write(SCRIPT)
    os.chmod(script, 0o755)
    program, change, options = program_with_python(bench, root)
    yield rebuild_after(bench, "rebuild of an image with Python", program, change, options)
    yield rebuild_after(bench, "rebuild of a Python script's image", script,
                        f"date '+# %N' >>{script}", ["--sysroot", root])


def pack(bench, name, command, out):
    need("tar", command.split()[0])
    argv = ["sh", "-c", f'tar -cf - -C "$1" . | {command} >"$2"', "sh", bench.tree.path, out]
    return Side(name, argv, ["rm", "-f", out], size=lambda: os.path.getsize(out))


@group(("build with a tree of 75 MB in 2,000 files", 0.5, {}),
       ("bytes of that tree's layer", 1.0, {"unit": "B"}),
       ("build with that tree, zstd of level 3", None, {}),
       ("bytes of that tree's layer, zstd of level 3", None, {"unit": "B"}),
       ("bytes of that tree's layer, zstd", None, {"unit": "B"}))
def tree(bench):
    out = bench.path("out.tar")
    context = Context(bench.path("tree-context"), '["/data"]')
    measure.run("cp", "-al", bench.tree.path, context.files)

    def imgmin(name, *options):
        return Side(name, bench.build(bench.tiny, "--add", bench.tree.path + ":/data",
                                      "--no-cache", *options),
                    ["rm", "-f", out], size=lambda: max(layer_sizes(out)))

    pigz, zstd = "tar | pigz -6", "tar | zstd -T0"
    three = "imgmin --compression zstd, level 3"
    c = bench.compare("build with a tree of 75 MB", [
        imgmin("imgmin"), imgmin("imgmin --compression zstd", "--compression", "zstd"),
        imgmin(three, "--compression", "zstd", "--compression-level", "3"),
        (pigz, lambda: pack(bench, pigz, "pigz -6", bench.path("tree.gz"))),
        (zstd, lambda: pack(bench, zstd, "zstd -q -T0 -c", bench.path("tree.zst"))),
        ("buildah", lambda: buildah_archive(bench, context)),
        ("umoci", lambda: umoci(bench, context)),
        (CLASSIC, lambda: docker_build(bench, context, CLASSIC, "0")),
        (KIT, lambda: docker_build(bench, context, KIT, "1"))], 7, note=f"{bench.tree.told}. {DOCKER_NOTE}")
    yield c.ratio(pigz)
    yield c.bytes(pigz)
    yield c.ratio(zstd, ours=three, note="zstd's own level")
    yield c.bytes(zstd, ours=three)
    yield c.bytes(zstd, ours="imgmin --compression zstd", note="each with the level that it takes "
                                                             "by itself")


@group(("peak memory: the tree of 75 MB", 48 * MIB, MEMORY),
       ("peak memory: a tree of 1 GB", 48 * MIB, MEMORY),
       ("peak memory: the tree of 75 MB, zstd", 48 * MIB, MEMORY),
       ("peak memory: the armhf sensor", 48 * MIB, MEMORY),
       ("peak memory: the armhf sensor, zstd", 48 * MIB, MEMORY))
def memory(bench):
    def peak(program, *options, note=""):
        used = bench.timer.peak_memory(bench.build(program, "--no-cache", *options))
        return {"ours": used, "result": used, "note": note}

    small = bench.tree.path + ":/data"
    yield peak(bench.tiny, "--add", small, note="two CPUs; maximum resident set")
    large = inputs.large_tree(bench.path("large"))
    yield peak(bench.tiny, "--add", large + ":/data", note="random bytes, text and holes")
    shutil.rmtree(large)
    yield peak(bench.tiny, "--add", small, "--compression", "zstd")
    yield peak(bench.sensor)
    yield peak(bench.sensor, "--compression", "zstd")


# ---- slim ----

def tar_size(folder):
    """What a layer of these files would take, not compressed."""
    return int(measure.run("sh", "-c", 'tar -b 1 -cf - -C "$1" . | wc -c', "sh", folder))


def copied(bench, root):
    """What lddtree takes out of the image's files; it makes no image of it."""
    need("lddtree")
    out = bench.path("lddtree")
    return Side("lddtree --copy-to-tree", ["/usr/bin/python3", "/usr/bin/lddtree", "-R", root,
                                           "--copy-to-tree", out, "/usr/bin/sqlite3"],
                ["rm", "-rf", out], size=lambda: tar_size(out))


@group(("slim of sqlite3 out of a small Debian", 1.5, {}),
       ("bytes of that image, not compressed", 5_500_000, {"unit": "B", "kind": "value"}),
       ("bytes of that image, beside lddtree's copies", None, {"unit": "B"}),
       ("peak memory: slim of sqlite3", 48 * MIB, MEMORY))
def slim(bench):
    root, archive = inputs.small_debian(bench.path("debian"), bench.imgmin)
    out, said = bench.path("slim.tar"), bench.path("slim.json")

    def raw():
        with open(said) as f:
            return json.load(f)["imgmin.images"][0]["raw_size"]

    read = "sha256sum and tar -t"
    c = bench.compare("slim of sqlite3 out of a small Debian", [
        Side("imgmin slim", [bench.imgmin, "slim", "-q", archive, "-o", out, "--no-cache",
                             "--metadata-file", said], ["rm", "-f", out], size=raw),
        Side(read, ["sh", "-c", 'sha256sum "$1" && tar -tf "$1"', "sh", archive],
             size=lambda: os.path.getsize(archive)),
        ("lddtree --copy-to-tree", lambda: copied(bench, root))], 9,
        note=f"docker archive of {os.path.getsize(archive) / 1e6:.0f} MB, nothing kept from earlier "
             "runs. Bytes are not compressed: of slim's layers, of the image as it came, of a tar of "
             "what lddtree copies out of the unpacked image, ELF files alone. SlimToolkit is not in "
             "Debian and runs the image's program; it is not measured")
    yield c.ratio(read)
    size = raw()
    yield {"ours": size, "result": size, "note": "layers as tar files"}
    yield c.bytes("lddtree --copy-to-tree")
    used = bench.timer.peak_memory(c.sides[0].argv)
    yield {"ours": used, "result": used}
    os.remove(archive)


GROUPS = {"sensor": sensor, "sensor-push": sensor_push, "rebuild": rebuild, "tree": tree,
          "memory": memory, "slim": slim}

"""Rows of push, pull and copy, beside skopeo, docker and curl."""
import os
import shutil
import tarfile

import inputs
import measure
from bench import MB, MEMORY, MIB, group, need
from engine import docker_client
from measure import Failed, Missing, Side
from registry import Registry, puts
from rows_build import layer_sizes, layout_layers


def image(bench, name, layers, size):
    """The archive of an image with that many layers of that size, random bytes in gzip."""
    out, options = name + ".tar", []
    program = inputs.filled(bench.path(name), size)
    for i in range(1, layers):
        noise = inputs.random_file(bench.path(f"{name}.noise{i}"), size, i)
        options += ["--add", f"{noise}:/data/noise{i}"]
    measure.run(*bench.build(program, "--layers", "file", "--no-cache", *options, out=out))
    sizes = layer_sizes(bench.path(out))
    if len(sizes) != layers or not all(size <= n < size * 1.02 + 2048 for n in sizes):
        raise Failed(f"{name}: layers of {sizes}")
    for i in range(1, layers):
        os.remove(bench.path(f"{name}.noise{i}"))
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


def imgmin_push(bench, archive, registry, before=None):
    return Side("imgmin push", [bench.imgmin, "push", "-q", archive, registry.address + "/bench:v"],
                before)


def skopeo_push(archive, registry, before=None):
    need("skopeo")
    return Side("skopeo copy", ["skopeo", "copy", "-q", "--dest-tls-verify=false",
                                "oci-archive:" + archive, f"docker://{registry.address}/bench:v"],
                before)


def docker_push(bench, archive, registry, before=None):
    engine, ref = bench.engine(), registry.address + "/docker:v"
    measure.run(bench.imgmin, "copy", "-q", archive, "docker-daemon:" + ref, env=engine.env)
    return Side("docker push", [docker_client(), "push", "-q", ref], before, env=engine.env,
                daemon=True)


def curls(bench, archive, registry, before):
    need("curl")
    blobs = layer_blobs(archive, bench.path("blobs"))
    return Side(f"{len(blobs)} curls", puts(registry.address, blobs), before)


EMPTIED = ("docker-registry on loopback, emptied before each run. docker push compresses what its "
           "daemon holds, and what the daemon takes is not counted but in time")


@group(("push of 28 MB in four layers, beside skopeo", 0.6, {}),
       ("push of 28 MB in four layers, beside docker", None, {}),
       ("push of 28 MB in four layers, beside four curls", 1.15, {"unit": "ms"}),
       ("push of 1 MB, beside skopeo", 0.5, {"unit": "ms"}),
       ("push of what is there, beside skopeo", None, {"unit": "ms"}),
       ("requests of a push of one layer that is there", 4, {"unit": "requests", "kind": "value"}))
def push(bench):
    large, small = image(bench, "large", 4, 7 * MB), image(bench, "small", 1, MB)
    with Registry(bench.path("registry")) as registry:
        empty = registry.emptied
        c = bench.compare("push of 28 MB in four layers", [
            imgmin_push(bench, large, registry, empty),
            ("skopeo copy", lambda: skopeo_push(large, registry, empty)),
            ("docker push", lambda: docker_push(bench, large, registry, empty)),
            ("4 curls", lambda: curls(bench, large, registry, empty))], 11, registry=registry,
            note=EMPTIED + ". The curls POST and PUT the layers, all at once, without config, "
                           "manifest and tag")
        yield c.ratio("skopeo copy")
        yield c.ratio("docker push")
        yield c.ratio("4 curls")
        c = bench.compare("push of 1 MB in one layer", [
            imgmin_push(bench, small, registry, empty),
            ("skopeo copy", lambda: skopeo_push(small, registry, empty)),
            ("docker push", lambda: docker_push(bench, small, registry, empty))], 9, 3,
            registry=registry, note=EMPTIED)
        yield c.ratio("skopeo copy")
        c = bench.compare("push of one layer that is there", [
            imgmin_push(bench, small, registry),
            ("skopeo copy", lambda: skopeo_push(small, registry)),
            ("docker push", lambda: docker_push(bench, small, registry))], 9, 3,
            registry=registry, note="the registry holds all of it")
        yield c.ratio("skopeo copy")
        requests = c.sides[0].requests
        yield {"ours": requests, "result": requests, "note": "by the registry's access log"}


def fresh(bench, what):
    """Where a pull of ours goes, with nothing kept from earlier ones."""
    kept = bench.path("kept")
    return bench.path(what), {"XDG_CACHE_HOME": kept}, ["rm", "-rf", bench.path(what), kept]


def imgmin_pull(bench, ref, name, place, out):
    path, env, before = fresh(bench, out)
    words = {"layout": ["copy", "-q", "docker://" + ref, f"oci:{path}:v"],
             "archive": ["pull", "-q", ref, path]}[place]
    size = {"layout": lambda: layout_layers(path), "archive": lambda: sum(layer_sizes(path))}[place]
    return Side(name, [bench.imgmin, *words], before, env=env, size=size)


def skopeo_pull(bench, ref, name, place, out):
    need("skopeo")
    path = bench.path(out)
    where = {"layout": f"oci:{path}:v", "archive": "oci-archive:" + path}[place]
    size = {"layout": lambda: layout_layers(path), "archive": lambda: sum(layer_sizes(path))}[place]
    return Side(name, ["skopeo", "copy", "-q", "--src-tls-verify=false", "docker://" + ref, where],
                ["rm", "-rf", path], size=size)


def docker_pull(bench, ref):
    engine = bench.engine()
    return Side("docker pull", [docker_client(), "pull", "-q", ref], engine.forget(),
                env=engine.env, daemon=True,
                size=lambda: int(engine.docker("image", "inspect", "-f", "{{.Size}}", ref)))


@group(("pull of 28 MB in four layers into a layout, beside skopeo", None, {"unit": "ms"}),
       ("pull of 28 MB in four layers into a layout, beside docker pull", None, {"unit": "ms"}),
       ("pull of 28 MB in four layers into an archive, beside skopeo", None, {"unit": "ms"}))
def pull(bench):
    archive = image(bench, "pulled", 4, 7 * MB)
    note = "nothing kept from earlier runs"
    with Registry(bench.path("registry")) as registry:
        measure.run(*imgmin_push(bench, archive, registry).argv)
        ref = registry.address + "/bench:v"
        names = ("imgmin copy docker: oci:", "skopeo copy docker: oci:")
        c = bench.compare("pull of 28 MB in four layers into a layout", [
            imgmin_pull(bench, ref, names[0], "layout", "ours"),
            (names[1], lambda: skopeo_pull(bench, ref, names[1], "layout", "theirs")),
            ("docker pull", lambda: docker_pull(bench, ref))], 11, registry=registry,
            note=note + "; docker unpacks what it pulls, and its bytes are those of the files")
        yield c.ratio(names[1])
        yield c.ratio("docker pull")
        names = ("imgmin pull", "skopeo copy docker: oci-archive:")
        c = bench.compare("pull of 28 MB in four layers into an archive", [
            imgmin_pull(bench, ref, names[0], "archive", "ours.tar"),
            (names[1], lambda: skopeo_pull(bench, ref, names[1], "archive", "theirs.tar"))], 11,
            registry=registry, note=note)
        yield c.ratio(names[1])


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
        used = bench.timer.peak_memory(imgmin_push(bench, archive, registry).argv)
        yield {"ours": used, "result": used,
               "note": "random bytes, not compressed; two CPUs; maximum resident set"}
        os.remove(archive)
        used = bench.timer.peak_memory(["env", "XDG_CACHE_HOME=" + kept, bench.imgmin, "pull", "-q",
                                        registry.address + "/bench:v", pulled])
        yield {"ours": used, "result": used}
    os.remove(pulled)
    shutil.rmtree(kept)


GROUPS = {"push": push, "pull": pull, "push-memory": push_memory}

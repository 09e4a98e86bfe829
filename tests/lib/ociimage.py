#!/usr/bin/python3
"""Small OCI images, sound ones and hostile ones, as layout directories.

  ociimage.py DIR [--layers N] [--size BYTES] [--platforms P,P] [--seed WORD]
  ociimage.py DIR --hostile KIND          (the kinds stand in HOSTILE below)

Layers hold bytes that do not compress, so that their size on the wire is known.
"""
import argparse
import gzip
import hashlib
import io
import json
import os
import random
import subprocess
import tarfile

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"


def digest_of(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


def document(value):
    return json.dumps(value, separators=(",", ":")).encode()


def descriptor(media_type, data, **more):
    return {"mediaType": media_type, "digest": digest_of(data), "size": len(data), **more}


def tar_of(*entries):
    """entries: (name, bytes) for a file, or a TarInfo, or (TarInfo, bytes)."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for entry in entries:
            info, data = entry if isinstance(entry, tuple) else (entry, b"")
            if isinstance(info, str):
                info = tarfile.TarInfo(info)
                info.mode = 0o755
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return out.getvalue()


def entry(name, kind, link="", mode=0o755):
    info = tarfile.TarInfo(name)
    info.type, info.linkname, info.mode = kind, link, mode
    return info


def zipped(data):
    return gzip.compress(data, 1, mtime=0)


class Image:
    """Blobs by digest, and what stands in index.json."""

    def __init__(self):
        self.blobs = {}
        self.top = []

    def add(self, data):
        self.blobs[digest_of(data)] = data
        return data

    def manifest(self, layers, platform="linux/amd64", diff_ids=None, **config):
        """layers: (bytes as stored, plain bytes or their diff_id, media type)."""
        system, arch, *variant = platform.split("/")
        place = {"os": system, "architecture": arch}
        if variant:
            place["variant"] = variant[0]
        if diff_ids is None:
            diff_ids = [p if isinstance(p, str) else digest_of(p) for _, p, _ in layers]
        conf = self.add(document({
            **place, "config": {"Entrypoint": ["/bin/thing"], **config},
            "rootfs": {"type": "layers", "diff_ids": diff_ids}}))
        for stored, _, _ in layers:
            self.add(stored)
        data = self.add(document({
            "schemaVersion": 2, "mediaType": MANIFEST, "config": descriptor(CONFIG, conf),
            "layers": [descriptor(t, stored) for stored, _, t in layers]}))
        return data, place

    def index(self, manifests):
        return self.add(document({
            "schemaVersion": 2, "mediaType": INDEX,
            "manifests": [descriptor(MANIFEST, m, platform=p) for m, p in manifests]}))

    def write(self, path, tag="latest"):
        os.makedirs(os.path.join(path, "blobs", "sha256"), exist_ok=True)
        for digest, data in self.blobs.items():
            with open(os.path.join(path, "blobs", *digest.split(":")), "wb") as f:
                f.write(data)
        with open(os.path.join(path, "oci-layout"), "w") as f:
            f.write('{"imageLayoutVersion":"1.0.0"}')
        tops = [dict(t, annotations={"org.opencontainers.image.ref.name": tag})
                for t in self.top]
        with open(os.path.join(path, "index.json"), "wb") as f:
            f.write(document({"schemaVersion": 2, "manifests": tops}))


def sound(layers, size, platforms, seed):
    image = Image()
    chance = random.Random(seed)
    made = []
    for platform in platforms:
        stack = []
        for n in range(layers):
            plain = tar_of((f"data/{platform}/{n}", chance.randbytes(size)))
            stack.append((zipped(plain), plain, LAYER))
        made.append(image.manifest(stack, platform))
    if len(made) == 1:
        image.top = [descriptor(MANIFEST, made[0][0])]
    else:
        image.top = [descriptor(INDEX, image.index(made))]
    return image


def bomb(size):
    """A gzip member that unpacks to size zeros after the header of a tar file."""
    info = tarfile.TarInfo("bin/thing")
    info.size = size
    out = io.BytesIO()
    with gzip.GzipFile(fileobj=out, mode="wb", mtime=0) as z:
        z.write(info.tobuf(tarfile.GNU_FORMAT))
        for _ in range(size >> 20):
            z.write(bytes(1 << 20))
        z.write(bytes(1024))
    return out.getvalue()


def zstd(data):
    return subprocess.run(["zstd", "-q", "-3", "-c"], input=data, check=True,
                          stdout=subprocess.PIPE).stdout


def nul_name():
    """A PAX path with a NUL in it; tarfile would cut it off."""
    data = tar_of((entry("bin/thing", tarfile.REGTYPE), b"x"))
    record = b"path=bin/\0/../../escape\n"
    record = b"%d %s" % (len(record) + 3, record)
    head = tarfile.TarInfo("pax")
    head.type, head.size = tarfile.XHDTYPE, len(record)
    return head.tobuf(tarfile.USTAR_FORMAT) + record.ljust(512, b"\0") + data


LINK, HARD, DIR, FILE = tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.DIRTYPE, tarfile.REGTYPE

# Kind → its layers, plain or as (stored, diff_id, media type); out is a directory that exists
# outside of every image.
HOSTILE = {
    "36-gzip": lambda out: [(bomb(64 << 20), "sha256:" + "0" * 64, LAYER)],
    "36-members": lambda out: [
        (zipped(b"\0" * 512) * 200000, "sha256:" + "0" * 64, LAYER)],
    "36-zstd": lambda out: [
        (zstd(bytes(64 << 20)), "sha256:" + "0" * 64, LAYER.replace("gzip", "zstd"))],
    "36-entries": lambda out: [tar_of(*[entry(f"d{n}/e", FILE) for n in range(20000)])],
    "36-path": lambda out: [tar_of(("/".join(["long" * 50] * 40), b"x"))],
    "37-dotdot": lambda out: [tar_of(("../../escape", b"x"))],
    "37-inner": lambda out: [tar_of(("bin/../../../escape", b"x"))],
    "37-absolute": lambda out: [tar_of(("/escape", b"x"))],
    "37-nul": lambda out: [nul_name()],
    "38": lambda out: [tar_of(entry("dir", LINK, out), ("dir/escape", b"x"))],
    "38-two-layers": lambda out: [
        tar_of(entry("dir", LINK, "../../../.." + out)), tar_of(("dir/escape", b"x"))],
    "39": lambda out: [tar_of(entry("./.", LINK, out), ("escape", b"x"))],
    "39-slash": lambda out: [tar_of(entry("/", LINK, out), ("escape", b"x"))],
    "40": lambda out: [tar_of(entry("stolen", HARD, out + "/sentinel"))],
    "40-dotdot": lambda out: [tar_of(entry("stolen", HARD, "../../../.." + out + "/sentinel"))],
    "41": lambda out: [tar_of(entry("dir", LINK, out)), tar_of(("dir/.wh.sentinel", b""))],
    "41-dotdot": lambda out: [tar_of(("../.." + out + "/.wh.sentinel", b""))],
    "41-opaque": lambda out: [
        tar_of(entry("dir", LINK, out)), tar_of(("dir/.wh..wh..opq", b""))],
}


def hostile(kind, outside):
    image = Image()
    stack = []
    for layer in HOSTILE[kind](outside):
        if isinstance(layer, bytes):
            layer = (zipped(layer), layer, LAYER)
        stack.append(layer)
    image.top = [descriptor(MANIFEST, image.manifest(stack)[0])]
    return image


def main():
    args = argparse.ArgumentParser()
    args.add_argument("dir")
    args.add_argument("--layers", type=int, default=3)
    args.add_argument("--size", type=int, default=100000)
    args.add_argument("--platforms", default="linux/amd64")
    args.add_argument("--seed", default="imgmin")
    args.add_argument("--hostile", choices=HOSTILE)
    args.add_argument("--outside", default="/outside")
    o = args.parse_args()
    if o.hostile:
        image = hostile(o.hostile, o.outside)
    else:
        image = sound(o.layers, o.size, o.platforms.split(","), o.seed)
    image.write(o.dir)
    print(image.top[0]["digest"])


if __name__ == "__main__":
    main()

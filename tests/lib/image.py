#!/usr/bin/env python3
"""Makes and damages small OCI layouts, for tests.

  image.py pack DIR [-a ARCH[/VARIANT]] [-z gzip] TREE... [CODE]
      a layout of one image, a layer for each TREE; CODE is run on `config` and `manifest`
  image.py edit DIR CODE
      runs CODE on `config`, `manifest` (of the first image) and `index` (what index.json names, or
      index.json itself), and stores them anew under their right digests
  image.py blob DIR config|manifest|index|N
      prints the file of a document or of layer N of the first image
"""
import gzip
import hashlib
import io
import json
import os
import sys
import tarfile

OCI = "application/vnd.oci.image."


def blob_path(where, digest):
    return os.path.join(where, "blobs", "sha256", digest.split(":")[1])


def put(where, data):
    digest = "sha256:" + hashlib.sha256(data).hexdigest()
    os.makedirs(os.path.join(where, "blobs", "sha256"), exist_ok=True)
    with open(blob_path(where, digest), "wb") as f:
        f.write(data)
    return digest


def put_json(where, value):
    data = json.dumps(value).encode()
    return {"digest": put(where, data), "size": len(data)}


def get_json(where, descriptor):
    with open(blob_path(where, descriptor["digest"]), "rb") as f:
        return json.load(f)


def write_layout(where, index):
    with open(os.path.join(where, "oci-layout"), "w") as f:
        f.write('{"imageLayoutVersion":"1.0.0"}')
    with open(os.path.join(where, "index.json"), "w") as f:
        json.dump(index, f)


def tar_of(tree):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for name in sorted(os.listdir(tree)):
            tar.add(os.path.join(tree, name), arcname=name)
    return out.getvalue()


def pack(where, words):
    arch, packed = "amd64", False
    while words and words[0] in ("-a", "-z"):
        if words[0] == "-a":
            arch = words[1]
        else:
            packed = words[1] == "gzip"
        words = words[2:]
    code = words.pop() if not os.path.isdir(words[-1]) else ""
    arch, _, variant = arch.partition("/")
    platform = {"os": "linux", "architecture": arch}
    if variant:
        platform["variant"] = variant
    config = dict(platform, config={}, rootfs={"type": "layers", "diff_ids": []})
    manifest = {"schemaVersion": 2, "mediaType": OCI + "manifest.v1+json", "layers": []}
    for tree in words:
        plain = tar_of(tree)
        data = gzip.compress(plain, mtime=0) if packed else plain
        config["rootfs"]["diff_ids"].append("sha256:" + hashlib.sha256(plain).hexdigest())
        manifest["layers"].append({"mediaType": OCI + "layer.v1.tar" + ("+gzip" if packed else ""),
                                   "digest": put(where, data), "size": len(data)})
    exec(code, {"config": config, "manifest": manifest})
    manifest["config"] = dict(put_json(where, config), mediaType=OCI + "config.v1+json")
    descriptor = dict(put_json(where, manifest), mediaType=manifest["mediaType"],
                      platform=platform)
    write_layout(where, {"schemaVersion": 2, "manifests": [descriptor]})


def read(where):
    with open(os.path.join(where, "index.json")) as f:
        top = json.load(f)
    index = top
    if "index" in top["manifests"][0]["mediaType"]:
        index = get_json(where, top["manifests"][0])
    manifest = get_json(where, index["manifests"][0])
    return top, index, manifest, get_json(where, manifest["config"])


def edit(where, code):
    top, index, manifest, config = read(where)
    scope = {"index": index, "manifest": manifest, "config": config, "top": top,
             "put_json": lambda value: put_json(where, value)}
    exec(code, scope)
    if config != get_json(where, manifest["config"]):
        manifest["config"].update(put_json(where, config))
    if manifest != get_json(where, index["manifests"][0]):
        index["manifests"][0].update(put_json(where, manifest))
    if index is not top:
        top["manifests"][0].update(put_json(where, index))
    write_layout(where, top)


def blob(where, which):
    top, index, manifest, _ = read(where)
    if which == "index":
        descriptor = top["manifests"][0]
    elif which == "manifest":
        descriptor = index["manifests"][0]
    elif which == "config":
        descriptor = manifest["config"]
    else:
        descriptor = manifest["layers"][int(which)]
    print(blob_path(where, descriptor["digest"]))


def main():
    command, where, *words = sys.argv[1:]
    {"pack": lambda: pack(where, words), "edit": lambda: edit(where, words[0]),
     "blob": lambda: blob(where, words[0])}[command]()


if __name__ == "__main__":
    main()

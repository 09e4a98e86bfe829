#!/usr/bin/env python3
"""A layout directory of images whose layers are tar files that lie there, of whatever size.

  layout.py DIR IMAGE [IMAGE]...
      IMAGE is PLATFORM CONFIG LAYER.tar..., words with commas between them that CONFIG, a file with
      the JSON of the config's inner object, does not hold; several images become one index
"""
import hashlib
import json
import os
import sys

OCI = "application/vnd.oci.image."


def blob_path(where, digest):
    return os.path.join(where, "blobs", "sha256", digest)


def put(where, value):
    data = json.dumps(value).encode()
    digest = hashlib.sha256(data).hexdigest()
    with open(blob_path(where, digest), "wb") as f:
        f.write(data)
    return {"digest": "sha256:" + digest, "size": len(data)}


def put_layer(where, path):
    """Another name of the file where that is possible: nothing here is written to twice."""
    with open(path, "rb") as f:
        sum_ = hashlib.sha256()
        for block in iter(lambda: f.read(1 << 20), b""):
            sum_.update(block)
    to = blob_path(where, sum_.hexdigest())
    if not os.path.exists(to):
        os.link(path, to)
    return {"mediaType": OCI + "layer.v1.tar", "digest": "sha256:" + sum_.hexdigest(),
            "size": os.path.getsize(path)}


def put_image(where, words):
    name, config, *tars = words.split(",")
    system, arch, *variant = name.split("/")
    platform = {"os": system, "architecture": arch}
    if variant:
        platform["variant"] = variant[0]
    with open(config) as f:
        config = json.load(f)
    layers = [put_layer(where, path) for path in tars]
    diff_ids = [layer["digest"] for layer in layers]
    config = put(where, {**platform, "config": config,
                         "rootfs": {"type": "layers", "diff_ids": diff_ids}})
    manifest = {"schemaVersion": 2, "mediaType": OCI + "manifest.v1+json",
                "config": {"mediaType": OCI + "config.v1+json", **config}, "layers": layers}
    return {"mediaType": manifest["mediaType"], **put(where, manifest), "platform": platform}


def main():
    where, *images = sys.argv[1:]
    os.makedirs(os.path.join(where, "blobs", "sha256"), exist_ok=True)
    top = [put_image(where, words) for words in images]
    if len(top) > 1:
        index = {"schemaVersion": 2, "mediaType": OCI + "index.v1+json", "manifests": top}
        top = [{"mediaType": index["mediaType"], **put(where, index)}]
    top[0]["annotations"] = {"org.opencontainers.image.ref.name": "latest"}
    with open(os.path.join(where, "oci-layout"), "w") as f:
        f.write('{"imageLayoutVersion":"1.0.0"}')
    with open(os.path.join(where, "index.json"), "w") as f:
        json.dump({"schemaVersion": 2, "manifests": top}, f)


main()

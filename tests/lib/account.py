#!/usr/bin/env python3
"""Counts the bytes of an image by itself, and compares with what the build's report says of them.

  account.py ARCHIVE METADATA [DIR]
      for each image of an OCI archive: "PLATFORM RAW SEGMENTS". With DIR the tars of the layers are
      left there, named by number, and their compressed blobs beside them
"""
import gzip
import json
import os
import subprocess
import sys
import tarfile


def segments(data):
    """Bytes of an ELF file that its PT_LOADs hold, None for any other file."""
    if data[:4] != b"\x7fELF":
        return None
    wide, order = data[4] == 2, "little" if data[5] == 1 else "big"

    def number(off, size):
        return int.from_bytes(data[off:off + size], order)

    word = 8 if wide else 4
    phoff = number(32 if wide else 28, word)
    phentsize, phnum = number(54 if wide else 42, 2), number(56 if wide else 44, 2)
    if len(data) < 52 or not phoff or phoff + phnum * phentsize > len(data):
        return None  # cut off
    held = []
    for at in range(phoff, phoff + phnum * phentsize, phentsize):
        if number(at, 4) == 1:
            off = number(at + (8 if wide else 4), word)
            held.append((off, off + number(at + (32 if wide else 16), word)))
    total = done = 0
    for begin, end in sorted(held):
        total += max(0, end - max(begin, done))
        done = max(done, end)
    return total


def count(tar, sums):
    """Adds what the tar holds to sums, block by block."""
    at = 0
    while any(tar[at:at + 512]):
        head = tar[at:at + 512]
        kind, size = head[156:157], int(head[124:136].strip(b"\0 "), 8)
        data = tar[at + 512:at + 512 + size]
        blocks = -size % 512
        at += 512 + size + blocks
        if kind == b"x":
            sums["tar_records"] += 512 + size + blocks
            continue
        sums["tar_headers"] += 512
        sums["tar_padding"] += blocks
        held = segments(data)
        if held:
            sums["segments"] += held
            sums["elf_rest"] += size - held
        else:
            sums["data"] += size
    assert tar[at:] == bytes(1024), "two blocks of zeros end it"
    sums["tar_end"] += 1024


def plain(blob):
    if blob[:2] == b"\x1f\x8b":
        return gzip.decompress(blob)
    if blob[:4] == b"\x28\xb5\x2f\xfd":
        return subprocess.run(["zstd", "-dcq"], input=blob, stdout=subprocess.PIPE, check=True).stdout
    return blob


def manifests(top, blob):
    for d in top["manifests"]:
        document = json.loads(blob(d["digest"]))
        if "manifests" in document:
            yield from manifests(document, blob)
        else:
            yield d["digest"], document


def main():
    archive, metadata, *to = sys.argv[1:]
    with open(metadata) as f:
        reported = {image["digest"]: image for image in json.load(f)["imgmin.images"]}
    with tarfile.open(archive) as tar:
        def blob(digest):
            return tar.extractfile("blobs/" + digest.replace(":", "/")).read()

        images = list(manifests(json.load(tar.extractfile("index.json")), blob))
        assert {digest for digest, _ in images} == set(reported)
        for digest, manifest in images:
            image = reported[digest]
            sums, raw = dict.fromkeys(image["account"], 0), 0
            for i, layer in enumerate(manifest["layers"]):
                packed = blob(layer["digest"])
                data = plain(packed)
                raw += len(data)
                count(data, sums)
                for name, content in ((f"{i}.tar", data), (f"{i}.blob", packed)) if to else ():
                    with open(os.path.join(to[0], name), "wb") as f:
                        f.write(content)
            assert sums == image["account"], f"counted {sums}, reported {image['account']}"
            assert sum(sums.values()) == raw == image["raw_size"], (sums, raw, image["raw_size"])
            print(image["platform"], raw, sums["segments"])


main()

#!/usr/bin/env python3
"""attributes.py make OUT.tar PROGRAM LIBRARY...     a layer with every kind of owner, mode and link
attributes.py show LAYER.tar...                    one line for each entry, sorted by its name

The program becomes /usr/bin/program, the libraries keep their paths."""
import io
import os
import struct
import sys
import tarfile

# vfs_ns_cap_data of version 2, effective, with cap_net_bind_service alone (linux/capability.h).
CAPABILITY = struct.pack("<5I", 0x02000001, 1 << 10, 0, 0, 0)
MTIME = 1234567890


def xattr(name, value):
    return {"SCHILY.xattr." + name: value.decode("utf-8", "surrogateescape")}


def entry(name, kind=tarfile.REGTYPE, mode=0o644, uid=0, gid=0, link="", mtime=MTIME, **pax):
    info = tarfile.TarInfo(name)
    info.type, info.mode, info.uid, info.gid, info.linkname = kind, mode, uid, gid, link
    info.mtime = mtime
    info.pax_headers = pax
    return info


def make(out, program, *libraries):
    with tarfile.open(out, "w", format=tarfile.PAX_FORMAT) as tar:
        def put(info, data=b""):
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))

        def put_file(path, name, **more):
            with open(path, "rb") as f:
                put(entry(name, **more), f.read())

        for folder in "usr", "usr/bin", "srv":
            put(entry(folder, tarfile.DIRTYPE, 0o755, mtime=MTIME + 1))
        put_file(program, "usr/bin/program", mode=0o755, uid=12, gid=34,
                 **xattr("security.capability", CAPABILITY))
        put_file(program, "usr/bin/setuid", mode=0o4755, uid=56)
        put_file(program, "usr/bin/setgid", mode=0o2711, gid=4_000_000)
        for path in libraries:
            put_file(path, path.lstrip("/"), mode=0o755)
        put(entry("srv/data", tarfile.DIRTYPE, 0o2770, 78, 90, mtime=1))
        put(entry("srv/data/secret", mode=0o600, uid=78, gid=90), b"secret\n")
        put(entry("srv/data/twin", tarfile.LNKTYPE, 0o600, 78, 90, "srv/data/secret"))
        put(entry("srv/data/link", tarfile.SYMTYPE, 0o777, 78, 90, "secret"))
        put(entry("srv/data/pipe", tarfile.FIFOTYPE, 0o620, 78, 90))
        put(entry("srv/data/early", mtime=0), b"1970\n")
        put(entry("srv/data/late", mtime=5_000_000_000), b"2128\n")
        put(entry("srv/data/marked", mode=0o640, **xattr("user.mark", b"a\xffb")), b"marked\n")
        put(entry("srv/data/empty", mode=0o444, uid=2_000_000_000))
        put(entry("srv/other"), b"nobody wants it\n")


def show(*layers):
    lines = {}
    for layer in layers:
        with tarfile.open(layer) as tar:
            for m in tar:
                marks = {k: v.encode("utf-8", "surrogateescape").hex()
                         for k, v in m.pax_headers.items() if "xattr" in k}
                size = m.size if m.name.startswith("srv") else "-"
                name = os.path.normpath(m.name)
                lines[name] = (f"{name} {m.type.decode()} {m.mode:o} {m.uid}:{m.gid} {m.mtime:.0f} "
                               f"{size} {m.linkname or '-'} {marks or '-'}")
    for name in sorted(lines):
        print(lines[name])


{"make": make, "show": show}[sys.argv[1]](*sys.argv[2:])

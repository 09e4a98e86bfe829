#!/usr/bin/env python3
"""slim-files.py ROOT DIR PROGRAM LOADER SAID KEPT: are DIR/files, the members of a slimmed image's
layers, those that are called for?

DIR/trace is what ROOT's own loader said about PROGRAM; SAID what imgmin said; KEPT the patterns of
--keep. Nothing here asks imgmin: links are followed in ROOT by hand, and what a kind of data may
hold is written down once more."""
import os
import re
import stat
import subprocess
import sys

# What each kind of runtime data may consist of.
DATA = {
    "certs": r"/etc/ssl/certs/ca-certificates\.crt|/usr/lib/ssl/(cert\.pem|certs)",
    "tzdata": r"/etc/localtime|/etc/timezone|/usr/share/zoneinfo/Etc/UTC",
    "passwd": r"/etc/(passwd|group)",
    "nss": r"/etc/nsswitch\.conf|.*/libnss_[a-z]+\.so\.2",
    "terminfo": r"/(usr/share|usr/lib|etc)/terminfo/./(xterm|linux|vt|ansi|dumb|screen|rxvt|tmux)[^/]*",
    "services": r"/etc/(services|protocols)",
    "tmp": r"/tmp/",
    "libgcc": r".*/libgcc_s\.so\.1",
    "openssl": r"/etc/ssl/openssl\.cnf|/usr/lib/ssl/openssl\.cnf",
}
# What a Python may be asked to import when no script tells: all but the tests of its own.
PYTHON = r"/usr/lib/python3\.[0-9]+/(?!test/).*"
CACHE = "/etc/ld.so.cache"  # imgmin makes it anew, where one is needed


def canonical(root, path, links):
    """The path with no link in it; those on the way are added to links."""
    todo, done, passed = [w for w in path.split("/") if w], "", 0
    while todo:
        word = todo.pop(0)
        if word in (".", ".."):
            done = os.path.dirname(done) if word == ".." else done
            continue
        at = done + "/" + word
        if os.path.islink(root + at):
            links.add(at)
            target = os.readlink(root + at)
            if target.startswith("/"):
                done = ""
            todo = [w for w in target.split("/") if w] + todo
            passed += 1
            assert passed < 50, path
        else:
            done = at
    return done


def glob_to_regex(pattern):
    out = ""
    for part in re.split(r"(\*\*|\*|\?)", pattern):
        out += {"**": ".*", "*": "[^/]*", "?": "[^/]"}.get(part, re.escape(part))
    return out + "(/.*)?"  # a directory stands for all below it


def walk(root):
    for top, dirs, files in os.walk(root):
        for name in dirs + files:
            yield os.path.join(top, name)[len(root):]


def trace_paths(text):
    for line in text.splitlines():
        found = re.search(r"(/\S+) \(0x", line)
        if found:
            yield found[1]


def libraries_of(root, oracle, loader, paths):
    """What the loader opens for ELF files that --keep and the data brought: all at once."""
    elf = []
    for path in paths:
        full = root + path
        if os.path.isfile(full) and not os.path.islink(full):
            with open(full, "rb") as f:
                if f.read(4) == b"\x7fELF":
                    elf.append(path)
    if not elf:
        return set()
    said = subprocess.run([oracle, "--trace", root, loader, *elf], check=True,
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True).stdout
    return set(trace_paths(said))


def main():
    root, where, program, loader, said, kept = sys.argv[1:]
    oracle = os.path.join(os.path.dirname(__file__), "inroot.sh")
    with open(where + "/files") as f:
        have = {"/" + line.rstrip("\n") for line in f} - {"/", "/./"}
    with open(said) as f:
        data = set(re.findall(r"^data ([a-z]+)", f.read(), re.M))
    with open(kept) as f:
        patterns = [glob_to_regex(line.rstrip("\n")) for line in f]
    if program.endswith("/python3"):
        patterns.append(PYTHON)
    with open(where + "/trace") as f:
        loaded = set(trace_paths(f.read()))

    need = set()
    links = set()
    for path in {program, loader} | loaded:
        need.add(canonical(root, path, links))
    extra = {path for path in have if re.fullmatch("|".join(DATA[n] for n in data) or "-", path)}
    asked = set()
    for path in walk(root) if patterns else ():
        if any(re.fullmatch(p, path) for p in patterns):
            asked.add(path)
    asked |= {path for path in have if any(re.fullmatch(p, path.rstrip("/")) for p in patterns)}
    # Links among them are followed; what is an ELF file has libraries.
    for path in {p.rstrip("/") for p in extra | asked}:
        if os.path.lexists(root + path):
            need.add(canonical(root, path, links))
    for path in libraries_of(root, oracle, loader, sorted(need - {program, loader})):
        need.add(canonical(root, path, links))
    need |= links
    allowed = {p.rstrip("/") for p in need | extra | asked} | {CACHE}
    parents = set()
    for path in allowed:
        while path:
            path = os.path.dirname(path).rstrip("/")
            parents.add(path)

    strange = {p for p in have
               if p.rstrip("/") not in allowed and not (p.endswith("/") and p[:-1] in parents)}
    here = {p.rstrip("/") for p in have}
    missing = {p for p in need
               if p not in here and not stat.S_ISDIR(os.lstat(root + p).st_mode)}
    for what, paths in (("not called for", strange), ("missing", missing)):
        for path in sorted(paths):
            print(f"{program}: {what}: {path}")
    return 1 if strange or missing else 0


sys.exit(main())

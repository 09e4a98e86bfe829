"""What is built and looked at: made from what the machine has, the same every time."""
import collections
import hashlib
import os
import random
import shutil
import stat
import subprocess
import sys

from measure import Missing, run

Tree = collections.namedtuple("Tree", "path told")


def is_elf(path):
    try:
        with open(path, "rb") as f:
            return f.read(4) == b"\x7fELF"
    except OSError:
        return False


def is_dynamic(path):
    """Does the ELF file name an interpreter? It stands near its beginning."""
    with open(path, "rb") as f:
        return b"/ld" in f.read(4096)


def dynamic_programs(*dirs):
    """Every dynamic program in dirs, links left out."""
    out = []
    for folder in dirs:
        for name in sorted(os.listdir(folder)):
            path = os.path.join(folder, name)
            if os.path.isfile(path) and not os.path.islink(path) and is_elf(path) \
                    and is_dynamic(path):
                out.append(path)
    return out


def compile_c(text, out, *options):
    source = out + ".c"
    with open(source, "w") as f:
        f.write(text)
    run(os.environ.get("CC", "cc"), "-O2", "-o", out, source, *options)
    return out


def bare(out):
    return compile_c("int main(void) { return 0; }\n", out)


def tiny(out):
    """A program that costs nothing to pack; it is never run."""
    return compile_c("void _start(void) { for (;;) ; }\n", out, "-static", "-nostdlib")


def random_file(path, size, seed):
    with open(path, "wb") as f:
        f.write(random.Random(seed).randbytes(size))
    return path


def filled(out, size):
    """A program, and so a layer, of that many random bytes; it is never run either."""
    noise = random_file(out + ".noise", size, 0)
    text = f'__asm__(".section .rodata\\n.incbin \\"{noise}\\"\\n.text");\n'
    return compile_c(text + "void _start(void) { for (;;) ; }\n", out, "-static", "-nostdlib")


def sensor(out):
    """examples/sensor for armhf."""
    if not shutil.which("arm-linux-gnueabihf-gcc"):
        raise Missing("no arm-linux-gnueabihf-gcc here")
    run("make", "-s", "-C", "examples/sensor", "CC=arm-linux-gnueabihf-gcc", "BUILD=" + out)
    return os.path.join(out, "bin/sensor")


def sysroot(*words):
    done = subprocess.run(["tests/lib/sysroot.sh", *words], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True)
    if done.returncode:
        raise Missing(done.stderr.strip()[-200:])
    return done.stdout.strip()


def small_debian(out, imgmin):
    """The docker archive of an unpacked Debian minbase with some programs; below out while made."""
    root = sysroot("amd64", "minbase")
    os.makedirs(out)
    tar, config = os.path.join(out, "files.tar"), os.path.join(out, "config.json")
    run("tar", "--numeric-owner", "--sort=name", "-cf", tar, "-C", root, ".")
    with open(config, "w") as f:
        f.write('{"Cmd": ["/usr/bin/sqlite3"]}')
    layout = os.path.join(out, "layout")
    run(sys.executable, "tests/lib/layout.py", layout, f"linux/amd64,{config},{tar}")
    archive = out + ".tar"
    run(imgmin, "copy", "-q", "oci:" + layout, f"docker-archive:{archive}:debian:small")
    shutil.rmtree(out)
    return archive


# ---- trees ----

TREE_FILES, TREE_BYTES = 2000, 75_000_000
SOURCES = ["/usr/bin", "/usr/lib", "/usr/sbin", "/usr/share", "/usr/include"]


def candidates():
    for top in SOURCES:
        for folder, folders, names in os.walk(top):
            folders.sort()
            for name in names:
                path = os.path.join(folder, name)
                st = os.lstat(path)
                if stat.S_ISREG(st.st_mode) and 0 < st.st_size <= 4_000_000:
                    yield path, st.st_size


def choose():
    """2,000 files of 75 MB: the machine's own in the order of their names' digests, small ones only
    while the sum is ahead of its mean."""
    ordered = sorted(candidates(), key=lambda c: hashlib.sha256(c[0].encode()).digest())
    mean, total, chosen, large = TREE_BYTES / TREE_FILES, 0, [], 0
    for path, size in ordered:
        ahead = total > mean * len(chosen)
        if len(chosen) == TREE_FILES:
            break
        if (size > mean) == ahead or total + size > TREE_BYTES:
            continue
        chosen.append((path, size))
        total += size
        large += size > mean
    return chosen, total


def tree(out):
    """Copies them, below the folders they came from."""
    chosen, total = choose()
    kinds = collections.Counter()
    for path, size in chosen:
        to = out + path
        os.makedirs(os.path.dirname(to), exist_ok=True)
        shutil.copyfile(path, to)
        kinds["ELF" if is_elf(path) else "compressed" if path.endswith((".gz", ".xz", ".png"))
              else "other"] += size
    parts = ", ".join(f"{n / 1e6:.0f} MB {kind}" for kind, n in kinds.most_common())
    return Tree(out, f"{len(chosen)} files of this machine, {total / 1e6:.1f} MB ({parts})")


def large_file(out):
    """1 GiB that no compressor makes smaller, without making it all."""
    block = random.Random(1).randbytes(1 << 20)
    with open(out, "wb") as f:
        for n in range(1024):
            f.write(block[n * 1000:] + block[:n * 1000])
    return out


def large_tree(out):
    """1 GB: a third random bytes, a third text, a third holes."""
    os.makedirs(out)
    source = random.Random(1)
    words = [source.randbytes(source.randrange(2, 9)).hex() for _ in range(4000)]
    block = source.randbytes(1 << 20)
    text = " ".join(source.choice(words) for _ in range(100_000)).encode()[:1 << 20]
    for i in range(16):
        with open(os.path.join(out, f"random{i}"), "wb") as f:
            for n in range(20):
                f.write(block[n * 1000 + i:] + block[:n * 1000 + i])
        with open(os.path.join(out, f"text{i}"), "wb") as f:
            for n in range(20):
                f.write(text[n * 1000 + i:] + text[:n * 1000 + i])
        with open(os.path.join(out, f"hole{i}"), "wb") as f:
            f.truncate(22 << 20)
    return out

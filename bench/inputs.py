"""What is built and looked at: made from what the machine has, the same every time."""
import collections
import hashlib
import os
import random
import shutil
import stat
import struct
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


# (machine, 64 bits, byte order, flags) by e_machine's numbers.
MACHINES = [(62, True, "<", 0), (183, True, "<", 0), (3, False, "<", 0), (243, True, "<", 5),
            (22, True, ">", 0), (21, True, "<", 2), (258, True, "<", 0x43),
            (8, True, "<", 0x80000007), (8, True, ">", 0x80000007), (8, False, "<", 0x70001005),
            (8, False, ">", 0x70001005)]
ARM = ["-march=armv7-a -mfpu=vfpv3-d16", "-march=armv6 -mfpu=vfp -marm",
       "-march=armv5t -mfloat-abi=soft -marm"]


def foreign(out):
    """Static programs of one platform each: made of a header and 64 KiB of noise, for reading, and
    those for ARM, whose variant stands in a section, by the compiler."""
    os.makedirs(out)
    paths = []
    for i, (machine, wide, order, flags) in enumerate(MACHINES):
        size, word = 64 << 10, "Q" if wide else "I"
        head, each = (64, 56) if wide else (52, 32)
        ident = b"\x7fELF" + bytes([1 + wide, 1 + (order == ">"), 1]) + bytes(9)
        ehdr = struct.pack(f"{order}HHI3{word}I6H", 2, machine, 1, 0x10000 + head + each, head, 0,
                           flags, head, each, 1, 0, 0, 0)
        fields = (1, 5, 0, 0x10000, 0x10000, size, size, 0x10000) if wide else \
            (1, 0, 0x10000, 0x10000, size, size, 5, 0x10000)
        phdr = struct.pack(order + ("II6Q" if wide else "8I"), *fields)
        path = os.path.join(out, f"program{i}")
        with open(path, "wb") as f:
            f.write(ident + ehdr + phdr)
            f.write(random.Random(i).randbytes(size - head - each))
        os.chmod(path, 0o755)
        paths.append(path)
    if shutil.which("arm-linux-gnueabihf-gcc"):
        for i, words in enumerate(ARM):
            path = os.path.join(out, f"arm{i}")
            with open(path + ".c", "w") as f:
                f.write("void _start(void) { for (;;) ; }\n")
            run("arm-linux-gnueabihf-gcc", "-static", "-nostdlib", *words.split(), "-o", path,
                path + ".c")
            paths.append(path)
    return paths


def sysroot(*words):
    done = subprocess.run(["tests/lib/sysroot.sh", *words], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True)
    if done.returncode:
        raise Missing(done.stderr.strip()[-200:])
    return done.stdout.strip()


def small_debian(out, imgmin):
    """(folder, docker archive) of a Debian minbase with some programs; below out while made."""
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
    return root, archive


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


def skewed(source, things, n):
    """n of the things, the first most often, as words are in a language."""
    return source.choices(things, [1 / (i + 5) for i in range(len(things))], k=n)


class Grown:
    """A tree that grows in place: folders of 1 MB, each of eight files of text, of what looks like
    code, and of random bytes. A compressor with a small window sees no repetition."""

    SIZES = (512, 256, 96, 96, 16, 16, 16, 16)  # KiB

    def __init__(self, out):
        self.out, self.folders = out, 0
        source = random.Random(2)
        # Words and instructions, of which few are frequent: deflate makes a third to a half of them.
        words = [source.randbytes(source.randrange(1, 5)).hex().encode() for _ in range(4000)]
        codes = [source.randbytes(source.randrange(1, 8)) for _ in range(6000)]
        self.pools = [b" ".join(skewed(source, words, 1 << 20))[:8 << 20],
                      b"".join(skewed(source, codes, 1 << 21))[:8 << 20],
                      source.randbytes(2 << 20)]

    def to(self, folders):
        for n in range(self.folders, folders):
            folder = os.path.join(self.out, f"{n >> 8:02}", f"{n & 255:03}")
            os.makedirs(folder)
            for i, size in enumerate(self.SIZES):
                pool = self.pools[(n + i) % 8 % 3]
                at = (n * 7919 * 64 + i * 104729) % (len(pool) - (size << 10))
                with open(os.path.join(folder, f"file{i}"), "wb") as f:
                    f.write(pool[at:at + (size << 10)])
        self.folders = folders

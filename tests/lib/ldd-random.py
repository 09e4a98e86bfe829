#!/usr/bin/python3
"""ldd-random.py IMGMIN CHROOTED ROOT LOADER DIR FIRST COUNT [build]: random trees of libraries around ROOT,
which holds LOADER (a path in it), each asked of that loader and of imgmin. Prints the seeds whose
answers differ, with both answers; the tree of such a seed stays in DIR/SEED. Ends 1 if there is
one. With `build` an image is made of each program that starts, and there it must start again, with
the same libraries."""
import json
import os
import posixpath
import random
import re
import shutil
import subprocess
import sys
import tarfile

IMGMIN, CHROOTED, BASE, LOADER, DIR = sys.argv[1:6]
FIRST, COUNT = int(sys.argv[6]), int(sys.argv[7])
MUSL = "musl" in LOADER
BUILD = sys.argv[8:] == ["build"]
START = 'void _start(void){asm("mov $60,%eax; xor %edi,%edi; syscall");}'
DIRS = ["/A", "/B", "/A/sub", "/srv/conf", "/usr/lib", "/lib", "/opt/app/lib", "/opt/app"]
PATHS = ["/A", "/B", "$ORIGIN", "${ORIGIN}/sub", "$ORIGIN/../A", "/nowhere", "/opt/app/lib", "",
         "$ORIGIN/../lib", "/A/../B", "/B/", "$ORIGINx", "A", "/Blink", "/opt/$LIB", "/lib",
         "$ORIGIN/lib", "/loop", "/usr/lib/../../A", "/file"]
if BUILD:
    DIRS.remove("/lib")  # with /usr/lib beside it, only a cache tells them apart
NAMES = ["liba.so", "libb.so", "libc1.so", "libd.so", "libe.so", "libf.so", "libg.so"]


class Tree:
    def __init__(self, seed):
        self.random = random.Random(seed)
        self.base = os.path.join(DIR, str(seed))
        self.root = self.base + "/root"
        shutil.rmtree(self.base, ignore_errors=True)
        os.makedirs(self.base)
        subprocess.run(["cp", "-al", BASE, self.root], check=True)

    def chance(self, percent):
        return self.random.randrange(100) < percent

    def pick(self, items):
        return self.random.choice(items)

    def needed(self):
        if self.chance(3 if BUILD else 10):
            return self.pick(["/A/", "$ORIGIN/", "sub/", "B/", "/Blink/", "${ORIGIN}/../B/"]) + \
                self.pick(NAMES)
        return "libmissing.so" if not BUILD and self.chance(3) else self.pick(NAMES)

    def link(self, out, options, wide=True):
        os.makedirs(os.path.dirname(out), exist_ok=True)
        subprocess.run(["ld", "-m", "elf_x86_64" if wide else "elf_i386", "--no-as-needed",
                        "--allow-shlib-undefined", "-o", out] + options, check=True)

    def paths(self):
        options = []
        if self.chance(55):
            count = self.random.randrange(1, 4)
            options += ["--enable-new-dtags" if self.chance(50) else "--disable-new-dtags",
                        "-rpath", ":".join(self.pick(PATHS) for _ in range(count))]
        return options

    def library(self, path):
        options = ["-shared", OBJECT]
        if self.chance(70):
            own = os.path.basename(path)
            options += ["-soname", own if self.chance(75) else self.pick(NAMES)]
        options += self.paths()
        if self.chance(6):
            options += [self.pick(["-f", "-F"]), self.pick(NAMES)]
        if self.chance(4):
            options += ["-z", "nodefaultlib"]
        for _ in range(self.random.randrange(0, 4)):
            options.append(stub(self.needed()))
        self.link(self.root + path, options)

    def odd(self, path):
        """Something else than a library at path."""
        real, kind = self.root + path, self.random.randrange(8)
        os.makedirs(os.path.dirname(real), exist_ok=True)
        if kind == 0:
            os.symlink(self.pick(DIRS) + "/" + self.pick(NAMES), real)
        elif kind == 1:
            os.symlink("../" + self.pick(["A/", "B/", "nowhere/"]) + self.pick(NAMES), real)
        elif kind == 2:
            os.symlink(os.path.basename(path), real)
        elif kind in (3, 4):
            self.link(real, ["-shared", OBJECT32], wide=False)
        elif kind == 5:
            others = [self.root + d + "/" + n for d in DIRS for n in NAMES]
            others = [o for o in others if os.path.isfile(o)]
            if others:
                os.link(os.path.realpath(self.pick(others)), real, follow_symlinks=False)
        elif kind == 6 and self.chance(40):
            with open(real, "w") as f:
                f.write("/* GNU ld script */ GROUP ( /A/liba.so )" * 3)
        else:
            self.library(path)

    def build(self):
        for name in NAMES:
            for where in self.random.sample(DIRS, self.random.randrange(1, 4)):
                path = where + "/" + name
                if not os.path.lexists(self.root + path):
                    self.odd(path) if self.chance(7 if BUILD else 22) else self.library(path)
        for name in NAMES if BUILD else []:  # so that most programs start
            if not os.path.lexists(self.root + "/usr/lib/" + name):
                self.library("/usr/lib/" + name)
        os.makedirs(self.root + "/B", exist_ok=True)
        os.symlink("/B", self.root + "/Blink")
        os.symlink("loop", self.root + "/loop")
        with open(self.root + "/file", "w"):
            pass
        options = ["-pie", OBJECT, "-dynamic-linker", LOADER,
                   "--unresolved-symbols=ignore-all"] + self.paths()
        for _ in range(self.random.randrange(1, 5)):
            options.append(stub(self.needed()))
        self.link(self.root + "/opt/app/prog", options + [stub("libc.so.6")])
        if not MUSL and self.chance(70):
            with open(self.root + "/etc/ld.so.conf.new", "w") as f:
                f.write("/srv/conf\n/lib/x86_64-linux-gnu\n")
            os.rename(self.root + "/etc/ld.so.conf.new", self.root + "/etc/ld.so.conf")
            subprocess.run(["/sbin/ldconfig", "-r", self.root], stderr=subprocess.DEVNULL)
        if not MUSL and not BUILD and self.chance(10):
            with open(self.root + "/etc/ld.so.preload", "w") as f:
                f.write("%s  # a comment\n/A/%s:nothing.so\n" % (self.pick(NAMES), self.pick(NAMES)))

    def library_path(self):
        """What stands in LD_LIBRARY_PATH."""
        if not self.chance(25):
            return []
        return [self.pick(["/A", "/B/", "/nowhere", "$ORIGIN/lib", "/srv/conf", "/loop", "/file"])
                for _ in range(self.random.randrange(1, 4))]


def clean(path):
    if path == "not found":
        return path
    return posixpath.normpath("/" + path).replace("//", "/")


def lines(text, root=""):
    result = []
    for line in text.splitlines():
        line = re.sub(r" \(0x[0-9a-f]+\)$", "", line.strip())
        if "linux-vdso" in line or not line:
            continue
        name, _, path = line.partition(" => ")
        path = path or name
        if root and path.startswith(root + "/"):
            path = path[len(root):]
        if root and name.startswith(root + "/"):
            name = name[len(root):]
        if "/ld-linux" in path:
            name = "LOADER"
        if MUSL and ("/ld-musl" in path or path == "not found"):
            continue  # listed in other places, or on the standard error
        result.append("%s => %s" % (name, clean(path)))
    return result


def run(*command):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                          timeout=30)
    return done.returncode, done.stdout, done.stderr


def unpack(archive, root):
    os.makedirs(root + "/proc", exist_ok=True)
    with tarfile.open(archive) as outer:
        for layer in json.load(outer.extractfile("manifest.json"))[0]["Layers"]:
            with tarfile.open(fileobj=outer.extractfile(layer)) as inner:
                inner.extractall(root)


def in_image(tree, dirs, env, starts, want, how):
    """What is wrong with the image of the program; None: nothing."""
    archive, root = tree.base + "/image.tar", tree.base + "/image"
    env_options = ["--env=LD_LIBRARY_PATH=" + ":".join(dirs)] if dirs else []
    status, _, err = run(IMGMIN, "build", "--sysroot", tree.root, *env_options, "-t", "random",
                         "--no-cache", "-o", archive, tree.root + "/opt/app/prog")
    if status != (0 if starts == 0 else 3):
        return "build ends %d: %s" % (status, err)
    if status != 0:
        return None
    unpack(archive, root)
    started, _, message = run(CHROOTED, root, "/", *env, "/opt/app/prog")
    if started != 0:
        return "in the image the program ends %d: %s" % (started, message)
    _, trace, _ = run(CHROOTED, root, "/", *env, *how, "/opt/app/prog")
    if lines(trace) != want:
        return "in the image: " + "\n    ".join(lines(trace))
    return None


def compare(seed):
    tree = Tree(seed)
    tree.build()
    dirs = tree.library_path()
    env = ["LD_LIBRARY_PATH=" + ":".join(dirs)] if dirs else []
    starts, _, message = run(CHROOTED, tree.root, "/", *env, "/opt/app/prog")
    if starts == 0:
        STARTED.append(seed)
    how = [LOADER, "--list"] if MUSL else ["LD_TRACE_LOADED_OBJECTS=1"]
    traced, trace, _ = run(CHROOTED, tree.root, "/", *env, *how, "/opt/app/prog")
    status, out, err = run(IMGMIN, "ldd", "--sysroot", tree.root, "--format", "list",
                           *["--library-path==" + d for d in dirs], tree.root + "/opt/app/prog")
    want, got = lines(trace), lines(out, tree.root)
    same = status == (0 if starts == 0 else 3) and (traced != 0 or want == got)
    wrong = in_image(tree, dirs, env, starts, want, how) if BUILD and same else None
    same &= wrong is None
    same |= starts < 0  # glibc 2.36 crashes over some circles of filters: no answer
    if same:
        shutil.rmtree(tree.base)
        return True
    print("seed %d: the loader ends %d: %s" % (seed, starts, message.strip()))
    print("  imgmin ends %d: %s" % (status, wrong or err.strip()))
    for i in range(max(len(want), len(got))):
        pair = [a[i] if i < len(a) else "-" for a in (want, got)]
        print("  %s %-45s %s" % (" " if pair[0] == pair[1] else "!", pair[0], pair[1]))
    return False


STUBS, STARTED = {}, []


def compiled(name, source, options):
    path = os.path.join(DIR, name)
    subprocess.run(["gcc", "-w", "-O1", "-fpic", "-xc", "-c", "-o", path, "-"] + options,
                   input=source, text=True, check=True)
    return path


def stub(name):
    if name not in STUBS:
        STUBS[name] = os.path.join(DIR, "stub%d.so" % len(STUBS))
        subprocess.run(["ld", "-shared", "-soname", name, "-o", STUBS[name], OBJECT], check=True)
    return STUBS[name]


os.makedirs(DIR, exist_ok=True)
OBJECT = compiled("start.o", START, [])
OBJECT32 = compiled("start32.o", "int x;", ["-m32"])
results = [compare(seed) for seed in range(FIRST, FIRST + COUNT)]
print("%d of %d trees differ; %d programs start" % (results.count(False), COUNT, len(STARTED)))
sys.exit(1 if False in results else 0)

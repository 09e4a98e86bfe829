#!/usr/bin/python3
"""Freezes a Python program into a folder that runs without an installed Python, as PyInstaller does.

  freeze.py --sysroot DIR --cc arm-linux-gnueabihf-gcc --out dist/light-sensor light_sensor.py

dist/light-sensor/light-sensor is a small program that holds libpython; beside it in _internal are
the script, the modules that it reaches as bytecode, extension modules, and every shared library
but those of the C library. Interpreter, headers and packages are those of the sysroot (Debian's
libpython3-dev and its dependencies); nothing of it is started, so it may be another machine's.
The Python that runs this needs the same minor version, because bytecode differs between them.
"""
import argparse
import importlib.util
import modulefinder
import os
import re
import shutil
import subprocess
import sys
import zipfile

# What the interpreter itself imports when it starts; `site` it does not.
START = ["encodings", "encodings.aliases", "encodings.ascii", "encodings.latin_1",
         "encodings.utf_8", "codecs", "io", "abc", "os"]
# The standard library reaches these from functions that people at a terminal and self-tests call;
# who imports one himself gets it.
ASIDE = {"argparse", "doctest", "pdb", "pydoc", "statistics", "test", "tkinter", "unittest"}
# Part of the interpreter under names of their own; and OpenSSL's digests: hashlib has its own.
NEVER = ["importlib._bootstrap", "importlib._bootstrap_external", "_hashlib"]
# Of the C library: they fit the loader, and come from the machine that it runs on.
LIBC = re.compile(r"(ld-|lib(c|m|dl|pthread|rt|util|resolv|nsl|anl)\.so|libnss_)")


def fail(text):
    sys.exit(f"freeze.py: {text}")


class Finder(modulefinder.ModuleFinder):
    """Finds modules as the sysroot's interpreter would: suffixes and built-in ones are its own."""

    library = ""

    def import_hook(self, name, caller=None, fromlist=None, level=-1):
        if name.split(".")[0] in ASIDE and caller is not None and caller.__file__ and \
                caller.__file__.startswith(self.library + "/"):
            raise ImportError(name)
        return super().import_hook(name, caller, fromlist, level)

    def find_module(self, name, path, parent=None):
        if (f"{parent.__name__}.{name}" if parent is not None else name) in self.excludes:
            raise ImportError(name)
        for directory in self.path if path is None else path:
            base = os.path.join(directory, name)
            if os.path.isfile(os.path.join(base, "__init__.py")):
                return None, base, ("", "", modulefinder._PKG_DIRECTORY)
            if os.path.isfile(base + ".py"):
                return open(base + ".py", "rb"), base + ".py", (".py", "rb", modulefinder._PY_SOURCE)
            for file in extensions(directory, name):
                return None, file, (".so", "rb", modulefinder._C_EXTENSION)
        if path is None and name in sys.stdlib_module_names:
            return None, None, ("", "", modulefinder._C_BUILTIN)
        raise ImportError(name)


def extensions(directory, name):
    try:
        files = sorted(os.listdir(directory))
    except OSError:
        return []
    pattern = re.compile(re.escape(name) + r"(\.cpython-[^.]*|\.abi3)?\.so\Z")
    return [os.path.join(directory, file) for file in files if pattern.match(file)]


def version_of(sysroot):
    link = os.path.join(sysroot, "usr/bin/python3")
    try:
        version = os.readlink(link).rpartition("python")[2]
    except OSError as error:
        fail(error)
    if version != "%d.%d" % sys.version_info[:2]:
        fail(f"{sysroot} has Python {version}: run this with python{version}, bytecode differs")
    return version


def bytecode(source, name):
    """Without a time in it: equal wherever and whenever it is made."""
    with open(source, "rb") as f:
        text = f.read()
    code = compile(text, name, "exec", dont_inherit=True, optimize=0)
    return bytes(importlib._bootstrap_external._code_to_hash_pyc(
        code, importlib.util.source_hash(text), False))


def write(path, data):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as f:
        f.write(data)


def put_modules(finder, library, inside):
    """The standard library goes into a zip file, packages as files beside their extensions."""
    with zipfile.ZipFile(os.path.join(inside, "base_library.zip"), "w") as archive:
        for name, module in sorted(finder.modules.items()):
            source = module.__file__
            if source is None or name == "__main__":
                continue
            place = name.replace(".", "/")
            if source.endswith(".so"):
                own = os.path.dirname(source) == os.path.join(library, "lib-dynload")
                folder = "lib-dynload" if own else os.path.dirname(place)
                os.makedirs(os.path.join(inside, folder), exist_ok=True)
                shutil.copyfile(source, os.path.join(inside, folder, os.path.basename(source)))
                continue
            if module.__path__:
                place += "/__init__"
            data = bytecode(source, place + ".py")
            if source.startswith(library + "/"):
                # Stored: zlib may be an extension module, and a layer is compressed anyway.
                archive.writestr(zipfile.ZipInfo(place + ".pyc"), data)
            else:
                write(os.path.join(inside, place + ".pyc"), data)


def needed(readelf, file):
    text = subprocess.run([readelf, "-dW", file], check=True, capture_output=True, text=True).stdout
    return re.findall(r"\(NEEDED\).*\[(.*)\]", text)


def put_libraries(readelf, directories, roots, inside):
    """What programs and modules need, and what that needs; each once, under its own name."""
    todo, done = list(roots), set()
    while todo:
        for name in needed(readelf, todo.pop()):
            if name in done or LIBC.match(name):
                continue
            done.add(name)
            found = [d for d in directories if os.path.isfile(os.path.join(d, name))]
            if not found:
                fail(f"{name} is in none of {' '.join(directories)}")
            shutil.copyfile(os.path.join(found[0], name), os.path.join(inside, name))
            todo.append(os.path.join(inside, name))


def link_launcher(options, sysroot, machine, version, out):
    here = os.path.dirname(os.path.abspath(__file__))
    main = os.path.splitext(os.path.basename(options.script))[0] + ".pyc"
    subprocess.run([
        options.cc, "-Os", "-std=gnu11", "-Wall", "-Wextra", f'-DMAIN="{main}"',
        "-I", f"{sysroot}/usr/include/python{version}", "-idirafter", f"{sysroot}/usr/include",
        "-o", out, os.path.join(here, "launcher.c"),
        f"{sysroot}/usr/lib/{machine}/libpython{version}.so", "-Wl,--allow-shlib-undefined",
        # RPATH, not RUNPATH: it holds for the libraries' own needs too.
        "-Wl,--disable-new-dtags,-rpath,$ORIGIN/_internal",
    ], check=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--sysroot", default="/")
    parser.add_argument("--cc", default="cc")
    parser.add_argument("--path", action="append", default=[], help="searched before all others")
    parser.add_argument("--out", required=True)
    parser.add_argument("script")
    options = parser.parse_args()
    sysroot = os.path.abspath(options.sysroot).rstrip("/")
    version = version_of(sysroot + "/")
    machine = subprocess.run([options.cc, "-dumpmachine"], check=True, capture_output=True,
                             text=True).stdout.strip()
    library = f"{sysroot}/usr/lib/python{version}"
    own = [os.path.abspath(path) for path in options.path + [os.path.dirname(options.script)]]
    finder = Finder(path=own + [library, library + "/lib-dynload",
                                f"{sysroot}/usr/lib/python3/dist-packages"], excludes=NEVER)
    finder.library = library
    finder.run_script(options.script)
    for name in START:
        finder.import_hook(name)

    out = os.path.abspath(options.out)
    shutil.rmtree(out, ignore_errors=True)
    inside = os.path.join(out, "_internal")
    os.makedirs(inside)
    put_modules(finder, library, inside)
    name = os.path.splitext(os.path.basename(options.script))[0]
    write(os.path.join(inside, name + ".pyc"), bytecode(options.script, name + ".py"))
    launcher = os.path.join(out, os.path.basename(out))
    link_launcher(options, sysroot, machine, version, launcher)
    modules = [os.path.join(d, f) for d, _, files in os.walk(inside) for f in files
               if f.endswith(".so")]
    readelf = re.sub(r"g?cc\Z", "readelf", options.cc) if "-" in options.cc else "readelf"
    put_libraries(readelf, [f"{sysroot}/usr/lib/{machine}", f"{sysroot}/lib/{machine}",
                            f"{sysroot}/usr/lib", f"{sysroot}/lib"], [launcher] + modules, inside)


if __name__ == "__main__":
    main()

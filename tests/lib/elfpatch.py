#!/usr/bin/python3
"""elfpatch.py FILE OPERATION...: damages a little-endian ELF file in one exact place.

  header FIELD=VALUE     e_type, e_machine, e_flags, e_phoff, e_phentsize, e_phnum, e_shoff, …
  dyn TAG=VALUE          value of the first entry of the dynamic section with that tag
  retag TAG=TAG          its tag
  at TAG+OFFSET=VALUE    32 bits at the address that the entry holds
  at16 TAG+OFFSET=VALUE  16 bits there
  segment TYPE=TYPE      the first program header of a type gets another one, …
  like TYPE=TYPE         … or becomes a copy of the first one of that other type
  note FIELD=VALUE       namesz, descsz of the first note
  truncate SIZE
"""
import struct
import sys

HEADER = {  # name: (offset in ELF64, size, offset in ELF32, size)
    "ei_class": (4, 1, 4, 1), "ei_data": (5, 1, 5, 1), "ei_version": (6, 1, 6, 1),
    "ei_osabi": (7, 1, 7, 1), "ei_abiversion": (8, 1, 8, 1), "ei_pad": (12, 1, 12, 1),
    "e_type": (16, 2, 16, 2), "e_machine": (18, 2, 18, 2), "e_version": (20, 4, 20, 4),
    "e_phoff": (32, 8, 28, 4), "e_shoff": (40, 8, 32, 4), "e_flags": (48, 4, 36, 4),
    "e_phentsize": (54, 2, 42, 2), "e_phnum": (56, 2, 44, 2), "e_shentsize": (58, 2, 46, 2),
    "e_shnum": (60, 2, 48, 2), "e_shstrndx": (62, 2, 50, 2),
}
SEGMENT = {"null": 0, "load": 1, "dynamic": 2, "interp": 3, "note": 4, "stack": 0x6474E551,
           "property": 0x6474E553}
TAG = {"null": 0, "needed": 1, "strtab": 5, "symtab": 6, "strsz": 10, "soname": 14, "rpath": 15,
       "debug": 21, "runpath": 29, "verdef": 0x6FFFFFFC, "verdefnum": 0x6FFFFFFD,
       "verneed": 0x6FFFFFFE, "verneednum": 0x6FFFFFFF}
SIZES = {1: "<B", 2: "<H", 4: "<I", 8: "<Q"}


class Elf:
    def __init__(self, data):
        self.data = data
        self.wide = data[4] == 2
        self.word = 8 if self.wide else 4

    def get(self, offset, size):
        return struct.unpack_from(SIZES[size], self.data, offset)[0]

    def put(self, offset, size, value):
        struct.pack_into(SIZES[size], self.data, offset, value & (1 << 8 * size) - 1)

    def field(self, name):
        entry = HEADER[name]
        return entry[:2] if self.wide else entry[2:]

    def segments(self):
        size = 56 if self.wide else 32
        start = self.get(*self.field("e_phoff"))
        return [(start + i * size, size) for i in range(self.get(*self.field("e_phnum")))]

    def segment(self, kind):
        return next(s for s in self.segments() if self.get(s[0], 4) == kind)[0]

    def segment_offset(self, at):
        return self.get(at + (8 if self.wide else 4), self.word)

    def offset(self, address):
        for at, _ in self.segments():
            start = self.get(at + (16 if self.wide else 8), self.word)
            size = self.get(at + (32 if self.wide else 16), self.word)
            if self.get(at, 4) == 1 and start <= address < start + size:
                return self.segment_offset(at) + address - start
        sys.exit("address %#x lies in no segment" % address)

    def dyn(self, tag):
        at = self.segment_offset(self.segment(2))
        while self.get(at, self.word) != tag:
            if self.get(at, self.word) == 0:
                sys.exit("no dynamic entry %#x" % tag)
            at += 2 * self.word
        return at

    def apply(self, operation, argument):
        if operation == "truncate":
            del self.data[int(argument, 0):]
            return
        name, value = argument.split("=")
        if operation == "header":
            self.put(*self.field(name), int(value, 0))
        elif operation == "dyn":
            self.put(self.dyn(TAG[name]) + self.word, self.word, int(value, 0))
        elif operation == "retag":
            self.put(self.dyn(TAG[name]), self.word, TAG[value])
        elif operation in ("at", "at16"):
            tag, plus = name.split("+")
            start = self.offset(self.get(self.dyn(TAG[tag]) + self.word, self.word))
            self.put(start + int(plus, 0), 4 if operation == "at" else 2, int(value, 0))
        elif operation == "segment":
            self.put(self.segment(SEGMENT[name]), 4, SEGMENT[value])
        elif operation == "like":
            size = self.segments()[0][1]
            to, like = self.segment(SEGMENT[name]), self.segment(SEGMENT[value])
            self.data[to:to + size] = self.data[like:like + size]
        elif operation == "note":
            start = self.segment_offset(self.segment(4))
            self.put(start + {"namesz": 0, "descsz": 4}[name], 4, int(value, 0))
        else:
            sys.exit("unknown operation " + operation)


def main():
    path, operations = sys.argv[1], sys.argv[2:]
    with open(path, "rb") as f:
        elf = Elf(bytearray(f.read()))
    for i in range(0, len(operations), 2):
        elf.apply(operations[i], operations[i + 1])
    with open(path, "wb") as f:
        f.write(elf.data)


main()

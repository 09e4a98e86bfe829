#!/usr/bin/env python3
"""rewrite-compare.py OLD NEW: reads paths from stdin and compares OLD/PATH with NEW/PATH: the same
program headers but for p_offset and p_align, the same bytes in every segment, and in every section
that the small table still names. Prints how many files it compared; status 1 at a difference."""
import struct
import sys

PT_LOAD, PT_NULL, SHT_NOBITS = 1, 0, 8
KEPT = ('.note.gnu.build-id', '.note.ABI-tag', '.note.dlopen', '.go.buildinfo', '.gnu_debuglink',
        '.ARM.attributes', '.riscv.attributes')


class Elf:
    def __init__(self, path):
        self.path = path
        self.bytes = b = open(path, 'rb').read()
        self.wide, order = b[4] == 2, '<' if b[5] == 1 else '>'
        head = order + ('16sHHIQQQIHHHHHH' if self.wide else '16sHHIIIIIHHHHHH')
        (self.ident, self.type, self.machine, self.version, self.entry, self.phoff, self.shoff,
         self.flags, self.ehsize, self.phentsize, self.phnum, self.shentsize, self.shnum,
         self.shstrndx) = struct.unpack_from(head, b)
        self.header_end = struct.calcsize(head)
        self.segments = [self.segment(order, i) for i in range(self.phnum)]
        names = ('name', 'type', 'flags', 'addr', 'off', 'size', 'link', 'info', 'align', 'entsize')
        shdr = order + ('IIQQQQIIQQ' if self.wide else 'IIIIIIIIII')
        self.sections = [dict(zip(names, struct.unpack_from(shdr, b, self.shoff + i * self.shentsize)))
                         for i in range(self.shnum if self.shoff else 0)]
        for s in self.sections:
            at = self.sections[self.shstrndx]['off'] + s['name']
            s['name'] = b[at:b.index(b'\0', at)].decode()

    def segment(self, order, i):
        at = self.phoff + i * self.phentsize
        if self.wide:
            t, flags, off, vaddr, paddr, filesz, memsz, align = struct.unpack_from(
                order + 'IIQQQQQQ', self.bytes, at)
        else:
            t, off, vaddr, paddr, filesz, memsz, flags, align = struct.unpack_from(
                order + 'IIIIIIII', self.bytes, at)
        return dict(type=t, flags=flags, off=off, vaddr=vaddr, paddr=paddr, filesz=filesz,
                    memsz=memsz, align=align)

    def contents(self, part, skip=()):
        """The bytes of a segment or section; the headers themselves count as zeros."""
        size = part.get('filesz', part.get('size'))
        if part['off'] + size > len(self.bytes):
            sys.exit(f'{self.path}: {part} lies outside the file')
        b = bytearray(self.bytes[part['off']:part['off'] + size])
        for at, n in ((0, self.header_end), (self.phoff, self.phnum * self.phentsize)):
            low, high = max(at, part['off']), min(at + n, part['off'] + size)
            if low < high:
                b[low - part['off']:high - part['off']] = bytes(high - low)
        return b


def differ(new, what):
    sys.exit(f'{new.path}: {what}')


def compare(old, new):
    for field in ('ident', 'type', 'machine', 'version', 'entry', 'flags', 'phentsize', 'phnum'):
        if getattr(old, field) != getattr(new, field):
            differ(new, f'another {field}')
    for i, (a, b) in enumerate(zip(old.segments, new.segments)):
        for field in ('type', 'flags', 'vaddr', 'paddr', 'filesz', 'memsz'):
            if a[field] != b[field]:
                differ(new, f'segment {i} has another {field}')
        if a['filesz'] and a['type'] != PT_NULL and old.contents(a) != new.contents(b):
            differ(new, f'segment {i} has other contents')
        if b['type'] == PT_LOAD:
            if b['align'] > 1 and (b['vaddr'] - b['off']) % b['align']:
                differ(new, f'segment {i} is not aligned')
            if (b['vaddr'] - b['off']) % 4096:
                differ(new, f'segment {i} does not lie on pages')
    named = {s['name']: s for s in new.sections}
    for s in old.sections:
        if s['name'] not in KEPT or not new.sections:
            continue
        t = named.get(s['name'])
        if not t or any(t[f] != s[f] for f in ('type', 'flags', 'addr', 'size')):
            differ(new, f'{s["name"]} is gone or another')
        if s['type'] != SHT_NOBITS and old.contents(s) != new.contents(t):
            differ(new, f'{s["name"]} has other contents')
    loads = [s for s in new.segments if s['type'] == PT_LOAD and s['filesz']]
    for s in new.sections[1:]:  # the table and what only it names lie in no segment
        if s['flags'] & 2 or not s['size']:
            continue
        if any(s['off'] < p['off'] + p['filesz'] and p['off'] < s['off'] + s['size'] for p in loads) \
                and not any(o['name'] == s['name'] and o['off'] < p['off'] + p['filesz'] and
                            p['off'] < o['off'] + o['size'] for o in old.sections
                            for p in old.segments if p['type'] == PT_LOAD):
            differ(new, f'{s["name"]} lies in a segment')


def main():
    n = 0
    for line in sys.stdin:
        path = line.rstrip('\n')
        compare(Elf(f'{sys.argv[1]}/{path}'), Elf(f'{sys.argv[2]}/{path}'))
        n += 1
    print(n)


main()

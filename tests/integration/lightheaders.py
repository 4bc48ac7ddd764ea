# SPDX-License-Identifier: LGPL-2.1-or-later
"""LightHeaders: what a crash kernel was told of the machine: its map of memory, by its own log, and the ELF headers in the guest's
memory; of one armed guest that panics twice, loaded by our segments and by kexec_file_load(2)."""

import re
import struct

import bed
import light
import vmcorefile

PAGE = vmcorefile.PAGE_BYTES
E820 = re.compile(r"BIOS-e820: \[mem 0x([0-9a-f]+)-0x([0-9a-f]+)\] +(.+?)\r?$", re.M)


class Told:
    """@areas: areas_of()."""

    def __init__(self, memory, console, areas):
        console = console[console.rindex(light.MARKS["panic"]):]
        words = re.search(r"Command line: .*?elfcorehdr=(?:0x)?([0-9a-f]+)(K?)", console)
        bed.check(words, "the crash kernel does not say where its ELF headers are: %s" % console[-2000:])
        self.headers_paddr = int(words[1], 10) * 1024 if words[2] else int(words[1], 16)
        self.program = program_headers(memory, self.headers_paddr)
        found = [(int(a, 16), int(b, 16) + 1, kind) for a, b, kind in E820.findall(console)]
        bed.check(found, "the crash kernel does not tell its map of memory")
        self.inside = [r for r in found if any(a <= r[0] < b for a, b in areas)]
        self.outside = [r for r in found if r not in self.inside]

    def usable(self):
        return [r[:2] for r in self.inside if r[2] in ("usable", "System RAM")]


def program_headers(memory, paddr):
    """(type, flags, offset, virtual and physical address, bytes in the file and in memory) of each, in order."""
    header = memory.read(paddr, vmcorefile.EHDR_BYTES)
    bed.check(header[:4] == b"\x7fELF", "there are no ELF headers at %#x" % paddr)
    phoff, = struct.unpack_from("<Q", header, 32)
    size, n = struct.unpack_from("<HH", header, 54)
    data = memory.read(paddr + phoff, size * n)
    return sorted(struct.unpack_from("<IIQQQQQQ", data, size * i)[:7] for i in range(n))


def areas_of(armed):
    """[start, end) of what is reserved for crash kernels."""
    found = re.findall(r"([0-9a-f]+)-([0-9a-f]+) : Crash kernel", "\n".join(armed.said))
    return [(int(a, 16), int(b, 16) + 1) for a, b in found]


def told(armed, by_file):
    """Of one panic."""
    with armed.run() as guest:
        if by_file:
            bed.check_in("loaded file", guest.tell("file", "loaded"), "armtool")
        guest.panic()
        end = guest.outcome()
        bed.check(end.kind == ("unsaid" if by_file else "primary"), "%s: %s" % (end.kind, end.console[-2000:]))
        dump = guest.dump()
        bed.check(dump and dump.complete(), "no good dump: %s" % (dump and dump.text()))
        return Told(guest.memory, end.console, areas_of(armed))


def holes(areas, usable):
    """What of the areas is not usable."""
    left = list(areas)
    for first, last in usable:
        left = [part for a, b in left for part in ((a, min(b, first)), (max(a, last), b)) if part[0] < part[1]]
    return left


def describe(ranges):
    return ", ".join("%#x-%#x" % tuple(r[:2]) for r in ranges) or "nothing"


def whole_pages(ranges):
    """The one difference that is allowed: our loader gives no part of a page that has something else in it, too."""
    usable = ("usable", "System RAM")
    return [(-(-a // PAGE) * PAGE, b // PAGE * PAGE, kind) if kind in usable else (a, b, kind) for a, b, kind in ranges]


def compare(name, armed):
    areas = areas_of(armed)
    ours, theirs = told(armed, False), told(armed, True)
    bed.check(ours.outside == whole_pages(theirs.outside), "%s: outside of the reserved memory the crash kernel sees\n%s\nwhere "
              "kexec_file_load(2) has it see\n%s" % (name, ours.outside, theirs.outside))
    bed.check(ours.program == theirs.program, "%s: the ELF headers have\n%s\nwhere kexec_file_load(2) has\n%s" %
              (name, ours.program, theirs.program))
    for one, wanted in ((ours, "ours"), (theirs, "theirs")):
        bed.check(any(a <= one.headers_paddr < b for a, b in holes(areas, one.usable())),
                  "%s: the ELF headers (%s) are in memory that the crash kernel takes for free" % (name, wanted))
    bed.note("%s: %d ELF program headers and %d ranges of e820 outside of the reserved memory are the same; of that, "
             "the crash kernel may not use %s (kexec_file_load(2): %s)" %
             (name, len(ours.program), len(ours.outside), describe(holes(areas, ours.usable())),
              describe(holes(areas, theirs.usable()))))

# SPDX-License-Identifier: LGPL-2.1-or-later
"""Elfcorehdr: what the image that a guest has loaded tells the crash kernel of CPUs and memory (elfcorehdr.c), beside what
there is."""

import bed
import plugged
import sampler
import vmcorefile

PROGRAM = "/usr/local/bin/elfcorehdr"
NOTES = "for n in /sys/devices/system/cpu/cpu[0-9]*; do cat $n/crash_notes; done; cut -d ' ' -f 1 /sys/kernel/vmcoreinfo"


def put(guest):
    sampler.put(guest, "elfcorehdr", PROGRAM)


def merge(ranges):
    merged = []
    for start, end in sorted(ranges):
        if merged and merged[-1][1] == start:
            start = merged.pop()[0]
        merged.append((start, end))
    return merged


def without(ranges, holes):
    for first, last in holes:
        ranges = [part for start, end in ranges for part in ((start, min(end, first)), (max(start, last), end))
                  if part[0] < part[1]]
    return ranges


def expected(guest):
    """(addresses of notes, ranges of memory) of a kernel that lists CPUs that are present."""
    memory, crash = plugged.ram(guest)
    notes = sorted(int(line, 16) for line in guest.run(NOTES).split())
    return notes, merge(without(memory, crash + [(0, plugged.LOW_BYTES)]))


def read(guest):
    """The same of what is loaded."""
    lines = [line.split() for line in guest.run(PROGRAM, timeout=120).splitlines()]
    headers = [line for line in lines if line[0] == "header"]
    bed.check(len(headers) == 1, "expected one header, found %s" % headers)
    notes = sorted(int(line[1], 16) for line in lines if line[0] == "note")
    loads = [[int(word, 16) for word in line[1:]] for line in lines if line[0] == "load"]
    return notes, merge((start, start + size) for start, size, vaddr in loads if vaddr < vmcorefile.KERNEL_MAP_VADDR)


def check(guest):
    wanted, found = expected(guest), read(guest)
    for what, a, b in zip(("notes", "memory"), wanted, found):
        bed.check(a == b, "%s: the headers should have %s, they have %s" % (what, a, b))
    bed.note("elfcorehdr: %d notes, %d ranges, %d MiB, as in /proc/iomem" %
             (len(found[0]), len(found[1]), plugged.size(found[1]) >> 20))

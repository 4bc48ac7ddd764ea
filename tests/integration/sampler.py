# SPDX-License-Identifier: LGPL-2.1-or-later
"""Sampler: watches from inside a guest when no crash kernel is loaded (sampler.c)."""

import contextlib

import bed
from machine import quiet

PROGRAM = "/usr/local/bin/sampler"
LOG = "/run/sampler.log"


class Sampler:
    """What was seen: @gaps, the microseconds of each interval; @unsure: by how much each may have been longer;
    @longest_usec: between two samples."""

    def __init__(self, guest):
        self.guest = guest
        self.gaps, self.unsure, self.samples, self.longest_usec, self.open = [], [], 0, 0, False

    def start(self):
        self.guest.run("rm -f %s; systemd-run -q --unit=sampler -p StandardOutput=file:%s %s; "
                       "until grep -qs start %s; do sleep 0.1; done" % (LOG, LOG, PROGRAM, LOG))

    def stop(self):
        self.guest.run("systemctl stop sampler")
        for line in self.guest.run("cat " + LOG).splitlines():
            words = line.split()
            if words[0] == "gap":
                self.gaps.append(int(words[2]))
                self.unsure.append(int(words[3]))
                self.open |= words[-1] == "open"
            elif words[0] == "end":
                self.samples, self.longest_usec = int(words[1]), int(words[2])
        bed.check(self.samples > 0, "the sampler did not end: %s" % self.guest.run("cat " + LOG))


def put(guest, source, path):
    """Compiles a C program for the guest."""
    program = bed.context.scratch / source
    quiet("gcc", "-O2", "-static", "-s", "-o", program, bed.HERE / (source + ".c"))
    guest.write(path, program.read_bytes(), 0o755)


@contextlib.contextmanager
def watching(guest):
    """Gives a Sampler that has all its figures at the end of the block."""
    put(guest, "sampler", PROGRAM)
    sampler = Sampler(guest)
    sampler.start()
    yield sampler
    sampler.stop()

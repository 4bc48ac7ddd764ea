# SPDX-License-Identifier: LGPL-2.1-or-later
"""Every broken kdump.conf of the fixtures, and some that are no text at all: none costs the armed image."""

import bed

DEFAULT = False
BROKEN = bed.HERE.parent / "fixtures/kdump.conf/broken"
CONF = "/etc/kdump.conf"


def check_kept(guest, name, generation):
    status, said = guest.status("kdumpctl reload", timeout=120)
    bed.check(status != 0, "kdumpctl reload took '%s'" % name)
    bed.check_in(CONF, said, "kdumpctl reload with '%s'" % name)
    bed.check_in(generation, guest.check_armed(), "kdumpctl status with '%s'" % name)


def armed_generation(guest):
    """The line of the status that stays the same as long as nothing is loaded."""
    lines = [line for line in guest.check_armed().splitlines() if line.startswith("Generation: ")]
    bed.check(len(lines) == 1, "kdumpctl status names no generation")
    return lines[0]


def run():
    guest = bed.start()
    generation = armed_generation(guest)
    files = sorted(BROKEN.iterdir())
    for path in files:
        guest.write(CONF, path.read_bytes())
        check_kept(guest, path.name, generation)
    guest.write(CONF, b"path /var/crash\0\n")
    check_kept(guest, "NUL byte", generation)
    guest.write(CONF, b"path /" + b"a" * (1 << 20) + b"\n")
    check_kept(guest, "line of 1 MiB", generation)
    guest.run("rm %s && mkdir %s" % (CONF, CONF))
    check_kept(guest, "folder", generation)
    guest.run("rmdir %s && ln -s kdump.conf %s" % (CONF, CONF))
    check_kept(guest, "link to itself", generation)
    guest.run("rm %s" % CONF)
    guest.configure("path /var/crash")
    bed.note("%d broken files, and the image stayed armed" % (len(files) + 4))

# SPDX-License-Identifier: LGPL-2.1-or-later
"""path names folders that do not exist yet, twenty deep and one with a blank; they are made, for root only."""

import stat

import bed

DEEP = "srv/level 0/" + "/".join("level-%d" % i for i in range(1, 20))

DEFAULT = False


def run():
    guest = bed.start()
    guest.configure('path "/%s"' % DEEP)
    guest.panic()
    guest.wait_reset()
    with guest.disk("root") as root:
        bed.find_dump(root / DEEP).check()
        mode = stat.S_IMODE((root / "srv/level 0").stat().st_mode)
        bed.check(mode == 0o700, "a new folder of path has mode %04o, expected 0700" % mode)
        bed.check(not bed.find_dumps(root / "var/crash"), "there is a dump in /var/crash as well")

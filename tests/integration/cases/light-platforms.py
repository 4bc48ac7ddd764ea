# SPDX-License-Identifier: LGPL-2.1-or-later
"""Machines of several kinds panic, with and without a bit that fell over: each leaves a dump with all CPUs and memory."""

import bed
import lightplatforms

DEFAULT = False
GUEST = False


def run():
    wrongs = []
    for platform in lightplatforms.PLATFORMS:
        if platform.missing():
            bed.note("%s: left out, %s" % (platform.name, platform.missing()))
            continue
        try:
            lightplatforms.run(platform)
        except bed.BedError as e:
            bed.note("%s: WRONG: %s" % (platform.name, str(e)[:300]))
            wrongs.append(platform.name)
            bed.step(str(e))
    bed.check(not wrongs, "went wrong: %s" % ", ".join(wrongs))

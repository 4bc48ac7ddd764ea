# SPDX-License-Identifier: LGPL-2.1-or-later
"""Interrupt: signals a program of the capture in the middle of writing the dump."""

import bed

CHILD = "kdump-attempt"
SUPERVISOR = "kdump-capture"

# Runs in the crash kernel, started by kdump_pre: only what a shell has, besides ls and sleep.
SCRIPT = """
(
        size=0
        while [ "$size" -lt 33554432 ]; do
                sleep 0.05
                for f in /run/kdump/target-*/interrupted/*/vmcore-incomplete; do
                        [ -e "$f" ] && set -- $(ls -ln "$f") && size=$5
                done
        done
        for p in /proc/[0-9]*; do
                read -r comm <$p/comm || continue
                [ "$comm" = %s ] || continue
                echo "<4>interrupt: SIG%s to $comm (${p#/proc/}) at $size bytes" >/dev/kmsg
                kill -%s ${p#/proc/}
        done
) </dev/null >/dev/null 2>&1 &
exit 0
"""


def run(victim, signal, said, timeout=400, may_finish=False):
    """A panic whose capture is interrupted: it says @said on the console, and what is left behind is checked.
    @may_finish: the victim is not the one that writes, and the dump may have been completed without it."""
    guest = bed.start()
    guest.fill_memory()
    guest.write("/usr/local/bin/pre", "#!/bin/sh\n" + SCRIPT % (victim, signal, signal), 0o755)
    guest.configure("path /interrupted", "target_timeout 20s", "kdump_pre /usr/local/bin/pre",
                    "core_collector makedumpfile -l -d 1")
    guest.panic()
    guest.wait_reset(timeout)
    bed.check_in("interrupt: SIG%s to %s" % (signal, victim), guest.console(), "console")
    bed.check_in(said, guest.console(), "console")
    with guest.disk("root") as root:
        dump = bed.find_dump(root / "interrupted")
        dump.check_log()
        if may_finish and dump.vmcore.exists():
            dump.check()
        else:
            dump.check_nothing_claimed()
        dump.check_modes()

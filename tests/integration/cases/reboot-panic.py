# SPDX-License-Identifier: LGPL-2.1-or-later
"""A panic late in `systemctl reboot`, after kdumpd has ended, is still captured."""

import bed

UNIT = """[Unit]
DefaultDependencies=no
Before=kdump.service shutdown.target
Conflicts=shutdown.target
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/true
ExecStop=/usr/local/bin/late-panic
"""


def run():
    guest = bed.start()
    # Started before kdump.service means stopped after it.
    guest.write("/etc/systemd/system/late-panic.service", UNIT)
    guest.script("/usr/local/bin/late-panic",
                 "pgrep -x kdumpd && echo 'late-panic: kdumpd still runs' >/dev/kmsg",
                 "pgrep -x kdumpd || echo 'late-panic: kdumpd has ended' >/dev/kmsg",
                 "echo c >/proc/sysrq-trigger")
    guest.run("systemctl daemon-reload && systemctl start late-panic && sync")
    guest.machine.agent.spawn("sleep 0.2; systemctl reboot")
    guest.wait_reset()
    with guest.disk("root") as root:
        dump = bed.find_dump(root / "var/crash").check()
        bed.check_in("late-panic: kdumpd has ended", dump.log(), "vmcore-dmesg.txt")

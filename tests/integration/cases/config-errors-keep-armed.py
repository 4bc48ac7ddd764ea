# SPDX-License-Identifier: LGPL-2.1-or-later
"""A broken kdump.conf: reload and restart say what is wrong and where, and the old image stays armed."""

import bed

BROKEN = (
    ("pth /var/crash\n", "/etc/kdump.conf:1: "),
    ("path relative\n", "/etc/kdump.conf:1: "),
    ("path /a\npath /b\n", "/etc/kdump.conf:2: "),
    ("failure_action rebot\n", "/etc/kdump.conf:1: "),
    ("kdump_pre /no/such/program\n", "/etc/kdump.conf:1: "),
)


def run():
    guest = bed.start()
    for text, expected in BROKEN:
        guest.write("/etc/kdump.conf", text)
        status, said = guest.status("kdumpctl reload", timeout=120)
        bed.check(status != 0, "kdumpctl reload took '%s'" % text.strip())
        bed.check_in(expected, said, "kdumpctl reload")
        bed.check_in(expected, guest.check_armed(), "kdumpctl status")
    guest.run("systemctl restart kdump", check=False, timeout=120)
    guest.check_armed()
    guest.run("printf 'path /var/crash' >/etc/kdump.conf")
    guest.reload()
    bed.check_in("State:      armed", guest.check_armed(), "kdumpctl status")

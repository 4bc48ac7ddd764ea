# SPDX-License-Identifier: LGPL-2.1-or-later
"""Without crashkernel= the unit is skipped, and says what to add for this machine and how."""

import bed

DEFAULT = False


def run():
    guest = bed.start(snapshot=False, crashkernel="")
    guest.run("systemctl start kdump", timeout=120)
    bed.check(guest.run("systemctl is-active kdump", check=False).strip() == "inactive", "kdump.service is not inactive")
    bed.check(guest.status("systemctl is-failed kdump")[0] != 0, "kdump.service has failed instead of being skipped")
    journal = guest.run("journalctl -b -u kdump --no-pager")
    bed.check_in("crashkernel=", journal, "journal")
    status, text = guest.status("kdumpctl status")
    bed.check(status == 3, "kdumpctl status: expected 3, not %d" % status)
    bed.check_in("Kdump is not operational", text, "kdumpctl status")

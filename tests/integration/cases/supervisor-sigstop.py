# SPDX-License-Identifier: LGPL-2.1-or-later
"""While the dump is written, the supervisor is stopped: PID 1 notices and the box comes back. The writer goes on until then,
and may well finish."""

import interrupt

DEFAULT = False


def run():
    interrupt.run(interrupt.SUPERVISOR, "STOP", "the capture ended before its time: failsafe",
                  may_finish=True)

# SPDX-License-Identifier: LGPL-2.1-or-later
"""Victim: a guest's kdumpd that is killed at random moments, the same ones in each run."""

import random

import bed

SEED = 20261121
DROPIN = "[Service]\nRestartSec=1s\n"
PID = "systemctl show -p MainPID --value kdump"


class Victim:
    def __init__(self, guest):
        self.guest = guest
        self.random = random.Random(SEED)
        self.kills = 0
        guest.write("/etc/systemd/system/kdump.service.d/restart.conf", DROPIN)
        guest.run("systemctl daemon-reload")

    def kill(self, within):
        """At a random moment of so many seconds; then waits until another one has said that it is ready."""
        wait = self.random.uniform(0, within)
        pid = self.guest.run("sleep %.3f; pid=$(%s); kill -KILL $pid && echo $pid" % (wait, PID)).strip()
        self.kills += 1
        self.guest.run("until [ $(%s) -gt 0 ] && [ $(%s) != %s ]; do sleep 0.1; done; "
                       "until systemctl -q is-active kdump; do sleep 0.1; done" % (PID, PID, pid), timeout=120)
        bed.step("kill %d, after %.1f s" % (self.kills, wait))
        loaded = self.guest.run("cat /sys/kernel/kexec_crash_loaded").strip()
        bed.check(loaded == "1", "kill %d left nothing armed" % self.kills)

    def check(self, text, timeout=30):
        """What is wanted is armed, and the last of the daemons says so. Returns the state file."""
        state = self.guest.wait_state("armed", timeout=timeout)
        bed.check(str(state["pid"]) == self.guest.run(PID).strip(), "the state is that of a daemon before: %s" % state)
        bed.check_in(text, self.guest.check_armed(), "kdumpctl status")
        return state

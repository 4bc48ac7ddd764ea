# SPDX-License-Identifier: LGPL-2.1-or-later
"""The daemon is killed at any moment, 200 times with KDUMPD_TEST_KILLS=200. Whatever it did, its successor ends it."""

import os
import random
import signal

from componentbed import CONFIG, LIBRARY, check

SEED = 20261121
KILLS = int(os.environ.get("KDUMPD_TEST_KILLS", "25"))


class Story:
    """What was done to the machine."""

    def __init__(self, bed):
        self.bed, self.random = bed, random.Random(SEED)
        self.n_edits = self.n_libraries = 0

    def edit(self):
        self.n_edits += 1
        self.bed.m.write(CONFIG, "path /var/crash/%d\n" % self.n_edits)

    def upgrade(self):
        self.n_libraries += 1
        self.bed.m.write(LIBRARY, "library %d" % (100 + self.n_libraries))

    def plug(self):
        self.bed.m.set_hardware(self.random.randint(1, 64), self.random.randint(1, 64) << 30)
        self.bed.send_event()

    def unload(self):
        self.bed.m.write_over("sys/kernel/kexec_crash_loaded", "0\n")

    def reload(self):
        os.kill(self.bed.sm.pid, signal.SIGHUP)

    def act(self):
        act = self.random.choice((self.edit, self.edit, self.upgrade, self.plug, self.plug, self.unload, self.reload))
        act()
        return act.__name__


def kill(bed, story, seconds_max):
    bed.sm.run_for(story.random.uniform(0, seconds_max))
    bed.sm.kill(signal.SIGKILL)
    bed.sm.start()


def killed_at_any_moment(bed):
    bed.start()
    story, done, cut, n_kills = Story(bed), [], 0, 0
    bed.m.write("bed/dracut", "slow 100")
    while n_kills < KILLS:
        loads, builds = bed.m.loads(), bed.n_builds()
        libraries, edits, before = story.n_libraries, story.n_edits, bed.state()["generation"]
        done.append(story.act())
        while True:
            kill(bed, story, 1.0 if done[-1] == "upgrade" else 0.1)
            n_kills += 1
            if not bed.m.crash_loaded():
                check(done[-1] == "unload" or bed.m.loads() > loads, "%s: nothing is armed, and there was no load", done[-5:])
                cut += 1
            if story.random.random() < 0.6:
                break
        bed.sm.wait(lambda: bed.sm.ready or bed.sm.pid == 0, "READY=1 after %s" % done[-5:])
        check(bed.sm.pid != 0, "the daemon has ended with %s", bed.sm.exit_status)
        bed.check_armed()
        check(bed.n_builds() - builds == story.n_libraries - libraries, "%s: %d builds", done[-5:], bed.n_builds() - builds)
        if story.n_libraries == libraries and story.n_edits == edits:
            check(bed.state()["generation"] == before, "%s: generation %d came of nothing", done[-5:], before)
        check(bed.sm.store_worst <= 14 and len(bed.sm.store) == 5, "the store has %s", bed.sm.store)
    bed.note = "%d kills, %d with nothing armed then, %d loads, %d builds" % (n_kills, cut, bed.m.loads(), bed.n_builds())


killed_at_any_moment.environment = {"BED_LOAD_USEC": "20000", "BED_TICK_USEC": "1000000"}

CASES = (killed_at_any_moment,)

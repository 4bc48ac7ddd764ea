# SPDX-License-Identifier: LGPL-2.1-or-later
"""CPUs and memory come and go."""

import shutil
import time

from componentbed import HASTE, check

SETTLE_SECONDS = 0.5 / HASTE  # SETTLE_USEC of manager-look.c


def take_disk_away(bed):
    """Nothing that an image is made of can be read."""
    for folder in ("var/lib/kdumpd/base", "var/lib/kdumpd/generation", "boot", "usr/lib/modules", "etc"):
        shutil.rmtree(bed.m.path(folder))


def reload_takes_no_disk(bed):
    bed.start()
    image = bed.m.image()
    take_disk_away(bed)
    bed.plug(n_cpus=4, ram_gib=3)
    bed.wait_known()
    bed.sm.wait(lambda: bed.state()["reloads"] == 1, "the reload to be written down")
    bed.check_loads(2)
    check(bed.m.image()[:2] + bed.m.image()[3:] == image[:2] + image[3:], "it is another image")
    bed.check_image(1, on_disk=False)


def each_change_is_one_reload(bed):
    bed.start()
    for i, (cpus, gib) in enumerate(((3, 2), (3, 4), (2, 4), (2, 2))):
        bed.plug(cpus, gib)
        bed.wait_known()
        bed.sm.wait(lambda n=i: bed.state()["reloads"] == n + 1 and bed.state()["state"] == "armed", "the reload")
        bed.check_armed(2 + i)
        bed.check_history("reload", "CPUs or memory came or went")
    check(bed.state()["generation"] == 1 and bed.n_builds() == 1, "more was done than that")


def event_without_a_change_is_nothing(bed):
    bed.start()
    bed.send_event("cpu")
    bed.sm.run_for(1)
    bed.check_armed(1)


def kernel_that_updates_headers_is_left_alone(bed):
    bed.m.write("sys/devices/system/cpu/crash_hotplug", "1\n")
    bed.m.write("sys/devices/system/memory/crash_hotplug", "1\n")
    bed.start()
    bed.plug(8, 4)
    bed.sm.run_for(1)
    bed.check_loads(1)
    check(bed.state()["state"] == "armed" and bed.state()["reloads"] == 0, "it is %s", bed.state())
    check(bed.state()["loaded_n_cpus"] == 8 and bed.state()["loaded_ram_bytes"] > 4 << 30, "it is %s", bed.state())
    bed.check_history("nothing", "CPUs or memory came or went", "6 CPUs and 2 GiB of memory more: the kernel has updated the headers itself")


def kernel_that_updates_only_cpus(bed):
    bed.m.write("sys/devices/system/cpu/crash_hotplug", "1\n")
    bed.m.write("sys/devices/system/memory/crash_hotplug", "0\n")
    bed.start()
    bed.plug(8, 2)
    bed.sm.run_for(1)
    bed.check_loads(1)
    bed.plug(8, 3)
    bed.wait_known()
    bed.sm.wait(lambda: bed.state()["reloads"] == 1, "the reload")
    bed.check_armed(2)


def burst_is_few_reloads(bed):
    """100 changes: not one load each, and the last of them is known."""
    bed.start()
    began = time.monotonic()
    for i in range(100):
        bed.plug(2 + i % 7, 2 + i % 5)
        bed.sm.run_for(0.002)
    bed.plug(2, 7)
    took = time.monotonic() - began
    bed.wait_known()
    bed.sm.wait(lambda: bed.state()["state"] == "armed" and bed.state()["loads"] == bed.m.loads(), "the state")
    bed.sm.run_for(0.5)
    bed.check_armed()
    n = bed.m.loads() - 1
    check(n <= min(took / SETTLE_SECONDS + 2, 50), "%d reloads in %.3f s", n, took)
    bed.note = "%d reloads in %.2f s" % (n, took)


def lost_event_is_made_up_for_by_the_tick(bed):
    bed.start()
    bed.m.set_hardware(6, 2 << 30)
    bed.wait_known()
    bed.sm.wait(lambda: bed.state()["state"] == "armed", "the state")
    bed.check_armed(2)


lost_event_is_made_up_for_by_the_tick.environment = {"BED_TICK_USEC": "300000"}


def removal_that_shows_after_its_event(bed):
    """The kernel says so first and does it then."""
    bed.start()
    bed.send_event("memory")
    bed.sm.run_for(SETTLE_SECONDS + 0.1)
    bed.m.set_hardware(2, 1 << 30)
    bed.wait_known()
    bed.sm.wait(lambda: bed.state()["state"] == "armed", "the state")
    bed.check_armed(2)


def reload_that_fails_is_said_and_done_later(bed):
    bed.start()
    bed.m.write("bed/faults", "refused\n")
    bed.plug(4, 2)
    bed.sm.wait(lambda: bed.state()["state"] == "degraded", "the failure")
    check("2 CPUs more" in bed.state()["reason"], "it says '%s'", bed.state()["reason"])
    check(bed.m.crash_loaded(), "nothing is armed")
    bed.check_loads(1)
    bed.reload()
    bed.check_armed(2)


def reload_while_a_build_runs(bed):
    bed.start()
    bed.m.write("bed/dracut", "slow 1500")
    bed.m.write("usr/lib/libx.so.1", "library 2")
    bed.sm.wait(lambda: bed.state()["state"] == "building", "the build")
    bed.plug(4, 4)
    bed.wait_known()
    check(bed.state()["state"] in ("building", "stale"), "it did not come while the build ran")
    bed.check_loads(2)
    bed.sm.wait(lambda: bed.state()["state"] == "armed", "the build's end")
    bed.check_armed(3)
    check(bed.n_builds() == 2 and bed.state()["generation"] == 2, "%d builds", bed.n_builds())


CASES = (reload_takes_no_disk, each_change_is_one_reload, event_without_a_change_is_nothing,
         kernel_that_updates_headers_is_left_alone, kernel_that_updates_only_cpus, burst_is_few_reloads,
         lost_event_is_made_up_for_by_the_tick, removal_that_shows_after_its_event, reload_that_fails_is_said_and_done_later,
         reload_while_a_build_runs)

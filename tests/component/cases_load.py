# SPDX-License-Identifier: LGPL-2.1-or-later
"""A kernel that does not take what it is given, and others who give it something."""

from componentbed import KCORE_OFFSET, CRASH_BYTES, check

TICK = {"BED_TICK_USEC": "300000"}


def busy_kernel_is_asked_again(bed):
    bed.m.write("bed/faults", "busy\n" * 5)
    bed.start()
    bed.check_armed(1)
    check(bed.m.calls().count("load busy") == 5, "the calls are %s", bed.m.calls())
    bed.m.write("bed/faults", "busy\nbusy\n")
    bed.edit("path /var/crash/other\n")
    bed.check_armed(2)


def kernel_that_stays_busy_keeps_the_image(bed):
    bed.start()
    bed.m.write("bed/faults", "busy\n" * 20)
    bed.edit("path /var/crash/other\n")
    bed.check_degraded("busy", 1)
    bed.check_image(1)
    bed.reload()
    bed.check_armed(2)


def kernel_that_was_busy_is_asked_by_the_tick(bed):
    """Nobody has to touch a file for it."""
    bed.start()
    bed.m.write("bed/faults", "busy\n" * 20)
    bed.edit("path /var/crash/other\n")
    bed.sm.wait(lambda: bed.state()["state"] == "armed", "the load")
    bed.check_image(2)
    bed.check_loads(2)
    bed.check_history("overlay", "could not be loaded", "generation 2 armed")


kernel_that_was_busy_is_asked_by_the_tick.environment = TICK


def load_that_fails_is_rolled_back_at_once(bed):
    """The old image is freed by then: the next call gives the kernel the one that is held in memory."""
    bed.start()
    bed.m.write("bed/faults", "freed\n")
    bed.edit("path /var/crash/other\n")
    bed.check_degraded("Exec format error", 3)
    bed.check_image(1)
    check(bed.m.calls()[-4:] == ["load begun", "load failed", "load begun", "load done"], "the calls are %s", bed.m.calls())
    bed.check_history("failed", "Exec format error")
    bed.reload()
    bed.check_armed(4)


def refused_load_keeps_the_image(bed):
    bed.start()
    bed.m.write("bed/faults", "refused\n")
    bed.edit("path /var/crash/other\n")
    bed.check_degraded("Operation not permitted", 1)
    bed.check_image(1)


def all_that_is_in_memory_fails_then_the_disk_is_tried(bed):
    bed.start()
    bed.edit("path /var/crash/second\n")
    bed.check_armed(2)
    # The new one, the one in memory as the way back, and again from disk.
    bed.m.write("bed/faults", "freed\nfreed\n")
    bed.edit("path /var/crash/third\n")
    bed.check_degraded("Exec format error", 5)
    check(bed.state()["generation"] in (1, 2), "generation %d is armed", bed.state()["generation"])
    bed.check_image(bed.state()["generation"])


def all_fails_and_the_next_request_arms(bed):
    bed.start()
    bed.m.write("bed/faults", "freed\n" * 20)
    bed.edit("path /var/crash/other\n")
    check(not bed.m.crash_loaded() and bed.state()["state"] == "disarmed", "it is %s", bed.state())
    check(bed.sm.pid != 0, "the daemon has given up")
    bed.m.write("bed/faults", "")
    bed.reload()
    bed.check_armed()


def reload_that_frees_the_image_is_tried_again(bed):
    bed.start()
    bed.m.write("bed/faults", "freed\n")
    bed.plug(4, 2)
    bed.wait_known()
    bed.sm.wait(lambda: bed.state()["state"] == "armed", "the state")
    bed.check_armed(3)


def check_forbidden(bed, name, value, words):
    bed.start()
    bed.m.write("proc/sys/kernel/" + name, value)
    before = bed.m.calls()
    bed.edit("path /var/crash/other\n")
    bed.check_degraded(words, 1)
    bed.check_image(1)
    bed.plug(4, 2)
    bed.sm.run_for(0.5)
    bed.reload()
    check(bed.state()["state"] == "degraded" and words in bed.state()["reason"], "it is %s", bed.state())
    check(bed.m.calls() == before, "something was tried: %s", bed.m.calls())


def disabled_loads_are_not_tried(bed):
    check_forbidden(bed, "kexec_load_disabled", "1\n", "kernel.kexec_load_disabled is 1")


def used_up_loads_are_not_tried(bed):
    check_forbidden(bed, "kexec_load_limit_panic", "0\n", "kernel.kexec_load_limit_panic has come down to 0")


def disabled_loads_at_start_say_so(bed):
    bed.m.write("proc/sys/kernel/kexec_load_disabled", "1\n")
    bed.start(ready=False)
    check("kernel.kexec_load_disabled is 1" in bed.state()["reason"], "it is %s", bed.state())
    bed.check_loads(0)


def limit_is_not_wasted(bed):
    """Three are allowed: one to arm, one for a change. The last is for whoever asks, as it has no way back."""
    words = "kexec_load_limit_panic permits one more load"
    bed.m.write("proc/sys/kernel/kexec_load_limit_panic", "3\n")
    bed.start()
    for _ in range(3):
        bed.reload()
    bed.edit("path /var/crash/other\n")
    bed.check_armed(2)
    bed.edit("path /var/crash/third\n")
    bed.check_degraded(words, 2)
    bed.check_image(2)
    bed.plug(4, 2)
    bed.sm.run_for(0.5)
    check(bed.state()["state"] == "degraded" and words in bed.state()["reason"], "it is %s", bed.state())
    bed.check_loads(2)
    bed.reload()
    bed.check_armed(3)
    bed.edit("path /var/crash/fourth\n")
    bed.check_degraded("kexec_load_limit_panic has come down to 0", 3)


def image_that_someone_unloads_is_loaded_again(bed):
    bed.start()
    bed.m.write_over("sys/kernel/kexec_crash_loaded", "0\n")
    bed.sm.wait(bed.m.crash_loaded, "the load")
    bed.sm.wait(lambda: bed.state()["state"] == "armed", "the state")
    bed.check_armed(2)
    bed.check_history("reload", "someone else has unloaded the crash kernel")


image_that_someone_unloads_is_loaded_again.environment = TICK


def image_of_someone_else_is_replaced(bed):
    bed.start()
    ours = bed.m.read("proc/kcore")[-64:]
    with open(bed.m.path("proc/kcore"), "r+b") as f:
        f.seek(KCORE_OFFSET + CRASH_BYTES - 64)
        f.write(b"x" * 64)
    bed.sm.wait(lambda: bed.m.loads() == 2 and bed.state()["state"] == "armed", "the load")
    bed.check_armed(2)
    bed.check_history("reload", "someone else has loaded another crash kernel")
    check(bed.m.read("proc/kcore")[-64:] == ours, "what is loaded is not what was")
    bed.sm.run_for(0.8)
    bed.check_armed(2)


image_of_someone_else_is_replaced.environment = TICK


def idle_daemon_does_nothing_but_tick(bed):
    bed.start()
    calls, before = bed.m.calls(), bed.sm.n_watchdog
    request = bed.state()["request"]
    bed.sm.run_for(1.5)
    check(bed.sm.n_watchdog > before, "the watchdog is not fed")
    check(bed.m.calls() == calls and bed.state()["request"] == request, "it has done something")


idle_daemon_does_nothing_but_tick.environment = TICK


CASES = (busy_kernel_is_asked_again, kernel_that_stays_busy_keeps_the_image,
         kernel_that_was_busy_is_asked_by_the_tick, load_that_fails_is_rolled_back_at_once,
         refused_load_keeps_the_image, all_that_is_in_memory_fails_then_the_disk_is_tried, all_fails_and_the_next_request_arms,
         reload_that_frees_the_image_is_tried_again, disabled_loads_are_not_tried, used_up_loads_are_not_tried,
         disabled_loads_at_start_say_so, limit_is_not_wasted, image_that_someone_unloads_is_loaded_again,
         image_of_someone_else_is_replaced, idle_daemon_does_nothing_but_tick)

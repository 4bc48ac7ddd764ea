# SPDX-License-Identifier: LGPL-2.1-or-later
"""The daemon ends and comes back."""

import os
import shutil
import signal

from cases_hotplug import take_disk_away
from componentbed import BUILD, LIBRARY, check, kernel


def stored(number):
    """The names of what belongs to a generation."""
    return sorted("%s-%d" % (part, number) for part in ("kernel", "initrd", "cmdline", "fallback", "fallback-cmdline"))


def restarted_daemon_has_the_image_in_memory(bed):
    for number in (signal.SIGTERM, signal.SIGKILL):
        if bed.m.loads() == 0:
            bed.start()
        bed.sm.kill(number)
        bed.start()
        bed.check_armed(1)
    check(sorted(name for name, _ in bed.sm.store) == stored(1), "the store is %s", bed.sm.store)
    take_disk_away(bed)
    bed.plug(4, 4)
    bed.wait_known()
    bed.sm.wait(lambda: bed.state()["reloads"] == 1, "the state")
    bed.check_image(1, on_disk=False)


def daemon_that_loses_disk_and_image_loads_from_memory(bed):
    bed.start()
    bed.sm.kill(signal.SIGKILL)
    take_disk_away(bed)
    bed.m.write_over("sys/kernel/kexec_crash_loaded", "0\n")
    bed.start()
    bed.check_image(1, on_disk=False)


def store_has_only_what_is_armed(bed):
    bed.start()
    for i in range(5):
        bed.edit("path /var/crash/%d\n" % i)
        bed.check_armed(i + 2)
        names = sorted(name for name, _ in bed.sm.store)
        number = bed.state()["generation"]
        check(names == stored(number), "the store is %s", names)
    check(bed.sm.store_worst <= 10, "%d files were stored", bed.sm.store_worst)


def daemon_without_a_store_reads_from_disk(bed):
    bed.start()
    bed.sm.kill()
    bed.sm.forget_files()
    bed.start()
    bed.check_armed(1)
    bed.plug(4, 4)
    bed.wait_known()
    bed.sm.wait(lambda: bed.state()["reloads"] == 1, "the state")


def hotplug_while_it_is_away(bed):
    bed.start()
    bed.sm.kill()
    bed.m.set_hardware(6, 4 << 30)
    bed.start()
    bed.wait_known()
    bed.check_armed(2)
    check(bed.state()["reloads"] == 1, "it is not a reload")


def edit_while_it_is_away(bed):
    bed.start()
    bed.sm.kill()
    bed.m.write("etc/kdump.conf", "path /var/crash/other\n")
    bed.start()
    bed.check_armed(2)
    check(bed.n_builds() == 1, "%d builds", bed.n_builds())


def running_build_is_joined(bed):
    bed.start()
    bed.m.write("bed/dracut", "slow 1000")
    bed.m.write(LIBRARY, "library 2")
    bed.sm.wait(lambda: bed.state()["state"] == "building", "the build")
    bed.sm.kill(signal.SIGKILL)
    bed.start()
    bed.check_armed(2)
    check(bed.n_builds() == 2 and bed.state()["generation"] == 2, "%d builds", bed.n_builds())


def build_of_someone_else_is_armed(bed):
    """As one that was asked for, but not of this daemon; one that changes nothing has no effect."""
    bed.start()
    answered = bed.answered()
    bed.sm.start_unit(BUILD, "--force")
    bed.sm.wait(lambda: not bed.sm.units[BUILD].pid, "the build")
    bed.m.write("usr/lib/libextra.so.1", "extra")
    bed.m.write("bed/dracut", "slow 500")
    bed.sm.start_unit(BUILD, "--force")
    bed.sm.kill(signal.SIGKILL)
    bed.start()
    bed.check_armed(1)
    check(bed.sm.units[BUILD].pid, "the build is over too soon")
    bed.sm.wait(lambda: bed.state()["generation"] == 2, "generation 2")
    bed.check_armed(2)
    check(bed.n_builds() == 3, "%d builds", bed.n_builds())
    check(bed.answered() == answered + 2, "%d answers", bed.answered() - answered)
    bed.check_history("base", "has come or gone", "base image: ")


def build_for_the_kernel_that_runs_is_armed(bed):
    """What is armed until then is of the kernel before it."""
    bed.start()
    bed.sm.kill()
    bed.m.boot()
    bed.sm.forget_files()
    bed.m.write("usr/lib/modules/6.2/modules.dep", "ext4.ko:\n")
    bed.m.write("boot/vmlinuz-6.2", kernel(2))
    bed.m.write("proc/sys/kernel/osrelease", "6.2\n")
    bed.m.write("bed/dracut", "fail")
    bed.start()
    bed.check_degraded("building the base image failed")
    bed.m.write("bed/dracut", "")
    bed.sm.start_unit(BUILD)
    bed.sm.wait(lambda: bed.state()["kernel_release"] == "6.2" and bed.state()["state"] == "armed", "the load")
    bed.check_armed()
    bed.check_history("base", "has come or gone")


def kill_in_the_middle_of_a_load_is_made_good(bed):
    bed.start()
    bed.m.write("etc/kdump.conf", "path /var/crash/other\n")
    bed.sm.wait(lambda: bed.m.loads() == 2, "the load")
    bed.sm.kill(signal.SIGKILL)
    check(not bed.m.crash_loaded(), "the load was over")
    bed.start()
    bed.check_armed(3)


kill_in_the_middle_of_a_load_is_made_good.environment = {"BED_LOAD_USEC": "500000"}


def kill_before_a_load_is_written_down_is_made_good(bed):
    """What is loaded is the new image, and what is asked for is the old one again."""
    bed.start()
    bed.m.write("etc/kdump.conf", "path /var/crash/other\n")
    bed.sm.wait(lambda: bed.m.loads() == 2 and bed.m.crash_loaded(), "the load")
    bed.sm.kill(signal.SIGKILL)
    check(bed.m.calls()[-1] == "load begun", "the load was over")
    bed.m.write("etc/kdump.conf", "")
    bed.start()
    bed.check_armed(3)


kill_before_a_load_is_written_down_is_made_good.environment = {"BED_LOAD_USEC": "500000"}


def boot_arms_what_was_built(bed):
    bed.start()
    bed.sm.kill()
    bed.m.boot()
    bed.sm.forget_files()
    bed.start()
    bed.check_armed(2)
    check(bed.n_builds() == 1 and bed.state()["generation"] == 1, "%d builds", bed.n_builds())


def boot_again(bed):
    bed.m.boot()
    bed.sm.forget_files()
    bed.start()


def times_told(bed):
    return (bed.sm.folder / "log").read_text(errors="replace").count("and left no dump")


def lost_boot_is_told_once(bed):
    """Also if the daemon was restarted in it, and if it is in this one."""
    bed.start()
    bed.sm.kill(signal.SIGKILL)
    bed.sm.run_stop()
    bed.start()
    check("last_boot" not in bed.state() and times_told(bed) == 0, "the first boot is told of: %s", bed.state())
    bed.sm.kill(signal.SIGKILL)
    boot_again(bed)
    for _ in range(2):
        check("with generation 1 armed and left no dump" in bed.state()["last_boot"], "it is not told: %s", bed.state())
        check(times_told(bed) == 1, "it was told %d times", times_told(bed))
        check(sum("left no dump" in entry["outcome"] for entry in bed.history()) == 1, "the history is %s", bed.history())
        bed.reload()
        bed.sm.kill()
        bed.start()
    bed.check_armed()


def boot_that_left_a_dump_is_not_lost(bed):
    bed.start()
    bed.sm.kill(signal.SIGKILL)
    bed.m.write("var/crash/new/vmcore", "pages")
    boot_again(bed)
    check("its dump is '/var/crash/new'" in bed.state()["last_boot"], "the state is %s", bed.state())
    # It is not that of the next one.
    bed.sm.kill(signal.SIGKILL)
    os.utime(bed.m.path("var/crash/new"), (1, 1))
    boot_again(bed)
    check("left no dump" in bed.state()["last_boot"], "the state is %s", bed.state())


def orderly_end_is_no_loss(bed):
    bed.start()
    bed.sm.kill()
    bed.sm.system_state = "stopping"
    bed.sm.run_stop()
    check(bed.m.crash_loaded(), "the image was taken away")
    bed.sm.system_state = "running"
    boot_again(bed)
    check("last_boot" not in bed.state() and times_told(bed) == 0, "the last boot is told of: %s", bed.state())
    # It is armed again, and what was said of the one before does not count any more.
    bed.sm.kill(signal.SIGKILL)
    boot_again(bed)
    check(times_told(bed) == 1, "it was told %d times", times_told(bed))


def end_of_the_daemon_is_no_loss(bed):
    """Nobody is there any more to see whether the system goes down in order."""
    bed.start()
    bed.sm.kill(signal.SIGKILL)
    bed.sm.run_stop()
    boot_again(bed)
    check("last_boot" not in bed.state() and times_told(bed) == 0, "the last boot is told of: %s", bed.state())
    check("whether it was shut down in order is not known" in (bed.sm.folder / "log").read_text(), "it is not in the log")
    # It is seen again in a boot in which the daemon came back.
    bed.sm.kill(signal.SIGKILL)
    bed.sm.run_stop()
    bed.start()
    bed.sm.kill(signal.SIGKILL)
    boot_again(bed)
    check(times_told(bed) == 1, "it was told %d times", times_told(bed))


def lost_boot_is_told_when_all_is_mounted(bed):
    bed.start()
    bed.sm.kill(signal.SIGKILL)
    bed.m.write("proc/uptime", "10.00 1.00\n")
    boot_again(bed)
    check("last_boot" not in bed.state() and times_told(bed) == 0, "it is told of: %s", bed.state())
    # There was no time for it.
    bed.sm.kill()
    bed.sm.system_state = "stopping"
    bed.sm.run_stop()
    bed.sm.system_state = "running"
    bed.m.write("proc/uptime", "280.00 1.00\n")
    boot_again(bed)
    check("last_boot" not in bed.state() and times_told(bed) == 0, "it is told of: %s", bed.state())
    bed.m.write("proc/uptime", "300.00 1.00\n")
    bed.sm.wait(lambda: "last_boot" in bed.state(), "the word of the last boot")
    check(times_told(bed) == 1, "it was told %d times", times_told(bed))


def lost_boot_is_told_by_a_daemon_that_gives_up(bed):
    bed.start()
    bed.sm.kill(signal.SIGKILL)
    bed.m.write("proc/uptime", "10.00 1.00\n")
    bed.m.write("etc/kdump.conf", "nonsense\n")
    shutil.rmtree(bed.m.path("var/lib/kdumpd/generation"))
    bed.m.boot()
    bed.sm.forget_files()
    bed.start(ready=False)
    check(bed.sm.exit_status == 78 and "left no dump" in bed.state()["last_boot"], "%s", bed.state())


def dump_that_is_mounted_late_is_found(bed):
    bed.start()
    bed.sm.kill(signal.SIGKILL)
    bed.m.write("proc/uptime", "10.00 1.00\n")
    boot_again(bed)
    bed.m.write("var/crash/new/vmcore", "pages")
    bed.reload()
    check("its dump is '/var/crash/new'" in bed.state()["last_boot"], "the state is %s", bed.state())
    bed.m.write("proc/uptime", "300.00 1.00\n")
    bed.reload()
    check(times_told(bed) == 0, "it was told %d times", times_told(bed))


def dump_of_a_clock_that_was_set_back_is_found(bed):
    bed.m.write("var/crash/old/vmcore", "pages")
    bed.start()
    bed.sm.kill(signal.SIGKILL)
    bed.m.write("var/crash/new/vmcore", "pages")
    for name in ("old", "new"):
        os.utime(bed.m.path("var/crash/" + name), (86400, 86400))
    bed.m.boot()
    bed.m.write("proc/stat", "cpu  1 2 3\nbtime 90000\n")
    bed.sm.forget_files()
    bed.start()
    check("its dump is '/var/crash/new'" in bed.state()["last_boot"], "the state is %s", bed.state())


def lost_boot_is_told_once_if_nothing_can_be_armed(bed):
    bed.start()
    bed.sm.kill(signal.SIGKILL)
    bed.m.write("proc/sys/kernel/kexec_load_disabled", "1\n")
    for _ in range(2):
        bed.m.boot()
        bed.sm.forget_files()
        bed.start(ready=False)
        check(times_told(bed) == 1, "it was told %d times", times_told(bed))


CASES = (restarted_daemon_has_the_image_in_memory, daemon_that_loses_disk_and_image_loads_from_memory,
         store_has_only_what_is_armed, daemon_without_a_store_reads_from_disk, hotplug_while_it_is_away, edit_while_it_is_away,
         running_build_is_joined, build_of_someone_else_is_armed, build_for_the_kernel_that_runs_is_armed,
         kill_in_the_middle_of_a_load_is_made_good,
         kill_before_a_load_is_written_down_is_made_good, boot_arms_what_was_built,
         lost_boot_is_told_once, lost_boot_is_told_once_if_nothing_can_be_armed,
         boot_that_left_a_dump_is_not_lost, orderly_end_is_no_loss, end_of_the_daemon_is_no_loss,
         lost_boot_is_told_when_all_is_mounted, lost_boot_is_told_by_a_daemon_that_gives_up,
         dump_that_is_mounted_late_is_found, dump_of_a_clock_that_was_set_back_is_found)

# SPDX-License-Identifier: LGPL-2.1-or-later
"""Starts, and changes of the configuration."""

from componentbed import CONFIG, check


def start_arms_and_a_second_start_loads_nothing(bed):
    bed.start()
    bed.check_armed(1)
    check(bed.n_builds() == 1, "%d builds", bed.n_builds())
    bed.check_history("base", "generation 1 armed")
    bed.sm.kill()
    check(bed.m.crash_loaded(), "the end of the daemon has unloaded the image")
    bed.start()
    bed.check_armed(1)
    check(bed.n_builds() == 1, "%d builds", bed.n_builds())
    bed.check_history("nothing", "the service was started")
    check(bed.state()["loads"] == 1, "it counts %d loads", bed.state()["loads"])


def edit_is_armed_without_a_command_or_a_build(bed):
    bed.start()
    bed.edit("path /var/crash/other\n")
    bed.check_armed(2)
    check(bed.state()["generation"] == 2 and bed.n_builds() == 1, "it is not a new overlay for the same base")
    bed.check_history("overlay", "kdump.conf' was touched", "'/var/crash' → '/var/crash/other'")
    before = bed.state()["base_id"]
    # As editors do that write a new file and move it there.
    bed.request(lambda: bed.m.write(CONFIG, "path /var/crash/third\n"))
    bed.check_armed(3)
    check(bed.state()["base_id"] == before, "the base image is another one")
    bed.request(lambda: bed.m.write("etc/kdump.conf.d/50-more.conf", "path /var/crash/fourth\n"))
    bed.check_armed(4)


def edit_that_needs_another_driver_is_a_build(bed):
    """What is armed stays so while it is built."""
    bed.start()
    bed.m.write("bed/dracut", "slow 500")
    bed.m.write(CONFIG, "path /var/crash\nextra_modules nbd\n")
    bed.sm.wait(lambda: bed.state()["state"] == "building", "the build")
    bed.check_image(1)
    check("nbd" in bed.state()["reason"], "the reason is '%s'", bed.state()["reason"])
    bed.sm.wait(lambda: bed.state()["generation"] == 2, "generation 2")
    bed.check_armed(2)
    check(bed.n_builds() == 2, "%d builds", bed.n_builds())
    bed.check_history("base", "'/etc/kdump.conf' was touched", "nbd")


def edit_that_means_the_same_is_nothing(bed):
    bed.start()
    bed.edit("# a comment\n")
    bed.check_armed(1)
    bed.check_history("nothing")
    check(bed.state()["generation"] == 1, "it has another number")


def error_keeps_the_image_until_it_is_repaired(bed):
    bed.start()
    bed.edit("pathh /var/crash/other\n")
    bed.check_degraded("pathh", 1)
    bed.check_image(1)
    bed.check_history("failed", "pathh")
    bed.edit("")
    bed.check_armed(1)
    bed.edit("path /var/crash/other\n")
    bed.check_armed(2)


def memory_comes_while_the_configuration_is_wrong(bed):
    bed.start()
    bed.edit("pathh /var/crash/other\n")
    bed.plug(4, 4)
    bed.wait_known()
    bed.sm.wait(lambda: bed.state()["reloads"] == 1 and bed.state()["state"] == "degraded", "the state")
    bed.check_degraded("pathh", 2)
    bed.check_image(1)


def error_at_start_keeps_the_image(bed):
    bed.start()
    bed.sm.kill()
    bed.m.write(CONFIG, "pathh /x\n")
    bed.start()
    bed.check_degraded("pathh", 1)
    bed.sm.kill()
    # Also over a boot: the last good one is loaded.
    bed.m.boot()
    bed.sm.forget_files()
    bed.start()
    bed.check_degraded("pathh", 2)
    bed.check_image(1)
    bed.check_history("restored", "pathh")


def error_and_nothing_to_go_back_to_ends_the_daemon(bed):
    bed.m.write(CONFIG, "pathh /x\n")
    bed.start(ready=False)
    check(bed.sm.exit_status == 78, "it ended with %d", bed.sm.exit_status)
    check(bed.state()["state"] == "disarmed" and "pathh" in bed.state()["reason"], "the state is %s", bed.state())
    bed.check_loads(0)


def reload_answers_also_if_there_is_nothing_to_do(bed):
    bed.start()
    for _ in range(3):
        bed.reload()
    bed.check_armed(1)
    check(bed.state()["request"] == 4, "%d answers", bed.state()["request"])
    entry = bed.history()[-1]
    check(entry["count"] == 3 and entry["action"] == "nothing", "the last entry is %s", entry)


def first_hook_is_told_by_its_name(bed):
    """The folders of all hooks could be in the folder that is made."""
    bed.start()

    bed.request(lambda: bed.m.write("etc/kdump/post.d/README", "What to put here.\n"))
    bed.sm.run_for(0.5)
    bed.check_armed(1)
    check("post.d/" in bed.history()[-1]["trigger"], "the last entry is %s", bed.history()[-1])


CASES = (start_arms_and_a_second_start_loads_nothing, edit_is_armed_without_a_command_or_a_build,
         edit_that_needs_another_driver_is_a_build, edit_that_means_the_same_is_nothing, error_keeps_the_image_until_it_is_repaired,
         memory_comes_while_the_configuration_is_wrong, error_at_start_keeps_the_image,
         error_and_nothing_to_go_back_to_ends_the_daemon, first_hook_is_told_by_its_name, reload_answers_also_if_there_is_nothing_to_do)

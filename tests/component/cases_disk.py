# SPDX-License-Identifier: LGPL-2.1-or-later
"""Files that an image is made of change, break and go away, and so does the disk."""

import contextlib
import os
import shutil
import subprocess

from componentbed import FALLBACK_PROGRAM, GENERATIONS, KERNEL_PAYLOAD, LIBRARY, check, kernel


def base_folder(bed):
    return "var/lib/kdumpd/base/" + bed.state()["base_id"]


def change_library(bed, text="library 2"):
    """What happens is over when it is answered."""
    bed.request(lambda: bed.m.write(LIBRARY, text))


def upgraded_library_is_a_new_base(bed):
    bed.start()
    before = bed.state()["base_id"]
    change_library(bed)
    bed.check_armed(2)
    check(bed.n_builds() == 2 and bed.state()["generation"] == 2 and bed.state()["base_id"] != before, "it is not a new base")
    bed.check_history("base", "'/usr/lib/libx.so.1' has changed", "generation 2 armed")


def touched_library_is_nothing(bed):
    bed.start()
    bed.request(lambda: os.utime(bed.m.path(LIBRARY), (1, 1)))
    bed.check_armed(1)
    bed.request(lambda: bed.m.write(LIBRARY, "library 1"))
    bed.check_armed(1)
    check(bed.n_builds() == 1, "%d builds", bed.n_builds())
    bed.check_history("nothing", "libx.so.1' was touched")


def library_that_goes_back_finds_its_base(bed):
    bed.start()
    change_library(bed)
    change_library(bed, "library 1")
    bed.check_armed(3)


def upgraded_kernel_is_a_new_base(bed):
    bed.start()
    bed.request(lambda: bed.m.write("boot/vmlinuz-6.1", kernel(2)))
    bed.check_armed(2)
    check(bed.n_builds() == 2, "%d builds", bed.n_builds())
    bed.check_history("base", "'/boot/vmlinuz-6.1' has changed")


def cut_off_kernel_keeps_the_image(bed):
    """The copy that was made with the base image is as good as it was."""
    bed.start()
    bed.request(lambda: bed.m.write("boot/vmlinuz-6.1", kernel(2)[:700]))
    bed.check_armed(1)
    check("'/boot/vmlinuz-6.1' cannot be loaded as a kernel: it is cut short" in bed.tail(), "it does not say so")
    bed.request(lambda: bed.m.write("boot/vmlinuz-6.1", kernel(2)))
    bed.check_armed(2)
    check(bed.n_builds() == 2, "%d builds", bed.n_builds())


def rotten_kernel_keeps_the_image(bed):
    """Its header is as it should be: the build finds out, by unpacking it."""
    bed.start()
    rotten = bytearray(kernel(2))
    rotten[KERNEL_PAYLOAD + 12] ^= 1
    bed.m.write("boot/vmlinuz-6.1", rotten)
    bed.sm.wait(lambda: bed.state()["state"] == "degraded", "the build's end")
    bed.check_degraded("building the base image failed", 1)
    check("'/boot/vmlinuz-6.1' could not start as a kernel: its payload (gzip)" in bed.tail(), "it does not say so")
    bed.m.write("boot/vmlinuz-6.1", kernel(2))
    bed.sm.wait(lambda: bed.state()["state"] == "armed", "the build")
    bed.check_armed(2)


def removed_kernel_is_still_armed(bed):
    """A package upgrade takes away all that runs: what was built has its own copies."""
    bed.start()
    before = bed.answered()
    bed.m.path("boot/vmlinuz-6.1").unlink()
    shutil.rmtree(bed.m.path("usr/lib/modules/6.1"))
    bed.sm.wait(lambda: bed.answered() > before, "an answer")
    bed.sm.run_for(1)
    bed.check_armed(1)
    bed.plug(4, 4)
    bed.wait_known()
    bed.sm.wait(lambda: bed.state()["state"] == "armed" and bed.state()["reloads"] == 1, "the state")
    bed.sm.kill()
    bed.m.boot()
    bed.sm.forget_files()
    bed.start()
    bed.check_armed(3)
    check(bed.n_builds() == 1 and bed.state()["generation"] == 1, "%d builds", bed.n_builds())
    bed.edit("path /var/crash/other\n")
    bed.check_armed(4)


def next_kernel_is_built_for_before_it_runs(bed):
    bed.start()
    bed.m.write("usr/lib/modules/6.2/modules.dep", "ext4.ko:\n")
    bed.m.write("boot/vmlinuz-6.2", kernel(2))
    bed.sm.wait(lambda: bed.n_builds() == 2, "the build")
    bed.sm.wait(lambda: all(unit.pid == 0 for unit in bed.sm.units.values()), "the build's end")
    bed.check_armed(1)
    bed.sm.kill()
    bed.m.boot()
    bed.sm.forget_files()
    bed.m.write("proc/sys/kernel/osrelease", "6.2\n")
    bed.start()
    bed.check_armed(2)
    check(bed.n_builds() == 2 and bed.state()["kernel_release"] == "6.2", "%d builds, %s", bed.n_builds(), bed.state())


def edit_in_an_upgrade_takes_the_base_that_is_there(bed):
    """What is built for it would be of files that do not fit together yet."""
    bed.start()
    base = bed.state()["base_id"]
    bed.m.write(LIBRARY, "library 2")
    bed.edit("path /var/crash/other\n")
    state = bed.state()
    check(state["state"] == "stale" and "built when files have stopped changing: '/usr/lib/libx.so.1' has changed" in
          state["reason"], "it is %s", state)
    check(not state["request_failed"] and state["base_id"] == base and bed.n_builds() == 1, "it is %s", state)
    bed.check_image(2)
    bed.sm.wait(lambda: bed.state()["state"] == "armed", "the build")
    bed.check_armed(3)
    check(bed.n_builds() == 2 and bed.state()["base_id"] != base, "%d builds", bed.n_builds())


def change_in_a_build_waits_for_the_next(bed):
    """Files that always change must not mean that there is always a build."""
    bed.start()
    bed.m.write("bed/dracut", "slow 2000")
    bed.m.path("bed/dracut.read").unlink()
    bed.m.write(LIBRARY, "library 2")
    bed.sm.wait(bed.m.path("bed/dracut.read").exists, "the build")
    bed.m.write(LIBRARY, "library 3")
    bed.sm.wait(lambda: bed.n_builds() == 3, "the second build")
    check(bed.m.loads() == 1, "what was built while files changed is loaded")
    entry = bed.history()[-1]
    check(entry["generation"] == 1 and "'/usr/lib/libx.so.1' has changed" in entry["changes"], "the last entry is %s", entry)
    # The change may be noticed so late that its own waiting outlasts the pause between builds.
    text = bed.tail()
    check(any("a new base image is built " + when in text for when in ("no sooner than", "when files have stopped changing")),
          "it does not say so")
    bed.sm.wait(lambda: bed.state()["state"] == "armed", "the build's end")
    bed.check_armed(2)
    entry = bed.history()[-1]
    check(entry["action"] == "base" and entry["trigger"] in
          ("files have changed since the base image was built", "'/usr/lib/libx.so.1' was touched"), "the last entry is %s", entry)


def images_that_were_never_armed_do_not_fill_the_disk(bed):
    bed.start()
    bed.m.write("bed/dracut", "slow 300")
    bed.m.path("bed/dracut.read").unlink()
    bed.m.write(LIBRARY, "library 2")
    for n in range(3, 10):
        bed.sm.wait(bed.m.path("bed/dracut.read").exists, "the build")
        bed.m.path("bed/dracut.read").unlink()
        bed.m.write(LIBRARY, "library %d" % n)
    left = os.listdir(bed.m.path("var/lib/kdumpd/base"))
    check(len(left) <= 4, "they are %s", left)


def reload_waits_for_no_pause(bed):
    bed.start()
    bed.m.write("bed/dracut", "slow 1000")
    bed.m.write(LIBRARY, "library 2")
    bed.reload()
    bed.check_armed(2)
    check(bed.n_builds() == 2, "%d builds", bed.n_builds())
    bed.m.write(LIBRARY, "library 3")
    bed.reload()
    bed.check_armed(3)
    check(bed.n_builds() == 3, "%d builds", bed.n_builds())


def first_start_arms_although_files_change(bed):
    """An upgrade may go on for longer than two builds take."""
    bed.m.write("bed/dracut", "slow 200")
    bed.sm.start()
    for n in range(2, 5):
        bed.sm.wait(lambda: bed.m.path("bed/dracut.read").exists() or bed.sm.ready or bed.sm.pid == 0, "a build")
        if bed.sm.ready or bed.sm.pid == 0:
            break
        bed.m.path("bed/dracut.read").unlink()
        bed.m.write(LIBRARY, "library %d" % n)
    bed.sm.wait(lambda: bed.sm.ready or bed.sm.pid == 0, "READY=1")
    check(bed.sm.ready, "the daemon ended with %s", bed.sm.exit_status)
    check(bed.m.crash_loaded(), "nothing is armed")
    bed.sm.wait(lambda: bed.state()["state"] == "armed" and bed.m.loads() == 2, "the last build")
    bed.check_armed()


def reload_ends_although_files_always_change(bed):
    """Each change falls into a build, and is noticed before its end."""
    bed.start()
    before = bed.answered()
    bed.m.write("bed/dracut", "slow 2000")
    bed.m.write(LIBRARY, "library 2")
    os.kill(bed.sm.pid, 1)
    for n in range(3, 8):
        bed.m.path("bed/dracut.read").unlink()
        bed.sm.wait(lambda: bed.m.path("bed/dracut.read").exists() or bed.answered() > before, "a build")
        if bed.answered() > before:
            break
        bed.m.write(LIBRARY, "library %d" % n)
    check(bed.answered() > before, "there is no answer after %d builds", bed.n_builds() - 1)
    bed.sm.wait(lambda: bed.state()["state"] == "armed", "the last build")
    bed.check_armed()


def failed_build(bed, wish, words):
    bed.start()
    bed.m.write("bed/dracut", wish)
    change_library(bed)
    bed.check_degraded(words, 1)
    bed.check_image(1)
    bed.check_history("failed", words)
    check(bed.n_builds() == 2, "%d builds", bed.n_builds())
    left = [name for name in os.listdir(bed.m.path("var/lib/kdumpd")) if name.startswith("build.") and name != "build.lock"]
    check(not left, "the build has left %s", left)
    bed.m.write("bed/dracut", "")
    bed.reload()
    bed.check_armed(2)


def failed_build_is_not_tried_again_by_itself(bed):
    """It would fail again, as soon as the pause is over that its failure has begun."""
    bed.start()
    bed.m.write("bed/dracut", "fail")
    bed.m.write(LIBRARY, "library 2")
    bed.sm.wait(lambda: bed.state()["state"] == "degraded", "the build's end")
    request = bed.answered()
    bed.sm.run_for(2)
    bed.check_degraded("building the base image failed", 1)
    check(bed.n_builds() == 2 and bed.answered() == request, "%d builds, %d answers", bed.n_builds(), bed.answered())
    bed.m.write("bed/dracut", "")
    bed.m.write(LIBRARY, "library 3")
    bed.sm.wait(lambda: bed.state()["state"] == "armed", "the build")
    bed.check_armed(2)


def dracut_that_fails_half_way_keeps_the_image(bed):
    failed_build(bed, "fail", "building the base image failed")


def dracut_that_leaves_no_archive_keeps_the_image(bed):
    failed_build(bed, "broken", "building the base image failed")


def dracut_that_leaves_half_an_archive_keeps_the_image(bed):
    failed_build(bed, "cut", "building the base image failed")


def failed_first_build_says_where_to_look(bed):
    bed.m.write("bed/dracut", "fail")
    bed.start(ready=False)
    check(bed.sm.exit_status == 69, "it ended with %d", bed.sm.exit_status)
    check("journalctl -u kdump-build.service" in bed.state()["reason"], "it says '%s'", bed.state()["reason"])


def damaged_base_is_built_again(bed):
    bed.start()
    path = base_folder(bed) + "/initrd.img"
    data = bytearray(bed.m.read(path))
    data[len(data) // 2] ^= 1
    bed.m.write(path, bytes(data))
    bed.reload()
    check(bed.m.crash_loaded() and bed.m.loads() <= 2, "the loads are %s", bed.m.calls())
    bed.check_armed()
    bed.check_image(bed.state()["generation"])


def damaged_base_does_not_stop_a_reload(bed):
    bed.start()
    bed.m.write(base_folder(bed) + "/initrd.img", b"")
    bed.m.write(base_folder(bed) + "/vmlinuz", b"")
    bed.plug(4, 4)
    bed.wait_known()
    bed.sm.wait(lambda: bed.state()["state"] == "armed" and bed.state()["reloads"] == 1, "the state")


def removed_base_is_built_again(bed):
    bed.start()
    shutil.rmtree(bed.m.path(base_folder(bed)))
    bed.reload()
    bed.check_armed()
    check(bed.n_builds() == 2, "%d builds", bed.n_builds())


def removed_state_folder_is_made_again(bed):
    bed.start()
    shutil.rmtree(bed.m.path("var/lib/kdumpd"))
    bed.reload()
    bed.check_armed()
    bed.edit("path /var/crash/other\n")
    bed.check_armed()


def damaged_generation_is_written_again(bed):
    bed.start()
    bed.m.write("%s/1/overlay.cpio" % GENERATIONS, b"")
    bed.m.write("%s/1/fallback.img" % GENERATIONS, b"")
    bed.m.write("%s/index" % GENERATIONS, b"\xff")
    bed.sm.kill()
    bed.m.boot()
    bed.sm.forget_files()
    bed.start()
    bed.check_armed(2)


def fallback_image(bed):
    return bed.m.image()[3]


def lost_fallback_image_is_written_again(bed):
    """Also when nothing else is wrong, and what was loaded before has one."""
    bed.start()
    before = fallback_image(bed)
    check(not before.startswith("none"), "there is no fallback image")
    bed.m.path("%s/1/fallback.img" % GENERATIONS).unlink()
    bed.reload()
    bed.check_armed(1)
    bed.m.boot()
    bed.sm.kill()
    bed.m.path("%s/1/fallback.img" % GENERATIONS).unlink()
    bed.sm.forget_files()
    bed.start()
    bed.check_armed(2)
    check(fallback_image(bed) == before, "it is another one")


def program_that_is_being_replaced_keeps_the_fallback_image(bed):
    bed.start()
    bed.m.path(FALLBACK_PROGRAM).unlink()
    bed.reload()
    bed.check_armed(1)
    bed.m.write(FALLBACK_PROGRAM, "two")
    bed.reload()
    bed.check_armed(2)
    check(bed.state()["generation"] == 2, "it is generation %d", bed.state()["generation"])
    bed.check_history("overlay", "fallback image: '/init' has changed")


def machine_without_a_fallback_image_is_armed(bed):
    bed.m.path(FALLBACK_PROGRAM).unlink()
    bed.start()
    bed.check_armed(1)
    check(fallback_image(bed) == "none ", "there is a fallback image")
    bed.edit("path /var/crash/other\n")
    bed.check_armed(2)


@contextlib.contextmanager
def mounted(bed, options, folder="var"):
    """A file system of its own for a folder, if this may be done here."""
    var, copy = bed.m.path(folder), bed.m.path(folder + ".copy")
    if "KDUMPD_BED_INSIDE" not in os.environ:
        bed.note = "skipped: needs root"
        yield False
        return
    shutil.copytree(var, copy)
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", var], check=True)
    try:
        shutil.copytree(copy, var, dirs_exist_ok=True)
        yield True
    finally:
        subprocess.run(["umount", "-l", var], check=True)


def fill(path):
    with open(path, "wb", buffering=0) as f, contextlib.suppress(OSError):
        while True:
            f.write(bytes(4096))


def full_run_does_not_hide_what_is_armed(bed):
    """The state file is replaced where there is room for one only."""
    with mounted(bed, "size=512k", "run") as is_mounted:
        if not is_mounted:
            return
        bed.start()
        fill(bed.m.path("run/filler"))
        bed.edit("path /var/crash/other\n")
        bed.check_armed(2)
        check(bed.state()["generation"] == 2, "it is %s", bed.state())
        bed.reload()
        bed.check_armed(2)
        bed.sm.kill()


def full_disk_keeps_the_image(bed):
    with mounted(bed, "size=70m") as is_mounted:
        if not is_mounted:
            return
        bed.start()
        fill(bed.m.path("var/filler"))
        bed.edit("path /var/crash/other\n")
        bed.check_degraded("No space left", 1)
        bed.check_image(1)
        change_library(bed)
        bed.check_degraded("building the base image failed", 1)
        bed.plug(4, 4)
        bed.wait_known()
        bed.m.path("var/filler").unlink()
        bed.edit("path /var/crash/third\n")
        bed.check_armed()
        bed.sm.kill()


def read_only_disk_keeps_the_image(bed):
    with mounted(bed, "size=64m") as is_mounted:
        if not is_mounted:
            return
        bed.start()
        bed.sm.kill()
        subprocess.run(["mount", "-o", "remount,ro", bed.m.path("var")], check=True)
        bed.m.boot()
        bed.sm.forget_files()
        bed.start()
        bed.check_armed(2)
        bed.edit("path /var/crash/other\n")
        bed.check_degraded("Read-only file system", 2)
        bed.check_image(1)
        bed.plug(4, 4)
        bed.wait_known()
        bed.sm.kill()


CASES = (upgraded_library_is_a_new_base, touched_library_is_nothing, library_that_goes_back_finds_its_base,
         upgraded_kernel_is_a_new_base, cut_off_kernel_keeps_the_image, rotten_kernel_keeps_the_image,
         removed_kernel_is_still_armed, next_kernel_is_built_for_before_it_runs, edit_in_an_upgrade_takes_the_base_that_is_there,
         change_in_a_build_waits_for_the_next, images_that_were_never_armed_do_not_fill_the_disk, reload_waits_for_no_pause,
         first_start_arms_although_files_change, reload_ends_although_files_always_change, failed_build_is_not_tried_again_by_itself,
         dracut_that_fails_half_way_keeps_the_image, dracut_that_leaves_no_archive_keeps_the_image,
         dracut_that_leaves_half_an_archive_keeps_the_image, failed_first_build_says_where_to_look,
         damaged_base_is_built_again, damaged_base_does_not_stop_a_reload, removed_base_is_built_again,
         removed_state_folder_is_made_again, damaged_generation_is_written_again,
         lost_fallback_image_is_written_again, program_that_is_being_replaced_keeps_the_fallback_image,
         machine_without_a_fallback_image_is_armed,
         full_run_does_not_hide_what_is_armed, full_disk_keeps_the_image,
         read_only_disk_keeps_the_image)

# SPDX-License-Identifier: LGPL-2.1-or-later
"""`kdump-capture estimate /proc/kcore` of the running guest, against the dump that it then leaves behind."""

import json

import bed

DEFAULT = False
CAPTURE = "/usr/lib/kdumpd/kdump-capture"
FACTOR = 1.5  # between what is estimated and what is written: the guest goes on meanwhile


def check_near(what, estimated, written):
    bed.note("%s: estimated %d, written %d" % (what, estimated, written))
    bed.check(written / FACTOR <= estimated <= written * FACTOR,
              "%s: %d was estimated, %d is too far from it" % (what, estimated, written))


def estimate(guest, *options):
    return json.loads(guest.run(" ".join([CAPTURE, "estimate /proc/kcore --json", *options, "2>/dev/null"]), timeout=200))


def run():
    guest = bed.start()
    bed.check_in("Vmcore (MiB)", guest.run(CAPTURE + " estimate /proc/kcore 2>&1", timeout=200), "the table")
    found = estimate(guest)
    levels = {level["dump_level"]: level for level in found["levels"]}
    bed.check(sorted(levels) == [0, 1, 3, 7, 15, 17, 31], "estimated levels: %s" % sorted(levels))
    bed.check(found["n_excluded_free"] > 0 and found["n_excluded_user"] > 0, "nothing would be left out: %s" % found)
    bed.check(found["n_pages_unreadable"] < found["n_pages_sampled"] / 10, "most cannot be read: %s" % found)
    reserved = int(guest.run("cat /sys/kernel/kexec_crash_size")) // found["page_size_bytes"]
    everything = int(guest.run("sed -n 's/^MemTotal: *//p' /proc/meminfo").split()[0]) * 1024 // found["page_size_bytes"]
    bed.note("%d pages in all, %d reserved, MemTotal has %d" % (found["n_pages"], reserved, everything))
    bed.check(everything <= found["n_pages"] <= everything * FACTOR, "pages: %d" % found["n_pages"])
    one = estimate(guest, "--dump-level=31", "--compress=zstd")
    bed.check(one["compression"] == "zstd" and len(one["levels"]) == 1, "one level was asked for: %s" % one)

    guest.panic()
    guest.wait_reset()
    with guest.disk("root") as root:
        dump = bed.find_dump(root / "var/crash").check()
        meta = dump.meta()
        bed.check(meta["compression"] == found["compression"], "compression: %s" % meta)
        level = levels[meta["dump_level"]]
        check_near("pages", level["n_pages"], meta["n_pages"])
        check_near("bytes", level["vmcore_bytes"], meta["vmcore_bytes"])
        bed.check(meta["n_excluded_free"] > 0, "no free page was left out: %s" % meta)

# SPDX-License-Identifier: LGPL-2.1-or-later
"""target_deadline ends a dump that takes too long: what has been saved opens, and says that it is not all."""

import subprocess

import bed

DEFAULT = False


def capture(*argv):
    program = bed.context.build_dir / "src/kdump-capture/kdump-capture"
    done = subprocess.run([program, *argv], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, errors="replace")
    bed.check(done.returncode == 0, "%s failed with %d: %s" % (argv[0], done.returncode, done.stderr))
    return done.stdout


def run():
    guest = bed.start()
    guest.script("/usr/local/bin/post", 'echo "<4>post: status $1" >/dev/kmsg')
    # All memory, by the codec that takes longest.
    guest.configure("core_collector makedumpfile -c -d 0", "target_deadline %ds" % bed.seconds(6),
                    "kdump_post /usr/local/bin/post")
    guest.panic()
    guest.wait_reset()
    bed.check_in("target_deadline", guest.console(), "console")
    bed.check_in("post: status 3", guest.console(), "console")
    with guest.disk("root") as root:
        dump = bed.find_dump(root / "var/crash")
        dump.check_nothing_claimed()
        dump.check_log()
        meta, vmcore = dump.meta(), dump.folder / "vmcore-incomplete"
        bed.check(meta.get("status") == "incomplete", "meta.json: expected status incomplete: %s" % meta)
        bed.check_in("deadline", meta.get("reason") or "", "reason in meta.json")
        bed.check(0 < meta["n_pages_missing"] < meta["n_pages"], "all pages or none are missing: %s" % meta)
        bed.note("%d of %d pages saved" % (meta["n_pages"] - meta["n_pages_missing"], meta["n_pages"]))
        # The kernel's pages come first, so the kernel's own log can be found.
        bed.check_in(bed.PANIC_LINE, capture("dmesg", vmcore), "log in the vmcore")

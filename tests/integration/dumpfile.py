# SPDX-License-Identifier: LGPL-2.1-or-later
"""Dumpfile: checks of a dump that was cut off, with the programs of the build."""

import subprocess

import bed


def capture(*argv):
    """What kdump-capture prints."""
    program = bed.context.build_dir / "src/kdump-capture/kdump-capture"
    done = subprocess.run([program, *argv], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, errors="replace",
                          check=False)
    bed.check(done.returncode == 0, "%s failed with %d: %s" % (argv[0], done.returncode, done.stderr))
    return done.stdout


def check_incomplete(dump, reason):
    """It says that it is not all, and why, and opens."""
    dump.check_nothing_claimed()
    dump.check_log()
    meta, vmcore = dump.meta(), dump.folder / "vmcore-incomplete"
    bed.check(meta.get("status") == "incomplete", "meta.json: expected status incomplete: %s" % meta)
    bed.check_in(reason, meta.get("reason") or "", "reason in meta.json")
    bed.check(0 < meta["n_pages_missing"] < meta["n_pages"], "all pages or none are missing: %s" % meta)
    bed.note("%d of %d pages saved" % (meta["n_pages"] - meta["n_pages_missing"], meta["n_pages"]))
    # The kernel's pages come first, so the kernel's own log can be found.
    bed.check_in(bed.PANIC_LINE, capture("dmesg", vmcore), "log in the vmcore")

#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Lets the target fill up, writes fail and the core shrink under kdump-capture, and reads what it has left.

Usage: faults.py KDUMP_CAPTURE SHIM [FOLDER]

Whatever happens, each page that has a descriptor is as in the core, nothing claims to be whole that is not, and a repair
finds nothing to withdraw. Real full file systems need root.
"""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent))

from faultbed import EXIT_INCOMPLETE, PAGE_BYTES, TRIES_MAX, Core, Dump, Failure, Program, check, incomplete  # noqa: E402
from faultbed import make_core  # noqa: E402

try:
    import kdumpfile
except ImportError:
    kdumpfile = None

CORE_MIB = 12
THREADS = 2
OPTIONS = ["--threads=%d" % THREADS, "--compress=lzo", "--dump-level=1"]
INSIDE = "KDUMPD_FAULTS_INSIDE"  # a mount namespace of our own


class Bed:
    def __init__(self, program, shim, folder):
        self.program, self.shim, self.folder = Program(program), shim, folder
        self.core_path = folder / "core"
        make_core(self.core_path, CORE_MIB, 1)
        self.core = Core(self.core_path)
        self.target = folder / "vmcore"
        check(self.program.save(self.core_path, self.target, OPTIONS)[0] == 0, "the capture fails anyway")
        whole = Dump(self.target)
        self.n_pages = len(whole.check_pages(self.core))
        self.data_at, self.size = whole.data_at, self.target.stat().st_size
        self.target.unlink()

    def check_whole(self, target):
        check(target.exists() and not incomplete(target).exists(), "there is no dump")
        dump = Dump(target)
        check(not dump.incomplete, "a whole dump is marked as incomplete")
        check(len(dump.check_pages(self.core)) == self.n_pages, "pages are missing")

    def check_partial(self, path, n_min):
        """Returns how many pages are there."""
        dump = Dump(path)
        check(dump.incomplete, "it claims to be whole")
        there = dump.check_pages(self.core)
        check(n_min <= len(there) < self.n_pages, "%d pages are there, not %d to %d", len(there), n_min, self.n_pages)
        code, result, text = self.program.repair(path)
        if there:
            check(code == EXIT_INCOMPLETE and result["n_pages_withdrawn"] == 0 and
                  result["n_pages_readable"] == len(there), "repair: %s %s", result, text)
            self.check_other_reader(path, there)
        check(Dump(path).check_pages(self.core) == there, "repair has changed pages")
        return len(there)

    def check_other_reader(self, path, there):
        if not kdumpfile:
            return
        dump = kdumpfile.kdumpfile(str(path))
        for pfn in there[:: max(len(there) // 100, 1)]:
            page = dump.read(kdumpfile.KDUMP_MACHPHYSADDR, pfn * PAGE_BYTES, PAGE_BYTES)
            check(self.core.same(pfn, bytes(page)), "libkdumpfile reads pfn %#x as something else", pfn)

    def save_with(self, faults):
        for path in (self.target, incomplete(self.target)):
            path.unlink(missing_ok=True)
        # The sanitizers want to be the first.
        environment = {"LD_PRELOAD": str(self.shim), "FAULTS": faults, "ASAN_OPTIONS": "verify_asan_link_order=0"}
        return self.program.save(self.core_path, self.target, OPTIONS, environment)


def full_file_system(bed):
    if INSIDE not in os.environ:
        print("skipped: needs root")
        return
    mounted = bed.folder / "full"
    mounted.mkdir()
    for percent in (0, 1, 50, 99):
        size = bed.data_at + (bed.size - bed.data_at) * percent // 100
        size = (size - PAGE_BYTES if percent == 0 else size) // PAGE_BYTES * PAGE_BYTES
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=%d" % size, "tmpfs", mounted], check=True)
        try:
            target = mounted / "vmcore"
            code, text = bed.program.save(bed.core_path, target, OPTIONS)
            check(code in (1, EXIT_INCOMPLETE) and "No space left" in text, "save on a full disk: %d\n%s", code, text)
            check(not target.exists(), "a dump that does not fit has its final name")
            # The last buffer of each thread may be lost; a quarter of the pages need no room.
            wanted = 0 if percent < 50 else bed.n_pages * (percent - 20) // 100
            n = bed.check_partial(incomplete(target), wanted)
            print("full at %d %%: %d of %d pages" % (percent, n, bed.n_pages))
        finally:
            subprocess.run(["umount", "-l", mounted], check=True)


def writes_that_are_only_odd(bed):
    for faults in ("short", "interrupted", "no-fallocate", "short,interrupted,no-fallocate"):
        code, text = bed.save_with(faults)
        check(code == 0, "with %s: %d\n%s", faults, code, text)
        bed.check_whole(bed.target)


def writes_that_fail(bed):
    for word, error in (("eio", "Input/output error"), ("full", "No space left")):
        for call in (1, 2, 4, 6, 7, 10, 20, 40, 60):
            code, text = bed.save_with("%s=%d" % (word, call))
            check(code in (1, EXIT_INCOMPLETE) and error in text, "%s at write %d: %d\n%s", word, call, code, text)
            check(not bed.target.exists(), "%s at write %d: it has its final name", word, call)
            if call > 6:  # the headers, bitmaps and zeros are there
                bed.check_partial(incomplete(bed.target), 0)


def sync_that_fails(bed):
    for call in range(1, 1000):
        code, text = bed.save_with("sync=%d" % call)
        if bed.target.exists():  # there are no more
            break
        check(code in (1, EXIT_INCOMPLETE) and "Input/output error" in text, "sync %d fails: %d\n%s", call, code, text)
        dump = Dump(incomplete(bed.target))
        # The last one is for the mark: all pages were safe before.
        check(dump.incomplete or len(dump.check_pages(bed.core)) == bed.n_pages, "sync %d: it claims to be whole", call)
    check(call > 3, "no more than %d calls are made", call)
    bed.check_whole(bed.target)


def core_that_shrinks(bed):
    """While it is read: what is gone is missing, and all that comes before is there."""
    copy = bed.folder / "shrinking"
    size = bed.core_path.stat().st_size // 2 // PAGE_BYTES * PAGE_BYTES
    for _ in range(TRIES_MAX):  # it may have read too much already when it is stopped
        shutil.copyfile(bed.core_path, copy)
        process = bed.program.stop_at(copy, bed.target, OPTIONS, bed.data_at + (bed.size - bed.data_at) // 10,
                                      signal.SIGSTOP)
        try:
            os.truncate(copy, size)
        finally:
            process.send_signal(signal.SIGCONT)
            _, messages = process.communicate()
        if process.returncode != 0:
            break
    text = messages.decode(errors="replace")
    check(process.returncode == EXIT_INCOMPLETE and "could not be read" in text and "Sanitizer" not in text,
          "the core shrinks: %d\n%s", process.returncode, text)
    bed.check_partial(bed.target, bed.n_pages // 2 - 1)


def core_that_is_cut_off(bed):
    copy = bed.folder / "cut"
    for percent in (1, 50, 99):
        shutil.copyfile(bed.core_path, copy)
        os.truncate(copy, copy.stat().st_size * percent // 100 // PAGE_BYTES * PAGE_BYTES)
        bed.target.unlink(missing_ok=True)
        code, text = bed.program.save(copy, bed.target, OPTIONS)
        check(code == EXIT_INCOMPLETE, "core cut off at %d %%: %d\n%s", percent, code, text)
        bed.check_partial(bed.target, bed.n_pages * (percent - 1) // 100)


CASES = (full_file_system, writes_that_are_only_odd, writes_that_fail, sync_that_fails, core_that_shrinks,
         core_that_is_cut_off)


def main():
    if os.geteuid() == 0 and INSIDE not in os.environ and shutil.which("unshare") and \
            subprocess.run(["unshare", "-m", "true"], check=False, stderr=subprocess.DEVNULL).returncode == 0:
        os.environ[INSIDE] = "1"
        os.execvp("unshare", ["unshare", "-m", sys.executable, *sys.argv])
    failed = 0
    with tempfile.TemporaryDirectory(dir=sys.argv[3] if len(sys.argv) > 3 else None, prefix="kdumpd-faults-") as folder:
        bed = Bed(sys.argv[1], Path(sys.argv[2]).resolve(), Path(folder))
        for case in CASES:
            try:
                case(bed)
                print("%s: passed" % case.__name__, flush=True)
            except Failure as e:
                print("%s: FAILED: %s" % (case.__name__, e), flush=True)
                failed += 1
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Kills a capture that is writing at random sizes of its file, repairs what it has left, and compares every page with the core.

It passes if each page that the repair says can be read is as in the core, and if at most --loss percent of the data that
was in the file (or what each worker has just written) cannot be found any more. Without --core a core is made up.
"""

import argparse
import os
import random
import signal
import statistics
import sys
import tempfile
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent))

from faultbed import EXIT_INCOMPLETE, TRIES_MAX, Core, Dump, Failure, Program, check, incomplete, make_core  # noqa: E402

MIB = 1 << 20
HELD_BYTES = 64 << 10  # DATA_BYTES_MIN of pipeline-worker.c


class Bed:
    def __init__(self, arguments, folder):
        self.program = Program(arguments.program)
        self.options = ["--threads=%d" % arguments.threads, "--compress=" + arguments.compress,
                        "--dump-level=%d" % arguments.dump_level]
        self.core_path = arguments.core or folder / "core"
        if not arguments.core:
            make_core(self.core_path, arguments.mib, arguments.seed)
        self.core = Core(self.core_path)
        self.target = folder / "vmcore"
        self.partial = incomplete(self.target)
        code, text = self.program.save(self.core_path, self.target, self.options)
        check(code == 0, "the capture fails anyway:\n%s", text)
        whole = Dump(self.target)
        self.n_pages = len(whole.pfns)
        self.data_at, self.size = whole.data_at, self.target.stat().st_size
        self.target.unlink()

    def stop_at(self, size, number):
        return self.program.stop_at(self.core_path, self.target, self.options, size, number)

    def kill_at(self, size):
        for _ in range(TRIES_MAX):
            process = self.stop_at(size, signal.SIGKILL)
            process.communicate()
            if process.returncode == -signal.SIGKILL and not self.target.exists():
                return
        raise Failure("the capture always ends before it can be killed at %d bytes" % size)

    def check_kill(self, share):
        """Returns (bytes that had arrived, bytes that are readable, pages that are)."""
        self.kill_at(self.data_at + int(share * (self.size - self.data_at)))
        dump = Dump(self.partial)
        check(dump.incomplete, "a killed capture left a file that claims to be whole")
        arrived = dump.arrived_bytes()
        code, result, text = self.program.repair(self.partial)
        dump = Dump(self.partial)
        there = dump.check_pages(self.core)
        if result is None:
            check(not there, "repair fails, but pages are there:\n%s", text)
        else:
            # When it was killed after its last page, only the mark that it is incomplete was wrong.
            status, codes = ("complete", (0,)) if len(there) == self.n_pages else ("incomplete", (EXIT_INCOMPLETE, 1))
            check(code in codes and result["status"] == status, "repair says '%s' of %d of %d pages", result["status"],
                  len(there), self.n_pages)
            check(result["n_pages_readable"] == len(there), "repair counts %d pages, but %d are readable",
                  result["n_pages_readable"], len(there))
        return arrived, dump.described_bytes(), len(there)

    def check_refused(self):
        """Repair keeps away from a capture that is alive."""
        for _ in range(TRIES_MAX):
            process = self.stop_at(self.data_at + (self.size - self.data_at) // 2, signal.SIGSTOP)
            try:
                if process.poll() is not None or not self.partial.exists():
                    continue
                code, _, text = self.program.repair(self.partial)
                check(code == 1 and "being written" in text, "repair did not refuse a file that is being written: %s",
                      text)
                return
            finally:
                if process.returncode is None:
                    process.kill()
                process.communicate()
        raise Failure("the capture always ends before it can be stopped")


def run(arguments, folder):
    bed = Bed(arguments, folder)
    bed.check_refused()
    chance, shares = random.Random(arguments.seed), []
    for i in range(arguments.kills):
        # One in five is early.
        at = chance.random() * (0.1 if i % 5 == 0 else 0.98)
        arrived, readable, n_pages = bed.check_kill(at)
        share = readable / arrived if arrived else 1
        shares.append(share)
        print("killed at %5.1f %%: %8.2f MiB of data had arrived, %6.2f %% of it is readable, in %d pages" %
              (100 * at, arrived / MIB, 100 * share, n_pages), flush=True)
        check(arrived - readable <= max(arguments.threads * HELD_BYTES, arrived * arguments.loss / 100),
              "%d bytes are lost", arrived - readable)
    print("readable: min %.2f %%, median %.2f %% of the data that had arrived, %d kills" %
          (100 * min(shares), 100 * statistics.median(shares), len(shares)))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program", help="kdump-capture")
    parser.add_argument("--core", type=Path)
    parser.add_argument("--folder", help="where the dump goes")
    parser.add_argument("--kills", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--compress", default="lzo", choices=("none", "lzo", "zlib"))
    parser.add_argument("--dump-level", type=int, default=1)
    parser.add_argument("--mib", type=int, default=48, help="size of the core that is made up")
    parser.add_argument("--loss", type=float, default=5, help="percent")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=arguments.folder, prefix="kdumpd-killed-") as folder:
        try:
            run(arguments, Path(folder))
        except Failure as e:
            print("killed: %s" % e, file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

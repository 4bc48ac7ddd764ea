#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Runs the real daemon below folders that look like a machine: its kernel is files, its PID 1 is here, all else is real.

Usage: component.py DAEMON_BED GROUP [NAME…]

GROUP is config, hotplug, load, disk, network, restart or kills; NAME one of the cases in it. Each has a machine of its own. With
KEEP= set the folder of a case that has failed stays. Full and read-only file systems need root.
"""

import importlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent))

from componentbed import Bed, Failure, check  # noqa: E402

INSIDE = "KDUMPD_BED_INSIDE"  # a mount namespace of our own


def run_case(program, case):
    """Returns whether it has passed."""
    started = time.monotonic()
    folder = Path(tempfile.mkdtemp(prefix="kdumpd-bed-"))
    bed, passed = Bed(program, folder, **getattr(case, "environment", {})), False
    try:
        case(bed)
        text = (folder / "log").read_text(errors="replace")
        check("Sanitizer" not in text and "runtime error" not in text, "a sanitizer has complained")
        passed = True
    except (Failure, OSError, KeyError, ValueError) as e:
        print("%s: FAILED: %s\n%s\n%s\n%s" % (case.__name__, e, traceback.format_exc(), bed.m.calls()[-20:], bed.tail()))
    finally:
        bed.close()
        if passed or "KEEP" not in os.environ:
            shutil.rmtree(folder)
    if passed:
        print("%-48s %5.1f s  %s" % (case.__name__, time.monotonic() - started, getattr(bed, "note", "")), flush=True)
    return passed


def main():
    if os.geteuid() == 0 and INSIDE not in os.environ and shutil.which("unshare") and \
            subprocess.run(["unshare", "-m", "true"], check=False, stderr=subprocess.DEVNULL).returncode == 0:
        os.environ[INSIDE] = "1"
        os.execvp("unshare", ["unshare", "-m", sys.executable, *sys.argv])
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # no daemon stays behind
    program, group, names = Path(sys.argv[1]).resolve(), sys.argv[2], sys.argv[3:]
    cases = [case for case in importlib.import_module("cases_" + group).CASES if not names or case.__name__ in names]
    return 0 if cases and all([run_case(program, case) for case in cases]) else 1


if __name__ == "__main__":
    sys.exit(main())

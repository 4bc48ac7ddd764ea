#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Runs the tests: unit tests from the build, then VM cases from tests/integration/cases."""

import argparse
import concurrent.futures
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

sys.dont_write_bytecode = True
INTEGRATION = Path(__file__).resolve().parent
SOURCE = INTEGRATION.parents[1]

import bed  # noqa: E402
import guestimage  # noqa: E402
import machine  # noqa: E402

CONSOLE_TAIL = 40  # lines
CASE_SECONDS = 1800  # a case that has lost its own deadlines
RUNNING = set()


class Tally:
    def __init__(self):
        self.passed = self.failed = self.skipped = 0

    def add(self, word, name, took, why=""):
        """@word: ok, FAIL or skip."""
        self.passed += word == "ok"
        self.failed += word == "FAIL"
        self.skipped += word == "skip"
        print("%-4s %-36s %6.1f s%s" % (word, name, took, "  " + why if why else ""), flush=True)

    def line(self):
        skipped = ", %d skipped" % self.skipped if self.skipped else ""
        return "%d passed, %d failed%s" % (self.passed, self.failed, skipped)


def run_or_die(*argv):
    done = subprocess.run([str(a) for a in argv], cwd=SOURCE, check=False)
    if done.returncode != 0:
        sys.exit("tools/test: '%s' failed with %d" % (" ".join(str(a) for a in argv), done.returncode))


def compile_in(build_dir, *options):
    """Configures the build folder if it is new, compiles."""
    started = time.monotonic()
    if not (build_dir / "build.ninja").exists():
        run_or_die("meson", "setup", "-Dmode=developer", *options, build_dir, SOURCE)
    log = build_dir / "compile.log"
    with open(log, "w", encoding="utf-8") as f:
        done = subprocess.run(["meson", "compile", "-C", str(build_dir)], stdout=f, stderr=f, check=False)
    if done.returncode != 0:
        print(log.read_text(errors="replace")[-8000:])
        sys.exit("tools/test: it does not compile; all of the output is in %s" % log)
    print("     %-36s %6.1f s" % ("compile " + build_dir.name, time.monotonic() - started), flush=True)


def run_unit(build_dir, tally, prefix):
    """The meson tests; results are read from meson's own log."""
    log = build_dir / "meson-logs/testlog.json"
    log.unlink(missing_ok=True)
    done = subprocess.run(["meson", "test", "--no-rebuild", "-C", str(build_dir)], text=True, check=False,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    lines = log.read_text().splitlines() if log.exists() else []
    for line in lines:
        test = json.loads(line)
        word = {"OK": "ok", "EXPECTEDFAIL": "ok", "SKIP": "skip"}.get(test["result"], "FAIL")
        tally.add(word, prefix + test["name"].split(" / ")[-1], test["duration"])
        if word == "FAIL":
            print((test.get("stdout") or "")[-4000:] + (test.get("stderr") or "")[-4000:])
    if done.returncode != 0 and not tally.failed:
        print(done.stdout)
        sys.exit("tools/test: meson test failed with %d" % done.returncode)


def run_case(name, image, snapshot, build_dir, slowdown):
    """Runs one case in a process of its own; returns (word, seconds, text to show below)."""
    started = time.monotonic()
    folder = build_dir / "vm-results" / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    argv = [sys.executable, INTEGRATION / "bed.py", "case", name, "--results", folder, "--build-dir", build_dir,
            "--slowdown", str(slowdown)]
    if image:
        argv += ["--image", image, "--snapshot", snapshot]
    with open(folder / "case.log", "wb") as log:
        process = subprocess.Popen([str(a) for a in argv], stdout=log, stderr=log, close_fds=False,
                                   stdin=subprocess.DEVNULL)
        RUNNING.add(process)
        try:
            code = process.wait(CASE_SECONDS)
        except subprocess.TimeoutExpired:
            process.terminate()
            code = process.wait()
        RUNNING.discard(process)
    text = (folder / "case.log").read_text(errors="replace")
    lines = text.splitlines()
    reason = next((line[8:] for line in reversed(lines) if line.startswith("reason: ")), "ended with %d" % code)
    notes = ["     " + line[6:] for line in lines if line.startswith("note: ")]
    word = {0: "ok", 77: "skip"}.get(code, "FAIL")
    if word == "FAIL":
        notes.append(text[-3000:])
        for console in sorted(folder.glob("console*.log")):
            notes.append("--- the end of %s ---" % console)
            notes += machine.read_console(console).splitlines()[-CONSOLE_TAIL:]
        notes.append("--- all of it is in %s ---" % folder)
    return word, time.monotonic() - started, "" if word == "ok" else reason, "\n".join(notes)


def run_cases(names, build_dir, jobs, tally):
    started = time.monotonic()
    guestimage.enter_private_mounts()
    image = snapshot = None
    if any(bed.case_has_guest(name) for name in names):
        try:
            image, snapshot = guestimage.prepare(build_dir)
        except machine.BedError as e:
            tally.add("FAIL", "guest-image", time.monotonic() - started, str(e))
            return
        print("     %-36s %6.1f s" % ("guest image", time.monotonic() - started), flush=True)
    # Guests share the CPUs with each other, and the snapshot's boot was measured alone.
    slowdown = 1 + jobs
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        futures = {pool.submit(run_case, name, image, snapshot, build_dir, slowdown): name for name in names}
        try:
            for future in concurrent.futures.as_completed(futures):
                word, took, reason, below = future.result()
                tally.add(word, futures[future], took, reason)
                if below:
                    print(below, flush=True)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            for process in list(RUNNING):
                process.terminate()
            raise


def default_jobs():
    """As many guests at a time as there are CPUs and memory for; a capture keeps one CPU busy."""
    with open("/proc/meminfo", encoding="ascii") as f:
        available = next(int(line.split()[1]) for line in f if line.startswith("MemAvailable:"))
    return max(1, min(len(os.sched_getaffinity(0)), available // 1024 // (machine.MEMORY_MIB + 512), 8))


def parse_args():
    parser = argparse.ArgumentParser(prog="tools/test", description="Without arguments: the unit tests and the default VM cases.")
    parser.add_argument("names", nargs="*", metavar="NAME", help="only these VM cases")
    parser.add_argument("--all", action="store_true", help="every test, also the long ones")
    parser.add_argument("--unit", action="store_true", help="only the unit tests")
    parser.add_argument("--list", action="store_true", help="print the names of the VM cases")
    parser.add_argument("-j", "--jobs", type=int, help="guests that run at the same time")
    parser.add_argument("-C", "--build-dir", type=Path, default=SOURCE / "build")
    args = parser.parse_args()
    unknown = [n for n in args.names if n not in bed.case_names()]
    if unknown:
        parser.error("no such VM case: %s; --list prints them" % " ".join(unknown))
    return args


def main():
    args = parse_args()
    if args.list:
        print("\n".join(n + ("" if bed.case_is_default(n) else "  (--all)") for n in bed.case_names()))
        return 0
    started = time.monotonic()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    build_dir = args.build_dir.resolve()
    tally = Tally()
    compile_in(build_dir)
    if args.all:
        os.environ["KDUMPD_TEST_KILLS"] = "200"
    if not args.names:
        run_unit(build_dir, tally, "")
    if args.all:
        sanitized = build_dir.with_name(build_dir.name + "-sanitize")
        compile_in(sanitized, "-Db_sanitize=address,undefined", "-Db_lundef=false")
        run_unit(sanitized, tally, "sanitized: ")
    if not args.unit:
        names = args.names or [n for n in bed.case_names() if args.all or bed.case_is_default(n)]
        run_cases(names, build_dir, args.jobs or default_jobs(), tally)
    print("%.0f s" % (time.monotonic() - started))
    print(tally.line())
    return 1 if tally.failed else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit("tools/test: interrupted")

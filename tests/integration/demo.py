#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Shows the whole walk in a virtual machine: install, arm, panic, capture, reboot, list."""

import argparse
import contextlib
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.dont_write_bytecode = True
SOURCE = Path(__file__).resolve().parents[2]

import guestimage  # noqa: E402
import machine  # noqa: E402

LOG_LINES = 12
CAPTURE_SECONDS = 900
BOOT_SECONDS = 600


@contextlib.contextmanager
def step(text):
    """Says what is done, and when it is, how long it took."""
    print("\n=== %s" % text, flush=True)
    started = time.monotonic()
    yield
    print("=== done in %.0f s" % (time.monotonic() - started), flush=True)


def run_quiet(*argv):
    done = subprocess.run([str(a) for a in argv], cwd=SOURCE, text=True, errors="replace", check=False,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if done.returncode != 0:
        sys.exit("%s\ntools/demo: '%s' failed with %d" %
                 (done.stdout[-8000:], " ".join(str(a) for a in argv), done.returncode))


def show(guest, command, seconds=BOOT_SECONDS, may_fail=False):
    print("guest# %s" % command, flush=True)
    status, out, err = guest.agent.run(command, seconds)
    for line in (out + err).splitlines():
        print("  " + line, flush=True)
    if status != 0 and not may_fail:
        raise machine.BedError("'%s' ended with %d" % (command, status))


class Console:
    """Prints what the guest's serial line shows, as it comes."""

    def __init__(self, path):
        self.file = open(path, "r", encoding="utf-8", errors="replace", newline="\n")
        self.rest = ""

    def skip(self):
        self.file.seek(0, 2)

    def pump(self):
        self.rest += self.file.read().replace("\r", "")
        lines = self.rest.split("\n")
        self.rest = lines.pop()
        for line in lines:
            print("  | " + line, flush=True)


def boot(folder, console, image, disks):
    guest = machine.Machine(folder, console, image / "vmlinuz", image / "initrd.img",
                            "%s %s" % (guestimage.CMDLINE, guestimage.CRASHKERNEL), disks)
    guest.start()
    deadline = time.monotonic() + BOOT_SECONDS
    guest.agent.connect(deadline)
    guest.agent.wait_booted(deadline)
    return guest


def capture(guest, console):
    """Panics the guest and streams its console until it resets."""
    console.skip()
    guest.agent.spawn("sleep 0.5; echo c >/proc/sysrq-trigger")
    deadline = time.monotonic() + CAPTURE_SECONDS
    while not guest.monitor.saw("SHUTDOWN"):
        if time.monotonic() > deadline:
            raise machine.BedError("the guest did not come back within %d s" % CAPTURE_SECONDS)
        guest.monitor.poll(0.2)
        console.pump()
    guest.wait_end(1)
    console.pump()


def demo(folder, image):
    console_log = folder / "console.log"
    console_log.touch()
    disks = {name: folder / (name + ".qcow2") for name in guestimage.DISKS}
    for name, path in disks.items():
        machine.create_overlay(path, image / (name + ".raw"), "raw")

    guest = None
    try:
        with step("boot the guest (%s, software emulation)" % guestimage.CRASHKERNEL):
            guest = boot(folder, console_log, image, disks)
        with step("arm it, as a user would"):
            show(guest, "systemctl enable --now kdump")
            show(guest, "kdumpctl status")
        with step("panic: 'echo c >/proc/sysrq-trigger'; from here on this is the guest's console"):
            capture(guest, Console(console_log))
        with step("the guest has reset itself; let it come back"):
            guest = boot(folder, console_log, image, disks)
        with step("what was saved"):
            show(guest, "kdumpctl status", may_fail=True)
            show(guest, "ls -lh /var/crash/*/")
            print("\nThe last lines of the crashed kernel's log:")
            show(guest, "tail -n %d /var/crash/*/vmcore-dmesg.txt" % LOG_LINES)
            print()
            show(guest, "kdumpctl list")
    except (machine.BedError, EOFError) as e:
        print("\n".join(machine.read_console(console_log).splitlines()[-60:]))
        sys.exit("tools/demo: %s" % (e or "qemu ended unexpectedly"))
    finally:
        if guest:
            guest.kill()


def main():
    argparse.ArgumentParser(prog="tools/demo", description=__doc__).parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    started = time.monotonic()
    build_dir = SOURCE / "build"
    with step("build kdumpd"):
        if not (build_dir / "build.ninja").exists():
            run_quiet("meson", "setup", "-Dmode=developer", build_dir, SOURCE)
        run_quiet("meson", "compile", "-C", build_dir)
    guestimage.enter_private_mounts()
    with step("make a Debian guest with kdumpd installed (kept for the next time)"):
        try:
            image, _ = guestimage.prepare(build_dir, snapshot=False)
        except machine.BedError as e:
            sys.exit("tools/demo: %s" % e)
    with tempfile.TemporaryDirectory(prefix="kdumpd-vm-", dir=machine.scratch_folder()) as folder:
        demo(Path(folder), image)
    print("\nThe whole walk took %.0f s." % (time.monotonic() - started))


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit("tools/demo: interrupted")

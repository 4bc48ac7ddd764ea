# SPDX-License-Identifier: LGPL-2.1-or-later
"""Bed: what a case sees. A case is a file in cases/ with a docstring, `def run()`, and optionally DEFAULT = False
(only with --all) and GUEST = False (it does not start one); it is run in a process of its own, starting from the armed
snapshot:

    import bed

    def run():
        guest = bed.start()
        guest.configure("path /var/crash/deep")
        guest.panic()
        guest.wait_reset()
        with guest.disk("root") as root:
            bed.find_dump(root / "var/crash/deep").check()

By hand: bed.py shell [BUILD_DIR] gives a prompt whose lines run in a guest restored from the snapshot."""

import argparse
import ast
import contextlib
import importlib.util
import json
import re
import shutil
import signal
import stat
import sys
import tempfile
import time
import traceback
from pathlib import Path

import guestimage
import machine
from guestimage import BTRFS_UUID, DISKS, EXT4_UUID, VAR_UUID, XFS_LABEL  # noqa: F401 (for the cases)
from machine import BedError, Machine, quiet

HERE = Path(__file__).resolve().parent
CASES = HERE / "cases"
PANIC_LINE = "Kernel panic - not syncing: sysrq triggered crash"
DISK_PATH = "/dev/disk/by-id/virtio-%s"

context = None  # of the one case that this process runs


class Skip(Exception):
    """Raised by a case that cannot be run here; the text says why."""


class Context:
    def __init__(self, image, snapshot, results, slowdown, build_dir):
        self.image = image and Path(image)
        self.snapshot = snapshot and Path(snapshot)
        self.results = Path(results)
        self.build_dir = Path(build_dir)
        self.info = json.loads((self.snapshot / "info.json").read_text()) if snapshot else {}
        # All deadlines are written for a machine that boots the guest in 30 s.
        self.scale = max(1.0, self.info.get("boot_seconds", 0) / 30) * slowdown
        self.stack = contextlib.ExitStack()
        self.scratch = Path(self.stack.enter_context(
            tempfile.TemporaryDirectory(prefix="kdumpd-vm-", dir=machine.scratch_folder())))
        self.guests = 0


def seconds(n):
    """A deadline of @n seconds, as long as it has to be on this machine."""
    return n * context.scale


def note(text):
    """A figure that the runner shows below the case's line."""
    print("note: %s" % text, flush=True)


def step(text):
    print("%s %s" % (time.strftime("%H:%M:%S"), text), flush=True)


def check(condition, text):
    if not condition:
        raise BedError(text)


def check_in(needle, text, what):
    check(needle in text, "%s: expected '%s' in:\n%s" % (what, needle, text[-3000:]))


def check_not_in(needle, text, what):
    check(needle not in text, "%s: did not expect '%s' in:\n%s" % (what, needle, text[-3000:]))


class Guest:
    """One guest with disks of its own; all changes are thrown away at the end of the case."""

    def __init__(self, snapshot, crashkernel, append, cpus, memory_mib, image, virtio_mem_mib):
        context.guests += 1
        self.name = "console" if context.guests == 1 else "console-%d" % context.guests
        self.folder = context.scratch / str(context.guests)
        self.folder.mkdir()
        self.console_log = context.results / (self.name + ".log")
        self.console_log.unlink(missing_ok=True)
        self.cmdline = " ".join(w for w in (guestimage.CMDLINE, crashkernel, append) if w)
        self.cpus = cpus
        self.memory_mib = memory_mib
        self.virtio_mem_mib = virtio_mem_mib
        self.image = image
        self.disks = {}
        for name in DISKS:
            self.disks[name] = self.folder / (name + ".qcow2")
            if snapshot:
                machine.create_overlay(self.disks[name], snapshot / (name + ".qcow2"), "qcow2")
            else:
                machine.create_overlay(self.disks[name], image / (name + ".raw"), "raw")
        self.machine = None
        context.stack.callback(self.kill)

    # --- life ---

    def power_on(self, incoming=None):
        self.machine = Machine(self.folder, self.console_log, self.image / "vmlinuz",
                               self.image / "initrd.img", self.cmdline, self.disks, incoming, self.cpus,
                               self.memory_mib, self.virtio_mem_mib, guestimage.options(self.image))
        started = time.monotonic()
        self.machine.start()
        self.machine.agent.connect(started + (seconds(30) if incoming else seconds(200)))
        step("guest %s: %.1f s" % ("restored" if incoming else "booted", time.monotonic() - started))
        if incoming:  # its clock stood still
            self.run("date -u -s @%d" % time.time())

    def boot(self):
        """After wait_*(): boots the guest again from its disks, until the boot is finished."""
        self.power_on()
        self.machine.agent.wait_booted(time.monotonic() + seconds(200))

    def kill(self):
        if self.machine:
            self.machine.kill()

    def panic(self, cpu=None):
        """@cpu: the one that panics; any if None."""
        step("panic")
        on = "" if cpu is None else "taskset -c %d " % cpu
        self.machine.agent.spawn("sleep 0.2; %ssh -c 'echo c >/proc/sysrq-trigger'" % on)

    def wait_end(self, timeout=300):
        """Until a reset or power off; returns the reason, see Machine.wait_end()."""
        started = time.monotonic()
        reason = self.machine.wait_end(seconds(timeout))
        step("%s after %.1f s" % (reason, time.monotonic() - started))
        return reason

    def wait_reset(self, timeout=300):
        reason = self.wait_end(timeout)
        check(reason == "guest-reset", "expected the guest to reset, not '%s'" % reason)

    def wait_poweroff(self, timeout=300):
        reason = self.wait_end(timeout)
        check(reason == "guest-shutdown", "expected the guest to power off, not '%s'" % reason)

    # --- inside ---

    def run(self, command, check=True, timeout=60, stdin=None):
        """Runs a shell command; returns its stdout, with check=False also its stderr."""
        status, out, err = self.machine.agent.run(command, seconds(timeout), stdin)
        if check and status != 0:
            raise BedError("'%s' ended with %d in the guest:\n%s%s" % (command, status, out, err))
        return out if check else out + err

    def status(self, command, timeout=60):
        """Returns (exit status, stdout and stderr) of a shell command."""
        status, out, err = self.machine.agent.run(command, seconds(timeout))
        return status, out + err

    def write(self, path, text, mode=0o644):
        self.run("mkdir -p \"$(dirname '%s')\" && cat >'%s' && chmod %o '%s'" % (path, path, mode, path),
                 stdin=text if isinstance(text, bytes) else text.encode())

    def configure(self, *lines):
        """Makes these lines the kdump.conf in effect; armed on return."""
        self.write("/etc/kdump.conf", "".join(line + "\n" for line in lines))
        self.reload()

    def reload(self):
        started = time.monotonic()
        self.run("kdumpctl reload", timeout=120)
        took = time.monotonic() - started
        self.check_armed()
        step("kdumpctl reload: %.1f s" % took)
        return took

    def check_armed(self):
        status, text = self.status("kdumpctl status")
        check(status == 0, "kdumpctl status: expected 0, not %d:\n%s%s" %
              (status, text, self.run("journalctl -b --no-pager -u kdump | tail -30", check=False)))
        check_in("Kdump is operational", text, "kdumpctl status")
        check(self.run("cat /sys/kernel/kexec_crash_loaded").strip() == "1", "no crash image is loaded")
        return text

    def state(self):
        """The state file, as JSON."""
        return json.loads(self.run("cat /run/kdumpd/state.json"))

    def wait_state(self, state, reason="", timeout=60):
        """Until kdumpd says that it is in this state for a reason that holds these words; returns the state file."""
        deadline = time.monotonic() + seconds(timeout)
        while True:
            found = self.state()
            if found["state"] == state and reason in found["reason"]:
                return found
            check(time.monotonic() < deadline, "expected state '%s' for '%s', not '%s' for '%s'" %
                  (state, reason, found["state"], found["reason"]))
            self.machine.monitor.poll(0.3)

    def script(self, path, *lines):
        """Puts a shell script into the guest, for kdump_pre and kdump_post."""
        self.write(path, "#!/bin/sh\n" + "".join(line + "\n" for line in lines), 0o755)

    def fill_memory(self, mebibytes=200):
        """Pages that do not shrink, so that writing the dump at level 1 takes a while."""
        self.run("head -c %dM /dev/urandom >/dev/shm/noise" % mebibytes, timeout=120)

    # --- outside ---

    def type(self, text):
        """A line on the console."""
        self.machine.type(text, seconds(60))

    def console(self):
        return machine.read_console(self.console_log)

    def wait_console(self, pattern, timeout=200):
        deadline = time.monotonic() + seconds(timeout)
        while not re.search(pattern, self.console()):
            check(time.monotonic() < deadline, "the console did not show '%s' within %d s" %
                  (pattern, seconds(timeout)))
            self.machine.monitor.poll(0.3)

    def watch_end(self, patterns, timeout=300):
        """Until the guest resets. Returns when (seconds of the host's clock) each of the patterns was first
        seen on the console, or None, and when the reset came."""
        seen = dict.fromkeys(patterns)
        deadline = time.monotonic() + seconds(timeout)
        while True:
            over = self.machine.monitor.saw("SHUTDOWN")
            now, text = time.monotonic(), self.console()
            for name, pattern in patterns.items():
                if seen[name] is None and re.search(pattern, text):
                    seen[name] = now
            if over:
                break
            check(now < deadline, "the guest did not reset within %d s" % seconds(timeout))
            self.machine.monitor.poll(0.05)
        self.wait_reset()
        return seen, now

    @contextlib.contextmanager
    def disk(self, name, options=""):
        """A copy of a disk of the ended guest, mounted; the journal is replayed as the next boot would do."""
        with self.raw_disk(name) as raw:
            options = ",".join(o for o in ("rw", "nouuid" if name == "xfs" else "", options) if o)
            with guestimage.mounted(raw, options=options) as where:
                yield where

    @contextlib.contextmanager
    def raw_disk(self, name):
        raw = self.folder / (name + ".raw")
        quiet("qemu-img", "convert", "-f", "qcow2", "-O", "raw", "-W", self.disks[name], raw)
        try:
            yield raw
        finally:
            raw.unlink()


def start(snapshot=True, crashkernel=guestimage.CRASHKERNEL, append="", cpus=machine.CPUS,
          memory_mib=machine.MEMORY_MIB, virtio_mem_mib=0, image=None, kernel=""):
    """A guest: restored from the snapshot (armed, default config), or booted with a command line of its own
    and kdump.service not yet enabled. @image: another one, from image_with(); to be booted only. @kernel: another than
    the suite's own, of guestimage.KERNELS."""
    snapshot = snapshot and image is None
    own, saved = context.image, context.snapshot
    if kernel:
        own, saved = guestimage.prepare(context.build_dir, snapshot, kernel)
    guest = Guest(saved if snapshot else None, crashkernel, append, cpus, memory_mib, image or own, virtio_mem_mib)
    if snapshot:
        guest.power_on(saved / "state")
    else:
        guest.boot()
    return guest


class Dump:
    """One folder with a dump, on a mounted disk."""

    def __init__(self, folder):
        self.folder = folder
        self.vmcore = folder / "vmcore"
        self.files = sorted(p.name for p in folder.iterdir())

    def log(self):
        path = self.folder / "vmcore-dmesg.txt"
        check(path.exists(), "no vmcore-dmesg.txt, only: %s" % " ".join(self.files))
        return path.read_text(errors="replace")

    def meta(self):
        path = self.folder / "meta.json"
        check(path.exists(), "no meta.json, only: %s" % " ".join(self.files))
        return json.loads(path.read_text())

    def check_log(self, panic=PANIC_LINE):
        check_in(panic, self.log(), "vmcore-dmesg.txt")

    def check(self, panic=PANIC_LINE):
        """All that a good dump has; returns self."""
        self.check_log(panic)
        check(self.vmcore.exists(), "no vmcore, only: %s" % " ".join(self.files))
        check(not [n for n in self.files if "incomplete" in n], "left over: %s" % " ".join(self.files))
        with open(self.vmcore, "rb") as f:
            check(f.read(8) == b"KDUMP   ", "vmcore is not in the kdump-compressed format")
        check(self.vmcore.stat().st_size > 1 << 20, "vmcore is only %d bytes" % self.vmcore.stat().st_size)
        meta = self.meta()
        check(meta.get("status") == "complete", "meta.json: expected status complete: %s" % meta)
        self.check_modes()
        return self

    def check_modes(self):
        for path, mode in [(self.folder, 0o700)] + [(p, 0o600) for p in self.folder.iterdir()]:
            found = stat.S_IMODE(path.stat().st_mode)
            check(found == mode, "'%s' has mode %04o, expected %04o" % (path.name, found, mode))

    def check_nothing_claimed(self):
        """After an interrupted capture: nothing may look as if it were complete."""
        check(not self.vmcore.exists(), "an interrupted dump is named vmcore: %s" % " ".join(self.files))
        if "meta.json" in self.files:
            check(self.meta().get("status") != "complete", "meta.json claims a complete dump")


def find_dumps(path):
    return [Dump(p) for p in sorted(Path(path).glob("*-????-??-??-??:??:??"))]


def find_dump(path):
    """The one dump below @path."""
    found = find_dumps(path)
    there = sorted(p.name for p in path.iterdir()) if path.is_dir() else "no such folder"
    check(len(found) == 1, "expected one dump in '%s', found %d: %s" % (path.name, len(found), there))
    return found[0]


# --- running a case ---

def case_names():
    return sorted(p.stem for p in CASES.glob("*.py"))


def case_says(name, variable):
    """What a case sets DEFAULT or GUEST to: True unless it does."""
    for node in ast.parse((CASES / (name + ".py")).read_text()).body:
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", None) == variable:
            return ast.literal_eval(node.value)
    return True


def case_is_default(name):
    return case_says(name, "DEFAULT")


def case_has_guest(name):
    return case_says(name, "GUEST")


def run_case(name):
    """0 passed, 1 failed, 77 skipped; the last line of stdout says why."""
    spec = importlib.util.spec_from_file_location("case", CASES / (name + ".py"))
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
        with context.stack:
            module.run()
        return 0
    except Skip as e:
        print("reason: %s" % e)
        return 77
    except (BedError, EOFError) as e:
        traceback.print_exc(file=sys.stdout)
        print("reason: %s" % (e or "qemu ended unexpectedly"))
    except KeyboardInterrupt:
        print("reason: interrupted")
    except Exception as e:  # pylint: disable=broad-except
        traceback.print_exc(file=sys.stdout)
        print("reason: %s: %s" % (type(e).__name__, e))
    return 1


def shell():
    guest = start()
    print("The console is in %s; a line is run in the guest, ^D ends." % guest.console_log)
    with context.stack, contextlib.suppress(EOFError):
        while True:
            try:
                print(guest.status(input("guest# "), timeout=600)[1], end="")
            except BedError as e:
                print(e)


def main():
    global context
    parser = argparse.ArgumentParser()
    parser.add_argument("verb", choices=("case", "shell"))
    parser.add_argument("argument", nargs="?", help="case: its name; shell: the build folder")
    parser.add_argument("--image")
    parser.add_argument("--snapshot")
    parser.add_argument("--results")
    parser.add_argument("--build-dir")
    parser.add_argument("--slowdown", type=float, default=1)
    args = parser.parse_args()

    machine.die_with_parent(signal.SIGTERM)
    for sig in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(sig, lambda *_: sys.exit(1))
    guestimage.enter_private_mounts()
    if args.verb == "shell":
        build_dir = Path(args.argument or HERE.parents[1] / "build").resolve()
        image, snapshot = guestimage.prepare(build_dir)
        results = tempfile.mkdtemp(prefix="kdumpd-shell-", dir=machine.scratch_folder())
        context = Context(image, snapshot, results, args.slowdown, build_dir)
        shell()
        shutil.rmtree(results)
        return 0
    Path(args.results).mkdir(parents=True, exist_ok=True)
    context = Context(args.image, args.snapshot, args.results, args.slowdown, args.build_dir)
    return run_case(args.argument)


if __name__ == "__main__":
    sys.modules["bed"] = sys.modules["__main__"]  # the cases import this very module
    sys.exit(main())

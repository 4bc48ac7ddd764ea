#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""kdumpctl-estimate.py KDUMPCTL: where `kdumpctl estimate` looks for the dumps of earlier captures. Has /etc, /run and
/var/lib to itself, in namespaces of its own; skipped (77) where these are not allowed, or if no device is mounted."""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

CONFIG = Path("/etc/kdump.conf")


def device_of(folder):
    """The device that holds the folder, and the folder's path within it, as the first mount of it shows them."""
    with open("/proc/self/mounts", encoding="utf-8") as mounts:
        rows = [line.split()[:2] for line in mounts]
    holder = max((row for row in rows if folder.is_relative_to(row[1])), key=lambda row: len(row[1]))
    target = next(row[1] for row in rows if row[0] == holder[0])
    if not holder[0].startswith("/dev/") or not folder.is_relative_to(target):
        sys.exit(77)
    return holder[0], "/%s" % folder.relative_to(target)


def put_dump(folder, name, peak):
    folder = folder / name
    folder.mkdir(parents=True)
    (folder / "meta.json").write_text(json.dumps({
        "status": "complete", "kernel_release": os.uname().release, "crash_realtime_usec": peak,
        "memory_ram_bytes": 1 << 28, "memory_total_bytes": 1 << 27, "memory_peak_bytes": peak}), encoding="utf-8")


def expect(program, captures, *args):
    """The number of captures that are found, and the one that took most."""
    done = subprocess.run([program, "estimate", "--json", *args], stdout=subprocess.PIPE, encoding="utf-8", check=True)
    told = json.loads(done.stdout)
    got = (told["n_captures"], told.get("capture"))
    if got != captures:
        sys.exit("with %s: %s is not %s" % (CONFIG.read_text(encoding="utf-8") if CONFIG.exists() else args, got, captures))


def check(program):
    with tempfile.TemporaryDirectory(prefix="kdumpd-test-", dir="/var/tmp") as name:
        folder = Path(name).resolve()
        device, inside = device_of(folder)
        put_dump(folder / "disk", "one", 1000)
        put_dump(folder / "disk", "two", 3000)
        put_dump(folder / "path", "three", 2000)

        CONFIG.write_text("path %s/none\n%s %s\npath %s/disk\nnfs h:/export\n" % (folder, "ext4", device, inside),
                          encoding="utf-8")
        expect(program, (2, "%s/disk/two" % folder))
        expect(program, (1, "%s/path/three" % folder), "%s/path" % folder)
        CONFIG.write_text("path %s/path\n" % folder, encoding="utf-8")
        expect(program, (1, "%s/path/three" % folder))
        CONFIG.write_text("ssh u@h\npath %s/path\n" % folder, encoding="utf-8")
        expect(program, (0, None))
        CONFIG.write_text("no_such x\n", encoding="utf-8")
        expect(program, (0, None))


def main():
    if len(sys.argv) == 3:
        for folder in ("/etc", "/run", "/var/lib", "/var/crash"):
            if not os.path.isdir(folder):
                continue
            if subprocess.run(["mount", "-t", "tmpfs", "none", folder], check=False).returncode != 0:
                sys.exit(77)
        check(sys.argv[1])
        return
    program = os.path.abspath(sys.argv[1])
    alone = ["unshare", "--user", "--map-root-user", "--mount"]
    if subprocess.run([*alone, "true"], check=False).returncode != 0:
        sys.exit(77)
    sys.exit(subprocess.run([*alone, sys.executable, __file__, program, "inside"], check=False).returncode)


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Has systemd-analyze judge the units: nothing that it does not understand, and exposures within their limits.

check-units.py UNIT=EXPOSURE ..., with the exposure in tenths as systemd-analyze counts it. Exits with 77 if there is
no systemd-analyze, or one that cannot judge files (before version 250)."""
import os
import re
import shutil
import subprocess
import sys
import tempfile

SKIP = 77
PROGRAM = "/usr/lib/kdumpd/kdumpd"


def run(*words, **environment):
    return subprocess.run(["systemd-analyze", *words], capture_output=True, text=True,
                          env={**os.environ, "SYSTEMD_LOG_TARGET": "console", **environment})


def has_offline():
    if not shutil.which("systemd-analyze"):
        return False
    version = re.match(r"systemd (\d+)", run("--version").stdout)
    return version is not None and int(version[1]) >= 250


def copy_unit(path, folder):
    """The program and its manual page are not installed where this runs."""
    with open(path, encoding="utf-8") as f:
        text = f.read()
    text = re.sub(r"^Documentation=.*\n", "", text.replace(PROGRAM, "/bin/true"), flags=re.M)
    name = os.path.join(folder, os.path.basename(path))
    with open(name, "w", encoding="utf-8") as f:
        f.write(text)
    return name


def complaints(path, limit, folder):
    name = copy_unit(path, folder)
    verify = run("verify", "--man=no", name, SYSTEMD_UNIT_PATH=folder + ":")
    found = [line for line in verify.stderr.splitlines() if os.path.basename(path) in line]
    if verify.returncode != 0 and not found:
        found = [f"{path}: systemd-analyze verify failed: {verify.stderr.strip()}"]
    security = run("security", "--offline=true", f"--threshold={limit}", name)
    if security.returncode != 0:
        last = (security.stdout + security.stderr).strip().splitlines()[-1:]
        found.append(f"{path}: more exposed than {limit / 10}: {''.join(last)}")
    return found


def main():
    if not has_offline():
        print("no systemd-analyze of version 250 or later")
        return SKIP
    found = []
    with tempfile.TemporaryDirectory() as folder:
        for argument in sys.argv[1:]:
            path, _, limit = argument.partition("=")
            found += complaints(path, int(limit), folder)
    print("\n".join(found))
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())

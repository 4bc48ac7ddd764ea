#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""kdumpctl-status.py KDUMPCTL SOURCE-ROOT: what `kdumpctl status` makes of the files in /run/kdumpd, and that the man page
has each member that it prints. Has /run to itself, in namespaces of its own; skipped (77) where these are not allowed."""

import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path

FOLDER = Path("/run/kdumpd")
# Numbers are there in any case, texts and lists only if they are set.
STATE = {"state": "armed", "reason": "armed", "kernel_release": "6.1", "base_id": "6.1-x", "targets": ["ext4 UUID=1"],
         "loaded_cpus": "0-3", "loaded_topology_sha256": "00", "area_sha256": "00", "last_error": "no",
         "loader": "kexec_load", "loader_reason": "no", "guard": "checked", "fallback": "ext4 UUID=1", "checked": "whole",
         "check_problem": "'/proc/kcore': no", "last_boot": "went down and left no dump"}


def status(program, *args):
    done = subprocess.run([program, "status", *args], stdout=subprocess.PIPE, encoding="utf-8", check=False,
                          env={"TZ": "UTC"})
    if done.returncode not in (0, 3):
        sys.exit("status %s: exit status %d" % (args, done.returncode))
    return done.stdout


def verified(program, seconds_ago):
    """The line about a verification that ended then."""
    usec = (int(time.time()) - seconds_ago) * 1000000
    (FOLDER / "verify.json").write_text(json.dumps({"time_realtime_usec": usec, "result": "warning", "checks": []}),
                                        encoding="utf-8")
    told = json.loads(status(program, "--json"))
    if (told["verified_realtime_usec"], told["verify_result"]) != (usec, "warning"):
        sys.exit("%s does not tell of the verification" % told)
    return re.search("^Verified:.*$", status(program), re.MULTILINE).group()


def check(program, source_root):
    FOLDER.mkdir()
    (FOLDER / "state.json").write_text(json.dumps(STATE), encoding="utf-8")
    if "Verified:" in status(program) or "verify_result" in json.loads(status(program, "--json")):
        sys.exit("there is a verification out of nothing")
    stamp = r"^Verified:   \d{4}-\d\d-\d\d \d\d:\d\d:\d\d"
    for seconds_ago, rest in ((3 * 3600 + 60, r" \(3 h ago\): warning$"), (5 * 86400 + 60, r" \(5 days ago\): warning$"),
                              (-3600, r": warning$")):
        line = verified(program, seconds_ago)
        if not re.match(stamp + rest, line):
            sys.exit("%r is not as of %d seconds ago" % (line, seconds_ago))

    if "\nLast boot:  went down and left no dump\n" not in status(program):
        sys.exit("the last boot is not told of")

    page = (Path(source_root) / "man/kdumpctl.8").read_text(encoding="utf-8")
    documented = {name for line in re.findall(r"^\.It Va (.*)$", page, re.MULTILINE) for name in line.split(" , ")}
    printed = set(json.loads(status(program, "--json")))
    if documented != printed:
        sys.exit("kdumpctl.8 and status --json differ in %s" % sorted(documented ^ printed))


def main():
    program, source_root = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2])
    if len(sys.argv) == 4:
        if subprocess.run(["mount", "-t", "tmpfs", "none", "/run"], check=False).returncode != 0:
            sys.exit(77)
        check(program, source_root)
        return
    alone = ["unshare", "--user", "--map-root-user", "--mount"]
    if subprocess.run([*alone, "true"], check=False).returncode != 0:
        sys.exit(77)
    sys.exit(subprocess.run([*alone, sys.executable, __file__, program, source_root, "inside"], check=False).returncode)


if __name__ == "__main__":
    main()

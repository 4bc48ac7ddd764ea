#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""kdump-fallback as it is built: it says which version of the plan it reads, as the daemon looks for it, and does nothing where it
is not /init of its image."""

import re
import subprocess
import sys
from pathlib import Path

PROGRAM, SOURCE = Path(sys.argv[1]), Path(sys.argv[2])


def main():
    plan = (SOURCE / "src/shared/plan.h").read_text()
    version = re.search(r"^#define PLAN_VERSION (\d+)$", plan, re.M)[1]
    mark = re.search(r'^#define PLAN_FALLBACK_MARK "(.+)"$', plan, re.M)[1]
    marks = set(re.findall(re.escape(mark).encode() + rb"(\d*)", PROGRAM.read_bytes()))
    if marks != {version.encode()}:
        sys.exit("it says that it reads plan versions %s, not %s" % (marks, version))
    run = subprocess.run([PROGRAM], capture_output=True, text=True, check=False)
    if run.returncode != 1 or "nothing to do here" not in run.stderr:
        sys.exit("it ended with %d: %s" % (run.returncode, run.stderr))


main()

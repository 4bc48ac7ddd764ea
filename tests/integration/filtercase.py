# SPDX-License-Identifier: LGPL-2.1-or-later
"""FilterCase: one case a kernel: what our dumps of its raw core (rawcore.py) leave out is what makedumpfile leaves out.

MAKEDUMPFILE= names the makedumpfile; without it the installed one is used, if it is new enough for the kernel.
"""

import os
import re
import subprocess

import bed
import rawcore

# The first release of makedumpfile that knows all kinds of pages of these kernels; None: there is none yet.
PEER_RELEASES = {"5.10": (1, 6, 9), "6.1": (1, 7, 2), "6.12": (1, 7, 7), "newest": None, "big": (1, 7, 2)}
ALL_LEVELS = (31, 17, 15, 7, 3, 1)
COMPARE = bed.HERE / "compare-filter.py"


def output(*argv):
    done = subprocess.run([str(a) for a in argv], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          errors="replace", check=False)
    bed.check(done.returncode == 0, "'%s' ended with %d:\n%s" % (argv[0], done.returncode, done.stdout[-3000:]))
    return done.stdout


def find_peer(name):
    if "MAKEDUMPFILE" in os.environ:
        return os.environ["MAKEDUMPFILE"]
    needed = PEER_RELEASES[name]
    if needed is None:
        raise bed.Skip("no release of makedumpfile knows this kernel; MAKEDUMPFILE= names one that does")
    found = re.search(r"version (\d+)\.(\d+)\.(\d+)", output("makedumpfile", "-v"))
    if tuple(int(n) for n in found.groups()) < needed:
        raise bed.Skip("makedumpfile %s does not know this kernel, only %s and later do" %
                       (".".join(found.groups()), ".".join(str(n) for n in needed)))
    return "makedumpfile"


def compare(core, ours, theirs, level):
    text = output("/usr/bin/python3", COMPARE, core.path, ours, theirs)
    print(text, flush=True)
    counts = re.search(r"(\d+)  pages kept by us\n *(\d+)  pages kept by the peer", text)
    bed.note("level %d: %s pages, the peer's are %s" % (level, *counts.groups()))


def check_readers(core, peer, dump):
    """Programs that read a dump find in ours what is in the core. That all its pages can be read has been seen already."""
    release = output("crash", "--osrelease", dump).strip()
    bed.check(release == core.release, "crash --osrelease says '%s', not '%s'" % (release, core.release))
    log = bed.context.scratch / "log"
    output(peer, "--dump-dmesg", dump, log)
    bed.check_in("Linux version " + core.release, log.read_text(errors="replace"), "makedumpfile --dump-dmesg")
    # Crash 8.0.2 knows no log of v5.10 or later without the kernel's symbols: then it says so for the core as well.
    of_dump, of_core = (subprocess.run(["crash", "--log", str(path)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                       check=False) for path in (dump, core.path))
    bed.check((of_dump.returncode, of_dump.stdout) == (of_core.returncode, of_core.stdout),
              "crash --log does not say the same as for the core:\n%s" % of_dump.stdout[-1000:])
    bed.check(of_dump.returncode == 0 or b"no log buffer data" in of_dump.stdout, "crash --log: %s" % of_dump.stdout[-1000:])


def run(name, levels=ALL_LEVELS):
    peer = find_peer(name)
    core = rawcore.prepare(name)
    capture = bed.context.build_dir / "src/kdump-capture/kdump-capture"
    ours, theirs = bed.context.scratch / "ours", bed.context.scratch / "theirs"
    for level in levels:
        output(capture, "save", core.path, ours, "--dump-level=%d" % level)
        output(peer, "-l", "-d", level, core.path, theirs)
        compare(core, ours, theirs, level)
        if level == max(levels):
            check_readers(core, peer, ours)
        ours.unlink()
        theirs.unlink()

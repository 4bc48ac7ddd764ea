#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Runs a program with mounts and process ids of its own, and in another network if asked to; all that it starts ends
with this process.

Usage: inside.py [--net PATH] [--run FOLDER] [--bind FROM TO]… -- PROGRAM [ARGUMENT]…

--net: of a network namespace. --run: what the program finds as /run, in the place of the system's.
"""

import argparse
import ctypes
import os
import signal
import sys

CLONE_NEWNS, CLONE_NEWPID, CLONE_NEWNET = 0x00020000, 0x20000000, 0x40000000
MS_BIND, MS_REC, MS_PRIVATE = 0x1000, 0x4000, 0x40000
PR_SET_PDEATHSIG = 1

libc = ctypes.CDLL(None, use_errno=True)


def check(result, what):
    if result != 0:
        sys.exit("inside: %s: %s" % (what, os.strerror(ctypes.get_errno())))


def enter_network(path):
    with open(path, encoding="ascii") as f:
        check(libc.setns(f.fileno(), CLONE_NEWNET), "cannot enter '%s'" % path)


def make_mounts_private():
    """One by one: in a chroot "/" itself may be no mount point."""
    with open("/proc/self/mountinfo", encoding="utf-8") as f:
        for line in f:
            where = line.split()[4].encode().decode("unicode_escape")
            libc.mount(b"none", where.encode(), None, MS_PRIVATE, None)


def bind(source, where):
    check(libc.mount(os.fsencode(source), os.fsencode(where), None, MS_BIND | MS_REC, None),
          "cannot mount '%s' on '%s'" % (source, where))


def supervise(argv):
    """Process 1 of its own: when it goes, so does all that was started here. It is not the program itself: one that
    changes its user is not told any more when its parent dies (kernel/cred.c, commit_creds())."""
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    program = os.fork()
    if program == 0:
        os.execvp(argv[0], argv)
    while True:
        pid, status = os.wait()
        if pid == program:
            return status_of(status)


def status_of(status):
    code = os.waitstatus_to_exitcode(status)
    return code if code >= 0 else 128 - code


def run(argv):
    check(libc.unshare(CLONE_NEWPID), "no process ids of its own")
    child = os.fork()
    if child == 0:
        os._exit(supervise(argv))
    return status_of(os.waitpid(child, 0)[1])


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--net")
    parser.add_argument("--run")
    parser.add_argument("--bind", nargs=2, action="append", default=[])
    parser.add_argument("argv", nargs="+")
    args = parser.parse_args()
    if args.net:
        enter_network(args.net)
    check(libc.unshare(CLONE_NEWNS), "no mounts of its own")
    make_mounts_private()
    for source, where in args.bind:
        bind(source, where)
    if args.run:
        bind(args.run, "/run")
    return run(args.argv)


if __name__ == "__main__":
    sys.exit(main())

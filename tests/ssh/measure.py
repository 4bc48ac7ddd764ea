#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""measure.py DEPOT_BED MODULE [--mib=N] [--runs=N] [--folder=FOLDER] [--sftp=SUBSYSTEM]: how fast files get to a real
sshd on this machine by the depot, next to ssh and dd, until they are on its disk, and how much CPU time both sides take.
To be run as root; not a test."""

import argparse
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import sshbed

MIB = 1 << 20


def run_depot(server, path, options):
    save = sshbed.Save(options.bed, options.module, server.target(path), size=options.mib * MIB, same=1,
                       threads=options.threads)
    if save.end() != 0:
        raise RuntimeError(save.log())


def run_ssh(server, path, options, cipher=None):
    path.mkdir()
    words = ["ssh", "-F", "none", "-i", server.key, "-p", str(server.port), "-o", "BatchMode=yes", "-o",
             "UserKnownHostsFile=%s" % server.known, "-o", "HostKeyAlias=server"]
    words += ["-c", cipher] if cipher else []
    words += ["%s@127.0.0.1" % sshbed.USER, "dd of=%s/vmcore bs=512 conv=fsync status=none" % path]
    with subprocess.Popen(["dd", "if=/dev/zero", "bs=1M", "count=%d" % options.mib, "status=none"],
                          stdout=subprocess.PIPE) as dd:
        subprocess.run(words, stdin=dd.stdout, check=True)


def cpu_seconds(server):
    """Of the clients so far, and of the server's connections that have ended."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    fields = Path("/proc/%d/stat" % server.process.pid).read_text(encoding="utf-8").rsplit(")", 1)[1].split()
    return usage.ru_utime + usage.ru_stime, (int(fields[13]) + int(fields[14])) / os.sysconf("SC_CLK_TCK")


def measure(server, options):
    ways = {"depot": run_depot, "ssh": run_ssh,
            "ssh aes128-gcm": lambda *a: run_ssh(*a, cipher="aes128-gcm@openssh.com")}
    found = {name: [] for name in ways}
    for i in range(options.runs):
        for name, way in ways.items():
            path = Path(options.folder) / ("run-%d" % i)
            start, (client, daemon) = time.monotonic(), cpu_seconds(server)
            way(server, path, options)
            seconds = time.monotonic() - start
            while sshbed.children(server.process.pid):
                time.sleep(0.05)
            after = cpu_seconds(server)
            found[name].append((options.mib / seconds, after[0] - client, after[1] - daemon))
            shutil.rmtree(path)
    for name, runs in found.items():
        print("%-15s %4.0f MiB/s, CPU seconds: %.2f here, %.2f there" % (name, *map(statistics.median, zip(*runs))))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("bed")
    parser.add_argument("module")
    parser.add_argument("--mib", type=int, default=512)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--folder", default="/dev/shm")
    parser.add_argument("--sftp", default="/usr/lib/openssh/sftp-server")
    if sys.argv[-1] != "inside":
        parser.parse_args()
        sshbed.alone([__file__, *sys.argv[1:]])
    options = parser.parse_args(sys.argv[1:-1])
    sshbed.loopback_up()
    with tempfile.TemporaryDirectory(prefix="kdumpd-test-") as name:
        with sshbed.Server(Path(name), ["Subsystem sftp %s" % options.sftp]) as server:
            measure(server, options)


if __name__ == "__main__":
    main()

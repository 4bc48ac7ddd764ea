#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Ceph's object store on loopback, by hand: one monitor, one osd in memory, one gateway, in a folder of its own.

    with Radosgw(port=…) as store: store.endpoint, store.access_key, store.secret_key, store.bucket

ceph.py [PORT] starts one, prints what a client needs, and stops it when its standard input ends."""

import os
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request
import uuid
from pathlib import Path

PROGRAMS = ("ceph", "ceph-mon", "ceph-osd", "monmaptool", "radosgw", "radosgw-admin")
BUCKET = "dumps"
READY_SEC = 180

CONFIG = """
[global]
fsid = %(fsid)s
mon host = v1:127.0.0.1:%(mon_port)d/0
public addr = 127.0.0.1
run dir = %(folder)s
admin socket = %(folder)s/$name.asok
log file = %(folder)s/$name.log
pid file =
keyring = /dev/null
auth cluster required = none
auth service required = none
auth client required = none
ms bind msgr2 = false
ms bind ipv6 = false

osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 1
osd pool default pgp num = 1
osd pool default pg autoscale mode = off
osd crush chooseleaf type = 0

[mon]
mon data = %(folder)s/mon
mon allow pool size one = true
mon data avail crit = 1
mon max pg per osd = 1000

[osd]
osd data = %(folder)s/osd
osd objectstore = memstore
memstore device bytes = %(bytes)d
osd memory target = 939524096
osd op num shards = 1
osd class update on start = false
osd crush update on start = false

[client.rgw]
rgw data = %(folder)s/rgw
rgw frontends = beast endpoint=127.0.0.1:%(port)d
rgw thread pool size = 8
rgw enable usage log = false
rgw run sync thread = false
rgw num rados handles = 1
"""


def missing_programs():
    """Of Debian's packages ceph-mon, ceph-osd, ceph-common and radosgw."""
    return [p for p in PROGRAMS if not shutil.which(p)]


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Radosgw:
    def __init__(self, port=None, store_bytes=1 << 30):
        self.folder = Path(tempfile.mkdtemp(prefix="kdumpd-ceph-"))
        self.port = port or free_port()
        self.endpoint = "http://127.0.0.1:%d" % self.port
        self.access_key, self.secret_key = secrets.token_hex(10).upper(), secrets.token_hex(20)
        self.bucket = BUCKET
        self.fsid = str(uuid.uuid4())
        self.mon_port = free_port()
        self.values = dict(fsid=self.fsid, mon_port=self.mon_port, folder=self.folder, port=self.port,
                           bytes=store_bytes)
        self.config = self.folder / "ceph.conf"
        self.processes = []

    def __enter__(self):
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *exception):
        self.stop()

    def run(self, program, *args):
        """To its end; what it printed."""
        result = subprocess.run([program, "-c", str(self.config), *args], text=True, stdin=subprocess.DEVNULL,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=READY_SEC)
        if result.returncode != 0:
            raise RuntimeError("%s %s: %s" % (program, " ".join(args), result.stderr))
        return result.stdout

    def spawn(self, program, *args):
        """-f: it stays where it can be killed by its id."""
        with open(self.folder / (program + ".out"), "wb") as log:
            process = subprocess.Popen([program, "-c", str(self.config), "-f", *args], stdout=log, stderr=log,
                                       stdin=subprocess.DEVNULL)
        self.processes.append(process)

    def output(self, program):
        """The end of what it printed."""
        return (self.folder / (program + ".out")).read_text(errors="replace")[-2000:]

    def start(self):
        for name in ("mon", "osd", "rgw"):
            (self.folder / name).mkdir()
        self.config.write_text(CONFIG % self.values)
        self.start_monitor()
        self.start_osd()
        self.start_gateway()

    def start_monitor(self):
        monmap = str(self.folder / "monmap")
        self.run("monmaptool", "--create", "--clobber", "--fsid", self.fsid, "--addv", "a",
                 "[v1:127.0.0.1:%d]" % self.mon_port, monmap)
        self.run("ceph-mon", "--mkfs", "-i", "a", "--monmap", monmap, "--keyring", "/dev/null")
        self.spawn("ceph-mon", "-i", "a")

    def start_osd(self):
        identity = str(uuid.uuid4())
        number = self.run("ceph", "osd", "new", identity).strip()
        self.run("ceph-osd", "-i", number, "--mkfs", "--osd-uuid", identity)
        self.run("ceph", "osd", "crush", "add", "osd." + number, "1.0", "root=default", "host=localhost")
        self.spawn("ceph-osd", "-i", number)

    def start_gateway(self):
        self.spawn("radosgw", "-n", "client.rgw")
        self.wait_for_gateway()
        self.run("radosgw-admin", "-n", "client.rgw", "user", "create", "--uid=dump", "--display-name=dump",
                 "--access-key=" + self.access_key, "--secret-key=" + self.secret_key)
        self.make_bucket()

    def wait_for_gateway(self):
        end = time.monotonic() + READY_SEC
        while time.monotonic() < end:
            for process in self.processes:
                if process.poll() is not None:
                    program = process.args[0]
                    raise RuntimeError("%s has ended with %d: %s" % (program, process.returncode, self.output(program)))
            try:
                urllib.request.urlopen(self.endpoint, timeout=5).close()
                return
            except urllib.error.HTTPError:
                return
            except OSError:
                time.sleep(0.2)
        raise RuntimeError("the gateway is not ready after %d s: %s" % (READY_SEC, self.output("radosgw")))

    def curl(self, method, path, *args):
        """A request with curl(1), which signs it. The query must be sorted, with a '=' behind each name."""
        empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
        config = "user = \"%s:%s\"\n" % (self.access_key, self.secret_key)
        return subprocess.run(["curl", "--fail", "--silent", "--show-error", "--config", "-", "--request", method,
                               "--aws-sigv4", "aws:amz:default:s3", "--header", "x-amz-content-sha256: " + empty,
                               *args, self.endpoint + path], input=config.encode(), stdout=subprocess.PIPE, check=True,
                              timeout=READY_SEC).stdout

    def make_bucket(self):
        self.curl("PUT", "/" + self.bucket)

    def read(self, key):
        """An object, by somebody else's client."""
        return self.curl("GET", "/%s/%s" % (self.bucket, urllib.parse.quote(key)))

    def uploads(self):
        """What the store says of uploads that are under way (XML)."""
        return self.curl("GET", "/%s/?uploads=" % self.bucket).decode()

    def set_quota(self, size_bytes):
        """For all objects of the user."""
        self.run("radosgw-admin", "-n", "client.rgw", "quota", "set", "--uid=dump", "--quota-scope=user",
                 "--max-size=%d" % size_bytes)
        self.run("radosgw-admin", "-n", "client.rgw", "quota", "enable", "--uid=dump", "--quota-scope=user")

    def stop(self):
        for process in reversed(self.processes):
            if process.poll() is None:
                process.kill()
            process.wait(30)
        self.processes = []
        if not os.environ.get("KDUMPD_KEEP"):
            shutil.rmtree(self.folder, ignore_errors=True)


def main():
    missing = missing_programs()
    if missing:
        print("these are not installed: %s" % " ".join(missing), file=sys.stderr)
        return 77
    with Radosgw(int(sys.argv[1]) if len(sys.argv) > 1 else None) as store:
        print("endpoint %s\nbucket %s\naccess_key_id %s\nsecret_access_key %s"
              % (store.endpoint, store.bucket, store.access_key, store.secret_key), flush=True)
        sys.stdin.read()
    return 0


if __name__ == "__main__":
    sys.exit(main())

# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the tests of depot-curl.so share: certificates, free ports, the driver, and how results are told."""

import os
import random
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

SKIPPED = 77
SECRET = "hunter2-hunter2"
NEW_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def wait_for_port(port, process, host="127.0.0.1"):
    for _ in range(600):
        if process is not None and process.poll() is not None:
            raise RuntimeError("the server has ended: %s" % process.args)
        try:
            socket.create_connection((host, port), 1).close()
            return
        except OSError:
            time.sleep(0.05)
    raise RuntimeError("nobody listens on port %d" % port)


def need(program):
    path = shutil.which(program) or shutil.which(program, path="/usr/sbin:/usr/local/sbin")
    if not path:
        print("%s is not installed" % program)
        sys.exit(SKIPPED)
    return path


def openssl(folder, *args):
    subprocess.run(["openssl", *args], cwd=folder, check=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                   stderr=subprocess.STDOUT)


class Certificates:
    """A CA with a server's and a client's certificate, one that has expired, and a CA that has signed nothing."""

    def __init__(self, folder):
        self.folder = folder
        folder.mkdir()
        self.authority("ca")
        self.authority("other-ca")
        names = "subjectAltName=DNS:localhost,DNS:dump.example,IP:127.0.0.1,IP:::1\n"
        self.sign("server", names)
        self.sign("client", "extendedKeyUsage=clientAuth\n")
        self.sign("expired", names, "-days", "-1")

    def authority(self, name):
        openssl(self.folder, "req", "-x509", *NEW_KEY, "-keyout", name + ".key", "-out", name + ".pem", "-subj",
                "/CN=" + name, "-days", "30")

    def sign(self, name, extensions, *validity):
        (self.folder / "extensions").write_text(extensions)
        openssl(self.folder, "req", *NEW_KEY, "-keyout", name + ".key", "-out", name + ".csr", "-subj", "/CN=" + name)
        openssl(self.folder, "x509", "-req", "-in", name + ".csr", "-CA", "ca.pem", "-CAkey", "ca.key",
                "-CAcreateserial", "-out", name + ".pem", "-extfile", "extensions", *(validity or ("-days", "30")))

    def __getitem__(self, name):
        return str(self.folder / name)


class Bed:
    """The driver of a module, in a folder of its own."""

    def __init__(self, driver, module):
        self.driver, self.module = driver, module
        self.folder = Path(tempfile.mkdtemp(prefix="kdumpd-curl-"))
        self.small = self.make_file("small", 70000)
        self.large = self.make_file("large", (5 << 20) + 123)
        self.n_bad = 0

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        shutil.rmtree(self.folder, ignore_errors=True)

    def make_file(self, name, size):
        path = self.folder / name
        path.write_bytes(random.Random(size).randbytes(size))
        return path

    def credentials(self, **values):
        path = self.folder / "credentials"
        path.unlink(missing_ok=True)
        path.touch(0o600)
        path.write_text("".join("%s = %s\n" % item for item in values.items()))
        return path

    def arguments(self, options, folder, files):
        words = []
        for key, value in options.items():
            words += ["--%s=%s" % (key, v) for v in (value if isinstance(value, list) else [value])]
        return [self.driver, self.module, *words, folder, *files]

    def start(self, folder, *files, **options):
        # What a shell has set has no say.
        env = dict(os.environ, http_proxy="http://127.0.0.1:1", https_proxy="http://127.0.0.1:1")
        return subprocess.Popen(self.arguments(options, folder, files), env=env, text=True, stdin=subprocess.PIPE,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def run(self, folder, *files, **options):
        """What it printed, and its messages."""
        out, err = self.start(folder, *files, **options).communicate(timeout=200)
        if SECRET in out + err:
            self.bad("a secret is in the messages", err)
        return out, err

    def bad(self, what, *details):
        self.n_bad += 1
        print("FAILED: %s" % what, *details, sep="\n  ")

    def expect(self, what, result, *wanted):
        """Are all @wanted in what was printed?"""
        out, err = result
        missing = [w for w in wanted if w not in out]
        if missing:
            self.bad(what, "not there: %s" % missing, "printed: %s" % out, "messages: %s" % err)
        else:
            print("ok: %s" % what)

    def expect_message(self, what, result, text):
        if text not in result[1]:
            self.bad(what, "no '%s' in: %s" % (text, result[1]))

    def expect_same(self, what, path, original):
        if not path.exists():
            self.bad(what, "%s is not there" % path)
        elif path.read_bytes() != original.read_bytes():
            self.bad(what, "%s differs" % path)
        else:
            print("ok: %s" % what)

    def expect_none(self, what, path):
        if path.exists():
            self.bad(what, "%s is there" % path)

    def finish(self):
        print("%d failed" % self.n_bad)
        sys.exit(1 if self.n_bad else 0)

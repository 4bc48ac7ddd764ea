#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Stores large objects through depot-curl.so in Ceph's radosgw, also while it refuses every third request:
radosgw.py DEPOT_DRIVER MODULE"""

import hashlib
import http.client
import http.server
import sys
import threading
from pathlib import Path

from curlbed import SKIPPED, Bed

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "integration/servers"))
import ceph

LARGE_BYTES = (120 << 20) + 12345


class Forward(http.server.BaseHTTPRequestHandler):
    """Passes requests on, unless it is the turn of a 503."""
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def handle_request(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        with self.server.lock:
            self.server.n_requests += 1
            refuse = self.server.n_requests % 3 == 0
        if refuse:
            self.send_response(503)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=100)
        connection.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
        for name, value in self.headers.items():
            if name.lower() != "expect":
                connection.putheader(name, value)
        connection.endheaders(body)
        reply = connection.getresponse()
        data = reply.read()
        self.send_response(reply.status)
        for name, value in reply.getheaders():
            if name.lower() not in ("transfer-encoding", "connection", "date", "server", "content-length"):
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)
        connection.close()

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = handle_request


class Forwarder(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, port):
        super().__init__(("127.0.0.1", 0), Forward)
        self.port, self.n_requests, self.lock = port, 0, threading.Lock()
        self.endpoint = "http://127.0.0.1:%d" % self.server_address[1]
        threading.Thread(target=self.serve_forever, daemon=True).start()


class Test:
    def __init__(self, bed, store):
        self.bed, self.store = bed, store
        self.dump = bed.make_file("dump", LARGE_BYTES)
        self.files = ["%s:.log:log.txt" % bed.small, "%s:.dump:vmcore.flat" % self.dump]
        self.options = dict(url="s3://%s/some prefix" % store.bucket, endpoint=store.endpoint, region="default",
                            credentials=bed.credentials(access_key_id=store.access_key,
                                                        secret_access_key=store.secret_key))

    def expect_object(self, what, key, original):
        digest = hashlib.sha256(self.store.read(key)).digest()
        if digest != hashlib.sha256(original.read_bytes()).digest():
            self.bed.bad(what, "it differs")
        elif "<UploadId>" in self.store.uploads():
            self.bed.bad(what, "an upload is left")
        else:
            print("ok: %s" % what)

    def run(self):
        bed = self.bed
        bed.expect("objects are stored", bed.run("plain", *self.files, **self.options), "stored vmcore.flat")
        self.expect_object("the log", "some%20prefix/plain/log.txt", bed.small)
        self.expect_object("the dump, of more than 100 MiB", "some%20prefix/plain/vmcore.flat", self.dump)
        bed.expect("a dump of a size that is known", bed.run("hint", *self.files, hint=LARGE_BYTES, **self.options),
                   "stored vmcore.flat")
        self.expect_object("with a hint", "some%20prefix/hint/vmcore.flat", self.dump)

        forwarder = Forwarder(self.store.port)
        result = bed.run("refused", *self.files, **dict(self.options, endpoint=forwarder.endpoint, timeout="60s"))
        bed.expect("every third request is refused", result, "stored vmcore.flat")
        bed.expect_message("it tells", result, "503; trying again")
        self.expect_object("the same arrives", "some%20prefix/refused/vmcore.flat", self.dump)

        bed.run("left", self.files[1], keep="no", **self.options)
        self.expect_object("what is not committed leaves nothing", "some%20prefix/plain/log.txt", bed.small)
        wrong = bed.credentials(access_key_id=self.store.access_key, secret_access_key="wrong")
        bed.expect("a wrong secret", bed.run("no", **dict(self.options, credentials=wrong)), "connect: EACCES")

    def run_quota(self):
        self.store.set_quota(64 << 20)
        values = dict(access_key_id=self.store.access_key, secret_access_key=self.store.secret_key)
        options = dict(self.options, credentials=self.bed.credentials(**values))
        self.bed.expect("the quota is used up", self.bed.run("full", *self.files, **options), "EDQUOT")


def main():
    missing = ceph.missing_programs()
    if missing:
        print("these are not installed: %s" % " ".join(missing))
        sys.exit(SKIPPED)
    with Bed(sys.argv[1], sys.argv[2]) as bed, ceph.Radosgw() as store:
        test = Test(bed, store)
        test.run()
        test.run_quota()
        bed.finish()


if __name__ == "__main__":
    main()

#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Stores files through depot-curl.so in a real ftp server: ftp.py DEPOT_DRIVER MODULE

With TLS only the first words are tried: libcurl 7.88 begins the handshake of a data connection before the server has
a command for it, which pyftpdlib 1.5.7 answers by a reset (giampaolo/pyftpdlib#604)."""

import sys
import threading

from curlbed import SECRET, SKIPPED, Bed, Certificates, need

try:
    from pyftpdlib.authorizers import DummyAuthorizer
    from pyftpdlib.handlers import FTPHandler, TLS_FTPHandler
    from pyftpdlib.servers import ThreadedFTPServer
except ImportError:
    print("pyftpdlib is not installed")
    sys.exit(SKIPPED)


class Full(FTPHandler):
    def ftp_STOR(self, file, mode="w"):
        self.respond("552 Quota exceeded.")


class Server:
    def __init__(self, folder, base, **settings):
        folder.mkdir(exist_ok=True)
        authorizer = DummyAuthorizer()
        authorizer.add_user("me", SECRET, str(folder), perm="elradfmw")
        handler = type("Handler", (base,), dict(settings, authorizer=authorizer))
        self.server = ThreadedFTPServer(("127.0.0.1", 0), handler)
        self.url = "ftp://127.0.0.1:%d/dumps" % self.server.address[1]
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs=dict(handle_exit=False), daemon=True)

    def __enter__(self):
        self.thread.start()
        return self.url

    def __exit__(self, *exception):
        self.server.close_all()


def check_stores(bed, url, root, **options):
    files = ["%s:.log:log.txt" % bed.small, "%s:.dump:vmcore.flat" % bed.large]
    for attempt in ("first", "second"):
        bed.expect("files are stored at %s, %s time" % (url, attempt), bed.run("host 1", *files, url=url, **options),
                   "where %s/host%%201/\n" % url, "stored log.txt", "stored vmcore.flat")
        bed.expect_same("the log", root / "dumps/host 1/log.txt", bed.small)
        bed.expect_same("the dump", root / "dumps/host 1/vmcore.flat", bed.large)
        bed.expect_none("no other name", root / "dumps/host 1/.dump")
    bed.run("host 2", files[1], url=url, keep="no", **options)
    bed.expect_none("what was not committed has not its name", root / "dumps/host 2/vmcore.flat")


def check_removes(bed, url, root, **options):
    bed.expect("what was stored is removed", bed.run("gone 1", "%s:.log:log.txt" % bed.small, url=url, discard="yes",
                                                     **options), "stored log.txt\n", "discarded")
    bed.expect_none("the folder is gone", root / "dumps/gone 1")


def main():
    need("openssl")
    with Bed(sys.argv[1], sys.argv[2]) as bed:
        certs = Certificates(bed.folder / "certificates")
        both = bed.folder / "both.pem"
        both.write_text(open(certs["server.key"]).read() + open(certs["server.pem"]).read())
        right = bed.credentials(user="me", password=SECRET)
        root = bed.folder / "ftp"
        with Server(root, FTPHandler) as url:
            check_stores(bed, url, root, credentials=right)
            check_removes(bed, url, root, credentials=right)
            bed.expect("without a user", bed.run("no", url=url), "connect: EACCES")
            bed.expect("who names a CA wants TLS", bed.run("no", url=url, credentials=right, ca=certs["ca.pem"]),
                       "connect: EOPNOTSUPP")
        root = bed.folder / "ftps"
        with Server(root, TLS_FTPHandler, certfile=str(both), tls_control_required=True,
                    tls_data_required=True) as url:
            bed.expect("its CA", bed.run("no", url=url, credentials=right, ca=certs["ca.pem"]), "where ")
            bed.expect("without TLS", bed.run("no", url=url, credentials=right), "connect: EACCES")
            bed.expect("another CA", bed.run("no", url=url, credentials=right, ca=certs["other-ca.pem"]),
                       "connect: EKEYREJECTED")
        with Server(bed.folder / "full", Full) as url:
            bed.expect("no room", bed.run("no", "%s:.log:log.txt" % bed.small, url=url, credentials=right),
                       "commit: ENOSPC")
        bed.finish()


if __name__ == "__main__":
    main()

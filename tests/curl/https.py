#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Stores files through depot-curl.so in a real nginx, and in small servers that misbehave:
https.py DEPOT_DRIVER MODULE"""

import http.server
import os
import pty
import signal
import subprocess
import sys
import threading
from pathlib import Path

from curlbed import SECRET, Bed, Certificates, free_port, need, openssl, wait_for_port

CONFIG = """
%(user)s
daemon off; worker_processes 1; pid %(folder)s/pid; error_log %(folder)s/error.log info;
events { worker_connections 64; }
http {
        access_log off; client_body_temp_path %(folder)s/body; proxy_temp_path %(folder)s/proxy;
        fastcgi_temp_path %(folder)s/fastcgi; uwsgi_temp_path %(folder)s/uwsgi; scgi_temp_path %(folder)s/scgi;
        root %(folder)s/www; client_max_body_size 1g; dav_methods PUT MKCOL DELETE; dav_access user:rw;
        ssl_certificate %(certs)s/server.pem; ssl_certificate_key %(certs)s/server.key;
        server {
                listen 127.0.0.1:%(https)d ssl; listen 127.0.0.1:%(http)d; listen [::1]:%(https)d ssl;
                location / { }
                location /full-path { create_full_put_path on; dav_methods PUT; }
                location /user { auth_basic x; auth_basic_user_file %(folder)s/users; }
                location /token { if ($http_authorization != "Bearer %(secret)s") { return 401; } }
                location /limited { client_max_body_size 2m; }
                location /busy { return 503; }
                location /read-only { limit_except GET { deny all; } }
        }
        server {
                listen 127.0.0.1:%(client)d ssl; ssl_verify_client on; ssl_client_certificate %(certs)s/ca.pem;
        }
        server {
                listen 127.0.0.1:%(expired)d ssl; ssl_certificate %(certs)s/expired.pem;
                ssl_certificate_key %(certs)s/expired.key;
        }
}
"""


class Nginx:
    def __init__(self, bed, certificates):
        self.folder = bed.folder / "nginx"
        self.www = self.folder / "www"
        self.www.mkdir(parents=True)
        self.ports = {name: free_port() for name in ("https", "http", "client", "expired")}
        (self.folder / "users").write_text("me:{PLAIN}%s\n" % SECRET)
        values = dict(self.ports, folder=self.folder, certs=certificates.folder, secret=SECRET,
                      user="user root root;" if os.geteuid() == 0 else "")
        (self.folder / "nginx.conf").write_text(CONFIG % values)
        self.process = None
        self.start()

    def start(self):
        self.process = subprocess.Popen(
            [need("nginx"), "-p", str(self.folder), "-e", str(self.folder / "error.log"), "-c",
             str(self.folder / "nginx.conf")])
        wait_for_port(self.ports["https"], self.process)

    def stop(self):
        """At once: connections break."""
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(30)

    def freeze(self, how):
        """SIGSTOP or SIGCONT to all of it."""
        pid = self.process.pid
        children = Path("/proc/%d/task/%d/children" % (pid, pid)).read_text().split()
        for process in [pid, *map(int, children)]:
            os.kill(process, how)

    def url(self, scheme="https", port=None, path="", host="127.0.0.1"):
        return "%s://%s:%d%s" % (scheme, host, self.ports[port or scheme], path)


class Odd(http.server.BaseHTTPRequestHandler):
    """Answers each PUT with the next of the statuses in the server's list; 0: it hangs up in the middle of the body;
    200: with no end. No folders."""
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def answer(self, status):
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def do_HEAD(self):
        self.answer(404)

    def talk(self):
        """A reply that does not end."""
        self.send_response(200)
        self.end_headers()
        self.close_connection = True
        try:
            while True:
                self.wfile.write(bytes(1 << 20))
        except OSError:
            pass

    def do_MKCOL(self):
        self.answer(405)

    def read_body(self):
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers["Content-Length"]))
        body = b""
        while True:
            size = int(self.rfile.readline(), 16)
            body += self.rfile.read(size)
            self.rfile.readline()
            if size == 0:
                return body

    def do_PUT(self):
        status = self.server.statuses.pop(0) if self.server.statuses else 201
        if status == 0:
            self.rfile.read(1000)
            self.close_connection = True
            return None
        body = self.read_body()
        self.server.requests.append((status, self.path, self.headers))
        if status == 200:
            return self.talk()
        if status == 201:
            self.server.files[self.path] = body
        return self.answer(status)


class OddServer:
    def __init__(self, *statuses):
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Odd)
        self.server.statuses, self.server.files, self.server.requests = list(statuses), {}, []
        self.url = "http://127.0.0.1:%d/d" % self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def __enter__(self):
        return self.server, self.url

    def __exit__(self, *exception):
        self.server.shutdown()
        self.server.server_close()


def names(bed, large="vmcore.flat"):
    return "%s:.log:log.txt" % bed.small, "%s:.incomplete:%s" % (bed.large, large)


def check_stores(bed, nginx, certs):
    for number, (path, options) in enumerate([
            ("", dict(url=nginx.url(), ca=certs["ca.pem"])),
            ("/a/b/c", dict(url=nginx.url(path="/a/b/c/"), ca=certs["ca.pem"])),
            ("/full-path/x", dict(url=nginx.url(path="/full-path/x"), ca=certs["ca.pem"])),
            ("", dict(url=nginx.url("http"))),
            ("", dict(url=nginx.url(host="[::1]"), ca=certs["ca.pem"])),
            ("", dict(url=nginx.url(host="dump.example"), address=["127.0.0.1"], ca=certs["ca.pem"])),
            # Nobody listens at the old address: the name is looked up.
            ("", dict(url=nginx.url(host="localhost"), address=["127.0.0.3"], ca=certs["ca.pem"])),
            ("/client", dict(url=nginx.url(port="client", path="/client"), ca=certs["ca.pem"],
                             cert=certs["client.pem"], key=certs["client.key"]))]):
        folder = "host name-%d" % number
        what = "files are stored at %s" % options["url"]
        bed.expect(what, bed.run(folder, *names(bed), **options), "where %s/host%%20name-%d/\n"
                   % (options["url"].rstrip("/"), number), "stored log.txt\n", "stored vmcore.flat\n")
        there = nginx.www / path.lstrip("/") / folder
        bed.expect_same("the log is the same", there / "log.txt", bed.small)
        bed.expect_same("the dump is the same", there / "vmcore.flat", bed.large)
        bed.expect_none("no other name", there / ".incomplete")


def check_removes(bed, nginx):
    for path in ("", "/new/er"):
        bed.expect("what was stored is removed", bed.run("gone 1", *names(bed), url=nginx.url("http", path=path),
                                                         discard="yes"), "stored vmcore.flat\n", "discarded")
        bed.expect_none("the folder is gone", nginx.www / path.lstrip("/") / "gone 1")
    result = bed.run("stays", names(bed)[0], url=nginx.url("http", path="/full-path/y"), discard="yes")
    bed.expect("a server may keep what it has", result, "stored log.txt\n", "discard: EOPNOTSUPP")
    bed.expect_message("it says so", result, "Failed to remove 'http")
    bed.expect_same("it is there", nginx.www / "full-path/y/stays/log.txt", bed.small)


def run_on_terminal(bed, **options):
    """As bed.run(), where somebody could be asked."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.execv(bed.driver, [str(word) for word in bed.arguments(options, "never", [])])
    patience = threading.Timer(30, os.kill, (pid, signal.SIGKILL))
    patience.start()
    out = b""
    try:
        while data := os.read(terminal, 4096):
            out += data
    except OSError:  # EIO: all have closed it
        pass
    os.close(terminal)
    os.waitpid(pid, 0)
    patience.cancel()
    return out.decode(), ""


def check_trust(bed, nginx, certs):
    files = names(bed)
    for what, options, message in [
            ("another CA", dict(url=nginx.url(), ca=certs["other-ca.pem"]), "certificate"),
            ("a private CA that is not named", dict(url=nginx.url()), "certificate"),
            ("a certificate that has expired", dict(url=nginx.url(port="expired"), ca=certs["ca.pem"]), "expired"),
            ("a name that is not in the certificate",
             dict(url=nginx.url(host="other.example"), address=["127.0.0.1"], ca=certs["ca.pem"]), "other.example")]:
        result = bed.run("never", *files, **options)
        bed.expect("%s is refused" % what, result, "connect: EKEYREJECTED")
        bed.expect_message(what, result, message)
        bed.expect_message(what, result, "the clock says 20")
    bed.expect_none("nothing has got there", nginx.www / "never")
    result = bed.run("never", *files, url=nginx.url(port="client"), ca=certs["ca.pem"])
    bed.expect("a server that wants a client's certificate is not entered", result, "connect: EACCES")
    bed.expect_message("it says so", result, "client certificate")
    openssl(certs.folder, "ec", "-in", "client.key", "-aes128", "-passout", "pass:" + SECRET, "-out", "locked.key")
    result = run_on_terminal(bed, url=nginx.url(port="client"), ca=certs["ca.pem"], cert=certs["client.pem"],
                             key=certs["locked.key"])
    bed.expect("nobody is asked for the pass phrase of a key", result, "connect: EINVAL")
    bed.expect("a CA file that is not there", bed.run("never", url=nginx.url(), ca="/nowhere.pem"), "connect: EINVAL")
    bed.expect("https to a server that does not speak it",
               bed.run("never", url=nginx.url("https", "http")), "connect: EOPNOTSUPP")


def check_credentials(bed, nginx):
    files = names(bed)
    url = nginx.url("http", path="/user")
    right = bed.credentials(user="me", password=SECRET)
    result = bed.run("basic", *files, url=url, credentials=right)
    bed.expect("a user is let in", result, "stored vmcore.flat")
    bed.expect_message("it warns", result, "unencrypted")
    bed.expect_same("its file", nginx.www / "user/basic/vmcore.flat", bed.large)
    right.chmod(0o640)
    result = bed.run("no", *files, url=url, credentials=right)
    bed.expect("a file that others may read is refused", result, "connect: EACCES")
    bed.expect_message("it says why", result, "chmod 0600")
    wrong = bed.credentials(user="me", password=SECRET + "x")
    bed.expect("a wrong password is refused", bed.run("no", *files, url=url, credentials=wrong), "connect: EACCES")
    bed.expect("so is none", bed.run("no", *files, url=url), "connect: EACCES")
    token = bed.credentials(bearer_token=SECRET)
    bed.expect("a token lets in", bed.run("token", *files, url=nginx.url("http", path="/token"), credentials=token),
               "stored vmcore.flat")
    bed.expect("who may only read cannot store", bed.run("no", *files, url=nginx.url("http", path="/read-only")),
               "commit: EACCES")
    bed.expect("a URL has no password in it", bed.run("no", url="http://me:%s@127.0.0.1/" % SECRET), "connect: EINVAL")
    result = bed.run("no", url="sftp://h/x")
    bed.expect("sftp is not for this", result, "connect: EOPNOTSUPP")
    bed.expect_message("it says what is", result, "'ssh'")


def check_failures(bed, nginx):
    files = names(bed)
    bed.expect("a server that is too busy may be asked later", bed.run("no", url=nginx.url("http", path="/busy")),
               "connect: EHOSTUNREACH")
    bed.expect("nobody listens", bed.run("no", url="http://127.0.0.1:%d/" % free_port()), "connect: ECONNREFUSED")
    bed.expect("a name that nobody knows", bed.run("no", url="http://no.such.name.invalid/"), "connect: EHOSTUNREACH")
    out, err = bed.run("big", *files, url=nginx.url("http", path="/limited"))
    bed.expect("a server takes only so much", (out, err), "stored log.txt", "EFBIG")
    bed.expect_none("no dump", nginx.www / "limited/big/vmcore.flat")
    bed.run("left", files[0], files[1], url=nginx.url("http"), keep="no")
    bed.expect_same("one that was committed", nginx.www / "left/log.txt", bed.small)
    bed.expect_none("one that was not committed is not there", nginx.www / "left/vmcore.flat")


def start_and_pause(bed, folder, **options):
    driver = bed.start(folder, *names(bed), pause=3 << 20, **options)
    while driver.stdout.readline() not in ("paused\n", ""):
        pass
    return driver


def check_frozen(bed, nginx):
    driver = start_and_pause(bed, "frozen", url=nginx.url("http"), timeout="4s")
    nginx.freeze(signal.SIGSTOP)
    result = driver.communicate("\n", timeout=100)
    nginx.freeze(signal.SIGCONT)
    bed.expect("a server that hangs is given up", result, "ETIMEDOUT")
    bed.expect_message("it tells", result, "Nothing has moved")
    bed.expect_none("no half dump", nginx.www / "frozen/vmcore.flat")


def check_broken(bed, nginx):
    driver = start_and_pause(bed, "broken", url=nginx.url("http"))
    nginx.stop()
    out, err = driver.communicate("\n", timeout=100)
    bed.expect("a connection that breaks is noticed", (out, err), "ECONNRESET")
    bed.expect_none("no half dump", nginx.www / "broken/vmcore.flat")
    nginx.start()
    bed.expect("another try", bed.run("broken", *names(bed), url=nginx.url("http")), "stored vmcore.flat")
    bed.expect_same("works", nginx.www / "broken/vmcore.flat", bed.large)


def check_odd(bed):
    small, large = names(bed)
    with OddServer(503, 0, 500) as (server, url):
        result = bed.run("odd", small, url=url)
        bed.expect("what is small is sent again", result, "stored log.txt")
        bed.expect_message("it tells", result, "503; trying again in 1 s")
        if server.files.get("/d/odd/log.txt") != bed.small.read_bytes():
            bed.bad("the file differs")
        if server.requests[0][2].get("Content-Length") != str(bed.small.stat().st_size):
            bed.bad("what is small has no length: %s" % server.requests[0][2])
    with OddServer(201) as (server, url):
        bed.expect("what is large comes in chunks", bed.run("odd", large, url=url), "stored vmcore.flat")
        if server.files.get("/d/odd/vmcore.flat") != bed.large.read_bytes():
            bed.bad("the file differs")
    for status, error in [(507, "ENOSPC"), (411, "EOPNOTSUPP"), (403, "EACCES"), (404, "ENOENT")]:
        with OddServer(status, status) as (server, url):
            bed.expect("a small file: %d" % status, bed.run("odd", small, url=url), "commit: " + error)
            bed.expect("a large file: %d" % status, bed.run("odd", large, url=url), error)
            if len(server.requests) != 2:
                bed.bad("it is not tried again", server.requests)
    with OddServer(200) as (server, url):
        bed.expect("a reply does not end", bed.run("odd", small, url=url), "commit: EIO")
    with OddServer(*[503] * 50) as (server, url):
        bed.expect("patience ends", bed.run("odd", small, url=url, timeout="8s"), "commit: EHOSTUNREACH")
        if not 2 <= len(server.requests) <= 3:
            bed.bad("tries: %d" % len(server.requests))


def main():
    need("nginx")
    need("openssl")
    with Bed(sys.argv[1], sys.argv[2]) as bed:
        certs = Certificates(bed.folder / "certificates")
        nginx = Nginx(bed, certs)
        try:
            check_stores(bed, nginx, certs)
            check_removes(bed, nginx)
            check_trust(bed, nginx, certs)
            check_credentials(bed, nginx)
            check_failures(bed, nginx)
            check_frozen(bed, nginx)
            check_broken(bed, nginx)
            check_odd(bed)
        finally:
            nginx.stop()
        if bed.n_bad:
            print((nginx.folder / "error.log").read_text(errors="replace")[-4000:])
        bed.finish()


if __name__ == "__main__":
    main()

# SPDX-License-Identifier: LGPL-2.1-or-later
"""Nginx: a web server that stores what is PUT to /dumps/, by http or by https with a certificate authority of its own,
and asks for a client's certificate or a password if it is to."""

import subprocess

from machine import quiet
from servers.server import Server

HTTP, HTTPS = 80, 443
USER, PASSWORD = "crash", "correct-horse-battery"
DAYS = 3650
CONFIG = """
user root;
worker_processes 1;
daemon off;
pid %(folder)s/pid;
error_log %(folder)s/log info;
events { worker_connections 256; }
http {
        access_log %(folder)s/access.log;
        client_body_temp_path %(data)s/.incoming;
        proxy_temp_path %(folder)s/proxy;
        fastcgi_temp_path %(folder)s/fastcgi;
        uwsgi_temp_path %(folder)s/uwsgi;
        scgi_temp_path %(folder)s/scgi;
        client_max_body_size 0;
        server {
                %(listen)s
                root %(data)s;
                location /dumps/ {
                        dav_methods PUT DELETE MKCOL MOVE;
                        create_full_put_path on;
                        dav_access user:rw;
                        %(limit)s
                }
        }
}
"""
SUBJECTS = "[v3]\nsubjectAltName = %s\n"


def make_authority(folder, name="ca"):
    """A key and a certificate that signs others."""
    quiet("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", DAYS, "-subj",
          "/CN=kdump %s" % name, "-keyout", folder / (name + ".key"), "-out", folder / (name + ".pem"))
    return folder / (name + ".pem")


def make_certificate(folder, name, alt_names="", authority="ca"):
    """NAME.key and NAME.pem, signed by an authority of the same folder."""
    quiet("openssl", "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=%s" % name,
          "-keyout", folder / (name + ".key"), "-out", folder / (name + ".csr"))
    options = []
    if alt_names:
        (folder / (name + ".ext")).write_text(SUBJECTS % alt_names)
        options = ["-extfile", folder / (name + ".ext"), "-extensions", "v3"]
    quiet("openssl", "x509", "-req", "-in", folder / (name + ".csr"), "-CA", folder / (authority + ".pem"), "-CAkey",
          folder / (authority + ".key"), "-CAcreateserial", "-days", DAYS, "-out", folder / (name + ".pem"), *options)
    return folder / (name + ".pem")


class Nginx(Server):
    """@tls: https. @client_certificate: only who shows one of our authority gets in. @password: only who has USER's.
    @names: what else its certificate is for."""

    name = "nginx"

    def __init__(self, scratch, net=None, port=None, tls=True, client_certificate=False, password=False, names=(), size_mib=0):
        super().__init__(scratch, net)
        self.tls, self.client_certificate, self.password, self.size_mib = tls, client_certificate, password, size_mib
        self.port = self.port_or_free(port or (HTTPS if tls else HTTP))
        self.names = [self.address, *names]
        self.data = self.folder / "data"
        self.ca = self.folder / "ca.pem"

    def prepare(self):
        if self.size_mib:
            self.mount("data", self.size_mib)
        else:
            self.data.mkdir()
        self.dumps.mkdir()
        if self.tls:
            make_authority(self.folder)
            kinds = [("DNS" if n[-1].isalpha() else "IP") + ":" + n for n in self.names]
            make_certificate(self.folder, "server", ",".join(kinds))
            make_certificate(self.folder, "client")
        if self.password:
            hashed = subprocess.run(["openssl", "passwd", "-apr1", PASSWORD], check=True, capture_output=True, text=True)
            (self.folder / "users").write_text("%s:%s" % (USER, hashed.stdout))

    def launch(self):
        at = "listen %s:%d%s;"
        where = ["0.0.0.0", "[::]"] if self.net else [self.address]
        listen = [at % (host, self.port, " ssl" if self.tls else "") for host in where]
        if self.tls:
            listen += ["ssl_certificate %s/server.pem;" % self.folder, "ssl_certificate_key %s/server.key;" % self.folder]
        if self.client_certificate:
            listen += ["ssl_client_certificate %s;" % self.ca, "ssl_verify_client on;"]
        limit = 'auth_basic "dumps"; auth_basic_user_file %s/users;' % self.folder if self.password else ""
        config = self.folder / "nginx.conf"
        config.write_text(CONFIG % {"folder": self.folder, "data": self.data, "listen": " ".join(listen), "limit": limit})
        self.process = self.spawn("nginx", "-c", config, "-e", self.log_path)
        self.wait_bound(self.port)

    @property
    def dumps(self):
        return self.data / "dumps"

    @property
    def client(self):
        """(certificate, key)"""
        return self.folder / "client.pem", self.folder / "client.key"

    def url(self, host=None):
        host = host or self.address
        return "http%s://%s:%d/dumps" % ("s" if self.tls else "", "[%s]" % host if ":" in host else host, self.port)

    def requests(self):
        """What it was asked, one line each."""
        path = self.folder / "access.log"
        return path.read_text().splitlines() if path.exists() else []

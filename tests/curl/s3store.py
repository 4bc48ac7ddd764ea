# SPDX-License-Identifier: LGPL-2.1-or-later
"""A small object store that checks signatures (Amazon S3 API Reference, "Authenticating Requests: Using the
Authorization Header") and knows multipart uploads; it may be told to fail."""

import hashlib
import hmac
import http.server
import io
import re
import threading
import urllib.parse
from email.utils import formatdate

ACCESS_KEY, REGION, BUCKET = "AKEXAMPLE", "test-1", "dumps"
PART_MIN_BYTES = 5 << 20


class Refused(Exception):
    def __init__(self, status, code):
        super().__init__(code)
        self.status, self.code = status, code


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def answer(self, status, body=b"", **headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        if "Content_Length" not in headers:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def refuse(self, status, code):
        self.answer(status, ('<?xml version="1.0"?><Error><Code>%s</Code><Message>No</Message></Error>' % code).encode()
                    if self.command != "HEAD" else b"")

    def header_value(self, name):
        return re.sub(" +", " ", ",".join(self.headers.get_all(name, [])).strip())

    def canonical_query(self):
        pairs = [pair.partition("=") for pair in self.query.split("&")] if self.query else []
        return "&".join("%s=%s" % (name, value) for name, _, value in sorted(pairs))

    def check_signature(self, body):
        store = self.server
        match = re.fullmatch(r"AWS4-HMAC-SHA256 Credential=([^/]+)/(\d+)/([^/]+)/s3/aws4_request, "
                             r"SignedHeaders=([a-z0-9;-]+), Signature=([0-9a-f]{64})",
                             self.headers.get("Authorization", ""))
        if not match or match[1] != ACCESS_KEY or match[3] != REGION:
            raise Refused(403, "InvalidAccessKeyId")
        names = match[4].split(";")
        needed = {"host", "x-amz-date", "x-amz-content-sha256"}
        needed |= {n.lower() for n in self.headers if n.lower().startswith("x-amz-")}
        if names != sorted(names) or not needed <= set(names):
            raise Refused(403, "AccessDenied")
        if self.header_value("x-amz-content-sha256") != hashlib.sha256(body).hexdigest():
            raise Refused(400, "XAmzContentSHA256Mismatch")
        if store.token and self.header_value("x-amz-security-token") != store.token:
            raise Refused(400, "InvalidToken")
        request = "\n".join([self.command, self.path.partition("?")[0], self.canonical_query()]
                            + ["%s:%s" % (name, self.header_value(name)) for name in names]
                            + ["", match[4], self.header_value("x-amz-content-sha256")])
        date = self.header_value("x-amz-date")
        scope = "%s/%s/s3/aws4_request" % (match[2], REGION)
        text = "\n".join(["AWS4-HMAC-SHA256", date, scope, hashlib.sha256(request.encode()).hexdigest()])
        key = ("AWS4" + store.secret).encode()
        for word in (match[2], REGION, "s3", "aws4_request"):
            key = hmac.digest(key, word.encode(), "sha256")
        if not date.startswith(match[2]) or hmac.new(key, text.encode(), "sha256").hexdigest() != match[5]:
            raise Refused(403, "SignatureDoesNotMatch")

    def handle_request(self):
        self.query = self.path.partition("?")[2]
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        action = self.action()
        self.server.seen.append(action)
        fault = self.server.fault(action)
        if fault == "hang up":
            self.close_connection = True
            return
        if fault == "forget":
            self.wfile, self.close_connection = io.BytesIO(), True
        try:
            if isinstance(fault, tuple):
                raise Refused(*fault)
            self.check_signature(body)
            self.act(action, body)
        except Refused as e:
            self.refuse(e.status, e.code)

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = handle_request

    def action(self):
        query = dict(urllib.parse.parse_qsl(self.query, keep_blank_values=True))
        self.number, self.upload = int(query.get("partNumber", 0)), query.get("uploadId")
        if self.command == "POST":
            return "begin" if "uploads" in query else "complete"
        if self.command == "PUT":
            return "part" if self.number else "put"
        if self.command == "DELETE":
            return "abort" if self.upload else "delete"
        return {"GET": "list", "HEAD": "head"}[self.command]

    def act(self, action, body):
        store, path = self.server, urllib.parse.unquote(self.path.partition("?")[0])
        bucket, _, key = path[1:].partition("/")
        if bucket != BUCKET:
            raise Refused(404, "NoSuchBucket")
        if action in ("part", "complete", "abort") and self.upload not in store.uploads:
            raise Refused(404, "NoSuchUpload")
        getattr(self, "act_" + action)(key, body)

    def act_list(self, key, body):
        if not self.server.may_list:
            raise Refused(403, "AccessDenied")
        self.answer(200, b"<ListBucketResult></ListBucketResult>")

    def act_put(self, key, body):
        self.server.objects[key] = body
        self.answer(200, ETag='"%s"' % hashlib.md5(body).hexdigest())

    def act_delete(self, key, body):
        if not self.server.may_delete:
            raise Refused(403, "AccessDenied")
        self.server.objects.pop(key, None)
        self.answer(204)

    def act_head(self, key, body):
        if key not in self.server.objects:
            raise Refused(404, "NoSuchKey")
        self.answer(200, Content_Length=str(len(self.server.objects[key])))

    def act_begin(self, key, body):
        upload = "2~id/%d+=" % len(self.server.uploads)
        self.server.uploads[upload] = (key, {})
        self.answer(200, ("<InitiateMultipartUploadResult><UploadId>%s</UploadId></InitiateMultipartUploadResult>"
                          % upload).encode())

    def act_part(self, key, body):
        self.server.uploads[self.upload][1][self.number] = body
        self.answer(200, ETag='"%s"' % hashlib.md5(body).hexdigest())

    def act_complete(self, key, body):
        own_key, parts = self.server.uploads[self.upload]
        listed = re.findall(r'<Part><PartNumber>(\d+)</PartNumber><ETag>"([0-9a-f]+)"</ETag></Part>', body.decode())
        whole = [(str(n), hashlib.md5(part).hexdigest()) for n, part in sorted(parts.items())]
        if own_key != key or listed != whole or list(parts) != list(range(1, len(parts) + 1)):
            raise Refused(400, "InvalidPart")
        if any(len(parts[n]) < PART_MIN_BYTES for n in range(1, len(parts))):
            raise Refused(400, "EntityTooSmall")
        self.server.part_sizes = [len(parts[n]) for n in sorted(parts)]
        self.server.objects[key] = b"".join(parts[n] for n in sorted(parts))
        del self.server.uploads[self.upload]
        self.answer(200, b"<CompleteMultipartUploadResult/>")

    def act_abort(self, key, body):
        del self.server.uploads[self.upload]
        self.answer(204, Date=formatdate())


class Store(http.server.ThreadingHTTPServer):
    """@faults: (action, what): the next such request fails with it: (status, code), "hang up" before it is done, or
    "forget" to answer when it was."""
    daemon_threads = True

    def __init__(self, secret, faults=(), token=None, may_list=True, may_delete=True):
        super().__init__(("127.0.0.1", 0), Handler)
        self.secret, self.faults, self.token, self.may_list = secret, list(faults), token, may_list
        self.may_delete = may_delete
        self.objects, self.uploads, self.seen, self.part_sizes = {}, {}, [], []
        self.endpoint = "http://127.0.0.1:%d" % self.server_address[1]

    def fault(self, action):
        for i, (wanted, what) in enumerate(self.faults):
            if wanted == action:
                del self.faults[i]
                return what
        return None

    def handle_error(self, request, client_address):
        pass

    def __enter__(self):
        threading.Thread(target=self.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *exception):
        self.shutdown()
        self.server_close()

#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Stores objects through depot-curl.so in a store that checks each signature, and fails as it is told:
s3.py DEPOT_DRIVER MODULE"""

import sys

from curlbed import SECRET, Bed
from s3store import ACCESS_KEY, BUCKET, REGION, Store

MIB = 1 << 20


class S3:
    def __init__(self, bed):
        self.bed = bed
        self.dump = bed.make_file("dump", 21 * MIB + 77)
        self.files = ["%s:.log:log.txt" % bed.small, "%s:.dump:vmcore.flat" % self.dump]

    def run(self, store, *files, prefix="a b/ü+~", bucket=BUCKET, **options):
        values = dict(access_key_id=ACCESS_KEY, secret_access_key=SECRET)
        if store.token:
            values["session_token"] = store.token
        values.update(options.pop("credentials", {}))
        return self.bed.run("host 1", *(files or self.files), url="s3://%s/%s" % (bucket, prefix),
                            credentials=self.bed.credentials(**values), endpoint=store.endpoint,
                            region=options.pop("region", REGION), **options)

    def expect_objects(self, what, store, prefix="a b/ü+~/"):
        wanted = {prefix + "host 1/log.txt": self.bed.small.read_bytes(),
                  prefix + "host 1/vmcore.flat": self.dump.read_bytes()}
        if store.objects != wanted:
            self.bed.bad(what, "there are %s" % {k: len(v) for k, v in store.objects.items()})
        if store.uploads:
            self.bed.bad(what, "an upload is left")

    def check_stores(self):
        for prefix, token in [("a b/ü+~", None), ("", SECRET + "-token"), ("x/y/", None)]:
            with Store(SECRET, token=token) as store:
                result = self.run(store, prefix=prefix)
                head = prefix.strip("/") + "/" if prefix else ""
                self.bed.expect("objects are stored at '%s'" % prefix, result, "where s3://dumps/%shost 1/\n" % head,
                                "stored log.txt", "stored vmcore.flat")
                self.expect_objects("they are the same", store, head)
                if store.part_sizes != [8 * MIB, 8 * MIB, 5 * MIB + 77]:
                    self.bed.bad("parts: %s" % store.part_sizes)

    def check_writer_only(self):
        with Store(SECRET, may_list=False) as store:
            self.bed.expect("who may not list can store", self.run(store), "stored vmcore.flat")

    def check_removes(self):
        with Store(SECRET) as store:
            self.bed.expect("what was stored is removed", self.run(store, discard="yes"), "stored vmcore.flat\n",
                            "discarded")
            if store.objects or store.uploads:
                self.bed.bad("it is still there", store.seen)
        with Store(SECRET, may_delete=False) as store:
            result = self.run(store, self.files[0], discard="yes")
            self.bed.expect("who may only write leaves it", result, "stored log.txt\n", "discard: EACCES")
            self.bed.expect_message("it says why", result, "AccessDenied")

    def check_refusals(self):
        with Store(SECRET) as store:
            for what, options, error, message in [
                    ("a wrong secret", dict(credentials=dict(secret_access_key=SECRET + "x")), "EACCES",
                     "SignatureDoesNotMatch"),
                    ("a wrong key", dict(credentials=dict(access_key_id="x")), "EACCES", "InvalidAccessKeyId"),
                    ("another region", dict(region="test-2"), "EACCES", "InvalidAccessKeyId"),
                    ("no such bucket", dict(bucket="none"), "EOPNOTSUPP", "NoSuchBucket"),
                    ("no name of a bucket", dict(bucket="a@b"), "EINVAL", "name of a bucket")]:
                result = self.run(store, **options)
                self.bed.expect(what, result, "connect: " + error)
                self.bed.expect_message(what, result, message)
            result = self.bed.run("x", url="s3://dumps", endpoint=store.endpoint)
            self.bed.expect("no credentials", result, "connect: EACCES")
            self.bed.expect_message("no credentials", result, "secret_access_key")

    def check_passing_faults(self):
        faults = [("put", (400, "XAmzContentSHA256Mismatch")), ("begin", (500, "InternalError")), ("part", "hang up"),
                  ("part", (503, "SlowDown")), ("part", "forget"), ("complete", (200, "InternalError"))]
        with Store(SECRET, faults) as store:
            result = self.run(store, timeout="60s")
            self.bed.expect("what passes is waited for", result, "stored log.txt", "stored vmcore.flat")
            self.expect_objects("all is there", store)
            self.bed.expect_message("it tells", result, "part 1")
            if store.faults:
                self.bed.bad("these have not come: %s" % store.faults)

    def check_lost_reply(self):
        with Store(SECRET, [("complete", "forget")]) as store:
            result = self.run(store)
            self.bed.expect("a completed upload whose reply is lost", result, "stored vmcore.flat")
            self.expect_objects("is there", store)

    def check_final_faults(self):
        for what, faults, error in [
                ("the quota is used up", [("part", (403, "QuotaExceeded"))], "EDQUOT"),
                ("a part is refused", [("part", (403, "AccessDenied"))], "EACCES"),
                ("completing is refused", [("complete", (400, "InvalidPart"))], "EACCES"),
                ("it never gets better", [("part", (503, "SlowDown"))] * 9, "EHOSTUNREACH")]:
            with Store(SECRET, faults) as store:
                result = self.run(store, self.files[1], timeout="5s")
                self.bed.expect(what, result, error)
                if store.objects or store.uploads or store.seen[-1] != "abort":
                    self.bed.bad(what, "the upload was not aborted", result[1], store.seen)
        with Store(SECRET) as store:
            self.run(store, self.files[1], keep="no")
            if store.objects or store.uploads or "part" not in store.seen:
                self.bed.bad("what is not committed is aborted", store.seen)
        with Store(SECRET) as store:
            self.run(store, self.files[0], keep="no")
            if store.objects or "abort" in store.seen:
                self.bed.bad("a small one that is not committed was never begun", store.seen)

    def check_patience(self):
        """The store takes each part, and then says no: that is no progress, which would have it asked five times."""
        with Store(SECRET, [("part", (503, "SlowDown"))] * 9) as store:
            result = self.run(store, self.files[1], timeout="20s")
            self.bed.expect("a part that is sent again and again", result, "EHOSTUNREACH")
            tries = store.seen.count("part")
            if not 2 <= tries <= 4:
                self.bed.bad("it was tried %d times" % tries, result[1])


def main():
    with Bed(sys.argv[1], sys.argv[2]) as bed:
        s3 = S3(bed)
        s3.check_stores()
        s3.check_writer_only()
        s3.check_removes()
        s3.check_refusals()
        s3.check_passing_faults()
        s3.check_lost_reply()
        s3.check_final_faults()
        s3.check_patience()
        bed.finish()


if __name__ == "__main__":
    main()

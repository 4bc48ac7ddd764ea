# SPDX-License-Identifier: LGPL-2.1-or-later
"""FarS3: an object store of Ceph's at the far end, for the cases that save to it."""

import re
import time

import bed
import far
from servers import ceph, forwarder

PREFIX, PORT = "crashes/here", 7480
MULTIPART_BYTES = 100 << 20
BUSY_SECONDS = 15


class Store:
    """Ceph is at this machine's loopback; guests come through @front."""

    def __init__(self, net):
        missing = ceph.missing_programs()
        if missing:
            raise bed.Skip("not installed: %s; tools/setup --all does it" % " ".join(missing))
        self.ceph = far.use(ceph.Radosgw())
        self.front = far.use(forwarder.Forwarder(bed.context.scratch, net, self.ceph.port, PORT))

    def credentials(self):
        return "access_key_id = %s\nsecret_access_key = %s\n" % (self.ceph.access_key, self.ceph.secret_key)

    def lines(self):
        return ["url s3://%s/%s" % (self.ceph.bucket, PREFIX), "s3_endpoint http://%s:%d" % (self.front.address, PORT),
                "credentials " + far.SECRETS]

    def keys(self):
        """Of all objects."""
        listing = self.ceph.curl("GET", "/%s/?list-type=2" % self.ceph.bucket).decode()
        return re.findall("<Key>([^<]*)</Key>", listing)

    def fetch(self):
        """The one dump, as a folder here."""
        folder = bed.context.scratch / "fetched"
        for key in self.keys():
            bed.check(key.startswith(PREFIX + "/"), "an object elsewhere: %s" % key)
            path = folder / key[len(PREFIX) + 1:]
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(self.ceph.read(key))
        return far.find_stream(folder)

    def check_nothing_pending(self):
        bed.check_not_in("<UploadId>", self.ceph.uploads(), "uploads that nobody finished")


def wired(net):
    store = Store(net)
    guest = far.start(net)
    far.static(guest)
    guest.write(far.SECRETS, store.credentials(), 0o600)
    return store, guest


def save_large():
    store, guest = wired(far.make_network())
    guest.fill_memory(150)
    far.configure(guest, *store.lines(), far.copy_locally(guest, level=1), "core_collector makedumpfile -l -d 1")
    bed.check_not_in(store.ceph.secret_key, guest.run("kdumpctl config; cat /run/kdumpd/*.json; journalctl -b --no-pager",
                                                      timeout=120), "what anybody may see")
    far.crash(guest, timeout=900)
    dump = store.fetch()
    bed.check(dump.vmcore.stat().st_size > MULTIPART_BYTES, "the dump is too small to be of parts")
    far.check_same(guest, dump.check_stream())
    store.check_nothing_pending()
    far.check_secret(store.ceph.secret_key, dump.folder)
    bed.check_not_in(store.ceph.secret_key, guest.console(), "console")


def save_while_busy():
    net = far.make_network()
    store, guest = wired(net)
    guest.fill_memory(100)
    far.configure(guest, *store.lines(), *far.LOCAL, "core_collector makedumpfile -l -d 1")

    def be_busy():
        # In the middle of a part.
        before = net.counts()["forwarded"]
        while net.counts()["forwarded"] < before + (24 << 20) // 1448:
            bed.check(not guest.machine.monitor.saw("SHUTDOWN"), "the guest was back before the dump began")
            guest.machine.monitor.poll(0.1)
        store.front.set_busy(True)
        time.sleep(BUSY_SECONDS)
        store.front.set_busy(False)

    far.crash(guest, be_busy, timeout=900)
    store.fetch().check_stream()
    store.check_nothing_pending()
    with far.local(guest) as folder:
        far.check_log_only(folder)


def refused():
    store, guest = wired(far.make_network())
    guest.write(far.SECRETS, store.credentials().replace("secret_access_key = ", "secret_access_key = not"), 0o600)
    far.configure(guest, *store.lines(), *far.LOCAL)
    far.crash(guest)
    far.check_local(guest)
    bed.check(not store.keys(), "it took %s" % store.keys())

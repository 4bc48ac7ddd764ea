# SPDX-License-Identifier: LGPL-2.1-or-later
"""url https://…: PUT to a server with a certificate of a private authority, which asks for one of ours. The dump is that of
the same panic on a disk, and the key is in no file of it."""

import bed
import far
from servers import nginx

DEFAULT = False
FOLDER = "/etc/kdump/tls/"


def run():
    net = far.make_network()
    server = far.use(nginx.Nginx(bed.context.scratch, net, client_certificate=True))
    guest = far.start(net)
    far.static(guest)
    certificate, key = server.client
    for name, path, mode in (("ca.pem", server.ca, 0o644), ("client.pem", certificate, 0o644), ("client.key", key, 0o600)):
        guest.write(FOLDER + name, path.read_text(), mode)
    far.configure(guest, "url " + server.url(), "ca_file %sca.pem" % FOLDER, "client_cert %sclient.pem" % FOLDER,
                  "client_key %sclient.key" % FOLDER, far.copy_locally(guest))
    far.crash(guest, timeout=500)
    dump = far.find_stream(server.dumps)
    far.check_same(guest, dump.check_stream())
    far.check_secret(key.read_text().splitlines()[1], dump.folder)
    bed.check_not_in(key.read_text().splitlines()[1], guest.console(), "console")

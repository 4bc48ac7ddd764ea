# SPDX-License-Identifier: LGPL-2.1-or-later
"""url http://… with a password from a file that only root can read. One that others can read is refused, and what was armed
stays."""

import bed
import far
from servers import nginx

DEFAULT = False


def run():
    net = far.make_network()
    server = far.use(nginx.Nginx(bed.context.scratch, net, tls=False, password=True))
    guest = far.start(net)
    far.static(guest)
    guest.write(far.SECRETS, "user = %s\npassword = %s\n" % (nginx.USER, nginx.PASSWORD), 0o644)
    far.check_refused(guest, ["url " + server.url(), "credentials " + far.SECRETS], far.SECRETS)

    guest.run("chmod 0600 " + far.SECRETS)
    far.configure(guest, "url " + server.url(), "credentials " + far.SECRETS)
    bed.check_not_in(nginx.PASSWORD, guest.run("kdumpctl config; cat /run/kdumpd/*.json; journalctl -b --no-pager", timeout=120),
                     "what anybody may see")
    far.crash(guest)
    dump = far.find_stream(server.dumps)
    dump.check_stream()
    far.check_secret(nginx.PASSWORD, dump.folder)
    bed.check_not_in(nginx.PASSWORD, guest.console(), "console")

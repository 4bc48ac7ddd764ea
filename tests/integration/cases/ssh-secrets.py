# SPDX-License-Identifier: LGPL-2.1-or-later
"""Of all keys and passwords that the system has, the images for the crash kernel hold the configured key only, and nobody but
root can read them. Of the dump, all but the memory itself holds none."""

import bed
import far
from servers import nginx, sshd

DEFAULT = False
STATE = "/var/lib/kdumpd"
OTHERS = ("/root/.ssh/id_ed25519", "/root/.ssh/id_rsa", "/etc/ssh/ssh_host_ed25519_key", "/home/someone/.ssh/id_ed25519")
# Base images are compressed, the rest is not.
SCAN = """find %s -type f | while read -r path; do
        { zcat "$path" 2>/dev/null || cat "$path"; } | grep -aqF -- '%s' && echo "$path"; done; true"""


def run():
    net = far.make_network()
    server = far.use(sshd.Sshd(bed.context.scratch, net))
    guest = far.start(net)
    far.static(guest)
    secrets = {"the password": nginx.PASSWORD}
    guest.write(far.SECRETS, "user = %s\npassword = %s\n" % (nginx.USER, nginx.PASSWORD), 0o600)
    for n, path in enumerate(OTHERS):
        key, _ = sshd.make_key(bed.context.scratch / ("other%d" % n))
        guest.write(path, key, 0o600)
        secrets[path] = key.splitlines()[2]
    far.configure_ssh(guest, server)
    configured = server.key.splitlines()[2]
    bed.check(guest.run(SCAN % (STATE, configured), timeout=200).strip(), "the configured key is nowhere: the scan finds nothing")
    for name, secret in secrets.items():
        found = guest.run(SCAN % (STATE, secret), timeout=200).strip()
        bed.check(not found, "%s is in %s" % (name, found))
    # The history is what `kdumpctl why` shows to everybody.
    open_to_others = guest.run("find %s -type f -perm /077 ! -name history.json" % STATE).strip()
    bed.check(not open_to_others, "others can read %s" % open_to_others)
    told = guest.run("cat /run/kdumpd/*.json; journalctl -b --no-pager -u 'kdump*'; kdumpctl config", timeout=120)
    bed.check_not_in(configured, told, "what anybody may see")
    far.crash(guest)
    dump = far.check_dump(server.dumps)
    bed.check_not_in(configured, guest.console(), "console")
    for name in [n for n in dump.files if n != "vmcore"]:
        text = (dump.folder / name).read_text(errors="replace")
        for secret in [configured, *secrets.values()]:
            bed.check_not_in(secret, text, name)

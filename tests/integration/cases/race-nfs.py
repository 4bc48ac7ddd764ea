# SPDX-License-Identifier: LGPL-2.1-or-later
"""The memory of the same crash, written several times onto the same NFS mount, by makedumpfile and by kdump-capture with one
thread in turn, each until it is durable: the times are noted."""

import re
import statistics

import bed
import far
from servers import ganesha

DEFAULT = False
ROUNDS = 5
# kdump-capture syncs by itself.
RACE = """mkdir -p /race
until mount -i -t nfs4 -o vers=4.2,addr={address} {what} /race; do sleep 0.5; done
now() {{ read -r seconds _ </proc/uptime; }}
race() {{
        who=$1; shift
        now; begun=$seconds
        "$@" >/dev/null 2>&1 || echo "<3>race: $who failed" >/dev/kmsg
        sync /race/vmcore
        now
        echo "<5>race: $who $begun $seconds $(ls -l /race/vmcore)" >/dev/kmsg
        rm -f /race/vmcore
}}
for round in {rounds}; do
        race theirs /usr/bin/makedumpfile -l -d 31 /proc/vmcore /race/vmcore
        race ours /usr/lib/kdumpd/kdump-capture save --threads=1 --dump-level=31 --compress=lzo /proc/vmcore /race/vmcore
done
umount /race"""


def run():
    net = far.make_network()
    server = far.use(ganesha.Ganesha(bed.context.scratch, net))
    guest = far.start(net, packages=("makedumpfile",), kinds=("nfs",))
    far.static(guest)
    guest.script("/etc/kdump/race.sh", RACE.format(address=server.address, what=server.what(),
                                                   rounds=" ".join(str(n) for n in range(ROUNDS))))
    guest.configure("nfs " + server.what(), "path /dumps", "kdump_pre /etc/kdump/race.sh", "extra_bins /usr/bin/makedumpfile")
    far.crash(guest, timeout=900)
    far.check_dump(server.data / "dumps")
    times = {"theirs": [], "ours": []}
    for who, begun, ended in re.findall(r"race: (\w+) ([0-9.]+) ([0-9.]+) -rw", guest.console()):
        times[who].append(float(ended) - float(begun))
    bed.check(all(len(t) == ROUNDS for t in times.values()), "the races were: %s" % times)
    bed.note("seconds: makedumpfile %s, kdump-capture %s" % (times["theirs"], times["ours"]))
    bed.note("makedumpfile takes %.2f times as long (median)" %
             (statistics.median(times["theirs"]) / statistics.median(times["ours"])))

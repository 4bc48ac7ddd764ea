# SPDX-License-Identifier: LGPL-2.1-or-later
"""Other programs read the vmcore, and every page of it equals a raw copy of /proc/vmcore of the same panic."""

import subprocess

import bed


def output(*argv):
    done = subprocess.run([str(a) for a in argv], capture_output=True, text=True, errors="replace", check=False)
    bed.check(done.returncode == 0, "'%s' ended with %d:\n%s%s" %
              (argv[0], done.returncode, done.stdout[-2000:], done.stderr[-2000:]))
    return done.stdout


def run():
    guest = bed.start()
    disk = bed.DISK_PATH % "scratch"
    guest.script("/etc/kdump/raw.sh", "while ! [ -b %s ]; do sleep 0.2; done" % disk,
                 "dd if=/proc/vmcore of=%s bs=1M conv=fsync" % disk)
    guest.configure("kdump_pre /etc/kdump/raw.sh", "core_collector makedumpfile -l -d 1")
    guest.panic()
    guest.wait_reset(timeout=400)
    with guest.disk("root") as root, guest.raw_disk("scratch") as raw:
        dump = bed.find_dump(root / "var/crash").check()
        log = bed.context.scratch / "log"
        output("makedumpfile", "--dump-dmesg", dump.vmcore, log)
        bed.check_in(bed.PANIC_LINE, log.read_text(errors="replace"), "makedumpfile --dump-dmesg")
        ours = [line for line in dump.log().splitlines() if bed.PANIC_LINE in line]
        bed.check(ours and ours[0] in log.read_text(errors="replace"), "makedumpfile's log has another panic line")
        release = output("crash", "--osrelease", dump.vmcore).strip()
        bed.check(release == dump.meta()["kernel_release"], "crash --osrelease says '%s'" % release)
        bed.note(output("/usr/bin/python3", bed.HERE / "compare-pages.py", dump.vmcore, raw).strip().splitlines()[-1])

# SPDX-License-Identifier: LGPL-2.1-or-later
"""A kernel in lockdown takes no segments: kexec_file_load(2) loads a signed kernel, nothing is disarmed, and it dumps. One that
goes into lockdown when our segments are armed keeps them: nothing that it would take is as good."""

import bed
import light
import lightfiles
import lightfirmware

DEFAULT = False
GUEST = False


def run_kernel(kernel):
    """The firmware trusts whoever has signed the kernel."""
    with light.folder() as own:
        cert = lightfirmware.signer(lightfiles.prepare(kernel) / "kernel")
        options = lightfirmware.knowing(cert, own / "variables")
        with light.guest(kernel, ours=False, append="lockdown=integrity", options=options) as guest:
            check_guest(kernel, guest)


def check_guest(kernel, guest):
    bed.note("Linux %s: %s" % (kernel, guest.loaded))
    for answer in (guest.loaded, guest.tell("next", "loaded"), guest.tell("next", "loaded")):
        bed.check_in("loaded file", answer, "armtool")
        bed.check_in("restored 0", answer, "armtool")
        bed.check_in("locked down", answer, "armtool's reason")
        # By the kernel's own word: what the loader tries first has not taken it away.
        bed.check(guest.tell("armed", "armed") == "armed 1", "nothing is loaded")
    guest.panic()
    end = guest.outcome()
    dump = guest.dump()
    # The kernel's own purgatory says nothing.
    bed.check("decision" not in end.seen and end.kind == "unsaid", "%s: %s" % (end.kind, end.console[-2000:]))
    bed.note("Linux %s: %s; %s" % (kernel, end.text(), dump and dump.text()))
    bed.check(dump and dump.complete() and dump.meta.get("purgatory") is None, dump and dump.meta)


def later(kernel, level):
    """Lockdown comes when there is no way back from it."""
    with light.guest(kernel) as guest:
        bed.check(guest.tell("put /sys/kernel/security/lockdown %s" % level, "put") == "put 0", "no lockdown")
        for _ in range(2):
            answer = guest.tell("next", "refused")
            bed.check_in("restored 0", answer, "armtool")
            bed.check_in("locked down", answer, "armtool's reason")
            bed.check(guest.tell("armed", "armed") == "armed 1", "nothing is loaded")
        checked = guest.tell("check", "check")
        bed.check(checked.startswith("check 0" if level == "integrity" else "check -1"), checked)
        guest.panic()
        end = guest.outcome()
        dump = guest.dump()
        bed.note("Linux %s, %s later: %s; %s; %s" % (kernel, level, answer, end.text(), dump and dump.text()))
        bed.check(end.kind == "primary" and dump and dump.complete(), end.console[-2000:])


def run():
    for kernel in ("6.1", "6.12"):
        for level in ("integrity", "confidentiality"):
            later(kernel, level)
    if lightfirmware.missing():
        raise bed.Skip(lightfirmware.missing())
    for kernel in ("6.1", "6.12"):
        run_kernel(kernel)

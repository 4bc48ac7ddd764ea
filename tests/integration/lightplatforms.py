# SPDX-License-Identifier: LGPL-2.1-or-later
"""LightPlatforms: the machines on which light guests panic, and what a dump must have of each."""

import bed
import light
import lightfirmware
from lightmemory import FOUR_GIB

CR4_LA57 = 0x1000
PAGE_BYTES = 4096
BIOS_MIB, EFI_MIB = 16, 64  # what firmware may take of the memory
LOW_MIB = 256


class Platform:
    def __init__(self, name, la57=True, efi=False, kernel="6.1", **arguments):
        self.name, self.la57, self.efi, self.kernel, self.arguments = name, la57, efi, kernel, arguments

    def missing(self):
        """Why it cannot be had here."""
        return lightfirmware.missing() if self.efi else None

    def start(self):
        options = lightfirmware.plain() if self.efi else ()
        return light.armed(self.kernel, options=options, **self.arguments)

    def cpus(self):
        return self.arguments.get("cpus", 1)

    def crashkernel(self):
        return self.arguments.get("crashkernel", light.CRASHKERNEL)

    def high(self):
        return "high" in self.crashkernel()

    def memory_bytes(self):
        return self.arguments.get("memory_mib", light.MEMORY_MIB) << 20


PLATFORMS = [
    Platform("pc", kind="pc"),
    Platform("q35, 2 CPUs", cpus=2),
    Platform("q35, 4 CPUs, 1 GiB", cpus=4, memory_mib=1024),
    Platform("pc, 4 CPUs, 2 GiB", kind="pc", cpus=4, memory_mib=2048),
    Platform("no LA57", la57=False, cpu="max,la57=off"),
    Platform("no LA57, Linux 6.12", la57=False, cpu="max,la57=off", kernel="6.12"),
    Platform("qemu64", la57=False, cpu="qemu64"),
    Platform("Linux 6.12, 2 CPUs", cpus=2, kernel="6.12"),
    Platform("6 GiB, high", memory_mib=6144, crashkernel="160M,high"),
    Platform("6 GiB, high, Linux 6.12, pc", memory_mib=6144, crashkernel="192M,high", kernel="6.12", kind="pc"),
    Platform("6 GiB, low, 2 CPUs", memory_mib=6144, cpus=2),
    Platform("OVMF", efi=True),
    Platform("OVMF, Linux 6.12, 2 CPUs, 1 GiB", efi=True, kernel="6.12", cpus=2, memory_mib=1024),
]


def check_whole(platform, dump):
    """All CPUs and all of the memory are in it."""
    bed.check(dump and dump.complete(), "%s: no good dump: %s" % (platform.name, dump and dump.text()))
    meta = dump.meta
    bed.check(dump.cpus == platform.cpus(), "%s: %s CPUs in the dump" % (platform.name, dump.cpus))
    found = meta["n_pages_memory"] * PAGE_BYTES
    # Less what is reserved for the crash kernel (if that is high, also below 4 GiB), and for firmware.
    most = platform.memory_bytes()
    reserved = int(platform.crashkernel().split("M")[0]) + (LOW_MIB if platform.high() else 0)
    least = most - (reserved + (EFI_MIB if platform.efi else BIOS_MIB) << 20)
    bed.check(least <= found < most, "%s: %d MiB of memory of %d" % (platform.name, found >> 20, most >> 20))


def run_one(platform, armed, flip):
    with armed.run() as guest:
        if flip:
            guest.memory.damage("kernel", ("primary",), chunk=5)
        guest.panic()
        end = guest.outcome()
        la57 = bool(guest.memory.status()["cr4"] & CR4_LA57)
        dump = guest.dump() if end.kind != "hang" else None
    bed.note("%-32s %-9s decided %.1f s, end %.1f s; %s" % (platform.name, end.kind, end.since_panic("decision") or 0,
                                                            end.since_panic("end"), dump and dump.text()))
    bed.check(end.kind == ("repaired" if flip else "primary"), "%s: %s: %s" % (platform.name, end.kind, end.console[-2000:]))
    bed.check(la57 == platform.la57, "%s: CR4.LA57 is %d" % (platform.name, la57))
    check_whole(platform, dump)


def run(platform):
    with platform.start() as armed:
        with armed.run() as guest:
            bed.note("%s: %s; %s" % (platform.name, armed.loaded, armed.place))
            bed.check((guest.memory.blocks[0] >= FOUR_GIB) == platform.high(), "%s: the area is elsewhere" % platform.name)
            bed.check(("EFI table" in guest.memory.extents()) == platform.efi, "%s: EFI table" % platform.name)
        for flip in (False, True):
            run_one(platform, armed, flip)

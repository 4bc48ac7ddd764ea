# SPDX-License-Identifier: LGPL-2.1-or-later
"""Madt: a second table of CPUs beside the firmware's own, in which also those are enabled that can be plugged in. With
acpi_apic_instance=2 a crash kernel of before v6.9 starts on one of them: without x2APIC, which software emulation lacks, it
stops if the CPU it runs on was not there at boot (BUG() in setup_local_APIC(), arch/x86/kernel/apic/apic.c)."""

import struct

INSTANCE = 2  # 1 is the firmware's
LAPIC, IOAPIC, OVERRIDE, LAPIC_NMI = 0, 1, 2, 4
PCAT_COMPAT = ENABLED = 1
LEVEL_HIGH = 0xd


def body(cpus):
    """What follows the header common to all tables (ACPI 6.5, 5.2.12), as qemu's q35 has it."""
    out = struct.pack("<II", 0xfee00000, PCAT_COMPAT)
    for n in range(cpus):
        out += struct.pack("<BBBBI", LAPIC, 8, n, n, ENABLED)
    out += struct.pack("<BBBBII", IOAPIC, 12, 0, 0, 0xfec00000, 0)
    for irq, gsi, flags in ((0, 2, 0), (5, 5, LEVEL_HIGH), (9, 9, LEVEL_HIGH), (10, 10, LEVEL_HIGH), (11, 11, LEVEL_HIGH)):
        out += struct.pack("<BBBBIH", OVERRIDE, 10, 0, irq, gsi, flags)
    return out + struct.pack("<BBBHB", LAPIC_NMI, 6, 0xff, 0, 1)


def options(folder, cpus):
    """The arguments for qemu; the file that they name is written into @folder."""
    path = folder / "madt"
    path.write_bytes(body(cpus))
    return ["-acpitable", "sig=APIC,rev=1,oem_id=KDUMPD,oem_table_id=KDUMPD,data=%s" % path]

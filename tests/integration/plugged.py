# SPDX-License-Identifier: LGPL-2.1-or-later
"""Plugged: the CPUs and the memory of the hotplug cases, and the proof that a dump has what is on them."""

import struct
import time

import bed
import dumpfile
import hotplug
import sampler
import vmcorefile

CPUS = [2, 3]
DIMM, DIMM_MIB = "dimm0", 512
DIMM_BYTES = DIMM_MIB << 20
HELPER = "/usr/local/bin/plugged-page"
PATTERN = 0x6b64756d70640000
PAGE_BYTES = vmcorefile.PAGE_BYTES
# No dump has it: arch/x86/kernel/crash.c, elf_header_exclude_ranges().
LOW_BYTES = 1 << 20
SLACK_PAGES = 8  # what is not whole pages

NT_PRSTATUS = 1
USER_END = 1 << 47
PRSTATUS_RIP = 112 + 16 * 8  # pr_reg of struct elf_prstatus, then the place in struct user_regs_struct
LOOK_AGAIN_SECONDS = 6  # the daemon looks once more 5 s after a burst


def collect_user_pages(guest):
    """Of all pages that can be left out only those of programs are dumped."""
    guest.configure("core_collector makedumpfile -l -d 23")


def plug(guest):
    """Two CPUs and a DIMM in one burst, not online yet. Returns the blocks of memory before."""
    before = hotplug.memory_blocks(guest)
    for n in CPUS:
        hotplug.plug_cpu(guest, n)
    hotplug.plug_memory(guest, DIMM, DIMM_MIB)
    return before


def use(guest, before):
    """All online. Returns the new blocks."""
    hotplug.online_cpus(guest, CPUS)
    return hotplug.online_memory(guest, before, DIMM_MIB)


def ram(guest):
    """[start, end) of each range of memory, and of the crash kernel's."""
    return hotplug.system_ram(guest.run("cat /proc/iomem"))


def size(ranges):
    return sum(end - start for start, end in ranges)


def wait_known(guest, n_cpus, ram_bytes, timeout=30):
    """Until the state file has these; returns it."""
    text = "n=%d b=%d" % (n_cpus, ram_bytes)
    deadline = time.monotonic() + bed.seconds(timeout)
    while True:
        state = guest.state()
        found = "n=%d b=%d" % (state["loaded_n_cpus"], state["loaded_ram_bytes"])
        if found == text:
            return state
        bed.check(time.monotonic() < deadline, "the image should know of %s, it knows of %s:\n%s" %
                  (text, found, guest.run("journalctl -b -u kdump --no-pager | tail -20")))
        guest.machine.monitor.poll(0.3)


def quiet(guest, wanted):
    """Nothing more is loaded when the burst is over."""
    guest.run("sleep %d" % LOOK_AGAIN_SECONDS)
    state = guest.state()
    for name in ("loads", "reloads"):
        bed.check(state[name] == wanted[name], "%s: expected %d, not %d:\n%s" %
                  (name, wanted[name], state[name], guest.run("journalctl -b -u kdump --no-pager | tail -20")))
    return state


def put_pattern(guest, ranges):
    """A page in one of these ranges of memory gets the pattern; returns its number."""
    sampler.put(guest, "plugged-page", HELPER)
    start, end = ranges[0]
    guest.run("systemd-run -q --unit=pattern -p StandardOutput=file:/run/pattern -p LimitMEMLOCK=infinity %s %d %d; "
              "until [ -s /run/pattern ]; do systemctl -q is-active pattern || exit 1; sleep 0.1; done" %
              (HELPER, start, end), timeout=60)
    pfn = int(guest.run("cat /run/pattern"))
    bed.check(start <= pfn * PAGE_BYTES < end, "page %#x is not in the new memory" % pfn)
    return pfn


def prstatus_rips(notes):
    """The instruction pointer of each CPU that has saved its registers."""
    at, rips = 0, []
    while at + 12 <= len(notes):
        namesz, descsz, kind = struct.unpack_from("<III", notes, at)
        desc = at + 12 + (namesz + 3 & ~3)
        if kind == NT_PRSTATUS and notes[at + 12:at + 16] == b"CORE":
            rips.append(struct.unpack_from("<Q", notes, desc + PRSTATUS_RIP)[0])
        at = desc + (descsz + 3 & ~3)
    return rips


def check_dump(dump, n_cpus, n_bytes, pfn=None):
    """@n_bytes: of memory that can be dumped. @pfn: of the page that has the pattern."""
    meta = dump.check().meta()
    n_pages = n_bytes // PAGE_BYTES
    bed.check(abs(meta["n_pages_memory"] - n_pages) <= SLACK_PAGES, "the dump should be of %d pages of memory, it is of %d" %
              (n_pages, meta["n_pages_memory"]))
    elf = bed.context.scratch / "elf"
    dumpfile.capture("save", dump.vmcore, elf, "--format=elf", "--dump-level=0")
    with open(elf, "rb") as f:
        core = vmcorefile.RawCore(f)
    rips = prstatus_rips(core.notes)
    bed.check(len(rips) == n_cpus and all(0 < r < USER_END or r >= vmcorefile.KERNEL_MAP_VADDR for r in rips), "expected registers of %d CPUs, found %s" %
              (n_cpus, [hex(r) for r in rips]))
    if pfn is not None:
        found = core.read(pfn * PAGE_BYTES, PAGE_BYTES)
        bed.check(found == struct.pack("<512Q", *(PATTERN | i for i in range(512))),
                  "page %#x has not the pattern: %s …" % (pfn, found[:32].hex()))
    elf.unlink()
    bed.note("%d pages of memory, registers of %d CPUs, rip %s" % (meta["n_pages_memory"], len(rips),
                                                                  " ".join(hex(r) for r in rips)))


def panic_and_check(guest, n_cpus, pfn=None):
    """On CPU 0: before v6.9 the crash kernel does not start on a CPU that was plugged in."""
    memory, crash = ram(guest)
    n_bytes = size(r for r in memory if r[0] >= LOW_BYTES) - size(crash)
    guest.panic(cpu=0)
    guest.wait_reset()
    with guest.disk("root") as root:
        check_dump(bed.find_dump(root / "var/crash"), n_cpus, n_bytes, pfn)

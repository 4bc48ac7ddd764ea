# SPDX-License-Identifier: LGPL-2.1-or-later
"""LightMemory: the memory of a light guest, and what the loader has put there: src/shared/purgatory-block.h in Python."""

import hashlib
import re
import struct

LOW_END = {"q35": 2 << 30, "pc": 3 << 30}  # of memory below 4 GiB, if there is more than that
FOUR_GIB = 4 << 30
CHUNK = 65536
ROLES = ("kernel", "initramfs", "fallback initramfs", "boot_params", "command line", "fallback boot_params",
         "fallback command line", "setup_data", "EFI table", "ELF headers", "status node")
LIVE_ELF, ELF_COPY_OFFSET = 1, 64
BLOCK_BYTES, BLOCK_RESETS, BLOCK_PROVOKE = 1536, 108, 116
HEADER_STATUS, HEADER_RESETS, HEADER_DIGEST = 40, 56, 64
STATUS_BYTES = 512
STATUS_FIELDS = ("stage", "started", "block_copy", "leaves_copy", "chunks_checked", "chunks_repaired", "chunks_lost",
                 "exceptions", "nmis", "resets")
STAGES = {"entry": 1, "block": 2, "check": 3, "repair": 4, "jump": 5, "reset": 6}
PROVOKE = {"UD": 1, "PF": 2, "NMI": 3}
RESETS = {"FADT": 1, "CF9": 2, "KBD": 3, "PORT92": 4, "TRIPLE": 5}


class Extent:
    def __init__(self, data):
        (self.paddr, self.size, self.mirror, self.targets, self.first_leaf, self.flags,
         self.role) = struct.unpack("<QQQIIII", data)
        self.name = ROLES[self.role]
        self.live = bool(self.flags & LIVE_ELF)
        if self.mirror and self.live:
            self.mirror += ELF_COPY_OFFSET

    def chunks(self):
        return -(-self.size // CHUNK)

    def shared(self):
        return self.targets == 3


class Memory:
    """A guest's memory: the file @path."""

    def __init__(self, path, kind, memory_mib):
        self.path = path
        self.low_end = LOW_END[kind] if memory_mib << 20 > LOW_END[kind] else FOUR_GIB
        self.blocks = self.purgatory = None

    def know(self, place):
        """What armtool says of it. Returns whether there is anything of ours."""
        m = re.match(r"place block (\w+) (\w+) purgatory (\w+) (\w+)", place)
        if m:
            self.blocks, self.purgatory = [int(m[1], 16), int(m[2], 16)], (int(m[3], 16), int(m[4], 16))
        return bool(m)

    def offset(self, paddr):
        return paddr if paddr < self.low_end else paddr - FOUR_GIB + self.low_end

    def read(self, paddr, size):
        with open(self.path, "rb") as f:
            f.seek(self.offset(paddr))
            return f.read(size)

    def write(self, paddr, data):
        with open(self.path, "r+b") as f:
            f.seek(self.offset(paddr))
            f.write(data)

    def flip(self, paddr, bit=0):
        self.write(paddr, bytes([self.read(paddr, 1)[0] ^ 1 << bit]))

    # --- what is there ---

    def block(self):
        return self.read(self.blocks[0], BLOCK_BYTES)

    def extents(self):
        """By their names."""
        block = self.block()
        (n,) = struct.unpack_from("<I", block, 20)
        found = [Extent(block[160 + 40 * i:][:40]) for i in range(n)]
        return {e.name: e for e in found}

    def leaves(self):
        """([address of each copy], bytes)"""
        block = self.block()
        (n,) = struct.unpack_from("<I", block, 24)
        return struct.unpack_from("<QQ", block, 32), n * 32

    def status(self):
        """By the names of its fields, and first_vector and cr4."""
        (paddr,) = struct.unpack("<Q", self.read(self.purgatory[0] + HEADER_STATUS, 8))
        data = self.read(paddr, STATUS_BYTES)
        status = dict(zip(STATUS_FIELDS, struct.unpack_from("<10I", data, 48)))
        (status["first_vector"],) = struct.unpack_from("<Q", data, 88)
        (status["cr4"],) = struct.unpack_from("<Q", data, 160)
        return status

    # --- what is changed there ---

    def change_block(self, offset, data):
        """In both copies, with a digest that fits."""
        for paddr in self.blocks:
            block = bytearray(self.read(paddr, BLOCK_BYTES))
            block[offset:offset + len(data)] = data
            block[-32:] = hashlib.sha256(block[:-32]).digest()
            self.write(paddr, bytes(block))

    def provoke(self, stage, action):
        self.change_block(BLOCK_PROVOKE, struct.pack("<II", STAGES[stage], PROVOKE[action]))

    def plan_resets(self, *names):
        """In the block and in the blob."""
        plan = bytes(RESETS[n] for n in names).ljust(8, b"\0")
        self.change_block(BLOCK_RESETS, plan)
        header = bytearray(self.read(self.purgatory[0], HEADER_DIGEST))
        header[HEADER_RESETS:HEADER_RESETS + len(plan)] = plan
        self.write(self.purgatory[0], bytes(header) + hashlib.sha256(header).digest())

    def damage(self, name, copies=("primary", "mirror"), chunk=0, bit=0):
        """One bit of a chunk of an extent, in each of these copies of it."""
        extent = self.extents()[name]
        for copy in copies:
            self.flip((extent.paddr if copy == "primary" else extent.mirror) + chunk * CHUNK, bit)

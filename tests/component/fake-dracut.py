#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Stands in for dracut below a root: the image has the files that are named here, as they are now.

ROOT/bed/dracut says what goes wrong: "slow MSEC", "fail", "broken" or "cut". ROOT/bed/dracut.read is there once
all was read.
"""

import gzip
import os
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FILES = ("usr/lib/kdumpd/kdump-capture", "usr/lib/libx.so.1", "usr/lib/modules/6.1/ext4.ko")
EXTRA = "usr/lib/libextra.so.1"  # taken along if it is there


def entry(name, mode, data):
    words = (1, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(name) + 1, 0)
    head = b"070701" + b"".join(b"%08X" % word for word in words) + name.encode() + b"\0"
    return head + bytes(-len(head) % 4) + data + bytes(-len(data) % 4)


def main():
    out, wish = Path(sys.argv[-1]), (ROOT / "bed/dracut").read_text().split() or [""]
    archive = b"".join(entry(name, 0o100755, (ROOT / name).read_bytes()) for name in FILES + (EXTRA,) if (ROOT / name).exists())
    archive += entry("usr/lib/kdumpd/base.json", 0o100644, (Path(os.environ["KDUMP_BUILD_DIR"]) / "base.json").read_bytes())
    archive += entry("TRAILER!!!", 0, b"")
    image = gzip.compress(archive, mtime=0)
    (ROOT / "bed/dracut.read").touch()
    if wish[0] == "slow":
        time.sleep(int(wish[1]) / 1000)
    if wish[0] == "fail":
        out.write_bytes(image[:len(image) // 2])
        return 3
    out.write_bytes({"broken": b"no archive" * 1000, "cut": image[:-10]}.get(wish[0], image))
    return 0


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Writes a C header with the bytes of a file in an array: embed-text.py FILE NAME HEADER."""

import sys
from pathlib import Path


def main():
    file, name, header = sys.argv[1:]
    data = Path(file).read_bytes()
    lines = [", ".join("%d" % b for b in data[i:i + 20]) for i in range(0, len(data), 20)]
    Path(header).write_text("/* Made from %s */\nstatic const char %s[%d] = {\n%s\n};\n"
                            % (Path(file).name, name, len(data), ",\n".join(lines)))


if __name__ == "__main__":
    main()

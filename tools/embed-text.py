#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Writes a C file with the bytes of a file in an array: embed-text.py FILE HEADER NAME OUTPUT."""

import sys
from pathlib import Path


def main():
    file, header, name, output = sys.argv[1:]
    data = Path(file).read_bytes()
    lines = [", ".join("%d" % b for b in data[i:i + 20]) for i in range(0, len(data), 20)]
    Path(output).write_text("/* Made from %s */\n#include \"%s\"\n\nconst size_t %s_size = %d;\nconst char %s[] = {\n%s\n};\n"
                            % (Path(file).name, header, name, len(data), name, ",\n".join(lines)))


if __name__ == "__main__":
    main()

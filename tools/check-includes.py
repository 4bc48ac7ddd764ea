#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Checks the direction of dependencies: programs -> shared -> util, never sideways; in kdump-capture the reading
and the writing side meet in capture*.c only; threads are made in pipeline.c, sink-* and depot-* only; the
purgatory, which has no library, knows nothing but itself and its ABI."""

import re
import sys
from pathlib import Path

ROOT = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parents[1]
LOWER = {"util": [], "shared": ["util"]}
PROGRAM_LOWER = ["shared", "util"]

# The two sides of kdump-capture, by the first part of a file's name.
READING = ("vmcore", "kmem", "arch", "pagemap", "page-filter", "page-layout", "page-walk", "memmap", "dmesg",
           "kdump-file", "decompress")
WRITING = ("compress", "depot", "dump", "pipeline", "sink")
# What the purgatory may include besides its own headers; its tests run on the host and are free to use more.
PURGATORY_SHARED = {"purgatory-block.h"}
PURGATORY_SYSTEM = {"stdbool.h", "stddef.h", "stdint.h"}
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.M)


def side(name):
    stem = name.rsplit(".", 1)[0]
    stem = stem[5:] if stem.startswith("test-") else stem
    for word, prefixes in (("reading", READING), ("writing", WRITING)):
        if any(stem == p or stem.startswith(p + "-") for p in prefixes):
            return word
    return None


def headers_by_folder():
    return {folder.name: {h.name for h in folder.glob("*.h")} for folder in sorted((ROOT / "src").iterdir())
            if folder.is_dir()}


def check_ours(path, folder, header, headers):
    """What is wrong with including our @header, or None."""
    if "/" in header:
        return "includes '%s' by a path" % header
    if header in headers[folder]:
        return None
    owners = [f for f in headers if header in headers[f]]
    if not owners:
        return "includes '%s', which does not exist" % header
    lower = LOWER.get(folder, PROGRAM_LOWER)
    if not any(owner in lower for owner in owners):
        return "includes '%s' of src/%s, which is not below src/%s" % (header, owners[0], folder)
    return None


def check_sides(path, header):
    mine, other = side(path.name), side(header)
    if mine and other and mine != other and not header.startswith("test"):
        return "is on the %s side and includes '%s' of the %s side" % (mine, header, other)
    return None


def may_make_threads(path):
    return path.name.startswith(("pipeline.", "sink-", "depot-", "test-pipeline", "test-sink-"))


def both_sides(path, ours):
    """Only capture* may know both sides, in its headers as in its files."""
    if path.name.startswith(("capture", "test-capture")) or side(path.name):
        return None
    sides = {side(header) for header in ours} - {None}
    return "includes headers of both sides, which only capture* may" if len(sides) > 1 else None


def check_purgatory(path, quote, header, headers):
    """What is wrong with including @header in the purgatory, or None."""
    if path.name.startswith("test-"):
        if quote == '"' and header in headers["shared"] and header not in PURGATORY_SHARED:
            return "includes '%s': of src/shared, tests of the purgatory may include only %s" % (
                header, " and ".join(sorted(PURGATORY_SHARED)))
        return None
    if quote == "<" and header not in PURGATORY_SYSTEM:
        return "includes <%s>: the purgatory is freestanding, it may include only <%s>" % (
            header, ">, <".join(sorted(PURGATORY_SYSTEM)))
    if quote == '"' and (header.startswith("test-") or header not in headers["purgatory"] | PURGATORY_SHARED):
        return "includes '%s': the purgatory may include only its own headers and %s" % (
            header, " and ".join(sorted(PURGATORY_SHARED)))
    return None


def check_file(path, headers):
    folder = path.parent.name
    text = path.read_text(encoding="utf-8")
    includes = INCLUDE.findall(text)
    ours = [name for quote, name in includes if quote == '"']
    found = [check_ours(path, folder, name, headers) for name in ours]
    if folder == "kdump-capture":
        found += [check_sides(path, name) for name in ours]
        found.append(both_sides(path, ours))
    if folder == "purgatory":
        found += [check_purgatory(path, quote, name, headers) for quote, name in includes]
    if re.search(r"\b(pthread_create|thrd_create)\b", text) and not may_make_threads(path):
        found.append("makes threads, which only pipeline.c, sink-* and depot-* may")
    for quote, name in includes:
        if quote == "<" and any(name in headers[f] for f in headers):
            found.append("includes our '%s' in <>" % name)
    return ["%s: %s" % (path.relative_to(ROOT), problem) for problem in found if problem]


def main():
    headers = headers_by_folder()
    problems = []
    for path in sorted((ROOT / "src").glob("*/*.[ch]")):
        problems += check_file(path, headers)
    names = [h for folder in headers for h in headers[folder]]
    for name in sorted({n for n in names if names.count(n) > 1}):
        owners = [f for f in headers if name in headers[f]]
        if "util" in owners or "shared" in owners:
            problems.append("src: '%s' is in %s: which one is meant?" % (name, " and ".join(owners)))
    for problem in problems:
        print(problem, file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())

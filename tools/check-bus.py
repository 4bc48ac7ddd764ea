#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Checks that kdumpd(8) describes each property, method and signal that kdumpd has on D-Bus, with its type, and no
others."""

import re
import sys
from pathlib import Path

ROOT = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parents[1]
PROPERTIES = "src/kdumpd/bus-properties.h"
MANAGER = "src/kdumpd/manager-bus.c"
MAN = "man/kdumpd.8"


def read(name):
    return (ROOT / name).read_text(encoding="utf-8")


def read_properties():
    """name -> type."""
    found = dict(re.findall(r'^ +ROW\("(\w+)", "(\w+)", \w+\)', read(PROPERTIES), re.M))
    found.update(re.findall(r'SD_BUS_PROPERTY\("(\w+)", "(\w+)"', read(MANAGER)))
    return found


def read_members():
    """Name of a method -> type of what it returns; of a signal -> its arguments."""
    text = re.sub(r"\s+", " ", read(MANAGER))
    found = dict(re.findall(r'METHOD_WITH_ARGS\("(\w+)", SD_BUS_NO_ARGS, SD_BUS_RESULT\("([^"]*)"', text))
    for name, arguments in re.findall(r'SIGNAL_WITH_ARGS\("(\w+)", SD_BUS_ARGS\(([^)]*)\)', text):
        found[name] = " ".join('"%s %s"' % pair for pair in re.findall(r'"(\w+)", (\w+)', arguments))
    return found


def section(text):
    return text.split(".Sh D-BUS\n")[1].split("\n.Sh ")[0]


def man_properties(text):
    found = {}
    for names, types in re.findall(r"^\.It Va ([\w ,]+) Pq ([\w ,]+)$", text, re.M):
        names, types = names.split(" , "), types.split(", ")
        found.update(zip(names, types if len(types) == len(names) else types * len(names)))
    return found


def man_members(text):
    found = dict(re.findall(r'^\.It Fn (\w+) "" No \\\(-> ([^ \n]+)', text, re.M))
    found.update(re.findall(r'^\.Fn (\w+) (".*") ,$', text, re.M))
    return found


def main():
    text = section(read(MAN))
    problems = []
    for ours, theirs in ((read_properties(), man_properties(text)), (read_members(), man_members(text))):
        if len(ours) < 5:
            problems.append("%s: not in the form that this checker reads" % MANAGER)
        for name in sorted(set(ours) | set(theirs)):
            if ours.get(name) != theirs.get(name):
                problems.append("%s: '%s' is %s, kdumpd has %s" % (MAN, name, theirs.get(name), ours.get(name)))
    for problem in problems:
        print(problem, file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Checks that each journal message of messages.h has an entry in the catalog, that this has no others, and that the
entries are whole: header fields, a text, and no field in it that the message does not have."""

import re
import sys
from pathlib import Path

ROOT = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parents[1]
HEADER = "src/kdumpd/messages.h"
CATALOG = "conf/kdumpd.catalog"
FIELDS = ("Subject", "Defined-By", "Support", "Documentation")
# What message_send() gives every message
VARIABLES = ("KDUMP_GENERATION", "KDUMP_GAP_USEC")

problems = []


def complain(file, text):
    problems.append("%s: %s" % (file, text))


def read(name):
    return (ROOT / name).read_text(encoding="utf-8")


def read_messages():
    """id -> name."""
    messages = {}
    for name, ident in re.findall(r'^#define (MESSAGE_\w+) "([^"]*)"', read(HEADER), re.M):
        if not re.fullmatch(r"[0-9a-f]{32}", ident):
            complain(HEADER, "%s is not 32 hexadecimal digits" % name)
        if ident in messages:
            complain(HEADER, "%s and %s have the same number" % (messages[ident], name))
        messages[ident] = name
    return messages


def check_entry(where, entry):
    header, _, text = entry.partition("\n\n")
    given = re.findall(r"^([A-Za-z-]+): \S", header, re.M)
    if len(given) != len(header.splitlines()):
        complain(where, "has a line in its header that is not a field")
    for field in FIELDS:
        if field not in given:
            complain(where, "has no '%s:'" % field)
    if "Defined-By: kdumpd" not in header.splitlines():
        complain(where, "is not defined by kdumpd")
    if len(text.split()) < 20:
        complain(where, "does not say what it means and what to do")
    if max(map(len, entry.splitlines())) > 80:
        complain(where, "has a line of more than 80 characters")
    for variable in re.findall(r"@(\w+)@", text):
        if variable not in VARIABLES:
            complain(where, "tells of '%s', which no message has" % variable)


def main():
    messages = read_messages()
    if len(messages) < 5:
        complain(HEADER, "the messages are not in the form that this checker reads")
    seen = set()
    for part in re.split(r"^-- ", read(CATALOG), flags=re.M)[1:]:
        ident, _, entry = part.partition("\n")
        where = "%s: %s" % (CATALOG, messages.get(ident, ident))
        if ident not in messages:
            complain(where, "no message of %s has this number" % HEADER)
        if ident in seen:
            complain(where, "has two entries")
        seen.add(ident)
        check_entry(where, entry)
    for ident in messages:
        if ident not in seen:
            complain(CATALOG, "%s has no entry" % messages[ident])
    for problem in problems:
        print(problem, file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())

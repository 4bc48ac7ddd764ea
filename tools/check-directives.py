#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Checks that the directive table, kdump.conf(5), conf/kdump.conf and the fixtures agree."""

import re
import sys
from pathlib import Path

ROOT = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parents[1]
TABLE = "src/shared/directive.c"
HEADER = "src/shared/directive.h"
MAN = "man/kdump.conf.5"
CONF = "conf/kdump.conf"
ALL = "tests/fixtures/kdump.conf/all.conf"
OLD = "tests/fixtures/kdump.conf/old-names.conf"

# [id] = KIND(id, "name", …): one directive, up to the end of its row
ROW = re.compile(r"^ +(TARGET_SETTING|TARGET|SETTING|ALIAS|REMOVED)\((DIRECTIVE_\w+), \"(\w+)\"(.*)\),$")
# Where in the rest of a row the default stands, counted in arguments
DEFAULT_ARGUMENT = {"TARGET_SETTING": 2, "SETTING": 2}

problems = []


def complain(file, text):
    problems.append("%s: %s" % (file, text))


def read(name):
    return (ROOT / name).read_text(encoding="utf-8")


def read_table():
    """name -> (kind, default or None), in the order of the table."""
    table = {}
    ids = []
    for line in read(TABLE).splitlines():
        match = ROW.match(line)
        if not match:
            continue
        kind, ident, name, rest = match.groups()
        if ident != "DIRECTIVE_" + name.upper():
            complain(TABLE, "%s is called '%s'" % (ident, name))
        if name in table:
            complain(TABLE, "'%s' has two rows" % name)
        arguments = re.findall(r'"[^"]*"|[^\s,]+', rest)
        default = arguments[DEFAULT_ARGUMENT[kind]] if kind in DEFAULT_ARGUMENT else "NULL"
        table[name] = (kind, default.strip('"') if default.startswith('"') else None)
        ids.append(ident)
    enum = re.search(r"typedef enum Directive \{(.*?)\} Directive;", read(HEADER), re.S).group(1)
    wanted = re.findall(r"^ +(DIRECTIVE_\w+)\b", enum, re.M)
    for ident in set(wanted) ^ set(ids):
        complain(TABLE, "%s is not in both the enum and the table" % ident)
    return table


def check_conf(table):
    """Each directive that is not an old name once, commented out, at its default."""
    seen = {}
    for number, line in enumerate(read(CONF).splitlines(), 1):
        where = "%s:%d" % (CONF, number)
        if not line or line.startswith("# ") or line == "#":
            continue
        match = re.match(r"#(\w+) (.+)$", line)
        if not match:
            complain(where, "is neither a comment nor a directive that is commented out")
            continue
        name, value = match.groups()
        if name not in table or table[name][0] in ("ALIAS", "REMOVED"):
            complain(where, "'%s' is not a directive" % name)
            continue
        if name in seen:
            complain(where, "'%s' stands at line %d already" % (name, seen[name]))
        seen[name] = number
        default = table[name][1]
        if default is not None and value != default:
            complain(where, "'%s' is '%s', its default is '%s'" % (name, value, default))
    for name, (kind, _) in table.items():
        if kind not in ("ALIAS", "REMOVED") and name not in seen:
            complain(CONF, "'%s' is missing" % name)


def check_man(table):
    text = read(MAN)
    described = re.findall(r"^\.It Ic (\w+)", text, re.M)
    for name in described:
        if name not in table:
            complain(MAN, "'%s' is not a directive" % name)
        if described.count(name) > 1:
            complain(MAN, "'%s' is described twice" % name)
    plain = re.sub(r"^\.(Pa|Cm|Li|Ic|Ql) ", "", text, flags=re.M)
    for name, (_, default) in table.items():
        if name not in described:
            complain(MAN, "'%s' is not described" % name)
            continue
        item = re.split(r"^\.It Ic %s\b" % name, plain, flags=re.M)[1].split("\n.It Ic ")[0]
        if default is not None and default not in ("no", "0") and default not in item:
            complain(MAN, "'%s' does not tell its default '%s'" % (name, default))


def check_fixture(file, names):
    used = set(re.findall(r"^(\w+)", read(file), re.M))
    for name in sorted(names - used):
        complain(file, "'%s' is missing" % name)


def main():
    table = read_table()
    if len(table) < 20:
        complain(TABLE, "the rows are not in the form that this checker reads")
    check_conf(table)
    check_man(table)
    old = {name for name, (kind, _) in table.items() if kind in ("ALIAS", "REMOVED")}
    check_fixture(ALL, set(table) - old)
    check_fixture(OLD, old)
    for problem in problems:
        print(problem, file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())

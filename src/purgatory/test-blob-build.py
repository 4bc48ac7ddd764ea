#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Builds the purgatory with each compiler that is there: the same sources must give the same blob, wherever they are
and whatever the environment says; and what would not work in it must fail the build.

Usage: test-blob-build.py BUILD_BLOB SOURCE... -- COMPILER...
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

HOSTILE_FLAGS = ["-O3", "-march=x86-64-v3", "-flto", "-fsanitize=address,undefined", "-fstack-protector-all", "-pg"]

# What the blob cannot have, and what is said of it, by the compiler or by the script.
BAD = {
    "vectors": ("void bad(void) { __asm__ volatile(\"pxor %%xmm0, %%xmm0\" : : : \"memory\"); }",
                "nobody has set the CPU up for: .*pxor"),
    "wide vectors": ("void bad(void) { __asm__ volatile(\"vpxor %%ymm1, %%ymm1, %%ymm1\" : : : \"memory\"); }",
                     "nobody has set the CPU up for: .*vpxor"),
    "x87": ("void bad(void) { __asm__ volatile(\"faddp %%st, %%st(1)\" : : : \"memory\"); }",
            "nobody has set the CPU up for: .*faddp"),
    "thread locals": ("static __thread int here; void bad(void) { here++; }", "nobody has set the CPU up for: .*%fs:"),
    "floating point": ("double worse; void bad(void) { worse *= 3; }", "__muldf3|SSE"),
    "a table of functions": ("void (*worse[])(void) = { bad, bad }; void bad(void) { }", "there are relocations"),
    "an address in a constant": ("int worse; __attribute__((used)) static int *const worst = &worse;",
                                 "there are relocations"),
    "a library function": ("void *malloc(unsigned long n); void bad(void) { malloc(1); }", "malloc"),
    "too many bytes": ("__attribute__((used)) static char worse[40000];", "is what it may have"),
    "a deep stack": ("void bad(void) { char a[2000]; __asm__ volatile(\"\" : : \"r\"(a) : \"memory\"); }", "frame-larger-than"),
    "a section of its own": ("__attribute__((used, section(\"elsewhere\"))) static int worse = 1;",
                             "is not part of the blob"),
}

# What the machine's part calls, with nothing in it
CORE = """
#include "purgatory.h"
void purgatory_run(Purgatory *purgatory, Machine *machine, const PurgatoryHeader *header, const MachineEntry *entry) { }
void purgatory_exception(Purgatory *purgatory, uint64_t vector, uint64_t error, uint64_t rip, uint64_t cr2) { }
void purgatory_nmi(Purgatory *purgatory) { }
"""


def expect(what, got, wanted):
    if got != wanted:
        sys.exit("%s: got %r, not %r" % (what, got, wanted))


def copy_sources(script, folder):
    """The tree as far as the script needs it; returns the script there."""
    there = folder / "src" / "purgatory"
    shutil.copytree(script.parent, there)
    (folder / "src" / "shared").mkdir()
    shutil.copy(script.parent.parent / "shared" / "purgatory-block.h", folder / "src" / "shared")
    return there / script.name


def build(script, names, compiler, *options, env=None):
    output, elf = script.parent / "out.bin", script.parent / "out.elf"
    done = subprocess.run([sys.executable, script, *options, "--elf", elf, output, *(script.parent / n for n in names),
                           "--", *compiler], env={**os.environ, **(env or {})}, stderr=subprocess.PIPE, text=True,
                          check=False, cwd=script.parent)
    return done.returncode, done.stderr, output, elf


def check_same(script, names, compiler, folder):
    """Short and long paths, quiet and hostile surroundings; returns one of the scripts."""
    short = copy_sources(script, folder / "a")
    long = copy_sources(script, folder / ("b" * 100) / "c")
    status, errors, output, elf = build(short, names, compiler)
    expect("%s: a build, which says '%s'" % (compiler[0], errors), status, 0)
    hostile = {"CFLAGS": "-O0 -fsanitize=address", "CPATH": "/nowhere", "LDFLAGS": "-nonsense", "LIBRARY_PATH": "/nowhere"}
    status, errors, other, _ = build(long, names, compiler + HOSTILE_FLAGS, env=hostile)
    expect("%s: another build, which says '%s'" % (compiler[0], errors), status, 0)
    expect("%s: two builds are the same" % compiler[0], other.read_bytes() == output.read_bytes(), True)

    told = subprocess.run(["readelf", "-rW", elf], env={**os.environ, "LC_ALL": "C"}, stdout=subprocess.PIPE, text=True,
                          check=True).stdout
    expect("%s: readelf -r" % compiler[0], told.strip(), "There are no relocations in this file.")
    expect("%s: the blob names no folder" % compiler[0], re.findall(rb"/(?:src|tmp)/\S*", output.read_bytes()), [])
    return short


def check_refused(script, compiler):
    names = ["entry.S", "machine-x86.c", "core.c", "bad.c"]
    (script.parent / "core.c").write_text(CORE, encoding="utf-8")
    for what, (text, wanted) in {"nothing bad": ("void bad(void) { }", ""), **BAD}.items():
        (script.parent / "bad.c").write_text("void bad(void);\n%s\n" % text, encoding="utf-8")
        status, errors, _, _ = build(script, names, compiler, "--werror")
        if (status != 0) != (wanted != "") or not re.search(wanted, errors):
            sys.exit("%s: %s: status %d, %s" % (compiler[0], what, status, errors))


def check_header_size(script, names, compiler):
    status, _, output, _ = build(script, names, compiler)
    blob = output.read_bytes()
    expect("status", status, 0)
    expect("the header's size", int.from_bytes(blob[20:24], "little"), len(blob))
    expect("what the loader fills in", any(blob[24:96]), False)


def main():
    split = sys.argv.index("--")
    script = Path(sys.argv[1]).resolve()
    names = [Path(source).name for source in sys.argv[2:split]]
    compilers = [sys.argv[split + 1:]] + [[name] for name in ("gcc", "clang") if shutil.which(name)]
    for compiler in {os.path.realpath(shutil.which(words[0])): words for words in compilers}.values():
        with tempfile.TemporaryDirectory() as folder:
            copy = check_same(script, names, compiler, Path(folder))
            check_header_size(copy, names, compiler)
            check_refused(copy, compiler)


if __name__ == "__main__":
    main()

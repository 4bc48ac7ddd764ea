#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Builds the purgatory: one flat file that runs at any address, without having been relocated, on a CPU of which
nothing but the general registers is set up. What does not hold for that fails the build.

Usage: build-blob.py [OPTION...] OUTPUT SOURCE... -- COMPILER...

The flags are all our own: what the environment, the compiler's name or the distribution add (vector instructions,
sanitizers, stack protectors, LTO) would not work there.
"""

import argparse
import os
import re
import struct
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
SHARED = HERE.parent / "shared"

MAX_BYTES = 32768
STACK_BYTES = 8192  # as in purgatory.lds
HEADER_MAGIC = b"kdpurghd"
OFFSET_MAGIC, OFFSET_BYTES, HEADER_BYTES = 8, 20, 96

FLAGS = ["-std=gnu11", "-Os", "-march=x86-64", "-mtune=generic", "-mgeneral-regs-only", "-mno-red-zone",
         "-ffreestanding", "-fno-builtin", "-fpie", "-fvisibility=hidden", "-fno-common", "-fno-strict-aliasing",
         "-fno-stack-protector", "-fno-stack-clash-protection", "-fcf-protection=none", "-fno-jump-tables",
         "-fno-asynchronous-unwind-tables", "-fno-zero-initialized-in-bss", "-fno-lto", "-fno-sanitize=all",
         "-U_FORTIFY_SOURCE", "-Wall", "-Wextra", "-Wno-unused-parameter", "-Wmissing-prototypes", "-Wundef", "-Wvla",
         # The stack has no guard below it.
         "-Wframe-larger-than=1536"]
GCC_FLAGS = ["-fno-tree-loop-distribute-patterns"]  # else a loop that copies becomes a call of memcpy()
LINK_FLAGS = ["-nostdlib", "-static-pie", "-fno-lto", "-fno-sanitize=all", "-Wl,-z,noexecstack", "-Wl,-z,norelro",
              "-Wl,--build-id=none", "-Wl,-T,%s" % (HERE / "purgatory.lds")]

# What names folders or brings flags; PATH and the like stay for the compiler's own needs.
ENVIRONMENT = ("CCC_OVERRIDE_OPTIONS", "CFLAGS", "COMPILER_PATH", "CPATH", "CPPFLAGS", "C_INCLUDE_PATH",
               "DEPENDENCIES_OUTPUT", "LDFLAGS", "LD_RUN_PATH", "LIBRARY_PATH", "SUNPRO_DEPENDENCIES")

# Sections that any position-independent program has; nothing in the blob looks at them.
LINKERS_OWN = (".dynsym", ".dynstr", ".hash", ".gnu.hash", ".dynamic")


class BuildError(Exception):
    pass


def run(*command):
    env = {name: value for name, value in os.environ.items() if name not in ENVIRONMENT}
    env["LC_ALL"] = "C"
    done = subprocess.run([str(word) for word in command], env=env, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode != 0:
        raise BuildError("'%s' fails" % " ".join(str(word) for word in command))
    return done.stdout


def bare_compiler(words):
    """The compiler without flags, but those that say for which machine it is."""
    return [word for word in words
            if not word.startswith("-") or word.startswith(("--target=", "--sysroot=", "--gcc-toolchain=", "-B"))]


def defines(compiler):
    return run(*compiler, "-dM", "-E", "-x", "c", "/dev/null")


def compile_sources(args, compiler, folder):
    flags = FLAGS if "__clang__" in defines(compiler) else FLAGS + GCC_FLAGS
    flags = flags + ["-Werror"] if args.werror else flags
    objects, depends = [], []
    for source in args.sources:
        obj = folder / (source.name + ".o")
        depend = folder / (source.name + ".d")
        run(*compiler, *flags, "-ffile-prefix-map=%s=." % HERE.parent, "-I", HERE, "-I", SHARED,
            "-MD", "-MF", depend, "-MT", args.output, "-c", source, "-o", obj)
        objects.append(obj)
        depends.append(depend.read_text(encoding="utf-8"))
    if args.depfile:
        args.depfile.write_text("".join(depends), encoding="utf-8")
    return objects


def check_instructions(args, obj):
    """Only of an object: in the blob, constants would be read as instructions, too."""
    for line in run(args.objdump, "-d", "--no-show-raw-insn", obj).splitlines():
        if re.search(r"%([xyz]?mm\d|st\b|k[0-7]\b|[fg]s:)", line):
            raise BuildError("'%s' has an instruction that nobody has set the CPU up for: %s" % (obj.name, line.strip()))


def check_sections(args, elf):
    rows = re.findall(r"^ *\[ *\d+\] (\S+) +\S+ +[0-9a-f]+ [0-9a-f]+ ([0-9a-f]+) [0-9a-f]+ +(\S*) ",
                      run(args.readelf, "-SW", elf), re.M)
    if ".blob" not in [name for name, _, _ in rows]:
        raise BuildError("'%s' has no section .blob" % elf)
    for name, size, flags in rows:
        if "A" in flags and int(size, 16) > 0 and name != ".blob" and name not in LINKERS_OWN:
            raise BuildError("section '%s' of %d bytes is not part of the blob" % (name, int(size, 16)))


def check_elf(args, elf):
    relocations = run(args.readelf, "-rW", elf)
    if "There are no relocations in this file." not in relocations:
        raise BuildError("there are relocations, but nobody to apply them:\n%s" % relocations)
    undefined = run(args.nm, "-u", elf).strip()
    if undefined:
        raise BuildError("nobody defines %s" % undefined)
    check_sections(args, elf)


def finish(blob):
    """The header gets the size that the linker gave the blob."""
    if len(blob) > MAX_BYTES:
        raise BuildError("the blob has %d bytes, but %d is what it may have" % (len(blob), MAX_BYTES))
    if bytes(blob[OFFSET_MAGIC:OFFSET_MAGIC + len(HEADER_MAGIC)]) != HEADER_MAGIC:
        raise BuildError("the blob does not begin with its header")
    if blob[0] != 0xeb or 2 + blob[1] != HEADER_BYTES:
        raise BuildError("the blob does not begin with a jump over its header")
    if any(blob[-STACK_BYTES:]):
        raise BuildError("the blob does not end with an empty stack")
    struct.pack_into("<I", blob, OFFSET_BYTES, len(blob))
    return blob


def build(args, folder):
    compiler = bare_compiler(args.compiler)
    objects = compile_sources(args, compiler, folder)
    for obj in objects:
        check_instructions(args, obj)
    elf = args.elf or folder / "blob.elf"
    run(*compiler, *LINK_FLAGS, *objects, "-o", elf)
    check_elf(args, elf)
    flat = folder / "blob.bin"
    run(args.objcopy, "-O", "binary", "-j", ".blob", elf, flat)
    args.output.write_bytes(finish(bytearray(flat.read_bytes())))


def parse_arguments(words):
    parser = argparse.ArgumentParser()
    for tool in ("nm", "objcopy", "objdump", "readelf"):
        parser.add_argument("--" + tool, default=tool)
    parser.add_argument("--depfile", type=Path)
    parser.add_argument("--elf", type=Path, help="where to leave what was linked")
    parser.add_argument("--werror", action="store_true")
    parser.add_argument("output", type=Path)
    parser.add_argument("sources", type=Path, nargs="+")
    if "--" not in words:
        parser.error("no compiler: it comes after --")
    split = words.index("--")
    args = parser.parse_args(words[:split])
    args.compiler = words[split + 1:]
    return args


def main():
    args = parse_arguments(sys.argv[1:])
    try:
        with tempfile.TemporaryDirectory() as folder:
            build(args, Path(folder))
    except BuildError as e:
        print("build-blob.py: %s" % e, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

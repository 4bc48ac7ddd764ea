#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Checks that every verb and option of `kdumpctl help` is completed by bash, which is asked, and by zsh, whose file is
read: check-completions.py KDUMPCTL BASH-FILE ZSH-FILE. Both may know more than this kdumpctl does."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

ASK = """source "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _kdumpctl
printf '%s\\n' "${COMPREPLY[@]}" """

problems = []


def complain(file, text):
    problems.append("%s: %s" % (file, text))


def read_help(program):
    """verb -> set of its options, and those that stand before any verb ("")."""
    text = subprocess.run([program, "help"], check=True, stdout=subprocess.PIPE, encoding="utf-8").stdout
    verbs = {"": set(re.findall(r"--[a-z-]+", text.splitlines()[0]))}
    for verb, rest in re.findall(r"^  ([a-z_][a-z_-]*)(.*)$", text, re.M):
        # What it does stands behind two blanks.
        arguments = rest.split("  ")[0]
        verbs.setdefault(verb, set()).update(re.findall(r"(?<![\w-])--?[a-z][a-z-]*", arguments))
    return verbs


def ask_bash(file, *words):
    """What bash would complete the last of @words to."""
    result = subprocess.run(["bash", "-c", ASK, "bash", file, "kdumpctl", *words], check=True, encoding="utf-8",
                            stdout=subprocess.PIPE)
    return set(result.stdout.split())


def check_bash(file, verbs):
    offered = ask_bash(file, "")
    for verb, options in verbs.items():
        if verb and verb not in offered:
            complain(file, "'%s' is not completed" % verb)
            continue
        found = {word.rstrip("=") for word in ask_bash(file, *([verb] if verb else []), "-")}
        for option in sorted(options - found):
            complain(file, "'%s' of '%s' is not completed" % (option, verb))


def check_bash_words(file):
    """A few completions whose answer is known."""
    for words, wanted in ((["sta"], {"status", "start"}), (["--root=/x", "rel"], {"reload"}),
                          (["config", "--from", "=", "s"], {"suse"}), (["config", "--from=d"], {"debian"}),
                          (["config", "--from", "="], {"suse", "debian", "redhat"}),
                          (["--root", "=", "/usr/shar"], {"/usr/share"}), (["status", "--"], {"--json"}),
                          (["start", ""], set()), (["estimate", "/usr/shar"], {"/usr/share"}),
                          (["list", "/usr/shar"], {"/usr/share"}),
                          (["config", "--import", "=", "/etc/passw"], {"/etc/passwd"})):
        got = ask_bash(file, *words)
        if not wanted <= got or (not wanted and got):
            complain(file, "'%s' is completed to %s, expected %s" % (" ".join(words), sorted(got), sorted(wanted)))


def check_zsh(file, verbs):
    text = Path(file).read_text(encoding="utf-8")
    described = set(re.findall(r"^ +'([a-z_-]+):", text, re.M))
    variables = {"$" + name: value for name, value in re.findall(r"^local (\w+)='(.*)'$", text, re.M)}
    # "a | b)" and all up to ";;"
    branches = {}
    for names, body in re.findall(r"^ +([a-z_][a-z_ |-]*)\)\n(.*?);;", text, re.M | re.S):
        for name, value in variables.items():
            body = body.replace(name, value)
        for name in names.split("|"):
            branches[name.strip()] = body
    for verb, options in verbs.items():
        if verb and verb not in described:
            complain(file, "'%s' is not completed" % verb)
        if verb and verb not in branches:
            complain(file, "'%s' has no branch" % verb)
            continue
        body = branches[verb] if verb else " ".join(variables.values())
        for option in sorted(options):
            if not re.search(r"(?<![\w-])%s(?![\w-]*[a-z])" % re.escape(option), body):
                complain(file, "'%s' of '%s' is not completed" % (option, verb))
    if shutil.which("zsh") and subprocess.run(["zsh", "-n", file], check=False).returncode != 0:
        complain(file, "zsh cannot read it")


def main():
    program, bash, zsh = sys.argv[1:]
    verbs = read_help(program)
    if not {"", "status", "config", "version"} <= set(verbs) or "--json" not in verbs["status"]:
        complain(program, "`help` is not in the form that this checker reads")
    else:
        check_zsh(zsh, verbs)
        if shutil.which("bash"):
            check_bash(bash, verbs)
            check_bash_words(bash)
    for problem in problems:
        print(problem, file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())

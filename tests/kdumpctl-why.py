#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""kdumpctl-why.py KDUMPCTL: what `kdumpctl why` prints of histories, of none and of broken ones, without any daemon. Has
/run and /var/lib to itself, in namespaces of its own; skipped (77) where these are not allowed."""

import json
import os
import subprocess
import sys
from pathlib import Path

RUN, KEPT = Path("/run/kdumpd/history.json"), Path("/var/lib/kdumpd/history.json")
SECOND = 1000000


def entry(seconds, **more):
    return {"realtime_usec": seconds * SECOND, "trigger": "the service was started", "action": "nothing",
            "outcome": "nothing to do", **more}


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def why(program, *args):
    done = subprocess.run([program, "why", *args], capture_output=True, encoding="utf-8", check=False,
                          env={"TZ": "UTC"})
    return done.returncode, done.stdout, done.stderr


def expect(what, got, expected):
    if got != expected:
        sys.exit("%s:\n%r\nis not\n%r" % (what, got, expected))


def expect_error(program, word, *args):
    status, out, err = why(program, *args)
    expect("exit status and output", (status, out), (1, ""))
    if word not in err:
        sys.exit("'%s' is not in %r" % (word, err))


def check(program):
    expect_error(program, "kdumpctl start")
    write(RUN, "{")
    expect_error(program, "damaged")
    write(RUN, '{"entries": []}')
    expect_error(program, "kdumpctl start")

    first = entry(0x60000000)
    second = entry(0x60000001, count=3, first_realtime_usec=0x60000000 * SECOND, action="overlay",
                   changes=["targets[0].path: '/a' → '/b'", "'/root/key' has changed"], outcome="armed")
    texts = ["2021-01-14 08:25:36  the service was started\n  → nothing to do\n",
             "2021-01-14 08:25:37  the service was started (3 times since 2021-01-14 08:25:36)\n"
             "    targets[0].path: '/a' → '/b'\n    '/root/key' has changed\n  → armed\n"]
    write(KEPT, json.dumps({"entries": [first]}))
    RUN.unlink()
    expect("before anything happened since boot", why(program), (0, texts[0], ""))
    write(RUN, json.dumps({"entries": [first, second]}))
    expect("both", why(program), (0, "".join(texts), ""))
    for args in (["-n", "1"], ["-n1"]):
        expect("the newest", why(program, *args), (0, texts[1], ""))
    expect("more than there are", why(program, "-n", "99"), (0, "".join(texts), ""))
    status, out, _ = why(program, "-n", "1", "--json")
    expect("status of --json", status, 0)
    told = json.loads(out)["entries"]
    expect("--json", [told[0][key] for key in second], list(second.values()))

    write(RUN, json.dumps({"entries": [entry(i) for i in range(1, 33)]}))
    expect("ten by default", why(program)[1].count("→"), 10)
    for args in (["-n"], ["-n", "0"], ["-nx"], ["-n", "-1"], ["x"], ["--json=x"], ["--json", "-x"]):
        expect_error(program, "-n needs" if args[0].startswith("-n") else "not understood", *args)


def main():
    if len(sys.argv) == 3:
        for folder in ("/run", "/var/lib"):
            if subprocess.run(["mount", "-t", "tmpfs", "none", folder], check=False).returncode != 0:
                sys.exit(77)
        check(sys.argv[1])
        return
    program = os.path.abspath(sys.argv[1])
    alone = ["unshare", "--user", "--map-root-user", "--mount"]
    if subprocess.run([*alone, "true"], check=False).returncode != 0:
        sys.exit(77)
    sys.exit(subprocess.run([*alone, sys.executable, __file__, program, "inside"], check=False).returncode)


if __name__ == "__main__":
    main()

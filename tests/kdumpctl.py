#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What kdumpctl says and does on the command line, below a root of its own: kdumpctl.py KDUMPCTL SOURCE-ROOT."""

import json
import os
import re
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

KDUMPCTL = os.path.abspath(sys.argv[1])
SOURCE_ROOT = Path(sys.argv[2])
SUSE = "KDUMP_SAVEDIR=/dumps\nKDUMP_DUMPLEVEL=17\nKDUMP_IMMEDIATE_REBOOT=yes\n"
DEBIAN = "USE_KDUMP=1\nKDUMP_COREDIR=/var/crash\n"
REDHAT = "KDUMP_IMG=vmlinuz\nKDUMP_COMMANDLINE_APPEND='irqpoll nr_cpus=1'\n"


class Bed(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory(prefix="kdumpd-test-")
        self.addCleanup(self.folder.cleanup)
        self.root = Path(self.folder.name).resolve() / "root"
        self.root.mkdir()

    def put(self, name, text, mode=0o644):
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        path.chmod(mode)
        return path

    def run_it(self, *words, status=0, root=True, env=None, cwd=None):
        """Returns what it prints and what it says."""
        argv = [KDUMPCTL] + (["--root=%s" % self.root] if root else []) + list(words)
        result = subprocess.run(argv, check=False, stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8",
                                stdin=subprocess.DEVNULL, env=env, cwd=cwd)
        self.assertEqual(result.returncode, status, "%s: %s" % (argv, result.stderr))
        return result.stdout, result.stderr


class Root(Bed):
    def test_stands_before_or_behind_the_verb(self):
        self.put("etc/kdump.conf", "path /here\n")
        for words in (["--root=%s" % self.root, "config"], ["--root", str(self.root), "config"],
                      ["config", "--root=%s" % self.root], ["config", "--root", str(self.root)]):
            self.assertIn("path /here\n", self.run_it(*words, root=False)[0])

    def test_is_refused_where_it_makes_no_sense(self):
        for verb in ("status", "start", "stop", "restart", "reload", "rebuild", "showmem", "version"):
            self.assertIn("cannot be used here", self.run_it(verb, status=1)[1])

    def test_must_be_a_folder(self):
        for words in (["--root=/dev/null", "config"], ["--root=/no/such", "list"], ["--root=/no/such", "propagate"],
                      ["config", "--root=/no/such"]):
            self.assertIn("Failed to open the folder '/", self.run_it(*words, root=False, status=1)[1])
        self.assertIn("requires an argument", self.run_it("--root", root=False, status=1)[1])
        self.assertIn("unrecognized option", self.run_it("--rot=/", "config", root=False, status=1)[1])

    def test_help_and_version_need_no_verb(self):
        for word in ("help", "--help", "-h"):
            self.assertIn("Usage: kdumpctl", self.run_it(word, root=False)[0])
        self.assertRegex(self.run_it("--version", root=False)[0], r"^kdumpd [0-9.]+\n$")
        self.assertEqual(list(json.loads(self.run_it("version", "--json", root=False)[0])), ["version"])
        self.assertIn("Unknown verb 'no'", self.run_it("no", root=False, status=1)[1])
        self.assertIn("Usage: kdumpctl", self.run_it(root=False, status=1)[1])


class Config(Bed):
    def test_json_tells_what_is_in_effect(self):
        self.put("etc/kdump.conf", "core_collector makedumpfile -z\n")
        self.put("etc/kdump.conf.d/a.conf", "\nkernel 6.1\n")
        told = json.loads(self.run_it("config", "--json")[0])
        settings = {item["name"]: item for item in told["settings"]}
        self.assertEqual(settings["kernel"], {"name": "kernel", "value": "6.1", "file": "/etc/kdump.conf.d/a.conf",
                                              "line": 2, "default": False, "acted_on": True})
        self.assertTrue(settings["final_action"]["default"])
        self.assertTrue(told["valid"])

    def test_errors_are_told_in_both_forms(self):
        self.put("etc/kdump.conf", "no_such x\n")
        printed, said = self.run_it("config", status=1)
        self.assertEqual(printed, "")
        self.assertIn("/etc/kdump.conf:1: ", said)
        told = json.loads(self.run_it("config", "--json", status=1)[0])
        self.assertFalse(told["valid"])
        self.assertIn("/etc/kdump.conf:1: ", told["messages"][0]["text"])

    def test_options_that_do_not_go_together(self):
        for words in (["--from=suse"], ["--write"], ["--import", "--json"], ["more"], ["--no"], ["--from"]):
            self.assertEqual(self.run_it("config", *words, status=1)[0], "")
        self.assertIn("--import=/x", self.run_it("config", "--import", "/x", status=1)[1])


class Import(Bed):
    def test_file_is_found_and_recognised(self):
        for name, text, line, title in (
                ("etc/sysconfig/kdump", SUSE, "path /dumps\n", "SUSE"),
                ("etc/sysconfig/kdump", REDHAT, "kdump_commandline_append irqpoll\n", "Fedora"),
                ("etc/default/kdump-tools", DEBIAN, "path /var/crash\n", "Debian")):
            path = self.put(name, text)
            printed, said = self.run_it("config", "--import")
            self.assertIn(line, printed)
            self.assertIn("From ", printed)
            self.assertIn(title, said)
            path.unlink()

    def test_file_and_origin_can_be_named(self):
        self.put("x", "KDUMP_KERNELVER=6.1\n")
        self.assertIn("say so with --from", self.run_it("config", "--import=/x", status=1)[1])
        self.assertIn("kernel 6.1\n", self.run_it("config", "--import=x", "--from=redhat")[0])
        self.assertIn("kernel 6.1\n", self.run_it("config", "--import=x", "--from=suse", root=False, cwd=self.root)[0])
        self.assertIn("not 'arch'", self.run_it("config", "--import=x", "--from=arch", status=1)[1])

    def test_files_that_cannot_be_read(self):
        self.assertIn("There is neither", self.run_it("config", "--import", status=1)[1])
        self.assertIn("No such file", self.run_it("config", "--import=/x", status=1)[1])
        self.put("etc/sysconfig/kdump", SUSE)
        self.put("etc/default/kdump-tools", DEBIAN)
        self.assertIn("There are both", self.run_it("config", "--import", status=1)[1])
        self.put("x", "A=\0")
        self.assertIn("NUL bytes", self.run_it("config", "--import=/x", status=1)[1])
        self.put("x", "x" * 300000)
        self.assertIn("File too large", self.run_it("config", "--import=/x", status=1)[1])
        self.put("x", "".join("A%d=1\n" % i for i in range(2000)))
        self.assertIn("Failed to read the settings", self.run_it("config", "--import=/x", status=1)[1])

    def write(self, status=0):
        return self.run_it("config", "--import", "--write", status=status)

    def test_write_makes_a_file_that_is_in_effect(self):
        self.put("etc/sysconfig/kdump", SUSE)
        self.assertEqual(self.write()[0], "")
        conf = self.root / "etc/kdump.conf"
        self.assertEqual(conf.stat().st_mode & 0o777, 0o644)
        told = json.loads(self.run_it("config", "--json")[0])
        self.assertEqual(told["targets"][0]["settings"][0]["value"], "/dumps")
        self.assertEqual([item["value"] for item in told["settings"] if item["name"] == "core_collector"],
                         ["makedumpfile -c -d 17"])

    def test_write_replaces_what_was_installed(self):
        self.put("etc/sysconfig/kdump", SUSE)
        self.put("etc/kdump.conf", (SOURCE_ROOT / "conf/kdump.conf").read_text(encoding="utf-8"))
        self.write()
        self.assertIn("path /dumps", (self.root / "etc/kdump.conf").read_text(encoding="utf-8"))

    def test_links_stay_inside_of_the_root(self):
        outside = Path(self.folder.name) / "outside"
        (outside / "sysconfig").mkdir(parents=True)
        (outside / "sysconfig/kdump").write_text(SUSE, encoding="utf-8")
        (self.root / "etc").symlink_to(outside.resolve())
        self.assertIn("There is neither", self.run_it("config", "--import", status=1)[1])
        self.put("x", SUSE)
        self.run_it("config", "--import=/x", "--from=suse", "--write", status=1)
        self.assertFalse((outside / "kdump.conf").exists())
        # The folder that it means is the root's own.
        own = self.root / str(outside.resolve())[1:]
        own.mkdir(parents=True)
        self.run_it("config", "--import=/x", "--from=suse", "--write")
        self.assertTrue((own / "kdump.conf").exists())

    def test_write_leaves_alone_what_somebody_wrote(self):
        self.put("etc/sysconfig/kdump", SUSE)
        shipped = (SOURCE_ROOT / "conf/kdump.conf").read_text(encoding="utf-8")
        for text in ("path /mine\n", "", shipped + "#\n", shipped.replace("#path", "path", 1)[:-1]):
            conf = self.put("etc/kdump.conf", text)
            printed, said = self.write(status=1)
            self.assertEqual(printed, "")
            self.assertIn("move it away", said)
            self.assertEqual(conf.read_text(encoding="utf-8"), text)
        conf.unlink()
        conf.symlink_to("elsewhere")
        self.assertIn("move it away", self.write(status=1)[1])
        self.assertTrue(conf.is_symlink())
        conf.unlink()
        conf.mkdir()
        self.assertIn("move it away", self.write(status=1)[1])


class List(Bed):
    def put_dump(self, folder):
        self.put(folder + "/host-2025-01-31-09:30:00/vmcore", "x")

    def test_folders_are_below_the_root(self):
        self.put_dump("var/crash")
        self.assertIn("/var/crash/host-2025", self.run_it("list")[0])
        self.put("etc/kdump.conf", "path /dumps\n")
        self.put_dump("dumps")
        self.assertIn("/dumps/host-2025", self.run_it("list")[0])
        told = json.loads(self.run_it("list", "--json", "/dumps")[0])
        self.assertEqual([(item["folder"], item["files"]) for item in told], [("/dumps", {"vmcore": 1})])
        self.assertIn("host-2025", self.run_it("list", "%s/dumps" % self.root, root=False)[0])
        self.assertIn("host-2025", self.run_it("list", "dumps", root=False, cwd=self.root)[0])

    def test_what_was_moved_from_a_raw_device_is_listed(self):
        self.put("etc/kdump.conf", "ssh a@b\nraw /dev/vg/raw\npath /moved\n")
        self.put_dump("moved")
        self.put_dump("var/crash")
        printed = self.run_it("list")[0]
        self.assertIn("/moved/host-2025", printed)
        self.assertNotIn("/var/crash/host-2025", printed)

    def test_links_stay_inside_of_the_root(self):
        self.put_dump("srv/dumps")
        (self.root / "var").mkdir()
        (self.root / "var/crash").symlink_to("/srv/dumps")
        self.assertIn("/var/crash/host-2025", self.run_it("list")[0])
        (self.root / "var/crash").unlink()
        (self.root / "var/crash").symlink_to(self.root / "srv/dumps")
        self.assertNotIn("host-2025", self.run_it("list")[0])

    def test_words_that_are_not_understood(self):
        self.assertIn("'b' is not understood", self.run_it("list", "a", "b", status=1)[1])
        self.run_it("list", "--no", status=1)

    def test_errors_leave_the_default_folder(self):
        self.put("etc/kdump.conf", "no_such x\n")
        self.put_dump("var/crash")
        printed, said = self.run_it("list")
        self.assertIn("host-2025", printed)
        self.assertIn("has errors", said)


class Propagate(Bed):
    def setUp(self):
        super().setUp()
        self.log = Path(self.folder.name) / "log"
        self.tools = Path(self.folder.name) / "bin"
        self.tools.mkdir()
        self.tool("ssh-keygen", 'for f; do :; done; : >"$f"')
        self.tool("ssh-copy-id", "")
        # 10 is what the script that is run there ends with.
        self.tool("ssh", 'case "$*" in *" true") ;; *) exit 10 ;; esac')
        self.tool("sftp", "exit 255")

    def tool(self, name, does):
        path = self.tools / name
        path.write_text('#!/bin/sh\necho "$(basename "$0") $*" >>"%s"\n%s\n' % (self.log, does), encoding="utf-8")
        path.chmod(0o755)

    def propagate(self, *words, status=0):
        said = self.run_it("propagate", *words, status=status,
                           env=dict(os.environ, PATH="%s:/usr/bin:/bin" % self.tools))[1]
        ran = self.log.read_text(encoding="utf-8").splitlines() if self.log.exists() else []
        self.log.unlink(missing_ok=True)
        return ran, said

    def sftp(self, key, target):
        """The start and the end of what is tried first."""
        return "sftp -S ssh -b /proc/", "-i %s -P 22 %s" % (key, target)

    def proof(self, key, target, path=None, port=22):
        """The start and the end of what proves that a key works."""
        start = "ssh -F none -o BatchMode=yes -o IdentitiesOnly=yes -o IdentityAgent=none -o ControlPath=none " \
            "-o PreferredAuthentications=publickey -o PubkeyAcceptedKeyTypes=-*-cert-v01@openssh.com " \
            "-o HostKeyAlgorithms=-*-cert-v01@openssh.com -o StrictHostKeyChecking=yes -o ConnectTimeout=60 " \
            "-i %s %s%s " % (key, "-p %s " % port if port else "", target)
        return start, "true" if path is None else "kdumpctl '%s' '%s/.kdumpctl-" % (path, path)

    def assert_ran(self, ran, expected):
        self.assertEqual(len(ran), len(expected), ran)
        for line, wanted in zip(ran, expected):
            if isinstance(wanted, tuple):
                self.assertTrue(line.startswith(wanted[0]), line)
                self.assertIn(wanted[1], line[len(wanted[0]):])
            else:
                self.assertEqual(line, wanted)

    def test_key_is_made_once_and_brought_to_each_target(self):
        self.put("etc/kdump.conf", "ssh a@one\nsshkey /k/one\npath /it's here\nxfs LABEL=x\nssh b@two\n")
        one, key = self.root / "k/one", self.root / "root/.ssh/kdump_id_rsa"
        brought = [["ssh-copy-id -i %s -p 22 a@one" % one, self.sftp(one, "a@one"),
                    self.proof(one, "a@one", "/it'\\''s here")],
                   ["ssh-copy-id -i %s -p 22 b@two" % key, self.sftp(key, "b@two"),
                    self.proof(key, "b@two", "/var/crash")]]
        made = ["ssh-keygen -q -t ed25519 -N  -C kdump -f %s" % path for path in (one, key)]
        ran, said = self.propagate()
        self.assert_ran(ran, [made[0], *brought[0], made[1], *brought[1]])
        self.assertIn("'b@two' lets the key '%s' in, and takes files in '/var/crash'" % key, said)
        self.assertEqual(key.parent.stat().st_mode & 0o777, 0o700)
        self.assert_ran(self.propagate()[0], [*brought[0], *brought[1]])

    def test_where_sftp_works_no_shell_is_asked(self):
        self.put("etc/kdump.conf", "ssh a@one\nssh_port 2222\n")
        self.put("root/.ssh/kdump_id_rsa", "key")
        key = self.root / "root/.ssh/kdump_id_rsa"
        self.tool("sftp", 'cat "$4" >>"%s"' % self.log)
        ran, said = self.propagate()
        self.assertEqual(ran[0], "ssh-copy-id -i %s -p 2222 a@one" % key)
        self.assertIn("-P 2222 a@one", ran[1])
        self.assertEqual(ran[2:4], ['-@mkdir "/var"', '-@mkdir "/var/crash"'])
        self.assertRegex(ran[4], r'^@put /proc/\d+/fd/\d+ "/var/crash/\.kdumpctl-\d+-\d+"$')
        self.assertEqual(ran[5:], ["@rm %s" % ran[4].split()[-1]])
        self.assertIn("takes files in '/var/crash'", said)

    def test_brackets_are_for_those_that_want_them(self):
        self.put("etc/kdump.conf", "path /d\nssh a@[2001:db8::1]\nssh b@2001:db8::2\n")
        self.put("root/.ssh/kdump_id_rsa", "key")
        key = self.root / "root/.ssh/kdump_id_rsa"
        expected = []
        for user, host in (("a", "2001:db8::1"), ("b", "2001:db8::2")):
            plain = "%s@%s" % (user, host)
            expected += ["ssh-copy-id -i %s -p 22 %s" % (key, plain), self.sftp(key, "%s@[%s]" % (user, host)),
                         self.proof(key, plain, "/d")]
        self.assert_ran(self.propagate()[0], expected)

    def test_target_can_be_named(self):
        self.put("root/.ssh/kdump_id_rsa", "key")
        key = self.root / "root/.ssh/kdump_id_rsa"
        ran, said = self.propagate("--target=u@h", "--port=2222")
        self.assert_ran(ran, ["ssh-copy-id -i %s -p 2222 u@h" % key, self.proof(key, "u@h", port=2222)])
        self.assertIn("'u@h' lets the key '%s' in." % key, said)
        for words in (["--target=h"], ["--target=@h"], ["--target=u@"], ["--target=-u@h"], ["--target=u@h x"],
                      ["--target=u@h", "--port=0"], ["--target=u@h", "--port=65536"], ["--target=u@h", "--port=-p"],
                      ["--port=22"], ["u@h"], ["--no"]):
            self.assertEqual(self.propagate(*words, status=1)[0], [])

    def test_key_that_does_not_work_is_an_error(self):
        self.put("etc/kdump.conf", "ssh a@one\npath /dumps\n")
        self.put("root/.ssh/kdump_id_rsa", "key")
        for status, word in ((255, "is not enough to log in"), (11, "'/dumps' cannot be made"),
                             (12, "no file can be written in '/dumps'"), (1, "takes no file in '/dumps'"),
                             (0, "takes no file in '/dumps'")):
            self.tool("ssh", "exit %d" % status)
            self.assertIn(word, self.propagate(status=1)[1])

    def test_one_failure_does_not_keep_the_others_from_it(self):
        self.put("etc/kdump.conf", "ssh a@one\nssh b@two\n")
        self.tool("ssh-copy-id", 'case "$*" in *one) exit 1 ;; esac')
        ran, said = self.propagate(status=1)
        self.assertEqual(len(ran), 5)
        self.assertIn("could not be brought to 'a@one'", said)
        self.assertIn("'b@two' lets the key", said)

    def test_without_a_target_or_a_key_nothing_is_copied(self):
        self.assertIn("no ssh target", self.propagate(status=1)[1])
        self.put("etc/kdump.conf", "no_such x\n")
        self.assertIn("has errors", self.propagate(status=1)[1])
        self.tool("ssh-keygen", "exit 1")
        ran, said = self.propagate("--target=u@h", status=1)
        self.assertEqual(len(ran), 1)
        self.assertIn("'ssh-keygen' failed, exit status 1", said)


class FollowDefault(Bed):
    """After an update of kdumpd, or when a kernel was installed."""

    AFTER_UPDATE = "_reset-crashkernel-after-update"
    FOR_KERNEL = "_reset-crashkernel-for-installed_kernel"
    OLD = "1G-:192M"
    ENTRIES = "boot/loader/entries/"

    def setUp(self):
        super().setUp()
        self.default = self.run_it("get-default-crashkernel", root=False)[0]

    def remember(self, *places, value=OLD, **more):
        """As if a kdumpd with another default had written it."""
        return self.put("var/lib/kdumpd/crashkernel.json", json.dumps(
            {"written": [{"place": "/" + place, "value": value, **more} for place in places]}), mode=0o600)

    def put_cmdline(self, value=OLD):
        return self.put("etc/kernel/cmdline", "root=LABEL=x crashkernel=%s ro\n" % value)

    def put_entry(self, release, value=OLD):
        return self.put(self.ENTRIES + release + ".conf",
                        "title x\nversion %s\nlinux /vmlinuz-%s\noptions ro crashkernel=%s\n" % (release, release, value))

    def value_in(self, path):
        return re.findall(r"crashkernel=([^\s\"]+)", path.read_text(encoding="utf-8"))

    def test_only_where_the_configuration_says_so(self):
        for text, wanted in ((None, False), ("", False), ("auto_reset_crashkernel no\n", False),
                             ("auto_reset_crashkernel yes\n", True)):
            for words in ([self.AFTER_UPDATE], [self.FOR_KERNEL, "6.1"]):
                self.remember("etc/kernel/cmdline")
                cmdline = self.put_cmdline()
                if text is not None:
                    self.put("etc/kdump.conf", text)
                printed = self.run_it(*words, "--dry-run")[0]
                self.assertEqual(self.value_in(cmdline), [self.OLD])
                self.assertIn("Would set crashkernel=%s in '/etc/kernel/cmdline' (now %s)" % (self.default, self.OLD)
                              if wanted else "auto_reset_crashkernel is 'no'", printed)
                printed, said = self.run_it(*words)
                self.assertEqual(printed, "")
                self.assertEqual(self.value_in(cmdline), [self.default if wanted else self.OLD])
                self.assertEqual("Updated crashkernel=%s for kernel=ALL." % self.default in said, wanted)
                # Who has not asked for it does not hear of it, nor does anybody a second time.
                self.assertEqual(said == "", not wanted)
                self.assertEqual(self.run_it(*words), ("", ""))

    def test_configuration_with_errors_is_no_yes(self):
        self.remember("etc/kernel/cmdline")
        cmdline = self.put_cmdline()
        self.put("etc/kdump.conf", "auto_reset_crashkernel yes\nno_such x\n")
        self.assertIn("kdumpctl config", self.run_it(self.AFTER_UPDATE, status=1)[1])
        self.assertEqual(self.value_in(cmdline), [self.OLD])
        # A drop-in decides as a line of the file does.
        self.put("etc/kdump.conf", "auto_reset_crashkernel yes\n")
        self.put("etc/kdump.conf.d/off.conf", "auto_reset_crashkernel no\n")
        self.run_it(self.AFTER_UPDATE)
        self.assertEqual(self.value_in(cmdline), [self.OLD])

    def test_values_of_others_stay(self):
        self.put("etc/kdump.conf", "auto_reset_crashkernel yes\n")
        cmdline = self.put_cmdline()
        for memory, value in ((None, self.OLD), ({}, "1G"), ({"value": "1G"}, self.OLD), ({"origin": "user"}, self.OLD)):
            if memory is not None:
                self.remember("etc/kernel/cmdline", "etc/kernel/other", **memory)
            self.put_cmdline(value)
            self.assertEqual(self.run_it(self.AFTER_UPDATE), ("", ""))
            self.assertEqual(self.value_in(cmdline), [value])
        self.assertIn("has not written a default", self.run_it(self.AFTER_UPDATE, "--dry-run")[0])
        self.remember("etc/kernel/other")
        self.assertIn("keeps crashkernel=%s" % self.OLD, self.run_it(self.AFTER_UPDATE, "--dry-run")[0])
        cmdline.write_text("ro\n", encoding="utf-8")
        self.assertIn("gets none", self.run_it(self.AFTER_UPDATE, "--dry-run")[0])

    def test_what_a_user_asked_for_by_name_stays(self):
        self.put("etc/kdump.conf", "auto_reset_crashkernel yes\n")
        cmdline = self.put("etc/kernel/cmdline", "ro\n")
        for words, value in (([], self.default), (["700M"], "700M"), (["800M"], "800M"), ([self.default], self.default)):
            self.run_it("reset-crashkernel", *words)
            self.run_it(self.AFTER_UPDATE)
            self.assertEqual(self.value_in(cmdline), [value])
        # The last one is the default: the next default replaces it.
        memory = self.root / "var/lib/kdumpd/crashkernel.json"
        for path in (memory, cmdline):
            path.write_text(path.read_text(encoding="utf-8").replace(self.default, self.OLD), encoding="utf-8")
        self.run_it(self.AFTER_UPDATE)
        self.assertEqual(self.value_in(cmdline), [self.default])

    def test_kernel_that_was_installed(self):
        self.put("etc/kdump.conf", "auto_reset_crashkernel yes\n")
        self.remember(self.ENTRIES + "6.1.conf")
        old, new, own = self.put_entry("6.1"), self.put_entry("6.2"), self.put_entry("6.3", "1G")
        self.assertIn("for kernel=/vmlinuz-6.2.", self.run_it(self.FOR_KERNEL, "6.2")[1])
        self.assertEqual([self.value_in(path) for path in (old, new, own)], [[self.OLD], [self.default], ["1G"]])
        for release in ("6.3", "6.4"):
            self.assertEqual(self.run_it(self.FOR_KERNEL, release), ("", ""))
        self.run_it(self.AFTER_UPDATE)
        self.assertEqual([self.value_in(path) for path in (old, new, own)], [[self.default], [self.default], ["1G"]])

    def test_grub_is_told_to_be_updated(self):
        self.put("etc/kdump.conf", "auto_reset_crashkernel yes\n")
        self.put("etc/default/grub", "A=1\n")
        self.put("usr/sbin/update-grub", "#!", mode=0o755)
        self.run_it("reset-crashkernel")
        dropin = self.root / "etc/default/grub.d/kdump.cfg"
        memory = self.root / "var/lib/kdumpd/crashkernel.json"
        for path in (memory, dropin):
            path.write_text(path.read_text(encoding="utf-8").replace(self.default, self.OLD), encoding="utf-8")
        self.assertIn("update-grub", self.run_it(self.AFTER_UPDATE)[1])
        self.assertEqual(self.value_in(dropin), [self.default])

    def test_systems_that_are_not_for_us(self):
        self.put("etc/kdump.conf", "auto_reset_crashkernel yes\n")
        self.remember("etc/kernel/cmdline")
        self.assertEqual(self.run_it(self.AFTER_UPDATE), ("", ""))
        cmdline = self.put_cmdline()
        self.put("run/ostree-booted", "")
        self.assertIn("rpm-ostree", self.run_it(self.AFTER_UPDATE, status=1)[1])
        self.put("var/lib/kdumpd/crashkernel.json", "{")
        self.assertIn("crashkernel.json", self.run_it(self.AFTER_UPDATE, status=1)[1])
        self.assertEqual(self.value_in(cmdline), [self.OLD])

    def run_hook(self, name, *words, wrapper=True):
        """Runs one of kernel/ as root's tools would, but with a kdumpctl that is about our root."""
        tools = Path(self.folder.name) / "bin"
        tools.mkdir(exist_ok=True)
        path = tools / "kdumpctl"
        path.unlink(missing_ok=True)
        if wrapper:
            path.write_text('#!/bin/sh\nexec "%s" "--root=%s" "$@"\n' % (KDUMPCTL, self.root), encoding="utf-8")
            path.chmod(0o755)
        return subprocess.run([SOURCE_ROOT / "kernel" / name, *words], check=True, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, encoding="utf-8", env={"PATH": str(tools)})

    def test_hooks_of_kernel_packages(self):
        self.remember(self.ENTRIES + "6.1.conf")
        entry = self.put_entry("6.2")
        for name, words, hooked in (("92-crashkernel.install", ["add", "6.2", "/boot/x/6.2", "/vmlinuz"], True),
                                    ("92-crashkernel.install", ["add", "6.3", "/boot/x/6.3", "/vmlinuz"], False),
                                    ("92-crashkernel.install", ["remove", "6.2", "/boot/x/6.2"], False),
                                    ("92-crashkernel.install", ["inspect"], False),
                                    ("postinst", ["6.2", "/boot/vmlinuz-6.2"], True)):
            self.put_entry("6.2")
            self.put("etc/kdump.conf", "auto_reset_crashkernel yes\n")
            self.run_hook(name, *words)
            self.assertEqual(self.value_in(entry), [self.default if hooked else self.OLD])
        # No kernel package fails because of them.
        self.put("etc/kdump.conf", "no_such x\n")
        for name, words in (("92-crashkernel.install", ["add", "6.2"]), ("postinst", ["6.2"]), ("postinst", [])):
            self.assertIn("kdump: ", self.run_hook(name, *words).stderr)
        self.assertEqual(self.run_hook("postinst", "6.2", wrapper=False).stderr, "")

    def test_words_that_are_not_understood(self):
        for words in ([self.FOR_KERNEL], [self.FOR_KERNEL, ""], [self.FOR_KERNEL, "6.1", "6.2"], [self.AFTER_UPDATE, "6.1"],
                      [self.AFTER_UPDATE, "--force"], ["--root=/no/such", self.AFTER_UPDATE]):
            self.assertEqual(self.run_it(*words, status=1, root=False)[0], "")


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])

#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""kdumpctl-propagate.py KDUMPCTL: a key is brought to a real sshd, and must be enough to save there. The sshd is of the
current user, with keys and settings of its own, and is talked to without any port: ssh starts it as its proxy command.
Skipped (77) where there is no sshd, or where it cannot be run."""

import getpass
import os
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

PROGRAM = os.path.abspath(sys.argv[1])
SSHD = shutil.which("sshd", path="/usr/sbin:/usr/local/sbin:%s" % os.environ.get("PATH", ""))
USER = getpass.getuser()
INSIDE = len(sys.argv) > 2  # folders of the system are our own


def make_key(path):
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", path], check=True)


class Server:
    """Settings of a server, of a user's client, and programs that stand for those of the user."""

    def __init__(self, folder):
        self.folder = folder
        self.authorized, self.known = folder / "authorized_keys", folder / "known_hosts"
        self.log, self.user_key, self.tools = folder / "log", folder / "user_key", folder / "bin"
        self.tools.mkdir()
        make_key(folder / "host_key")
        make_key(self.user_key)
        public = (folder / "host_key.pub").read_text(encoding="utf-8")
        self.known.write_text("localhost %s" % public, encoding="utf-8")
        # The user has a key of his own there, and settings that name it.
        self.authorized.write_text(self.user_key.with_suffix(".pub").read_text(encoding="utf-8"), encoding="utf-8")
        (folder / "sshd_config").write_text(
            "HostKey %s/host_key\nAuthorizedKeysFile %s\nStrictModes no\nPidFile none\nPasswordAuthentication no\n"
            "KbdInteractiveAuthentication no\n"
            "PermitRootLogin prohibit-password\nUsePAM %s\nLoginGraceTime 0\nLogLevel VERBOSE\n"
            % (folder, self.authorized, "yes" if os.geteuid() == 0 else "no"), encoding="utf-8")
        (folder / "ssh_config").write_text("IdentityFile %s\n" % self.user_key, encoding="utf-8")
        self.tool("ssh", 'exec %s -F %s/ssh_config -o "ProxyCommand=%s -i -f %s/sshd_config -E %s" '
                  '-o UserKnownHostsFile=%s -o GlobalKnownHostsFile=none "$@"'
                  % (shutil.which("ssh"), folder, SSHD, folder, self.log, self.known))
        # As ssh-copy-id does in the end; the real one writes to the home folder.
        self.tool("ssh-copy-id", 'cat "$2.pub" >>"%s"' % self.authorized)
        self.env = dict(os.environ, PATH="%s:/usr/bin:/bin" % self.tools)

    def tool(self, name, does):
        path = self.tools / name
        path.write_text("#!/bin/sh\n%s\n" % does, encoding="utf-8")
        path.chmod(0o755)

    def sftp_only(self):
        """As a server is set up whose users can do nothing but bring files."""
        with (self.folder / "sshd_config").open("a", encoding="utf-8") as config:
            config.write("Subsystem sftp internal-sftp\nForceCommand internal-sftp\n")

    def works(self):
        """Whether the user gets in at all: some accounts are locked, or have no shell."""
        done = subprocess.run(["ssh", "-o", "BatchMode=yes", "%s@localhost" % USER, "true"], env=self.env, check=False)
        return done.returncode == 0

    def told(self):
        return self.log.read_text(encoding="utf-8", errors="replace") if self.log.exists() else ""


class Propagate(unittest.TestCase):
    def setUp(self):
        holder = tempfile.TemporaryDirectory(prefix="kdumpd-test-")
        self.addCleanup(holder.cleanup)
        self.folder = Path(holder.name).resolve()
        self.server = Server(self.folder)
        self.root = self.folder / "root"
        (self.root / "etc").mkdir(parents=True)

    def propagate(self, path, *words, status=0):
        (self.root / "etc/kdump.conf").write_text("ssh %s@localhost\nsshkey /key\npath %s\n" % (USER, path),
                                                  encoding="utf-8")
        done = subprocess.run([PROGRAM, "--root=%s" % self.root, "propagate", *words], env=self.server.env, check=False,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, encoding="utf-8")
        self.assertEqual(done.returncode, status, "%s\n%s" % (done.stdout, self.server.told()))
        return done.stdout

    def test_key_that_works_makes_the_folder_and_leaves_it_empty(self):
        path = self.folder / "it's here" / "dumps"
        for _ in range(2):
            self.assertIn("takes files in '%s'" % path, self.propagate(path))
            self.assertEqual(list(path.iterdir()), [])

    def test_server_with_sftp_only(self):
        self.server.sftp_only()
        path = self.folder / 'it\'s "here"' / "dumps"
        for _ in range(2):
            self.assertIn("takes files in '%s'" % path, self.propagate(path))
            self.assertEqual(list(path.iterdir()), [])

    def test_server_with_sftp_only_that_takes_no_files(self):
        self.server.sftp_only()
        said = self.propagate("/proc", status=1)
        self.assertIn("takes no file in '/proc', neither by sftp nor by a shell", said)

    def test_named_target_is_logged_in_to(self):
        self.assertIn("lets the key", self.propagate("/dev/null/x", "--target=%s@localhost" % USER))

    def test_key_that_was_not_installed_is_found_out(self):
        self.server.tool("ssh-copy-id", "exit 0")
        said = self.propagate(self.folder / "dumps", status=1)
        self.assertIn("Permission denied", said)
        self.assertIn("is not enough to log in", said)
        self.assertFalse((self.folder / "dumps").exists())

    @unittest.skipUnless(INSIDE, "the settings of the system are not ours")
    def test_key_that_the_settings_of_the_system_name_proves_nothing(self):
        Path("/etc/ssh/ssh_config").write_text("IdentityFile %s\n" % self.server.user_key, encoding="utf-8")
        self.server.tool("ssh-copy-id", "exit 0")
        self.assertIn("is not enough to log in", self.propagate(self.folder / "dumps", status=1))

    def test_certificate_beside_the_key_proves_nothing(self):
        """It is not in the image."""
        authority, key = self.folder / "authority", self.root / "key"
        make_key(authority)
        make_key(key)
        subprocess.run(["ssh-keygen", "-q", "-s", authority, "-I", "test", "-n", USER, "%s.pub" % key], check=True)
        with (self.folder / "sshd_config").open("a", encoding="utf-8") as config:
            config.write("TrustedUserCAKeys %s.pub\n" % authority)
        self.server.tool("ssh-copy-id", "exit 0")
        self.assertIn("is not enough to log in", self.propagate(self.folder / "dumps", status=1))

    def test_advice_names_the_port(self):
        self.server.known.write_text("", encoding="utf-8")
        said = self.propagate(self.folder / "dumps", "--target=%s@localhost" % USER, "--port=2222", status=1)
        self.assertRegex(said, "run 'ssh-copy-id -f -i .* -p 2222 %s@localhost'" % USER)

    def test_server_that_is_not_known_is_not_trusted(self):
        self.server.known.write_text("", encoding="utf-8")
        said = self.propagate(self.folder / "dumps", status=1)
        self.assertIn("Host key verification failed", said)
        self.assertIn("is not enough to log in", said)
        self.assertEqual(self.server.known.read_text(encoding="utf-8"), "")

    def test_server_with_another_key_is_not_trusted(self):
        self.server.known.write_text("localhost %s" % self.server.user_key.with_suffix(".pub").read_text(encoding="utf-8"),
                                     encoding="utf-8")
        self.assertIn("Host key verification failed", self.propagate(self.folder / "dumps", status=1))

    def test_folder_that_cannot_be_made(self):
        said = self.propagate("/dev/null/dumps", status=1)
        self.assertIn("'/dev/null/dumps' cannot be made there", said)

    def test_folder_that_takes_no_files(self):
        self.assertIn("no file can be written in '/proc'", self.propagate("/proc", status=1))


def main():
    if not SSHD or not shutil.which("ssh-keygen") or not shutil.which("ssh"):
        sys.exit(77)
    # As root, sshd wants an empty folder in /run, which the service makes.
    if os.geteuid() == 0 and len(sys.argv) == 2:
        alone = ["unshare", "--mount", "sh", "-c",
                 'mount -t tmpfs none /run && mkdir -m 0755 /run/sshd && cp -a /etc/ssh /run/etc-ssh && '
                 'mount --bind /run/etc-ssh /etc/ssh && exec "$@"', "sh"]
        if subprocess.run([*alone, "true"], check=False).returncode != 0:
            sys.exit(77)
        sys.exit(subprocess.run([*alone, sys.executable, __file__, PROGRAM, "inside"], check=False).returncode)
    with tempfile.TemporaryDirectory(prefix="kdumpd-test-") as name:
        server = Server(Path(name).resolve())
        if not server.works():
            sys.stderr.write(server.told())
            sys.exit(77)
    unittest.main(argv=sys.argv[:1])


if __name__ == "__main__":
    main()

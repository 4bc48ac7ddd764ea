#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""depot-ssh.py DEPOT_BED MODULE: saves files over ssh to real servers, that know sftp or do not, are killed, cut off,
full, or others than they should be. Skipped (77) where there is no sshd, or without root."""

import errno
import os
import socket
import stat
import struct
import subprocess
import sys
import tempfile
import threading
import time
import unittest
from pathlib import Path

import sshbed

BED, MODULE = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2])
MIB = 1 << 20
SFTP_SERVER = "/usr/lib/openssh/sftp-server"


class DepotSsh(unittest.TestCase):
    def setUp(self):
        holder = tempfile.TemporaryDirectory(prefix="kdumpd-test-")
        self.addCleanup(holder.cleanup)
        self.folder = Path(holder.name).resolve()
        self.path = self.folder / "it's here" / "crash"

    def server(self, *lines, **options):
        server = sshbed.Server(self.folder / "server", lines or ("Subsystem sftp internal-sftp",), **options)
        server.start()
        self.addCleanup(server.kill)
        return server

    def save(self, target, **options):
        self.last = sshbed.Save(BED, MODULE, target, **options)
        return self.last

    def check(self, save, size, path=None):
        """All went well, and what is there is what was sent."""
        self.assertEqual(save.end(), 0, "%s\n%s" % (save.said, save.log()))
        dump = (path or self.path) / "dump"
        names = {p.name: p for p in dump.iterdir()}
        self.assertEqual(sorted(names), ["vmcore", "vmcore-dmesg.txt"])
        for name in names.values():
            self.assertEqual(stat.S_IMODE(name.stat().st_mode), 0o600)
        self.assertEqual(stat.S_IMODE(dump.stat().st_mode), 0o700)
        self.assertEqual(names["vmcore-dmesg.txt"].read_text(encoding="utf-8"), "the kernel's last words\n")
        done = subprocess.run([BED, "check=%s" % names["vmcore"], "size=%d" % size], check=False, stdout=subprocess.PIPE)
        self.assertEqual(done.returncode, 0, done.stdout)
        self.assertGreater(save.result("moved"), 0)

    def test_sftp_takes_a_finished_file(self):
        for name, port, subsystem, kind in (("inside", 22, "internal-sftp", "ed25519"),
                                            ("outside", 2222, SFTP_SERVER, "rsa"), ("ecdsa", 22, "internal-sftp", "ecdsa")):
            with self.subTest(name):
                server = sshbed.Server(self.folder / name, ["Subsystem sftp %s" % subsystem], port, kind)
                with server:
                    path = self.path / name
                    save = self.save(server.target(path), size=20 * MIB + 12345)
                    self.check(save, 20 * MIB + 12345, path)
                where = "sftp://%s@server%s%s/dump" % (sshbed.USER, "" if port == 22 else ":2222", path)
                self.assertEqual(save.said["where"], where)
                self.assertEqual(save.said["in_order"], "0")
                self.assertEqual(save.result("room"), 0)
                self.assertGreater(save.result("room_bytes"), MIB)

    def test_many_threads_and_odd_pieces(self):
        server = self.server()
        self.check(self.save(server.target(self.path), size=5 * MIB, threads=8, piece=12288), 5 * MIB)

    def test_ipv6_and_addresses_that_do_not_answer(self):
        server = self.server(port=2222)
        target = dict(server.target(self.path), what="%s@[::1]" % sshbed.USER)
        for address, name in (("::1", "a"), ("127.0.0.99", "b"), ("192.0.2.1", "c")):
            path = self.path / name
            if address != "::1":
                target["what"] = "%s@127.0.0.1" % sshbed.USER
            save = self.save(dict(target, address=address, path=path), size=MIB)
            self.check(save, MIB, path)

    def test_chroot_needs_no_shell(self):
        root = Path("/run/chroot")  # all folders up to it are root's
        (root / "in").mkdir(parents=True, mode=0o755)
        server = self.server("Subsystem sftp internal-sftp", "ForceCommand internal-sftp", "ChrootDirectory %s" % root)
        self.check(self.save(server.target("/in/crash"), size=8 * MIB), 8 * MIB, root / "in/crash")

    def test_folder_that_exists_is_not_used(self):
        server = self.server()
        self.check(self.save(server.target(self.path), size=MIB), MIB)
        save = self.save(server.target(self.path), size=MIB)
        self.assertEqual(save.end(), 1)
        self.assertEqual(save.result("begin"), -errno.EEXIST)

    def test_wrong_host_key_gets_nothing(self):
        server = self.server(port=2022)
        other = self.folder / "other"
        sshbed.make_key(other)
        public = other.with_suffix(".pub").read_text(encoding="utf-8")
        for known in ("[server]:2222 %s" % public, "elsewhere %s" % public, ""):
            server.known.write_text(known, encoding="utf-8")
            with sshbed.Forwarder(2222, 2022) as forwarder:
                save = self.save(dict(server.target(self.path), port=2222), size=MIB)
                self.assertEqual(save.end(), 1)
                self.assertEqual(save.result("open"), -errno.EKEYREJECTED)
                self.assertIn("is not the one that was pinned", save.log())
                self.assertIn("SHA256:", save.log())
                # Some for the key exchange, which it breaks off: no name, no proof, no file.
                self.assertEqual(forwarder.n_connections, 1)
                self.assertLess(forwarder.sent_bytes, 6000)
        self.assertNotIn("for %s" % sshbed.USER, server.told())
        self.assertFalse(self.path.exists())

    def test_what_a_server_says_stays_in_its_line(self):
        text = b"go away\n<0>kernel: \x1b[2Jall is well"
        # RFC 4253, sections 6 and 11.1
        payload = struct.pack(">BII", 1, 2, len(text)) + text + struct.pack(">I", 0)
        padding = 16 - (len(payload) + 5) % 8
        packet = struct.pack(">IB", len(payload) + padding + 1, padding) + payload + bytes(padding)
        target = self.server().target(self.path)
        with socket.create_server(("127.0.0.1", 2222)) as listener:
            save = self.save(dict(target, port=2222))
            with listener.accept()[0] as connection:
                connection.sendall(b"SSH-2.0-odd\r\n")
                heard = b""
                while b"curve25519" not in heard:  # it is ready for packets, and has sent its first
                    heard += connection.recv(4096)
                connection.sendall(packet)
                while connection.recv(4096):
                    pass
        self.assertEqual(save.end(), 1)
        self.assertIn("go away?<0>kernel: ?[2Jall is well", save.log())

    def test_no_pinned_key_is_refused(self):
        target = self.server().target(self.path)
        del target["known_hosts"]
        save = self.save(target)
        self.assertEqual(save.end(), 1)
        self.assertEqual(save.result("open"), -errno.EKEYREJECTED)

    def test_errors_of_the_way_in(self):
        server = self.server()
        stranger, locked = self.folder / "stranger", self.folder / "locked"
        sshbed.make_key(stranger)
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "secret", "-f", locked], check=True)
        target = server.target(self.path)
        for change, result, text in (({"sshkey": stranger}, errno.EACCES, "does not let us in"),
                                     ({"sshkey": locked}, errno.EACCES, "has a pass phrase"),
                                     ({"sshkey": self.folder / "none"}, errno.EACCES, "is missing"),
                                     ({"port": 2}, errno.ECONNREFUSED, "Connection refused"),
                                     ({"what": "server"}, errno.EINVAL, "is not user@host")):
            with self.subTest(text):
                save = self.save(dict(target, **change))
                self.assertEqual(save.end(), 1)
                self.assertEqual(save.result("open"), -result, save.log())
                self.assertIn(text, save.log())

    def test_address_is_tried_once(self):
        target = dict(self.server().target(self.path), what="%s@127.0.0.1" % sshbed.USER, port=2)
        save = self.save(target)
        self.assertEqual(save.end(), 1)
        self.assertEqual(save.log().count("does not answer"), 1, save.log())

    def killed(self, server, size, **options):
        save = self.save(server.target(self.path), size=size, steps="10,50,90", **options)
        for at in ("10", "50", "90"):
            self.assertEqual(save.until("at"), at, save.said)
            server.restart()
            save.go_on()
        self.check(save, size)
        self.assertEqual(save.log().count("going on"), 3)

    def test_killed_server_is_resumed(self):
        self.killed(self.server(), 24 * MIB)

    def test_killed_server_is_resumed_by_the_shell(self):
        self.killed(self.server("Subsystem none /bin/false"), 12 * MIB)

    def broken(self, *lines):
        server = self.server(*lines, port=2022)
        with sshbed.Forwarder(2222, 2022) as forwarder:
            forwarder.break_at = [n * MIB for n in (2, 4, 7, 9)]
            save = self.save(dict(server.target(self.path), port=2222), size=10 * MIB)
            self.check(save, 10 * MIB)
            self.assertEqual(forwarder.n_connections, 5)
            # Each time at most what was on its way, and the login.
            self.assertLess(forwarder.sent_bytes, (10 + 4 * 3 + 1) * MIB)

    def test_broken_connection_is_resumed(self):
        self.broken()

    def test_broken_connection_is_resumed_by_the_shell(self):
        self.broken("Subsystem none /bin/false")

    def test_new_keys_on_the_way_do_no_harm(self):
        server = self.server("Subsystem sftp internal-sftp", "RekeyLimit 1M")
        self.check(self.save(server.target(self.path), size=8 * MIB), 8 * MIB)

    def test_full_server_says_so(self):
        for name, line in (("sftp", "Subsystem sftp internal-sftp"), ("shell", "Subsystem none /bin/false")):
            with self.subTest(name), sshbed.Server(self.folder / name, [line]) as server:
                path = self.folder / ("small-%s" % name)
                path.mkdir()
                subprocess.run(["mount", "-t", "tmpfs", "-o", "size=6M", "none", path], check=True)
                self.addCleanup(subprocess.run, ["umount", path], check=True)
                save = self.save(server.target(path), size=20 * MIB)
                self.assertEqual(save.end(), 1)
                self.assertEqual(save.result("log"), 0)
                self.assertEqual(save.result("write"), -errno.ENOSPC, save.log())
                self.assertEqual(sorted(p.name for p in (path / "dump").iterdir()),
                                 ["vmcore-dmesg.txt", "vmcore-incomplete"])

    def test_command_that_ends_while_it_takes_nothing(self):
        script, fifo = self.folder / "script", self.folder / "fifo"
        os.mkfifo(fifo)
        script.write_text("""#!/bin/sh
case $SSH_ORIGINAL_COMMAND in
*"exec cat"*vmcore-incomplete*)
        read -r word <"%s"
        echo "cat: write error: No space left on device" >&2
        exit 1 ;;
esac
exec sh -c "$SSH_ORIGINAL_COMMAND"
""" % fifo, encoding="utf-8")
        server = self.server("Subsystem none /bin/false", "ForceCommand /bin/sh '%s'" % script, port=2022)
        with sshbed.Forwarder(2222, 2022) as forwarder:
            save = self.save(dict(server.target(self.path), port=2222), size=20 * MIB)
            patience = threading.Timer(60, save.process.kill)
            patience.start()
            save.until("file")
            # All that the server lets it send is on its way.
            while forwarder.sent_bytes < 2 * MIB and save.process.poll() is None:
                time.sleep(0.01)
            fifo.write_text("word\n", encoding="utf-8")
            self.assertEqual(save.end(), 1)
            patience.cancel()
            self.assertEqual(save.result("write"), -errno.ENOSPC, save.log())

    def test_folder_that_cannot_be_written(self):
        for name, line in (("sftp", "Subsystem sftp internal-sftp"), ("shell", "Subsystem none /bin/false")):
            with self.subTest(name), sshbed.Server(self.folder / name, [line]) as server:
                save = self.save(server.target("/proc/none"), size=MIB)
                self.assertEqual(save.end(), 1)
                self.assertIn(save.result("begin"), (-errno.ENOENT, -errno.EACCES))

    def test_without_sftp_a_shell_does(self):
        for name, lines in (("none", ["Subsystem none /bin/false"]),
                            ("missing", ["Subsystem sftp /nonexistent/sftp-server"])):
            with self.subTest(name), sshbed.Server(self.folder / name, lines) as server:
                path = self.path / name
                save = self.save(server.target(path), size=9 * MIB + 5)
                self.check(save, 9 * MIB + 5, path)
                self.assertEqual(save.said["in_order"], "1")
                self.assertEqual(save.said["where"], "ssh://%s@server%s/dump" % (sshbed.USER, path))
                self.assertEqual(save.result("room"), 0)
                self.assertIn("offers no sftp", save.log())

    def test_what_was_saved_is_removed(self):
        for name, line in (("sftp", "Subsystem sftp internal-sftp"), ("shell", "Subsystem none /bin/false")):
            with self.subTest(name), sshbed.Server(self.folder / name, [line]) as server:
                path = self.path / name
                save = self.save(server.target(path), size=MIB, discard=1)
                self.assertEqual(save.end(), 0, save.log())
                self.assertEqual(save.result("commit"), 0)
                self.assertEqual(save.result("discard"), 0, save.log())
                self.assertEqual(list(path.iterdir()), [])

    def test_neither_sftp_nor_a_shell(self):
        server = self.server("Subsystem none /bin/false", "ForceCommand /bin/false")
        save = self.save(server.target(self.path))
        self.assertEqual(save.end(), 1)
        self.assertEqual(save.result("open"), -errno.EOPNOTSUPP)


def main():
    if sys.argv[-1] != "inside":
        sshbed.alone([__file__, BED, MODULE])
    sshbed.loopback_up()
    unittest.main(argv=sys.argv[:1])


if __name__ == "__main__":
    main()

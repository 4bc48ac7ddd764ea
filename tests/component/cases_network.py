# SPDX-License-Identifier: LGPL-2.1-or-later
"""Targets on other machines: what is looked at again, and what is not."""

import os

from componentbed import CONFIG, STATE, check
from servicemanager import RESOLVE

SSH = "ssh me@%s\n"
KNOWN_HOSTS = "root/.ssh/known_hosts"
HOST_KEY = "%s ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOne\n"
KEY = ("-----BEGIN OPENSSH PRIVATE KEY-----\n"
       "b3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQAAAAAAAAABAAAAMwAAAAtzc2gtZW\n")


def prepare(bed, host="192.0.2.1"):
    for name in ("usr/lib/systemd/systemd-networkd", "usr/lib/kdumpd/depot-ssh.so"):
        bed.m.write(name, "\x7fELF", mode=0o755)
    bed.m.write("root/.ssh/kdump_id_rsa", KEY, mode=0o600)
    bed.m.write(CONFIG, SSH % host)


def settle(bed):
    """The network is looked at, and nothing comes of it."""
    bed.renew_lease()
    bed.sm.run_for(0.6)


def server_that_becomes_known_is_armed_without_a_command(bed):
    bed.start()
    prepare(bed)
    bed.sm.wait(lambda: "host key" in bed.state()["reason"], "the refusal")
    bed.check_degraded("host key of '192.0.2.1' is not known", 1)
    bed.request(lambda: bed.m.write(KNOWN_HOSTS, HOST_KEY % "192.0.2.1"))
    bed.check_armed(2)
    check(bed.state()["targets"][0].startswith("ssh me@192.0.2.1"), "it dumps to %s", bed.state()["targets"])


def key_that_is_made_is_armed_without_a_command(bed):
    """As kdumpctl propagate does it, or chmod(1)."""
    bed.start()
    prepare(bed)
    bed.sm.wait(lambda: "host key" in bed.state()["reason"], "the refusal")
    bed.request(lambda: bed.m.path("root/.ssh/kdump_id_rsa").unlink())
    bed.m.write(KNOWN_HOSTS, HOST_KEY % "192.0.2.1")
    bed.sm.wait(lambda: "propagate" in bed.state()["reason"] and "there is no key" in bed.state()["reason"], "the refusal")
    bed.request(lambda: bed.m.write("root/.ssh/kdump_id_rsa", KEY, mode=0o644))
    bed.check_degraded("can be read by others", 1)
    bed.request(lambda: bed.m.path("root/.ssh/kdump_id_rsa").chmod(0o600))
    bed.check_armed(2)


def lease_that_is_renewed_is_no_event(bed):
    """Not a load, not a line of history, not an answer to anybody, and what has failed is not tried again."""
    prepare(bed)
    bed.m.write(KNOWN_HOSTS, HOST_KEY % "192.0.2.1")
    bed.start()
    bed.check_armed(1)
    state, history = bed.m.read(STATE), bed.history()
    for _ in range(3):
        settle(bed)
    check(bed.m.read(STATE) == state, "the state is another one: %s", bed.state())
    check(bed.history() == history, "there is more history: %s", bed.history()[-1])
    bed.check_armed(1)


def change_of_the_network_that_matters_is_armed(bed):
    """What the watch of files does not see stands for what only the kernel knows: a file's other name is written to."""
    prepare(bed)
    bed.m.write(KNOWN_HOSTS, HOST_KEY % "192.0.2.1")
    os.link(bed.m.path(KNOWN_HOSTS), bed.m.path("bed/other"))
    bed.start()
    bed.check_armed(1)
    bed.m.write_over("bed/other", HOST_KEY % "192.0.2.1" + HOST_KEY % "192.0.2.2" + "192.0.2.1 ssh-rsa AAAAB3NzaX\n")
    bed.sm.run_for(0.6)
    bed.check_armed(1)
    bed.request(bed.renew_lease)
    bed.check_armed(2)
    bed.check_history("overlay", "links, addresses or routes of the network have changed")


def refusal_is_looked_at_again_when_the_network_changes(bed):
    bed.start()
    prepare(bed)
    bed.sm.wait(lambda: "host key" in bed.state()["reason"], "the refusal")
    bed.m.write(KNOWN_HOSTS, HOST_KEY % "other")
    bed.sm.run_for(0.6)
    history = bed.history()
    settle(bed)
    check(bed.history() == history, "there is more history: %s", bed.history()[-1])
    bed.check_degraded("host key", 1)


def name_is_asked_for_until_it_is_known(bed):
    """The name service may be up long after us, without a change of the network."""
    prepare(bed, "server")
    bed.m.write(KNOWN_HOSTS, HOST_KEY % "server")
    bed.start()
    unit = bed.sm.unit(RESOLVE)
    check(bed.m.read("run/kdumpd/hosts") == b"server\n" and unit.n_started > 0, "it is not asked for")
    bed.check_armed(1)
    check("'server' has not led to an address" in bed.state()["reason"], "the state does not say it: %s", bed.state()["reason"])
    until = unit.n_started + 2
    bed.sm.wait(lambda: unit.n_started >= until, "two more questions")
    bed.request(lambda: bed.m.write("var/lib/kdumpd/addresses.json", '{"server":["192.0.2.1"]}'))
    bed.check_armed(2)
    check("server" not in bed.state()["reason"], "the state still says it: %s", bed.state()["reason"])
    bed.sm.run_for(0.2)  # what was under way
    n_started = unit.n_started
    bed.sm.run_for(1)
    check(unit.n_started == n_started, "it is still asked for")


def name_of_a_folder_s_server_is_asked_for(bed):
    """The folder of dumps is on a file system of NFS, which no directive says."""
    prepare(bed)
    bed.m.path("net/dumps").mkdir(parents=True)
    mounts = bed.m.read("proc/1/mountinfo") + b"23 22 0:50 / /net rw shared:2 - nfs4 server:/x rw,vers=4.2\n"
    for name in ("proc/1/mountinfo", "proc/self/mountinfo"):
        bed.m.write(name, mounts)
    bed.m.write(CONFIG, "path /net/dumps\n")
    bed.start()
    check(bed.m.read("run/kdumpd/hosts") == b"server\n" and bed.sm.unit(RESOLVE).n_started > 0, "it is not asked for")
    bed.request(lambda: bed.m.write("var/lib/kdumpd/addresses.json", '{"server":["192.0.2.1"]}'))
    bed.check_armed(2)


def folder_is_armed_anew_when_it_is_mounted_over(bed):
    """After a boot file systems of the network are mounted later than we start."""
    prepare(bed)
    bed.m.path("net/dumps").mkdir(parents=True)
    bed.m.write("var/lib/kdumpd/addresses.json", '{"server":["192.0.2.1"]}')
    bed.m.write(CONFIG, "path /net/dumps\n")
    bed.start()
    check(bed.state()["targets"][0].startswith("ext4"), "it dumps to %s", bed.state()["targets"])
    before = bed.m.read("proc/1/mountinfo")
    bed.request(lambda: bed.m.write("proc/1/mountinfo", before + b"23 22 0:50 / /net rw shared:2 - nfs4 server:/x rw,vers=4.2\n"))
    bed.check_armed(2)
    bed.check_history("base", "a file system was mounted or unmounted")
    check(bed.state()["targets"][0].startswith("nfs server:/x"), "it dumps to %s", bed.state()["targets"])
    bed.request(lambda: bed.m.write("proc/1/mountinfo", before))
    bed.check_armed(3)


def error_of_the_configuration_forgets_no_address(bed):
    prepare(bed, "server")
    bed.m.write(KNOWN_HOSTS, HOST_KEY % "server")
    bed.start()
    bed.edit("pathh /x\n")
    check(bed.m.read("run/kdumpd/hosts") == b"server\n", "nobody asks for it any more")


name_is_asked_for_until_it_is_known.environment = {"BED_TICK_USEC": "50000"}
folder_is_armed_anew_when_it_is_mounted_over.environment = {"BED_TICK_USEC": "50000"}

CASES = (server_that_becomes_known_is_armed_without_a_command, key_that_is_made_is_armed_without_a_command,
         lease_that_is_renewed_is_no_event, change_of_the_network_that_matters_is_armed,
         refusal_is_looked_at_again_when_the_network_changes, name_is_asked_for_until_it_is_known,
         name_of_a_folder_s_server_is_asked_for, folder_is_armed_anew_when_it_is_mounted_over,
         error_of_the_configuration_forgets_no_address)

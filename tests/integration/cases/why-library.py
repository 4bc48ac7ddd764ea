# SPDX-License-Identifier: LGPL-2.1-or-later
"""A library that the base image was made of is replaced, as by an upgrade: after a while a new base image is built, the old image
stays armed until it is there, and kdumpctl why names the file."""

import json

import bed
import story

DEFAULT = False

INPUTS = "cat /var/lib/kdumpd/base/*/manifest.json"
# The content changes, what it does does not.
REPLACE = "cp -p {0} {0}.new && printf x >>{0}.new && mv {0}.new {0}"


def library(guest):
    for item in json.loads(guest.run(INPUTS))["inputs"]:
        path = item["path"] if isinstance(item, dict) else item
        if "/liblzo2.so." in path and guest.status("[ -f %s ] && ! [ -h %s ]" % (path, path))[0] == 0:
            return path
    raise bed.BedError("the base image has no liblzo2")


def run():
    guest = bed.start()
    path, before, entry = library(guest), guest.state(), story.last(guest)
    guest.run(REPLACE.format(path))
    state = guest.wait_state("building", timeout=60)
    bed.check(state["generation"] == before["generation"], "generation %d during the build" % state["generation"])
    bed.check_in(path, state["reason"], "reason")
    guest.check_armed()
    after = guest.wait_state("armed", timeout=900)
    bed.check(after["base_id"] != before["base_id"], "the base image is the same one")
    bed.check(after["generation"] > before["generation"], "there is no new generation")
    bed.check(after["loads"] == before["loads"] + 1, "%d loads" % (after["loads"] - before["loads"]))
    entry = story.wait_next(guest, entry)
    bed.check_in(path, " ".join(entry["changes"]), "changes")
    bed.check(entry["action"] == "base", "expected a new base image: %s" % entry)
    story.check_told(guest, "'%s' has changed" % path, "base image", "generation %d armed" % after["generation"])
    bed.note(entry["outcome"])
    guest.check_armed()

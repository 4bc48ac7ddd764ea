/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* kdumpd build: makes the base image. */
#pragma once

/* The verb with its own arguments: argv[0] is "build". "--kernel RELEASE", "--add-driver NAME" and
 * "--add-binary PATH" say what the base must hold, and then nothing else is looked at: this works
 * in a chroot. Without them the configuration and this system say it. "--force" builds even if
 * there is a base that would do. Prints the id and the size. Returns the exit code: 0 there is such
 * a base now; 1 failed, and what was there before still is. Logs. */
int verb_build(int argc, char **argv);

/* The same of the system below folder @root ("" in production): for tests. */
int verb_build_below(const char *root, int argc, char **argv);

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Another program that turns a vmcore into a file, in place of our own engine. */
#pragma once

#include "capture-save.h"

/* Runs the collector's argv with two more arguments, the source and the file to write; what it
 * prints goes where our own output goes. Where the depot has no folder of a file system there is no
 * second one, and what it prints is what is saved. The rest is as with our own engine: incomplete
 * name, fsync, rename. Returns 0; -EIO if it failed; -ETIME if it was killed at the deadline; else
 * why it could not be started. Logs. */
int capture_collector_run(const CaptureJob *job);

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a base image is made of: collected before dracut runs, completed from what came out. */
#pragma once

#include "image-check.h"
#include "manifest.h"

/* Waits for the next tick of the clock that files get their times from (current_time() of the
 * kernel's fs/inode.c) and returns it: what was written before has an earlier time, what is written
 * afterwards has not. */
uint64_t inputs_next_tick_nsec(void);

/* Adds what decides what goes in: kdump-capture, programs, dracut and its module. Called before
 * dracut runs, so that a change during the build is one afterwards. Logs. */
int inputs_add_sources(int root_fd, Manifest *manifest, const BaseRequest *request);

/* Copies the kernel to "vmlinuz" in @folder, so that neither its package's removal nor a /boot that
 * is not mounted takes it away, and describes it in the manifest. One that could not unpack itself
 * (bzimage_check_payload()) is refused: -EBADMSG. This takes as long as unpacking does. Called
 * before dracut looks at its modules: if it is replaced meanwhile, that is a change afterwards.
 * Logs. */
int inputs_add_kernel(int root_fd, Manifest *manifest, const BaseRequest *request,
                      const char *folder);

/* Adds each file and link of this system that is in the image as it is here. One that differs was
 * made by dracut; but if it has changed since @since_nsec (inputs_next_tick_nsec()), it may have
 * been copied before that: then it is added as it is in the image, and so counts as changed. Logs.
 */
int inputs_add_contents(int root_fd, Manifest *manifest, const ImageContents *contents,
                        uint64_t since_nsec);

/* Fills in what @modules_dep, as it was before dracut ran, says of the modules in the image and of
 * those that it was to hold. Does not log. */
int inputs_add_modules(Manifest *manifest, const ImageContents *contents, const char *modules_dep);

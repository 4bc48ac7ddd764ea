/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the purgatory did before this crash kernel was started, as it left it in memory. */
#pragma once

#include "purgatory-block.h"
#include "record.h"

/* Finds it among what the boot loader has handed over: /sys/kernel/boot_params/setup_data below
 * @root_fd. Returns 0; -ENOENT if there is none, as after kexec_file_load(2), -EBADMSG if there is
 * one that makes no sense. Does not log. */
int purgatory_status_read(int root_fd, PurgatoryStatus *ret);

/* What it was, in words: "checked 338 chunks …". The caller frees *ret. */
int purgatory_status_describe(const PurgatoryStatus *status, char **ret);

/* Fills in what the record has of it. Returns 0 or -ENOMEM. */
int purgatory_status_record(const PurgatoryStatus *status, DumpRecord *record);

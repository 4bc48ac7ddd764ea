/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How dracut is called. */
#pragma once

#include "image.h"

/* Files of dracut whose content decides what an image holds. */
extern const char *const dracut_inputs[];

/* The folder of our dracut module: all its files count as well. */
#define DRACUT_MODULE_DIR "/usr/lib/dracut/modules.d/99kdump"

/* The whole command line. @work_dir is absolute and holds empty folders "conf.d" and "tmp"; the
 * image goes to @output. Our module learns @work_dir from the environment (KDUMP_BUILD_DIR). */
int dracut_argv(const BaseRequest *request, const char *work_dir, const char *output, char ***ret);

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* `kdumpctl config --import` */
#pragma once

#include "macro.h"

typedef struct ImportArguments {
        const char *file; /* NULL: wherever one of the origins has it, below the root */
        bool in_root;     /* the file is looked for below the root, too */
        const char *from; /* NULL: to be found out */
        bool write;       /* to /etc/kdump.conf, not to standard output */
} ImportArguments;

/* Returns the exit status. Logs. */
int import_files(int root_fd, const ImportArguments *arguments);

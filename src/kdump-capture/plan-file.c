/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns reading the Plan that the image has. */
#include "plan-file.h"

#include <fcntl.h>

#include "io.h"
#include "log.h"
#include "paths.h"

#define PLAN_MAX_BYTES (1024 * 1024)

Plan *plan_file_load(void)
{
        _cleanup_free_ char *json = NULL, *message = NULL;
        Plan *plan = NULL;
        size_t size;
        int r;

        r = file_read(AT_FDCWD, PATH_PLAN, PLAN_MAX_BYTES, &json, &size);
        if (r >= 0)
                r = plan_from_json(json, size, &plan, &message);
        if (r < 0) {
                (void) log_error_errno(r, "cannot use the plan '%s': %s%s%m", PATH_PLAN,
                                       message ?: "", message ? ": " : "");
                return NULL;
        }
        return plan;
}

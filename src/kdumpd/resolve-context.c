/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the words that resolving hands back. */
#include "resolve-context.h"

#include <stdarg.h>

#include "strv.h"

int resolve_refuse(const ResolveContext *c, int error, const char *format, ...)
{
        char *text = NULL;
        va_list ap;
        int n;

        va_start(ap, format);
        n = vasprintf(&text, format, ap);
        va_end(ap);
        if (n < 0)
                return -ENOMEM;
        free(*c->reterr_message);
        *c->reterr_message = text;
        return error;
}

int resolve_warn(const ResolveContext *c, const char *format, ...)
{
        _cleanup_free_ char *text = NULL;
        va_list ap;
        int n;

        va_start(ap, format);
        n = vasprintf(&text, format, ap);
        va_end(ap);
        if (n < 0) {
                text = NULL;
                return -ENOMEM;
        }
        return strv_extend(c->warnings, text);
}

static int copy(const char *from, char **ret)
{
        *ret = from ? strdup(from) : NULL;
        return from && !*ret ? -ENOMEM : 0;
}

int resolve_begin(const Target *wanted, TargetType type, Target *ret)
{
        _cleanup_(target_done) Target target = {
                .type = type,
                .connect_usec = wanted->connect_usec,
                .timeout_usec = wanted->timeout_usec,
                .deadline_usec = wanted->deadline_usec,
        };

        /* What a folder is on is found out. */
        if (wanted->type != TARGET_PATH &&
            (copy(wanted->what, &target.what) < 0 || copy(wanted->fstype, &target.fstype) < 0))
                return -ENOMEM;
        if (copy(wanted->path, &target.path) < 0)
                return -ENOMEM;
        *ret = target;
        target = (Target){ 0 };
        return 0;
}

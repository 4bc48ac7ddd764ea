/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the command 'dmesg'. */
#include "capture-save.h"
#include "io.h"
#include "log.h"
#include "verbs.h"

static int emit_stdout(const char *text, size_t size, void *data)
{
        return fwrite(text, 1, size, stdout) == size ? 0 : -EIO;
}

int verb_dmesg(int argc, char **argv)
{
        _cleanup_(capture_source_freep) CaptureSource *source = NULL;
        _cleanup_free_ char *panic = NULL;
        int r;

        if (argc != 2) {
                log_error("Usage: dmesg SOURCE");
                return EXIT_FAILURE;
        }
        if (capture_source_open(argv[1], &source) < 0)
                return EXIT_FAILURE;
        r = capture_write_log(source, emit_stdout, NULL, &panic);
        if (r >= 0 && fflush(stdout) != 0)
                r = -EIO;
        if (r < 0) {
                (void) log_error_errno(r, "Cannot print the kernel log of '%s': %m", argv[1]);
                return EXIT_FAILURE;
        }
        return EXIT_SUCCESS;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* `kdumpctl rebuild`: a new base image, also if the one there is would do; then it is armed. */
#include <fcntl.h>
#include <sys/stat.h>

#include "client.h"
#include "io.h"
#include "log.h"
#include "service.h"
#include "state.h"
#include "verbs.h"
#include "words.h"

#define SIZES_BYTES_MAX 4096

static int write_request(void)
{
        int r;

        r = mkdir_parents(AT_FDCWD, PATH_RUN_DIR, 0755);
        if (r >= 0)
                r = file_write_atomic(AT_FDCWD, PATH_REBUILD_REQUEST, "", 0, 0600);
        if (r < 0)
                return log_error_errno(r, "Failed to write '%s': %m", PATH_REBUILD_REQUEST);
        return 0;
}

/* What the build has left, and only of this one. */
static void tell_sizes(uint64_t since_usec)
{
        _cleanup_free_ char *text = NULL, *shown = NULL;
        struct stat st;
        size_t size;

        if (stat(PATH_IMAGE_SIZES, &st) < 0 || st.st_mtim.tv_sec < 0 ||
            (uint64_t) st.st_mtim.tv_sec < since_usec / USEC_PER_SEC ||
            file_read(AT_FDCWD, PATH_IMAGE_SIZES, SIZES_BYTES_MAX, &text, &size) < 0 ||
            text_line(text, size, SIZES_BYTES_MAX, &shown) < 0)
                return;
        log_info("%s", shown);
}

/* Without kdumpd: its unit builds, and kdumpd is told if it runs. */
static int rebuild_by_unit(void)
{
        const uint64_t begin_usec = now_realtime_usec();
        int status;

        if (write_request() < 0)
                return EXIT_FAILURE;
        status = service_run("start", UNIT_BUILD);
        /* A build that ran already had not seen the request: we only waited for its end. */
        if (status == 0 && access(PATH_REBUILD_REQUEST, F_OK) == 0)
                status = service_run("start", UNIT_BUILD);
        if (status != 0) {
                (void) unlink(PATH_REBUILD_REQUEST);
                log_error("Rebuilding kdump: [FAILED]");
                return status;
        }
        log_info("Rebuilding kdump: [OK]");
        tell_sizes(begin_usec);
        if (!service_is_active(UNIT_DAEMON)) {
                log_info("kdump.service does not run; it will find the new image when it starts.");
                return EXIT_SUCCESS;
        }
        return service_act("reload", "Reloading");
}

int verb_rebuild(int argc, char **argv)
{
        const uint64_t begin_usec = now_realtime_usec();
        _cleanup_free_ char *reason = NULL;
        int r;

        if (parse_nothing(argc, argv) < 0)
                return EXIT_FAILURE;
        r = client_run_job("Rebuild", &reason);
        if (r == -EINTR)
                return EXIT_FAILURE;
        if (r < 0)
                return rebuild_by_unit();
        if (r > 0)
                return service_conclude(r, true, "Rebuilding", reason);
        log_info("Rebuilding kdump: [OK]");
        tell_sizes(begin_usec);
        return service_conclude(r, true, "Reloading", NULL);
}

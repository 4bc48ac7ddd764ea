/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the checks of the unit, the daemon, and files that were meant to be hooks. */
#include "verify.h"

#include <fcntl.h>
#include <inttypes.h>
#include <sys/stat.h>

#include "io.h"
#include "rootdir.h"
#include "state.h"
#include "strv.h"

#define UNIT "kdump.service"

static const char *const unit_folders[] = { "/etc/systemd/system", "/run/systemd/system" };

static bool link_exists(const Verify *v, const char *folder, const char *name)
{
        _cleanup_free_ char *path = NULL, *target = NULL;

        return strprintf(&path, "%s/%s/" UNIT, folder, name) >= 0 &&
               root_link_name(v->root_fd, path, &target) >= 0;
}

/* Whether another unit in @folder wants this one, as `systemctl enable` has it. */
static int is_wanted_in(const Verify *v, const char *folder)
{
        _cleanup_strv_ char **names = NULL;
        int r;

        r = root_list(v->root_fd, folder, &names);
        if (r < 0)
                return r == -ENOMEM ? r : 0;
        for (char **name = names; name && *name; name++) {
                const char *dot = strrchr(*name, '.');

                if (dot && (streq(dot, ".wants") || streq(dot, ".requires")) &&
                    link_exists(v, folder, *name))
                        return 1;
        }
        return 0;
}

static int check_enabled(Verify *v)
{
        for (size_t i = 0; i < ELEMENTSOF(unit_folders); i++) {
                _cleanup_free_ char *path = NULL, *target = NULL;
                int r;

                r = strprintf(&path, "%s/" UNIT, unit_folders[i]);
                if (r < 0)
                        return r;
                if (root_link_name(v->root_fd, path, &target) >= 0 && streq(target, "null"))
                        return verify_report_add(&v->report, "service-enabled", CHECK_FAILED,
                                                 UNIT " is masked: nothing is armed at boot. Run "
                                                      "'systemctl unmask " UNIT "'.");
        }
        for (size_t i = 0; i < ELEMENTSOF(unit_folders); i++) {
                int r = is_wanted_in(v, unit_folders[i]);

                if (r < 0)
                        return r;
                if (r > 0)
                        return verify_report_add(&v->report, "service-enabled", CHECK_OK,
                                                 UNIT " is started at boot.");
        }
        return verify_report_add(&v->report, "service-enabled", CHECK_WARNING,
                                 UNIT " is not enabled: after the next boot nothing is armed. Run "
                                      "'systemctl enable " UNIT "'.");
}

static int check_running(Verify *v)
{
        _cleanup_(state_done) State state = { 0 };
        _cleanup_free_ char *path = NULL, *name = NULL;
        int r;

        r = state_read(v->root_fd, &state);
        if (r == -ENOMEM)
                return r;
        if (r >= 0) {
                r = strprintf(&path, "/proc/%" PRIu64 "/comm", state.pid);
                if (r < 0)
                        return r;
                if (root_read_line(v->root_fd, path, &name) >= 0 && streq(name, "kdumpd"))
                        return verify_report_add(&v->report, "daemon", CHECK_OK, "kdumpd runs.");
        }
        return verify_report_add(&v->report, "daemon", CHECK_WARNING,
                                 "kdumpd does not run: changes of the system are not armed, and an "
                                 "image that is lost is not loaded again. 'kdumpctl start' starts "
                                 "it.");
}

static bool is_unused_file(const Verify *v, const char *path)
{
        _cleanup_close_ int fd = root_open(v->root_fd, path, O_PATH);
        struct stat st;

        return fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && !(st.st_mode & 0111);
}

/* Those that the configuration or an executable file names are part of the Plan, and were checked
 * with it. */
static int check_hook_folder(Verify *v, const char *folder, size_t *n_unused)
{
        _cleanup_strv_ char **names = NULL;
        _cleanup_free_ char *full = NULL;
        int r;

        r = strprintf(&full, PATH_HOOKS_DIR "/%s", folder);
        if (r < 0)
                return r;
        r = root_list(v->root_fd, full, &names);
        if (r < 0)
                return r == -ENOMEM ? r : 0;
        for (char **name = names; name && *name; name++) {
                _cleanup_free_ char *path = NULL;

                r = strprintf(&path, "%s/%s", full, *name);
                if (r < 0)
                        return r;
                if (**name == '.' || !is_unused_file(v, path))
                        continue;
                (*n_unused)++;
                r = verify_report_add(&v->report, "hooks", CHECK_WARNING,
                                      "'%s' is not executable, so it is no hook: run 'chmod +x' on "
                                      "it, or remove it.",
                                      path);
                if (r < 0)
                        return r;
        }
        return 0;
}

static size_t plan_hooks(const Plan *plan)
{
        return strv_length(plan->pre_d) + strv_length(plan->post_d) +
               strv_length(plan->emergency_d) + (plan->kdump_pre != NULL) +
               (plan->kdump_post != NULL) + (plan->kdump_emergency != NULL);
}

static int check_hooks(Verify *v)
{
        static const char *const folders[] = { "pre.d", "post.d", "emergency.d" };
        size_t n_unused = 0;

        for (size_t i = 0; i < ELEMENTSOF(folders); i++) {
                int r = check_hook_folder(v, folders[i], &n_unused);

                if (r < 0)
                        return r;
        }
        if (n_unused > 0)
                return 0;
        if (!v->plan)
                return verify_report_add(&v->report, "hooks", CHECK_SKIPPED, "There is no plan.");
        return verify_report_add(&v->report, "hooks", CHECK_OK,
                                 "Hooks: %zu; all of them can be run.", plan_hooks(v->plan));
}

int verify_service(Verify *v)
{
        int r;

        r = check_enabled(v);
        if (r >= 0)
                r = check_running(v);
        if (r >= 0)
                r = check_hooks(v);
        return r;
}

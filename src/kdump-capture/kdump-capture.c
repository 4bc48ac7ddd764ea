/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* kdump-capture: the program that runs in the crash kernel's initramfs, and by hand on saved cores.
 */
#include "log.h"
#include "paths.h"
#include "plan-file.h"
#include "supervisor.h"
#include "verbs.h"

typedef struct Verb {
        const char *name;
        int (*run)(int argc, char **argv);
        const char *help;
} Verb;

/* Both of these end in a reboot: they are only for this initramfs. That /proc/vmcore may be missing
 * there is one more reason to bring the machine back. */
static int in_crash_kernel(void)
{
        if (access(PATH_BASE_INFO, F_OK) == 0)
                return 0;
        return log_error_errno(-ENOENT, "This is not the crash kernel: nothing to do here.");
}

static int verb_run(int argc, char **argv)
{
        _cleanup_(plan_freep) Plan *plan = NULL;

        if (in_crash_kernel() < 0)
                return EXIT_FAILURE;
        log_setup(LOG_TARGET_KMSG, "kdump-capture");
        plan = plan_file_load();
        if (!plan)
                supervisor_failsafe(NULL);
        supervisor_run(plan, NULL);
}

static int verb_failsafe(int argc, char **argv)
{
        if (in_crash_kernel() < 0)
                return EXIT_FAILURE;
        log_setup(LOG_TARGET_KMSG, "kdump-capture");
        supervisor_failsafe(plan_file_load());
}

static const Verb verbs[] = {
        { "save", verb_save, "SOURCE TARGET   save a vmcore to a file, or - for a pipe" },
        { "dmesg", verb_dmesg, "SOURCE          print the kernel log in a vmcore" },
        { "estimate", verb_estimate, "SOURCE          tell how large a dump would be" },
        { "repair", verb_repair, "FILE            make a dump readable that was cut off" },
        { "try", verb_try, "PLAN            see whether the targets take a file" },
        { "run", verb_run, "                capture by the plan (crash kernel only)" },
        { "failsafe", verb_failsafe,
          "                end a capture that hangs (crash kernel only)" },
};

static void help(FILE *f)
{
        fprintf(f, "Usage: kdump-capture VERB [ARGUMENT]…\n\n"
                   "Saves the memory of a crashed kernel.\n\n");
        for (size_t i = 0; i < ELEMENTSOF(verbs); i++)
                fprintf(f, "  %-9s %s\n", verbs[i].name, verbs[i].help);
        fprintf(f, "\n  --help     show this\n  --version  show the version\n");
}

int main(int argc, char **argv)
{
        if (argc >= 2 && streq(argv[1], "--help")) {
                help(stdout);
                return EXIT_SUCCESS;
        }
        if (argc >= 2 && streq(argv[1], "--version")) {
                printf("kdump-capture %s\n", KDUMPD_VERSION);
                return EXIT_SUCCESS;
        }
        for (size_t i = 0; argc >= 2 && i < ELEMENTSOF(verbs); i++)
                if (streq(argv[1], verbs[i].name))
                        return verbs[i].run(argc - 1, argv + 1);
        help(stderr);
        return EXIT_FAILURE;
}

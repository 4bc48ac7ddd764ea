/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns what becomes of /etc/default/kdump-tools of Debian and Ubuntu, version 1.8. */
#include "import.h"
#include "io.h"
#include "parse.h"
#include "paths.h"
#include "strv.h"

/* Whether a target will be written that the folder then stands behind. */
static bool has_live_target(const Import *import)
{
        return (import_get(import, "SSH") && import_acts(import, DIRECTIVE_SSH)) ||
               (import_get(import, "NFS") && import_acts(import, DIRECTIVE_NFS));
}

static int run_use(Import *import, const ImportRule *rule, const ShellSetting *setting)
{
        bool use;
        int r;

        r = import_say_from(import, setting);
        if (r < 0)
                return r;
        if (parse_bool(setting->value, &use) == 0 && use)
                return import_say(import, "\"systemctl disable --now kdump-tools\" and \"systemctl "
                                          "enable --now kdump\" bring kdumpd in its place.");
        return import_say(import, "kdump-tools was turned off. So is kdumpd, unless \"systemctl "
                                  "enable --now kdump\" turns it on.");
}

static int run_folder(Import *import, const ImportRule *rule, const ShellSetting *setting)
{
        int r;

        if (!has_live_target(import))
                return import_value(import, rule, setting);
        r = import_say_from(import, setting);
        return r < 0 ? r : import_say(import, "It stands behind the targets, below.");
}

static int run_collector(Import *import, const ImportRule *rule, const ShellSetting *setting)
{
        _cleanup_free_ char *line = NULL;
        int r;

        r = import_say_from(import, setting);
        if (r >= 0)
                r = strprintf(&line, "makedumpfile %s", setting->value);
        return r < 0 ? r : import_set(import, rule->directive, line);
}

/* The action that the name of a program stands for, or NULL. */
static const char *action_of(const char *program)
{
        static const struct {
                const char *program, *action;
        } actions[] = {
                { "reboot", "reboot" }, { "halt", "halt" }, { "poweroff", "poweroff" },
                { "bash", "shell" },    { "sh", "shell" },  { "dash", "shell" },
        };
        const char *slash = strrchr(program, '/');

        for (size_t i = 0; i < ELEMENTSOF(actions); i++)
                if (streq(slash ? slash + 1 : program, actions[i].program))
                        return actions[i].action;
        return NULL;
}

static int run_fail(Import *import, const ImportRule *rule, const ShellSetting *setting)
{
        _cleanup_strv_ char **words = NULL;
        const char *action;
        int r;

        r = strv_split(setting->value, &words);
        if (r == -ENOMEM)
                return r;
        action = r == 0 && words && !strpbrk(setting->value, ";&|\n") ? action_of(words[0]) : NULL;
        if (!action)
                return import_program(import, rule, setting);
        r = import_say_from(import, setting);
        return r < 0 ? r : import_set(import, DIRECTIVE_FAILURE_ACTION, action);
}

static int run_num_dumps(Import *import, const ImportRule *rule, const ShellSetting *setting)
{
        int r;

        if (!streq(setting->value, "0"))
                return import_advise(import, rule, setting);
        r = import_say_from(import, setting);
        return r < 0 ? r : import_say(import, "Here, too, all dumps are kept.");
}

static int run_dmesg(Import *import, const ImportRule *rule, const ShellSetting *setting)
{
        int r;

        if (streq(setting->value, "0"))
                return import_advise(import, rule, setting);
        r = import_say_from(import, setting);
        return r < 0 ? r : import_say(import, "Here, too, the kernel's log is saved.");
}

/* Said at the first of the targets. */
static int say_order(Import *import)
{
        static const char *const names[] = { "FTP", "SSH", "NFS" };
        unsigned n = 0;

        for (size_t i = 0; i < ELEMENTSOF(names); i++)
                n += import_get(import, names[i]) != NULL;
        if (n < 2 || import->written[DIRECTIVE_URL] || import->written[DIRECTIVE_SSH])
                return 0;
        return import_say(import, "kdump-tools saves to each place that is named. Here the first "
                                  "target that takes the dump gets it, and the kernel's log.");
}

/* "server:folder", or the server alone. */
static int run_ftp(Import *import, const ImportRule *rule, const ShellSetting *setting)
{
        const char *colon = strchr(setting->value, ':');
        _cleanup_free_ char *host = NULL;
        int r;

        host = strndup(setting->value,
                       colon ? (size_t) (colon - setting->value) : strlen(setting->value));
        if (!host)
                return -ENOMEM;
        r = import_say_from(import, setting);
        if (r >= 0)
                r = say_order(import);
        return r < 0 ? r
                     : import_ftp(import, host, import_get(import, "FTP_PORT"),
                                  colon ? colon + 1 : "/", import_get(import, "FTP_USER"));
}

static int run_ssh(Import *import, const ImportRule *rule, const ShellSetting *setting)
{
        int r;

        r = import_say_from(import, setting);
        if (r >= 0)
                r = say_order(import);
        return r < 0 ? r
                     : import_set_target(import, rule->directive, setting->value,
                                         import_get(import, "KDUMP_COREDIR") ?: PATH_DEFAULT_DUMPS);
}

static int run_nfs(Import *import, const ImportRule *rule, const ShellSetting *setting)
{
        int r;

        r = import_say_from(import, setting);
        return r < 0 ? r : import_set_target(import, rule->directive, setting->value, "/");
}

#define ADVISE(name_, text_)                                                                       \
        {                                                                                          \
                (name_), import_advise, _DIRECTIVE_INVALID, (text_)                                \
        }
#define OF_FTP "It goes with 'FTP', below."
#define OWN_IMAGE                                                                                  \
        "kdumpd finds the kernel and builds the image by itself; 'kernel' names a release other "  \
        "than the running one."

static const ImportRule rules[] = {
        { "USE_KDUMP", run_use, _DIRECTIVE_INVALID, "Enable kdump.service, or do not." },
        { "MAKEDUMP_ARGS", run_collector, DIRECTIVE_CORE_COLLECTOR, NULL },
        { "KDUMP_FAIL_CMD", run_fail, DIRECTIVE_KDUMP_EMERGENCY, NULL },
        { "KDUMP_CMDLINE", import_value, DIRECTIVE_KDUMP_COMMANDLINE, NULL },
        { "KDUMP_CMDLINE_APPEND", import_command_line, DIRECTIVE_KDUMP_COMMANDLINE_APPEND, NULL },
        { "SSH_KEY", import_value, DIRECTIVE_SSHKEY, NULL },
        { "KDUMP_COREDIR", run_folder, DIRECTIVE_PATH, NULL },
        ADVISE("FTP_USER", OF_FTP),
        ADVISE("FTP_PASSWORD", OF_FTP),
        ADVISE("FTP_PORT", OF_FTP),
        { "FTP", run_ftp, DIRECTIVE_URL, NULL },
        { "SSH", run_ssh, DIRECTIVE_SSH, NULL },
        { "NFS", run_nfs, DIRECTIVE_NFS, NULL },

        ADVISE("NFS_TIMEO", "'target_timeout' is how long a target may make no progress."),
        ADVISE("NFS_RETRANS", "'target_timeout' is how long a target may make no progress."),
        ADVISE("NFS_MOUNT_RETRY", "'target_timeout' is how long a target may make no progress."),
        ADVISE("SSH_KDUMP_RETRY", "'target_timeout' is how long a target may make no progress."),
        ADVISE("HOSTTAG", "Dumps are saved in a folder named by host and time."),
        { "KDUMP_DUMP_DMESG", run_dmesg, _DIRECTIVE_INVALID,
          "The kernel's log is always saved, and first: it cannot be turned off." },
        { "KDUMP_NUM_DUMPS", run_num_dumps, _DIRECTIVE_INVALID,
          "kdumpd deletes no dump. Let systemd-tmpfiles(8) or a timer clear the folder; \"kdumpctl "
          "list\" tells what is in it." },
        ADVISE("KDUMP_COMPRESSION",
               "The dump is not compressed once more as a whole: its pages are, and programs can "
               "read it as it is. \"core_collector makedumpfile -z -d 31\" makes it small."),
        ADVISE("KDUMP_KEXEC_ARGS", "kdumpd loads the image by itself, without kexec(8)."),
        ADVISE("KDUMP_KERNEL", OWN_IMAGE),
        ADVISE("KDUMP_INITRD", OWN_IMAGE),
        ADVISE("KDUMP_SYSCTL", "Set these with a file in /etc/sysctl.d."),
};

const ImportOrigin import_debian = { "debian", "Debian's kdump-tools", "/etc/default/kdump-tools",
                                     rules, ELEMENTSOF(rules) };

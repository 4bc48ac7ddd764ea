/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns what becomes of /etc/sysconfig/kdump of SUSE, version 2.1; its meaning is that of kdump(5)
 * there. */
#include "import.h"
#include "io.h"
#include "parse.h"
#include "strv.h"

typedef struct Format {
        const char *name;
        const char *options; /* of makedumpfile */
        bool all;            /* no page is left out, whatever KDUMP_DUMPLEVEL */
} Format;

static const Format formats[] = {
        { "compressed", "-c", false }, { "lzo", "-l", false }, { "snappy", "-p", false },
        { "zstd", "-z", false },       { "ELF", "-E", false }, { "raw", "-E", true },
};

static const char *const collector_settings[] = { "KDUMP_DUMPFORMAT", "KDUMP_DUMPLEVEL",
                                                  "MAKEDUMPFILE_OPTIONS" };

static const Format *format_find(const char *name)
{
        for (size_t i = 0; i < ELEMENTSOF(formats); i++)
                if (strcasecmp(formats[i].name, name) == 0)
                        return &formats[i];
        return NULL;
}

static int say_format(Import *import, const char *name, const Format *format)
{
        if (strcasecmp(name, "none") == 0) {
                import->n_left++;
                return import_say(import, "Without a dump there is no directive for: the kernel's "
                                          "log is always saved first, and then a dump with the "
                                          "level that is set here.");
        }
        if (!format)
                return import_say(import, "The format is not known; it was taken for "
                                          "\"compressed\" there, and is here.");
        if (format->all)
                return import_say(import, "\"raw\" is an ELF core that holds every page.");
        return 0;
}

/* Three settings are one line here. The first of them that is set writes it. */
static int run_collector(Import *import, const ImportRule *rule, const ShellSetting *setting)
{
        const char *name = import_get(import, "KDUMP_DUMPFORMAT") ?: "compressed";
        const char *level = import_get(import, "KDUMP_DUMPLEVEL") ?: "31";
        const char *more = import_get(import, "MAKEDUMPFILE_OPTIONS");
        const Format *format = format_find(name);
        _cleanup_free_ char *line = NULL;
        int r = 0;

        if (import->written[DIRECTIVE_CORE_COLLECTOR])
                return 0;
        for (size_t i = 0; i < ELEMENTSOF(collector_settings) && r >= 0; i++)
                if (import_get(import, collector_settings[i]))
                        r = import_say_from(import, shell_settings_find(import->settings,
                                                                        collector_settings[i]));
        if (r >= 0)
                r = say_format(import, name, format);
        if (r >= 0)
                r = strprintf(&line, "makedumpfile %s -d %s%s%s", format ? format->options : "-c",
                              format && format->all ? "0" : level, more ? " " : "", more ?: "");
        if (r >= 0)
                r = import_set(import, DIRECTIVE_CORE_COLLECTOR, line);
        /* Also when it did not fit: it is said once. */
        import->written[DIRECTIVE_CORE_COLLECTOR] = true;
        return r;
}

static int run_cpus(Import *import, const ImportRule *rule, const ShellSetting *setting)
{
        int r;

        if (!streq(setting->value, "32") && !streq(setting->value, "0"))
                return import_value(import, rule, setting);
        r = import_say_from(import, setting);
        return r < 0 ? r
                     : import_say(import, "Both 32, which is the default there, and 0, which "
                                          "is all, become the default here: as many CPUs as "
                                          "the reserved memory carries.");
}

/* A boolean that says what happens when something failed (or, text, that there is no such thing).
 */
static int run_continue(Import *import, const ImportRule *rule, const ShellSetting *setting)
{
        bool go_on;
        int r;

        r = import_say_from(import, setting);
        if (r < 0)
                return r;
        if (parse_bool(setting->value, &go_on) < 0) {
                import->n_left++;
                return import_say(import,
                                  "This is neither yes nor no, so nothing is carried over.");
        }
        r = import_say(import, "Of what went wrong before the dump, the next target or a lesser "
                               "dump makes up by itself. This is for when no target took it.");
        return r < 0 ? r : import_set(import, rule->directive, go_on ? "reboot" : "shell");
}

static int run_immediate(Import *import, const ImportRule *rule, const ShellSetting *setting)
{
        bool reboot;
        int r;

        if (parse_bool(setting->value, &reboot) == 0 && reboot) {
                r = import_say_from(import, setting);
                return r < 0 ? r : import_set(import, DIRECTIVE_FINAL_ACTION, "reboot");
        }
        return import_advise(import, rule, setting);
}

static int run_net_timeout(Import *import, const ImportRule *rule, const ShellSetting *setting)
{
        _cleanup_free_ char *time = NULL;
        int r;

        if (streq(setting->value, "30"))
                return import_advise(import, rule, setting);
        r = import_say_from(import, setting);
        if (r >= 0)
                r = import_say(import, "Here it is the time without any progress, of whatever "
                                       "kind, after which a target is given up.");
        if (r >= 0)
                r = strprintf(&time, "%ss", setting->value);
        return r < 0 ? r : import_set(import, rule->directive, time);
}

static int run_identity(Import *import, const ImportRule *rule, const ShellSetting *setting)
{
        _cleanup_strv_ char **files = NULL;
        _cleanup_free_ char *key = NULL;
        int r;

        r = import_say_from(import, setting);
        if (r < 0)
                return r;
        r = strv_split(setting->value, &files);
        if (r == -ENOMEM)
                return r;
        if (r < 0 || !files) {
                import->n_left++;
                return import_say(import, "This is no list of files, so nothing is carried over.");
        }
        if (files[1])
                r = import_say(import, "There can be one key here: the first is taken.");
        if (r >= 0)
                r = strprintf(&key, "%s%s", *files[0] == '/' ? "" : "/root/.ssh/", files[0]);
        return r < 0 ? r : import_set(import, rule->directive, key);
}

static int run_kernel(Import *import, const ImportRule *rule, const ShellSetting *setting)
{
        int r;

        if (*setting->value != '/')
                return import_value(import, rule, setting);
        import->n_left++;
        r = import_say_from(import, setting);
        return r < 0 ? r
                     : import_say(import, "This is a file; here kernels are named by their "
                                          "release, as \"uname -r\" prints it, with 'kernel'.");
}

static int run_post(Import *import, const ImportRule *rule, const ShellSetting *setting)
{
        int r;

        if (!strstr(setting->value, "fence_kdump_send"))
                return import_program(import, rule, setting);
        import->n_left++;
        r = import_say_from(import, setting);
        return r < 0 ? r
                     : import_say(import, "The nodes that fence_kdump_send told are for "
                                          "'fence_kdump_nodes', its options for "
                                          "'fence_kdump_args'; neither is acted on yet.");
}

#define ADVISE(name_, text_)                                                                       \
        {                                                                                          \
                (name_), import_advise, _DIRECTIVE_INVALID, (text_)                                \
        }
#define NO_MAIL                                                                                    \
        "No mail is sent, so that nothing of this is carried over, passwords least of all. "       \
        "\"kdumpctl list --json\" tells a script of the dumps there are."

static const ImportRule rules[] = {
        { "KDUMP_DUMPFORMAT", run_collector, DIRECTIVE_CORE_COLLECTOR, NULL },
        { "KDUMP_DUMPLEVEL", run_collector, DIRECTIVE_CORE_COLLECTOR, NULL },
        { "MAKEDUMPFILE_OPTIONS", run_collector, DIRECTIVE_CORE_COLLECTOR, NULL },
        { "KDUMP_PRESCRIPT", import_program, DIRECTIVE_KDUMP_PRE, NULL },
        { "KDUMP_POSTSCRIPT", run_post, DIRECTIVE_KDUMP_POST,
          "It is now given one argument, how the capture came out: 0 if the dump is complete." },
        { "KDUMP_REQUIRED_PROGRAMS", import_value, DIRECTIVE_EXTRA_BINS, NULL },
        { "KDUMP_CONTINUE_ON_ERROR", run_continue, DIRECTIVE_FAILURE_ACTION, NULL },
        { "KDUMP_IMMEDIATE_REBOOT", run_immediate, DIRECTIVE_FINAL_ACTION,
          "There is no shell after a dump that was saved. \"final_action halt\" keeps the machine "
          "from booting again by itself; \"failure_action shell\" gives a shell when no target "
          "took the dump." },
        { "KDUMP_KERNELVER", run_kernel, DIRECTIVE_KERNEL, NULL },
        { "KDUMP_COMMANDLINE", import_value, DIRECTIVE_KDUMP_COMMANDLINE, NULL },
        { "KDUMP_COMMANDLINE_APPEND", import_command_line, DIRECTIVE_KDUMP_COMMANDLINE_APPEND,
          NULL },
        { "KDUMP_CPUS", run_cpus, DIRECTIVE_NR_CPUS, NULL },
        { "KDUMP_SSH_IDENTITY", run_identity, DIRECTIVE_SSHKEY, NULL },
        { "KDUMP_NET_TIMEOUT", run_net_timeout, DIRECTIVE_TARGET_TIMEOUT,
          "This is the default there, and target_timeout has one of its own." },
        { "KDUMP_SAVEDIR", import_url, DIRECTIVE_PATH,
          "Write it here: 'path' for a folder, or one of the targets in kdump.conf(5)." },

        ADVISE("KDUMP_HOST_KEY",
               "The server's key is looked up in root's known_hosts, and always checked: log in "
               "there once as root, or use \"kdumpctl propagate\"."),
        ADVISE("KDUMP_NETCONFIG", "The network is set up in the crash kernel as it is on the "
                                  "running system, whatever has set it up there."),
        ADVISE("KDUMP_TRANSFER",
               "There is no program that takes all of kdumpd's place. A program as "
               "'core_collector' is given the vmcore and the file to write."),
        ADVISE("KDUMP_KEEP_OLD_DUMPS",
               "kdumpd deletes no dump. Let systemd-tmpfiles(8) or a timer clear the folder; "
               "\"kdumpctl list\" tells what is in it."),
        ADVISE("KDUMP_FREE_DISK_SIZE",
               "A new dump is not deleted for the sake of free space: of what does not fit, the "
               "most valuable pages are kept, marked as incomplete."),
        ADVISE("KDUMP_VERBOSE", "What is done is told in the journal, by \"kdumpctl status\" and "
                                "in the kexec-dmesg.log of each dump."),
        ADVISE("KDUMP_CRASHKERNEL",
               "crashkernel= is set by \"kdumpctl reset-crashkernel\", not from here."),
        ADVISE("KDUMP_UPDATE_BOOTLOADER",
               "kdumpd advises on crashkernel=, and edits boot loader settings only when asked to: "
               "\"kdumpctl reset-crashkernel\"."),
        ADVISE("KDUMP_AUTO_RESIZE", "The reservation is left as large as it was made at boot: "
                                    "\"kdumpctl estimate\" tells what would do."),
        ADVISE("KDUMP_FADUMP", "Firmware-assisted dumps of POWER are not supported."),
        ADVISE("KDUMP_FADUMP_SHELL", "Firmware-assisted dumps of POWER are not supported."),
        ADVISE("FADUMP_COMMANDLINE_APPEND", "Firmware-assisted dumps of POWER are not supported."),
        ADVISE("KEXEC_OPTIONS", "kdumpd loads the image by itself, without kexec(8)."),
        ADVISE("KDUMP_SMTP_SERVER", NO_MAIL),
        ADVISE("KDUMP_SMTP_USER", NO_MAIL),
        ADVISE("KDUMP_SMTP_PASSWORD", NO_MAIL),
        ADVISE("KDUMP_SMTP_TIMEOUT", NO_MAIL),
        ADVISE("KDUMP_NOTIFICATION_TO", NO_MAIL),
        ADVISE("KDUMP_NOTIFICATION_CC", NO_MAIL),
        ADVISE("KDUMPTOOL_FLAGS", "This has no effect there any more, either."),
        ADVISE("KDUMP_COPY_KERNEL", "This has no effect there any more, either."),
};

const ImportOrigin import_suse = { "suse", "SUSE's kdump", "/etc/sysconfig/kdump", rules,
                                   ELEMENTSOF(rules) };

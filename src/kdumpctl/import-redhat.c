/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns what becomes of /etc/sysconfig/kdump of Fedora and its kin, kdump-utils 1.0. Their
 * /etc/kdump.conf is ours. */
#include "import.h"

#define ADVISE(name_, text_)                                                                       \
        {                                                                                          \
                (name_), import_advise, _DIRECTIVE_INVALID, (text_)                                \
        }
#define OWN_KERNEL                                                                                 \
        "kdumpd finds the kernel's file by itself; 'kernel' names a release other than the "       \
        "running one."
#define JOURNAL "What is done is told in the journal."

static const ImportRule rules[] = {
        { "KDUMP_KERNELVER", import_value, DIRECTIVE_KERNEL, NULL },
        { "KDUMP_COMMANDLINE", import_value, DIRECTIVE_KDUMP_COMMANDLINE, NULL },
        { "KDUMP_COMMANDLINE_REMOVE", import_value, DIRECTIVE_KDUMP_COMMANDLINE_REMOVE,
          "Words that would do harm in a crash kernel are taken out without being named." },
        { "KDUMP_COMMANDLINE_APPEND", import_command_line, DIRECTIVE_KDUMP_COMMANDLINE_APPEND,
          "Words that a crash kernel needs are added without being named." },

        ADVISE("KEXEC_ARGS", "kdumpd loads the image by itself, without kexec(8)."),
        ADVISE("KDUMP_BOOTDIR", OWN_KERNEL),
        ADVISE("KDUMP_IMG", OWN_KERNEL),
        ADVISE("KDUMP_IMG_EXT", OWN_KERNEL),
        ADVISE("MKDUMPRD_ARGS", "'dracut_args' takes options for dracut(8)."),
        ADVISE("FADUMP_COMMANDLINE_APPEND", "Firmware-assisted dumps of POWER are not supported."),
        ADVISE("KDUMP_STDLOGLVL", JOURNAL),
        ADVISE("KDUMP_SYSLOGLVL", JOURNAL),
        ADVISE("KDUMP_KMSGLOGLVL", JOURNAL),
        ADVISE("VMCORE_CREATION_NOTIFICATION", "\"kdumpctl status\" tells how things stand."),
};

const ImportOrigin import_redhat = { "redhat", "Fedora's kdump-utils", "/etc/sysconfig/kdump",
                                     rules, ELEMENTSOF(rules) };

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the commands that are run by a server's shell, and the reading of what they say. */
#include "ssh-shell.h"

#include <ctype.h>
#include <inttypes.h>

/* No single quotes in these: they are within some. sync(1) takes files since coreutils 8.24; older
 * ones sync everything. */
#define SYNC(what) "{ sync " what " 2>/dev/null || sync; }"

static const char *const scripts[_SSH_SCRIPT_MAX] = {
        [SSH_SCRIPT_PROBE] = "echo " SSH_SCRIPT_READY,
        [SSH_SCRIPT_BEGIN] = "mkdir -p -- \"$1\" && mkdir -- \"$2\" && " SYNC("\"$1\""),
        [SSH_SCRIPT_CREATE] = "rm -f -- \"$1\" && exec cat >\"$1\"",
        [SSH_SCRIPT_APPEND] = "[ -f \"$1\" ] && exec cat >>\"$1\"",
        [SSH_SCRIPT_SYNC] = SYNC("\"$1\""),
        /* The command of a connection that was lost may still write what it got. */
        [SSH_SCRIPT_SIZE] = "size() { stat -c %s -- \"$1\" 2>/dev/null || wc -c <\"$1\"; }; "
                            "a=$(size \"$1\") && while sleep 1; b=$(size \"$1\"); "
                            "[ \"$a\" != \"$b\" ]; do a=$b; done && echo \"$b\"",
        [SSH_SCRIPT_COMMIT] = "if [ -f \"$1\" ]; then mv -f -- \"$1\" \"$2\"; "
                              "else [ \"$(wc -c <\"$2\")\" -eq \"$3\" ]; fi && " SYNC("\"$4\""),
        [SSH_SCRIPT_ROOM] = "p=$1; while [ ! -e \"$p\" ]; do "
                            "case $p in ?*/*) p=${p%/*} ;; /*) p=/ ;; *) p=. ;; esac; done; "
                            "df -Pk -- \"$p\"",
        [SSH_SCRIPT_DISCARD] = "[ ! -d \"$1\" ] || { rm -f -- \"$1\"/* && rmdir -- \"$1\"; }",
};

#define PROLOGUE "LC_ALL=C; export LC_ALL; umask 077; "

static void print_quoted(FILE *f, const char *word)
{
        (void) fputs(" '", f);
        for (; *word; word++)
                if (*word == '\'')
                        (void) fputs("'\\''", f);
                else
                        (void) fputc(*word, f);
        (void) fputc('\'', f);
}

int ssh_script_format(SshScript script, const char *const *arguments, char **ret)
{
        char *text = NULL;
        size_t size;
        FILE *f = open_memstream(&text, &size);

        if (!f)
                return -ENOMEM;
        (void) fprintf(f, "exec sh -c '%s%s' kdump", PROLOGUE, scripts[script]);
        for (size_t i = 0; i < SSH_SCRIPT_ARGUMENTS_MAX && arguments[i]; i++)
                print_quoted(f, arguments[i]);
        if (fclose(f) != 0) {
                free(text);
                return -ENOMEM;
        }
        *ret = text;
        return 0;
}

int ssh_script_errno(const char *errors)
{
        static const struct {
                const char *text;
                int error;
        } known[] = {
                { "No space left", -ENOSPC },    { "uota exceeded", -EDQUOT },
                { "File too large", -EFBIG },    { "Read-only file system", -EROFS },
                { "ermission denied", -EACCES }, { "not permitted", -EACCES },
                { "File exists", -EEXIST },      { "No such file", -ENOENT },
        };

        for (size_t i = 0; i < ELEMENTSOF(known); i++)
                if (strstr(errors, known[i].text))
                        return known[i].error;
        return -EIO;
}

int ssh_script_number(const char *output, uint64_t *ret)
{
        uint64_t value;
        char *end;

        output += strspn(output, " \t\n"); /* wc(1) of some systems */
        if (!isdigit((unsigned char) *output))
                return -EBADMSG;
        errno = 0;
        value = strtoull(output, &end, 10);
        if (errno != 0 || end[strspn(end, " \t\n")] != '\0')
                return -EBADMSG;
        *ret = value;
        return 0;
}

/* POSIX: a line of headings, then "device blocks used available …". */
int ssh_script_room(const char *output, uint64_t *ret_bytes)
{
        const char *line = strchr(output, '\n');
        uint64_t kib, bytes;

        if (!line || sscanf(line + 1, "%*s %*u %*u %20" SCNu64, &kib) != 1 ||
            __builtin_mul_overflow(kib, UINT64_C(1024), &bytes))
                return -EBADMSG;
        *ret_bytes = bytes;
        return 0;
}

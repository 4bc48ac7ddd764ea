/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the types of values: what is accepted, what is expected, how it is written again. */
#include "config-value.h"

#include "config.h"
#include "core-collector.h"
#include "io.h"
#include "parse.h"
#include "strv.h"
#include "target-host.h"
#include "words.h"

#define CPUS_MAX 8192
#define PORT_MAX 65535
#define TIMEOUT_MIN_USEC USEC_PER_SEC
#define TIMEOUT_MAX_USEC (24 * 3600 * USEC_PER_SEC)

static int set_string(char **field, const char *text)
{
        char *copy = strdup(text);

        if (!copy)
                return -ENOMEM;
        free(*field);
        *field = copy;
        return 0;
}

static int string_format(const void *field, char **ret)
{
        const char *text = *(char *const *) field;

        *ret = text ? strdup(text) : NULL;
        return text && !*ret ? -ENOMEM : 0;
}

static bool is_word(const char *text)
{
        return *text && !strpbrk(text, " \t\"'");
}

/* Has the path a part that is ".."? It would mean something else in the crash kernel. */
static bool has_dotdot(const char *path)
{
        while (*path) {
                size_t n = strcspn(path, "/");

                if (n == 2 && path[0] == '.' && path[1] == '.')
                        return true;
                path += n;
                path += strspn(path, "/");
        }
        return false;
}

static int path_parse(const char *text, void *field, char **reterr_expected)
{
        return *text == '/' && !has_dotdot(text) ? set_string(field, text) : -EINVAL;
}

static int program_parse(const char *text, void *field, char **reterr_expected)
{
        if (*text != '/' || text[strlen(text) - 1] == '/' || has_dotdot(text) || !is_word(text))
                return -EINVAL;
        return set_string(field, text);
}

static int device_parse(const char *text, void *field, char **reterr_expected)
{
        static const char *const tags[] = { "UUID=", "LABEL=", "PARTUUID=", "PARTLABEL=", "/dev/" };

        if (!is_word(text) || has_dotdot(text))
                return -EINVAL;
        for (size_t i = 0; i < ELEMENTSOF(tags); i++) {
                const char *rest = startswith(text, tags[i]);

                if (rest)
                        return *rest ? set_string(field, text) : -EINVAL;
        }
        return -EINVAL;
}

/* What names a machine, as a target of @type does. It becomes an argument of programs, a part of
 * files' names, and what is asked of name servers. */
static int host_parse(TargetType type, const char *text, void *field)
{
        _cleanup_free_ char *what = strdup(text), *host = NULL;
        unsigned port;
        int r;

        if (!what)
                return -ENOMEM;
        if (!is_word(text) || *text == '-')
                return -EINVAL;
        r = target_host(&(Target){ .type = type, .what = what }, &host, &port);
        if (r < 0)
                return r;
        return r > 0 && target_host_is_valid(host) ? set_string(field, text) : -EINVAL;
}

/* host:/export, [v6]:/export */
static int nfs_export_parse(const char *text, void *field, char **reterr_expected)
{
        return host_parse(TARGET_NFS, text, field);
}

static int ssh_host_parse(const char *text, void *field, char **reterr_expected)
{
        size_t n = strcspn(text, "@:/");

        /* No password behind the user, and no port behind the host. */
        if (n == 0 || text[n] != '@')
                return -EINVAL;
        return host_parse(TARGET_SSH, text, field);
}

static int port_parse(const char *text, void *field, char **reterr_expected)
{
        uint32_t port;

        if (parse_u32(text, &port) < 0 || port < 1 || port > PORT_MAX)
                return -EINVAL;
        *(unsigned *) field = port;
        return 0;
}

static int port_format(const void *field, char **ret)
{
        unsigned port = *(const unsigned *) field;

        *ret = NULL;
        return port == 0 ? 0 : strprintf(ret, "%u", port);
}

static int url_parse(const char *text, void *field, char **reterr_expected)
{
        _cleanup_(target_url_done) TargetUrl url = {};
        const char *expected = NULL;
        int r;

        r = target_url_parse(text, &url, &expected);
        if (r == 0)
                return set_string(field, text);
        if (r == -EINVAL && strprintf(reterr_expected, "%s", expected) < 0)
                return -ENOMEM;
        return r;
}

static int endpoint_parse(const char *text, void *field, char **reterr_expected)
{
        return target_url_is_endpoint(text) ? set_string(field, text) : -EINVAL;
}

static int region_parse(const char *text, void *field, char **reterr_expected)
{
        static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                      "0123456789_-";

        /* It becomes a part of a host's name and of what is signed. */
        if (strspn(text, letters) != strlen(text) || strlen(text) > 63 || *text == '-')
                return -EINVAL;
        return set_string(field, text);
}

static int word_parse(const char *text, void *field, char **reterr_expected)
{
        return is_word(text) ? set_string(field, text) : -EINVAL;
}

static int release_parse(const char *text, void *field, char **reterr_expected)
{
        if (!is_word(text) || strchr(text, '/') || *text == '.' || *text == '-')
                return -EINVAL;
        return set_string(field, text);
}

static int text_parse(const char *text, void *field, char **reterr_expected)
{
        return set_string(field, text);
}

static int words_parse(const char *text, void *field, char **reterr_expected)
{
        char ***list = field, **words;
        int r;

        r = strv_split(text, &words);
        if (r < 0)
                return r;
        strv_free(*list);
        *list = words;
        return 0;
}

static int words_value_format(const void *field, char **ret)
{
        return words_format(*(char **const *) field, ret);
}

static bool is_module_name(const char *name)
{
        return *name && strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                     "0123456789_-") == strlen(name);
}

static int modules_parse(const char *text, void *field, char **reterr_expected)
{
        _cleanup_strv_ char **words = NULL;
        char ***list = field;
        int r;

        r = strv_split(text, &words);
        if (r < 0)
                return r;
        for (char **word = words; word && *word; word++)
                if (!is_module_name(*word))
                        return -EINVAL;
        strv_free(*list);
        *list = TAKE_PTR(words);
        return 0;
}

static int timeout_parse(const char *text, void *field, char **reterr_expected)
{
        uint64_t usec;

        /* No "infinity": the machine must come back. */
        if (parse_usec(text, &usec) < 0 || usec < TIMEOUT_MIN_USEC || usec > TIMEOUT_MAX_USEC)
                return -EINVAL;
        *(uint64_t *) field = usec;
        return 0;
}

static int timeout_format(const void *field, char **ret)
{
        uint64_t usec = *(const uint64_t *) field;

        *ret = NULL;
        return usec == 0 ? 0 : usec_format(usec, ret);
}

static int deadline_parse(const char *text, void *field, char **reterr_expected)
{
        if (!streq(text, "0"))
                return timeout_parse(text, field, reterr_expected);
        *(uint64_t *) field = 0;
        return 0;
}

/* 0 is a value here, also where it replaces another. */
static int deadline_format(const void *field, char **ret)
{
        if (*(const uint64_t *) field == 0)
                return strprintf(ret, "0");
        return timeout_format(field, ret);
}

static int bool_parse(const char *text, void *field, char **reterr_expected)
{
        return parse_bool(text, field);
}

static int bool_format(const void *field, char **ret)
{
        return strprintf(ret, "%s", *(const bool *) field ? "yes" : "no");
}

static int cpus_parse(const char *text, void *field, char **reterr_expected)
{
        uint32_t n;

        if (parse_u32(text, &n) < 0 || n > CPUS_MAX)
                return -EINVAL;
        *(unsigned *) field = n;
        return 0;
}

static int cpus_format(const void *field, char **ret)
{
        return strprintf(ret, "%u", *(const unsigned *) field);
}

static int failure_action_parse(const char *text, void *field, char **reterr_expected)
{
        Action action = action_from_string(text);

        if (action < 0)
                return -EINVAL;
        *(Action *) field = action;
        return 0;
}

static int final_action_parse(const char *text, void *field, char **reterr_expected)
{
        Action action = action_from_string(text);

        if (action < 0 || action > ACTION_POWEROFF)
                return -EINVAL;
        *(Action *) field = action;
        return 0;
}

static int action_format(const void *field, char **ret)
{
        return strprintf(ret, "%s", action_to_string(*(const Action *) field));
}

static int collector_value_parse(const char *text, void *field, char **reterr_expected)
{
        Collector collector;
        int r;

        r = collector_parse(text, &collector, reterr_expected);
        if (r < 0)
                return r;
        collector_done(field);
        *(Collector *) field = collector;
        return 0;
}

static int collector_value_format(const void *field, char **ret)
{
        return collector_format(field, ret);
}

const ValueType value_path = { "an absolute path without '..'", sizeof(char *), path_parse,
                               string_format };
const ValueType value_program = { "the absolute path of a file, without blanks and '..'",
                                  sizeof(char *), program_parse, string_format };
const ValueType value_device = { "a device such as UUID=…, LABEL=… or /dev/vda1", sizeof(char *),
                                 device_parse, string_format };
const ValueType value_nfs_export = { "host:/export", sizeof(char *), nfs_export_parse,
                                     string_format };
const ValueType value_ssh_host = { "user@host", sizeof(char *), ssh_host_parse, string_format };
const ValueType value_port = { "a number from 1 to 65535", sizeof(unsigned), port_parse,
                               port_format };
const ValueType value_url = { "a URL such as https://host/folder or s3://bucket/prefix",
                              sizeof(char *), url_parse, string_format };
const ValueType value_endpoint = { "https://host or https://host:port without a folder",
                                   sizeof(char *), endpoint_parse, string_format };
const ValueType value_region = { "the name of a region such as eu-central-1", sizeof(char *),
                                 region_parse, string_format };
const ValueType value_word = { "one word without blanks and quotes", sizeof(char *), word_parse,
                               string_format };
const ValueType value_release = { "a kernel release as of uname -r", sizeof(char *), release_parse,
                                  string_format };
const ValueType value_text = { "text", sizeof(char *), text_parse, string_format };
const ValueType value_words = { "words with every quote closed", sizeof(char **), words_parse,
                                words_value_format };
const ValueType value_modules = { "names of kernel modules", sizeof(char **), modules_parse,
                                  words_value_format };
const ValueType value_timeout = { "a time from 1s to 24h such as 90s, 5min or 1h", sizeof(uint64_t),
                                  timeout_parse, timeout_format };
const ValueType value_deadline = { "a time from 1s to 24h such as 90s, 5min or 1h, or 0 for none",
                                   sizeof(uint64_t), deadline_parse, deadline_format };
const ValueType value_bool = { "yes or no", sizeof(bool), bool_parse, bool_format };
const ValueType value_cpus = { "a number of CPUs up to 8192, or 0 to have it chosen",
                               sizeof(unsigned), cpus_parse, cpus_format };
const ValueType value_failure_action = { "one of reboot, halt, poweroff, shell, dump_to_rootfs",
                                         sizeof(Action), failure_action_parse, action_format };
const ValueType value_final_action = { "one of reboot, halt, poweroff", sizeof(Action),
                                       final_action_parse, action_format };
const ValueType value_collector = {
        "makedumpfile with options such as -l -d 31, or another program", sizeof(Collector),
        collector_value_parse, collector_value_format
};

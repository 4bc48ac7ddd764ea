/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the table of directives and the search for a name that was meant. */
#include "directive.h"

#include "config-value.h"
#include "config.h"

/* Names, types and defaults are those of kdump.conf(5) of Fedora's kdump-utils where it has them.
 * tools/check-directives.py reads these rows: keep one directive per row. */
#define TARGET_SETTING(id, name_, type_, field, default_, note_, types_, acted_on_)                \
        [id] = { .name = (name_),                                                                  \
                 .kind = DIRECTIVE_KIND_TARGET_SETTING,                                            \
                 .type = &(type_),                                                                 \
                 .offset = offsetof(Target, field),                                                \
                 .default_value = (default_),                                                      \
                 .default_note = (note_),                                                          \
                 .target_types = (types_),                                                         \
                 .canonical = (id),                                                                \
                 .acted_on = (acted_on_) }
#define TARGET(id, name_, type_, target_type_, acted_on_)                                          \
        [id] = { .name = (name_),                                                                  \
                 .kind = DIRECTIVE_KIND_TARGET,                                                    \
                 .type = &(type_),                                                                 \
                 .offset = offsetof(Target, what),                                                 \
                 .target_type = (target_type_),                                                    \
                 .default_note = "the file system that holds path",                                \
                 .canonical = (id),                                                                \
                 .acted_on = (acted_on_) }
#define SETTING(id, name_, type_, field, default_, note_, acted_on_)                               \
        [id] = { .name = (name_),                                                                  \
                 .kind = DIRECTIVE_KIND_SETTING,                                                   \
                 .type = &(type_),                                                                 \
                 .offset = offsetof(Config, field),                                                \
                 .default_value = (default_),                                                      \
                 .default_note = (note_),                                                          \
                 .canonical = (id),                                                                \
                 .acted_on = (acted_on_) }
#define ALIAS(id, name_, type_, field, canonical_, instead_)                                       \
        [id] = { .name = (name_),                                                                  \
                 .kind = DIRECTIVE_KIND_ALIAS,                                                     \
                 .type = &(type_),                                                                 \
                 .offset = offsetof(Config, field),                                                \
                 .instead = (instead_),                                                            \
                 .canonical = (canonical_),                                                        \
                 .acted_on = true }
#define REMOVED(id, name_, instead_)                                                               \
        [id] = { .name = (name_),                                                                  \
                 .kind = DIRECTIVE_KIND_REMOVED,                                                   \
                 .instead = (instead_),                                                            \
                 .canonical = (id) }

/* What a target setting is for */
#define ALL ((1U << _TARGET_TYPE_MAX) - 1)
#define SSH (1U << TARGET_SSH)
#define URL (1U << TARGET_URL)

/* A row stays a row: */
/* clang-format off */
static const DirectiveInfo table[_DIRECTIVE_MAX] = {
        TARGET_SETTING(DIRECTIVE_PATH, "path", value_path, path, "/var/crash", NULL, ALL & ~URL, true),
        TARGET_SETTING(DIRECTIVE_SSHKEY, "sshkey", value_program, sshkey, "/root/.ssh/kdump_id_rsa", NULL, SSH, true),
        TARGET_SETTING(DIRECTIVE_SSH_PORT, "ssh_port", value_port, port, "22", NULL, SSH, true),
        TARGET_SETTING(DIRECTIVE_CREDENTIALS, "credentials", value_program, credentials, NULL, "none", URL, true),
        TARGET_SETTING(DIRECTIVE_CA_FILE, "ca_file", value_program, ca_file, NULL, "the certificates that the system trusts", URL, true),
        TARGET_SETTING(DIRECTIVE_CLIENT_CERT, "client_cert", value_program, client_cert, NULL, "none", URL, true),
        TARGET_SETTING(DIRECTIVE_CLIENT_KEY, "client_key", value_program, client_key, NULL, "none", URL, true),
        TARGET_SETTING(DIRECTIVE_S3_ENDPOINT, "s3_endpoint", value_endpoint, s3_endpoint, NULL, "Amazon's of the region", URL, true),
        TARGET_SETTING(DIRECTIVE_S3_REGION, "s3_region", value_region, s3_region, "us-east-1", NULL, URL, true),
        TARGET_SETTING(DIRECTIVE_TARGET_CONNECT, "target_connect", value_timeout, connect_usec, "120s", NULL, ALL, true),
        TARGET_SETTING(DIRECTIVE_TARGET_TIMEOUT, "target_timeout", value_timeout, timeout_usec, "120s", NULL, ALL, true),
        TARGET_SETTING(DIRECTIVE_TARGET_DEADLINE, "target_deadline", value_deadline, deadline_usec, "0", NULL, ALL, true),

        TARGET(DIRECTIVE_EXT2, "ext2", value_device, TARGET_FS, true),
        TARGET(DIRECTIVE_EXT3, "ext3", value_device, TARGET_FS, true),
        TARGET(DIRECTIVE_EXT4, "ext4", value_device, TARGET_FS, true),
        TARGET(DIRECTIVE_XFS, "xfs", value_device, TARGET_FS, true),
        TARGET(DIRECTIVE_BTRFS, "btrfs", value_device, TARGET_FS, true),
        TARGET(DIRECTIVE_MINIX, "minix", value_device, TARGET_FS, true),
        TARGET(DIRECTIVE_RAW, "raw", value_device, TARGET_RAW, true),
        TARGET(DIRECTIVE_NFS, "nfs", value_nfs_export, TARGET_NFS, true),
        TARGET(DIRECTIVE_SSH, "ssh", value_ssh_host, TARGET_SSH, true),
        TARGET(DIRECTIVE_VIRTIOFS, "virtiofs", value_word, TARGET_VIRTIOFS, true),
        TARGET(DIRECTIVE_URL, "url", value_url, TARGET_URL, true),

        SETTING(DIRECTIVE_CORE_COLLECTOR, "core_collector", value_collector, collector, "makedumpfile -l -d 31", NULL, true),
        SETTING(DIRECTIVE_KDUMP_PRE, "kdump_pre", value_program, kdump_pre, NULL, "none", true),
        SETTING(DIRECTIVE_KDUMP_POST, "kdump_post", value_program, kdump_post, NULL, "none", true),
        SETTING(DIRECTIVE_KDUMP_EMERGENCY, "kdump_emergency", value_program, kdump_emergency, NULL, "none", true),
        SETTING(DIRECTIVE_FAILURE_ACTION, "failure_action", value_failure_action, failure_action, "reboot", NULL, true),
        SETTING(DIRECTIVE_FINAL_ACTION, "final_action", value_final_action, final_action, "reboot", NULL, true),
        SETTING(DIRECTIVE_EXTRA_BINS, "extra_bins", value_words, extra_bins, NULL, "none", true),
        SETTING(DIRECTIVE_EXTRA_MODULES, "extra_modules", value_modules, extra_modules, NULL, "none", true),
        SETTING(DIRECTIVE_DRACUT_ARGS, "dracut_args", value_words, dracut_args, NULL, "none", true),
        SETTING(DIRECTIVE_FORCE_REBUILD, "force_rebuild", value_bool, force_rebuild, "no", NULL, true),
        SETTING(DIRECTIVE_FORCE_NO_REBUILD, "force_no_rebuild", value_bool, force_no_rebuild, "no", NULL, true),
        SETTING(DIRECTIVE_KERNEL, "kernel", value_release, kernel, NULL, "the running kernel", true),
        SETTING(DIRECTIVE_KDUMP_COMMANDLINE, "kdump_commandline", value_text, commandline, NULL, "that of the running kernel", true),
        SETTING(DIRECTIVE_KDUMP_COMMANDLINE_REMOVE, "kdump_commandline_remove", value_words, commandline_remove, NULL, "none but the built-in ones", true),
        SETTING(DIRECTIVE_KDUMP_COMMANDLINE_APPEND, "kdump_commandline_append", value_words, commandline_append, NULL, "none but the built-in ones", true),
        SETTING(DIRECTIVE_NR_CPUS, "nr_cpus", value_cpus, nr_cpus, "0", NULL, true),
        SETTING(DIRECTIVE_AUTO_RESET_CRASHKERNEL, "auto_reset_crashkernel", value_bool, auto_reset_crashkernel, "no", NULL, true),
        SETTING(DIRECTIVE_FENCE_KDUMP_NODES, "fence_kdump_nodes", value_words, fence_kdump_nodes, NULL, "none", false),
        SETTING(DIRECTIVE_FENCE_KDUMP_ARGS, "fence_kdump_args", value_text, fence_kdump_args, NULL, "none", false),

        ALIAS(DIRECTIVE_DEFAULT, "default", value_failure_action, failure_action, DIRECTIVE_FAILURE_ACTION, "failure_action"),
        REMOVED(DIRECTIVE_OVERRIDE_RESETTABLE, "override_resettable", "failure_action"),
        REMOVED(DIRECTIVE_NET, "net", "nfs or ssh"),
        REMOVED(DIRECTIVE_OPTIONS, "options", "a file in /etc/modprobe.d"),
        REMOVED(DIRECTIVE_LINK_DELAY, "link_delay", "target_timeout"),
        REMOVED(DIRECTIVE_DISK_TIMEOUT, "disk_timeout", "target_timeout"),
        REMOVED(DIRECTIVE_DEBUG_MEM_LEVEL, "debug_mem_level", "kdump_commandline_append rd.memdebug=N"),
        REMOVED(DIRECTIVE_BLACKLIST, "blacklist", "kdump_commandline_append module_blacklist=NAME"),
};
/* clang-format on */

const DirectiveInfo *directive_info(Directive directive)
{
        return directive >= 0 && directive < _DIRECTIVE_MAX ? &table[directive] : NULL;
}

const char *directive_to_string(Directive directive)
{
        const DirectiveInfo *info = directive_info(directive);

        return info ? info->name : NULL;
}

Directive directive_from_string(const char *name)
{
        for (Directive d = 0; d < _DIRECTIVE_MAX; d++)
                if (streq(table[d].name, name))
                        return d;
        return _DIRECTIVE_INVALID;
}

bool directive_is_for(Directive directive, TargetType type)
{
        const DirectiveInfo *info = directive_info(directive);

        return info && type >= 0 && type < _TARGET_TYPE_MAX && (info->target_types & (1U << type));
}

#define NAME_MAX_COMPARED 40

static char to_lower(char c)
{
        return c >= 'A' && c <= 'Z' ? (char) (c - 'A' + 'a') : c;
}

/* How many letters must be put in, taken out, replaced to make @b of @a (Levenshtein), ignoring
 * case. Both are shorter than NAME_MAX_COMPARED. */
static size_t name_distance(const char *a, const char *b)
{
        size_t row[NAME_MAX_COMPARED + 1], n = strlen(b);

        for (size_t j = 0; j <= n; j++)
                row[j] = j;
        for (size_t i = 1; a[i - 1]; i++) {
                size_t diagonal = row[0];

                row[0] = i;
                for (size_t j = 1; j <= n; j++) {
                        size_t replace = diagonal + (to_lower(a[i - 1]) != to_lower(b[j - 1]));

                        size_t insert_or_drop = MIN(row[j], row[j - 1]) + 1;

                        diagonal = row[j];
                        row[j] = MIN(replace, insert_or_drop);
                }
        }
        return row[n];
}

Directive directive_closest(const char *name)
{
        size_t length = strlen(name), best_distance = MAX(length / 3, (size_t) 1) + 1;
        Directive best = _DIRECTIVE_INVALID;

        if (length < 2 || length >= NAME_MAX_COMPARED)
                return _DIRECTIVE_INVALID;
        for (Directive d = 0; d < _DIRECTIVE_MAX; d++) {
                size_t distance;

                if (table[d].kind == DIRECTIVE_KIND_REMOVED)
                        continue;
                distance = name_distance(name, table[d].name);
                if (distance < best_distance) {
                        best_distance = distance;
                        best = d;
                }
        }
        return best;
}

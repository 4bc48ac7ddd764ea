/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the life of a Target and the words for it. */
#include "target.h"

#include "io.h"
#include "strv.h"

const char *const target_type_names[_TARGET_TYPE_MAX] = {
        [TARGET_PATH] = "path", [TARGET_FS] = "fs",   [TARGET_RAW] = "raw",
        [TARGET_NFS] = "nfs",   [TARGET_SSH] = "ssh", [TARGET_VIRTIOFS] = "virtiofs",
        [TARGET_URL] = "url",
};

const char *target_type_to_string(TargetType type)
{
        return type >= 0 && type < _TARGET_TYPE_MAX ? target_type_names[type] : NULL;
}

TargetType target_type_from_string(const char *s)
{
        for (TargetType type = 0; type < _TARGET_TYPE_MAX; type++)
                if (streq_ptr(s, target_type_names[type]))
                        return type;
        return _TARGET_TYPE_INVALID;
}

void target_done(Target *target)
{
        if (!target)
                return;
        free(target->what);
        free(target->fstype);
        free(target->options);
        free(target->path);
        free(target->sshkey);
        free(target->known_hosts);
        strv_free(target->addresses);
        free(target->credentials);
        free(target->ca_file);
        free(target->client_cert);
        free(target->client_key);
        free(target->s3_endpoint);
        free(target->s3_region);
        *target = (Target){};
}

static int copy_string(const char *from, char **ret)
{
        *ret = from ? strdup(from) : NULL;
        return from && !*ret ? -ENOMEM : 0;
}

int target_copy(const Target *from, Target *ret)
{
        _cleanup_(target_done) Target copy = {
                .type = from->type,
                .connect_usec = from->connect_usec,
                .timeout_usec = from->timeout_usec,
                .deadline_usec = from->deadline_usec,
                .port = from->port,
        };

        if (copy_string(from->what, &copy.what) < 0 ||
            copy_string(from->fstype, &copy.fstype) < 0 ||
            copy_string(from->options, &copy.options) < 0 ||
            copy_string(from->path, &copy.path) < 0 ||
            copy_string(from->sshkey, &copy.sshkey) < 0 ||
            copy_string(from->known_hosts, &copy.known_hosts) < 0 ||
            copy_string(from->credentials, &copy.credentials) < 0 ||
            copy_string(from->ca_file, &copy.ca_file) < 0 ||
            copy_string(from->client_cert, &copy.client_cert) < 0 ||
            copy_string(from->client_key, &copy.client_key) < 0 ||
            copy_string(from->s3_endpoint, &copy.s3_endpoint) < 0 ||
            copy_string(from->s3_region, &copy.s3_region) < 0 ||
            strv_copy(from->addresses, &copy.addresses) < 0)
                return -ENOMEM;

        *ret = copy;
        copy = (Target){};
        return 0;
}

int target_describe(const Target *target, char **ret)
{
        const char *type = target_type_to_string(target->type) ?: "unknown";
        const char *path = target->path ?: "/";

        switch (target->type) {
        case TARGET_PATH:
                /* In a Plan the device behind the folder is known. */
                if (!target->what)
                        return strprintf(ret, "folder '%s'", path);
                return strprintf(ret, "%s %s folder '%s'", target->fstype ?: "device", target->what,
                                 path);
        case TARGET_FS:
                return strprintf(ret, "%s %s folder '%s'", target->fstype ?: type,
                                 target->what ?: "?", path);
        case TARGET_RAW:
        case TARGET_URL:
                return strprintf(ret, "%s %s", type, target->what ?: "?");
        default:
                return strprintf(ret, "%s %s folder '%s'", type, target->what ?: "?", path);
        }
}

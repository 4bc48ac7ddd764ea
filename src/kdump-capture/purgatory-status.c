/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the reading of the purgatory's status. */
#include "purgatory-status.h"

#include <inttypes.h>

#include "parse.h"
#include "rootdir.h"
#include "strv.h"
#include "text.h"

#define SETUP_DATA_DIR "/sys/kernel/boot_params/setup_data"

/* arch/x86/kernel/ksysfs.c writes the type as "0x%x\n". */
static bool is_ours(int root_fd, const char *name)
{
        _cleanup_free_ char *path = NULL, *line = NULL;
        const char *digits;
        uint64_t type;

        if (strprintf(&path, SETUP_DATA_DIR "/%s/type", name) < 0 ||
            root_read_line(root_fd, path, &line) < 0)
                return false;
        digits = startswith(line, "0x");
        return digits && parse_u64(digits, 16, &type) >= 0 && type == PURGATORY_SETUP_DATA_TYPE;
}

static int read_node(int root_fd, const char *name, PurgatoryStatus *ret)
{
        _cleanup_free_ char *path = NULL, *data = NULL;
        PurgatoryStatus status;
        size_t size;
        int r;

        r = strprintf(&path, SETUP_DATA_DIR "/%s/data", name);
        if (r < 0)
                return r;
        r = root_read(root_fd, path, 4096, &data, &size);
        if (r < 0)
                return r;
        if (size < sizeof(status))
                return -EBADMSG;
        memcpy(&status, data, sizeof(status));
        if (status.magic != PURGATORY_STATUS_MAGIC || status.version != PURGATORY_VERSION ||
            status.bytes != sizeof(status))
                return -EBADMSG;
        *ret = status;
        return 0;
}

int purgatory_status_read(int root_fd, PurgatoryStatus *ret)
{
        _cleanup_strv_ char **names = NULL;
        int r;

        r = root_list(root_fd, SETUP_DATA_DIR, &names);
        if (r < 0)
                return r;
        for (char **name = names; name && *name; name++)
                if (is_ours(root_fd, *name))
                        return read_node(root_fd, *name, ret);
        return -ENOENT;
}

/* As meta.json has it: what was started, and in which state it was found. */
static const char *outcome(const PurgatoryStatus *status)
{
        if (status->started > 1)
                return "fallback";
        return status->chunks_repaired > 0 || status->block_copy > 1 || status->leaves_copy > 1
                       ? "repaired"
                       : "good";
}

int purgatory_status_describe(const PurgatoryStatus *status, char **ret)
{
        _cleanup_free_ char *exception = NULL;
        const PurgatoryException *e = &status->first_exception;

        if (status->exceptions > 0 &&
            strprintf(&exception, ", %" PRIu32 " exceptions, the first %" PRIu64 " at 0x%" PRIx64,
                      status->exceptions, e->vector, e->rip) < 0)
                return -ENOMEM;
        return strprintf(ret,
                         "before the start: image %s, %" PRIu32 " chunks checked, %" PRIu32
                         " repaired, %" PRIu32 " lost, %" PRIu32 " NMIs%s",
                         outcome(status), status->chunks_checked, status->chunks_repaired,
                         status->chunks_lost, status->nmis, exception ?: "");
}

int purgatory_status_record(const PurgatoryStatus *status, DumpRecord *record)
{
        char *text = strdup(outcome(status));

        if (!text)
                return -ENOMEM;
        free(record->purgatory);
        record->purgatory = text;
        record->purgatory_chunks_checked = status->chunks_checked;
        record->purgatory_chunks_repaired = status->chunks_repaired;
        record->purgatory_chunks_lost = status->chunks_lost;
        record->purgatory_exceptions = status->exceptions;
        record->purgatory_nmis = status->nmis;
        return 0;
}

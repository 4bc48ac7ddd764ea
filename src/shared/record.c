/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the JSON form of a DumpRecord. */
#include "record.h"

#include "json-fields.h"

static const char *const status_names[_DUMP_STATUS_MAX] = {
        [DUMP_STATUS_COMPLETE] = "complete",
        [DUMP_STATUS_INCOMPLETE] = "incomplete",
        [DUMP_STATUS_LOG_ONLY] = "log-only",
};

/* The texts come from a crashed kernel, and other programs read the file too: JSON must be UTF-8.
 */
#define FIELD(field, type_)                                                                        \
        {                                                                                          \
                .name = #field, .type = (type_), .offset = offsetof(DumpRecord, field),            \
                .clean = true                                                                      \
        }

static const JsonField record_fields[] = {
        { .name = "status",
          .type = JSON_FIELD_ENUM,
          .offset = offsetof(DumpRecord, status),
          .required = true,
          .names = status_names,
          .n_names = ELEMENTSOF(status_names) },
        FIELD(hostname, JSON_FIELD_STRING),
        FIELD(machine_id, JSON_FIELD_STRING),
        FIELD(kernel_release, JSON_FIELD_STRING),
        FIELD(panic, JSON_FIELD_STRING),
        FIELD(reason, JSON_FIELD_STRING),
        FIELD(target, JSON_FIELD_STRING),
        FIELD(format, JSON_FIELD_STRING),
        FIELD(compression, JSON_FIELD_STRING),
        FIELD(dump_level, JSON_FIELD_UINT),
        FIELD(n_cpus, JSON_FIELD_UINT),
        FIELD(crash_realtime_usec, JSON_FIELD_U64),
        FIELD(start_realtime_usec, JSON_FIELD_U64),
        FIELD(log_usec, JSON_FIELD_U64),
        FIELD(dump_usec, JSON_FIELD_U64),
        FIELD(plan_usec, JSON_FIELD_U64),
        FIELD(log_bytes, JSON_FIELD_U64),
        FIELD(vmcore_bytes, JSON_FIELD_U64),
        FIELD(n_threads, JSON_FIELD_UINT),
        FIELD(n_pages_memory, JSON_FIELD_U64),
        FIELD(n_pages, JSON_FIELD_U64),
        FIELD(n_pages_zero, JSON_FIELD_U64),
        FIELD(n_pages_missing, JSON_FIELD_U64),
        FIELD(n_excluded_free, JSON_FIELD_U64),
        FIELD(n_excluded_cache, JSON_FIELD_U64),
        FIELD(n_excluded_cache_private, JSON_FIELD_U64),
        FIELD(n_excluded_user, JSON_FIELD_U64),
        FIELD(n_excluded_hwpoison, JSON_FIELD_U64),
        FIELD(n_excluded_offline, JSON_FIELD_U64),
        FIELD(n_excluded_before, JSON_FIELD_U64),
        FIELD(generation, JSON_FIELD_U64),
        FIELD(image, JSON_FIELD_STRING),
        FIELD(memory_ram_bytes, JSON_FIELD_U64),
        FIELD(memory_total_bytes, JSON_FIELD_U64),
        FIELD(memory_peak_bytes, JSON_FIELD_U64),
        FIELD(purgatory, JSON_FIELD_STRING),
        FIELD(purgatory_chunks_checked, JSON_FIELD_U64),
        FIELD(purgatory_chunks_repaired, JSON_FIELD_U64),
        FIELD(purgatory_chunks_lost, JSON_FIELD_U64),
        FIELD(purgatory_exceptions, JSON_FIELD_U64),
        FIELD(purgatory_nmis, JSON_FIELD_U64),
};

const char *dump_status_to_string(DumpStatus status)
{
        return status >= 0 && status < _DUMP_STATUS_MAX ? status_names[status] : NULL;
}

DumpStatus dump_status_from_string(const char *s)
{
        for (DumpStatus status = 0; status < _DUMP_STATUS_MAX; status++)
                if (streq_ptr(s, status_names[status]))
                        return status;
        return _DUMP_STATUS_INVALID;
}

void dump_record_done(DumpRecord *record)
{
        if (!record)
                return;
        free(record->hostname);
        free(record->machine_id);
        free(record->kernel_release);
        free(record->panic);
        free(record->reason);
        free(record->target);
        free(record->format);
        free(record->compression);
        free(record->purgatory);
        free(record->image);
        *record = (DumpRecord){};
}

int dump_record_to_json(const DumpRecord *record, char **ret_json)
{
        _cleanup_json_ struct json_object *object = NULL;
        int r;

        r = json_fields_write(record_fields, ELEMENTSOF(record_fields), record, &object);
        if (r < 0)
                return r;
        return json_object_format(object, ret_json);
}

int dump_record_from_json(const char *json, size_t size, DumpRecord *ret)
{
        _cleanup_(dump_record_done) DumpRecord record = {};
        _cleanup_json_ struct json_object *object = NULL;
        _cleanup_free_ char *message = NULL;
        int r;

        r = json_object_parse(json, size, &object, &message);
        if (r < 0)
                return r;
        r = json_fields_read(record_fields, ELEMENTSOF(record_fields), object, "", &record,
                             &message);
        if (r < 0)
                return r;

        *ret = record;
        record = (DumpRecord){};
        return 0;
}

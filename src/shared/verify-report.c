/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the form of a report of checks. */
#include "verify-report.h"

#include <stdarg.h>

#include "io.h"
#include "json-fields.h"
#include "rootdir.h"

/* Far more than a system has targets. */
#define CHECKS_MAX 4096

static const char *const status_table[_CHECK_STATUS_MAX] = {
        [CHECK_OK] = "ok",
        [CHECK_SKIPPED] = "skipped",
        [CHECK_WARNING] = "warning",
        [CHECK_FAILED] = "failed",
};

/* Texts may quote whatever is in a file that someone else wrote, and JSON must be UTF-8. */
static const JsonField check_fields[] = {
        { .name = "name",
          .type = JSON_FIELD_STRING,
          .offset = offsetof(VerifyCheck, name),
          .required = true },
        { .name = "status",
          .type = JSON_FIELD_ENUM,
          .offset = offsetof(VerifyCheck, status),
          .required = true,
          .names = status_table,
          .n_names = ELEMENTSOF(status_table) },
        { .name = "text",
          .type = JSON_FIELD_STRING,
          .offset = offsetof(VerifyCheck, text),
          .required = true,
          .clean = true },
};

static const JsonField report_fields[] = {
        { .name = "time_realtime_usec",
          .type = JSON_FIELD_U64,
          .offset = offsetof(VerifyReport, time_realtime_usec),
          .required = true },
        { .name = "duration_usec",
          .type = JSON_FIELD_U64,
          .offset = offsetof(VerifyReport, duration_usec) },
        { .name = "kernel_release",
          .type = JSON_FIELD_STRING,
          .offset = offsetof(VerifyReport, kernel_release),
          .clean = true },
        { .name = "generation",
          .type = JSON_FIELD_U64,
          .offset = offsetof(VerifyReport, generation) },
        { .name = "result",
          .type = JSON_FIELD_ENUM,
          .offset = offsetof(VerifyReport, result),
          .required = true,
          .names = status_table,
          .n_names = ELEMENTSOF(status_table) },
};

const char *check_status_to_string(CheckStatus status)
{
        return status >= 0 && status < _CHECK_STATUS_MAX ? status_table[status] : NULL;
}

static void check_done(VerifyCheck *check)
{
        free(check->name);
        free(check->text);
        *check = (VerifyCheck){ 0 };
}

void verify_report_done(VerifyReport *report)
{
        if (!report)
                return;
        for (size_t i = 0; i < report->n_checks; i++)
                check_done(&report->checks[i]);
        free(report->checks);
        free(report->kernel_release);
        *report = (VerifyReport){ 0 };
}

/* Takes what is in @check. */
static int append_check(VerifyReport *report, VerifyCheck *check)
{
        VerifyCheck *bigger = reallocarray(report->checks, report->n_checks + 1, sizeof(*bigger));

        if (!bigger)
                return -ENOMEM;
        report->checks = bigger;
        report->checks[report->n_checks++] = *check;
        *check = (VerifyCheck){ 0 };
        return 0;
}

int verify_report_add(VerifyReport *report, const char *name, CheckStatus status,
                      const char *format, ...)
{
        _cleanup_(check_done) VerifyCheck check = { .status = status };
        va_list ap;
        int n;

        va_start(ap, format);
        n = vasprintf(&check.text, format, ap);
        va_end(ap);
        if (n < 0) {
                check.text = NULL;
                return -ENOMEM;
        }
        check.name = strdup(name);
        if (!check.name)
                return -ENOMEM;
        if (status > CHECK_SKIPPED)
                report->result = MAX(report->result, status);
        return append_check(report, &check);
}

static int checks_write(const VerifyReport *report, struct json_object *object)
{
        struct json_object *array = json_object_new_array();
        int r;

        /* The reference is the object's from here on. */
        r = json_object_take(object, "checks", array);
        for (size_t i = 0; r >= 0 && i < report->n_checks; i++) {
                struct json_object *item = NULL;

                r = json_fields_write(check_fields, ELEMENTSOF(check_fields), &report->checks[i],
                                      &item);
                if (r >= 0 && json_object_array_add(array, item) < 0) {
                        (void) json_object_put(item);
                        r = -ENOMEM;
                }
        }
        return r;
}

int verify_report_to_json(const VerifyReport *report, char **ret_json)
{
        _cleanup_json_ struct json_object *object = NULL;
        int r;

        r = json_fields_write(report_fields, ELEMENTSOF(report_fields), report, &object);
        if (r < 0)
                return r;
        r = checks_write(report, object);
        if (r < 0)
                return r;
        return json_object_format(object, ret_json);
}

static int checks_read(struct json_object *object, VerifyReport *report)
{
        struct json_object *array = json_member(object, "checks");
        size_t n;

        if (!array || !json_object_is_type(array, json_type_array))
                return -EBADMSG;
        n = json_object_array_length(array);
        if (n > CHECKS_MAX)
                return -EBADMSG;
        for (size_t i = 0; i < n; i++) {
                struct json_object *item = json_object_array_get_idx(array, i);
                _cleanup_(check_done) VerifyCheck check = { 0 };
                _cleanup_free_ char *message = NULL;
                int r;

                if (!json_object_is_type(item, json_type_object))
                        return -EBADMSG;
                r = json_fields_read(check_fields, ELEMENTSOF(check_fields), item, "checks[].",
                                     &check, &message);
                if (r < 0)
                        return r;
                r = append_check(report, &check);
                if (r < 0)
                        return r;
        }
        return 0;
}

int verify_report_from_json(const char *json, size_t size, VerifyReport *ret)
{
        _cleanup_json_ struct json_object *object = NULL;
        _cleanup_(verify_report_done) VerifyReport report = { 0 };
        _cleanup_free_ char *message = NULL;
        int r;

        r = json_object_parse(json, size, &object, &message);
        if (r < 0)
                return r;
        r = json_fields_read(report_fields, ELEMENTSOF(report_fields), object, "", &report,
                             &message);
        if (r < 0)
                return r;
        r = checks_read(object, &report);
        if (r < 0)
                return r;
        *ret = report;
        report = (VerifyReport){ 0 };
        return 0;
}

int verify_report_read(int root_fd, VerifyReport *ret)
{
        _cleanup_free_ char *json = NULL;
        size_t size;
        int r;

        r = file_read(root_fd, root_relative(PATH_VERIFY_JSON), JSON_BYTES_MAX, &json, &size);
        if (r < 0)
                return r;
        return verify_report_from_json(json, size, ret);
}

int verify_report_write(int root_fd, const VerifyReport *report)
{
        _cleanup_free_ char *json = NULL;
        int r;

        r = verify_report_to_json(report, &json);
        if (r < 0)
                return r;
        r = mkdir_parents(root_fd, root_relative(PATH_RUN_DIR), 0755);
        if (r < 0)
                return r;
        return file_write_atomic(root_fd, root_relative(PATH_VERIFY_JSON), json, strlen(json),
                                 0644);
}

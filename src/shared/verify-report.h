/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* VerifyReport: what `kdumpd verify` found, in PATH_VERIFY_JSON for whoever wants to know. None of
 * these log. */
#pragma once

#include "macro.h"
#include "paths.h"

#define PATH_VERIFY_JSON PATH_RUN_DIR "/verify.json"

/* Exit status of `kdumpd verify` and `kdumpctl verify`, beside 0. */
#define EXIT_VERIFY_FAILED 1     /* a check failed */
#define EXIT_VERIFY_IMPOSSIBLE 2 /* the checks could not be made */

/* From harmless to bad. */
typedef enum CheckStatus {
        CHECK_OK,
        CHECK_SKIPPED, /* could not be looked at, or there is nothing to look at */
        CHECK_WARNING, /* a dump may suffer */
        CHECK_FAILED,  /* a dump would fail */
        _CHECK_STATUS_MAX,
        _CHECK_STATUS_INVALID = -EINVAL,
} CheckStatus;

typedef struct VerifyCheck {
        char *name; /* stays the same: "reservation"; may come several times, once for each target
                     */
        CheckStatus status;
        char *text; /* what, on what, why, and what to do, for people */
} VerifyCheck;

typedef struct VerifyReport {
        uint64_t time_realtime_usec; /* of the end */
        uint64_t duration_usec;
        char *kernel_release;
        uint64_t generation; /* that is armed; 0: none, or not known */
        CheckStatus result;  /* of the worst check: CHECK_OK, CHECK_WARNING or CHECK_FAILED */
        VerifyCheck *checks;
        size_t n_checks;
} VerifyReport;

void verify_report_done(VerifyReport *report);

/* Appends a check, and lets it count. Returns 0 or -ENOMEM. */
int verify_report_add(VerifyReport *report, const char *name, CheckStatus status,
                      const char *format, ...) _printf_(4, 5);

/* The caller frees *ret_json. Returns 0 or -ENOMEM. */
int verify_report_to_json(const VerifyReport *report, char **ret_json);

/* @json: text of @size bytes. Returns 0; -EBADMSG if it is not a report. */
int verify_report_from_json(const char *json, size_t size, VerifyReport *ret);

/* Reads PATH_VERIFY_JSON below @root_fd. Returns 0; -ENOENT: nothing was verified since boot;
 * -EBADMSG. */
int verify_report_read(int root_fd, VerifyReport *ret);

/* Replaces PATH_VERIFY_JSON below @root_fd, mode 0644; its folder is made if need be. */
int verify_report_write(int root_fd, const VerifyReport *report);

/* "ok", "skipped", "warning", "failed" */
const char *check_status_to_string(CheckStatus status);

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the command 'repair': its words, and how its result is told. */
#include <getopt.h>

#include "json-fields.h"
#include "log.h"
#include "record.h"
#include "repair.h"
#include "verbs.h"

typedef struct RepairReport {
        DumpStatus status;
        RepairResult result;
} RepairReport;

#define FIELD(name_, field)                                                                        \
        {                                                                                          \
                .name = (name_), .type = JSON_FIELD_U64,                                           \
                .offset = offsetof(RepairReport, result.field)                                     \
        }

static int print_json(const RepairResult *result, DumpStatus status)
{
        static const char *const names[] = {
                [DUMP_STATUS_COMPLETE] = "complete",
                [DUMP_STATUS_INCOMPLETE] = "incomplete",
        };
        static const JsonField fields[] = {
                { .name = "status",
                  .type = JSON_FIELD_ENUM,
                  .offset = offsetof(RepairReport, status),
                  .names = names,
                  .n_names = ELEMENTSOF(names) },
                FIELD("n_pages", n_pages),
                FIELD("n_pages_readable", n_readable),
                FIELD("n_pages_missing", n_missing),
                FIELD("n_pages_withdrawn", n_withdrawn),
        };
        const RepairReport report = { .status = status, .result = *result };
        _cleanup_json_ struct json_object *object = NULL;
        _cleanup_free_ char *text = NULL;
        int r;

        r = json_fields_write(fields, ELEMENTSOF(fields), &report, &object);
        if (r >= 0)
                r = json_object_format(object, &text);
        if (r >= 0 && (fputs(text, stdout) < 0 || fflush(stdout) != 0))
                r = -EIO;
        return r;
}

static int print_text(const char *path, const RepairResult *result)
{
        printf("'%s' is %s: %llu of %llu pages can be read", path,
               result->incomplete ? "incomplete" : "complete",
               (unsigned long long) result->n_readable, (unsigned long long) result->n_pages);
        if (result->n_withdrawn > 0)
                printf(", %llu were withdrawn", (unsigned long long) result->n_withdrawn);
        printf(".\n");
        return fflush(stdout) == 0 ? 0 : -EIO;
}

/* Returns the file, NULL if the words are wrong. */
static const char *parse(int argc, char **argv, bool *ret_json)
{
        static const struct option options[] = {
                { "json", no_argument, NULL, 'j' },
                {},
        };
        int option;

        *ret_json = false;
        optind = 0;
        while ((option = getopt_long(argc, argv, "", options, NULL)) >= 0) {
                if (option != 'j')
                        return NULL; /* getopt has said why */
                *ret_json = true;
        }
        if (argc - optind != 1) {
                log_error("Usage: repair FILE [--json]");
                return NULL;
        }
        return argv[optind];
}

int verb_repair(int argc, char **argv)
{
        _cleanup_free_ char *message = NULL;
        RepairResult result;
        const char *path;
        bool json;
        int r;

        path = parse(argc, argv, &json);
        if (!path)
                return EXIT_FAILURE;
        r = repair_file(path, &result, &message);
        if (r < 0) {
                if (message)
                        log_error("Cannot repair '%s': %s.", path, message);
                else
                        (void) log_error_errno(r, "Cannot repair '%s': %m", path);
                return EXIT_FAILURE;
        }
        r = json ? print_json(&result,
                              result.incomplete ? DUMP_STATUS_INCOMPLETE : DUMP_STATUS_COMPLETE)
                 : print_text(path, &result);
        if (r < 0) {
                (void) log_error_errno(r, "Cannot print the result: %m");
                return EXIT_FAILURE;
        }
        if (result.n_readable == 0) {
                log_error("No page of '%s' can be read.", path);
                return EXIT_FAILURE;
        }
        return result.incomplete ? EXIT_INCOMPLETE : EXIT_SUCCESS;
}

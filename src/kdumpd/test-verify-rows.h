/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the tests of the checks share: looking for a row. */
#pragma once

#include "test-fixture.h"
#include "verify.h"

/* What is set in a Verify by a test, and its report. */
static inline void test_verify_done(Verify *v)
{
        plan_free(v->plan);
        needs_done(&v->needs);
        wanted_done(&v->wanted);
        facts_done(&v->facts);
        generation_store_done(&v->store);
        verify_report_done(&v->report);
}

static inline void expect_row(const VerifyReport *report, const char *name, CheckStatus status,
                              const char *text)
{
        for (size_t i = 0; i < report->n_checks; i++) {
                const VerifyCheck *check = &report->checks[i];

                if (!streq(check->name, name))
                        continue;
                if (check->status == status && strstr(check->text, text))
                        return;
                print_message("%s: %s: %s\n", name, check_status_to_string(check->status),
                              check->text);
        }
        fail_msg("no row '%s' of status '%s' that says '%s'", name, check_status_to_string(status),
                 text);
}

static inline void expect_no_row(const VerifyReport *report, const char *name)
{
        for (size_t i = 0; i < report->n_checks; i++)
                assert_string_not_equal(report->checks[i].name, name);
}

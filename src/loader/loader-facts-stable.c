/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the reading of facts that change meanwhile. */
#include "loader-facts-internal.h"

static void loader_facts_freep(LoaderFacts *facts)
{
        loader_facts_done(facts);
}
#define _cleanup_facts_ _cleanup_(loader_facts_freep)

static bool is_same_range(Range a, Range b)
{
        return a.start == b.start && a.end == b.end;
}

static bool is_same_list(const RangeList *a, const RangeList *b)
{
        if (a->n != b->n)
                return false;
        for (size_t i = 0; i < a->n; i++)
                if (!is_same_range(a->ranges[i], b->ranges[i]))
                        return false;
        return true;
}

static bool is_same_map(const LoaderFacts *a, const LoaderFacts *b)
{
        if (a->n_map != b->n_map)
                return false;
        for (size_t i = 0; i < a->n_map; i++)
                if (a->map[i].kind != b->map[i].kind ||
                    !is_same_range(a->map[i].range, b->map[i].range))
                        return false;
        return true;
}

static bool is_same_notes(const LoaderFacts *a, const LoaderFacts *b)
{
        if (a->n_cpu_notes != b->n_cpu_notes)
                return false;
        for (size_t i = 0; i < a->n_cpu_notes; i++)
                if (a->cpu_notes[i].paddr != b->cpu_notes[i].paddr ||
                    a->cpu_notes[i].bytes != b->cpu_notes[i].bytes)
                        return false;
        return true;
}

/* What of it comes and goes with memory and CPUs. */
static bool is_same(const LoaderFacts *a, const LoaderFacts *b)
{
        return is_same_list(&a->ram, &b->ram) && is_same_list(&a->crash_cma, &b->crash_cma) &&
               is_same_list(&a->gart, &b->gart) && is_same_range(a->crash, b->crash) &&
               is_same_range(a->crash_low, b->crash_low) && is_same_range(a->kernel, b->kernel) &&
               is_same_map(a, b) && is_same_notes(a, b);
}

int facts_read_until_same(FactsRead read, void *userdata, LoaderFacts *ret, char **reterr_message)
{
        _cleanup_facts_ LoaderFacts last = { 0 };
        _cleanup_free_ char *message = NULL;
        int first_error = 0;
        bool changes = false;

        for (unsigned i = 0; i < FACTS_READS_MAX; i++) {
                _cleanup_facts_ LoaderFacts facts = { 0 };
                int r;

                free(TAKE_PTR(message));
                r = read(userdata, &facts, &message);
                if (loader_facts_error_passes(r)) {
                        *reterr_message = TAKE_PTR(message);
                        return r;
                }
                if (r >= 0 && last.ram.n > 0 && is_same(&facts, &last)) {
                        *ret = facts;
                        facts = (LoaderFacts){ 0 };
                        return 0;
                }
                if (i == 0)
                        first_error = r;
                changes |= r >= 0 || r != first_error;
                loader_facts_done(&last);
                last = facts;
                facts = (LoaderFacts){ 0 };
        }
        if (changes)
                return facts_fail(reterr_message, -EBUSY,
                                  "Memory or CPUs come and go: each of %u looks at them found "
                                  "others",
                                  FACTS_READS_MAX);
        *reterr_message = TAKE_PTR(message);
        return first_error;
}

static int read_below(void *userdata, LoaderFacts *ret, char **reterr_message)
{
        const int *root_fd = userdata;

        return loader_facts_read(*root_fd, ret, reterr_message);
}

int loader_facts_read_stable(int root_fd, LoaderFacts *ret, char **reterr_message)
{
        return facts_read_until_same(read_below, &root_fd, ret, reterr_message);
}

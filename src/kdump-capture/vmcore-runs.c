/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the join of a core's segments to runs of physical memory that are sorted and never overlap.
 */
#include "vmcore-internal.h"

static int run_compare(const void *a, const void *b)
{
        const MemoryRun *x = a, *y = b;

        if (x->start_paddr != y->start_paddr)
                return x->start_paddr < y->start_paddr ? -1 : 1;
        if (x->end_paddr != y->end_paddr)
                return x->end_paddr > y->end_paddr ? -1 : 1;
        if (x->file_offset != y->file_offset)
                return x->file_offset < y->file_offset ? -1 : 1;
        return 0;
}

/* The part of @run within [start, end), which must not be empty. */
static MemoryRun run_cut(const MemoryRun *run, uint64_t start_paddr, uint64_t end_paddr)
{
        MemoryRun part = *run;
        uint64_t skip = start_paddr - run->start_paddr;

        part.start_paddr = start_paddr;
        part.end_paddr = end_paddr;
        part.file_offset += MIN(skip, run->file_bytes);
        part.file_bytes -= MIN(skip, run->file_bytes);
        part.file_bytes = MIN(part.file_bytes, end_paddr - start_paddr);
        return part;
}

/* Sorts @runs and takes from each what one before it covers already. Returns how many are left. */
static size_t runs_disjoin(MemoryRun *runs, size_t n_runs)
{
        uint64_t covered_paddr = 0;
        size_t n = 0;

        qsort(runs, n_runs, sizeof(MemoryRun), run_compare);

        for (size_t i = 0; i < n_runs; i++) {
                MemoryRun run = runs[i];

                if (run.end_paddr <= covered_paddr)
                        continue;
                runs[n++] = run_cut(&run, MAX(run.start_paddr, covered_paddr), run.end_paddr);
                covered_paddr = run.end_paddr;
        }
        return n;
}

int vmcore_runs_build(Vmcore *vmcore, MemoryRun *preferred, size_t n_preferred, MemoryRun *others,
                      size_t n_others)
{
        _cleanup_free_ MemoryRun *runs = NULL;
        size_t n = 0, first = 0;

        n_preferred = n_preferred > 0 ? runs_disjoin(preferred, n_preferred) : 0;
        n_others = n_others > 0 ? runs_disjoin(others, n_others) : 0;

        /* Each preferred run splits at most one of the others in two. */
        runs = calloc(2 * n_preferred + n_others + 1, sizeof(MemoryRun));
        if (!runs)
                return -ENOMEM;

        for (; n < n_preferred; n++)
                runs[n] = preferred[n];

        for (size_t i = 0; i < n_others; i++) {
                uint64_t at = others[i].start_paddr, end = others[i].end_paddr;

                while (first < n_preferred && preferred[first].end_paddr <= at)
                        first++;
                for (size_t k = first; at < end; k++) {
                        bool last = k >= n_preferred || preferred[k].start_paddr >= end;
                        uint64_t stop = last ? end : preferred[k].start_paddr;

                        if (stop > at)
                                runs[n++] = run_cut(&others[i], at, stop);
                        if (last)
                                break;
                        at = MAX(at, preferred[k].end_paddr);
                }
        }

        qsort(runs, n, sizeof(MemoryRun), run_compare);
        vmcore->runs = TAKE_PTR(runs);
        vmcore->n_runs = n;
        return 0;
}

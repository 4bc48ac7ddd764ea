/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns LoaderFacts: its end, and what it means for kexec_load(2). */
#include "loader-facts.h"

void loader_facts_done(LoaderFacts *facts)
{
        if (!facts)
                return;
        range_list_done(&facts->ram);
        range_list_done(&facts->crash_cma);
        range_list_done(&facts->gart);
        free(facts->map);
        free(facts->cpu_notes);
        free(facts->efi.ranges);
        *facts = (LoaderFacts){ 0 };
}

const char *loader_facts_refusal(const LoaderFacts *facts)
{
        if (facts->load_disabled)
                return "kernel.kexec_load_disabled is set";
        if (facts->load_limit == 0)
                return "kernel.kexec_load_limit_panic has come to 0";
        if (facts->lockdown)
                return "the kernel is locked down, and then takes signed kernels as files only";
        if (facts->xen)
                return "this is a Xen domain, where the hypervisor has the crash image";
        if (facts->encrypted_guest)
                return "this is an encrypted guest, where the checks before the crash kernel "
                       "cannot run";
        if (facts->encrypted_host)
                return "memory is encrypted by the host, so that it cannot be read back";
        return NULL;
}

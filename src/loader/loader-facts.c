/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns LoaderFacts: its beginning and end, and what it means for kexec_load(2). */
#include "loader-facts.h"

#include "loader-facts-internal.h"
#include "parse.h"
#include "rootdir.h"

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

static void loader_facts_freep(LoaderFacts *facts)
{
        loader_facts_done(facts);
}

int facts_read_u64(int root_fd, const char *path, unsigned base, uint64_t *ret)
{
        _cleanup_free_ char *line = NULL;
        int r;

        r = root_read_line(root_fd, path, &line);
        if (r < 0)
                return r;
        return parse_u64(line, base, ret) < 0 ? -EBADMSG : 0;
}

/* What no image can be made without. */
static int read_needed(int root_fd, LoaderFacts *facts, FactsEncryption *encryption,
                       char **reterr_message)
{
        int r;

        r = facts_read_memory(root_fd, facts, reterr_message);
        if (r < 0)
                return r;
        r = facts_read_notes(root_fd, facts, reterr_message);
        if (r < 0)
                return r;
        r = facts_read_boot_params(root_fd, facts, encryption, reterr_message);
        if (r < 0)
                return r;
        return facts_read_kcore(root_fd, facts, encryption, reterr_message);
}

/* What may be missing. */
static int read_more(int root_fd, LoaderFacts *facts, FactsEncryption *encryption)
{
        int r;

        r = facts_read_efi(root_fd, facts);
        if (r < 0)
                return r;
        r = facts_read_cpu(root_fd, facts, encryption);
        if (r < 0)
                return r;
        return facts_read_ports(root_fd, facts);
}

/* What the kernel allows comes first: where it takes no segments, it may not let us read the rest
 * either, and then that is not the reason. */
static int read_all(int root_fd, LoaderFacts *facts, FactsEncryption *encryption,
                    char **reterr_message)
{
        const char *refusal;
        int r;

        r = facts_read_policy(root_fd, facts);
        if (r < 0)
                return r;
        r = read_needed(root_fd, facts, encryption, reterr_message);
        if (r >= 0)
                r = read_more(root_fd, facts, encryption);
        refusal = loader_facts_refusal(facts);
        if (r != -EACCES || !refusal)
                return r;
        free(TAKE_PTR(*reterr_message));
        (void) strprintf(reterr_message, "%s", refusal);
        return -EOPNOTSUPP;
}

int loader_facts_read(int root_fd, LoaderFacts *ret, char **reterr_message)
{
        _cleanup_(loader_facts_freep) LoaderFacts facts = { 0 };
        FactsEncryption encryption = { 0 };
        _cleanup_free_ char *message = NULL;
        int r;

        r = read_all(root_fd, &facts, &encryption, &message);
        if (r < 0) {
                if (!message)
                        (void) strprintf(&message, "Failed to read what the kernel says: %s",
                                         strerror(-r));
                *reterr_message = TAKE_PTR(message);
                return r;
        }
        facts_judge_encryption(&facts, &encryption);
        *ret = facts;
        facts = (LoaderFacts){ 0 };
        return 0;
}

bool loader_facts_error_passes(int error)
{
        return error == -ENOMEM || error == -EMFILE || error == -ENFILE || error == -EINTR ||
               error == -EAGAIN || error == -EBUSY;
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

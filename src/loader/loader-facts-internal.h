/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The readers of each part of LoaderFacts, and what they share. None of these log. */
#pragma once

#include <inttypes.h>

#include "loader-facts.h"
#include "text.h"

/* Gives *reterr_message its text and returns @error. */
static inline int facts_fail(char **reterr_message, int error, const char *format, ...)
        _printf_(3, 4);
static inline int facts_fail(char **reterr_message, int error, const char *format, ...)
{
        va_list ap;
        char *message;
        int n;

        va_start(ap, format);
        n = vasprintf(&message, format, ap);
        va_end(ap);
        if (n < 0)
                return -ENOMEM;
        *reterr_message = message;
        return error;
}

/* What it means that something needed cannot be read. */
static inline int facts_error(int error)
{
        return error == -ENOENT ? -EOPNOTSUPP : error == -EPERM ? -EACCES : error;
}

/* What it means that something cannot be read that may be missing: nothing, unless the error says
 * nothing of the machine. */
static inline int facts_unless_passing(int error)
{
        return loader_facts_error_passes(error) ? error : 0;
}

/* What says only together with others whether memory is encrypted. */
typedef struct FactsEncryption {
        bool hypervisor, sme, sev_es, sev_snp, tdx_guest; /* flags of /proc/cpuinfo */
        bool cc_blob;                                     /* boot_params has the guest's secrets */
        bool has_mask;                                    /* vmcoreinfo tells */
        uint64_t mask;                                    /* the bit of page table entries, or 0 */
} FactsEncryption;

/* The whole of a file as one number, in @base 10, or 16 with or without "0x". Returns 0; -EBADMSG
 * if it is none, errors of open(2) and read(2). */
int facts_read_u64(int root_fd, const char *path, unsigned base, uint64_t *ret);

/* Each fills in what it is named after. They need no others' fields but facts_read_kcore(), which
 * comes behind facts_read_memory() and facts_read_notes(), and facts_read_efi(), which comes behind
 * facts_read_boot_params(). What may be missing is left 0 if it is, or cannot be read; then they
 * fail for an error only that passes. */
int facts_read_memory(int root_fd, LoaderFacts *facts, char **reterr_message);
int facts_read_notes(int root_fd, LoaderFacts *facts, char **reterr_message);
int facts_read_kcore(int root_fd, LoaderFacts *facts, FactsEncryption *encryption,
                     char **reterr_message);
int facts_read_boot_params(int root_fd, LoaderFacts *facts, FactsEncryption *encryption,
                           char **reterr_message);
int facts_read_efi(int root_fd, LoaderFacts *facts);
int facts_read_cpu(int root_fd, LoaderFacts *facts, FactsEncryption *encryption);
int facts_read_ports(int root_fd, LoaderFacts *facts);
int facts_read_policy(int root_fd, LoaderFacts *facts);

/* loader_facts_read_stable() of whatever @read gives, which is as loader_facts_read(). */
typedef int (*FactsRead)(void *userdata, LoaderFacts *ret, char **reterr_message);
#define FACTS_READS_MAX 8U
int facts_read_until_same(FactsRead read, void *userdata, LoaderFacts *ret, char **reterr_message);

/* What @encryption means. Pure. */
void facts_judge_encryption(LoaderFacts *facts, const FactsEncryption *encryption);

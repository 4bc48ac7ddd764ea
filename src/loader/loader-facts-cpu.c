/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns what /proc/cpuinfo says, and what says whether memory is encrypted. */
#include <fcntl.h>

#include "loader-facts-internal.h"
#include "parse.h"
#include "rootdir.h"
#include "strv.h"

/* One CPU has less than 3 KiB. */
#define CPUINFO_BYTES ((size_t) 64 * 1024)

#define MEMINFO_BYTES_MAX ((size_t) 64 * 1024)

/* The text of the first CPU: the file has as many as there are CPUs, and all are the same. */
static int read_first_cpu(int root_fd, char **ret)
{
        _cleanup_close_ int fd = root_open(root_fd, "/proc/cpuinfo", O_RDONLY | O_NOCTTY);
        _cleanup_free_ char *text = NULL;
        size_t size = 0;
        char *end = NULL;

        if (fd < 0)
                return fd;
        text = calloc(1, CPUINFO_BYTES + 1);
        if (!text)
                return -ENOMEM;
        while (!end && size < CPUINFO_BYTES) {
                ssize_t n = read(fd, text + size, CPUINFO_BYTES - size);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return -errno;
                if (n == 0)
                        break;
                size += (size_t) n;
                end = strstr(text, "\n\n");
        }
        if (end)
                *end = '\0';
        *ret = TAKE_PTR(text);
        return 0;
}

/* What is behind "name\t: ". Returns -ENODATA if there is no such line. */
static int cpu_line(const char *text, const char *name, char **ret)
{
        for (const char *line = text; line; line = strchr(line, '\n')) {
                const char *rest;

                line += *line == '\n';
                rest = startswith(line, name);
                if (!rest)
                        continue;
                rest += strspn(rest, "\t ");
                if (*rest != ':')
                        continue;
                rest += 1 + strspn(rest + 1, " ");
                *ret = strndup(rest, strcspn(rest, "\n"));
                return *ret ? 0 : -ENOMEM;
        }
        return -ENODATA;
}

/* "2893.202" MHz. It is what this CPU runs at now, which need not be what its TSC counts; good
 * enough for an estimate. */
static int read_khz(const char *text, uint32_t *ret_khz)
{
        _cleanup_free_ char *mhz = NULL;
        uint32_t whole, rest;
        char *point;
        int r;

        r = cpu_line(text, "cpu MHz", &mhz);
        if (r < 0)
                return r;
        point = strchr(mhz, '.');
        if (!point)
                return -EBADMSG;
        *point++ = '\0';
        if (strlen(point) != 3 || parse_u32(mhz, &whole) < 0 || parse_u32(point, &rest) < 0 ||
            whole > UINT32_MAX / 1000 - 1)
                return -EBADMSG;
        *ret_khz = whole * 1000 + rest;
        return 0;
}

static int read_flags(const char *text, char ***ret)
{
        _cleanup_free_ char *line = NULL;
        int r;

        r = cpu_line(text, "flags", &line);
        return r < 0 ? r : strv_split(line, ret);
}

/* Whether the kernel maps memory by pages of 1 GiB: it may be told not to ('nogbpages'), and says
 * that it does with this line only (arch_report_meminfo() of arch/x86/mm/pat/set_memory.c). Its
 * tables for a kexec are of the same kind (direct_gbpages of arch/x86/mm/init.c). */
static int read_gb_pages(int root_fd, bool *ret)
{
        _cleanup_free_ char *text = NULL;
        int r;

        r = root_read(root_fd, "/proc/meminfo", MEMINFO_BYTES_MAX, &text, NULL);
        if (r < 0)
                return facts_unless_passing(r);
        *ret = strstr(text, "\nDirectMap1G:");
        return 0;
}

int facts_read_cpu(int root_fd, LoaderFacts *facts, FactsEncryption *encryption)
{
        _cleanup_free_ char *text = NULL;
        _cleanup_strv_ char **flags = NULL;
        int r;

        r = read_first_cpu(root_fd, &text);
        if (r < 0)
                return facts_unless_passing(r);
        r = read_khz(text, &facts->tsc_khz);
        if (loader_facts_error_passes(r))
                return r;
        r = read_flags(text, &flags);
        if (r < 0)
                return facts_unless_passing(r);
        if (strv_contains(flags, "pdpe1gb")) {
                r = read_gb_pages(root_fd, &facts->gb_pages);
                if (r < 0)
                        return r;
        }
        encryption->hypervisor = strv_contains(flags, "hypervisor");
        encryption->sme = strv_contains(flags, "sme");
        encryption->sev_es = strv_contains(flags, "sev_es");
        encryption->sev_snp = strv_contains(flags, "sev_snp");
        encryption->tdx_guest = strv_contains(flags, "tdx_guest");
        return 0;
}

/* The flags sev_es and sev_snp are also of hosts that could have such guests; so they count below
 * a hypervisor only. But there the kernel may have taken them away (early_detect_mem_encrypt() of
 * arch/x86/kernel/cpu/amd.c asks registers that a guest does not see); its mask of encrypted pages
 * then remains, from which plain SEV cannot be told: it is taken for the others, which is safe.
 * With SNP, the kernel itself has put an address into boot_params (snp_init() of
 * arch/x86/coco/sev/core.c).
 *
 * On a host the mask says that SME is in use. Where vmcoreinfo does not have it, as with
 * old kernels, the flag says that it could be (later on it is there only if it is). */
void facts_judge_encryption(LoaderFacts *facts, const FactsEncryption *encryption)
{
        bool masked = encryption->has_mask && encryption->mask != 0;

        facts->encrypted_guest =
                encryption->tdx_guest || encryption->cc_blob ||
                (encryption->hypervisor && (encryption->sev_es || encryption->sev_snp || masked));
        facts->encrypted_host =
                !encryption->hypervisor && (encryption->has_mask ? masked : encryption->sme);
}

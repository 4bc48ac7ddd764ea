/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns what is taken out of and put into the command line for the crash kernel. */
#include "cmdline.h"

#include "cmdline-words.h"
#include "io.h"
#include "parse.h"
#include "strv.h"

#define MIB (UINT64_C(1024) * 1024)

/* The kernel wants the line with its NUL to fit the header's cmdline_size, which is
 * COMMAND_LINE_SIZE - 1 (arch/x86/include/asm/setup.h; arm64 and powerpc have the same size). */
#define COMMAND_LINE_MAX_BYTES 2047
/* What kexec_file_load() puts in front: "elfcorehdr=0x… " (30 bytes, MAX_ELFCOREHDR_STR_LEN in
 * arch/x86/kernel/kexec-bzimage64.c) and "dmcryptkeys=0x… " (31 bytes, since v6.16). */
#define KERNEL_ADDS_BYTES 62

/* Memory that the crash kernel needs to run and capture with one CPU (120 MiB were enough for
 * v6.1), and what each further one costs: 0.9 MiB of the kernel's, 2.5 MiB of the engine's buffers;
 * doubled for drivers that keep queues for each CPU. The VM cases sizes-… and cpu-cost measure
 * them.
 */
#define NR_CPUS_BASE_BYTES (144 * MIB)
#define NR_CPUS_EACH_BYTES (8 * MIB)
/* The engine is no faster with more: the disk or the network is the limit then. */
#define NR_CPUS_MAX 8U

/* nr_cpus= or maxcpus= among @words, the last one. Returns its value, or 0 if there is none. */
static unsigned words_nr_cpus(char *const *words)
{
        unsigned n = 0;

        for (char *const *word = words; word && *word; word++) {
                uint32_t value;

                if (!cmdline_word_has_name(*word, "nr_cpus") &&
                    !cmdline_word_has_name(*word, "maxcpus"))
                        continue;
                /* "maxcpus=0" boots one CPU without any SMP set-up; a value that is no number
                 * leaves the kernel at whatever it makes of it, which is not more than one for us.
                 */
                n = parse_u32(cmdline_word_value(*word), &value) == 0 ? MAX(value, 1U) : 1;
        }
        return n;
}

unsigned cmdline_nr_cpus(const Config *config, const Facts *facts)
{
        _cleanup_strv_ char **by_user = NULL;
        unsigned online = MAX(facts->n_cpus, 1U), n = 0;

        if (cmdline_words_of_items(config->commandline_append, &by_user) >= 0)
                n = words_nr_cpus(by_user);
        if (n > 0)
                return MIN(n, online);
        if (config->nr_cpus > 0)
                return MIN(config->nr_cpus, online);
        if (facts->crash_size_bytes <= NR_CPUS_BASE_BYTES)
                return 1;
        n = 1 + (unsigned) MIN((facts->crash_size_bytes - NR_CPUS_BASE_BYTES) / NR_CPUS_EACH_BYTES,
                               (uint64_t) NR_CPUS_MAX);
        n = MIN(n, NR_CPUS_MAX);
        return MIN(n, online);
}

static int add_inherited(const Config *config, const Facts *facts, char ***words)
{
        _cleanup_strv_ char **all = NULL;
        const char *from = config->commandline ? config->commandline : facts->kernel_cmdline;
        int r;

        r = cmdline_words_split(from, &all);
        if (r < 0)
                return r;
        for (char **word = all; word && *word; word++) {
                /* Behind it are arguments for init: what we add must not become one of them. */
                if (streq(*word, "--"))
                        break;
                if (cmdline_word_is_removed(*word))
                        continue;
                r = strv_extend(words, *word);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int add_cpus(const Config *config, const Facts *facts, char *const *by_user, char ***words)
{
        unsigned n = cmdline_nr_cpus(config, facts);
        int r;

        if (words_nr_cpus(by_user) == 0) {
                r = strv_extendf(words, "nr_cpus=%u", n);
                if (r < 0)
                        return r;
        }
        /* An AP that wakes the boot CPU by INIT resets the machine. The CPU that panicked is never
         * woken: if it is the boot CPU, the kernel ignores this (generic_processor_info(), since
         * v3.14, commit 151e0c7de616). With one CPU nobody is woken. Newer kernels know by
         * themselves (check_for_real_bsp() in arch/x86/kernel/cpu/topology.c, since v6.9). */
        if (n > 1 && facts->boot_apicid_known &&
            !cmdline_words_have_name(by_user, "disable_cpu_apicid"))
                return strv_extendf(words, "disable_cpu_apicid=%u", facts->boot_apicid);
        return 0;
}

/* Takes out the words that the user names: "quiet", "rd.lvm.lv", or one exact "console=tty0". */
static int remove_user_words(const Config *config, char **words)
{
        _cleanup_strv_ char **names = NULL;
        int r;

        r = cmdline_words_of_items(config->commandline_remove, &names);
        if (r < 0)
                return r;
        for (char **name = names; name && *name; name++)
                if (strchr(*name, '='))
                        cmdline_words_remove(words, *name);
                else
                        cmdline_words_remove_name(words, *name);
        return 0;
}

/* @whose: whose line it is. @advice: what can be done about its length. */
static int join(char *const *words, const char *whose, const char *advice, char **ret,
                char **reterr_message)
{
        _cleanup_free_ char *line = NULL;
        size_t size;
        int r;

        r = strv_join(words, &line);
        if (r < 0)
                return r;
        size = strlen(line) + 1 + KERNEL_ADDS_BYTES;
        if (size > COMMAND_LINE_MAX_BYTES) {
                (void) strprintf(reterr_message, "%s command line is %zu bytes too long%s", whose,
                                 size - COMMAND_LINE_MAX_BYTES, advice);
                return -E2BIG;
        }
        *ret = TAKE_PTR(line);
        return 0;
}

int cmdline_build(const Config *config, const Facts *facts, char **ret, char **reterr_message)
{
        _cleanup_strv_ char **words = NULL, **by_user = NULL;
        int r;

        r = cmdline_words_of_items(config->commandline_append, &by_user);
        if (r < 0)
                return r;
        r = add_inherited(config, facts, &words);
        if (r < 0)
                return r;
        r = cmdline_words_add_ours(&words, by_user);
        if (r < 0)
                return r;
        r = add_cpus(config, facts, by_user, &words);
        if (r < 0)
                return r;
        r = remove_user_words(config, words);
        if (r < 0)
                return r;
        r = strv_extend_strv(&words, by_user);
        if (r < 0)
                return r;
        return join(words, "the crash kernel's", ": take words out with kdump_commandline_remove",
                    ret, reterr_message);
}

/* What is damaged is the image, not the machine; still, a driver that is not needed is one that
 * cannot fail: here there is one CPU and the firmware's screen. How devices interrupt is left as it
 * is in the usual image. Without interrupts by message, disks would be lost that have no others:
 * those behind VMD (vmd_alloc_irqs() in drivers/pci/controller/vmd.c takes MSI-X only), virtual
 * functions (no pin: pci_read_irq() in drivers/pci/probe.c), those of Hyper-V, many NVMe disks; and
 * what does have a pin shares it with whatever the crashed kernel has left running. Error reporting
 * is off where it matters: pcie_ports=compat of the usual line has nobody listen to it. */
static int add_careful(char ***words)
{
        static const char *const careful[] = { "nr_cpus=1", "nomodeset", "kdumpd.fallback=1" };

        for (size_t i = 0; i < ELEMENTSOF(careful); i++) {
                int r = strv_extend(words, careful[i]);

                if (r < 0)
                        return r;
        }
        return 0;
}

int cmdline_build_fallback(const char *cmdline, char **ret, char **reterr_message)
{
        static const char *const replaced[] = { "nr_cpus", "maxcpus", "nomodeset",
                                                "kdumpd.fallback" };
        _cleanup_strv_ char **all = NULL, **words = NULL;
        int r;

        r = cmdline_words_split(cmdline, &all);
        for (char **word = all; r >= 0 && word && *word && !streq(*word, "--"); word++)
                if (!cmdline_word_is_for_programs(*word))
                        r = strv_extend(&words, *word);
        if (r < 0)
                return r;
        for (size_t i = 0; i < ELEMENTSOF(replaced); i++)
                cmdline_words_remove_name(words, replaced[i]);
        r = add_careful(&words);
        if (r < 0)
                return r;
        return join(words, "the fallback image's", "", ret, reterr_message);
}

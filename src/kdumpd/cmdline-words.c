/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the tables of removed and added words, and how words are told apart. */
#include "cmdline-words.h"

#include <ctype.h>

#include "strv.h"

enum {
        ARCH_X86 = 1 << 0,
        ARCH_ARM64 = 1 << 1,
        ARCH_PPC64 = 1 << 2,
        ARCH_S390 = 1 << 3,
        ARCH_ALL = 0xff,
#if defined(__x86_64__) || defined(__i386__)
        ARCH_OURS = ARCH_X86,
#elif defined(__aarch64__)
        ARCH_OURS = ARCH_ARM64,
#elif defined(__powerpc64__)
        ARCH_OURS = ARCH_PPC64,
#elif defined(__s390x__)
        ARCH_OURS = ARCH_S390,
#else
        ARCH_OURS = 1 << 7,
#endif
};

typedef struct ArchWord {
        unsigned arches;
        const char *word;
        bool adds_up; /* the kernel takes each such word, not the last one: others of the name stay
                       */
} ArchWord;

/* By name; a '*' at the end matches whatever follows. console=, earlyprintk=, hpet=,
 * modprobe.blacklist=, iommu settings and all that is not listed is kept: without it this hardware
 * may not boot. */
static const ArchWord removed[] = {
        /* No second reservation inside of the first one. */
        { ARCH_ALL, "crashkernel" },
        /* A limit or map of memory that is for the whole machine; we get ours from the loader. */
        { ARCH_ALL, "mem" },
        { ARCH_ALL, "memmap" },
        { ARCH_ALL, "movablecore" },
        { ARCH_ALL, "kernelcore" },
        /* Memory set aside at boot: there is little. */
        { ARCH_ALL, "hugepages" },
        { ARCH_ALL, "hugepagesz" },
        { ARCH_ALL, "default_hugepagesz" },
        { ARCH_ALL, "hugetlb_cma" },
        { ARCH_ALL, "cma" },
        { ARCH_ALL, "log_buf_len" },
        { ARCH_ALL, "trace_buf_size" },
        { ARCH_ALL, "swiotlb" },
        { ARCH_S390, "vmcp_cma" },
        { ARCH_S390, "prot_virt" },
        /* Debugging aids that cost memory and time. */
        { ARCH_ALL, "slub_debug" },
        { ARCH_ALL, "slab_debug" },
        { ARCH_ALL, "page_owner" },
        { ARCH_ALL, "kmemleak" },
        /* A warning or a hanging target must not end the capture: the next target is tried. */
        { ARCH_ALL, "panic_on_warn" },
        { ARCH_ALL, "panic_on_oops" },
        { ARCH_ALL, "oops" },
        { ARCH_ALL, "softlockup_panic" },
        { ARCH_ALL, "hung_task_panic" },
        { ARCH_ALL, "unknown_nmi_panic" },
        { ARCH_ALL, "panic" },
        /* CPU numbers are others here, and ours come from the reservation. */
        { ARCH_ALL, "nr_cpus" },
        { ARCH_ALL, "maxcpus" },
        { ARCH_ALL, "possible_cpus" },
        { ARCH_ALL, "nosmp" },
        { ARCH_ALL, "isolcpus" },
        { ARCH_ALL, "nohz_full" },
        { ARCH_ALL, "rcu_nocbs" },
        { ARCH_ALL, "disable_cpu_apicid" },
        /* There is no root file system here: the initramfs mounts the target and nothing else. */
        { ARCH_ALL, "root" },
        { ARCH_ALL, "rootflags" },
        { ARCH_ALL, "rootfstype" },
        { ARCH_ALL, "rootdelay" },
        { ARCH_ALL, "rootwait" },
        { ARCH_ALL, "ro" },
        { ARCH_ALL, "rw" },
        { ARCH_ALL, "resume" },
        { ARCH_ALL, "resume_offset" },
        { ARCH_ALL, "init" },
        { ARCH_ALL, "rdinit" },
        { ARCH_ALL, "rd.lvm.*" },
        { ARCH_ALL, "rd.luks.*" },
        { ARCH_ALL, "rd.dm.*" },
        { ARCH_ALL, "rd.md.*" },
        { ARCH_ALL, "rd.break" },
        { ARCH_ALL, "rd.shell" },
        { ARCH_ALL, "rd.emergency" },
        { ARCH_ALL, "rd.rescue" },
        { ARCH_ALL, "rd.systemd.unit" },
        { ARCH_ALL, "systemd.unit" },
        { ARCH_ALL, "ignition.firstboot" },
        /* The network comes from the Plan. */
        { ARCH_ALL, "ip" },
        { ARCH_ALL, "BOOTIF" },
        { ARCH_ALL, "netroot" },
        { ARCH_ALL, "nfsroot" },
        { ARCH_ALL, "fcoe" },
        { ARCH_ALL, "rd.iscsi.*" },
        { ARCH_ALL, "iscsi_initiator" },
        { ARCH_S390, "zfcp.allow_lun_scan" },
        /* A capture is to be seen on the console. */
        { ARCH_ALL, "quiet" },
        { ARCH_ALL, "splash" },
        { ARCH_ALL, "rhgb" },
        /* Remarks of boot loaders, for nobody; they take room. */
        { ARCH_ALL, "BOOT_IMAGE" },
        { ARCH_ALL, "initrd" },
        { ARCH_ALL, "showopts" },
};

/* What systemd, dracut, udev and the like read, and what asks for another init or root than there
 * is. rootfstype= is also of the kernel's own (see below). */
static const char *const for_programs[] = {
        "rd.*",     "systemd.*", "udev.*",    "luks.*", "plymouth.*", "vconsole.*",
        "locale.*", "root",      "rootflags", "init",   "rdinit",     "ip",
        "ifname",   "bond",      "vlan",      "bridge", "team",       "netroot",
};

static const ArchWord added[] = {
        /* Drivers put their device into a known state: it may be in the middle of anything. */
        { ARCH_ALL, "reset_devices" },
        /* Interrupts of devices that nobody has told that their driver is gone. */
        { ARCH_ALL & ~ARCH_S390, "irqpoll" },
        { ARCH_PPC64, "noirqdistrib" },
        /* A crash of the crash kernel brings the machine back. */
        { ARCH_ALL, "panic=10" },
        { ARCH_ALL, "systemd.crash_reboot=1" },
        /* Memory: no bookkeeping per page or node, no pools, few processes at once. */
        { ARCH_ALL, "cgroup_disable=memory" },
        /* 4 MiB with one CPU: a pointer for each 4 bytes of the unit of per-CPU memory (obj_cgroups
         * in pcpu_alloc_chunk() of mm/percpu.c), in spite of the word above. */
        { ARCH_ALL, "cgroup.memory=nokmem" },
        /* 8.5 MiB: until v6.6 an inode for each file of each trace event, mounted or not
         * (fs_initcall in kernel/trace/trace.c; no kernel minds that the function is not there). */
        { ARCH_ALL, "initcall_blacklist=tracer_init_tracefs", .adds_up = true },
        { ARCH_ALL, "numa=off" },
        { ARCH_ALL, "transparent_hugepage=never" },
        { ARCH_ALL, "cma=0" },
        { ARCH_ALL, "hugetlb_cma=0" },
        { ARCH_ALL, "kfence.sample_interval=0" },
        { ARCH_ALL, "novmcoredd" },
        { ARCH_ALL, "udev.children-max=2" },
        { ARCH_ARM64, "swiotlb=noforce" },
        { ARCH_PPC64, "ehea.use_mcs=0" },
        { ARCH_PPC64, "kvm_cma_resv_ratio=0" },
        { ARCH_S390, "vmcp_cma=0" },
        /* A tmpfs takes half of the memory at most while the initramfs is unpacked; ramfs has no
         * limit (init_rootfs() in init/do_mounts.c). */
        { ARCH_ALL, "rootfstype=ramfs" },
        /* The image is at the address that it was loaded to; saves boot time and room. */
        { ARCH_X86 | ARCH_ARM64, "nokaslr" },
        /* Memory of the crashed kernel: errors in it are met by reads that can fail, not by a new
         * panic; hot-added DIMMs of it are not ours (they would be taken for free memory); old
         * errors in the firmware's tables are not reported again. */
        { ARCH_X86, "mce=off" },
        { ARCH_X86, "acpi_no_memhotplug" },
        { ARCH_X86 | ARCH_ARM64, "hest_disable" },
        /* No PCIe services (hotplug, AER): ports are as the crashed kernel left them. */
        { ARCH_X86, "pcie_ports=compat" },
        /* Nothing is mounted that the Plan does not name. */
        { ARCH_ALL, "rd.systemd.gpt_auto=no" },
        /* What the capture says goes to the console by /dev/kmsg, without the rate limit. */
        { ARCH_ALL, "printk.devkmsg=on" },
};

int cmdline_words_split(const char *s, char ***ret)
{
        _cleanup_strv_ char **words = NULL;

        while (s && *s) {
                const char *start;
                bool quoted = false;
                int r;

                while (isspace((unsigned char) *s))
                        s++;
                start = s;
                while (*s && (quoted || !isspace((unsigned char) *s)))
                        quoted ^= *s++ == '"';
                if (s == start)
                        break;
                r = strv_extendf(&words, "%.*s%s", (int) (s - start), start, quoted ? "\"" : "");
                if (r < 0)
                        return r;
        }
        *ret = TAKE_PTR(words);
        return 0;
}

/* Blanks in the value, and none in the name: no parameter is called so. What has double quotes is
 * in the kernel's own form. */
static bool item_needs_quotes(const char *item)
{
        static const char blanks[] = " \t\n\v\f\r";
        size_t n = strcspn(item, "=");

        return item[n] == '=' && strcspn(item, blanks) > n && strpbrk(item, blanks) &&
               !strchr(item, '"');
}

static int add_item(const char *item, char ***words)
{
        _cleanup_strv_ char **more = NULL;
        size_t n = strcspn(item, "=");
        int r;

        if (item_needs_quotes(item))
                return strv_extendf(words, "%.*s=\"%s\"", (int) n, item, item + n + 1);
        r = cmdline_words_split(item, &more);
        return r < 0 ? r : strv_extend_strv(words, more);
}

int cmdline_words_of_items(char *const *items, char ***ret)
{
        _cleanup_strv_ char **words = NULL;
        int r;

        for (char *const *item = items; item && *item; item++) {
                r = add_item(*item, &words);
                if (r < 0)
                        return r;
        }
        *ret = TAKE_PTR(words);
        return 0;
}

/* The length of the name in @word, which may begin with a quote: "name=a b". */
static const char *word_name(const char *word, size_t *ret_length)
{
        if (*word == '"')
                word++;
        *ret_length = strcspn(word, "=\"");
        return word;
}

static bool name_equal(const char *a, const char *b, size_t n)
{
        for (size_t i = 0; i < n; i++) {
                char x = a[i] == '-' ? '_' : a[i];
                char y = b[i] == '-' ? '_' : b[i];

                if (x != y)
                        return false;
        }
        return true;
}

bool cmdline_word_has_name(const char *word, const char *name)
{
        size_t n, want = strlen(name);

        word = word_name(word, &n);
        return n == want && name_equal(word, name, n);
}

const char *cmdline_word_value(const char *word)
{
        size_t n;

        word = word_name(word, &n);
        return word[n] == '=' ? word + n + 1 : "";
}

bool cmdline_words_have_name(char *const *words, const char *name)
{
        for (; words && *words; words++)
                if (cmdline_word_has_name(*words, name))
                        return true;
        return false;
}

static void remove_if(char **words, bool (*matches)(const char *word, const char *what),
                      const char *what)
{
        char **to = words;

        if (!words)
                return;
        for (char **from = words; *from; from++)
                if (matches(*from, what))
                        free(*from);
                else
                        *to++ = *from;
        *to = NULL;
}

void cmdline_words_remove_name(char **words, const char *name)
{
        remove_if(words, cmdline_word_has_name, name);
}

void cmdline_words_remove(char **words, const char *word)
{
        remove_if(words, streq, word);
}

static bool word_matches(const char *word, const char *pattern)
{
        size_t n, want = strlen(pattern);

        if (want == 0 || pattern[want - 1] != '*')
                return cmdline_word_has_name(word, pattern);
        word = word_name(word, &n);
        return n >= want - 1 && name_equal(word, pattern, want - 1);
}

bool cmdline_word_is_removed(const char *word)
{
        for (size_t i = 0; i < ELEMENTSOF(removed); i++)
                if ((removed[i].arches & ARCH_OURS) && word_matches(word, removed[i].word))
                        return true;
        return false;
}

bool cmdline_word_is_for_programs(const char *word)
{
        for (size_t i = 0; i < ELEMENTSOF(for_programs); i++)
                if (word_matches(word, for_programs[i]))
                        return true;
        return false;
}

int cmdline_words_add_ours(char ***words, char *const *except)
{
        for (size_t i = 0; i < ELEMENTSOF(added); i++) {
                char name[64];
                int r;

                if (!(added[i].arches & ARCH_OURS))
                        continue;
                (void) snprintf(name, sizeof(name), "%.*s", (int) strcspn(added[i].word, "="),
                                added[i].word);
                if (added[i].adds_up) {
                        cmdline_words_remove(*words, added[i].word);
                } else {
                        if (cmdline_words_have_name(except, name))
                                continue;
                        /* One that the running kernel has as well is said once. */
                        cmdline_words_remove_name(*words, name);
                }
                r = strv_extend(words, added[i].word);
                if (r < 0)
                        return r;
        }
        return 0;
}

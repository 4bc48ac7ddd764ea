/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns where the kernel leaves notes for the crash kernel: one of each CPU, and vmcoreinfo. */
#include "loader-facts-internal.h"
#include "parse.h"
#include "rootdir.h"
#include "strv.h"

#define CPUS_MAX 65536U

/* Those of today have 368 and 4132 bytes; vmcoreinfo grows. */
#define NOTE_BYTES_MAX (UINT64_C(1) << 20)

typedef struct CpuNote {
        uint32_t number;
        LoaderNote note;
} CpuNote;

static int check_note(const LoaderFacts *facts, const char *path, const LoaderNote *note,
                      char **reterr_message)
{
        Range range = { note->paddr, 0 };

        if (note->bytes > 0 && note->bytes <= NOTE_BYTES_MAX &&
            !__builtin_add_overflow(note->paddr, note->bytes, &range.end) &&
            range_list_contains(&facts->ram, range))
                return 0;
        return facts_fail(reterr_message, -EBADMSG,
                          "'%s' names %" PRIu64 " bytes at 0x%" PRIx64 ", which are no RAM", path,
                          note->bytes, note->paddr);
}

/* crash_notes_show() and crash_notes_size_show() of drivers/base/cpu.c. Returns 1; 0 if this CPU
 * has none. */
static int read_cpu_note(int root_fd, const LoaderFacts *facts, const char *name, LoaderNote *ret,
                         char **reterr_message)
{
        _cleanup_free_ char *path = NULL, *size_path = NULL;
        LoaderNote note = { 0 };
        int r;

        r = strprintf(&path, "/sys/devices/system/cpu/%s/crash_notes", name);
        if (r < 0)
                return r;
        r = strprintf(&size_path, "%s_size", path);
        if (r < 0)
                return r;
        r = facts_read_u64(root_fd, path, 16, &note.paddr);
        if (r == -ENOENT)
                return 0;
        if (r >= 0)
                r = facts_read_u64(root_fd, size_path, 10, &note.bytes);
        if (r < 0)
                return facts_fail(reterr_message, facts_error(r),
                                  "Failed to read '%s' and its size: %s", path, strerror(-r));
        r = check_note(facts, path, &note, reterr_message);
        if (r < 0)
                return r;
        *ret = note;
        return 1;
}

static int cpu_note_compare(const void *a, const void *b)
{
        const CpuNote *x = a, *y = b;

        return (x->number > y->number) - (x->number < y->number);
}

/* "cpu12", but neither "cpufreq" nor "cpu012". */
static bool is_cpu(const char *name, uint32_t *ret_number)
{
        const char *digits = startswith(name, "cpu");

        return digits && digits[0] >= '0' && digits[0] <= '9' &&
               (digits[0] != '0' || digits[1] == '\0') && parse_u32(digits, ret_number) >= 0;
}

/* Those that are present have a folder; numbers may be left out. */
static int read_cpu_notes(int root_fd, const LoaderFacts *facts, CpuNote **ret, size_t *ret_n,
                          char **reterr_message)
{
        _cleanup_free_ CpuNote *notes = NULL;
        _cleanup_strv_ char **names = NULL;
        size_t n = 0;
        int r;

        r = root_list(root_fd, "/sys/devices/system/cpu", &names);
        if (r < 0 && r != -ENOENT)
                return r;
        if (strv_length(names) > CPUS_MAX)
                return facts_fail(reterr_message, -EBADMSG, "There are more than %u CPUs",
                                  CPUS_MAX);
        notes = calloc(strv_length(names) + 1, sizeof(*notes));
        if (!notes)
                return -ENOMEM;
        for (char **name = names; name && *name; name++) {
                if (!is_cpu(*name, &notes[n].number))
                        continue;
                r = read_cpu_note(root_fd, facts, *name, &notes[n].note, reterr_message);
                if (r < 0)
                        return r;
                n += (size_t) r;
        }
        qsort(notes, n, sizeof(*notes), cpu_note_compare);
        *ret = TAKE_PTR(notes);
        *ret_n = n;
        return 0;
}

/* "0x0000000006c05000 1024": vmcoreinfo_show() of kernel/ksysfs.c; both are hex. */
static int read_vmcoreinfo(int root_fd, LoaderFacts *facts, char **reterr_message)
{
        static const char path[] = "/sys/kernel/vmcoreinfo";
        _cleanup_free_ char *line = NULL;
        LoaderNote note = { 0 };
        char *size;
        int r;

        r = root_read_line(root_fd, path, &line);
        if (r < 0 && r != -ENOMEM)
                return facts_fail(reterr_message, facts_error(r), "Failed to read '%s': %s", path,
                                  strerror(-r));
        if (r < 0)
                return r;
        size = strchr(line, ' ');
        if (!size)
                return facts_fail(reterr_message, -EBADMSG, "'%s' has no size", path);
        *size++ = '\0';
        if (parse_u64(line, 16, &note.paddr) < 0 || parse_u64(size, 16, &note.bytes) < 0)
                return facts_fail(reterr_message, -EBADMSG, "'%s' has no numbers", path);
        r = check_note(facts, path, &note, reterr_message);
        if (r < 0)
                return r;
        facts->vmcoreinfo = note;
        return 0;
}

int facts_read_notes(int root_fd, LoaderFacts *facts, char **reterr_message)
{
        _cleanup_free_ CpuNote *notes = NULL;
        size_t n = 0;
        int r;

        r = read_cpu_notes(root_fd, facts, &notes, &n, reterr_message);
        if (r < 0)
                return r;
        if (n == 0)
                return facts_fail(reterr_message, -EOPNOTSUPP,
                                  "No CPU has 'crash_notes' in /sys/devices/system/cpu");
        facts->cpu_notes = calloc(n, sizeof(*facts->cpu_notes));
        if (!facts->cpu_notes)
                return -ENOMEM;
        for (size_t i = 0; i < n; i++)
                facts->cpu_notes[i] = notes[i].note;
        facts->n_cpu_notes = n;
        return read_vmcoreinfo(root_fd, facts, reterr_message);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the lines of a VMCOREINFO note and the reading of their values. The kernel writes them with
 * the VMCOREINFO_* macros of include/linux/vmcore_info.h (crash_core.h before v6.9). */
#include "vmcoreinfo.h"

#include "parse.h"

typedef struct VmcoreinfoLine {
        const char *key;
        const char *value;
} VmcoreinfoLine;

struct Vmcoreinfo {
        char *text;
        size_t text_size;
        char *words; /* the text once more, cut into strings */
        VmcoreinfoLine *lines;
        size_t n_lines;
};

Vmcoreinfo *vmcoreinfo_free(Vmcoreinfo *info)
{
        if (!info)
                return NULL;
        free(info->text);
        free(info->words);
        free(info->lines);
        free(info);
        return NULL;
}

static char *memdup_nul(const char *text, size_t size)
{
        char *copy = malloc(size + 1);

        if (!copy)
                return NULL;
        if (size > 0)
                memcpy(copy, text, size);
        copy[size] = '\0';
        return copy;
}

static size_t count_newlines(const char *text)
{
        size_t n = 0;

        for (; *text; text++)
                n += *text == '\n';
        return n;
}

static int split_lines(Vmcoreinfo *info)
{
        char *line = info->words, *next;

        info->lines = calloc(count_newlines(line) + 1, sizeof(*info->lines));
        if (!info->lines)
                return -ENOMEM;
        for (; line; line = next) {
                char *equals;

                next = strchr(line, '\n');
                if (next)
                        *next++ = '\0';
                equals = strchr(line, '=');
                if (!equals)
                        continue;
                *equals = '\0';
                info->lines[info->n_lines++] = (VmcoreinfoLine){ line, equals + 1 };
        }
        return 0;
}

int vmcoreinfo_new(const char *text, size_t size, Vmcoreinfo **ret)
{
        _cleanup_(vmcoreinfo_freep) Vmcoreinfo *info = NULL;
        int r;

        while (size > 0 && text[size - 1] == '\0')
                size--;
        if (size > VMCOREINFO_BYTES_MAX)
                return -EFBIG;
        if (size > 0 && memchr(text, '\0', size))
                return -EBADMSG;

        info = calloc(1, sizeof(*info));
        if (!info)
                return -ENOMEM;
        info->text_size = size;
        info->text = memdup_nul(text, size);
        info->words = memdup_nul(text, size);
        if (!info->text || !info->words)
                return -ENOMEM;
        r = split_lines(info);
        if (r < 0)
                return r;

        *ret = TAKE_PTR(info);
        return 0;
}

const char *vmcoreinfo_text(const Vmcoreinfo *info)
{
        return info->text;
}

size_t vmcoreinfo_text_size(const Vmcoreinfo *info)
{
        return info->text_size;
}

/* Is @key the text "kind(name)"? With @kind NULL: "name". */
static bool key_matches(const char *key, const char *kind, const char *name)
{
        const char *rest = key;
        size_t n = strlen(name);

        if (!kind)
                return streq(key, name);
        rest = startswith(key, kind);
        if (!rest || *rest != '(')
                return false;
        return strncmp(rest + 1, name, n) == 0 && streq(rest + 1 + n, ")");
}

static const char *find(const Vmcoreinfo *info, const char *kind, const char *name)
{
        for (size_t i = info->n_lines; i > 0; i--)
                if (key_matches(info->lines[i - 1].key, kind, name))
                        return info->lines[i - 1].value;
        return NULL;
}

static int find_u64(const Vmcoreinfo *info, const char *kind, const char *name, unsigned base,
                    uint64_t *ret)
{
        const char *value = find(info, kind, name);

        if (!value)
                return -ENODATA;
        return parse_u64(value, base, ret) < 0 ? -EBADMSG : 0;
}

int vmcoreinfo_symbol(const Vmcoreinfo *info, const char *name, uint64_t *ret_vaddr)
{
        return find_u64(info, "SYMBOL", name, 16, ret_vaddr);
}

int vmcoreinfo_size(const Vmcoreinfo *info, const char *name, uint64_t *ret_bytes)
{
        return find_u64(info, "SIZE", name, 10, ret_bytes);
}

int vmcoreinfo_offset(const Vmcoreinfo *info, const char *member, uint64_t *ret_bytes)
{
        return find_u64(info, "OFFSET", member, 10, ret_bytes);
}

int vmcoreinfo_length(const Vmcoreinfo *info, const char *name, uint64_t *ret_n)
{
        return find_u64(info, "LENGTH", name, 10, ret_n);
}

int vmcoreinfo_number_u64(const Vmcoreinfo *info, const char *name, uint64_t *ret)
{
        const char *value = find(info, "NUMBER", name);
        uint64_t number;
        bool negative;

        if (!value)
                return -ENODATA;

        /* "%ld" for most, "0x%lx" for VMALLOC_START and the keys of arm64 and riscv. */
        negative = *value == '-';
        if (parse_u64(value + negative, startswith(value, "0x") ? 16 : 10, &number) < 0)
                return -EBADMSG;
        if (negative && number > (uint64_t) INT64_MAX + 1)
                return -EBADMSG;
        *ret = negative ? -number : number;
        return 0;
}

int vmcoreinfo_number(const Vmcoreinfo *info, const char *name, int64_t *ret)
{
        uint64_t number;
        int r;

        r = vmcoreinfo_number_u64(info, name, &number);
        if (r < 0)
                return r;
        *ret = (int64_t) number;
        return 0;
}

int vmcoreinfo_string(const Vmcoreinfo *info, const char *key, const char **ret_value)
{
        const char *value = find(info, NULL, key);

        if (!value)
                return -ENODATA;
        *ret_value = value;
        return 0;
}

int vmcoreinfo_string_u64(const Vmcoreinfo *info, const char *key, unsigned base, uint64_t *ret)
{
        return find_u64(info, NULL, key, base, ret);
}

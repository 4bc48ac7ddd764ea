/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns what kernel.info holds, and when it is believed. */
#include "kernel-info.h"

#include <elf.h>

#include "btf.h"

/* Page types of v6.12 and later (include/linux/page-flags.h, enum pagetype). */
#define PAGE_TYPE_MIN 0xf0
#define PAGE_TYPE_MAX 0xff

static const char *const structs[] = {
        "page",     "mem_section", "printk_ringbuffer", "prb_desc_ring",
        "prb_desc", "printk_info", "prb_data_ring",
};

static const struct {
        const char *type, *member;
} members[] = {
        { "page", "flags" },
        { "page", "_refcount" },
        { "page", "mapping" },
        { "page", "lru" },
        { "page", "_mapcount" },
        { "page", "private" },
        { "page", "compound_head" },
        { "page", "compound_info" },
        { "page", "compound_dtor" },
        { "page", "compound_order" },
        { "folio", "_folio_dtor" },
        { "folio", "_folio_order" },
        { "mem_section", "section_mem_map" },
        { "uts_namespace", "name" },
        { "printk_ringbuffer", "desc_ring" },
        { "printk_ringbuffer", "text_data_ring" },
        { "prb_desc_ring", "count_bits" },
        { "prb_desc_ring", "descs" },
        { "prb_desc_ring", "infos" },
        { "prb_desc_ring", "head_id" },
        { "prb_desc_ring", "tail_id" },
        { "prb_desc", "state_var" },
        { "prb_desc", "text_blk_lpos" },
        { "prb_data_blk_lpos", "begin" },
        { "prb_data_blk_lpos", "next" },
        { "printk_info", "seq" },
        { "printk_info", "ts_nsec" },
        { "printk_info", "text_len" },
        { "printk_info", "caller_id" },
        { "prb_data_ring", "size_bits" },
        { "prb_data_ring", "data" },
};

static const char *const flags[] = {
        "PG_lru", "PG_private", "PG_swapcache", "PG_swapbacked", "PG_hwpoison", "PG_slab",
};

static const struct {
        const char *enumerator, *key;
} page_types[] = {
        { "PGTY_buddy", "PAGE_BUDDY_MAPCOUNT_VALUE" },
        { "PGTY_offline", "PAGE_OFFLINE_MAPCOUNT_VALUE" },
        { "PGTY_hugetlb", "PAGE_HUGETLB_MAPCOUNT_VALUE" },
        { "PGTY_slab", "PAGE_SLAB_MAPCOUNT_VALUE" },
        { "PGTY_unaccepted", "PAGE_UNACCEPTED_MAPCOUNT_VALUE" },
};

/* The GNU build-id among ELF notes, as the kernel writes it in VMCOREINFO (since v5.9). */
static void build_id_write(FILE *f, const uint8_t *notes, size_t size)
{
        Elf64_Nhdr header;
        size_t at = 0;

        while (size - at >= sizeof(header)) {
                size_t name_bytes, data_bytes;

                memcpy(&header, notes + at, sizeof(header));
                at += sizeof(header);
                name_bytes = ALIGN_UP((size_t) header.n_namesz, 4);
                data_bytes = ALIGN_UP((size_t) header.n_descsz, 4);
                if (name_bytes > size - at || data_bytes > size - at - name_bytes)
                        return;
                if (header.n_type == NT_GNU_BUILD_ID && header.n_namesz == sizeof("GNU") &&
                    memcmp(notes + at, "GNU", sizeof("GNU")) == 0) {
                        (void) fputs("BUILD-ID=", f);
                        for (size_t i = 0; i < header.n_descsz; i++)
                                (void) fprintf(f, "%02x", notes[at + name_bytes + i]);
                        (void) fputc('\n', f);
                        return;
                }
                at += name_bytes + data_bytes;
        }
}

static void types_write(FILE *f, const Btf *btf)
{
        uint64_t bytes;
        uint32_t value;

        for (size_t i = 0; i < ELEMENTSOF(structs); i++)
                if (btf_struct_size(btf, structs[i], &bytes) >= 0)
                        (void) fprintf(f, "SIZE(%s)=%llu\n", structs[i],
                                       (unsigned long long) bytes);
        for (size_t i = 0; i < ELEMENTSOF(members); i++)
                if (btf_member_offset(btf, members[i].type, members[i].member, &bytes) >= 0)
                        (void) fprintf(f, "OFFSET(%s.%s)=%llu\n", members[i].type,
                                       members[i].member, (unsigned long long) bytes);
        for (size_t i = 0; i < ELEMENTSOF(flags); i++)
                if (btf_enumerator(btf, flags[i], &value) >= 0 && value < 64)
                        (void) fprintf(f, "NUMBER(%s)=%u\n", flags[i], value);
        if (btf_enumerator(btf, "PG_head", &value) >= 0 && value < 64)
                (void) fprintf(f, "NUMBER(PG_head_mask)=%llu\n", 1ULL << value);
        for (size_t i = 0; i < ELEMENTSOF(page_types); i++)
                if (btf_enumerator(btf, page_types[i].enumerator, &value) >= 0 &&
                    value >= PAGE_TYPE_MIN && value <= PAGE_TYPE_MAX)
                        (void) fprintf(f, "NUMBER(%s)=%d\n", page_types[i].key,
                                       (int32_t) (value << 24));
}

int kernel_info_make(const void *btf_data, size_t btf_size, const char *release, const void *notes,
                     size_t notes_size, char **ret)
{
        _cleanup_(btf_freep) Btf *btf = NULL;
        _cleanup_free_ char *text = NULL;
        size_t size;
        FILE *f;
        int r;

        r = btf_new(btf_data, btf_size, &btf);
        if (r < 0)
                return r;
        f = open_memstream(&text, &size);
        if (!f)
                return -ENOMEM;
        (void) fprintf(f, "OSRELEASE=%s\n", release);
        if (notes)
                build_id_write(f, notes, notes_size);
        types_write(f, btf);
        if (fclose(f) != 0)
                return -ENOMEM;
        *ret = TAKE_PTR(text);
        return 0;
}

/* Do both have the same value of @key? With @optional, or is it missing in one of them? */
static bool same_value(const Vmcoreinfo *a, const Vmcoreinfo *b, const char *key, bool optional)
{
        const char *x, *y;

        if (vmcoreinfo_string(a, key, &x) < 0 || vmcoreinfo_string(b, key, &y) < 0)
                return optional;
        return streq(x, y);
}

/* Appends the lines of @extra whose keys @info lacks. */
static size_t lines_add(FILE *f, const Vmcoreinfo *info, const char *extra)
{
        size_t n_added = 0;

        for (const char *line = extra; *line;) {
                size_t n = strcspn(line, "\n"), n_key = strcspn(line, "=\n");
                _cleanup_free_ char *key = strndup(line, n_key);
                const char *value;

                if (key && line[n_key] == '=' && vmcoreinfo_string(info, key, &value) < 0) {
                        (void) fprintf(f, "%.*s\n", (int) n, line);
                        n_added++;
                }
                line += n + (line[n] == '\n');
        }
        return n_added;
}

int kernel_info_merge(const Vmcoreinfo *info, const char *extra, size_t extra_size,
                      Vmcoreinfo **ret, size_t *ret_n_added)
{
        _cleanup_(vmcoreinfo_freep) Vmcoreinfo *other = NULL;
        _cleanup_free_ char *text = NULL;
        size_t size, n_added;
        FILE *f;
        int r;

        if (extra_size > KERNEL_INFO_BYTES_MAX)
                return -EFBIG;
        r = vmcoreinfo_new(extra, extra_size, &other);
        if (r < 0)
                return r;
        if (!same_value(info, other, "OSRELEASE", false) ||
            !same_value(info, other, "BUILD-ID", true))
                return -ESTALE;

        f = open_memstream(&text, &size);
        if (!f)
                return -ENOMEM;
        (void) fprintf(f, "%s\n", vmcoreinfo_text(info));
        n_added = lines_add(f, info, vmcoreinfo_text(other));
        if (fclose(f) != 0)
                return -ENOMEM;
        r = vmcoreinfo_new(text, size, ret);
        if (r < 0)
                return r;
        *ret_n_added = n_added;
        return 0;
}

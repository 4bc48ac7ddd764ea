/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the made-up area and the made-up kernel. */
#include "test-crash-memory.h"

#include <sys/mman.h>

#include "test.h"

static void put(uint8_t *file, size_t offset, uint64_t value, size_t bytes)
{
        memcpy(file + offset, &value, bytes);
}

/* No byte of it is like its neighbours, so that none can be elsewhere unseen. */
static void fill(uint8_t *data, size_t bytes, uint32_t seed)
{
        for (size_t i = 0; i < bytes; i++) {
                seed = seed * 1664525 + 1013904223;
                data[i] = (uint8_t) (seed >> 24);
        }
}

/* Documentation/arch/x86/boot.rst */
static void make_kernel(uint8_t *file)
{
        size_t bytes = (TEST_KERNEL_FILE_BYTES - TEST_KERNEL_SECTORS_BYTES) / 16 * 16;

        fill(file, TEST_KERNEL_FILE_BYTES, 1);
        memset(file + 0x1f1, 0, 0x26c - 0x1f1);
        put(file, 0x1f1, TEST_KERNEL_SECTORS_BYTES / 512 - 1, 1); /* setup_sects */
        put(file, 0x1f4, bytes / 16, 4);                          /* syssize */
        put(file, 0x1fe, 0xaa55, 2);
        put(file, 0x200, 0x6aeb, 2); /* a jump to 0x26c */
        memcpy(file + 0x202, "HdrS", 4);
        put(file, 0x206, 0x020f, 2);
        put(file, 0x211, 1, 1);          /* loadflags: LOADED_HIGH */
        put(file, 0x214, 0x100000, 4);   /* code32_start */
        put(file, 0x22c, 0x7fffffff, 4); /* initrd_addr_max */
        put(file, 0x230, 0x200000, 4);   /* kernel_alignment */
        put(file, 0x234, 1, 1);          /* relocatable_kernel */
        put(file, 0x235, 21, 1);         /* min_alignment */
        put(file, 0x236, 0x3f, 2);       /* xloadflags */
        put(file, 0x238, 2047, 4);       /* cmdline_size */
        put(file, 0x248, 0x400, 4);      /* payload_offset, payload_length */
        put(file, 0x24c, bytes - 0x800, 4);
        put(file, 0x258, 0x1000000, 8); /* pref_address */
        put(file, 0x260, 0xc00800, 4);  /* init_size */
        put(file, TEST_KERNEL_SECTORS_BYTES + 0x400, 0x8b1f, 2);
}

TestFiles *test_files_new(void)
{
        const PurgatoryHeader header = { .entry = { 0xeb, 94 },
                                         .magic = PURGATORY_HEADER_MAGIC,
                                         .version = PURGATORY_VERSION,
                                         .bytes = TEST_BLOB_BYTES };
        TestFiles *files = malloc(sizeof(*files));

        assert_non_null(files);
        make_kernel(files->kernel);
        fill(files->initrd, sizeof(files->initrd), 2);
        fill(files->fallback, sizeof(files->fallback), 3);
        fill(files->blob, sizeof(files->blob), 4);
        memcpy(files->blob, &header, sizeof(header));
        return files;
}

CrashImageInputs test_files_inputs(const TestFiles *files)
{
        CrashImageInputs inputs = {
                .kernel = files->kernel,
                .kernel_bytes = sizeof(files->kernel),
                .initrd = files->initrd,
                .initrd_bytes = sizeof(files->initrd),
                .fallback_initrd = files->fallback,
                .fallback_initrd_bytes = sizeof(files->fallback),
                .cmdline = "console=ttyS0 nr_cpus=1 reset_devices",
                .fallback_cmdline = "nr_cpus=1 kdumpd.fallback=1",
                .purgatory = files->blob,
                .purgatory_bytes = sizeof(files->blob),
                .generation = 42,
                .armed_realtime_usec = 1700000000000000,
        };

        fill(inputs.random_seed, sizeof(inputs.random_seed), 5);
        return inputs;
}

void test_memory_done(TestMemory *memory)
{
        if (memory->bytes)
                assert_int_equal(munmap(memory->bytes, range_bytes(memory->area)), 0);
        range_list_done(&memory->written);
        *memory = (TestMemory){};
}

static bool is_in_segment(const Layout *layout, Range range, bool sparse)
{
        for (size_t i = 0; i < layout->n_segments; i++)
                if (range_contains(layout->segments[i].range, range))
                        return !sparse || layout->segments[i].small;
        if (!sparse)
                fail_msg("nothing loads [%#llx, %#llx)", (unsigned long long) range.start,
                         (unsigned long long) range.end);
        return false;
}

static void write_once(TestMemory *memory, RangeList *now, Range range, const uint8_t *data)
{
        assert_true(range_contains(memory->area, range));
        assert_false(range_list_overlaps(now, range));
        assert_int_equal(range_list_add(now, range.start, range.end), 0);
        assert_int_equal(range_list_add(&memory->written, range.start, range.end), 0);
        memcpy(memory->bytes + (range.start - memory->area.start), data, range_bytes(range));
}

/* Pages that are never written cost nothing. */
static void map_area(TestMemory *memory, Range area)
{
        void *bytes = mmap(NULL, range_bytes(area), PROT_READ | PROT_WRITE,
                           MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

        assert_ptr_not_equal(bytes, MAP_FAILED);
        memory->area = area;
        memory->bytes = bytes;
}

void test_memory_load(TestMemory *memory, const CrashImage *image, bool sparse)
{
        _cleanup_(range_list_done) RangeList now = {};
        const Layout *layout = &image->layout;

        if (!memory->bytes)
                map_area(memory, layout->area);
        for (ExtentRole role = 0; role < _EXTENT_ROLE_MAX; role++) {
                const LayoutExtent *extent = &layout->extents[role];
                Range range = { extent->paddr, extent->paddr + extent->bytes };
                Range mirror = { extent->mirror_paddr, extent->mirror_paddr + extent->bytes };

                assert_int_equal(extent->present, image->content[role] != NULL);
                if (!extent->present)
                        continue;
                if (is_in_segment(layout, range, sparse))
                        write_once(memory, &now, range, image->content[role]);
                if (mirror.start == 0)
                        continue;
                if (layout->live_elfcorehdr && role == EXTENT_ELFCOREHDR)
                        mirror = (Range){ mirror.start + 64, mirror.end + 64 };
                if (is_in_segment(layout, mirror, sparse))
                        write_once(memory, &now, mirror, image->content[role]);
        }
}

const uint8_t *test_memory_at(const TestMemory *memory, uint64_t paddr, uint64_t bytes)
{
        Range range = { paddr, paddr + bytes };

        if (!range_contains(memory->area, range) || !range_list_contains(&memory->written, range))
                fail_msg("nothing was loaded to %llu bytes at %#llx", (unsigned long long) bytes,
                         (unsigned long long) paddr);
        return memory->bytes + (paddr - memory->area.start);
}

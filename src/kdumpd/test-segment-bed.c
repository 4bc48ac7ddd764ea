/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the made-up kernel of the tests of segments. */
#include "test-segment-bed.h"

#include <dlfcn.h>
#include <linux/kexec.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "io.h"
#include "kcore-map.h"
#include "paths.h"
#include "rootdir.h"
#include "test.h"

#define CRASH_LOADED "sys/kernel/kexec_crash_loaded"

Bed bed = { .root_fd = -EBADF };

static void set_armed(bool armed)
{
        test_file_write(bed.root_fd, CRASH_LOADED, armed ? "1\n" : "0\n");
}

bool bed_armed(void)
{
        _cleanup_free_ char *line = NULL;

        assert_int_equal(root_read_line(bed.root_fd, CRASH_LOADED, &line), 0);
        return streq(line, "1");
}

/* As kimage_load_crash_segment() of kernel/kexec_core.c does it: what no segment has stays. */
static uint64_t copy_segment(const struct kexec_segment *segment)
{
        _cleanup_free_ uint8_t *memory = calloc(1, segment->memsz);

        assert_non_null(memory);
        assert_true(segment->bufsz <= segment->memsz);
        memcpy(memory, segment->buf, segment->bufsz);
        test_machine_put(bed.root_fd, (uintptr_t) segment->mem, memory, segment->memsz);
        return segment->memsz;
}

/* do_kexec_load() of kernel/kexec.c: what is armed goes first. */
static int kernel_load(size_t n, const struct kexec_segment *segments)
{
        size_t i = bed.n_calls++;
        BedCall *call = bed.calls + i;

        assert_true(i < BED_CALLS_MAX);
        call->file = !segments;
        call->n_segments = n;
        if (bed.answers[i] < 0) {
                if (bed.frees[i])
                        set_armed(false);
                return bed.answers[i];
        }
        for (size_t j = 0; j < n; j++)
                call->bytes += copy_segment(segments + j);
        set_armed(true);
        if (bed.hits[i] > 0)
                bed_flip(bed.hits[i]);
        return 0;
}

/* In the place of that of the C library. */
long syscall(long number, ...)
{
        long (*real)(long, ...);
        long a[6];
        va_list ap;
        int r;

        va_start(ap, number);
        for (int i = 0; i < 6; i++)
                a[i] = va_arg(ap, long);
        va_end(ap);
        if (number != SYS_kexec_load && number != SYS_kexec_file_load) {
                *(void **) &real = dlsym(RTLD_NEXT, "syscall");
                return real(number, a[0], a[1], a[2], a[3], a[4], a[5]);
        }
        r = number == SYS_kexec_load
                    ? kernel_load((size_t) a[1], (const struct kexec_segment *) a[2])
                    : kernel_load(0, NULL);
        errno = -r;
        return r < 0 ? -1 : 0;
}

void bed_new_loader(void)
{
        bed.loader = segment_loader_free(bed.loader);
        assert_int_equal(segment_loader_new(bed.root_fd, &bed.loader), 0);
        bed.ops = segment_loader_ops(bed.loader);
}

void bed_new_calls(void)
{
        bed.n_calls = 0;
        memset(bed.answers, 0, sizeof(bed.answers));
        memset(bed.frees, 0, sizeof(bed.frees));
        memset(bed.hits, 0, sizeof(bed.hits));
        memset(bed.calls, 0, sizeof(bed.calls));
}

void bed_init(void)
{
        bed = (Bed){ .root = test_root_new(), .files = test_files_new() };
        bed.root_fd = test_root_open(bed.root);
        test_machine_facts(TEST_MACHINE_BIOS_2G, &bed.facts);
        test_machine_write(bed.root_fd, TEST_MACHINE_BIOS_2G);
        test_file_write_bytes(bed.root_fd, root_relative(PATH_HELPER_DIR "/purgatory.bin"),
                              bed.files->blob, sizeof(bed.files->blob));
        set_armed(false);
        bed_new_loader();
}

void bed_done(void)
{
        bed.loader = segment_loader_free(bed.loader);
        loader_facts_done(&bed.facts);
        free(bed.files);
        close_fd(bed.root_fd);
        test_root_freep(&bed.root);
        bed = (Bed){ .root_fd = -EBADF };
}

void bed_flip(uint64_t paddr)
{
        _cleanup_(kcore_map_done) KcoreMap map = KCORE_MAP_NULL;
        uint8_t byte;

        assert_int_equal(kcore_map_open(bed.root_fd, &map), 0);
        assert_int_equal(kcore_map_read(&map, paddr, &byte, 1), 0);
        byte ^= 0x10;
        test_machine_put(bed.root_fd, paddr, &byte, 1);
}

static int file_new(const void *data, size_t size, const char *overlay)
{
        _cleanup_close_ int fd = memfd_create("test", MFD_CLOEXEC);
        int sealed = -EBADF;

        assert_true(fd >= 0);
        assert_int_equal(write_full(fd, data, size), 0);
        assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
        if (overlay)
                assert_int_equal(kexec_initrd_new(fd, overlay, strlen(overlay), &sealed), 0);
        else
                assert_int_equal(kexec_file_new(fd, "test", &sealed), 0);
        return sealed;
}

KexecImage bed_image(const char *overlay)
{
        const TestFiles *files = bed.files;
        KexecImage image = {
                .kernel_fd = file_new(files->kernel, sizeof(files->kernel), NULL),
                .initrd_fd = file_new(files->initrd, sizeof(files->initrd), overlay),
                .fallback_fd = file_new(files->fallback, sizeof(files->fallback), NULL),
                .cmdline = strdup("console=ttyS0 nr_cpus=1"),
                .fallback_cmdline = strdup("nr_cpus=1 kdumpd.fallback=1"),
                .generation = 7,
        };

        assert_true(image.cmdline && image.fallback_cmdline);
        return image;
}

int bed_swap(const KexecImage *image, const KexecImage *fallback, KexecPrepare how, KexecSwap *ret)
{
        int r;

        r = kexec_crash_swap(bed.ops, image, fallback, how, ret);
        assert_true(bed_armed());
        return r;
}

const KexecReport *bed_report(void)
{
        const KexecReport *report = bed.ops->report(bed.ops->userdata);

        assert_non_null(report);
        return report;
}

void bed_check(const LoadedPlace *place)
{
        _cleanup_(kcore_map_done) KcoreMap map = KCORE_MAP_NULL;
        LoadedDamage damage;

        assert_true(bed_armed());
        assert_int_equal(kcore_map_open(bed.root_fd, &map), 0);
        assert_int_equal(loaded_check(&map, place, LOADED_ALL, &damage), 0);
}

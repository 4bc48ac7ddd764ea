/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* armtool: the daemon's own loader, by hand. armtool KERNEL INITRD CMDLINE [FALLBACK CMDLINE] loads a crash kernel, says where it
 * is, and then does what each line of its standard input says:
 *   next       load it again as for CPUs or memory that came; what is big stays where it is
 *   whole      load all of it again
 *   many N     N times "next"
 *   check      read all of it back
 *   file       load it with kexec_file_load(2)
 *   panic      bring the kernel down
 * Each answer is one line. */
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "io.h"
#include "kexec.h"
#include "parse.h"
#include "segment-loader.h"

static int root_fd;
static const KexecLoader *ops;

static int die(const char *what, int error)
{
        printf("failed %s: %s\n", what, strerror(-error));
        exit(1);
}

static int file_open(const char *path)
{
        int fd = open(path, O_RDONLY | O_CLOEXEC), sealed, r;

        if (fd < 0)
                die(path, -errno);
        r = kexec_file_new(fd, "armtool", &sealed);
        if (r < 0)
                die(path, r);
        close_fd(fd);
        return sealed;
}

static bool load(const KexecLoader *loader, const KexecImage *image, bool tell)
{
        _cleanup_(kexec_swap_done) KexecSwap swap = { 0 };
        const KexecReport *report;
        int r;

        r = kexec_crash_swap(loader, image, image, &swap);
        report = loader->report ? loader->report(loader->userdata) : NULL;
        if (r < 0 || tell)
                printf("%s %s gap_usec %" PRIu64 " damaged %d restored %d%s%s\n",
                       r < 0 ? strerror(-r) : "loaded",
                       !report || !report->guarded ? "file" :
                       report->sparse              ? "sparse" :
                                                     "full",
                       swap.gap_usec, swap.damaged, swap.restored, report && report->reason ? " because " : "",
                       report && report->reason ? report->reason : "");
        return r >= 0 && !swap.damaged;
}

/* Where it is, for who wants to damage it. */
static void tell_place(void)
{
        const KexecReport *report = ops->report(ops->userdata);

        if (!report || !report->guarded) {
                printf("place unknown\n");
                return;
        }
        printf("place block %" PRIx64 " %" PRIx64 " purgatory %" PRIx64 " %" PRIx64 " mirrors %d %d fallback %d\n",
               report->place.block_paddr[0], report->place.block_paddr[1], report->place.purgatory_paddr,
               report->place.purgatory_bytes, report->kernel_mirror, report->initrd_mirror, report->fallback);
}

static void check(void)
{
        const KexecReport *report = ops->report(ops->userdata);
        _cleanup_(kcore_map_done) KcoreMap map = KCORE_MAP_NULL;
        _cleanup_free_ char *text = NULL;
        LoadedDamage damage;
        int r;

        if (!report || !report->guarded) {
                printf("check impossible\n");
                return;
        }
        r = kcore_map_open(root_fd, &map);
        if (r >= 0)
                r = loaded_check(&map, &report->place, LOADED_ALL, &damage);
        if (r >= 0)
                (void) loaded_damage_describe(&damage, &text);
        printf("check %d %s\n", r, text ?: "");
}

static void many(const KexecImage *image, uint64_t n)
{
        uint64_t bad = 0;

        for (uint64_t i = 0; i < n; i++)
                bad += !load(ops, image, false);
        printf("many %" PRIu64 " bad %" PRIu64 "\n", n, bad);
}

static int forget(void)
{
        SegmentLoader *loader;
        int r = segment_loader_new(root_fd, &loader);

        if (r >= 0)
                ops = segment_loader_ops(loader);
        return r;
}

static void obey(const char *line, const KexecImage *image)
{
        const char *word;
        uint64_t n;

        if (streq(line, "next"))
                load(ops, image, true);
        else if (streq(line, "whole")) {
                if (forget() >= 0 && load(ops, image, true))
                        tell_place();
        } else if ((word = startswith(line, "many ")) && parse_u64(word, 10, &n) >= 0)
                many(image, n);
        else if (streq(line, "check"))
                check();
        else if (streq(line, "file"))
                load(&kexec_loader_file, image, true);
        else if (streq(line, "panic")) {
                int fd = open("/proc/sysrq-trigger", O_WRONLY | O_CLOEXEC);

                (void) !write(fd, "c", 1);
        } else
                printf("unknown '%s'\n", line);
}

int main(int argc, char **argv)
{
        KexecImage image = KEXEC_IMAGE_NULL;
        char line[256];

        setlinebuf(stdout);
        if (argc != 4 && argc != 6) {
                fprintf(stderr, "usage: armtool KERNEL INITRD CMDLINE [FALLBACK CMDLINE]\n");
                return 2;
        }
        root_fd = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        image.kernel_fd = file_open(argv[1]);
        image.initrd_fd = file_open(argv[2]);
        image.cmdline = argv[3];
        image.generation = 1;
        if (argc == 6) {
                image.fallback_fd = file_open(argv[4]);
                image.fallback_cmdline = argv[5];
        }
        if (forget() < 0 || !load(ops, &image, true))
                return 1;
        tell_place();
        while (fgets(line, sizeof(line), stdin)) {
                cut_newlines(line);
                obey(line, &image);
        }
        return 0;
}

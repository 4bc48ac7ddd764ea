/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* armtool: the daemon's own loader, by hand. armtool KERNEL INITRD CMDLINE [FALLBACK CMDLINE] loads
 * a crash kernel, says where it is, and then does what each line of its standard input says:
 *
 *   next: load it again as for CPUs or memory that came; what is big stays where it is
 *   whole: load all of it again
 *   edit TEXT: load it with an archive behind the initramfs that has TEXT in a file 'edit'
 *   many N: N times "next", each read back
 *   wholes N: N times "whole", each read back
 *   check: read all of it back
 *   armed: is anything loaded, as the kernel says
 *   file: load it with kexec_file_load(2)
 *   put PATH TEXT: write to a file, such as one of the kernel's
 *   watchdog N: open /dev/watchdog, and never pet it, so that it bites in N s
 *   panic: bring the kernel down
 *
 * Each answer is one line. */
#include <fcntl.h>
#include <inttypes.h>
#include <linux/watchdog.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cpio.h"
#include "io.h"
#include "kexec.h"
#include "parse.h"
#include "segment-loader.h"

static int root_fd;
static int base_fd; /* of the initramfs, as it was given */
static SegmentLoader *segment_loader;
static const KexecLoader *ops; /* its own */

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

/* What many loads were like. */
typedef struct Tally {
        uint64_t n, n_max;
        uint64_t n_failed, n_damaged, n_sparse;
        uint64_t *gaps_usec; /* n of them */
} Tally;

static void tally_done(Tally *tally)
{
        free(tally->gaps_usec);
}

static void tally_add(Tally *tally, const KexecSwap *swap, bool failed, bool sparse)
{
        if (!tally || tally->n >= tally->n_max)
                return;
        tally->gaps_usec[tally->n++] = swap->gap_usec;
        tally->n_failed += failed;
        tally->n_damaged += swap->damaged;
        tally->n_sparse += sparse;
}

static int compare_u64(const void *a, const void *b)
{
        const uint64_t *x = a, *y = b;

        return (*x > *y) - (*x < *y);
}

static void tally_tell(const Tally *tally, const char *what)
{
        uint64_t median = 0, worst = 0;

        if (tally->n > 0) {
                qsort(tally->gaps_usec, tally->n, sizeof(*tally->gaps_usec), compare_u64);
                median = tally->gaps_usec[tally->n / 2];
                worst = tally->gaps_usec[tally->n - 1];
        }
        printf("%s %" PRIu64 " failed %" PRIu64 " damaged %" PRIu64 " sparse %" PRIu64
               " gap_usec median %" PRIu64 " worst %" PRIu64 "\n",
               what, tally->n, tally->n_failed, tally->n_damaged, tally->n_sparse, median, worst);
}

/* @tally: told nothing but what went wrong, and counted there; may be NULL. */
static bool load(const KexecLoader *loader, const KexecImage *image, Tally *tally)
{
        _cleanup_(kexec_swap_done) KexecSwap swap = { 0 };
        const KexecReport *report;
        int r;

        r = kexec_crash_swap(loader, image, image, KEXEC_PREPARE_NEXT, &swap);
        report = loader->report ? loader->report(loader->userdata) : NULL;
        tally_add(tally, &swap, r < 0, report && report->sparse);
        if (r < 0)
                printf("refused (%s) restored %d because %s\n", strerror(-r), swap.restored,
                       swap.message ?: "of that");
        else if (!tally)
                printf("loaded %s gap_usec %" PRIu64 " damaged %d restored %d bytes %" PRIu64
                       " of %" PRIu64 "%s%s\n",
                       !report || !report->guarded                  ? "file"
                       : report->sparse                             ? "sparse"
                       : report->loaded_bytes < report->image_bytes ? "delta"
                                                                    : "full",
                       swap.gap_usec, swap.damaged, swap.restored,
                       report ? report->loaded_bytes : 0, report ? report->image_bytes : 0,
                       report && report->reason ? " because " : "",
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
        printf("place block %" PRIx64 " %" PRIx64 " purgatory %" PRIx64 " %" PRIx64
               " mirrors %d %d fallback %d\n",
               report->place.block_paddr[0], report->place.block_paddr[1],
               report->place.purgatory_paddr, report->place.purgatory_bytes, report->kernel_mirror,
               report->initrd_mirror, report->fallback);
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

/* What is loaded now is none of ours. */
static void forget(void)
{
        int r;

        segment_loader_free(segment_loader);
        r = segment_loader_new(root_fd, &segment_loader);
        if (r < 0)
                die("segment_loader_new", r);
        ops = segment_loader_ops(segment_loader);
}

/* As an edit of the configuration does: another overlay behind the same base. */
static void edit(KexecImage *image, const char *text)
{
        _cleanup_(cpio_writer_done) CpioWriter writer = { 0 };
        int fd, r;

        r = cpio_add(&writer, "edit", S_IFREG | 0600, text, strlen(text));
        if (r >= 0)
                r = cpio_add_trailer(&writer);
        if (r >= 0)
                r = lseek(base_fd, 0, SEEK_SET) < 0 ? -errno : 0;
        if (r >= 0)
                r = kexec_initrd_new(base_fd, writer.data, writer.size, &fd);
        if (r < 0)
                die("edit", r);
        if (image->initrd_fd != base_fd)
                close_fd(image->initrd_fd);
        image->initrd_fd = fd;
        if (load(ops, image, NULL))
                tell_place();
}

static void many(const KexecImage *image, const char *what, uint64_t n)
{
        _cleanup_(tally_done)
                Tally tally = { .n_max = n, .gaps_usec = calloc(n, sizeof(uint64_t)) };

        if (!tally.gaps_usec)
                die(what, -ENOMEM);
        for (uint64_t i = 0; i < n; i++) {
                if (streq(what, "wholes"))
                        forget();
                (void) load(ops, image, &tally);
        }
        tally_tell(&tally, what);
}

/* In the fd that stays open. */
static void watchdog(int seconds)
{
        int fd = open("/dev/watchdog", O_WRONLY | O_CLOEXEC);
        int r = fd < 0 || ioctl(fd, WDIOC_SETTIMEOUT, &seconds) < 0 ? -errno : seconds;

        printf("watchdog %d\n", r);
}

/* @words: a path, a blank and what to write. */
static void put(const char *words)
{
        const char *text = strchr(words, ' ');
        _cleanup_free_ char *path = text ? strndup(words, (size_t) (text - words)) : NULL;
        _cleanup_close_ int fd = path ? open(path, O_WRONLY | O_CLOEXEC) : -EBADF;
        int r;

        if (fd < 0)
                r = -errno;
        else
                r = write_full(fd, text + 1, strlen(text + 1));
        printf("put %d\n", r);
}

static void obey(const char *line, KexecImage *image)
{
        const char *word;
        uint64_t n;

        if (streq(line, "next"))
                load(ops, image, NULL);
        else if (streq(line, "whole")) {
                forget();
                if (load(ops, image, NULL))
                        tell_place();
        } else if ((word = startswith(line, "edit ")))
                edit(image, word);
        else if ((word = startswith(line, "many ")) && parse_u64(word, 10, &n) >= 0)
                many(image, "many", n);
        else if ((word = startswith(line, "wholes ")) && parse_u64(word, 10, &n) >= 0)
                many(image, "wholes", n);
        else if ((word = startswith(line, "watchdog ")) && parse_u64(word, 10, &n) >= 0)
                watchdog((int) n);
        else if ((word = startswith(line, "put ")))
                put(word);
        else if (streq(line, "check"))
                check();
        else if (streq(line, "armed"))
                printf("armed %d\n", kexec_loaded(ops));
        else if (streq(line, "file"))
                load(&kexec_loader_file, image, NULL);
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
        image.initrd_fd = base_fd = file_open(argv[2]);
        image.cmdline = argv[3];
        image.generation = 1;
        if (argc == 6) {
                image.fallback_fd = file_open(argv[4]);
                image.fallback_cmdline = argv[5];
        }
        forget();
        if (!load(ops, &image, NULL))
                return 1;
        tell_place();
        while (fgets(line, sizeof(line), stdin)) {
                cut_newlines(line);
                obey(line, &image);
        }
        return 0;
}

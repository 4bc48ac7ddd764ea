/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the commands for use by hand: their words, and how progress is shown. */
#include "verbs.h"

#include <fcntl.h>
#include <getopt.h>
#include <sys/stat.h>

#include "capture-save.h"
#include "core-collector.h"
#include "io.h"
#include "log.h"
#include "parse.h"
#include "pipeline.h"

#define EXIT_INCOMPLETE 3

#define TTY_INTERVAL_USEC (200 * USEC_PER_MSEC)
#define LINE_INTERVAL_USEC (5 * USEC_PER_SEC)

/* Progress as it is shown to a person: one line that changes, or a new one now and then. */
typedef struct ProgressView {
        bool tty;
        uint64_t start_usec, shown_usec;
} ProgressView;

static void view_show(void *data, ProgressPhase phase, uint64_t pages_done, uint64_t pages_total,
                      uint64_t bytes_written)
{
        ProgressView *view = data;
        Progress progress = { .pages_done = pages_done,
                              .pages_total = pages_total,
                              .bytes_written = bytes_written };
        uint64_t now_usec = now_boottime_usec();
        _cleanup_free_ char *text = NULL;

        if (phase != PROGRESS_DUMP ||
            now_usec - view->shown_usec < (view->tty ? TTY_INTERVAL_USEC : LINE_INTERVAL_USEC))
                return;
        view->shown_usec = now_usec;
        if (progress_format(&progress, (uint64_t) sysconf(_SC_PAGESIZE),
                            now_usec - view->start_usec, &text) < 0)
                return;
        (void) fprintf(stderr, view->tty ? "\r%s\033[K" : "%s\n", text);
}

static void view_start(ProgressView *view)
{
        view->tty = isatty(STDERR_FILENO);
        view->start_usec = now_boottime_usec();
        view->shown_usec = view->start_usec;
}

static void view_finish(const ProgressView *view)
{
        if (view->tty)
                (void) fputs("\r\033[K", stderr);
}

typedef struct SaveArguments {
        const char *source, *target;
        Collector collector;
        unsigned n_threads;          /* 0: not said */
        uint64_t memory_limit_bytes; /* 0: not said */
} SaveArguments;

static int parse_threads(const char *value, unsigned *ret)
{
        uint32_t n;

        if (parse_u32(value, &n) < 0 || n < 1 || n > PIPELINE_THREADS_MAX) {
                log_error("--threads= expects a number from 1 to %d, not '%s'.",
                          PIPELINE_THREADS_MAX, value);
                return -EINVAL;
        }
        *ret = n;
        return 0;
}

static int parse_memory_limit(const char *value, uint64_t *ret_bytes)
{
        if (parse_size_bytes(value, ret_bytes) < 0 || *ret_bytes == 0) {
                log_error("--memory-limit= expects a size such as 24M, not '%s'.", value);
                return -EINVAL;
        }
        return 0;
}

static int parse_save_option(int option, const char *value, SaveArguments *arguments)
{
        Collector *collector = &arguments->collector;
        uint32_t level;

        switch (option) {
        case 'd':
                if (parse_u32(value, &level) < 0 || level > DUMP_LEVEL_MAX) {
                        log_error("--dump-level= expects a number from 0 to %d, not '%s'.",
                                  DUMP_LEVEL_MAX, value);
                        return -EINVAL;
                }
                collector->dump_level = level;
                return 0;
        case 'c':
                collector->compression = compression_from_string(value);
                if ((int) collector->compression < 0) {
                        log_error("--compress= expects none, zlib, lzo, snappy or zstd, not '%s'.",
                                  value);
                        return -EINVAL;
                }
                return 0;
        case 't':
                return parse_threads(value, &arguments->n_threads);
        case 'm':
                return parse_memory_limit(value, &arguments->memory_limit_bytes);
        default:
                return -EINVAL; /* getopt has said why */
        }
}

static int parse_save(int argc, char **argv, SaveArguments *ret)
{
        static const struct option options[] = {
                { "dump-level", required_argument, NULL, 'd' },
                { "compress", required_argument, NULL, 'c' },
                { "threads", required_argument, NULL, 't' },
                { "memory-limit", required_argument, NULL, 'm' },
                {},
        };
        int option, r;

        *ret = (SaveArguments){};
        collector_init(&ret->collector);
        optind = 0;
        while ((option = getopt_long(argc, argv, "d:c:t:m:", options, NULL)) >= 0) {
                r = parse_save_option(option, optarg, ret);
                if (r < 0)
                        return r;
        }
        if (argc - optind != 2) {
                log_error("Usage: save SOURCE TARGET [--dump-level=N] [--compress=C] [--threads=N]"
                          " [--memory-limit=SIZE]");
                return -EINVAL;
        }
        ret->source = argv[optind];
        ret->target = argv[optind + 1];
        return 0;
}

/* Opens the folder of @path; *ret_name points to what comes behind it. */
static int open_folder_of(const char *path, int *ret_dir_fd, const char **ret_name)
{
        const char *slash = strrchr(path, '/');
        _cleanup_free_ char *folder =
                !slash ? strdup(".") : strndup(path, MAX((size_t) (slash - path), (size_t) 1));
        const char *name = slash ? slash + 1 : path;
        int fd;

        if (!folder)
                return -ENOMEM;
        if (strempty(name) || streq(name, ".") || streq(name, ".."))
                return -EISDIR;
        fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0)
                return -errno;
        *ret_dir_fd = fd;
        *ret_name = name;
        return 0;
}

static int save(const SaveArguments *arguments, DumpRecord *record)
{
        _cleanup_free_ char *incomplete_name = NULL;
        _cleanup_close_ int dir_fd = -EBADF;
        ProgressView view = {};
        CaptureJob job = {
                .source = arguments->source,
                .collector = &arguments->collector,
                .record = record,
                .n_threads = arguments->n_threads,
                .memory_limit_bytes = arguments->memory_limit_bytes,
                .progress = view_show,
                .progress_data = &view,
        };
        struct stat st;
        int r;

        r = open_folder_of(arguments->target, &dir_fd, &job.final_name);
        if (r < 0)
                return log_error_errno(r, "Cannot open the folder of '%s': %m", arguments->target);
        if (fstatat(dir_fd, job.final_name, &st, AT_SYMLINK_NOFOLLOW) >= 0)
                return log_error_errno(-EEXIST, "Cannot write '%s': %m", arguments->target);
        r = strprintf(&incomplete_name, "%s-incomplete", job.final_name);
        if (r < 0)
                return log_oom();
        job.dir_fd = dir_fd;
        job.incomplete_name = incomplete_name;

        view_start(&view);
        r = capture_save_file(&job);
        view_finish(&view);
        return r;
}

int verb_save(int argc, char **argv)
{
        _cleanup_(dump_record_done) DumpRecord record = {};
        SaveArguments arguments;

        if (parse_save(argc, argv, &arguments) < 0)
                return EXIT_FAILURE;
        /* A full disk may have taken most of it. */
        if (save(&arguments, &record) < 0 && record.n_pages == record.n_pages_missing)
                return EXIT_FAILURE;
        return record.status == DUMP_STATUS_COMPLETE ? EXIT_SUCCESS : EXIT_INCOMPLETE;
}

static int emit_stdout(const char *text, size_t size, void *data)
{
        return fwrite(text, 1, size, stdout) == size ? 0 : -EIO;
}

int verb_dmesg(int argc, char **argv)
{
        _cleanup_(capture_source_freep) CaptureSource *source = NULL;
        _cleanup_free_ char *panic = NULL;
        int r;

        if (argc != 2) {
                log_error("Usage: dmesg SOURCE");
                return EXIT_FAILURE;
        }
        if (capture_source_open(argv[1], &source) < 0)
                return EXIT_FAILURE;
        r = capture_write_log(source, emit_stdout, NULL, &panic);
        if (r >= 0 && fflush(stdout) != 0)
                r = -EIO;
        if (r < 0) {
                (void) log_error_errno(r, "Cannot print the kernel log of '%s': %m", argv[1]);
                return EXIT_FAILURE;
        }
        return EXIT_SUCCESS;
}

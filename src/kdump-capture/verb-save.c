/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the command 'save': its words. */
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <sys/stat.h>

#include "capture-save.h"
#include "core-collector.h"
#include "depot-folder.h"
#include "io.h"
#include "log.h"
#include "parse.h"
#include "pipeline.h"
#include "progress-view.h"
#include "verbs.h"

typedef struct SaveArguments {
        const char *source, *target;
        Collector collector;
        bool format_given, compression_given, json;
        unsigned n_threads;          /* 0: not said */
        uint64_t memory_limit_bytes; /* 0: not said */
        CaptureDeadline deadline;    /* from the start of the command on */
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

static int parse_deadline(const char *value, uint64_t *ret_usec)
{
        if (parse_usec(value, ret_usec) < 0) {
                log_error("--deadline= expects a time such as 90s, 5min or 1h, or 0 for none, not "
                          "'%s'.",
                          value);
                return -EINVAL;
        }
        return 0;
}

static int parse_format(const char *value, DumpFormat *ret)
{
        DumpFormat format = dump_format_from_string(value);

        if ((int) format < 0) {
                log_error("--format= expects kdump, elf or flat, not '%s'.", value);
                return -EINVAL;
        }
        *ret = format;
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
                arguments->compression_given = true;
                collector->compression = compression_from_string(value);
                if ((int) collector->compression < 0) {
                        log_error("--compress= expects none, zlib, lzo, snappy, zstd or auto, not "
                                  "'%s'.",
                                  value);
                        return -EINVAL;
                }
                return 0;
        case 'f':
                arguments->format_given = true;
                return parse_format(value, &collector->format);
        case 'j':
                arguments->json = true;
                return 0;
        case 't':
                return parse_threads(value, &arguments->n_threads);
        case 'm':
                return parse_memory_limit(value, &arguments->memory_limit_bytes);
        case 'D':
                return parse_deadline(value, &arguments->deadline.limit_usec);
        default:
                return -EINVAL; /* getopt has said why */
        }
}

static bool is_stream(const SaveArguments *arguments)
{
        return streq(arguments->target, "-");
}

/* A full disk, or the deadline, may have let most of it through. But nothing reads a stream without
 * its end, which only the flattened form can still get, at the deadline. */
static bool is_lost(const SaveArguments *arguments, const DumpRecord *record, int error)
{
        bool is_flat = arguments->collector.format == DUMP_FORMAT_FLAT;

        return record->n_pages == record->n_pages_missing ||
               (is_flat ? error != -ETIME : is_stream(arguments));
}

/* Standard output is written in order, even if it is a file: who wants the kdump form names one. */
static int check_stream(SaveArguments *arguments)
{
        if (!arguments->format_given)
                arguments->collector.format = DUMP_FORMAT_FLAT;
        if (arguments->collector.format == DUMP_FORMAT_KDUMP) {
                log_error("The kdump form needs a file, as its parts are not written in order. Use"
                          " --format=flat for standard output, and 'makedumpfile -R FILE' where it"
                          " arrives.");
                return -EINVAL;
        }
        if (isatty(STDOUT_FILENO)) {
                log_error("Standard output is a terminal: name a file, or a program behind '|'.");
                return -EINVAL;
        }
        return 0;
}

static int parse_save(int argc, char **argv, SaveArguments *ret)
{
        static const struct option options[] = {
                { "dump-level", required_argument, NULL, 'd' },
                { "compress", required_argument, NULL, 'c' },
                { "format", required_argument, NULL, 'f' },
                { "json", no_argument, NULL, 'j' },
                { "threads", required_argument, NULL, 't' },
                { "memory-limit", required_argument, NULL, 'm' },
                { "deadline", required_argument, NULL, 'D' },
                {},
        };
        int option, r;

        *ret = (SaveArguments){ .deadline.start_usec = now_boottime_usec() };
        collector_init(&ret->collector);
        optind = 0;
        while ((option = getopt_long(argc, argv, "d:c:f:t:m:", options, NULL)) >= 0) {
                r = parse_save_option(option, optarg, ret);
                if (r < 0)
                        return r;
        }
        if (argc - optind != 2) {
                log_error("Usage: save SOURCE TARGET [--dump-level=N] [--compress=C] [--threads=N]"
                          " [--memory-limit=SIZE] [--format=kdump|elf|flat] [--deadline=TIME]"
                          " [--json]");
                return -EINVAL;
        }
        ret->source = argv[optind];
        ret->target = argv[optind + 1];
        if (ret->collector.format == DUMP_FORMAT_ELF && ret->compression_given &&
            ret->collector.compression != COMPRESSION_NONE)
                log_warning("An ELF core is not compressed: --compress=%s has no effect.",
                            compression_to_string(ret->collector.compression));
        return is_stream(ret) ? check_stream(ret) : 0;
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

/* Refuses a file that exists; -EEXIST. Logs. */
static int check_target(const char *path, int dir_fd, const char *name)
{
        struct stat st;

        if (fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
                return 0;
        return log_error_errno(-EEXIST,
                               "'%s' exists and is not overwritten: remove it, or name another "
                               "file.",
                               path);
}

static int save_to_file(CaptureJob *job, const char *path)
{
        _cleanup_free_ char *incomplete_name = NULL;
        _cleanup_close_ int dir_fd = -EBADF;
        _cleanup_(depot_freep) Depot *depot = NULL;
        int r;

        r = open_folder_of(path, &dir_fd, &job->final_name);
        if (r < 0)
                return log_error_errno(r, "Cannot open the folder of '%s': %m", path);
        r = check_target(path, dir_fd, job->final_name);
        if (r < 0)
                return r;
        r = strprintf(&incomplete_name, "%s-incomplete", job->final_name);
        if (r >= 0)
                r = depot_folder_use(dir_fd, &depot);
        if (r < 0)
                return log_oom();
        job->depot = depot;
        job->incomplete_name = incomplete_name;
        return capture_save_file(job);
}

static int save_to_stdout(CaptureJob *job)
{
        job->to_stream = true;
        job->stream_fd = STDOUT_FILENO;
        job->incomplete_name = job->final_name = "standard output";
        return capture_save_file(job);
}

static int save(const SaveArguments *arguments, DumpRecord *record)
{
        ProgressView view = {};
        CaptureJob job = {
                .source = arguments->source,
                .collector = &arguments->collector,
                .record = record,
                .n_threads = arguments->n_threads,
                .memory_limit_bytes = arguments->memory_limit_bytes,
                .deadline = &arguments->deadline,
                .describe = arguments->json,
                .progress = arguments->json ? NULL : progress_view_show,
                .progress_data = &view,
        };
        int r;

        progress_view_start(&view);
        r = is_stream(arguments) ? save_to_stdout(&job) : save_to_file(&job, arguments->target);
        if (!arguments->json)
                progress_view_finish(&view);
        return r;
}

static int record_begin(DumpRecord *record, const SaveArguments *arguments)
{
        *record = (DumpRecord){
                .start_realtime_usec = now_realtime_usec(),
                .n_cpus = (unsigned) MAX(sysconf(_SC_NPROCESSORS_ONLN), 0L),
                .target = strdup(arguments->target),
        };
        return record->target ? 0 : -ENOMEM;
}

/* The dump itself may go to standard output. */
static int print_json(const SaveArguments *arguments, const DumpRecord *record)
{
        FILE *f = is_stream(arguments) ? stderr : stdout;
        _cleanup_free_ char *text = NULL;
        int r;

        r = dump_record_to_json(record, &text);
        if (r >= 0 && (fputs(text, f) < 0 || fflush(f) != 0))
                r = -EIO;
        return r < 0 ? log_error_errno(r, "Cannot print the result: %m") : 0;
}

int verb_save(int argc, char **argv)
{
        _cleanup_(dump_record_done) DumpRecord record = {};
        SaveArguments arguments;
        int r;

        if (parse_save(argc, argv, &arguments) < 0)
                return EXIT_FAILURE;
        /* A reader of the dump, or of what is said of it, that goes is an error like any other. */
        (void) signal(SIGPIPE, SIG_IGN);
        if (arguments.json)
                log_set_max_level(LOG_WARNING);
        if (record_begin(&record, &arguments) < 0) {
                (void) log_oom();
                return EXIT_FAILURE;
        }
        r = save(&arguments, &record);
        if (r == -ETIME)
                log_info("More pages get into the file with a longer --deadline=, %s.",
                         arguments.collector.format == DUMP_FORMAT_ELF
                                 ? "or a higher --dump-level="
                                 : "a higher --dump-level= or a faster --compress=");
        if (r < 0 && is_lost(&arguments, &record, r))
                return EXIT_FAILURE;
        record.dump_usec = now_boottime_usec() - arguments.deadline.start_usec;
        if (arguments.json && print_json(&arguments, &record) < 0)
                return EXIT_FAILURE;
        return record.status == DUMP_STATUS_COMPLETE ? EXIT_SUCCESS : EXIT_INCOMPLETE;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the command 'estimate': its words, and how its result is told. */
#include <fcntl.h>
#include <getopt.h>

#include "capture-estimate.h"
#include "core-collector.h"
#include "io.h"
#include "json-fields.h"
#include "log.h"
#include "parse.h"
#include "verbs.h"

/* /proc/iomem of a machine with very many devices. */
#define IOMEM_BYTES_MAX ((size_t) 16 << 20)
#define RESERVED_MAX 16

typedef struct EstimateArguments {
        const char *source;
        bool json;
        EstimateRequest request;
} EstimateArguments;

typedef struct EstimateReport {
        CaptureEstimate estimate;
        uint64_t page_size_bytes;
        Compression compression;
        DumpRecord record; /* for the counts */
} EstimateReport;

static int parse_level(const char *value, EstimateRequest *request)
{
        uint32_t level;

        if (parse_u32(value, &level) < 0 || level > DUMP_LEVEL_MAX) {
                log_error("--dump-level= expects a number from 0 to %d, not '%s'.", DUMP_LEVEL_MAX,
                          value);
                return -EINVAL;
        }
        if (request->n_levels == ELEMENTSOF(request->levels)) {
                log_error("--dump-level= is given too often.");
                return -EINVAL;
        }
        request->levels[request->n_levels++] = level;
        return 0;
}

static int parse_compression(const char *value, EstimateRequest *request)
{
        Compression compression = compression_from_string(value);

        request->compressor = (int) compression < 0 ? NULL : compressor_find(compression);
        if (request->compressor && compression != COMPRESSION_AUTO)
                return 0;
        log_error("--compress= expects none, zlib, lzo, snappy or zstd, not '%s'.", value);
        return -EINVAL;
}

static int parse_option(int option, const char *value, EstimateArguments *arguments)
{
        switch (option) {
        case 'd':
                return parse_level(value, &arguments->request);
        case 'c':
                return parse_compression(value, &arguments->request);
        case 'j':
                arguments->json = true;
                return 0;
        default:
                return -EINVAL; /* getopt has said why */
        }
}

static int parse(int argc, char **argv, EstimateArguments *ret)
{
        static const unsigned useful_levels[] = { 0, 1, 3, 7, 15, 17, 31 };
        static const struct option options[] = {
                { "dump-level", required_argument, NULL, 'd' },
                { "compress", required_argument, NULL, 'c' },
                { "json", no_argument, NULL, 'j' },
                {},
        };
        EstimateRequest *request = &ret->request;
        int option, r;

        *ret = (EstimateArguments){ .request.compressor = compressor_find(COMPRESSION_LZO),
                                    .request.sample_bytes = ESTIMATE_SAMPLE_BYTES };
        optind = 0;
        while ((option = getopt_long(argc, argv, "d:c:", options, NULL)) >= 0) {
                r = parse_option(option, optarg, ret);
                if (r < 0)
                        return r;
        }
        if (argc - optind != 1) {
                log_error("Usage: estimate SOURCE [--dump-level=N]… [--compress=C] [--json]");
                return -EINVAL;
        }
        ret->source = argv[optind];
        if (request->n_levels == 0) {
                memcpy(request->levels, useful_levels, sizeof(useful_levels));
                request->n_levels = ELEMENTSOF(useful_levels);
        }
        return 0;
}

#define FIELD(name_, field)                                                                        \
        {                                                                                          \
                .name = (name_), .type = JSON_FIELD_U64, .offset = offsetof(EstimateReport, field) \
        }
#define LEVEL_FIELD(name_)                                                                         \
        {                                                                                          \
                .name = #name_, .type = JSON_FIELD_U64, .offset = offsetof(EstimateLevel, name_)   \
        }

static int json_levels(const EstimateReport *report, size_t n_levels, struct json_object *object)
{
        static const JsonField fields[] = {
                { .name = "dump_level",
                  .type = JSON_FIELD_UINT,
                  .offset = offsetof(EstimateLevel, level) },
                LEVEL_FIELD(n_pages),
                LEVEL_FIELD(memory_bytes),
                LEVEL_FIELD(vmcore_bytes),
                LEVEL_FIELD(cpu_usec),
        };
        _cleanup_json_ struct json_object *array = json_object_new_array();
        int r;

        if (!array)
                return -ENOMEM;
        for (size_t i = 0; i < n_levels; i++) {
                struct json_object *level = NULL;

                r = json_fields_write(fields, ELEMENTSOF(fields), &report->estimate.levels[i],
                                      &level);
                if (r < 0)
                        return r;
                if (json_object_array_add(array, level) < 0) {
                        (void) json_object_put(level);
                        return -ENOMEM;
                }
        }
        return json_object_take(object, "levels", TAKE_PTR(array));
}

static int print_json(const EstimateReport *report, size_t n_levels)
{
        static const JsonField fields[] = {
                FIELD("page_size_bytes", page_size_bytes),
                FIELD("n_pages", estimate.n_pages),
                FIELD("n_pages_sampled", estimate.n_pages_sampled),
                FIELD("n_pages_sampled_zero", estimate.n_pages_zero),
                FIELD("n_pages_unreadable", estimate.n_pages_unreadable),
                FIELD("n_excluded_free", record.n_excluded_free),
                FIELD("n_excluded_cache", record.n_excluded_cache),
                FIELD("n_excluded_cache_private", record.n_excluded_cache_private),
                FIELD("n_excluded_user", record.n_excluded_user),
                FIELD("n_excluded_hwpoison", record.n_excluded_hwpoison),
                FIELD("n_excluded_offline", record.n_excluded_offline),
                FIELD("n_excluded_before", record.n_excluded_before),
        };
        const char *compression = compression_to_string(report->compression);
        _cleanup_json_ struct json_object *object = NULL;
        _cleanup_free_ char *text = NULL;
        int r;

        r = json_fields_write(fields, ELEMENTSOF(fields), report, &object);
        if (r >= 0)
                r = json_object_take(object, "compression", json_object_new_string(compression));
        if (r >= 0)
                r = json_levels(report, n_levels, object);
        if (r >= 0)
                r = json_object_format(object, &text);
        if (r >= 0 && fputs(text, stdout) < 0)
                r = -EIO;
        return r;
}

static int print_text(const EstimateReport *report, size_t n_levels)
{
        const CaptureEstimate *estimate = &report->estimate;
        const uint64_t mib = UINT64_C(1) << 20;
        _cleanup_free_ char *excluded = NULL;
        int r;

        r = capture_counts_text(&estimate->counts, &excluded);
        if (r < 0)
                return r;
        printf("Memory: %llu pages of %llu bytes, %.1f MiB\n",
               (unsigned long long) estimate->n_pages, (unsigned long long) report->page_size_bytes,
               (double) (estimate->n_pages * report->page_size_bytes) / (double) mib);
        if (excluded)
                printf("Left out at most: %s\n", excluded);
        printf("\n%5s %12s %14s %14s %12s\n", "Level", "Pages", "Memory (MiB)", "Vmcore (MiB)",
               "CPU time (s)");
        for (size_t i = 0; i < n_levels; i++) {
                const EstimateLevel *level = &estimate->levels[i];

                printf("%5u %12llu %14.1f %14.1f %12.1f\n", level->level,
                       (unsigned long long) level->n_pages,
                       (double) level->memory_bytes / (double) mib,
                       (double) level->vmcore_bytes / (double) mib,
                       (double) level->cpu_usec / (double) USEC_PER_SEC);
        }
        printf("\nCompressed by %s, going by %llu pages; the time is that of one CPU of this "
               "machine, without the target's.\n",
               compression_to_string(report->compression),
               (unsigned long long) estimate->n_pages_sampled);
        if (estimate->n_pages_unreadable > 0)
                printf("%llu pages could not be read.\n",
                       (unsigned long long) estimate->n_pages_unreadable);
        return 0;
}

/* Of the running kernel, /proc/kcore has the memory of the crash kernel too; /proc/vmcore has not
 * (arch/x86/kernel/crash.c, elf_header_exclude_ranges()). */
static size_t read_reserved(const CaptureSource *source, EstimateRange ranges[RESERVED_MAX])
{
        _cleanup_free_ char *text = NULL;
        int r;

        r = file_read(AT_FDCWD, "/proc/iomem", IOMEM_BYTES_MAX, &text, NULL);
        if (r < 0) {
                (void) log_warning_errno(
                        r, "Cannot tell which memory is reserved for the crash kernel: %m");
                return 0;
        }
        return capture_estimate_reserved(text, source->page_size_bytes, ranges, RESERVED_MAX);
}

static int estimate(EstimateArguments *arguments)
{
        _cleanup_(capture_source_freep) CaptureSource *source = NULL;
        EstimateRequest *request = &arguments->request;
        EstimateRange reserved[RESERVED_MAX];
        EstimateReport report = { .compression = request->compressor->compression };
        int r;

        r = capture_source_open(arguments->source, &source);
        if (r < 0)
                return r;
        report.page_size_bytes = source->page_size_bytes;
        if (streq(arguments->source, "/proc/kcore")) {
                request->reserved = reserved;
                request->n_reserved = read_reserved(source, reserved);
        }
        r = capture_estimate(source, request, &report.estimate);
        if (r < 0)
                return log_error_errno(r, "Cannot estimate a dump of '%s': %m", arguments->source);
        capture_counts_record(&report.estimate.counts, &report.record);

        r = arguments->json ? print_json(&report, request->n_levels)
                            : print_text(&report, request->n_levels);
        if (r >= 0 && fflush(stdout) != 0)
                r = -EIO;
        if (r < 0)
                return log_error_errno(r, "Cannot print the estimate: %m");
        return 0;
}

int verb_estimate(int argc, char **argv)
{
        EstimateArguments arguments;

        if (parse(argc, argv, &arguments) < 0)
                return EXIT_FAILURE;
        return estimate(&arguments) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

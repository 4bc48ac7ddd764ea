/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* `kdumpctl estimate`: how much memory to reserve, and why. Looks only: nothing is built. */
#include <fcntl.h>
#include <inttypes.h>

#include "config.h"
#include "dump-folders.h"
#include "json-fields.h"
#include "log.h"
#include "paths.h"
#include "sizing-facts.h"
#include "strv.h"
#include "verbs.h"

/* The members of --json. */
typedef struct Report {
        const char *kernel_release, *base_id, *source, *capture;
        uint64_t reserved, recommended, ram, table, computed, measured;
        uint64_t kernel, modules, packed, unpacked, pages, runtime;
        uint64_t capture_ram, capture_total, capture_peak;
        unsigned n_captures;
} Report;

#define FIELD(member, name_, type_)                                                                \
        {                                                                                          \
                .name = (name_), .type = (type_), .offset = offsetof(Report, member),              \
                .clean = true                                                                      \
        }

static const JsonField report_fields[] = {
        FIELD(reserved, "reserved_bytes", JSON_FIELD_U64),
        FIELD(recommended, "recommended_bytes", JSON_FIELD_U64),
        FIELD(source, "source", JSON_FIELD_STRING),
        FIELD(ram, "ram_bytes", JSON_FIELD_U64),
        FIELD(table, "table_bytes", JSON_FIELD_U64),
        FIELD(computed, "computed_bytes", JSON_FIELD_U64),
        FIELD(measured, "measured_bytes", JSON_FIELD_U64),
        FIELD(kernel_release, "kernel_release", JSON_FIELD_STRING),
        FIELD(base_id, "base_id", JSON_FIELD_STRING),
        FIELD(kernel, "kernel_bytes", JSON_FIELD_U64),
        FIELD(modules, "modules_bytes", JSON_FIELD_U64),
        FIELD(packed, "initramfs_packed_bytes", JSON_FIELD_U64),
        FIELD(unpacked, "initramfs_unpacked_bytes", JSON_FIELD_U64),
        FIELD(pages, "page_structures_bytes", JSON_FIELD_U64),
        FIELD(runtime, "runtime_bytes", JSON_FIELD_U64),
        FIELD(n_captures, "n_captures", JSON_FIELD_UINT),
        FIELD(capture, "capture", JSON_FIELD_STRING),
        FIELD(capture_ram, "capture_ram_bytes", JSON_FIELD_U64),
        FIELD(capture_total, "capture_total_bytes", JSON_FIELD_U64),
        FIELD(capture_peak, "capture_peak_bytes", JSON_FIELD_U64),
};

static uint64_t mib(uint64_t bytes)
{
        return DIV_ROUND_UP(bytes, UINT64_C(1) << 20);
}

static int print_json(const SizingInput *input, const Sizing *sizing)
{
        const SizingFacts *facts = &input->facts;
        const SizingCapture none = { 0 };
        const SizingCapture *capture = sizing->capture ?: &none;
        const Report report = {
                .kernel_release = input->kernel_release,
                .base_id = input->base_id,
                .source = sizing_source_to_string(sizing->source),
                .capture = capture->name,
                .reserved = facts->reserved_bytes,
                .recommended = sizing->recommended_bytes,
                .ram = facts->ram_bytes,
                .table = facts->floor_bytes,
                .computed = sizing->computed_bytes,
                .measured = sizing->measured_bytes,
                .kernel = facts->kernel_bytes,
                .modules = facts->modules_bytes,
                .packed = facts->packed_bytes,
                .unpacked = sizing->unpacked_bytes,
                .pages = sizing->pages_bytes,
                .runtime = sizing->runtime_bytes,
                .capture_ram = capture->ram_bytes,
                .capture_total = capture->total_bytes,
                .capture_peak = capture->peak_bytes,
                .n_captures = (unsigned) facts->n_captures,
        };
        _cleanup_json_ struct json_object *object = NULL;
        _cleanup_free_ char *json = NULL;
        int r;

        r = json_fields_write(report_fields, ELEMENTSOF(report_fields), &report, &object);
        if (r >= 0)
                r = json_object_format(object, &json);
        if (r < 0)
                return r;
        (void) fputs(json, stdout);
        return 0;
}

static void print_computed(const SizingInput *input, const Sizing *sizing)
{
        const SizingFacts *facts = &input->facts;

        if (facts->kernel_bytes > 0)
                (void) printf("Kernel image size:   %" PRIu64 "M\n", mib(facts->kernel_bytes));
        if (facts->modules_bytes > 0)
                (void) printf("Kernel modules size: %" PRIu64 "M\n", mib(facts->modules_bytes));
        if (sizing->computed_bytes == 0) {
                (void) printf("Initramfs size:      not known: no base image was built yet\n");
                return;
        }
        (void) printf("Initramfs size:      %" PRIu64 "M (%" PRIu64 "M as it is loaded, %s%" PRIu64
                      "M unpacked)\n",
                      mib(facts->packed_bytes) + mib(sizing->unpacked_bytes),
                      mib(facts->packed_bytes), sizing->unpacked_guessed ? "about " : "",
                      mib(sizing->unpacked_bytes));
        (void) printf("Runtime reservation: %" PRIu64 "M\n", mib(sizing->runtime_bytes));
        (void) printf("Page structures:     %" PRIu64 "M\n", mib(sizing->pages_bytes));
        (void) printf("Computed need:       %" PRIu64 "M (all of the above)\n",
                      mib(sizing->computed_bytes));
}

static void print_measured(const SizingInput *input, const Sizing *sizing)
{
        const SizingCapture *capture = sizing->capture;

        if (!capture) {
                (void) printf("Measured need:       not known: no capture of this kernel was found "
                              "that tells\n");
                return;
        }
        (void) printf("Measured need:       %" PRIu64 "M (the kernel's own %" PRIu64
                      "M, peak of the rest %" PRIu64 "M and a quarter more)\n",
                      mib(sizing->measured_bytes), mib(sizing->overhead_bytes),
                      mib(capture->peak_bytes));
        (void) printf("                     in '%s', the most of %zu\n", capture->name,
                      input->facts.n_captures);
}

static void print_text(const SizingInput *input, const Sizing *sizing)
{
        static const char *const why[_SIZING_MAX] = {
                [SIZING_TABLE] = "what is advised for this much memory",
                [SIZING_COMPUTED] = "the computed need",
                [SIZING_MEASURED] = "the measured need",
        };
        const SizingFacts *facts = &input->facts;

        (void) printf("Reserved crashkernel:    %" PRIu64 "M\n", facts->reserved_bytes >> 20);
        (void) printf("Recommended crashkernel: %" PRIu64 "M\n\n", mib(sizing->recommended_bytes));
        print_computed(input, sizing);
        print_measured(input, sizing);
        (void) printf("Advised at least:    %" PRIu64 "M (for %" PRIu64 "M of memory)\n",
                      mib(facts->floor_bytes), facts->ram_bytes >> 20);
        (void) printf("The recommendation is %s.\n", why[sizing->source]);
        if (input->n_large > 0)
                (void) printf("Large modules:\n");
        for (size_t i = 0; i < input->n_large; i++)
                (void) printf("    %s: %" PRIu64 "\n", input->large[i].name, input->large[i].bytes);
        if (facts->reserved_bytes < sizing->recommended_bytes)
                (void) printf("WARNING: Current crashkernel size is lower than recommended size "
                              "%" PRIu64 "M.\n",
                              mib(sizing->recommended_bytes));
}

/* Where dumps are, as far as that is mounted here; and how many CPUs are used. A configuration with
 * errors still leaves the default folder to look into. */
static int read_config(int root_fd, char ***folders, unsigned *ret_n_cpus)
{
        _cleanup_(config_messages_done) ConfigMessages messages = { 0 };
        _cleanup_(config_freep) Config *config = NULL;
        int r;

        r = config_load(root_fd, PATH_CONFIG, PATH_CONFIG_DROPIN_DIR, &config, &messages);
        if (r == -ENOMEM)
                return r;
        *ret_n_cpus = config ? config->nr_cpus : 0;
        if (*folders)
                return 0;
        return config ? dump_folders(config, NULL, folders)
                      : strv_extend(folders, PATH_DEFAULT_DUMPS);
}

static int estimate(char ***folders, bool json)
{
        _cleanup_close_ int root_fd = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        _cleanup_(sizing_input_done) SizingInput input = { 0 };
        unsigned n_cpus = 0;
        Sizing sizing;
        int r;

        r = root_fd < 0 ? -errno : read_config(root_fd, folders, &n_cpus);
        if (r >= 0)
                r = sizing_input_read(root_fd, *folders, &input);
        if (r < 0)
                return log_error_errno(r, "Failed to look at the base image and the dumps: %m%s",
                                       r == -EACCES ? ". Only root may." : "");
        input.facts.n_cpus = n_cpus;
        sizing_compute(&input.facts, &sizing);
        if (!json) {
                print_text(&input, &sizing);
                return 0;
        }
        r = print_json(&input, &sizing);
        return r < 0 ? log_error_errno(r, "Failed to print the estimate: %m") : 0;
}

int verb_estimate(int argc, char **argv)
{
        _cleanup_strv_ char **folders = NULL;
        bool json = argc > 1 && streq(argv[1], "--json");

        argc -= json;
        argv += json;
        while (argc > 1 && argv[1][0] == '/') {
                if (strv_extend(&folders, argv[1]) < 0) {
                        (void) log_oom();
                        return EXIT_FAILURE;
                }
                argc--;
                argv++;
        }
        if (parse_nothing(argc, argv) < 0)
                return EXIT_FAILURE;
        return estimate(&folders, json) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

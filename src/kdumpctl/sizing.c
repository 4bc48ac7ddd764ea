/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the arithmetic of the reservation. */
#include "sizing.h"

#define MIB (UINT64_C(1024) * 1024)
#define STEP_BYTES (16 * MIB)

/* systemd, udev, kdump-capture with one thread, and drivers of more devices than a virtual machine
 * has: in one, with a kernel of 64 MiB and an initramfs of 13 MiB, 37 MiB unpacked, 120 MiB are
 * enough and 112 MiB are not. */
#define RUNTIME_BYTES (32 * MIB)
/* A thread's buffers, and a CPU's data in the kernel. */
#define CPU_BYTES (8 * MIB)

/* gzip makes a third of what is in an initramfs. */
#define UNPACKED_GUESS 3

/* sizeof(struct page) on 64 bits. */
#define PAGE_STRUCT_BYTES 64

/* No capture had more: a larger number is none of ours. */
#define CAPTURE_BYTES_MAX (UINT64_C(1) << 44)

static bool capture_is_sound(const SizingCapture *capture)
{
        return capture->peak_bytes > 0 && capture->peak_bytes <= capture->total_bytes &&
               capture->total_bytes <= CAPTURE_BYTES_MAX && capture->ram_bytes <= CAPTURE_BYTES_MAX;
}

static uint64_t bounded(uint64_t bytes)
{
        return MIN(bytes, CAPTURE_BYTES_MAX);
}

/* All of it is there at once while the kernel unpacks the initramfs, but the programs and modules:
 * they take the place of the packed one. That is not counted on. */
static void compute(const SizingFacts *facts, Sizing *sizing)
{
        uint64_t sum, page_size = MAX(facts->page_size_bytes, (uint64_t) 4096);

        if (facts->kernel_bytes == 0 || facts->packed_bytes == 0)
                return;
        sizing->unpacked_guessed = facts->unpacked_bytes == 0;
        sizing->unpacked_bytes = sizing->unpacked_guessed
                                         ? UNPACKED_GUESS * bounded(facts->packed_bytes)
                                         : bounded(facts->unpacked_bytes);
        sizing->runtime_bytes = RUNTIME_BYTES + CPU_BYTES * (uint64_t) (MAX(facts->n_cpus, 1U) - 1);
        sum = bounded(facts->kernel_bytes) + bounded(facts->modules_bytes) +
              bounded(facts->packed_bytes) + sizing->unpacked_bytes + sizing->runtime_bytes;
        sizing->pages_bytes = sum / (page_size / PAGE_STRUCT_BYTES - 1);
        sizing->computed_bytes = sum + sizing->pages_bytes;
}

/* What the kernel kept for itself, its image and records, was not in what it had to give away. */
static uint64_t capture_overhead(const SizingFacts *facts, const SizingCapture *capture)
{
        if (capture->ram_bytes >= capture->total_bytes)
                return capture->ram_bytes - capture->total_bytes;
        return bounded(facts->kernel_bytes);
}

/* A quarter more than was seen: the next crash may find more devices, or a slower target. */
static void measure(const SizingFacts *facts, Sizing *sizing)
{
        for (size_t i = 0; i < facts->n_captures; i++) {
                const SizingCapture *capture = &facts->captures[i];
                uint64_t overhead, need;

                if (!capture_is_sound(capture))
                        continue;
                overhead = capture_overhead(facts, capture);
                need = overhead + capture->peak_bytes + capture->peak_bytes / 4;
                if (need <= sizing->measured_bytes)
                        continue;
                sizing->measured_bytes = need;
                sizing->overhead_bytes = overhead;
                sizing->capture = capture;
        }
}

static void consider(Sizing *sizing, uint64_t bytes, SizingSource source)
{
        if (bytes <= sizing->recommended_bytes)
                return;
        sizing->recommended_bytes = ALIGN_UP(bytes, STEP_BYTES);
        sizing->source = source;
}

void sizing_compute(const SizingFacts *facts, Sizing *ret)
{
        Sizing sizing = { .source = SIZING_TABLE,
                          .recommended_bytes = bounded(facts->floor_bytes) };

        compute(facts, &sizing);
        measure(facts, &sizing);
        consider(&sizing, sizing.computed_bytes, SIZING_COMPUTED);
        consider(&sizing, sizing.measured_bytes, SIZING_MEASURED);
        *ret = sizing;
}

const char *sizing_source_to_string(SizingSource source)
{
        static const char *const names[_SIZING_MAX] = {
                [SIZING_TABLE] = "table",
                [SIZING_COMPUTED] = "computed",
                [SIZING_MEASURED] = "measured",
        };

        return source >= 0 && source < _SIZING_MAX ? names[source] : NULL;
}

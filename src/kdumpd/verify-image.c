/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the checks of what would be loaded, what is, and what could be loaded again. */
#include "verify.h"

#include <fcntl.h>
#include <inttypes.h>

#include "image-check.h"
#include "io.h"
#include "kernel-image.h"
#include "overlay.h"
#include "rootdir.h"
#include "sha256.h"
#include "state.h"

#define MIB (UINT64_C(1024) * 1024)

/* An initramfs lies in memory as it was loaded while it is unpacked to twice or three times that.
 */
#define UNPACK_FACTOR 4

static int check_kernel(Verify *v, uint64_t *ret_init_size_bytes)
{
        const char *path = v->wanted.generation.kernel_path;
        _cleanup_free_ char *message = NULL;
        _cleanup_close_ int fd = -EBADF;
        KernelImage kernel;
        int r;

        *ret_init_size_bytes = 0;
        if (!path)
                return verify_report_add(&v->report, "kernel", CHECK_SKIPPED,
                                         "No kernel was found to load.");
        fd = root_open(v->root_fd, path, O_RDONLY | O_NOCTTY);
        r = fd < 0 ? fd : kernel_image_read(fd, &kernel, &message);
        if (r == -ENOMEM)
                return r;
        if (r < 0)
                return verify_report_add(&v->report, "kernel", CHECK_FAILED,
                                         "'%s' cannot be loaded: %s", path,
                                         message ?: strerror(-r));
        *ret_init_size_bytes = MAX(kernel.init_size_bytes, kernel.file_bytes);
        return verify_report_add(&v->report, "kernel", CHECK_OK, "'%s' can be loaded%s.", path,
                                 kernel.checked ? "" : ", as far as can be told here");
}

/* Reads all of the file twice. Returns 0 if it is good; 1 with *ret_problem; -ENOMEM. */
static int find_base_problem(const Verify *v, const Generation *g, char **ret_problem)
{
        _cleanup_close_ int fd = root_open(v->root_fd, g->base_path, O_RDONLY | O_NOCTTY);
        char hex[SHA256_HEX_SIZE];
        int r = fd < 0 ? fd : sha256_fd(fd, hex);

        if (r >= 0 && !streq(hex, g->base_sha256)) {
                r = strprintf(ret_problem, "its content does not have its hash");
                return r < 0 ? r : 1;
        }
        if (r >= 0 && lseek(fd, 0, SEEK_SET) < 0)
                r = -errno;
        if (r >= 0)
                r = image_check(fd, ret_problem);
        if (r >= 0 || r == -ENOMEM)
                return r;
        if (!*ret_problem && strprintf(ret_problem, "%s", strerror(-r)) < 0)
                return -ENOMEM;
        return 1;
}

static int check_base(Verify *v)
{
        const Generation *g = &v->wanted.generation;
        _cleanup_free_ char *problem = NULL;
        int r;

        /* What is armed does not go away. */
        if (v->wanted.base_missing)
                return verify_report_add(&v->report, "base-image",
                                         v->crash_loaded > 0 ? CHECK_WARNING : CHECK_FAILED,
                                         "A base image must be built: %s. 'kdumpctl reload' does "
                                         "so.",
                                         v->wanted.base_missing);
        if (!g->base_path)
                return verify_report_add(&v->report, "base-image", CHECK_SKIPPED,
                                         "Which one is wanted is not known.");
        r = find_base_problem(v, g, &problem);
        if (r < 0)
                return r;
        if (r > 0)
                return verify_report_add(&v->report, "base-image", CHECK_FAILED,
                                         "'%s' is damaged: %s. 'kdumpctl rebuild' makes it anew.",
                                         g->base_path, problem);
        return verify_report_add(&v->report, "base-image", CHECK_OK,
                                 "'%s' has its hash, unpacks, and holds kdump-capture.",
                                 g->base_path);
}

static int check_overlay(Verify *v)
{
        const Wanted *wanted = &v->wanted;
        int r;

        if (!wanted->overlay)
                return verify_report_add(&v->report, "overlay", CHECK_SKIPPED,
                                         "It was not made, since something before it is missing.");
        r = overlay_check(wanted->overlay, wanted->generation.overlay_bytes);
        if (r == -ENOMEM)
                return r;
        if (r < 0)
                return verify_report_add(&v->report, "overlay", CHECK_FAILED,
                                         "The overlay just made cannot be read: %s", strerror(-r));
        return verify_report_add(&v->report, "overlay", CHECK_OK,
                                 "The overlay (%" PRIu64 " KiB) unpacks, and holds the plan.",
                                 DIV_ROUND_UP(wanted->generation.overlay_bytes, 1024));
}

/* What is less than could be is told, but a machine without a simple target is as it is. */
static int check_fallback(Verify *v)
{
        const Wanted *wanted = &v->wanted;
        const Generation *g = &wanted->generation;

        if (g->fallback_sha256)
                return verify_report_add(&v->report, "fallback", CHECK_OK,
                                         "The fallback image (%" PRIu64 " KiB) saves to %s.",
                                         DIV_ROUND_UP(g->fallback_bytes, 1024),
                                         g->fallback_target ?: "a target of its own");
        if (wanted->fallback_missing)
                return verify_report_add(&v->report, "fallback", CHECK_SKIPPED,
                                         "There is no fallback image: %s",
                                         wanted->fallback_missing);
        return verify_report_add(&v->report, "fallback", CHECK_SKIPPED,
                                 "It was not made, since something before it is missing.");
}

static int check_room(Verify *v, uint64_t init_size_bytes)
{
        const Generation *g = &v->wanted.generation;
        uint64_t reserved = v->facts.crash_size_bytes, initrd, unpacked, with_unpacked;
        KernelNeeds needs = { .init_size_bytes = init_size_bytes, .crash_size_bytes = reserved };
        _cleanup_free_ char *reason = NULL;

        if (reserved == 0 || init_size_bytes == 0 || g->base_bytes == 0)
                return verify_report_add(&v->report, "reserved-room", CHECK_SKIPPED,
                                         "The sizes of the reservation, the kernel and the base "
                                         "image are not all known.");
        if (__builtin_add_overflow(g->base_bytes, g->overlay_bytes, &initrd) ||
            __builtin_mul_overflow(initrd, UNPACK_FACTOR, &unpacked) ||
            __builtin_add_overflow(init_size_bytes, unpacked, &with_unpacked))
                initrd = with_unpacked = UINT64_MAX;
        needs.initrd_bytes = initrd;
        if (!kernel_image_fits(&needs, &reason))
                return verify_report_add(&v->report, "reserved-room", CHECK_FAILED, "%s.",
                                         reason ?: "the image does not fit into the reservation");
        if (with_unpacked > reserved)
                return verify_report_add(&v->report, "reserved-room", CHECK_WARNING,
                                         "The reservation of %" PRIu64 " MiB may be too small: "
                                         "kernel and initramfs may take %" PRIu64
                                         " MiB while that is unpacked.",
                                         reserved / MIB, with_unpacked / MIB);
        return verify_report_add(&v->report, "reserved-room", CHECK_OK,
                                 "Kernel and initramfs fit into the reservation.");
}

static int check_problem(Verify *v)
{
        if (v->wanted.problem)
                return verify_report_add(&v->report, "image", CHECK_FAILED,
                                         "What the configuration asks for cannot be had: %s",
                                         v->wanted.problem);
        if (v->wanted.base_missing)
                return 0;
        return verify_report_add(&v->report, "image", CHECK_OK,
                                 "What the configuration asks for can be loaded.");
}

static int check_armed(Verify *v)
{
        _cleanup_(state_done) State state = { 0 };
        uint64_t wanted = v->wanted.generation.number;
        int r;

        if (v->crash_loaded <= 0)
                return verify_report_add(&v->report, "armed", CHECK_FAILED,
                                         "No crash kernel is loaded: 'kdumpctl start' loads one, "
                                         "or says why not.");
        r = state_read(v->root_fd, &state);
        if (r == -ENOMEM)
                return r;
        if (r < 0 || state.generation == 0)
                return verify_report_add(&v->report, "armed", CHECK_WARNING,
                                         "What is loaded was not loaded by kdumpd: 'kdumpctl "
                                         "start' replaces it.");
        v->report.generation = state.generation;
        if (state.state == ARM_STATE_DEGRADED)
                return verify_report_add(&v->report, "armed", CHECK_WARNING,
                                         "Generation %" PRIu64 " is armed, and not a newer one: %s",
                                         state.generation, state.reason);
        if (wanted > 0 && wanted != state.generation)
                return verify_report_add(&v->report, "armed", CHECK_WARNING,
                                         "Generation %" PRIu64 " is armed, but the system or the "
                                         "configuration has changed: 'kdumpctl reload' arms what "
                                         "they ask for now.",
                                         state.generation);
        if (wanted == 0)
                return verify_report_add(&v->report, "armed", CHECK_OK,
                                         "Generation %" PRIu64 " is armed.", state.generation);
        return verify_report_add(&v->report, "armed", CHECK_OK,
                                 "Generation %" PRIu64 " is armed: what the configuration asks "
                                 "for.",
                                 state.generation);
}

static int check_restorable(Verify *v)
{
        _cleanup_(kexec_image_done) KexecImage image = KEXEC_IMAGE_NULL;
        _cleanup_free_ char *message = NULL;
        const Generation *g = &v->store.current;
        int r;

        if (g->number == 0)
                return verify_report_add(&v->report, "restorable", CHECK_SKIPPED,
                                         "No generation was armed before.");
        r = generation_open(&v->store, g, &image, &message);
        if (r == -ENOMEM)
                return r;
        if (r < 0)
                return verify_report_add(&v->report, "restorable", CHECK_WARNING,
                                         "Generation %" PRIu64 ", the last good one, could not be "
                                         "loaded again: %s",
                                         g->number, message ?: strerror(-r));
        if (r > 0)
                return verify_report_add(&v->report, "restorable", CHECK_WARNING,
                                         "Generation %" PRIu64 ", the last good one, could be "
                                         "loaded again, but without its fallback image: %s",
                                         g->number, message ?: "out of memory");
        return verify_report_add(&v->report, "restorable", CHECK_OK,
                                 "Generation %" PRIu64 " could be loaded again if a newer one "
                                 "failed.",
                                 g->number);
}

int verify_wanted(Verify *v)
{
        uint64_t init_size_bytes;
        int r;

        r = check_problem(v);
        if (r >= 0)
                r = check_kernel(v, &init_size_bytes);
        if (r >= 0)
                r = check_base(v);
        if (r >= 0)
                r = check_overlay(v);
        if (r >= 0)
                r = check_fallback(v);
        if (r >= 0)
                r = check_room(v, init_size_bytes);
        if (r >= 0)
                r = check_armed(v);
        if (r >= 0)
                r = check_restorable(v);
        return r;
}

int verify_image(Verify *v)
{
        int r;

        r = wanted_read(v->root_fd, &v->facts, &v->store, NULL, NULL, true, &v->wanted);
        return r < 0 ? r : verify_wanted(v);
}

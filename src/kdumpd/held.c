/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the names of our files in the service manager's store (FileDescriptorStoreMax=). */
#include "held.h"

#include <inttypes.h>
#include <systemd/sd-daemon.h>

#include "io.h"
#include "log.h"
#include "parse.h"
#include "strv.h"

/* The longest command line that a kernel takes is far below this. */
#define CMDLINE_BYTES_MAX ((size_t) 64 * 1024)

typedef enum HeldPart {
        HELD_KERNEL,
        HELD_INITRD,
        HELD_CMDLINE,
        HELD_FALLBACK,
        HELD_FALLBACK_CMDLINE, /* one is nothing without the other */
        _HELD_PART_MAX,
} HeldPart;

static const char *const prefixes[_HELD_PART_MAX] = {
        [HELD_KERNEL] = "kernel-",
        [HELD_INITRD] = "initrd-",
        [HELD_CMDLINE] = "cmdline-",
        [HELD_FALLBACK] = "fallback-",
        [HELD_FALLBACK_CMDLINE] = "fallback-cmdline-",
};

void held_done(Held *held)
{
        kexec_image_done(&held->image);
        held->number = 0;
}

/* A daemon that is restarted without these has them to read from disk: that is not worth a word. */
static void store_fd(HeldPart part, uint64_t number, int fd)
{
        _cleanup_free_ char *state = NULL;
        int r;

        if (strprintf(&state, "FDSTORE=1\nFDNAME=%s%" PRIu64, prefixes[part], number) < 0)
                return;
        r = sd_pid_notify_with_fds(0, false, state, &fd, 1);
        if (r < 0)
                log_debug("Failed to leave a file with the service manager: %s", strerror(-r));
}

static void store_remove(const char *name)
{
        (void) sd_notifyf(false, "FDSTOREREMOVE=1\nFDNAME=%s", name);
}

static void store_forget(uint64_t number)
{
        for (HeldPart part = 0; part < _HELD_PART_MAX; part++) {
                _cleanup_free_ char *name = NULL;

                if (strprintf(&name, "%s%" PRIu64, prefixes[part], number) >= 0)
                        store_remove(name);
        }
}

static void store_fallback(uint64_t number, const KexecImage *image)
{
        _cleanup_close_ int cmdline_fd = -EBADF;

        if (image->fallback_fd < 0 || !image->fallback_cmdline ||
            kexec_text_new(image->fallback_cmdline, "kdump-fallback-cmdline", &cmdline_fd) < 0)
                return;
        store_fd(HELD_FALLBACK, number, image->fallback_fd);
        store_fd(HELD_FALLBACK_CMDLINE, number, cmdline_fd);
}

static void store_image(uint64_t number, const KexecImage *image)
{
        _cleanup_close_ int cmdline_fd = -EBADF;

        if (kexec_text_new(image->cmdline, "kdump-cmdline", &cmdline_fd) < 0)
                return;
        store_fd(HELD_KERNEL, number, image->kernel_fd);
        store_fd(HELD_INITRD, number, image->initrd_fd);
        store_fd(HELD_CMDLINE, number, cmdline_fd);
        store_fallback(number, image);
}

void held_replace(Held *held, uint64_t number, KexecImage *image)
{
        uint64_t before = held->number;
        bool had_fallback = held->image.fallback_fd >= 0;

        held_done(held);
        held->number = number;
        held->image = *image;
        *image = KEXEC_IMAGE_NULL;
        /* The same number: the same bytes, and the store has them. But for the fallback image,
         * which may have been damaged on disk when the rest was read. */
        if (before == number) {
                if (!had_fallback)
                        store_fallback(number, &held->image);
                return;
        }
        store_image(number, &held->image);
        if (before > 0)
                store_forget(before);
}

/* Returns the part that @name stands for, with *ret_number; -EINVAL if it is not one of ours. */
static int part_from_name(const char *name, uint64_t *ret_number)
{
        for (HeldPart part = 0; part < _HELD_PART_MAX; part++) {
                const char *digits = startswith(name, prefixes[part]);

                if (digits && parse_u64(digits, 10, ret_number) >= 0)
                        return (int) part;
        }
        return -EINVAL;
}

static int take_text(char **text, int fd)
{
        if (lseek(fd, 0, SEEK_SET) < 0)
                return -errno;
        free(TAKE_PTR(*text));
        return fd_read(fd, CMDLINE_BYTES_MAX, text, NULL);
}

static int take_file(int *file_fd, int fd)
{
        close_fd(*file_fd);
        *file_fd = fd;
        return 1;
}

static int take(Held *held, HeldPart part, int fd)
{
        KexecImage *image = &held->image;

        if (!kexec_file_is_sealed(fd))
                return -EPERM;
        switch (part) {
        case HELD_KERNEL:
                return take_file(&image->kernel_fd, fd);
        case HELD_INITRD:
                return take_file(&image->initrd_fd, fd);
        case HELD_FALLBACK:
                return take_file(&image->fallback_fd, fd);
        case HELD_CMDLINE:
                return take_text(&image->cmdline, fd);
        case HELD_FALLBACK_CMDLINE:
                return take_text(&image->fallback_cmdline, fd);
        default:
                return -EINVAL;
        }
}

/* Returns 1 if @fd was taken over, and must not be closed. */
static int consider(Held *held, uint64_t wanted, int fd, const char *name)
{
        uint64_t number;
        int part, r;

        part = part_from_name(name, &number);
        if (part < 0)
                return 0;
        if (number != wanted) {
                store_remove(name);
                return 0;
        }
        r = take(held, (HeldPart) part, fd);
        if (r < 0)
                (void) log_warning_errno(r,
                                         "Failed to take '%s' from the service manager, "
                                         "ignoring: %m",
                                         name);
        return r;
}

/* It is loaded with both parts of the fallback image or with none. */
static void drop_half_a_fallback(KexecImage *image)
{
        if (image->fallback_fd >= 0 && image->fallback_cmdline)
                return;
        close_fd(image->fallback_fd);
        image->fallback_fd = -EBADF;
        free(TAKE_PTR(image->fallback_cmdline));
}

void held_adopt(uint64_t number, Held *ret)
{
        _cleanup_(held_done) Held held = HELD_NULL;
        _cleanup_strv_ char **names = NULL;
        int n = sd_listen_fds_with_names(true, &names);

        *ret = HELD_NULL;
        for (int i = 0; i < n; i++) {
                int fd = SD_LISTEN_FDS_START + i;

                if (consider(&held, number, fd, names[i]) <= 0)
                        close_fd(fd);
        }
        if (number == 0 || held.image.kernel_fd < 0 || held.image.initrd_fd < 0 ||
            !held.image.cmdline)
                return;
        drop_half_a_fallback(&held.image);
        held.number = held.image.generation = number;
        *ret = held;
        held = HELD_NULL;
}

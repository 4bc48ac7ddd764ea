/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the kexec system calls, the memory file with the initramfs, and what happens when a load
 * fails. */
#include "kexec.h"

#include <fcntl.h>
#include <linux/kexec.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>

#include "facts.h"
#include "io.h"
#include "process.h"

#define KEXEC_PROGRAM "/sbin/kexec"
#define KEXEC_PROGRAM_TIMEOUT_USEC (20 * USEC_PER_SEC)

/* Attempts at a busy kernel: the pause doubles from 1 ms to at most 512 ms, about 6 s together. */
#define BUSY_ATTEMPTS 20
#define BUSY_PAUSE_MIN_USEC (1 * USEC_PER_MSEC)
#define BUSY_PAUSE_MAX_USEC (512 * USEC_PER_MSEC)

/* A kernel that finds a cpio archive behind the base wants it at a multiple of 4 (init/initramfs.c,
 * unpack_to_rootfs(): "!(this_header & 3)") and skips zeros before it. */
#define INITRD_ALIGN 512

#define MEMORY_FILE_SEALS (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL)

#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 0x0008U
#endif

void kexec_image_done(KexecImage *image)
{
        if (!image)
                return;
        close_fd(image->kernel_fd);
        close_fd(image->initrd_fd);
        close_fd(image->fallback_fd);
        free(image->cmdline);
        free(image->fallback_cmdline);
        *image = KEXEC_IMAGE_NULL;
}

static int memory_file_new(const char *name)
{
        int fd;

        /* Since v6.3 the kernel logs a complaint if the caller does not say what it wants. */
        fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_NOEXEC_SEAL);
        if (fd < 0 && errno == EINVAL)
                fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
        return fd < 0 ? -errno : fd;
}

/* Opens the memory file @fd again, for reading only. */
static int memory_file_seal(int fd)
{
        char path[64];
        int read_fd;

        if (fcntl(fd, F_ADD_SEALS, MEMORY_FILE_SEALS) < 0)
                return -errno;
        (void) snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
        read_fd = open(path, O_RDONLY | O_CLOEXEC);
        return read_fd < 0 ? -errno : read_fd;
}

bool kexec_file_is_sealed(int fd)
{
        int seals = fcntl(fd, F_GET_SEALS);

        return seals >= 0 && (seals & MEMORY_FILE_SEALS) == MEMORY_FILE_SEALS;
}

/* Exactly one of @from_fd and @text is the source. */
static int memory_file_fill(const char *name, int from_fd, const char *text, int *ret_fd)
{
        _cleanup_close_ int fd = memory_file_new(name);
        int r;

        if (fd < 0)
                return fd;
        r = text ? write_full(fd, text, strlen(text)) : fd_copy(from_fd, fd, NULL);
        if (r < 0)
                return r;
        r = memory_file_seal(fd);
        if (r < 0)
                return r;
        *ret_fd = r;
        return 0;
}

int kexec_file_new(int from_fd, const char *name, int *ret_fd)
{
        return memory_file_fill(name, from_fd, NULL, ret_fd);
}

int kexec_text_new(const char *text, const char *name, int *ret_fd)
{
        return memory_file_fill(name, -EBADF, text, ret_fd);
}

int kexec_initrd_new(int base_fd, const void *overlay, size_t overlay_size, int *ret_fd)
{
        static const uint8_t zeros[INITRD_ALIGN];
        _cleanup_close_ int fd = -EBADF;
        uint64_t base_bytes;
        int r;

        fd = memory_file_new("kdump-initrd");
        if (fd < 0)
                return fd;
        r = fd_copy(base_fd, fd, &base_bytes);
        if (r < 0)
                return r;
        r = write_full(fd, zeros, (size_t) (ALIGN_UP(base_bytes, INITRD_ALIGN) - base_bytes));
        if (r < 0)
                return r;
        r = write_full(fd, overlay, overlay_size);
        if (r < 0)
                return r;
        r = memory_file_seal(fd);
        if (r < 0)
                return r;
        *ret_fd = r;
        return 0;
}

/* Loads by kexec_load(2), which -c has kexec(8) do: with -a it would first call what we have
 * called, and have that free what is armed. What the program does before its call it does while
 * that is still there. It gets our files by their names below our own /proc folder: it cannot
 * inherit them, since all that we open is closed on exec. */
static int file_load_slowly(void *userdata, const KexecImage *image, void *ready)
{
        _cleanup_free_ char *kernel = NULL, *initrd = NULL, *cmdline = NULL;
        int status, r;

        if (access(KEXEC_PROGRAM, X_OK) < 0)
                return -EOPNOTSUPP;
        r = strprintf(&kernel, "/proc/%d/fd/%d", (int) getpid(), image->kernel_fd);
        if (r < 0)
                return r;
        r = strprintf(&initrd, "--initrd=/proc/%d/fd/%d", (int) getpid(), image->initrd_fd);
        if (r < 0)
                return r;
        r = strprintf(&cmdline, "--command-line=%s", image->cmdline);
        if (r < 0)
                return r;

        char *argv[] = { (char[]){ KEXEC_PROGRAM },
                         (char[]){ "-c" },
                         (char[]){ "-p" },
                         initrd,
                         cmdline,
                         kernel,
                         NULL };

        r = process_run(argv, 0, KEXEC_PROGRAM_TIMEOUT_USEC, &status);
        if (r < 0)
                return r;
        return status == 0 ? 0 : -EIO;
}

static int file_load(void *userdata, const KexecImage *image, void *ready)
{
        if (syscall(SYS_kexec_file_load, image->kernel_fd, image->initrd_fd,
                    (unsigned long) strlen(image->cmdline) + 1, image->cmdline,
                    (unsigned long) KEXEC_FILE_ON_CRASH) == 0)
                return 0;
        return -errno;
}

static int file_unload(void *userdata)
{
        if (syscall(SYS_kexec_file_load, -1, -1, 0UL, NULL,
                    (unsigned long) (KEXEC_FILE_UNLOAD | KEXEC_FILE_ON_CRASH)) == 0)
                return 0;
        if (errno != ENOSYS)
                return -errno;
        /* kexec_load(2) without segments frees whichever image is loaded. */
        if (syscall(SYS_kexec_load, 0UL, 0UL, NULL,
                    (unsigned long) (KEXEC_ON_CRASH | KEXEC_ARCH_DEFAULT)) == 0)
                return 0;
        return -errno;
}

static int sys_loaded(void *userdata)
{
        _cleanup_close_ int root_fd = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

        return root_fd < 0 ? -errno : facts_crash_loaded(root_fd);
}

static bool sys_busy(void *userdata)
{
        _cleanup_close_ int root_fd = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

        return root_fd >= 0 && facts_kexec_busy(root_fd);
}

static void sleep_usec(void *userdata, uint64_t usec)
{
        struct timespec ts = {
                .tv_sec = (time_t) (usec / USEC_PER_SEC),
                .tv_nsec = (long) (usec % USEC_PER_SEC * 1000),
        };

        while (nanosleep(&ts, &ts) < 0 && errno == EINTR)
                ;
}

const KexecLoader kexec_loader_file = {
        .name = "kexec_file_load",
        .load = file_load,
        .load_slowly = file_load_slowly,
        .unload = file_unload,
        .loaded = sys_loaded,
        .busy = sys_busy,
        .pause = sleep_usec,
};

/* An image, and what was made ready of it. */
typedef struct Call {
        const KexecLoader *loader;
        const KexecImage *image; /* NULL: unload */
        void *ready;
} Call;

static void call_done(Call *call)
{
        if (call->ready)
                call->loader->ready_free(call->ready);
        call->ready = NULL;
}

static int call_prepare(Call *call, KexecPrepare how, char **reterr_message)
{
        const KexecLoader *loader = call->loader;

        call_done(call);
        if (!loader->prepare)
                return 0;
        return loader->prepare(loader->userdata, call->image, how, &call->ready, reterr_message);
}

static int call_once(const Call *call)
{
        const KexecLoader *loader = call->loader;

        return call->image ? loader->load(loader->userdata, call->image, call->ready)
                           : loader->unload(loader->userdata);
}

/* *ret_begin_usec is the time just before the call that counted: those that found the kernel busy
 * changed nothing. But each of them is one less of kernel.kexec_load_limit_panic
 * (kernel/kexec_core.c, kexec_load_permitted() comes before the lock is tried, v6.3), so that we
 * look whether the lock is free by now before we ask again. */
static int call_until_free(const Call *call, uint64_t *ret_begin_usec)
{
        const KexecLoader *loader = call->loader;
        uint64_t pause_usec = BUSY_PAUSE_MIN_USEC;

        for (unsigned attempt = 1;; attempt++) {
                bool wait = attempt > 1 && attempt < BUSY_ATTEMPTS && call->image && loader->busy &&
                            loader->busy(loader->userdata);
                uint64_t begin_usec = now_boottime_usec();
                int r = wait ? -EBUSY : call_once(call);

                if (r != -EBUSY || attempt == BUSY_ATTEMPTS) {
                        *ret_begin_usec = begin_usec;
                        return r;
                }
                loader->pause(loader->userdata, pause_usec);
                pause_usec = MIN(pause_usec * 2, BUSY_PAUSE_MAX_USEC);
        }
}

/* Touches every page, so that the kernel finds the file in memory while nothing is armed: what a
 * memory file has may be swapped out. Failing to is no reason not to try the load. */
static void file_warm(int fd)
{
        uint8_t buf[64 * 1024];
        off_t offset = 0;
        ssize_t n;

        if (fd < 0)
                return;
        do {
                n = pread(fd, buf, sizeof(buf), offset);
                offset += MAX(n, (ssize_t) 0);
        } while (n > 0 || (n < 0 && errno == EINTR));
}

static void image_warm(const KexecImage *image)
{
        file_warm(image->kernel_fd);
        file_warm(image->initrd_fd);
        file_warm(image->fallback_fd);
}

/* Has @fallback in the place of what is there, unless that is still what was there before. */
static void go_back(const Call *fallback, KexecSwap *swap)
{
        const KexecLoader *loader = fallback->loader;
        uint64_t unused;

        if (!swap->unknown && kexec_loaded(loader) == 1)
                return;
        if (fallback->image) {
                swap->restore_error = call_until_free(fallback, &unused);
                swap->restored = swap->restore_error == 0;
        }
        swap->unknown = !swap->restored && kexec_loaded(loader) != 0;
}

/* A program that was killed may have come as far as its call, which ends in any case. Returns what
 * became of it then. */
static int given_up(const KexecLoader *loader, bool was_loaded, int error, KexecSwap *swap)
{
        if (error != -ETIMEDOUT || kexec_loaded(loader) != 1)
                return error;
        swap->unknown = was_loaded;
        return was_loaded ? error : 0;
}

static int call_slowly(const Call *call)
{
        const KexecLoader *loader = call->loader;

        if (!loader->load_slowly)
                return -EOPNOTSUPP;
        return loader->load_slowly(loader->userdata, call->image, call->ready);
}

/* The errors at which kexec(8) itself turns from one system call to the other. */
static bool is_for_program(int error)
{
        return error == -ENOSYS || error == -EINVAL || error == -ENOEXEC || error == -ENOTSUP;
}

/* After load() has failed with @error, and the way back was taken: that comes first, as this may
 * take its time, and is longest where it fails. So it begins with nothing armed only if nothing
 * was, or if the system call does not take the fallback either; then nothing is lost by it. */
static int swap_slowly(const Call *call, const Call *fallback, int error, KexecSwap *ret)
{
        const KexecLoader *loader = call->loader;
        bool was_loaded = kexec_loaded(loader) == 1;
        int r;

        r = call_slowly(call);
        if (r == -EOPNOTSUPP)
                return error;
        r = given_up(loader, was_loaded, r, ret);
        if (r < 0) {
                go_back(fallback, ret);
                return r;
        }
        ret->restored = false;
        ret->restore_error = 0;
        return 0;
}

/* Where the system call does not take the fallback, and nothing else is there. */
static void go_back_slowly(const Call *fallback, KexecSwap *swap)
{
        int r;

        if (!is_for_program(swap->restore_error) || kexec_loaded(fallback->loader) == 1)
                return;
        r = call_slowly(fallback);
        if (r == -EOPNOTSUPP)
                return;
        swap->restore_error = r;
        swap->restored = r >= 0;
        swap->unknown = r < 0 && kexec_loaded(fallback->loader) == 1;
}

/* One load, and the way back if it takes along what was there, or if that was not worth keeping
 * (@ret->unknown). @fallback->image may be NULL: then the load is tried once more, as the loader
 * may know another way when there is nothing left to be lost. */
static int swap_once(const Call *call, const Call *fallback, KexecSwap *ret)
{
        const KexecLoader *loader = call->loader;
        bool was_loaded = kexec_loaded(loader) == 1;
        uint64_t begin_usec, unused;
        int r;

        r = call_until_free(call, &begin_usec);
        r = given_up(loader, was_loaded, r, ret);
        if (r < 0 && was_loaded && !fallback->image && kexec_loaded(loader) == 0 &&
            call_until_free(call, &unused) >= 0)
                r = 0;
        if (r < 0)
                go_back(fallback, ret);
        if (is_for_program(r))
                r = swap_slowly(call, fallback, r, ret);
        if (r < 0)
                go_back_slowly(fallback, ret);
        else
                ret->unknown = false;
        ret->gap_usec += now_boottime_usec() - begin_usec;
        return r;
}

/* All of @call in the place of what it has just loaded, which is damaged: that is neither the image
 * nor what was there before it. */
static int swap_whole(Call *call, const Call *fallback, KexecSwap *ret)
{
        uint64_t begin_usec;
        int r;

        ret->damaged = ret->unknown = true;
        r = call_prepare(call, KEXEC_PREPARE_WHOLE, &ret->message);
        if (r >= 0)
                return swap_once(call, fallback, ret);
        begin_usec = now_boottime_usec();
        go_back(fallback, ret);
        ret->gap_usec += now_boottime_usec() - begin_usec;
        return r;
}

/* What the image was built upon may have been hit since it was loaded. */
static bool is_damaged(const Call *call)
{
        const KexecLoader *loader = call->loader;

        return loader->intact && loader->intact(loader->userdata, call->ready) == 0;
}

void kexec_swap_done(KexecSwap *swap)
{
        free(TAKE_PTR(swap->message));
}

/* Without a way back nothing is put at stake that is armed: what keeps that from being made ready
 * passes (an image that the loader cannot make anything of is loaded in another way). */
static int prepare_back(Call *fallback, char **reterr_message)
{
        _cleanup_free_ char *message = NULL;
        int r;

        if (!fallback->image)
                return 0;
        r = call_prepare(fallback, KEXEC_PREPARE_BACK, &message);
        if (r >= 0)
                return 0;
        fallback->image = NULL;
        if (kexec_loaded(fallback->loader) == 0)
                return 0;
        return fail_text(r, reterr_message,
                         "what would be loaded if this failed could not be made ready: %s",
                         message ?: strerror(-r));
}

int kexec_crash_swap(const KexecLoader *loader, const KexecImage *image, const KexecImage *fallback,
                     KexecPrepare how, KexecSwap *ret)
{
        _cleanup_(call_done) Call call = { .loader = loader, .image = image },
                                  back = { .loader = loader, .image = fallback };
        int r;

        *ret = (KexecSwap){ 0 };
        image_warm(image);
        if (fallback)
                image_warm(fallback);

        r = call_prepare(&call, how, &ret->message);
        if (r < 0)
                return r;
        r = prepare_back(&back, &ret->message);
        if (r < 0)
                return r;
        r = swap_once(&call, &back, ret);
        if (r >= 0 && !is_damaged(&call))
                return r;
        if (r >= 0)
                r = swap_whole(&call, &back, ret);
        if (r >= 0 || ret->restored)
                ret->still_damaged = is_damaged(r >= 0 ? &call : &back);
        return r;
}

int kexec_crash_unload(const KexecLoader *loader)
{
        const Call call = { .loader = loader };
        uint64_t unused;

        return call_until_free(&call, &unused);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Giving the kernel a crash image and taking it away again: the one place that calls kexec. */
#pragma once

#include "loaded-check.h"
#include "text.h"

/* What is loaded. Both files are open for reading only: the kernel denies writers (-ETXTBSY). */
typedef struct KexecImage {
        int kernel_fd;
        int initrd_fd;
        char *cmdline;
        /* What the purgatory starts if the rest is beyond repair; -EBADF and NULL: nothing. */
        int fallback_fd;
        char *fallback_cmdline;
        uint64_t generation; /* for people who look at what was left behind */
} KexecImage;

#define KEXEC_IMAGE_NULL                                                                           \
        (KexecImage)                                                                               \
        {                                                                                          \
                .kernel_fd = -EBADF, .initrd_fd = -EBADF, .fallback_fd = -EBADF                    \
        }

void kexec_image_done(KexecImage *image);

/* How what was loaded last is guarded. */
typedef struct KexecReport {
        const char *call; /* the system call that loaded it */
        char *reason;     /* why the image is guarded by less than it could be; NULL: it is not */
        bool guarded;     /* a purgatory of ours checks it; else nothing below is set */
        bool sparse;      /* what is big was left where it was */
        uint64_t loaded_bytes, image_bytes; /* so much of so much had to be loaded */
        bool kernel_mirror, initrd_mirror, fallback;
        LoadedPlace place;
} KexecReport;

/* What load() may take for granted. */
typedef enum KexecPrepare {
        KEXEC_PREPARE_NEXT,  /* what is loaded is as it was, and may be built upon */
        KEXEC_PREPARE_WHOLE, /* what is loaded may be damaged: all of it is to be replaced */
        KEXEC_PREPARE_BACK,  /* as a way back: as it was armed, if it was, is as good as new */
} KexecPrepare;

/* One way to reach the kernel. */
typedef struct KexecLoader {
        const char *name;
        void *userdata; /* handed to each of these */

        /* Makes ready what load() then need not do while nothing is armed; ready_free() frees it.
         * Does not touch what is loaded. NULL: there is nothing to make ready. *reterr_message (the
         * caller frees it) may be left as it is. */
        int (*prepare)(void *userdata, const KexecImage *image, KexecPrepare how, void **ret_ready,
                       char **reterr_message);
        void (*ready_free)(void *ready);

        /* One system call. -ETIMEDOUT: it was given up, and may have loaded the image all the same.
         */
        int (*load)(void *userdata, const KexecImage *image, void *ready);

        /* The same by another way, which takes seconds but frees what is loaded only at its end.
         * Tried if load() has failed with ENOSYS, EINVAL, ENOEXEC or ENOTSUP. -EOPNOTSUPP: there
         * is none. May be NULL. */
        int (*load_slowly)(void *userdata, const KexecImage *image, void *ready);

        /* Whether what load() has just loaded is there as it should be, with what it was built
         * upon: 1, 0, or a negative errno if that cannot be told. May be NULL. */
        int (*intact)(void *userdata, void *ready);

        /* Of the last load that went well; NULL: there was none. Valid until the next one. May be
         * NULL. */
        const KexecReport *(*report)(void *userdata);

        int (*unload)(void *userdata);
        /* 1 if a crash image is loaded, 0 if not, or a negative errno. Takes no lock. */
        int (*loaded)(void *userdata);
        /* Whether a load would find the kernel busy, as far as one can see. May be NULL. */
        bool (*busy)(void *userdata);
        /* Called between two attempts that found the kernel busy. */
        void (*pause)(void *userdata, uint64_t usec);
} KexecLoader;

static inline int kexec_loaded(const KexecLoader *loader)
{
        return loader->loaded(loader->userdata);
}

/* kexec_file_load(2), or slowly by kexec(8) if that is installed. */
extern const KexecLoader kexec_loader_file;

/* Copies the rest of @from_fd to a sealed memory file that *ret_fd has open for reading. @name is
 * for people who look at /proc. Does not log. */
int kexec_file_new(int from_fd, const char *name, int *ret_fd);

/* The same of a text. */
int kexec_text_new(const char *text, const char *name, int *ret_fd);

/* Whether @fd is a memory file that nobody can change any more. */
bool kexec_file_is_sealed(int fd);

/* Makes the initramfs: the rest of @base_fd, zeros up to a multiple of 512 bytes, then @overlay, in
 * a sealed memory file that *ret_fd has open for reading. Does not log. */
int kexec_initrd_new(int base_fd, const void *overlay, size_t overlay_size, int *ret_fd);

/* What became of a swap. */
typedef struct KexecSwap {
        bool restored;     /* @image failed and took the old one along, @fallback is loaded */
        int restore_error; /* @fallback failed too: nothing is loaded, unless @unknown */
        bool unknown; /* @image failed, and what is loaded may be it, damaged, or the old one */
        bool damaged; /* what @image was built upon was damaged: all of it was loaded again */
        bool still_damaged; /* what is loaded in the end was read back, and is damaged, too */
        uint64_t gap_usec; /* from just before the last call until an image was loaded again; with a
                              slow way, at most */
        char *message;     /* what is wrong with @image, in words; NULL: the errno says it */
} KexecSwap;

void kexec_swap_done(KexecSwap *swap);

/* Loads @image in the place of what is loaded now, which is not unloaded first. The kernel frees
 * the old image before it reads the new one: if that then fails, or nobody knows, @fallback (may be
 * NULL) is loaded at once, before any slow way is tried. A kernel that is busy (-EBUSY) is asked
 * again for some seconds. @how: KEXEC_PREPARE_WHOLE if what is loaded is known to be damaged or
 * another's, else KEXEC_PREPARE_NEXT. Returns 0, or the errno of loading @image; *ret is filled in
 * either case. Does not log. */
int kexec_crash_swap(const KexecLoader *loader, const KexecImage *image, const KexecImage *fallback,
                     KexecPrepare how, KexecSwap *ret);

/* Returns 0 once nothing is loaded; a busy kernel is asked again for some seconds. Does not log. */
int kexec_crash_unload(const KexecLoader *loader);

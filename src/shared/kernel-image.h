/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The kernel that is to be loaded: where it is, and how much memory it wants. None of these log. */
#pragma once

#include "macro.h"

typedef struct KernelImage {
        bool checked;             /* false: this architecture's form is not known to us */
        uint16_t protocol;        /* x86 boot protocol, such as 0x020f */
        bool relocatable;         /* it runs wherever it is loaded to */
        uint64_t init_size_bytes; /* memory from its start on until it has set up its own; 0:
                                     unknown */
        uint64_t file_bytes;
} KernelImage;

/* Finds the image of @release: in /boot, /usr/lib/modules, or a boot loader's folder by @machine_id
 * (may be NULL). The caller frees *ret, absolute. Returns 0; -ENOENT. */
int kernel_image_find(int root_fd, const char *release, const char *machine_id, char **ret);

/* Reads the header. Documentation/arch/x86/boot.rst. Returns 0; -EBADMSG with *reterr_message if
 * kexec_file_load() could not load this. */
int kernel_image_read(int fd, KernelImage *ret, char **reterr_message);

/* Memory that is known before a capture. All in bytes; 0: not known. */
typedef struct KernelNeeds {
        uint64_t init_size_bytes;
        uint64_t initrd_bytes;   /* all that is loaded as one */
        uint64_t unpacked_bytes; /* what becomes of it */
        uint64_t crash_size_bytes;
} KernelNeeds;

/* Whether kernel and initramfs have room in the reservation, both when they are loaded and when the
 * initramfs is unpacked, as far as one can tell from sizes: that it is enough for a capture only a
 * capture can show. *ret_reason (the caller frees it) if not. */
bool kernel_image_fits(const KernelNeeds *needs, char **ret_reason);

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the places of kernel images and the header of a bzImage. */
#include "kernel-image.h"

#include <fcntl.h>
#include <inttypes.h>
#include <sys/stat.h>

#include "io.h"
#include "rootdir.h"

#define MIB (UINT64_C(1024) * 1024)

/* Page tables, per-CPU areas, the slabs of an early boot: below that no kernel gets to its init. */
#define EARLY_BOOT_BYTES (32 * MIB)

/* Offsets in the first sectors of a bzImage (struct setup_header and what is before it). */
enum {
        OFFSET_SETUP_SECTS = 0x1f1,
        OFFSET_SYSSIZE = 0x1f4,
        OFFSET_BOOT_FLAG = 0x1fe,
        OFFSET_MAGIC = 0x202,
        OFFSET_PROTOCOL = 0x206,
        OFFSET_RELOCATABLE = 0x234,
        OFFSET_INIT_SIZE = 0x260,
        HEADER_BYTES = 0x264,
};

/* relocatable_kernel is of protocol 2.05, init_size of 2.10; arch/x86/kernel/kexec-bzimage64.c
 * wants 2.12 at least, for xloadflags. */
#define PROTOCOL_MIN 0x020c

static int try_path(int root_fd, char *path, char **ret)
{
        _cleanup_free_ char *owned = path;
        _cleanup_close_ int fd = root_open(root_fd, path, O_PATH);
        struct stat st;

        if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
                return 0;
        *ret = TAKE_PTR(owned);
        return 1;
}

int kernel_image_find(int root_fd, const char *release, const char *machine_id, char **ret)
{
        static const char *const patterns[][2] = {
                { "/boot/vmlinuz-", "" },
                { "/boot/vmlinux-", "" },
                { "/usr/lib/modules/", "/vmlinuz" },
                { "/lib/modules/", "/vmlinuz" },
        };
        /* Of the Boot Loader Specification, type 1, as kernel-install lays them out. */
        static const char *const folders[] = { "/boot", "/efi", "/boot/efi" };
        int r;

        for (size_t i = 0; i < ELEMENTSOF(patterns); i++) {
                char *path;

                r = strprintf(&path, "%s%s%s", patterns[i][0], release, patterns[i][1]);
                if (r < 0)
                        return r;
                if (try_path(root_fd, path, ret) > 0)
                        return 0;
        }
        for (size_t i = 0; machine_id && i < ELEMENTSOF(folders); i++) {
                char *path;

                r = strprintf(&path, "%s/%s/%s/linux", folders[i], machine_id, release);
                if (r < 0)
                        return r;
                if (try_path(root_fd, path, ret) > 0)
                        return 0;
        }
        return -ENOENT;
}

static uint16_t get_le16(const uint8_t *p)
{
        return (uint16_t) (p[0] | p[1] << 8);
}

static uint32_t get_le32(const uint8_t *p)
{
        return (uint32_t) get_le16(p) | (uint32_t) get_le16(p + 2) << 16;
}

/* The sectors of the setup (0 means 4) behind the first one, and what follows in units of 16 bytes,
 * of which the last may not be full. A signature may come behind it. */
static bool bzimage_is_whole(const uint8_t *header, uint64_t file_bytes)
{
        uint64_t n_sectors = header[OFFSET_SETUP_SECTS] ?: 4;
        uint64_t size_bytes =
                (n_sectors + 1) * 512 + (uint64_t) get_le32(header + OFFSET_SYSSIZE) * 16;

        return get_le32(header + OFFSET_SYSSIZE) == 0 || file_bytes + 15 >= size_bytes;
}

static int read_bzimage(int fd, KernelImage *image, char **reterr_message)
{
        uint8_t header[HEADER_BYTES];
        int r;

        r = pread_full(fd, header, sizeof(header), 0);
        if (r < 0 && r != -ENODATA)
                return r;
        if (r < 0 || get_le16(header + OFFSET_BOOT_FLAG) != 0xaa55 ||
            memcmp(header + OFFSET_MAGIC, "HdrS", 4) != 0) {
                (void) strprintf(reterr_message, "it is not a bzImage");
                return -EBADMSG;
        }
        image->checked = true;
        image->protocol = get_le16(header + OFFSET_PROTOCOL);
        image->relocatable = header[OFFSET_RELOCATABLE] != 0;
        if (image->protocol < PROTOCOL_MIN) {
                (void) strprintf(reterr_message, "its boot protocol %u.%02u is too old",
                                 image->protocol >> 8, image->protocol & 0xff);
                return -EBADMSG;
        }
        if (!bzimage_is_whole(header, image->file_bytes)) {
                (void) strprintf(reterr_message, "it is cut short");
                return -EBADMSG;
        }
        image->init_size_bytes = get_le32(header + OFFSET_INIT_SIZE);
        if (!image->relocatable) {
                (void) strprintf(reterr_message,
                                 "it cannot run where the memory is reserved: it was built without "
                                 "CONFIG_RELOCATABLE");
                return -EBADMSG;
        }
        return 0;
}

int kernel_image_read(int fd, KernelImage *ret, char **reterr_message)
{
        KernelImage image = { 0 };
        struct stat st;
        int r;

        if (fstat(fd, &st) < 0)
                return -errno;
        image.file_bytes = (uint64_t) st.st_size;
        if (image.file_bytes == 0) {
                (void) strprintf(reterr_message, "it is empty");
                return -EBADMSG;
        }
#if defined(__x86_64__) || defined(__i386__)
        r = read_bzimage(fd, &image, reterr_message);
#else
        (void) read_bzimage;
        r = 0;
#endif
        if (r < 0)
                return r;
        *ret = image;
        return 0;
}

static bool sums_fit(const uint64_t *sizes, size_t n_sizes, uint64_t crash_size_bytes)
{
        uint64_t sum = 0;

        for (size_t i = 0; i < n_sizes; i++)
                if (__builtin_add_overflow(sum, sizes[i], &sum))
                        return false;
        return sum <= crash_size_bytes;
}

bool kernel_image_fits(const KernelNeeds *needs, char **ret_reason)
{
        /* init_size is the unpacked kernel with its bss, or what the decompressor needs for it if
         * that is more (arch/x86/boot/header.S, INIT_SIZE): half of it is the least that stays in
         * use. The archive is freed when all of it is unpacked (init/initramfs.c,
         * do_populate_rootfs()). */
        const uint64_t load[] = { needs->init_size_bytes, needs->initrd_bytes, EARLY_BOOT_BYTES };
        const uint64_t unpack[] = { needs->init_size_bytes / 2, needs->initrd_bytes,
                                    needs->unpacked_bytes, EARLY_BOOT_BYTES / 2 };

        if (!sums_fit(load, ELEMENTSOF(load), needs->crash_size_bytes)) {
                (void) strprintf(
                        ret_reason,
                        "the reservation of %" PRIu64 " MiB has no room for a kernel of %" PRIu64
                        " MiB, an initramfs of %" PRIu64 " MiB and %" PRIu64 " MiB to start with",
                        needs->crash_size_bytes / MIB, needs->init_size_bytes / MIB,
                        needs->initrd_bytes / MIB, EARLY_BOOT_BYTES / MIB);
                return false;
        }
        if (!sums_fit(unpack, ELEMENTSOF(unpack), needs->crash_size_bytes)) {
                (void) strprintf(ret_reason,
                                 "the reservation of %" PRIu64
                                 " MiB has no room to unpack an initramfs of %" PRIu64
                                 " MiB to %" PRIu64 " MiB",
                                 needs->crash_size_bytes / MIB, needs->initrd_bytes / MIB,
                                 needs->unpacked_bytes / MIB);
                return false;
        }
        return true;
}

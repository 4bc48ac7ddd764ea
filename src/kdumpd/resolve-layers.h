/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a block device is made of beside plain hardware: volumes, arrays, what lies behind a
 * network. None of these log. */
#pragma once

#include "macro.h"

typedef enum DeviceKind {
        /* The crash image brings these up. */
        DEVICE_LVM = 1 << 0,
        DEVICE_MD = 1 << 1,
        DEVICE_MD_EXTERNAL = 1 << 2, /* the firmware's RAID, for which mdmon(8) is needed */

        /* It does not bring these up. */
        DEVICE_CRYPT = 1 << 8,
        DEVICE_MULTIPATH = 1 << 9,
        DEVICE_ISCSI = 1 << 10,
        DEVICE_FCOE = 1 << 11,
        DEVICE_FABRICS = 1 << 12, /* NVMe over TCP, RDMA, Fibre Channel */
        DEVICE_NETWORK = 1 << 13, /* nbd, rbd, drbd */
        DEVICE_LOOP = 1 << 14,
        DEVICE_BCACHE = 1 << 15,
        DEVICE_ZRAM = 1 << 16,
        DEVICE_MAPPER = 1 << 17, /* whatever else was made with the device mapper */
} DeviceKind;

/* A device with all that it hangs on and all that it is made of. */
typedef struct DeviceStack {
        char **drivers; /* modules, with '_', each once */
        char **volumes; /* "vg/lv" of each logical volume, each once */
        unsigned kinds; /* DeviceKind bits */
} DeviceStack;

void device_stack_done(DeviceStack *stack);

/* Adds what @folder, the real path of a device's folder in /sys or of one above it, tells of
 * itself. */
int layer_add(int root_fd, const char *folder, DeviceStack *stack);

/* In words, what of @kinds the crash image does not bring up: the first of them; NULL: none. */
const char *layer_refused(unsigned kinds);

/* "vg/lv" of the device mapper's name "vg-lv", in which "--" stands for "-". Returns 1; 0 if it is
 * no such name. */
int layer_volume_name(const char *name, char **ret);

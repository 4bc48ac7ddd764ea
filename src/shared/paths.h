/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The one list of file names that more than one program knows. */
#pragma once

/* The running system */
#define PATH_CONFIG "/etc/kdump.conf"
#define PATH_CONFIG_DROPIN_DIR "/etc/kdump.conf.d"
#define PATH_STATE_DIR "/var/lib/kdumpd"
#define PATH_FINGERPRINTS PATH_STATE_DIR "/fingerprints"
#define PATH_RUN_DIR "/run/kdumpd"
#define PATH_STATE_JSON "/run/kdumpd/state.json"
#define PATH_HELPER_DIR "/usr/lib/kdumpd"
#define PATH_DEFAULT_SSHKEY "/root/.ssh/kdump_id_rsa"
#define PATH_DEFAULT_DUMPS "/var/crash"
#define PATH_HOOKS_DIR "/etc/kdump" /* pre.d, post.d, emergency.d */

/* The initramfs of the crash kernel. The overlay brings the Plan and what the kernel tells of its
 * types, the base says what it understands. */
#define PATH_PLAN "/etc/kdump/plan.json"
#define PATH_KERNEL_INFO "/etc/kdump/kernel.info"
#define PATH_BASE_INFO "/usr/lib/kdumpd/base.json"
#define PATH_CAPTURE_MOUNT_DIR "/run/kdump"
#define CAPTURE_MOUNT_PREFIX "target-" /* and the target's number, from 0 on */

/* The fallback image, which is started when that initramfs is damaged. Its /init is the program,
 * what it is known by the list of modules: paths in the image, one a line, in the order in which
 * they are loaded. Of the above it has the Plan and the kernel's types. */
#define PATH_FALLBACK_PROGRAM PATH_HELPER_DIR "/kdump-fallback"
#define PATH_FALLBACK_MODULES PATH_HELPER_DIR "/fallback.modules"
#define PATH_FALLBACK_MODULE_DIR PATH_HELPER_DIR "/modules"

/* A dump folder */
#define FILE_DMESG "vmcore-dmesg.txt"
#define FILE_DMESG_INCOMPLETE "vmcore-dmesg-incomplete.txt"
#define FILE_VMCORE "vmcore"
#define FILE_VMCORE_INCOMPLETE "vmcore-incomplete"
#define FILE_VMCORE_FLAT "vmcore.flat" /* as a stream of records: see sink-flat */
#define FILE_VMCORE_FLAT_INCOMPLETE "vmcore-incomplete.flat"
#define FILE_META "meta.json"
#define FILE_META_INCOMPLETE "meta-incomplete.json"
#define FILE_CAPTURE_LOG "kexec-dmesg.log"
#define FILE_CAPTURE_LOG_INCOMPLETE "kexec-dmesg-incomplete.log"

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Generations: each image that was good enough to be armed, with all that loading it again takes.
 */
#pragma once

#include "kexec.h"
#include "sha256.h"

/* PATH_STATE_DIR/generation/<N>/ holds overlay.cpio, generation.json and, if there is one, the
 * fallback image: fallback.img. Kernel and base image stay where they are and are known by hash.
 * PATH_STATE_DIR/generation/index says which N is the current
 * one and which the one before it. */
typedef struct Generation {
        uint64_t number; /* from 1; 0: none */
        char *kernel_release;
        char *kernel_path, *kernel_sha256;
        char *base_id, *base_path, *base_sha256;
        char *overlay_sha256;
        char *cmdline;
        char **targets; /* texts as of target_describe(), for who asks what is armed */
        uint64_t base_bytes, overlay_bytes;
        uint64_t base_realtime_usec; /* the base image was built */
        uint64_t created_realtime_usec;

        char *fallback_sha256; /* NULL: there is no fallback image, and none of these is set */
        char *fallback_cmdline;
        char *fallback_archive_sha256; /* of what is in it, in any order; NULL: not known */
        char *fallback_target;         /* as one of `targets`; NULL: not known */
        uint64_t fallback_bytes;
} Generation;

void generation_done(Generation *generation);

/* @from must be one that generation_write() would take: nothing but the targets missing. */
int generation_copy(const Generation *from, Generation *ret);

/* Whether both would put the same bytes into the crash kernel: kernel, base, overlay and command
 * line, and the fallback image with its own. */
bool generation_same_image(const Generation *a, const Generation *b);

/* The same, whatever the fallback image is. */
bool generation_same_but_fallback(const Generation *a, const Generation *b);

/* Takes the fallback image out of @generation. */
void generation_drop_fallback(Generation *generation);

typedef struct GenerationStore {
        int root_fd;                  /* not owned */
        Generation current, previous; /* number 0: there is none */
        uint64_t next;                /* the number that the next one gets */
} GenerationStore;

/* Reads what is below @root_fd, which must stay open, and makes nothing there. A generation whose
 * description is missing or malformed is left out: that is no error. Does not log. */
int generation_store_load(int root_fd, GenerationStore *ret);
void generation_store_done(GenerationStore *store);

/* Never gives @number to a new generation: one was armed under it, whatever the disk says. */
void generation_reserve(GenerationStore *store, uint64_t number);

/* Writes @generation, whose number must be @store->next, with its overlay and its fallback image
 * (NULL: there is none) to disk. Returns 0; 1 if the fallback image alone could not be written:
 * generation_open() does without. It is not the current one yet; generation_adopt() makes it that,
 * generation_discard() removes it. @drop_current: what is the current one turned out to be no good,
 * and the previous one, if any, is kept instead. None of them logs. */
int generation_write(const GenerationStore *store, const Generation *generation,
                     const void *overlay, const void *fallback);
int generation_adopt(GenerationStore *store, const Generation *generation, bool drop_current);
int generation_discard(const GenerationStore *store, uint64_t number);

/* Writes the current generation again, which holds @overlay and @fallback (may be NULL), if the
 * disk has lost or damaged what describes it. Returns 1 if it did, 0 if there was no need, or it
 * did not help. Does not log. */
int generation_keep(const GenerationStore *store, const void *overlay, const void *fallback);

/* Brings what loading @generation takes into memory, after comparing all of it with its hashes, as
 * it is now: what other checks have read before it may have changed since. Returns 0; 1 with
 * *reterr_message if all is there but the fallback image, which is left out; -ESTALE with
 * *reterr_message if a file has changed, else errors of reading it, also with a message. The caller
 * frees it. Does not log. */
int generation_open(const GenerationStore *store, const Generation *generation, KexecImage *ret,
                    char **reterr_message);

/* Reads the overlay of @generation and compares it with its hash. The caller frees *ret. Errors as
 * generation_open(). Does not log. */
int generation_read_overlay(const GenerationStore *store, const Generation *generation, char **ret,
                            size_t *ret_size, char **reterr_message);

/* The same of the fallback image. -ENODATA if @generation has none. */
int generation_read_fallback(const GenerationStore *store, const Generation *generation, char **ret,
                             size_t *ret_size, char **reterr_message);

/* SHA-256 as lower-case hex digits. */
int generation_hash(const void *data, size_t size, char ret_hex[static SHA256_HEX_SIZE]);

/* The caller frees *ret_json. */
int generation_to_json(const Generation *generation, char **ret_json);

/* Returns 0; -EBADMSG if it is not a Generation, or one that lacks something. Does not log. */
int generation_from_json(const char *json, size_t size, Generation *ret);

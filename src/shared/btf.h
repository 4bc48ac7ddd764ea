/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Btf: the types of a kernel as it describes them itself (/sys/kernel/btf/vmlinux;
 * Documentation/bpf/btf.rst): where members of structs are, and what enumerators are worth. */
#pragma once

#include "macro.h"

typedef struct Btf Btf;

/* The BTF of a kernel has 5 to 10 MB. */
#define BTF_BYTES_MAX (UINT32_C(64) << 20)

/* Checks @data, which is not copied and must live longer, and notes where each type is: 4 bytes
 * each stay in use. Returns 0; -EBADMSG if it is malformed, -EOPNOTSUPP for a kind of type, an
 * order of bytes or a version that is not known, -EFBIG, -ENOMEM. Does not log. */
int btf_new(const void *data, size_t size, Btf **ret);
Btf *btf_free(Btf *btf); /* accepts NULL, returns NULL */
DEFINE_CLEANUP(Btf *, btf_free);

/* All of these take time that grows with the number of types. -ENODATA if there is no such thing,
 * -EBADMSG if what describes it is malformed. None of them log. */

/* The size of struct @name. */
int btf_struct_size(const Btf *btf, const char *name, uint64_t *ret_bytes);

/* Where @member of struct @name is, also if it is within an unnamed struct or union. @member may be
 * a path such as "name.release". -ENODATA for a bit field too. */
int btf_member_offset(const Btf *btf, const char *name, const char *member, uint64_t *ret_bytes);

/* The value of an enumerator of any enum of 32 bits. */
int btf_enumerator(const Btf *btf, const char *name, uint32_t *ret);

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Vmcoreinfo: what a kernel says of its own memory layout, as "KEY=VALUE" lines of text. */
#pragma once

#include "macro.h"

typedef struct Vmcoreinfo Vmcoreinfo;

/* Longest text that is taken. The kernel itself is limited to one page today. */
#define VMCOREINFO_BYTES_MAX (UINT32_C(1) << 20)

/* Copies @text of @size bytes (no NUL needed at its end; NUL bytes there are dropped). Lines
 * without a '=' are skipped. Returns 0; -EBADMSG if it holds NUL bytes elsewhere, -EFBIG. Does not
 * log. */
int vmcoreinfo_new(const char *text, size_t size, Vmcoreinfo **ret);
Vmcoreinfo *vmcoreinfo_free(Vmcoreinfo *info); /* accepts NULL, returns NULL */
DEFINE_CLEANUP(Vmcoreinfo *, vmcoreinfo_free);

/* The text as given, with a NUL behind it; owned by @info. */
const char *vmcoreinfo_text(const Vmcoreinfo *info);
size_t vmcoreinfo_text_size(const Vmcoreinfo *info);

/* All getters: 0; -ENODATA if there is no such line, -EBADMSG if its value is malformed. Of several
 * lines with the same key the last one counts. None of them log. */

/* SYMBOL(name)=hex: the run time address. */
int vmcoreinfo_symbol(const Vmcoreinfo *info, const char *name, uint64_t *ret_vaddr);

/* SIZE(name)= and OFFSET(member)=, @member as "page.flags": in bytes. LENGTH(name)=: in elements.
 */
int vmcoreinfo_size(const Vmcoreinfo *info, const char *name, uint64_t *ret_bytes);
int vmcoreinfo_offset(const Vmcoreinfo *info, const char *member, uint64_t *ret_bytes);
int vmcoreinfo_length(const Vmcoreinfo *info, const char *name, uint64_t *ret_n);

/* NUMBER(name)=: signed decimal or 0x hex. The bits are the same in both views. */
int vmcoreinfo_number(const Vmcoreinfo *info, const char *name, int64_t *ret);
int vmcoreinfo_number_u64(const Vmcoreinfo *info, const char *name, uint64_t *ret);

/* A plain "KEY=VALUE" such as OSRELEASE, as text owned by @info. */
int vmcoreinfo_string(const Vmcoreinfo *info, const char *key, const char **ret_value);

/* A plain key whose value is a number, in @base 10 (CRASHTIME, PAGESIZE) or 16, without 0x
 * (KERNELOFFSET). */
int vmcoreinfo_string_u64(const Vmcoreinfo *info, const char *key, unsigned base, uint64_t *ret);

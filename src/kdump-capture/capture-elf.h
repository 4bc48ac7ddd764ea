/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Saving a vmcore as an ELF core. */
#pragma once

#include "capture-source.h"
#include "dump-elf.h"

/* What the headers of an ELF core say of @source. The pointers in *ret live as long as that. */
void capture_elf_describe(const CaptureSource *source, ElfInfo *ret);

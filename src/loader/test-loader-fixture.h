/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Root folders that look as a machine does to loader_facts_read(). Everything fails the test that
 * it is called from. */
#pragma once

#include <elf.h>

#include "test-machines.h"

/* Paths are relative to the root; parents are made. */
void test_file_write(int root_fd, const char *path, const char *text);
void test_file_write_bytes(int root_fd, const char *path, const void *data, size_t size);
void test_file_printf(int root_fd, const char *path, const char *format, ...) _printf_(3, 4);

/* proc/kcore: */
Elf64_Ehdr test_kcore_header(size_t n_segments);
Elf64_Phdr test_kcore_segment(uint64_t paddr, uint64_t bytes, uint64_t offset, uint64_t vaddr);
void test_kcore_write(int root_fd, const Elf64_Ehdr *header, const Elf64_Phdr *segments, size_t n);
void test_kcore_put(int root_fd, uint64_t offset, const void *data, size_t size);

/* Writes all that the kernel of @which shows. */
void test_machine_write(int root_fd, TestMachine which);

/* Puts @data where proc/kcore of such a machine has @paddr. */
void test_machine_put(int root_fd, uint64_t paddr, const void *data, size_t size);

/* Its vmcoreinfo says @text, and nothing else. */
void test_machine_vmcoreinfo(int root_fd, TestMachine which, const char *text);

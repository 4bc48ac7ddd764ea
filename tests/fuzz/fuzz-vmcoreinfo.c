/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Fuzz target: the text of VMCOREINFO. The input is that text. */
#include "fuzz.h"
#include "vmcoreinfo.h"

static const char *const names[] = { "a", "mem_section", "page.flags", "VA_BITS", "", ")" };
static const char *const keys[] = { "OSRELEASE", "PAGESIZE", "CRASHTIME", "KERNELOFFSET", "" };

static void result_check(int r)
{
        FUZZ_CHECK(r == 0 || r == -ENODATA || r == -EBADMSG);
}

static void numbers_get(const Vmcoreinfo *info, const char *name)
{
        uint64_t value = 0, bits = 0;
        int64_t number = 0;
        int r;

        result_check(vmcoreinfo_symbol(info, name, &value));
        result_check(vmcoreinfo_size(info, name, &value));
        result_check(vmcoreinfo_offset(info, name, &value));
        result_check(vmcoreinfo_length(info, name, &value));
        r = vmcoreinfo_number_u64(info, name, &bits);
        result_check(r);
        FUZZ_CHECK(vmcoreinfo_number(info, name, &number) == r);
        FUZZ_CHECK((uint64_t) number == bits);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        _cleanup_(vmcoreinfo_freep) Vmcoreinfo *info = NULL;
        int r;

        r = vmcoreinfo_new((const char *) data, size, &info);
        if (r < 0) {
                FUZZ_CHECK(r == -EBADMSG || r == -EFBIG);
                return 0;
        }
        FUZZ_CHECK(vmcoreinfo_text_size(info) <= size);
        FUZZ_CHECK(strlen(vmcoreinfo_text(info)) == vmcoreinfo_text_size(info));

        for (size_t i = 0; i < ELEMENTSOF(names); i++)
                numbers_get(info, names[i]);
        for (size_t i = 0; i < ELEMENTSOF(keys); i++) {
                const char *value = NULL;
                uint64_t number;

                r = vmcoreinfo_string(info, keys[i], &value);
                FUZZ_CHECK(r == -ENODATA || (r == 0 && strlen(value) <= size));
                result_check(vmcoreinfo_string_u64(info, keys[i], 10, &number));
                result_check(vmcoreinfo_string_u64(info, keys[i], 16, &number));
        }
        return 0;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Fuzz target: the types of a kernel. The input is BTF. */
#include "btf.h"
#include "fuzz.h"

static const char *const structs[] = { "page", "a", "list_head", "b", "" };
static const char *const members[] = { "flags", "a", "b.c", "a.b.c.a.b.c", "next", "", ".", "a." };
static const char *const enumerators[] = { "PG_lru", "A", "B", "" };

static void result_check(int r)
{
        FUZZ_CHECK(r == 0 || r == -ENODATA || r == -EBADMSG);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        _cleanup_(btf_freep) Btf *btf = NULL;
        uint64_t value;
        uint32_t number;
        int r;

        r = btf_new(data, size, &btf);
        if (r < 0) {
                FUZZ_CHECK(r == -EBADMSG || r == -EOPNOTSUPP);
                return 0;
        }
        for (size_t i = 0; i < ELEMENTSOF(structs); i++) {
                result_check(btf_struct_size(btf, structs[i], &value));
                for (size_t j = 0; j < ELEMENTSOF(members); j++) {
                        r = btf_member_offset(btf, structs[i], members[j], &value);
                        result_check(r);
                        FUZZ_CHECK(r < 0 || btf_struct_size(btf, structs[i], &value) == 0);
                }
        }
        for (size_t i = 0; i < ELEMENTSOF(enumerators); i++)
                result_check(btf_enumerator(btf, enumerators[i], &number));
        return 0;
}

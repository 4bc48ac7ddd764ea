/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tests of facts that are read while the machine changes, or runs short of something. */
#include <fcntl.h>
#include <sys/resource.h>

#include "loader-facts-internal.h"
#include "test-loader-fixture.h"
#include "test.h"

static void loader_facts_freep(LoaderFacts *facts)
{
        loader_facts_done(facts);
}
#define _cleanup_facts_ _cleanup_(loader_facts_freep)

/* What one look finds: so many blocks of memory and notes of CPUs, or an error. */
typedef struct Look {
        int error;
        unsigned n_blocks, n_cpus;
        MemoryKind kind; /* of what is not RAM */
} Look;

typedef struct Looks {
        const Look *looks; /* the last one is found ever after */
        size_t n, n_done;
} Looks;

static int look(void *userdata, LoaderFacts *ret, char **reterr_message)
{
        Looks *looks = userdata;
        const Look *now = looks->looks + MIN(looks->n_done, looks->n - 1);

        looks->n_done++;
        if (now->error < 0)
                return facts_fail(reterr_message, now->error, "look %zu", looks->n_done);
        for (uint64_t i = 0; i < now->n_blocks; i++)
                assert_int_equal(range_list_add(&ret->ram, i << 28, (i << 28) + 4096), 0);
        ret->cpu_notes = calloc(now->n_cpus, sizeof(*ret->cpu_notes));
        ret->map = calloc(1, sizeof(*ret->map));
        assert_true(ret->cpu_notes && ret->map);
        ret->n_cpu_notes = now->n_cpus;
        ret->map[0] = (MemoryRange){ { 0x1000, 0x2000 }, now->kind };
        ret->n_map = 1;
        return 0;
}

static const struct {
        Look looks[8];
        size_t n;
        int r;
        size_t n_done;
        const char *message;
} cases[] = {
        { { { 0, 2, 1, MEMORY_ACPI } }, 1, 0, 2, NULL },
        /* Torn: senseless, or only wrong */
        { { { -EBADMSG, 0, 0, 0 }, { 0, 2, 1, MEMORY_ACPI } }, 2, 0, 3, NULL },
        { { { 0, 1, 1, MEMORY_ACPI }, { 0, 2, 1, MEMORY_ACPI } }, 2, 0, 3, NULL },
        { { { 0, 2, 2, MEMORY_ACPI }, { 0, 2, 1, MEMORY_ACPI } }, 2, 0, 3, NULL },
        { { { 0, 2, 1, MEMORY_NVS }, { 0, 2, 1, MEMORY_ACPI } }, 2, 0, 3, NULL },
        { { { 0, 2, 1, MEMORY_ACPI }, { -ENODATA, 0, 0, 0 }, { 0, 2, 1, MEMORY_ACPI } },
          3,
          0,
          4,
          NULL },
        /* For ever */
        { { { -EBADMSG, 0, 0, 0 } }, 1, -EBADMSG, 8, "look 8" },
        { { { 0, 2, 1, MEMORY_ACPI }, { -EBADMSG, 0, 0, 0 } }, 2, -EBUSY, 8, "come and go" },
        { { { -ENODATA, 0, 0, 0 }, { -EBADMSG, 0, 0, 0 } }, 2, -EBUSY, 8, "come and go" },
        { { { 0, 1, 1, 0 },
            { 0, 2, 1, 0 },
            { 0, 3, 1, 0 },
            { 0, 4, 1, 0 },
            { 0, 5, 1, 0 },
            { 0, 6, 1, 0 },
            { 0, 7, 1, 0 },
            { 0, 8, 1, 0 } },
          8,
          -EBUSY,
          8,
          "come and go" },
        /* What another look at once would not mend */
        { { { -EMFILE, 0, 0, 0 } }, 1, -EMFILE, 1, "look 1" },
        { { { 0, 2, 1, 0 }, { -ENOMEM, 0, 0, 0 } }, 2, -ENOMEM, 2, "look 2" },
};

static void test_two_looks_in_a_row_agree(void **state)
{
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                Looks looks = { .looks = cases[i].looks, .n = cases[i].n };
                _cleanup_free_ char *message = NULL;
                _cleanup_facts_ LoaderFacts facts = { 0 };

                assert_int_equal(facts_read_until_same(look, &looks, &facts, &message), cases[i].r);
                assert_int_equal(looks.n_done, cases[i].n_done);
                assert_true(!message == !cases[i].message);
                if (message && !strstr(message, cases[i].message))
                        fail_msg("case %zu: %s", i, message);
                if (cases[i].r >= 0)
                        assert_true(facts.ram.n == 2 && facts.n_cpu_notes == 1 &&
                                    facts.map[0].kind == MEMORY_ACPI);
        }
}

static void test_a_machine_that_stays_is_read(void **state)
{
        _cleanup_test_root_ char *root = test_root_new();
        _cleanup_close_ int root_fd = test_root_open(root);
        _cleanup_free_ char *message = NULL;
        _cleanup_facts_ LoaderFacts facts = { 0 };

        test_machine_write(root_fd, TEST_MACHINE_FRAGMENTS);
        assert_int_equal(loader_facts_read_stable(root_fd, &facts, &message), 0);
        assert_true(facts.ram.n > 1000);
        loader_facts_done(&facts);
        test_file_write(root_fd, "proc/iomem", "what?\n");
        assert_int_equal(loader_facts_read_stable(root_fd, &facts, &message), -EBADMSG);
        assert_non_null(strstr(message, "Line 1"));
}

/* All that this process may still open is opened. */
static void exhaust_files(struct rlimit *ret_before)
{
        struct rlimit limit;
        int fd;

        assert_int_equal(getrlimit(RLIMIT_NOFILE, ret_before), 0);
        fd = open("/", O_RDONLY | O_CLOEXEC);
        assert_true(fd >= 0);
        assert_int_equal(close(fd), 0);
        limit = *ret_before;
        limit.rlim_cur = (rlim_t) fd;
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

/* Not as if the machine had no EFI, no lockdown and no serial port. */
static void test_lack_of_files_is_no_fact(void **state)
{
        _cleanup_test_root_ char *root = test_root_new();
        _cleanup_close_ int root_fd = test_root_open(root);
        _cleanup_free_ char *message = NULL;
        FactsEncryption encryption = { 0 };
        LoaderFacts facts = { 0 };
        struct rlimit before;
        int found[5];

        test_machine_write(root_fd, TEST_MACHINE_EFI_2G);
        exhaust_files(&before);
        found[0] = facts_read_efi(root_fd, &facts);
        found[1] = facts_read_cpu(root_fd, &facts, &encryption);
        found[2] = facts_read_ports(root_fd, &facts);
        found[3] = facts_read_policy(root_fd, &facts);
        found[4] = loader_facts_read_stable(root_fd, &facts, &message);
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
        for (size_t i = 0; i < ELEMENTSOF(found); i++)
                assert_int_equal(found[i], -EMFILE);
        assert_non_null(message);
        assert_true(loader_facts_error_passes(-EMFILE));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_two_looks_in_a_row_agree),
                cmocka_unit_test(test_a_machine_that_stays_is_read),
                cmocka_unit_test(test_lack_of_files_is_no_fact),
        };

        return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}

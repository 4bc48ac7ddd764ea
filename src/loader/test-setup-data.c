/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tests of the list of setup_data, walked as a kernel does it. */
#include "test.h"

#include "efi-table.h"
#include "purgatory-block.h"
#include "setup-data.h"

#define PADDR UINT64_C(0x1fe000040)
#define NEXT UINT64_C(0x1fe001000)

static const uint8_t seed[SETUP_DATA_SEED_BYTES] = { 1, 2, 3, [31] = 32 };

static const MemoryRange more[] = {
        { { 0x100000000, 0x180000000 }, MEMORY_RESERVED },
        { { 0x180000000, 0x190000000 }, MEMORY_PMEM },
        { { 0x1f0000000, 0x200000000 }, MEMORY_RAM },
};

typedef struct Node {
        uint64_t next;
        uint32_t type, len;
        const uint8_t *data;
} Node;

/* The node at @paddr, all of which must be in @buf, to be loaded at PADDR. */
static Node read_node(const uint8_t *buf, size_t bytes, uint64_t paddr)
{
        Node node;

        assert_true(paddr >= PADDR && paddr % 8 == 0);
        assert_true(paddr - PADDR + 16 <= bytes);
        buf += paddr - PADDR;
        memcpy(&node.next, buf, 8);
        memcpy(&node.type, buf + 8, 4);
        memcpy(&node.len, buf + 12, 4);
        node.data = buf + 16;
        assert_true(paddr - PADDR + 16 + node.len <= bytes);
        return node;
}

static void check_data(const Node *node, const SetupData *setup)
{
        uint8_t expected[256];

        switch (node->type) {
        case 1:
                e820_write(setup->more, setup->n_more, expected);
                assert_int_equal(node->len, setup->n_more * 20);
                assert_memory_equal(node->data, expected, node->len);
                return;
        case 4:
                efi_table_write_setup(setup->efi, expected);
                assert_int_equal(node->len, 96);
                assert_memory_equal(node->data, expected, 96);
                return;
        case 9:
                assert_int_equal(node->len, 32);
                assert_memory_equal(node->data, seed, 32);
                return;
        default:
                fail_msg("node of type %u", node->type);
        }
}

static void test_which_nodes_there_are(void **state)
{
        static const struct {
                bool efi;
                size_t n_more;
                uint64_t next;
                uint32_t types[4];
        } table[] = {
                { false, 0, NEXT, { 9 } },    { true, 0, NEXT, { 4, 9 } },
                { false, 3, NEXT, { 9, 1 } }, { true, 1, NEXT, { 4, 9, 1 } },
                { true, 3, 0, { 4, 9, 1 } },  { false, 0, 0, { 9 } },
        };
        const LoaderEfi efi = { .fw_vendor = 1, .runtime = 2, .config_table = 3, .smbios = 4 };

        for (size_t i = 0; i < ELEMENTSOF(table); i++) {
                const SetupData setup = {
                        .efi = table[i].efi ? &efi : NULL,
                        .seed = seed,
                        .more = more,
                        .n_more = table[i].n_more,
                        .next_paddr = table[i].next,
                };
                size_t bytes = setup_data_bytes(&setup), n = 0;
                _cleanup_free_ uint8_t *buf = malloc(bytes + 1);
                uint64_t paddr = PADDR, used = 0;

                assert_non_null(buf);
                buf[bytes] = 0xee;
                setup_data_write(&setup, PADDR, buf);
                for (; paddr != table[i].next; n++) {
                        Node node = read_node(buf, bytes, paddr);

                        assert_int_equal(node.type, table[i].types[n]);
                        check_data(&node, &setup);
                        used += 16 + node.len;
                        paddr = node.next;
                }
                assert_int_equal(table[i].types[n], 0);
                assert_int_equal(used, bytes);
                assert_int_equal(buf[bytes], 0xee);
        }
}

static void test_status_node_is_the_last_one(void **state)
{
        uint8_t buf[SETUP_DATA_HEADER_BYTES];
        uint32_t type, len;

        setup_data_write_status_header(buf);
        assert_true(mem_is_zero(buf, 8));
        memcpy(&type, buf + 8, 4);
        memcpy(&len, buf + 12, 4);
        assert_int_equal(type, 0x6b640001);
        assert_int_equal(len, sizeof(PurgatoryStatus));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_which_nodes_there_are),
                cmocka_unit_test(test_status_node_is_the_last_one),
        };

        return cmocka_run_group_tests_name("setup-data", tests, NULL, NULL);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the tests of PageLayout: what is taken from VMCOREINFO, and what is not guessed. */
#include "io.h"
#include "page-layout.h"
#include "strv.h"
#include "test-pages.h"
#include "test.h"

#define ALL (page_classes_of_level(31))

static int load(const char *text, unsigned wanted, PageLayout *layout, char ***warnings,
                char **message)
{
        _cleanup_(vmcoreinfo_freep) Vmcoreinfo *info = NULL;

        assert_int_equal(vmcoreinfo_new(text, strlen(text), &info), 0);
        return page_layout_load(layout, info, wanted, warnings, message);
}

static void test_classes_of_levels(void **state)
{
        static const struct {
                unsigned level;
                const char *classes;
        } levels[] = {
                { 0, "hwpoison offline" },
                { 1, "hwpoison offline" },
                { 2, "cache hwpoison offline" },
                { 4, "cache cache-private hwpoison offline" },
                { 8, "user hwpoison offline" },
                { 17, "free hwpoison offline" },
                { 31, "cache cache-private user free hwpoison offline" },
        };

        for (size_t i = 0; i < ELEMENTSOF(levels); i++) {
                _cleanup_strv_ char **names = NULL;
                _cleanup_free_ char *text = NULL;
                unsigned classes = page_classes_of_level(levels[i].level);

                for (PageClass class = 0; class < _PAGE_CLASS_MAX; class ++)
                        if (classes & PAGE_CLASS_BIT(class))
                                assert_int_equal(strv_extend(&names, page_class_to_string(class)),
                                                 0);
                assert_int_equal(strv_join(names, &text), 0);
                assert_string_equal(text, levels[i].classes);
        }
        assert_null(page_class_to_string(_PAGE_CLASS_MAX));
}

static void test_every_kernel_is_decidable(void **state)
{
        for (size_t i = 0; i < TEST_N_KERNELS; i++) {
                const TestKernel *kernel = &test_kernels[i];
                PageRules rules;

                test_rules_load(kernel, 31, &rules);
                assert_int_equal(rules.layout.struct_bytes, 64);
                assert_int_equal(rules.layout.lru_mask, kernel->lru);
                assert_int_equal(rules.layout.swap_mask, kernel->swapcache | kernel->swapbacked);
                assert_int_equal(rules.layout.head_mask, kernel->head);
                assert_int_equal(rules.layout.buddy.value, (uint32_t) kernel->buddy);
                assert_int_equal(rules.layout.slab.value, (uint32_t) kernel->slab_type);
                assert_int_equal(rules.layout.slab_mask, kernel->slab);
                assert_int_equal(rules.layout.unaccepted.value, (uint32_t) kernel->unaccepted);
                assert_int_equal(rules.layout.order_offset, kernel->order_offset);
                assert_int_equal(rules.layout.hugetlb, kernel->dtor_offset ? PAGE_HUGETLB_BY_DTOR
                                                       : kernel->hugetlb_type
                                                               ? PAGE_HUGETLB_BY_TYPE
                                                               : PAGE_HUGETLB_BY_FLAG);
        }
}

/* In the top byte alone since v6.12, all 32 bits before. */
static void test_what_of_a_type_is_compared(void **state)
{
        PageRules rules;

        test_rules_load(test_kernel_find("6.12"), 31, &rules);
        assert_int_equal(rules.layout.buddy.mask, 0xff000000);
        assert_int_equal(rules.layout.hugetlb_type.mask, 0xff000000);
        test_rules_load(test_kernel_find("6.11"), 31, &rules);
        assert_int_equal(rules.layout.buddy.mask, UINT32_MAX);
        test_rules_load(test_kernel_find("5.10"), 31, &rules);
        assert_int_equal(rules.layout.buddy.mask, UINT32_MAX);
}

/* The text of @kernel without the lines that begin with @key. */
static char *text_without(const TestKernel *kernel, const char *key)
{
        char *text = strdup(kernel->info), *line;

        assert_non_null(text);
        while ((line = strstr(text, key))) {
                const char *end = strchr(line, '\n') + 1;

                memmove(line, end, strlen(end) + 1);
        }
        return text;
}

static void test_a_missing_key_disables_its_classes(void **state)
{
        static const struct {
                const char *kernel, *key;
                unsigned disabled;
                size_t n_warnings;
        } rows[] = {
                { "6.1", "NUMBER(PG_lru)",
                  PAGE_CLASS_BIT(PAGE_CACHE) | PAGE_CLASS_BIT(PAGE_CACHE_PRIVATE), 2 },
                { "6.1", "NUMBER(PG_private)",
                  PAGE_CLASS_BIT(PAGE_CACHE) | PAGE_CLASS_BIT(PAGE_CACHE_PRIVATE), 2 },
                { "6.1", "NUMBER(PG_slab)", PAGE_CLASS_BIT(PAGE_USER), 1 },
                { "6.12", "NUMBER(PAGE_SLAB_MAPCOUNT_VALUE)", PAGE_CLASS_BIT(PAGE_USER), 1 },
                { "6.12", "NUMBER(PAGE_BUDDY_MAPCOUNT_VALUE)", PAGE_CLASS_BIT(PAGE_FREE), 1 },
                { "6.12", "LENGTH(zone.free_area)", PAGE_CLASS_BIT(PAGE_FREE), 1 },
                { "6.12", "OFFSET(page.private)", PAGE_CLASS_BIT(PAGE_FREE), 1 },
                { "6.12", "OFFSET(page.mapping)",
                  PAGE_CLASS_BIT(PAGE_CACHE) | PAGE_CLASS_BIT(PAGE_CACHE_PRIVATE) |
                          PAGE_CLASS_BIT(PAGE_USER),
                  3 },
                { "6.12", "OFFSET(page._refcount)",
                  PAGE_CLASS_BIT(PAGE_CACHE) | PAGE_CLASS_BIT(PAGE_CACHE_PRIVATE) |
                          PAGE_CLASS_BIT(PAGE_USER) | PAGE_CLASS_BIT(PAGE_FREE),
                  4 },
                { "6.12", "NUMBER(PAGE_OFFLINE_MAPCOUNT_VALUE)", PAGE_CLASS_BIT(PAGE_OFFLINE), 1 },
                /* A kernel without CONFIG_MEMORY_FAILURE is no reason to warn. */
                { "6.12", "NUMBER(PG_hwpoison)", PAGE_CLASS_BIT(PAGE_HWPOISON), 0 },
                { "6.12", "NUMBER(PAGE_HUGETLB_MAPCOUNT_VALUE)", 0, 1 },
                { "6.12", "NUMBER(PG_swapbacked)", 0, 0 },
                { "6.12", "NUMBER(PG_head_mask)", 0, 0 },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_free_ char *text =
                        text_without(test_kernel_find(rows[i].kernel), rows[i].key);
                _cleanup_strv_ char **warnings = NULL;
                char *message = NULL;
                PageLayout layout;

                assert_int_equal(load(text, ALL, &layout, &warnings, &message), 0);
                assert_int_equal(layout.decidable, ALL & ~rows[i].disabled);
                assert_int_equal(strv_length(warnings), rows[i].n_warnings);

                /* Nobody is warned of what is kept anyway. */
                warnings = strv_free(warnings);
                assert_int_equal(load(text,
                                      page_classes_of_level(1) & ~PAGE_CLASS_BIT(PAGE_OFFLINE),
                                      &layout, &warnings, &message),
                                 0);
                assert_null(warnings);
        }
}

static void test_without_these_nothing_is_decidable(void **state)
{
        static const char *const keys[] = { "SIZE(page)", "OFFSET(page.flags)",
                                            "OFFSET(page._mapcount)", "OFFSET(page.compound_" };

        for (size_t i = 0; i < ELEMENTSOF(keys); i++) {
                _cleanup_free_ char *text = text_without(&test_kernels[0], keys[i]);
                _cleanup_free_ char *message = NULL;
                _cleanup_strv_ char **warnings = NULL;
                PageLayout layout;

                assert_int_equal(load(text, ALL, &layout, &warnings, &message), -ENODATA);
                assert_non_null(message);
        }
}

static void test_impossible_values(void **state)
{
        static const struct {
                const char *line;
                unsigned disabled;
                int r;
        } rows[] = {
                { "SIZE(page)=0", 0, -EBADMSG },
                { "SIZE(page)=24", 0, -EBADMSG },
                { "SIZE(page)=68", 0, -EBADMSG },
                { "SIZE(page)=18446744073709551608", 0, -EBADMSG },
                { "SIZE(page)=x", 0, -EBADMSG },
                { "OFFSET(page.flags)=57", 0, -ENODATA },
                { "OFFSET(page.flags)=18446744073709551608", 0, -ENODATA },
                { "OFFSET(page._mapcount)=61", 0, -ENODATA },
                { "OFFSET(page.private)=64", PAGE_CLASS_BIT(PAGE_FREE), 0 },
                { "LENGTH(zone.free_area)=0", PAGE_CLASS_BIT(PAGE_FREE), 0 },
                { "LENGTH(zone.free_area)=64", PAGE_CLASS_BIT(PAGE_FREE), 0 },
                /* The types of a page that is mapped, or not mapped at all. */
                { "NUMBER(PAGE_BUDDY_MAPCOUNT_VALUE)=0", PAGE_CLASS_BIT(PAGE_FREE), 0 },
                { "NUMBER(PAGE_BUDDY_MAPCOUNT_VALUE)=-1", PAGE_CLASS_BIT(PAGE_FREE), 0 },
                { "NUMBER(PAGE_BUDDY_MAPCOUNT_VALUE)=-99999999999", PAGE_CLASS_BIT(PAGE_FREE), 0 },
                { "NUMBER(PG_hwpoison)=64", PAGE_CLASS_BIT(PAGE_HWPOISON), 0 },
                { "NUMBER(PG_hwpoison)=-1", PAGE_CLASS_BIT(PAGE_HWPOISON), 0 },
                { "NUMBER(PG_head_mask)=3", 0, 0 },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_free_ char *text = NULL, *message = NULL;
                _cleanup_strv_ char **warnings = NULL;
                PageLayout layout;

                assert_int_equal(
                        strprintf(&text, "%s%s\n", test_kernel_find("6.12")->info, rows[i].line),
                        0);
                assert_int_equal(load(text, ALL, &layout, &warnings, &message), rows[i].r);
                if (rows[i].r == 0)
                        assert_int_equal(layout.decidable, ALL & ~rows[i].disabled);
                else
                        assert_non_null(message);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_classes_of_levels),
                cmocka_unit_test(test_every_kernel_is_decidable),
                cmocka_unit_test(test_what_of_a_type_is_compared),
                cmocka_unit_test(test_a_missing_key_disables_its_classes),
                cmocka_unit_test(test_without_these_nothing_is_decidable),
                cmocka_unit_test(test_impossible_values),
        };

        return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}

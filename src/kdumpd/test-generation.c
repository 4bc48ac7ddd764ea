/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tests which generations are kept, and that nothing that has changed is loaded. */
#include "generation.h"

#include "io.h"
#include "rootdir.h"
#include "strv.h"
#include "test.h"

#define OVERLAY "an overlay"

typedef struct Fixture {
        char *root;
        int root_fd;
} Fixture;

static int setup(void **state)
{
        Fixture *f = calloc(1, sizeof(*f));

        assert_non_null(f);
        f->root = test_root_new();
        f->root_fd = test_root_open(f->root);
        assert_int_equal(mkdir_parents(f->root_fd, "boot", 0755), 0);
        test_write_text(f->root_fd, "boot/vmlinuz", "a kernel");
        test_write_text(f->root_fd, "boot/base.img", "a base image");
        *state = f;
        return 0;
}

static int teardown(void **state)
{
        Fixture *f = *state;

        close_fd(f->root_fd);
        test_root_freep(&f->root);
        free(f);
        return 0;
}

static char *hash(const char *text)
{
        char hex[SHA256_HEX_SIZE];

        assert_int_equal(generation_hash(text, strlen(text), hex), 0);
        return strdup(hex);
}

static void fill(Generation *g, uint64_t number)
{
        *g = (Generation){
                .number = number,
                .kernel_release = strdup("6.1"),
                .kernel_path = strdup("/boot/vmlinuz"),
                .kernel_sha256 = hash("a kernel"),
                .base_id = strdup("6.1-0123456789ab"),
                .base_path = strdup("/boot/base.img"),
                .base_sha256 = hash("a base image"),
                .overlay_sha256 = hash(OVERLAY),
                .overlay_bytes = strlen(OVERLAY),
                .base_bytes = 12,
                .cmdline = strdup("irqpoll nr_cpus=1"),
                .created_realtime_usec = 5,
        };
        assert_int_equal(strv_extend(&g->targets, "ext4 UUID=1"), 0);
}

#define FALLBACK "a fallback image"

static void fill_fallback(Generation *g)
{
        g->fallback_sha256 = hash(FALLBACK);
        g->fallback_bytes = strlen(FALLBACK);
        g->fallback_cmdline = strdup("nr_cpus=1");
        g->fallback_target = strdup("ext4 UUID=1");
        g->fallback_archive_sha256 = hash("unpacked");
}

static void add_with_fallback(GenerationStore *store)
{
        _cleanup_(generation_done) Generation g = { 0 };

        fill(&g, store->next);
        fill_fallback(&g);
        assert_int_equal(generation_write(store, &g, OVERLAY, FALLBACK), 0);
        assert_int_equal(generation_adopt(store, &g, false), 0);
}

static void add(GenerationStore *store)
{
        _cleanup_(generation_done) Generation g = { 0 };

        fill(&g, store->next);
        assert_int_equal(generation_write(store, &g, OVERLAY, NULL), 0);
        assert_int_equal(generation_adopt(store, &g, false), 0);
}

static bool exists(const Fixture *f, const char *path)
{
        return faccessat(f->root_fd, path, F_OK, 0) == 0;
}

#define DIR_N(n) "var/lib/kdumpd/generation/" n

static void test_empty(void **state)
{
        Fixture *f = *state;
        _cleanup_(generation_store_done) GenerationStore store = { 0 };

        assert_int_equal(generation_store_load(f->root_fd, &store), 0);
        assert_true(store.current.number == 0);
        assert_true(store.previous.number == 0);
        assert_true(store.next == 1);
}

static void test_current_and_previous_are_kept(void **state)
{
        Fixture *f = *state;
        _cleanup_(generation_store_done) GenerationStore store = { 0 }, again = { 0 };

        assert_int_equal(generation_store_load(f->root_fd, &store), 0);
        for (unsigned i = 0; i < 3; i++)
                add(&store);
        assert_true(store.current.number == 3);
        assert_true(store.previous.number == 2);
        assert_false(exists(f, DIR_N("1")));
        assert_true(exists(f, DIR_N("2/overlay.cpio")));
        assert_true(exists(f, DIR_N("3/generation.json")));

        assert_int_equal(generation_store_load(f->root_fd, &again), 0);
        assert_true(again.current.number == 3);
        assert_true(again.previous.number == 2);
        assert_true(again.next == 4);
        assert_true(generation_same_image(&store.current, &again.current));
        assert_string_equal(again.current.targets[0], "ext4 UUID=1");
        assert_string_equal(again.current.base_path, "/boot/base.img");
        assert_true(again.current.created_realtime_usec == 5);
}

static void test_bad_current_is_dropped(void **state)
{
        Fixture *f = *state;
        _cleanup_(generation_store_done) GenerationStore store = { 0 }, again = { 0 };

        assert_int_equal(generation_store_load(f->root_fd, &store), 0);
        add(&store);
        for (unsigned i = 0; i < 2; i++) {
                _cleanup_(generation_done) Generation g = { 0 };

                /* With none before it, even a bad one is better than none. */
                fill(&g, store.next);
                assert_int_equal(generation_write(&store, &g, OVERLAY, NULL), 0);
                assert_int_equal(generation_adopt(&store, &g, true), 0);
        }
        assert_int_equal(generation_store_load(f->root_fd, &again), 0);
        assert_true(again.current.number == 3);
        assert_true(again.previous.number == 1);
        assert_true(store.previous.number == 1);
        assert_false(exists(f, DIR_N("2")));
}

static void test_written_is_not_yet_adopted(void **state)
{
        Fixture *f = *state;
        _cleanup_(generation_store_done) GenerationStore store = { 0 }, again = { 0 };
        _cleanup_(generation_done) Generation g = { 0 };

        assert_int_equal(generation_store_load(f->root_fd, &store), 0);
        add(&store);
        fill(&g, store.next);
        assert_int_equal(generation_write(&store, &g, OVERLAY, NULL), 0);

        assert_int_equal(generation_store_load(f->root_fd, &again), 0);
        assert_true(again.current.number == 1);
        assert_true(again.next == 3);
        assert_int_equal(generation_discard(&store, 2), 0);
        assert_int_equal(generation_discard(&store, 2), 0);
        assert_false(exists(f, DIR_N("2")));
        assert_true(exists(f, DIR_N("1")));
}

static void test_failed_adoption_uses_up_the_number(void **state)
{
        Fixture *f = *state;
        _cleanup_(generation_store_done) GenerationStore store = { 0 };
        _cleanup_(generation_done) Generation g = { 0 };

        assert_int_equal(generation_store_load(f->root_fd, &store), 0);
        fill(&g, store.next);
        assert_int_equal(generation_write(&store, &g, OVERLAY, NULL), 0);
        /* A folder cannot be replaced by a file. */
        assert_int_equal(mkdir_parents(f->root_fd, DIR_N("index"), 0700), 0);
        assert_true(generation_adopt(&store, &g, false) < 0);
        assert_true(store.current.number == 0);
        assert_true(store.next == 2);
}

static void test_damaged_description_is_left_out(void **state)
{
        Fixture *f = *state;
        _cleanup_(generation_store_done) GenerationStore store = { 0 }, again = { 0 }, last = { 0 };

        assert_int_equal(generation_store_load(f->root_fd, &store), 0);
        add(&store);
        add(&store);
        test_write_text(f->root_fd, DIR_N("2/generation.json"), "{\"number\":2}");
        assert_int_equal(generation_store_load(f->root_fd, &again), 0);
        assert_true(again.current.number == 0);
        assert_true(again.previous.number == 1);
        assert_true(again.next == 3);

        test_write_text(f->root_fd, DIR_N("index"), "nonsense");
        assert_int_equal(generation_store_load(f->root_fd, &last), 0);
        assert_true(last.current.number == 0);
        assert_true(last.previous.number == 0);
        assert_true(last.next == 3);
}

static void test_open_joins_base_and_overlay(void **state)
{
        Fixture *f = *state;
        _cleanup_(generation_store_done) GenerationStore store = { 0 };
        _cleanup_(kexec_image_done) KexecImage image = KEXEC_IMAGE_NULL;
        _cleanup_free_ char *message = NULL;
        char buf[512 + sizeof(OVERLAY)] = { 0 };

        assert_int_equal(generation_store_load(f->root_fd, &store), 0);
        add(&store);
        assert_int_equal(generation_open(&store, &store.current, &image, &message), 0);
        assert_string_equal(image.cmdline, "irqpoll nr_cpus=1");
        assert_int_equal(pread_full(image.initrd_fd, buf, 512 + strlen(OVERLAY), 0), 0);
        assert_memory_equal(buf, "a base image", 13);
        assert_string_equal(buf + 512, OVERLAY);
        assert_int_equal(pread_full(image.kernel_fd, buf, 8, 0), 0);
        assert_memory_equal(buf, "a kernel", 8);
}

static void test_open_has_the_fallback_image(void **state)
{
        Fixture *f = *state;
        _cleanup_(generation_store_done) GenerationStore store = { 0 };
        _cleanup_(kexec_image_done) KexecImage image = KEXEC_IMAGE_NULL;
        _cleanup_free_ char *message = NULL, *data = NULL;
        size_t size;

        assert_int_equal(generation_store_load(f->root_fd, &store), 0);
        add_with_fallback(&store);
        assert_int_equal(generation_open(&store, &store.current, &image, &message), 0);
        assert_null(message);
        assert_true(image.generation == 1);
        assert_string_equal(image.fallback_cmdline, "nr_cpus=1");
        assert_true(kexec_file_is_sealed(image.fallback_fd));
        assert_int_equal(fd_read(image.fallback_fd, 64, &data, &size), 0);
        assert_string_equal(data, FALLBACK);
}

/* Less protection is better than none. */
static void test_a_damaged_fallback_image_is_left_out(void **state)
{
        static const char *const damage[] = { "a fallback imagE", "", NULL };
        Fixture *f = *state;
        _cleanup_(generation_store_done) GenerationStore store = { 0 };

        assert_int_equal(generation_store_load(f->root_fd, &store), 0);
        add_with_fallback(&store);
        for (size_t i = 0; i < ELEMENTSOF(damage); i++) {
                _cleanup_(kexec_image_done) KexecImage image = KEXEC_IMAGE_NULL, mended = image;
                _cleanup_free_ char *message = NULL, *none = NULL;

                if (damage[i])
                        test_write_text(f->root_fd, DIR_N("1/fallback.img"), damage[i]);
                else
                        assert_int_equal(unlinkat(f->root_fd, DIR_N("1/fallback.img"), 0), 0);
                assert_int_equal(generation_open(&store, &store.current, &image, &message), 1);
                assert_non_null(strstr(message, DIR_N("1/fallback.img")));
                assert_true(image.kernel_fd >= 0 && image.initrd_fd >= 0);
                assert_string_equal(image.cmdline, "irqpoll nr_cpus=1");
                assert_int_equal(image.fallback_fd, -EBADF);
                assert_null(image.fallback_cmdline);

                assert_int_equal(generation_keep(&store, OVERLAY, FALLBACK), 1);
                assert_int_equal(generation_keep(&store, OVERLAY, FALLBACK), 0);
                assert_int_equal(generation_open(&store, &store.current, &mended, &none), 0);
                assert_true(mended.fallback_fd >= 0);
        }
}

/* There is no room for it, or nobody has its bytes any more. */
static void test_a_fallback_image_that_cannot_be_written_is_done_without(void **state)
{
        Fixture *f = *state;
        _cleanup_(generation_store_done) GenerationStore store = { 0 };
        _cleanup_(generation_done) Generation g = { 0 };
        _cleanup_(kexec_image_done) KexecImage image = KEXEC_IMAGE_NULL;
        _cleanup_free_ char *message = NULL;

        assert_int_equal(generation_store_load(f->root_fd, &store), 0);
        fill(&g, store.next);
        fill_fallback(&g);
        /* A folder cannot be replaced by a file. */
        assert_int_equal(mkdir_parents(f->root_fd, DIR_N("1/fallback.img"), 0700), 0);
        assert_int_equal(generation_write(&store, &g, OVERLAY, FALLBACK), 1);
        assert_int_equal(generation_adopt(&store, &g, false), 0);
        assert_int_equal(generation_open(&store, &store.current, &image, &message), 1);
        assert_int_equal(generation_keep(&store, OVERLAY, FALLBACK), 0);
        assert_int_equal(generation_keep(&store, OVERLAY, NULL), 0);
}

static void test_a_description_may_have_no_fallback_image(void **state)
{
        static const struct {
                const char *members;
                bool has;
        } cases[] = {
                { "", false },
                { ",\"fallback_sha256\":\"00\"", false },
                { ",\"fallback_cmdline\":\"x\",\"fallback_bytes\":3", false },
                { ",\"fallback_sha256\":\"00\",\"fallback_cmdline\":\"x\"", true },
        };
        _cleanup_(generation_done) Generation whole = { 0 };
        _cleanup_free_ char *json = NULL;

        fill(&whole, 1);
        assert_int_equal(generation_to_json(&whole, &json), 0);
        assert_null(strstr(json, "fallback_sha256"));
        *strrchr(json, '}') = 0;
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(generation_done) Generation g = { 0 };
                _cleanup_free_ char *text = NULL;

                assert_int_equal(strprintf(&text, "%s%s}", json, cases[i].members), 0);
                assert_int_equal(generation_from_json(text, strlen(text), &g), 0);
                assert_int_equal(g.fallback_sha256 != NULL, cases[i].has);
                assert_int_equal(g.fallback_cmdline != NULL, cases[i].has);
                assert_true(g.fallback_bytes == 0);
        }
}

/* Puts @text into @path and expects @error with @path in the message. */
static void check_refused(const Fixture *f, const GenerationStore *store, const char *path,
                          const char *text, int error)
{
        _cleanup_(kexec_image_done) KexecImage image = KEXEC_IMAGE_NULL;
        _cleanup_free_ char *message = NULL, *before = NULL;

        assert_int_equal(file_read(f->root_fd, path, 4096, &before, NULL), 0);
        if (text)
                test_write_text(f->root_fd, path, text);
        else
                assert_int_equal(unlinkat(f->root_fd, path, 0), 0);
        assert_int_equal(generation_open(store, &store->current, &image, &message), error);
        assert_non_null(message);
        assert_non_null(strstr(message, path));
        test_write_text(f->root_fd, path, before);
}

static void test_changed_files_are_refused(void **state)
{
        Fixture *f = *state;
        _cleanup_(generation_store_done) GenerationStore store = { 0 };
        _cleanup_(kexec_image_done) KexecImage image = KEXEC_IMAGE_NULL;
        _cleanup_free_ char *message = NULL;

        assert_int_equal(generation_store_load(f->root_fd, &store), 0);
        add(&store);
        check_refused(f, &store, "boot/vmlinuz", "a Kernel", -ESTALE);
        check_refused(f, &store, "boot/vmlinuz", NULL, -ENOENT);
        check_refused(f, &store, "boot/base.img", "", -ESTALE);
        check_refused(f, &store, DIR_N("1/overlay.cpio"), "an overlay!", -ESTALE);
        check_refused(f, &store, DIR_N("1/overlay.cpio"), NULL, -ENOENT);
        assert_int_equal(generation_open(&store, &store.current, &image, &message), 0);
}

static void test_same_image(void **state)
{
        _cleanup_(generation_done) Generation a = { 0 }, b = { 0 };

        fill(&a, 1);
        fill(&b, 2);
        assert_true(generation_same_image(&a, &b));
        fill_fallback(&b);
        assert_false(generation_same_image(&a, &b));
        assert_true(generation_same_but_fallback(&a, &b));
        fill_fallback(&a);
        assert_true(generation_same_image(&a, &b));
        free(b.fallback_cmdline);
        b.fallback_cmdline = strdup("nr_cpus=2");
        assert_false(generation_same_image(&a, &b));
        generation_drop_fallback(&a);
        generation_drop_fallback(&b);
        assert_true(generation_same_image(&a, &b));
        free(b.cmdline);
        b.cmdline = strdup("irqpoll nr_cpus=2");
        assert_false(generation_same_image(&a, &b));
}

/* The disk may be full or read-only while an image is armed; the state in /run knows its number. */
static void test_reserved_number_is_not_given_again(void **state)
{
        const Fixture *f = *state;
        _cleanup_(generation_store_done) GenerationStore store = { 0 };

        assert_int_equal(generation_store_load(f->root_fd, &store), 0);
        assert_int_equal(store.next, 1);
        generation_reserve(&store, 7);
        assert_int_equal(store.next, 8);
        generation_reserve(&store, 3);
        assert_int_equal(store.next, 8);
        generation_reserve(&store, UINT64_MAX);
        assert_int_equal(store.next, 8);
        add(&store);
        assert_int_equal(store.current.number, 8);
}

static void test_lost_current_is_written_again(void **state)
{
        static const char *const lost[] = { "index", "2/generation.json", "2/overlay.cpio", "2",
                                            NULL };
        static const char *const damaged[] = { "index", "2/generation.json", "2/overlay.cpio" };
        Fixture *f = *state;
        _cleanup_(generation_store_done) GenerationStore store = { 0 };

        assert_int_equal(generation_store_load(f->root_fd, &store), 0);
        add(&store);
        add(&store);
        assert_int_equal(generation_keep(&store, OVERLAY, NULL), 0);
        for (size_t i = 0; i < ELEMENTSOF(lost) + ELEMENTSOF(damaged); i++) {
                _cleanup_(generation_store_done) GenerationStore again = { 0 };
                _cleanup_(kexec_image_done) KexecImage image = KEXEC_IMAGE_NULL;
                _cleanup_free_ char *path = NULL, *message = NULL;
                bool is_lost = i < ELEMENTSOF(lost);
                const char *name = is_lost ? lost[i] : damaged[i - ELEMENTSOF(lost)];

                assert_int_equal(strprintf(&path, DIR_N("%s"), name ?: ""), 0);
                if (is_lost)
                        assert_int_equal(root_remove_tree(f->root_fd, path), 0);
                else
                        test_write_text(f->root_fd, path, "x");
                assert_int_equal(generation_keep(&store, OVERLAY, NULL), 1);
                assert_int_equal(generation_keep(&store, OVERLAY, NULL), 0);
                assert_int_equal(generation_store_load(f->root_fd, &again), 0);
                assert_int_equal(again.current.number, 2);
                assert_int_equal(generation_open(&again, &again.current, &image, &message), 0);
        }
}

static void test_reading_makes_nothing(void **state)
{
        Fixture *f = *state;
        _cleanup_(generation_store_done) GenerationStore store = { 0 };

        assert_int_equal(generation_store_load(f->root_fd, &store), 0);
        assert_int_equal(store.next, 1);
        assert_int_equal(store.current.number, 0);
        assert_int_equal(faccessat(f->root_fd, "var", F_OK, 0), -1);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                CASE(test_empty),
                CASE(test_reading_makes_nothing),
                CASE(test_current_and_previous_are_kept),
                CASE(test_bad_current_is_dropped),
                CASE(test_written_is_not_yet_adopted),
                CASE(test_failed_adoption_uses_up_the_number),
                CASE(test_damaged_description_is_left_out),
                CASE(test_open_joins_base_and_overlay),
                CASE(test_changed_files_are_refused),
                CASE(test_open_has_the_fallback_image),
                CASE(test_a_damaged_fallback_image_is_left_out),
                CASE(test_a_fallback_image_that_cannot_be_written_is_done_without),
                CASE(test_a_description_may_have_no_fallback_image),
                CASE(test_reserved_number_is_not_given_again),
                CASE(test_lost_current_is_written_again),
                cmocka_unit_test(test_same_image),
        };

        return cmocka_run_group_tests(tests, NULL, NULL) ? 1 : 0;
}

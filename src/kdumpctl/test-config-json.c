/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config-json.h"

#include "json-fields.h"
#include "test.h"

/* Loads @text as the configuration and gives what is told of it. */
static json_object *tell(const char *text)
{
        _cleanup_test_root_ char *root = test_root_new();
        _cleanup_close_ int root_fd = test_root_open(root);
        _cleanup_(config_messages_done) ConfigMessages messages = { 0 };
        _cleanup_(config_freep) Config *config = NULL;
        _cleanup_free_ char *json = NULL, *message = NULL;
        json_object *object = NULL;

        test_write_text(root_fd, "kdump.conf", text);
        (void) config_load(root_fd, "/kdump.conf", NULL, &config, &messages);
        assert_int_equal(config_to_json(config, &messages, &json), 0);
        assert_int_equal(json_object_parse(json, strlen(json), &object, &message), 0);
        return object;
}

static json_object *at(json_object *array, size_t i)
{
        json_object *item = json_object_array_get_idx(array, i);

        assert_non_null(item);
        return item;
}

static json_object *find(json_object *array, const char *name)
{
        for (size_t i = 0; i < json_object_array_length(array); i++)
                if (streq(json_object_get_string(json_member(at(array, i), "name")), name))
                        return at(array, i);
        fail_msg("'%s' is missing", name);
        return NULL;
}

/* @line: 0 for a default. @value: NULL for none. */
static void check_item(json_object *item, const char *value, unsigned line)
{
        json_object *member = json_member(item, "value");

        assert_true(streq_ptr(member ? json_object_get_string(member) : NULL, value));
        assert_int_equal(json_object_get_boolean(json_member(item, "default")), line == 0);
        assert_int_equal(json_object_get_int64(json_member(item, "line")), line);
        assert_true(!json_member(item, "file") == (line == 0));
        assert_true(value || json_member(item, "note"));
}

static void test_defaults_are_told_as_such(void **state)
{
        _cleanup_json_ json_object *object = tell("");
        json_object *settings = json_member(object, "settings"), *target;

        assert_true(json_object_get_boolean(json_member(object, "valid")));
        assert_int_equal(json_object_array_length(json_member(object, "messages")), 0);
        check_item(find(settings, "core_collector"), "makedumpfile -l -d 31", 0);
        check_item(find(settings, "kdump_pre"), NULL, 0);
        target = at(json_member(object, "targets"), 0);
        assert_string_equal(json_object_get_string(json_member(target, "name")), "path");
        check_item(target, NULL, 0);
        check_item(find(json_member(target, "settings"), "path"), "/var/crash", 0);
        assert_int_equal(json_object_array_length(json_member(target, "settings")), 4);
}

static void test_values_have_their_place(void **state)
{
        _cleanup_json_ json_object *object =
                tell("path /a\nxfs LABEL=x\npath /b\nssh u@h\nkernel 6.1\nnr_cpus 2\n");
        json_object *targets = json_member(object, "targets");
        json_object *settings = json_member(object, "settings"), *ssh = at(targets, 1);

        assert_int_equal(json_object_array_length(targets), 2);
        check_item(find(targets, "xfs"), "LABEL=x", 2);
        check_item(find(json_member(at(targets, 0), "settings"), "path"), "/b", 3);
        check_item(ssh, "u@h", 4);
        check_item(find(json_member(ssh, "settings"), "path"), "/a", 1);
        check_item(find(json_member(ssh, "settings"), "sshkey"), "/root/.ssh/kdump_id_rsa", 0);
        assert_int_equal(json_object_get_boolean(json_member(ssh, "acted_on")),
                         directive_info(DIRECTIVE_SSH)->acted_on);
        check_item(find(settings, "kernel"), "6.1", 5);
        check_item(find(settings, "nr_cpus"), "2", 6);
}

static void test_errors_leave_messages_only(void **state)
{
        _cleanup_json_ json_object *object = tell("default reboot\nno_such\nkernel a\xff");
        json_object *messages = json_member(object, "messages");

        assert_false(json_object_get_boolean(json_member(object, "valid")));
        assert_null(json_member(object, "settings"));
        assert_null(json_member(object, "targets"));
        assert_int_equal(json_object_array_length(messages), 2);
        assert_string_equal(json_object_get_string(json_member(at(messages, 0), "level")),
                            "warning");
        assert_string_equal(json_object_get_string(json_member(at(messages, 1), "level")), "error");
        assert_non_null(strstr(json_object_get_string(json_member(at(messages, 1), "text")),
                               "/kdump.conf:2: "));
}

static void test_what_is_no_utf8_is_told_all_the_same(void **state)
{
        _cleanup_json_ json_object *object = tell("path /a\xff\n");
        json_object *target = at(json_member(object, "targets"), 0);

        check_item(find(json_member(target, "settings"), "path"), "/a?", 1);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_defaults_are_told_as_such),
                cmocka_unit_test(test_values_have_their_place),
                cmocka_unit_test(test_errors_leave_messages_only),
                cmocka_unit_test(test_what_is_no_utf8_is_told_all_the_same),
        };

        return cmocka_run_group_tests(tests, NULL, NULL) ? 1 : 0;
}

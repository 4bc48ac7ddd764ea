/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tests of Target and of the Plan's JSON form, above all of what must be refused. */
#include "test.h"

#include "io.h"
#include "plan.h"
#include "strv.h"

static char *copy(const char *s)
{
        char *c = strdup(s);

        assert_non_null(c);
        return c;
}

static Plan *example_new(void)
{
        Plan *plan = plan_new();

        assert_non_null(plan);
        plan->generation = UINT64_MAX;
        plan->image = copy(PLAN_IMAGE_FALLBACK);
        plan->host = copy("127.0.0.1");
        plan->hostname = copy("näme");
        plan->kernel_release = copy("6.1.0");
        plan->targets = calloc(3, sizeof(*plan->targets));
        assert_non_null(plan->targets);
        plan->n_targets = 3;
        plan->targets[0] = (Target){ .type = TARGET_FS,
                                     .what = copy("UUID=1"),
                                     .fstype = copy("ext4"),
                                     .options = copy("rw"),
                                     .path = copy("/a \"quoted\" \xff path"),
                                     .timeout_usec = 5,
                                     .deadline_usec = 6 };
        plan->targets[1] = (Target){ .type = TARGET_SSH,
                                     .what = copy("a@b"),
                                     .path = copy("/x"),
                                     .sshkey = copy("/k"),
                                     .known_hosts = copy("/h"),
                                     .port = 65535,
                                     .connect_usec = 7 };
        assert_int_equal(strv_split("192.0.2.1 2001:db8::1", &plan->targets[1].addresses), 0);
        plan->targets[2] = (Target){ .type = TARGET_URL,
                                     .what = copy("s3://bucket/x"),
                                     .credentials = copy("/c"),
                                     .ca_file = copy("/ca"),
                                     .client_cert = copy("/cc"),
                                     .client_key = copy("/ck"),
                                     .s3_endpoint = copy("https://s:1"),
                                     .s3_region = copy("r") };
        plan->rootfs = calloc(1, sizeof(*plan->rootfs));
        assert_non_null(plan->rootfs);
        *plan->rootfs = (Target){ .type = TARGET_PATH, .path = copy("/var/crash") };
        assert_int_equal(strv_split("scp -q", &plan->collector.argv), 0);
        plan->collector.dump_level = 17;
        plan->collector.compression = COMPRESSION_ZSTD;
        plan->collector.format = DUMP_FORMAT_ELF;
        plan->kdump_pre = copy("/pre");
        assert_int_equal(strv_split("/a /b", &plan->pre_d), 0);
        plan->failure_action = ACTION_DUMP_TO_ROOTFS;
        plan->final_action = ACTION_POWEROFF;
        return plan;
}

static void check_target(const Target *a, const Target *b)
{
        assert_int_equal(a->type, b->type);
        assert_true(streq_ptr(a->what, b->what));
        assert_true(streq_ptr(a->fstype, b->fstype));
        assert_true(streq_ptr(a->options, b->options));
        assert_true(streq_ptr(a->path, b->path));
        assert_true(streq_ptr(a->sshkey, b->sshkey));
        assert_true(streq_ptr(a->known_hosts, b->known_hosts));
        assert_int_equal(a->port, b->port);
        assert_true(strv_equal(a->addresses, b->addresses));
        assert_true(streq_ptr(a->credentials, b->credentials));
        assert_true(streq_ptr(a->ca_file, b->ca_file));
        assert_true(streq_ptr(a->client_cert, b->client_cert));
        assert_true(streq_ptr(a->client_key, b->client_key));
        assert_true(streq_ptr(a->s3_endpoint, b->s3_endpoint));
        assert_true(streq_ptr(a->s3_region, b->s3_region));
        assert_true(a->connect_usec == b->connect_usec);
        assert_true(a->timeout_usec == b->timeout_usec);
        assert_true(a->deadline_usec == b->deadline_usec);
}

static void test_there_and_back(void **state)
{
        _cleanup_(plan_freep) Plan *plan = example_new(), *again = NULL;
        _cleanup_free_ char *json = NULL, *second = NULL, *message = NULL;

        assert_int_equal(plan_to_json(plan, &json), 0);
        if (plan_from_json(json, strlen(json), &again, &message) < 0)
                fail_msg("%s", message);
        assert_int_equal(again->version, PLAN_VERSION);
        assert_true(again->generation == UINT64_MAX);
        assert_string_equal(again->image, PLAN_IMAGE_FALLBACK);
        assert_string_equal(again->hostname, "näme");
        assert_null(again->machine_id);
        assert_int_equal(again->n_targets, 3);
        for (size_t i = 0; i < 3; i++)
                check_target(&again->targets[i], &plan->targets[i]);
        check_target(again->rootfs, plan->rootfs);
        assert_int_equal(strv_length(again->collector.argv), 2);
        assert_int_equal(again->collector.dump_level, 17);
        assert_int_equal(again->collector.compression, COMPRESSION_ZSTD);
        assert_int_equal(again->collector.format, DUMP_FORMAT_ELF);
        assert_string_equal(again->kdump_pre, "/pre");
        assert_string_equal(again->pre_d[1], "/b");
        assert_int_equal(again->failure_action, ACTION_DUMP_TO_ROOTFS);
        assert_int_equal(again->final_action, ACTION_POWEROFF);
        assert_int_equal(plan_to_json(again, &second), 0);
        assert_string_equal(json, second);
}

#define COLLECTOR "\"collector\":{\"dump_level\":31,\"compression\":\"lzo\",\"format\":\"kdump\"}"
#define ACTIONS "\"failure_action\":\"reboot\",\"final_action\":\"reboot\""
#define TARGET "{\"type\":\"path\",\"path\":\"/x\",\"timeout_usec\":1}"
#define HEAD "{\"version\":2," ACTIONS ","

static void test_least(void **state)
{
        static const char json[] =
                "  " HEAD COLLECTOR ",\"targets\":[" TARGET "],\"unknown\":{\"a\":[1]}} \n";
        _cleanup_(plan_freep) Plan *plan = NULL;
        _cleanup_free_ char *message = NULL;

        if (plan_from_json(json, strlen(json), &plan, &message) < 0)
                fail_msg("%s", message);
        assert_int_equal(plan->n_targets, 1);
        assert_int_equal(plan->targets[0].deadline_usec, 0);
        assert_null(plan->rootfs);
        assert_null(plan->pre_d);
}

static void test_refused(void **state)
{
        static const struct {
                const char *json;
                int r;
                const char *message;
        } cases[] = {
                { "", -EBADMSG, "not a JSON object: the text ends early" },
                { "{", -EBADMSG, "not a JSON object: the text ends early" },
                { "[]", -EBADMSG, "not a JSON object: it is something else" },
                { "null ", -EBADMSG, "not a JSON object: it is something else" },
                { "{} x", -EBADMSG, "not a JSON object: something follows it" },
                { "[[[[[[[[[[[[]]]]]]]]]]]]", -EBADMSG, "not a JSON object: nesting too deep" },
                { "{}", -EBADMSG, "'version' is not a number" },
                { "{\"version\":\"1\"}", -EBADMSG, "'version' is not a number" },
                { "{\"version\":1}", -EOPNOTSUPP,
                  "version 1 is not 2, the one that is understood here" },
                { "{\"version\":-1}", -EOPNOTSUPP,
                  "version -1 is not 2, the one that is understood here" },
                { "{\"version\":2}", -EBADMSG, "'failure_action' is missing" },
                { "{\"version\":2,\"failure_action\":null}", -EBADMSG,
                  "'failure_action' is missing" },
                { "{\"version\":2,\"failure_action\":\"x\"}", -EBADMSG,
                  "'failure_action' is none of the known words" },
                { "{\"version\":2,\"failure_action\":\"shell\",\"final_action\":\"shell\"}",
                  -EBADMSG, "'final_action' is none of the known words" },
                { HEAD "\"generation\":-1}", -EBADMSG, "'generation' is not a number in range" },
                { HEAD "\"generation\":1.5}", -EBADMSG, "'generation' is not a number in range" },
                { HEAD "\"host\":5}", -EBADMSG, "'host' is not a text" },
                { HEAD "\"host\":\"a\\u0000b\"}", -EBADMSG, "'host' is not a text" },
                { HEAD "\"pre_d\":\"/x\"}", -EBADMSG, "'pre_d' is not a list of texts" },
                { HEAD "\"pre_d\":[1]}", -EBADMSG, "'pre_d' is not a list of texts" },
                { HEAD COLLECTOR "}", -EBADMSG, "'targets' is not a list" },
                { HEAD "\"targets\":{}}", -EBADMSG, "'targets' is not a list" },
                { HEAD "\"targets\":[]}", -EBADMSG, "'targets' has none or too many entries" },
                { HEAD "\"targets\":[1]}", -EBADMSG, "'targets[0]' is not an object" },
                { HEAD "\"targets\":[null]}", -EBADMSG, "'targets[0]' is not an object" },
                { HEAD "\"targets\":[" TARGET ",{}]}", -EBADMSG, "'targets[1].type' is missing" },
                { HEAD "\"targets\":[{\"type\":\"fs\",\"path\":\"/\",\"timeout_usec\":1}]}",
                  -EBADMSG, "'targets[0]' does not say what it is" },
                { HEAD "\"targets\":[{\"type\":\"path\",\"timeout_usec\":1}]}", -EBADMSG,
                  "'targets[0]' has no path" },
                { HEAD "\"targets\":[{\"type\":\"path\",\"path\":\"/x\",\"timeout_usec\":1,"
                       "\"deadline_usec\":-1}]}",
                  -EBADMSG, "'targets[0].deadline_usec' is not a number in range" },
                { HEAD "\"targets\":[{\"type\":\"ssh\",\"what\":\"a@b\",\"path\":\"/x\","
                       "\"timeout_usec\":1,\"port\":65536}]}",
                  -EBADMSG, "'targets[0].port' is not a number in range" },
                { HEAD "\"targets\":[{\"type\":\"ssh\",\"what\":\"a@b\",\"path\":\"/x\","
                       "\"timeout_usec\":1,\"addresses\":\"b\"}]}",
                  -EBADMSG, "'targets[0].addresses' is not a list of texts" },
                { HEAD "\"targets\":[{\"type\":\"ssh\",\"what\":\"a@b\",\"path\":\"/x\","
                       "\"timeout_usec\":1,\"known_hosts\":\"x\"}]}",
                  -EBADMSG, "'targets[0].known_hosts' is not an absolute path" },
                { HEAD "\"targets\":[" TARGET ",{\"type\":\"url\",\"timeout_usec\":1}]}", -EBADMSG,
                  "'targets[1]' does not say what it is" },
                { HEAD "\"targets\":[" TARGET "],\"network\":[]}", -EBADMSG, NULL },
                { HEAD "\"targets\":[" TARGET "],\"rootfs\":[]}", -EBADMSG,
                  "'rootfs' is not an object" },
                { HEAD "\"targets\":[" TARGET "]}", -EBADMSG, "'collector' is not an object" },
                { HEAD "\"targets\":[" TARGET "],\"collector\":{\"dump_level\":32}}", -EBADMSG,
                  "'collector.dump_level' is not a number in range" },
                { HEAD COLLECTOR ",\"targets\":[" TARGET "],\"kdump_pre\":\"pre\"}", -EBADMSG,
                  "'pre' is not an absolute path" },
                { HEAD COLLECTOR ",\"targets\":[" TARGET "],\"post_d\":[\"\"]}", -EBADMSG,
                  "'' is not an absolute path" },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_free_ char *message = NULL;
                Plan *plan = NULL;
                int r = plan_from_json(cases[i].json, strlen(cases[i].json), &plan, &message);

                if (r != cases[i].r || !message ||
                    (cases[i].message && !streq(message, cases[i].message)))
                        fail_msg("%s\n  gave %d %s", cases[i].json, r, message ?: "NULL");
                assert_null(plan);
        }
}

/* Whatever is cut off or changed, there is an answer. */
static void test_damaged_text_never_crashes(void **state)
{
        _cleanup_(plan_freep) Plan *plan = example_new();
        _cleanup_free_ char *json = NULL;
        size_t size;

        assert_int_equal(plan_to_json(plan, &json), 0);
        size = strlen(json);
        for (size_t i = 0; i + 2 < size; i++) {
                static const char bytes[] = "\0\"{[-9x";
                char saved = json[i];

                for (size_t j = 0; j <= sizeof(bytes); j++) {
                        _cleanup_free_ char *message = NULL;
                        _cleanup_(plan_freep) Plan *again = NULL;
                        size_t length = j == sizeof(bytes) ? i : size;
                        int r;

                        json[i] = j < sizeof(bytes) ? bytes[j] : saved;
                        r = plan_from_json(json, length, &again, &message);
                        assert_true(r == 0 || message);
                        assert_true((r == 0) == (again != NULL));
                }
                json[i] = saved;
        }
}

static void test_too_long(void **state)
{
        _cleanup_free_ char *json = malloc(2 << 20), *message = NULL;
        Plan *plan = NULL;

        assert_non_null(json);
        memset(json, ' ', 2 << 20);
        assert_int_equal(plan_from_json(json, 2 << 20, &plan, &message), -EBADMSG);
        assert_string_equal(message, "not a JSON object: the text is too long");
}

static void test_names(void **state)
{
        for (Action a = 0; a < _ACTION_MAX; a++)
                assert_int_equal(action_from_string(action_to_string(a)), a);
        for (Compression c = 0; c < _COMPRESSION_MAX; c++)
                assert_int_equal(compression_from_string(compression_to_string(c)), c);
        for (DumpFormat f = 0; f < _DUMP_FORMAT_MAX; f++)
                assert_int_equal(dump_format_from_string(dump_format_to_string(f)), f);
        for (TargetType t = 0; t < _TARGET_TYPE_MAX; t++)
                assert_int_equal(target_type_from_string(target_type_to_string(t)), t);
        assert_null(action_to_string(_ACTION_MAX));
        assert_null(action_to_string(_ACTION_INVALID));
        assert_int_equal(compression_from_string("LZO"), _COMPRESSION_INVALID);
        assert_int_equal(target_type_from_string(""), _TARGET_TYPE_INVALID);
}

static void test_target_describe(void **state)
{
        static const struct {
                Target target;
                const char *text;
        } cases[] = {
                { { TARGET_PATH, .path = (char *) "/var/crash" }, "folder '/var/crash'" },
                { { TARGET_PATH, (char *) "UUID=1", (char *) "ext4", .path = (char *) "/crash" },
                  "ext4 UUID=1 folder '/crash'" },
                { { TARGET_FS, (char *) "UUID=1", (char *) "xfs", .path = (char *) "/a" },
                  "xfs UUID=1 folder '/a'" },
                { { TARGET_RAW, (char *) "/dev/vdb" }, "raw /dev/vdb" },
                { { TARGET_NFS, (char *) "h:/e", .path = (char *) "/a" }, "nfs h:/e folder '/a'" },
                { { TARGET_SSH, (char *) "u@h", .path = (char *) "/a" }, "ssh u@h folder '/a'" },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_free_ char *text = NULL;

                assert_int_equal(target_describe(&cases[i].target, &text), 0);
                assert_string_equal(text, cases[i].text);
        }
}

static void test_target_copy(void **state)
{
        _cleanup_(plan_freep) Plan *plan = example_new();
        _cleanup_(target_done) Target target = {};

        assert_int_equal(target_copy(&plan->targets[0], &target), 0);
        check_target(&target, &plan->targets[0]);
        assert_ptr_not_equal(target.what, plan->targets[0].what);
        target_done(NULL);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_there_and_back),
                cmocka_unit_test(test_least),
                cmocka_unit_test(test_refused),
                cmocka_unit_test(test_damaged_text_never_crashes),
                cmocka_unit_test(test_too_long),
                cmocka_unit_test(test_names),
                cmocka_unit_test(test_target_describe),
                cmocka_unit_test(test_target_copy),
        };

        return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tests of cmdline.c and cmdline-words.c. */
#include "cmdline.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "cmdline-words.h"
#include "strv.h"

#define MIB (UINT64_C(1024) * 1024)

static Facts facts_with(const char *cmdline)
{
        return (Facts){
                .kernel_cmdline = (char *) (uintptr_t) cmdline,
                .crash_size_bytes = 256 * MIB,
                .n_cpus = 4,
                .boot_apicid_known = true,
        };
}

static char **words(const char *s)
{
        char **list = NULL;

        assert_int_equal(strv_split(s, &list), 0);
        return list;
}

/* The line for @config on a machine with @cmdline, with a blank on both ends. */
static char *build(const Config *config, const char *cmdline)
{
        _cleanup_free_ char *line = NULL, *message = NULL;
        Facts facts = facts_with(cmdline);
        char *padded;

        assert_int_equal(cmdline_build(config, &facts, &line, &message), 0);
        padded = malloc(strlen(line) + 3);
        assert_non_null(padded);
        (void) snprintf(padded, strlen(line) + 3, " %s ", line);
        return padded;
}

static void test_words_of_the_running_kernel(void **state)
{
        static const struct {
                const char *cmdline, *word;
                bool kept;
        } cases[] = {
                { "console=ttyS0,115200 quiet", "console=ttyS0,115200", true },
                { "console=tty0 console=ttyS0", "console=tty0", true },
                { "earlyprintk=ttyS0", "earlyprintk=ttyS0", true },
                { "hpet=disable", "hpet=disable", true },
                { "modprobe.blacklist=a", "modprobe.blacklist=a", true },
                { "quiet splash", "quiet", false },
                { "crashkernel=256M x", "crashkernel=256M", false },
                { "root=UUID=1-2 ro", "root=UUID=1-2", false },
                { "root=UUID=1-2 ro", "ro", false },
                { "rootwait", "rootwait", false },
                { "rd.lvm.lv=vg/root", "rd.lvm.lv=vg/root", false },
                { "rd.luks.name=1=a", "rd.luks.name=1=a", false },
                { "rd.driver.blacklist=a", "rd.driver.blacklist=a", true },
                { "panic-on-warn=1", "panic-on-warn=1", false },
                { "hugepagesz=1G hugepages=4", "hugepages=4", false },
                { "nr_cpus=64", "nr_cpus=64", false },
                { "foo=\"a b\" bar", "foo=\"a b\"", true },
                { "dyndbg=\"file x +p; root=y\"", "dyndbg=\"file x +p; root=y\"", true },
                { "x -- single", "--", false },
                { "x -- single", "single", false },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_free_ char *line = build(&(Config){ 0 }, cases[i].cmdline);
                char wanted[128];

                (void) snprintf(wanted, sizeof(wanted), " %s ", cases[i].word);
                if ((strstr(line, wanted) != NULL) != cases[i].kept)
                        fail_msg("'%s' in '%s': kept is not %d", cases[i].word, line,
                                 cases[i].kept);
        }
}

static void test_ours_are_added_once(void **state)
{
        _cleanup_free_ char *line = build(&(Config){ 0 }, "irqpoll panic=0 numa=off");
        const char *first = strstr(line, " irqpoll ");

        assert_non_null(first);
        assert_null(strstr(first + 1, " irqpoll "));
        assert_non_null(strstr(line, " reset_devices "));
        assert_non_null(strstr(line, " panic=10 "));
        assert_null(strstr(line, " panic=0 "));
        assert_non_null(strstr(line, " rootfstype=ramfs "));
}

/* initcall_blacklist= may be what lets this machine boot at all. */
static void test_words_that_add_up_stay(void **state)
{
        _cleanup_strv_ char **by_user = words("initcall_blacklist=b");
        const Config config = { .commandline_append = by_user };
        _cleanup_free_ char *line = build(&config, "initcall_blacklist=a");

        assert_non_null(strstr(line, " initcall_blacklist=a "));
        assert_non_null(strstr(line, " initcall_blacklist=b "));
        assert_non_null(strstr(line, " initcall_blacklist=tracer_init_tracefs "));

        free(line);
        line = build(&(Config){ 0 }, "initcall_blacklist=tracer_init_tracefs");
        assert_null(strstr(strstr(line, "initcall_blacklist") + 1, "initcall_blacklist"));
}

static void test_user_words_win(void **state)
{
        _cleanup_strv_ char **append = words("panic=3 'opt=\"a b\"' root=LABEL=x");
        _cleanup_strv_ char **remove = words("irqpoll console=tty0 hest-disable");
        Config config = { .commandline_append = append, .commandline_remove = remove };
        _cleanup_free_ char *line = build(&config, "console=tty0 console=ttyS0");

        assert_null(strstr(line, " panic=10 "));
        assert_null(strstr(line, " irqpoll "));
        assert_null(strstr(line, " console=tty0 "));
        assert_null(strstr(line, " hest_disable "));
        assert_non_null(strstr(line, " console=ttyS0 "));
        assert_non_null(strstr(line, " panic=3 "));
        assert_non_null(strstr(line, " opt=\"a b\" "));
        /* What the table takes away can be given back. */
        assert_non_null(strstr(line, " root=LABEL=x "));
}

/* How it is written in kdump.conf, and what the kernel gets, which knows double quotes only. */
static void test_blanks_in_the_users_words(void **state)
{
        static const struct {
                const char *append, *want;
        } cases[] = {
                { "x='a b'", " x=\"a b\" " },
                { "x=\"a b\"", " x=\"a b\" " },
                { "\"x=a b\"", " x=\"a b\" " },
                { "'x=\"a b\"'", " x=\"a b\" " },
                { "dyndbg='file x +p; func y=z +p' p", " dyndbg=\"file x +p; func y=z +p\" p " },
                { "x='a\tb'", " x=\"a\tb\" " },
                { "x=' '", " x=\" \" " },
                /* All of them in one pair of quotes */
                { "'irqpoll y=1'", " irqpoll y=1 " },
                { "'x=\"a b\" y'", " x=\"a b\" y " },
                { "x= y", " x= y " },
                { "'\"x=a b'", " \"x=a b\" " },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_strv_ char **append = words(cases[i].append);
                _cleanup_free_ char *line =
                        build(&(Config){ .commandline_append = append }, "console=ttyS0");

                if (!strstr(line, cases[i].want))
                        fail_msg("%s: '%s' is not in '%s'", cases[i].append, cases[i].want, line);
        }
}

static void test_blanks_in_words_to_take_out(void **state)
{
        _cleanup_strv_ char **remove = words("x='a b' 'y z'");
        _cleanup_free_ char *line =
                build(&(Config){ .commandline_remove = remove }, "x=\"a b\" x=c y=1 z w");

        assert_null(strstr(line, "a b"));
        assert_null(strstr(line, " y=1 "));
        assert_non_null(strstr(line, " x=c "));
        assert_non_null(strstr(line, " w "));
        assert_null(strstr(line, " z "));
}

static void test_explicit_line_replaces_that_of_the_kernel(void **state)
{
        char explicit_line[] = "console=hvc0 quiet";
        Config config = { .commandline = explicit_line };
        _cleanup_free_ char *line = build(&config, "console=ttyS0");

        assert_non_null(strstr(line, " console=hvc0 "));
        assert_null(strstr(line, " console=ttyS0 "));
        assert_null(strstr(line, " quiet "));
}

static void test_nr_cpus_by_the_reservation(void **state)
{
        static const struct {
                uint64_t crash_size_bytes;
                unsigned online, by_config, want;
        } cases[] = {
                { 0, 4, 0, 1 },          { 96 * MIB, 4, 0, 1 },    { 144 * MIB, 4, 0, 1 },
                { 152 * MIB, 4, 0, 2 },  { 176 * MIB, 64, 0, 5 },  { 256 * MIB, 4, 0, 4 },
                { 512 * MIB, 64, 0, 8 }, { 4096 * MIB, 64, 0, 8 }, { 512 * MIB, 0, 0, 1 },
                { 96 * MIB, 4, 2, 2 },   { 512 * MIB, 4, 64, 4 },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                Facts facts = { .crash_size_bytes = cases[i].crash_size_bytes,
                                .n_cpus = cases[i].online };
                Config config = { .nr_cpus = cases[i].by_config };

                assert_int_equal(cmdline_nr_cpus(&config, &facts), cases[i].want);
        }
}

static void test_boot_cpu_is_left_alone_if_others_run(void **state)
{
        _cleanup_strv_ char **one = words("nr_cpus=1"), **two = words("maxcpus=2");
        _cleanup_strv_ char **own = words("disable_cpu_apicid=9");
        _cleanup_free_ char *line4 = NULL, *line1 = NULL, *line2 = NULL, *line_own = NULL;

        line4 = build(&(Config){ 0 }, "");
        assert_non_null(strstr(line4, " nr_cpus=4 disable_cpu_apicid=0 "));
        line1 = build(&(Config){ .commandline_append = one }, "");
        assert_non_null(strstr(line1, " nr_cpus=1 "));
        assert_null(strstr(line1, " nr_cpus=4 "));
        assert_null(strstr(line1, "disable_cpu_apicid"));
        line2 = build(&(Config){ .commandline_append = two }, "");
        assert_null(strstr(line2, "nr_cpus"));
        assert_non_null(strstr(line2, " disable_cpu_apicid=0 "));
        line_own = build(&(Config){ .commandline_append = own }, "");
        assert_null(strstr(line_own, " disable_cpu_apicid=0 "));
}

static void test_too_long_is_refused(void **state)
{
        _cleanup_free_ char *line = NULL, *message = NULL;
        char cmdline[2048];
        Facts facts = facts_with(cmdline);

        memset(cmdline, 'x', sizeof(cmdline) - 1);
        cmdline[sizeof(cmdline) - 1] = '\0';
        assert_int_equal(cmdline_build(&(Config){ 0 }, &facts, &line, &message), -E2BIG);
        assert_non_null(strstr(message, "too long"));
        assert_null(line);

        cmdline[1024] = '\0';
        assert_int_equal(cmdline_build(&(Config){ 0 }, &facts, &line, &message), 0);
        assert_true(strlen(line) < 2047 - 62);
}

#define CAREFUL "nr_cpus=1 nomodeset kdumpd.fallback=1"

static void test_fallback_line(void **state)
{
        static const struct {
                const char *cmdline, *want;
        } cases[] = {
                { "", CAREFUL },
                { "irqpoll nr_cpus=4 panic=10", "irqpoll panic=10 " CAREFUL },
                { "maxcpus=2 x nr-cpus=8", "x " CAREFUL },
                { "nomodeset kdumpd.fallback=0 x", "x " CAREFUL },
                /* Some disks have no other interrupts than those by message: only their owner may
                 * say that there are to be none. */
                { "pci=nomsi x", "pci=nomsi x " CAREFUL },
                { "nvme_core.io_timeout=90 x", "nvme_core.io_timeout=90 x " CAREFUL },
                { "pcie_ports=compat", "pcie_ports=compat " CAREFUL },
                /* For programs that are not there, or for the kernel to look for them */
                { "rd.systemd.gpt_auto=no systemd.crash_reboot=1 udev.children-max=2", CAREFUL },
                { "rd.driver.blacklist=a systemd.unit=x luks.name=a=b", CAREFUL },
                { "root=LABEL=x rootflags=ro init=/bin/sh rdinit=/bin/sh ip=dhcp", CAREFUL },
                { "rootfstype=ramfs reset_devices", "rootfstype=ramfs reset_devices " CAREFUL },
                { "module_blacklist=a console=ttyS0 udevx=1 rdx=1",
                  "module_blacklist=a console=ttyS0 udevx=1 rdx=1 " CAREFUL },
                { "x=\"a rd.b=1\" y", "x=\"a rd.b=1\" y " CAREFUL },
                { "x -- nr_cpus=1 single", "x " CAREFUL },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_free_ char *line = NULL, *message = NULL;

                assert_int_equal(cmdline_build_fallback(cases[i].cmdline, &line, &message), 0);
                assert_string_equal(line, cases[i].want);
        }
}

static void test_fallback_line_of_a_real_one(void **state)
{
        _cleanup_free_ char *usual = build(&(Config){ 0 }, "console=ttyS0"), *line = NULL;
        _cleanup_free_ char *message = NULL;

        assert_int_equal(cmdline_build_fallback(usual, &line, &message), 0);
        assert_null(strstr(line, "systemd"));
        assert_null(strstr(line, "udev"));
        assert_null(strstr(line, "nr_cpus=4"));
        assert_null(strstr(line, "nomsi"));
        assert_non_null(startswith(line, "console=ttyS0 "));
        assert_non_null(strstr(line, " reset_devices "));
        assert_non_null(strstr(line, " rootfstype=ramfs "));
}

/* A usual line that just fits has no room for more words. */
static void test_too_long_a_fallback_line_is_refused(void **state)
{
        _cleanup_free_ char *line = NULL, *message = NULL;
        char usual[2047 - 62];

        memset(usual, 'x', sizeof(usual) - 1);
        usual[sizeof(usual) - 1] = '\0';
        assert_int_equal(cmdline_build_fallback(usual, &line, &message), -E2BIG);
        assert_non_null(strstr(message, "the fallback image's command line is"));
        assert_null(line);
        usual[sizeof(usual) - 1 - strlen(" " CAREFUL)] = '\0';
        free(TAKE_PTR(message));
        assert_int_equal(cmdline_build_fallback(usual, &line, &message), 0);
        assert_int_equal(strlen(line) + 1 + 62, 2047);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_words_of_the_running_kernel),
                cmocka_unit_test(test_ours_are_added_once),
                cmocka_unit_test(test_words_that_add_up_stay),
                cmocka_unit_test(test_user_words_win),
                cmocka_unit_test(test_blanks_in_the_users_words),
                cmocka_unit_test(test_blanks_in_words_to_take_out),
                cmocka_unit_test(test_explicit_line_replaces_that_of_the_kernel),
                cmocka_unit_test(test_nr_cpus_by_the_reservation),
                cmocka_unit_test(test_boot_cpu_is_left_alone_if_others_run),
                cmocka_unit_test(test_too_long_is_refused),
                cmocka_unit_test(test_fallback_line),
                cmocka_unit_test(test_fallback_line_of_a_real_one),
                cmocka_unit_test(test_too_long_a_fallback_line_is_refused),
        };

        return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tests what is left with the service manager, and what is taken back. */
#include "held.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "io.h"
#include "test.h"

#define FD_START 3 /* SD_LISTEN_FDS_START */

/* The service manager's end of NOTIFY_SOCKET. */
static int notify_socket(const char *folder)
{
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

        assert_true(fd >= 0);
        assert_true(snprintf(address.sun_path, sizeof(address.sun_path), "%s/notify", folder) > 0);
        assert_int_equal(bind(fd, (struct sockaddr *) &address, sizeof(address)), 0);
        assert_int_equal(setenv("NOTIFY_SOCKET", address.sun_path, 1), 0);
        return fd;
}

/* The next message, with how many files came along; "" if there is none. */
static const char *receive(int fd, char text[static 256], size_t *ret_n_fds)
{
        union {
                struct cmsghdr header;
                char space[CMSG_SPACE(sizeof(int) * 4)];
        } control;
        struct iovec iov = { .iov_base = text, .iov_len = 255 };
        struct msghdr message = { .msg_iov = &iov,
                                  .msg_iovlen = 1,
                                  .msg_control = &control,
                                  .msg_controllen = sizeof(control) };
        ssize_t n = recvmsg(fd, &message, MSG_CMSG_CLOEXEC);
        struct cmsghdr *c;

        *ret_n_fds = 0;
        text[MAX(n, (ssize_t) 0)] = 0;
        for (c = n < 0 ? NULL : CMSG_FIRSTHDR(&message); c; c = CMSG_NXTHDR(&message, c)) {
                if (c->cmsg_type != SCM_RIGHTS)
                        continue;
                *ret_n_fds = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
                for (size_t i = 0; i < *ret_n_fds; i++) {
                        int got;

                        memcpy(&got, CMSG_DATA(c) + i * sizeof(int), sizeof(int));
                        (void) close(got);
                }
        }
        return text;
}

static void image_make(KexecImage *ret, const char *kernel, const char *initrd, const char *cmdline)
{
        *ret = KEXEC_IMAGE_NULL;
        assert_int_equal(kexec_text_new(kernel, "kernel", &ret->kernel_fd), 0);
        assert_int_equal(kexec_text_new(initrd, "initrd", &ret->initrd_fd), 0);
        ret->cmdline = strdup(cmdline);
        assert_non_null(ret->cmdline);
}

static void image_add_fallback(KexecImage *image)
{
        assert_int_equal(kexec_text_new("fallback", "fallback", &image->fallback_fd), 0);
        image->fallback_cmdline = strdup("careful");
        assert_non_null(image->fallback_cmdline);
}

static void check_messages(int fd, const char *const *expected, size_t n_expected)
{
        char text[256];
        size_t n_fds;

        for (size_t i = 0; i < n_expected; i++) {
                assert_string_equal(receive(fd, text, &n_fds), expected[i]);
                assert_int_equal(n_fds, startswith(expected[i], "FDSTORE=") ? 1 : 0);
        }
        assert_string_equal(receive(fd, text, &n_fds), "");
}

static void test_what_is_left_with_the_service_manager(void **unused)
{
        static const char *const expected[] = {
                "FDSTORE=1\nFDNAME=kernel-7",
                "FDSTORE=1\nFDNAME=initrd-7",
                "FDSTORE=1\nFDNAME=cmdline-7",
                "FDSTORE=1\nFDNAME=kernel-8",
                "FDSTORE=1\nFDNAME=initrd-8",
                "FDSTORE=1\nFDNAME=cmdline-8",
                "FDSTOREREMOVE=1\nFDNAME=kernel-7",
                "FDSTOREREMOVE=1\nFDNAME=initrd-7",
                "FDSTOREREMOVE=1\nFDNAME=cmdline-7",
                "FDSTOREREMOVE=1\nFDNAME=fallback-7",
                "FDSTOREREMOVE=1\nFDNAME=fallback-cmdline-7",
        };
        _cleanup_(test_root_freep) char *root = test_root_new();
        _cleanup_close_ int fd = notify_socket(root);
        _cleanup_(held_done) Held held = HELD_NULL;

        for (uint64_t number = 7; number <= 8; number++) {
                KexecImage image;

                image_make(&image, "kernel", "initrd", "cmdline");
                held_replace(&held, number, &image);
                assert_int_equal(image.kernel_fd, -EBADF);
                assert_true(held.number == number);
                /* The same again has been left already. */
                image_make(&image, "kernel", "initrd", "cmdline");
                held_replace(&held, number, &image);
        }
        check_messages(fd, expected, ELEMENTSOF(expected));
        assert_int_equal(unsetenv("NOTIFY_SOCKET"), 0);
}

static void test_a_fallback_image_is_left_as_soon_as_there_is_one(void **unused)
{
        static const char *const usual[] = { "FDSTORE=1\nFDNAME=kernel-7",
                                             "FDSTORE=1\nFDNAME=initrd-7",
                                             "FDSTORE=1\nFDNAME=cmdline-7" };
        static const char *const added[] = { "FDSTORE=1\nFDNAME=fallback-7",
                                             "FDSTORE=1\nFDNAME=fallback-cmdline-7" };
        _cleanup_(test_root_freep) char *root = test_root_new();
        _cleanup_close_ int fd = notify_socket(root);
        _cleanup_(held_done) Held held = HELD_NULL;
        KexecImage image;

        image_make(&image, "kernel", "initrd", "cmdline");
        held_replace(&held, 7, &image);
        check_messages(fd, usual, ELEMENTSOF(usual));
        /* It was damaged on disk, and mended. */
        for (unsigned i = 0; i < 2; i++) {
                image_make(&image, "kernel", "initrd", "cmdline");
                image_add_fallback(&image);
                held_replace(&held, 7, &image);
                check_messages(fd, added, i == 0 ? ELEMENTSOF(added) : 0);
        }
        assert_string_equal(held.image.fallback_cmdline, "careful");
        assert_int_equal(unsetenv("NOTIFY_SOCKET"), 0);
}

/* What a daemon is started with. A text that begins with '!' is in a file that is not sealed. */
typedef struct Case {
        const char *names; /* of the files, as in $LISTEN_FDNAMES */
        const char *texts[8];
        uint64_t number;
        bool taken;
        const char *cmdline;
        bool with_fallback; /* file "f" with "g" as its command line */
} Case;

#define USUAL "kernel-7:initrd-7:cmdline-7"

static const Case cases[] = {
        { "kernel-7:initrd-7:cmdline-7", { "k", "i", "c" }, 7, true, "c" },
        { "cmdline-7:stray:kernel-7:initrd-7", { "c", "x", "k", "i" }, 7, true, "c" },
        { "kernel-6:kernel-7:initrd-6:initrd-7:cmdline-7",
          { "old", "k", "old", "i", "c" },
          7,
          true,
          "c" },
        { "kernel-7:initrd-7:cmdline-7", { "k", "i", "c" }, 8, false, NULL },
        { "kernel-7:initrd-7:cmdline-7", { "k", "i", "c" }, 0, false, NULL },
        { "kernel-7:initrd-7", { "k", "i" }, 7, false, NULL },
        { "kernel-7:cmdline-7", { "k", "c" }, 7, false, NULL },
        { "initrd-7:cmdline-7", { "i", "c" }, 7, false, NULL },
        { "kernel-7:initrd-7:cmdline-7", { "!k", "i", "c" }, 7, false, NULL },
        { "kernel-7:initrd-7:cmdline-7", { "k", "!i", "c" }, 7, false, NULL },
        { "kernel-7:initrd-7:cmdline-7", { "k", "i", "!c" }, 7, false, NULL },
        { "kernel-x:initrd-7:cmdline-7", { "k", "i", "c" }, 7, false, NULL },
        { "kernel-7:kernel-7:initrd-7:cmdline-7", { "k", "k", "i", "c" }, 7, true, "c" },
        /* The fallback image is there as a whole, or it is as if an older daemon had left none. */
        { USUAL ":fallback-7:fallback-cmdline-7", { "k", "i", "c", "f", "g" }, 7, true, "c", true },
        { "fallback-cmdline-7:fallback-7:" USUAL, { "g", "f", "k", "i", "c" }, 7, true, "c", true },
        { USUAL ":fallback-7", { "k", "i", "c", "f" }, 7, true, "c" },
        { USUAL ":fallback-cmdline-7", { "k", "i", "c", "g" }, 7, true, "c" },
        { USUAL ":fallback-6:fallback-cmdline-7", { "k", "i", "c", "f", "g" }, 7, true, "c" },
        { USUAL ":fallback-7:fallback-cmdline-7", { "k", "i", "c", "!f", "g" }, 7, true, "c" },
        { USUAL ":fallback-7:fallback-cmdline-7", { "k", "i", "c", "f", "!g" }, 7, true, "c" },
        { "fallback-7:fallback-cmdline-7", { "f", "g" }, 7, false, NULL },
};

static int file_with(const char *text)
{
        int fd;

        if (*text == '!') {
                fd = memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING);
                assert_true(fd >= 0);
                assert_int_equal(write_full(fd, text, strlen(text)), 0);
        } else
                assert_int_equal(kexec_text_new(text, "test", &fd), 0);
        return fd;
}

static bool file_is(int fd, const char *text)
{
        char buf[16] = "";

        return pread(fd, buf, sizeof(buf) - 1, 0) >= 0 && streq(buf, text);
}

/* In a process of its own: the files have fixed numbers. Returns 0 if all is as it should be. */
static int adopt(const Case *c)
{
        Held held;
        char pid[32], n[32];
        int made[8], count = 0;

        /* Out of the way first, as a file may be one of the numbers itself. */
        for (; count < 8 && c->texts[count]; count++)
                made[count] = fcntl(file_with(c->texts[count]), F_DUPFD, 100);
        for (int i = 0; i < count; i++)
                if (dup2(made[i], FD_START + i) < 0)
                        return 1;
        (void) snprintf(pid, sizeof(pid), "%d", (int) getpid());
        (void) snprintf(n, sizeof(n), "%d", count);
        (void) setenv("LISTEN_PID", pid, 1);
        (void) setenv("LISTEN_FDS", n, 1);
        (void) setenv("LISTEN_FDNAMES", c->names, 1);

        held_adopt(c->number, &held);
        if (!c->taken) {
                for (int i = 0; i < count; i++)
                        if (fcntl(FD_START + i, F_GETFD) >= 0)
                                return 2;
                return held.number == 0 && held.image.kernel_fd < 0 && !held.image.cmdline ? 0 : 3;
        }
        if (held.number != c->number || !file_is(held.image.kernel_fd, "k") ||
            !file_is(held.image.initrd_fd, "i") || !streq_ptr(held.image.cmdline, c->cmdline) ||
            held.image.generation != c->number)
                return 4;
        if (c->with_fallback ? !file_is(held.image.fallback_fd, "f") ||
                                       !streq_ptr(held.image.fallback_cmdline, "g")
                             : held.image.fallback_fd >= 0 || held.image.fallback_cmdline)
                return 6;
        if (!(fcntl(held.image.kernel_fd, F_GETFD) & FD_CLOEXEC))
                return 5;
        held_done(&held);
        return 0;
}

static void test_what_is_taken_back(void **unused)
{
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                pid_t pid = fork();
                int status;

                assert_true(pid >= 0);
                if (pid == 0)
                        _exit(adopt(cases + i));
                assert_int_equal(waitpid(pid, &status, 0), pid);
                if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
                        fail_msg("case %zu: %s: %d", i, cases[i].names, WEXITSTATUS(status));
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_what_is_left_with_the_service_manager),
                cmocka_unit_test(test_a_fallback_image_is_left_as_soon_as_there_is_one),
                cmocka_unit_test(test_what_is_taken_back),
        };

        return cmocka_run_group_tests(tests, NULL, NULL) ? 1 : 0;
}

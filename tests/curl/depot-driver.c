/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Opens a depot of a module as kdump-capture does, and stores files in it:
 *
 *     depot-driver MODULE [--KEY=VALUE…] FOLDER [FILE:INCOMPLETE:FINAL…]
 *
 * Keys: url, credentials, ca, cert, key, endpoint, region, address (more than one), timeout (s),
 * chunk (bytes a write), pause (after so many bytes of a file it says "paused" and waits for a line
 * on standard input), hint, keep=no (the last file is not committed), discard=yes (all is removed
 * again). It prints "where URL", "stored NAME" and "moved N", and what failed as "FUNCTION: ERRNO";
 * the module's messages go to standard error. */
#include <dlfcn.h>
#include <fcntl.h>

#include "depot-module.h"
#include "io.h"
#include "parse.h"
#include "strv.h"

typedef struct Driver {
        Target target;
        uint64_t chunk_bytes, pause_bytes, hint_bytes;
        bool keep, discard;
} Driver;

static unsigned long n_moved;

static void print_message(int level, const char *text)
{
        fprintf(stderr, "<%d>%s\n", level, text);
}

static void count_moved(void *userdata)
{
        __atomic_add_fetch((unsigned long *) userdata, 1, __ATOMIC_RELAXED);
}

static int failed(const char *what, int error)
{
        printf("%s: %s\n", what, strerrorname_np(-error) ?: "?");
        return EXIT_FAILURE;
}

static int set_text(char **slot, const char *value)
{
        free(*slot);
        *slot = strdup(value);
        return *slot ? 0 : -ENOMEM;
}

static int set_number(uint64_t *slot, const char *value)
{
        return parse_u64(value, 10, slot);
}

static int set_option(Driver *driver, const char *key, const char *value)
{
        Target *target = &driver->target;

        if (streq(key, "url"))
                return set_text(&target->what, value);
        if (streq(key, "credentials"))
                return set_text(&target->credentials, value);
        if (streq(key, "ca"))
                return set_text(&target->ca_file, value);
        if (streq(key, "cert"))
                return set_text(&target->client_cert, value);
        if (streq(key, "key"))
                return set_text(&target->client_key, value);
        if (streq(key, "endpoint"))
                return set_text(&target->s3_endpoint, value);
        if (streq(key, "region"))
                return set_text(&target->s3_region, value);
        if (streq(key, "address"))
                return strv_extend(&target->addresses, value);
        if (streq(key, "timeout"))
                return parse_usec(value, &target->timeout_usec);
        if (streq(key, "chunk"))
                return set_number(&driver->chunk_bytes, value);
        if (streq(key, "pause"))
                return set_number(&driver->pause_bytes, value);
        if (streq(key, "hint"))
                return set_number(&driver->hint_bytes, value);
        if (streq(key, "keep"))
                return parse_bool(value, &driver->keep);
        if (streq(key, "discard"))
                return parse_bool(value, &driver->discard);
        return -EINVAL;
}

static int parse_options(Driver *driver, char **argv, int argc)
{
        int i;

        for (i = 0; i < argc && startswith(argv[i], "--"); i++) {
                char *equals = strchr(argv[i], '=');

                if (!equals)
                        return -EINVAL;
                *equals = '\0';
                if (set_option(driver, argv[i] + 2, equals + 1) < 0)
                        return -EINVAL;
        }
        return i;
}

static void wait_for_line(void)
{
        char c;

        printf("paused\n");
        (void) fflush(stdout);
        while (read(STDIN_FILENO, &c, 1) == 1 && c != '\n')
                ;
}

static int copy_file(const Driver *driver, int fd, Sink *sink)
{
        _cleanup_free_ uint8_t *buffer = malloc(driver->chunk_bytes);
        uint64_t position = 0;
        bool paused = driver->pause_bytes == 0;
        int r;

        if (!buffer)
                return -ENOMEM;
        for (;;) {
                ssize_t n = read(fd, buffer, driver->chunk_bytes);

                if (n < 0)
                        return -errno;
                if (n == 0)
                        return 0;
                r = sink_write(sink, position, buffer, (size_t) n);
                if (r < 0)
                        return r;
                position += (uint64_t) n;
                if (!paused && position >= driver->pause_bytes) {
                        wait_for_line();
                        paused = true;
                }
        }
}

static int store(const Driver *driver, Depot *depot, char *names, bool commit)
{
        _cleanup_(sink_freep) Sink *sink = NULL;
        _cleanup_close_ int fd = -EBADF;
        char *rest = names;
        const char *from = strsep(&rest, ":"), *incomplete = strsep(&rest, ":");
        int r;

        if (!incomplete || !rest)
                return failed("usage", -EINVAL);
        fd = open(from, O_RDONLY | O_CLOEXEC);
        if (fd < 0)
                return failed(from, -errno);
        r = depot->ops->open(depot, incomplete, rest, driver->hint_bytes, &sink);
        if (r < 0)
                return failed("open", r);
        r = copy_file(driver, fd, sink);
        if (r < 0)
                return failed("write", r);
        if (!commit)
                return EXIT_SUCCESS;
        r = sink_commit(sink);
        if (r < 0)
                return failed("commit", r);
        printf("stored %s\n", rest);
        return EXIT_SUCCESS;
}

static int run(const Driver *driver, Depot *depot, char **argv, int argc)
{
        _cleanup_free_ char *where = NULL;
        int r;

        r = depot->ops->begin(depot, argv[0], &where);
        if (r < 0)
                return failed("begin", r);
        printf("where %s\n", where);
        for (int i = 1; i < argc; i++) {
                r = store(driver, depot, argv[i], driver->keep || i + 1 < argc);
                if (r != EXIT_SUCCESS)
                        return r;
        }
        if (!driver->discard)
                return EXIT_SUCCESS;
        r = depot->ops->discard(depot);
        if (r < 0)
                return failed("discard", r);
        printf("discarded\n");
        return EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
        const DepotHost host = { DEPOT_MODULE_VERSION, print_message, count_moved, &n_moved };
        Driver driver = { .target = { .type = TARGET_URL, .timeout_usec = 20 * USEC_PER_SEC },
                          .chunk_bytes = 65536,
                          .keep = true };
        _cleanup_(depot_freep) Depot *depot = NULL;
        const DepotModule *module;
        void *handle;
        int n, r;

        handle = argc > 2 ? dlopen(argv[1], RTLD_NOW | RTLD_LOCAL) : NULL;
        module = handle ? dlsym(handle, DEPOT_MODULE_SYMBOL) : NULL;
        n = parse_options(&driver, argv + 2, argc - 2);
        if (!module || n < 0 || n + 2 >= argc) {
                fprintf(stderr, "depot-driver: %s\n", (handle ? NULL : dlerror()) ?: "usage");
                return 2;
        }
        r = module->open(&host, &driver.target, &depot);
        r = r < 0 ? failed("connect", r) : run(&driver, depot, argv + 2 + n, argc - 2 - n);
        printf("moved %lu\n", n_moved);
        depot = depot_free(depot);
        target_done(&driver.target);
        return r;
}

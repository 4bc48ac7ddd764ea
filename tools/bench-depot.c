/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What tools/bench-ssh lets race: a saved core goes through the engine to a target as in a capture,
 * until it is safe there.
 *
 * Usage: bench-depot MODULE RAW_ELF_CORE LEVEL USER@HOST ADDRESS PORT KEY KNOWN_HOSTS PATH
 *
 * The dump is the file PATH/bench/vmcore of the server, compressed by lzo. Prints how many MiB of
 * memory it took itself at the most. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "capture.h"
#include "depot-load.h"

static void host_log(int level, const char *text)
{
        (void) fprintf(stderr, "<%d>%s\n", level, text);
}

static void host_moved(void *userdata)
{
}

static int save(const char *module, const char *core, unsigned level, const Target *target)
{
        const DepotHost host = { .version = DEPOT_MODULE_VERSION,
                                 .log = host_log,
                                 .moved = host_moved };
        const Collector collector = {
                .dump_level = level,
                .compression = COMPRESSION_LZO,
                .format = DUMP_FORMAT_KDUMP,
        };
        _cleanup_(dump_record_done) DumpRecord record = {};
        _cleanup_(depot_freep) Depot *depot = NULL;
        _cleanup_free_ char *where = NULL;
        ProgressPipe nowhere = { .fd = -EBADF };
        int r;

        r = depot_load(module, &host, target, &depot);
        if (r >= 0)
                r = depot->ops->begin(depot, "bench", &where);
        if (r < 0)
                return r;
        return capture_save_vmcore(core, depot, &collector, NULL, &nowhere, &record);
}

int main(int argc, char **argv)
{
        char *addresses[2] = { NULL, NULL };
        Target target = { .type = TARGET_SSH, .addresses = addresses };
        struct rusage usage = {};
        int r;

        if (argc != 10) {
                (void) fprintf(stderr, "Usage: see %s\n", __FILE__);
                return 2;
        }
        target.what = argv[4];
        addresses[0] = argv[5];
        target.port = (unsigned) strtoul(argv[6], NULL, 10);
        target.sshkey = argv[7];
        target.known_hosts = argv[8];
        target.path = argv[9];
        r = save(argv[1], argv[2], (unsigned) strtoul(argv[3], NULL, 10), &target);
        if (r < 0) {
                (void) fprintf(stderr, "%s\n", strerror(-r));
                return EXIT_FAILURE;
        }
        (void) getrusage(RUSAGE_SELF, &usage);
        printf("%ld\n", usage.ru_maxrss / 1024);
        return EXIT_SUCCESS;
}

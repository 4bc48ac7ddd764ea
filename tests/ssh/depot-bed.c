/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the use of a depot module as a capture uses it, for tests of its servers: depot-bed
 * NAME=VALUE… saves a log and a file of made-up bytes, and says on standard output what came of
 * each step; with discard=1 it removes all of it again. With check=FILE it only compares a file
 * with what it would have saved. */
#include <dlfcn.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>

#include "depot-module.h"

#define HEADER_BYTES 4096
#define STEPS_MAX 16
#define THREADS_MAX 16U
#define ADDRESSES_MAX 8

static const char incomplete_header[] = "incomplete", log_text[] = "the kernel's last words\n";

typedef struct Bed {
        const char *module, *name, *check;
        Target target;
        char *addresses[ADDRESSES_MAX + 1];
        uint64_t size_bytes, piece_bytes;
        unsigned n_threads;
        bool discard;
        bool same; /* the same bytes again and again: making them takes time */
        unsigned steps[STEPS_MAX], n_steps;

        Sink *sink;
        pthread_mutex_t lock;
        uint64_t next_bytes;
        unsigned step;
        int error;
        atomic_uint_fast64_t n_moved;
} Bed;

static void bed_log(int level, const char *text)
{
        fprintf(stderr, "<%d>%s\n", level, text);
}

static void bed_moved(void *userdata)
{
        atomic_fetch_add(&((Bed *) userdata)->n_moved, 1);
}

static void say(const char *what, int r)
{
        printf("%s %d\n", what, r);
        fflush(stdout);
}

static void fill(uint8_t *data, uint64_t offset_bytes, size_t size)
{
        for (size_t i = 0; i < size; i += sizeof(uint64_t)) {
                uint64_t word =
                        ((offset_bytes + i) / sizeof(word) + 1) * UINT64_C(0x9e3779b97f4a7c15);

                memcpy(data + i, &word, MIN(sizeof(word), size - i));
        }
}

/* Whoever drives the bed does something to the server now. */
static void stop_at_step(Bed *bed)
{
        char line[16];

        while (bed->step < bed->n_steps &&
               bed->next_bytes >= bed->size_bytes / 100 * bed->steps[bed->step]) {
                say("at", (int) bed->steps[bed->step++]);
                if (!fgets(line, sizeof(line), stdin))
                        exit(2);
        }
}

/* Returns false when there is nothing left to be written, or an error. */
static bool take(Bed *bed, uint64_t *ret_offset, size_t *ret_size)
{
        bool more;

        (void) pthread_mutex_lock(&bed->lock);
        stop_at_step(bed);
        more = bed->error >= 0 && bed->next_bytes < bed->size_bytes;
        *ret_offset = bed->next_bytes;
        *ret_size = more ? (size_t) MIN(bed->piece_bytes, bed->size_bytes - bed->next_bytes) : 0;
        bed->next_bytes += *ret_size;
        (void) pthread_mutex_unlock(&bed->lock);
        return more;
}

static void *write_pieces(void *userdata)
{
        Bed *bed = userdata;
        _cleanup_free_ uint8_t *data = aligned_alloc(SINK_DATA_ALIGN, bed->piece_bytes);
        uint64_t offset_bytes;
        size_t size;
        int r;

        if (!data)
                exit(2);
        fill(data, 0, bed->piece_bytes);
        while (take(bed, &offset_bytes, &size)) {
                if (!bed->same)
                        fill(data, offset_bytes, size);
                r = sink_write_data(bed->sink, offset_bytes, data, size);
                if (r < 0)
                        bed->error = r;
        }
        return NULL;
}

static int write_body(Bed *bed, bool in_order)
{
        pthread_t threads[THREADS_MAX];
        unsigned n = in_order ? 1 : bed->n_threads;

        for (unsigned i = 0; i < n; i++)
                if (pthread_create(&threads[i], NULL, write_pieces, bed) != 0)
                        exit(2);
        for (unsigned i = 0; i < n; i++)
                (void) pthread_join(threads[i], NULL);
        return bed->error;
}

static int save_log(Depot *depot)
{
        _cleanup_(sink_freep) Sink *sink = NULL;
        int r;

        r = depot->ops->open(depot, "vmcore-dmesg-incomplete.txt", "vmcore-dmesg.txt", 0, &sink);
        if (r >= 0)
                r = sink_write(sink, 0, log_text, sizeof(log_text) - 1);
        return r < 0 ? r : sink_commit(sink);
}

/* The header comes last, as that of a dump does, where it can. */
static int save_core(Bed *bed, Depot *depot)
{
        uint8_t header[HEADER_BYTES];
        bool in_order = depot->ops->in_order;
        int r;

        r = depot->ops->open(depot, "vmcore-incomplete", "vmcore", bed->size_bytes, &bed->sink);
        say("file", r);
        if (r < 0)
                return r;
        if (!in_order) {
                r = sink_write(bed->sink, 0, incomplete_header, sizeof(incomplete_header));
                if (r >= 0)
                        r = sink_reserve(bed->sink, HEADER_BYTES, bed->size_bytes / 10);
                bed->next_bytes = HEADER_BYTES;
        }
        if (r >= 0)
                r = write_body(bed, in_order);
        say("write", r);
        if (r >= 0)
                r = sink_sync(bed->sink);
        say("sync", r);
        fill(header, 0, sizeof(header));
        if (r >= 0 && !in_order)
                r = sink_write(bed->sink, 0, header, MIN(sizeof(header), bed->size_bytes));
        if (r >= 0)
                r = sink_commit(bed->sink);
        say("commit", r);
        bed->sink = sink_free(bed->sink);
        return r;
}

static int save_all(Bed *bed, Depot *depot)
{
        _cleanup_free_ char *where = NULL;
        uint64_t room_bytes = 0;
        int r;

        r = depot->ops->begin(depot, bed->name, &where);
        say("begin", r);
        if (r < 0)
                return r;
        printf("where %s\nin_order %d\n", where, depot->ops->in_order);
        r = depot->ops->room ? depot->ops->room(depot, &room_bytes) : -EOPNOTSUPP;
        say("room", r);
        printf("room_bytes %" PRIu64 "\n", room_bytes);
        r = save_log(depot);
        say("log", r);
        if (r >= 0)
                r = save_core(bed, depot);
        if (bed->discard)
                say("discard", depot->ops->discard(depot));
        return r;
}

static int bed_run(Bed *bed)
{
        const DepotHost host = {
                .version = DEPOT_MODULE_VERSION, .log = bed_log, .moved = bed_moved, .userdata = bed
        };
        const DepotModule *module;
        Depot *depot = NULL;
        void *handle;
        int r;

        handle = dlopen(bed->module, RTLD_NOW | RTLD_LOCAL);
        module = handle ? dlsym(handle, DEPOT_MODULE_SYMBOL) : NULL;
        if (!module || module->version != DEPOT_MODULE_VERSION) {
                fprintf(stderr, "%s\n", dlerror() ?: "another version");
                return -ELIBBAD;
        }
        r = module->open(&host, &bed->target, &depot);
        say("open", r);
        if (r >= 0)
                r = save_all(bed, depot);
        (void) depot_free(depot);
        printf("moved %" PRIu64 "\n", (uint64_t) bed->n_moved);
        return r;
}

static int bed_check(const Bed *bed)
{
        _cleanup_free_ uint8_t *ours = malloc(1 << 20), *theirs = malloc(1 << 20);
        _cleanup_fclose_ FILE *f = fopen(bed->check, "re");
        uint64_t offset_bytes = 0;
        size_t n;

        if (!f || !ours || !theirs)
                return -errno;
        while ((n = fread(theirs, 1, 1 << 20, f)) > 0) {
                fill(ours, offset_bytes, n);
                if (memcmp(ours, theirs, n) != 0)
                        return -EBADMSG;
                offset_bytes += n;
        }
        return offset_bytes == bed->size_bytes ? 0 : -ENODATA;
}

static void steps_parse(Bed *bed, char *value)
{
        for (char *end; *value && bed->n_steps < STEPS_MAX; value = *end ? end + 1 : end)
                bed->steps[bed->n_steps++] = (unsigned) strtoul(value, &end, 10);
}

static void option_set(Bed *bed, const char *name, char *value)
{
        const struct {
                const char *name, **field;
        } texts[] = { { "module", &bed->module },
                      { "name", &bed->name },
                      { "check", &bed->check } };
        const struct {
                const char *name;
                char **field;
        } targets[] = {
                { "what", &bed->target.what },
                { "path", &bed->target.path },
                { "sshkey", &bed->target.sshkey },
                { "known_hosts", &bed->target.known_hosts },
        };
        uint64_t number = strtoull(value, NULL, 10);

        for (size_t i = 0; i < ELEMENTSOF(texts); i++)
                if (streq(name, texts[i].name))
                        *texts[i].field = value;
        for (size_t i = 0; i < ELEMENTSOF(targets); i++)
                if (streq(name, targets[i].name))
                        *targets[i].field = value;
        if (streq(name, "address"))
                for (size_t i = 0; i < ADDRESSES_MAX; i++)
                        if (!bed->addresses[i]) {
                                bed->addresses[i] = value;
                                break;
                        }
        if (streq(name, "port"))
                bed->target.port = (unsigned) number;
        if (streq(name, "size"))
                bed->size_bytes = number;
        if (streq(name, "piece"))
                bed->piece_bytes = number;
        if (streq(name, "threads"))
                bed->n_threads = MIN((unsigned) number, THREADS_MAX);
        if (streq(name, "discard"))
                bed->discard = number != 0;
        if (streq(name, "same"))
                bed->same = number != 0;
        if (streq(name, "steps"))
                steps_parse(bed, value);
}

int main(int argc, char *argv[])
{
        Bed bed = { .name = "dump",
                    .size_bytes = 1 << 20,
                    .piece_bytes = 1 << 20,
                    .n_threads = 2,
                    .target = { .type = TARGET_SSH } };
        int r;

        for (int i = 1; i < argc; i++) {
                char *equals = strchr(argv[i], '=');

                if (!equals)
                        return 2;
                *equals = '\0';
                option_set(&bed, argv[i], equals + 1);
        }
        bed.target.addresses = bed.addresses;
        (void) pthread_mutex_init(&bed.lock, NULL);
        r = bed.check ? bed_check(&bed) : bed_run(&bed);
        if (bed.check)
                say("check", r);
        return r < 0 ? 1 : 0;
}

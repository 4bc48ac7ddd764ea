/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the targets of these tests, and what they do in place of their work. */
#include "test-attempt-bed.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <sys/mman.h>

#include "depot-folder.h"
#include "depot-open.h"
#include "io.h"
#include "paths.h"
#include "test.h"

#define N_PAGES ((size_t) 1000)
#define FAULT_OFFSET_BYTES (UINT64_C(2) << 20)

uint64_t clock_speed = 1;

uint64_t __real_now_boottime_usec(void);
uint64_t __wrap_now_boottime_usec(void);

uint64_t __wrap_now_boottime_usec(void)
{
        return __real_now_boottime_usec() * clock_speed;
}

void watchdog_pet(Watchdog *watchdog)
{
        watchdog->last_pet_usec++;
}

/* What a target does in place of its work, while it is opened, or while the file @at is written. */
typedef struct Fault {
        const char *name;
        const char *at; /* NULL: while it is opened */
        int error;      /* 0: none; INT_MIN: dies; INT_MAX: hangs */
        unsigned n_times;
} Fault;

static const Fault faults[] = {
        { "good", NULL, 0, 0 },
        { "gone", NULL, -ENODEV, UINT32_MAX },
        { "refuses", NULL, -ECONNREFUSED, UINT32_MAX },
        { "refuses-twice", NULL, -ECONNREFUSED, 2 },
        { "hangs", NULL, INT_MAX, UINT32_MAX },
        { "hangs-later", FILE_VMCORE_INCOMPLETE, INT_MAX, UINT32_MAX },
        { "dies", FILE_VMCORE_INCOMPLETE, INT_MIN, UINT32_MAX },
        { "dies-once", FILE_VMCORE_INCOMPLETE, INT_MIN, 1 },
        { "dies-of-the-log", FILE_DMESG_INCOMPLETE, INT_MIN, 1 },
        { "full", FILE_VMCORE_INCOMPLETE, -ENOSPC, UINT32_MAX },
        { "breaks", FILE_VMCORE_INCOMPLETE, -ECONNRESET, UINT32_MAX },
        { "breaks-once", FILE_VMCORE_INCOMPLETE, -ECONNRESET, 1 },
};

static char *test_root; /* of what is saved: a folder for each target */

static int fault_do(const Fault *fault)
{
        _cleanup_free_ char *path = NULL;
        _cleanup_close_ int fd = -EBADF;
        struct stat st;

        /* The file counts, as each attempt is a process of its own. */
        if (strprintf(&path, "%s/%s/count", test_root, fault->name) < 0)
                return -ENOMEM;
        fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
        if (fd < 0 || fstat(fd, &st) < 0 || write(fd, "x", 1) != 1)
                return -EBADF;
        if ((uint64_t) st.st_size >= fault->n_times)
                return 0;
        while (fault->error == INT_MAX)
                (void) pause();
        if (fault->error == INT_MIN)
                (void) kill(getpid(), SIGKILL);
        return fault->error;
}

/* A file that comes to grief in its middle. */
typedef struct FaultySink {
        Sink sink;
        Sink *inner;
        const Fault *fault;
} FaultySink;

static int faulty_write(Sink *sink, uint64_t offset_bytes, const void *data, size_t size)
{
        FaultySink *faulty = (FaultySink *) sink;
        int r = offset_bytes + size > FAULT_OFFSET_BYTES ? fault_do(faulty->fault) : 0;

        return r < 0 ? r : sink_write(faulty->inner, offset_bytes, data, size);
}

static int faulty_sync(Sink *sink)
{
        return sink_sync(((FaultySink *) sink)->inner);
}

static int faulty_commit(Sink *sink)
{
        return sink_commit(((FaultySink *) sink)->inner);
}

static void faulty_free(Sink *sink)
{
        sink_free(((FaultySink *) sink)->inner);
        free(sink);
}

static const SinkOps faulty_sink_ops = {
        .name = "faulty",
        .write = faulty_write,
        .sync = faulty_sync,
        .commit = faulty_commit,
        .free = faulty_free,
};

typedef struct FaultyDepot {
        Depot depot;
        Depot *inner;
        const Fault *fault;
} FaultyDepot;

static int faulty_begin(Depot *depot, const char *name, char **ret_where)
{
        Depot *inner = ((FaultyDepot *) depot)->inner;

        return inner->ops->begin(inner, name, ret_where);
}

static int faulty_open(Depot *depot, const char *incomplete_name, const char *final_name,
                       uint64_t size_hint_bytes, Sink **ret)
{
        const Fault *fault = ((FaultyDepot *) depot)->fault;
        Depot *inner = ((FaultyDepot *) depot)->inner;
        FaultySink *faulty;
        Sink *sink;
        int r;

        r = inner->ops->open(inner, incomplete_name, final_name, size_hint_bytes, &sink);
        if (r < 0 || !streq_ptr(fault->at, incomplete_name)) {
                if (r >= 0)
                        *ret = sink;
                return r;
        }
        if (streq(incomplete_name, FILE_DMESG_INCOMPLETE))
                (void) fault_do(fault); /* there is no log in this core */
        faulty = calloc(1, sizeof(*faulty));
        assert_non_null(faulty);
        *faulty = (FaultySink){ .sink.ops = &faulty_sink_ops, .inner = sink, .fault = fault };
        *ret = &faulty->sink;
        return 0;
}

static void faulty_depot_free(Depot *depot)
{
        depot_free(((FaultyDepot *) depot)->inner);
        free(depot);
}

static const DepotOps faulty_depot_ops = {
        .name = "faulty",
        .begin = faulty_begin,
        .open = faulty_open,
        .free = faulty_depot_free,
};

static const Fault *fault_find(const char *name)
{
        for (size_t i = 0; i < ELEMENTSOF(faults); i++)
                if (streq(faults[i].name, name))
                        return faults + i;
        fail_msg("there is no target '%s'", name);
        return NULL;
}

int depot_open(const Target *target, size_t index, const DepotHost *host, ProgressPipe *pipe,
               Depot **ret)
{
        const Fault *fault = fault_find(target->what);
        FaultyDepot *faulty;
        int r;

        r = fault->at ? 0 : fault_do(fault);
        if (r < 0)
                return r;
        faulty = calloc(1, sizeof(*faulty));
        if (!faulty)
                return -ENOMEM;
        *faulty = (FaultyDepot){ .depot.ops = &faulty_depot_ops, .fault = fault };
        r = depot_folder_new(test_root_open(test_root), target->path, &faulty->inner);
        assert_int_equal(r, 0);
        *ret = &faulty->depot;
        return 0;
}

void bed_init(Bed *bed)
{
        static const char vmcoreinfo[] = "OSRELEASE=6.1.0-test\nPAGESIZE=4096\n";

        memset(bed, 0, sizeof(*bed));
        clock_speed = 1;
        test_root = test_root_new();
        bed->memory = test_pattern_new(N_PAGES * TEST_PAGE_BYTES, 7);
        test_core_init(&bed->core);
        test_core_add_note(&bed->core, "VMCOREINFO", 0, vmcoreinfo, strlen(vmcoreinfo));
        test_core_add(&bed->core, TEST_DIRECT_MAP_VADDR + 0x10000, 0x10000,
                      N_PAGES * TEST_PAGE_BYTES, N_PAGES * TEST_PAGE_BYTES, bed->memory);
        test_core_write(&bed->core);
        (void) snprintf(bed->source, sizeof(bed->source), "/proc/%d/fd/%d", (int) getpid(),
                        bed->core.fd);
        bed->plan = plan_new();
        assert_non_null(bed->plan);
        bed->plan->host = strdup("host");
        bed->plan->collector.compression = COMPRESSION_LZO;
}

void bed_done(Bed *bed)
{
        for (size_t i = 0; i < bed->n_targets; i++)
                free(bed->targets[i].path);
        plan_free(bed->plan);
        test_core_done(&bed->core);
        test_root_freep(&test_root);
        free(bed->memory);
}

Target *bed_add(Bed *bed, const char *name)
{
        _cleanup_close_ int root_fd = test_root_open(test_root);
        Target *target = bed->targets + bed->n_targets++;

        *target = (Target){
                .type = TARGET_SSH,
                .what = (char *) fault_find(name)->name,
                .connect_usec = HOUR_USEC,
                .timeout_usec = HOUR_USEC,
        };
        assert_true(strprintf(&target->path, "/%s", name) >= 0);
        assert_int_equal(mkdirat(root_fd, name, 0700), 0);
        return target;
}

CaptureStatus bed_run(const Bed *bed)
{
        Watchdog watchdog = {};
        const AttemptsRequest request = {
                .plan = bed->plan,
                .source = bed->source,
                .targets = bed->targets,
                .n_targets = bed->n_targets,
                .watchdog = &watchdog,
        };
        CaptureStatus status = attempts_run(&request);

        assert_true(watchdog.last_pet_usec > 0);
        return status;
}

CaptureStatus bed_run_logged(const Bed *bed, char **ret_text)
{
        _cleanup_close_ int fd = memfd_create("log", MFD_CLOEXEC);
        _cleanup_close_ int saved_fd = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
        CaptureStatus status;
        size_t size;

        assert_true(fd >= 0 && saved_fd >= 0);
        assert_true(dup2(fd, STDERR_FILENO) >= 0);
        status = bed_run(bed);
        assert_true(dup2(saved_fd, STDERR_FILENO) >= 0);
        assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
        assert_int_equal(fd_read(fd, 65536, ret_text, &size), 0);
        (void) fputs(*ret_text, stderr);
        return status;
}

unsigned bed_count(const char *name, const char *file, char **ret_text)
{
        _cleanup_free_ char *path = NULL;
        struct dirent *item;
        unsigned n = 0;
        DIR *dir;

        assert_true(strprintf(&path, "%s/%s", test_root, name) >= 0);
        dir = opendir(path);
        assert_non_null(dir);
        while ((item = readdir(dir))) {
                _cleanup_free_ char *inside = NULL;

                assert_true(strprintf(&inside, "%s/%s", item->d_name, file) >= 0);
                if (faccessat(dirfd(dir), inside, F_OK, 0) < 0)
                        continue;
                if (n++ == 0 && ret_text)
                        assert_int_equal(file_read(dirfd(dir), inside, 65536, ret_text, NULL), 0);
        }
        (void) closedir(dir);
        return n;
}

void assert_dump(const char *name, bool vmcore, const char *word)
{
        _cleanup_free_ char *record = NULL;

        assert_int_equal(bed_count(name, FILE_VMCORE, NULL), vmcore);
        assert_int_equal(bed_count(name, FILE_META, &record), 1);
        if (!strstr(record, word))
                fail_msg("the record of '%s' lacks '%s': %s", name, word, record);
}

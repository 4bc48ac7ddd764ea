/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the targets of these tests, and what they do in place of their work. */
#include "test-attempt-bed.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>

#include "depot-folder.h"
#include "depot-open.h"
#include "io.h"
#include "paths.h"
#include "test.h"

#define N_PAGES ((size_t) 1000)
#define FAULT_OFFSET_BYTES (UINT64_C(2) << 20)

uint64_t clock_speed = 1;

/* Shared with all attempts: by how much the clock goes ahead, while one of them hangs. */
static _Atomic uint64_t *ahead_usec;

uint64_t __real_now_boottime_usec(void);
uint64_t __wrap_now_boottime_usec(void);

uint64_t __wrap_now_boottime_usec(void)
{
        return __real_now_boottime_usec() * clock_speed + atomic_load(ahead_usec);
}

unsigned fork_failures;

pid_t __real_fork(void);
pid_t __wrap_fork(void);

pid_t __wrap_fork(void)
{
        if (fork_failures == 0)
                return __real_fork();
        fork_failures--;
        errno = ENOMEM;
        return -1;
}

void watchdog_pet(Watchdog *watchdog)
{
        watchdog->last_pet_usec++;
}

/* When a target does something in place of its work. */
typedef enum Step {
        STEP_NEVER,
        STEP_CONNECT, /* while it is opened */
        STEP_BEGIN,
        STEP_OPEN, /* of the file @at, as all that follow */
        STEP_WRITE,
        STEP_SYNC,
        STEP_COMMIT,
        STEP_CLOSE,
        STEP_FREE, /* of the target */
} Step;

/* What it does then, besides returning an error. */
enum {
        HANGS = 1,
        STOPS,
        IS_KILLED,
        SEGFAULTS,
        EXITS, /* as if all were well */
        TRICKLES,
};

typedef struct Fault {
        const char *name;
        Step step;
        const char *at;
        int what; /* one of the above, or a negative errno */
        unsigned n_times;
} Fault;

#define ALWAYS UINT32_MAX
#define VMCORE FILE_VMCORE_INCOMPLETE

static const Fault faults[] = {
        { "good", STEP_NEVER, NULL, 0, 0 },
        { "gone", STEP_CONNECT, NULL, -ENODEV, ALWAYS },
        { "refuses", STEP_CONNECT, NULL, -ECONNREFUSED, ALWAYS },
        { "refuses-twice", STEP_CONNECT, NULL, -ECONNREFUSED, 2 },
        { "hangs", STEP_CONNECT, NULL, HANGS, ALWAYS },
        { "hangs-later", STEP_WRITE, VMCORE, HANGS, ALWAYS },
        { "hangs-in-begin", STEP_BEGIN, NULL, HANGS, ALWAYS },
        { "hangs-in-open", STEP_OPEN, VMCORE, HANGS, ALWAYS },
        { "hangs-in-sync", STEP_SYNC, VMCORE, HANGS, ALWAYS },
        { "hangs-in-commit", STEP_COMMIT, VMCORE, HANGS, ALWAYS },
        { "hangs-in-close", STEP_CLOSE, VMCORE, HANGS, ALWAYS },
        { "hangs-in-free", STEP_FREE, NULL, HANGS, ALWAYS },
        { "hangs-in-log", STEP_OPEN, FILE_DMESG_INCOMPLETE, HANGS, ALWAYS },
        { "hangs-in-record", STEP_COMMIT, FILE_META_INCOMPLETE, HANGS, ALWAYS },
        { "stops", STEP_WRITE, VMCORE, STOPS, ALWAYS },
        { "stops-early", STEP_CONNECT, NULL, STOPS, ALWAYS },
        { "dies", STEP_WRITE, VMCORE, IS_KILLED, ALWAYS },
        { "dies-once", STEP_WRITE, VMCORE, IS_KILLED, 1 },
        { "dies-of-the-log", STEP_OPEN, FILE_DMESG_INCOMPLETE, IS_KILLED, 1 },
        { "dies-in-free", STEP_FREE, NULL, SEGFAULTS, ALWAYS },
        { "segfaults", STEP_WRITE, VMCORE, SEGFAULTS, ALWAYS },
        { "exits", STEP_WRITE, VMCORE, EXITS, ALWAYS },
        { "exits-early", STEP_CONNECT, NULL, EXITS, ALWAYS },
        { "trickles", STEP_OPEN, FILE_DMESG_INCOMPLETE, TRICKLES, ALWAYS },
        { "full", STEP_WRITE, VMCORE, -ENOSPC, ALWAYS },
        { "full-at-sync", STEP_SYNC, VMCORE, -ENOSPC, ALWAYS },
        { "breaks", STEP_WRITE, VMCORE, -ECONNRESET, ALWAYS },
        { "breaks-once", STEP_WRITE, VMCORE, -ECONNRESET, 1 },
        { "breaks-in-commit", STEP_COMMIT, VMCORE, -ECONNRESET, ALWAYS },
};

static const DepotHost *test_host; /* of this process */
static char *test_root;            /* of what is saved: a folder for each target */

static void fault_show(int what)
{
        switch (what) {
        case HANGS:
                for (;;) {
                        atomic_fetch_add(ahead_usec, USEC_PER_SEC);
                        (void) usleep(1000);
                }
        case STOPS:
                (void) kill(getpid(), SIGSTOP);
                break;
        case IS_KILLED:
                (void) kill(getpid(), SIGKILL);
                break;
        case SEGFAULTS:
                (void) signal(SIGSEGV, SIG_DFL); /* not cmocka's */
                (void) kill(getpid(), SIGSEGV);
                break;
        case EXITS:
                _exit(EXIT_SUCCESS);
        case TRICKLES:
                for (;;) {
                        test_host->moved(test_host->userdata);
                        (void) usleep(1000);
                }
        default:
                break;
        }
}

/* @at: NULL for steps that are of no file. */
static int fault_do(const Fault *fault, Step step, const char *at)
{
        _cleanup_free_ char *path = NULL;
        _cleanup_close_ int fd = -EBADF;
        struct stat st;

        if (step != fault->step || !streq_ptr(at, fault->at))
                return 0;
        /* The file counts, as each attempt is a process of its own. */
        if (strprintf(&path, "%s/%s/count", test_root, fault->name) < 0)
                return -ENOMEM;
        fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
        if (fd < 0 || fstat(fd, &st) < 0 || write(fd, "x", 1) != 1)
                return -EBADF;
        if ((uint64_t) st.st_size >= fault->n_times)
                return 0;
        fault_show(fault->what);
        return MIN(fault->what, 0);
}

/* A file that comes to grief. */
typedef struct FaultySink {
        Sink sink;
        Sink *inner;
        const Fault *fault;
        const char *name;
} FaultySink;

static int faulty_do(Sink *sink, Step step)
{
        const FaultySink *faulty = (FaultySink *) sink;

        return fault_do(faulty->fault, step, faulty->name);
}

static int faulty_write(Sink *sink, uint64_t offset_bytes, const void *data, size_t size)
{
        int r = offset_bytes + size > FAULT_OFFSET_BYTES ? faulty_do(sink, STEP_WRITE) : 0;

        return r < 0 ? r : sink_write(((FaultySink *) sink)->inner, offset_bytes, data, size);
}

static int faulty_sync(Sink *sink)
{
        int r = faulty_do(sink, STEP_SYNC);

        return r < 0 ? r : sink_sync(((FaultySink *) sink)->inner);
}

static int faulty_commit(Sink *sink)
{
        int r = faulty_do(sink, STEP_COMMIT);

        return r < 0 ? r : sink_commit(((FaultySink *) sink)->inner);
}

static void faulty_free(Sink *sink)
{
        (void) faulty_do(sink, STEP_CLOSE);
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
        int r = fault_do(((FaultyDepot *) depot)->fault, STEP_BEGIN, NULL);

        return r < 0 ? r : inner->ops->begin(inner, name, ret_where);
}

static int faulty_open(Depot *depot, const char *incomplete_name, const char *final_name,
                       uint64_t size_hint_bytes, Sink **ret)
{
        const Fault *fault = ((FaultyDepot *) depot)->fault;
        Depot *inner = ((FaultyDepot *) depot)->inner;
        FaultySink *faulty;
        Sink *sink;
        int r;

        r = fault_do(fault, STEP_OPEN, incomplete_name);
        if (r >= 0)
                r = inner->ops->open(inner, incomplete_name, final_name, size_hint_bytes, &sink);
        if (r < 0)
                return r;
        faulty = calloc(1, sizeof(*faulty));
        assert_non_null(faulty);
        *faulty = (FaultySink){
                .sink.ops = &faulty_sink_ops,
                .inner = sink,
                .fault = fault,
                .name = incomplete_name,
        };
        *ret = &faulty->sink;
        return 0;
}

static void faulty_depot_free(Depot *depot)
{
        (void) fault_do(((FaultyDepot *) depot)->fault, STEP_FREE, NULL);
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

        test_host = host;
        r = fault_do(fault, STEP_CONNECT, NULL);
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
        memset(bed, 0, sizeof(*bed));
        ahead_usec = mmap(NULL, sizeof(*ahead_usec), PROT_READ | PROT_WRITE,
                          MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        assert_true(ahead_usec != MAP_FAILED);
        clock_speed = 1;
        fork_failures = 0;
        test_root = test_root_new();
        bed->memory = test_core_of_pattern(&bed->core, N_PAGES);
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
        (void) munmap(ahead_usec, sizeof(*ahead_usec));
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
                .connect_usec = LONG_SEC * USEC_PER_SEC,
                .timeout_usec = LONG_SEC * USEC_PER_SEC,
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

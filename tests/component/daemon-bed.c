/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the kernel that the daemon has in component tests: kexec made of files below a folder. All
 * else is the real daemon. Usage: daemon-bed ROOT run|build|stop [ARGUMENTS]. */
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <time.h>

#include "hotplug.h"
#include "io.h"
#include "log.h"
#include "manager.h"
#include "net-watch.h"
#include "parse.h"
#include "rootdir.h"
#include "settle.h"
#include "sha256.h"
#include "strv.h"
#include "verb-build.h"
#include "verb-stop.h"

#define PATH_LOADED "sys/kernel/kexec_crash_loaded"
#define PATH_LOAD_LIMIT "proc/sys/kernel/kexec_load_limit_panic"
#define PATH_LOAD_DISABLED "proc/sys/kernel/kexec_load_disabled"
#define PATH_KCORE "proc/kcore"
#define PATH_IMAGE "bed/loaded"  /* what the kernel has */
#define PATH_CALLS "bed/calls"   /* one line for each call */
#define PATH_FAULTS "bed/faults" /* what becomes of the next calls, one word each */
#define PATH_EVENTS "bed/events" /* sockets */
#define PATH_NETWORK "bed/network"

/* The last bytes of kcore are those of the image. */
#define AREA_SAMPLE_BYTES (SHA256_HEX_SIZE - 1)

static int root_fd = -EBADF;
static const char *root_path;
static uint64_t load_usec;

/* No call waits for this kernel's answer: it has none if it cannot write it down. */
static void die(const char *what)
{
        (void) log_error_errno(errno, "daemon-bed: %s: %m", what);
        _exit(99);
}

static uint64_t number_from_env(const char *name, uint64_t otherwise)
{
        const char *s = getenv(name);
        uint64_t value;

        return s && parse_u64(s, 10, &value) >= 0 ? value : otherwise;
}

/* Time goes by so many times faster here. */
static uint64_t haste(void)
{
        return MAX(number_from_env("BED_HASTE", 1), UINT64_C(1));
}

static void sleep_usec(uint64_t usec)
{
        struct timespec ts = {
                .tv_sec = (time_t) (usec / USEC_PER_SEC),
                .tv_nsec = (long) (usec % USEC_PER_SEC * 1000),
        };

        while (nanosleep(&ts, &ts) < 0 && errno == EINTR)
                ;
}

static void write_file(const char *path, const char *text)
{
        _cleanup_close_ int fd = openat(root_fd, path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);

        /* What is read meanwhile is the old text or the new one, as of a file of the kernel. */
        if (fd < 0 || pwrite(fd, text, strlen(text), 0) < 0 ||
            ftruncate(fd, (off_t) strlen(text)) < 0)
                die(path);
}

static void tell_call(const char *text)
{
        _cleanup_close_ int fd =
                openat(root_fd, PATH_CALLS, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
        _cleanup_free_ char *line = NULL;

        if (fd < 0 || strprintf(&line, "%s\n", text) < 0 || write_full(fd, line, strlen(line)) < 0)
                die(PATH_CALLS);
}

/* Takes the first word away. NULL if there is none. */
static char *next_fault(void)
{
        _cleanup_free_ char *text = NULL;
        char *rest, *word;

        if (file_read(root_fd, PATH_FAULTS, 65536, &text, NULL) < 0)
                return NULL;
        rest = text;
        word = strsep(&rest, "\n");
        if (strempty(word))
                return NULL;
        write_file(PATH_FAULTS, rest ?: "");
        return strdup(word);
}

/* kexec_load_permitted() of kernel/kexec_core.c, v6.3: an attempt counts, be it good or not. */
static bool is_permitted(void)
{
        _cleanup_free_ char *disabled = NULL, *limit = NULL, *text = NULL;
        uint64_t left;

        if (file_read_line(root_fd, PATH_LOAD_DISABLED, &disabled) >= 0 && streq(disabled, "1"))
                return false;
        if (file_read_line(root_fd, PATH_LOAD_LIMIT, &limit) < 0 || parse_u64(limit, 10, &left) < 0)
                return true;
        if (left == 0)
                return false;
        if (strprintf(&text, "%" PRIu64 "\n", left - 1) < 0)
                die("out of memory");
        write_file(PATH_LOAD_LIMIT, text);
        return true;
}

static void hash_fd(int fd, char ret_hex[static SHA256_HEX_SIZE])
{
        if (lseek(fd, 0, SEEK_SET) < 0 || sha256_fd(fd, ret_hex) < 0)
                die("read an image");
}

/* What the kernel writes into the headers of the dump: CPUs and memory, as they are now. */
static void hash_hardware(char ret_hex[static SHA256_HEX_SIZE])
{
        _cleanup_free_ char *cpus = NULL, *memory = NULL, *both = NULL;

        if (file_read(root_fd, "sys/devices/system/cpu/present", 65536, &cpus, NULL) < 0 ||
            file_read(root_fd, "proc/iomem", 1024 * 1024, &memory, NULL) < 0 ||
            strprintf(&both, "%s%s", cpus, memory) < 0 ||
            generation_hash(both, strlen(both), ret_hex) < 0)
                die("look at the machine");
}

/* The memory of the image, if this machine shows it. */
static void fill_area(const char *text)
{
        _cleanup_close_ int fd = openat(root_fd, PATH_KCORE, O_WRONLY | O_CLOEXEC);
        char hex[SHA256_HEX_SIZE];
        off_t end;

        if (fd < 0)
                return;
        end = lseek(fd, 0, SEEK_END);
        if (generation_hash(text, strlen(text), hex) < 0 || end < AREA_SAMPLE_BYTES ||
            pwrite_full(fd, hex, AREA_SAMPLE_BYTES, (uint64_t) end - AREA_SAMPLE_BYTES) < 0)
                die(PATH_KCORE);
}

/* What would be started instead. */
static char *describe_fallback(const KexecImage *image)
{
        char hex[SHA256_HEX_SIZE] = "none";
        char *text;

        if (image->fallback_fd >= 0)
                hash_fd(image->fallback_fd, hex);
        if (strprintf(&text, "%s %s", hex, image->fallback_cmdline ?: "") < 0)
                die("out of memory");
        return text;
}

static void take_image(const KexecImage *image)
{
        char kernel[SHA256_HEX_SIZE], initrd[SHA256_HEX_SIZE], hardware[SHA256_HEX_SIZE];
        _cleanup_free_ char *text = NULL, *fallback = describe_fallback(image);

        hash_fd(image->kernel_fd, kernel);
        hash_fd(image->initrd_fd, initrd);
        sleep_usec(load_usec);
        hash_hardware(hardware);
        if (strprintf(&text, "%s\n%s\n%s\n%s\n%s\n", kernel, initrd, hardware, fallback,
                      image->cmdline) < 0)
                die("out of memory");
        fill_area(text);
        write_file(PATH_IMAGE, text);
        write_file(PATH_LOADED, "1\n");
}

/* kimage_file_alloc_init() and kexec_file_load(2) of kernel/kexec_file.c: who may not load or finds
 * the lock taken has changed nothing; after that the old image goes before the new one is read. */
static int bed_load(void *userdata, const KexecImage *image, void *ready)
{
        _cleanup_free_ char *fault = NULL;

        if (!is_permitted()) {
                tell_call("load forbidden");
                return -EPERM;
        }
        fault = next_fault();
        if (fault && streq(fault, "busy")) {
                tell_call("load busy");
                return -EBUSY;
        }
        if (fault && streq(fault, "refused")) {
                tell_call("load refused");
                return -EPERM;
        }
        write_file(PATH_LOADED, "0\n");
        tell_call("load begun");
        if (fault && streq(fault, "freed")) {
                tell_call("load failed");
                return -ENOEXEC;
        }
        take_image(image);
        sleep_usec(load_usec);
        tell_call("load done");
        return 0;
}

static void bed_pause(void *userdata, uint64_t usec)
{
        sleep_usec(usec / haste());
}

static int bed_unload(void *userdata)
{
        write_file(PATH_LOADED, "0\n");
        tell_call("unload");
        return 0;
}

static int bed_loaded(void *userdata)
{
        return facts_crash_loaded(root_fd);
}

static const KexecLoader bed_loader = {
        .name = "files",
        .load = bed_load,
        .unload = bed_unload,
        .loaded = bed_loaded,
        .pause = bed_pause,
};

/* The linker gives the manager these in the place of those without "__wrap_". */
int __wrap_hotplug_new(sd_event *event, hotplug_handler handler, void *userdata, Hotplug **ret);
int __wrap_net_watch_new(sd_event *event, uint64_t delay_usec, uint64_t max_usec,
                         net_watch_handler handler, void *userdata, NetWatch **ret);
int __wrap_settle_poke(Settle *settle, uint64_t delay_usec, uint64_t max_usec);
int __real_settle_poke(Settle *settle, uint64_t delay_usec, uint64_t max_usec);

/* The kernel's events come from whoever writes to a socket below the root. */
static int events_open(const char *path)
{
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        _cleanup_close_ int fd = -EBADF;

        (void) snprintf(address.sun_path, sizeof(address.sun_path), "%s/%s", root_path, path);
        (void) unlink(address.sun_path);
        fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd < 0 || bind(fd, (const struct sockaddr *) &address, sizeof(address)) < 0)
                die(address.sun_path);
        return TAKE_FD(fd);
}

int __wrap_hotplug_new(sd_event *event, hotplug_handler handler, void *userdata, Hotplug **ret)
{
        return hotplug_new_on_socket(event, events_open(PATH_EVENTS), handler, userdata, ret);
}

int __wrap_net_watch_new(sd_event *event, uint64_t delay_usec, uint64_t max_usec,
                         net_watch_handler handler, void *userdata, NetWatch **ret)
{
        return net_watch_new_on_socket(event, events_open(PATH_NETWORK), delay_usec, max_usec,
                                       handler, userdata, ret);
}

int __wrap_settle_poke(Settle *settle, uint64_t delay_usec, uint64_t max_usec)
{
        return __real_settle_poke(settle, delay_usec / haste(), max_usec / haste());
}

/* The daemon starts no process, ever. A sanitizer may. */
static void forbid_processes(void)
{
#ifndef __SANITIZE_ADDRESS__
        static const unsigned forbidden[] = { SYS_clone, SYS_clone3, SYS_fork,
                                              SYS_vfork, SYS_execve, SYS_execveat };

        if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
                die("PR_SET_NO_NEW_PRIVS");
        for (size_t i = 0; i < ELEMENTSOF(forbidden); i++) {
                struct sock_filter filter[] = {
                        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
                        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, forbidden[i], 0, 1),
                        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
                        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
                };
                const struct sock_fprog program = { ELEMENTSOF(filter), filter };

                if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) < 0)
                        die("PR_SET_SECCOMP");
        }
#endif
}

static int run(void)
{
        const ManagerOptions options = {
                .root = root_path,
                .loader = &bed_loader,
                .pid1_address = getenv("BED_PID1"),
                .tick_usec = number_from_env("BED_TICK_USEC", 0),
        };
        _cleanup_(manager_freep) Manager *manager = NULL;
        char pid[32];

        /* Who starts us does not know our number before. */
        (void) snprintf(pid, sizeof(pid), "%d", (int) getpid());
        if (getenv("LISTEN_FDS") && setenv("LISTEN_PID", pid, 1) < 0)
                die("setenv");
        load_usec = number_from_env("BED_LOAD_USEC", 0);
        forbid_processes();
        if (manager_new(&options, &manager) < 0)
                return EXIT_LOAD_FAILED;
        return manager_run(manager);
}

int main(int argc, char **argv)
{
        log_setup(LOG_TARGET_STDERR, NULL);
        if (getenv("BED_DEBUG"))
                log_set_max_level(LOG_DEBUG);
        if (argc < 3)
                return EXIT_FAILURE;
        root_path = argv[1];
        root_fd = open(root_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (root_fd < 0)
                die(root_path);
        if (streq(argv[2], "build"))
                return verb_build_below(root_path, argc - 2, argv + 2);
        if (streq(argv[2], "stop"))
                return verb_stop_below(root_path, &bed_loader, getenv("BED_PID1"), false);
        return streq(argv[2], "run") ? run() : EXIT_FAILURE;
}

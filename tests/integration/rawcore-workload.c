/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Workload: what the memory of a guest is full of: pages of every kind that a dump may leave out,
 * most of them marked so that they are recognised in a core. How much of each is in the
 * environment, which the kernel makes from its command line. */

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "rawcore-workload.h"

#define PAGE_BYTES 4096U
#define MIB (UINT64_C(1) << 20)
#define HUGE_BYTES (2 * MIB)

/* One kind of memory. @fill makes @amount of it, for the @part-th of @processes processes. */
typedef struct Kind {
        const char *name; /* of the variable with the amount */
        unsigned processes;
        int ends; /* its processes end: what they had becomes free memory with their data in it */
        int (*fill)(uint64_t amount, unsigned part);
} Kind;

static uint64_t amount_of(const char *name)
{
        const char *text = getenv(name);

        return text ? strtoull(text, NULL, 10) : 0;
}

/* Fills a page with lines of the mark, this process and a number. */
static void mark_page(char *page, const char *mark, uint64_t number)
{
        char line[64];
        int n = snprintf(line, sizeof(line), "%s %d %llu\n", mark, (int) getpid(),
                         (unsigned long long) number);

        for (size_t at = 0; at < PAGE_BYTES; at++)
                page[at] = line[at % (size_t) n];
}

static void mark_pages(char *memory, uint64_t bytes, const char *mark)
{
        for (uint64_t at = 0; at < bytes; at += PAGE_BYTES)
                mark_page(memory + at, mark, at / PAGE_BYTES);
}

/* Private memory that khugepaged leaves alone: where it has copied a page from is free memory that
 * still has the mark. */
static char *map_small(uint64_t bytes)
{
        char *memory =
                mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

        if (memory == MAP_FAILED || madvise(memory, bytes, MADV_NOHUGEPAGE) < 0) {
                fail("mmap %llu", (unsigned long long) bytes);
                return NULL;
        }
        return memory;
}

static int fill_anon(uint64_t mib, unsigned part)
{
        char *memory = map_small(mib * MIB);

        if (!memory)
                return -1;
        mark_pages(memory, mib * MIB, "ANONMARK");
        return 0;
}

static int fill_thp(uint64_t mib, unsigned part)
{
        uint64_t bytes = mib * MIB;
        char *memory = mmap(NULL, bytes + HUGE_BYTES, PROT_READ | PROT_WRITE,
                            MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

        if (memory == MAP_FAILED)
                return fail("mmap");
        memory += -(uintptr_t) memory % HUGE_BYTES;
        if (madvise(memory, bytes, MADV_HUGEPAGE) < 0)
                return fail("MADV_HUGEPAGE");
        mark_pages(memory, bytes, "ANONMARK");
        printf("AnonHugePages %llu kB\n",
               (unsigned long long) proc_kib("/proc/self/smaps_rollup", "AnonHugePages:"));
        return proc_kib("/proc/self/smaps_rollup", "AnonHugePages:") > 0 ? 0
                                                                         : fail("no huge pages");
}

static int fill_hugetlb(uint64_t mib, unsigned part)
{
        char *memory = mmap(NULL, mib * MIB, PROT_READ | PROT_WRITE,
                            MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB, -1, 0);

        if (memory == MAP_FAILED)
                return fail("mmap MAP_HUGETLB");
        mark_pages(memory, mib * MIB, "HUGEMARK");
        return 0;
}

static int write_marked(int fd, uint64_t bytes, const char *mark)
{
        char *page = map_small(PAGE_BYTES);

        if (!page)
                return -1;
        for (uint64_t at = 0; at < bytes; at += PAGE_BYTES) {
                mark_page(page, mark, at / PAGE_BYTES);
                if (write(fd, page, PAGE_BYTES) != PAGE_BYTES)
                        return fail("write %s", mark);
        }
        memset(page, 1, PAGE_BYTES);
        return 0;
}

static int fill_tmpfs(uint64_t mib, unsigned part)
{
        int fd = open("/tmp/marked", O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

        return fd < 0 ? fail("/tmp/marked") : write_marked(fd, mib * MIB, "TMPFMARK");
}

static int read_all(int fd, uint64_t *left)
{
        static char buffer[65536];
        ssize_t n;

        do {
                n = read(fd, buffer, sizeof(buffer));
                *left -= n > 0 && (uint64_t) n < *left ? (uint64_t) n : n > 0 ? *left : 0;
        } while (n > 0 && *left > 0);
        memset(buffer, 1, sizeof(buffer));
        return n < 0 ? fail("read") : 0;
}

/* Pages that were written keep their buffer heads (PG_private), pages that were read have none:
 * half of each. */
static int fill_cache(uint64_t mib, unsigned part)
{
        uint64_t bytes = mib * MIB / 2, left = bytes;
        int written = open("/disk/written", O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
        int again = open("/disk/read", O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

        if (written < 0 || again < 0)
                return fail("open on /disk");
        if (write_marked(written, bytes, "CACHMARK") < 0 ||
            write_marked(again, bytes, "CACHMARK") < 0)
                return -1;
        if (fsync(written) < 0 || fsync(again) < 0)
                return fail("fsync");
        if (posix_fadvise(again, 0, 0, POSIX_FADV_DONTNEED) != 0 || lseek(again, 0, SEEK_SET) < 0)
                return fail("fadvise");
        return read_all(again, &left);
}

/* The list of real files on the disk, from a line on. */
static FILE *open_list(unsigned skip_parts, unsigned parts)
{
        FILE *f = fopen("/disk/list", "re");
        struct stat st;
        char path[1024];

        if (!f || fstat(fileno(f), &st) < 0)
                return NULL;
        fseek(f, (long) ((uint64_t) st.st_size * skip_parts / parts), SEEK_SET);
        if (skip_parts > 0 && !fgets(path, sizeof(path), f)) /* what is left of a line */
                rewind(f);
        return f;
}

/* The next file of the list, after the last one the first again. */
static int open_next(FILE *list)
{
        char path[1024];

        for (unsigned wraps = 0; wraps < 2;) {
                int fd;

                if (!fgets(path, sizeof(path), list)) {
                        rewind(list);
                        wraps++;
                        continue;
                }
                path[strcspn(path, "\n")] = 0;
                fd = open(path, O_RDONLY | O_CLOEXEC);
                if (fd >= 0)
                        return fd;
        }
        return fail("nothing in /disk/list");
}

static int fill_files(uint64_t mib, unsigned part)
{
        uint64_t left = mib * MIB;
        FILE *list = open_list(0, 1);
        struct stat st;

        if (!list)
                return fail("/disk/list");
        while (left > 0) {
                int fd = open_next(list);

                if (fd < 0 || fstat(fd, &st) < 0 || read_all(fd, &left) < 0)
                        return -1;
                close(fd);
                if (feof(list))
                        break;
        }
        return 0;
}

/* What programs have on their heap: a table of linked nodes with words in them, and now and then a
 * buffer. */
typedef struct Node {
        struct Node *next;
        uint64_t hash;
        uint32_t length_bytes;
        uint32_t uses;
        char text[];
} Node;

#define BUCKETS 65536U

static uint64_t heap_word(Node **table, const char *text, size_t n)
{
        Node *node = malloc(sizeof(Node) + n + 1);
        uint64_t hash = 5381;

        if (!node)
                return 0;
        for (size_t i = 0; i < n; i++)
                hash = hash * 33 + (unsigned char) text[i];
        *node = (Node){
                .next = table[hash % BUCKETS], .hash = hash, .length_bytes = (uint32_t) n, .uses = 1
        };
        memcpy(node->text, text, n);
        node->text[n] = 0;
        table[hash % BUCKETS] = node;
        return sizeof(Node) + n + 17;
}

static uint64_t heap_buffer(const char *data, size_t n)
{
        char *copy = malloc(n);

        if (!copy)
                return 0;
        memcpy(copy, data, n);
        return n + 16;
}

/* Puts the printable words of a piece of a file onto the heap, and a part of it as it is. Returns
 * the bytes. */
static uint64_t heap_piece(Node **table, const char *data, size_t n)
{
        uint64_t bytes = heap_buffer(data, n / 4);
        size_t from = 0;

        for (size_t at = 0; at <= n; at++) {
                if (at < n && data[at] > ' ' && data[at] <= '~' && at - from < 200)
                        continue;
                if (at - from >= 4)
                        bytes += heap_word(table, data + from, at - from);
                from = at + 1;
        }
        return bytes;
}

#define HEAP_PROCESSES 4U

static int fill_heap(uint64_t mib, unsigned part)
{
        Node **table = calloc(BUCKETS, sizeof(Node *));
        FILE *list = open_list(part, HEAP_PROCESSES);
        char *piece = malloc(16384);
        ssize_t n;

        if (!table || !list || !piece)
                return fail("heap");
        for (uint64_t bytes = 0; bytes < mib * MIB;) {
                int fd = open_next(list);

                if (fd < 0)
                        return -1;
                while (bytes < mib * MIB && (n = read(fd, piece, 16384)) > 0)
                        bytes += heap_piece(table, piece, (size_t) n);
                close(fd);
        }
        return 0;
}

/* Inodes and dentries. */
static int fill_inodes(uint64_t count, unsigned part)
{
        char path[128];

        for (uint64_t i = 0; i < count; i++) {
                if (i % 1000 == 0) {
                        snprintf(path, sizeof(path), "/tmp/%04llu", (unsigned long long) i / 1000);
                        if (mkdir(path, 0700) < 0)
                                return fail("%s", path);
                }
                snprintf(path, sizeof(path), "/tmp/%04llu/session-%llx-%llu.cache",
                         (unsigned long long) i / 1000,
                         (unsigned long long) (i * UINT64_C(2654435761)), (unsigned long long) i);
                if (mknod(path, S_IFREG | 0600, 0) < 0)
                        return fail("%s", path);
        }
        return 0;
}

/* Pairs of sockets with something in their queues. */
static int fill_sockets(uint64_t count, unsigned part)
{
        struct rlimit limit = { 2 * count + 64, 2 * count + 64 };
        char request[512];
        int pair[2];

        if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
                return fail("RLIMIT_NOFILE");
        for (uint64_t i = 0; i < count; i++) {
                int n = snprintf(
                        request, sizeof(request),
                        "GET /session/%llu HTTP/1.1\r\nHost: guest.example\r\nAccept: */*\r\n\r\n",
                        (unsigned long long) i);

                if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
                        return fail("socketpair");
                if (send(pair[0], request, (size_t) n, 0) != n)
                        return fail("send");
        }
        return 0;
}

/* Gives back pieces of 1, 2, 4 … 1024 pages and keeps as much between them: free blocks of every
 * order. */
static int fill_pieces(uint64_t mib, unsigned part)
{
        char *memory = map_small(mib * MIB);
        uint64_t pages = mib * MIB / PAGE_BYTES;

        if (!memory)
                return -1;
        for (uint64_t at = 0, piece = 1; at < pages;
             at += piece, piece = piece < 1024 ? 2 * piece : 1)
                for (uint64_t i = at; i < at + piece && i < pages; i++)
                        mark_page(memory + i * PAGE_BYTES,
                                  i < at + piece / 2 ? "ANONMARK" : "FREEMARK", i);
        for (uint64_t at = 0, piece = 1; at + piece <= pages;
             at += piece, piece = piece < 1024 ? 2 * piece : 1)
                if (munmap(memory + (at + piece / 2) * PAGE_BYTES,
                           (piece - piece / 2) * PAGE_BYTES) < 0)
                        return fail("munmap");
        return 0;
}

static void ignore_signal(int signal_number)
{
}

/* Pages that must never be read again. Newer kernels (seen on v6.12) also send a SIGBUS to the
 * process. */
static int fill_poison(uint64_t count, unsigned part)
{
        char *memory = map_small(count * PAGE_BYTES);

        if (!memory)
                return -1;
        mark_pages(memory, count * PAGE_BYTES, "POISMARK");
        if (signal(SIGBUS, ignore_signal) == SIG_ERR)
                return fail("SIGBUS");
        for (uint64_t i = 0; i < count; i++)
                if (madvise(memory + i * PAGE_BYTES, PAGE_BYTES, MADV_HWPOISON) < 0)
                        return fail("MADV_HWPOISON");
        return 0;
}

/* Huge pages first: later the kernel would have to move marked pages out of the way, and leave
 * copies. */
static const Kind KINDS[] = {
        { "hugetlb_mib", 1, 0, fill_hugetlb },
        { "thp_mib", 1, 0, fill_thp },
        { "anon_mib", 2, 0, fill_anon },
        { "cache_mib", 1, 0, fill_cache },
        { "tmpfs_mib", 1, 0, fill_tmpfs },
        { "inodes", 1, 0, fill_inodes },
        { "sockets", 1, 0, fill_sockets },
        { "files_mib", 1, 0, fill_files },
        { "heap_mib", HEAP_PROCESSES, 0, fill_heap },
        { "past_mib", HEAP_PROCESSES, 1, fill_heap },
        { "pieces_mib", 1, 0, fill_pieces },
        { "poison_pages", 1, 0, fill_poison },
};

static void run_child(const Kind *kind, uint64_t amount, unsigned part, int done)
{
        if (kind->fill(amount, part) < 0)
                _exit(1);
        if (write(done, "", 1) != 1)
                _exit(1);
        close(done);
        while (!kind->ends)
                pause();
        _exit(0);
}

/* Starts the processes of a kind and waits until each has what it shall have. */
static int make_kind(const Kind *kind)
{
        uint64_t amount = amount_of(kind->name);
        char byte;

        for (unsigned part = 0; amount > 0 && part < kind->processes; part++) {
                int done[2];
                pid_t pid;

                if (pipe2(done, O_CLOEXEC) < 0)
                        return fail("pipe");
                pid = fork();
                if (pid < 0)
                        return fail("fork");
                if (pid == 0)
                        run_child(kind, amount / kind->processes, part, done[1]);
                close(done[1]);
                if (read(done[0], &byte, 1) != 1)
                        return fail("%s", kind->name);
                close(done[0]);
                if (kind->ends)
                        waitpid(pid, NULL, 0);
        }
        printf("%s %llu\n", kind->name, (unsigned long long) amount);
        fflush(stdout);
        return 0;
}

int workload_make(void)
{
        for (size_t i = 0; i < sizeof(KINDS) / sizeof(KINDS[0]); i++)
                if (make_kind(&KINDS[i]) < 0)
                        return -1;
        return 0;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Small language helpers that every file may use: sizes, bounds, cleanup attributes, TAKE_PTR. */
#pragma once

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ELEMENTSOF(x) (sizeof(x) / sizeof((x)[0]))
#define MIN(a, b)                                                                                  \
        ({                                                                                         \
                typeof(a) _a = (a);                                                                \
                typeof(b) _b = (b);                                                                \
                _a < _b ? _a : _b;                                                                 \
        })
#define MAX(a, b)                                                                                  \
        ({                                                                                         \
                typeof(a) _a = (a);                                                                \
                typeof(b) _b = (b);                                                                \
                _a > _b ? _a : _b;                                                                 \
        })
#define DIV_ROUND_UP(n, d) ((n) / (d) + ((n) % (d) != 0))
#define ALIGN_UP(n, a) (DIV_ROUND_UP(n, a) * (a))

#define NSEC_PER_SEC UINT64_C(1000000000)
#define NSEC_PER_USEC UINT64_C(1000)
#define USEC_PER_SEC UINT64_C(1000000)
#define USEC_PER_MSEC UINT64_C(1000)
#define USEC_INFINITY UINT64_MAX

/* Takes the value out of a variable that has a cleanup attribute. */
#define TAKE_PTR(ptr)                                                                              \
        ({                                                                                         \
                typeof(ptr) _taken = (ptr);                                                        \
                (ptr) = NULL;                                                                      \
                _taken;                                                                            \
        })
#define TAKE_FD(fd)                                                                                \
        ({                                                                                         \
                int _taken = (fd);                                                                 \
                (fd) = -EBADF;                                                                     \
                _taken;                                                                            \
        })

#define _cleanup_(f) __attribute__((cleanup(f)))
#define _printf_(a, b) __attribute__((format(printf, a, b)))

/* Defines fp(T **), for _cleanup_(fp), from a destructor that takes T * and accepts NULL. */
#define DEFINE_CLEANUP(type, func)                                                                 \
        static inline void func##p(type *p)                                                        \
        {                                                                                          \
                if (*p)                                                                            \
                        func(*p);                                                                  \
        }                                                                                          \
        struct _cleanup_needs_a_semicolon

static inline void freep(void *p)
{
        free(*(void **) p);
}

static inline int close_fd(int fd)
{
        if (fd >= 0) {
                int saved = errno;
                (void) close(fd);
                errno = saved;
        }
        return -EBADF;
}

static inline void close_fdp(int *fd)
{
        close_fd(*fd);
}

DEFINE_CLEANUP(FILE *, fclose);

#define _cleanup_free_ _cleanup_(freep)
#define _cleanup_close_ _cleanup_(close_fdp)
#define _cleanup_fclose_ _cleanup_(fclosep)

static inline bool streq(const char *a, const char *b)
{
        return strcmp(a, b) == 0;
}

static inline bool streq_ptr(const char *a, const char *b)
{
        return a == b || (a && b && streq(a, b));
}

/* Returns what follows @prefix in @s, or NULL. */
static inline const char *startswith(const char *s, const char *prefix)
{
        size_t n = strlen(prefix);
        return strncmp(s, prefix, n) == 0 ? s + n : NULL;
}

static inline bool strempty(const char *s)
{
        return !s || !*s;
}

/* Are all @size bytes of @data zero? */
static inline bool mem_is_zero(const void *data, size_t size)
{
        const char *bytes = data;

        return size == 0 || (bytes[0] == 0 && memcmp(bytes, bytes + 1, size - 1) == 0);
}

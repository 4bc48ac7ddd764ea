/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Preloaded into kdumpd: when the file that SHIM_FLAG names exists, it is removed and the next load gets an initrd that cannot
 * be read, or an entry that is in no segment. The kernel itself then frees the armed image and fails, as it does with a real bad
 * file. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

long syscall(long number, ...)
{
        static long (*real)(long, ...);
        long a[6];
        va_list ap;

        va_start(ap, number);
        for (int i = 0; i < 6; i++)
                a[i] = va_arg(ap, long);
        va_end(ap);
        if (!real)
                real = (long (*)(long, ...)) dlsym(RTLD_NEXT, "syscall");
        if ((number == SYS_kexec_file_load || (number == SYS_kexec_load && a[1] > 0)) && getenv("SHIM_FLAG") &&
            unlink(getenv("SHIM_FLAG")) == 0)
                a[number == SYS_kexec_load ? 0 : 1] = 9999;
        return real(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}

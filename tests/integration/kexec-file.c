/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* kexec-file: unloads the crash kernel, as others could; kexec-file KERNEL INITRD CMDLINE: loads another one. */
#include <fcntl.h>
#include <linux/kexec.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static long load(const char *kernel, const char *initrd, const char *cmdline)
{
        int kernel_fd = open(kernel, O_RDONLY | O_CLOEXEC), initrd_fd = open(initrd, O_RDONLY | O_CLOEXEC);

        if (kernel_fd < 0 || initrd_fd < 0)
                return -1;
        return syscall(SYS_kexec_file_load, kernel_fd, initrd_fd, strlen(cmdline) + 1, cmdline, KEXEC_FILE_ON_CRASH);
}

int main(int argc, char **argv)
{
        long r;

        if (argc != 1 && argc != 4) {
                fprintf(stderr, "usage: kexec-file [KERNEL INITRD CMDLINE]\n");
                return 2;
        }
        if (argc == 4)
                r = load(argv[1], argv[2], argv[3]);
        else
                r = syscall(SYS_kexec_file_load, -1, -1, 0, NULL, KEXEC_FILE_UNLOAD | KEXEC_FILE_ON_CRASH);
        if (r < 0)
                perror("kexec-file");
        return r < 0;
}

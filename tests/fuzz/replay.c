/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the replay of a folder of inputs through a fuzz target, for builds without libFuzzer. */
#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "fuzz.h"
#include "io.h"

static int is_input(const struct dirent *entry)
{
        return entry->d_name[0] != '.';
}

/* The input is given in a buffer of its exact size, so that ASan sees each byte read behind it. */
static int input_replay(int dir_fd, const char *name)
{
        _cleanup_close_ int fd = openat(dir_fd, name, O_RDONLY | O_CLOEXEC);
        _cleanup_free_ uint8_t *data = NULL;
        struct stat st;

        if (fd < 0 || fstat(fd, &st) < 0)
                return -errno;
        data = malloc((size_t) st.st_size);
        if (!data && st.st_size > 0)
                return -ENOMEM;
        if (st.st_size > 0) {
                int r = pread_full(fd, data, (size_t) st.st_size, 0);
                if (r < 0)
                        return r;
        }

        /* In case this is the last that is heard of it. */
        fprintf(stderr, "%s\n", name);
        (void) LLVMFuzzerTestOneInput(data, (size_t) st.st_size);
        return 0;
}

int main(int argc, char *argv[])
{
        _cleanup_close_ int dir_fd = -EBADF;
        struct dirent **entries = NULL;
        int n, r = 0;

        if (argc != 2) {
                fprintf(stderr, "Usage: %s FOLDER\n", argv[0]);
                return EXIT_FAILURE;
        }
        dir_fd = open(argv[1], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        n = dir_fd < 0 ? -1 : scandir(argv[1], &entries, is_input, alphasort);
        if (n <= 0) {
                fprintf(stderr, "There is nothing to replay in '%s'.\n", argv[1]);
                return EXIT_FAILURE;
        }

        for (int i = 0; i < n; i++) {
                if (r >= 0) {
                        r = input_replay(dir_fd, entries[i]->d_name);
                        if (r < 0)
                                fprintf(stderr, "Cannot read '%s/%s': %s\n", argv[1],
                                        entries[i]->d_name, strerror(-r));
                }
                free(entries[i]);
        }
        free(entries);
        return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

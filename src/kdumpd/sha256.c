/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the calls of libcrypto. */
#include "sha256.h"

#include <fcntl.h>
#include <openssl/evp.h>

#include "rootdir.h"

#define READ_BYTES (256 * 1024)
#define DIGEST_BYTES 32

struct Sha256 {
        EVP_MD_CTX *context;
};

Sha256 *sha256_free(Sha256 *sha256)
{
        if (!sha256)
                return NULL;
        EVP_MD_CTX_free(sha256->context);
        free(sha256);
        return NULL;
}

static int begin(Sha256 *sha256)
{
        return EVP_DigestInit_ex(sha256->context, EVP_sha256(), NULL) == 1 ? 0 : -EOPNOTSUPP;
}

int sha256_new(Sha256 **ret)
{
        _cleanup_(sha256_freep) Sha256 *sha256 = calloc(1, sizeof(*sha256));
        int r;

        if (!sha256)
                return -ENOMEM;
        sha256->context = EVP_MD_CTX_new();
        if (!sha256->context)
                return -ENOMEM;
        r = begin(sha256);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(sha256);
        return 0;
}

int sha256_update(Sha256 *sha256, const void *data, size_t size)
{
        return EVP_DigestUpdate(sha256->context, data, size) == 1 ? 0 : -EOPNOTSUPP;
}

int sha256_final(Sha256 *sha256, char ret_hex[static SHA256_HEX_SIZE])
{
        uint8_t digest[EVP_MAX_MD_SIZE];

        if (EVP_DigestFinal_ex(sha256->context, digest, NULL) != 1)
                return -EOPNOTSUPP;
        for (size_t i = 0; i < DIGEST_BYTES; i++)
                (void) snprintf(ret_hex + 2 * i, 3, "%02x", digest[i]);
        return begin(sha256);
}

int sha256_fd(int fd, char ret_hex[static SHA256_HEX_SIZE])
{
        _cleanup_(sha256_freep) Sha256 *sha256 = NULL;
        _cleanup_free_ uint8_t *buf = malloc(READ_BYTES);
        int r;

        if (!buf)
                return -ENOMEM;
        r = sha256_new(&sha256);
        if (r < 0)
                return r;
        for (;;) {
                ssize_t n = read(fd, buf, READ_BYTES);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return -errno;
                if (n == 0)
                        break;
                r = sha256_update(sha256, buf, (size_t) n);
                if (r < 0)
                        return r;
        }
        return sha256_final(sha256, ret_hex);
}

int sha256_file(int root_fd, const char *path, char ret_hex[static SHA256_HEX_SIZE])
{
        _cleanup_close_ int fd = root_open(root_fd, path, O_RDONLY | O_NOCTTY);

        return fd < 0 ? fd : sha256_fd(fd, ret_hex);
}

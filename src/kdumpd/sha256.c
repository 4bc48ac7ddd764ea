/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the calls of libcrypto. */
#include "sha256.h"

#include <fcntl.h>
#include <openssl/evp.h>

#include "rootdir.h"

#define READ_BYTES (256 * 1024)
#define DIGEST_BYTES 32

DEFINE_CLEANUP(EVP_MD_CTX *, EVP_MD_CTX_free);

int sha256_fd(int fd, char ret_hex[static SHA256_HEX_SIZE])
{
        _cleanup_(EVP_MD_CTX_freep) EVP_MD_CTX *context = EVP_MD_CTX_new();
        _cleanup_free_ uint8_t *buf = malloc(READ_BYTES);
        uint8_t digest[EVP_MAX_MD_SIZE];

        if (!context || !buf)
                return -ENOMEM;
        /* Fails only if no provider of the algorithm is configured. */
        if (EVP_DigestInit_ex(context, EVP_sha256(), NULL) != 1)
                return -EOPNOTSUPP;
        for (;;) {
                ssize_t n = read(fd, buf, READ_BYTES);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return -errno;
                if (n == 0)
                        break;
                if (EVP_DigestUpdate(context, buf, (size_t) n) != 1)
                        return -EOPNOTSUPP;
        }
        if (EVP_DigestFinal_ex(context, digest, NULL) != 1)
                return -EOPNOTSUPP;
        for (size_t i = 0; i < DIGEST_BYTES; i++)
                (void) snprintf(ret_hex + 2 * i, 3, "%02x", digest[i]);
        return 0;
}

int sha256_file(int root_fd, const char *path, char ret_hex[static SHA256_HEX_SIZE])
{
        _cleanup_close_ int fd = root_open(root_fd, path, O_RDONLY | O_NOCTTY);

        return fd < 0 ? fd : sha256_fd(fd, ret_hex);
}

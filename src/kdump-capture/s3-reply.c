/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the table of an object store's error codes. */
#include "s3-reply.h"

#include "depot-log.h"
#include "http-error.h"
#include "s3-xml.h"

typedef struct S3Error {
        const char *code;
        int error;
} S3Error;

/* Amazon S3 API Reference, "Error responses"; those of Ceph: src/rgw/rgw_common.cc. What is not
 * here is judged by its status. */
static const S3Error errors[] = {
        { "AccessDenied", -EACCES },
        { "AuthorizationHeaderMalformed", -EACCES },
        { "EntityTooLarge", -EFBIG },
        { "ExpiredToken", -EACCES },
        { "InternalError", -EHOSTUNREACH },
        { "NoSuchBucket", -ENOENT },
        { "NoSuchUpload", -ENOENT },
        { "OperationAborted", -EHOSTUNREACH },
        { "QuotaExceeded", -EDQUOT },
        { "RequestTimeout", -EHOSTUNREACH },
        { "ServiceUnavailable", -EHOSTUNREACH },
        { "SlowDown", -EHOSTUNREACH },
        /* Damaged on its way */
        { "BadDigest", -EHOSTUNREACH },
        { "IncompleteBody", -EHOSTUNREACH },
        { "XAmzContentSHA256Mismatch", -EHOSTUNREACH },
};

static int find_error(const char *code, long status)
{
        int r = http_status_error(status);

        for (size_t i = 0; i < ELEMENTSOF(errors); i++)
                if (streq(code, errors[i].code))
                        return errors[i].error;
        return r < 0 ? r : -EIO;
}

/* For a message of ours: one line of ASCII. */
static void make_plain(char *text, size_t max_length)
{
        for (char *p = text; *p; p++) {
                if ((size_t) (p - text) >= max_length) {
                        *p = '\0';
                        return;
                }
                if ((unsigned char) *p < ' ' || (unsigned char) *p >= 0x7f)
                        *p = '?';
        }
}

int s3_reply_judge(const HttpReply *reply, char **reterr_why)
{
        _cleanup_free_ char *code = NULL, *message = NULL;
        int r = http_status_error(reply->status);

        if (r >= 0 && !s3_xml_has_root(reply->body, reply->size, "Error"))
                return 0;
        if (s3_xml_find(reply->body, reply->size, "Code", &code) == -ENOMEM ||
            s3_xml_find(reply->body, reply->size, "Message", &message) == -ENOMEM)
                return -ENOMEM;
        r = find_error(code ?: "", reply->status);
        if (code)
                make_plain(code, 64);
        if (message)
                make_plain(message, 200);
        if (strprintf(reterr_why, "the store says %ld%s%s%s%s", reply->status, code ? " " : "",
                      code ?: "", !strempty(message) ? ": " : "", message ?: "") < 0)
                return -ENOMEM;
        return r;
}

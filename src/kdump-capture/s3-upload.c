/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns a multipart upload (Amazon S3 API Reference: CreateMultipartUpload, UploadPart,
 * CompleteMultipartUpload, AbortMultipartUpload). */
#include "s3-upload.h"

#include <sys/sysinfo.h>

#include "depot-log.h"
#include "s3-parts.h"
#include "s3-request.h"
#include "s3-xml.h"
#include "sink-blocks.h"

typedef struct S3Upload {
        const HttpServer *server;
        HttpSession *session;
        char *url;  /* of the object */
        char *what; /* begins messages */
        char *id;   /* of the upload, escaped; NULL: none was begun */
        char **etags;
        size_t n_etags;
        uint64_t size_bytes;
        uint64_t hint_bytes, max_bytes;
        bool is_whole;
} S3Upload;

static size_t upload_size(void *userdata, uint64_t number)
{
        const S3Upload *upload = userdata;

        return (size_t) s3_part_bytes(number, upload->hint_bytes, upload->max_bytes);
}

static int put_object(S3Upload *upload, const void *data, size_t size)
{
        const S3Request request = {
                .method = "PUT",
                .url = upload->url,
                .has_body = true,
                .data = data,
                .size = size,
        };

        return s3_request(upload->session, &request, upload->what);
}

static int complain(const S3Upload *upload, int error, const char *why)
{
        return depot_log_errno(upload->server->host, LOG_ERR, error, "%s: %s.", upload->what, why);
}

static int begin_upload(S3Upload *upload)
{
        _cleanup_free_ char *url = NULL, *id = NULL;
        S3Request request = { .method = "POST", .has_body = true };
        const HttpReply *reply;
        int r;

        upload->etags = calloc(S3_PARTS_MAX, sizeof(*upload->etags));
        if (!upload->etags)
                return -ENOMEM;
        r = strprintf(&url, "%s?uploads=", upload->url);
        if (r < 0)
                return r;
        request.url = url;
        r = s3_request(upload->session, &request, upload->what);
        if (r < 0)
                return r;
        reply = http_session_reply(upload->session);
        r = s3_xml_find(reply->body, reply->size, "UploadId", &id);
        if (r < 0 || !*id)
                return complain(upload, r == -ENOMEM ? r : -EOPNOTSUPP,
                                "the store gives the upload no name");
        return http_url_escape(id, false, &upload->id);
}

static int put_part(S3Upload *upload, const void *data, size_t size)
{
        _cleanup_free_ char *url = NULL, *what = NULL;
        S3Request request = { .method = "PUT", .has_body = true, .data = data, .size = size };
        size_t number = upload->n_etags + 1;
        const char *etag;
        int r;

        if (number > S3_PARTS_MAX)
                return complain(upload, -EFBIG, "an object cannot have more parts");
        r = strprintf(&url, "%s?partNumber=%zu&uploadId=%s", upload->url, number, upload->id);
        if (r < 0)
                return r;
        r = strprintf(&what, "%s, part %zu", upload->what, number);
        if (r < 0)
                return r;
        request.url = url;
        r = s3_request(upload->session, &request, what);
        if (r < 0)
                return r;
        etag = http_session_reply(upload->session)->etag;
        if (!*etag)
                return complain(upload, -EOPNOTSUPP, "the store gives a part no ETag");
        upload->etags[upload->n_etags] = strdup(etag);
        if (!upload->etags[upload->n_etags])
                return -ENOMEM;
        upload->n_etags++;
        return 0;
}

/* Is the object there, with its size? */
static bool object_is_there(S3Upload *upload)
{
        const S3Request request = { .method = "HEAD", .url = upload->url };
        _cleanup_free_ char *why = NULL;

        return s3_request_once(upload->session, &request, &why) >= 0 &&
               http_session_reply(upload->session)->length_bytes == upload->size_bytes;
}

/* If the reply is lost, the next try finds no such upload: it is done. */
static int complete_upload(S3Upload *upload)
{
        _cleanup_free_ char *url = NULL, *xml = NULL;
        S3Request request = { .method = "POST", .has_body = true };
        int r;

        r = strprintf(&url, "%s?uploadId=%s", upload->url, upload->id);
        if (r < 0)
                return r;
        r = s3_xml_complete(upload->etags, upload->n_etags, &xml, &request.size);
        if (r < 0)
                return r;
        request.url = url;
        request.data = xml;
        r = s3_request(upload->session, &request, upload->what);
        if (r == -ENOENT && object_is_there(upload)) {
                (void) depot_log_errno(upload->server->host, LOG_NOTICE, 0,
                                       "'%s' is there all the same.", upload->url);
                return 0;
        }
        return r;
}

static int upload_put(void *userdata, uint64_t number, const void *data, size_t size, bool last)
{
        S3Upload *upload = userdata;
        int r;

        if (number == 0 && last)
                r = put_object(upload, data, size);
        else {
                r = number == 0 ? begin_upload(upload) : 0;
                if (r >= 0)
                        r = put_part(upload, data, size);
                upload->size_bytes += size;
                if (r >= 0 && last)
                        r = complete_upload(upload);
        }
        upload->is_whole = r >= 0 && last;
        return r;
}

static void upload_stop(void *userdata)
{
        http_session_stop(((S3Upload *) userdata)->session);
}

/* Parts of an upload that is not completed are kept, and paid for, until somebody does this. */
static void abort_upload(S3Upload *upload)
{
        _cleanup_free_ char *url = NULL, *why = NULL;
        S3Request request = { .method = "DELETE" };

        http_session_allow(upload->session);
        if (strprintf(&url, "%s?uploadId=%s", upload->url, upload->id) < 0)
                return;
        request.url = url;
        if (s3_request_once(upload->session, &request, &why) < 0)
                (void) depot_log_errno(
                        upload->server->host, LOG_WARNING, 0,
                        "The parts of '%s' may have stayed in the store: its upload was "
                        "begun, and could not be aborted.",
                        upload->url);
}

static void upload_free(void *userdata)
{
        S3Upload *upload = userdata;

        if (upload->id && !upload->is_whole)
                abort_upload(upload);
        http_session_free(upload->session);
        for (size_t i = 0; i < upload->n_etags; i++)
                free(upload->etags[i]);
        free(upload->etags);
        free(upload->url);
        free(upload->what);
        free(upload->id);
        free(upload);
}

static const BlocksOps upload_ops = {
        .name = "s3",
        .size = upload_size,
        .put = upload_put,
        .stop = upload_stop,
        .free = upload_free,
};

static uint64_t free_memory_bytes(void)
{
        struct sysinfo info = {};
        uint64_t bytes;

        if (sysinfo(&info) < 0 || __builtin_mul_overflow(info.freeram, info.mem_unit, &bytes))
                return 0;
        return bytes;
}

static int upload_prepare(S3Upload *upload, const char *key)
{
        const S3Bucket *bucket = &upload->server->bucket;
        _cleanup_free_ char *escaped = NULL;
        int r;

        r = http_url_escape(key, true, &escaped);
        if (r < 0)
                return r;
        r = strprintf(&upload->url, "%s/%s", bucket->base, escaped);
        if (r < 0)
                return r;
        r = strprintf(&upload->what, "Failed to store 's3://%s/%s'", bucket->name, key);
        if (r < 0)
                return r;
        return http_session_new(upload->server, &upload->session);
}

int s3_upload_new(const HttpServer *server, const char *key, uint64_t size_hint_bytes, Sink **ret)
{
        S3Upload *upload = calloc(1, sizeof(*upload));
        int r;

        if (!upload)
                return -ENOMEM;
        *upload = (S3Upload){
                .server = server,
                .hint_bytes = size_hint_bytes,
                .max_bytes = s3_part_max_bytes(free_memory_bytes()),
        };
        r = upload_prepare(upload, key);
        if (r < 0) {
                upload_free(upload);
                return r;
        }
        return sink_blocks_new(&upload_ops, upload, ret);
}

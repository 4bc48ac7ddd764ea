/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The depot of servers that libcurl reaches: http, https, ftp and ftps, and object stores. */
#include "depot-files.h"
#include "depot-log.h"
#include "http-put.h"
#include "http-retry.h"
#include "s3-request.h"
#include "s3-upload.h"

typedef struct DepotCurl {
        Depot depot;
        HttpServer server;
        char *folder;         /* of this dump: its name, not escaped */
        bool folder_is_there; /* it was made: the server has folders */
        DepotFiles files;
} DepotCurl;

static void depot_curl_free(Depot *depot)
{
        DepotCurl *curl = (DepotCurl *) depot;

        http_server_done(&curl->server);
        depot_files_done(&curl->files);
        free(curl->folder);
        free(curl);
}

/* Names of folders and files are ours, but they hold the host's name. */
static bool name_is_valid(const char *name)
{
        for (const char *p = name; *p; p++)
                if (*p == '/' || (unsigned char) *p < ' ' || *p == 0x7f)
                        return false;
        return *name && !streq(name, ".") && !streq(name, "..");
}

/* MKCOL (RFC 4918 9.3), where the server does such things. Its status, or a negative errno. */
static int make_collection(HttpSession *session, const char *url)
{
        const HttpServer *server = http_session_server(session);
        const HttpRequest request = {
                .method = "MKCOL",
                .url = url,
                .limit_usec = http_retry_limit_usec(server->target),
        };
        int r;

        r = http_session_request(session, &request);
        if (r < 0)
                return depot_log_errno(server->host, LOG_ERR, r, "Failed to make '%s': %s.", url,
                                       http_session_why(session));
        return (int) http_session_reply(session)->status;
}

/* Each folder on the way to @url, from the first below the server on. The status of the last. */
static int make_parents(HttpSession *session, const char *url)
{
        const char *root = http_session_server(session)->url.root;
        int r = 0;

        for (const char *slash = strchr(url + strlen(root), '/'); slash;
             slash = strchr(slash + 1, '/')) {
                _cleanup_free_ char *parent = strndup(url, (size_t) (slash - url) + 1);

                if (!parent)
                        return -ENOMEM;
                r = make_collection(session, parent);
                if (r < 0)
                        return r;
        }
        return r;
}

/* A server without folders answers anything, and needs none; for one that has them and refuses, the
 * first file will say so. 409: the one above is missing. Returns 1 if it was made. */
static int make_folder(const HttpServer *server, const char *url)
{
        _cleanup_(http_session_freep) HttpSession *session = NULL;
        int r;

        r = http_session_new(server, &session);
        if (r < 0)
                return r;
        r = make_collection(session, url);
        if (r == 409)
                r = make_parents(session, url);
        return r < 0 ? r : r == 201;
}

/* What a folder is called in a store, which has none: the beginning of a key. */
static int store_key(const S3Bucket *bucket, const char *folder, const char *name, char **ret)
{
        return strprintf(ret, "%s%s%s/%s", bucket->prefix, *bucket->prefix ? "/" : "", folder,
                         name);
}

static int store_where(const S3Bucket *bucket, const char *folder, char **ret)
{
        _cleanup_free_ char *key = NULL;
        int r;

        r = store_key(bucket, folder, "", &key);
        return r < 0 ? r : strprintf(ret, "s3://%s/%s", bucket->name, key);
}

/* What is there already is only found out where the server has folders: elsewhere files of the same
 * names are replaced. */
static int depot_curl_begin(Depot *depot, const char *name, char **ret_where)
{
        DepotCurl *curl = (DepotCurl *) depot;
        const HttpServer *server = &curl->server;
        _cleanup_free_ char *where = NULL;
        int r;

        if (!name_is_valid(name))
                return -EINVAL;
        if (http_server_is_store(server))
                r = store_where(&server->bucket, name, &where);
        else
                r = http_url_join(server->url.base, name, NULL, &where);
        if (r < 0)
                return r;
        if (!http_server_is_store(server) && !http_server_is_ftp(server)) {
                r = make_folder(server, where);
                if (r < 0)
                        return r;
                curl->folder_is_there = r > 0;
        }
        curl->folder = strdup(name);
        if (!curl->folder)
                return -ENOMEM;
        *ret_where = TAKE_PTR(where);
        return 0;
}

static int append_command(struct curl_slist **list, const char *verb, const char *folder,
                          const char *name)
{
        _cleanup_free_ char *command = NULL;
        struct curl_slist *longer;
        int r;

        r = strprintf(&command, "%s %s%s", verb, folder, name);
        if (r < 0)
                return r;
        longer = curl_slist_append(*list, command);
        if (!longer)
                return -ENOMEM;
        *list = longer;
        return 0;
}

static void slist_freep(struct curl_slist **list)
{
        curl_slist_free_all(*list);
}

/* The folder of this dump as ftp's commands name it, with a '/' behind it. */
static int ftp_folder(const DepotCurl *curl, char **ret)
{
        const HttpUrl *url = &curl->server.url;
        char *base;
        int r;

        /* "scheme://host" is shorter than the root, "scheme://host/". */
        base = curl_easy_unescape(NULL, url->base + MIN(strlen(url->base), strlen(url->root)), 0,
                                  NULL);
        if (!base)
                return -ENOMEM;
        r = strprintf(ret, "%s%s%s/", base, *base ? "/" : "", curl->folder);
        curl_free(base);
        return r;
}

/* The commands of ftp that rename a file (RFC 959 4.1.3). An older one of that name is removed
 * first: whether RNTO replaces one is the server's choice. '*': libcurl goes on if that fails. */
static int rename_commands(const DepotCurl *curl, const char *from, const char *to,
                           struct curl_slist **ret)
{
        _cleanup_(slist_freep) struct curl_slist *list = NULL;
        _cleanup_free_ char *folder = NULL;
        int r;

        r = ftp_folder(curl, &folder);
        if (r < 0)
                return r;
        r = append_command(&list, "*DELE", folder, to);
        if (r < 0)
                return r;
        r = append_command(&list, "RNFR", folder, from);
        if (r < 0)
                return r;
        r = append_command(&list, "RNTO", folder, to);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(list);
        return 0;
}

static int open_ftp(DepotCurl *curl, const char *incomplete_name, const char *final_name,
                    Sink **ret)
{
        _cleanup_free_ char *url = NULL;
        struct curl_slist *rename = NULL;
        int r;

        r = depot_files_add(&curl->files, incomplete_name);
        if (r >= 0)
                r = http_url_join(curl->server.url.base, curl->folder, incomplete_name, &url);
        if (r >= 0)
                r = rename_commands(curl, incomplete_name, final_name, &rename);
        return r < 0 ? r : http_put_new(&curl->server, url, rename, ret);
}

static int open_http(DepotCurl *curl, const char *name, Sink **ret)
{
        _cleanup_free_ char *url = NULL;
        int r;

        r = http_url_join(curl->server.url.base, curl->folder, name, &url);
        return r < 0 ? r : http_put_new(&curl->server, url, NULL, ret);
}

static int open_store(DepotCurl *curl, const char *name, uint64_t size_hint_bytes, Sink **ret)
{
        _cleanup_free_ char *key = NULL;
        int r;

        r = store_key(&curl->server.bucket, curl->folder, name, &key);
        return r < 0 ? r : s3_upload_new(&curl->server, key, size_hint_bytes, ret);
}

/* Over HTTP a file appears when it is whole, so it can have its final name at once. */
static int depot_curl_open(Depot *depot, const char *incomplete_name, const char *final_name,
                           uint64_t size_hint_bytes, Sink **ret)
{
        DepotCurl *curl = (DepotCurl *) depot;
        int r;

        if (!curl->folder || !name_is_valid(incomplete_name) || !name_is_valid(final_name))
                return -EINVAL;
        r = depot_files_add(&curl->files, final_name);
        if (r < 0)
                return r;
        if (http_server_is_store(&curl->server))
                return open_store(curl, final_name, size_hint_bytes, ret);
        if (http_server_is_ftp(&curl->server) && !streq(incomplete_name, final_name))
                return open_ftp(curl, incomplete_name, final_name, ret);
        return open_http(curl, final_name, ret);
}

/* What is not there, or was never stored, need not be removed. */
static int remove_url(HttpSession *session, const char *url)
{
        const HttpServer *server = http_session_server(session);
        const HttpRequest request = {
                .method = "DELETE",
                .url = url,
                .limit_usec = http_retry_limit_usec(server->target),
        };
        _cleanup_free_ char *why = NULL;
        int r;

        r = http_session_request(session, &request);
        if (r >= 0)
                r = http_retry_judge(http_session_reply(session), &why);
        else
                (void) strprintf(&why, "%s", http_session_why(session));
        if (r >= 0 || r == -ENOENT)
                return 0;
        return depot_log_errno(server->host, LOG_WARNING, r, "Failed to remove '%s': %s.", url,
                               why ?: "?");
}

static int remove_object(HttpSession *session, const char *folder, const char *name)
{
        const HttpServer *server = http_session_server(session);
        _cleanup_free_ char *key = NULL, *escaped = NULL, *url = NULL, *why = NULL;
        S3Request request = { .method = "DELETE" };
        int r;

        r = store_key(&server->bucket, folder, name, &key);
        if (r >= 0)
                r = http_url_escape(key, true, &escaped);
        if (r >= 0)
                r = strprintf(&url, "%s/%s", server->bucket.base, escaped);
        if (r < 0)
                return r;
        request.url = url;
        r = s3_request_once(session, &request, &why);
        if (r >= 0 || r == -ENOENT)
                return 0;
        return depot_log_errno(server->host, LOG_WARNING, r, "Failed to remove 's3://%s/%s': %s.",
                               server->bucket.name, key, why ?: http_session_why(session));
}

static int remove_file(const DepotCurl *curl, HttpSession *session, const char *name)
{
        _cleanup_free_ char *url = NULL;
        int r;

        if (http_server_is_store(&curl->server))
                return remove_object(session, curl->folder, name);
        r = http_url_join(curl->server.url.base, curl->folder, name, &url);
        return r < 0 ? r : remove_url(session, url);
}

/* RFC 959 4.1.3. */
static int remove_by_ftp(const DepotCurl *curl, HttpSession *session)
{
        _cleanup_(slist_freep) struct curl_slist *list = NULL;
        _cleanup_free_ char *folder = NULL;
        HttpRequest request = { .method = "", .url = curl->server.url.root };
        int r;

        r = ftp_folder(curl, &folder);
        for (size_t i = 0; r >= 0 && i < curl->files.n; i++)
                r = append_command(&list, "*DELE", folder, curl->files.names[i]);
        if (r >= 0)
                r = append_command(&list, "RMD", folder, "");
        if (r < 0)
                return r;
        request.quote = list;
        return http_retry_request(session, &request, http_retry_judge,
                                  "Failed to remove a folder again");
}

static int depot_curl_discard(Depot *depot)
{
        DepotCurl *curl = (DepotCurl *) depot;
        _cleanup_(http_session_freep) HttpSession *session = NULL;
        int r;

        if (!curl->folder)
                return -EBADF;
        r = http_session_new(&curl->server, &session);
        if (r < 0)
                return r;
        if (http_server_is_ftp(&curl->server))
                return remove_by_ftp(curl, session);
        for (size_t i = 0; r >= 0 && i < curl->files.n; i++)
                r = remove_file(curl, session, curl->files.names[i]);
        return r < 0 || !curl->folder_is_there ? r : remove_file(curl, session, "");
}

static const DepotOps depot_curl_ops = {
        .name = "curl",
        .in_order = true,
        .begin = depot_curl_begin,
        .open = depot_curl_open,
        .discard = depot_curl_discard,
        .free = depot_curl_free,
};

static int depot_curl_new(const DepotHost *host, const Target *target, Depot **ret)
{
        DepotCurl *curl;
        int r;

        if (host->version != DEPOT_MODULE_VERSION)
                return -EOPNOTSUPP;
        if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
                return depot_log_errno(host, LOG_ERR, -ENOMEM, "libcurl cannot be initialised.");
        curl = calloc(1, sizeof(*curl));
        if (!curl)
                return depot_log_errno(host, LOG_ERR, -ENOMEM, "Out of memory.");
        curl->depot.ops = &depot_curl_ops;
        r = http_server_open(&curl->server, host, target);
        if (r < 0) {
                depot_curl_free(&curl->depot);
                return r;
        }
        *ret = &curl->depot;
        return 0;
}

extern const DepotModule kdump_depot_module;
__attribute__((visibility("default"))) const DepotModule kdump_depot_module = {
        .version = DEPOT_MODULE_VERSION,
        .open = depot_curl_new,
};

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the table of errors. */
#include "http-error.h"

typedef struct CurlError {
        CURLcode code;
        int error;
} CurlError;

static const CurlError curl_errors[] = {
        { CURLE_OK, 0 },
        { CURLE_OUT_OF_MEMORY, -ENOMEM },
        { CURLE_COULDNT_RESOLVE_HOST, -EHOSTUNREACH },
        { CURLE_OPERATION_TIMEDOUT, -ETIMEDOUT },
        { CURLE_FTP_ACCEPT_TIMEOUT, -ETIMEDOUT },
        { CURLE_GOT_NOTHING, -ECONNRESET },
        { CURLE_SEND_ERROR, -ECONNRESET },
        { CURLE_RECV_ERROR, -ECONNRESET },
        { CURLE_PARTIAL_FILE, -ECONNRESET },
        { CURLE_SEND_FAIL_REWIND, -ECONNRESET },
        { CURLE_PEER_FAILED_VERIFICATION, -EKEYREJECTED },
        { CURLE_SSL_ISSUER_ERROR, -EKEYREJECTED },
        { CURLE_SSL_INVALIDCERTSTATUS, -EKEYREJECTED },
        /* Files of ours that cannot be used */
        { CURLE_SSL_CACERT_BADFILE, -EINVAL },
        { CURLE_SSL_CERTPROBLEM, -EINVAL },
        { CURLE_SSL_CLIENTCERT, -EACCES },
        { CURLE_LOGIN_DENIED, -EACCES },
        { CURLE_REMOTE_ACCESS_DENIED, -EACCES },
        { CURLE_AUTH_ERROR, -EACCES },
        { CURLE_REMOTE_DISK_FULL, -ENOSPC },
        { CURLE_UNSUPPORTED_PROTOCOL, -EOPNOTSUPP },
        { CURLE_URL_MALFORMAT, -EOPNOTSUPP },
        { CURLE_WEIRD_SERVER_REPLY, -EOPNOTSUPP },
        { CURLE_USE_SSL_FAILED, -EOPNOTSUPP },
        { CURLE_SSL_CIPHER, -EOPNOTSUPP },
};

static int connect_error(long os_error)
{
        switch (os_error) {
        case ECONNREFUSED:
                return -ECONNREFUSED;
        case ETIMEDOUT:
                return -ETIMEDOUT;
        default:
                return -EHOSTUNREACH;
        }
}

/* A handshake may fail because the server does not want us (it sends an alert: for one that wants
 * a client's certificate this is all that TLS 1.2 says), because it does not speak TLS, or because
 * the connection was lost. Only OpenSSL's words tell. */
static int handshake_error(const char *why)
{
        if (strstr(why, "alert"))
                return -EACCES;
        if (strstr(why, "wrong version number") || strstr(why, "unsupported protocol") ||
            strstr(why, "packet length too long"))
                return -EOPNOTSUPP;
        return -ECONNRESET;
}

/* The replies 452 and 552 (RFC 959 4.2.2) are about room; other refusals about rights. */
static int upload_error(long status)
{
        return status == 452 || status == 552 ? -ENOSPC : -EACCES;
}

int http_curl_error(CURLcode code, long os_error, long status, const char *why)
{
        if (code == CURLE_COULDNT_CONNECT)
                return connect_error(os_error);
        if (code == CURLE_SSL_CONNECT_ERROR)
                return handshake_error(why);
        if (code == CURLE_UPLOAD_FAILED)
                return upload_error(status);
        for (size_t i = 0; i < ELEMENTSOF(curl_errors); i++)
                if (curl_errors[i].code == code)
                        return curl_errors[i].error;
        return -EIO;
}

int http_status_error(long status)
{
        if (status >= 200 && status < 300)
                return 0;
        switch (status) {
        case 400: /* nginx, to a client without the certificate that it wants */
        case 401:
        case 403:
        case 407:
                return -EACCES;
        case 404:
        case 409: /* RFC 4918 9.7.1: a folder above it is missing */
        case 410:
                return -ENOENT;
        case 413:
                return -EFBIG;
        case 507:
                return -ENOSPC;
        case 405:
        case 411:
        case 501:
        case 505:
                return -EOPNOTSUPP;
        case 408:
        case 425:
        case 429:
        case 500:
        case 502:
        case 503:
        case 504:
                return -EHOSTUNREACH;
        default:
                return -EIO;
        }
}

bool http_error_may_pass(int error)
{
        return error == -EHOSTUNREACH || error == -ECONNREFUSED || error == -ETIMEDOUT ||
               error == -ECONNRESET;
}

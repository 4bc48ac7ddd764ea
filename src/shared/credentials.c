/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the grammar of a file of credentials and who may read it. */
#include "credentials.h"

#include <fcntl.h>
#include <stdarg.h>
#include <sys/stat.h>

typedef struct Key {
        const char *name;
        size_t offset;
} Key;

static const Key keys[] = {
        { "user", offsetof(Credentials, user) },
        { "password", offsetof(Credentials, password) },
        { "bearer_token", offsetof(Credentials, bearer_token) },
        { "access_key_id", offsetof(Credentials, access_key_id) },
        { "secret_access_key", offsetof(Credentials, secret_access_key) },
        { "session_token", offsetof(Credentials, session_token) },
};

static char **key_value(Credentials *credentials, const Key *key)
{
        return (char **) ((char *) credentials + key->offset);
}

static void wipe(char *s)
{
        if (s)
                explicit_bzero(s, strlen(s));
        free(s);
}

void credentials_done(Credentials *credentials)
{
        for (size_t i = 0; i < ELEMENTSOF(keys); i++)
                wipe(*key_value(credentials, &keys[i]));
        *credentials = (Credentials){};
}

static int fail(int error, char **reterr_why, const char *format, ...) _printf_(3, 4);
static int fail(int error, char **reterr_why, const char *format, ...)
{
        va_list ap;
        int n;

        va_start(ap, format);
        n = vasprintf(reterr_why, format, ap);
        va_end(ap);
        if (n < 0) {
                *reterr_why = NULL;
                return -ENOMEM;
        }
        return error;
}

static bool is_blank(char c)
{
        return c == ' ' || c == '\t';
}

/* Takes blanks, and the CR of other systems, away from both ends. */
static void trim(const char **start, const char **end)
{
        while (*start < *end && is_blank(**start))
                (*start)++;
        while (*start < *end && (is_blank((*end)[-1]) || (*end)[-1] == '\r'))
                (*end)--;
}

/* They become parts of header lines: nothing in them may end one. */
static bool value_is_valid(const char *start, const char *end)
{
        for (const char *p = start; p < end; p++)
                if ((unsigned char) *p < ' ' || *p == 0x7f)
                        return false;
        return start < end;
}

static const Key *key_find(const char *start, const char *end)
{
        size_t length = (size_t) (end - start);

        for (size_t i = 0; i < ELEMENTSOF(keys); i++)
                if (strlen(keys[i].name) == length && memcmp(keys[i].name, start, length) == 0)
                        return &keys[i];
        return NULL;
}

static int parse_line(const char *start, const char *end, unsigned line, Credentials *credentials,
                      char **reterr_why)
{
        const char *equals, *key_end, *value;
        const Key *key;
        char **slot;

        trim(&start, &end);
        if (start == end || *start == '#')
                return 0;

        equals = memchr(start, '=', (size_t) (end - start));
        if (!equals)
                return fail(-EINVAL, reterr_why, "line %u is not of the form 'key = value'", line);
        key_end = equals;
        value = equals + 1;
        trim(&start, &key_end);
        trim(&value, &end);
        key = key_find(start, key_end);
        if (!key)
                return fail(-EINVAL, reterr_why,
                            "line %u has none of the keys user, password, bearer_token, "
                            "access_key_id, secret_access_key, session_token",
                            line);
        if (!value_is_valid(value, end))
                return fail(-EINVAL, reterr_why,
                            "line %u: the value of %s is empty or has control characters", line,
                            key->name);
        slot = key_value(credentials, key);
        if (*slot)
                return fail(-EINVAL, reterr_why, "line %u: %s is there already", line, key->name);
        *slot = strndup(value, (size_t) (end - value));
        return *slot ? 0 : fail(-ENOMEM, reterr_why, "out of memory");
}

static int check(const Credentials *c, char **reterr_why)
{
        if (!c->user != !c->password)
                return fail(-EINVAL, reterr_why, "%s without %s", c->user ? "user" : "password",
                            c->user ? "password" : "user");
        if (c->user && strchr(c->user, ':'))
                return fail(-EINVAL, reterr_why, "a user cannot have a ':' in it");
        if (!c->access_key_id != !c->secret_access_key)
                return fail(-EINVAL, reterr_why, "%s without %s",
                            c->access_key_id ? "access_key_id" : "secret_access_key",
                            c->access_key_id ? "secret_access_key" : "access_key_id");
        if (c->session_token && !c->access_key_id)
                return fail(-EINVAL, reterr_why, "session_token without access_key_id");
        if (c->user && c->bearer_token)
                return fail(-EINVAL, reterr_why, "both user and bearer_token: which one is meant?");
        if (!c->user && !c->bearer_token && !c->access_key_id)
                return fail(-EINVAL, reterr_why, "there are no credentials in it");
        return 0;
}

int credentials_parse(const char *text, size_t size, Credentials *ret, char **reterr_why)
{
        _cleanup_(credentials_done) Credentials credentials = {};
        const char *end = text + size;
        unsigned line = 1;
        int r;

        if (memchr(text, '\0', size))
                return fail(-EINVAL, reterr_why, "it is no text: there is a zero byte in it");
        for (const char *start = text; start < end; line++) {
                const char *newline = memchr(start, '\n', (size_t) (end - start)) ?: end;

                r = parse_line(start, newline, line, &credentials, reterr_why);
                if (r < 0)
                        return r;
                start = newline < end ? newline + 1 : end;
        }
        r = check(&credentials, reterr_why);
        if (r < 0)
                return r;

        *ret = credentials;
        credentials = (Credentials){};
        return 0;
}

static int check_access(int fd, char **reterr_why)
{
        struct stat st;

        if (fstat(fd, &st) < 0)
                return fail(-errno, reterr_why, "%s", strerror(errno));
        if (!S_ISREG(st.st_mode))
                return fail(-EPERM, reterr_why, "it is not a regular file");
        if (st.st_uid != 0 && st.st_uid != geteuid())
                return fail(-EPERM, reterr_why, "it belongs to user %u: chown root it",
                            (unsigned) st.st_uid);
        if (st.st_mode & 077)
                return fail(-EPERM, reterr_why, "others may use it (mode %04o): chmod 0600 it",
                            (unsigned) st.st_mode & 07777);
        if (st.st_size > (off_t) CREDENTIALS_MAX_BYTES)
                return fail(-EFBIG, reterr_why, "it is larger than %zu bytes",
                            CREDENTIALS_MAX_BYTES);
        return 0;
}

/* What came until the end or until @text is full, in *ret_size. */
static int read_text(int fd, char *text, size_t max_bytes, size_t *ret_size)
{
        size_t size = 0;

        while (size < max_bytes) {
                ssize_t n = read(fd, text + size, max_bytes - size);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return -errno;
                if (n == 0)
                        break;
                size += (size_t) n;
        }
        *ret_size = size;
        return 0;
}

int credentials_read(int dir_fd, const char *path, Credentials *ret, char **reterr_why)
{
        _cleanup_close_ int fd = -EBADF;
        _cleanup_free_ char *text = NULL;
        size_t size = 0;
        int r;

        fd = openat(dir_fd, path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
        if (fd < 0)
                return fail(-errno, reterr_why, "%s", strerror(errno));
        r = check_access(fd, reterr_why);
        if (r < 0)
                return r;
        text = malloc(CREDENTIALS_MAX_BYTES);
        if (!text)
                return fail(-ENOMEM, reterr_why, "out of memory");
        r = read_text(fd, text, CREDENTIALS_MAX_BYTES, &size);
        if (r < 0)
                return fail(r, reterr_why, "%s", strerror(-r));
        r = credentials_parse(text, size, ret, reterr_why);
        explicit_bzero(text, size);
        return r;
}

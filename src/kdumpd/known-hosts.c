/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the reading of known_hosts: which lines are of a host, hashed names included. */
#include "known-hosts.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <strings.h>

#include "address.h"
#include "io.h"
#include "strv.h"

#define SSH_PORT 22
#define HASH_BYTES 20 /* of SHA-1 */
#define KEYS_MAX 64
#define WORD_BYTES_MAX 16384

#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"

void known_hosts_done(KnownHosts *known)
{
        strv_free(known->of_port);
        strv_free(known->of_host);
        strv_free(known->revoked);
        *known = (KnownHosts){ 0 };
}

/* base64 that gives exactly @size bytes. */
static bool base64_decode(const char *text, uint8_t *ret, size_t size)
{
        uint8_t bytes[64];
        size_t n = strlen(text);
        int got;

        /* EVP_DecodeBlock() counts the padding as zeros. */
        if (n % 4 != 0 || n / 4 * 3 > sizeof(bytes))
                return false;
        got = EVP_DecodeBlock(bytes, (const unsigned char *) text, (int) n);
        if (got < 0 || (size_t) got < size || (size_t) got >= size + 3)
                return false;
        memcpy(ret, bytes, size);
        return true;
}

/* "|1|salt|hash", where the hash is the HMAC-SHA1 of the name with the salt as its key. */
static bool hashed_name_matches(const char *hashed, const char *name)
{
        uint8_t salt[HASH_BYTES], hash[HASH_BYTES], wanted[EVP_MAX_MD_SIZE];
        const char *rest = startswith(hashed, "|1|"), *bar = rest ? strchr(rest, '|') : NULL;
        _cleanup_free_ char *salt_text = bar ? strndup(rest, (size_t) (bar - rest)) : NULL;
        unsigned size = 0;

        if (!salt_text || !base64_decode(salt_text, salt, sizeof(salt)) ||
            !base64_decode(bar + 1, hash, sizeof(hash)))
                return false;
        return HMAC(EVP_sha1(), salt, sizeof(salt), (const unsigned char *) name, strlen(name),
                    wanted, &size) &&
               size == sizeof(hash) && memcmp(hash, wanted, sizeof(hash)) == 0;
}

static bool char_matches(char pattern, char c)
{
        return pattern == '?' || strncasecmp(&pattern, &c, 1) == 0;
}

/* '*' and '?', in any case. Goes back to the last '*' only: no pattern makes it slow. */
static bool pattern_matches(const char *pattern, size_t size, const char *name)
{
        const char *end = pattern + size, *star = NULL, *star_name = NULL;

        while (*name) {
                if (pattern < end && *pattern == '*') {
                        star = ++pattern;
                        star_name = name;
                } else if (pattern < end && char_matches(*pattern, *name)) {
                        pattern++;
                        name++;
                } else if (star) {
                        pattern = star;
                        name = ++star_name;
                } else
                        return false;
        }
        while (pattern < end && *pattern == '*')
                pattern++;
        return pattern == end;
}

/* The first word of a line: patterns with commas between them, '!' for those that must not match.
 */
static bool names_match(const char *names, const char *name)
{
        bool found = false;

        if (*names == '|')
                return hashed_name_matches(names, name);
        while (*names) {
                size_t size = strcspn(names, ",");
                bool negated = *names == '!';

                if (pattern_matches(names + negated, size - negated, name)) {
                        if (negated)
                                return false;
                        found = true;
                }
                names += size;
                names += *names == ',';
        }
        return found;
}

static bool key_is_plausible(const char *type, const char *key)
{
        size_t n = strlen(key);

        return (startswith(type, "ssh-") || startswith(type, "ecdsa-") ||
                startswith(type, "sk-")) &&
               !streq(type, "ssh-dss") && strspn(type, LETTERS "@.-") == strlen(type) &&
               startswith(key, "AAAA") && n <= WORD_BYTES_MAX && strspn(key, LETTERS "+/=") == n;
}

static int add_key(char ***keys, const char *type, const char *key)
{
        _cleanup_free_ char *text = NULL;
        int r;

        r = strprintf(&text, "%s %s", type, key);
        if (r < 0)
                return r;
        if (strv_contains(*keys, text) || strv_length(*keys) >= KEYS_MAX)
                return 0;
        return strv_extend(keys, text);
}

/* The next word of *line, which it is cut out of; NULL at the end. */
static char *next_word(char **line)
{
        char *word = *line + strspn(*line, " \t");

        *line = word + strcspn(word, " \t");
        if (**line)
                *(*line)++ = '\0';
        return *word ? word : NULL;
}

static int add_line(KnownHosts *known, char *line, const char *name, const char *plain)
{
        char *names = next_word(&line), *type, *key;
        bool revoked = false;

        if (!names || *names == '#')
                return 0;
        if (*names == '@') {
                revoked = streq(names, "@revoked");
                if (!revoked)
                        return 0;
                names = next_word(&line);
        }
        type = next_word(&line);
        key = next_word(&line);
        if (!names || !type || !key || !key_is_plausible(type, key))
                return 0;
        if (names_match(names, name))
                return add_key(revoked ? &known->revoked : &known->of_port, type, key);
        if (plain && names_match(names, plain))
                return add_key(revoked ? &known->revoked : &known->of_host, type, key);
        return 0;
}

static int name_with_port(const char *host, unsigned port, char **ret)
{
        if (port == SSH_PORT)
                return strprintf(ret, "%s", host);
        return strprintf(ret, "[%s]:%u", host, port);
}

/* As ssh writes it down, hashed or not: names in lower case, addresses in their usual form (main()
 * of ssh.c: lowercase(), resolve_addr()). */
static int canonical_host(const char *host, char **ret)
{
        char text[ADDRESS_TEXT_BYTES];
        Address address;
        char *copy;

        if (address_parse(host, &address) == 0)
                return strprintf(ret, "%s%s", address_format(&address, text), strchrnul(host, '%'));
        copy = strdup(host);
        if (!copy)
                return -ENOMEM;
        for (char *p = copy; *p; p++)
                if (*p >= 'A' && *p <= 'Z')
                        *p = (char) (*p - 'A' + 'a');
        *ret = copy;
        return 0;
}

int known_hosts_add(KnownHosts *known, const char *text, size_t size, const char *host,
                    unsigned port)
{
        _cleanup_free_ char *plain = NULL, *name = NULL;
        const char *end = text + size;
        int r;

        r = canonical_host(host, &plain);
        if (r >= 0)
                r = name_with_port(plain, port, &name);
        if (r < 0)
                return r;
        while (text < end) {
                const char *newline = memchr(text, '\n', (size_t) (end - text)) ?: end;
                _cleanup_free_ char *line = strndup(text, (size_t) (newline - text));

                if (!line)
                        return -ENOMEM;
                line[strcspn(line, "\r")] = '\0';
                r = add_line(known, line, name, port == SSH_PORT ? NULL : plain);
                if (r < 0)
                        return r;
                text = newline < end ? newline + 1 : end;
        }
        return 0;
}

/* "host,192.0.2.1" as a line has it in front. */
static int join_names(const char *host, char *const *addresses, unsigned port, char **ret)
{
        _cleanup_free_ char *names = NULL;
        int r;

        r = name_with_port(host, port, &names);
        for (; r >= 0 && addresses && *addresses; addresses++) {
                _cleanup_free_ char *one = NULL, *longer = NULL;

                if (streq(*addresses, host))
                        continue;
                r = name_with_port(*addresses, port, &one);
                if (r >= 0)
                        r = strprintf(&longer, "%s,%s", names, one);
                if (r < 0)
                        return r;
                free(names);
                names = TAKE_PTR(longer);
        }
        if (r < 0)
                return r;
        *ret = TAKE_PTR(names);
        return 0;
}

int known_hosts_format(const KnownHosts *known, const char *host, char *const *addresses,
                       unsigned port, char **ret)
{
        /* As ssh does it, keys of the host without its port count if there are none with it. */
        char *const *keys = known->of_port ?: known->of_host;
        _cleanup_free_ char *names = NULL, *text = NULL;
        int r;

        r = join_names(host, addresses, port, &names);
        if (r < 0)
                return r;
        for (; keys && *keys; keys++) {
                _cleanup_free_ char *longer = NULL;

                if (strv_contains(known->revoked, *keys))
                        continue;
                r = strprintf(&longer, "%s%s %s\n", text ?: "", names, *keys);
                if (r < 0)
                        return r;
                free(text);
                text = TAKE_PTR(longer);
        }
        if (!text)
                return 0;
        *ret = TAKE_PTR(text);
        return 1;
}

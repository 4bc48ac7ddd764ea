/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns what libssh (0.10) does for us, and what it is kept from doing by itself. */
#include "ssh-connection.h"

#include <limits.h>
#include <sys/auxv.h>
#include <sys/socket.h>

#define LIBSSH_LEGACY_0_4 /* without its names of old */
#include <libssh/callbacks.h>
#include <libssh/libssh.h>

#include "depot-log.h"
#include "ssh-address.h"

/* For the key exchange, the login, and each answer of sshd itself. What it runs may take its time,
 * to sync: there only TCP tells when a connection is dead. */
#define ANSWER_SEC 20L
#define GOODBYE_SEC 1L

#define LOOK_MSEC 200

/* What is fastest here comes first; the rest is libssh's own choice. */
#define CIPHERS_AES                                                                                \
        "aes128-gcm@openssh.com,aes256-gcm@openssh.com,chacha20-poly1305@openssh.com,"             \
        "aes128-ctr,aes256-ctr"
#define CIPHERS_NO_AES                                                                             \
        "chacha20-poly1305@openssh.com,aes128-gcm@openssh.com,aes256-gcm@openssh.com,"             \
        "aes128-ctr,aes256-ctr"

struct SshConnection {
        ssh_session session;
        ssh_event event; /* looks at the session's socket */
        ssh_channel channel;
        struct ssh_channel_callbacks_struct callbacks; /* of @channel */
        bool ended;                                    /* what runs there */
};

/* Does the CPU have instructions for AES? */
static bool cpu_has_aes(void)
{
#if defined(__x86_64__) || defined(__i386__)
        __builtin_cpu_init();
        return __builtin_cpu_supports("aes") && __builtin_cpu_supports("pclmul");
#elif defined(__aarch64__)
        return getauxval(AT_HWCAP) & (1UL << 3); /* HWCAP_AES */
#else
        return false;
#endif
}

static int set_timeout(SshConnection *connection, long seconds)
{
        return ssh_options_set(connection->session, SSH_OPTIONS_TIMEOUT, &seconds);
}

static int set_options(SshConnection *connection, const Target *target, const SshServer *server,
                       int fd)
{
        const char *ciphers = cpu_has_aes() ? CIPHERS_AES : CIPHERS_NO_AES;
        const bool no = false;
        const struct {
                enum ssh_options_e option;
                const void *value;
        } options[] = {
                { SSH_OPTIONS_HOST, server->host },
                { SSH_OPTIONS_PORT, &server->port },
                { SSH_OPTIONS_USER, server->user },
                { SSH_OPTIONS_SSH_DIR, "/nonexistent" },
                { SSH_OPTIONS_KNOWNHOSTS, target->known_hosts },
                { SSH_OPTIONS_GLOBAL_KNOWNHOSTS, "/dev/null" },
                { SSH_OPTIONS_PROCESS_CONFIG, &no },
                { SSH_OPTIONS_COMPRESSION, "no" },
                { SSH_OPTIONS_CIPHERS_C_S, ciphers },
                { SSH_OPTIONS_CIPHERS_S_C, ciphers },
                { SSH_OPTIONS_FD, &fd },
        };

        for (size_t i = 0; i < ELEMENTSOF(options); i++)
                if (ssh_options_set(connection->session, options[i].option, options[i].value) < 0)
                        return -EINVAL;
        return set_timeout(connection, ANSWER_SEC) < 0 ? -EINVAL : 0;
}

/* libssh has no codes for this, only texts. */
static int shake_hands(const DepotHost *host, const Target *target, SshConnection *connection)
{
        const char *why;

        if (ssh_connect(connection->session) == SSH_OK)
                return 0;
        why = ssh_get_error(connection->session);
        depot_log(host, LOG_ERR, "Failed to speak SSH with '%s': %s", target->what, why);
        if (strstr(why, "imeout"))
                return -ETIMEDOUT;
        return strstr(why, "no match") ? -EOPNOTSUPP : -ECONNREFUSED;
}

/* "SHA256:…" of the key that the server has shown; the caller frees it. NULL: unknown. */
static char *fingerprint(SshConnection *connection)
{
        unsigned char *hash = NULL;
        char *text = NULL;
        ssh_key key = NULL;
        size_t size;

        if (ssh_get_server_publickey(connection->session, &key) < 0)
                return NULL;
        if (ssh_get_publickey_hash(key, SSH_PUBLICKEY_HASH_SHA256, &hash, &size) >= 0)
                text = ssh_get_fingerprint_hash(SSH_PUBLICKEY_HASH_SHA256, hash, size);
        ssh_clean_pubkey_hash(&hash);
        ssh_key_free(key);
        return text;
}

static int check_server(const DepotHost *host, const Target *target, SshConnection *connection)
{
        enum ssh_known_hosts_e known = ssh_session_is_known_server(connection->session);
        char *text;

        if (known == SSH_KNOWN_HOSTS_OK)
                return 0;
        text = fingerprint(connection);
        depot_log(host, LOG_ERR,
                  "The server that answers for '%s' is not the one that was pinned when kdump was "
                  "armed: its key is %s. Nothing is sent to it. If the server has a new key, put "
                  "that into known_hosts and run 'kdumpctl reload'.",
                  target->what, text ?: "unknown");
        ssh_string_free_char(text);
        return -EKEYREJECTED;
}

static int log_in(const DepotHost *host, const Target *target, SshConnection *connection)
{
        ssh_key key = NULL;
        int r;

        /* Not even a terminal may be asked for a pass phrase: "" is one. */
        r = ssh_pki_import_privkey_file(target->sshkey, "", NULL, NULL, &key);
        if (r != SSH_OK) {
                depot_log(host, LOG_ERR,
                          "Failed to read the key '%s': it is missing, has a pass phrase, or is of "
                          "an unknown kind.",
                          target->sshkey);
                return -EACCES;
        }
        r = ssh_userauth_publickey(connection->session, NULL, key);
        ssh_key_free(key);
        switch (r) {
        case SSH_AUTH_SUCCESS:
                return 0;
        case SSH_AUTH_DENIED:
        case SSH_AUTH_PARTIAL:
                depot_log(host, LOG_ERR,
                          "'%s' does not let us in with the key '%s'%s: run 'kdumpctl propagate'.",
                          target->what, target->sshkey, r == SSH_AUTH_PARTIAL ? " alone" : "");
                return -EACCES;
        default:
                depot_log(host, LOG_ERR, "Failed to log in to '%s': %s", target->what,
                          ssh_get_error(connection->session));
                return -ETIMEDOUT;
        }
}

static int connection_start(const DepotHost *host, const Target *target, const SshServer *server,
                            SshConnection *connection)
{
        int fd, r;

        fd = ssh_address_connect(host, server, target->addresses);
        if (fd < 0) {
                depot_log(host, LOG_ERR, "Failed to connect to '%s': %s", target->what,
                          strerror(-fd));
                return fd;
        }
        r = set_options(connection, target, server, fd);
        if (r < 0) {
                close_fd(fd);
                depot_log(host, LOG_ERR, "Failed to prepare the connection to '%s': %s",
                          target->what, ssh_get_error(connection->session));
                return r;
        }
        r = shake_hands(host, target, connection); /* from here on the session owns the socket */
        if (r >= 0)
                r = check_server(host, target, connection);
        if (r >= 0)
                r = log_in(host, target, connection);
        if (r >= 0 && ssh_event_add_session(connection->event, connection->session) != SSH_OK)
                r = -ENOMEM;
        return r;
}

int ssh_connection_open(const DepotHost *host, const Target *target, SshConnection **ret)
{
        _cleanup_(ssh_connection_freep) SshConnection *connection = calloc(1, sizeof(*connection));
        _cleanup_(ssh_server_done) SshServer server = {};
        int r;

        if (!connection)
                return -ENOMEM;
        r = ssh_server_parse(target->what, target->port, &server);
        if (r < 0) {
                depot_log(host, LOG_ERR, "'%s' is not user@host.", target->what);
                return r;
        }
        if (!target->known_hosts || !target->sshkey) {
                depot_log(
                        host, LOG_ERR,
                        "There is no %s for '%s': run 'kdumpctl propagate' and 'kdumpctl reload'.",
                        target->sshkey ? "pinned host key" : "key", target->what);
                return target->sshkey ? -EKEYREJECTED : -EACCES;
        }
        (void) ssh_set_log_level(SSH_LOG_NONE);
        connection->session = ssh_new();
        connection->event = ssh_event_new();
        if (!connection->session || !connection->event)
                return -ENOMEM;
        r = connection_start(host, target, &server, connection);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(connection);
        return 0;
}

static void channel_free(SshConnection *connection)
{
        if (connection->channel)
                ssh_channel_free(connection->channel);
        connection->channel = NULL;
}

SshConnection *ssh_connection_free(SshConnection *connection)
{
        if (!connection)
                return NULL;
        if (connection->session) {
                (void) set_timeout(connection, GOODBYE_SEC);
                channel_free(connection);
                (void) ssh_event_remove_session(connection->event, connection->session);
                ssh_disconnect(connection->session);
                ssh_free(connection->session);
        }
        if (connection->event)
                ssh_event_free(connection->event);
        free(connection);
        return NULL;
}

static void see_status(ssh_session session, ssh_channel channel, int status, void *userdata)
{
        ((SshConnection *) userdata)->ended = true;
}

static void see_signal(ssh_session session, ssh_channel channel, const char *name, int core,
                       const char *text, const char *language, void *userdata)
{
        ((SshConnection *) userdata)->ended = true;
}

static void see_close(ssh_session session, ssh_channel channel, void *userdata)
{
        ((SshConnection *) userdata)->ended = true;
}

/* @r: of opening the channel, or of a request for what is to run there. A server that does not
 * answer in time is as one that is gone. */
static int channel_result(SshConnection *connection, int r)
{
        if (r == SSH_OK)
                return 0;
        return r == SSH_ERROR && ssh_is_connected(connection->session) ? -EOPNOTSUPP : -ECONNRESET;
}

static int channel_open(SshConnection *connection)
{
        channel_free(connection);
        connection->channel = ssh_channel_new(connection->session);
        if (!connection->channel)
                return -ENOMEM;
        connection->ended = false;
        connection->callbacks = (struct ssh_channel_callbacks_struct){
                .userdata = connection,
                .channel_exit_status_function = see_status,
                .channel_exit_signal_function = see_signal,
                .channel_close_function = see_close,
        };
        ssh_callbacks_init(&connection->callbacks);
        if (ssh_set_channel_callbacks(connection->channel, &connection->callbacks) != SSH_OK)
                return -ENOMEM;
        return channel_result(connection, ssh_channel_open_session(connection->channel));
}

int ssh_connection_sftp(SshConnection *connection)
{
        int r;

        r = channel_open(connection);
        if (r < 0)
                return r;
        return channel_result(connection, ssh_channel_request_sftp(connection->channel));
}

int ssh_connection_execute(SshConnection *connection, const char *command)
{
        int r;

        r = channel_open(connection);
        if (r < 0)
                return r;
        return channel_result(connection, ssh_channel_request_exec(connection->channel, command));
}

/* ssh_channel_write() would wait for the window alone. What has ended takes nothing any more, and
 * libssh does not count the channel as closed while somebody has yet to read what it said. */
static int wait_for_window(SshConnection *connection, size_t *ret_bytes)
{
        while ((*ret_bytes = ssh_channel_window_size(connection->channel)) == 0)
                if (connection->ended || !ssh_channel_is_open(connection->channel) ||
                    ssh_event_dopoll(connection->event, LOOK_MSEC) == SSH_ERROR)
                        return -ECONNRESET;
        return 0;
}

int ssh_connection_write(SshConnection *connection, const void *data, size_t size)
{
        const uint8_t *bytes = data;

        while (size > 0) {
                size_t window;
                int r;

                r = wait_for_window(connection, &window);
                if (r < 0)
                        return r;
                r = ssh_channel_write(connection->channel, bytes, (uint32_t) MIN(size, window));
                if (r <= 0)
                        return -ECONNRESET;
                bytes += r;
                size -= (size_t) r;
        }
        return 0;
}

ssize_t ssh_connection_read(SshConnection *connection, void *buffer, size_t size, bool wait)
{
        uint32_t n = (uint32_t) MIN(size, (size_t) INT_MAX);
        int r;

        r = wait ? ssh_channel_read_timeout(connection->channel, buffer, n, 0, -1)
                 : ssh_channel_read_nonblocking(connection->channel, buffer, n, 0);
        if (r > 0)
                return r;
        /* 0: at the end, if it has waited */
        return !wait && (r == 0 || r == SSH_AGAIN) ? 0 : -ECONNRESET;
}

uint32_t ssh_connection_window(SshConnection *connection)
{
        return ssh_channel_window_size(connection->channel);
}

static bool has_ended(SshConnection *connection)
{
        return !ssh_channel_is_open(connection->channel) || ssh_channel_is_eof(connection->channel);
}

/* All that comes on one of the streams; the beginning of it is kept. */
static int read_text(SshConnection *connection, bool errors, char *text, size_t size)
{
        char buffer[512];
        size_t n = 0;
        int r;

        while ((r = ssh_channel_read_timeout(connection->channel, buffer, sizeof(buffer), errors,
                                             -1)) > 0) {
                size_t more = MIN((size_t) r, size - 1 - n);

                memcpy(text + n, buffer, more);
                n += more;
        }
        text[n] = '\0';
        return r < 0 && !has_ended(connection) ? -ECONNRESET : 0;
}

int ssh_connection_finish(SshConnection *connection, int *ret_status, char *output,
                          size_t output_size, char *errors, size_t errors_size)
{
        int r, status;

        if (ssh_channel_send_eof(connection->channel) != SSH_OK && !has_ended(connection))
                return -ECONNRESET;
        r = read_text(connection, false, output, output_size);
        if (r >= 0)
                r = read_text(connection, true, errors, errors_size);
        if (r < 0)
                return r;
        status = ssh_channel_get_exit_status(connection->channel);
        if (status < 0) /* also if a signal has ended it */
                return -ECONNRESET;
        channel_free(connection);
        *ret_status = status;
        return 0;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns a dump's folder on a server that has a shell but no sftp: files are streams into cat(1). It
 * acknowledges nothing, but when a connection is lost the size of the file says how much arrived:
 * the end of what was sent is kept, and sent again from there. */
#include <inttypes.h>
#include <pthread.h>

#include "depot-sftp.h"
#include "ssh-shell.h"
#include "text.h"

/* More than can be on the way: the window (2 MiB in OpenSSH), a pipe, and what cat(1) holds. */
#define RECENT_BYTES ((size_t) 4 << 20)

#define PIECE_BYTES ((size_t) 128 << 10)
#define TEXT_BYTES 1024

typedef struct SinkShell SinkShell;

typedef struct DepotShell {
        Depot depot;
        SshLine line;
        pthread_mutex_t lock;
        char *folder;      /* NULL: not made yet */
        SinkShell *active; /* whose stream is open on the channel */
} DepotShell;

struct SinkShell {
        Sink sink;
        DepotShell *depot;
        char *incomplete_path, *final_path;
        uint64_t position_bytes; /* so much was taken */
        uint64_t sent_bytes;     /* so much was sent at least once */
        uint64_t safe_bytes;     /* so much the server has for sure */
        bool created;
        int error;
        uint8_t recent[RECENT_BYTES]; /* the byte at offset o is at o % RECENT_BYTES */
};

static int start_nothing(SshConnection *connection)
{
        return 0;
}

static int depot_start(DepotShell *depot, SshScript script, const char *const *arguments)
{
        _cleanup_free_ char *command = NULL;
        int r;

        r = ssh_script_format(script, arguments, &command);
        return r < 0 ? r : ssh_connection_execute(depot->line.connection, command);
}

/* Waits for the end of what runs. Returns 0 if it did what it should. */
static int depot_finish(DepotShell *depot, char output[TEXT_BYTES])
{
        char errors[TEXT_BYTES];
        int r, status;

        r = ssh_connection_finish(depot->line.connection, &status, output, TEXT_BYTES, errors,
                                  sizeof(errors));
        if (r < 0)
                return r;
        return status == 0 ? 0 : ssh_script_errno(errors);
}

static int run_once(DepotShell *depot, SshScript script, const char *const *arguments,
                    char output[TEXT_BYTES])
{
        int r;

        r = depot_start(depot, script, arguments);
        return r < 0 ? r : depot_finish(depot, output);
}

/* No stream may be open. */
static int depot_run(DepotShell *depot, SshScript script, const char *const *arguments,
                     char output[TEXT_BYTES])
{
        int r;

        while ((r = run_once(depot, script, arguments, output)) == -ECONNRESET) {
                r = ssh_line_renew(&depot->line, start_nothing);
                if (r < 0)
                        return r;
        }
        ssh_line_moved(&depot->line);
        return r;
}

/* Sends what is in @recent from @from_bytes on. That the server takes some of it is seen by how
 * much more it lets us send. What is sent once more does not count. */
static int send_recent(SinkShell *self, uint64_t from_bytes)
{
        SshLine *line = &self->depot->line;

        while (from_bytes < self->position_bytes) {
                size_t at = (size_t) (from_bytes % RECENT_BYTES);
                uint64_t rest = MIN(self->position_bytes - from_bytes, (uint64_t) PIECE_BYTES);
                size_t n = MIN((size_t) rest, RECENT_BYTES - at);
                uint64_t window = ssh_connection_window(line->connection);
                int r;

                r = ssh_connection_write(line->connection, self->recent + at, n);
                if (r < 0)
                        return r;
                from_bytes += n;
                if (ssh_connection_window(line->connection) + n > window &&
                    from_bytes > self->sent_bytes)
                        ssh_line_moved(line);
                self->sent_bytes = MAX(self->sent_bytes, from_bytes);
        }
        return 0;
}

static int stream_open(SinkShell *self)
{
        const char *arguments[] = { self->incomplete_path, NULL };
        int r;

        r = depot_start(self->depot, self->created ? SSH_SCRIPT_APPEND : SSH_SCRIPT_CREATE,
                        arguments);
        if (r < 0)
                return r;
        self->created = true;
        self->depot->active = self;
        return 0;
}

/* After a connection was lost: goes on where the server's file ends. */
static int stream_resume(SinkShell *self)
{
        const char *arguments[] = { self->incomplete_path, NULL };
        char output[TEXT_BYTES];
        uint64_t size_bytes;
        int r;

        self->depot->active = NULL;
        r = run_once(self->depot, SSH_SCRIPT_SIZE, arguments, output);
        if (r >= 0)
                r = ssh_script_number(output, &size_bytes);
        if (r == -ENOENT && self->safe_bytes == 0) {
                self->created = false;
                size_bytes = 0;
                r = 0;
        }
        if (r < 0)
                return r;
        if (size_bytes < self->safe_bytes || size_bytes > self->position_bytes ||
            self->position_bytes - size_bytes > RECENT_BYTES)
                return -ESTALE;
        r = stream_open(self);
        return r < 0 ? r : send_recent(self, size_bytes);
}

/* @r: what came of using the stream. If that has ended by itself, its command says why; else the
 * connection is lost, and the stream goes on with another. */
static int stream_mend(SinkShell *self, int r)
{
        DepotShell *depot = self->depot;

        while (r == -ECONNRESET) {
                char output[TEXT_BYTES];

                if (depot->active == self) {
                        depot->active = NULL;
                        r = depot_finish(depot, output);
                        if (r != -ECONNRESET)
                                return r < 0 ? r : -EIO;
                }
                r = ssh_line_renew(&depot->line, start_nothing);
                if (r >= 0)
                        r = stream_resume(self);
        }
        return r;
}

/* Ends the stream: all of it is in the file then. */
static int stream_close(SinkShell *self)
{
        char output[TEXT_BYTES];
        int r;

        while (self->error >= 0 && self->depot->active == self) {
                self->depot->active = NULL;
                r = depot_finish(self->depot, output);
                if (r >= 0) {
                        self->safe_bytes = self->position_bytes;
                        ssh_line_moved(&self->depot->line);
                }
                r = stream_mend(self, r);
                if (r < 0)
                        self->error = r;
        }
        return self->error;
}

/* The channel is to be this sink's. What fails for another is that one's. */
static int stream_want(SinkShell *self)
{
        if (self->depot->active == self)
                return 0;
        if (self->depot->active)
                (void) stream_close(self->depot->active);
        return stream_open(self);
}

static void recent_put(SinkShell *self, const uint8_t *data, size_t size)
{
        size_t at = (size_t) (self->position_bytes % RECENT_BYTES);
        size_t n = MIN(size, RECENT_BYTES - at);

        memcpy(self->recent + at, data, n);
        memcpy(self->recent, data + n, size - n);
        self->position_bytes += size;
}

static int stream_write(SinkShell *self, const uint8_t *data, size_t size)
{
        int r;

        r = stream_mend(self, stream_want(self));
        while (r >= 0 && size > 0) {
                size_t n = MIN(size, PIECE_BYTES);

                recent_put(self, data, n);
                r = stream_mend(self, send_recent(self, self->position_bytes - n));
                data += n;
                size -= n;
        }
        return r;
}

static int shell_write(Sink *sink, uint64_t offset_bytes, const void *data, size_t size)
{
        SinkShell *self = (SinkShell *) sink;
        int r;

        (void) pthread_mutex_lock(&self->depot->lock);
        r = self->error;
        if (r >= 0 && offset_bytes != self->position_bytes)
                r = -ESPIPE;
        if (r >= 0)
                r = self->error = stream_write(self, data, size);
        (void) pthread_mutex_unlock(&self->depot->lock);
        return r;
}

/* An empty file is one, too. */
static int file_sync(SinkShell *self)
{
        const char *arguments[] = { self->incomplete_path, NULL };
        char output[TEXT_BYTES];
        int r;

        if (self->error < 0)
                return self->error;
        r = self->created ? 0 : stream_mend(self, stream_want(self));
        if (r >= 0)
                r = stream_close(self);
        if (r >= 0 && self->depot->active)
                (void) stream_close(self->depot->active);
        return r < 0 ? r : depot_run(self->depot, SSH_SCRIPT_SYNC, arguments, output);
}

static int shell_sync(Sink *sink)
{
        SinkShell *self = (SinkShell *) sink;
        int r;

        (void) pthread_mutex_lock(&self->depot->lock);
        r = file_sync(self);
        (void) pthread_mutex_unlock(&self->depot->lock);
        return r;
}

static int shell_commit(Sink *sink)
{
        SinkShell *self = (SinkShell *) sink;
        char output[TEXT_BYTES], size[24];
        const char *arguments[] = { self->incomplete_path, self->final_path, size,
                                    self->depot->folder, NULL };
        int r;

        (void) pthread_mutex_lock(&self->depot->lock);
        r = file_sync(self);
        (void) snprintf(size, sizeof(size), "%" PRIu64, self->position_bytes);
        if (r >= 0)
                r = depot_run(self->depot, SSH_SCRIPT_COMMIT, arguments, output);
        (void) pthread_mutex_unlock(&self->depot->lock);
        return r;
}

static void shell_free(Sink *sink)
{
        SinkShell *self = (SinkShell *) sink;

        (void) pthread_mutex_lock(&self->depot->lock);
        if (self->depot->active == self)
                self->depot->active = NULL;
        (void) pthread_mutex_unlock(&self->depot->lock);
        free(self->incomplete_path);
        free(self->final_path);
        free(self);
}

static const SinkOps sink_shell_ops = {
        .name = "shell",
        .write_once = true,
        .in_order = true,
        .write = shell_write,
        .sync = shell_sync,
        .commit = shell_commit,
        .free = shell_free,
};

static int depot_open_stream(Depot *depot, const char *incomplete_name, const char *final_name,
                             uint64_t size_hint_bytes, Sink **ret)
{
        DepotShell *self = (DepotShell *) depot;
        SinkShell *sink = malloc(sizeof(*sink)); /* what is recent need not be touched */
        int r;

        if (!sink)
                return -ENOMEM;
        memset(sink, 0, offsetof(SinkShell, recent));
        sink->sink.ops = &sink_shell_ops;
        sink->depot = self;
        r = strprintf(&sink->incomplete_path, "%s/%s", self->folder, incomplete_name);
        if (r >= 0)
                r = strprintf(&sink->final_path, "%s/%s", self->folder, final_name);
        if (r < 0) {
                shell_free(&sink->sink);
                return r;
        }
        *ret = &sink->sink;
        return 0;
}

static int depot_begin(Depot *depot, const char *name, char **ret_where)
{
        DepotShell *self = (DepotShell *) depot;
        const char *path = self->line.target->path ?: ".";
        _cleanup_free_ char *folder = NULL, *where = NULL;
        char output[TEXT_BYTES];
        int r;

        r = strprintf(&folder, "%s/%s", streq(path, "/") ? "" : path, name);
        if (r < 0)
                return r;
        r = ssh_where("ssh", self->line.target, folder, &where);
        if (r < 0)
                return r;
        r = depot_run(self, SSH_SCRIPT_BEGIN, (const char *[]){ path, folder, NULL }, output);
        if (r < 0)
                return r;
        self->folder = TAKE_PTR(folder);
        *ret_where = TAKE_PTR(where);
        return 0;
}

static int depot_room(Depot *depot, uint64_t *ret_bytes)
{
        DepotShell *self = (DepotShell *) depot;
        const char *path = self->folder ?: self->line.target->path ?: ".";
        char output[TEXT_BYTES];
        int r = 0;

        (void) pthread_mutex_lock(&self->lock);
        if (self->active)
                (void) stream_close(self->active);
        r = depot_run(self, SSH_SCRIPT_ROOM, (const char *[]){ path, NULL }, output);
        (void) pthread_mutex_unlock(&self->lock);
        return r < 0 ? r : ssh_script_room(output, ret_bytes);
}

static int depot_discard(Depot *depot)
{
        DepotShell *self = (DepotShell *) depot;
        char output[TEXT_BYTES];
        int r;

        if (!self->folder)
                return -EBADF;
        (void) pthread_mutex_lock(&self->lock);
        if (self->active)
                (void) stream_close(self->active);
        r = depot_run(self, SSH_SCRIPT_DISCARD, (const char *[]){ self->folder, NULL }, output);
        (void) pthread_mutex_unlock(&self->lock);
        return r;
}

static void depot_shell_free(Depot *depot)
{
        DepotShell *self = (DepotShell *) depot;

        (void) ssh_connection_free(self->line.connection);
        (void) pthread_mutex_destroy(&self->lock);
        free(self->folder);
        free(self);
}

static const DepotOps depot_shell_ops = {
        .name = "ssh",
        .in_order = true,
        .begin = depot_begin,
        .open = depot_open_stream,
        .room = depot_room,
        .discard = depot_discard,
        .free = depot_shell_free,
};

int depot_shell_new(const DepotHost *host, const Target *target, SshConnection *connection,
                    Depot **ret)
{
        DepotShell *self = calloc(1, sizeof(*self));
        char output[TEXT_BYTES];
        int r;

        if (!self)
                return -ENOMEM;
        self->depot.ops = &depot_shell_ops;
        self->line = ssh_line(host, target, connection);
        (void) pthread_mutex_init(&self->lock, NULL);
        r = run_once(self, SSH_SCRIPT_PROBE, (const char *[]){ NULL }, output);
        if (r >= 0 && !strstr(output, SSH_SCRIPT_READY))
                r = -EOPNOTSUPP;
        if (r < 0) {
                self->line.connection = NULL; /* the caller's still */
                depot_shell_free(&self->depot);
                return r == -ECONNRESET || r == -ENOMEM ? r : -EOPNOTSUPP;
        }
        *ret = &self->depot;
        return 0;
}

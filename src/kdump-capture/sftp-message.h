/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The messages of SFTP version 3 (draft-ietf-secsh-filexfer-02) that saving files needs, and
 * OpenSSH's extensions of it (PROTOCOL in its sources). Pure: bytes in, bytes out. */
#pragma once

#include "macro.h"

#define SFTP_VERSION 3

/* Draft, section 3: what each side has to be able to take. Nothing longer is sent or believed. */
#define SFTP_MESSAGE_MAX_BYTES ((size_t) 34000)
#define SFTP_LENGTH_BYTES ((size_t) 4) /* in front of each message, and not counted by itself */
#define SFTP_HANDLE_MAX_BYTES ((size_t) 256)
#define SFTP_PATH_MAX_BYTES ((size_t) 4096)
#define SFTP_WRITE_DATA_MAX_BYTES ((size_t) 32768)

/* The length, what is in front of the data of a SFTP_WRITE, with the longest handle. */
#define SFTP_WRITE_HEADER_MAX_BYTES ((size_t) (4 + 1 + 4 + 4 + SFTP_HANDLE_MAX_BYTES + 8 + 4))

/* Draft, section 3 */
typedef enum SftpType {
        SFTP_INIT = 1,
        SFTP_VERSION_REPLY = 2,
        SFTP_OPEN = 3,
        SFTP_CLOSE = 4,
        SFTP_WRITE = 6,
        SFTP_FSETSTAT = 10,
        SFTP_REMOVE = 13,
        SFTP_MKDIR = 14,
        SFTP_RMDIR = 15,
        SFTP_STAT = 17,
        SFTP_RENAME = 18,
        SFTP_STATUS = 101,
        SFTP_HANDLE = 102,
        SFTP_ATTRS = 105,
        SFTP_EXTENDED = 200,
        SFTP_EXTENDED_REPLY = 201,
} SftpType;

/* Draft, section 6.3 */
typedef enum SftpOpenFlags {
        SFTP_OPEN_READ = 0x01,
        SFTP_OPEN_WRITE = 0x02,
        SFTP_OPEN_CREATE = 0x08,
        SFTP_OPEN_EXCLUSIVE = 0x20,
} SftpOpenFlags;

/* What a server has beyond the draft; in the order of the names in sftp-message.c. */
typedef enum SftpExtension {
        SFTP_EXTENSION_STATVFS,
        SFTP_EXTENSION_FSYNC,
        SFTP_EXTENSION_POSIX_RENAME,
        _SFTP_EXTENSION_MAX,
} SftpExtension;

typedef struct SftpHandle {
        uint8_t bytes[SFTP_HANDLE_MAX_BYTES];
        size_t size;
} SftpHandle;

/* What a request says. Each type uses the fields that its row names, others are left out. */
typedef struct SftpRequest {
        SftpType type;
        uint32_t id;
        SftpExtension extension; /* EXTENDED */
        const char *path;     /* OPEN, REMOVE, MKDIR, RMDIR, STAT, RENAME; statvfs, posix-rename */
        const char *new_path; /* RENAME; posix-rename */
        const SftpHandle *handle; /* CLOSE, WRITE, FSETSTAT; fsync */
        uint32_t open_flags;      /* OPEN */
        uint32_t mode;            /* OPEN, MKDIR */
        uint64_t size_bytes;      /* FSETSTAT: that of the file; nothing else is set */
        uint64_t offset_bytes;    /* WRITE */
        uint32_t data_bytes;      /* WRITE: how much follows the message that is encoded */
} SftpRequest;

typedef struct SftpRoom {
        uint64_t free_bytes; /* for this user; meaningless if it is not @known */
        bool known, read_only;
} SftpRoom;

/* What a reply says: the fields of its type. @text and @payload are of the message itself. */
typedef struct SftpReply {
        SftpType type;
        uint32_t id;                          /* not VERSION_REPLY */
        uint32_t version;                     /* VERSION_REPLY */
        bool extensions[_SFTP_EXTENSION_MAX]; /* VERSION_REPLY */
        uint32_t status;                      /* STATUS */
        const char *text;                     /* STATUS: @text_bytes, not terminated; may be NULL */
        size_t text_bytes;
        SftpHandle handle;      /* HANDLE */
        bool has_size;          /* ATTRS */
        uint64_t size_bytes;    /* ATTRS */
        const uint8_t *payload; /* EXTENDED_REPLY: what depends on the request */
        size_t payload_bytes;
} SftpReply;

/* Encodes @request with its length in front into @buffer. Returns 0; -EINVAL for a type that is no
 * request, -ENAMETOOLONG for a path, -ENOBUFS if it does not fit. Does not log, nor do the others.
 */
int sftp_request_encode(const SftpRequest *request, void *buffer, size_t capacity,
                        size_t *ret_bytes);

/* The size of the message behind these SFTP_LENGTH_BYTES bytes. -EBADMSG: none has this size. */
int sftp_length_decode(const void *bytes, size_t *ret_bytes);

/* Decodes a message without its length. Returns 0; -EBADMSG: malformed, or not a reply to any of
 * our requests. */
int sftp_reply_decode(const void *message, size_t size, SftpReply *ret);

/* The payload of a reply to statvfs@openssh.com. 0 or -EBADMSG. */
int sftp_room_decode(const SftpReply *reply, SftpRoom *ret);

/* What a status means as an errno (0: all is well); what only says "failure" is -EIO. */
int sftp_status_to_errno(uint32_t status);

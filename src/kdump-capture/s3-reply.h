/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What an object store's replies mean. Pure; a reply may be anything. */
#pragma once

#include "http-session.h"

/* As HttpJudge: also a reply of 200 may be an error (CompleteMultipartUpload, CopyObject). Adds to
 * http_status_error(): -EDQUOT. The words have the store's own code and message in them. */
int s3_reply_judge(const HttpReply *reply, char **reterr_why);

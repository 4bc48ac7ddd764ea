/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The little XML that an object store and we say to each other. Pure; a reply may be anything. */
#pragma once

#include "macro.h"

/* What of an element's text is taken; longer ones are as none. */
#define S3_XML_TEXT_MAX_BYTES ((size_t) 1024)

/* The text of the first element @name (without a prefix) that has nothing but text in it, with its
 * entities resolved; blanks around it are cut. Returns 0; -ENODATA: there is none; -EBADMSG: there
 * is one, but it holds control characters, or an entity that XML does not have, or is too long;
 * -ENOMEM. Does not log. */
int s3_xml_find(const char *xml, size_t size, const char *name, char **ret);

/* Is @name the outermost element? */
bool s3_xml_has_root(const char *xml, size_t size, const char *name);

/* What CompleteMultipartUpload wants: the parts 1 … @n_etags. */
int s3_xml_complete(char *const *etags, size_t n_etags, char **ret, size_t *ret_size);

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Values of kdump.conf: for each type how it is read into a field, written again and described. */
#pragma once

#include "directive.h"

struct ValueType {
        const char *expected; /* completes the sentence "…, expected %s" */
        size_t size;          /* of the field */

        /* Sets *@field (of this type), freeing what it held, only on success. Returns 0; -EINVAL if
         * @text is not what is expected, with *reterr_expected (the caller frees it, may stay NULL)
         * if more can be said than `expected`. Does not log. */
        int (*parse)(const char *text, void *field, char **reterr_expected);

        /* The text that parse() would read as the same value; *ret = NULL if nothing is set. */
        int (*format)(const void *field, char **ret);
};

extern const ValueType value_path;           /* char *: an absolute folder */
extern const ValueType value_program;        /* char *: an absolute file name */
extern const ValueType value_device;         /* char * */
extern const ValueType value_nfs_export;     /* char * */
extern const ValueType value_ssh_host;       /* char * */
extern const ValueType value_port;           /* unsigned: 0: not set */
extern const ValueType value_url;            /* char * */
extern const ValueType value_endpoint;       /* char * */
extern const ValueType value_region;         /* char * */
extern const ValueType value_word;           /* char *: one word */
extern const ValueType value_release;        /* char *: a kernel release */
extern const ValueType value_text;           /* char *: anything */
extern const ValueType value_words;          /* char **: words, with quotes */
extern const ValueType value_modules;        /* char **: kernel modules */
extern const ValueType value_timeout;        /* uint64_t: usec */
extern const ValueType value_deadline;       /* uint64_t: usec, 0: none */
extern const ValueType value_bool;           /* bool */
extern const ValueType value_cpus;           /* unsigned */
extern const ValueType value_failure_action; /* Action */
extern const ValueType value_final_action;   /* Action */
extern const ValueType value_collector;      /* Collector */

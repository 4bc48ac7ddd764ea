/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Fuzz target: what an object store answers. The input is the body of a reply. */
#include "fuzz.h"
#include "s3-reply.h"
#include "s3-xml.h"

static void find_one(const char *xml, size_t size, const char *name)
{
        _cleanup_free_ char *text = NULL;
        int r;

        r = s3_xml_find(xml, size, name, &text);
        FUZZ_CHECK(r == 0 || r == -ENODATA || r == -EBADMSG);
        FUZZ_CHECK((r == 0) == (text != NULL));
        if (!text)
                return;
        FUZZ_CHECK(strlen(text) <= S3_XML_TEXT_MAX_BYTES);
        for (const char *p = text; *p; p++)
                FUZZ_CHECK((unsigned char) *p >= ' ' && *p != 0x7f);
}

static void judge(char *body, size_t size, long status)
{
        const HttpReply reply = { .status = status, .body = body, .size = size };
        _cleanup_free_ char *why = NULL;
        int r;

        r = s3_reply_judge(&reply, &why);
        FUZZ_CHECK(r <= 0);
        FUZZ_CHECK((r < 0) == (why != NULL));
        FUZZ_CHECK(status == 200 || r < 0);
        FUZZ_CHECK(!why || strlen(why) < 400);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        static const char *const names[] = { "UploadId", "Code", "Message", "ETag", "" };
        _cleanup_free_ char *body = malloc(size + 1);

        FUZZ_CHECK(body);
        if (size > 0)
                memcpy(body, data, size);
        body[size] = '\0';
        for (size_t i = 0; i < ELEMENTSOF(names); i++)
                find_one(body, size, names[i]);
        if (s3_xml_has_root(body, size, "Error"))
                FUZZ_CHECK(!s3_xml_has_root(body, size, "CompleteMultipartUploadResult"));
        judge(body, size, 200);
        judge(body, size, 403);
        return 0;
}

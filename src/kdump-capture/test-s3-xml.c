/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "s3-xml.h"
#include "test.h"

typedef struct Case {
        const char *xml;
        int result;
        const char *text;
} Case;

static const Case cases[] = {
        /* As Amazon, Ceph and others write it */
        { "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<InitiateMultipartUploadResult "
          "xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">\n  <Bucket>b</Bucket>\n"
          "  <UploadId>VXBsb2Fk_ID.1-</UploadId>\n</InitiateMultipartUploadResult>",
          0, "VXBsb2Fk_ID.1-" },
        { "<R><UploadId>2~abc</UploadId></R>", 0, "2~abc" },
        { "<s:R><s:UploadId>x</s:UploadId></s:R>", 0, "x" },
        { "<R><UploadId a=\"b\">x</UploadId></R>", 0, "x" },
        { "<R><UploadId> x y\n</UploadId></R>", 0, "x y" },
        { "<R><UploadId>&quot;a&amp;b&lt;&gt;&apos;&#34;&#39;</UploadId></R>", 0, "\"a&b<>'\"'" },
        { "<R><UploadId></UploadId></R>", 0, "" },
        { "<R><!-- <UploadId>no</UploadId> --><UploadId>x</UploadId></R>", 0, "x" },
        { "<R><![CDATA[<UploadId>no</UploadId>]]><UploadId>x</UploadId></R>", 0, "x" },
        /* The first that has text */
        { "<R><UploadId/><UploadId>x</UploadId><UploadId>y</UploadId></R>", 0, "x" },
        { "<UploadId><UploadId>x</UploadId></UploadId>", 0, "x" },
        { "", -ENODATA, NULL },
        { "<html>no</html>", -ENODATA, NULL },
        { "<R><UploadIds>x</UploadIds></R>", -ENODATA, NULL },
        { "<R><uploadid>x</uploadid></R>", -ENODATA, NULL },
        { "<R><UploadId>x", -ENODATA, NULL },
        { "<R><UploadId>x</UploadId", -ENODATA, NULL },
        { "<R><UploadId", -ENODATA, NULL },
        { "<R><UploadId><b>x</b></UploadId></R>", -ENODATA, NULL },
        { "<!-- never <UploadId>x</UploadId>", -ENODATA, NULL },
        { "</UploadId>x</UploadId>", -ENODATA, NULL },
        { "<>", -ENODATA, NULL },
        { "<", -ENODATA, NULL },
        { "<R><UploadId>a\nb</UploadId></R>", -EBADMSG, NULL },
        { "<R><UploadId>a&nbsp;b</UploadId></R>", -EBADMSG, NULL },
        { "<R><UploadId>a&</UploadId></R>", -EBADMSG, NULL },
        { "<R><UploadId>a&#10;b</UploadId></R>", -EBADMSG, NULL },
};

static void test_an_element_is_found(void **state)
{
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_free_ char *text = NULL;
                int r = s3_xml_find(cases[i].xml, strlen(cases[i].xml), "UploadId", &text);

                if (r != cases[i].result || !streq_ptr(text, cases[i].text))
                        fail_msg("case %zu: %d, %s", i, r, text ?: "-");
        }
}

static void test_a_text_has_a_limit(void **state)
{
        char xml[S3_XML_TEXT_MAX_BYTES + 64];

        for (size_t length = S3_XML_TEXT_MAX_BYTES; length <= S3_XML_TEXT_MAX_BYTES + 1; length++) {
                _cleanup_free_ char *text = NULL;
                int n = snprintf(xml, sizeof(xml), "<A>%0*d</A>", (int) length, 0);

                assert_int_equal(s3_xml_find(xml, (size_t) n, "A", &text),
                                 length > S3_XML_TEXT_MAX_BYTES ? -EBADMSG : 0);
        }
}

static void test_nothing_is_read_behind_the_end(void **state)
{
        static const char xml[] = "<R><UploadId>x</UploadId></R>";

        for (size_t size = 0; size < strlen(xml); size++) {
                _cleanup_free_ char *copy = malloc(size + 1), *text = NULL;
                int r;

                assert_non_null(copy);
                memcpy(copy, xml, size);
                r = s3_xml_find(copy, size, "UploadId", &text);
                assert_int_equal(r, size < strlen("<R><UploadId>x</UploadId>") ? -ENODATA : 0);
        }
}

static bool has_root(const char *xml)
{
        return s3_xml_has_root(xml, strlen(xml), "Error");
}

static void test_the_outermost_element_is_known(void **state)
{
        assert_true(has_root("<Error><Code>x</Code></Error>"));
        assert_true(has_root("<?xml version=\"1.0\"?>\n<!-- x -->\n<Error/>"));
        assert_false(has_root("<R><Error/></R>"));
        assert_false(has_root("</Error>"));
        assert_false(has_root("  "));
        assert_false(has_root(""));
}

static void test_parts_are_listed(void **state)
{
        char *const etags[] = { (char *) "\"0a1b\"", (char *) "a<&>b" };
        _cleanup_free_ char *xml = NULL, *empty = NULL;
        size_t size = 0;

        assert_int_equal(s3_xml_complete(etags, 2, &xml, &size), 0);
        assert_string_equal(xml,
                            "<CompleteMultipartUpload>"
                            "<Part><PartNumber>1</PartNumber><ETag>\"0a1b\"</ETag></Part>"
                            "<Part><PartNumber>2</PartNumber><ETag>a&lt;&amp;&gt;b</ETag></Part>"
                            "</CompleteMultipartUpload>");
        assert_int_equal(size, strlen(xml));
        assert_int_equal(s3_xml_complete(NULL, 0, &empty, &size), 0);
        assert_string_equal(empty, "<CompleteMultipartUpload></CompleteMultipartUpload>");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_an_element_is_found),
                cmocka_unit_test(test_a_text_has_a_limit),
                cmocka_unit_test(test_nothing_is_read_behind_the_end),
                cmocka_unit_test(test_the_outermost_element_is_known),
                cmocka_unit_test(test_parts_are_listed),
        };

        return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}

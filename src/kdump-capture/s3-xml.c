/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns a scanner of tags, which knows no more of XML than these messages need. */
#include "s3-xml.h"

#include <strings.h>

typedef struct Tag {
        const char *name, *name_end; /* without a prefix */
        const char *start, *end;     /* from '<' to behind '>' */
        bool closing;                /* "</name>" */
        bool empty;                  /* "<name/>" */
} Tag;

static const char *find(const char *from, const char *end, const char *what)
{
        return memmem(from, (size_t) (end - from), what, strlen(what));
}

static bool begins_with(const char *from, const char *end, const char *what)
{
        size_t length = strlen(what);

        return (size_t) (end - from) >= length && memcmp(from, what, length) == 0;
}

static bool is_space(char c)
{
        return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* Behind a comment, a declaration or an instruction at @from; NULL if it does not end. */
static const char *skip_other(const char *from, const char *end)
{
        const char *close = begins_with(from, end, "<!--")    ? "-->"
                            : begins_with(from, end, "<?")    ? "?>"
                            : begins_with(from, end, "<![CD") ? "]]>"
                                                              : ">";
        const char *found = find(from, end, close);

        return found ? found + strlen(close) : NULL;
}

static void read_name(Tag *tag, const char *from, const char *end)
{
        const char *colon;

        tag->name = from;
        while (from < end && !is_space(*from) && *from != '>' && *from != '/')
                from++;
        tag->name_end = from;
        colon = memchr(tag->name, ':', (size_t) (from - tag->name));
        if (colon)
                tag->name = colon + 1;
}

/* The next tag at or behind @from. Attributes cannot hold a '>' in these messages. */
static bool next_tag(const char *from, const char *end, Tag *ret)
{
        while (from && (from = memchr(from, '<', (size_t) (end - from)))) {
                const char *close;

                if (begins_with(from, end, "<!") || begins_with(from, end, "<?")) {
                        from = skip_other(from, end);
                        continue;
                }
                close = memchr(from, '>', (size_t) (end - from));
                if (!close)
                        return false;
                *ret = (Tag){ .start = from, .end = close + 1 };
                ret->closing = begins_with(from, end, "</");
                ret->empty = close[-1] == '/';
                read_name(ret, from + 1 + ret->closing, close);
                return true;
        }
        return false;
}

static bool tag_is(const Tag *tag, const char *name)
{
        size_t length = (size_t) (tag->name_end - tag->name);

        return strlen(name) == length && memcmp(tag->name, name, length) == 0;
}

typedef struct Entity {
        const char *text;
        char c;
} Entity;

/* The only ones that XML has by itself (Extensible Markup Language 1.0, 4.6), and what stores write
 * for quotes. */
static const Entity entities[] = {
        { "&amp;", '&' },  { "&lt;", '<' },    { "&gt;", '>' },
        { "&quot;", '"' }, { "&apos;", '\'' }, { "&#34;", '"' },
        { "&#39;", '\'' }, { "&#x22;", '"' },  { "&#x27;", '\'' },
};

/* The character at *from, which goes on behind it; -EBADMSG. */
static int next_char(const char **from, const char *end)
{
        unsigned char c = (unsigned char) **from;

        if (c != '&') {
                (*from)++;
                return c < ' ' || c == 0x7f ? -EBADMSG : c;
        }
        for (size_t i = 0; i < ELEMENTSOF(entities); i++) {
                if (!begins_with(*from, end, entities[i].text))
                        continue;
                *from += strlen(entities[i].text);
                return (unsigned char) entities[i].c;
        }
        return -EBADMSG;
}

static int take_text(const char *from, const char *end, char **ret)
{
        _cleanup_free_ char *text = NULL;
        size_t length = 0;

        while (from < end && is_space(*from))
                from++;
        while (from < end && is_space(end[-1]))
                end--;
        if ((size_t) (end - from) > S3_XML_TEXT_MAX_BYTES)
                return -EBADMSG;
        text = malloc((size_t) (end - from) + 1);
        if (!text)
                return -ENOMEM;
        while (from < end) {
                int c = next_char(&from, end);

                if (c < 0)
                        return c;
                text[length++] = (char) c;
        }
        text[length] = '\0';
        *ret = TAKE_PTR(text);
        return 0;
}

int s3_xml_find(const char *xml, size_t size, const char *name, char **ret)
{
        const char *end = xml + size, *from = xml;
        Tag tag, next;

        while (next_tag(from, end, &tag)) {
                from = tag.end;
                if (tag.closing || tag.empty || !tag_is(&tag, name))
                        continue;
                if (next_tag(from, end, &next) && next.closing && tag_is(&next, name))
                        return take_text(tag.end, next.start, ret);
        }
        return -ENODATA;
}

bool s3_xml_has_root(const char *xml, size_t size, const char *name)
{
        Tag tag;

        return next_tag(xml, xml + size, &tag) && !tag.closing && tag_is(&tag, name);
}

static void write_escaped(FILE *f, const char *text)
{
        for (const char *p = text; *p; p++) {
                switch (*p) {
                case '&':
                        fputs("&amp;", f);
                        break;
                case '<':
                        fputs("&lt;", f);
                        break;
                case '>':
                        fputs("&gt;", f);
                        break;
                default:
                        fputc(*p, f);
                }
        }
}

int s3_xml_complete(char *const *etags, size_t n_etags, char **ret, size_t *ret_size)
{
        char *text = NULL;
        size_t size = 0;
        FILE *f = open_memstream(&text, &size);
        bool good;

        if (!f)
                return -ENOMEM;
        fputs("<CompleteMultipartUpload>", f);
        for (size_t i = 0; i < n_etags; i++) {
                fprintf(f, "<Part><PartNumber>%zu</PartNumber><ETag>", i + 1);
                write_escaped(f, etags[i]);
                fputs("</ETag></Part>", f);
        }
        fputs("</CompleteMultipartUpload>", f);
        good = ferror(f) == 0;
        if (fclose(f) != 0 || !good) {
                free(text);
                return -ENOMEM;
        }
        *ret = text;
        *ret_size = size;
        return 0;
}

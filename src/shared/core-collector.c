/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns what makedumpfile's options mean for our engine. They are those of makedumpfile(8) 1.7, and
 * --compress, which it does not have. */
#include "core-collector.h"

#include "io.h"
#include "parse.h"
#include "strv.h"
#include "words.h"

typedef enum OptionAct {
        OPTION_COMPRESS, /* -c, -l, -p, -z */
        OPTION_COMPRESS_NAME,
        OPTION_LEVEL,
        OPTION_ELF,
        OPTION_FLAT,
        OPTION_NUMBER,  /* takes a number; our engine has its own mind about it */
        OPTION_IGNORED, /* nothing to do for us */
        OPTION_PROGRAM, /* only the program itself can do that */
} OptionAct;

typedef struct Option {
        const char *name; /* "-c" or "--cyclic-buffer" */
        OptionAct act;
        bool takes_value;
        Compression compression;
} Option;

static const Option options[] = {
        { "-c", OPTION_COMPRESS, false, COMPRESSION_ZLIB },
        { "-l", OPTION_COMPRESS, false, COMPRESSION_LZO },
        { "-p", OPTION_COMPRESS, false, COMPRESSION_SNAPPY },
        { "-z", OPTION_COMPRESS, false, COMPRESSION_ZSTD },
        { "--compress", OPTION_COMPRESS_NAME, true },
        { "-d", OPTION_LEVEL, true },
        { "-E", OPTION_ELF, false },
        { "-F", OPTION_FLAT, false },
        { "-D", OPTION_IGNORED, false },
        { "-f", OPTION_IGNORED, false },
        { "-b", OPTION_NUMBER, true },
        { "--message-level", OPTION_NUMBER, true },
        { "--num-threads", OPTION_NUMBER, true },
        { "--cyclic-buffer", OPTION_NUMBER, true },
        { "--splitblock-size", OPTION_NUMBER, true },
        { "--non-cyclic", OPTION_IGNORED, false },
        { "--non-mmap", OPTION_IGNORED, false },
        { "--show-stats", OPTION_IGNORED, false },
        { "--work-dir", OPTION_IGNORED, true },
        { "-e", OPTION_PROGRAM, false },
        { "-X", OPTION_PROGRAM, false },
        { "-i", OPTION_PROGRAM, true },
        { "-x", OPTION_PROGRAM, true },
        { "--config", OPTION_PROGRAM, true },
        { "--eppic", OPTION_PROGRAM, true },
        { "--split", OPTION_PROGRAM, false },
        { "--exclude-unused-vm", OPTION_PROGRAM, false },
        { "--xen-syms", OPTION_PROGRAM, true },
        { "--xen-vmcoreinfo", OPTION_PROGRAM, true },
        { "--xen_phys_start", OPTION_PROGRAM, true },
};

/* What the words say so far. */
typedef struct Reading {
        Collector collector;
        bool compression_given, compression_named, elf, flat, program;
} Reading;

void collector_init(Collector *collector)
{
        *collector = (Collector){
                .dump_level = DUMP_LEVEL_MAX,
                .compression = COMPRESSION_LZO,
                .format = DUMP_FORMAT_KDUMP,
        };
}

void collector_done(Collector *collector)
{
        if (!collector)
                return;
        collector->argv = strv_free(collector->argv);
}

static int expected(char **reterr_expected, const char *text)
{
        char *copy = strdup(text);

        if (!copy)
                return -ENOMEM;
        free(*reterr_expected);
        *reterr_expected = copy;
        return -EINVAL;
}

/* "31" or "1,31". makedumpfile begins with the first and takes the next when the disk is full. We
 * do not try twice, so the one that leaves out most counts: less dump is better than none. */
static int parse_levels(const char *text, unsigned *ret)
{
        unsigned highest = 0;

        for (;;) {
                const char *comma = strchrnul(text, ',');
                char number[8] = "";
                uint32_t level;
                int r;

                if ((size_t) (comma - text) >= sizeof(number))
                        return -EINVAL;
                memcpy(number, text, (size_t) (comma - text));
                r = parse_u32(number, &level);
                if (r < 0)
                        return r;
                if (level > DUMP_LEVEL_MAX)
                        return -ERANGE;
                highest = MAX(highest, level);
                if (!*comma)
                        break;
                text = comma + 1;
        }
        *ret = highest;
        return 0;
}

static int apply_compression(Reading *reading, Compression compression, char **reterr_expected)
{
        if (reading->compression_given && reading->collector.compression != compression)
                return expected(reterr_expected, "only one of -c, -l, -p, -z and --compress");
        reading->compression_given = true;
        reading->collector.compression = compression;
        return 0;
}

static int apply_compression_name(Reading *reading, const char *value, char **reterr_expected)
{
        Compression compression = compression_from_string(value);

        if ((int) compression < 0)
                return expected(reterr_expected,
                                "none, zlib, lzo, snappy, zstd or auto after --compress");
        reading->compression_named = true;
        return apply_compression(reading, compression, reterr_expected);
}

static int apply_number(const Option *option, const char *value, char **reterr_expected)
{
        uint64_t number;

        if (parse_u64(value, 10, &number) >= 0)
                return 0;
        if (strprintf(reterr_expected, "a number after %s", option->name) < 0)
                return -ENOMEM;
        return -EINVAL;
}

static int apply(Reading *reading, const Option *option, const char *value, char **reterr_expected)
{
        switch (option->act) {
        case OPTION_COMPRESS:
                return apply_compression(reading, option->compression, reterr_expected);
        case OPTION_COMPRESS_NAME:
                return apply_compression_name(reading, value, reterr_expected);
        case OPTION_LEVEL:
                if (parse_levels(value, &reading->collector.dump_level) < 0)
                        return expected(reterr_expected,
                                        "dump levels from 0 to 31 after -d, such as 31 or 1,31");
                return 0;
        case OPTION_NUMBER:
                return apply_number(option, value, reterr_expected);
        case OPTION_ELF:
                reading->elf = true;
                return 0;
        case OPTION_FLAT:
                reading->flat = true;
                return 0;
        case OPTION_PROGRAM:
                reading->program = true;
                return 0;
        case OPTION_IGNORED:
                return 0;
        }
        return -EINVAL;
}

/* Finds the option that is called the first @size bytes of @name. */
static const Option *option_find(const char *name, size_t size)
{
        for (size_t i = 0; i < ELEMENTSOF(options); i++)
                if (strlen(options[i].name) == size && strncmp(options[i].name, name, size) == 0)
                        return &options[i];
        return NULL;
}

static int option_unknown(const char *word, char **reterr_expected)
{
        _cleanup_free_ char *shown = NULL;
        int r;

        r = text_display(word, strlen(word), &shown);
        if (r < 0)
                return r;
        r = strprintf(reterr_expected,
                      "options of makedumpfile such as -l, -d N or --message-level N, not '%s'",
                      shown);
        return r < 0 ? r : -EINVAL;
}

static int value_missing(const Option *option, char **reterr_expected)
{
        if (strprintf(reterr_expected, "a value after %s", option->name) < 0)
                return -ENOMEM;
        return -EINVAL;
}

/* "--name value" or "--name=value". *word moves on when the value is a word of its own. */
static int read_long_option(Reading *reading, char ***word, char **reterr_expected)
{
        const char *text = **word, *equals = strchrnul(text, '=');
        const Option *option = option_find(text, (size_t) (equals - text));
        const char *value = *equals ? equals + 1 : NULL;

        if (!option || (value && !option->takes_value))
                return option_unknown(text, reterr_expected);
        if (option->takes_value && !value) {
                if (!(*word)[1])
                        return value_missing(option, reterr_expected);
                value = *++(*word);
        }
        return apply(reading, option, value, reterr_expected);
}

/* "-c", "-cd31", "-d 31". *word moves on when the value is a word of its own. */
static int read_short_options(Reading *reading, char ***word, char **reterr_expected)
{
        const char *text = **word;
        int r;

        if (!text[1])
                return option_unknown(text, reterr_expected);
        for (const char *letter = text + 1; *letter; letter++) {
                char name[] = { '-', *letter };
                const Option *option = option_find(name, sizeof(name));
                const char *value = NULL;

                if (!option)
                        return option_unknown(text, reterr_expected);
                if (option->takes_value) {
                        value = letter[1] ? letter + 1 : (*word)[1];
                        if (!value)
                                return value_missing(option, reterr_expected);
                        if (!letter[1])
                                (*word)++;
                }
                r = apply(reading, option, value, reterr_expected);
                if (r < 0)
                        return r;
                if (value)
                        break;
        }
        return 0;
}

static int read_options(Reading *reading, char **words, char **reterr_expected)
{
        int r;

        for (char **word = words + 1; *word; word++) {
                if (startswith(*word, "--"))
                        r = read_long_option(reading, &word, reterr_expected);
                else if (**word == '-')
                        r = read_short_options(reading, &word, reterr_expected);
                else
                        r = option_unknown(*word, reterr_expected);
                if (r < 0)
                        return r;
        }
        if (reading->elf && reading->compression_given &&
            reading->collector.compression != COMPRESSION_NONE)
                return expected(reterr_expected,
                                "-E without compression (-c, -l, -p, -z, --compress)");
        if (reading->program && reading->compression_named)
                return expected(reterr_expected,
                                "-c, -l, -p or -z, not --compress, as makedumpfile itself is run");
        return 0;
}

static bool is_makedumpfile(const char *program)
{
        const char *slash = strrchr(program, '/');

        return streq(slash ? slash + 1 : program, "makedumpfile");
}

int collector_parse(const char *text, Collector *ret, char **reterr_expected)
{
        /* makedumpfile without options keeps all pages as they are. */
        Reading reading = { .collector = { .compression = COMPRESSION_NONE,
                                           .format = DUMP_FORMAT_KDUMP } };
        _cleanup_strv_ char **words = NULL;
        int r;

        r = strv_split(text, &words);
        if (r == -EINVAL)
                return expected(reterr_expected, "words with every quote closed");
        if (r < 0)
                return r;
        if (!words || !*words[0])
                return expected(reterr_expected, "a program");

        if (!is_makedumpfile(words[0])) {
                collector_init(&reading.collector);
                reading.program = true;
        } else {
                r = read_options(&reading, words, reterr_expected);
                if (r < 0)
                        return r;
                reading.collector.format = reading.elf    ? DUMP_FORMAT_ELF
                                           : reading.flat ? DUMP_FORMAT_FLAT
                                                          : DUMP_FORMAT_KDUMP;
        }
        if (reading.program)
                reading.collector.argv = TAKE_PTR(words);
        *ret = reading.collector;
        return 0;
}

int collector_format(const Collector *collector, char **ret)
{
        static const char *const letters[_COMPRESSION_MAX] = {
                [COMPRESSION_NONE] = "",    [COMPRESSION_ZLIB] = " -c",
                [COMPRESSION_LZO] = " -l",  [COMPRESSION_SNAPPY] = " -p",
                [COMPRESSION_ZSTD] = " -z", [COMPRESSION_AUTO] = " --compress=auto",
        };
        static const char *const formats[_DUMP_FORMAT_MAX] = {
                [DUMP_FORMAT_KDUMP] = "",
                [DUMP_FORMAT_ELF] = " -E",
                [DUMP_FORMAT_FLAT] = " -F",
        };

        if (collector->argv)
                return words_format(collector->argv, ret);
        return strprintf(ret, "makedumpfile%s%s -d %u",
                         collector->format == DUMP_FORMAT_ELF ? ""
                                                              : letters[collector->compression],
                         formats[collector->format], collector->dump_level);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the copies of the properties that were published, and finds what has changed since. */
#include "bus-properties.h"

#include "strv.h"
#include "utf8.h"

typedef struct PropertyRow {
        const char *name;
        const char *type;
        size_t offset;
} PropertyRow;

#define ROW(name, type, field) { name, type, offsetof(BusProperties, field) },
static const PropertyRow rows[] = { BUS_PROPERTIES(ROW) };
#undef ROW

static const void *field_of(const BusProperties *p, const PropertyRow *row)
{
        return (const uint8_t *) p + row->offset;
}

void bus_properties_done(BusProperties *p)
{
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                const void *field = field_of(p, &rows[i]);

                if (streq(rows[i].type, "s"))
                        free(*(char *const *) field);
                else if (streq(rows[i].type, "as"))
                        strv_free(*(char **const *) field);
        }
        *p = (BusProperties){ 0 };
}

static int copy_string(const char **s)
{
        char *copy = strdup(*s ?: "");

        *s = copy;
        if (!copy)
                return -ENOMEM;
        utf8_clean(copy);
        return 0;
}

static int copy_list(char ***list)
{
        char **copy = NULL;
        int r;

        r = strv_copy(*list, &copy);
        *list = r < 0 ? NULL : copy;
        if (r < 0)
                return r;
        for (; copy && *copy; copy++)
                utf8_clean(*copy);
        return 0;
}

int bus_properties_copy(const BusProperties *from, BusProperties *ret)
{
        BusProperties copy = *from;
        int r = 0;

        /* All of them, also after a failure: what is left in the copy is then its own. */
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                void *field = (uint8_t *) &copy + rows[i].offset;
                int q = 0;

                if (streq(rows[i].type, "s"))
                        q = copy_string(field);
                else if (streq(rows[i].type, "as"))
                        q = copy_list(field);
                if (q < 0)
                        r = q;
        }
        if (r < 0) {
                bus_properties_done(&copy);
                return r;
        }
        *ret = copy;
        return 0;
}

static bool lists_equal(char *const *a, char *const *b)
{
        size_t n = strv_length(a);

        if (n != strv_length(b))
                return false;
        for (size_t i = 0; i < n; i++)
                if (!streq(a[i], b[i]))
                        return false;
        return true;
}

static bool field_equal(const PropertyRow *row, const void *a, const void *b)
{
        switch (row->type[0]) {
        case 's':
                return streq(*(const char *const *) a ?: "", *(const char *const *) b ?: "");
        case 'a':
                return lists_equal(*(char *const *const *) a, *(char *const *const *) b);
        case 'b':
                return !*(const int *) a == !*(const int *) b;
        default:
                return *(const uint64_t *) a == *(const uint64_t *) b;
        }
}

int bus_properties_compare(const BusProperties *a, const BusProperties *b, char ***ret_names)
{
        _cleanup_strv_ char **names = NULL;
        int r;

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                if (field_equal(&rows[i], field_of(a, &rows[i]), field_of(b, &rows[i])))
                        continue;
                r = strv_extend(&names, rows[i].name);
                if (r < 0)
                        return r;
        }
        *ret_names = TAKE_PTR(names);
        return 0;
}

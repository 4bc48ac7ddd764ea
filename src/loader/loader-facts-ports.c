/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the I/O ports that a purgatory may use: of a console, and of the reset register. */
#include "loader-facts-internal.h"
#include "parse.h"
#include "rootdir.h"
#include "strv.h"

/* The FADT (ACPI specification, 5.2.9) and a Generic Address Structure in it (5.2.3.2) */
#define FADT_BYTES_MAX 4096U
#define FADT_FLAGS_OFFSET 112U
#define FADT_RESET_OFFSET 116U
#define FADT_RESET_VALUE_OFFSET 128U
#define FADT_RESET_SUPPORTED (1U << 10)

#define GAS_SPACE_OFFSET 0U
#define GAS_BITS_OFFSET 1U
#define GAS_FIRST_BIT_OFFSET 2U
#define GAS_ADDRESS_OFFSET 4U
#define GAS_SPACE_IO 1U

static int read_reset(int root_fd, LoaderFacts *facts)
{
        _cleanup_free_ char *data = NULL;
        const uint8_t *table, *gas;
        uint64_t address;
        uint32_t flags;
        size_t size;
        int r;

        r = root_read(root_fd, "/sys/firmware/acpi/tables/FACP", FADT_BYTES_MAX, &data, &size);
        if (r < 0)
                return facts_unless_passing(r);
        if (size <= FADT_RESET_VALUE_OFFSET || memcmp(data, "FACP", 4) != 0)
                return 0;
        table = (const uint8_t *) data;
        gas = table + FADT_RESET_OFFSET;
        memcpy(&flags, table + FADT_FLAGS_OFFSET, sizeof(flags));
        memcpy(&address, gas + GAS_ADDRESS_OFFSET, sizeof(address));
        /* In memory it would have to be mapped; in PCI's it would take more than one port. */
        if (!(flags & FADT_RESET_SUPPORTED) || gas[GAS_SPACE_OFFSET] != GAS_SPACE_IO ||
            gas[GAS_BITS_OFFSET] != 8 || gas[GAS_FIRST_BIT_OFFSET] != 0 || address == 0 ||
            address > UINT16_MAX)
                return 0;
        facts->fadt_reset_port = (uint16_t) address;
        facts->fadt_reset_value = table[FADT_RESET_VALUE_OFFSET];
        return 0;
}

/* The port of console @name if it is a UART that is one: UPIO_PORT is 0
 * (include/linux/serial_core.h); "0x3F8" (drivers/tty/serial/serial_core.c). Returns 0; -ENODATA or
 * what it could not be read for if it is not. */
static int read_port(int root_fd, const char *name, uint16_t *ret)
{
        _cleanup_free_ char *type_path = NULL, *port_path = NULL;
        uint64_t type, port;
        int r;

        if (!startswith(name, "ttyS") || strchr(name, '/'))
                return -ENODATA;
        r = strprintf(&type_path, "/sys/class/tty/%s/io_type", name);
        if (r < 0)
                return r;
        r = strprintf(&port_path, "/sys/class/tty/%s/port", name);
        if (r < 0)
                return r;
        r = facts_read_u64(root_fd, type_path, 10, &type);
        if (r < 0)
                return r;
        r = facts_read_u64(root_fd, port_path, 16, &port);
        if (r < 0)
                return r;
        if (type != 0 || port == 0 || port > UINT16_MAX - 7)
                return -ENODATA;
        *ret = (uint16_t) port;
        return 0;
}

/* The kernel writes the one that is /dev/console last (show_cons_active() of drivers/tty/tty_io.c),
 * so the last one is the best. */
static int read_serial(int root_fd, LoaderFacts *facts)
{
        _cleanup_free_ char *line = NULL;
        _cleanup_strv_ char **names = NULL;
        int r;

        r = root_read_line(root_fd, "/sys/class/tty/console/active", &line);
        if (r < 0)
                return facts_unless_passing(r);
        r = strv_split(line, &names);
        if (r < 0)
                return facts_unless_passing(r);
        for (char **name = names; name && *name; name++) {
                r = read_port(root_fd, *name, &facts->serial_port);
                if (loader_facts_error_passes(r))
                        return r;
        }
        return 0;
}

int facts_read_ports(int root_fd, LoaderFacts *facts)
{
        int r = read_reset(root_fd, facts);

        return r < 0 ? r : read_serial(root_fd, facts);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns what the purgatory says, and that it never waits long to say it. */
#include "serial.h"

/* At 9600 baud a character takes 1 ms; a read of a port takes about 1 us. */
#define POLLS_MAX 100000U
#define CHARS_MAX 400U

/* Registers of a 16550, from its port on */
#define REGISTER_DATA 0
#define REGISTER_LINE_STATUS 5
#define LINE_STATUS_ROOM 0x20

static bool port_is_ready(Purgatory *purgatory)
{
        Machine *machine = purgatory->machine;
        uint16_t port = (uint16_t) (purgatory->serial_port + REGISTER_LINE_STATUS);

        for (uint32_t i = 0; i < POLLS_MAX; i++)
                if (machine->in8(machine, port) & LINE_STATUS_ROOM)
                        return true;
        return false;
}

static void char_write(Purgatory *purgatory, char c)
{
        Machine *machine = purgatory->machine;

        if (purgatory->serial_port == 0 || purgatory->serial_chars >= CHARS_MAX)
                return;
        if (purgatory->serial_port > UINT16_MAX - REGISTER_LINE_STATUS ||
            !port_is_ready(purgatory)) {
                purgatory->serial_port = 0;
                return;
        }
        purgatory->serial_chars++;
        machine->out8(machine, purgatory->serial_port + REGISTER_DATA, (uint8_t) c);
}

void serial_text(Purgatory *purgatory, const char *text)
{
        for (; *text; text++)
                char_write(purgatory, *text);
}

void serial_number(Purgatory *purgatory, uint32_t number)
{
        uint32_t unit = 1;

        while (number / unit >= 10)
                unit *= 10;
        for (; unit > 0; unit /= 10)
                char_write(purgatory, (char) ('0' + number / unit % 10));
}

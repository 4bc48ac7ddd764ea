/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The text form of hardware addresses of Ethernet. */
#pragma once

#include "macro.h"

#define MAC_BYTES 6
#define MAC_TEXT_BYTES 18

static inline int mac_parse(const char *text, uint8_t ret[static MAC_BYTES])
{
        for (size_t i = 0; i < MAC_BYTES; i++) {
                unsigned value = 0;

                for (size_t digit = 0; digit < 2; digit++) {
                        static const char digits[] = "0123456789abcdef0123456789ABCDEF";
                        const char *found = *text ? strchr(digits, *text) : NULL;

                        if (!found)
                                return -EINVAL;
                        value = value * 16 + (unsigned) (found - digits) % 16;
                        text++;
                }
                if (*text != (i + 1 < MAC_BYTES ? ':' : '\0'))
                        return -EINVAL;
                text += i + 1 < MAC_BYTES;
                ret[i] = (uint8_t) value;
        }
        return 0;
}

/* Returns @buffer. */
static inline const char *mac_format(const uint8_t mac[static MAC_BYTES],
                                     char buffer[static MAC_TEXT_BYTES])
{
        (void) snprintf(buffer, MAC_TEXT_BYTES, "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1],
                        mac[2], mac[3], mac[4], mac[5]);
        return buffer;
}

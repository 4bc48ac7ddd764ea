/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the text form of IP addresses, and what is inside which network. */
#include "address.h"

#include <arpa/inet.h>

#include "parse.h"

size_t address_size(int family)
{
        return family == AF_INET ? 4 : family == AF_INET6 ? 16 : 0;
}

static unsigned family_bits(int family)
{
        return 8 * (unsigned) address_size(family);
}

/* Cuts "/24" off @text. Returns 1; 0 if there is none. */
static int cut_prefix(char *text, unsigned *ret)
{
        char *slash = strchr(text, '/');
        uint32_t bits;

        if (!slash)
                return 0;
        *slash = '\0';
        if (parse_u32(slash + 1, &bits) < 0 || bits > 128)
                return -EINVAL;
        *ret = bits;
        return 1;
}

/* Of "[x]" and "x%eth0" x. */
static char *bare_text(char *text)
{
        size_t n = strlen(text);
        char *percent;

        if (n >= 2 && text[0] == '[' && text[n - 1] == ']') {
                text[n - 1] = '\0';
                text++;
        }
        percent = strchr(text, '%');
        if (percent && strchr(text, ':'))
                *percent = '\0';
        return text;
}

int address_parse(const char *text, Address *ret)
{
        char copy[ADDRESS_TEXT_BYTES], *bare;
        Address address = { 0 };
        unsigned bits;
        int has_prefix;

        if (!text || strlen(text) >= sizeof(copy))
                return -EINVAL;
        memcpy(copy, text, strlen(text) + 1);
        has_prefix = cut_prefix(copy, &bits);
        if (has_prefix < 0)
                return has_prefix;
        bare = bare_text(copy);
        address.family = strchr(bare, ':') ? AF_INET6 : AF_INET;
        if (inet_pton(address.family, bare, address.bytes) != 1)
                return -EINVAL;
        address.prefix_bits = has_prefix ? bits : family_bits(address.family);
        if (address.prefix_bits > family_bits(address.family))
                return -EINVAL;
        *ret = address;
        return 0;
}

int address_from_bytes(int family, const void *bytes, size_t size, unsigned prefix_bits,
                       Address *ret)
{
        Address address = { .family = family, .prefix_bits = prefix_bits };

        if (size == 0 || size != address_size(family) || prefix_bits > family_bits(family))
                return -EBADMSG;
        memcpy(address.bytes, bytes, size);
        *ret = address;
        return 0;
}

const char *address_format(const Address *address, char buffer[static ADDRESS_TEXT_BYTES])
{
        if (!inet_ntop(address->family, address->bytes, buffer, ADDRESS_TEXT_BYTES))
                buffer[0] = '\0';
        return buffer;
}

const char *address_format_prefix(const Address *address, char buffer[static ADDRESS_TEXT_BYTES])
{
        size_t n = strlen(address_format(address, buffer));

        (void) snprintf(buffer + n, ADDRESS_TEXT_BYTES - n, "/%u", address->prefix_bits);
        return buffer;
}

bool address_equal(const Address *a, const Address *b)
{
        return a->family == b->family && memcmp(a->bytes, b->bytes, address_size(a->family)) == 0;
}

Address address_network(Address address)
{
        for (unsigned bit = address.prefix_bits; bit < family_bits(address.family); bit++)
                address.bytes[bit / 8] &= (uint8_t) ~(0x80U >> (bit % 8));
        return address;
}

Address address_host(Address address)
{
        address.prefix_bits = family_bits(address.family);
        return address;
}

bool address_covers(const Address *network, const Address *address)
{
        Address inside = *address, outside = address_network(*network);

        if (network->family != address->family)
                return false;
        inside.prefix_bits = network->prefix_bits;
        inside = address_network(inside);
        return address_equal(&outside, &inside);
}

bool address_is_loopback(const Address *address)
{
        static const uint8_t ipv6[16] = { [15] = 1 };

        if (address->family == AF_INET)
                return address->bytes[0] == 127;
        return address->family == AF_INET6 && memcmp(address->bytes, ipv6, sizeof(ipv6)) == 0;
}

bool address_is_link_local(const Address *address)
{
        return address->family == AF_INET6 && address->bytes[0] == 0xfe &&
               (address->bytes[1] & 0xc0) == 0x80;
}

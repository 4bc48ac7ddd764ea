/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Address: an IPv4 or IPv6 address, with the length of a prefix. None of these log. */
#pragma once

#include <sys/socket.h>

#include "macro.h"

/* "255.255.255.255/32" and the longest of IPv6, with "%" and the name of an interface. */
#define ADDRESS_TEXT_BYTES 72

typedef struct Address {
        int family; /* AF_INET, AF_INET6; 0: none */
        uint8_t bytes[16];
        unsigned prefix_bits;
} Address;

/* The bytes of an address of @family, 0 if it is none of the two. */
size_t address_size(int family);

/* "192.0.2.1", "2001:db8::1", "[2001:db8::1]", "fe80::1%eth0", each with or without "/24"; without,
 * the prefix is the whole address. What follows '%' is left out. Returns 0; -EINVAL. */
int address_parse(const char *text, Address *ret);

/* From @size bytes in network order. Returns 0; -EBADMSG if that is not the size of @family's. */
int address_from_bytes(int family, const void *bytes, size_t size, unsigned prefix_bits,
                       Address *ret);

/* Without and with "/24". Both return @buffer. */
const char *address_format(const Address *address, char buffer[static ADDRESS_TEXT_BYTES]);
const char *address_format_prefix(const Address *address, char buffer[static ADDRESS_TEXT_BYTES]);

/* Whether both are the same address, whatever their prefixes are. */
bool address_equal(const Address *a, const Address *b);

/* Whether @address is in the network of @network. */
bool address_covers(const Address *network, const Address *address);

/* The same with all bits behind the prefix zero. */
Address address_network(Address address);

/* The same with a prefix of all its bits. */
Address address_host(Address address);

bool address_is_loopback(const Address *address);
bool address_is_link_local(const Address *address); /* of IPv6: fe80::/10 */

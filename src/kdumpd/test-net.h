/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A machine's network for tests, as the messages that the kernel would tell of it. Everything fails
 * the test that it is called from. */
#pragma once

#include "test.h"

#include "net-facts.h"
#include "netlink.h"

typedef struct TestNet {
        uint8_t data[32768];
        size_t size;
        size_t open[8]; /* where the message, and the attributes round the next one, begin */
        size_t n_open;
} TestNet;

/* The frame of a message or of an attribute that holds others. */
void test_net_begin(TestNet *net, uint16_t type, const void *body, size_t size);
void test_net_nest(TestNet *net, uint16_t type);
void test_net_end(TestNet *net); /* of the innermost */

void test_net_put(TestNet *net, uint16_t type, const void *value, size_t size);
void test_net_put_u8(TestNet *net, uint16_t type, uint8_t value);
void test_net_put_u16(TestNet *net, uint16_t type, uint16_t value);
void test_net_put_u32(TestNet *net, uint16_t type, uint32_t value);
void test_net_put_text(TestNet *net, uint16_t type, const char *value);
void test_net_put_address(TestNet *net, uint16_t type, const char *value);

/* Opens the message of a link; the caller may put more and ends it. @permanent_mac: NULL for none.
 */
void test_net_link(TestNet *net, uint32_t index, const char *name, const char *mac,
                   const char *permanent_mac);

/* A whole NIC with its own address 52:54:00:00:00:@index; @master: 0 for none. */
void test_net_nic(TestNet *net, uint32_t index, const char *name, uint32_t master);

/* A whole VLAN, with the hardware address of NIC 1; @protocol in the machine's order. */
void test_net_vlan(TestNet *net, uint32_t index, const char *name, uint32_t parent, uint16_t id,
                   uint16_t protocol);

/* Whole ones without options of their own. */
void test_net_kind(TestNet *net, uint32_t index, const char *name, const char *kind,
                   uint32_t master);

/* "192.0.2.7/24" with IFA_F_* @flags. */
void test_net_address(TestNet *net, uint32_t link, const char *address, uint32_t flags);

/* @gateway: NULL for none. */
void test_net_route(TestNet *net, uint32_t link, const char *to, const char *gateway,
                    uint8_t protocol, uint32_t metric);

/* What all this comes to. net_facts_done() it. */
void test_net_facts(const TestNet *net, NetFacts *ret);

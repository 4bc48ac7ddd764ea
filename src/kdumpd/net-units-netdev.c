/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the .netdev files: bonds, bridges and VLANs, as they are now, in the words of
 * systemd.netdev(5). */
#include "net-units-internal.h"

#include <arpa/inet.h>
#include <linux/if_bonding.h>
#include <linux/if_ether.h>
#include <linux/if_vlan.h>

/* Of include/uapi/linux/if_bonding.h and bond_opts[] of drivers/net/bonding/bond_options.c. */
static const char *const modes[] = {
        [BOND_MODE_ROUNDROBIN] = "balance-rr", [BOND_MODE_ACTIVEBACKUP] = "active-backup",
        [BOND_MODE_XOR] = "balance-xor",       [BOND_MODE_BROADCAST] = "broadcast",
        [BOND_MODE_8023AD] = "802.3ad",        [BOND_MODE_TLB] = "balance-tlb",
        [BOND_MODE_ALB] = "balance-alb",
};
/* Without the last one, "vlan+srcmac", which networkd 252 does not know: then it is the kernel's
 * default, which works as well. */
static const char *const hashes[] = { "layer2", "layer3+4", "layer2+3", "encap2+3", "encap3+4" };
static const char *const lacp_rates[] = { "slow", "fast" };
static const char *const ad_selects[] = { "stable", "bandwidth", "count" };
static const char *const fail_overs[] = { "none", "active", "follow" };
static const char *const reselects[] = { "always", "better", "failure" };
static const char *const arp_validates[] = { "none", "active", "backup", "all" };
static const char *const arp_alls[] = { "any", "all" };

#define MODE(name) (1U << (BOND_MODE_##name))
#define MODES_ALL UINT32_MAX
#define MODES_PRIMARY (MODE(ACTIVEBACKUP) | MODE(TLB) | MODE(ALB))
#define MODES_ARP (MODE(ROUNDROBIN) | MODE(ACTIVEBACKUP) | MODE(XOR) | MODE(BROADCAST))

/* What the kernel refuses in a mode (unsuppmodes) would fail the whole bond. */
typedef struct BondWord {
        const char *key;
        NetBondOption option;
        uint32_t modes;
        const char *const *names; /* NULL: a number */
        size_t n_names;
        const char *unit; /* of a number */
        bool zero;        /* 0 is worth a line */
} BondWord;

#define NAMES(list) .names = (list), .n_names = ELEMENTSOF(list), .zero = true

static const BondWord bond_words[] = {
        { "Mode", NET_BOND_MODE, MODES_ALL, NAMES(modes) },
        { "TransmitHashPolicy", NET_BOND_XMIT_HASH_POLICY, MODE(XOR) | MODE(8023AD) | MODE(TLB),
          NAMES(hashes) },
        { "LACPTransmitRate", NET_BOND_AD_LACP_RATE, MODE(8023AD), NAMES(lacp_rates) },
        { "AdSelect", NET_BOND_AD_SELECT, MODE(8023AD), NAMES(ad_selects) },
        { "AdActorSystemPriority", NET_BOND_AD_ACTOR_SYS_PRIO, MODE(8023AD) },
        { "AdUserPortKey", NET_BOND_AD_USER_PORT_KEY, MODE(8023AD) },
        { "MinLinks", NET_BOND_MIN_LINKS, MODE(8023AD) },
        { "PacketsPerSlave", NET_BOND_PACKETS_PER_SLAVE, MODE(ROUNDROBIN), .zero = true },
        { "FailOverMACPolicy", NET_BOND_FAIL_OVER_MAC, MODE(ACTIVEBACKUP), NAMES(fail_overs) },
        { "PrimaryReselectPolicy", NET_BOND_PRIMARY_RESELECT, MODES_PRIMARY, NAMES(reselects) },
};

/* Without one or the other a link that is down would never be noticed; both at once are refused. */
static const BondWord mii_words[] = {
        { "MIIMonitorSec", NET_BOND_MIIMON_MSEC, MODES_ALL, .unit = "ms" },
        { "UpDelaySec", NET_BOND_UPDELAY_MSEC, MODES_ALL, .unit = "ms" },
        { "DownDelaySec", NET_BOND_DOWNDELAY_MSEC, MODES_ALL, .unit = "ms" },
};
static const BondWord arp_words[] = {
        { "ARPIntervalSec", NET_BOND_ARP_INTERVAL_MSEC, MODES_ARP, .unit = "ms" },
        { "ARPValidate", NET_BOND_ARP_VALIDATE, MODE(ACTIVEBACKUP), NAMES(arp_validates) },
        { "ARPAllTargets", NET_BOND_ARP_ALL_TARGETS, MODE(ACTIVEBACKUP), NAMES(arp_alls) },
};

static void write_words(FILE *f, const NetBond *bond, const BondWord *words, size_t n)
{
        const uint32_t mode = bond->options[NET_BOND_MODE];

        for (size_t i = 0; i < n; i++) {
                const BondWord *word = &words[i];
                const uint32_t value = bond->options[word->option];

                if (mode >= 32 || !(word->modes & (1U << mode)) || (value == 0 && !word->zero))
                        continue;
                if (!word->names)
                        (void) fprintf(f, "%s=%u%s\n", word->key, value, word->unit ?: "");
                else if (value < word->n_names)
                        (void) fprintf(f, "%s=%s\n", word->key, word->names[value]);
        }
}

static void write_arp_targets(FILE *f, const NetBond *bond)
{
        for (size_t i = 0; i < bond->n_arp_targets; i++) {
                char text[INET_ADDRSTRLEN];

                if (inet_ntop(AF_INET, bond->arp_targets[i], text, sizeof(text)))
                        (void) fprintf(f, "%s%s", i == 0 ? "ARPIPTargets=" : " ", text);
        }
        (void) fputs("\n", f);
}

static void write_bond(FILE *f, const NetBond *bond)
{
        (void) fputs("\n[Bond]\n", f);
        write_words(f, bond, bond_words, ELEMENTSOF(bond_words));
        if (bond->options[NET_BOND_ARP_INTERVAL_MSEC] > 0 && bond->n_arp_targets > 0) {
                write_words(f, bond, arp_words, ELEMENTSOF(arp_words));
                write_arp_targets(f, bond);
        } else if (bond->options[NET_BOND_MIIMON_MSEC] > 0)
                write_words(f, bond, mii_words, ELEMENTSOF(mii_words));
        else
                (void) fputs("MIIMonitorSec=100ms\n", f);
}

/* With one way out of the machine there can be no loop, and the tree would only keep that way shut
 * for twice the delay. Which VLANs a port may take part in is not said: all of them. */
static void write_bridge(FILE *f, const NetPlanLink *planned)
{
        const NetBridge *bridge = &planned->link->bridge;

        (void) fputs("\n[Bridge]\nMulticastSnooping=no\n", f);
        if (bridge->stp == 0 || planned->n_ports < 2) {
                (void) fputs("STP=no\nForwardDelaySec=0\n", f);
                return;
        }
        (void) fprintf(f,
                       "STP=yes\nPriority=%u\nForwardDelaySec=%u0ms\nHelloTimeSec=%u0ms\n"
                       "MaxAgeSec=%u0ms\n",
                       bridge->priority, bridge->forward_delay_csec, bridge->hello_time_csec,
                       bridge->max_age_csec);
}

static void write_vlan(FILE *f, const NetVlan *vlan)
{
        (void) fprintf(f, "\n[VLAN]\nId=%u\nProtocol=%s\n", vlan->id,
                       vlan->protocol == ETH_P_8021AD ? "802.1ad" : "802.1q");
        (void) fprintf(f, "GVRP=%s\nMVRP=%s\n", vlan->flags & VLAN_FLAG_GVRP ? "yes" : "no",
                       vlan->flags & VLAN_FLAG_MVRP ? "yes" : "no");
}

/* Its address is what the far side knows it by. A bond that takes that of its active port is left
 * to do so. */
static bool has_own_mac(const NetLink *link)
{
        return link->has_mac && !(link->kind == NET_KIND_BOND &&
                                  link->bond.options[NET_BOND_MODE] == BOND_MODE_ACTIVEBACKUP &&
                                  link->bond.options[NET_BOND_FAIL_OVER_MAC] != 0);
}

void net_units_write_netdev(FILE *f, const NetPlanLink *planned)
{
        const NetLink *link = planned->link;
        char mac[MAC_TEXT_BYTES];

        (void) fprintf(f, "[NetDev]\nName=%s\nKind=%s\n", link->name, link->kind_name);
        if (has_own_mac(link))
                (void) fprintf(f, "MACAddress=%s\n", mac_format(link->mac, mac));
        switch (link->kind) {
        case NET_KIND_BOND:
                write_bond(f, &link->bond);
                break;
        case NET_KIND_BRIDGE:
                write_bridge(f, planned);
                break;
        case NET_KIND_VLAN:
                write_vlan(f, &link->vlan);
                break;
        default:
                break;
        }
}

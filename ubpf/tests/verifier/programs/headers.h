/* SPDX-License-Identifier: Apache-2.0
 *
 * What the programs here share: the ABI, packet headers, maps. */

#ifndef VERIFIER_TEST_HEADERS_H
#define VERIFIER_TEST_HEADERS_H 1

#include "../../prog/ubpf_program.h"

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;

#define PACKED __attribute__((packed))
#define PROG   SECTION(UBPF_SEC_PROG)
#define MAP(NAME, TYPE, KEY, VALUE, MAX)                \
    struct ubpf_map_def NAME SECTION(UBPF_SEC_MAPS) = { \
        UBPF_MAP_TYPE_##TYPE, sizeof(KEY), sizeof(VALUE), MAX, 0}

static inline u16
ntoh16(u16 x)
{
    return __builtin_bswap16(x);
}
static inline u32
ntoh32(u32 x)
{
    return __builtin_bswap32(x);
}

struct eth {
    u8 dst[6], src[6];
    u16 type;
} PACKED;
struct vlan {
    u16 tci, type;
} PACKED;
struct ipv4 {
    u8 ver_ihl, tos;
    u16 len, id, frag;
    u8 ttl, proto;
    u16 csum;
    u32 src, dst;
} PACKED;
struct ipv6 {
    u32 flow;
    u16 len;
    u8 next, hops;
    u64 src[2], dst[2];
} PACKED;
struct tcp {
    u16 sport, dport;
    u32 seq, ack;
    u16 flags, window, csum, urgent;
} PACKED;
struct udp {
    u16 sport, dport, len, csum;
} PACKED;
struct mpls {
    u32 label;
} PACKED;

#define DATA(CTX)     ((u8 *) (CTX)->data)
#define DATA_END(CTX) ((u8 *) (CTX)->data_end)

#endif /* headers.h */

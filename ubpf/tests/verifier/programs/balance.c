/* SPDX-License-Identifier: Apache-2.0
 *
 * A load balancer: members by a remainder, of a number from a map, which some
 * compilers divide, multiply and subtract for. */

#include "headers.h"

struct service {
    u32 n, members[16];
};
struct member {
    u32 address, port;
    u64 connections;
};
MAP(services, HASH, u32, struct service, 64);
MAP(members, ARRAY, u32, struct member, 256);

PROG u64
balance(struct ubpf_ctx *ctx)
{
    u8 *p = DATA(ctx), *end = DATA_END(ctx);
    struct service *service;
    struct member *member;
    u32 key, n, hash;

    if (p + 38 > end) {
        return UBPF_DROP;
    }
    key = *(u32 *) (p + 30);
    service = map_lookup(&services, &key);
    if (!service) {
        return UBPF_PASS;
    }
    n = service->n;
    if (n == 0 || n > 16) {
        return UBPF_DROP;
    }
    hash = (u32) hash_lookup3(p + 26, 12, 0);
    key = service->members[hash % n];
    member = map_lookup(&members, &key);
    if (!member) {
        return UBPF_DROP;
    }
    member->connections++;
    *(u32 *) (p + 30) = member->address;
    ctx->output_port = member->port;
    return UBPF_REDIRECT;
}

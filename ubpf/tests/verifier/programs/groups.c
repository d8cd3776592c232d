/* SPDX-License-Identifier: Apache-2.0
 *
 * A group of next hops, chosen by destination, and a member of it, by the
 * flow: maps in an array. */

#include "headers.h"

struct member {
    u32 port, weight;
};
MAP(hops, HASH, u32, struct member, 16);
MAP(routes, HASH, u32, u32, 64);
MAP(counters, THREAD_ARRAY, u32, u64, 8);

struct ubpf_map_def groups __attribute__((section("maps"), used)) = {
    .type = UBPF_MAP_TYPE_ARRAY_OF_MAPS,
    .key_size = sizeof(u32),
    .value_size = sizeof(u32),
    .max_entries = 4,
    .extra = 0,
};
struct ubpf_map_def counts __attribute__((section("maps"), used)) = {
    .type = UBPF_MAP_TYPE_ARRAY_OF_MAPS,
    .key_size = sizeof(u32),
    .value_size = sizeof(u32),
    .max_entries = 4,
    .extra = 2,
};

/* Adds to a counter in one of two maps. */
static void
count(u32 index)
{
    u32 which = index & 1;
    void *map = map_lookup(&counts, &which);
    u64 *n = map ? map_lookup(map, &index) : 0;

    if (n) {
        ++*n;
    }
}

PROG u64
groups_program(struct ubpf_ctx *ctx)
{
    u8 *p = DATA(ctx), *end = DATA_END(ctx);
    struct eth *eth = (void *) p;
    struct ipv4 *ip = (void *) (p + sizeof *eth);
    struct member *member;
    u32 group, flow;
    void *map;

    if ((u8 *) (ip + 1) > end) {
        return UBPF_DROP;
    }
    group = ip->dst & 7;
    map = map_lookup(&groups, &group);
    if (!map) {
        count(1);
        return UBPF_PASS;
    }
    flow = ip->src & 7;
    member = map_lookup(map, &flow);
    if (!member) {
        struct member fresh = {flow, 1};

        count(2);
        return map_update(map, &flow, &fresh, UBPF_NOEXIST) ? UBPF_PASS
                                                            : UBPF_DROP;
    }
    member->weight++;
    if (member->weight % 16 == 0) {
        map_delete(map, &flow);
    }
    ctx->output_port = member->port;
    return UBPF_REDIRECT;
}

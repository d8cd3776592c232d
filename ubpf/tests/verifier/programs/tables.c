/* SPDX-License-Identifier: Apache-2.0
 *
 * Six tables in a row, each with actions that set metadata which later tables
 * use: many paths, few of which matter. */

#include "headers.h"

struct meta {
    u32 vrf, class, port, mark, color, hop;
};
struct entry {
    u32 action, a, b;
};
MAP(t0, HASH, u32, struct entry, 64);
MAP(t1, HASH, u32, struct entry, 64);
MAP(t2, HASH, u64, struct entry, 64);
MAP(t3, HASH, u32, struct entry, 64);
MAP(t4, HASH, u64, struct entry, 64);
MAP(t5, HASH, u32, struct entry, 64);

static inline __attribute__((always_inline)) int
apply(struct entry *e, struct meta *m, u8 *hit)
{
    *hit = e != 0;
    if (!e) {
        return 1;
    }
    switch (e->action) {
    case 0:
        m->vrf = e->a;
        break;
    case 1:
        m->class = e->a;
        m->mark = 7;
        break;
    case 2:
        m->port = e->a;
        m->hop = e->b;
        break;
    case 3:
        m->color ^= 3;
        break;
    case 4:
        return 0;
    default:
        m->mark = 0;
    }
    return 1;
}

PROG u64
tables(struct ubpf_ctx *ctx)
{
    u8 *p = DATA(ctx), *end = DATA_END(ctx), hit[6];
    struct meta m = {0};
    u64 wide;
    u32 key;

    if (p + 34 > end) {
        return UBPF_DROP;
    }
    key = ctx->input_port;
    if (!apply(map_lookup(&t0, &key), &m, &hit[0])) {
        return UBPF_DROP;
    }
    key = m.vrf;
    if (!apply(map_lookup(&t1, &key), &m, &hit[1])) {
        return UBPF_DROP;
    }
    wide = (u64) m.class << 32 | *(u32 *) (p + 30);
    if (hit[0] && !apply(map_lookup(&t2, &wide), &m, &hit[2])) {
        return UBPF_DROP;
    }
    key = m.mark + m.color;
    if (hit[1] && !apply(map_lookup(&t3, &key), &m, &hit[3])) {
        return UBPF_DROP;
    }
    wide = (u64) m.hop << 32 | m.port;
    if (!apply(map_lookup(&t4, &wide), &m, &hit[4])) {
        return UBPF_DROP;
    }
    key = m.port;
    if (hit[4] && !apply(map_lookup(&t5, &key), &m, &hit[5])) {
        return UBPF_DROP;
    }
    if (m.mark) {
        p[1] = (u8) m.color;
    }
    ctx->output_port = m.port;
    return UBPF_REDIRECT;
}

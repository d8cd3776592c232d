/* SPDX-License-Identifier: Apache-2.0
 *
 * A parser with a cursor that is kept in memory, then twelve tables whose
 * actions set metadata, of which each table matches on some: more paths than
 * can be followed one by one. */

#include "headers.h"

struct meta {
    u32 vrf, class, port, mark, color, hop;
};
struct entry {
    u32 action, a, b;
};
#define TABLE(N) MAP(table##N, HASH, u64, struct entry, 64)
TABLE(0);
TABLE(1);
TABLE(2);
TABLE(3);
TABLE(4);
TABLE(5);
TABLE(6);
TABLE(7);
TABLE(8);
TABLE(9);
TABLE(10);
TABLE(11);

static inline __attribute__((always_inline)) int
apply(struct ubpf_map_def *table, u64 key, volatile struct meta *m)
{
    struct entry *e = map_lookup(table, &key);

    if (!e) {
        m->color++;
        return 1;
    }
    switch (e->action) {
    case 0:
        m->vrf = 1;
        break;
    case 1:
        m->class = 2;
        m->mark = 7;
        break;
    case 2:
        m->port = e->a;
        m->hop = 3;
        break;
    case 3:
        return 0;
    default:
        m->mark = 0;
    }
    return 1;
}

/* Each table is skipped or not by a bit that an earlier one has set. */
#define APPLY(N, KEY)                       \
    hit[N] = m.mark == 7 && m.hop != 3;     \
    if (!hit[(N) / 2]) {                    \
        if (!apply(&table##N, (KEY), &m)) { \
            return UBPF_DROP;               \
        }                                   \
    }

PROG u64
many_tables(struct ubpf_ctx *ctx)
{
    u8 *p = DATA(ctx), *end = DATA_END(ctx);
    volatile struct meta m = {0};
    volatile u64 cursor = 14;
    volatile u8 hit[12] = {0};
    u64 at;
    u16 type;

    if (p + 14 > end) {
        return UBPF_DROP;
    }
    type = *(u16 *) (p + 12);
    if (type == ntoh16(0x8100)) {
        if (p + 18 > end) {
            return UBPF_DROP;
        }
        type = *(u16 *) (p + 16);
        cursor = 18;
    }
    if (type == ntoh16(0x8847)) {
        cursor += 4;
    }
    APPLY(0, ctx->input_port);
    APPLY(1, m.vrf);
    APPLY(2, m.class);
    APPLY(3, (u64) m.mark << 32 | m.color);
    APPLY(4, m.hop);
    APPLY(5, m.port);
    APPLY(6, m.class + m.vrf);
    APPLY(7, m.color);
    APPLY(8, m.mark);
    APPLY(9, m.hop + m.vrf);
    APPLY(10, m.port + m.class);
    APPLY(11, m.color + m.mark);
    at = cursor;
    if (p + at + 20 > end) {
        return UBPF_DROP;
    }
    for (int i = 0; i < 12; i++) {
        if (hit[i]) {
            m.color += i;
        }
    }
    p[at + 8]--;
    ctx->output_port = m.port;
    return UBPF_REDIRECT;
}

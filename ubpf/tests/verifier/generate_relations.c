/* SPDX-License-Identifier: Apache-2.0
 *
 * How numbers and pointers compare with each other. */

#include "generator.h"

/* Leaves unless a pointer plus a number compares with another into the same
 * memory, then reads about there. */
void
gen_order(struct generator *g)
{
    const uint32_t ptr = 7, limit = 8, by = 5;
    bool stack = one_in(2);
    int k = (int) below(6) * 4, most = (1 << below(6)) - 1;

    if (g->regs[6] != CTX) {
        return;
    }
    if (stack) {
        emit(g, 0xbf, ptr, UBPF_REG_FP, 0, 0);
        emit(g, 0x07, ptr, 0, 0, -8 * (int) (1 + below(14)));
    } else {
        emit(g, 0x79, ptr, 6, 0, 0);
    }
    emit(g, 0xbf, limit, ptr, 0, 0);
    emit(g, 0x07, limit, 0, 0, k);
    emit(g, 0x61, by, 6, 16, 0);
    emit(g, 0x57, by, 0, 0, most);
    emit(g, 0x0f, ptr, by, 0, 0);
    /* Any comparison, but seldom one that is refused. */
    emit(g,
         one_in(20)  ? (uint8_t) (below(14) << 4 | 0x0d)
         : one_in(2) ? 0xad
                     : 0xbd,
         ptr, limit, 2, 0);
    emit_leave(g, 2);
    if (stack && !one_in(9)) {
        emit(g, 0x72, ptr, 0, one_in(9) ? -1 : 0, 3);
    } else {
        emit(g, 0x71, by, ptr, one_in(6) ? 1 : 0, 0);
    }
    g->regs[by] = NUMBER;
    g->regs[ptr] = g->regs[limit] = stack ? STACK : PACKET;
}

/* Leaves if a number is one of some, in any order, and adds it to a pointer;
 * or compares it once more. */
void
gen_unequal(struct generator *g)
{
    const uint32_t by = 5, tmp = 4;
    uint32_t ptr = pick(g, one_in(3) ? STACK : VALUE), most;

    if (g->regs[6] != CTX || ptr > 10 || ptr == by || ptr == tmp) {
        return;
    }
    most = (1u << (2 + below(3))) - 1;
    emit(g, 0x61, by, 6, 16, 0);
    emit(g, 0x57, by, 0, 0, most);
    for (uint32_t n = 2 + below(3); n; n--) {
        emit(g, one_in(2) ? 0x55 : 0x56, by, 0, one_in(15) ? 1 : 2,
             one_in(5) ? below(most) : most - below(4));
        emit_leave(g, 2);
    }
    emit(g, 0xbf, tmp, ptr, 0, 0);
    if (one_in(3)) {
        emit(g, 0x15, by, 0, 1, most - below(4));
        emit(g, 0x57, by, 0, 0, 3);
    }
    if (ptr == UBPF_REG_FP) {
        emit(g, 0x07, tmp, 0, 0, -(int) most + (int) below(4));
        emit(g, 0x0f, tmp, by, 0, 0);
        emit(g, 0x72, tmp, 0, 0, 1);
    } else {
        emit(g, 0x0f, tmp, by, 0, 0);
        emit(g, 0x71, by, tmp, 16 - (int) most + (int) below(4), 0);
    }
    g->regs[by] = NUMBER;
    g->regs[tmp] = g->regs[ptr];
}

/* Leaves unless a number, less a constant, is in a range as 32 bits, by one
 * instruction or by shifts; then adds it to a pointer. */
void
gen_half(struct generator *g)
{
    const uint32_t half = 4, by = 5, tmp = 3;
    uint32_t ptr = pick(g, VALUE), most = below(20);
    int less = (int) below(6) - 1;

    if (g->regs[6] != CTX || ptr > 10 || (ptr >= tmp && ptr <= by)) {
        return;
    }
    emit(g, one_in(4) ? 0x79 : 0x61, by, 6, one_in(2) ? 32 : 16, 0);
    emit(g, one_in(2) ? 0xbf : 0xbc, half, by, 0, 0);
    if (one_in(2)) {
        emit(g, one_in(3) ? 0x17 : 0x07, half, 0, 0, -less);
        emit(g, 0x67, half, 0, 0, one_in(20) ? 31 : 32);
        emit(g, one_in(2) ? 0x77 : 0xc7, half, 0, 0, 32);
    } else {
        emit(g, one_in(3) ? 0x14 : 0x04, half, 0, 0, -less);
    }
    emit(g, one_in(2) ? 0xb5 : one_in(2) ? 0xb6 : 0xd5, half, 0, 2, most);
    emit_leave(g, 2);
    emit(g, 0xbf, tmp, ptr, 0, 0);
    emit(g, 0x0f, tmp, by, 0, 0);
    emit(g, 0x71, by, tmp, 16 - (int) most - less - 1 + (int) below(3), 0);
    g->regs[by] = g->regs[half] = NUMBER;
    g->regs[tmp] = VALUE;
}

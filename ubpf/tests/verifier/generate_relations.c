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
    if (one_in(3)) { /* Low bytes, mostly of what has no others. */
        bool byte = one_in(2);

        if (!one_in(6)) {
            emit(g, 0x57, by, 0, 0, byte ? 0xff : 0xffff);
            emit(g, 0xbf, half, by, 0, 0);
            emit(g, one_in(2) ? 0x04 : 0x07, half, 0, 0, -less);
        }
        emit(g, one_in(2) ? 0x54 : 0x57, half, 0, 0, byte ? 0xff : 0xffff);
    }
    emit(g, one_in(2) ? 0xb5 : one_in(2) ? 0xb6 : 0xd5, half, 0, 2, most);
    emit_leave(g, 2);
    emit(g, 0xbf, tmp, ptr, 0, 0);
    emit(g, 0x0f, tmp, by, 0, 0);
    emit(g, 0x71, by, tmp, 16 - (int) most - less - 1 + (int) below(3), 0);
    g->regs[by] = g->regs[half] = NUMBER;
    g->regs[tmp] = VALUE;
}

/* Leaves unless a number is not above another, subtracts it, and adds the
 * difference to a pointer, or leaves again by bounds of one of them. */
void
gen_difference(struct generator *g)
{
    static const uint8_t leave[] = {0x2d, 0x2e, 0x6d, 0x6e, 0x3d};
    const uint32_t less = 4, more = 5, tmp = 3;
    uint32_t ptr = pick(g, VALUE), most = (1u << below(5)) - 1;

    if (g->regs[6] != CTX || ptr > 10 || (ptr >= tmp && ptr <= more)) {
        return;
    }
    emit(g, 0x61, less, 6, 16, 0);
    emit(g, 0x61, more, 6, 24, 0);
    if (!one_in(9)) {
        emit(g, 0x57, less, 0, 0, 31);
        emit(g, 0x57, more, 0, 0, most);
    }
    emit(g, one_in(2) ? 0x07 : 0x04, less, 0, 0, below(3));
    emit(g, leave[below(5)], less, more, 1, 0);
    emit(g, 0x05, 0, 0, 2, 0);
    emit_leave(g, 2);
    if (one_in(3)) { /* On one of two ways, which meet. */
        emit(g, 0x55, less, 0, 1, below(9));
        emit(g, 0x07, one_in(2) ? more : less, 0, 0, below(3));
    }
    if (one_in(3)) {
        emit(g, 0x25, less, 0, 2, below(12));
        emit_leave(g, 2);
    }
    emit(g, one_in(2) ? 0x1c : 0x1f, more, less, 0, 0);
    emit(g, 0xbf, tmp, ptr, 0, 0);
    emit(g, 0x0f, tmp, more, 0, 0);
    emit(g, 0x71, more, tmp, 16 - (int) most - 1 + (int) below(8), 0);
    g->regs[less] = g->regs[more] = NUMBER;
    g->regs[tmp] = VALUE;
}

/* A remainder, as compilers without an instruction for it make it, added to a
 * pointer. */
void
gen_modulo(struct generator *g)
{
    const uint32_t quotient = 4, by = 5, of = 2, tmp = 3;
    uint32_t ptr = pick(g, VALUE), cls = one_in(2) ? 0x07 : 0x04;
    uint32_t most = 1u << below(5);
    bool constant = one_in(2);

    if (g->regs[6] != CTX || ptr > 10 || (ptr >= of && ptr <= by)) {
        return;
    }
    emit(g, 0x61, of, 6, 16, 0);
    emit(g, 0x61, by, 6, 24, 0);
    emit(g, 0x57, by, 0, 0, most - 1);
    emit(g, one_in(9) ? 0x07 : 0x47, by, 0, 0, one_in(9) ? 2 : 1);
    emit(g, one_in(2) ? 0xbf : 0xbc, quotient, of, 0, 0);
    if (constant) {
        emit(g, (uint8_t) (0x30 | cls), quotient, 0, one_in(20), most);
        emit(g, (uint8_t) (0x20 | cls), quotient, 0, 0,
             one_in(12) ? most - 1 : most);
    } else {
        emit(g, (uint8_t) (0x38 | cls), quotient, by, one_in(20), 0);
        emit(g, (uint8_t) (0x28 | (one_in(12) ? 0x04 : cls)), quotient, by, 0,
             0);
    }
    if (one_in(12)) {
        emit(g, 0x07, of, 0, 0, below(3));
    }
    emit(g, (uint8_t) (0x18 | cls), of, quotient, 0, 0);
    emit(g, 0xbf, tmp, ptr, 0, 0);
    emit(g, 0x0f, tmp, of, 0, 0);
    emit(g, 0x71, of, tmp, 16 - (int) most + (one_in(6) ? 1 : 0), 0);
    g->regs[quotient] = g->regs[by] = g->regs[of] = NUMBER;
    g->regs[tmp] = VALUE;
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * The packet, and what is proved of its length. */

#include "generator.h"

/* r2 = data, r3 = data_end, or others. */
void
gen_packet(struct generator *g)
{
    uint32_t ctx = pick(g, CTX), reg = target(g), end = target(g);

    if (ctx > 10 || reg == end || ctx == reg || ctx == end) {
        return;
    }
    emit(g, 0x79, reg, ctx, 0, 0);
    emit(g, 0x79, end, ctx, 8, 0);
    g->regs[reg] = PACKET;
    g->regs[end] = END;
}

/* Compares a packet pointer with the end and leaves if it is too far. */
void
gen_check(struct generator *g)
{
    static const uint8_t leave[] = {0x2d, 0x3d};
    static const uint8_t leave_swapped[] = {0xad, 0xbd};
    uint32_t ptr = pick(g, PACKET), end = pick(g, END), tmp = target(g);

    if (ptr > 9 || end > 9 || tmp == ptr || tmp == end) {
        return;
    }
    emit(g, 0xbf, tmp, ptr, 0, 0);
    emit(g, 0x07, tmp, 0, 0, below(40));
    if (one_in(2)) {
        emit(g, leave[below(2)], tmp, end, 1, 0);
    } else {
        emit(g, leave_swapped[below(2)], end, tmp, 1, 0);
    }
    emit(g, 0x05, 0, 0, 2, 0);
    emit_leave(g, 1);
    g->regs[tmp] = PACKET;
}

/* Compares a packet pointer with the end in any way, and reads before it where
 * that holds. */
void
gen_any_check(struct generator *g)
{
    uint8_t compare = (uint8_t) (below(14) << 4 | 0x0d);
    const uint32_t ptr = 4, end = 5;
    bool swap = one_in(2);

    if (g->regs[6] != CTX) {
        return;
    }
    emit(g, 0x79, ptr, 6, 0, 0);
    emit(g, 0x79, end, 6, 8, 0);
    emit(g, 0x07, ptr, 0, 0, 1 + below(40));
    emit(g, compare, swap ? end : ptr, swap ? ptr : end, 2, 0);
    emit_leave(g, 1);
    emit(g, 0x71, 0, ptr, one_in(4) ? 0 : -1, 0);
    g->regs[ptr] = PACKET;
    g->regs[end] = END;
}

/* On one of two ways, which meet again at once, makes 'reg' less by a little;
 * what is compared, in 'other', is 0 to 'most'. */
static void
gen_less_or_not(struct generator *g, uint32_t reg, uint32_t other,
                uint32_t most)
{
    emit(g, 0x25, other, 0, 1, below(most + 1));
    emit(g, 0x05, 0, 0, 1, 0);
    emit(g, 0x17, reg, 0, 0, 1 + below(12));
}

/* Leaves if 'reg' is less than 'low'; or, where that is 1, if it is 0. */
static void
gen_leave_below(struct generator *g, uint32_t reg, uint32_t low)
{
    if (low == 1) {
        emit(g, 0x15, reg, 0, 1, 0);
    } else {
        emit(g, one_in(2) ? 0xa5 : 0xc5, reg, 0, 1, low);
    }
    emit(g, 0x05, 0, 0, 2, 0);
    emit_leave(g, 2);
}

/* Leaves if 'reg' is less than a number, in 'to', that is 'low' or another as
 * a branch on 'other' chose. */
static void
gen_leave_below_chosen(struct generator *g, uint32_t reg, uint32_t to,
                       uint32_t other, uint32_t low)
{
    emit(g, 0xb7, to, 0, 0, below(10));
    emit(g, 0x25, other, 0, 1, below(4));
    emit(g, 0xb7, to, 0, 0, low);
    emit(g, one_in(2) ? 0xad : 0xcd, reg, to, 1, 0);
    emit(g, 0x05, 0, 0, 2, 0);
    emit_leave(g, 2);
    g->regs[to] = NUMBER;
}

/* Checks a packet pointer plus one or two numbers, perhaps one of the numbers
 * afterwards, and loads about where that proves enough. */
void
gen_variable(struct generator *g)
{
    const uint32_t ptr = 7, end = 8, tmp = 9, by = 5, also = 4;
    uint32_t k = below(24), low = 0, most = (1u << below(4)) - 1;
    bool two = one_in(3);

    if (g->regs[6] != CTX) {
        return;
    }
    emit(g, 0x79, ptr, 6, 0, 0);
    emit(g, 0x79, end, 6, 8, 0);
    emit(g, 0x61, by, 6, 16, 0);
    emit(g, 0x61, also, 6, 24, 0);
    emit(g, 0x57, by, 0, 0, (1 << below(5)) - 1);
    emit(g, 0x57, also, 0, 0, most);
    if (one_in(4)) {
        gen_less_or_not(g, by, also, most);
    }
    emit(g, 0xbf, tmp, ptr, 0, 0);
    emit(g, 0x0f, tmp, by, 0, 0);
    if (two) {
        emit(g, 0x0f, tmp, also, 0, 0);
    }
    emit(g, 0x07, tmp, 0, 0, k);
    emit(g, 0x2d, tmp, end, 1, 0);
    emit(g, 0x05, 0, 0, 2, 0);
    emit_leave(g, 2);
    if (one_in(2)) {
        low = one_in(2) ? 1 : below(10);
        if (one_in(3)) {
            gen_leave_below_chosen(g, by, 3, also, low);
        } else {
            gen_leave_below(g, by, low);
        }
    }
    if (two && one_in(2)) {
        emit(g, 0xbf, tmp, ptr, 0, 0);
        emit(g, 0x0f, tmp, also, 0, 0);
        emit(g, 0x71, by, tmp, (int) (k + low) - 1 + one_in(3), 0);
    } else if (!two && one_in(3)) { /* One more number, if there is room. */
        emit(g, 0xbf, tmp, ptr, 0, 0);
        emit(g, 0x0f, tmp, by, 0, 0);
        emit(g, 0x0f, tmp, also, 0, 0);
        emit(g, 0x71, by, tmp, (int) k - (int) most - 1 + one_in(3), 0);
    } else {
        emit(g, 0x71, by, ptr, (int) (k + low) - 1 + one_in(3), 0);
    }
    g->regs[0] = g->regs[by] = NUMBER;
    g->regs[also] = SMALL;
    g->regs[ptr] = g->regs[tmp] = PACKET;
    g->regs[end] = END;
}

/* How many bytes there are from a pointer on, as a number; leaves if there are
 * too few. */
void
gen_length(struct generator *g)
{
    static const uint8_t less[] = {0xa5, 0xc5, 0xa6, 0xb5, 0xd5, 0xc6};
    uint32_t ptr = pick(g, PACKET), end = pick(g, END), tmp = target(g);
    uint32_t other = pick(g, NUMBER);

    if (ptr > 9 || end > 9 || tmp == ptr || tmp == end) {
        return;
    }
    emit(g, 0xbf, tmp, end, 0, 0);
    emit(g, one_in(8) ? 0x1c : 0x1f, tmp, ptr, 0, 0);
    g->regs[tmp] = NUMBER;
    if (one_in(5)) {
        emit(g, one_in(2) ? 0x17 : 0x07, tmp, 0, 0, below(12));
    }
    if (one_in(4)) {
        return;
    }
    if (other < 10 && other != tmp && one_in(3)) {
        gen_less_or_not(g, tmp, other, 20);
    }
    emit(g, less[below(6)], tmp, 0, 0, below(40));
    g->insns[g->n - 1].offset = one_in(12) ? 0 : 1;
    emit(g, 0x05, 0, 0, 2, 0);
    emit_leave(g, 2);
}

/* Leaves if less than a number of bytes is left in the packet, then reads
 * there; or goes on from there with what is left. */
void
gen_length_of_number(struct generator *g)
{
    static const uint8_t leave[] = {0x2d, 0x2e, 0x6d, 0x6e, 0x3d};
    static const uint8_t leave_swapped[] = {0xad, 0xae, 0xcd, 0xce, 0xbd};
    const uint32_t ptr = 7, left = 8, by = 5;
    uint32_t k = 1 + below(20), kind = below(5), more = 0;
    bool swap = one_in(2);

    if (g->regs[6] != CTX) {
        return;
    }
    emit(g, 0x79, ptr, 6, 0, 0);
    emit(g, 0x79, left, 6, 8, 0);
    emit(g, 0x61, by, 6, 16, 0);
    emit(g, 0x57, by, 0, 0, (1 << below(6)) - 1);
    emit(g, one_in(8) ? 0x1c : 0x1f, left, ptr, 0, 0);
    emit(g, one_in(2) ? 0x07 : 0x04, by, 0, 0, k);
    emit(g, swap ? leave_swapped[kind] : leave[kind], swap ? left : by,
         swap ? by : left, 1, 0);
    emit(g, 0x05, 0, 0, 2, 0);
    emit_leave(g, 2);
    emit(g, 0x0f, ptr, by, 0, 0);
    if (one_in(2)) {
        emit(g, one_in(4) ? 0x1c : 0x1f, left, by, 0, 0);
        more = 1 + below(8);
        emit(g, one_in(4) ? 0xa6 : 0xa5, left, 0, 1, more);
        emit(g, 0x05, 0, 0, 2, 0);
        emit_leave(g, 2);
    }
    emit(g, 0x71, by, ptr, (int) more - 1 + one_in(5), 0);
    g->regs[by] = g->regs[left] = NUMBER;
    g->regs[ptr] = PACKET;
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * Arithmetic, the stack, and pointers to it and to values. */

#include "generator.h"

/* A number that a branch chooses. */
static void
gen_choice(struct generator *g)
{
    static const uint8_t conds[] = {0x15, 0x25, 0x55, 0xa5, 0x45, 0x65};
    uint32_t reg = target(g), other = pick(g, NUMBER);

    if (other > 9 || other == reg) {
        return;
    }
    emit(g, 0xb7, reg, 0, 0, below(17));
    emit(g, conds[below(6)], other, 0, 1, below(20));
    emit(g, one_in(2) ? 0xb7 : 0x07, reg, 0, 0, below(17));
    g->regs[reg] = SMALL;
}

void
gen_number(struct generator *g)
{
    static const int32_t numbers[] = {
        0,  1,  2,   7,  8,  14,         15,
        63, 64, 255, -1, -8, 0x7fffffff, -0x7fffffff - 1};
    uint32_t reg = target(g);

    switch (below(5)) {
    case 0:
        emit(g, 0xb7, reg, 0, 0, below(17));
        g->regs[reg] = SMALL;
        break;
    case 4:
        gen_choice(g);
        break;
    case 1:
        emit(g, one_in(2) ? 0xb7 : 0xb4, reg, 0, 0, numbers[below(14)]);
        g->regs[reg] = NUMBER;
        break;
    case 2:
        if (pick(g, CTX) < 11) {
            emit(g, 0x61, reg, pick(g, CTX), 16 + 4 * (int) below(4), 0);
            g->regs[reg] = NUMBER;
        }
        break;
    default:
        emit(g, 0x18, reg, 0, 0, (int32_t) rnd());
        emit(g, 0, 0, 0, 0, (int32_t) rnd());
        g->regs[reg] = NUMBER;
    }
}

void
gen_alu(struct generator *g)
{
    static const uint8_t ops[] = {0x00, 0x10, 0x20, 0x30, 0x40, 0x50,
                                  0x60, 0x70, 0x90, 0xa0, 0xc0};
    uint32_t dst = pick(g, NUMBER), src = pick(g, NUMBER);
    uint8_t op = ops[below(11)], cls = one_in(2) ? 0x07 : 0x04;

    if (dst > 9 || src > 9) {
        return;
    }
    switch (below(8)) {
    case 0: /* Make it small. */
        emit(g, 0x50 | cls, dst, 0, 0, (1 << below(5)) - 1);
        g->regs[dst] = SMALL;
        return;
    case 1: /* Sign extension. */
        emit(g, 0xb8 | cls, dst, src, cls == 7 ? 8 << below(3) : 8 << below(2),
             0);
        break;
    case 2:
        emit(g,
             one_in(2)   ? 0xd7
             : one_in(2) ? 0xdc
                         : 0xd4,
             dst, 0, 0, 16 << below(3));
        break;
    case 3: /* Copy. */
        dst = target(g);
        emit(g, 0xb8 | cls, dst, src, 0, 0);
        g->regs[dst] = g->regs[src];
        return;
    case 4:
        emit(g, 0x80 | cls, dst, 0, 0, 0); /* Negation. */
        break;
    case 5:
        emit(g, op | cls, dst, 0, (op == 0x30 || op == 0x90) && one_in(2),
             (int) below(70) - 3);
        break;
    default:
        emit(g, op | cls | 0x08, dst, src,
             (op == 0x30 || op == 0x90) && one_in(2), 0);
    }
    g->regs[dst] = NUMBER;
}

/* Adds a number to a pointer, and only then leaves if the number is above
 * one that a branch chose. */
void
gen_late_bound(struct generator *g)
{
    const uint32_t other = 2, tmp = 3, most = 4, by = 5;
    uint32_t ptr = pick(g, one_in(3) ? STACK : VALUE);

    if (ptr > 10 || (ptr >= other && ptr <= by) || g->regs[6] != CTX) {
        return;
    }
    emit(g, 0x61, by, 6, 16, 0);
    emit(g, 0x57, by, 0, 0, (1 << below(7)) - 1);
    emit(g, 0x61, other, 6, 24, 0);
    emit(g, 0xbf, tmp, ptr, 0, 0);
    if (ptr == UBPF_REG_FP) {
        emit(g, 0x07, tmp, 0, 0, -8 * (int) (1 + below(12)));
    }
    emit(g, 0x0f, tmp, by, 0, 0);
    emit(g, 0xb7, most, 0, 0, below(24));
    emit(g, 0x45, other, 0, 1, 1);
    emit(g, 0xb7, most, 0, 0, below(24));
    emit(g, 0xbd, by, most, 2, 0);
    emit(g, 0xb7, 0, 0, 0, 2);
    emit(g, 0x95, 0, 0, 0, 0);
    emit(g, 0x71, by, tmp, (int) below(16), 0);
    g->regs[0] = g->regs[other] = g->regs[most] = g->regs[by] = NUMBER;
    g->regs[tmp] = g->regs[ptr];
}

void
gen_memory(struct generator *g)
{
    static const uint8_t kinds[] = {PACKET, STACK, STACK, VALUE};
    int kind = kinds[below(4)], log = (int) below(4), offset;
    uint32_t ptr = pick(g, kind), reg;

    if (ptr > 10) {
        return;
    }
    offset = kind == STACK ? -((int) below(15) + 1) * 8 + (int) below(8)
                           : (int) below(kind == PACKET ? 24 : 20);
    offset = one_in(3) ? offset : offset & ~((1 << log) - 1);
    if (ptr != UBPF_REG_FP && kind == STACK) {
        offset = (int) below(8);
    }
    switch (below(5)) {
    case 0:
        emit(g, 0x62 | size_bits(log), ptr, 0, edge(offset), below(20));
        break;
    case 1:
        reg = pick(g, NUMBER);
        if (reg < 11) {
            emit(g, 0x63 | size_bits(log), ptr, reg, edge(offset), 0);
        }
        break;
    case 2:
        reg = pick(g, NUMBER);
        if (reg < 11 && kind != PACKET) {
            static const uint8_t ops[] = {0,    1,    0x40, 0x41,
                                          0x50, 0xa1, 0xe1, 0xf1};
            emit(g, one_in(2) ? 0xc3 : 0xdb, ptr, reg, offset & ~7,
                 ops[below(8)]);
            g->regs[0] = g->regs[0] == SMALL ? NUMBER : g->regs[0];
            g->regs[reg] = NUMBER;
        }
        break;
    default:
        reg = target(g);
        emit(g, (log < 3 && one_in(4) ? 0x81 : 0x61) | size_bits(log), reg,
             ptr, edge(offset), 0);
        g->regs[reg] = NUMBER;
    }
}

/* Initialises some of the stack. */
void
gen_stack(struct generator *g)
{
    uint32_t first = below(12);

    for (uint32_t i = first; i < first + 1 + below(4); i++) {
        emit(g, 0x7a, UBPF_REG_FP, 0, -8 * (int) (i + 1), below(30));
        g->slots[i] = NUMBER;
    }
}

/* Spills or fills a register of any kind. */
void
gen_spill(struct generator *g)
{
    uint32_t slot = below(16), reg = below(10);

    if (one_in(2) && g->regs[reg] != NOTHING) {
        emit(g, 0x7b, UBPF_REG_FP, reg, -8 * (int) (slot + 1), 0);
        g->slots[slot] = g->regs[reg];
    } else if (g->slots[slot] != NOTHING) {
        reg = target(g);
        emit(g, 0x79, reg, UBPF_REG_FP, -8 * (int) (slot + 1), 0);
        g->regs[reg] = g->slots[slot];
    }
}

void
gen_pointer(struct generator *g)
{
    static const uint8_t kinds[] = {PACKET, STACK, VALUE};
    int kind = kinds[below(3)];
    uint32_t ptr = pick(g, kind), dst = target(g), by = pick(g, SMALL);

    if (ptr > 10 || dst == ptr) {
        return;
    }
    emit(g, 0xbf, dst, ptr, 0, 0);
    if (kind == STACK && ptr == UBPF_REG_FP) {
        emit(g, 0x07, dst, 0, 0, -8 * (int) (1 + below(14)));
    } else if (one_in(3)) {
        emit(g, one_in(8) ? 0x17 : 0x07, dst, 0, 0, below(12));
    }
    if (by < 10 && by != dst && one_in(2)) {
        emit(g, one_in(10) ? 0x1f : 0x0f, dst, by, 0, 0);
    }
    g->regs[dst] = (uint8_t) kind;
}

/* Joins a pointer, or two of which a branch chose one, with what is 0, or
 * nearly. */
void
gen_join(struct generator *g)
{
    static const uint8_t kinds[] = {PACKET, STACK, VALUE, VALUE, MAYBE_NULL};
    int kind = kinds[below(5)];
    uint8_t op = one_in(2) ? 0x4f : 0xaf;
    uint32_t ptr = pick(g, kind), dst = target(g), bits = pick(g, NUMBER);

    if (ptr > 10 || dst == ptr || (one_in(2) && (bits > 9 || bits == dst))) {
        return;
    }
    if (bits > 9 || one_in(2)) {
        emit(g, 0xb7, dst, 0, 0, one_in(12) ? below(9) : 0);
        bits = 99;
    } else {
        emit(g, 0xbf, dst, bits, 0, 0);
        if (dst && one_in(2)) { /* No more than 0, on the way that goes on. */
            emit(g, 0x57, dst, 0, 0, 1 << below(4));
            emit(g, 0x15, dst, 0, 2, one_in(9));
            emit(g, 0xb7, 0, 0, 0, 1);
            emit(g, 0x95, 0, 0, 0, 0);
        } else {
            emit(g, 0xb5, dst, 0, 1, one_in(9) ? 1 : 0);
            emit(g, 0xb7, dst, 0, 0, 0);
        }
    }
    if (one_in(3) && ptr != UBPF_REG_FP && bits == 99) {
        emit(g, op, ptr, dst, 0, 0);
        g->regs[dst] = NUMBER;
    } else {
        emit(g, one_in(25) ? op - 3 : op, dst, ptr, 0, 0);
        g->regs[dst] = (uint8_t) kind;
    }
}

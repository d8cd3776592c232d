/* SPDX-License-Identifier: Apache-2.0 */

#include "generate.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <ubpf/abi.h>

#define MAX_DEPTH 4

const struct ubpf_object_map generated_maps[GENERATED_MAPS] = {
    {"h", {UBPF_MAP_TYPE_HASH, 4, 16, 8, 0}},
    {"a", {UBPF_MAP_TYPE_ARRAY, 4, 64, 8, 0}},
    {"r", {UBPF_MAP_TYPE_ARRAY, 4, 24, 1, UBPF_MAP_F_RDONLY_PROG}},
    {"s",
     {UBPF_MAP_TYPE_HASH, 4, 96, 8, UBPF_MAP_F_RDONLY_PROG | UBPF_MAP_F_AGING,
      80, 0}},
    {"t", {UBPF_MAP_TYPE_TERNARY, 8, 16, 8}},
    {"q", {UBPF_MAP_TYPE_RING, 8, 16, 8}},
    {"m", {UBPF_MAP_TYPE_METER, 4, 64, 8}},
    {"c", {UBPF_MAP_TYPE_THREAD_ARRAY, 4, 16, 8}},
    {"d", {UBPF_MAP_TYPE_THREAD_HASH, 4, 16, 8}},
    {"l", {UBPF_MAP_TYPE_LRU_HASH, 4, 32, 8, UBPF_MAP_F_AGING, 16, 0}},
    {"p", {UBPF_MAP_TYPE_LPM, 8, 16, 8}},
    {"i",
     {UBPF_MAP_TYPE_LPM, 8, 32, 8, UBPF_MAP_F_RDONLY_PROG | UBPF_MAP_F_AGING,
      24, 0}},
};

/* Those that programs look up in. */
static const uint8_t lookup_maps[] = {0, 0, 1, 1, 2, 3, 3, 4, 7, 8, 9, 10, 11};

bool generate_random;

static uint64_t rng_state;

uint64_t
rnd(void)
{
    rng_state ^= rng_state >> 12;
    rng_state ^= rng_state << 25;
    rng_state ^= rng_state >> 27;
    return rng_state * UINT64_C(0x2545f4914f6cdd1d);
}

uint32_t
below(uint32_t n)
{
    return (uint32_t) (rnd() >> 33) % n;
}

static bool
one_in(uint32_t n)
{
    return below(n) == 0;
}

/* What the generator believes of a register.  It need not be right: a wrong
 * belief makes the verifier refuse. */
enum belief {
    NOTHING,
    NUMBER,
    SMALL,
    CTX,
    STACK,
    PACKET,
    END,
    VALUE,
    MAYBE_NULL,
};

#define MAX_FUNCTIONS 4

/* A function that calls go to, made when the program is. */
struct function {
    uint8_t args[6]; /* What the first call gave in r1 to r5. */
    uint32_t start;
};

struct generator {
    struct ubpf_insn insns[PROGRAM_INSNS];
    uint32_t n;
    struct function functions[MAX_FUNCTIONS];
    uint32_t n_functions, function; /* Made so far; the current one's. */
    uint8_t regs[UBPF_N_REGS];
    uint8_t slots[16]; /* 8-byte slots below r10. */
    int depth;
};

static void
emit(struct generator *g, uint8_t opcode, uint32_t dst, uint32_t src,
     int offset, int64_t imm)
{
    g->insns[g->n++] =
        (struct ubpf_insn) {opcode, (uint8_t) (dst & 15), (uint8_t) (src & 15),
                            (int16_t) offset, (int32_t) imm};
}

/* A register believed to be 'belief'; sometimes any. */
static uint32_t
pick(struct generator *g, int belief)
{
    uint32_t reg = below(10);

    for (int i = 0; i < 30; i++, reg = below(11)) {
        if (g->regs[reg] == belief
            || (belief == NUMBER && g->regs[reg] == SMALL)) {
            return reg;
        }
    }
    return one_in(20) ? reg : 99;
}

/* A register to write, not r10, seldom a valuable one. */
static uint32_t
target(struct generator *g)
{
    uint32_t reg = below(10);

    for (int i = 0; i < 4 && (g->regs[reg] > SMALL || reg == 6); i++) {
        reg = below(10);
    }
    return reg;
}

static int
edge(int x)
{
    return one_in(12) ? x + (int) below(9) - 4 : x;
}

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

static void
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

static void
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

/* r2 = data, r3 = data_end, or others. */
static void
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
static void
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
        emit(g, leave[below(2)], tmp, end, 2, 0);
    } else {
        emit(g, leave_swapped[below(2)], end, tmp, 2, 0);
    }
    emit(g, 0xb7, 0, 0, 0, 2);
    emit(g, 0x05, 0, 0, 2, 0);
    emit(g, 0xb7, 0, 0, 0, 1);
    emit(g, 0x95, 0, 0, 0, 0);
    g->regs[0] = NUMBER;
    g->regs[tmp] = PACKET;
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
    emit(g, 0xb7, 0, 0, 0, 2);
    emit(g, 0x95, 0, 0, 0, 0);
    g->regs[0] = NUMBER;
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
    emit(g, 0xb7, 0, 0, 0, 2);
    emit(g, 0x95, 0, 0, 0, 0);
    g->regs[0] = g->regs[to] = NUMBER;
}

/* Checks a packet pointer plus one or two numbers, perhaps one of the numbers
 * afterwards, and loads about where that proves enough. */
static void
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
    emit(g, 0xb7, 0, 0, 0, 2);
    emit(g, 0x95, 0, 0, 0, 0);
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

/* Adds a number to a pointer, and only then leaves if the number is above
 * one that a branch chose. */
static void
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

static uint8_t
size_bits(int log)
{
    static const uint8_t bits[] = {0x10, 0x08, 0x00, 0x18};

    return bits[log];
}

static void
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
static void
gen_stack(struct generator *g)
{
    uint32_t first = below(12);

    for (uint32_t i = first; i < first + 1 + below(4); i++) {
        emit(g, 0x7a, UBPF_REG_FP, 0, -8 * (int) (i + 1), below(30));
        g->slots[i] = NUMBER;
    }
}

/* Spills or fills a register of any kind. */
static void
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

static void
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
static void
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

static void
clobber(struct generator *g, int result)
{
    memset(&g->regs[1], NOTHING, 5);
    g->regs[0] = (uint8_t) result;
}

/* Calls a function of the program, mostly one that comes later. */
static void
gen_call_local(struct generator *g)
{
    uint32_t i = g->n_functions;
    struct function *f;

    if (i == MAX_FUNCTIONS || (i && one_in(2))) {
        i = g->function + below(MAX_FUNCTIONS - g->function + 1);
        i = one_in(30) ? below(MAX_FUNCTIONS) : i;
        if (i >= g->n_functions) {
            return;
        }
    }
    f = &g->functions[i];
    if (i == g->n_functions) {
        memcpy(f->args, g->regs, sizeof f->args);
        g->n_functions++;
    }
    for (uint32_t arg = 1; arg <= 5; arg++) {
        uint32_t from = 99;

        if (f->args[arg] == g->regs[arg] || f->args[arg] == NOTHING) {
            continue;
        }
        for (uint32_t reg = 6; reg < 11; reg++) {
            from = g->regs[reg] == f->args[arg] ? reg : from;
        }
        if (from < 11) {
            emit(g, 0xbf, arg, from, 0, 0);
        } else {
            emit(g, 0xb7, arg, 0, 0, below(9));
        }
    }
    emit(g, 0x85, 0, 1, 0, i);
    clobber(g, NUMBER);
}

/* How many bytes there are from a pointer on, as a number; leaves if there are
 * too few. */
static void
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
    emit(g, 0xb7, 0, 0, 0, 2);
    emit(g, 0x95, 0, 0, 0, 0);
    g->regs[0] = NUMBER;
}

/* Puts a size into register 'to': one that is at hand in a register above
 * 'min', or 'size'. */
static void
emit_size(struct generator *g, uint32_t to, uint32_t min, uint32_t size)
{
    uint32_t reg = pick(g, SMALL);

    if (reg > min && reg < 10 && one_in(2)) {
        emit(g, 0xbf, to, reg, 0, 0);
    } else {
        emit(g, 0xb7, to, 0, 0, size);
    }
}

/* Hashes as many bytes as a branch chose. */
static void
gen_chosen_size(struct generator *g)
{
    static const uint8_t kinds[] = {PACKET, PACKET, STACK, VALUE};
    uint32_t ptr = pick(g, kinds[below(4)]), other = pick(g, NUMBER);

    if (ptr > 10 || ptr == 1 || ptr == 2 || other > 9 || other == 1
        || other == 2) {
        return;
    }
    emit(g, 0xbf, 1, ptr, 0, 0);
    if (ptr == UBPF_REG_FP) {
        emit(g, 0x07, 1, 0, 0, -8 * (int) (1 + below(12)));
    }
    emit(g, 0xb7, 2, 0, 0, below(24));
    emit(g, one_in(2) ? 0x25 : 0xa5, other, 0, 1, below(20));
    emit(g, 0xb7, 2, 0, 0, below(24));
    emit(g, 0xb7, 3, 0, 0, 0);
    emit(g, 0x85, 0, 0, 0, UBPF_HELPER_HASH_LOOKUP3);
    clobber(g, NUMBER);
}

/* The helpers that take a map of one kind, and those without any. */
static void
gen_new_helper(struct generator *g)
{
    uint32_t ptr = pick(g, one_in(2) ? STACK : PACKET), value;

    switch (below(5)) {
    case 0:
        if (ptr > 9) {
            return;
        }
        emit(g, 0xbf, 2, ptr, 0, 0);
        emit(g, 0x18, 1, 1, 0, one_in(12) ? below(GENERATED_MAPS) : 5);
        emit(g, 0, 0, 0, 0, 0);
        emit_size(g, 3, 2, below(20));
        emit(g, 0x85, 0, 0, 0, UBPF_HELPER_RING_OUTPUT);
        break;
    case 1:
        emit(g, 0x18, 1, 1, 0, one_in(12) ? below(GENERATED_MAPS) : 6);
        emit(g, 0, 0, 0, 0, 0);
        emit(g, 0xb7, 2, 0, 0, below(9));
        emit(g, 0xb7, 3, 0, 0, below(99));
        emit(g, 0xb7, 4, 0, 0, below(4));
        emit(g, 0x85, 0, 0, 0, UBPF_HELPER_METER_EXECUTE);
        break;
    case 2:
        value = pick(g, VALUE);
        if (value > 9) {
            return;
        }
        emit(g, 0xbf, 1, value, 0, 0);
        emit(g, 0x07, 1, 0, 0, one_in(3) ? below(6) * 8 : 16);
        emit(g, 0xb7, 2, 0, 0, below(99));
        emit(g, 0xb7, 3, 0, 0, below(4));
        emit(g, 0x85, 0, 0, 0, UBPF_HELPER_METER_UPDATE);
        break;
    case 3:
        if (ptr > 9) {
            return;
        }
        emit(g, 0xbf, 1, ptr, 0, 0);
        emit_size(g, 2, 1, below(20));
        emit(g, 0xb7, 3, 0, 0, below(6));
        emit(g, 0x85, 0, 0, 0, UBPF_HELPER_HASH);
        break;
    default:
        if (!generate_random) {
            return;
        }
        emit(g, 0x85, 0, 0, 0, UBPF_HELPER_RANDOM);
    }
    clobber(g, NUMBER);
}

static void
gen_call(struct generator *g)
{
    uint32_t map = one_in(20) ? below(GENERATED_MAPS)
                              : lookup_maps[below(sizeof lookup_maps)];
    uint32_t ctx;
    int key;

    switch (below(8)) {
    case 7:
        gen_chosen_size(g);
        break;
    case 5:
        gen_call_local(g);
        break;
    case 6:
        gen_new_helper(g);
        break;
    case 0:
    case 1:
        if (one_in(8)) {
            return;
        }
        key = generated_maps[map].def.type == UBPF_MAP_TYPE_LPM && one_in(2)
                  ? 32 /* Bits of the key: all. */
                  : (int) below(8);
        emit(g, 0x7a, UBPF_REG_FP, 0, -8 * (int) (1 + below(12)), key);
        emit(g, 0xbf, 2, UBPF_REG_FP, 0, 0);
        emit(g, 0x07, 2, 0, 0, g->insns[g->n - 2].offset);
        emit(g, 0x18, 1, 1, 0, map);
        emit(g, 0, 0, 0, 0, 0);
        emit(g, 0x85, 0, 0, 0, UBPF_HELPER_MAP_LOOKUP);
        clobber(g, MAYBE_NULL);
        break;
    case 2:
        ctx = pick(g, CTX);
        if (ctx > 9 || ctx == 2) {
            return;
        }
        emit(g, 0xbf, 1, ctx, 0, 0);
        emit(g, 0xb7, 2, 0, 0, (int) below(40) - 20);
        emit(g, 0x85, 0, 0, 0, UBPF_HELPER_ADJUST_HEAD);
        for (int i = 0; i < 10; i++) {
            if ((g->regs[i] == PACKET || g->regs[i] == END) && !one_in(30)) {
                g->regs[i] = NOTHING;
            }
        }
        for (int i = 0; i < 16; i++) {
            if ((g->slots[i] == PACKET || g->slots[i] == END) && !one_in(30)) {
                g->slots[i] = NOTHING;
            }
        }
        clobber(g, NUMBER);
        break;
    case 3:
        ctx = pick(g, one_in(2) ? PACKET : STACK);
        if (ctx > 9) {
            return;
        }
        emit(g, 0xbf, 1, ctx, 0, 0);
        emit_size(g, 2, 1, below(12));
        emit(g, 0xb7, 3, 0, 0, 0);
        emit(g, 0x85, 0, 0, 0, UBPF_HELPER_HASH_LOOKUP3);
        clobber(g, NUMBER);
        break;
    default:
        emit(g, 0x85, 0, 0, 0, UBPF_HELPER_TIME_GET_NS);
        clobber(g, NUMBER);
    }
}

/* Checks the result of a lookup, mostly the right way. */
static void
gen_null_check(struct generator *g)
{
    uint32_t reg = pick(g, MAYBE_NULL);

    if (reg > 9) {
        return;
    }
    emit(g, one_in(15) ? 0x15 : 0x55, reg, 0, 2, 0);
    emit(g, 0xb7, 0, 0, 0, 1);
    emit(g, 0x95, 0, 0, 0, 0);
    for (int i = 0; i < 10; i++) {
        g->regs[i] = g->regs[i] == MAYBE_NULL ? VALUE : g->regs[i];
    }
    for (int i = 0; i < 16; i++) {
        g->slots[i] = g->slots[i] == MAYBE_NULL ? VALUE : g->slots[i];
    }
}

static void gen_block(struct generator *g, uint32_t n);

/* What holds after two ways meet. */
static void
meet(struct generator *g, const struct generator *before)
{
    for (int i = 0; i < UBPF_N_REGS; i++) {
        if (g->regs[i] != before->regs[i] && !one_in(15)) {
            g->regs[i] = NOTHING;
        }
    }
    for (int i = 0; i < 16; i++) {
        if (g->slots[i] != before->slots[i] && !one_in(15)) {
            g->slots[i] = NOTHING;
        }
    }
}

/* Skips a few instructions if some condition holds; often one that bounds a
 * number in what follows. */
static void
gen_branch(struct generator *g)
{
    static const uint8_t conds[] = {0x10, 0x20, 0x30, 0x40, 0x50, 0x60,
                                    0x70, 0xa0, 0xb0, 0xc0, 0xd0};
    uint32_t reg = pick(g, NUMBER), other = pick(g, NUMBER), at = g->n;
    uint8_t cls = one_in(2) ? 0x05 : 0x06, cond = conds[below(11)];
    struct generator *before;

    if (reg > 9 || other > 9) {
        return;
    }
    if (one_in(3)) { /* if (x > small) return; */
        emit(g, 0xb0 | cls, reg, 0, 2, below(20));
        emit(g, 0xb7, 0, 0, 0, 1);
        emit(g, 0x95, 0, 0, 0, 0);
        g->regs[reg] = cls == 5 ? SMALL : NUMBER;
        return;
    }
    if (one_in(3)) {
        emit(g, cond | cls | 0x08, reg, other, 0, 0);
    } else {
        emit(g, cond | cls, reg, 0, 0, (int) below(20) - 2);
    }
    before = malloc(sizeof *before);
    memcpy(before, g, sizeof *before);
    gen_block(g, 1 + below(5));
    meet(g, before);
    free(before);
    g->insns[at].offset = (int16_t) (g->n - at - 1);
}

/* A loop of a few rounds over a block; the counter is on the stack. */
static void
gen_loop(struct generator *g)
{
    uint32_t top;
    struct generator *before;

    emit(g, 0x7a, UBPF_REG_FP, 0, -256, 0);
    top = g->n;
    before = malloc(sizeof *before);
    memcpy(before, g, sizeof *before);
    gen_block(g, 1 + below(4));
    meet(g, before);
    free(before);
    emit(g, 0x79, 0, UBPF_REG_FP, -256, 0);
    emit(g, 0x07, 0, 0, 0, 1);
    emit(g, 0x7b, UBPF_REG_FP, 0, -256, 0);
    emit(g, one_in(20) ? 0x55 : 0xa5, 0, 0, 0, 1 + below(6));
    g->insns[g->n - 1].offset = (int16_t) ((int) top - (int) g->n);
    g->regs[0] = NUMBER;
}

static void
gen_block(struct generator *g, uint32_t n)
{
    g->depth++;
    for (; n && g->n < PROGRAM_INSNS - 160; n--) {
        switch (below(16)) {
        case 0:
            gen_number(g);
            break;
        case 1:
        case 2:
            gen_alu(g);
            break;
        case 3:
            gen_packet(g);
            break;
        case 4:
            if (one_in(3)) {
                gen_length(g);
            } else if (one_in(3)) {
                gen_variable(g);
            } else {
                gen_check(g);
            }
            break;
        case 5:
            gen_check(g);
            break;
        case 6:
        case 7:
            gen_memory(g);
            break;
        case 8:
            gen_stack(g);
            break;
        case 9:
            gen_spill(g);
            break;
        case 10:
            if (one_in(4)) {
                gen_join(g);
            } else if (one_in(4)) {
                gen_late_bound(g);
            } else {
                gen_pointer(g);
            }
            break;
        case 11:
            gen_call(g);
            break;
        case 12:
            gen_null_check(g);
            break;
        case 13:
        case 14:
            if (g->depth < MAX_DEPTH) {
                gen_branch(g);
            }
            break;
        default:
            if (g->depth < 3) {
                gen_loop(g);
            }
        }
    }
    g->depth--;
}

static void
make_function(struct generator *g, struct function *f)
{
    f->start = g->n;
    memset(g->regs, NOTHING, sizeof g->regs);
    memset(g->slots, NOTHING, sizeof g->slots);
    memcpy(g->regs, f->args, sizeof f->args);
    g->regs[0] = NOTHING;
    g->regs[UBPF_REG_FP] = STACK;
    if (one_in(2)) {
        gen_stack(g);
    }
    gen_block(g, 1 + below(8));
    if (g->regs[0] != NUMBER && g->regs[0] != SMALL && !one_in(10)) {
        emit(g, 0xb7, 0, 0, 0, below(4));
    }
    emit(g, 0x95, 0, 0, 0, 0);
}

/* Makes a program. */
static void
make_program(struct generator *g)
{
    memset(g, 0, sizeof *g);
    g->regs[1] = CTX;
    g->regs[UBPF_REG_FP] = STACK;
    emit(g, 0xbf, 6, 1, 0, 0);
    g->regs[6] = CTX;
    gen_stack(g);
    gen_packet(g);
    gen_block(g, 4 + below(25));
    if (g->regs[0] != NUMBER && g->regs[0] != SMALL) {
        emit(g, 0xb7, 0, 0, 0, 2);
    }
    emit(g, 0x95, 0, 0, 0, 0);
    for (g->function = 1; g->function <= g->n_functions; g->function++) {
        make_function(g, &g->functions[g->function - 1]);
    }
    for (uint32_t i = 0; i < g->n; i++) {
        if (g->insns[i].opcode == 0x85 && g->insns[i].src == 1) {
            g->insns[i].imm =
                (int32_t) (g->functions[g->insns[i].imm].start - i - 1);
        }
    }
}

/* Changes a few bits of some instructions. */
static void
mutate(struct generator *g)
{
    for (uint32_t n = 1 + below(3); n; n--) {
        struct ubpf_insn *insn = &g->insns[below(g->n)];

        switch (below(6)) {
        case 0:
            insn->opcode ^= (uint8_t) (1u << below(8));
            break;
        case 1:
            insn->dst = below(11) & 15;
            break;
        case 2:
            insn->src = below(11) & 15;
            break;
        case 3:
            insn->offset = (int16_t) (insn->offset + (int) below(17) - 8);
            break;
        case 4:
            insn->imm = (int32_t) ((uint32_t) insn->imm + below(17) - 8);
            break;
        default:
            insn->imm ^= (int32_t) (1u << below(32));
        }
    }
}

uint32_t
generate(uint64_t seed, struct ubpf_insn insns[PROGRAM_INSNS])
{
    static struct generator g;

    rng_state = seed * UINT64_C(0x9e3779b97f4a7c15) | 1;
    rnd();
    make_program(&g);
    if (one_in(4)) {
        mutate(&g);
    }
    memcpy(insns, g.insns, g.n * sizeof *insns);
    return g.n;
}

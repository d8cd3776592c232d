/* SPDX-License-Identifier: Apache-2.0
 *
 * Random programs: what all of their parts need, blocks, branches, loops, and
 * mutations. */

#include "generator.h"

#include <stdlib.h>

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
    {"g", {UBPF_MAP_TYPE_ARRAY_OF_MAPS, 4, 4, 8, 0, 0, 0}}, /* Like "h". */
};

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

bool
one_in(uint32_t n)
{
    return below(n) == 0;
}

void
emit(struct generator *g, uint8_t opcode, uint32_t dst, uint32_t src,
     int offset, int64_t imm)
{
    g->insns[g->n++] =
        (struct ubpf_insn) {opcode, (uint8_t) (dst & 15), (uint8_t) (src & 15),
                            (int16_t) offset, (int32_t) imm};
}

/* A register believed to be 'belief'; sometimes any. */
uint32_t
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
uint32_t
target(struct generator *g)
{
    uint32_t reg = below(10);

    for (int i = 0; i < 4 && (g->regs[reg] > SMALL || reg == 6); i++) {
        reg = below(10);
    }
    return reg;
}

int
edge(int x)
{
    return one_in(12) ? x + (int) below(9) - 4 : x;
}

uint8_t
size_bits(int log)
{
    static const uint8_t bits[] = {0x10, 0x08, 0x00, 0x18};

    return bits[log];
}

void
emit_leave(struct generator *g, int verdict)
{
    emit(g, 0xb7, 0, 0, 0, verdict);
    emit(g, 0x95, 0, 0, 0, 0);
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

/* Checks of the packet's length, of all kinds. */
static void
gen_proof(struct generator *g)
{
    switch (below(9)) {
    case 5:
        if (one_in(4)) {
            gen_any_check(g);
        }
        break;
    case 0:
    case 1:
        gen_length(g);
        break;
    case 2:
        gen_length_of_number(g);
        break;
    case 3:
    case 4:
        gen_variable(g);
        break;
    default:
        gen_check(g);
    }
}

/* One of the statements without others in it. */
static void
gen_statement(struct generator *g, uint32_t kind)
{
    static void (*const relations[])(struct generator *) = {
        gen_order, gen_unequal, gen_half, gen_difference, gen_modulo};
    static void (*const pointers[])(struct generator *) = {
        gen_join, gen_late_bound, gen_pointer, gen_pointer};
    static void (*const others[])(struct generator *) = {
        [0] = gen_number, [1] = gen_alu,    [2] = gen_alu,
        [3] = gen_packet, [4] = gen_proof,  [5] = gen_check,
        [6] = gen_memory, [7] = gen_memory, [8] = gen_stack,
        [9] = gen_spill,  [11] = gen_call,  [12] = gen_null_check,
    };

    if (kind == 10) {
        pointers[below(4)](g);
    } else if (kind == 16) {
        relations[below(5)](g);
    } else {
        others[kind](g);
    }
}

static void
gen_block(struct generator *g, uint32_t n)
{
    g->depth++;
    for (; n && g->n < PROGRAM_INSNS - 160; n--) {
        uint32_t kind = below(17);

        if (kind == 13 || kind == 14 || kind == 15) {
            if (kind < 15 && g->depth < MAX_DEPTH) {
                gen_branch(g);
            } else if (kind == 15 && g->depth < 3) {
                gen_loop(g);
            }
            continue;
        }
        gen_statement(g, kind);
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

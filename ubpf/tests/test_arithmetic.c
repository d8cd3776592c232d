/* SPDX-License-Identifier: Apache-2.0
 *
 * The interpreter and isa/eval.h, which the verifier computes with, were
 * written apart: each opcode must give the same in both, for every variant
 * and many operands. */

#include "check.h"
#include "faulty_host.h"
#include "interpreter/code.h"
#include "isa/eval.h"

#define N_RANDOM 3000

static const uint64_t edges[] = {
    0,
    1,
    2,
    5,
    7,
    8,
    15,
    16,
    31,
    32,
    33,
    63,
    64,
    65,
    0x7f,
    0x80,
    0xff,
    0x100,
    0x7fff,
    0x8000,
    0xffff,
    0x7fffffff,
    0x80000000,
    0x80000001,
    0xfffffffe,
    0xffffffff,
    0x100000000,
    0x1122334455667788,
    0x7fffffffffffffff,
    0x8000000000000000,
    0x8000000000000001,
    0xffffffff00000000,
    0xffffffff7fffffff,
    0xffffffff80000000,
    0xfffffffffffffffe,
    0xffffffffffffffff,
};
#define N_EDGES (sizeof edges / sizeof edges[0])

static uint64_t random_state = 42;

/* A program for 'insn', of which the operands are loaded by the first two
 * instructions, r1 and r2, and the result is r0. */
struct trial {
    struct ubpf_op op;
    struct ubpf_code *code;
};

static void
trial_init(struct trial *trial, struct ubpf_insn insn)
{
    struct ubpf_insn insns[] = {
        {.opcode = 0x18, .dst = 1}, /* r1 = 0 ll */
        {.opcode = 0},
        {.opcode = 0x18, .dst = 2}, /* r2 = 0 ll */
        {.opcode = 0},
        insn,
        {.opcode = 0x05, .offset = 2},         /* goto +2 */
        {.opcode = 0xb7, .dst = 1, .imm = 99}, /* r1 = 99 (jumped) */
        {.opcode = 0x05},                      /* goto +0 */
        {.opcode = 0xbf, .dst = 0, .src = 1},  /* r0 = r1 */
        {.opcode = 0x95},
    };

    CHECK(!ubpf_decode(insns, sizeof insns / sizeof insns[0], 4, &trial->op));
    CHECK_EQ(ubpf_code_build(&faulty_host, insns,
                             sizeof insns / sizeof insns[0], NULL, 0,
                             &trial->code),
             0);
}

static void
trial_run(struct trial *trial, uint8_t opcode, uint64_t a, uint64_t b)
{
    const struct ubpf_op *op = &trial->op;
    struct ubpf_run run = {.adjust_head = NULL};
    struct ubpf_env env = {.host = &faulty_host, .run = &run};
    uint64_t operand = op->reg ? b : (uint64_t) op->imm;
    uint64_t expected, result;

    if (op->kind == UBPF_KIND_ALU) {
        expected = ubpf_eval_alu(op->code, op->bits, op->from, a, operand);
    } else {
        expected = ubpf_eval_cond(op->code, op->bits, a, operand) ? 99 : a;
    }
    trial->code->insns[0].imm = a;
    trial->code->insns[1].imm = b;
    result = ubpf_code_run(trial->code, &env);
    if (result != expected) {
        FAIL("opcode %#x, from %d: %#" PRIx64 ", %#" PRIx64 " gives %#" PRIx64
             ", not %#" PRIx64,
             opcode, op->from, a, operand, result, expected);
    }
}

static uint64_t
random_operand(void)
{
    uint64_t r = next_random(&random_state);

    return r % 3 ? r >> (next_random(&random_state) % 64)
                 : edges[(r >> 8) % N_EDGES];
}

/* Tries 'insn' with many operands, if it is an instruction at all. */
static void
try_insn(struct ubpf_insn insn, unsigned int *tried)
{
    struct ubpf_insn padded[3] = {insn, {.opcode = 0}, {.opcode = 0}};
    struct trial trial;
    struct ubpf_op op;

    if (ubpf_decode(padded, 3, 0, &op)
        || (op.kind != UBPF_KIND_ALU && op.kind != UBPF_KIND_JUMP)
        || (op.reg && insn.src != 2)) {
        return;
    }
    trial_init(&trial, insn);
    for (size_t i = 0; i < N_EDGES; i++) {
        for (size_t j = 0; j < N_EDGES; j++) {
            trial_run(&trial, insn.opcode, edges[i], edges[j]);
        }
    }
    for (int i = 0; i < N_RANDOM; i++) {
        trial_run(&trial, insn.opcode, random_operand(), random_operand());
    }
    faulty_host.free(trial.code);
    ++*tried;
}

int
main(void)
{
    static const int16_t offsets[] = {0, 1, 8, 16, 32};
    unsigned int tried = 0;

    for (unsigned int opcode = 0; opcode < 256; opcode++) {
        for (size_t i = 0; i < sizeof offsets / sizeof offsets[0]; i++) {
            struct ubpf_insn insn = {
                .opcode = (uint8_t) opcode,
                .dst = 1,
                .src = 2,
                .offset = offsets[i],
            };

            /* A jump goes to the instruction that says so. */
            if (ubpf_opcodes[opcode].kind == UBPF_KIND_JUMP) {
                if (offsets[i] != 1) {
                    continue;
                }
            }
            try_insn(insn, &tried);
            insn.src = 0;
            for (size_t j = 0; j < N_EDGES; j++) {
                insn.imm = (int32_t) edges[j];
                try_insn(insn, &tried);
            }
        }
    }
    /* 13 operations and 2 signed divisions in 2 widths by register, 5 moves
     * with sign extension, 11 jumps in 2 widths; and all immediates. */
    CHECK(tried > 28 + 5 + 22 + 20 * N_EDGES);
    CHECK_EQ(faulty_host_in_use(), 0);
    return 0;
}

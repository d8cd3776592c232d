/* SPDX-License-Identifier: Apache-2.0
 *
 * The edge cases of RFC 9669's arithmetic and comparisons, spelled out, and
 * the opcode table against a list of the opcodes that exist. */

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "isa/eval.h"

static int failed;

struct alu_row {
    int code, bits, from;
    uint64_t a, b, result;
};

#define A(CODE, BITS, FROM, X, Y, R) {UBPF_ALU_##CODE, BITS, FROM, X, Y, R}

/* clang-format off */
static const struct alu_row alu_rows[] = {
    A(ADD, 64, 0, UINT64_MAX, 2, 1),
    A(ADD, 32, 0, 0xffffffff, 2, 1),
    A(ADD, 32, 0, 0x1122334400000001, 1, 2),
    A(SUB, 64, 0, 1, 2, UINT64_MAX),
    A(SUB, 32, 0, 1, 2, 0xffffffff),
    A(MUL, 64, 0, 0x100000001, 0x100000001, 0x200000001),
    A(MUL, 32, 0, 0x80000001, 2, 2),
    A(DIV, 64, 0, 7, 2, 3),
    A(DIV, 64, 0, 7, 0, 0),
    A(DIV, 32, 0, 0x1100000007, 0xff00000002, 3),
    A(DIV, 32, 0, 0x1100000007, 0xff00000000, 0),
    A(DIV, 64, 0, UINT64_MAX, 2, 0x7fffffffffffffff),
    A(SDIV, 64, 0, (uint64_t) -7, 2, (uint64_t) -3),
    A(SDIV, 64, 0, (uint64_t) -7, 0, 0),
    A(SDIV, 64, 0, 0x8000000000000000, UINT64_MAX, 0x8000000000000000),
    A(SDIV, 32, 0, 0x80000000, 0xffffffff, 0x80000000),
    A(SDIV, 32, 0, 0xfffffff9, 2, 0xfffffffd),
    A(MOD, 64, 0, 7, 4, 3),
    A(MOD, 64, 0, 7, 0, 7),
    A(MOD, 32, 0, 0x1100000007, 0, 7),
    A(SMOD, 64, 0, (uint64_t) -7, 4, (uint64_t) -3),
    A(SMOD, 64, 0, (uint64_t) -7, 0, (uint64_t) -7),
    A(SMOD, 64, 0, 0x8000000000000000, UINT64_MAX, 0),
    A(SMOD, 32, 0, 0x80000000, 0xffffffff, 0),
    A(SMOD, 32, 0, 0xfffffff9, 0, 0xfffffff9),
    A(OR, 32, 0, 0x1100000000, 0x2200000001, 1),
    A(AND, 64, 0, 0xff00ff00ff00ff00, 0xffff0000ffff, 0xff000000ff00),
    A(XOR, 32, 0, UINT64_MAX, 1, 0xfffffffe),
    A(LSH, 64, 0, 1, 63, 0x8000000000000000),
    A(LSH, 64, 0, 1, 64, 1),
    A(LSH, 64, 0, 1, 65, 2),
    A(LSH, 32, 0, 1, 32, 1),
    A(LSH, 32, 0, 0x80000001, 1, 2),
    A(RSH, 64, 0, 0x8000000000000000, 63, 1),
    A(RSH, 32, 0, 0xff80000000, 31, 1),
    A(RSH, 32, 0, 0x80000000, 33, 0x40000000),
    A(ARSH, 64, 0, 0x8000000000000000, 63, UINT64_MAX),
    A(ARSH, 32, 0, 0x80000000, 31, 0xffffffff),
    A(ARSH, 32, 0, 0xff40000000, 30, 1),
    A(NEG, 64, 0, 1, 0, UINT64_MAX),
    A(NEG, 32, 0, 1, 0, 0xffffffff),
    A(NEG, 32, 0, 0x80000000, 0, 0x80000000),
    A(MOV, 64, 0, 9, UINT64_MAX, UINT64_MAX),
    A(MOV, 32, 0, 9, UINT64_MAX, 0xffffffff),
    A(MOVSX, 64, 8, 9, 0x180, 0xffffffffffffff80),
    A(MOVSX, 64, 8, 9, 0x17f, 0x7f),
    A(MOVSX, 64, 16, 9, 0x18000, 0xffffffffffff8000),
    A(MOVSX, 64, 32, 9, 0x180000000, 0xffffffff80000000),
    A(MOVSX, 32, 8, 9, 0x80, 0xffffff80),
    A(MOVSX, 32, 16, 9, 0x8000, 0xffff8000),
    A(TO_LE, 64, 16, 0x1122334455667788, 0, 0x7788),
    A(TO_LE, 64, 32, 0x1122334455667788, 0, 0x55667788),
    A(TO_LE, 64, 64, 0x1122334455667788, 0, 0x1122334455667788),
    A(TO_BE, 64, 16, 0x1122334455667788, 0, 0x8877),
    A(TO_BE, 64, 32, 0x1122334455667788, 0, 0x88776655),
    A(TO_BE, 64, 64, 0x1122334455667788, 0, 0x8877665544332211),
    A(BSWAP, 64, 16, 0x1122334455667788, 0, 0x8877),
    A(BSWAP, 64, 64, 0x1122334455667788, 0, 0x8877665544332211),
};
/* clang-format on */

struct cond_row {
    int code, bits;
    uint64_t a, b;
    bool result;
};

#define C(CODE, BITS, X, Y, R) {UBPF_COND_##CODE, BITS, X, Y, R}

/* clang-format off */
static const struct cond_row cond_rows[] = {
    C(EQ, 64, 0x100000000, 0, false), C(EQ, 32, 0x100000000, 0, true),
    C(NE, 64, 0x100000000, 0, true), C(NE, 32, 0x100000000, 0, false),
    C(GT, 64, UINT64_MAX, 1, true), C(SGT, 64, UINT64_MAX, 1, false),
    C(GT, 32, 0xffffffff, 1, true), C(SGT, 32, 0xffffffff, 1, false),
    C(GE, 64, 5, 5, true), C(GT, 64, 5, 5, false),
    C(LT, 64, 5, 5, false), C(LE, 64, 5, 5, true),
    C(SGE, 32, 0x80000000, 0x80000000, true),
    C(SLT, 32, 0x80000000, 0x7fffffff, true),
    C(LT, 32, 0x80000000, 0x7fffffff, false),
    C(SLT, 64, 0x80000000, 0x7fffffff, false),
    C(SLE, 64, (uint64_t) -5, (uint64_t) -5, true),
    C(SET, 64, 0x100000000, 0x100000000, true),
    C(SET, 32, 0x100000000, 0x100000000, false),
    C(SET, 64, 6, 9, false),
};
/* clang-format on */

/* How many opcodes of each class of RFC 9669 there are, in the groups that
 * the library supports. */
static void
check_table(void)
{
    static const int expected[8] = {
        1,              /* LD: lddw. */
        7,              /* LDX: four sizes, three sign-extended. */
        4,              /* ST. */
        6,              /* STX: four sizes, two atomic. */
        12 * 2 + 1 + 2, /* ALU: NEG one way, byte swaps two. */
        11 * 2 + 3,     /* JMP: JA, CALL, EXIT. */
        11 * 2 + 1,     /* JMP32: JA. */
        12 * 2 + 1 + 1, /* ALU64: NEG and byte swaps one way. */
    };
    int found[8] = {0};

    for (int opcode = 0; opcode < 256; opcode++) {
        found[opcode & 7] += ubpf_opcodes[opcode].kind != UBPF_KIND_INVALID;
    }
    for (int class = 0; class < 8; class ++) {
        if (found[class] != expected[class]) {
            fprintf(stderr, "class %d has %d opcodes, not %d\n", class,
                    found[class], expected[class]);
            failed++;
        }
    }
}

int
main(void)
{
    for (size_t i = 0; i < sizeof alu_rows / sizeof *alu_rows; i++) {
        const struct alu_row *row = &alu_rows[i];
        uint64_t result =
            ubpf_eval_alu(row->code, row->bits, row->from, row->a, row->b);

        if (result != row->result) {
            fprintf(stderr, "alu row %zu: %#" PRIx64 ", not %#" PRIx64 "\n", i,
                    result, row->result);
            failed++;
        }
    }
    for (size_t i = 0; i < sizeof cond_rows / sizeof *cond_rows; i++) {
        const struct cond_row *row = &cond_rows[i];

        if (ubpf_eval_cond(row->code, row->bits, row->a, row->b)
            != row->result) {
            fprintf(stderr, "condition row %zu\n", i);
            failed++;
        }
    }
    check_table();
    return failed != 0;
}

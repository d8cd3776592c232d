/* SPDX-License-Identifier: Apache-2.0 */

#include "disasm.h"

#include <inttypes.h>
#include <stdio.h>

/* Assignment operators, indexed by enum ubpf_alu; NULL where the syntax is
 * another. */
static const char *const alu_ops[UBPF_N_ALU] = {
    [UBPF_ALU_ADD] = "+=",   [UBPF_ALU_SUB] = "-=",   [UBPF_ALU_MUL] = "*=",
    [UBPF_ALU_DIV] = "/=",   [UBPF_ALU_OR] = "|=",    [UBPF_ALU_AND] = "&=",
    [UBPF_ALU_LSH] = "<<=",  [UBPF_ALU_RSH] = ">>=",  [UBPF_ALU_MOD] = "%=",
    [UBPF_ALU_XOR] = "^=",   [UBPF_ALU_MOV] = "=",    [UBPF_ALU_ARSH] = "s>>=",
    [UBPF_ALU_SDIV] = "s/=", [UBPF_ALU_SMOD] = "s%=",
};

static const char *const conditions[UBPF_N_COND] = {
    [UBPF_COND_EQ] = "==",   [UBPF_COND_NE] = "!=",   [UBPF_COND_GT] = ">",
    [UBPF_COND_GE] = ">=",   [UBPF_COND_LT] = "<",    [UBPF_COND_LE] = "<=",
    [UBPF_COND_SGT] = "s>",  [UBPF_COND_SGE] = "s>=", [UBPF_COND_SLT] = "s<",
    [UBPF_COND_SLE] = "s<=", [UBPF_COND_SET] = "&",
};

static const char *const atomics[] = {
    [UBPF_ATOMIC_ADD] = "add",   [UBPF_ATOMIC_OR] = "or",
    [UBPF_ATOMIC_AND] = "and",   [UBPF_ATOMIC_XOR] = "xor",
    [UBPF_ATOMIC_XCHG] = "xchg", [UBPF_ATOMIC_CMPXCHG] = "cmpxchg",
};

/* The register prefix of an operation 'bits' wide. */
static char
prefix(int bits)
{
    return bits == 32 ? 'w' : 'r';
}

/* Writes the second operand: a register or an immediate. */
static void
operand(const struct ubpf_op *op, char *buf, size_t size)
{
    if (op->reg) {
        snprintf(buf, size, "%c%d", prefix(op->bits), op->src);
    } else {
        snprintf(buf, size, "%" PRId64, op->imm);
    }
}

/* Writes "+ 5" or "- 5". */
static void
signed_offset(int64_t value, const char *space, char *buf, size_t size)
{
    snprintf(buf, size, "%c%s%" PRId64, value < 0 ? '-' : '+', space,
             value < 0 ? -value : value);
}

static void
disasm_alu(const struct ubpf_op *op, char *buf, size_t size)
{
    char p = prefix(op->bits);
    char arg[24];

    switch (op->code) {
    case UBPF_ALU_NEG:
        snprintf(buf, size, "%c%d = -%c%d", p, op->dst, p, op->dst);
        break;
    case UBPF_ALU_MOVSX:
        snprintf(buf, size, "%c%d = (s%d)%c%d", p, op->dst, op->from, p,
                 op->src);
        break;
    case UBPF_ALU_TO_LE:
    case UBPF_ALU_TO_BE:
    case UBPF_ALU_BSWAP:
        snprintf(buf, size, "r%d = %s%d r%d", op->dst,
                 op->code == UBPF_ALU_TO_LE   ? "le"
                 : op->code == UBPF_ALU_TO_BE ? "be"
                                              : "bswap",
                 op->from, op->dst);
        break;
    default:
        operand(op, arg, sizeof arg);
        snprintf(buf, size, "%c%d %s %s", p, op->dst, alu_ops[op->code], arg);
    }
}

static void
disasm_atomic(const struct ubpf_op *op, char *buf, size_t size)
{
    static const char *const assign[] = {"+=", "|=", "&=", "^="};
    char p = prefix(op->bits);
    char at[40], off[16];

    signed_offset(op->offset, " ", off, sizeof off);
    snprintf(at, sizeof at, "(u%d *)(r%d %s)", op->bits, op->dst, off);
    if (op->code == UBPF_ATOMIC_CMPXCHG) {
        snprintf(buf, size, "%c0 = cmpxchg(%s, %c0, %c%d)", p, at, p, p,
                 op->src);
    } else if (op->fetch) {
        snprintf(buf, size, "%c%d = %s%s(%s, %c%d)", p, op->src,
                 op->code == UBPF_ATOMIC_XCHG ? "" : "atomic_fetch_",
                 atomics[op->code], at, p, op->src);
    } else {
        snprintf(buf, size, "lock *%s %s %c%d", at, assign[op->code], p,
                 op->src);
    }
}

int
ubpf_disasm(const struct ubpf_insn *insns, uint32_t n, uint32_t pc, char *buf,
            size_t size)
{
    struct ubpf_op op;
    char arg[24], off[16];

    if (ubpf_decode(insns, n, pc, &op)) {
        uint64_t raw = (uint64_t) (uint32_t) insns[pc].imm << 32
                       | (uint64_t) (uint16_t) insns[pc].offset << 16
                       | (uint64_t) insns[pc].src << 12
                       | (uint64_t) insns[pc].dst << 8 | insns[pc].opcode;
        snprintf(buf, size, ".quad 0x%016" PRIx64, raw);
        return 1;
    }
    operand(&op, arg, sizeof arg);
    signed_offset(op.offset, " ", off, sizeof off);

    switch ((enum ubpf_kind) op.kind) {
    case UBPF_KIND_INVALID:
        break;
    case UBPF_KIND_ALU:
        disasm_alu(&op, buf, size);
        break;
    case UBPF_KIND_LOAD_IMM:
        snprintf(buf, size, "r%d = 0x%" PRIx64 " ll", op.dst, op.imm);
        break;
    case UBPF_KIND_LOAD_MAP:
        snprintf(buf, size, "r%d = map[%" PRId64 "] ll", op.dst, op.imm);
        break;
    case UBPF_KIND_LOAD_MAP_VALUE:
        snprintf(buf, size, "r%d = map[%" PRId64 "][0] + %" PRIu32 " ll",
                 op.dst, op.imm, op.target);
        break;
    case UBPF_KIND_LOAD:
        snprintf(buf, size, "r%d = *(%c%d *)(r%d %s)", op.dst,
                 op.sext ? 's' : 'u', op.bits, op.src, off);
        break;
    case UBPF_KIND_STORE:
        arg[0] = op.reg ? 'r' : arg[0];
        snprintf(buf, size, "*(u%d *)(r%d %s) = %s", op.bits, op.dst, off,
                 arg);
        break;
    case UBPF_KIND_ATOMIC:
        disasm_atomic(&op, buf, size);
        break;
    case UBPF_KIND_JUMP:
        signed_offset((int64_t) op.target - pc - 1, "", off, sizeof off);
        snprintf(buf, size, "if %c%d %s %s goto %s", prefix(op.bits), op.dst,
                 conditions[op.code], arg, off);
        break;
    case UBPF_KIND_GOTO:
        signed_offset((int64_t) op.target - pc - 1, "", off, sizeof off);
        snprintf(buf, size, "goto%s %s", op.bits == 32 ? "l" : "", off);
        break;
    case UBPF_KIND_CALL:
        snprintf(buf, size, "call %" PRId64, op.imm);
        break;
    case UBPF_KIND_CALL_LOCAL:
        signed_offset((int64_t) op.target - pc - 1, "", off, sizeof off);
        snprintf(buf, size, "call pc%s", off);
        break;
    case UBPF_KIND_EXIT:
        snprintf(buf, size, "exit");
        break;
    }
    return op.len;
}

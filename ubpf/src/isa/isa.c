/* SPDX-License-Identifier: Apache-2.0 */

#include "isa.h"

#include <string.h>

#include <ubpf/abi.h>

/* Instruction classes, the low three bits of an opcode. */
enum {
    CLS_LD = 0,
    CLS_LDX,
    CLS_ST,
    CLS_STX,
    CLS_ALU,
    CLS_JMP,
    CLS_JMP32,
    CLS_ALU64,
};

#define D                             UBPF_USES_DST
#define S                             UBPF_USES_SRC
#define O                             UBPF_USES_OFF
#define I                             UBPF_USES_IMM
#define ROW(KIND, CODE, BITS, FIELDS) {UBPF_KIND_##KIND, CODE, BITS, FIELDS}

/* clang-format off */
/* An arithmetic operation: immediate and register, 32 and 64 bits wide. */
#define ALU(NIBBLE, NAME, IMM_VARIANT, REG_VARIANT)                         \
    [(NIBBLE) | 0x04] = ROW(ALU, UBPF_ALU_##NAME, 32, D | I | (IMM_VARIANT)), \
    [(NIBBLE) | 0x0c] = ROW(ALU, UBPF_ALU_##NAME, 32, D | S | (REG_VARIANT)), \
    [(NIBBLE) | 0x07] = ROW(ALU, UBPF_ALU_##NAME, 64, D | I | (IMM_VARIANT)), \
    [(NIBBLE) | 0x0f] = ROW(ALU, UBPF_ALU_##NAME, 64, D | S | (REG_VARIANT))

/* A conditional jump: immediate and register, 64 and 32 bits wide. */
#define JUMP(NIBBLE, NAME)                                            \
    [(NIBBLE) | 0x05] = ROW(JUMP, UBPF_COND_##NAME, 64, D | O | I),   \
    [(NIBBLE) | 0x0d] = ROW(JUMP, UBPF_COND_##NAME, 64, D | O | S),   \
    [(NIBBLE) | 0x06] = ROW(JUMP, UBPF_COND_##NAME, 32, D | O | I),   \
    [(NIBBLE) | 0x0e] = ROW(JUMP, UBPF_COND_##NAME, 32, D | O | S)

const struct ubpf_opcode ubpf_opcodes[256] = {
    ALU(0x00, ADD, 0, 0),
    ALU(0x10, SUB, 0, 0),
    ALU(0x20, MUL, 0, 0),
    ALU(0x30, DIV, UBPF_OFF_SDIV, UBPF_OFF_SDIV),
    ALU(0x40, OR, 0, 0),
    ALU(0x50, AND, 0, 0),
    ALU(0x60, LSH, 0, 0),
    ALU(0x70, RSH, 0, 0),
    ALU(0x90, MOD, UBPF_OFF_SDIV, UBPF_OFF_SDIV),
    ALU(0xa0, XOR, 0, 0),
    ALU(0xb0, MOV, 0, UBPF_OFF_MOVSX),
    ALU(0xc0, ARSH, 0, 0),
    [0x84] = ROW(ALU, UBPF_ALU_NEG, 32, D),
    [0x87] = ROW(ALU, UBPF_ALU_NEG, 64, D),
    [0xd4] = ROW(ALU, UBPF_ALU_TO_LE, 64, D | UBPF_IMM_SWAP),
    [0xdc] = ROW(ALU, UBPF_ALU_TO_BE, 64, D | UBPF_IMM_SWAP),
    [0xd7] = ROW(ALU, UBPF_ALU_BSWAP, 64, D | UBPF_IMM_SWAP),

    JUMP(0x10, EQ),
    JUMP(0x20, GT),
    JUMP(0x30, GE),
    JUMP(0x40, SET),
    JUMP(0x50, NE),
    JUMP(0x60, SGT),
    JUMP(0x70, SGE),
    JUMP(0xa0, LT),
    JUMP(0xb0, LE),
    JUMP(0xc0, SLT),
    JUMP(0xd0, SLE),
    [0x05] = ROW(GOTO, 0, 64, O),
    [0x06] = ROW(GOTO, 0, 32, I),       /* The target is in 'imm'. */
    [0x85] = ROW(CALL, 0, 64, S | I),
    [0x95] = ROW(EXIT, 0, 64, 0),

    [0x18] = ROW(LOAD_IMM, 0, 64, D | S | I),
    [0x61] = ROW(LOAD, 0, 32, D | S | O),
    [0x69] = ROW(LOAD, 0, 16, D | S | O),
    [0x71] = ROW(LOAD, 0, 8, D | S | O),
    [0x79] = ROW(LOAD, 0, 64, D | S | O),
    [0x81] = ROW(LOAD, 0, 32, D | S | O | UBPF_SEXT),
    [0x89] = ROW(LOAD, 0, 16, D | S | O | UBPF_SEXT),
    [0x91] = ROW(LOAD, 0, 8, D | S | O | UBPF_SEXT),
    [0x62] = ROW(STORE, 0, 32, D | O | I),
    [0x6a] = ROW(STORE, 0, 16, D | O | I),
    [0x72] = ROW(STORE, 0, 8, D | O | I),
    [0x7a] = ROW(STORE, 0, 64, D | O | I),
    [0x63] = ROW(STORE, 0, 32, D | O | S),
    [0x6b] = ROW(STORE, 0, 16, D | O | S),
    [0x73] = ROW(STORE, 0, 8, D | O | S),
    [0x7b] = ROW(STORE, 0, 64, D | O | S),
    [0xc3] = ROW(ATOMIC, 0, 32, D | S | O | I),
    [0xdb] = ROW(ATOMIC, 0, 64, D | S | O | I),
};
/* clang-format on */

/* Says why 'opcode', which is not in the table, is refused. */
static const char *
unknown_opcode(uint8_t opcode)
{
    if ((opcode & 7) == CLS_LD
        && ((opcode & 0xe0) == 0x20 || (opcode & 0xe0) == 0x40)) {
        return "the deprecated packet access instructions are not supported";
    }
    if (opcode == 0x8d) {
        return "calls through a register are not supported";
    }
    return "unknown opcode";
}

/* Checks that the fields of 'insn' that 'row' does not use are zero and that
 * its registers exist. */
static const char *
check_fields(const struct ubpf_insn *insn, const struct ubpf_opcode *row)
{
    if (insn->dst >= UBPF_N_REGS || insn->src >= UBPF_N_REGS) {
        return "there is no register above r10";
    }
    if (!(row->fields & D) && insn->dst) {
        return "reserved field dst is not zero";
    }
    if (!(row->fields & S) && insn->src) {
        return "reserved field src is not zero";
    }
    if (!(row->fields & (O | UBPF_OFF_SDIV | UBPF_OFF_MOVSX))
        && insn->offset) {
        return "reserved field offset is not zero";
    }
    if (!(row->fields & (I | UBPF_IMM_SWAP)) && insn->imm) {
        return "reserved field imm is not zero";
    }
    return NULL;
}

/* Applies the variants that an arithmetic instruction's offset or immediate
 * selects. */
static const char *
decode_alu(const struct ubpf_insn *insn, const struct ubpf_opcode *row,
           struct ubpf_op *op)
{
    if (op->dst == UBPF_REG_FP) {
        return "r10 is read-only";
    }
    if (row->fields & UBPF_OFF_SDIV) {
        if (insn->offset == 1) {
            op->code =
                op->code == UBPF_ALU_DIV ? UBPF_ALU_SDIV : UBPF_ALU_SMOD;
        } else if (insn->offset) {
            return "offset of a division must be 0 or 1";
        }
    }
    if (row->fields & UBPF_OFF_MOVSX && insn->offset) {
        if (insn->offset != 8 && insn->offset != 16
            && !(insn->offset == 32 && op->bits == 64)) {
            return "offset of a move must be 0, 8, 16 or 32";
        }
        op->code = UBPF_ALU_MOVSX;
        op->from = insn->offset;
    }
    if (row->fields & UBPF_IMM_SWAP) {
        if (insn->imm != 16 && insn->imm != 32 && insn->imm != 64) {
            return "width of a byte swap must be 16, 32 or 64";
        }
        op->from = insn->imm;
    }
    return NULL;
}

static const char *
decode_atomic(const struct ubpf_insn *insn, struct ubpf_op *op)
{
    op->fetch = insn->imm & 1;
    switch (insn->imm) {
    case 0x00:
    case 0x01:
        op->code = UBPF_ATOMIC_ADD;
        break;
    case 0x40:
    case 0x41:
        op->code = UBPF_ATOMIC_OR;
        break;
    case 0x50:
    case 0x51:
        op->code = UBPF_ATOMIC_AND;
        break;
    case 0xa0:
    case 0xa1:
        op->code = UBPF_ATOMIC_XOR;
        break;
    case 0xe1:
        op->code = UBPF_ATOMIC_XCHG;
        break;
    case 0xf1:
        op->code = UBPF_ATOMIC_CMPXCHG;
        break;
    default:
        return "unknown atomic operation";
    }
    if (op->fetch && op->code != UBPF_ATOMIC_CMPXCHG
        && op->src == UBPF_REG_FP) {
        return "r10 is read-only";
    }
    return NULL;
}

/* An lddw takes two slots and, by 'src', loads a number or a map. */
static const char *
decode_lddw(const struct ubpf_insn *insns, uint32_t n, uint32_t pc,
            struct ubpf_op *op)
{
    const struct ubpf_insn *lo = &insns[pc];
    const struct ubpf_insn *hi = lo + 1;

    if (op->dst == UBPF_REG_FP) {
        return "r10 is read-only";
    }
    if (n - pc < 2) {
        return "the program ends in the middle of an lddw";
    }
    if (hi->opcode || hi->dst || hi->src || hi->offset) {
        return "second half of the lddw has nonzero reserved fields";
    }
    op->len = 2;
    op->src = 0;
    switch (lo->src) {
    case 0:
        op->imm = (int64_t) ((uint64_t) (uint32_t) hi->imm << 32
                             | (uint32_t) lo->imm);
        return NULL;
    case UBPF_PSEUDO_MAP_IDX:
        op->kind = UBPF_KIND_LOAD_MAP;
        op->imm = (uint32_t) lo->imm;
        return hi->imm ? "reserved field next_imm is not zero" : NULL;
    case UBPF_PSEUDO_MAP_VALUE:
        op->kind = UBPF_KIND_LOAD_MAP_VALUE;
        op->imm = (uint32_t) lo->imm;
        op->target = (uint32_t) hi->imm;
        return NULL;
    default:
        return "unknown kind of 64-bit immediate (src)";
    }
}

/* Resolves the target of a jump by 'delta' slots from the one after 'pc'. */
static const char *
decode_target(uint32_t n, uint32_t pc, int64_t delta, struct ubpf_op *op)
{
    int64_t target = (int64_t) pc + 1 + delta;

    if (target < 0 || target >= (int64_t) n) {
        return "jump out of the program";
    }
    op->target = (uint32_t) target;
    return NULL;
}

static const char *
decode_call(const struct ubpf_insn *insn, uint32_t n, uint32_t pc,
            struct ubpf_op *op)
{
    op->src = 0;
    op->reg = false;
    switch (insn->src) {
    case 0:
        return NULL;
    case 1:
        op->kind = UBPF_KIND_CALL_LOCAL;
        return decode_target(n, pc, insn->imm, op) ? "call out of the program"
                                                   : NULL;
    case 2:
        return "calls of helpers by BTF id are not supported";
    default:
        return "unknown kind of call (src)";
    }
}

const char *
ubpf_decode(const struct ubpf_insn *insns, uint32_t n, uint32_t pc,
            struct ubpf_op *op)
{
    const struct ubpf_insn *insn = &insns[pc];
    const struct ubpf_opcode *row = &ubpf_opcodes[insn->opcode];
    const char *error;

    memset(op, 0, sizeof *op);
    if (row->kind == UBPF_KIND_INVALID) {
        return unknown_opcode(insn->opcode);
    }
    error = check_fields(insn, row);
    if (error) {
        return error;
    }
    op->kind = row->kind;
    op->code = row->code;
    op->bits = row->bits;
    op->dst = insn->dst;
    op->src = insn->src;
    op->reg = (row->fields & S) != 0;
    op->sext = (row->fields & UBPF_SEXT) != 0;
    op->len = 1;
    op->offset = row->fields & O ? insn->offset : 0;
    op->imm = insn->imm;

    switch ((enum ubpf_kind) op->kind) {
    case UBPF_KIND_ALU:
        return decode_alu(insn, row, op);
    case UBPF_KIND_LOAD_IMM:
        return decode_lddw(insns, n, pc, op);
    case UBPF_KIND_LOAD:
        return op->dst == UBPF_REG_FP ? "r10 is read-only" : NULL;
    case UBPF_KIND_ATOMIC:
        return decode_atomic(insn, op);
    case UBPF_KIND_JUMP:
        return decode_target(n, pc, insn->offset, op);
    case UBPF_KIND_GOTO:
        return decode_target(n, pc, op->bits == 64 ? insn->offset : insn->imm,
                             op);
    case UBPF_KIND_CALL:
        return decode_call(insn, n, pc, op);
    case UBPF_KIND_STORE:
    case UBPF_KIND_EXIT:
    case UBPF_KIND_INVALID:
    case UBPF_KIND_LOAD_MAP:
    case UBPF_KIND_LOAD_MAP_VALUE:
    case UBPF_KIND_CALL_LOCAL:
        break;
    }
    return NULL;
}

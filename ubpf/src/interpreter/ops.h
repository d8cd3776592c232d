/* SPDX-License-Identifier: Apache-2.0
 *
 * What each operation of the interpreter does, written once, and the macros
 * that spell its variants and their labels inside ubpf_code_run(). */

#ifndef UBPF_OPS_H
#define UBPF_OPS_H 1

/* It would take these macros for expressions. */
/* clang-format off */

/* What 'a' becomes by operand 'b', both uint32_t or both uint64_t. */
#define FOR_EACH_ALU(X) \
    X(ADD, a + b) \
    X(SUB, a - b) \
    X(MUL, a * b) \
    X(DIV, b ? a / b : 0) \
    X(OR, a | b) \
    X(AND, a & b) \
    X(LSH, a << (b & (sizeof a * 8 - 1))) \
    X(RSH, a >> (b & (sizeof a * 8 - 1))) \
    X(MOD, b ? a % b : a) \
    X(XOR, a ^ b) \
    X(MOV, b) \
    X(ARSH, SIGNED(arsh)) \
    X(SDIV, SIGNED(sdiv)) \
    X(SMOD, SIGNED(smod))
#define SIGNED(FN) \
    (sizeof a == 4 ? FN##32((uint32_t) a, (uint32_t) b) : FN##64(a, b))

/* When operands 'a' and 'b', unsigned, or 'sa' and 'sb', signed, jump. */
#define FOR_EACH_COND(X) \
    X(EQ, a == b) \
    X(GT, a > b) \
    X(GE, a >= b) \
    X(SET, (a & b) != 0) \
    X(NE, a != b) \
    X(SGT, sa > sb) \
    X(SGE, sa >= sb) \
    X(LT, a < b) \
    X(LE, a <= b) \
    X(SLT, sa < sb) \
    X(SLE, sa <= sb)

#define FOR_EACH_SIZE(X) X(0, 8) X(1, 16) X(2, 32) X(3, 64)

#define FOR_EACH_ATOMIC(X) \
    X(ADD, add) \
    X(OR, or) \
    X(AND, and) \
    X(XOR, xor)

/* The table of labels. */
#define ALU_LABELS(NAME, EXPR) \
    [OP_ALU(UBPF_ALU_##NAME, 0, 0)] = &&alu32_imm_##NAME, \
    [OP_ALU(UBPF_ALU_##NAME, 0, 1)] = &&alu32_reg_##NAME, \
    [OP_ALU(UBPF_ALU_##NAME, 1, 0)] = &&alu64_imm_##NAME, \
    [OP_ALU(UBPF_ALU_##NAME, 1, 1)] = &&alu64_reg_##NAME,
#define COND_LABELS(NAME, EXPR) \
    [OP_JUMP(UBPF_COND_##NAME, 0, 0)] = &&jump32_imm_##NAME, \
    [OP_JUMP(UBPF_COND_##NAME, 0, 1)] = &&jump32_reg_##NAME, \
    [OP_JUMP(UBPF_COND_##NAME, 1, 0)] = &&jump64_imm_##NAME, \
    [OP_JUMP(UBPF_COND_##NAME, 1, 1)] = &&jump64_reg_##NAME,
#define SIZE_LABELS(SIZE, BITS) \
    [OP_LOAD(SIZE)] = &&load_##BITS, \
    [OP_LOAD_SEXT(SIZE)] = &&load_sext_##BITS, \
    [OP_STORE(SIZE, 0)] = &&store_imm_##BITS, \
    [OP_STORE(SIZE, 1)] = &&store_reg_##BITS,
#define ATOMIC_LABELS(NAME, FN) \
    [OP_ATOMIC(UBPF_ATOMIC_##NAME, 0, 0)] = &&atomic32_##NAME, \
    [OP_ATOMIC(UBPF_ATOMIC_##NAME, 0, 1)] = &&fetch32_##NAME, \
    [OP_ATOMIC(UBPF_ATOMIC_##NAME, 1, 0)] = &&atomic64_##NAME, \
    [OP_ATOMIC(UBPF_ATOMIC_##NAME, 1, 1)] = &&fetch64_##NAME,
#define OTHER_LABELS \
    [OP_ALU(UBPF_ALU_NEG, 0, 0)] = &&neg32, \
    [OP_ALU(UBPF_ALU_NEG, 1, 0)] = &&neg64, \
    [OP_ATOMIC(UBPF_ATOMIC_XCHG, 0, 1)] = &&xchg32, \
    [OP_ATOMIC(UBPF_ATOMIC_XCHG, 1, 1)] = &&xchg64, \
    [OP_ATOMIC(UBPF_ATOMIC_CMPXCHG, 0, 1)] = &&cmpxchg32, \
    [OP_ATOMIC(UBPF_ATOMIC_CMPXCHG, 1, 1)] = &&cmpxchg64, \
    [OP_MOVSX(0, 0)] = &&movsx32_8, \
    [OP_MOVSX(0, 1)] = &&movsx64_8, \
    [OP_MOVSX(1, 0)] = &&movsx32_16, \
    [OP_MOVSX(1, 1)] = &&movsx64_16, \
    [OP_MOVSX(2, 1)] = &&movsx64_32, \
    [OP_ZEXT(0)] = &&zext_16, \
    [OP_ZEXT(1)] = &&zext_32, \
    [OP_ZEXT(2)] = &&zext_64, \
    [OP_SWAP(0)] = &&swap_16, \
    [OP_SWAP(1)] = &&swap_32, \
    [OP_SWAP(2)] = &&swap_64, \
    [OP_LDDW] = &&lddw, \
    [OP_GOTO] = &&go_to, \
    [OP_CALL] = &&call, \
    [OP_CALL_LOCAL] = &&call_local, \
    [OP_RETURN] = &&back, \
    [OP_EXIT] = &&done

/* The operations. */
#define ALU_BODY(LABEL, TYPE, EXPR, OPERAND) \
LABEL: \
    { \
        TYPE a = (TYPE) r[insn->dst], b = (TYPE) (OPERAND); \
        (void) a; \
        r[insn->dst] = (TYPE) (EXPR); \
        NEXT; \
    }
#define ALU_BODIES(NAME, EXPR) \
    ALU_BODY(alu32_imm_##NAME, uint32_t, EXPR, insn->imm) \
    ALU_BODY(alu32_reg_##NAME, uint32_t, EXPR, r[insn->src]) \
    ALU_BODY(alu64_imm_##NAME, uint64_t, EXPR, insn->imm) \
    ALU_BODY(alu64_reg_##NAME, uint64_t, EXPR, r[insn->src])

#define COND_BODY(LABEL, BITS, EXPR, OPERAND) \
LABEL: \
    { \
        uint##BITS##_t a = (uint##BITS##_t) r[insn->dst]; \
        uint##BITS##_t b = (uint##BITS##_t) (OPERAND); \
        int##BITS##_t sa = (int##BITS##_t) a, sb = (int##BITS##_t) b; \
        (void) sa, (void) sb; \
        insn += (EXPR) ? insn->offset : 1; \
        DISPATCH; \
    }
#define COND_BODIES(NAME, EXPR) \
    COND_BODY(jump32_imm_##NAME, 32, EXPR, insn->imm) \
    COND_BODY(jump32_reg_##NAME, 32, EXPR, r[insn->src]) \
    COND_BODY(jump64_imm_##NAME, 64, EXPR, insn->imm) \
    COND_BODY(jump64_reg_##NAME, 64, EXPR, r[insn->src])

#define ADDRESS(REG) (r[insn->REG] + (uint64_t) (int64_t) insn->offset)
#define SIZE_BODIES(SIZE, BITS) \
load_##BITS: \
    r[insn->dst] = load##BITS(ADDRESS(src)); \
    NEXT; \
load_sext_##BITS: \
    r[insn->dst] = (uint64_t) (int##BITS##_t) load##BITS(ADDRESS(src)); \
    NEXT; \
store_imm_##BITS: \
    store##BITS(ADDRESS(dst), insn->imm); \
    NEXT; \
store_reg_##BITS: \
    store##BITS(ADDRESS(dst), r[insn->src]); \
    NEXT;

/* Atomics without fetch order nothing; those with it order everything, as
 * those of the Linux kernel do. */
#define CELL(BITS) ((uint##BITS##_t *) (uintptr_t) ADDRESS(dst))
#define SOURCE(BITS) ((uint##BITS##_t) r[insn->src])
#define ATOMIC_BODY(BITS, NAME, FN) \
atomic##BITS##_##NAME: \
    __atomic_fetch_##FN(CELL(BITS), SOURCE(BITS), __ATOMIC_RELAXED); \
    NEXT; \
fetch##BITS##_##NAME: \
    r[insn->src] = __atomic_fetch_##FN(CELL(BITS), SOURCE(BITS), \
                                       __ATOMIC_SEQ_CST); \
    NEXT;
#define ATOMIC_BODIES(NAME, FN) \
    ATOMIC_BODY(32, NAME, FN) \
    ATOMIC_BODY(64, NAME, FN)
#define EXCHANGE_BODIES(BITS) \
xchg##BITS: \
    r[insn->src] = __atomic_exchange_n(CELL(BITS), SOURCE(BITS), \
                                       __ATOMIC_SEQ_CST); \
    NEXT; \
cmpxchg##BITS: \
    { \
        uint##BITS##_t expected = (uint##BITS##_t) r[0]; \
        __atomic_compare_exchange_n(CELL(BITS), &expected, SOURCE(BITS), 0, \
                                    __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST); \
        r[0] = expected; \
        NEXT; \
    }

/* clang-format on */

#endif /* ops.h */

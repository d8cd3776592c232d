/* SPDX-License-Identifier: Apache-2.0
 *
 * What the arithmetic and the comparisons of RFC 9669 compute, on numbers. */

#ifndef UBPF_EVAL_H
#define UBPF_EVAL_H 1

#include "isa.h"

/* The low 'bits' bits of 'x', sign-extended. */
static inline int64_t
ubpf_sign_extend(uint64_t x, int bits)
{
    return (int64_t) (x << (64 - bits)) >> (64 - bits);
}

/* Result of enum ubpf_alu 'code', 'bits' (32 or 64) wide, on 'a' (dst) and 'b'
 * (the operand).  'from' is that of struct ubpf_op. */
static inline uint64_t
ubpf_eval_alu(int code, int bits, int from, uint64_t a, uint64_t b)
{
    uint64_t low = bits == 32 ? UINT32_MAX : UINT64_MAX;
    int count = (int) (b & (uint64_t) (bits - 1));
    int64_t sa = ubpf_sign_extend(a, bits), sb = ubpf_sign_extend(b, bits);
    uint64_t ua = a & low, ub = b & low;

    switch ((enum ubpf_alu) code) {
    case UBPF_ALU_ADD:
        return (a + b) & low;
    case UBPF_ALU_SUB:
        return (a - b) & low;
    case UBPF_ALU_MUL:
        return (a * b) & low;
    case UBPF_ALU_DIV:
        return ub ? ua / ub : 0;
    case UBPF_ALU_MOD:
        return ub ? ua % ub : ua;
    case UBPF_ALU_SDIV:
        return (!sb        ? 0
                : sb == -1 ? -(uint64_t) sa
                           : (uint64_t) (sa / sb))
               & low;
    case UBPF_ALU_SMOD:
        return (!sb        ? (uint64_t) sa
                : sb == -1 ? 0
                           : (uint64_t) (sa % sb))
               & low;
    case UBPF_ALU_OR:
        return (a | b) & low;
    case UBPF_ALU_AND:
        return (a & b) & low;
    case UBPF_ALU_XOR:
        return (a ^ b) & low;
    case UBPF_ALU_LSH:
        return (ua << count) & low;
    case UBPF_ALU_RSH:
        return ua >> count;
    case UBPF_ALU_ARSH:
        return (uint64_t) (sa >> count) & low;
    case UBPF_ALU_NEG:
        return -a & low;
    case UBPF_ALU_MOV:
        return ub;
    case UBPF_ALU_MOVSX:
        return (uint64_t) ubpf_sign_extend(b, from) & low;
    case UBPF_ALU_TO_LE:
        return from == 64 ? a : a & ((UINT64_C(1) << from) - 1);
    case UBPF_ALU_TO_BE:
    case UBPF_ALU_BSWAP:
        return from == 16   ? __builtin_bswap16((uint16_t) a)
               : from == 32 ? __builtin_bswap32((uint32_t) a)
                            : __builtin_bswap64(a);
    case UBPF_N_ALU:
        break;
    }
    return 0;
}

/* Whether enum ubpf_cond 'code', 'bits' wide, holds for 'a' and 'b'. */
static inline bool
ubpf_eval_cond(int code, int bits, uint64_t a, uint64_t b)
{
    int64_t sa = ubpf_sign_extend(a, bits), sb = ubpf_sign_extend(b, bits);

    if (bits == 32) {
        a = (uint32_t) a;
        b = (uint32_t) b;
    }
    switch ((enum ubpf_cond) code) {
    case UBPF_COND_EQ:
        return a == b;
    case UBPF_COND_NE:
        return a != b;
    case UBPF_COND_GT:
        return a > b;
    case UBPF_COND_GE:
        return a >= b;
    case UBPF_COND_LT:
        return a < b;
    case UBPF_COND_LE:
        return a <= b;
    case UBPF_COND_SET:
        return (a & b) != 0;
    case UBPF_COND_SGT:
        return sa > sb;
    case UBPF_COND_SGE:
        return sa >= sb;
    case UBPF_COND_SLT:
        return sa < sb;
    case UBPF_COND_SLE:
        return sa <= sb;
    case UBPF_N_COND:
        break;
    }
    return false;
}

#endif /* eval.h */

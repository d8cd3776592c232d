/* SPDX-License-Identifier: Apache-2.0
 *
 * The interpreter.  It runs its own form of a program, in which each
 * instruction has one slot, an operation number that says all about its
 * operands, and relative jumps; so that a step is one indirect jump.
 *
 * It checks nothing: it runs what the verifier accepted. */

#ifndef UBPF_CODE_H
#define UBPF_CODE_H 1

#include <stdint.h>

#include "helpers.h"
#include "isa/isa.h"

struct ubpf_map;

/* Operation numbers.  ALU and JUMP: OP_xxx(code, is_64, by_register).  */
#define OP_ALU(CODE, WIDE, REG) ((((CODE) * 2) + (WIDE)) * 2 + (REG))
#define OP_JUMP(CODE, WIDE, REG) \
    (OP_ALU(UBPF_N_ALU, 0, 0) + (((CODE) * 2) + (WIDE)) * 2 + (REG))
/* SIZE is 0 to 3 for 8 to 64 bits. */
#define OP_LOAD(SIZE)       (OP_JUMP(UBPF_N_COND, 0, 0) + (SIZE))
#define OP_LOAD_SEXT(SIZE)  (OP_LOAD(4) + (SIZE))
#define OP_STORE(SIZE, REG) (OP_LOAD_SEXT(4) + (SIZE) * 2 + (REG))
/* CODE is an enum ubpf_atomic. */
#define OP_ATOMIC(CODE, WIDE, FETCH) \
    (OP_STORE(4, 0) + ((CODE) * 2 + (WIDE)) * 2 + (FETCH))
/* FROM is 0 to 2 for 8 to 32 bits; the result has 32 or 64. */
#define OP_MOVSX(FROM, WIDE) (OP_ATOMIC(6, 0, 0) + (FROM) * 2 + (WIDE))
/* FROM is 0 to 2 for 16 to 64 bits. */
#define OP_ZEXT(FROM) (OP_MOVSX(3, 0) + (FROM))
#define OP_SWAP(FROM) (OP_ZEXT(3) + (FROM))
#define OP_LDDW       OP_SWAP(3)
#define OP_GOTO       (OP_LDDW + 1)
#define OP_CALL       (OP_GOTO + 1)
#define OP_CALL_LOCAL (OP_CALL + 1) /* To 'offset', r10 down by 'imm'. */
#define OP_RETURN     (OP_CALL_LOCAL + 1)
#define OP_EXIT       (OP_RETURN + 1)
#define N_OPS         (OP_EXIT + 1)

struct code_insn {
    uint16_t op;
    uint8_t dst, src;
    int32_t offset; /* Loads, stores: bytes.  Jumps: slots, from
                     * this one. */
    union {
        uint64_t imm; /* Also the address of a map or a constant. */
        ubpf_helper_fn *helper;
    };
};

struct ubpf_code {
    uint32_t n_insns;
    struct code_insn insns[];
};

/* Translates the 'n' instructions at 'insns', whose maps are 'maps'.  Returns
 * 0 with '*codep' to be freed through 'host', or ENOMEM, or EINVAL for what
 * the verifier cannot have accepted. */
int ubpf_code_build(const struct ubpf_host *host,
                    const struct ubpf_insn *insns, uint32_t n,
                    struct ubpf_map *const maps[], uint32_t n_maps,
                    struct ubpf_code **codep);

/* Runs 'code' on env->run and returns r0. */
uint64_t ubpf_code_run(const struct ubpf_code *code,
                       const struct ubpf_env *env);

/* The same, and adds the number of instructions that ran to '*n_insns'. */
uint64_t ubpf_code_count(const struct ubpf_code *code,
                         const struct ubpf_env *env, uint64_t *n_insns);

#endif /* code.h */

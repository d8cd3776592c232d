/* SPDX-License-Identifier: Apache-2.0
 *
 * The instruction set: RFC 9669's conformance groups base32, base64,
 * atomic32, atomic64, divmul32 and divmul64.
 *
 * 'ubpf_opcodes' (isa.c) is the only place where opcodes are spelled.  It
 * drives ubpf_decode(), and what ubpf_decode() returns drives the verifier,
 * the interpreter, the compiler to native code and the disassembler, so that
 * none of them looks at an opcode's bits or at a reserved field again. */

#ifndef UBPF_ISA_H
#define UBPF_ISA_H 1

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One instruction slot as it lies in an object (RFC 9669 section 3).  The
 * library runs on little-endian hosts only, where the first bit-field is the
 * low nibble. */
struct ubpf_insn {
    uint8_t opcode;
    uint8_t dst : 4;
    uint8_t src : 4;
    int16_t offset;
    int32_t imm;
};
_Static_assert(sizeof(struct ubpf_insn) == 8, "an instruction has 8 bytes");
#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "libubpf supports little-endian hosts only"
#endif

#define UBPF_N_REGS 11 /* r0...r10. */
#define UBPF_REG_FP 10 /* Frame pointer, read-only. */

enum ubpf_kind {
    UBPF_KIND_INVALID,
    UBPF_KIND_ALU,            /* dst = dst 'code' operand. */
    UBPF_KIND_LOAD_IMM,       /* dst = imm, 64 bits, two slots. */
    UBPF_KIND_LOAD_MAP,       /* dst = map number 'imm', two slots. */
    UBPF_KIND_LOAD_MAP_VALUE, /* dst = address of byte 'target' of element
                               * 0 of map number 'imm', two slots. */
    UBPF_KIND_LOAD,           /* dst = *(bits)(src + offset). */
    UBPF_KIND_STORE,          /* *(bits)(dst + offset) = operand. */
    UBPF_KIND_ATOMIC,         /* *(bits)(dst + offset) 'code'= src. */
    UBPF_KIND_JUMP,           /* if dst 'code' operand goto target. */
    UBPF_KIND_GOTO,           /* goto target. */
    UBPF_KIND_CALL,           /* r0 = helper number imm (r1...r5). */
    UBPF_KIND_CALL_LOCAL,     /* r0 = the function at target (r1...r5). */
    UBPF_KIND_EXIT,           /* return r0. */
};

/* 'code' of UBPF_KIND_ALU.  With 'bits' 32 the operands are the low halves
 * and the upper half of the result is zero, also for MOVSX.  Division by zero
 * gives 0, remainder of it the dividend; INT_MIN / -1 is INT_MIN, its
 * remainder 0; shift counts are taken modulo 'bits'. */
enum ubpf_alu {
    UBPF_ALU_ADD,
    UBPF_ALU_SUB,
    UBPF_ALU_MUL,
    UBPF_ALU_DIV,
    UBPF_ALU_OR,
    UBPF_ALU_AND,
    UBPF_ALU_LSH,
    UBPF_ALU_RSH,
    UBPF_ALU_NEG,
    UBPF_ALU_MOD,
    UBPF_ALU_XOR,
    UBPF_ALU_MOV,
    UBPF_ALU_ARSH,
    UBPF_ALU_SDIV,
    UBPF_ALU_SMOD,
    UBPF_ALU_MOVSX, /* Sign-extends the low 'from' bits of src. */
    UBPF_ALU_TO_LE, /* Low 'from' bits of dst, zero-extended. */
    UBPF_ALU_TO_BE, /* The same with the bytes swapped. */
    UBPF_ALU_BSWAP, /* The same as TO_BE on our hosts. */
    UBPF_N_ALU,
};

/* 'code' of UBPF_KIND_JUMP.  'bits' 32 compares the low halves. */
enum ubpf_cond {
    UBPF_COND_EQ,
    UBPF_COND_GT,
    UBPF_COND_GE,
    UBPF_COND_SET,
    UBPF_COND_NE,
    UBPF_COND_SGT,
    UBPF_COND_SGE,
    UBPF_COND_LT,
    UBPF_COND_LE,
    UBPF_COND_SLT,
    UBPF_COND_SLE,
    UBPF_N_COND,
};

/* 'code' of UBPF_KIND_ATOMIC. */
enum ubpf_atomic {
    UBPF_ATOMIC_ADD,
    UBPF_ATOMIC_OR,
    UBPF_ATOMIC_AND,
    UBPF_ATOMIC_XOR,
    UBPF_ATOMIC_XCHG,    /* Always with 'fetch'. */
    UBPF_ATOMIC_CMPXCHG, /* Compares with r0, old value to r0. */
};

/* One row of the opcode table. */
struct ubpf_opcode {
    uint8_t kind;   /* enum ubpf_kind. */
    uint8_t code;   /* ubpf_alu, ubpf_cond; else 0. */
    uint8_t bits;   /* Width of the operation or access. */
    uint8_t fields; /* UBPF_USES_*. */
};

/* Fields that an opcode uses; those that it does not use must be zero. */
#define UBPF_USES_DST  (1u << 0)
#define UBPF_USES_SRC  (1u << 1)
#define UBPF_USES_OFF  (1u << 2)
#define UBPF_USES_IMM  (1u << 3)
#define UBPF_OFF_SDIV  (1u << 4) /* Offset: 0 unsigned, 1 signed. */
#define UBPF_OFF_MOVSX (1u << 5) /* Offset: 0, 8, 16 (and 32 of 64 bits). */
#define UBPF_SEXT      (1u << 6) /* The load sign-extends to 64 bits. */
#define UBPF_IMM_SWAP  (1u << 7) /* Immediate: 16, 32 or 64. */

extern const struct ubpf_opcode ubpf_opcodes[256];

/* A decoded instruction. */
struct ubpf_op {
    uint8_t kind; /* enum ubpf_kind. */
    uint8_t code; /* See the enums above. */
    uint8_t bits; /* ALU, JUMP: 32 or 64.  LOAD, STORE, ATOMIC:
                   * of the access, 8, 16, 32 or 64. */
    uint8_t from; /* MOVSX, TO_LE, TO_BE, BSWAP: see there. */
    uint8_t dst, src;
    bool reg;        /* The operand is 'src', else 'imm'. */
    bool sext;       /* LOAD: sign-extends to 64 bits. */
    bool fetch;      /* ATOMIC: old value to src (CMPXCHG: r0). */
    uint8_t len;     /* Slots: 1, or 2 for lddw. */
    int16_t offset;  /* LOAD, STORE, ATOMIC: in bytes. */
    uint32_t target; /* JUMP, GOTO, CALL_LOCAL: index of the slot. */
    int64_t imm;     /* Sign-extended (LOAD_IMM: whole). */
};

/* Decodes the instruction in slot 'pc' of the 'n' slots at 'insns' to '*op'.
 * Returns NULL, or what is wrong with the instruction as a constant text:
 * an opcode that does not exist, a reserved field that is not zero, a register
 * above r10, a write of r10, a jump out of the program, half an lddw.  It does
 * not see that a jump goes to the second slot of an lddw. */
const char *ubpf_decode(const struct ubpf_insn *insns, uint32_t n, uint32_t pc,
                        struct ubpf_op *op);

/* Stores the slots of the instructions that may follow 'op', which is in slot
 * 'pc', and returns how many.  After a call comes what is behind it. */
int ubpf_op_successors(const struct ubpf_op *op, uint32_t pc,
                       uint32_t next[2]);

/* The registers that 'op' reads and writes, a bit each.  Of a call, 'args' has
 * those that may be arguments: others than r1 to r5 do not count.  What an
 * atomic operation fetches is not told: the register is read as well. */
void ubpf_op_registers(const struct ubpf_op *op, uint16_t args,
                       uint16_t *reads, uint16_t *writes);

#endif /* isa.h */

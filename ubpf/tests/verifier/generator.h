/* SPDX-License-Identifier: Apache-2.0
 *
 * What the parts of the generator of random programs share. */

#ifndef UBPF_TEST_GENERATOR_H
#define UBPF_TEST_GENERATOR_H 1

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include <ubpf/abi.h>

#include "generate.h"

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

/* generate.c */
bool one_in(uint32_t n);
void emit(struct generator *, uint8_t opcode, uint32_t dst, uint32_t src,
          int offset, int64_t imm);
/* A register believed to be 'belief'; sometimes any; 99 if there is none. */
uint32_t pick(struct generator *, int belief);
/* A register to write, not r10, seldom a valuable one. */
uint32_t target(struct generator *);
/* Bits of a memory opcode for 1, 2, 4 or 8 bytes. */
uint8_t size_bits(int log);
/* 'x', or sometimes a number next to it. */
int edge(int x);
/* Leaves the program, unless a jump before skips these two instructions. */
void emit_leave(struct generator *, int verdict);

/* generate_numbers.c: arithmetic, the stack, pointers to it and to values. */
void gen_number(struct generator *);
void gen_alu(struct generator *);
void gen_late_bound(struct generator *);
void gen_memory(struct generator *);
void gen_stack(struct generator *);
void gen_spill(struct generator *);
void gen_pointer(struct generator *);
void gen_join(struct generator *);

/* generate_packet.c: the packet and what is proved of its length. */
void gen_packet(struct generator *);
void gen_check(struct generator *);
void gen_any_check(struct generator *);
void gen_variable(struct generator *);
void gen_length(struct generator *);
void gen_length_of_number(struct generator *);

/* generate_relations.c: how numbers and pointers compare with each other. */
void gen_order(struct generator *);
void gen_unequal(struct generator *);
void gen_half(struct generator *);
void gen_difference(struct generator *);
void gen_modulo(struct generator *);

/* generate_calls.c: helpers, maps and functions. */
void gen_call(struct generator *);
void gen_null_check(struct generator *);

#endif /* generator.h */

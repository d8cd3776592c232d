/* SPDX-License-Identifier: Apache-2.0
 *
 * The functions of a program, and the stack that each takes.
 *
 * All frames lie in one area of UBPF_STACK_SIZE bytes.  A call lowers r10 by
 * the frame of the calling function and by UBPF_CALL_SAVE bytes, which hold
 * what the call must restore and which the program never touches. */

#ifndef UBPF_FUNCTIONS_H
#define UBPF_FUNCTIONS_H 1

#include "isa.h"

struct ubpf_host;

#define UBPF_CALL_SAVE  48 /* r6...r9, r10, the return address. */
#define UBPF_MAX_FRAMES 8

struct ubpf_function {
    uint32_t start, end; /* Slots. */
    uint32_t frame;      /* Bytes of stack that it keeps across a call, a
                          * multiple of 16. */
};

/* Finds the functions of the 'n' instructions at 'insns': the first starts at
 * slot 0, each other one where a call goes, and each ends where the next one
 * starts.  Stores them, in this order, to '*functions', to be freed through
 * 'host', and their number to '*n_functions'.  Returns 0, ENOMEM, or EINVAL
 * for what ubpf_decode() refuses. */
int ubpf_functions_find(const struct ubpf_host *host,
                        const struct ubpf_insn *insns, uint32_t n,
                        struct ubpf_function **functions,
                        uint32_t *n_functions);

/* The index of the function in which slot 'pc' lies. */
uint32_t ubpf_function_at(const struct ubpf_function *functions,
                          uint32_t n_functions, uint32_t pc);

#endif /* functions.h */

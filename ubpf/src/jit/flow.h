/* SPDX-License-Identifier: Apache-2.0
 *
 * What the lifter wants to know of a function of a program before it writes a
 * line: its basic blocks, which registers hold the context, a map, a known
 * place on the stack or a known number, and how the stack falls apart into
 * objects.
 *
 * Nothing here is needed for the code to be right.  Where something is not
 * known, the register holds a number that is used as an address. */

#ifndef UBPF_JIT_FLOW_H
#define UBPF_JIT_FLOW_H 1

#include <stdbool.h>
#include <stdint.h>

#include "jit/plugin.h"

enum flow_kind {
    FLOW_UNREACHED, /* Nothing leads here (yet). */
    FLOW_ANY,
    FLOW_STACK,   /* r10 of this function + 'n'. */
    FLOW_CTX,     /* The context + 'n'. */
    FLOW_MAP,     /* Map number 'n'. */
    FLOW_ELEMENT, /* NULL, or an element of an array of maps that looks like
                   * map number 'n', but for max_entries. */
    FLOW_CONST,   /* 'n'. */
};

struct flow_value {
    enum flow_kind kind;
    int64_t n;
};

struct flow_state {
    struct flow_value reg[UBPF_N_REGS];
};

struct flow_block {
    uint32_t start, end; /* Slots; 'end' is exclusive. */
    uint16_t live;       /* Registers that are read before they are written. */
    bool queued;
    struct flow_state in; /* UNREACHED in r10: nothing leads here. */
};

/* A function: slots [start, end). */
struct flow {
    const struct ubpf_jit_input *in;
    uint32_t start, end;
    struct flow_block *blocks;
    uint32_t n_blocks;
    uint32_t *block_of; /* Of each slot from 'start' on: its block. */

    /* Values that registers hold where blocks meet: the sum, over all jumps,
     * of the registers that are live at their targets. */
    uint64_t traffic;

    /* The stack.  If 'escapes', addresses on it are used as numbers, and if
     * 'whole' it is accessed at places or in sizes that are not known: it then
     * has to stay in one piece.  Otherwise it consists of objects: byte i
     * (from the lowest) belongs to the same one as byte i + 1 if
     * joined[i]. */
    bool escapes, whole;
    bool joined[UBPF_STACK_SIZE + 1];
    int64_t lowest; /* The lowest offset from r10 that is accessed. */
};

/* Analyses slots [start, end) of 'in'; 'entry' says that r1 is the context.
 * Returns 0, ENOMEM or EINVAL, with flow_uninit() to be called in any case. */
int flow_init(struct flow *flow, const struct ubpf_jit_input *in,
              uint32_t start, uint32_t end, bool entry);
void flow_uninit(struct flow *flow);

/* Changes '*state' as 'op' does. */
void flow_step(const struct ubpf_jit_input *in, const struct ubpf_op *op,
               struct flow_state *state);

/* The map that 'v' is, or that it looks like, or NULL. */
const struct ubpf_map *flow_map(const struct ubpf_jit_input *in,
                                struct flow_value v);

/* The bytes that helper argument 'i' of 'desc' points to, or -1 when that is
 * not known. */
int64_t flow_arg_size(const struct ubpf_jit_input *in,
                      const struct ubpf_helper_desc *desc, int i,
                      const struct flow_state *state);

#endif /* flow.h */

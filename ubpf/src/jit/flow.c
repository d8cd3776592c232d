/* SPDX-License-Identifier: Apache-2.0 */

#include "jit/flow.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "maps/map.h"

static const struct flow_value any = {FLOW_ANY, 0};

/* Offsets further than this from a pointer are not worth following. */
#define MAX_OFFSET (1 << 20)

static bool
is_pointer(struct flow_value v)
{
    return v.kind == FLOW_STACK || v.kind == FLOW_CTX;
}

/* True if 'v' is a number small enough to add to. */
static bool
is_offset(struct flow_value v)
{
    return v.kind == FLOW_CONST && v.n > -MAX_OFFSET && v.n < MAX_OFFSET;
}

static struct flow_value
add(struct flow_value a, struct flow_value b, bool minus)
{
    struct flow_value sum = a;

    if (is_pointer(a) && is_offset(b)) {
        sum.n += minus ? -b.n : b.n;
    } else if (is_offset(a) && is_pointer(b) && !minus) {
        sum = b;
        sum.n += a.n;
    } else {
        return any;
    }
    return sum.n > -MAX_OFFSET && sum.n < MAX_OFFSET ? sum : any;
}

/* The value of the operand of 'op'. */
static struct flow_value
operand(const struct ubpf_op *op, const struct flow_state *state)
{
    return op->reg ? state->reg[op->src]
                   : (struct flow_value) {FLOW_CONST, op->imm};
}

static struct flow_value
step_alu(const struct ubpf_op *op, const struct flow_state *state)
{
    struct flow_value b = operand(op, state);

    if (op->code == UBPF_ALU_MOV) {
        if (op->bits == 64) {
            return b;
        } else if (b.kind == FLOW_CONST) {
            b.n = (uint32_t) b.n;
            return b;
        }
    } else if (op->bits == 64
               && (op->code == UBPF_ALU_ADD || op->code == UBPF_ALU_SUB)) {
        return add(state->reg[op->dst], b, op->code == UBPF_ALU_SUB);
    }
    return any;
}

const struct ubpf_map *
flow_map(const struct ubpf_jit_input *in, struct flow_value v)
{
    return (v.kind == FLOW_MAP || v.kind == FLOW_ELEMENT) && v.n >= 0
                   && v.n < in->n_maps
               ? in->maps[v.n]
               : NULL;
}

/* What a call of helper 'id' returns. */
static struct flow_value
call_result(const struct ubpf_jit_input *in, int64_t id,
            const struct flow_state *state)
{
    const struct ubpf_map *map = flow_map(in, state->reg[1]);

    return id == UBPF_HELPER_MAP_LOOKUP && map
                   && map->def.type == UBPF_MAP_TYPE_ARRAY_OF_MAPS
               ? (struct flow_value) {FLOW_ELEMENT, map->def.extra}
               : any;
}

void
flow_step(const struct ubpf_jit_input *in, const struct ubpf_op *op,
          struct flow_state *state)
{
    switch ((enum ubpf_kind) op->kind) {
    case UBPF_KIND_ALU:
        state->reg[op->dst] = step_alu(op, state);
        break;
    case UBPF_KIND_LOAD_IMM:
        state->reg[op->dst] = (struct flow_value) {FLOW_CONST, op->imm};
        break;
    case UBPF_KIND_LOAD_MAP:
        state->reg[op->dst] = (struct flow_value) {FLOW_MAP, op->imm};
        break;
    case UBPF_KIND_LOAD_MAP_VALUE:
    case UBPF_KIND_LOAD:
        state->reg[op->dst] = any;
        break;
    case UBPF_KIND_ATOMIC:
        if (op->fetch) {
            state->reg[op->code == UBPF_ATOMIC_CMPXCHG ? 0 : op->src] = any;
        }
        break;
    case UBPF_KIND_CALL:
    case UBPF_KIND_CALL_LOCAL:
        state->reg[0] =
            op->kind == UBPF_KIND_CALL ? call_result(in, op->imm, state) : any;
        for (int i = 1; i <= UBPF_HELPER_MAX_ARGS; i++) {
            state->reg[i] = any;
        }
        break;
    default:
        break;
    }
}

int64_t
flow_arg_size(const struct ubpf_jit_input *in,
              const struct ubpf_helper_desc *desc, int i,
              const struct flow_state *state)
{
    const struct flow_value *arg = &state->reg[1];
    const struct ubpf_map_def *def = NULL;

    for (int j = 0; j < i; j++) {
        const struct ubpf_map *map = flow_map(in, arg[j]);

        if (desc->args[j] == UBPF_ARG_MAP && map) {
            def = &map->def;
        }
    }
    switch (desc->args[i]) {
    case UBPF_ARG_MAP_KEY:
        return def ? (int64_t) def->key_size : -1;
    case UBPF_ARG_MAP_VALUE:
        return def ? (int64_t) def->value_size : -1;
    case UBPF_ARG_MEM:
        return i + 1 < UBPF_HELPER_MAX_ARGS && arg[i + 1].kind == FLOW_CONST
                   ? arg[i + 1].n
                   : -1;
    default:
        return -1;
    }
}

/* Basic blocks. */

/* True if control does not simply go on after 'op'. */
static bool
ends_block(const struct ubpf_op *op)
{
    return op->kind == UBPF_KIND_JUMP || op->kind == UBPF_KIND_GOTO
           || op->kind == UBPF_KIND_EXIT;
}

/* Sets flow->block_of[] to 1 where a block starts, else to 0. */
static int
mark_leaders(struct flow *flow)
{
    const struct ubpf_jit_input *in = flow->in;
    struct ubpf_op op;

    flow->block_of[0] = 1;
    for (uint32_t pc = flow->start; pc < flow->end; pc += op.len) {
        if (ubpf_decode(in->insns, in->n_insns, pc, &op)) {
            return EINVAL;
        }
        if (!ends_block(&op)) {
            continue;
        }
        if (op.kind != UBPF_KIND_EXIT) {
            if (op.target < flow->start || op.target >= flow->end) {
                return EINVAL;
            }
            flow->block_of[op.target - flow->start] = 1;
        }
        if (pc + op.len < flow->end) {
            flow->block_of[pc + op.len - flow->start] = 1;
        }
    }
    for (uint32_t pc = flow->start; pc < flow->end; pc += op.len) {
        ubpf_decode(in->insns, in->n_insns, pc, &op);
        if (op.len == 2
            && (pc + 1 == flow->end || flow->block_of[pc + 1 - flow->start])) {
            return EINVAL; /* In the middle of an lddw. */
        }
    }
    return 0;
}

static int
find_blocks(struct flow *flow)
{
    uint32_t n_slots = flow->end - flow->start, n = 0, at = 0;
    int err;

    flow->block_of = calloc(n_slots, sizeof *flow->block_of);
    if (!flow->block_of) {
        return ENOMEM;
    }
    err = mark_leaders(flow);
    if (err) {
        return err;
    }
    for (uint32_t i = 0; i < n_slots; i++) {
        n += flow->block_of[i];
    }
    flow->blocks = calloc(n, sizeof *flow->blocks);
    if (!flow->blocks) {
        return ENOMEM;
    }
    flow->n_blocks = n;
    for (uint32_t i = 0; i < n_slots; i++) {
        if (flow->block_of[i]) {
            flow->blocks[at++].start = flow->start + i;
        }
        flow->block_of[i] = at - 1;
        flow->blocks[at - 1].end = flow->start + i + 1;
    }
    return 0;
}

/* Stores the blocks that may follow 'block' and returns how many. */
static int
successors(const struct flow *flow, const struct flow_block *block,
           uint32_t next[2])
{
    struct ubpf_op op = {0};
    uint32_t last = block->start;
    int n;

    for (uint32_t pc = block->start; pc < block->end; pc += op.len) {
        ubpf_decode(flow->in->insns, flow->in->n_insns, pc, &op);
        last = pc;
    }
    n = ubpf_op_successors(&op, last, next);
    if (n && next[0] >= flow->end) {
        next[0] = next[--n]; /* Never gone to, says the verifier. */
    }
    for (int i = 0; i < n; i++) {
        next[i] = flow->block_of[next[i] - flow->start];
    }
    return n;
}

/* Liveness. */

#define REG(N) ((uint16_t) (1u << (N)))

/* The registers that may be arguments of the call 'op'. */
static uint16_t
call_args(const struct flow *flow, const struct ubpf_op *op)
{
    const struct ubpf_helper_desc *desc;

    if (op->kind != UBPF_KIND_CALL) {
        return UINT16_MAX;
    }
    desc = flow->in->helper_desc((uint32_t) op->imm);
    return desc ? ubpf_helper_args(desc) : 0;
}

/* What is live before 'block' if 'live' is after it. */
static uint16_t
live_before(const struct flow *flow, const struct flow_block *block,
            uint16_t live)
{
    uint16_t exposed = 0, written = 0, reads, writes;
    struct ubpf_op op;

    for (uint32_t pc = block->start; pc < block->end; pc += op.len) {
        ubpf_decode(flow->in->insns, flow->in->n_insns, pc, &op);
        ubpf_op_registers(&op, call_args(flow, &op), &reads, &writes);
        exposed |= reads & ~written;
        written |= writes;
    }
    return exposed | (live & ~written);
}

/* Rounds after which every register is taken to be live everywhere; programs
 * that jump back a lot would take too long. */
#define MAX_ROUNDS 50

static void
find_live(struct flow *flow)
{
    bool changed = true;

    for (int round = 0; changed; round++) {
        if (round == MAX_ROUNDS) {
            for (uint32_t i = 0; i < flow->n_blocks; i++) {
                flow->blocks[i].live = UINT16_MAX;
            }
            return;
        }
        changed = false;
        for (uint32_t i = flow->n_blocks; i-- > 0;) {
            struct flow_block *block = &flow->blocks[i];
            uint32_t next[2];
            int n = successors(flow, block, next);
            uint16_t live = 0;

            while (n--) {
                live |= flow->blocks[next[n]].live;
            }
            live = live_before(flow, block, live);
            changed |= live != block->live;
            block->live = live;
        }
    }
}

/* Values. */

/* Lets '*state' flow into 'block'.  Returns whether that changed anything. */
static bool
join(struct flow *flow, struct flow_block *block,
     const struct flow_state *state)
{
    bool changed = false;

    for (int i = 0; i < UBPF_N_REGS; i++) {
        struct flow_value *old = &block->in.reg[i];
        struct flow_value new = state->reg[i];

        if (old->kind == FLOW_UNREACHED) {
            *old = new;
            changed = true;
        } else if (old->kind != new.kind || old->n != new.n) {
            if (block->live & REG(i)
                && (old->kind == FLOW_STACK || new.kind == FLOW_STACK)) {
                flow->escapes = true;
            }
            changed |= old->kind != FLOW_ANY;
            *old = any;
        }
    }
    return changed;
}

static int
find_values(struct flow *flow, bool entry)
{
    uint32_t *queue = malloc(flow->n_blocks * sizeof *queue);
    struct flow_state state;
    uint32_t n = 0;

    if (!queue) {
        return ENOMEM;
    }
    for (int i = 0; i < UBPF_N_REGS; i++) {
        state.reg[i] = any;
    }
    if (entry) {
        state.reg[1].kind = FLOW_CTX;
    }
    state.reg[UBPF_REG_FP].kind = FLOW_STACK;
    join(flow, &flow->blocks[0], &state);
    flow->blocks[0].queued = true;
    queue[n++] = 0;
    while (n) {
        struct flow_block *block = &flow->blocks[queue[--n]];
        struct ubpf_op op;
        uint32_t next[2];
        int n_next = successors(flow, block, next);

        block->queued = false;
        state = block->in;
        for (uint32_t pc = block->start; pc < block->end; pc += op.len) {
            ubpf_decode(flow->in->insns, flow->in->n_insns, pc, &op);
            flow_step(flow->in, &op, &state);
        }
        while (n_next--) {
            struct flow_block *to = &flow->blocks[next[n_next]];

            if (join(flow, to, &state) && !to->queued) {
                to->queued = true;
                queue[n++] = next[n_next];
            }
        }
    }
    free(queue);
    return 0;
}

/* The stack. */

static void
touch(struct flow *flow, int64_t offset, int64_t size)
{
    if (size < 0) {
        flow->whole = true;
        return;
    }
    if (offset < -UBPF_STACK_SIZE || offset + size > 0 || !size) {
        return; /* Never executed, says the verifier; or nothing. */
    }
    if (offset < flow->lowest) {
        flow->lowest = offset;
    }
    offset += UBPF_STACK_SIZE;
    for (int64_t i = offset; i < offset + size - 1; i++) {
        flow->joined[i] = true;
    }
}

/* Notes what a call of helper 'id' does to the stack. */
static void
touch_call(struct flow *flow, uint32_t id, const struct flow_state *state)
{
    const struct ubpf_helper_desc *desc = flow->in->helper_desc(id);

    for (int i = 0; desc && i < UBPF_HELPER_MAX_ARGS && desc->args[i]; i++) {
        const struct flow_value *arg = &state->reg[1 + i];

        if (arg->kind != FLOW_STACK) {
            continue;
        }
        switch (desc->args[i]) {
        case UBPF_ARG_MAP_KEY:
        case UBPF_ARG_MAP_VALUE:
        case UBPF_ARG_MEM:
            touch(flow, arg->n, flow_arg_size(flow->in, desc, i, state));
            break;
        default:
            flow->escapes = true;
            break;
        }
    }
}

/* Notes what 'op' does to the stack, before 'state'. */
static void
touch_op(struct flow *flow, const struct ubpf_op *op,
         const struct flow_state *state)
{
    struct flow_value dst = state->reg[op->dst], src = state->reg[op->src];
    bool uses_dst = false, uses_src = op->reg;
    struct flow_state after = *state;

    switch ((enum ubpf_kind) op->kind) {
    case UBPF_KIND_ALU:
        flow_step(flow->in, op, &after);
        if (after.reg[op->dst].kind == FLOW_STACK) {
            return;
        }
        uses_dst = op->code != UBPF_ALU_MOV && op->code != UBPF_ALU_MOVSX;
        break;
    case UBPF_KIND_LOAD:
        if (src.kind == FLOW_STACK) {
            touch(flow, src.n + op->offset, op->bits / 8);
        }
        return;
    case UBPF_KIND_STORE:
    case UBPF_KIND_ATOMIC:
        if (dst.kind == FLOW_STACK) {
            touch(flow, dst.n + op->offset, op->bits / 8);
        }
        break;
    case UBPF_KIND_JUMP:
        uses_dst = true;
        break;
    case UBPF_KIND_CALL:
        touch_call(flow, (uint32_t) op->imm, state);
        return;
    case UBPF_KIND_CALL_LOCAL:
        for (int i = 1; i <= UBPF_HELPER_MAX_ARGS; i++) {
            flow->escapes |= state->reg[i].kind == FLOW_STACK;
        }
        return;
    case UBPF_KIND_EXIT:
        flow->escapes |= state->reg[0].kind == FLOW_STACK;
        return;
    default:
        return;
    }
    flow->escapes |= (uses_dst && dst.kind == FLOW_STACK)
                     || (uses_src && src.kind == FLOW_STACK);
}

static void
find_stack(struct flow *flow)
{
    for (uint32_t i = 0; i < flow->n_blocks; i++) {
        struct flow_state state = flow->blocks[i].in;
        struct ubpf_op op;

        if (state.reg[UBPF_REG_FP].kind == FLOW_UNREACHED) {
            continue;
        }
        for (uint32_t pc = flow->blocks[i].start; pc < flow->blocks[i].end;
             pc += op.len) {
            ubpf_decode(flow->in->insns, flow->in->n_insns, pc, &op);
            touch_op(flow, &op, &state);
            flow_step(flow->in, &op, &state);
        }
    }
    flow->whole |= flow->escapes;
}

static void
count_traffic(struct flow *flow)
{
    for (uint32_t i = 0; i < flow->n_blocks; i++) {
        uint32_t next[2];
        int n = successors(flow, &flow->blocks[i], next);

        while (n--) {
            flow->traffic += (uint64_t) __builtin_popcount(
                flow->blocks[next[n]].live & (REG(UBPF_REG_FP) - 1));
        }
    }
}

int
flow_init(struct flow *flow, const struct ubpf_jit_input *in, uint32_t start,
          uint32_t end, bool entry)
{
    int err;

    memset(flow, 0, sizeof *flow);
    flow->in = in;
    flow->start = start;
    flow->end = end;
    err = find_blocks(flow);
    if (!err) {
        find_live(flow);
        count_traffic(flow);
        err = find_values(flow, entry);
    }
    if (!err) {
        find_stack(flow);
    }
    return err;
}

void
flow_uninit(struct flow *flow)
{
    free(flow->blocks);
    free(flow->block_of);
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * What can be said of a program without following its paths: that each
 * instruction is one, that jumps go to instructions, which registers are live,
 * and where paths meet. */

#include "state.h"

#include <string.h>

#include "helpers.h"

/* The instructions that may follow that in slot 'pc'. */
static int
successors(const struct ubpf_op *op, uint32_t pc, uint32_t next[2])
{
    switch (op->kind) {
    case UBPF_KIND_EXIT:
        return 0;
    case UBPF_KIND_GOTO:
        next[0] = op->target;
        return 1;
    case UBPF_KIND_JUMP:
        next[0] = pc + op->len;
        next[1] = op->target;
        return 2;
    default:
        next[0] = pc + op->len;
        return 1;
    }
}

static int
decode_all(struct verifier *v)
{
    const struct ubpf_object *obj = v->obj;
    uint32_t pc, last = 0;

    for (pc = 0; pc < obj->n_insns; pc += v->ops[pc].len) {
        const char *error =
            ubpf_decode(obj->insns, obj->n_insns, pc, &v->ops[pc]);
        if (error) {
            return refuse_at(v, pc, "%s", error);
        }
        last = pc;
    }
    if (v->ops[last].kind != UBPF_KIND_EXIT
        && v->ops[last].kind != UBPF_KIND_GOTO) {
        return refuse_at(v, last, "the program can run past its end");
    }
    return 0;
}

/* Checks jump targets and marks where paths meet. */
static int
find_joins(struct verifier *v)
{
    uint32_t n = v->obj->n_insns, next[2];
    uint8_t *ways = ver_alloc(v, n);

    if (!ways) {
        return v->error;
    }
    for (uint32_t pc = 0; pc < n; pc += v->ops[pc].len) {
        int k = successors(&v->ops[pc], pc, next);

        while (k-- > 0) {
            if (!v->ops[next[k]].len) {
                ver_free(v, ways, n);
                return refuse_at(v, pc, "jump into the middle of an lddw");
            }
            ways[next[k]] += ways[next[k]] < 2;
        }
    }
    ways[0]++; /* The entry. */
    for (uint32_t pc = 0; pc < n; pc++) {
        v->join[pc] = ways[pc] > 1;
    }
    ver_free(v, ways, n);
    return 0;
}

/* Marks what lies between the ends of a backward jump. */
static void
find_loops(struct verifier *v)
{
    uint32_t n = v->obj->n_insns, next[2], first = n;

    for (uint32_t pc = n; pc-- > 0;) {
        if (v->ops[pc].len) {
            for (int k = successors(&v->ops[pc], pc, next); k-- > 0;) {
                if (next[k] <= pc && next[k] < first) {
                    first = next[k];
                }
            }
        }
        v->loop[pc] = first <= pc;
        if (first == pc) {
            first = n;
        }
    }
}

/* Registers that 'op' reads and writes. */
static void
registers(const struct ubpf_op *op, uint16_t *reads, uint16_t *writes)
{
    const struct ubpf_helper_desc *helper;
    uint16_t operand = op->reg ? REG(op->src) : 0;

    *reads = *writes = 0;
    switch ((enum ubpf_kind) op->kind) {
    case UBPF_KIND_ALU:
        *writes = REG(op->dst);
        *reads = operand;
        if (op->code != UBPF_ALU_MOV && op->code != UBPF_ALU_MOVSX) {
            *reads |= REG(op->dst);
        }
        break;
    case UBPF_KIND_LOAD_IMM:
    case UBPF_KIND_LOAD_MAP:
    case UBPF_KIND_LOAD_MAP_VALUE:
        *writes = REG(op->dst);
        break;
    case UBPF_KIND_LOAD:
        *writes = REG(op->dst);
        *reads = REG(op->src);
        break;
    case UBPF_KIND_STORE:
    case UBPF_KIND_JUMP:
        *reads = REG(op->dst) | operand;
        break;
    case UBPF_KIND_ATOMIC:
        *reads = REG(op->dst) | REG(op->src);
        if (op->code == UBPF_ATOMIC_CMPXCHG) {
            *reads |= REG(0);
        }
        break;
    case UBPF_KIND_CALL:
        helper = ubpf_helper_desc((uint32_t) op->imm);
        *writes = REG(0) | REG(1) | REG(2) | REG(3) | REG(4) | REG(5);
        for (int i = 0; i < UBPF_HELPER_MAX_ARGS; i++) {
            if (helper && helper->args[i] == UBPF_ARG_NONE) {
                break;
            }
            *reads |= REG(i + 1);
        }
        break;
    case UBPF_KIND_EXIT:
        *reads = REG(0);
        break;
    case UBPF_KIND_GOTO:
    case UBPF_KIND_INVALID:
        break;
    }
}

/* Finds the registers that are live before each instruction, going backwards
 * until nothing changes; programs made to need many rounds get all. */
static void
find_live(struct verifier *v)
{
    uint32_t n = v->obj->n_insns, next[2];
    bool changed = true;

    for (int round = 0; changed; round++) {
        changed = false;
        for (uint32_t pc = n; pc-- > 0;) {
            const struct ubpf_op *op = &v->ops[pc];
            uint16_t reads, writes, live = 0;

            if (!op->len) {
                continue;
            }
            if (round > 40) {
                v->live[pc] = (1u << UBPF_N_REGS) - 1;
                continue;
            }
            for (int k = successors(op, pc, next); k-- > 0;) {
                live |= v->live[next[k]];
            }
            registers(op, &reads, &writes);
            live = (live & ~writes) | reads;
            changed |= live != v->live[pc];
            v->live[pc] = live;
        }
    }
}

int
check_flow(struct verifier *v)
{
    int error = decode_all(v);

    if (!error) {
        error = find_joins(v);
    }
    if (!error) {
        find_loops(v);
        find_live(v);
    }
    return error;
}

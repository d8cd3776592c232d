/* SPDX-License-Identifier: Apache-2.0 */

#include "isa/functions.h"

#include <errno.h>

#include <ubpf/abi.h>

#include "host.h"

uint32_t
ubpf_function_at(const struct ubpf_function *functions, uint32_t n_functions,
                 uint32_t pc)
{
    uint32_t low = 0, high = n_functions;

    /* The last function that does not start after 'pc' is at low - 1. */
    while (low < high) {
        uint32_t mid = low + (high - low) / 2;

        if (functions[mid].start <= pc) {
            low = mid + 1;
        } else {
            high = mid;
        }
    }
    return low - 1;
}

/* Registers that may be copies of r10 somewhere in 'f', as a bit mask. */
static uint32_t
stack_copies(const struct ubpf_insn *insns, uint32_t n,
             const struct ubpf_function *f)
{
    uint32_t copies = 1u << UBPF_REG_FP, before = 0;
    struct ubpf_op op;

    while (copies != before) {
        before = copies;
        for (uint32_t pc = f->start; pc < f->end; pc += op.len) {
            ubpf_decode(insns, n, pc, &op);
            if (op.kind == UBPF_KIND_ALU && op.code == UBPF_ALU_MOV && op.reg
                && op.bits == 64 && copies & 1u << op.src) {
                copies |= 1u << op.dst;
            }
        }
    }
    return copies;
}

/* Bytes below r10 that 'op' may mean: those of an access through r10, or a
 * number that it takes from one of the registers 'copies'.  Where that is too
 * little, the verifier refuses the program. */
static uint32_t
stack_depth(const struct ubpf_op *op, uint32_t copies)
{
    int64_t depth = 0;

    switch ((enum ubpf_kind) op->kind) {
    case UBPF_KIND_LOAD:
        depth = op->src == UBPF_REG_FP ? -(int64_t) op->offset : 0;
        break;
    case UBPF_KIND_STORE:
    case UBPF_KIND_ATOMIC:
        depth = op->dst == UBPF_REG_FP ? -(int64_t) op->offset : 0;
        break;
    case UBPF_KIND_ALU:
        if (op->bits == 64 && !op->reg && copies & 1u << op->dst) {
            depth = op->code == UBPF_ALU_ADD   ? -op->imm
                    : op->code == UBPF_ALU_SUB ? op->imm
                                               : 0;
        }
        break;
    default:
        break;
    }
    return depth > 0 && depth <= UBPF_STACK_SIZE ? (uint32_t) depth : 0;
}

static uint32_t
frame_size(const struct ubpf_insn *insns, uint32_t n,
           const struct ubpf_function *f)
{
    uint32_t copies = stack_copies(insns, n, f), most = 0;
    struct ubpf_op op;

    for (uint32_t pc = f->start; pc < f->end; pc += op.len) {
        uint32_t depth;

        ubpf_decode(insns, n, pc, &op);
        depth = stack_depth(&op, copies);
        most = depth > most ? depth : most;
    }
    return (most + 15) & ~15u;
}

/* Marks in 'starts' the slots to which calls go, and counts them. */
static int
mark_starts(const struct ubpf_insn *insns, uint32_t n, bool *starts,
            uint32_t *count)
{
    struct ubpf_op op;

    starts[0] = true;
    *count = 1;
    for (uint32_t pc = 0; pc < n; pc += op.len) {
        if (ubpf_decode(insns, n, pc, &op)) {
            return EINVAL;
        }
        if (op.kind == UBPF_KIND_CALL_LOCAL && !starts[op.target]) {
            starts[op.target] = true;
            ++*count;
        }
    }
    return 0;
}

int
ubpf_functions_find(const struct ubpf_host *host,
                    const struct ubpf_insn *insns, uint32_t n,
                    struct ubpf_function **functions, uint32_t *n_functions)
{
    bool *starts = ubpf_host_zalloc(host, n, sizeof *starts);
    struct ubpf_function *f = NULL;
    uint32_t count = 0, k = 0;
    struct ubpf_op op;
    int err = starts ? mark_starts(insns, n, starts, &count) : ENOMEM;

    if (!err) {
        f = ubpf_host_zalloc(host, count, sizeof *f);
        err = f ? 0 : ENOMEM;
    }
    for (uint32_t pc = 0; !err && pc < n; pc += op.len) {
        ubpf_decode(insns, n, pc, &op);
        if (starts[pc]) {
            f[k++].start = pc;
        }
        f[k - 1].end = pc + op.len;
    }
    for (uint32_t i = 0; !err && i < k; i++) {
        f[i].frame = frame_size(insns, n, &f[i]);
    }
    ubpf_host_free(host, starts);
    *functions = f;
    *n_functions = k;
    return err;
}

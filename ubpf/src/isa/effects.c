/* SPDX-License-Identifier: Apache-2.0 */

#include "isa/isa.h"

#define REG(N) ((uint16_t) (1u << (N)))

/* r0 to r5, of which a call leaves only r0 with something in it. */
#define CALL_REGS ((uint16_t) (REG(6) - 1))

int
ubpf_op_successors(const struct ubpf_op *op, uint32_t pc, uint32_t next[2])
{
    switch (op->kind) {
    case UBPF_KIND_EXIT:
        return 0; /* Calls go on after themselves. */
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

void
ubpf_op_registers(const struct ubpf_op *op, uint16_t args, uint16_t *reads,
                  uint16_t *writes)
{
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
    case UBPF_KIND_CALL_LOCAL:
        *writes = CALL_REGS;
        *reads = args & CALL_REGS & ~REG(0);
        break;
    case UBPF_KIND_EXIT:
        *reads = REG(0);
        break;
    case UBPF_KIND_GOTO:
    case UBPF_KIND_INVALID:
        break;
    }
}

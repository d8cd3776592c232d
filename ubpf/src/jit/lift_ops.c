/* SPDX-License-Identifier: Apache-2.0
 *
 * Arithmetic, comparisons and memory accesses, as RFC 9669 defines them. */

#include "jit/lift.h"

#include "maps/map.h"

/* The operand of 'op', 'bits' wide. */
static LLVMValueRef
operand(struct lift *l, const struct ubpf_op *op, unsigned int bits)
{
    LLVMValueRef value =
        op->reg ? lift_reg(l, op->src) : lift_int(l, (uint64_t) op->imm);

    return LLVMBuildTrunc(l->m->builder, value, lift_type(l, bits), "");
}

static LLVMValueRef
is(struct lift *l, LLVMValueRef value, uint64_t number)
{
    return LLVMBuildICmp(l->m->builder, LLVMIntEQ, value,
                         LLVMConstInt(LLVMTypeOf(value), number, true), "");
}

/* 'a' divided by 'b', or the remainder.  Division by zero gives zero, its
 * remainder 'a'; LLVM must not see it. */
static LLVMValueRef
divide(struct lift *l, LLVMOpcode opcode, LLVMValueRef a, LLVMValueRef b,
       bool remainder)
{
    LLVMBuilderRef builder = l->m->builder;
    LLVMTypeRef type = LLVMTypeOf(a);
    LLVMValueRef zero = LLVMConstInt(type, 0, false);
    LLVMValueRef by_zero = is(l, b, 0), by_minus_one = NULL, result;

    b = LLVMBuildSelect(builder, by_zero, LLVMConstInt(type, 1, false), b, "");
    if (opcode == LLVMSDiv || opcode == LLVMSRem) {
        by_minus_one = is(l, b, UINT64_MAX);
        b = LLVMBuildSelect(builder, by_minus_one,
                            LLVMConstInt(type, 1, false), b, "");
    }
    result = LLVMBuildBinOp(builder, opcode, a, b, "");
    if (by_minus_one) {
        result = LLVMBuildSelect(
            builder, by_minus_one,
            remainder ? zero : LLVMBuildNeg(builder, a, ""), result, "");
    }
    return LLVMBuildSelect(builder, by_zero, remainder ? a : zero, result, "");
}

static LLVMValueRef
shift(struct lift *l, LLVMOpcode opcode, LLVMValueRef a, LLVMValueRef b)
{
    LLVMTypeRef type = LLVMTypeOf(a);
    LLVMValueRef mask =
        LLVMConstInt(type, LLVMGetIntTypeWidth(type) - 1, false);

    return LLVMBuildBinOp(l->m->builder, opcode, a,
                          LLVMBuildAnd(l->m->builder, b, mask, ""), "");
}

/* The low 'bits' bits of 'value' with their bytes swapped. */
static LLVMValueRef
swap(struct lift *l, LLVMValueRef value, unsigned int bits)
{
    static const char name[] = "llvm.bswap";
    LLVMTypeRef type = lift_type(l, bits);
    unsigned int id = LLVMLookupIntrinsicID(name, sizeof name - 1);
    LLVMValueRef function =
        LLVMGetIntrinsicDeclaration(l->m->module, id, &type, 1);

    value = LLVMBuildTrunc(l->m->builder, value, type, "");
    return LLVMBuildCall2(l->m->builder,
                          LLVMIntrinsicGetType(l->m->context, id, &type, 1),
                          function, &value, 1, "");
}

/* Operations on one operand. */
static LLVMValueRef
unary(struct lift *l, const struct ubpf_op *op)
{
    LLVMBuilderRef builder = l->m->builder;
    LLVMTypeRef type = lift_type(l, op->bits);
    LLVMValueRef a;

    switch ((enum ubpf_alu) op->code) {
    case UBPF_ALU_MOVSX:
        a = LLVMBuildTrunc(builder, lift_reg(l, op->src),
                           lift_type(l, op->from), "");
        return LLVMBuildSExt(builder, a, type, "");
    case UBPF_ALU_TO_LE:
        return LLVMBuildTrunc(builder, lift_reg(l, op->dst),
                              lift_type(l, op->from), "");
    case UBPF_ALU_TO_BE:
    case UBPF_ALU_BSWAP:
        return swap(l, lift_reg(l, op->dst), op->from);
    case UBPF_ALU_NEG:
        a = LLVMBuildTrunc(builder, lift_reg(l, op->dst), type, "");
        return LLVMBuildNeg(builder, a, "");
    default:
        return NULL;
    }
}

static LLVMValueRef
binary(struct lift *l, const struct ubpf_op *op)
{
    static const LLVMOpcode opcodes[UBPF_N_ALU] = {
        [UBPF_ALU_ADD] = LLVMAdd,   [UBPF_ALU_SUB] = LLVMSub,
        [UBPF_ALU_MUL] = LLVMMul,   [UBPF_ALU_OR] = LLVMOr,
        [UBPF_ALU_AND] = LLVMAnd,   [UBPF_ALU_XOR] = LLVMXor,
        [UBPF_ALU_LSH] = LLVMShl,   [UBPF_ALU_RSH] = LLVMLShr,
        [UBPF_ALU_ARSH] = LLVMAShr, [UBPF_ALU_DIV] = LLVMUDiv,
        [UBPF_ALU_MOD] = LLVMURem,  [UBPF_ALU_SDIV] = LLVMSDiv,
        [UBPF_ALU_SMOD] = LLVMSRem,
    };
    LLVMOpcode opcode = opcodes[op->code];
    LLVMValueRef a, b = operand(l, op, op->bits);

    if (op->code == UBPF_ALU_MOV) {
        return b;
    }
    a = LLVMBuildTrunc(l->m->builder, lift_reg(l, op->dst),
                       lift_type(l, op->bits), "");
    switch ((enum ubpf_alu) op->code) {
    case UBPF_ALU_LSH:
    case UBPF_ALU_RSH:
    case UBPF_ALU_ARSH:
        return shift(l, opcode, a, b);
    case UBPF_ALU_DIV:
    case UBPF_ALU_SDIV:
        return divide(l, opcode, a, b, false);
    case UBPF_ALU_MOD:
    case UBPF_ALU_SMOD:
        return divide(l, opcode, a, b, true);
    default:
        return LLVMBuildBinOp(l->m->builder, opcode, a, b, "");
    }
}

void
lift_alu(struct lift *l, const struct ubpf_op *op)
{
    struct flow_state after = l->state;
    LLVMValueRef result;

    flow_step(l->m->in, op, &after);
    if (after.reg[op->dst].kind == FLOW_STACK && !l->flow.escapes) {
        return; /* Nobody wants the number. */
    }
    result = unary(l, op);
    if (!result) {
        result = binary(l, op);
    }
    lift_set_reg(l, op->dst,
                 LLVMBuildZExt(l->m->builder, result, l->m->i64, ""));
}

LLVMValueRef
lift_condition(struct lift *l, const struct ubpf_op *op)
{
    static const LLVMIntPredicate predicates[UBPF_N_COND] = {
        [UBPF_COND_EQ] = LLVMIntEQ,   [UBPF_COND_NE] = LLVMIntNE,
        [UBPF_COND_GT] = LLVMIntUGT,  [UBPF_COND_GE] = LLVMIntUGE,
        [UBPF_COND_LT] = LLVMIntULT,  [UBPF_COND_LE] = LLVMIntULE,
        [UBPF_COND_SGT] = LLVMIntSGT, [UBPF_COND_SGE] = LLVMIntSGE,
        [UBPF_COND_SLT] = LLVMIntSLT, [UBPF_COND_SLE] = LLVMIntSLE,
        [UBPF_COND_SET] = LLVMIntNE,
    };
    LLVMValueRef a = LLVMBuildTrunc(l->m->builder, lift_reg(l, op->dst),
                                    lift_type(l, op->bits), "");
    LLVMValueRef b = operand(l, op, op->bits);

    if (op->code == UBPF_COND_SET) {
        a = LLVMBuildAnd(l->m->builder, a, b, "");
        b = LLVMConstInt(LLVMTypeOf(a), 0, false);
    }
    return LLVMBuildICmp(l->m->builder, predicates[op->code], a, b, "");
}

void
lift_load(struct lift *l, const struct ubpf_op *op)
{
    LLVMTypeRef type = lift_type(l, op->bits);
    unsigned int align;
    LLVMValueRef pointer, value;

    pointer = lift_pointer(l, op->src, op->offset, op->bits / 8, &align);
    if (!pointer) {
        return;
    }
    value = LLVMBuildLoad2(l->m->builder, type, pointer, "");
    LLVMSetAlignment(value, align);
    value = op->sext ? LLVMBuildSExt(l->m->builder, value, l->m->i64, "")
                     : LLVMBuildZExt(l->m->builder, value, l->m->i64, "");
    lift_set_reg(l, op->dst, value);
}

void
lift_store(struct lift *l, const struct ubpf_op *op)
{
    unsigned int align;
    LLVMValueRef pointer, store;

    pointer = lift_pointer(l, op->dst, op->offset, op->bits / 8, &align);
    if (!pointer) {
        return;
    }
    store = LLVMBuildStore(l->m->builder, operand(l, op, op->bits), pointer);
    LLVMSetAlignment(store, align);
}

/* The verifier has proved that the address is aligned.  As in the interpreter,
 * atomics without fetch order nothing, those with it order everything. */
void
lift_atomic(struct lift *l, const struct ubpf_op *op)
{
    static const LLVMAtomicRMWBinOp operations[] = {
        [UBPF_ATOMIC_ADD] = LLVMAtomicRMWBinOpAdd,
        [UBPF_ATOMIC_OR] = LLVMAtomicRMWBinOpOr,
        [UBPF_ATOMIC_AND] = LLVMAtomicRMWBinOpAnd,
        [UBPF_ATOMIC_XOR] = LLVMAtomicRMWBinOpXor,
        [UBPF_ATOMIC_XCHG] = LLVMAtomicRMWBinOpXchg,
    };
    LLVMBuilderRef builder = l->m->builder;
    LLVMAtomicOrdering order = op->fetch
                                   ? LLVMAtomicOrderingSequentiallyConsistent
                                   : LLVMAtomicOrderingMonotonic;
    LLVMTypeRef type = lift_type(l, op->bits);
    LLVMValueRef pointer, source, old;
    unsigned int align;

    pointer = lift_pointer(l, op->dst, op->offset, op->bits / 8, &align);
    if (!pointer) {
        return;
    }
    source = LLVMBuildTrunc(builder, lift_reg(l, op->src), type, "");
    if (op->code == UBPF_ATOMIC_CMPXCHG) {
        old = LLVMBuildTrunc(builder, lift_reg(l, 0), type, "");
        old = LLVMBuildAtomicCmpXchg(builder, pointer, old, source, order,
                                     order, false);
        old = LLVMBuildExtractValue(builder, old, 0, "");
        lift_set_reg(l, 0, LLVMBuildZExt(builder, old, l->m->i64, ""));
        return;
    }
    old = LLVMBuildAtomicRMW(builder, operations[op->code], pointer, source,
                             order, false);
    if (op->fetch) {
        lift_set_reg(l, op->src, LLVMBuildZExt(builder, old, l->m->i64, ""));
    }
}

void
lift_map(struct lift *l, const struct ubpf_op *op)
{
    const struct ubpf_jit_input *in = l->m->in;
    uint64_t address;

    if (op->imm < 0 || op->imm >= in->n_maps) {
        l->dead = true;
        return;
    }
    address = op->kind == UBPF_KIND_LOAD_MAP
                  ? (uintptr_t) in->maps[op->imm]
                  : (uintptr_t) in->array_base(in->maps[op->imm]) + op->target;
    lift_set_reg(l, op->dst, lift_int(l, address));
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * Registers, addresses and the stack of a function. */

#include <errno.h>
#include <stdlib.h>

#include "jit/lift.h"

LLVMTypeRef
lift_type(struct lift *l, unsigned int bits)
{
    return bits == 8    ? l->m->i8
           : bits == 16 ? l->m->i16
           : bits == 32 ? l->m->i32
                        : l->m->i64;
}

LLVMValueRef
lift_int(struct lift *l, uint64_t value)
{
    return LLVMConstInt(l->m->i64, value, false);
}

LLVMValueRef
lift_address(struct lift *l, uint64_t address)
{
    return LLVMConstIntToPtr(lift_int(l, address), l->m->ptr);
}

LLVMValueRef
lift_as_pointer(struct lift *l, LLVMValueRef value)
{
    return LLVMGetTypeKind(LLVMTypeOf(value)) == LLVMPointerTypeKind
               ? value
               : LLVMBuildIntToPtr(l->m->builder, value, l->m->ptr, "");
}

static LLVMValueRef
offset_pointer(struct lift *l, LLVMValueRef base, int64_t offset)
{
    LLVMValueRef index = lift_int(l, (uint64_t) offset);

    return offset ? LLVMBuildGEP2(l->m->builder, l->m->i8, base, &index, 1, "")
                  : base;
}

/* A pointer to the byte at r10 + 'offset'. */
static LLVMValueRef
stack_pointer(struct lift *l, int64_t offset)
{
    int64_t byte = offset + UBPF_STACK_SIZE;

    if (l->flow.whole) {
        return offset_pointer(l, l->objects[0], byte - l->stack_low);
    }
    if (byte < 0 || byte >= UBPF_STACK_SIZE || !l->objects[byte]) {
        return NULL;
    }
    return offset_pointer(l, l->objects[byte], byte - l->object_start[byte]);
}

LLVMValueRef
lift_reg(struct lift *l, int reg)
{
    struct flow_value v = l->state.reg[reg];
    LLVMValueRef pointer;

    switch (v.kind) {
    case FLOW_CONST:
        return lift_int(l, (uint64_t) v.n);
    case FLOW_STACK:
        pointer = stack_pointer(l, v.n);
        return pointer
                   ? LLVMBuildPtrToInt(l->m->builder, pointer, l->m->i64, "")
                   : LLVMGetUndef(l->m->i64);
    default:
        return LLVMBuildLoad2(l->m->builder, l->m->i64, l->reg[reg], "");
    }
}

void
lift_set_reg(struct lift *l, int reg, LLVMValueRef value)
{
    LLVMBuildStore(l->m->builder, value, l->reg[reg]);
}

LLVMValueRef
lift_pointer(struct lift *l, int reg, int64_t offset, int64_t size,
             unsigned int *align)
{
    struct flow_value v = l->state.reg[reg];
    int64_t at = v.n + offset;
    LLVMValueRef pointer;

    *align = 1;
    switch (v.kind) {
    case FLOW_STACK:
        if (at < -UBPF_STACK_SIZE || at + size > 0) {
            l->dead = true;
            return NULL;
        }
        pointer = stack_pointer(l, at);
        l->dead = !pointer;
        return pointer;
    case FLOW_CTX:
        if (at < 0 || at + size > (int64_t) sizeof(struct ubpf_ctx)) {
            l->dead = true;
            return NULL;
        }
        *align = (unsigned int) (at % size ? 1 : size);
        return offset_pointer(l, l->ctx, at);
    default:
        pointer =
            LLVMBuildIntToPtr(l->m->builder, lift_reg(l, reg), l->m->ptr, "");
        return offset_pointer(l, pointer, offset);
    }
}

/* Allocates bytes 'low' to 'high' - 1 of the stack, aligned as they would be
 * if the whole stack were. */
static LLVMValueRef
allocate(struct lift *l, uint32_t low, uint32_t high)
{
    uint32_t base = low & ~7u;
    LLVMValueRef object = LLVMBuildAlloca(
        l->m->builder, LLVMArrayType2(l->m->i8, high - base), "");

    LLVMSetAlignment(object, 8);
    return offset_pointer(l, object, low - base);
}

int
lift_stack(struct lift *l)
{
    const struct flow *flow = &l->flow;
    uint32_t low = (uint32_t) (UBPF_STACK_SIZE + flow->lowest);

    l->objects = calloc(UBPF_STACK_SIZE, sizeof *l->objects);
    l->object_start = calloc(UBPF_STACK_SIZE, sizeof *l->object_start);
    if (!l->objects || !l->object_start) {
        return ENOMEM;
    }
    if (flow->whole) {
        /* How low it is used is then not known. */
        l->stack_low = 0;
        l->objects[0] = allocate(l, 0, UBPF_STACK_SIZE);
        return 0;
    }
    while (low < UBPF_STACK_SIZE) {
        uint32_t high = low + 1;

        while (high < UBPF_STACK_SIZE && flow->joined[high - 1]) {
            high++;
        }
        l->objects[low] = allocate(l, low, high);
        l->object_start[low] = (uint16_t) low;
        for (uint32_t i = low + 1; i < high; i++) {
            l->objects[i] = l->objects[low];
            l->object_start[i] = (uint16_t) low;
        }
        low = high;
    }
    return 0;
}

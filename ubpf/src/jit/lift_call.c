/* SPDX-License-Identifier: Apache-2.0
 *
 * Calls of helpers and of the program's own functions. */

#include "crc_inline.h"
#include "jit/lift.h"

/* What a helper takes: env and r1 to r5. */
#define N_PARAMS (1 + UBPF_HELPER_MAX_ARGS)

/* Argument 'i' (from 0) of helper 'desc': a pointer where its origin is known,
 * else a number.  NULL, with l->dead set, for what was never accepted. */
static LLVMValueRef
argument(struct lift *l, const struct ubpf_helper_desc *desc, int i)
{
    struct flow_value v = l->state.reg[1 + i];
    unsigned int align;
    int64_t size;

    if (v.kind != FLOW_STACK && v.kind != FLOW_CTX) {
        return lift_reg(l, 1 + i);
    }
    size = flow_arg_size(l->m->in, desc, i, &l->state);
    if (!size) {
        return lift_int(l, 0);
    }
    return lift_pointer(l, 1 + i, 0, size < 0 ? 1 : size, &align);
}

LLVMValueRef
lift_env_field(struct lift *l, size_t offset)
{
    LLVMValueRef index = lift_int(l, offset);

    return LLVMBuildGEP2(l->m->builder, l->m->i8, l->env, &index, 1, "");
}

void
lift_add_clock(struct lift *l, LLVMValueRef args[2])
{
    args[0] = lift_address(l, (uintptr_t) l->m->in->host);
    args[1] = lift_env_field(l, offsetof(struct lift_env, now));
}

/* Asks for the time once in a burst. */
static LLVMValueRef
call_time(struct lift *l)
{
    LLVMValueRef args[2];

    lift_add_clock(l, args);
    return lift_call_inline(l, "ubpf_inline_time", l->m->i64, args, 2);
}

/* METER_UPDATE with the helper's three arguments. */
static LLVMValueRef
update_meter(struct lift *l, const LLVMValueRef r1[3])
{
    LLVMValueRef args[4] = {r1[0], r1[1], r1[2], call_time(l)};

    return lift_call_c(l, (uintptr_t) l->m->in->meter_update, l->m->i64, args,
                       4);
}

static LLVMValueRef
call_random(struct lift *l)
{
    ubpf_helper_fn *impl = l->m->in->helper_impl(UBPF_HELPER_RANDOM);
    LLVMValueRef args[3] = {
        l->env, lift_env_field(l, offsetof(struct lift_env, random)),
        lift_address(l, (uintptr_t) impl)};

    return lift_call_inline(l, "ubpf_inline_random", l->m->i64, args, 3);
}

/* ADJUST_HEAD by 'delta'. */
static LLVMValueRef
adjust_head(struct lift *l, LLVMValueRef delta)
{
    LLVMValueRef args[2] = {l->env, delta};

    return lift_call_inline(l, "ubpf_inline_adjust_head", l->m->i64, args, 2);
}

/* Hashes of more bytes than this are left to the helper. */
#define MAX_INLINED_HASH 128

/* True if the second argument is a small constant, '*len'. */
static bool
is_short(const struct lift *l, uint32_t *len)
{
    struct flow_value v = l->state.reg[2];

    *len = (uint32_t) v.n;
    return v.kind == FLOW_CONST && v.n >= 0 && v.n <= MAX_INLINED_HASH;
}

/* The function of inline.c for 'algorithm', or NULL. */
static const char *
hash_name(int64_t algorithm)
{
    if (algorithm == UBPF_HASH_XXH64) {
        return "ubpf_inline_xxh64";
    }
#if defined CRC_HAS_MACHINE
    if (crc_is_supported()) {
        return algorithm == UBPF_HASH_CRC16    ? "ubpf_inline_crc16"
               : algorithm == UBPF_HASH_CRC32  ? "ubpf_inline_crc32"
               : algorithm == UBPF_HASH_CRC32C ? "ubpf_inline_crc32c"
                                               : NULL;
    }
#endif
    return NULL;
}

/* HASH of the bytes at 'data', or NULL if that is for the helper. */
static LLVMValueRef
hash(struct lift *l, LLVMValueRef data)
{
    struct flow_value algorithm = l->state.reg[3];
    const char *name =
        algorithm.kind == FLOW_CONST ? hash_name(algorithm.n) : NULL;
    LLVMValueRef args[1];
    uint32_t len;

    if (!name || !is_short(l, &len)) {
        return NULL;
    }
    args[0] = lift_as_pointer(l, data);
    return lift_call_special(l, name, l->m->i64, args, 1, &len, 1);
}

/* HASH_LOOKUP3, likewise. */
static LLVMValueRef
hash_lookup3(struct lift *l, LLVMValueRef data, LLVMValueRef seed)
{
    LLVMValueRef args[2];
    uint32_t len;

    if (!is_short(l, &len)) {
        return NULL;
    }
    args[0] = lift_as_pointer(l, data);
    args[1] = seed;
    return lift_call_special(l, "ubpf_inline_lookup3", l->m->i64, args, 2,
                             &len, 1);
}

/* The result of helper 'id' by code that knows more than the helper, or NULL
 * where there is none.  args[i] is register i. */
static LLVMValueRef
call_known(struct lift *l, enum ubpf_helper id, LLVMValueRef args[])
{
    switch (id) {
    case UBPF_HELPER_MAP_LOOKUP:
        return lift_map_lookup(l, args[2]);
    case UBPF_HELPER_MAP_UPDATE:
        return lift_map_update(l, &args[2]);
    case UBPF_HELPER_MAP_DELETE:
        return lift_map_delete(l, args[2]);
    case UBPF_HELPER_TIME_GET_NS:
        return call_time(l);
    case UBPF_HELPER_ADJUST_HEAD:
        return adjust_head(l, args[2]);
    case UBPF_HELPER_HASH_LOOKUP3:
        return hash_lookup3(l, args[1], args[3]);
    case UBPF_HELPER_RING_OUTPUT:
        return lift_ring_output(l, args[2]);
    case UBPF_HELPER_METER_EXECUTE:
        return lift_meter_execute(l, &args[2]);
    case UBPF_HELPER_METER_UPDATE:
        return update_meter(l, &args[1]);
    case UBPF_HELPER_RANDOM:
        return call_random(l);
    case UBPF_HELPER_HASH:
        return hash(l, args[1]);
    }
    return NULL;
}

void
lift_call(struct lift *l, const struct ubpf_op *op)
{
    const struct ubpf_jit_input *in = l->m->in;
    const struct ubpf_helper_desc *desc = in->helper_desc((uint32_t) op->imm);
    ubpf_helper_fn *impl = in->helper_impl((uint32_t) op->imm);
    LLVMValueRef args[N_PARAMS], result;
    int n = 0;

    if (!desc || !impl) {
        l->dead = true;
        return;
    }
    args[0] = l->env;
    for (; n < UBPF_HELPER_MAX_ARGS && desc->args[n]; n++) {
        args[1 + n] = argument(l, desc, n);
        if (l->dead) {
            return;
        }
    }
    for (; n < UBPF_HELPER_MAX_ARGS; n++) {
        args[1 + n] = LLVMGetUndef(l->m->i64);
    }
    result = call_known(l, (enum ubpf_helper) op->imm, args);
    if (!result) {
        result = lift_call_c(l, (uintptr_t) impl, l->m->i64, args, N_PARAMS);
    }
    lift_set_reg(l, 0, result);
}

void
lift_call_local(struct lift *l, const struct ubpf_op *op)
{
    const struct ubpf_jit_input *in = l->m->in;
    LLVMValueRef args[N_PARAMS] = {l->env};

    for (uint32_t i = 1; i < in->n_functions; i++) {
        if (in->functions[i].start == op->target) {
            for (int arg = 1; arg < N_PARAMS; arg++) {
                args[arg] = lift_reg(l, arg);
            }
            lift_set_reg(
                l, 0,
                LLVMBuildCall2(l->m->builder, lift_function_type(l->m, i),
                               l->m->functions[i], args, N_PARAMS, ""));
            return;
        }
    }
    l->dead = true;
}

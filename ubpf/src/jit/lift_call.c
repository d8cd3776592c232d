/* SPDX-License-Identifier: Apache-2.0
 *
 * Calls of helpers.  A lookup in a map that is known here becomes the lookup
 * of its type, with the sizes of its definition as constants. */

#include <string.h>

#include "jit/lift.h"
#include "maps/map.h"

/* Lookups that are made part of a program; the others are calls, so that the
 * code, and the time that it takes to compile, stays in proportion. */
#define MAX_INLINED 64

/* What a helper takes: env and r1 to r5. */
#define N_PARAMS (1 + UBPF_HELPER_MAX_ARGS)

/* Promises that a call keeps no copy of argument 'arg' (from 0). */
static void
borrow(struct lift *l, LLVMValueRef call, unsigned int arg)
{
    static const char name[] = "nocapture";
    unsigned int kind = LLVMGetEnumAttributeKindForName(name, sizeof name - 1);

    LLVMAddCallSiteAttribute(call, 1 + arg,
                             LLVMCreateEnumAttribute(l->m->context, kind, 0));
}

/* Calls the C function at 'address', which returns 'result' and does not
 * throw. */
static LLVMValueRef
call_c(struct lift *l, uintptr_t address, LLVMTypeRef result,
       LLVMValueRef args[], unsigned int n)
{
    LLVMTypeRef types[N_PARAMS];
    LLVMValueRef call;

    for (unsigned int i = 0; i < n; i++) {
        types[i] = LLVMTypeOf(args[i]);
    }
    call = LLVMBuildCall2(l->m->builder,
                          LLVMFunctionType(result, types, n, false),
                          lift_address(l, address), args, n, "");
    for (unsigned int i = 0; i < n; i++) {
        if (LLVMGetTypeKind(types[i]) == LLVMPointerTypeKind) {
            borrow(l, call, i);
        }
    }
    return call;
}

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

static LLVMValueRef
as_pointer(struct lift *l, LLVMValueRef value)
{
    return LLVMGetTypeKind(LLVMTypeOf(value)) == LLVMPointerTypeKind
               ? value
               : LLVMBuildIntToPtr(l->m->builder, value, l->m->ptr, "");
}

/* The map that the first argument is, or NULL when that is not known. */
static const struct ubpf_map *
known_map(const struct lift *l)
{
    struct flow_value v = l->state.reg[1];

    return v.kind == FLOW_MAP && v.n >= 0 && v.n < l->m->in->n_maps
               ? l->m->in->maps[v.n]
               : NULL;
}

/* The address of the element of 'map' with the index at 'key', or zero. */
static LLVMValueRef
lookup_array(struct lift *l, const struct ubpf_map *map, LLVMValueRef key)
{
    LLVMBuilderRef builder = l->m->builder;
    uint64_t base = (uintptr_t) l->m->in->array_base(map);
    LLVMValueRef index, there, address;

    index = LLVMBuildLoad2(builder, l->m->i32, key, "");
    LLVMSetAlignment(index, 1);
    there = LLVMBuildICmp(builder, LLVMIntULT, index,
                          LLVMConstInt(l->m->i32, map->def.max_entries, false),
                          "");
    address =
        LLVMBuildMul(builder, LLVMBuildZExt(builder, index, l->m->i64, ""),
                     lift_int(l, ubpf_round8(map->def.value_size)), "");
    address = LLVMBuildAdd(builder, address, lift_int(l, base), "");
    return LLVMBuildSelect(builder, there, address, lift_int(l, 0), "");
}

/* Calls the function 'name' of inline.c for 'map' and 'key', with up to three
 * more arguments. */
static LLVMValueRef
call_inline(struct lift *l, const char *name, const struct ubpf_map *map,
            LLVMValueRef key, LLVMValueRef a, LLVMValueRef b, LLVMValueRef c)
{
    LLVMValueRef args[5] = {lift_address(l, (uintptr_t) map), key, a, b, c};
    LLVMValueRef function, value;
    LLVMTypeRef types[5], type;
    unsigned int n = 0;

    for (; n < 5 && args[n]; n++) {
        types[n] = LLVMTypeOf(args[n]);
    }
    type = LLVMFunctionType(l->m->ptr, types, n, false);
    function = LLVMGetNamedFunction(l->m->module, name);
    if (!function) {
        function = LLVMAddFunction(l->m->module, name, type);
    }
    l->m->n_inlined++;
    value = LLVMBuildCall2(l->m->builder, type, function, args, n, "");
    return LLVMBuildPtrToInt(l->m->builder, value, l->m->i64, "");
}

/* The lookup in 'map' as part of the program, or NULL where that is not to
 * be. */
static LLVMValueRef
lookup_inline(struct lift *l, const struct ubpf_map *map, LLVMValueRef key)
{
    const struct ubpf_map_def *def = &map->def;
    LLVMValueRef key_size = LLVMConstInt(l->m->i32, def->key_size, false);
    LLVMValueRef thread = lift_int(l, offsetof(struct lift_env, thread));

#ifdef UBPF_JIT_NO_INLINE
    return NULL;
#endif
    if (l->m->n_inlined >= MAX_INLINED || def->flags & UBPF_MAP_F_AGING) {
        return NULL;
    }
    switch ((enum ubpf_map_type) def->type) {
    case UBPF_MAP_TYPE_HASH:
        return call_inline(l, "ubpf_inline_hash", map, key, key_size, NULL,
                           NULL);
    case UBPF_MAP_TYPE_TERNARY:
        return call_inline(l, "ubpf_inline_ternary", map, key, key_size,
                           LLVMConstInt(l->m->i32, def->extra, false), NULL);
    case UBPF_MAP_TYPE_THREAD_ARRAY:
        return call_inline(
            l, "ubpf_inline_thread_array", map, key,
            LLVMConstInt(l->m->i32, def->max_entries, false),
            LLVMConstInt(l->m->i32, def->value_size, false),
            LLVMBuildGEP2(l->m->builder, l->m->i8, l->env, &thread, 1, ""));
    default:
        return NULL;
    }
}

/* The address of the value in 'map' for 'key', as a number. */
static LLVMValueRef
lookup(struct lift *l, const struct ubpf_map *map, LLVMValueRef key)
{
    LLVMValueRef args[2] = {lift_address(l, (uintptr_t) map),
                            as_pointer(l, key)};
    LLVMValueRef value;

    if (map->def.type == UBPF_MAP_TYPE_ARRAY
        && !(map->def.flags & UBPF_MAP_F_AGING)) {
        return lookup_array(l, map, args[1]);
    }
    value = lookup_inline(l, map, args[1]);
    return value ? value
                 : call_c(l, (uintptr_t) map->ops->lookup, l->m->i64, args, 2);
}

void
lift_call(struct lift *l, const struct ubpf_op *op)
{
    const struct ubpf_jit_input *in = l->m->in;
    const struct ubpf_helper_desc *desc = in->helper_desc((uint32_t) op->imm);
    ubpf_helper_fn *impl = in->helper_impl((uint32_t) op->imm);
    const struct ubpf_map *map = known_map(l);
    LLVMValueRef args[N_PARAMS], result;

    if (!desc || !impl) {
        l->dead = true;
        return;
    }
    args[0] = l->env;
    for (int i = 0; i < UBPF_HELPER_MAX_ARGS; i++) {
        args[1 + i] =
            desc->args[i] ? argument(l, desc, i) : LLVMGetUndef(l->m->i64);
        if (l->dead) {
            return;
        }
        if (!desc->args[i]) {
            for (; i < UBPF_HELPER_MAX_ARGS; i++) {
                args[1 + i] = LLVMGetUndef(l->m->i64);
            }
        }
    }
    if (op->imm == UBPF_HELPER_MAP_LOOKUP && map) {
        result = lookup(l, map, args[2]);
    } else if (op->imm == UBPF_HELPER_TIME_GET_NS) {
        result = call_c(l, (uintptr_t) in->host->now_ns, l->m->i64, NULL, 0);
    } else {
        result = call_c(l, (uintptr_t) impl, l->m->i64, args, N_PARAMS);
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

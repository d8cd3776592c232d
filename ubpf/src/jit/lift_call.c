/* SPDX-License-Identifier: Apache-2.0
 *
 * Calls of helpers.  A lookup in a map that is known here becomes the lookup
 * of its type, with the sizes of its definition as constants. */

#include <stdio.h>
#include <string.h>

#include "jit/lift.h"
#include "maps/map.h"

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

/* ptr (ptr map, ptr key, ptr thread) */
static LLVMTypeRef
lookup_type(const struct lift *l)
{
    LLVMTypeRef types[3] = {l->m->ptr, l->m->ptr, l->m->ptr};

    return LLVMFunctionType(l->m->ptr, types, 3, false);
}

/* The function that looks up a key in any map that is like 'map': it calls
 * 'name', of inline.c, with up to three constants.  It is a function of its
 * own so that it is optimised once, before it is inlined where that pays. */
static LLVMValueRef
lookup_function(struct lift *l, const char *name, const uint32_t constants[],
                unsigned int n)
{
    LLVMTypeRef types[3 + 3] = {l->m->ptr, l->m->ptr};
    LLVMValueRef args[3 + 3], function, callee;
    LLVMBuilderRef builder;
    LLVMTypeRef type;
    char full[100];

    snprintf(full, sizeof full, LIFT_LOOKUP "%s.%u.%u", name, constants[0],
             n > 1 ? constants[1] : 0);
    function = LLVMGetNamedFunction(l->m->module, full);
    if (function) {
        return function;
    }
    function = LLVMAddFunction(l->m->module, full, lookup_type(l));
    args[0] = LLVMGetParam(function, 0);
    args[1] = LLVMGetParam(function, 1);
    for (unsigned int i = 0; i < n; i++) {
        types[2 + i] = l->m->i32;
        args[2 + i] = LLVMConstInt(l->m->i32, constants[i], false);
    }
    types[2 + n] = l->m->ptr;
    args[2 + n] = LLVMGetParam(function, 2);
    type = LLVMFunctionType(l->m->ptr, types, 3 + n, false);
    callee = LLVMGetNamedFunction(l->m->module, name);
    if (!callee) {
        callee = LLVMAddFunction(l->m->module, name, type);
    }
    builder = LLVMCreateBuilderInContext(l->m->context);
    LLVMPositionBuilderAtEnd(
        builder, LLVMAppendBasicBlockInContext(l->m->context, function, ""));
    LLVMBuildRet(builder,
                 LLVMBuildCall2(builder, type, callee, args, 3 + n, ""));
    LLVMDisposeBuilder(builder);
    return function;
}

/* The lookup in 'map' as code that is linked with the program, or NULL where
 * there is none. */
static LLVMValueRef
lookup_inline(struct lift *l, const struct ubpf_map *map, LLVMValueRef key)
{
    const struct ubpf_map_def *def = &map->def;
    LLVMValueRef thread = lift_int(l, offsetof(struct lift_env, thread));
    LLVMValueRef args[3] = {lift_address(l, (uintptr_t) map), key};
    LLVMValueRef function;

#ifdef UBPF_JIT_NO_INLINE
    return NULL;
#endif
    switch ((enum ubpf_map_type) def->type) {
    case UBPF_MAP_TYPE_HASH:
        function = lookup_function(l, "ubpf_inline_hash",
                                   (const uint32_t[]) {def->key_size}, 1);
        break;
    case UBPF_MAP_TYPE_LRU_HASH:
        function = lookup_function(l, "ubpf_inline_lru",
                                   (const uint32_t[]) {def->key_size}, 1);
        break;
    case UBPF_MAP_TYPE_LPM:
        function = lookup_function(l, "ubpf_inline_lpm",
                                   (const uint32_t[]) {def->key_size}, 1);
        break;
    case UBPF_MAP_TYPE_TERNARY:
        function =
            lookup_function(l, "ubpf_inline_ternary",
                            (const uint32_t[]) {def->key_size, def->extra}, 2);
        break;
    case UBPF_MAP_TYPE_THREAD_ARRAY:
        function = lookup_function(
            l, "ubpf_inline_thread_array",
            (const uint32_t[]) {def->max_entries, def->value_size}, 2);
        break;
    default:
        return NULL;
    }
    args[2] = LLVMBuildGEP2(l->m->builder, l->m->i8, l->env, &thread, 1, "");
    function =
        LLVMBuildCall2(l->m->builder, lookup_type(l), function, args, 3, "");
    return LLVMBuildPtrToInt(l->m->builder, function, l->m->i64, "");
}

/* Calls the function 'name' of inline.c. */
static LLVMValueRef
call_inline(struct lift *l, const char *name, LLVMTypeRef result,
            LLVMValueRef args[], unsigned int n)
{
    LLVMTypeRef types[8], type;
    LLVMValueRef function = LLVMGetNamedFunction(l->m->module, name);

    for (unsigned int i = 0; i < n; i++) {
        types[i] = LLVMTypeOf(args[i]);
    }
    type = LLVMFunctionType(result, types, n, false);
    if (!function) {
        function = LLVMAddFunction(l->m->module, name, type);
    }
    return LLVMBuildCall2(l->m->builder, type, function, args, n, "");
}

/* Sets 'args' to what ubpf_inline_time() takes. */
static void
add_clock(struct lift *l, LLVMValueRef args[2])
{
    LLVMValueRef now = lift_int(l, offsetof(struct lift_env, now));

    args[0] = lift_address(l, (uintptr_t) l->m->in->host);
    args[1] = LLVMBuildGEP2(l->m->builder, l->m->i8, l->env, &now, 1, "");
}

/* Notes in a map with ageing that the entry of 'value' was found, if any. */
static void
touch(struct lift *l, const struct ubpf_map *map, LLVMValueRef value)
{
    uint64_t idle = map->def.value_size - sizeof(struct ubpf_aging)
                    + offsetof(struct ubpf_aging, idle_ns);
    LLVMValueRef args[4] = {value, lift_int(l, idle)};

    add_clock(l, &args[2]);
    call_inline(l, "ubpf_inline_touch", l->m->nothing, args, 4);
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
    if (!value) {
        return call_c(l, (uintptr_t) map->ops->lookup, l->m->i64, args, 2);
    }
    if (map->def.flags & UBPF_MAP_F_AGING) {
        touch(l, map, value);
    }
    return value;
}

/* Asks for the time once in a burst. */
static LLVMValueRef
call_time(struct lift *l)
{
    LLVMValueRef args[2];

    add_clock(l, args);
    return call_inline(l, "ubpf_inline_time", l->m->i64, args, 2);
}

/* METER_EXECUTE in 'map', with the helper's arguments from r2 on. */
static LLVMValueRef
execute_meter(struct lift *l, const struct ubpf_map *map,
              const LLVMValueRef r2[3])
{
    const struct ubpf_jit_input *in = l->m->in;
    LLVMValueRef args[8] = {
        lift_address(l, (uintptr_t) in->meters(map)),
        lift_int(l, map->def.max_entries),
        r2[0],
        r2[1],
        r2[2],
    };

    add_clock(l, &args[5]);
    args[7] = lift_address(l, (uintptr_t) in->meter_update);
    return call_inline(l, "ubpf_inline_meter", l->m->i64, args, 8);
}

/* METER_UPDATE with the helper's three arguments. */
static LLVMValueRef
update_meter(struct lift *l, const LLVMValueRef r1[3])
{
    LLVMValueRef args[4] = {r1[0], r1[1], r1[2], call_time(l)};

    return call_c(l, (uintptr_t) l->m->in->meter_update, l->m->i64, args, 4);
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
        result = call_time(l);
    } else if (op->imm == UBPF_HELPER_METER_EXECUTE && map) {
        result = execute_meter(l, map, &args[2]);
    } else if (op->imm == UBPF_HELPER_METER_UPDATE) {
        result = update_meter(l, &args[1]);
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

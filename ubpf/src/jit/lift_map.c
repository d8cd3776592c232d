/* SPDX-License-Identifier: Apache-2.0
 *
 * What programs do with maps.  A lookup in a map that is known here becomes
 * the lookup of its type, with the sizes of its definition as constants. */

#include "jit/lift.h"
#include "maps/map.h"
#include "maps/ring.h"

/* The map that a helper is called with. */
struct known_map {
    const struct ubpf_map *like; /* It, or for an element of an array of maps
                                  * one with the same definition, but for
                                  * max_entries. */
    LLVMValueRef address;
    bool is_element;
};

/* Sets '*map' to the first argument, unless nothing is known of it. */
static bool
find_map(struct lift *l, struct known_map *map)
{
    struct flow_value v = l->state.reg[1];

    map->like = flow_map(l->m->in, v);
    if (!map->like) {
        return false;
    }
    map->is_element = v.kind == FLOW_ELEMENT;
    map->address =
        map->is_element
            ? LLVMBuildIntToPtr(l->m->builder, lift_reg(l, 1), l->m->ptr, "")
            : lift_address(l, (uintptr_t) map->like);
    return true;
}

/* Lookups. */

/* The address of the element of 'map', an array, with the index at 'key', or
 * zero. */
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

/* What the lookups of inline.c have for constants. */
enum constant {
    NONE,
    KEY_SIZE,
    VALUE_SIZE,
    MAX_ENTRIES,
    EXTRA,
};

struct inlined_lookup {
    const char *name;
    bool by_thread; /* It takes a pointer to the thread's number, too. */
    enum constant constants[2];
};

/* The thread sanitizer has to see the loads of lookups that the stores of
 * updates belong to: it gets calls. */
static const struct inlined_lookup *
inlined_lookup(uint32_t type)
{
    static const struct inlined_lookup hash = {
        "ubpf_inline_hash", false, {KEY_SIZE}};
    static const struct inlined_lookup lru = {
        "ubpf_inline_lru", false, {KEY_SIZE}};
    static const struct inlined_lookup lpm = {
        "ubpf_inline_lpm", false, {KEY_SIZE}};
    static const struct inlined_lookup ternary = {
        "ubpf_inline_ternary", false, {KEY_SIZE, EXTRA}};
    static const struct inlined_lookup thread_array = {
        "ubpf_inline_thread_array", true, {MAX_ENTRIES, VALUE_SIZE}};
    static const struct inlined_lookup thread_hash = {
        "ubpf_inline_thread_hash", true, {KEY_SIZE, VALUE_SIZE}};
    static const struct inlined_lookup map_array = {
        "ubpf_inline_map_array", false, {MAX_ENTRIES}};

#ifdef UBPF_JIT_NO_INLINE
    type = UBPF_MAP_TYPE_ARRAY;
#endif
    switch ((enum ubpf_map_type) type) {
    case UBPF_MAP_TYPE_HASH:
        return &hash;
    case UBPF_MAP_TYPE_LRU_HASH:
        return &lru;
    case UBPF_MAP_TYPE_LPM:
        return &lpm;
    case UBPF_MAP_TYPE_TERNARY:
        return &ternary;
    case UBPF_MAP_TYPE_THREAD_ARRAY:
        return &thread_array;
    case UBPF_MAP_TYPE_THREAD_HASH:
        return &thread_hash;
    case UBPF_MAP_TYPE_ARRAY_OF_MAPS:
        return &map_array;
    case UBPF_MAP_TYPE_ARRAY:
    case UBPF_MAP_TYPE_METER:
    case UBPF_MAP_TYPE_RING:
        break;
    }
    return NULL;
}

static uint32_t
constant(const struct ubpf_map_def *def, enum constant c)
{
    return c == KEY_SIZE      ? def->key_size
           : c == VALUE_SIZE  ? def->value_size
           : c == MAX_ENTRIES ? def->max_entries
                              : def->extra;
}

/* The lookup as code that is linked with the program, or NULL where there is
 * none. */
static LLVMValueRef
lookup_inlined(struct lift *l, const struct known_map *map, LLVMValueRef key)
{
    const struct ubpf_map_def *def = &map->like->def;
    const struct inlined_lookup *inlined = inlined_lookup(def->type);
    LLVMValueRef args[3] = {map->address, key}, value;
    uint32_t constants[2];
    unsigned int n = 0;

    for (; inlined && n < 2 && inlined->constants[n]; n++) {
        if (map->is_element && inlined->constants[n] == MAX_ENTRIES) {
            return NULL;
        }
        constants[n] = constant(def, inlined->constants[n]);
    }
    if (!n) {
        return NULL;
    }
    args[2] = lift_env_field(l, offsetof(struct lift_env, thread));
    value = lift_call_special(l, inlined->name, l->m->ptr, args,
                              inlined->by_thread ? 3 : 2, constants, n);
    return LLVMBuildPtrToInt(l->m->builder, value, l->m->i64, "");
}

/* Notes in a map with ageing that the entry of 'value' was found, if any. */
static void
touch(struct lift *l, const struct ubpf_map_def *def, LLVMValueRef value)
{
    uint64_t idle = def->value_size - sizeof(struct ubpf_aging)
                    + offsetof(struct ubpf_aging, idle_ns);
    LLVMValueRef args[4] = {value, lift_int(l, idle)};

    lift_add_clock(l, &args[2]);
    lift_call_inline(l, "ubpf_inline_touch", l->m->nothing, args, 4);
}

LLVMValueRef
lift_map_lookup(struct lift *l, LLVMValueRef r2)
{
    LLVMValueRef args[2], value;
    struct known_map map;

    if (!find_map(l, &map)) {
        return NULL;
    }
    args[0] = map.address;
    args[1] = lift_as_pointer(l, r2);
    if (map.like->def.type == UBPF_MAP_TYPE_ARRAY && !map.is_element) {
        return lookup_array(l, map.like, args[1]);
    }
    value = lookup_inlined(l, &map, args[1]);
    if (!value) {
        return lift_call_c(l, (uintptr_t) map.like->ops->lookup, l->m->i64,
                           args, 2);
    }
    if (map.like->def.flags & UBPF_MAP_F_AGING) {
        touch(l, &map.like->def, value);
    }
    return value;
}

/* Updates. */

/* A helper's result from an errno value. */
static LLVMValueRef
negative(struct lift *l, LLVMValueRef err)
{
    return LLVMBuildNeg(l->m->builder,
                        LLVMBuildZExt(l->m->builder, err, l->m->i64, ""), "");
}

LLVMValueRef
lift_map_update(struct lift *l, const LLVMValueRef r2[3])
{
    struct flow_value flags = l->state.reg[4];
    LLVMValueRef args[4];
    struct known_map map;

    if (flags.kind != FLOW_CONST || flags.n < 0 || flags.n > UBPF_EXIST
        || !find_map(l, &map)
        || map.like->def.flags & UBPF_MAP_F_RDONLY_PROG) {
        return NULL;
    }
    args[0] = map.address;
    args[1] = lift_as_pointer(l, r2[0]);
    args[2] = lift_as_pointer(l, r2[1]);
    args[3] = lift_int(l, (uint64_t) flags.n | UPDATE_BY_PROG);
    return negative(l, lift_call_c(l, (uintptr_t) map.like->ops->update,
                                   l->m->i32, args, 4));
}

LLVMValueRef
lift_map_delete(struct lift *l, LLVMValueRef r2)
{
    LLVMValueRef args[3];
    struct known_map map;

    if (!find_map(l, &map) || map.like->def.flags & UBPF_MAP_F_RDONLY_PROG) {
        return NULL;
    }
    args[0] = map.address;
    args[1] = lift_as_pointer(l, r2);
    args[2] = lift_int(l, 0);
    return negative(l, lift_call_c(l, (uintptr_t) map.like->ops->remove,
                                   l->m->i32, args, 3));
}

/* Records larger than this are copied by the helper. */
#define MAX_INLINED_RECORD 64

LLVMValueRef
lift_ring_output(struct lift *l, LLVMValueRef r2)
{
    struct flow_value size = l->state.reg[3];
    uint32_t constants[2];
    LLVMValueRef args[3];
    struct known_map map;

#ifdef UBPF_JIT_NO_INLINE
    return NULL;
#endif
    if (!find_map(l, &map) || map.is_element || size.kind != FLOW_CONST
        || size.n < 0 || size.n > MAX_INLINED_RECORD
        || size.n > map.like->def.value_size) {
        return NULL;
    }
    args[0] = map.address;
    args[1] = lift_as_pointer(l, r2);
    args[2] = lift_address(l, (uintptr_t) l->m->in->ring_lose);
    constants[0] = (uint32_t) size.n;
    constants[1] = map.like->def.max_entries;
    return lift_call_special(l, "ubpf_inline_ring", l->m->i64, args, 3,
                             constants, 2);
}

LLVMValueRef
lift_meter_execute(struct lift *l, const LLVMValueRef r2[3])
{
    const struct ubpf_jit_input *in = l->m->in;
    LLVMValueRef args[8];
    struct known_map map;

    if (!find_map(l, &map) || map.is_element) {
        return NULL;
    }
    args[0] = lift_address(l, (uintptr_t) in->meters(map.like));
    args[1] = lift_int(l, map.like->def.max_entries);
    args[2] = r2[0];
    args[3] = r2[1];
    args[4] = r2[2];
    lift_add_clock(l, &args[5]);
    args[7] = lift_address(l, (uintptr_t) in->meter_update);
    return lift_call_inline(l, "ubpf_inline_meter", l->m->i64, args, 8);
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * Calls: of helpers, checked against their descriptions, and of functions of
 * the program. */

#include "state.h"

#include <inttypes.h>
#include <stdio.h>

#include "helpers.h"

/* What a map of 'type' is, in words. */
static const char *
map_type_name(uint32_t type)
{
    switch ((enum ubpf_map_type) type) {
    case UBPF_MAP_TYPE_HASH:
        return "a hash";
    case UBPF_MAP_TYPE_ARRAY:
        return "an array";
    case UBPF_MAP_TYPE_THREAD_HASH:
        return "a hash per thread";
    case UBPF_MAP_TYPE_THREAD_ARRAY:
        return "an array per thread";
    case UBPF_MAP_TYPE_LRU_HASH:
        return "an LRU hash";
    case UBPF_MAP_TYPE_LPM:
        return "an LPM map";
    case UBPF_MAP_TYPE_ARRAY_OF_MAPS:
        return "an array of maps";
    case UBPF_MAP_TYPE_RING:
        return "a ring";
    case UBPF_MAP_TYPE_TERNARY:
        return "a ternary map";
    case UBPF_MAP_TYPE_METER:
        return "an array of meters";
    }
    return "of another type";
}

/* Checks the map in 'reg' for 'helper' and stores its index to '*map'. */
static int
check_map(struct verifier *v, int reg, const struct ubpf_helper_desc *helper,
          uint32_t *map)
{
    const struct value *value = &v->cur->regs[reg];
    const struct ubpf_object_map *m;

    if (value->kind == VALUE_MAP_OR_NULL) {
        return refuse(v, REG(reg),
                      "%s needs a map in r%d, which may be NULL: check the "
                      "result of map_lookup first",
                      helper->name, reg);
    }
    if (value->kind != VALUE_MAP) {
        return refuse(v, REG(reg), "%s needs a map in r%d", helper->name, reg);
    }
    m = &v->obj->maps[value->map];
    if (!ubpf_helper_takes_map(helper, m->def.type)) {
        return refuse(v, REG(reg), "%s does not work on map '%s', which is %s",
                      helper->name, m->name, map_type_name(m->def.type));
    }
    if (helper->writes_map && m->def.flags & UBPF_MAP_F_RDONLY_PROG) {
        return refuse(v, REG(reg), "%s on map '%s', which is read-only",
                      helper->name, m->name);
    }
    *map = value->map;
    return 0;
}

/* Checks the memory in 'reg', of as many bytes as the next register says. */
static int
check_sized(struct verifier *v, int reg, const char *what)
{
    const struct value *size = &v->cur->regs[reg + 1];
    int error = need_initialised(v, reg + 1);

    if (error) {
        return error;
    }
    if (size->kind != VALUE_SCALAR) {
        return refuse(v, REG(reg + 1), "r%d must be a number of bytes",
                      reg + 1);
    }
    mark_precise(v, size->node, PRECISION_ACCESS);
    if (!size->num.r64.umax) {
        return v->error;
    }
    if (size->num.r64.umax > UINT32_MAX) {
        return refuse(v, REG(reg + 1),
                      "the number of bytes in r%d is not "
                      "bounded",
                      reg + 1);
    }
    return check_readable(v, reg, size->num.r64.umax, what);
}

/* Checks argument 'i' of 'helper'. */
static int
check_argument(struct verifier *v, const struct ubpf_helper_desc *helper,
               int i, uint32_t *map)
{
    const struct value *value = &v->cur->regs[i + 1];
    const struct ubpf_map_def *def =
        v->obj->n_maps ? &v->obj->maps[*map].def : NULL;
    int reg = i + 1, error = need_initialised(v, reg);
    char what[80];

    if (error) {
        return error;
    }
    switch (helper->args[i]) {
    case UBPF_ARG_NONE:
    case UBPF_ARG_MEM_SIZE: /* Checked with the memory before it. */
        return 0;
    case UBPF_ARG_SCALAR:
        return value->kind == VALUE_SCALAR
                   ? 0
                   : refuse(v, REG(reg), "%s needs a number in r%d",
                            helper->name, reg);
    case UBPF_ARG_CTX:
        return value->kind == VALUE_CTX && scalar_is_const(&value->num)
                       && !value->num.bits.value
                   ? 0
                   : refuse(v, REG(reg), "%s needs the context in r%d",
                            helper->name, reg);
    case UBPF_ARG_MAP:
        return check_map(v, reg, helper, map);
    case UBPF_ARG_MAP_KEY:
        snprintf(what, sizeof what, "the key of %s", helper->name);
        return check_readable(v, reg, def->key_size, what);
    case UBPF_ARG_MAP_VALUE:
        snprintf(what, sizeof what, "the value of %s", helper->name);
        return check_readable(v, reg, def->value_size, what);
    case UBPF_ARG_MEM:
        snprintf(what, sizeof what, "the data of %s", helper->name);
        return check_sized(v, reg, what);
    case UBPF_ARG_METER:
        snprintf(what, sizeof what, "the meter of %s", helper->name);
        return check_meter(v, reg, what);
    }
    return refuse(v, REG(reg), "unknown kind of argument");
}

/* Forgets every pointer into the packet. */
static void
kill_packet(struct verifier *v)
{
    for (int i = 0; i < UBPF_N_REGS; i++) {
        struct value *value = &v->cur->regs[i];

        if (value->kind == VALUE_PACKET || value->kind == VALUE_PACKET_END) {
            *value = (struct value) {.kind = VALUE_NONE};
        }
    }
    stack_kill_packet(v);
    v->cur->n_facts = 0;
    v->cur->n_remainders = 0;
}

/* What a lookup in map number 'map' gives. */
static struct value
found_in_map(struct verifier *v, uint32_t map)
{
    const struct ubpf_map_def *def = &v->obj->maps[map].def;
    bool is_map = def->type == UBPF_MAP_TYPE_ARRAY_OF_MAPS;
    struct value found =
        value_pointer(is_map ? VALUE_MAP_OR_NULL : VALUE_MAP_VALUE_OR_NULL);

    found.map = is_map ? def->extra : map;
    found.null_id = ++v->last_null_id;
    return found;
}

int
do_call(struct verifier *v, const struct ubpf_op *op)
{
    const struct ubpf_helper_desc *helper =
        ubpf_helper_desc((uint32_t) op->imm);
    struct value *regs = v->cur->regs;
    uint32_t map = 0;

    for (int i = 0; i < UBPF_HELPER_MAX_ARGS; i++) {
        if (helper->args[i] == UBPF_ARG_NONE) {
            break;
        }
        int error = check_argument(v, helper, i, &map);
        if (error) {
            return error;
        }
    }
    if (helper->moves_packet) {
        kill_packet(v);
    }
    if (helper->ret == UBPF_RET_MAP_VALUE_OR_NULL) {
        regs[0] = found_in_map(v, map);
    } else {
        regs[0] = value_scalar(v, scalar_unknown());
    }
    for (int i = 1; i <= UBPF_HELPER_MAX_ARGS; i++) {
        regs[i] = (struct value) {.kind = VALUE_NONE};
    }
    return v->error;
}

int
do_call_local(struct verifier *v, const struct ubpf_op *op)
{
    struct state *cur = v->cur;
    int64_t bottom = stack_top(v, cur->n_calls) - frame_size(v, v->pc);
    int64_t top = bottom - UBPF_CALL_SAVE;

    if (cur->n_calls == UBPF_MAX_FRAMES - 1 || top < -UBPF_STACK_SIZE) {
        return refuse(v, 0,
                      "no room on the stack for another call: %" PRId64
                      " of %d bytes are in use",
                      -bottom, UBPF_STACK_SIZE);
    }
    stack_cut(v, bottom);
    for (int i = 0; i < 4 && !v->error; i++) {
        struct value *saved = &cur->regs[6 + i];

        if (saved->kind != VALUE_NONE
            && v->live[v->pc + op->len] & REG(6 + i)) {
            stack_write(v, top + i * 8, 8, saved);
        }
        *saved = (struct value) {.kind = VALUE_NONE};
    }
    cur->regs[0] = (struct value) {.kind = VALUE_NONE};
    cur->regs[UBPF_REG_FP].num = scalar_const((uint64_t) top);
    value_settle(&cur->regs[UBPF_REG_FP]);
    cur->calls[cur->n_calls++] = v->pc;
    return v->error;
}

int
do_return(struct verifier *v, uint32_t *next)
{
    struct state *cur = v->cur;
    int64_t top = stack_top(v, cur->n_calls);
    uint32_t pc = cur->calls[--cur->n_calls];
    const char *what;

    *next = pc + v->ops[pc].len;
    for (int i = 1; i <= UBPF_HELPER_MAX_ARGS; i++) {
        cur->regs[i] = (struct value) {.kind = VALUE_NONE};
    }
    for (int i = 0; i < 4; i++) {
        struct value *saved = &cur->regs[6 + i];

        if (!(v->live[*next] & REG(6 + i))
            || !stack_load(v, top + i * 8, 8, saved, &what)) {
            *saved = (struct value) {.kind = VALUE_NONE};
        }
    }
    stack_cut(v, top + UBPF_CALL_SAVE);
    cur->calls[cur->n_calls] = 0;
    top = stack_top(v, cur->n_calls);
    cur->regs[UBPF_REG_FP].num = scalar_const((uint64_t) top);
    value_settle(&cur->regs[UBPF_REG_FP]);
    return v->error;
}

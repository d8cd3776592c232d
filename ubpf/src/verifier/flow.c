/* SPDX-License-Identifier: Apache-2.0
 *
 * What can be said of a program without following its paths: that each
 * instruction is one, that jumps go to instructions, which registers are live,
 * and where paths meet. */

#include "state.h"

#include <inttypes.h>
#include <string.h>

#include "helpers.h"

/* Checks that the map or helper exists that 'op', in slot 'pc', refers to. */
static int
check_reference(struct verifier *v, uint32_t pc, const struct ubpf_op *op)
{
    const struct ubpf_object_map *map;

    if (op->kind == UBPF_KIND_CALL
        && (op->imm < 0 || !ubpf_helper_desc((uint32_t) op->imm))) {
        return refuse_at(v, pc, "there is no helper number %" PRId64, op->imm);
    }
    if (op->kind != UBPF_KIND_LOAD_MAP
        && op->kind != UBPF_KIND_LOAD_MAP_VALUE) {
        return 0;
    }
    if (op->imm >= v->obj->n_maps) {
        return refuse_at(
            v, pc, "there is no map %" PRId64 ", the object has %" PRIu32,
            op->imm, v->obj->n_maps);
    }
    map = &v->obj->maps[op->imm];
    if (op->kind == UBPF_KIND_LOAD_MAP) {
        return 0;
    }
    if (map->def.type != UBPF_MAP_TYPE_ARRAY) {
        return refuse_at(v, pc,
                         "map '%s' is not an array: it has no fixed element",
                         map->name);
    }
    return op->target < map->def.value_size
               ? 0
               : refuse_at(v, pc,
                           "offset %" PRIu32 " into a value of map '%s', "
                           "which has %" PRIu32 " bytes",
                           op->target, map->name, map->def.value_size);
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
        if (check_reference(v, pc, &v->ops[pc])) {
            return v->error;
        }
        last = pc;
    }
    if (v->ops[last].kind != UBPF_KIND_EXIT
        && v->ops[last].kind != UBPF_KIND_GOTO) {
        return refuse_at(v, last, "the program can run past its end");
    }
    return 0;
}

/* Checks that the instructions of 'f' stay in it. */
static int
check_function(struct verifier *v, const struct ubpf_function *f)
{
    uint32_t next[2], last = f->start;

    for (uint32_t pc = f->start; pc < f->end; pc += v->ops[pc].len) {
        last = pc;
    }
    if (v->ops[last].kind != UBPF_KIND_EXIT
        && v->ops[last].kind != UBPF_KIND_GOTO) {
        return refuse_at(v, last, "the function can run past its end");
    }
    for (uint32_t pc = f->start; pc < f->end; pc += v->ops[pc].len) {
        for (int k = ubpf_op_successors(&v->ops[pc], pc, next); k-- > 0;) {
            if (next[k] < f->start || next[k] >= f->end) {
                return refuse_at(v, pc, "jump out of the function");
            }
        }
    }
    return 0;
}

/* Finds the functions that may be called from others which may be called 'n'
 * deep, and so on, and checks that this ends. */
static int
check_depth(struct verifier *v, uint8_t *depth)
{
    bool changed = true;

    while (changed) {
        changed = false;
        for (uint32_t pc = 0, i = 0; pc < v->obj->n_insns;
             pc += v->ops[pc].len) {
            uint32_t callee;

            i += pc == v->functions[i].end;
            if (v->ops[pc].kind != UBPF_KIND_CALL_LOCAL) {
                continue;
            }
            callee = ubpf_function_at(v->functions, v->n_functions,
                                      v->ops[pc].target);
            if (depth[callee] > depth[i]) {
                continue;
            }
            depth[callee] = (uint8_t) (depth[i] + 1);
            changed = true;
            if (depth[callee] >= UBPF_MAX_FRAMES) {
                return refuse_at(v, pc,
                                 "calls are nested more than %d deep, or "
                                 "without end",
                                 UBPF_MAX_FRAMES);
            }
        }
    }
    return 0;
}

/* Finds the functions, and checks that each is one. */
static int
check_functions(struct verifier *v)
{
    uint8_t *depth;
    int error;

    for (uint32_t pc = 0; pc < v->obj->n_insns; pc += v->ops[pc].len) {
        if (v->ops[pc].kind == UBPF_KIND_CALL_LOCAL
            && !v->ops[v->ops[pc].target].len) {
            return refuse_at(v, pc, "call into the middle of an lddw");
        }
    }
    v->error = ubpf_functions_find(v->host, v->obj->insns, v->obj->n_insns,
                                   &v->functions, &v->n_functions);
    if (v->error) {
        return v->error;
    }
    for (uint32_t i = 0; v->n_functions > 1 && i < v->n_functions; i++) {
        error = check_function(v, &v->functions[i]);
        if (error) {
            return error;
        }
    }
    depth = ver_alloc(v, v->n_functions);
    if (!depth) {
        return v->error;
    }
    error = check_depth(v, depth);
    ver_free(v, depth, v->n_functions);
    return error;
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
        int k = ubpf_op_successors(&v->ops[pc], pc, next);

        while (k-- > 0) {
            if (!v->ops[next[k]].len) {
                ver_free(v, ways, n);
                return refuse_at(v, pc, "jump into the middle of an lddw");
            }
            ways[next[k]] += ways[next[k]] < 2;
        }
        if (v->ops[pc].kind == UBPF_KIND_CALL_LOCAL) {
            ways[v->ops[pc].target] = 2;
            ways[next[0]] = 2;
        }
    }
    ways[0]++; /* The entry. */
    for (uint32_t pc = 0; pc < n; pc++) {
        v->join[pc] = ways[pc] > 1;
    }
    ver_free(v, ways, n);
    return 0;
}

/* What a loop calls is in the loop. */
static int
find_called_loops(struct verifier *v)
{
    bool *called = ver_alloc(v, v->n_functions);

    if (!called) {
        return v->error;
    }
    for (int round = 1; round < UBPF_MAX_FRAMES; round++) {
        for (uint32_t pc = 0, i = 0; pc < v->obj->n_insns;
             pc += v->ops[pc].len) {
            i += pc == v->functions[i].end;
            v->loop[pc] |= called[i];
            if (v->ops[pc].kind == UBPF_KIND_CALL_LOCAL && v->loop[pc]) {
                called[ubpf_function_at(v->functions, v->n_functions,
                                        v->ops[pc].target)] = true;
            }
        }
    }
    ver_free(v, called, v->n_functions);
    return 0;
}

/* Marks what lies between the ends of a backward jump. */
static void
find_loops(struct verifier *v)
{
    uint32_t n = v->obj->n_insns, next[2], first = n;

    for (uint32_t pc = n; pc-- > 0;) {
        if (v->ops[pc].len) {
            for (int k = ubpf_op_successors(&v->ops[pc], pc, next); k-- > 0;) {
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

/* The registers that may be arguments of the call 'op'. */
static uint16_t
call_args(const struct verifier *v, const struct ubpf_op *op)
{
    if (op->kind == UBPF_KIND_CALL) {
        return ubpf_helper_args(ubpf_helper_desc((uint32_t) op->imm));
    }
    return op->kind == UBPF_KIND_CALL_LOCAL ? v->live[op->target] : 0;
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
            for (int k = ubpf_op_successors(op, pc, next); k-- > 0;) {
                live |= v->live[next[k]];
            }
            ubpf_op_registers(op, call_args(v, op), &reads, &writes);
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
        error = check_functions(v);
    }
    if (!error) {
        find_loops(v);
        find_live(v);
        error = v->n_functions > 1 ? find_called_loops(v) : 0;
    }
    return error;
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * Translates instructions into the form that the interpreter runs. */

#include "interpreter/code.h"

#include <errno.h>

#include "host.h"
#include "isa/functions.h"
#include "maps/map.h"

/* 0 to 3 for 8 to 64 bits. */
static unsigned int
size_log(unsigned int bits)
{
    return bits == 8 ? 0 : bits == 16 ? 1 : bits == 32 ? 2 : 3;
}

static uint16_t
alu_op(const struct ubpf_op *op)
{
    unsigned int wide = op->bits == 64;

    switch ((enum ubpf_alu) op->code) {
    case UBPF_ALU_MOVSX:
        return OP_MOVSX(size_log(op->from), wide);
    case UBPF_ALU_TO_LE:
        return OP_ZEXT(size_log(op->from) - 1);
    case UBPF_ALU_TO_BE:
    case UBPF_ALU_BSWAP:
        return OP_SWAP(size_log(op->from) - 1);
    case UBPF_ALU_NEG:
        return OP_ALU(UBPF_ALU_NEG, wide, 0);
    default:
        return OP_ALU(op->code, wide, op->reg);
    }
}

/* Resolves the map that 'op' loads, or an address in its element 0. */
static int
load_map(const struct ubpf_op *op, struct ubpf_map *const maps[],
         uint32_t n_maps, struct code_insn *out)
{
    struct ubpf_map *map;

    if (op->imm < 0 || op->imm >= n_maps) {
        return EINVAL;
    }
    map = maps[op->imm];
    out->op = OP_LDDW;
    if (op->kind == UBPF_KIND_LOAD_MAP) {
        out->imm = (uintptr_t) map;
        return 0;
    }
    if (map->def.type != UBPF_MAP_TYPE_ARRAY
        || op->target > map->def.value_size) {
        return EINVAL;
    }
    out->imm = (uintptr_t) ubpf_array_base(map) + op->target;
    return 0;
}

/* Translates 'op', but for the target of a jump, into '*out'. */
static int
translate(const struct ubpf_op *op, struct ubpf_map *const maps[],
          uint32_t n_maps, struct code_insn *out)
{
    unsigned int wide = op->bits == 64;

    out->dst = op->dst;
    out->src = op->src;
    out->offset = op->offset;
    out->imm = (uint64_t) op->imm;
    switch ((enum ubpf_kind) op->kind) {
    case UBPF_KIND_ALU:
        out->op = alu_op(op);
        return 0;
    case UBPF_KIND_LOAD_IMM:
        out->op = OP_LDDW;
        return 0;
    case UBPF_KIND_LOAD_MAP:
    case UBPF_KIND_LOAD_MAP_VALUE:
        return load_map(op, maps, n_maps, out);
    case UBPF_KIND_LOAD:
        out->op = op->sext ? OP_LOAD_SEXT(size_log(op->bits))
                           : OP_LOAD(size_log(op->bits));
        return 0;
    case UBPF_KIND_STORE:
        out->op = OP_STORE(size_log(op->bits), op->reg);
        return 0;
    case UBPF_KIND_ATOMIC:
        out->op = OP_ATOMIC(op->code, wide, op->fetch);
        return 0;
    case UBPF_KIND_JUMP:
        out->op = OP_JUMP(op->code, wide, op->reg);
        return 0;
    case UBPF_KIND_GOTO:
        out->op = OP_GOTO;
        return 0;
    case UBPF_KIND_CALL:
        out->op = OP_CALL;
        out->helper = op->imm < 0 || op->imm > UINT32_MAX
                          ? NULL
                          : ubpf_helper_impl((uint32_t) op->imm);
        return out->helper ? 0 : EINVAL;
    case UBPF_KIND_CALL_LOCAL:
        out->op = OP_CALL_LOCAL;
        return 0;
    case UBPF_KIND_EXIT:
        out->op = OP_EXIT;
        return 0;
    case UBPF_KIND_INVALID:
        break;
    }
    return EINVAL;
}

/* Sets slots[i] to the index in the translation of the instruction in slot
 * 'i', or to UINT32_MAX for the second half of an lddw, and '*countp' to the
 * number of instructions. */
static int
number_slots(const struct ubpf_insn *insns, uint32_t n, uint32_t slots[],
             uint32_t *countp)
{
    uint32_t count = 0;

    for (uint32_t pc = 0; pc < n;) {
        struct ubpf_op op;

        if (ubpf_decode(insns, n, pc, &op)) {
            return EINVAL;
        }
        slots[pc] = count++;
        if (op.len == 2) {
            slots[pc + 1] = UINT32_MAX;
        }
        pc += op.len;
    }
    *countp = count;
    return 0;
}

/* What a translation needs to know of the program. */
struct source {
    const struct ubpf_insn *insns;
    uint32_t n;
    uint32_t *slots; /* See number_slots(). */
    struct ubpf_map *const *maps;
    uint32_t n_maps;
    struct ubpf_function *functions;
    uint32_t n_functions;
};

/* Completes '*out', the translation of 'op' in slot 'pc' of function 'f', by
 * where it goes to. */
static int
link(const struct source *s, const struct ubpf_op *op, uint32_t pc,
     const struct ubpf_function *f, struct code_insn *out)
{
    switch ((enum ubpf_kind) op->kind) {
    case UBPF_KIND_CALL_LOCAL:
        out->imm = f->frame + UBPF_CALL_SAVE;
        break;
    case UBPF_KIND_JUMP:
    case UBPF_KIND_GOTO:
        break;
    case UBPF_KIND_EXIT:
        out->op = f->start ? OP_RETURN : OP_EXIT;
        return 0;
    default:
        return 0;
    }
    if (s->slots[op->target] == UINT32_MAX) {
        return EINVAL;
    }
    out->offset = (int32_t) (s->slots[op->target] - s->slots[pc]);
    return 0;
}

/* Fills code->insns. */
static int
fill(const struct source *s, struct ubpf_code *code)
{
    const struct ubpf_function *f = s->functions;

    for (uint32_t pc = 0; pc < s->n;) {
        struct code_insn *out = &code->insns[s->slots[pc]];
        struct ubpf_op op;
        int err;

        f += pc == f->end;
        ubpf_decode(s->insns, s->n, pc, &op);
        err = translate(&op, s->maps, s->n_maps, out);
        if (!err) {
            err = link(s, &op, pc, f, out);
        }
        if (err) {
            return err;
        }
        pc += op.len;
    }
    return 0;
}

int
ubpf_code_build(const struct ubpf_host *host, const struct ubpf_insn *insns,
                uint32_t n, struct ubpf_map *const maps[], uint32_t n_maps,
                struct ubpf_code **codep)
{
    struct source s = {.insns = insns, .n = n, .maps = maps, .n_maps = n_maps};
    struct ubpf_code *code = NULL;
    uint32_t count = 0;
    int err;

    *codep = NULL;
    s.slots = ubpf_host_zalloc(host, n, sizeof *s.slots);
    err = s.slots ? number_slots(insns, n, s.slots, &count) : ENOMEM;
    if (!err) {
        err =
            ubpf_functions_find(host, insns, n, &s.functions, &s.n_functions);
    }
    if (!err) {
        code = ubpf_host_zalloc(
            host, 1, sizeof *code + (size_t) count * sizeof code->insns[0]);
        err = code ? fill(&s, code) : ENOMEM;
    }
    ubpf_host_free(host, s.slots);
    ubpf_host_free(host, s.functions);
    if (err) {
        ubpf_host_free(host, code);
        return err;
    }
    code->n_insns = count;
    *codep = code;
    return 0;
}

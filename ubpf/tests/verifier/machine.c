/* SPDX-License-Identifier: Apache-2.0 */

#include "machine.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "helpers.h"
#include "isa/eval.h"

/* Where things are; each region is far from the others. */
#define CTX_AT       UINT64_C(0x10000000)
#define STACK_TOP    UINT64_C(0x20000000)
#define PACKET_AT    UINT64_C(0x40000000)
#define MAP_AT       UINT64_C(0xf000000000)
#define VALUE_AT     UINT64_C(0xe000000000)
#define VALUE_STRIDE UINT64_C(0x1000000)

static bool __attribute__((format(printf, 2, 3)))
trap(struct machine *m, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vsnprintf(m->trap, sizeof m->trap, format, args);
    va_end(args);
    return false;
}

/* Whether 'len' bytes of stack at 'addr' lie in one frame. */
static bool
in_frame(const struct machine *m, uint64_t addr, uint64_t len)
{
    uint64_t low = STACK_TOP - UBPF_STACK_SIZE, top = STACK_TOP;

    for (uint32_t i = 0; i < m->n_frames; i++) {
        const struct machine_frame *f = &m->frames[i];

        if (addr >= f->bottom && addr <= f->top && len <= f->top - addr) {
            return true;
        }
        top = f->bottom - UBPF_CALL_SAVE;
    }
    return addr >= low && addr <= top && len <= top - addr;
}

/* Finds the memory at 'addr'; '*tags' is set for the stack. */
static uint8_t *
translate(struct machine *m, uint64_t addr, uint64_t len, bool write,
          uint8_t **tags)
{
    uint64_t low = STACK_TOP - UBPF_STACK_SIZE, start;

    *tags = NULL;
    if (in_frame(m, addr, len)) {
        *tags = &m->stack_tag[addr - low];
        return &m->stack[addr - low];
    }
    start = m->packet_base + m->packet_start;
    if (addr >= start && addr - start <= m->packet_len
        && len <= m->packet_len - (addr - start)) {
        return &m->packet[m->packet_start + (addr - start)];
    }
    for (uint32_t i = 0; i < m->obj->n_maps; i++) {
        const struct ubpf_map_def *def = &m->obj->maps[i].def;

        for (uint64_t j = 0; j < MACHINE_VALUES; j++) {
            start = VALUE_AT + (i * MACHINE_VALUES + j) * VALUE_STRIDE;
            if (addr >= start && addr - start <= def->value_size
                && len <= def->value_size - (addr - start)
                && !(write && def->flags & UBPF_MAP_F_RDONLY_PROG
                     && addr - start < def->value_size - def->state_size)) {
                return &m->values[i][j][addr - start];
            }
        }
    }
    trap(m, "%s of %" PRIu64 " bytes at %#" PRIx64, write ? "store" : "load",
         len, addr);
    return NULL;
}

/* Reads a register that must hold something. */
static bool
get(struct machine *m, int reg, uint64_t *x, uint8_t *tag)
{
    *x = m->reg[reg];
    *tag = m->reg_tag[reg];
    return *tag != TAG_NONE || trap(m, "r%d not initialised", reg);
}

static void
set(struct machine *m, int reg, uint64_t x, uint8_t tag)
{
    m->reg[reg] = x;
    m->reg_tag[reg] = tag;
}

static bool
load_ctx(struct machine *m, uint64_t at, int size, uint64_t *x, uint8_t *tag)
{
    *tag = TAG_NUMBER;
    if (size == 8 && (at == 0 || at == 8)) {
        *tag = TAG_POINTER;
        *x = m->packet_base + m->packet_start + (at ? m->packet_len : 0);
        return true;
    }
    if ((size == 4 && at % 4 == 0 && at >= 16 && at < 56 && at / 8 != 4)
        || (size == 8 && at == 32)) {
        *x = m->ctx_numbers[at / 4];
        *x = size == 4 ? (uint32_t) *x : *x;
        return true;
    }
    return trap(m, "load from the context at %" PRIu64, at);
}

static bool
load(struct machine *m, uint64_t addr, int size, uint64_t *x, uint8_t *tag)
{
    uint8_t *tags, *p;

    if (addr - CTX_AT < 4096) {
        return load_ctx(m, addr - CTX_AT, size, x, tag);
    }
    p = translate(m, addr, (uint64_t) size, false, &tags);
    if (!p) {
        return false;
    }
    *x = 0;
    *tag = TAG_NUMBER;
    for (int i = 0; i < size; i++) {
        *x |= (uint64_t) p[i] << (i * 8);
        if (tags) {
            if (tags[i] == TAG_NONE || (i && tags[i] != tags[0])) {
                return trap(m, "load of stack bytes that are not initialised");
            }
            *tag = tags[i];
        }
    }
    return *tag != TAG_POINTER || size == 8
           || trap(m, "load of a part of a pointer");
}

static bool
store(struct machine *m, uint64_t addr, int size, uint64_t x, uint8_t tag)
{
    uint8_t *tags, *p;

    if (addr - CTX_AT < 4096) {
        uint64_t at = addr - CTX_AT;

        if (tag != TAG_NUMBER || size != 4 || at % 4 || at < 40 || at >= 56) {
            return trap(m, "store to the context at %" PRIu64, at);
        }
        m->ctx_numbers[at / 4] = (uint32_t) x;
        return true;
    }
    p = translate(m, addr, (uint64_t) size, true, &tags);
    if (!p) {
        return false;
    }
    if (tag == TAG_POINTER && (!tags || size != 8 || addr % 8)) {
        return trap(m, "store of a pointer at %#" PRIx64, addr);
    }
    for (int i = 0; i < size; i++) {
        p[i] = (uint8_t) (x >> (i * 8));
        if (tags) {
            tags[i] = tag;
        }
    }
    return true;
}

static bool
do_alu(struct machine *m, const struct ubpf_op *op, uint64_t b, uint8_t bt)
{
    bool move = op->code == UBPF_ALU_MOV || op->code == UBPF_ALU_MOVSX;
    uint8_t at = TAG_NUMBER, tag = TAG_NUMBER;
    uint64_t a = 0;

    if (!move && !get(m, op->dst, &a, &at)) {
        return false;
    }
    if (at == TAG_POINTER || bt == TAG_POINTER) {
        bool ok = op->bits == 64
                  && (op->code == UBPF_ALU_MOV || op->code == UBPF_ALU_ADD
                      || op->code == UBPF_ALU_SUB);
        /* The low half of a difference is a number, too. */
        ok = ok || (op->code == UBPF_ALU_SUB && at == bt);
        /* One of two pointers, where the other is 0. */
        ok = ok
             || (op->bits == 64 && (!a || !b)
                 && (op->code == UBPF_ALU_OR || op->code == UBPF_ALU_XOR));
        if (!ok || (op->code == UBPF_ALU_ADD && at == bt)
            || (op->code == UBPF_ALU_SUB && at != TAG_POINTER)) {
            return trap(m, "arithmetic on a pointer");
        }
        tag = op->code == UBPF_ALU_SUB && at == bt ? TAG_NUMBER : TAG_POINTER;
    }
    set(m, op->dst, ubpf_eval_alu(op->code, op->bits, op->from, a, b), tag);
    return true;
}

static bool
do_atomic(struct machine *m, const struct ubpf_op *op)
{
    static const uint8_t alu[] = {
        [UBPF_ATOMIC_ADD] = UBPF_ALU_ADD,
        [UBPF_ATOMIC_OR] = UBPF_ALU_OR,
        [UBPF_ATOMIC_AND] = UBPF_ALU_AND,
        [UBPF_ATOMIC_XOR] = UBPF_ALU_XOR,
    };
    int size = op->bits / 8;
    uint64_t addr, x, old, r0 = 0, result;
    uint8_t tag, xt, old_tag, t0 = TAG_NUMBER;

    if (!get(m, op->dst, &addr, &tag) || !get(m, op->src, &x, &xt)
        || (op->code == UBPF_ATOMIC_CMPXCHG && !get(m, 0, &r0, &t0))) {
        return false;
    }
    addr += (uint64_t) (int64_t) op->offset;
    if (tag != TAG_POINTER || xt != TAG_NUMBER || t0 != TAG_NUMBER
        || addr % (uint64_t) size || addr - CTX_AT < 4096
        || addr - PACKET_AT < 0x10000000) {
        return trap(m, "atomic operation at %#" PRIx64, addr);
    }
    if (!load(m, addr, size, &old, &old_tag) || old_tag != TAG_NUMBER) {
        return trap(m, "atomic operation on a pointer");
    }
    if (op->code == UBPF_ATOMIC_XCHG) {
        result = x;
    } else if (op->code == UBPF_ATOMIC_CMPXCHG) {
        r0 = size == 4 ? (uint32_t) r0 : r0;
        result = old == r0 ? x : old;
    } else {
        result = ubpf_eval_alu(alu[op->code], op->bits, 0, old, x);
    }
    if (op->fetch) {
        set(m, op->code == UBPF_ATOMIC_CMPXCHG ? 0 : op->src, old, TAG_NUMBER);
    }
    return store(m, addr, size, result, TAG_NUMBER);
}

/* 'len' bytes at 'addr' must be readable numbers. */
static bool
check_memory(struct machine *m, uint64_t addr, uint64_t len)
{
    uint8_t *tags, *p = translate(m, addr, len, false, &tags);

    for (uint64_t i = 0; p && tags && i < len; i++) {
        if (tags[i] != TAG_NUMBER) {
            return trap(m, "argument with bytes that are no numbers");
        }
    }
    return p != NULL;
}

/* A meter must lie at 'addr', in the state of a value. */
static bool
check_meter(const struct machine *m, uint64_t addr)
{
    for (uint32_t i = 0; i < m->obj->n_maps; i++) {
        const struct ubpf_map_def *def = &m->obj->maps[i].def;
        uint64_t end =
            def->value_size
            - (def->flags & UBPF_MAP_F_AGING ? sizeof(struct ubpf_aging) : 0);

        for (uint64_t j = 0; j < MACHINE_VALUES; j++) {
            uint64_t at =
                addr - (VALUE_AT + (i * MACHINE_VALUES + j) * VALUE_STRIDE);

            if (at % 8 == 0 && at >= def->value_size - def->state_size
                && at < end && sizeof(struct ubpf_meter) <= end - at) {
                return true;
            }
        }
    }
    return false;
}

static uint64_t
adjust_head(struct machine *m, uint64_t delta)
{
    int64_t d = (int64_t) delta;
    static const uint64_t step = 0x10000;

    if (d < -(int64_t) m->packet_start || d > (int64_t) m->packet_len) {
        return (uint64_t) -12;
    }
    m->packet_start = (uint32_t) ((int64_t) m->packet_start + d);
    m->packet_len = (uint32_t) ((int64_t) m->packet_len - d);
    m->packet_base += step;
    return 0;
}

static bool
do_call(struct machine *m, const struct ubpf_op *op)
{
    const struct ubpf_helper_desc *helper =
        ubpf_helper_desc((uint32_t) op->imm);
    const struct ubpf_map_def *def = NULL;
    uint64_t x, map = 0, result = m->rnd();
    uint8_t tag, result_tag = TAG_NUMBER;

    for (int i = 0; i < UBPF_HELPER_MAX_ARGS && helper->args[i]; i++) {
        bool ok = true;

        if (!get(m, i + 1, &x, &tag)) {
            return false;
        }
        switch (helper->args[i]) {
        case UBPF_ARG_SCALAR:
        case UBPF_ARG_MEM_SIZE:
            ok = tag == TAG_NUMBER;
            break;
        case UBPF_ARG_CTX:
            ok = tag == TAG_POINTER && x == CTX_AT;
            break;
        case UBPF_ARG_MAP:
            map = x - MAP_AT;
            ok = tag == TAG_POINTER && map < m->obj->n_maps;
            def = ok ? &m->obj->maps[map].def : NULL;
            ok = ok && ubpf_helper_takes_map(helper, def->type)
                 && !(helper->writes_map
                      && def->flags & UBPF_MAP_F_RDONLY_PROG);
            break;
        case UBPF_ARG_MAP_KEY:
            ok = tag == TAG_POINTER && check_memory(m, x, def->key_size);
            break;
        case UBPF_ARG_MAP_VALUE:
            ok = tag == TAG_POINTER && check_memory(m, x, def->value_size);
            break;
        case UBPF_ARG_MEM:
            ok = !m->reg[i + 2]
                 || (tag == TAG_POINTER && check_memory(m, x, m->reg[i + 2]));
            break;
        case UBPF_ARG_METER:
            ok = tag == TAG_POINTER && check_meter(m, x);
            break;
        case UBPF_ARG_NONE:
            break;
        }
        if (!ok) {
            return trap(m, "argument %d of %s", i + 1, helper->name);
        }
    }
    if (helper->ret == UBPF_RET_MAP_VALUE_OR_NULL) {
        bool is_map = def->type == UBPF_MAP_TYPE_ARRAY_OF_MAPS;

        result_tag = TAG_POINTER;
        result = is_map
                     ? MAP_AT + def->extra
                     : VALUE_AT
                           + (map * MACHINE_VALUES + m->rnd() % MACHINE_VALUES)
                                 * VALUE_STRIDE;
        if (m->rnd() % 3 == 0) {
            result = 0;
            result_tag = TAG_NUMBER;
        }
    } else if (helper->moves_packet) {
        result = adjust_head(m, m->reg[2]);
    }
    set(m, 0, result, result_tag);
    memset(&m->reg_tag[1], TAG_NONE, 5);
    return true;
}

/* What lies below 'addr' is not initialised any more. */
static void
cut_stack(struct machine *m, uint64_t addr)
{
    memset(m->stack_tag, TAG_NONE, addr - (STACK_TOP - UBPF_STACK_SIZE));
}

static bool
do_call_local(struct machine *m, uint32_t pc, uint32_t target, uint32_t *next)
{
    struct machine_frame *f = &m->frames[m->n_frames];
    uint32_t i = ubpf_function_at(m->functions, m->n_functions, pc);

    f->pc = pc;
    f->top = m->reg[UBPF_REG_FP];
    f->bottom = f->top - m->functions[i].frame;
    memcpy(f->saved, &m->reg[6], sizeof f->saved);
    memcpy(f->saved_tag, &m->reg_tag[6], sizeof f->saved_tag);
    if (++m->n_frames >= UBPF_MAX_FRAMES
        || f->bottom - UBPF_CALL_SAVE < STACK_TOP - UBPF_STACK_SIZE) {
        return trap(m, "stack overflow");
    }
    cut_stack(m, f->bottom);
    m->reg[UBPF_REG_FP] = f->bottom - UBPF_CALL_SAVE;
    m->reg_tag[0] = TAG_NONE;
    memset(&m->reg_tag[6], TAG_NONE, sizeof f->saved_tag);
    *next = target;
    return true;
}

static bool
do_return(struct machine *m, uint32_t *next)
{
    struct machine_frame *f = &m->frames[--m->n_frames];

    memcpy(&m->reg[6], f->saved, sizeof f->saved);
    memcpy(&m->reg_tag[6], f->saved_tag, sizeof f->saved_tag);
    memset(&m->reg_tag[1], TAG_NONE, 5);
    cut_stack(m, f->bottom);
    m->reg[UBPF_REG_FP] = f->top;
    *next = f->pc + 1;
    return true;
}

/* One instruction; '*pc' moves on. */
static bool
step(struct machine *m, uint32_t *pc, bool *done)
{
    struct ubpf_op op;
    uint64_t a, b = 0, x;
    uint8_t at, bt = TAG_NUMBER, tag;
    const char *error = ubpf_decode(m->obj->insns, m->obj->n_insns, *pc, &op);

    if (error) {
        return trap(m, "insn %" PRIu32 ": %s", *pc, error);
    }
    if (op.kind == UBPF_KIND_ALU || op.kind == UBPF_KIND_JUMP
        || op.kind == UBPF_KIND_STORE) {
        b = (uint64_t) op.imm;
        if (op.reg && !get(m, op.src, &b, &bt)) {
            return false;
        }
    }
    *pc += op.len;
    switch ((enum ubpf_kind) op.kind) {
    case UBPF_KIND_ALU:
        return do_alu(m, &op, b, bt);
    case UBPF_KIND_LOAD_IMM:
        set(m, op.dst, (uint64_t) op.imm, TAG_NUMBER);
        return true;
    case UBPF_KIND_LOAD_MAP:
        set(m, op.dst, MAP_AT + (uint64_t) op.imm, TAG_POINTER);
        return true;
    case UBPF_KIND_LOAD_MAP_VALUE:
        set(m, op.dst,
            VALUE_AT + (uint64_t) op.imm * MACHINE_VALUES * VALUE_STRIDE
                + op.target,
            TAG_POINTER);
        return true;
    case UBPF_KIND_LOAD:
        if (!get(m, op.src, &a, &at)
            || !load(m, a + (uint64_t) (int64_t) op.offset, op.bits / 8, &x,
                     &tag)) {
            return false;
        }
        if (at != TAG_POINTER) {
            return trap(m, "load through a number");
        }
        set(m, op.dst, op.sext ? (uint64_t) ubpf_sign_extend(x, op.bits) : x,
            tag);
        return true;
    case UBPF_KIND_STORE:
        if (!get(m, op.dst, &a, &at) || at != TAG_POINTER) {
            return trap(m, "store through a number");
        }
        return store(m, a + (uint64_t) (int64_t) op.offset, op.bits / 8, b,
                     bt);
    case UBPF_KIND_ATOMIC:
        return do_atomic(m, &op);
    case UBPF_KIND_JUMP:
        if (!get(m, op.dst, &a, &at)) {
            return false;
        }
        if (at != bt && a && b) {
            return trap(m, "comparison of a pointer with a number");
        }
        *pc = ubpf_eval_cond(op.code, op.bits, a, b) ? op.target : *pc;
        return true;
    case UBPF_KIND_GOTO:
        *pc = op.target;
        return true;
    case UBPF_KIND_CALL:
        return do_call(m, &op);
    case UBPF_KIND_CALL_LOCAL:
        return do_call_local(m, *pc - 1, op.target, pc);
    case UBPF_KIND_EXIT:
        if (m->n_frames) {
            return do_return(m, pc);
        }
        *done = true;
        return (get(m, 0, &a, &at) && at == TAG_NUMBER)
               || trap(m, "result is not a number");
    case UBPF_KIND_INVALID:
        break;
    }
    return trap(m, "no such instruction");
}

bool
machine_run(struct machine *m, const struct ubpf_object *obj,
            const bool *reached, uint32_t len, uint64_t max_steps)
{
    const struct ubpf_function *functions = m->functions;
    uint32_t n_functions = m->n_functions;
    uint64_t (*rnd)(void) = m->rnd;
    uint32_t pc = 0, at = 0;
    bool done = false;

    memset(m, 0, sizeof *m);
    m->rnd = rnd;
    m->functions = functions;
    m->n_functions = n_functions;
    m->obj = obj;
    m->packet_base = PACKET_AT;
    m->packet_start = 128;
    m->packet_len = len;
    for (int i = 0; i < MACHINE_ROOM; i++) {
        m->packet[i] = (uint8_t) (rnd() % 3 ? rnd() : rnd() % 8);
    }
    for (size_t i = 0; i < sizeof m->ctx_numbers / 8; i++) {
        m->ctx_numbers[i] = rnd() >> rnd() % 64;
    }
    set(m, 1, CTX_AT, TAG_POINTER);
    set(m, UBPF_REG_FP, STACK_TOP, TAG_POINTER);
    while (!done) {
        at = pc;
        if (pc >= obj->n_insns) {
            trap(m, "ran out of the program");
        } else if (!reached[pc]) {
            trap(m, "came to what the verifier believes dead");
        } else if (m->steps++ > max_steps) {
            trap(m, "does not end");
        } else if (step(m, &pc, &done)) {
            continue;
        }
        break;
    }
    if (m->trap[0]) {
        char *end = m->trap + strlen(m->trap);

        snprintf(end, (size_t) (m->trap + sizeof m->trap - end),
                 " at insn %" PRIu32, at);
    }
    return !m->trap[0];
}

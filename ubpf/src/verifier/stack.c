/* SPDX-License-Identifier: Apache-2.0
 *
 * The program's stack, byte by byte. */

#include "state.h"

#include <inttypes.h>
#include <string.h>

/* The cell of the byte at r10 + 'at'. */
static cell *
cell_at(struct state *state, int64_t at)
{
    return &state->stack[-1 - at];
}

/* The same where 'state' may be shallower. */
static cell
get_cell(const struct state *state, int64_t at)
{
    return -1 - at < state->depth ? state->stack[-1 - at] : 0;
}

uint32_t
frame_size(const struct verifier *v, uint32_t pc)
{
    return v->functions[ubpf_function_at(v->functions, v->n_functions, pc)]
        .frame;
}

int64_t
stack_top(const struct verifier *v, uint32_t frame)
{
    int64_t top = 0;

    for (uint32_t i = 0; i < frame; i++) {
        top -= frame_size(v, v->cur->calls[i]) + UBPF_CALL_SAVE;
    }
    return top;
}

bool
stack_in_range(const struct verifier *v, int64_t at, int64_t len)
{
    int64_t top = 0;

    if (len < 0 || len > UBPF_STACK_SIZE) {
        return false;
    }
    for (uint32_t i = 0; i < v->cur->n_calls; i++) {
        int64_t bottom = top - frame_size(v, v->cur->calls[i]);

        if (at >= bottom) {
            return at <= top && at + len <= top;
        }
        top = bottom - UBPF_CALL_SAVE;
    }
    return at >= -UBPF_STACK_SIZE && at <= top && at + len <= top;
}

void
stack_cut(struct verifier *v, int64_t at)
{
    uint32_t depth = (uint32_t) -at;

    if (v->cur->depth > depth) {
        memset(&v->cur->stack[depth], 0,
               (v->cur->depth - depth) * sizeof(cell));
        v->cur->depth = depth;
    }
}

/* Makes the stack of the current state reach down to 'at'. */
static void
deepen(struct verifier *v, int64_t at)
{
    uint32_t depth = (uint32_t) (-at + 7) & ~7u;

    if (depth > v->cur->depth) {
        v->cur->depth = depth; /* The cells are 0 already. */
    }
}

/* A new store, or 0. */
static uint32_t
store_new(struct verifier *v, const struct value *value, int width)
{
    struct store *store = vec_add(v, &v->stores, sizeof *store);

    if (!store) {
        return 0;
    }
    store->value = *value;
    store->width = (uint8_t) width;
    return v->stores.n - 1;
}

int
stack_write(struct verifier *v, int64_t at, int width,
            const struct value *value)
{
    struct value kept = *value;
    uint32_t store;

    if (value->kind == VALUE_SCALAR && width < 8
        && value->num.r64.umax >> (width * 8)) {
        struct scalar mask = scalar_const((UINT64_C(1) << (width * 8)) - 1);

        kept = value_scalar(
            v, scalar_alu(UBPF_ALU_AND, 64, 0, &value->num, &mask));
        kept.node = node_new(v, value->node, 0);
    }
    store = store_new(v, &kept, width);
    if (v->error) {
        return v->error;
    }
    deepen(v, at);
    for (int i = 0; i < width; i++) {
        *cell_at(v->cur, at + i) = store * 8 + (uint32_t) i;
    }
    return 0;
}

int
stack_write_somewhere(struct verifier *v, int64_t at, int64_t len)
{
    struct value any = value_scalar(v, scalar_unknown());
    uint32_t store = 0;

    for (int64_t i = 0; i < len; i++) {
        cell c = get_cell(v->cur, at + i);

        if (c && store_at(v, c / 8)->value.kind != VALUE_SCALAR) {
            return refuse(v, 0,
                          "store at a variable stack offset may "
                          "overwrite the pointer at r10%+" PRId64,
                          at + i);
        }
    }
    /* Which bytes are initialised afterwards depends on which were. */
    stack_mark_read(v, v->cur, at, len);
    for (int64_t i = 0; i < len && !v->error; i++) {
        if (i % 8 == 0) {
            any.sym = sym_new(v);
            store = store_new(v, &any, 8);
        }
        if (get_cell(v->cur, at + i)) {
            *cell_at(v->cur, at + i) = store * 8 + (uint32_t) (i % 8);
        }
    }
    v->work += (uint64_t) len / 16;
    return v->error;
}

/* The store of which all of the 'width' bytes at 'at' are the value, or 0. */
static uint32_t
whole_store(struct verifier *v, const struct state *state, int64_t at,
            int width)
{
    cell first = get_cell(state, at);

    if (!first || first % 8 || store_at(v, first / 8)->width != width) {
        return 0;
    }
    for (int i = 1; i < width; i++) {
        if (get_cell(state, at + i) != first + (uint32_t) i) {
            return 0;
        }
    }
    return first / 8;
}

/* Bytes 'first'...'first' + 'n' - 1 of 'num', moved to byte 'to'. */
static struct scalar
extract(const struct scalar *num, int first, int n, int to)
{
    struct scalar shift = scalar_const((uint64_t) first * 8);
    struct scalar mask =
        scalar_const(n == 8 ? UINT64_MAX : (UINT64_C(1) << (n * 8)) - 1);
    struct scalar part = scalar_alu(UBPF_ALU_RSH, 64, 0, num, &shift);

    part = scalar_alu(UBPF_ALU_AND, 64, 0, &part, &mask);
    shift = scalar_const((uint64_t) to * 8);
    return scalar_alu(UBPF_ALU_LSH, 64, 0, &part, &shift);
}

enum peek
stack_peek(struct verifier *v, const struct state *state, int64_t at,
           int width, struct value *value, const char **what)
{
    uint32_t store = whole_store(v, state, at, width);

    if (store) {
        *value = store_at(v, store)->value;
        return PEEK_WHOLE;
    }
    *value = (struct value) {.kind = VALUE_SCALAR, .num = scalar_const(0)};
    for (int i = 0, n; i < width; i += n) {
        cell first = get_cell(state, at + i);
        struct scalar part;

        if (!first) {
            *what = "not initialised";
            return PEEK_NOTHING;
        }
        if (store_at(v, first / 8)->value.kind != VALUE_SCALAR) {
            *what = "part of a pointer";
            return PEEK_NOTHING;
        }
        for (n = 1; i + n < width && (first + (uint32_t) n) % 8
                    && get_cell(state, at + i + n) == first + (uint32_t) n;
             n++) {
            continue;
        }
        part = extract(&store_at(v, first / 8)->value.num, first % 8, n, i);
        value->num = scalar_alu(UBPF_ALU_OR, 64, 0, &value->num, &part);
    }
    return PEEK_PARTS;
}

bool
stack_load(struct verifier *v, int64_t at, int width, struct value *value,
           const char **what)
{
    switch (stack_peek(v, v->cur, at, width, value, what)) {
    case PEEK_NOTHING:
        return false;
    case PEEK_WHOLE:
        break;
    case PEEK_PARTS:
        *value = value_scalar(v, value->num);
        for (int i = 0; i < width; i++) {
            cell c = get_cell(v->cur, at + i);

            if (i == 0 || c / 8 != get_cell(v->cur, at + i - 1) / 8) {
                value->node =
                    node_new(v, value->node, store_at(v, c / 8)->value.node);
            }
        }
        break;
    }
    stack_mark_read(v, v->cur, at, width);
    return true;
}

void
stack_mark_read(struct verifier *v, const struct state *state, int64_t at,
                int64_t len)
{
    uint32_t last = 0;

    for (int64_t i = 0; i < len; i++) {
        uint32_t store = get_cell(state, at + i) / 8;

        if (store == last) {
            continue;
        }
        last = store;
        while (store && store_at(v, store)->read < v->epoch) {
            store_at(v, store)->read = v->epoch;
            store = store_at(v, store)->from;
            v->work++;
        }
    }
    v->work += (uint64_t) len / 16;
}

bool
stack_read_bytes(struct verifier *v, int64_t at, int64_t len,
                 const char **what)
{
    for (int64_t i = 0; i < len; i++) {
        cell c = get_cell(v->cur, at + i);

        if (!c || store_at(v, c / 8)->value.kind != VALUE_SCALAR) {
            *what = c ? "part of a pointer" : "not initialised";
            return false;
        }
    }
    stack_mark_read(v, v->cur, at, len);
    return true;
}

void
stack_kill_packet(struct verifier *v)
{
    for (uint32_t i = 0; i < v->cur->depth; i++) {
        cell *c = &v->cur->stack[i];
        uint8_t kind = *c ? store_at(v, *c / 8)->value.kind : VALUE_NONE;

        if (kind == VALUE_PACKET || kind == VALUE_PACKET_END) {
            *c = 0;
        }
    }
    v->work += v->cur->depth / 32;
}

bool
narrow_copy(struct verifier *v, struct value *value, const struct value *to)
{
    struct scalar move =
        scalar_const((uint64_t) value->delta - (uint64_t) to->delta);
    struct scalar same = scalar_alu(UBPF_ALU_ADD, 64, 0, &to->num, &move);
    struct scalar num = value->num;
    struct value before;

    /* Nothing in common: this path cannot be, but what is known stays true. */
    if (!scalar_intersect(&num, &same) || scalar_equal(&num, &value->num)) {
        return false;
    }
    value->num = num;
    value->node = node_new(v, value->node, to->node);
    if (value->kind != VALUE_SCALAR) {
        mark_precise(v, to->node, PRECISION_ACCESS);
    }
    before = *value;
    value_settle(value);
    if (value->kind == VALUE_PACKET && before.sym && !value->sym) {
        fact_settle(
            v, before.sym,
            (int64_t) ((uint64_t) value->delta - (uint64_t) before.delta));
    }
    return true;
}

void
stack_narrow(struct verifier *v, const struct value *to)
{
    struct state *state = v->cur;

    for (uint32_t i = 0; i < state->depth; i++) {
        cell c = state->stack[i];
        struct store *old;
        struct value value;
        uint32_t store;

        if (!c || c % 8) {
            continue;
        }
        old = store_at(v, c / 8);
        if (old->value.sym != to->sym || old->value.kind == VALUE_NONE
            || old->value.kind == VALUE_PACKET_END) {
            continue;
        }
        value = old->value;
        if (!narrow_copy(v, &value, to)) {
            continue;
        }
        store = store_new(v, &value, old->width);
        if (!store) {
            return;
        }
        old = store_at(v, c / 8); /* It may have moved. */
        store_at(v, store)->from = c / 8;
        for (uint32_t k = 0; k < old->width && k <= i; k++) {
            if (state->stack[i - k] == c + k) {
                state->stack[i - k] = store * 8 + k;
            }
        }
    }
    v->work += state->depth / 32;
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * What is known of numbers beyond their bounds: that one is a part of another,
 * what one is not, and the order of two. */

#include "state.h"

#include <string.h>

/* 'value' + 'by'. */
static struct scalar
plus(const struct scalar *num, uint64_t by)
{
    struct scalar b = scalar_const(by);

    return scalar_alu(UBPF_ALU_ADD, 64, 0, num, &b);
}

void
low_note(struct verifier *v, const struct value *r, int bits,
         const struct value *of)
{
    struct part *low = &v->parts.low;

    if (!r->sym || r->sym == of->sym) {
        return;
    }
    /* Low bits of low bits are those of the whole. */
    if (!low->sym || of->sym != low->sym || of->delta || low->bits < bits) {
        low->of = *of;
    }
    low->sym = r->sym;
    low->bits = (uint8_t) bits;
}

bool
low_whole(struct verifier *v, const struct value *to, struct value *whole,
          struct value *narrowed)
{
    const struct part *low = &v->parts.low;
    int64_t lo = low->of.num.r64.smin, width;
    struct scalar num, mask;

    if (!low->sym || low->sym != to->sym) {
        return false;
    }
    mask = scalar_const((UINT64_C(1) << low->bits) - 1);
    if (__builtin_sub_overflow(low->of.num.r64.smax, lo, &width)
        || (uint64_t) width > mask.r64.umax) {
        return false;
    }
    /* Less 'lo', the whole is a number of so many bits, and those. */
    num = plus(&to->num, -(uint64_t) to->delta - (uint64_t) lo);
    if (low->bits == 32) {
        num = scalar_alu(UBPF_ALU_MOV, 32, 0, &num, &num);
    } else if (num.r64.umax > mask.r64.umax) {
        num = scalar_alu(UBPF_ALU_AND, 64, 0, &num, &mask);
    }
    num = plus(&num, (uint64_t) lo);
    *whole = *narrowed = low->of;
    return scalar_intersect(&narrowed->num, &num);
}

void
parts_forget(struct verifier *v)
{
    v->parts.low.sym = v->parts.shifted.sym = 0;
    v->parts.quotient.sym = v->parts.quotient.multiple = 0;
}

/* Whether 'a' and 'b' are one number. */
static bool
are_same(const struct value *a, const struct value *b)
{
    return a->sym == b->sym && a->delta == b->delta;
}

/* Whether the dividend of 'q' is 'a', in as many bits as were divided. */
static bool
is_dividend(const struct verifier *v, const struct value *a)
{
    const struct quotient *q = &v->parts.quotient;
    const struct part *low = &v->parts.low;

    return are_same(a, &q->of)
           || (q->bits == 32 && low->sym && low->sym == q->of.sym
               && !q->of.delta && low->bits == 32 && are_same(a, &low->of));
}

void
quotient_note(struct verifier *v, int code, int bits, const struct value *a,
              const struct value *b, struct value *r)
{
    struct quotient *q = &v->parts.quotient;
    struct scalar rest;

    if (code == UBPF_ALU_DIV && r->sym) {
        *q = (struct quotient) {r->sym, 0, (uint8_t) bits, *a, *b};
    } else if (!q->sym || q->bits != bits) {
        return;
    } else if (code == UBPF_ALU_MUL && a->sym == q->sym && !a->delta
               && are_same(b, &q->by)) {
        q->multiple = r->sym;
    } else if (code == UBPF_ALU_SUB && q->multiple && b->sym == q->multiple
               && !b->delta && is_dividend(v, a)) {
        rest = scalar_alu(UBPF_ALU_MOD, bits, 0, &q->of.num, &q->by.num);
        scalar_intersect(&r->num, &rest);
    }
}

/* Where 'value' is known not to be 'x', or NULL. */
static struct unequal *
find(struct state *state, const struct value *value, uint64_t x)
{
    for (uint32_t i = 0; i < state->n_unequals; i++) {
        struct unequal *u = &state->unequals[i];

        if (u->sym == value->sym && u->number == x - (uint64_t) value->delta) {
            return u;
        }
    }
    return NULL;
}

void
unequal_add(struct verifier *v, const struct value *value, uint64_t x)
{
    struct state *state = v->cur;
    int64_t *used;

    if (!value->sym || !scalar_contains(&value->num, x)
        || find(state, value, x)) {
        return;
    }
    used = vec_add(v, &v->needs, sizeof *used);
    if (!used) {
        return;
    }
    *used = 0;
    if (state->n_unequals == MAX_UNEQUALS) {
        memmove(&state->unequals[0], &state->unequals[1],
                (MAX_UNEQUALS - 1) * sizeof state->unequals[0]);
        state->n_unequals--;
    }
    state->unequals[state->n_unequals++] = (struct unequal) {
        value->sym, v->needs.n - 1, x - (uint64_t) value->delta};
}

bool
unequal_use(struct verifier *v, const struct value *value, uint64_t x)
{
    const struct unequal *u = value->sym ? find(v->cur, value, x) : NULL;

    if (u) {
        *need_at(v, u->used) = 1;
    }
    return u;
}

/* Whether 'x' is an end of what 'num' can be. */
static bool
is_end(const struct scalar *num, uint64_t x)
{
    return x == num->r64.umin || x == num->r64.umax
           || (int64_t) x == num->r64.smin || (int64_t) x == num->r64.smax;
}

void
unequal_narrow(struct verifier *v, struct value *to)
{
    const struct state *state = v->cur;

    /* Each may uncover another. */
    for (uint32_t i = 0; i < state->n_unequals; i++) {
        const struct unequal *u = &state->unequals[i];
        uint64_t x = u->number + (uint64_t) to->delta;
        struct scalar number = scalar_const(x), num = to->num;

        if (u->sym == to->sym && is_end(&num, x)
            && scalar_assume(UBPF_COND_NE, 64, true, &num, &number)
            && !scalar_equal(&num, &to->num)) {
            to->num = num;
            *need_at(v, u->used) = 1;
            i = UINT32_MAX; /* From the start. */
        }
    }
}

/* Whether 'value' and its symbol are near 0, so that sums do not wrap. */
static bool
is_near(const struct value *value)
{
    return value->delta >= -MAX_OFFSET && value->delta <= MAX_OFFSET
           && value->num.r64.smin >= -MAX_OFFSET
           && value->num.r64.smax <= MAX_OFFSET;
}

struct order *
order_find(struct state *state, uint32_t less, uint32_t more)
{
    for (uint32_t i = 0; i < state->n_orders; i++) {
        struct order *order = &state->orders[i];

        if (order->less == less && order->more == more) {
            return order;
        }
    }
    return NULL;
}

void
order_add(struct verifier *v, const struct value *less,
          const struct value *more, bool strict)
{
    struct state *state = v->cur;
    struct order *order = order_find(state, less->sym, more->sym);
    int64_t by = less->delta - more->delta + strict, *need;

    if (!less->sym || !more->sym || less->sym == more->sym || !is_near(less)
        || !is_near(more) || (order && order->by >= by)) {
        return;
    }
    need = vec_add(v, &v->needs, sizeof *need);
    if (!need) {
        return;
    }
    *need = INT64_MIN;
    if (!order) {
        if (state->n_orders == MAX_ORDERS) {
            memmove(&state->orders[0], &state->orders[1],
                    (MAX_ORDERS - 1) * sizeof state->orders[0]);
            state->n_orders--;
        }
        order = &state->orders[state->n_orders++];
    }
    *order = (struct order) {less->sym, more->sym, v->needs.n - 1, by};
}

void
order_subtract(struct verifier *v, const struct value *a,
               const struct value *b, int bits, struct value *r)
{
    const struct order *order =
        a->sym && b->sym ? order_find(v->cur, b->sym, a->sym) : NULL;
    struct scalar num;
    int64_t least, most;

    if (!order || !is_near(a) || !is_near(b)) {
        return;
    }
    least = order->by + a->delta - b->delta;
    most = a->num.r64.smax - b->num.r64.smin;
    if (least < 0 || most < least || (bits == 32 && most > UINT32_MAX)) {
        return;
    }
    num = scalar_between((uint64_t) least, (uint64_t) most);
    if (*need_at(v, order->need) < order->by) {
        *need_at(v, order->need) = order->by;
    }
    mark_precise(v, a->node, PRECISION_ACCESS);
    mark_precise(v, b->node, PRECISION_ACCESS);
    scalar_intersect(&r->num, &num);
}

bool
order_least(struct verifier *v, uint32_t i, const struct value *to,
            struct value *more)
{
    const struct order *order = &v->cur->orders[i];

    if (order->less != to->sym || !is_near(to)) {
        return false;
    }
    more->sym = order->more;
    more->num = scalar_unknown();
    more->num.r64.smin = to->num.r64.smin - to->delta + order->by;
    more->num.r64.smax = 2 * MAX_OFFSET; /* What has an order is near 0. */
    *need_at(v, order->need) = order->by;
    return scalar_reduce(&more->num);
}

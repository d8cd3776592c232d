/* SPDX-License-Identifier: Apache-2.0
 *
 * What is known of numbers beyond their bounds: that one is a part of another,
 * and what one is not. */

#include "state.h"

#include <string.h>

/* 'value' + 'by'. */
static struct scalar
plus(const struct scalar *num, uint64_t by)
{
    struct scalar b = scalar_const(by);

    return scalar_alu(UBPF_ALU_ADD, 64, 0, num, &b);
}

bool
half_whole(struct verifier *v, const struct value *to, struct value *whole,
           struct value *narrowed)
{
    const struct part *half = &v->cur->half;
    int64_t lo = half->of.num.r64.smin, width;
    struct scalar num, low = scalar_const((uint64_t) lo);

    if (half->sym != to->sym
        || __builtin_sub_overflow(half->of.num.r64.smax, lo, &width)
        || width > UINT32_MAX) {
        return false;
    }
    /* Less 'lo', the whole is a number of 32 bits and its own low half. */
    num = plus(&to->num, -(uint64_t) to->delta);
    num = scalar_alu(UBPF_ALU_SUB, 32, 0, &num, &low);
    num = plus(&num, (uint64_t) lo);
    *whole = *narrowed = half->of;
    return scalar_intersect(&narrowed->num, &num);
}

void
parts_forget(struct state *state)
{
    state->half.sym = state->shifted.sym = 0;
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

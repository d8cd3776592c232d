/* SPDX-License-Identifier: Apache-2.0
 *
 * What is proved of the packet's length. */

#include "state.h"

#include <string.h>

struct fact *
fact_find(struct state *state, uint32_t sym)
{
    for (uint32_t i = 0; i < state->n_facts; i++) {
        if (state->facts[i].sym == sym) {
            return &state->facts[i];
        }
    }
    return NULL;
}

/* Whether a register or the stack holds something with the symbol 'sym'. */
static bool
is_held(struct verifier *v, uint32_t sym)
{
    const struct state *state = v->cur;

    for (int i = 0; i < UBPF_N_REGS; i++) {
        if (state->regs[i].kind != VALUE_NONE && state->regs[i].sym == sym) {
            return true;
        }
    }
    v->work += state->depth / 32;
    for (uint32_t i = 0; i < state->depth; i += 8) {
        /* The last byte of a pointer is at a multiple of 8. */
        cell c = state->stack[i];

        if (c && store_at(v, c / 8)->value.sym == sym) {
            return true;
        }
    }
    return false;
}

/* Makes room for a fact: the first, mostly that of the packet's start, stays;
 * of the others the oldest of a pointer that nothing holds goes. */
static void
fact_drop(struct verifier *v)
{
    struct state *state = v->cur;
    uint32_t i = 1;

    while (i < state->n_facts && is_held(v, state->facts[i].sym)) {
        i++;
    }
    i = i < state->n_facts ? i : 1;
    state->n_facts--;
    memmove(&state->facts[i], &state->facts[i + 1],
            (state->n_facts - i) * sizeof state->facts[0]);
}

void
fact_add(struct verifier *v, uint32_t sym, int64_t bytes)
{
    struct state *state = v->cur;
    struct fact *fact = fact_find(state, sym);
    int64_t *need;

    if (fact && fact->bytes >= bytes) {
        return;
    }
    if (!fact) {
        if (state->n_facts == MAX_FACTS) {
            fact_drop(v);
        }
        fact = &state->facts[state->n_facts++];
    }
    need = vec_add(v, &v->needs, sizeof *need);
    if (need) {
        *need = INT64_MIN;
        *fact = (struct fact) {sym, v->needs.n - 1, bytes};
    }
}

void
fact_settle(struct verifier *v, uint32_t sym, int64_t number)
{
    struct fact *fact = fact_find(v->cur, sym);

    if (!fact || number < 0 || number > MAX_OFFSET) {
        return;
    }
    /* What comes after may need all of it, in the name of the new fact. */
    if (*need_at(v, fact->need) < fact->bytes) {
        *need_at(v, fact->need) = fact->bytes;
    }
    fact_add(v, 0, number + fact->bytes);
}

/* The sum of all of the 'n' symbols at 'leaf' but the one at 'but'. */
static uint32_t
sum_without(struct verifier *v, const uint32_t *leaf, uint32_t n, uint32_t but)
{
    uint32_t sum = 0;

    for (uint32_t i = 0; i < n; i++) {
        sum = i == but ? sum : sym_add(v, sum, leaf[i]);
    }
    return sum;
}

/* The position of 'sym' among the 'n' symbols at 'leaf', or 'n'. */
static uint32_t
find_leaf(const uint32_t *leaf, uint32_t n, uint32_t sym)
{
    uint32_t i = 0;

    while (i < n && leaf[i] != sym) {
        i++;
    }
    return i;
}

/* Adds what 'fact' proves without the number 'to', which is 'lo' at least. */
static void
narrow_fact(struct verifier *v, const struct fact *fact,
            const struct value *to, int64_t lo)
{
    uint32_t leaf[SUM_LEAVES], n, rest = 0;
    const uint32_t *leaves = sym_leaves(v, &fact->sym, &n);
    struct fact *known;

    if (fact->sym != to->sym) {
        if (find_leaf(leaves, n, to->sym) == n) {
            return;
        }
        for (uint32_t i = 0; i < n; i++) {
            leaf[i] = leaves[i]; /* sym_add() may move them. */
        }
        rest = sum_without(v, leaf, n, find_leaf(leaf, n, to->sym));
    }
    known = fact_find(v->cur, rest);
    if (fact->bytes + lo <= 0 || (known && known->bytes >= fact->bytes + lo)) {
        return;
    }
    mark_precise(v, to->node, PRECISION_ACCESS);
    /* What comes after may need all of it, in the name of the new fact. */
    if (*need_at(v, fact->need) < fact->bytes) {
        *need_at(v, fact->need) = fact->bytes;
    }
    fact_add(v, rest, fact->bytes + lo);
}

void
facts_narrow(struct verifier *v, const struct value *old,
             const struct value *to)
{
    struct fact facts[MAX_FACTS];
    uint32_t n = v->cur->n_facts;
    const struct range *r = &to->num.r64;

    /* Neither it nor the sums that it is a part of wrap around. */
    if (r->smin == old->num.r64.smin || r->smin < -MAX_OFFSET
        || r->smax > MAX_OFFSET || to->delta < -MAX_OFFSET
        || to->delta > MAX_OFFSET) {
        return;
    }
    memcpy(facts, v->cur->facts, n * sizeof *facts);
    for (uint32_t i = 0; i < n && !v->error; i++) {
        narrow_fact(v, &facts[i], to, r->smin - to->delta);
    }
}

void
fact_add_pointer(struct verifier *v, const struct value *ptr, int64_t bytes)
{
    uint32_t leaf[SUM_LEAVES], n;
    const uint32_t *leaves = sym_leaves(v, &ptr->sym, &n);

    for (uint32_t i = 0; i < n; i++) {
        leaf[i] = leaves[i]; /* sym_add() may move them. */
    }
    fact_add(v, ptr->sym, ptr->delta + bytes);
    if (n && ptr->num.r64.smin >= MIN_COMPARED) {
        fact_add(v, 0, ptr->num.r64.smin + bytes);
    }
    for (uint32_t i = 0; n > 1 && i < n && !v->error; i++) {
        const struct sym *sym = sym_at(v, leaf[i]);
        int64_t lo = sym->lo;

        /* Without wrapping around, the rest is smaller by at least 'lo'. */
        if (lo >= -MAX_OFFSET && sym->hi <= MAX_OFFSET
            && ptr->delta + bytes + lo > 0) {
            sym_at(v, leaf[i])->used = true;
            fact_add(v, sum_without(v, leaf, n, i), ptr->delta + bytes + lo);
        }
    }
}

void
fact_compare(struct verifier *v, const struct value *less,
             const struct value *more, bool strict)
{
    const struct fact *fact = fact_find(v->cur, more->sym);
    int64_t bytes = fact ? fact->bytes : 0;

    if (!fact || less->delta < -MAX_COMPARED || less->delta > MAX_COMPARED
        || more->delta < -MAX_COMPARED || more->delta > MAX_COMPARED) {
        return;
    }
    if (*need_at(v, fact->need) < bytes) {
        *need_at(v, fact->need) = bytes;
    }
    fact_add_pointer(v, less, bytes - more->delta + strict);
}

struct fact *
fact_find_part(struct verifier *v, uint32_t sum, uint32_t but, int64_t bytes,
               int64_t *need)
{
    uint32_t leaf[SUM_LEAVES], n;
    const uint32_t *leaves = sym_leaves(v, &sum, &n);
    const struct sym *sym;
    struct fact *fact;

    for (uint32_t i = 0; i < n; i++) {
        leaf[i] = leaves[i]; /* sym_add() may move them. */
    }
    sym = sym_at(v, leaf[but]);
    if (sym->lo < -MAX_OFFSET || sym->hi > MAX_OFFSET
        || bytes > 2 * MAX_OFFSET) {
        return NULL;
    }
    fact = fact_find(v->cur, sum_without(v, leaf, n, but));
    *need = bytes + sym->hi;
    if (!fact || fact->bytes < *need) {
        return NULL;
    }
    sym_at(v, leaf[but])->used = true;
    return fact;
}

void
remainder_add(struct verifier *v, uint32_t sym, const struct value *ptr)
{
    struct state *cur = v->cur;

    if (cur->n_remainders == MAX_REMAINDERS) {
        memmove(&cur->remainders[0], &cur->remainders[1],
                (MAX_REMAINDERS - 1) * sizeof cur->remainders[0]);
        cur->n_remainders--;
    }
    cur->remainders[cur->n_remainders++] =
        (struct remainder) {sym, ptr->sym, ptr->delta};
}

void
remainder_bound(struct verifier *v, const struct value *ptr, struct value *r)
{
    const struct fact *fact = fact_find(v->cur, ptr->sym);
    struct scalar num;

    if (fact && fact->bytes >= ptr->delta) {
        num = scalar_between((uint64_t) (fact->bytes - ptr->delta), INT64_MAX);
        if (*need_at(v, fact->need) < fact->bytes) {
            *need_at(v, fact->need) = fact->bytes;
        }
        scalar_intersect(&r->num, &num);
    }
}

void
remainder_narrow(struct verifier *v, const struct value *to)
{
    struct state *cur = v->cur;

    for (uint32_t i = 0; i < cur->n_remainders; i++) {
        const struct remainder *r = &cur->remainders[i];
        int64_t bytes;

        if (r->sym == to->sym
            && !__builtin_sub_overflow(to->num.r64.smin, to->delta, &bytes)
            && bytes > 0 && bytes <= MAX_COMPARED) {
            mark_precise(v, to->node, PRECISION_ACCESS);
            fact_add(v, r->ptr_sym, r->delta + bytes);
        }
    }
}

/* The pointer that is 'by' from the one which 'r' counts from; false if there
 * is no name for it. */
static bool
move_start(struct verifier *v, const struct remainder *r,
           const struct value *by, struct value *ptr)
{
    int64_t delta;

    if (by->num.r64.smin < MIN_COMPARED || by->num.r64.smax > MAX_COMPARED
        || __builtin_add_overflow(r->delta, by->delta, &delta)
        || delta < -MAX_COMPARED || delta > MAX_COMPARED) {
        return false;
    }
    *ptr = (struct value) {
        .kind = VALUE_PACKET,
        .sym = sym_add(v, r->ptr_sym, by->sym),
        .delta = delta,
        .num = scalar_unknown(),
    };
    /* Else it is a symbol that stands for none of its own. */
    return !r->ptr_sym || !by->sym || ptr->sym & SYM_SUM;
}

/* What 'more' counts, if it is such a number of bytes plus a constant. */
static const struct remainder *
remainder_find(const struct state *state, const struct value *more)
{
    for (uint32_t i = 0; more->sym && i < state->n_remainders; i++) {
        if (state->remainders[i].sym == more->sym) {
            return &state->remainders[i];
        }
    }
    return NULL;
}

void
remainder_compare(struct verifier *v, const struct value *less,
                  const struct value *more, bool is_signed, bool strict)
{
    const struct remainder *r = remainder_find(v->cur, more);
    struct value by = *less, ptr;

    if (!r || more->delta < -MAX_OFFSET || more->delta > MAX_OFFSET
        || (!is_signed && more->num.r64.smin < 0) || less->delta < -MAX_OFFSET
        || less->delta > MAX_OFFSET || less->num.r64.smin < MIN_COMPARED
        || less->num.r64.smax > MAX_COMPARED) {
        return;
    }
    by.delta -= more->delta;
    if (move_start(v, r, &by, &ptr)) {
        mark_precise(v, less->node, PRECISION_ACCESS);
        mark_precise(v, more->node, PRECISION_ACCESS);
        fact_add_pointer(v, &ptr, strict);
    }
}

void
remainder_subtract(struct verifier *v, const struct value *a,
                   const struct value *b, int bits, struct value *r)
{
    const struct remainder *from = remainder_find(v->cur, a);
    const struct fact *fact;
    struct value by = *b, ptr;
    int64_t most;

    if (!from || !b->sym || a->delta < -MAX_OFFSET || a->delta > MAX_OFFSET
        || b->delta < -MAX_OFFSET || b->delta > MAX_OFFSET
        || a->num.r64.smin < -MAX_OFFSET || a->num.r64.smax > MAX_OFFSET) {
        return;
    }
    by.delta -= a->delta;
    if (!move_start(v, from, &by, &ptr)) {
        return;
    }
    /* If that pointer is before the end, nothing wraps around. */
    most = a->num.r64.smax - b->num.r64.smin;
    fact = fact_find(v->cur, ptr.sym);
    if (fact && fact->bytes >= ptr.delta && most >= 0
        && (bits == 64 || most <= UINT32_MAX)) {
        struct scalar num = scalar_between(0, (uint64_t) most);

        if (*need_at(v, fact->need) < ptr.delta) {
            *need_at(v, fact->need) = ptr.delta;
        }
        scalar_intersect(&r->num, &num);
    } else if (bits == 32) {
        return;
    }
    mark_precise(v, a->node, PRECISION_ACCESS);
    mark_precise(v, b->node, PRECISION_ACCESS);
    remainder_add(v, r->sym, &ptr);
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * Whether a state that was explored covers another: whatever the program can
 * do from the new one, it can do from the old one, as far as the proof looked.
 *
 * Symbols have other names on another path.  A binding says which symbol plus
 * which constant of the new state plays the part of a symbol of the old one;
 * each old symbol needs one binding for all its uses. */

#include "state.h"

#include <string.h>

#define MAX_BINDINGS 96

struct binding {
    uint32_t old, new;
    int64_t plus; /* old = new + plus. */
};

/* A sum that waits until the symbols in it are bound. */
struct bound_sum {
    uint32_t old, new;
    int64_t plus;
};

struct matcher {
    struct verifier *v;
    uint32_t epoch; /* Of the old state. */
    bool exactly;   /* Equal rather than covered. */
    struct binding syms[MAX_BINDINGS];
    struct binding nulls[MAX_BINDINGS];
    struct bound_sum sums[MAX_BINDINGS];
    uint32_t n_syms, n_nulls, n_sums;
};

static struct binding *
find_binding(struct binding *bindings, uint32_t n, uint32_t old)
{
    for (uint32_t i = 0; i < n; i++) {
        if (bindings[i].old == old) {
            return &bindings[i];
        }
    }
    return NULL;
}

static bool
bind(struct binding *bindings, uint32_t *n, uint32_t old, uint32_t new,
     int64_t plus)
{
    struct binding *b = find_binding(bindings, *n, old);

    if (b) {
        return b->new == new && b->plus == plus;
    }
    if (*n == MAX_BINDINGS) {
        return false;
    }
    bindings[(*n)++] = (struct binding) {old, new, plus};
    return true;
}

/* Bounds of 'sym'; false if it has none to speak of. */
static bool
sym_bounds(struct verifier *v, uint32_t sym, int64_t *lo, int64_t *hi)
{
    uint32_t n;
    const uint32_t *leaf = sym_leaves(v, &sym, &n);

    *lo = *hi = 0;
    for (uint32_t i = 0; i < n; i++) {
        const struct sym *s = sym_at(v, leaf[i]);

        if (__builtin_add_overflow(*lo, s->lo, lo)
            || __builtin_add_overflow(*hi, s->hi, hi)) {
            return false;
        }
    }
    return true;
}

/* Binds the symbol 'old', which is no sum.  If the proof rests on its bounds,
 * those of what plays its part must be as narrow. */
static bool
bind_leaf(struct matcher *m, uint32_t old, uint32_t new, int64_t plus)
{
    const struct sym *s = sym_at(m->v, old);
    int64_t lo, hi;

    return bind(m->syms, &m->n_syms, old, new, plus)
           && (!s->used
               || (sym_bounds(m->v, new, &lo, &hi)
                   && !__builtin_add_overflow(lo, plus, &lo)
                   && !__builtin_add_overflow(hi, plus, &hi) && lo >= s->lo
                   && hi <= s->hi));
}

/* The proof rests on the bounds of what plays the part of symbols on whose
 * bounds it rests. */
static void
inherit_bounds(struct matcher *m)
{
    for (uint32_t i = 0; i < m->n_syms; i++) {
        uint32_t new = m->syms[i].new, n;
        const uint32_t *leaf = sym_leaves(m->v, &new, &n);

        for (uint32_t k = 0; sym_at(m->v, m->syms[i].old)->used && k < n;
             k++) {
            sym_at(m->v, leaf[k])->used = true;
        }
    }
}

/* Binds the symbol of 'old' to that of 'new'. */
static bool
bind_sym(struct matcher *m, const struct value *old, const struct value *new)
{
    int64_t plus = (int64_t) ((uint64_t) new->delta - (uint64_t) old->delta);

    if (!old->sym) {
        return !new->sym && !plus;
    }
    if (old->sym & SYM_SUM) {
        if (m->n_sums == MAX_BINDINGS) {
            return false;
        }
        m->sums[m->n_sums++] = (struct bound_sum) {old->sym, new->sym, plus};
        return true;
    }
    return bind_leaf(m, old->sym, new->sym, plus);
}

/* What plays the part of 'old'; false if not all of it is bound. */
static bool
image(struct matcher *m, uint32_t old, uint32_t *new, int64_t *plus)
{
    uint32_t leaf[SUM_LEAVES], n;
    const uint32_t *leaves = sym_leaves(m->v, &old, &n);

    for (uint32_t i = 0; i < n; i++) {
        leaf[i] = leaves[i]; /* sym_add() may move them. */
    }
    *new = 0;
    *plus = 0;
    for (uint32_t i = 0; i < n; i++) {
        struct binding *b = find_binding(m->syms, m->n_syms, leaf[i]);

        if (!b) {
            return false;
        }
        *new = sym_add(m->v, *new, b->new);
        *plus = (int64_t) ((uint64_t) *plus + (uint64_t) b->plus);
    }
    return true;
}

/* Binds the symbols of a sum to those of a sum of the same form. */
static bool
bind_leaves(struct matcher *m, const struct bound_sum *sum)
{
    uint32_t n_old, n_new, old = sum->old, new = sum->new;
    const uint32_t *o = sym_leaves(m->v, &old, &n_old);
    const uint32_t *n = sym_leaves(m->v, &new, &n_new);

    if (n_old != n_new || sum->plus) {
        return false;
    }
    for (uint32_t i = 0; i < n_old; i++) {
        if (!bind_leaf(m, o[i], n[i], 0)) {
            return false;
        }
    }
    return true;
}

static bool
match_sums(struct matcher *m)
{
    for (uint32_t i = 0; i < m->n_sums; i++) {
        const struct bound_sum *sum = &m->sums[i];
        uint32_t new;
        int64_t plus;

        if (image(m, sum->old, &new, &plus)) {
            if (new != sum->new || plus != sum->plus) {
                return false;
            }
        } else if (!bind_leaves(m, sum)) {
            return false;
        }
    }
    return true;
}

static bool
match_num(struct matcher *m, const struct scalar *old,
          const struct scalar *new)
{
    return m->exactly ? scalar_equal(old, new) : scalar_covers(old, new);
}

static bool
match_value(struct matcher *m, const struct value *old,
            const struct value *new)
{
    if (old->kind == VALUE_NONE) {
        return true;
    }
    if (old->kind != new->kind || old->map != new->map) {
        return false;
    }
    if (old->kind == VALUE_SCALAR && !m->exactly
        && !node_precision(m->v, old->node)) {
        return true;
    }
    if (may_be_null(old->kind)
        && !bind(m->nulls, &m->n_nulls, old->null_id, new->null_id, 0)) {
        return false;
    }
    return match_num(m, &old->num, &new->num) && bind_sym(m, old, new);
}

static cell
cell_of(const struct state *state, uint32_t i)
{
    return i < state->depth ? state->stack[i] : 0;
}

/* Compares the 'n' bytes from r10 - 1 - 'i' up, parts of one store of the old
 * state. */
static bool
match_run(struct matcher *m, const struct state *old, uint32_t i, uint32_t n)
{
    int64_t at = -1 - (int64_t) i;
    const char *what;
    struct value o, w;
    enum peek po = stack_peek(m->v, old, at, (int) n, &o, &what);
    enum peek pw = stack_peek(m->v, m->v->cur, at, (int) n, &w, &what);
    struct store *store = store_at(m->v, old->stack[i] / 8);

    if (pw == PEEK_NOTHING || po == PEEK_NOTHING) {
        /* Part of a pointer can only be overwritten. */
        return po == PEEK_NOTHING;
    }
    if (po == PEEK_WHOLE) {
        if (pw == PEEK_PARTS) {
            w.sym = sym_new(m->v);
            value_settle(&w);
        }
        return match_value(m, &o, &w);
    }
    if (w.kind != VALUE_SCALAR) {
        return false;
    }
    return (!m->exactly && !node_precision(m->v, store->value.node))
           || match_num(m, &o.num, &w.num);
}

static bool
match_stack(struct matcher *m, const struct state *old)
{
    for (uint32_t i = old->depth; i-- > 0;) {
        cell c = old->stack[i];
        uint32_t n = 1;

        if (!c) {
            continue;
        }
        while (n <= i && (c + n) % 8 && old->stack[i - n] == c + n) {
            n++;
        }
        if (m->exactly || store_at(m->v, c / 8)->read >= m->epoch) {
            if (!match_run(m, old, i, n)) {
                m->v->work += (old->depth - i) / 32;
                return false;
            }
        }
        i -= n - 1;
    }
    m->v->work += old->depth / 32;
    return true;
}

/* The facts that were needed must hold here as well.  'inherit' notes that
 * they are needed here, too. */
static bool
match_facts(struct matcher *m, const struct state *old, bool inherit)
{
    for (uint32_t i = 0; i < old->n_facts; i++) {
        const struct fact *fact = &old->facts[i];
        int64_t need = *need_at(m->v, fact->need), plus;
        struct fact *here;
        uint32_t sym;

        if (need == INT64_MIN || !image(m, fact->sym, &sym, &plus)) {
            /* A symbol that nothing holds cannot come back. */
            continue;
        }
        here = fact_find(m->v->cur, sym);
        if (__builtin_add_overflow(need, plus, &need) || !here
            || here->bytes < need) {
            return false;
        }
        if (inherit && *need_at(m->v, here->need) < need) {
            *need_at(m->v, here->need) = need;
        }
    }
    return true;
}

/* What is known of the numbers of bytes that lie before the end, must be known
 * here as well, but where nothing holds such a number or needs it. */
static bool
match_remainders(struct matcher *m, const struct state *old)
{
    const struct state *cur = m->v->cur;

    for (uint32_t i = 0; i < old->n_remainders; i++) {
        const struct remainder *r = &old->remainders[i];
        const struct binding *b = find_binding(m->syms, m->n_syms, r->sym);
        uint32_t sym, k;
        int64_t plus;

        if (!b) {
            continue;
        }
        if (!image(m, r->ptr_sym, &sym, &plus)) {
            return false;
        }
        for (k = 0; k < cur->n_remainders; k++) {
            const struct remainder *here = &cur->remainders[k];

            if (here->sym == b->new && here->ptr_sym == sym
                && here->delta - r->delta == plus + b->plus) {
                break;
            }
        }
        if (k == cur->n_remainders) {
            return false;
        }
    }
    return true;
}

/* Whether it is known here that the number which 'u' is of the old state is
 * what 'u' says.  'inherit' notes that it is needed here, too. */
static bool
match_unequal(struct matcher *m, const struct unequal *u, bool inherit)
{
    struct state *cur = m->v->cur;
    uint64_t number;
    uint32_t sym;
    int64_t plus;

    if (!image(m, u->sym, &sym, &plus)) {
        return true; /* Nothing holds it. */
    }
    number = u->number - (uint64_t) plus;
    for (uint32_t i = 0; sym && i < cur->n_unequals; i++) {
        const struct unequal *here = &cur->unequals[i];

        if (here->sym == sym && here->number == number) {
            if (inherit) {
                *need_at(m->v, here->used) = 1;
            }
            return true;
        }
    }
    return !sym && number;
}

static bool
match_unequals(struct matcher *m, const struct state *old, bool inherit)
{
    for (uint32_t i = 0; i < old->n_unequals; i++) {
        const struct unequal *u = &old->unequals[i];

        if ((m->exactly || *need_at(m->v, u->used))
            && !match_unequal(m, u, inherit)) {
            return false;
        }
    }
    return true;
}

/* The same of the order of numbers. */
static bool
match_orders(struct matcher *m, const struct state *old, bool inherit)
{
    for (uint32_t i = 0; i < old->n_orders; i++) {
        const struct order *o = &old->orders[i], *here;
        int64_t need = *need_at(m->v, o->need), plus_less, plus_more;
        uint32_t less, more;

        if ((!m->exactly && need == INT64_MIN)
            || !image(m, o->less, &less, &plus_less)
            || !image(m, o->more, &more, &plus_more)) {
            continue;
        }
        need = m->exactly ? o->by : need;
        here = order_find(m->v->cur, less, more);
        if (__builtin_add_overflow(need, plus_less, &need)
            || __builtin_sub_overflow(need, plus_more, &need) || !here
            || here->by < need) {
            return false;
        }
        if (inherit && *need_at(m->v, here->need) < need) {
            *need_at(m->v, here->need) = need;
        }
    }
    return true;
}

/* What the proof needed of numbers and of the stack of 'old'. */
static void
inherit_values(struct verifier *v, const struct state *old, uint32_t epoch)
{
    const struct state *cur = v->cur;
    cell last_old = 0, last_new = 0;

    for (int i = 0; i < UBPF_N_REGS; i++) {
        if (v->live[v->pc] & REG(i) && old->regs[i].kind == VALUE_SCALAR) {
            mark_precise(v, cur->regs[i].node,
                         node_precision(v, old->regs[i].node));
        }
    }
    for (uint32_t i = old->depth; i-- > 0;) {
        cell o = old->stack[i], n = cell_of(cur, i);

        if (o && n && store_at(v, o / 8)->read >= epoch
            && (o / 8 != last_old || n / 8 != last_new)) {
            last_old = o / 8;
            last_new = n / 8;
            stack_mark_read(v, cur, -1 - (int64_t) i, 1);
            mark_precise(v, store_at(v, n / 8)->value.node,
                         node_precision(v, store_at(v, o / 8)->value.node));
        }
    }
    v->work += old->depth / 32;
}

bool
state_covers(struct verifier *v, const struct checkpoint *point, bool exactly)
{
    const struct state *old = point->state;
    struct matcher m;

    m.v = v;
    m.epoch = point->epoch;
    m.exactly = exactly;
    m.n_syms = m.n_nulls = m.n_sums = 0;
    v->work++;
    if (old->n_calls != v->cur->n_calls
        || memcmp(old->calls, v->cur->calls,
                  old->n_calls * sizeof *old->calls)) {
        return false;
    }
    for (int i = 0; i < UBPF_N_REGS; i++) {
        if (v->live[v->pc] & REG(i)
            && !match_value(&m, &old->regs[i], &v->cur->regs[i])) {
            return false;
        }
    }
    if (!match_stack(&m, old) || !match_sums(&m) || !match_remainders(&m, old)
        || !match_facts(&m, old, false) || !match_unequals(&m, old, false)) {
        return false;
    }
    if (!exactly) {
        inherit_bounds(&m);
        match_facts(&m, old, true);
        match_unequals(&m, old, true);
        match_orders(&m, old, true);
        inherit_values(v, old, point->epoch);
    }
    return true;
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * Forgetting what numbers can be, where too many paths meet.
 *
 * To forget is always sound, as the state then stands for more.  It can make
 * the proof fail, though.  Then what was forgotten on the failed path and may
 * have led there is kept in the next attempt. */

#include "state.h"

/* Places: registers, then bytes of the stack, of each instruction. */
#define PLACES (16 + UBPF_STACK_SIZE)

static bool
is_kept(const struct verifier *v, uint64_t place)
{
    for (uint32_t i = 0; i < v->forgotten->n; i++) {
        if (v->forgotten->keep[i] == place) {
            return true;
        }
    }
    return false;
}

/* Whether the number 'new' is to be forgotten. */
static bool
is_forgettable(struct verifier *v, const struct value *old,
               const struct value *new, bool all)
{
    return old->kind == VALUE_SCALAR
           && new->kind == VALUE_SCALAR &&node_precision(v, old->node)
                  == PRECISION_BRANCH &&node_precision(v, new->node)
                         < PRECISION_ACCESS
           && (all || !scalar_covers(&old->num, &new->num)
               || old->sym != new->sym || old->delta != new->delta);
}

/* Any number of 'bits' bits, for 'where' of this instruction. */
static struct value
forget(struct verifier *v, uint32_t where, int bits)
{
    struct value value = value_scalar(v, scalar_of_width(bits, false));
    uint64_t *place = vec_add(v, &v->places, sizeof *place);

    if (place && !v->error) {
        *place = (uint64_t) v->pc * PLACES + where;
        node_at(v, value.node)->place = v->places.n - 1;
    }
    return value;
}

/* Forgets the store of the old state whose first byte is at r10 - 1 - 'i'. */
static void
forget_store(struct verifier *v, const struct checkpoint *point, uint32_t i,
             bool all)
{
    const struct state *old = point->state;
    struct store *store = store_at(v, old->stack[i] / 8);
    int64_t at = -1 - (int64_t) i;
    int width = store->width;
    struct value o, n;
    const char *what;

    if (store->read < point->epoch
        || stack_peek(v, old, at, width, &o, &what) != PEEK_WHOLE
        || stack_peek(v, v->cur, at, width, &n, &what) != PEEK_WHOLE
        || !is_forgettable(v, &o, &n, all)
        || is_kept(v, (uint64_t) v->pc * PLACES + 16 + i)) {
        return;
    }
    /* What it was does not matter, but that it was initialised. */
    stack_mark_read(v, v->cur, at, width);
    n = forget(v, 16 + i, width * 8);
    if (!v->error) {
        stack_write(v, at, width, &n);
    }
}

void
widen_state(struct verifier *v, const struct checkpoint *point, bool all)
{
    const struct state *old = point->state;

    for (uint32_t i = 0; i < UBPF_N_REGS && !v->error; i++) {
        struct value *new = &v->cur->regs[i];

        if (v->live[v->pc] & REG(i)
            && is_forgettable(v, &old->regs[i], new, all)
            && !is_kept(v, (uint64_t) v->pc * PLACES + i)) {
            *new = forget(v, i, 64);
        }
    }
    for (uint32_t i = old->depth; i-- > 0 && !v->error;) {
        if (old->stack[i] && old->stack[i] % 8 == 0) {
            forget_store(v, point, i, all);
        }
    }
    v->work += old->depth / 16;
}

/* Notes node 'i' as one that blame() has yet to visit. */
static void
todo_blame(struct verifier *v, uint32_t i)
{
    if (i && !node_at(v, i)->blamed) {
        uint32_t *slot = vec_add(v, &v->todo, sizeof *slot);

        if (slot) {
            *slot = i;
            node_at(v, i)->blamed = true;
        }
    }
}

/* Keeps, from now on, what was forgotten and has gone into 'node'.  Returns
 * whether there was any. */
static bool
blame(struct verifier *v, uint32_t node)
{
    struct forgotten *f = v->forgotten;
    bool found = false;

    todo_blame(v, node);
    while (v->todo.n > 1) {
        struct node at = *node_at(v, ((uint32_t *) v->todo.data)[--v->todo.n]);

        if (at.place && f->n < MAX_FORGOTTEN) {
            f->keep[f->n++] = ((uint64_t *) v->places.data)[at.place];
            found = true;
        }
        todo_blame(v, at.from[0]);
        todo_blame(v, at.from[1]);
    }
    return found;
}

bool
blame_forgotten(struct verifier *v)
{
    bool found = false;

    for (int i = 0; i < UBPF_N_REGS; i++) {
        if (v->refused_regs & REG(i)) {
            found |= blame(v, v->cur->regs[i].node);
        }
    }
    /* Else a branch that would have been decided: the last that helps. */
    for (uint32_t at = v->cur->history; at && !found;) {
        uint32_t before = node_at(v, at)->from[0];

        found = blame(v, node_at(v, at)->from[1]);
        at = before;
    }
    return found;
}

/* SPDX-License-Identifier: Apache-2.0 */

#include "state.h"

#include <errno.h>
#include <string.h>

#include "verifier.h"

void *
ver_alloc(struct verifier *v, size_t size)
{
    void *p;

    if (v->bytes + size > UBPF_VERIFIER_MAX_BYTES) {
        fail(v, E2BIG,
             "verifier: the program is too complex: the proof needs "
             "more than %u MiB",
             (unsigned int) (UBPF_VERIFIER_MAX_BYTES >> 20));
        return NULL;
    }
    p = v->host->alloc(size);
    if (!p) {
        v->error = ENOMEM;
        return NULL;
    }
    memset(p, 0, size);
    v->bytes += size;
    if (v->bytes > v->peak) {
        v->peak = v->bytes;
    }
    return p;
}

void
ver_free(struct verifier *v, void *p, size_t size)
{
    if (p) {
        v->host->free(p);
        v->bytes -= size;
    }
}

void *
vec_add(struct verifier *v, struct vec *vec, size_t size)
{
    if (vec->n == vec->allocated) {
        uint32_t n = vec->allocated ? vec->allocated + vec->allocated / 2 : 64;
        void *data = ver_alloc(v, n * size);

        if (!data) {
            return NULL;
        }
        if (vec->n) {
            memcpy(data, vec->data, vec->n * size);
        }
        ver_free(v, vec->data, vec->allocated * size);
        vec->data = data;
        vec->allocated = n;
        if (!vec->n) {
            vec->n = 1;
        }
    }
    return (char *) vec->data + vec->n++ * size;
}

void
vec_free(struct verifier *v, struct vec *vec, size_t size)
{
    ver_free(v, vec->data, vec->allocated * size);
    memset(vec, 0, sizeof *vec);
}

/* Size of a copy of 'state' that has only the stack in use. */
static size_t
state_size(const struct state *state)
{
    return offsetof(struct state, stack) + state->depth * sizeof(cell);
}

struct state *
state_save(struct verifier *v, const struct state *state)
{
    size_t size = state_size(state);
    struct state *copy = ver_alloc(v, size);

    if (copy) {
        memcpy(copy, state, size);
        v->work += size / 256;
    }
    return copy;
}

/* 'dst' has a whole stack. */
void
state_restore(struct state *dst, const struct state *src)
{
    uint32_t depth = dst->depth;

    memcpy(dst, src, state_size(src));
    if (depth > src->depth) {
        memset(&dst->stack[src->depth], 0,
               (depth - src->depth) * sizeof(cell));
    }
}

void
state_free(struct verifier *v, struct state *state)
{
    if (state) {
        ver_free(v, state, state_size(state));
    }
}

struct node *
node_at(struct verifier *v, uint32_t i)
{
    return (struct node *) v->nodes.data + i;
}

struct store *
store_at(struct verifier *v, uint32_t i)
{
    return (struct store *) v->stores.data + i;
}

int64_t *
need_at(struct verifier *v, uint32_t i)
{
    return (int64_t *) v->needs.data + i;
}

struct sum *
sum_at(struct verifier *v, uint32_t sym)
{
    return (struct sum *) v->sums.data + (sym & ~SYM_SUM);
}

/* Out of memory gives 0, with v->error set: the step then fails. */
uint32_t
node_new(struct verifier *v, uint32_t a, uint32_t b)
{
    struct node *node = vec_add(v, &v->nodes, sizeof *node);

    if (!node) {
        return 0;
    }
    node->from[0] = a;
    node->from[1] = b;
    return v->nodes.n - 1;
}

enum precision
node_precision(struct verifier *v, uint32_t i)
{
    return i ? node_at(v, i)->precision : PRECISION_NONE;
}

/* Puts node 'i' on the list of those whose origins are to be marked. */
static void
todo_add(struct verifier *v, uint32_t i, enum precision precision)
{
    if (i && node_at(v, i)->precision < precision) {
        uint32_t *slot = vec_add(v, &v->todo, sizeof *slot);

        if (slot) {
            *slot = i;
            node_at(v, i)->precision = (uint8_t) precision;
        }
    }
}

void
mark_precise(struct verifier *v, uint32_t i, enum precision precision)
{
    todo_add(v, i, precision);
    while (v->todo.n > 1) {
        struct node node =
            *node_at(v, ((uint32_t *) v->todo.data)[--v->todo.n]);

        v->work++;
        todo_add(v, node.from[0], precision);
        todo_add(v, node.from[1], precision);
    }
}

/* Out of memory gives 0, as node_new() does. */
uint32_t
sym_new(struct verifier *v)
{
    struct sym *sym = vec_add(v, &v->syms, sizeof *sym);

    if (!sym) {
        return 0;
    }
    sym->lo = INT64_MIN;
    sym->hi = INT64_MAX;
    return v->syms.n - 1;
}

struct sym *
sym_at(struct verifier *v, uint32_t i)
{
    return (struct sym *) v->syms.data + i;
}

const uint32_t *
sym_leaves(struct verifier *v, const uint32_t *sym, uint32_t *n)
{
    if (*sym & SYM_SUM) {
        struct sum *sum = sum_at(v, *sym);

        *n = sum->n;
        return sum->leaf;
    }
    *n = *sym != 0;
    return sym;
}

/* Finds or makes the sum of the 'n' ascending symbols at 'leaf'. */
static uint32_t
sum_intern(struct verifier *v, const uint32_t *leaf, uint32_t n)
{
    uint32_t hash = n, i;
    struct sum *sum;

    for (i = 0; i < n; i++) {
        hash = (hash ^ leaf[i]) * 0x9e3779b1u;
    }
    hash = hash >> 16 & (SUM_BUCKETS - 1);
    for (i = v->buckets[hash]; i; i = sum->chain) {
        sum = sum_at(v, i);
        v->work++;
        if (sum->n == n && !memcmp(sum->leaf, leaf, n * sizeof *leaf)) {
            return SYM_SUM | i;
        }
    }
    sum = vec_add(v, &v->sums, sizeof *sum);
    if (!sum) {
        return 0;
    }
    sum->n = n;
    memcpy(sum->leaf, leaf, n * sizeof *leaf);
    sum->chain = v->buckets[hash];
    v->buckets[hash] = v->sums.n - 1;
    return SYM_SUM | (v->sums.n - 1);
}

uint32_t
sym_add(struct verifier *v, uint32_t a, uint32_t b)
{
    uint32_t leaf[SUM_LEAVES * 2], na, nb, n = 0;
    const uint32_t *la = sym_leaves(v, &a, &na), *lb = sym_leaves(v, &b, &nb);

    if (!na || !nb) {
        return na ? a : b;
    }
    if (na + nb > SUM_LEAVES) {
        return sym_new(v);
    }
    for (uint32_t i = 0, j = 0; i < na || j < nb;) {
        leaf[n++] = j == nb || (i < na && la[i] <= lb[j]) ? la[i++] : lb[j++];
    }
    return sum_intern(v, leaf, n);
}

void
value_settle(struct value *value)
{
    if (scalar_is_const(&value->num)) {
        value->sym = 0;
        value->delta = (int64_t) value->num.bits.value;
    }
}

struct value
value_scalar(struct verifier *v, struct scalar num)
{
    struct value value = {
        .kind = VALUE_SCALAR,
        .num = num,
        .node = node_new(v, 0, 0),
    };

    value_settle(&value);
    if (!scalar_is_const(&num)) {
        value.sym = sym_new(v);
        if (value.sym) {
            sym_at(v, value.sym)->lo = num.r64.smin;
            sym_at(v, value.sym)->hi = num.r64.smax;
        }
    }
    return value;
}

struct value
value_const(struct verifier *v, uint64_t x)
{
    return value_scalar(v, scalar_const(x));
}

struct value
value_pointer(enum value_kind kind)
{
    return (struct value) {.kind = kind, .num = scalar_const(0)};
}

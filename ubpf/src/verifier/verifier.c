/* SPDX-License-Identifier: Apache-2.0 */

#include "verifier.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "state.h"

/* Allocates what has one element for each instruction slot. */
static int
allocate(struct verifier *v)
{
    uint32_t n = v->obj->n_insns;

    v->ops = ver_alloc(v, n * sizeof *v->ops);
    v->live = ver_alloc(v, n * sizeof *v->live);
    v->join = ver_alloc(v, n * sizeof *v->join);
    v->loop = ver_alloc(v, n * sizeof *v->loop);
    v->points = ver_alloc(v, n * sizeof *v->points);
    v->cur = ver_alloc(v, sizeof *v->cur);
    return v->ops && v->live && v->join && v->loop && v->points && v->cur
           ? 0 : v->error;
}

static void
release(struct verifier *v)
{
    uint32_t n = v->obj->n_insns;

    free_paths(v);
    ver_free(v, v->ops, n * sizeof *v->ops);
    ver_free(v, v->live, n * sizeof *v->live);
    ver_free(v, v->join, n * sizeof *v->join);
    ver_free(v, v->loop, n * sizeof *v->loop);
    ver_free(v, v->points, n * sizeof *v->points);
    ver_free(v, v->cur, sizeof *v->cur);
    vec_free(v, &v->nodes, sizeof(struct node));
    vec_free(v, &v->stores, sizeof(struct store));
    vec_free(v, &v->needs, sizeof(int64_t));
    vec_free(v, &v->sums, sizeof(struct sum));
    vec_free(v, &v->todo, sizeof(uint32_t));
}

/* Puts what was proved to 'v->text'. */
static int
summarise(struct verifier *v)
{
    size_t size = 160;

    v->text = malloc(size);
    if (!v->text) {
        return ENOMEM;
    }
    snprintf(v->text, size, "verified: %" PRIu32 " instructions, %" PRIu64
             " visited, %" PRIu64 " states, %" PRIu64 " KiB",
             v->obj->n_insns, v->visited, v->n_states, v->peak / 1024);
    return 0;
}

/* Tries a proof that may visit 'max_visited' instructions.  If 'widen', it
 * forgets numbers where it would otherwise have to follow too many paths: it
 * ends sooner, but may fail to prove what depends on them. */
static int
attempt(struct verifier *v, const struct ubpf_object *obj,
        uint64_t max_visited, bool widen)
{
    int error;

    memset(v, 0, sizeof *v);
    v->obj = obj;
    v->host = obj->host;
    v->widen = widen;
    v->max_visited = max_visited;
    v->max_work = max_visited * 32 + 100000;

    error = allocate(v);
    if (!error) {
        error = check_flow(v);
    }
    if (!error) {
        v->cur->regs[1] = value_pointer(VALUE_CTX);
        v->cur->regs[UBPF_REG_FP] = value_pointer(VALUE_STACK);
        error = explore(v);
    }
    release(v);
    return error ? error : summarise(v);
}

int
ubpf_verify(const struct ubpf_object *obj, const struct ubpf_limits *limits,
            char **text)
{
    uint64_t max_visited = limits && limits->max_visited ? limits->max_visited
                           : UBPF_DEFAULT_MAX_VISITED;
    struct verifier *v = obj->host->alloc(sizeof *v);
    int error;

    *text = NULL;
    if (!v) {
        return ENOMEM;
    }
    error = attempt(v, obj, max_visited / 8 + 1, false);
    if (error == E2BIG) {
        free(v->text);
        error = attempt(v, obj, max_visited, true);
    }
    *text = v->text;
    obj->host->free(v);
    return error;
}

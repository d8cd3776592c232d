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
    vec_free(v, &v->places, sizeof(uint64_t));
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

/* Tries a proof that may visit 'max_visited' instructions.  With 'forgotten',
 * it forgets numbers where it would otherwise have to follow too many paths:
 * it ends sooner, but may fail to prove what depends on them.  Returns the
 * number of instructions visited and sets '*retry' where it may have failed
 * for that. */
static uint64_t
attempt(struct verifier *v, const struct ubpf_object *obj,
        uint64_t max_visited, struct forgotten *forgotten, bool *retry)
{
    memset(v, 0, sizeof *v);
    v->obj = obj;
    v->host = obj->host;
    v->forgotten = forgotten;
    v->max_visited = max_visited;
    v->max_work = max_visited * 10 + 100000;

    if (!allocate(v) && !check_flow(v)) {
        v->cur->regs[1] = value_pointer(VALUE_CTX);
        v->cur->regs[UBPF_REG_FP] = value_pointer(VALUE_STACK);
        explore(v);
    }
    *retry = v->error == EPERM && forgotten && v->visited
             && blame_forgotten(v);
    release(v);
    if (!v->error) {
        v->error = summarise(v);
    }
    return v->visited;
}

/* Tries proofs that forget, with less and less forgotten, until one does not
 * fail for that or 'max_visited' instructions were visited. */
static int
prove_by_forgetting(struct verifier *v, const struct ubpf_object *obj,
                    uint64_t max_visited)
{
    struct forgotten *forgotten = obj->host->alloc(sizeof *forgotten);
    bool retry = true;

    if (!forgotten) {
        v->text = NULL;
        return ENOMEM;
    }
    forgotten->n = 0;
    while (retry) {
        uint64_t visited = attempt(v, obj, max_visited, forgotten, &retry);

        max_visited -= visited < max_visited ? visited : max_visited - 1;
        if (retry) {
            free(v->text);
        }
    }
    obj->host->free(forgotten);
    return v->error;
}

int
ubpf_verify(const struct ubpf_object *obj, const struct ubpf_limits *limits,
            char **text)
{
    uint64_t max_visited = limits && limits->max_visited ? limits->max_visited
                           : UBPF_DEFAULT_MAX_VISITED;
    struct verifier *v = obj->host->alloc(sizeof *v);
    int error;
    bool retry;

    *text = NULL;
    if (!v) {
        return ENOMEM;
    }
    attempt(v, obj, max_visited / 8 + 1, NULL, &retry);
    error = v->error;
    if (error == E2BIG) {
        free(v->text);
        error = prove_by_forgetting(v, obj, max_visited);
    }
    *text = v->text;
    obj->host->free(v);
    return error;
}

/* SPDX-License-Identifier: Apache-2.0 */

#include "verifier.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host.h"
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
               ? 0
               : v->error;
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
    ubpf_host_free(v->host, v->functions);
    ver_free(v, v->points, n * sizeof *v->points);
    ver_free(v, v->cur, sizeof *v->cur);
    vec_free(v, &v->nodes, sizeof(struct node));
    vec_free(v, &v->stores, sizeof(struct store));
    vec_free(v, &v->needs, sizeof(int64_t));
    vec_free(v, &v->syms, sizeof(struct sym));
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
    snprintf(v->text, size,
             "verified: %" PRIu32 " instructions, %" PRIu64
             " visited, %" PRIu64 " states, %" PRIu64 " KiB",
             v->obj->n_insns, v->visited, v->n_states, v->peak / 1024);
    return 0;
}

/* What to prove, within which bounds. */
struct task {
    const struct ubpf_object *obj;
    uint64_t limit, max_visited; /* Of all attempts, of the next. */
    const struct ubpf_verify_options *options;
};

/* Tries a proof.  With 'forgotten', it forgets numbers where it would
 * otherwise have to follow too many paths: it ends sooner, but may fail to
 * prove what depends on them.  Returns whether it may have failed for that. */
static bool
attempt(struct verifier *v, const struct task *task,
        struct forgotten *forgotten)
{
    bool retry;

    memset(v, 0, sizeof *v);
    v->obj = task->obj;
    v->host = task->obj->host;
    v->forgotten = forgotten;
    v->limit = task->limit;
    v->max_visited = task->max_visited;
    v->max_work = task->max_visited * 10 + 100000;
    v->reached = task->options->reached;
    v->options = task->options;
    if (v->reached) {
        memset(v->reached, 0, v->obj->n_insns * sizeof *v->reached);
    }

    if (!allocate(v) && !check_flow(v)) {
        v->cur->regs[1] = value_pointer(VALUE_CTX);
        v->cur->regs[UBPF_REG_FP] = value_pointer(VALUE_STACK);
        explore(v);
    }
    retry = v->error == EPERM && forgotten && v->visited && blame_forgotten(v);
    release(v);
    if (!v->error) {
        v->error = summarise(v);
    }
    return retry;
}

/* Tries proofs that forget, with less and less forgotten, until one does not
 * fail for that or 'task->max_visited' instructions were visited. */
static int
prove_by_forgetting(struct verifier *v, struct task *task)
{
    struct forgotten *forgotten = task->obj->host->alloc(sizeof *forgotten);

    if (!forgotten) {
        v->text = NULL;
        return ENOMEM;
    }
    forgotten->n = 0;
    while (attempt(v, task, forgotten)) {
        task->max_visited -= v->visited < task->max_visited
                                 ? v->visited
                                 : task->max_visited - 1;
        free(v->text);
    }
    task->obj->host->free(forgotten);
    return v->error;
}

int
ubpf_verify_with(const struct ubpf_object *obj,
                 const struct ubpf_verify_options *options, char **text)
{
    uint64_t max_visited = options->limits.max_visited
                               ? options->limits.max_visited
                               : UBPF_DEFAULT_MAX_VISITED;
    struct task task = {obj, max_visited, max_visited / 8 + 1, options};
    struct verifier *v = obj->host->alloc(sizeof *v);
    int error;

    *text = NULL;
    if (!v) {
        return ENOMEM;
    }
    attempt(v, &task, NULL);
    error = v->error;
    if (error == E2BIG) {
        free(v->text);
        task.max_visited = max_visited;
        error = prove_by_forgetting(v, &task);
    }
    *text = v->text;
    obj->host->free(v);
    return error;
}

int
ubpf_verify(const struct ubpf_object *obj, const struct ubpf_limits *limits,
            char **text)
{
    struct ubpf_verify_options options = {.reached = NULL};

    if (limits) {
        options.limits = *limits;
    }
    return ubpf_verify_with(obj, &options, text);
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * Follows every path through the program, depth first.
 *
 * Where paths meet, the state is kept as a checkpoint.  A checkpoint below
 * which everything was explored covers later states; one on the current path
 * that equals the current state is an endless loop. */

#include "state.h"

#include <errno.h>
#include <inttypes.h>

/* Checkpoints that are compared at one instruction, outside and inside of
 * loops, where each round has its own, and instructions between checkpoints:
 * more of either costs more than it saves. */
#define MAX_POINTS      48
#define MAX_LOOP_POINTS 400

/* Checkpoints of the current path that are compared, the nearest. */
#define MAX_ABOVE           4
#define CHECKPOINT_DISTANCE 6

/* Explored checkpoints at one instruction from which on states are widened a
 * little, and wholly. */
#define WIDEN_AFTER     2
#define WIDEN_ALL_AFTER 4

int
push_path(struct verifier *v)
{
    struct pending *pending = ver_alloc(v, sizeof *pending);

    if (!pending) {
        return v->error;
    }
    pending->state = state_save(v, v->cur);
    if (!pending->state) {
        ver_free(v, pending, sizeof *pending);
        return v->error;
    }
    pending->pc = v->pc;
    pending->parts = v->parts;
    pending->parent = v->parent;
    pending->next = v->pendings;
    v->pendings = pending;
    v->parent->pending++;
    return 0;
}

static void
free_pending(struct verifier *v, struct pending *pending)
{
    state_free(v, pending->state);
    ver_free(v, pending, sizeof *pending);
}

static void
free_checkpoint(struct verifier *v, struct checkpoint *point)
{
    state_free(v, point->state);
    ver_free(v, point, sizeof *point);
}

void
free_paths(struct verifier *v)
{
    while (v->pendings) {
        struct pending *next = v->pendings->next;

        free_pending(v, v->pendings);
        v->pendings = next;
    }
    for (uint32_t pc = 0; v->points && pc < v->obj->n_insns; pc++) {
        while (v->points[pc]) {
            struct checkpoint *next = v->points[pc]->next;

            free_checkpoint(v, v->points[pc]);
            v->points[pc] = next;
        }
    }
}

/* Keeps the current state for comparison. */
static int
add_checkpoint(struct verifier *v)
{
    struct checkpoint *point = ver_alloc(v, sizeof *point);

    if (!point) {
        return v->error;
    }
    point->state = state_save(v, v->cur);
    if (!point->state) {
        ver_free(v, point, sizeof *point);
        return v->error;
    }
    point->parent = v->parent;
    point->pending = 1;
    point->epoch = ++v->epoch;
    point->next = v->points[v->pc];
    v->points[v->pc] = point;
    v->parent = point;
    v->since = 0;
    v->n_states++;
    return 0;
}

/* The current path has ended: so have those above it that waited for it
 * alone. */
static void
end_path(struct verifier *v)
{
    struct checkpoint *point = v->parent;

    while (point && !--point->pending) {
        point = point->parent;
    }
}

/* Compares the current state with the checkpoints here.  Sets '*covered', or
 * refuses an endless loop.  Else '*like' is set to the last checkpoint here
 * that was explored, if any, and '*n_explored' to their number. */
static int
compare(struct verifier *v, bool *covered, struct checkpoint **like,
        int *n_explored)
{
    struct checkpoint **slot = &v->points[v->pc];
    uint32_t most = v->loop[v->pc] ? MAX_LOOP_POINTS : MAX_POINTS;
    int n_above = 0;

    *n_explored = 0;
    *covered = false;
    *like = NULL;
    for (uint32_t n = 0; *slot && n < most; n++) {
        struct checkpoint *point = *slot;
        bool explored = !point->pending;

        if (!explored && ++n_above > MAX_ABOVE) {
            slot = &point->next;
            continue;
        }
        if (state_covers(v, point, !explored)) {
            if (!explored) {
                return refuse(v, v->live[v->pc],
                              "endless loop: the state is "
                              "as it was the last time here");
            }
            *covered = true;
            return v->error;
        }
        if (v->error) {
            return v->error;
        }
        if (explored && ++point->misses > most) {
            *slot = point->next;
            free_checkpoint(v, point);
        } else {
            slot = &point->next;
            if (explored && !(*n_explored)++) {
                *like = point;
            }
        }
    }
    return 0;
}

/* Arrives where paths meet.  Sets '*covered' if there is nothing to explore
 * from here, else keeps the state. */
static int
visit(struct verifier *v, bool *covered)
{
    struct checkpoint *like;
    int n, error;

    parts_forget(v);
    error = compare(v, covered, &like, &n);
    if (!error && !*covered && n >= WIDEN_AFTER && v->forgotten
        && !v->loop[v->pc]) {
        widen_state(v, like, n >= WIDEN_ALL_AFTER);
        error = v->error ? v->error : compare(v, covered, &like, &n);
    }
    if (*covered) {
        trace(v, "explored before: this path ends here");
    }
    if (error || *covered) {
        return error;
    }
    return v->since >= CHECKPOINT_DISTANCE || !v->points[v->pc]
               ? add_checkpoint(v)
               : 0;
}

/* Takes up the path that was left last; false if there is none. */
static bool
next_path(struct verifier *v)
{
    struct pending *pending = v->pendings;
    const struct ubpf_op *op;

    if (!pending) {
        return false;
    }
    v->pendings = pending->next;
    state_restore(v->cur, pending->state);
    v->parent = pending->parent;
    v->pc = pending->pc;
    v->parts = pending->parts;
    free_pending(v, pending);
    op = &v->ops[v->pc];
    trace(v, "back here, where the jump is taken now");
    assume_jump(v, op, true);
    v->pc = op->target;
    return true;
}

/* Carries out one instruction; '*ended' where it ends the path. */
static int
step(struct verifier *v, bool *ended)
{
    const struct ubpf_op *op = &v->ops[v->pc];
    uint32_t next = v->pc + op->len;
    int error = 0;

    if (v->reached) {
        v->reached[v->pc] = true;
    }
    if (v->options->trace) {
        trace(v, NULL);
    }
    switch ((enum ubpf_kind) op->kind) {
    case UBPF_KIND_ALU:
        error = do_alu(v, op);
        break;
    case UBPF_KIND_LOAD_IMM:
    case UBPF_KIND_LOAD_MAP:
    case UBPF_KIND_LOAD_MAP_VALUE:
        error = do_load_map(v, op);
        break;
    case UBPF_KIND_LOAD:
        error = do_load(v, op);
        break;
    case UBPF_KIND_STORE:
        error = do_store(v, op);
        break;
    case UBPF_KIND_ATOMIC:
        error = do_atomic(v, op);
        break;
    case UBPF_KIND_CALL:
        error = do_call(v, op);
        break;
    case UBPF_KIND_CALL_LOCAL:
        error = do_call_local(v, op);
        next = op->target;
        break;
    case UBPF_KIND_JUMP:
        error = do_jump(v, op, &next);
        break;
    case UBPF_KIND_GOTO:
        next = op->target;
        break;
    case UBPF_KIND_EXIT:
        if (v->cur->n_calls) {
            error = do_return(v, &next);
            break;
        }
        error = need_initialised(v, 0);
        if (!error && v->cur->regs[0].kind != VALUE_SCALAR) {
            error = refuse(v, REG(0), "the program would return a pointer");
        }
        *ended = true;
        break;
    case UBPF_KIND_INVALID:
        error = refuse(v, 0, "unknown instruction");
        break;
    }
    v->pc = next;
    return error ? error : v->error;
}

static int
check_limits(struct verifier *v)
{
    const char *what = v->visited > v->max_visited ? "instructions to visit"
                       : v->work > v->max_work     ? "states to compare"
                                                   : NULL;

    return what ? fail(v, E2BIG,
                       "verifier: the program is too complex: too many %s "
                       "(limit max_visited=%" PRIu64 "), the last at insn "
                       "%" PRIu32,
                       what, v->limit, v->pc)
                : 0;
}

int
explore(struct verifier *v)
{
    int error = add_checkpoint(v);

    while (!error) {
        bool ended = false;

        if (v->join[v->pc] && v->visited) {
            error = visit(v, &ended);
        }
        if (!error && !ended) {
            v->visited++;
            v->since++;
            error = check_limits(v);
            if (!error) {
                error = step(v, &ended);
            }
        }
        if (!error && ended) {
            end_path(v);
            if (!next_path(v)) {
                return v->error;
            }
            error = v->error;
        }
    }
    return error;
}

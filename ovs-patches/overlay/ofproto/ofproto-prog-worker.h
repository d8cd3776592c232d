/* SPDX-License-Identifier: Apache-2.0 */

#ifndef OFPROTO_PROG_WORKER_H
#define OFPROTO_PROG_WORKER_H 1

/* The thread that does what takes long about programs, so that the main
 * thread need not: it loads and verifies objects, compiles programs, and
 * deletes what is idle in maps.
 *
 * It does one task at a time, for the main thread, which alone calls these
 * functions.  It starts with the first task. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <ubpf/ubpf.h>

enum prog_task_type {
    PROG_TASK_LOAD,             /* 'object' to 'ubpf'. */
    PROG_TASK_COMPILE,          /* 'ubpf', which is not published yet. */
};

/* What the worker is to do, and, in the end, what came of it. */
struct prog_task {
    enum prog_task_type type;

    /* PROG_TASK_LOAD. */
    const uint8_t *object;
    size_t length;              /* Bytes of 'object'. */
    struct ubpf_limits limits;

    struct ubpf_prog *ubpf;     /* LOAD: NULL when that failed. */
    int error;                  /* 0, or a positive errno value. */
    char *text;                 /* Explains 'error', may be NULL; to be freed
                                 * with ubpf_error_free(). */
    uint64_t ns;                /* How long it took. */
};

bool prog_worker_is_busy(void);
void prog_worker_start(struct prog_task *);
struct prog_task *prog_worker_run(void);
void prog_worker_wait(void);
void prog_worker_exit(void);

#endif /* ofproto-prog-worker.h */

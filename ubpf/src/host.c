/* SPDX-License-Identifier: Apache-2.0
 *
 * What the library takes from its host, and the single-threaded host. */

#include "host.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

void *
ubpf_host_zalloc(const struct ubpf_host *host, size_t n, size_t size)
{
    size_t total;
    void *ptr;

    if (__builtin_mul_overflow(n, size, &total)) {
        return NULL;
    }
    ptr = host->alloc(total ? total : 1);
    return ptr ? memset(ptr, 0, total) : NULL;
}

void
ubpf_host_free(const struct ubpf_host *host, void *ptr)
{
    if (ptr) {
        host->free(ptr);
    }
}

void
ubpf_host_free_postponed(const struct ubpf_host *host, void *ptr)
{
    if (ptr) {
        host->postpone(host->free, ptr);
    }
}

/* The single-threaded host.
 *
 * Its grace period cannot be empty: a program may delete the entry whose value
 * it holds a pointer to.  What is postponed during a run therefore waits for
 * the end of the run. */

struct deferred {
    struct deferred *next;
    void (*fn)(void *arg);
    void *arg;
};

static _Thread_local unsigned int run_depth;
static _Thread_local struct deferred *deferred_list;

static void *
single_alloc(size_t size)
{
    return malloc(size);
}

static void
single_free(void *ptr)
{
    free(ptr);
}

/* Without memory to note the call in, 'arg' leaks: the program may still use
 * it, and there is nobody to tell. */
static void
single_postpone(void (*fn)(void *arg), void *arg)
{
    struct deferred *d;

    if (!run_depth) {
        fn(arg);
        return;
    }
    d = malloc(sizeof *d);
    if (d) {
        d->next = deferred_list;
        d->fn = fn;
        d->arg = arg;
        deferred_list = d;
    }
}

static uint64_t
single_now_ns(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t) ts.tv_sec * 1000000000u + (uint64_t) ts.tv_nsec;
}

const struct ubpf_host ubpf_host_single_threaded = {
    .alloc = single_alloc,
    .free = single_free,
    .postpone = single_postpone,
    .now_ns = single_now_ns,
};

bool
ubpf_host_is_single_threaded(const struct ubpf_host *host)
{
    return host->postpone == single_postpone;
}

void
ubpf_host_run_begin(void)
{
    run_depth++;
}

void
ubpf_host_run_end(void)
{
    if (--run_depth) {
        return;
    }
    while (deferred_list) {
        struct deferred *d = deferred_list;

        deferred_list = d->next;
        d->fn(d->arg);
        free(d);
    }
}

/* SPDX-License-Identifier: Apache-2.0 */

#include "faulty_host.h"

#include "check.h"

#define MAX_POSTPONED 4096

static int fail_at = -1;
static int n_allocations;
static int n_in_use;
static uint64_t now;

static struct {
    void (*fn)(void *arg);
    void *arg;
} postponed[MAX_POSTPONED];
static int n_postponed;

static void *
faulty_alloc(size_t size)
{
    void *ptr;

    if (n_allocations++ == fail_at) {
        return NULL;
    }
    ptr = malloc(size);
    CHECK(ptr);
    /* Whoever relies on zeros is found out. */
    memset(ptr, 0xa5, size);
    n_in_use++;
    return ptr;
}

static void
faulty_free(void *ptr)
{
    CHECK(ptr);
    n_in_use--;
    free(ptr);
}

static void
faulty_postpone(void (*fn)(void *arg), void *arg)
{
    CHECK(n_postponed < MAX_POSTPONED);
    postponed[n_postponed].fn = fn;
    postponed[n_postponed++].arg = arg;
}

static uint64_t
faulty_now_ns(void)
{
    return now += 1000;
}

const struct ubpf_host faulty_host = {
    .alloc = faulty_alloc,
    .free = faulty_free,
    .postpone = faulty_postpone,
    .now_ns = faulty_now_ns,
};

void
faulty_host_fail(int n)
{
    fail_at = n;
    n_allocations = 0;
}

int
faulty_host_allocations(void)
{
    return n_allocations;
}

int
faulty_host_in_use(void)
{
    return n_in_use;
}

int
faulty_host_postponed(void)
{
    return n_postponed;
}

void
faulty_host_end_grace_period(void)
{
    for (int i = 0; i < n_postponed; i++) {
        postponed[i].fn(postponed[i].arg);
    }
    n_postponed = 0;
}

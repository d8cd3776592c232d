/* SPDX-License-Identifier: Apache-2.0 */

#include "reader_host.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

#include "check.h"

static atomic_ulong rounds[N_READERS];
static atomic_bool done[N_READERS];

static struct {
    void (*fn)(void *arg);
    void *arg;
} postponed[1 << 16];
static size_t n_postponed;
static pthread_mutex_t postponed_lock = PTHREAD_MUTEX_INITIALIZER;

static void
postpone(void (*fn)(void *arg), void *arg)
{
    pthread_mutex_lock(&postponed_lock);
    CHECK(n_postponed < sizeof postponed / sizeof postponed[0]);
    postponed[n_postponed].fn = fn;
    postponed[n_postponed++].arg = arg;
    pthread_mutex_unlock(&postponed_lock);
}

struct ubpf_host
reader_host(void)
{
    struct ubpf_host host = ubpf_host_single_threaded;

    host.postpone = postpone;
    return host;
}

void
reader_starts(unsigned int i)
{
    atomic_store(&done[i], false);
}

void
reader_goes_on(unsigned int i)
{
    atomic_fetch_add(&rounds[i], 1);
}

void
reader_ends(unsigned int i)
{
    atomic_store(&done[i], true);
}

bool
readers_are_done(void)
{
    for (int i = 0; i < N_READERS; i++) {
        if (!atomic_load(&done[i])) {
            return false;
        }
    }
    return true;
}

void
reader_host_end_grace_period(void)
{
    unsigned long seen[N_READERS];
    size_t n;

    pthread_mutex_lock(&postponed_lock);
    n = n_postponed;
    pthread_mutex_unlock(&postponed_lock);
    for (int i = 0; i < N_READERS; i++) {
        seen[i] = atomic_load(&rounds[i]);
    }
    for (int i = 0; i < N_READERS; i++) {
        while (atomic_load(&rounds[i]) == seen[i] && !atomic_load(&done[i])) {
            sched_yield();
        }
    }
    pthread_mutex_lock(&postponed_lock);
    for (size_t i = 0; i < n; i++) {
        postponed[i].fn(postponed[i].arg);
    }
    memmove(postponed, postponed + n, (n_postponed - n) * sizeof postponed[0]);
    n_postponed -= n;
    pthread_mutex_unlock(&postponed_lock);
}

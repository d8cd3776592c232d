/* SPDX-License-Identifier: Apache-2.0 */

#include <config.h>
#include "ofproto-prog-worker.h"

#include <pthread.h>

#include "dp-prog.h"
#include "openvswitch/poll-loop.h"
#include "ovs-rcu.h"
#include "ovs-thread.h"
#include "seq.h"
#include "timeval.h"
#include "util.h"

/* How often the maps are searched for idle entries. */
#define EXPIRE_MS 1000

static pthread_t thread;
static bool is_started;         /* Is there a 'thread'?  Main thread only. */
static struct seq *todo;        /* Changes when there is something to do. */
static struct seq *done;        /* Changes when that is done. */
static uint64_t done_seen;      /* Of 'done'.  Main thread only. */

static struct ovs_mutex mutex = OVS_MUTEX_INITIALIZER;
static struct prog_task *task OVS_GUARDED_BY(mutex);
static bool is_done OVS_GUARDED_BY(mutex);      /* Is 'task'? */
static bool exiting OVS_GUARDED_BY(mutex);

static void
do_task(struct prog_task *t)
{
    uint64_t start = dp_prog_host.now_ns();

    /* No program that others may replace is looked at here, so that nobody
     * needs to wait until this is over. */
    ovsrcu_quiesce_start();
    switch (t->type) {
    case PROG_TASK_LOAD:
        t->ubpf = ubpf_prog_load(&dp_prog_host, t->object, t->length,
                                 &t->limits, &t->error, &t->text);
        break;
    case PROG_TASK_COMPILE:
        t->error = ubpf_prog_compile(t->ubpf, &t->text);
        break;
    default:
        OVS_NOT_REACHED();
    }
    ovsrcu_quiesce_end();
    t->ns = dp_prog_host.now_ns() - start;
}

static void *
worker_main(void *aux OVS_UNUSED)
{
    long long int next_expiry = time_msec() + EXPIRE_MS;

    for (;;) {
        uint64_t todo_seen = seq_read(todo);

        ovs_mutex_lock(&mutex);
        struct prog_task *t = is_done ? NULL : task;
        bool exit = exiting;
        ovs_mutex_unlock(&mutex);

        if (t) {
            do_task(t);
            ovs_mutex_lock(&mutex);
            is_done = true;
            ovs_mutex_unlock(&mutex);
            seq_change(done);
        }
        if (exit) {
            return NULL;
        }
        if (time_msec() >= next_expiry) {
            dp_prog_expire();
            next_expiry = time_msec() + EXPIRE_MS;
        }
        seq_wait(todo, todo_seen);
        poll_timer_wait_until(next_expiry);
        poll_block();
    }
}

/* Returns true if the worker was given a task that prog_worker_run() has not
 * given back. */
bool
prog_worker_is_busy(void)
{
    ovs_mutex_lock(&mutex);
    bool busy = task != NULL;
    ovs_mutex_unlock(&mutex);
    return busy;
}

/* Has the worker, which must not be busy, do 't'.  The caller leaves 't' and
 * what it points to alone until prog_worker_run() returns it. */
void
prog_worker_start(struct prog_task *t)
{
    if (!is_started) {
        todo = seq_create();
        done = seq_create();
        done_seen = seq_read(done);
        is_started = true;
        thread = ovs_thread_create("prog", worker_main, NULL);
    }

    ovs_mutex_lock(&mutex);
    ovs_assert(!task);
    task = t;
    is_done = false;
    ovs_mutex_unlock(&mutex);
    seq_change(todo);
}

/* Returns the task that the worker has done, if there is one that was not
 * returned before, otherwise NULL. */
struct prog_task *
prog_worker_run(void)
{
    struct prog_task *t = NULL;

    if (is_started) {
        done_seen = seq_read(done);
    }
    ovs_mutex_lock(&mutex);
    if (is_done) {
        t = task;
        task = NULL;
        is_done = false;
    }
    ovs_mutex_unlock(&mutex);
    return t;
}

/* Wakes the poll loop when prog_worker_run() has something to return. */
void
prog_worker_wait(void)
{
    if (is_started) {
        seq_wait(done, done_seen);
    }
}

/* Ends the worker, after the task that it has, which prog_worker_run() returns
 * also afterwards. */
void
prog_worker_exit(void)
{
    if (is_started) {
        ovs_mutex_lock(&mutex);
        exiting = true;
        ovs_mutex_unlock(&mutex);
        seq_change(todo);
        xpthread_join(thread, NULL);
        is_started = false;
        seq_destroy(todo);
        seq_destroy(done);
    }
}

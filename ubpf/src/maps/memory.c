/* SPDX-License-Identifier: Apache-2.0 */

#include "maps/memory.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

/* Memory of a size that large pages are worth asking for, and the size of
 * these, which need not be right. */
#define LARGE_SIZE ((size_t) 8 << 20)
#define LARGE_PAGE ((uintptr_t) 2 << 20)

/* What the maps of a program, and of those that it shares maps with, take. */
struct ubpf_account {
    void (*free)(void *);
    /* The account lives while this is not 0: bytes that were allocated with
     * it, 1 for its program, 1 for each account that joined it. */
    atomic_uint_least64_t kept;
    /* The account that this one joined, or NULL: then 'used' and 'limit'
     * are right. */
    _Atomic(struct ubpf_account *) joined;
    atomic_uint_least64_t used;
    atomic_uint_least64_t limit; /* 0: none. */
};

/* Of the process.  0: no limit. */
static atomic_uint_least64_t memory_limit;
static atomic_uint_least64_t memory_used;

void
ubpf_set_memory_limit(uint64_t bytes)
{
    atomic_store(&memory_limit, bytes);
}

/* The calling thread was refused memory for a limit. */
static _Thread_local bool over_limit;

void
memory_forget_refusal(void)
{
    over_limit = false;
}

bool
memory_was_refused(void)
{
    return over_limit;
}

uint64_t
ubpf_memory_used(void)
{
    return atomic_load(&memory_used);
}

/* Asks for large pages, so that lookups in large tables find their addresses
 * translated. */
static void
use_large_pages(void *ptr, size_t size)
{
#ifdef MADV_HUGEPAGE
    uintptr_t from = ((uintptr_t) ptr + LARGE_PAGE - 1) & ~(LARGE_PAGE - 1);
    uintptr_t to = ((uintptr_t) ptr + size) & ~(LARGE_PAGE - 1);

    /* Without them all works as well, if slower. */
    (void) madvise((void *) from, to - from, MADV_HUGEPAGE);
#else
    (void) ptr;
    (void) size;
#endif
}

/* The account that the memory of 'account' counts in. */
static struct ubpf_account *
account_root(struct ubpf_account *account)
{
    struct ubpf_account *next;

    while ((
        next = atomic_load_explicit(&account->joined, memory_order_acquire))) {
        account = next;
    }
    return account;
}

/* Gives back 'n' of what keeps 'account'. */
static void
account_drop(struct ubpf_account *account, uint64_t n)
{
    while (
        account
        && atomic_fetch_sub_explicit(&account->kept, n, memory_order_acq_rel)
               == n) {
        struct ubpf_account *next =
            atomic_load_explicit(&account->joined, memory_order_relaxed);

        account->free(account);
        account = next;
        n = 1;
    }
}

struct ubpf_account *
account_new(const struct ubpf_host *host, uint64_t limit)
{
    struct ubpf_account *account = host->alloc(sizeof *account);

    if (account) {
        account->free = host->free;
        atomic_init(&account->kept, 1);
        atomic_init(&account->used, 0);
        atomic_init(&account->limit, limit);
        atomic_init(&account->joined, NULL);
    }
    return account;
}

void
account_release(struct ubpf_account *account)
{
    account_drop(account, 1);
}

void
account_join(struct ubpf_account *account, struct ubpf_account *other)
{
    struct ubpf_account *from = account_root(account);
    struct ubpf_account *to = account_root(other);

    atomic_store(&to->limit, atomic_load(&from->limit));
    if (from != to) {
        atomic_fetch_add(&to->kept, 1);
        atomic_fetch_add(&to->used, atomic_load(&from->used));
        atomic_store_explicit(&from->joined, to, memory_order_release);
    }
}

uint64_t
account_used(struct ubpf_account *account)
{
    return atomic_load(&account_root(account)->used);
}

/* Adds 'size' to '*used' unless that is then more than '*limit', if that is
 * not 0. */
static bool
charge(atomic_uint_least64_t *used, const atomic_uint_least64_t *limit,
       uint64_t size)
{
    uint64_t most = atomic_load_explicit(limit, memory_order_relaxed);
    uint64_t before =
        atomic_fetch_add_explicit(used, size, memory_order_relaxed);

    if (most && (before > most || size > most - before)) {
        atomic_fetch_sub_explicit(used, size, memory_order_relaxed);
        return false;
    }
    return true;
}

static void
discharge(struct ubpf_account *account, uint64_t size)
{
    atomic_fetch_sub_explicit(&memory_used, size, memory_order_relaxed);
    if (account) {
        atomic_fetch_sub_explicit(&account_root(account)->used, size,
                                  memory_order_relaxed);
        account_drop(account, size);
    }
}

static bool
charge_all(struct ubpf_account *account, uint64_t size)
{
    struct ubpf_account *root = account ? account_root(account) : NULL;

    if (!charge(&memory_used, &memory_limit, size)) {
        return false;
    }
    if (root && !charge(&root->used, &root->limit, size)) {
        atomic_fetch_sub_explicit(&memory_used, size, memory_order_relaxed);
        return false;
    }
    if (account) {
        atomic_fetch_add_explicit(&account->kept, size, memory_order_relaxed);
    }
    return true;
}

void *
map_alloc(const struct ubpf_host *host, size_t size)
{
    void *ptr;

    if (!charge_all(host->account, size)) {
        over_limit = true;
        return NULL;
    }
    ptr = host->alloc(size ? size : 1);
    if (!ptr) {
        discharge(host->account, size);
    } else if (size >= LARGE_SIZE) {
        use_large_pages(ptr, size);
    }
    return ptr;
}

void *
map_zalloc(const struct ubpf_host *host, size_t size)
{
    void *ptr = map_alloc(host, size);

    return ptr ? memset(ptr, 0, size) : NULL;
}

void
map_free(const struct ubpf_host *host, void *ptr, size_t size)
{
    struct ubpf_account *account = host->account;

    if (ptr) {
        host->free(ptr);
        discharge(account, size);
    }
}

struct rcu_block {
    struct ubpf_host host;
    uint64_t size;
    uint64_t data[];
};

void *
map_rcu_alloc(const struct ubpf_host *host, size_t size)
{
    struct rcu_block *block = map_alloc(host, sizeof *block + size);

    if (!block) {
        return NULL;
    }
    block->host = *host;
    block->size = sizeof *block + size;
    return block->data;
}

void
map_rcu_free(void *ptr)
{
    if (ptr) {
        struct rcu_block *block =
            (struct rcu_block *) ((uintptr_t) ptr
                                  - offsetof(struct rcu_block, data));
        struct ubpf_host host = block->host;

        map_free(&host, block, block->size);
    }
}

void
map_rcu_free_postponed(void *ptr)
{
    if (ptr) {
        const struct rcu_block *block =
            (const struct rcu_block *) ((uintptr_t) ptr
                                        - offsetof(struct rcu_block, data));

        block->host.postpone(map_rcu_free, ptr);
    }
}

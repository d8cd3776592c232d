/* SPDX-License-Identifier: Apache-2.0 */

#include "maps/memory.h"

#include <stdatomic.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

/* Memory of a size that large pages are worth asking for, and the size of
 * these, which need not be right. */
#define LARGE_SIZE ((size_t) 8 << 20)
#define LARGE_PAGE ((uintptr_t) 2 << 20)

/* Of the process.  0: no limit. */
static atomic_uint_least64_t memory_limit;
static atomic_uint_least64_t memory_used;

void
ubpf_set_memory_limit(uint64_t bytes)
{
    atomic_store(&memory_limit, bytes);
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

void *
map_alloc(const struct ubpf_host *host, size_t size)
{
    uint64_t limit = atomic_load_explicit(&memory_limit, memory_order_relaxed);
    uint64_t used =
        atomic_fetch_add_explicit(&memory_used, size, memory_order_relaxed);
    void *ptr = NULL;

    if (!limit || (used <= limit && size <= limit - used)) {
        ptr = host->alloc(size ? size : 1);
    }
    if (!ptr) {
        atomic_fetch_sub_explicit(&memory_used, size, memory_order_relaxed);
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
    if (ptr) {
        atomic_fetch_sub_explicit(&memory_used, size, memory_order_relaxed);
        host->free(ptr);
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

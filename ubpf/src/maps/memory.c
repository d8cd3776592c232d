/* SPDX-License-Identifier: Apache-2.0 */

#include "maps/memory.h"

#include <stdatomic.h>
#include <stdint.h>
#include <string.h>

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

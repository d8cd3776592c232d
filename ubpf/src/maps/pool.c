/* SPDX-License-Identifier: Apache-2.0 */

#include "maps/pool.h"

#include <pthread.h>
#include <stdatomic.h>

#include "maps/memory.h"

#if defined __SANITIZE_ADDRESS__
#define POISON 1
#elif defined __has_feature
#if __has_feature(address_sanitizer)
#define POISON 1
#endif
#endif
#ifdef POISON
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(ADDRESS, SIZE)   ((void) 0)
#define ASAN_UNPOISON_MEMORY_REGION(ADDRESS, SIZE) ((void) 0)
#endif

/* What comes before each element. */
struct pool_item {
    struct pool *pool;
    union {
        struct pool_item *next_free;
        uint64_t element[1];
    };
};

struct pool {
    struct ubpf_host host;
    uint64_t size;    /* Of an item in the block. */
    uint64_t outside; /* Of an item from the host. */
    uint64_t n;       /* Items in the block. */
    uint8_t *block;
    atomic_uint_least64_t n_outside; /* Items from the host. */
    /* The map, and each item that waits for a grace period. */
    atomic_uint_least64_t refs;
    pthread_mutex_t lock;
    uint64_t n_used; /* Items of the block that were ever used. */
    struct pool_item *free_items;
};

static struct pool_item *
item_of(const void *element)
{
    return (struct pool_item *) ((uintptr_t) element
                                 - offsetof(struct pool_item, element));
}

static uint64_t
item_size(uint64_t size)
{
    return offsetof(struct pool_item, element) + (size ? size : 8);
}

uint64_t
pool_footprint(uint64_t size, uint64_t n)
{
    return sizeof(struct pool) + n * item_size(size);
}

struct pool *
pool_create(const struct ubpf_host *host, uint64_t size, uint64_t n)
{
    return pool_create_split(host, size, size, n);
}

struct pool *
pool_create_split(const struct ubpf_host *host, uint64_t size,
                  uint64_t outside, uint64_t n)
{
    struct pool *pool = map_zalloc(host, sizeof *pool);

    if (!pool) {
        return NULL;
    }
    pool->host = *host;
    pool->size = item_size(size);
    pool->outside = item_size(outside);
    pool->n = n;
    atomic_init(&pool->n_outside, 0);
    atomic_init(&pool->refs, 1);
    if (n) {
        pool->block = map_alloc(host, n * pool->size);
        if (!pool->block) {
            map_free(host, pool, sizeof *pool);
            return NULL;
        }
        ASAN_POISON_MEMORY_REGION(pool->block, n * pool->size);
    }
    if (pthread_mutex_init(&pool->lock, NULL)) {
        map_free(host, pool->block, n * pool->size);
        map_free(host, pool, sizeof *pool);
        return NULL;
    }
    return pool;
}

static void
pool_unref(struct pool *pool)
{
    if (atomic_fetch_sub_explicit(&pool->refs, 1, memory_order_acq_rel) == 1) {
        struct ubpf_host host = pool->host;

        pthread_mutex_destroy(&pool->lock);
        if (pool->block) {
            ASAN_UNPOISON_MEMORY_REGION(pool->block, pool->n * pool->size);
        }
        map_free(&host, pool->block, pool->n * pool->size);
        map_free(&host, pool, sizeof *pool);
    }
}

void
pool_destroy(struct pool *pool)
{
    if (pool) {
        pool_unref(pool);
    }
}

static bool
is_inside(const struct pool *pool, const struct pool_item *item)
{
    return pool->block
           && (uintptr_t) item - (uintptr_t) pool->block
                  < pool->n * pool->size;
}

/* An item of the block, or NULL when all are in use. */
static struct pool_item *
take_inside(struct pool *pool)
{
    struct pool_item *item = NULL;

    pthread_mutex_lock(&pool->lock);
    if (pool->free_items) {
        item = pool->free_items;
        ASAN_UNPOISON_MEMORY_REGION(item, pool->size);
        pool->free_items = item->next_free;
    } else if (pool->n_used < pool->n) {
        item =
            (struct pool_item *) (pool->block + pool->n_used++ * pool->size);
        ASAN_UNPOISON_MEMORY_REGION(item, pool->size);
    }
    pthread_mutex_unlock(&pool->lock);
    return item;
}

void *
pool_alloc(struct pool *pool)
{
    struct pool_item *item = pool->n ? take_inside(pool) : NULL;

    if (!item) {
        item = map_alloc(&pool->host, pool->outside);
        if (!item) {
            return NULL;
        }
        atomic_fetch_add_explicit(&pool->n_outside, 1, memory_order_relaxed);
    }
    item->pool = pool;
    return item->element;
}

void
pool_free(void *element)
{
    struct pool_item *item = item_of(element);
    struct pool *pool;

    if (!element) {
        return;
    }
    pool = item->pool;
    if (!is_inside(pool, item)) {
        atomic_fetch_sub_explicit(&pool->n_outside, 1, memory_order_relaxed);
        map_free(&pool->host, item, pool->outside);
        return;
    }
    pthread_mutex_lock(&pool->lock);
    item->next_free = pool->free_items;
    pool->free_items = item;
    ASAN_POISON_MEMORY_REGION(item, pool->size);
    pthread_mutex_unlock(&pool->lock);
}

static void
free_now(void *element)
{
    struct pool *pool = item_of(element)->pool;

    pool_free(element);
    pool_unref(pool);
}

void
pool_free_postponed(void *element)
{
    if (element) {
        struct pool *pool = item_of(element)->pool;

        atomic_fetch_add_explicit(&pool->refs, 1, memory_order_relaxed);
        pool->host.postpone(free_now, element);
    }
}

uint32_t
pool_index(const void *element)
{
    const struct pool_item *item = item_of(element);
    const struct pool *pool = item->pool;

    return is_inside(pool, item)
               ? (uint32_t) (((uintptr_t) item - (uintptr_t) pool->block)
                             / pool->size)
               : UINT32_MAX;
}

void *
pool_element(const struct pool *pool, uint32_t index)
{
    struct pool_item *item =
        (struct pool_item *) (pool->block + index * pool->size);

    return item->element;
}

uint64_t
pool_bytes(const struct pool *pool)
{
    return sizeof *pool + pool->n * pool->size
           + atomic_load_explicit(&pool->n_outside, memory_order_relaxed)
                 * pool->outside;
}

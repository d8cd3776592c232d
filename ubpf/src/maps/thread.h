/* SPDX-License-Identifier: Apache-2.0
 *
 * Values that exist once per thread.
 *
 * Threads are numbered from 0 as they come; the number of one that ended is
 * given to the next that comes.  A map has a block of memory for each number
 * that was ever used with it, which holds the values of all its elements. */

#ifndef UBPF_THREAD_H
#define UBPF_THREAD_H 1

#include <stdatomic.h>
#include <stdint.h>

#include <ubpf/ubpf.h>

#define THREAD_GROUP 32 /* Blocks whose addresses are together. */
#define MAX_THREADS  (THREAD_GROUP * THREAD_GROUP)

/* The number of the calling thread; it never changes.  UINT32_MAX if there are
 * already MAX_THREADS others. */
uint32_t ubpf_thread_index(void);

/* A thread's block, aligned to a cache line so that no other writes near. */
struct thread_block {
    void *memory;
    uint8_t *values;
};

struct thread_group {
    struct thread_block *_Atomic blocks[THREAD_GROUP];
};

struct thread_values {
    struct ubpf_host host;
    uint64_t size; /* Of a block's values. */
    struct thread_group *_Atomic groups[THREAD_GROUP];
    atomic_uint_least32_t n_blocks, n_groups;
};

/* 'values' has 'size' bytes for each thread, and 'host' is copied. */
void thread_values_init(struct thread_values *values,
                        const struct ubpf_host *host, uint64_t size);
void thread_values_uninit(struct thread_values *values);

/* The values of thread 'thread', zeroed when it is the first time that they
 * are asked for; NULL if the thread has no number, or for want of memory. */
uint8_t *thread_values_make(struct thread_values *values, uint32_t thread);

/* The values of thread 'thread', or NULL if it has none. */
static inline uint8_t *
thread_values_get(const struct thread_values *values, uint32_t thread)
{
    const struct thread_group *group;
    const struct thread_block *block;

    if (thread >= MAX_THREADS) {
        return NULL;
    }
    group = atomic_load_explicit(&values->groups[thread / THREAD_GROUP],
                                 memory_order_acquire);
    block = group ? atomic_load_explicit(&group->blocks[thread % THREAD_GROUP],
                                         memory_order_acquire)
                  : NULL;
    return block ? block->values : NULL;
}

/* Adds up the 'size' bytes at 'ofs', as words of 64 bits, of all threads. */
void thread_values_sum(const struct thread_values *values, uint64_t ofs,
                       void *sum, uint64_t size);

/* Makes the 'size' bytes at 'ofs' add up to 'value' (NULL: zeros).  Returns 0
 * or ENOMEM, if no thread has a block and there is no memory for one. */
int thread_values_set(struct thread_values *values, uint64_t ofs,
                      const void *value, uint64_t size);

/* Bytes of memory in use. */
uint64_t thread_values_bytes(const struct thread_values *values);

#endif /* thread.h */

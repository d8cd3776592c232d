/* SPDX-License-Identifier: Apache-2.0 */

#include "maps/thread.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>

#include "maps/map.h"
#include "maps/memory.h"

#define LINE 64

/* Numbers in use, a bit each. */
static uint64_t used_numbers[MAX_THREADS / 64];
static pthread_mutex_t numbers_lock = PTHREAD_MUTEX_INITIALIZER;

static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_key_t key;
static bool have_key;

/* The calling thread's number plus 1; 0: not asked yet. */
static _Thread_local uint32_t my_number;

static uint32_t
take_number(void)
{
    uint32_t number = UINT32_MAX;

    pthread_mutex_lock(&numbers_lock);
    for (uint32_t i = 0; i < MAX_THREADS / 64; i++) {
        if (~used_numbers[i]) {
            uint32_t bit = (uint32_t) __builtin_ctzll(~used_numbers[i]);

            used_numbers[i] |= UINT64_C(1) << bit;
            number = i * 64 + bit;
            break;
        }
    }
    pthread_mutex_unlock(&numbers_lock);
    return number;
}

/* At the end of a thread: what it did comes before what the next thread with
 * its number does. */
static void
return_number(void *number_plus_1)
{
    uint32_t number = (uint32_t) (uintptr_t) number_plus_1 - 1;

    pthread_mutex_lock(&numbers_lock);
    used_numbers[number / 64] &= ~(UINT64_C(1) << number % 64);
    pthread_mutex_unlock(&numbers_lock);
    my_number = 0;
}

static void
make_key(void)
{
    have_key = !pthread_key_create(&key, return_number);
}

/* Without a key the number cannot be given back, so none is taken. */
static uint32_t
first_index(void)
{
    uint32_t number;

    pthread_once(&once, make_key);
    number = have_key ? take_number() : UINT32_MAX;
    if (number != UINT32_MAX) {
        my_number = number + 1;
        if (pthread_setspecific(key, (void *) (uintptr_t) my_number)) {
            return_number((void *) (uintptr_t) my_number);
            return UINT32_MAX;
        }
    }
    return number;
}

uint32_t
ubpf_thread_index(void)
{
    return my_number ? my_number - 1 : first_index();
}

void
thread_values_init(struct thread_values *values, const struct ubpf_host *host,
                   uint64_t size)
{
    values->host = *host;
    values->size = size;
    for (int i = 0; i < THREAD_GROUP; i++) {
        atomic_init(&values->groups[i], NULL);
    }
    atomic_init(&values->n_blocks, 0);
    atomic_init(&values->n_groups, 0);
}

static uint64_t
memory_size(const struct thread_values *values)
{
    return values->size + LINE - 1;
}

static void
free_block(const struct thread_values *values, struct thread_block *block)
{
    if (block) {
        map_free(&values->host, block->memory, memory_size(values));
        map_free(&values->host, block, sizeof *block);
    }
}

void
thread_values_uninit(struct thread_values *values)
{
    for (int i = 0; i < THREAD_GROUP; i++) {
        struct thread_group *group = atomic_load(&values->groups[i]);

        for (int j = 0; group && j < THREAD_GROUP; j++) {
            free_block(values, atomic_load(&group->blocks[j]));
        }
        map_free(&values->host, group, sizeof *group);
    }
}

static struct thread_block *
new_block(const struct thread_values *values)
{
    struct thread_block *block = map_zalloc(&values->host, sizeof *block);

    if (!block) {
        return NULL;
    }
    block->memory = map_zalloc(&values->host, memory_size(values));
    if (!block->memory) {
        free_block(values, block);
        return NULL;
    }
    block->values = (uint8_t *) (((uintptr_t) block->memory + LINE - 1)
                                 & ~(uintptr_t) (LINE - 1));
    return block;
}

/* The group of thread 'thread', made if there is none; NULL for want of
 * memory.  Threads may do this at the same time. */
static struct thread_group *
make_group(struct thread_values *values, uint32_t thread)
{
    struct thread_group *_Atomic *where =
        &values->groups[thread / THREAD_GROUP];
    struct thread_group *group = atomic_load(where), *expected = NULL;

    if (group) {
        return group;
    }
    group = map_zalloc(&values->host, sizeof *group);
    if (!group) {
        return NULL;
    }
    if (!atomic_compare_exchange_strong(where, &expected, group)) {
        map_free(&values->host, group, sizeof *group);
        return expected;
    }
    atomic_fetch_add(&values->n_groups, 1);
    return group;
}

uint8_t *
thread_values_make(struct thread_values *values, uint32_t thread)
{
    uint8_t *found = thread_values_get(values, thread);
    struct thread_block *block, *expected = NULL;
    struct thread_group *group;

    if (found || thread >= MAX_THREADS) {
        return found;
    }
    group = make_group(values, thread);
    block = group ? new_block(values) : NULL;
    if (!block) {
        return NULL;
    }
    if (!atomic_compare_exchange_strong(&group->blocks[thread % THREAD_GROUP],
                                        &expected, block)) {
        free_block(values, block);
        return expected->values;
    }
    atomic_fetch_add(&values->n_blocks, 1);
    return block->values;
}

void
thread_values_sum(const struct thread_values *values, uint64_t ofs, void *sum_,
                  uint64_t size)
{
    uint8_t *sum = sum_;

    memset(sum, 0, size);
    for (uint32_t thread = 0; thread < MAX_THREADS; thread++) {
        const uint8_t *mine;

        if (!atomic_load(&values->groups[thread / THREAD_GROUP])) {
            thread += THREAD_GROUP - 1;
            continue;
        }
        mine = thread_values_get(values, thread);
        for (uint64_t i = 0; mine && i < size; i += 8) {
            uint64_t total;

            memcpy(&total, sum + i, sizeof total);
            total += __atomic_load_n((const uint64_t *) (mine + ofs + i),
                                     __ATOMIC_RELAXED);
            memcpy(sum + i, &total, sizeof total);
        }
    }
}

int
thread_values_set(struct thread_values *values, uint64_t ofs,
                  const void *value, uint64_t size)
{
    bool is_set = !value;

    for (uint32_t thread = 0; thread < MAX_THREADS; thread++) {
        uint8_t *mine = thread_values_get(values, thread);

        for (uint64_t i = 0; mine && i < size; i += 8) {
            uint64_t word = 0;

            if (!is_set) {
                memcpy(&word, (const uint8_t *) value + i, sizeof word);
            }
            __atomic_store_n((uint64_t *) (mine + ofs + i), word,
                             __ATOMIC_RELAXED);
        }
        is_set |= mine != NULL;
    }
    if (!is_set) {
        uint8_t *mine = thread_values_make(values, 0);

        if (!mine) {
            return ENOMEM;
        }
        ubpf_value_write(mine + ofs, value, size);
    }
    return 0;
}

uint64_t
thread_values_bytes(const struct thread_values *values)
{
    return atomic_load_explicit(&values->n_groups, memory_order_relaxed)
               * sizeof(struct thread_group)
           + atomic_load_explicit(&values->n_blocks, memory_order_relaxed)
                 * (memory_size(values) + sizeof(struct thread_block));
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * Memory for the elements of a map, all of one size: from one block that is
 * taken when the map is made, and beyond it (while what was freed waits for
 * readers) from the host; or from the host alone.  Threads may use a pool at
 * the same time. */

#ifndef UBPF_POOL_H
#define UBPF_POOL_H 1

#include <stdbool.h>
#include <stdint.h>

#include <ubpf/ubpf.h>

struct pool;

/* Bytes that 'n' elements of 'size' bytes take. */
uint64_t pool_footprint(uint64_t size, uint64_t n);

/* Makes a pool of elements of 'size' bytes, a multiple of 8, with a block for
 * 'n' of them.  Returns NULL for want of memory. */
struct pool *pool_create(const struct ubpf_host *host, uint64_t size,
                         uint64_t n);

/* The same, of elements that are 'outside' bytes where they are not from the
 * block: what else they need its user has in another place for those. */
struct pool *pool_create_split(const struct ubpf_host *host, uint64_t size,
                               uint64_t outside, uint64_t n);

/* Lets the pool go when what was postponed is done.  Elements from the block
 * need not be freed before, others must.  NULL is fine. */
void pool_destroy(struct pool *pool);

/* An element, aligned to 8 bytes, with any content; or NULL for want of
 * memory. */
void *pool_alloc(struct pool *pool);

/* Frees 'element', which may be NULL: at once, or after a grace period. */
void pool_free(void *element);
void pool_free_postponed(void *element);

/* The index of 'element' in the block, or UINT32_MAX if it is not from it. */
uint32_t pool_index(const void *element);

/* The other way round. */
void *pool_element(const struct pool *pool, uint32_t index);

/* Bytes of memory in use, as far as elements in use were from outside the
 * block: those of the block, all of it. */
uint64_t pool_bytes(const struct pool *pool);

#endif /* pool.h */

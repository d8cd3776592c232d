/* SPDX-License-Identifier: Apache-2.0
 *
 * The memory of maps, counted against the limit that
 * ubpf_set_memory_limit() sets. */

#ifndef UBPF_MEMORY_H
#define UBPF_MEMORY_H 1

#include <stddef.h>

#include <ubpf/ubpf.h>

/* Allocates 'size' zeroed bytes; NULL without memory or over the limit. */
void *map_zalloc(const struct ubpf_host *host, size_t size);

/* The same, with any content. */
void *map_alloc(const struct ubpf_host *host, size_t size);

/* Frees 'ptr', which may be NULL and has 'size' bytes, at once. */
void map_free(const struct ubpf_host *host, void *ptr, size_t size);

/* The same for memory that readers see: it knows its own size and host, and
 * can be freed after a grace period. */
void *map_rcu_alloc(const struct ubpf_host *host, size_t size);
void map_rcu_free(void *ptr);
void map_rcu_free_postponed(void *ptr);

#endif /* memory.h */

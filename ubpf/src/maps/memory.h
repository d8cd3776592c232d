/* SPDX-License-Identifier: Apache-2.0
 *
 * The memory of maps, counted against the limit that
 * ubpf_set_memory_limit() sets, and in the account of 'host', if it has
 * one. */

#ifndef UBPF_MEMORY_H
#define UBPF_MEMORY_H 1

#include <stdbool.h>
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

/* An account of memory from 'host' with a limit, 0 for none, or NULL for want
 * of memory.  After account_release() it goes when the last memory that
 * counts in it does. */
struct ubpf_account *account_new(const struct ubpf_host *host, uint64_t limit);
void account_release(struct ubpf_account *account);

/* Counts what 'account' has, from now on, in 'other', with the limit of
 * 'account'.  No other thread uses 'account' yet. */
void account_join(struct ubpf_account *account, struct ubpf_account *other);

uint64_t account_used(struct ubpf_account *account);

/* Whether the calling thread was refused memory for a limit since it called
 * memory_forget_refusal(). */
bool memory_was_refused(void);
void memory_forget_refusal(void);

#endif /* memory.h */

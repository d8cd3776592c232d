/* SPDX-License-Identifier: Apache-2.0 */

#ifndef UBPF_HOST_H
#define UBPF_HOST_H 1

#include <stdbool.h>
#include <stddef.h>

#include <ubpf/ubpf.h>

/* Allocates 'n' * 'size' zeroed bytes from 'host' (at least one, so that NULL
 * always means that there is no memory or that the product overflows). */
void *ubpf_host_zalloc(const struct ubpf_host *host, size_t n, size_t size);

/* Frees 'ptr', which may be NULL, at once. */
void ubpf_host_free(const struct ubpf_host *host, void *ptr);

/* Frees 'ptr' when no reader can hold it any more. */
void ubpf_host_free_postponed(const struct ubpf_host *host, void *ptr);

/* True if the grace periods of 'host' are those of the single-threaded host,
 * which end where no program runs in the calling thread. */
bool ubpf_host_is_single_threaded(const struct ubpf_host *host);

/* Brackets a program's run on the single-threaded host. */
void ubpf_host_run_begin(void);
void ubpf_host_run_end(void);

#endif /* host.h */

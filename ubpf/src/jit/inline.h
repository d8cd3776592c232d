/* SPDX-License-Identifier: Apache-2.0
 *
 * The functions of inline.c, which the lifter calls by name.  Lookups take map
 * and key, constants, and last where the number of the calling thread is. */

#ifndef UBPF_JIT_INLINE_H
#define UBPF_JIT_INLINE_H 1

#include <stdint.h>

struct ubpf_host;
struct ubpf_map;

#define INLINED __attribute__((always_inline))

/* The time of the burst: '*now', once it is known. */
INLINED uint64_t ubpf_inline_time(const struct ubpf_host *host, uint64_t *now);

INLINED void *ubpf_inline_hash(const struct ubpf_map *map, const void *key,
                               uint32_t key_size, const uint32_t *thread);
INLINED void *ubpf_inline_lpm(const struct ubpf_map *map, const void *key,
                              uint32_t key_size, const uint32_t *thread);
INLINED void *ubpf_inline_ternary(const struct ubpf_map *map, const void *key,
                                  uint32_t key_size, uint32_t n_ranges,
                                  const uint32_t *thread);
INLINED void *ubpf_inline_thread_array(const struct ubpf_map *map,
                                       const void *key, uint32_t max_entries,
                                       uint32_t value_size,
                                       const uint32_t *thread);

/* All of them as LLVM bitcode. */
extern const char ubpf_inline_bitcode[], ubpf_inline_bitcode_end[];

#endif /* inline.h */

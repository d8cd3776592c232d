/* SPDX-License-Identifier: Apache-2.0
 *
 * What a test program written in C needs. */

#ifndef UBPF_PROGRAM_H
#define UBPF_PROGRAM_H 1

#include <ubpf/abi.h>

#define SECTION(NAME) __attribute__((section(NAME), used))

static void *(*const map_lookup)(const void *map, const void *key) = (void *)
    UBPF_HELPER_MAP_LOOKUP;
static int64_t (*const map_update)(const void *map, const void *key,
                                   const void *value, uint64_t flags) =
    (void *) UBPF_HELPER_MAP_UPDATE;
static int64_t (*const map_delete)(const void *map, const void *key) = (void *)
    UBPF_HELPER_MAP_DELETE;
static uint64_t (*const time_get_ns)(void) = (void *) UBPF_HELPER_TIME_GET_NS;
static int64_t (*const adjust_head)(struct ubpf_ctx *ctx, int64_t delta) =
    (void *) UBPF_HELPER_ADJUST_HEAD;
static uint64_t (*const hash_lookup3)(const void *data, uint64_t len,
                                      uint64_t seed) = (void *)
    UBPF_HELPER_HASH_LOOKUP3;

const uint32_t abi_version SECTION(UBPF_SEC_ABI) = UBPF_ABI_VERSION;

#endif /* ubpf_program.h */

/* SPDX-License-Identifier: Apache-2.0
 *
 * The helper functions that programs call, described as data for the verifier
 * and the disassembler, and implemented for the interpreter. */

#ifndef UBPF_HELPERS_H
#define UBPF_HELPERS_H 1

#include <stdbool.h>
#include <stdint.h>

struct ubpf_host;
struct ubpf_run;

#define UBPF_HELPER_MAX_ARGS 5

/* What an argument must be.  Whatever points to memory may be unaligned, and
 * may point to anything readable: stack, packet, map value. */
enum ubpf_arg_kind {
    UBPF_ARG_NONE = 0,  /* No such argument (ends the list). */
    UBPF_ARG_SCALAR,    /* Any initialised number. */
    UBPF_ARG_CTX,       /* The context, exactly as r1 held it. */
    UBPF_ARG_MAP,       /* A map, from lddw or an array of maps. */
    UBPF_ARG_MAP_KEY,   /* Pointer to key_size readable bytes, of the
                         * map in the UBPF_ARG_MAP before. */
    UBPF_ARG_MAP_VALUE, /* Pointer to value_size readable bytes. */
    UBPF_ARG_MEM,       /* Pointer to as many readable bytes as the
                         * next argument, UBPF_ARG_MEM_SIZE, says. */
    UBPF_ARG_MEM_SIZE,  /* A number of bytes; 0 is fine, and then
                         * the pointer is not followed. */
    UBPF_ARG_METER,     /* Pointer to a struct ubpf_meter that lies
                         * wholly in the state of a map's value (the
                         * last 'state_size' bytes), at a constant
                         * offset that is a multiple of 8.  Neither
                         * flag of the map matters. */
};

enum ubpf_ret_kind {
    UBPF_RET_SCALAR,
    UBPF_RET_MAP_VALUE_OR_NULL, /* Of the map in the UBPF_ARG_MAP; if that is
                                 * an array of maps, a map. */
};

struct ubpf_helper_desc {
    const char *name;
    enum ubpf_arg_kind args[UBPF_HELPER_MAX_ARGS];
    enum ubpf_ret_kind ret;
    const uint32_t *map_types; /* What the UBPF_ARG_MAP may be: values of enum
                                * ubpf_map_type, ended by 0. */
    bool writes_map;           /* Refused for UBPF_MAP_F_RDONLY_PROG maps. */
    bool moves_packet;         /* Kills every pointer into the packet. */
};

/* The helper with number 'id' (enum ubpf_helper), or NULL. */
const struct ubpf_helper_desc *ubpf_helper_desc(uint32_t id);

/* The registers that are arguments of 'helper', a bit each. */
static inline uint16_t
ubpf_helper_args(const struct ubpf_helper_desc *helper)
{
    uint16_t args = 0;

    for (int i = 0; i < UBPF_HELPER_MAX_ARGS && helper->args[i]; i++) {
        args |= (uint16_t) (2u << i);
    }
    return args;
}

/* True if the UBPF_ARG_MAP of 'helper' may be a map of 'type'. */
bool ubpf_helper_takes_map(const struct ubpf_helper_desc *helper,
                           uint32_t type);

/* What a helper knows of the run that calls it. */
struct ubpf_env {
    const struct ubpf_host *host;
    struct ubpf_run *run;
};

/* Implementation: 'r1' to 'r5' hold the arguments, which the verifier has
 * proved to be as described. */
typedef uint64_t ubpf_helper_fn(const struct ubpf_env *env, uint64_t r1,
                                uint64_t r2, uint64_t r3, uint64_t r4,
                                uint64_t r5);

/* The implementation of helper 'id', or NULL. */
ubpf_helper_fn *ubpf_helper_impl(uint32_t id);

#endif /* helpers.h */

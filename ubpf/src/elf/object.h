/* SPDX-License-Identifier: Apache-2.0
 *
 * What an object file says, checked for form and nothing more.
 *
 * The reader trusts nothing in the file: whatever it accepts has every index
 * below in range, every name terminated and every size within the caps here.
 * It knows nothing of what the instructions mean; that is the verifier's. */

#ifndef UBPF_OBJECT_H
#define UBPF_OBJECT_H 1

#include <stddef.h>
#include <stdint.h>

#include <ubpf/abi.h>
#include <ubpf/ubpf.h>

#include "isa/isa.h"

/* Caps that do not depend on 'struct ubpf_limits'. */
#define UBPF_MAX_ELF_SIZE    (64u << 20)
#define UBPF_MAX_SECTIONS    4096
#define UBPF_MAX_MAPS        1024
#define UBPF_MAX_NAME        255 /* Of a map, in bytes. */
#define UBPF_MAX_KEY_SIZE    512
#define UBPF_MAX_VALUE_SIZE  (64u << 10)
#define UBPF_MAX_RODATA_SIZE (1u << 20)

/* Defaults of 'struct ubpf_limits'. */
#define UBPF_DEFAULT_MAX_INSNS     65536u
#define UBPF_DEFAULT_MAX_VISITED   1000000u
#define UBPF_DEFAULT_MAX_MAP_BYTES (UINT64_C(1) << 30)

/* Name of the map that holds an object's constants. */
#define UBPF_RODATA_MAP ".rodata"

/* A section of the file, for ubpf_prog_section(). */
struct ubpf_object_section {
    const char *name;    /* Inside the object's copy of the file. */
    const uint8_t *data; /* Unaligned; NULL when 'size' is 0. */
    size_t size;
};

/* A map that the object declares.  Type, flags and sizes are valid: the key of
 * an array has 4 bytes, that of an LPM map at least 5, no size and no
 * 'max_entries' is 0. */
struct ubpf_object_map {
    const char *name; /* Not empty, unique within the object. */
    struct ubpf_map_def def;
};

/* An entry that a map has from the start. */
struct ubpf_object_init {
    uint32_t map;         /* Index into 'maps'. */
    const uint8_t *key;   /* 'key_size' bytes, unaligned. */
    const uint8_t *value; /* 'value_size' bytes, unaligned. */
};

struct ubpf_object {
    const struct ubpf_host *host;

    uint8_t *elf; /* The object's own copy of the file. */
    size_t elf_len;

    /* Code, with relocations applied: an lddw that refers to a map has source
     * register UBPF_PSEUDO_MAP_IDX, one that refers to constants has
     * UBPF_PSEUDO_MAP_VALUE.  An object can also carry these values without a
     * relocation, with any index and offset: the verifier checks them. */
    struct ubpf_insn *insns;
    uint32_t n_insns;     /* At least 1. */
    const char *function; /* Name of the one function. */

    /* Maps in the order of section "maps"; then, if there are constants, the
     * map for .rodata: an array of one element, read-only to all. */
    struct ubpf_object_map *maps;
    uint32_t n_maps;
    uint8_t *rodata; /* Contents of that element, or NULL. */
    uint32_t rodata_size;

    struct ubpf_object_init *inits;
    uint32_t n_inits;

    /* Sorted by 'insn', all of them below 'n_insns'. */
    struct ubpf_line *lines;
    uint32_t n_lines;

    struct ubpf_object_section *sections;
    uint32_t n_sections;
};

/* Reads the object file 'elf' of 'len' bytes, which it copies, into '*objp'.
 * 'limits' has no zero fields.  Returns 0, or EINVAL (not a valid object),
 * E2BIG (over a limit) or ENOMEM with '*error' set; '*objp' is then NULL. */
int ubpf_object_read(const struct ubpf_host *host, const void *elf, size_t len,
                     const struct ubpf_limits *limits,
                     struct ubpf_object **objp, char **error);

/* Frees 'obj', which may be NULL. */
void ubpf_object_free(struct ubpf_object *obj);

/* The line of the P4 source that instruction 'insn' comes from, or 0. */
uint32_t ubpf_object_line(const struct ubpf_object *obj, uint32_t insn);

#endif /* object.h */

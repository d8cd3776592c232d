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

#include "isa/functions.h"
#include "isa/isa.h"

/* Caps that do not depend on 'struct ubpf_limits'. */
#define UBPF_MAX_ELF_SIZE    (64u << 20)
#define UBPF_MAX_SECTIONS    4096
#define UBPF_MAX_MAPS        1024
#define UBPF_MAX_NAME        255 /* Of a map, in bytes. */
#define UBPF_MAX_KEY_SIZE    512
#define UBPF_MAX_VALUE_SIZE  (64u << 10)
#define UBPF_MAX_GLOBAL_SIZE (1u << 20) /* Of one kind. */

/* Defaults of 'struct ubpf_limits'. */
#define UBPF_DEFAULT_MAX_INSNS     65536u
#define UBPF_DEFAULT_MAX_VISITED   1000000u
#define UBPF_DEFAULT_MAX_MAP_BYTES (UINT64_C(1) << 30)

/* Kinds of global data; each is one map, an array of one element. */
enum ubpf_object_global_kind {
    UBPF_GLOBAL_RODATA,
    UBPF_GLOBAL_DATA,
    UBPF_GLOBAL_BSS,
    UBPF_N_GLOBALS,
};

/* Names of these maps. */
#define UBPF_RODATA_MAP ".rodata"
#define UBPF_DATA_MAP   ".data"
#define UBPF_BSS_MAP    ".bss"

struct ubpf_object_global {
    uint8_t *data; /* 'size' bytes, or NULL if there are none. */
    uint32_t size;
    uint32_t map; /* Index into 'maps'. */
};

/* The instructions from 'insn' up to the next record come from 'line' of
 * 'file', which is NULL for the main P4 file; line 0: from no line. */
struct ubpf_object_line {
    uint32_t insn, line;
    const char *file; /* Inside the object's copy of the file. */
};

/* A section of the file, for ubpf_prog_section(). */
struct ubpf_object_section {
    const char *name;    /* Inside the object's copy of the file. */
    const uint8_t *data; /* Unaligned; NULL when 'size' is 0. */
    size_t size;
};

/* A map that the object declares.  All that 'def' says is valid and fits
 * together; no size and no 'max_entries' is 0. */
struct ubpf_object_map {
    const char *name; /* Not empty, unique within the object. */
    struct ubpf_map_def def;
};

/* An entry that a map has from the start. */
struct ubpf_object_init {
    uint32_t map;         /* Index into 'maps'. */
    const uint8_t *key;   /* Unaligned; NULL: each element of an array. */
    const uint8_t *value; /* Unaligned. */
};

struct ubpf_object {
    const struct ubpf_host *host;

    uint8_t *elf; /* The object's own copy of the file. */
    size_t elf_len;

    /* Code: the program and the functions that it calls, and those that they
     * call.  Relocations are applied: an lddw that refers to a map has source
     * register UBPF_PSEUDO_MAP_IDX, one that refers to constants has
     * UBPF_PSEUDO_MAP_VALUE.  An object can also carry these values without a
     * relocation, with any index and offset: the verifier checks them. */
    struct ubpf_insn *insns;
    uint32_t n_insns;     /* At least 1. */
    const char *function; /* Name of the program's function. */

    /* Where each function is, see isa/functions.h; not checked, and none if
     * there are instructions that do not exist. */
    struct ubpf_function *functions;
    uint32_t n_functions;

    /* Maps in the order of section "maps", then of the symbols of section
     * ".maps", then those for global data. */
    struct ubpf_object_map *maps;
    uint32_t n_maps;
    struct ubpf_object_global globals[UBPF_N_GLOBALS];

    struct ubpf_object_init *inits;
    uint32_t n_inits;

    /* Sorted by 'insn', all of them below 'n_insns'. */
    struct ubpf_object_line *lines;
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

/* The same, of the program whose function or section is called 'entry'; with
 * NULL, of the only one. */
int ubpf_object_read_entry(const struct ubpf_host *host, const void *elf,
                           size_t len, const char *entry,
                           const struct ubpf_limits *limits,
                           struct ubpf_object **objp, char **error);

/* Frees 'obj', which may be NULL. */
void ubpf_object_free(struct ubpf_object *obj);

/* The line that instruction 'insn' comes from, or NULL. */
const struct ubpf_object_line *ubpf_object_line(const struct ubpf_object *obj,
                                                uint32_t insn);

/* Writes "P4 line 42" or "parse.c:42", with a NUL, to the 'size' bytes at
 * 'buf'. */
void ubpf_object_line_text(const struct ubpf_object_line *line, char *buf,
                           size_t size);

#endif /* object.h */

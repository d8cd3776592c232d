/* SPDX-License-Identifier: Apache-2.0
 *
 * The steps of ubpf_object_read(), one file each. */

#ifndef UBPF_ELF_READER_H
#define UBPF_ELF_READER_H 1

#include "elf/file.h"
#include "elf/object.h"

/* Where an object's known sections are; 0 means absent. */
struct reader {
    struct elf_file file;
    struct ubpf_object *obj;
    const struct ubpf_limits *limits;
    uint32_t prog, maps, abi, init, lines;
    uint32_t *rodata_base; /* By section: its offset in 'obj->rodata', or
                            * UINT32_MAX. */
    const struct ubpf_object_map **maps_by_name;
    uint32_t n_declared_maps; /* Maps without that for .rodata. */
};

/* Fills obj->maps from section "maps" and its symbols, and adds the map for
 * .rodata. */
int reader_maps(struct reader *r, char **error);

/* Fills obj->inits from section "ubpf.init". */
int reader_inits(struct reader *r, char **error);

/* Applies the relocations of the code. */
int reader_relocate(struct reader *r, char **error);

#endif /* reader.h */

/* SPDX-License-Identifier: Apache-2.0
 *
 * The steps of ubpf_object_read(), one file each. */

#ifndef UBPF_ELF_READER_H
#define UBPF_ELF_READER_H 1

#include <stdbool.h>

#include "elf/file.h"
#include "elf/object.h"

/* Nowhere in the program. */
#define READER_NONE UINT32_MAX

/* What is known of a section of the file. */
struct reader_section {
    bool code;
    uint8_t global;       /* enum ubpf_object_global_kind, if 'base'... */
    uint32_t global_base; /* ...is not READER_NONE: where it lies in it. */
};

/* A function of the file. */
struct reader_function {
    const char *name;
    uint32_t section;
    uint32_t start, end; /* Slots of the section. */
    uint32_t at;         /* Slot of the program, or READER_NONE. */
    bool global;
};

/* A relocation of an instruction. */
struct reader_rel {
    uint32_t section, slot;
    uint32_t symbol, type;
};

/* Where an object's known sections are; 0 means absent. */
struct reader {
    struct elf_file file;
    struct ubpf_object *obj;
    const struct ubpf_limits *limits;
    const char *entry; /* Which program, or NULL. */
    uint32_t prog, maps, abi, init, lines, btf, btf_ext, btf_maps;
    struct reader_section *sections; /* By section. */

    /* Sorted by section and slot. */
    struct reader_function *functions;
    uint32_t n_functions;
    struct reader_rel *rels;
    uint32_t n_rels;
    /* The functions of the program in their order, the entry first. */
    struct reader_function **linked;
    uint32_t n_linked;

    const struct ubpf_object_map **maps_by_name;
    uint32_t n_legacy_maps;   /* Maps of section "maps"... */
    uint32_t n_declared_maps; /* ...and of section ".maps" after them. */
    uint32_t *btf_map_at;     /* Where in its section each of those is. */
};

/* Lists the functions and relocations of the code. */
int reader_functions(struct reader *r, char **error);
int reader_relocations(struct reader *r, char **error);

/* The relocation of 'slot' in 'section', or NULL. */
const struct reader_rel *reader_find_rel(const struct reader *r,
                                         uint32_t section, uint32_t slot);

/* Puts the entry function and what it calls into obj->insns. */
int reader_link(struct reader *r, char **error);

/* Puts the sections of global data into obj->globals. */
int reader_globals(struct reader *r, char **error);

/* Fills obj->maps from sections "maps" and ".maps" and their symbols, and adds
 * the maps for global data. */
int reader_maps(struct reader *r, char **error);

/* Counts the maps of section ".maps", and reads them into 'maps'. */
uint32_t reader_count_btf_maps(const struct reader *r);
int reader_btf_maps(struct reader *r, struct ubpf_object_map *maps,
                    char **error);

/* Fills obj->inits from section "ubpf.init". */
int reader_inits(struct reader *r, char **error);

/* Fills obj->lines. */
int reader_lines(struct reader *r, char **error);

/* Applies the relocations of the program's code. */
int reader_relocate(struct reader *r, char **error);

/* How to name 'sym', which has 'name', in a message. */
const char *reader_symbol_name(const struct reader *r, const Elf64_Sym *sym,
                               const char *name);

#endif /* reader.h */

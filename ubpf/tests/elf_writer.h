/* SPDX-License-Identifier: Apache-2.0
 *
 * Writes objects piece by piece, right ones and wrong ones. */

#ifndef ELF_WRITER_H
#define ELF_WRITER_H 1

#include <elf.h>
#include <stddef.h>
#include <stdint.h>

#include <ubpf/abi.h>

#include "isa/isa.h"

#define WRITER_MAX 16

struct elf_writer {
    struct writer_section {
        const char *name;
        Elf64_Shdr header;
        const void *data;
    } sections[WRITER_MAX];
    unsigned int n_sections;
    struct writer_symbol {
        const char *name;
        Elf64_Sym sym;
    } symbols[WRITER_MAX];
    unsigned int n_symbols;
    Elf64_Ehdr header; /* Copied, then completed where zero. */
};

/* Starts an object with nothing in it.  Section 0 and symbol 0 are there. */
void writer_init(struct elf_writer *w);

/* Starts an object with "prog" (section 1) of 'n' instructions with global
 * function "entry" and "ubpf.abi" (section 2) of the current version. */
void writer_program(struct elf_writer *w, const struct ubpf_insn *insns,
                    size_t n);

/* Adds a section, the data of which the caller keeps, and returns its
 * number. */
unsigned int writer_section(struct elf_writer *w, const char *name,
                            uint32_t type, uint64_t flags, const void *data,
                            size_t size);

/* Adds a symbol and returns its number. */
unsigned int writer_symbol(struct elf_writer *w, const char *name,
                           unsigned char bind, unsigned char type,
                           unsigned int section, uint64_t value,
                           uint64_t size);

/* Adds section "maps" with the 'n' maps at 'defs' and their names. */
unsigned int writer_maps(struct elf_writer *w, const struct ubpf_map_def *defs,
                         const char *const names[], size_t n);

/* Adds relocations for section 'target'. */
unsigned int writer_relocations(struct elf_writer *w, unsigned int target,
                                const Elf64_Rel *rels, size_t n);

/* Returns the object, to be freed with free(), and its length. */
uint8_t *writer_finish(const struct elf_writer *w, size_t *len);

#endif /* elf_writer.h */

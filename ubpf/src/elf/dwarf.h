/* SPDX-License-Identifier: Apache-2.0
 *
 * Line information of compilers (DWARF versions 2 to 5, in its 32-bit format),
 * as they write it to section ".debug_line": bounds-checked access to
 * untrusted bytes. */

#ifndef UBPF_ELF_DWARF_H
#define UBPF_ELF_DWARF_H 1

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "elf/file.h"

/* Bytes that are read one after the other. */
struct dwarf_bytes {
    const uint8_t *p, *end;
};

/* Files of a unit that have names here; lines of others are left out. */
#define DWARF_FILES 128

/* A walk through the lines of all units. */
struct dwarf_lines {
    const struct elf_file *file;
    struct elf_section debug_line, rels, line_str, str;
    size_t next_rel;          /* Index among 'rels'. */
    struct dwarf_bytes units; /* Those to come. */

    /* Of the current unit: its operations to come, and what they mean. */
    struct dwarf_bytes ops;
    uint8_t min_length, line_range, opcode_base;
    int8_t line_base;
    const uint8_t *n_operands; /* Of opcode 1 on. */
    const char *files[DWARF_FILES];
    uint32_t n_files; /* From which on they are NULL. */

    /* What the operations have come to. */
    uint32_t section; /* Index of that which 'address' is in, or 0. */
    uint64_t address, line, file_index;
};

struct dwarf_line {
    uint32_t section;
    uint64_t offset;  /* Bytes. */
    const char *name; /* Of the source, inside the file. */
    uint32_t line;
};

/* Starts at the beginning of 'file'. */
void dwarf_lines_start(struct dwarf_lines *lines, const struct elf_file *file);
/* The next line; false where there is no more, or what comes is wrong.  Of
 * those with the same offset in a row, the last counts. */
bool dwarf_lines_next(struct dwarf_lines *lines, struct dwarf_line *line);

#endif /* dwarf.h */

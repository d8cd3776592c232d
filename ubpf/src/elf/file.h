/* SPDX-License-Identifier: Apache-2.0
 *
 * Bounds-checked access to an untrusted ELF file in memory.  It gives copies
 * of headers and symbols, since nothing in the file is aligned. */

#ifndef UBPF_ELF_FILE_H
#define UBPF_ELF_FILE_H 1

#include <elf.h>
#include <stddef.h>
#include <stdint.h>

#define UBPF_R_BPF_64_64 1  /* lddw: 64-bit immediate. */
#define UBPF_R_BPF_64_32 10 /* call: 32-bit immediate. */

struct elf_file {
    const uint8_t *data; /* The caller's. */
    size_t len;
    uint64_t shoff; /* Section headers, all within the file. */
    uint32_t n_sections;
    const char *shstrtab; /* Section names, NUL-terminated. */
    size_t shstrtab_size;
    uint64_t symoff; /* Symbols, all within the file. */
    uint32_t n_symbols;
    const char *strtab; /* Symbol names, NUL-terminated. */
    size_t strtab_size;
};

/* A section: header, name and contents, all within the file. */
struct elf_section {
    Elf64_Shdr header;
    const char *name;
    const uint8_t *data; /* NULL where 'size' is 0. */
    size_t size;         /* Bytes in the file: 0 for SHT_NOBITS. */
};

/* Checks the headers and tables of the 'len' bytes at 'data' and makes '*file'
 * refer to them.  Returns 0, EINVAL or E2BIG. */
int elf_file_open(struct elf_file *file, const uint8_t *data, size_t len,
                  char **error);

/* Section 'index', which must be below n_sections; elf_file_open() checked
 * that this succeeds. */
struct elf_section elf_file_section(const struct elf_file *file,
                                    uint32_t index);

/* Symbol 'index', which must be below n_symbols, and its name. */
Elf64_Sym elf_file_symbol(const struct elf_file *file, uint32_t index,
                          const char **name);

#endif /* file.h */

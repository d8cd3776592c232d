/* SPDX-License-Identifier: Apache-2.0 */

#include "elf/file.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <string.h>

#include "elf/object.h"
#include "error.h"

#define EM_BPF_MACHINE 247

/* True if 'size' bytes at 'offset' lie within the file. */
static bool
in_file(const struct elf_file *file, uint64_t offset, uint64_t size)
{
    return offset <= file->len && size <= file->len - offset;
}

static Elf64_Shdr
section_header(const struct elf_file *file, uint32_t index)
{
    Elf64_Shdr shdr;

    memcpy(&shdr, file->data + file->shoff + (size_t) index * sizeof shdr,
           sizeof shdr);
    return shdr;
}

/* Refuses whatever is not a relocatable ELF64 little-endian BPF file. */
static int
check_header(const struct elf_file *file, const Elf64_Ehdr *ehdr, char **error)
{
    if (ehdr->e_ident[EI_CLASS] != ELFCLASS64) {
        return ubpf_fail(error, EINVAL, "not a 64-bit ELF file");
    }
    if (ehdr->e_ident[EI_DATA] != ELFDATA2LSB) {
        return ubpf_fail(error, EINVAL,
                         "a big-endian ELF file; only little-endian BPF "
                         "(clang -target bpfel) is supported");
    }
    if (ehdr->e_ident[EI_VERSION] != EV_CURRENT
        || ehdr->e_version != EV_CURRENT) {
        return ubpf_fail(error, EINVAL, "unknown version of ELF");
    }
    if (ehdr->e_machine != EM_BPF_MACHINE) {
        return ubpf_fail(error, EINVAL,
                         "an ELF file for machine %u, not for BPF (%u)",
                         ehdr->e_machine, EM_BPF_MACHINE);
    }
    if (ehdr->e_type != ET_REL) {
        return ubpf_fail(error, EINVAL, "not a relocatable ELF file (type %u)",
                         ehdr->e_type);
    }
    if (!ehdr->e_shoff || !ehdr->e_shnum) {
        return ubpf_fail(error, EINVAL, "the ELF file has no sections");
    }
    if (ehdr->e_shentsize != sizeof(Elf64_Shdr)) {
        return ubpf_fail(error, EINVAL,
                         "ELF section headers of %u bytes, not %zu",
                         ehdr->e_shentsize, sizeof(Elf64_Shdr));
    }
    if (ehdr->e_shnum > UBPF_MAX_SECTIONS) {
        return ubpf_fail(error, E2BIG, "%u ELF sections, more than %u",
                         ehdr->e_shnum, UBPF_MAX_SECTIONS);
    }
    if (!in_file(file, ehdr->e_shoff,
                 (uint64_t) ehdr->e_shnum * sizeof(Elf64_Shdr))) {
        return ubpf_fail(error, EINVAL,
                         "truncated: the ELF section headers lie outside the "
                         "file of %zu bytes",
                         file->len);
    }
    if (ehdr->e_shstrndx >= ehdr->e_shnum) {
        return ubpf_fail(error, EINVAL, "the ELF file has no section names");
    }
    return 0;
}

/* Finds string table 'index' and checks that it ends with a NUL, so that any
 * offset into it is a string. */
static int
open_strings(const struct elf_file *file, uint32_t index, const char **strings,
             size_t *size, char **error)
{
    Elf64_Shdr shdr;

    if (index >= file->n_sections) {
        return ubpf_fail(error, EINVAL,
                         "ELF string table %" PRIu32 " does not exist", index);
    }
    shdr = section_header(file, index);
    if (shdr.sh_type != SHT_STRTAB || !shdr.sh_size
        || file->data[shdr.sh_offset + shdr.sh_size - 1]) {
        return ubpf_fail(error, EINVAL,
                         "ELF section %" PRIu32 " is not a valid string table",
                         index);
    }
    *strings = (const char *) file->data + shdr.sh_offset;
    *size = shdr.sh_size;
    return 0;
}

/* Checks that every section lies within the file. */
static int
check_sections(const struct elf_file *file, char **error)
{
    for (uint32_t i = 0; i < file->n_sections; i++) {
        Elf64_Shdr shdr = section_header(file, i);

        if (shdr.sh_type != SHT_NOBITS && shdr.sh_type != SHT_NULL
            && !in_file(file, shdr.sh_offset, shdr.sh_size)) {
            return ubpf_fail(error, EINVAL,
                             "truncated: ELF section %" PRIu32 " lies outside "
                             "the file of %zu bytes",
                             i, file->len);
        }
    }
    return 0;
}

static int
check_section_names(const struct elf_file *file, char **error)
{
    for (uint32_t i = 0; i < file->n_sections; i++) {
        if (section_header(file, i).sh_name >= file->shstrtab_size) {
            return ubpf_fail(
                error, EINVAL,
                "the name of ELF section %" PRIu32 " is out of range", i);
        }
    }
    return 0;
}

/* Finds the one symbol table and checks the name of each symbol. */
static int
open_symbols(struct elf_file *file, char **error)
{
    uint32_t found = 0;
    Elf64_Shdr shdr;
    int err;

    for (uint32_t i = 1; i < file->n_sections; i++) {
        if (section_header(file, i).sh_type == SHT_SYMTAB) {
            if (found) {
                return ubpf_fail(error, EINVAL, "two ELF symbol tables");
            }
            found = i;
        }
    }
    if (!found) {
        return ubpf_fail(error, EINVAL, "the ELF file has no symbol table");
    }

    shdr = section_header(file, found);
    if (shdr.sh_entsize != sizeof(Elf64_Sym)
        || shdr.sh_size % sizeof(Elf64_Sym)) {
        return ubpf_fail(error, EINVAL, "the ELF symbol table has a bad size");
    }
    file->symoff = shdr.sh_offset;
    file->n_symbols = (uint32_t) (shdr.sh_size / sizeof(Elf64_Sym));
    err = open_strings(file, shdr.sh_link, &file->strtab, &file->strtab_size,
                       error);
    if (err) {
        return err;
    }
    for (uint32_t i = 0; i < file->n_symbols; i++) {
        Elf64_Sym sym;

        memcpy(&sym, file->data + file->symoff + (size_t) i * sizeof sym,
               sizeof sym);
        if (sym.st_name >= file->strtab_size) {
            return ubpf_fail(
                error, EINVAL,
                "the name of ELF symbol %" PRIu32 " is out of range", i);
        }
    }
    return 0;
}

int
elf_file_open(struct elf_file *file, const uint8_t *data, size_t len,
              char **error)
{
    Elf64_Ehdr ehdr;
    int err;

    memset(file, 0, sizeof *file);
    file->data = data;
    file->len = len;
    if (len > UBPF_MAX_ELF_SIZE) {
        return ubpf_fail(error, E2BIG,
                         "an ELF file of %zu bytes, more than %u", len,
                         UBPF_MAX_ELF_SIZE);
    }
    if (len < SELFMAG || memcmp(data, ELFMAG, SELFMAG)) {
        return ubpf_fail(error, EINVAL, "not an ELF file");
    }
    if (len < sizeof ehdr) {
        return ubpf_fail(error, EINVAL,
                         "truncated: %zu bytes are too few for an ELF header",
                         len);
    }
    memcpy(&ehdr, data, sizeof ehdr);
    err = check_header(file, &ehdr, error);
    if (err) {
        return err;
    }
    file->shoff = ehdr.e_shoff;
    file->n_sections = ehdr.e_shnum;
    err = check_sections(file, error);
    if (!err) {
        err = open_strings(file, ehdr.e_shstrndx, &file->shstrtab,
                           &file->shstrtab_size, error);
    }
    if (!err) {
        err = check_section_names(file, error);
    }
    return err ? err : open_symbols(file, error);
}

struct elf_section
elf_file_section(const struct elf_file *file, uint32_t index)
{
    struct elf_section section = {.header = section_header(file, index)};

    section.name = file->shstrtab + section.header.sh_name;
    if (section.header.sh_type != SHT_NOBITS
        && section.header.sh_type != SHT_NULL && section.header.sh_size) {
        section.data = file->data + section.header.sh_offset;
        section.size = section.header.sh_size;
    }
    return section;
}

Elf64_Sym
elf_file_symbol(const struct elf_file *file, uint32_t index, const char **name)
{
    Elf64_Sym sym;

    memcpy(&sym, file->data + file->symoff + (size_t) index * sizeof sym,
           sizeof sym);
    *name = file->strtab + sym.st_name;
    return sym;
}

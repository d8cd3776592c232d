/* SPDX-License-Identifier: Apache-2.0
 *
 * Relocations: what an lddw of the code refers to. */

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <string.h>

#include "elf/reader.h"
#include "error.h"

#define OPCODE_LDDW 0x18

/* How to name 'sym' in a message. */
static const char *
symbol_name(const struct reader *r, const Elf64_Sym *sym, const char *name)
{
    if (*name) {
        return name;
    }
    if (sym->st_shndx > 0 && sym->st_shndx < r->file.n_sections) {
        return elf_file_section(&r->file, sym->st_shndx).name;
    }
    return "(unnamed)";
}

/* Makes the lddw in slot 'pc' load the map at 'offset' of section "maps". */
static int
relocate_map(struct reader *r, uint32_t pc, uint64_t offset, const char *name,
             char **error)
{
    const size_t def_size = sizeof(struct ubpf_map_def);
    struct ubpf_insn *insn = &r->obj->insns[pc];

    if (offset % def_size || offset / def_size >= r->n_declared_maps) {
        return ubpf_fail(error, EINVAL,
                         "instruction %" PRIu32 " refers to byte %" PRIu64
                         " of \"%s\", where no map starts",
                         pc, offset, name);
    }
    insn[0].src = UBPF_PSEUDO_MAP_IDX;
    insn[0].imm = (int32_t) (offset / def_size);
    insn[1].imm = 0;
    return 0;
}

/* Makes the lddw in slot 'pc' load the address of byte 'offset' of the
 * constants in 'section'. */
static int
relocate_rodata(struct reader *r, uint32_t pc, uint32_t section,
                uint64_t offset, const char *name, char **error)
{
    struct ubpf_insn *insn = &r->obj->insns[pc];

    if (offset > elf_file_section(&r->file, section).size) {
        return ubpf_fail(error, EINVAL,
                         "instruction %" PRIu32
                         " refers to a byte outside of \"%s\"",
                         pc, name);
    }
    insn[0].src = UBPF_PSEUDO_MAP_VALUE;
    insn[0].imm = (int32_t) r->n_declared_maps;
    insn[1].imm = (int32_t) (r->rodata_base[section] + offset);
    return 0;
}

/* Applies R_BPF_64_64 to slot 'pc'. */
static int
relocate_lddw(struct reader *r, uint32_t pc, const Elf64_Sym *sym,
              const char *name, char **error)
{
    struct ubpf_insn *insn = &r->obj->insns[pc];
    uint64_t offset;

    if (insn->opcode != OPCODE_LDDW || insn->src || r->obj->n_insns - pc < 2) {
        return ubpf_fail(error, EINVAL,
                         "the relocation of instruction %" PRIu32
                         " is not on a plain lddw",
                         pc);
    }
    if (sym->st_shndx == SHN_UNDEF) {
        return ubpf_fail(error, EINVAL,
                         "instruction %" PRIu32
                         " refers to \"%s\", which the object does not define",
                         pc, name);
    }
    offset = (uint64_t) (uint32_t) insn[1].imm << 32 | (uint32_t) insn[0].imm;
    if (__builtin_add_overflow(offset, sym->st_value, &offset)) {
        return ubpf_fail(error, EINVAL,
                         "instruction %" PRIu32
                         " refers to a byte outside of \"%s\"",
                         pc, name);
    }
    if (sym->st_shndx == r->maps) {
        return relocate_map(r, pc, offset, name, error);
    }
    if (sym->st_shndx < r->file.n_sections
        && r->rodata_base[sym->st_shndx] != UINT32_MAX) {
        return relocate_rodata(r, pc, sym->st_shndx, offset, name, error);
    }
    return ubpf_fail(error, EINVAL,
                     "instruction %" PRIu32
                     " refers to \"%s\", which is neither a map nor a "
                     "constant",
                     pc, name);
}

static int
apply(struct reader *r, const Elf64_Rel *rel, char **error)
{
    uint32_t type = ELF64_R_TYPE(rel->r_info);
    uint32_t pc = (uint32_t) (rel->r_offset / sizeof *r->obj->insns);
    const char *name;
    Elf64_Sym sym;

    if (rel->r_offset % sizeof *r->obj->insns
        || rel->r_offset / sizeof *r->obj->insns >= r->obj->n_insns) {
        return ubpf_fail(error, EINVAL,
                         "a relocation at byte %" PRIu64 " of the code, where "
                         "no instruction starts",
                         rel->r_offset);
    }
    if (ELF64_R_SYM(rel->r_info) >= r->file.n_symbols) {
        return ubpf_fail(
            error, EINVAL,
            "the relocation of instruction %" PRIu32 " has no symbol", pc);
    }
    sym = elf_file_symbol(&r->file, ELF64_R_SYM(rel->r_info), &name);
    name = symbol_name(r, &sym, name);
    switch (type) {
    case UBPF_R_BPF_64_64:
        return relocate_lddw(r, pc, &sym, name, error);
    case UBPF_R_BPF_64_32:
        return ubpf_fail(error, EINVAL,
                         "instruction %" PRIu32
                         " calls \"%s\": local functions are not supported",
                         pc, name);
    default:
        return ubpf_fail(error, EINVAL,
                         "the relocation of instruction %" PRIu32
                         " has unsupported type %" PRIu32,
                         pc, type);
    }
}

/* Applies the relocations in 'section' if they are for the code; refuses
 * those for anything else that a program could see. */
static int
relocate_section(struct reader *r, const struct elf_section *section,
                 char **error)
{
    uint32_t target = section->header.sh_info;
    Elf64_Rel rel;

    if (target >= r->file.n_sections) {
        return ubpf_fail(error, EINVAL,
                         "section \"%s\" relocates a section that does not "
                         "exist",
                         section->name);
    }
    if (target != r->prog) {
        struct elf_section other = elf_file_section(&r->file, target);

        if (section->size && other.header.sh_flags & SHF_ALLOC
            && strcmp(other.name, ".eh_frame")) {
            return ubpf_fail(error, EINVAL,
                             "relocations in section \"%s\" are not "
                             "supported",
                             other.name);
        }
        return 0;
    }
    if (section->header.sh_type != SHT_REL
        || section->header.sh_entsize != sizeof rel
        || section->size % sizeof rel) {
        return ubpf_fail(error, EINVAL,
                         "section \"%s\" is not a table of REL relocations",
                         section->name);
    }
    for (size_t ofs = 0; ofs < section->size; ofs += sizeof rel) {
        int err;

        memcpy(&rel, section->data + ofs, sizeof rel);
        err = apply(r, &rel, error);
        if (err) {
            return err;
        }
    }
    return 0;
}

int
reader_relocate(struct reader *r, char **error)
{
    for (uint32_t i = 1; i < r->file.n_sections; i++) {
        struct elf_section section = elf_file_section(&r->file, i);

        if (section.header.sh_type == SHT_REL
            || section.header.sh_type == SHT_RELA) {
            int err = relocate_section(r, &section, error);

            if (err) {
                return err;
            }
        }
    }
    return 0;
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * Relocations: what an lddw of the program refers to. */

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <string.h>

#include "elf/reader.h"
#include "error.h"

#define OPCODE_LDDW 0x18

#define OPCODE_CALL 0x85
#define CALL_LOCAL  1

const char *
reader_symbol_name(const struct reader *r, const Elf64_Sym *sym,
                   const char *name)
{
    if (*name) {
        return name;
    }
    if (sym->st_shndx > 0 && sym->st_shndx < r->file.n_sections) {
        return elf_file_section(&r->file, sym->st_shndx).name;
    }
    return "(unnamed)";
}

/* What a relocation says. */
struct relocation {
    const struct reader_rel *rel;
    struct ubpf_insn *insn;
    Elf64_Sym sym;
    const char *name;
    uint64_t offset; /* Into the symbol's section. */
};

/* Makes the lddw load the map at 'offset' of section "maps" or ".maps". */
static int
relocate_map(struct reader *r, const struct relocation *rel, char **error)
{
    const size_t def_size = sizeof(struct ubpf_map_def);
    uint32_t n = r->n_declared_maps - r->n_legacy_maps;

    rel->insn[0].src = UBPF_PSEUDO_MAP_IDX;
    rel->insn[1].imm = 0;
    if (rel->sym.st_shndx == r->maps) {
        if (rel->offset % def_size == 0
            && rel->offset / def_size < r->n_legacy_maps) {
            rel->insn[0].imm = (int32_t) (rel->offset / def_size);
            return 0;
        }
    } else {
        for (uint32_t i = 0; i < n; i++) {
            if (r->btf_map_at[i] == rel->offset) {
                rel->insn[0].imm = (int32_t) (r->n_legacy_maps + i);
                return 0;
            }
        }
    }
    return ubpf_fail(error, EINVAL,
                     "instruction %" PRIu32 " refers to byte %" PRIu64
                     " of \"%s\", where no map starts",
                     rel->rel->slot, rel->offset, rel->name);
}

/* Makes the lddw load the address of byte 'offset' of the global data in the
 * symbol's section. */
static int
relocate_global(struct reader *r, const struct relocation *rel, char **error)
{
    const struct reader_section *section = &r->sections[rel->sym.st_shndx];

    if (rel->offset
        > elf_file_section(&r->file, rel->sym.st_shndx).header.sh_size) {
        return ubpf_fail(error, EINVAL,
                         "instruction %" PRIu32
                         " refers to a byte outside of \"%s\"",
                         rel->rel->slot, rel->name);
    }
    rel->insn[0].src = UBPF_PSEUDO_MAP_VALUE;
    rel->insn[0].imm = (int32_t) r->obj->globals[section->global].map;
    rel->insn[1].imm = (int32_t) (section->global_base + rel->offset);
    return 0;
}

/* Applies R_BPF_64_64; 'left' slots of the function are from it on. */
static int
relocate_lddw(struct reader *r, struct relocation *rel, uint32_t left,
              char **error)
{
    const struct ubpf_insn *insn = rel->insn;
    uint32_t pc = rel->rel->slot, section = rel->sym.st_shndx;

    if (insn->opcode != OPCODE_LDDW || insn->src || left < 2) {
        return ubpf_fail(error, EINVAL,
                         "the relocation of instruction %" PRIu32
                         " is not on a plain lddw",
                         pc);
    }
    if (section == SHN_UNDEF) {
        return ubpf_fail(error, EINVAL,
                         "instruction %" PRIu32
                         " refers to \"%s\", which the object does not define",
                         pc, rel->name);
    }
    rel->offset =
        (uint64_t) (uint32_t) insn[1].imm << 32 | (uint32_t) insn[0].imm;
    if (__builtin_add_overflow(rel->offset, rel->sym.st_value, &rel->offset)) {
        return ubpf_fail(error, EINVAL,
                         "instruction %" PRIu32
                         " refers to a byte outside of \"%s\"",
                         pc, rel->name);
    }
    if (section == r->maps || section == r->btf_maps) {
        return relocate_map(r, rel, error);
    }
    if (section < r->file.n_sections
        && r->sections[section].global_base != READER_NONE) {
        return relocate_global(r, rel, error);
    }
    return ubpf_fail(error, EINVAL,
                     "instruction %" PRIu32
                     " refers to \"%s\", which is neither a map nor data",
                     pc, rel->name);
}

/* Applies the relocation of slot 'slot' of 'f', if it has one. */
static int
relocate_slot(struct reader *r, const struct reader_function *f, uint32_t slot,
              char **error)
{
    struct relocation rel = {.rel = reader_find_rel(r, f->section, slot)};

    if (!rel.rel) {
        return 0;
    }
    rel.insn = &r->obj->insns[f->at + (slot - f->start)];
    rel.sym = elf_file_symbol(&r->file, rel.rel->symbol, &rel.name);
    rel.name = reader_symbol_name(r, &rel.sym, rel.name);
    if (rel.rel->type == UBPF_R_BPF_64_64) {
        return relocate_lddw(r, &rel, f->end - slot, error);
    }
    if (rel.insn->opcode == OPCODE_CALL && rel.insn->src == CALL_LOCAL) {
        return 0; /* Linked already. */
    }
    return ubpf_fail(error, EINVAL,
                     "the relocation of instruction %" PRIu32
                     " has unsupported type %" PRIu32,
                     slot, rel.rel->type);
}

int
reader_relocate(struct reader *r, char **error)
{
    for (uint32_t i = 0; i < r->n_linked; i++) {
        const struct reader_function *f = r->linked[i];

        for (uint32_t slot = f->start; slot < f->end; slot++) {
            int err = relocate_slot(r, f, slot, error);

            if (err) {
                return err;
            }
        }
    }
    return 0;
}

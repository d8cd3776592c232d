/* SPDX-License-Identifier: Apache-2.0
 *
 * The functions in an object and the relocations of their instructions, in
 * order. */

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "elf/reader.h"
#include "error.h"
#include "host.h"

#define MAX_RELOCATIONS (1u << 20)

static int
compare_places(uint32_t a_section, uint32_t a, uint32_t b_section, uint32_t b)
{
    return a_section != b_section ? (a_section > b_section) * 2 - 1
                                  : (a > b) - (a < b);
}

static int
compare_functions(const void *a_, const void *b_)
{
    const struct reader_function *a = a_, *b = b_;
    int order = compare_places(a->section, a->start, b->section, b->start);

    /* Of two names of one function, the global one first. */
    return order ? order : b->global - a->global;
}

static int
compare_rels(const void *a_, const void *b_)
{
    const struct reader_rel *a = a_, *b = b_;

    return compare_places(a->section, a->slot, b->section, b->slot);
}

/* The symbol 'sym' is a function in a section of code. */
static bool
is_function(const struct reader *r, const Elf64_Sym *sym)
{
    return ELF64_ST_TYPE(sym->st_info) == STT_FUNC
           && sym->st_shndx < r->file.n_sections
           && r->sections[sym->st_shndx].code;
}

/* Reads the function 'sym', named 'name', to '*f'. */
static int
read_function(const struct reader *r, const Elf64_Sym *sym, const char *name,
              struct reader_function *f, char **error)
{
    const size_t size = sizeof(struct ubpf_insn);
    uint64_t n = elf_file_section(&r->file, sym->st_shndx).size / size;

    if (sym->st_value % size || sym->st_size % size
        || sym->st_value / size >= n
        || sym->st_size / size > n - sym->st_value / size) {
        return ubpf_fail(error, EINVAL,
                         "function \"%s\" does not lie in its section", name);
    }
    f->name = name;
    f->section = sym->st_shndx;
    f->start = (uint32_t) (sym->st_value / size);
    f->end = sym->st_size ? f->start + (uint32_t) (sym->st_size / size)
                          : (uint32_t) n;
    f->at = READER_NONE;
    f->global = ELF64_ST_BIND(sym->st_info) != STB_LOCAL;
    return 0;
}

/* Drops second names, and ends each function where the next one starts. */
static void
tidy_functions(struct reader *r)
{
    uint32_t n = 0;

    for (uint32_t i = 0; i < r->n_functions; i++) {
        struct reader_function *f = &r->functions[i];
        struct reader_function *last = n ? &r->functions[n - 1] : NULL;

        if (last && last->section == f->section) {
            if (last->start == f->start) {
                continue;
            }
            last->end = last->end < f->start ? last->end : f->start;
        }
        r->functions[n++] = *f;
    }
    r->n_functions = n;
}

int
reader_functions(struct reader *r, char **error)
{
    uint32_t n = 0;

    for (uint32_t i = 1; i < r->file.n_sections; i++) {
        struct elf_section section = elf_file_section(&r->file, i);

        if (r->sections[i].code
            && (!section.size || section.size % sizeof(struct ubpf_insn))) {
            return ubpf_fail(error, EINVAL,
                             "section \"%s\" has %zu bytes, which is no "
                             "number of instructions",
                             section.name, section.size);
        }
    }
    for (uint32_t i = 1; i < r->file.n_symbols; i++) {
        const char *name;
        Elf64_Sym sym = elf_file_symbol(&r->file, i, &name);

        n += is_function(r, &sym);
    }
    r->functions = ubpf_host_zalloc(r->obj->host, n, sizeof *r->functions);
    if (!r->functions) {
        return ubpf_fail_nomem(error);
    }
    for (uint32_t i = 1; i < r->file.n_symbols; i++) {
        const char *name;
        Elf64_Sym sym = elf_file_symbol(&r->file, i, &name);

        if (is_function(r, &sym)) {
            int err = read_function(r, &sym, name,
                                    &r->functions[r->n_functions++], error);
            if (err) {
                return err;
            }
        }
    }
    qsort(r->functions, r->n_functions, sizeof *r->functions,
          compare_functions);
    tidy_functions(r);
    return 0;
}

/* Checks 'section', which holds relocations, and says whether they are for
 * code; refuses those for anything else that a program could see. */
static int
check_relocations(const struct reader *r, const struct elf_section *section,
                  bool *code, char **error)
{
    uint32_t target = section->header.sh_info;
    struct elf_section other;

    *code = false;
    if (target >= r->file.n_sections) {
        return ubpf_fail(error, EINVAL,
                         "section \"%s\" relocates a section that does not "
                         "exist",
                         section->name);
    }
    if (!r->sections[target].code) {
        other = elf_file_section(&r->file, target);
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
        || section->header.sh_entsize != sizeof(Elf64_Rel)
        || section->size % sizeof(Elf64_Rel)) {
        return ubpf_fail(error, EINVAL,
                         "section \"%s\" is not a table of REL relocations",
                         section->name);
    }
    *code = true;
    return 0;
}

/* Adds the relocations in 'section'. */
static int
add_relocations(struct reader *r, const struct elf_section *section,
                char **error)
{
    uint32_t target = section->header.sh_info;
    size_t n =
        elf_file_section(&r->file, target).size / sizeof(struct ubpf_insn);
    Elf64_Rel rel;

    for (size_t ofs = 0; ofs < section->size; ofs += sizeof rel) {
        struct reader_rel *out = &r->rels[r->n_rels++];

        memcpy(&rel, section->data + ofs, sizeof rel);
        if (rel.r_offset % sizeof(struct ubpf_insn)
            || rel.r_offset / sizeof(struct ubpf_insn) >= n) {
            return ubpf_fail(error, EINVAL,
                             "a relocation at byte %" PRIu64
                             " of the code, where no instruction starts",
                             rel.r_offset);
        }
        out->section = target;
        out->slot = (uint32_t) (rel.r_offset / sizeof(struct ubpf_insn));
        out->symbol = ELF64_R_SYM(rel.r_info);
        out->type = ELF64_R_TYPE(rel.r_info);
        if (out->symbol >= r->file.n_symbols) {
            return ubpf_fail(error, EINVAL,
                             "the relocation of instruction %" PRIu32
                             " has no symbol",
                             out->slot);
        }
    }
    return 0;
}

int
reader_relocations(struct reader *r, char **error)
{
    uint64_t total = 0;
    bool code;
    int err;

    for (uint32_t pass = 0; pass < 2; pass++) {
        for (uint32_t i = 1; i < r->file.n_sections; i++) {
            struct elf_section section = elf_file_section(&r->file, i);

            if (section.header.sh_type != SHT_REL
                && section.header.sh_type != SHT_RELA) {
                continue;
            }
            err = check_relocations(r, &section, &code, error);
            if (!err && code && pass) {
                err = add_relocations(r, &section, error);
            }
            if (err) {
                return err;
            }
            total += code ? section.size / sizeof(Elf64_Rel) : 0;
        }
        if (total > MAX_RELOCATIONS) {
            return ubpf_fail(error, E2BIG, "more than %u relocations",
                             MAX_RELOCATIONS);
        }
        if (!pass) {
            r->rels = ubpf_host_zalloc(r->obj->host, total, sizeof *r->rels);
            if (!r->rels) {
                return ubpf_fail_nomem(error);
            }
            total = 0;
        }
    }
    qsort(r->rels, r->n_rels, sizeof *r->rels, compare_rels);
    for (uint32_t i = 1; i < r->n_rels; i++) {
        if (!compare_rels(&r->rels[i - 1], &r->rels[i])) {
            return ubpf_fail(error, EINVAL,
                             "instruction %" PRIu32 " has two relocations",
                             r->rels[i].slot);
        }
    }
    return 0;
}

const struct reader_rel *
reader_find_rel(const struct reader *r, uint32_t section, uint32_t slot)
{
    const struct reader_rel key = {.section = section, .slot = slot};

    return bsearch(&key, r->rels, r->n_rels, sizeof key, compare_rels);
}

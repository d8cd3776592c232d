/* SPDX-License-Identifier: Apache-2.0 */

#include "elf_writer.h"

#include <string.h>

#include "check.h"

#define EM_BPF_MACHINE 247

void
writer_init(struct elf_writer *w)
{
    memset(w, 0, sizeof *w);
    w->n_sections = 1;
    w->n_symbols = 1;
    w->header = (Elf64_Ehdr) {
        .e_ident = {0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, EV_CURRENT},
        .e_type = ET_REL,
        .e_machine = EM_BPF_MACHINE,
        .e_version = EV_CURRENT,
        .e_ehsize = sizeof(Elf64_Ehdr),
        .e_shentsize = sizeof(Elf64_Shdr),
    };
}

void
writer_program(struct elf_writer *w, const struct ubpf_insn *insns, size_t n)
{
    static const uint32_t version = UBPF_ABI_VERSION;

    writer_init(w);
    writer_section(w, UBPF_SEC_PROG, SHT_PROGBITS, SHF_ALLOC | SHF_EXECINSTR,
                   insns, n * sizeof *insns);
    writer_section(w, UBPF_SEC_ABI, SHT_PROGBITS, SHF_ALLOC, &version,
                   sizeof version);
    writer_symbol(w, "entry", STB_GLOBAL, STT_FUNC, 1, 0, n * sizeof *insns);
}

unsigned int
writer_section(struct elf_writer *w, const char *name, uint32_t type,
               uint64_t flags, const void *data, size_t size)
{
    struct writer_section *section = &w->sections[w->n_sections];

    CHECK(w->n_sections < WRITER_MAX);
    section->name = name;
    section->data = data;
    section->header = (Elf64_Shdr) {
        .sh_type = type,
        .sh_flags = flags,
        .sh_size = size,
        .sh_addralign = 1,
    };
    return w->n_sections++;
}

unsigned int
writer_symbol(struct elf_writer *w, const char *name, unsigned char bind,
              unsigned char type, unsigned int section, uint64_t value,
              uint64_t size)
{
    CHECK(w->n_symbols < WRITER_MAX);
    w->symbols[w->n_symbols].name = name;
    w->symbols[w->n_symbols].sym = (Elf64_Sym) {
        .st_info = ELF64_ST_INFO(bind, type),
        .st_shndx = (Elf64_Half) section,
        .st_value = value,
        .st_size = size,
    };
    return w->n_symbols++;
}

unsigned int
writer_maps(struct elf_writer *w, const struct ubpf_map_def *defs,
            const char *const names[], size_t n)
{
    unsigned int section =
        writer_section(w, UBPF_SEC_MAPS, SHT_PROGBITS, SHF_ALLOC | SHF_WRITE,
                       defs, n * sizeof *defs);

    for (size_t i = 0; i < n; i++) {
        writer_symbol(w, names[i], STB_GLOBAL, STT_OBJECT, section,
                      i * sizeof *defs, sizeof *defs);
    }
    return section;
}

unsigned int
writer_relocations(struct elf_writer *w, unsigned int target,
                   const Elf64_Rel *rels, size_t n)
{
    unsigned int section =
        writer_section(w, ".rel", SHT_REL, 0, rels, n * sizeof *rels);

    w->sections[section].header.sh_info = target;
    w->sections[section].header.sh_entsize = sizeof *rels;
    return section;
}

/* What writer_finish() writes to, growing. */
struct output {
    uint8_t *data;
    size_t len;
};

static size_t
append(struct output *out, const void *data, size_t size)
{
    size_t offset = out->len;

    out->data = realloc(out->data, out->len + size + 1);
    CHECK(out->data);
    if (data && size) {
        memcpy(out->data + out->len, data, size);
    } else {
        memset(out->data + out->len, 0, size);
    }
    out->len += size;
    return offset;
}

/* Appends 'name' to string table 'strings' and returns its offset there. */
static uint32_t
intern(struct output *strings, const char *name)
{
    return name ? (uint32_t) append(strings, name, strlen(name) + 1) : 0;
}

/* The layout: header, each section's data, symbols, names, section headers.
 * The symbol table and the names, of symbols and sections, are the last two
 * sections. */
uint8_t *
writer_finish(const struct elf_writer *w, size_t *len)
{
    struct output out = {NULL, 0}, names = {NULL, 0};
    Elf64_Shdr headers[WRITER_MAX + 2];
    Elf64_Sym symbols[WRITER_MAX];
    unsigned int n = w->n_sections;
    Elf64_Ehdr ehdr = w->header;
    size_t offset;

    memset(headers, 0, sizeof headers);
    append(&out, NULL, sizeof ehdr);
    append(&names, "", 1);
    for (unsigned int i = 1; i < n; i++) {
        const struct writer_section *section = &w->sections[i];
        int nobits = section->header.sh_type == SHT_NOBITS;

        headers[i] = section->header;
        headers[i].sh_name = intern(&names, section->name);
        offset =
            append(&out, section->data, nobits ? 0 : section->header.sh_size);
        headers[i].sh_offset += offset;
    }
    for (unsigned int i = 0; i < w->n_symbols; i++) {
        symbols[i] = w->symbols[i].sym;
        symbols[i].st_name = intern(&names, w->symbols[i].name);
    }
    headers[n] = (Elf64_Shdr) {
        .sh_name = intern(&names, ".symtab"),
        .sh_type = SHT_SYMTAB,
        .sh_offset = append(&out, symbols, w->n_symbols * sizeof symbols[0]),
        .sh_size = w->n_symbols * sizeof symbols[0],
        .sh_link = n + 1,
        .sh_entsize = sizeof symbols[0],
    };
    headers[n + 1] = (Elf64_Shdr) {
        .sh_name = intern(&names, ".strtab"),
        .sh_type = SHT_STRTAB,
        .sh_offset = append(&out, names.data, names.len),
        .sh_size = names.len,
    };
    free(names.data);

    ehdr.e_shoff = ehdr.e_shoff ? ehdr.e_shoff : out.len;
    ehdr.e_shnum = ehdr.e_shnum ? ehdr.e_shnum : (Elf64_Half) (n + 2);
    ehdr.e_shstrndx = ehdr.e_shstrndx ? ehdr.e_shstrndx : (Elf64_Half) (n + 1);
    append(&out, headers, (n + 2) * sizeof headers[0]);
    memcpy(out.data, &ehdr, sizeof ehdr);
    *len = out.len;
    return out.data;
}

/* SPDX-License-Identifier: Apache-2.0 */

#include "elf/dwarf.h"

#include <string.h>

/* DWARF 5, sections 6.2.5 and 7.22: opcodes of the line program. */
enum {
    DW_LNS_COPY = 1,
    DW_LNS_ADVANCE_PC,
    DW_LNS_ADVANCE_LINE,
    DW_LNS_SET_FILE,
    DW_LNS_SET_COLUMN,
    DW_LNS_NEGATE_STMT,
    DW_LNS_SET_BASIC_BLOCK,
    DW_LNS_CONST_ADD_PC,
    DW_LNS_FIXED_ADVANCE_PC,
};
enum {
    DW_LNE_END_SEQUENCE = 1,
    DW_LNE_SET_ADDRESS,
};

/* Section 7.5.6: forms of what describes a file; and 7.22: what they are. */
enum {
    DW_FORM_BLOCK = 0x09,
    DW_FORM_DATA1 = 0x0b,
    DW_FORM_DATA2 = 0x05,
    DW_FORM_DATA4 = 0x06,
    DW_FORM_DATA8 = 0x07,
    DW_FORM_DATA16 = 0x1e,
    DW_FORM_STRING = 0x08,
    DW_FORM_STRP = 0x0e,
    DW_FORM_UDATA = 0x0f,
    DW_FORM_LINE_STRP = 0x1f,
};
#define DW_LNCT_PATH 1

#define R_BPF_64_ABS64 2

/* Nothing more can be read from 'b'. */
static uint64_t
stop(struct dwarf_bytes *b)
{
    b->p = b->end;
    return 0;
}

static size_t
left(const struct dwarf_bytes *b)
{
    return (size_t) (b->end - b->p);
}

/* A little-endian number of 'n' bytes, or 0 and nothing is left. */
static uint64_t
get(struct dwarf_bytes *b, size_t n)
{
    uint64_t x = 0;

    if (left(b) < n) {
        return stop(b);
    }
    for (size_t i = 0; i < n; i++) {
        x |= (uint64_t) b->p[i] << (8 * i);
    }
    b->p += n;
    return x;
}

/* A number of variable length; bits beyond 64 are dropped. */
static uint64_t
get_leb(struct dwarf_bytes *b, bool is_signed)
{
    uint64_t x = 0;

    for (unsigned int shift = 0; left(b); shift += 7) {
        uint8_t byte = *b->p++;

        if (shift < 64) {
            x |= (uint64_t) (byte & 0x7f) << shift;
        }
        if (!(byte & 0x80)) {
            return is_signed && byte & 0x40 && shift < 57
                       ? x | UINT64_MAX << (shift + 7)
                       : x;
        }
    }
    return 0;
}

static void
skip(struct dwarf_bytes *b, uint64_t n)
{
    b->p = n <= left(b) ? b->p + n : b->end;
}

/* The string that starts at 'b', or NULL. */
static const char *
get_string(struct dwarf_bytes *b)
{
    const uint8_t *nul = left(b) ? memchr(b->p, 0, left(b)) : NULL;
    const char *s = (const char *) b->p;

    if (!nul) {
        stop(b);
        return NULL;
    }
    b->p = nul + 1;
    return s;
}

/* The string at 'offset' of a section of strings, or NULL. */
static const char *
string_at(const struct elf_section *section, uint64_t offset)
{
    return offset < section->size && !section->data[section->size - 1]
               ? (const char *) section->data + offset
               : NULL;
}

/* Reads past a value of 'form'; '*s' is the string that it is, if it is one.
 * Returns false where the form is not known. */
static bool
get_form(const struct dwarf_lines *lines, struct dwarf_bytes *b, uint64_t form,
         const char **s)
{
    *s = NULL;
    switch (form) {
    case DW_FORM_STRING:
        *s = get_string(b);
        return true;
    case DW_FORM_LINE_STRP:
        *s = string_at(&lines->line_str, get(b, 4));
        return true;
    case DW_FORM_STRP:
        *s = string_at(&lines->str, get(b, 4));
        return true;
    case DW_FORM_UDATA:
        get_leb(b, false);
        return true;
    case DW_FORM_BLOCK:
        skip(b, get_leb(b, false));
        return true;
    case DW_FORM_DATA1:
        skip(b, 1);
        return true;
    case DW_FORM_DATA2:
        skip(b, 2);
        return true;
    case DW_FORM_DATA4:
        skip(b, 4);
        return true;
    case DW_FORM_DATA8:
        skip(b, 8);
        return true;
    case DW_FORM_DATA16:
        skip(b, 16);
        return true;
    default:
        return false;
    }
}

static void
name_file(struct dwarf_lines *lines, uint64_t i, const char *name)
{
    if (i < DWARF_FILES) {
        lines->files[i] = name;
        lines->n_files = (uint32_t) i + 1;
    }
}

/* Reads a table of version 5: its format, then its entries; 'files': their
 * paths are those of files. */
static bool
read_table(struct dwarf_lines *lines, struct dwarf_bytes *b, bool files)
{
    uint64_t formats[UINT8_MAX][2], n_entries;
    uint8_t n_formats = (uint8_t) get(b, 1);

    for (uint8_t i = 0; i < n_formats; i++) {
        formats[i][0] = get_leb(b, false);
        formats[i][1] = get_leb(b, false);
    }
    n_entries = get_leb(b, false);
    for (uint64_t i = 0; i < n_entries && left(b); i++) {
        for (uint8_t k = 0; k < n_formats; k++) {
            const char *s;

            if (!get_form(lines, b, formats[k][1], &s)) {
                return false;
            }
            if (files && formats[k][0] == DW_LNCT_PATH) {
                name_file(lines, i, s);
            }
        }
        if (!n_formats) {
            return false;
        }
    }
    return true;
}

/* The same of the versions before; files count from 1. */
static void
read_old_tables(struct dwarf_lines *lines, struct dwarf_bytes *b)
{
    const char *s;

    do {
        s = get_string(b); /* A folder. */
    } while (s && *s);
    for (uint32_t i = 1;; i++) {
        s = get_string(b);
        if (!s || !*s) {
            return;
        }
        for (int k = 0; k < 3; k++) {
            get_leb(b, false); /* Folder, time, and size. */
        }
        name_file(lines, i, s);
    }
}

/* The registers at the start of a sequence. */
static void
reset(struct dwarf_lines *lines)
{
    lines->section = 0;
    lines->address = 0;
    lines->file_index = 1;
    lines->line = 1;
}

/* Reads the header of the next unit; false if there is none that is known. */
static bool
next_unit(struct dwarf_lines *lines)
{
    struct dwarf_bytes unit = lines->units, header;
    uint64_t length = get(&unit, 4), version, header_length;

    if (!length || length > left(&unit)) {
        return false;
    }
    unit.end = unit.p + length;
    lines->units.p = unit.end;
    version = get(&unit, 2);
    if (version < 2 || version > 5) {
        return false;
    }
    if (version == 5) {
        skip(&unit, 2); /* Sizes of addresses and of segment selectors. */
    }
    header_length = get(&unit, 4);
    header = unit;
    skip(&unit, header_length);
    header.end = unit.p;
    lines->ops = unit;

    lines->min_length = (uint8_t) get(&header, 1);
    skip(&header, version >= 4 ? 2 : 1); /* Operations in one, is_stmt. */
    lines->line_base = (int8_t) get(&header, 1);
    lines->line_range = (uint8_t) get(&header, 1);
    lines->opcode_base = (uint8_t) get(&header, 1);
    lines->n_operands = header.p;
    if (!lines->line_range || !lines->opcode_base
        || left(&header) < (size_t) lines->opcode_base - 1) {
        return false;
    }
    skip(&header, (uint64_t) lines->opcode_base - 1);
    memset(lines->files, 0, lines->n_files * sizeof *lines->files);
    lines->n_files = 0;
    if (version < 5) {
        read_old_tables(lines, &header);
    } else if (!read_table(lines, &header, false)
               || !read_table(lines, &header, true)) {
        return false;
    }
    reset(lines);
    return true;
}

/* Sets the address to the symbol that the relocation of the bytes at 'at'
 * names, plus 'addend'.  Relocations come in order. */
static void
set_address(struct dwarf_lines *lines, const uint8_t *at, uint64_t addend)
{
    uint64_t offset = (uint64_t) (at - lines->debug_line.data);

    lines->section = 0;
    lines->address = addend;
    for (; (lines->next_rel + 1) * sizeof(Elf64_Rel) <= lines->rels.size;
         lines->next_rel++) {
        const char *name;
        Elf64_Rel rel;
        Elf64_Sym sym;

        memcpy(&rel, lines->rels.data + lines->next_rel * sizeof rel,
               sizeof rel);
        if (rel.r_offset > offset) {
            return;
        }
        if (rel.r_offset == offset
            && ELF64_R_TYPE(rel.r_info) == R_BPF_64_ABS64
            && ELF64_R_SYM(rel.r_info) < lines->file->n_symbols) {
            sym = elf_file_symbol(lines->file,
                                  (uint32_t) ELF64_R_SYM(rel.r_info), &name);
            lines->section = sym.st_shndx;
            lines->address += sym.st_value;
            return;
        }
    }
}

/* An operation whose length is given. */
static void
extended_op(struct dwarf_lines *lines)
{
    uint64_t length = get_leb(&lines->ops, false);
    struct dwarf_bytes b = lines->ops;

    skip(&lines->ops, length);
    b.end = lines->ops.p;
    switch (get(&b, 1)) {
    case DW_LNE_END_SEQUENCE:
        reset(lines);
        break;
    case DW_LNE_SET_ADDRESS:
        if (left(&b) == 8) {
            const uint8_t *at = b.p;

            set_address(lines, at, get(&b, 8));
        }
        break;
    }
}

/* Addresses that the special opcode 'code' advances by. */
static uint64_t
advance_of(const struct dwarf_lines *lines, uint8_t code)
{
    return (uint64_t) ((code - lines->opcode_base) / lines->line_range)
           * lines->min_length;
}

/* Carries out the operation 'code' below the special ones.  Returns whether it
 * says that a line starts. */
static bool
standard_op(struct dwarf_lines *lines, uint8_t code)
{
    switch (code) {
    case 0:
        extended_op(lines);
        return false;
    case DW_LNS_COPY:
        return true;
    case DW_LNS_ADVANCE_PC:
        lines->address += get_leb(&lines->ops, false) * lines->min_length;
        return false;
    case DW_LNS_ADVANCE_LINE:
        lines->line += get_leb(&lines->ops, true);
        return false;
    case DW_LNS_SET_FILE:
        lines->file_index = get_leb(&lines->ops, false);
        return false;
    case DW_LNS_CONST_ADD_PC:
        lines->address += advance_of(lines, UINT8_MAX);
        return false;
    case DW_LNS_FIXED_ADVANCE_PC:
        lines->address += get(&lines->ops, 2);
        return false;
    default:
        for (uint8_t i = 0; i < lines->n_operands[code - 1]; i++) {
            get_leb(&lines->ops, false);
        }
        return false;
    }
}

/* Carries out one operation.  Returns whether it says that a line starts. */
static bool
step(struct dwarf_lines *lines)
{
    uint8_t code = (uint8_t) get(&lines->ops, 1);

    if (code < lines->opcode_base) {
        return standard_op(lines, code);
    }
    lines->address += advance_of(lines, code);
    lines->line +=
        (uint64_t) (int64_t) lines->line_base
        + (uint64_t) ((code - lines->opcode_base) % lines->line_range);
    return true;
}

void
dwarf_lines_start(struct dwarf_lines *lines, const struct elf_file *file)
{
    uint32_t index = 0;

    memset(lines, 0, sizeof *lines);
    lines->file = file;
    for (uint32_t i = 1; i < file->n_sections; i++) {
        struct elf_section section = elf_file_section(file, i);

        if (section.header.sh_flags & SHF_COMPRESSED) {
            continue;
        }
        if (!strcmp(section.name, ".debug_line")) {
            lines->debug_line = section;
            index = i;
        } else if (!strcmp(section.name, ".debug_line_str")) {
            lines->line_str = section;
        } else if (!strcmp(section.name, ".debug_str")) {
            lines->str = section;
        }
    }
    for (uint32_t i = 1; index && i < file->n_sections; i++) {
        struct elf_section section = elf_file_section(file, i);

        if (section.header.sh_type == SHT_REL
            && section.header.sh_info == index) {
            lines->rels = section;
        }
    }
    if (lines->debug_line.size) {
        lines->units.p = lines->debug_line.data;
        lines->units.end = lines->units.p + lines->debug_line.size;
    }
}

bool
dwarf_lines_next(struct dwarf_lines *lines, struct dwarf_line *line)
{
    for (;;) {
        while (!left(&lines->ops)) {
            if (!next_unit(lines)) {
                return false;
            }
        }
        if (step(lines) && lines->section
            && lines->section < lines->file->n_sections
            && lines->file_index < DWARF_FILES
            && lines->files[lines->file_index] && lines->line <= UINT32_MAX) {
            *line = (struct dwarf_line) {lines->section, lines->address,
                                         lines->files[lines->file_index],
                                         (uint32_t) lines->line};
            return true;
        }
    }
}

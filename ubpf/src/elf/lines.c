/* SPDX-License-Identifier: Apache-2.0
 *
 * Which line of a source each instruction comes from.  Section "p4rt.lines"
 * tells it of section "prog"; ".BTF.ext", or else ".debug_line", if the
 * compiler wrote debug information, of the others.  Lines serve messages only:
 * what is wrong in debug information is passed over. */

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "elf/btf.h"
#include "elf/dwarf.h"
#include "elf/reader.h"
#include "error.h"
#include "host.h"

/* A record of either kind: from 'slot' of 'section' on. */
struct place {
    uint32_t section, slot, line;
    const char *file;
};

/* All records, sorted by section and slot. */
struct places {
    struct place *all;
    uint32_t n;
};

static int
compare(const void *a_, const void *b_)
{
    const struct place *a = a_, *b = b_;

    if (a->section != b->section) {
        return a->section > b->section ? 1 : -1;
    }
    return (a->slot > b->slot) - (a->slot < b->slot);
}

/* Adds the records of section "p4rt.lines". */
static int
add_lines(const struct reader *r, struct places *places, char **error)
{
    struct elf_section section = elf_file_section(&r->file, r->lines);
    size_t n_insns = r->prog ? elf_file_section(&r->file, r->prog).size
                                   / sizeof(struct ubpf_insn)
                             : 0;
    uint32_t last = 0;

    for (uint32_t i = 0; i < section.size / sizeof(struct ubpf_line); i++) {
        struct ubpf_line line;

        memcpy(&line, section.data + i * sizeof line, sizeof line);
        if (line.insn >= n_insns || line.insn < last) {
            return ubpf_fail(error, EINVAL,
                             "record %" PRIu32 " of section \"" UBPF_SEC_LINES
                             "\" is out of order or beyond the program",
                             i);
        }
        last = line.insn;
        places->all[places->n++] =
            (struct place) {r->prog, line.insn, line.line, NULL};
    }
    return 0;
}

/* The section of code named 'name', or 0. */
static uint32_t
find_section(const struct reader *r, const char *name)
{
    for (uint32_t i = 1; i < r->file.n_sections; i++) {
        if (r->sections[i].code
            && !strcmp(elf_file_section(&r->file, i).name, name)) {
            return i;
        }
    }
    return 0;
}

/* Adds the records of '.BTF.ext', but for those of section "prog" if that has
 * lines of its own. */
static void
add_btf_lines(const struct reader *r, const struct btf *btf,
              struct places *places, uint32_t room)
{
    struct elf_section section = elf_file_section(&r->file, r->btf_ext);
    struct btf_lines lines;
    struct btf_line line;
    uint32_t last = 0;
    const char *name = NULL;

    for (btf_lines_start(&lines, btf, section.data, section.size);
         places->n < room && btf_lines_next(&lines, &line);) {
        if (line.section != name) {
            name = line.section;
            last = find_section(r, name);
        }
        if (last && !(last == r->prog && r->lines)) {
            places->all[places->n++] = (struct place) {
                last, line.offset / (uint32_t) sizeof(struct ubpf_insn),
                line.line, line.file};
        }
    }
}

/* Lines of ".debug_line" that are read, at most: a byte there may say one. */
#define MAX_DWARF_LINES (1u << 20)

/* Counts the lines of '.debug_line' of code without lines of its own, and adds
 * them to 'places' unless that is NULL. */
static uint32_t
add_dwarf_lines(const struct reader *r, struct places *places)
{
    struct dwarf_lines lines;
    struct dwarf_line line;
    uint32_t n = 0;

    dwarf_lines_start(&lines, &r->file);
    while (n < MAX_DWARF_LINES && dwarf_lines_next(&lines, &line)) {
        struct place place = {
            line.section, (uint32_t) (line.offset / sizeof(struct ubpf_insn)),
            line.line, line.name};
        struct place *last =
            places && places->n ? &places->all[places->n - 1] : NULL;

        if (!r->sections[line.section].code
            || (line.section == r->prog && r->lines)
            || line.offset >= elf_file_section(&r->file, line.section).size) {
            continue;
        }
        n++;
        if (last && !compare(last, &place)) {
            *last = place;
        } else if (places) {
            places->all[places->n++] = place;
        }
    }
    return n;
}

/* Writes the lines of 'f' to the object. */
static void
put_lines(struct reader *r, const struct places *places,
          const struct reader_function *f)
{
    struct ubpf_object *obj = r->obj;
    uint32_t low = 0, high = places->n;

    /* The first record after the start of 'f' is at 'low'. */
    while (low < high) {
        const struct place key = {.section = f->section, .slot = f->start};
        uint32_t mid = low + (high - low) / 2;

        if (compare(&places->all[mid], &key) <= 0) {
            low = mid + 1;
        } else {
            high = mid;
        }
    }
    obj->lines[obj->n_lines++] = (struct ubpf_object_line) {.insn = f->at};
    if (low && places->all[low - 1].section == f->section) {
        obj->lines[obj->n_lines - 1].line = places->all[low - 1].line;
        obj->lines[obj->n_lines - 1].file = places->all[low - 1].file;
    }
    for (; low < places->n && places->all[low].section == f->section
           && places->all[low].slot < f->end;
         low++) {
        const struct place *place = &places->all[low];

        obj->lines[obj->n_lines++] = (struct ubpf_object_line) {
            f->at + (place->slot - f->start), place->line, place->file};
    }
}

/* Collects the records and sorts them. */
static int
collect(struct reader *r, struct places *places, const struct btf *btf,
        char **error)
{
    struct elf_section section;
    size_t n = 0, n_debug;
    int err = 0;

    if (r->lines) {
        section = elf_file_section(&r->file, r->lines);
        if (section.size % sizeof(struct ubpf_line)) {
            return ubpf_fail(error, EINVAL,
                             "section \"" UBPF_SEC_LINES
                             "\" has %zu bytes, not a multiple of %zu",
                             section.size, sizeof(struct ubpf_line));
        }
        n = section.size / sizeof(struct ubpf_line);
    }
    if (btf) {
        n_debug = elf_file_section(&r->file, r->btf_ext).size / BTF_LINE_SIZE;
    } else {
        n_debug = add_dwarf_lines(r, NULL);
    }
    places->all =
        ubpf_host_zalloc(r->obj->host, n + n_debug, sizeof *places->all);
    if (!places->all) {
        return ubpf_fail_nomem(error);
    }
    if (r->lines) {
        err = add_lines(r, places, error);
    }
    if (!err && btf) {
        add_btf_lines(r, btf, places, (uint32_t) (n + n_debug));
    } else if (!err) {
        add_dwarf_lines(r, places);
    }
    if (n_debug) {
        qsort(places->all, places->n, sizeof *places->all, compare);
    }
    return err;
}

int
reader_lines(struct reader *r, char **error)
{
    struct places places = {NULL, 0};
    struct btf btf;
    bool has_btf = false;
    int err = 0;

    if (r->btf && r->btf_ext) {
        err = btf_open(&btf, r->obj->host,
                       elf_file_section(&r->file, r->btf).data,
                       elf_file_section(&r->file, r->btf).size);
        has_btf = !err;
    }
    err = err == ENOMEM ? ubpf_fail_nomem(error)
                        : collect(r, &places, has_btf ? &btf : NULL, error);
    if (!err && places.n) {
        r->obj->lines =
            ubpf_host_zalloc(r->obj->host, (size_t) places.n + r->n_linked,
                             sizeof *r->obj->lines);
        err = r->obj->lines ? 0 : ubpf_fail_nomem(error);
    }
    for (uint32_t i = 0; !err && places.n && i < r->n_linked; i++) {
        put_lines(r, &places, r->linked[i]);
    }
    if (has_btf) {
        btf_close(&btf);
    }
    ubpf_host_free(r->obj->host, places.all);
    return err;
}

const struct ubpf_object_line *
ubpf_object_line(const struct ubpf_object *obj, uint32_t insn)
{
    uint32_t low = 0, high = obj->n_lines;

    /* The last record whose 'insn' is not above 'insn' is at low - 1. */
    while (low < high) {
        uint32_t mid = low + (high - low) / 2;

        if (obj->lines[mid].insn <= insn) {
            low = mid + 1;
        } else {
            high = mid;
        }
    }
    return low && obj->lines[low - 1].line ? &obj->lines[low - 1] : NULL;
}

void
ubpf_object_line_text(const struct ubpf_object_line *line, char *buf,
                      size_t size)
{
    const char *slash;

    if (!line->file) {
        snprintf(buf, size, "P4 line %" PRIu32, line->line);
        return;
    }
    slash = strrchr(line->file, '/');
    snprintf(buf, size, "%.80s:%" PRIu32, slash ? slash + 1 : line->file,
             line->line);
    for (; *buf; buf++) {
        *buf = *buf < ' ' || *buf > '~' ? '?' : *buf;
    }
}

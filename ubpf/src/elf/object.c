/* SPDX-License-Identifier: Apache-2.0
 *
 * Reads an object file: finds its sections, its one function, its lines. */

#include "elf/object.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <string.h>

#include "elf/reader.h"
#include "error.h"
#include "host.h"

static bool
has_prefix(const char *s, const char *prefix)
{
    return !strncmp(s, prefix, strlen(prefix));
}

static bool
is_rodata(const struct elf_section *section)
{
    return section->header.sh_type == SHT_PROGBITS && section->size
           && section->header.sh_flags & SHF_ALLOC
           && !(section->header.sh_flags & (SHF_WRITE | SHF_EXECINSTR))
           && has_prefix(section->name, ".rodata");
}

/* Where in 'r' the index of the section named 'name' belongs, or NULL. */
static uint32_t *
known_section(struct reader *r, const char *name)
{
    const struct {
        const char *name;
        uint32_t *index;
    } known[] = {
        {UBPF_SEC_PROG, &r->prog},   {UBPF_SEC_MAPS, &r->maps},
        {UBPF_SEC_ABI, &r->abi},     {UBPF_SEC_INIT, &r->init},
        {UBPF_SEC_LINES, &r->lines},
    };

    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (!strcmp(name, known[i].name)) {
            return known[i].index;
        }
    }
    return NULL;
}

/* Refuses a section with contents that the engine cannot give a program. */
static int
check_section(const struct elf_section *section, char **error)
{
    const Elf64_Shdr *shdr = &section->header;

    if (!shdr->sh_size || !(shdr->sh_flags & SHF_ALLOC)) {
        return 0;
    }
    if (shdr->sh_flags & SHF_EXECINSTR
        && strcmp(section->name, UBPF_SEC_PROG)) {
        if (has_prefix(section->name, ".text")) {
            return ubpf_fail(
                error, EINVAL,
                "there is code in section \"%s\": local functions "
                "are not supported",
                section->name);
        }
        return ubpf_fail(error, EINVAL,
                         "there is code in section \"%s\": an object has "
                         "exactly one program, in section \"" UBPF_SEC_PROG
                         "\"",
                         section->name);
    }
    if (has_prefix(section->name, ".data") || has_prefix(section->name, ".bss")
        || shdr->sh_flags & SHF_TLS) {
        return ubpf_fail(error, EINVAL,
                         "writable global data is not supported (section "
                         "\"%s\")",
                         section->name);
    }
    return 0;
}

/* Lists the sections in the object and notes the known ones. */
static int
read_sections(struct reader *r, char **error)
{
    struct ubpf_object *obj = r->obj;

    obj->sections =
        ubpf_host_zalloc(obj->host, r->file.n_sections, sizeof *obj->sections);
    if (!obj->sections) {
        return ubpf_fail_nomem(error);
    }
    for (uint32_t i = 1; i < r->file.n_sections; i++) {
        struct elf_section section = elf_file_section(&r->file, i);
        uint32_t *index = known_section(r, section.name);
        int err = check_section(&section, error);

        if (err) {
            return err;
        }
        if (index) {
            if (*index) {
                return ubpf_fail(error, EINVAL, "two sections named \"%s\"",
                                 section.name);
            }
            if (section.header.sh_type != SHT_PROGBITS) {
                return ubpf_fail(error, EINVAL,
                                 "section \"%s\" has ELF type %" PRIu32
                                 ", not PROGBITS",
                                 section.name, section.header.sh_type);
            }
            *index = i;
        }
        if (section.header.sh_type != SHT_NULL
            && section.header.sh_type != SHT_NOBITS) {
            obj->sections[obj->n_sections++] = (struct ubpf_object_section) {
                .name = section.name,
                .data = section.data,
                .size = section.size,
            };
        }
    }
    return 0;
}

static int
check_abi(const struct reader *r, char **error)
{
    struct elf_section section;
    uint32_t version;

    if (!r->abi) {
        return ubpf_fail(error, EINVAL,
                         "the object has no section \"" UBPF_SEC_ABI
                         "\": it was not made for this engine");
    }
    section = elf_file_section(&r->file, r->abi);
    if (section.size != sizeof version) {
        return ubpf_fail(error, EINVAL,
                         "section \"" UBPF_SEC_ABI "\" has %zu bytes, not %zu",
                         section.size, sizeof version);
    }
    memcpy(&version, section.data, sizeof version);
    if (version != UBPF_ABI_VERSION) {
        return ubpf_fail(error, EINVAL,
                         "the object is for ABI version %" PRIu32
                         ", this engine has version %u",
                         version, UBPF_ABI_VERSION);
    }
    return 0;
}

/* Copies the code. */
static int
read_code(struct reader *r, char **error)
{
    struct ubpf_object *obj = r->obj;
    struct elf_section section;

    if (!r->prog) {
        return ubpf_fail(error, EINVAL,
                         "the object has no program: there is no section "
                         "\"" UBPF_SEC_PROG "\"");
    }
    section = elf_file_section(&r->file, r->prog);
    if (!section.size || section.size % sizeof *obj->insns) {
        return ubpf_fail(error, EINVAL,
                         "section \"" UBPF_SEC_PROG
                         "\" has %zu bytes, which is no number of "
                         "instructions",
                         section.size);
    }
    if (section.size / sizeof *obj->insns > r->limits->max_insns) {
        return ubpf_fail(
            error, E2BIG,
            "the program has %zu instructions, more than %" PRIu32,
            section.size / sizeof *obj->insns, r->limits->max_insns);
    }
    obj->insns = ubpf_host_zalloc(obj->host, section.size, 1);
    if (!obj->insns) {
        return ubpf_fail_nomem(error);
    }
    memcpy(obj->insns, section.data, section.size);
    obj->n_insns = (uint32_t) (section.size / sizeof *obj->insns);
    return 0;
}

/* Checks that section "prog" is one global function. */
static int
read_function(struct reader *r, char **error)
{
    struct ubpf_object *obj = r->obj;
    uint64_t code_size = (uint64_t) obj->n_insns * sizeof *obj->insns;

    for (uint32_t i = 1; i < r->file.n_symbols; i++) {
        const char *name;
        Elf64_Sym sym = elf_file_symbol(&r->file, i, &name);

        if (sym.st_shndx != r->prog
            || ELF64_ST_TYPE(sym.st_info) != STT_FUNC) {
            continue;
        }
        if (ELF64_ST_BIND(sym.st_info) == STB_LOCAL) {
            return ubpf_fail(error, EINVAL,
                             "function \"%s\" is local: local functions are "
                             "not supported",
                             name);
        }
        if (obj->function) {
            return ubpf_fail(error, EINVAL,
                             "section \"" UBPF_SEC_PROG
                             "\" has several functions (\"%s\", \"%s\"): an "
                             "object has exactly one program",
                             obj->function, name);
        }
        if (sym.st_value || (sym.st_size && sym.st_size != code_size)) {
            return ubpf_fail(error, EINVAL,
                             "function \"%s\" is not the whole of section "
                             "\"" UBPF_SEC_PROG "\"",
                             name);
        }
        obj->function = name;
    }
    if (!obj->function) {
        return ubpf_fail(error, EINVAL,
                         "section \"" UBPF_SEC_PROG
                         "\" has no global function");
    }
    return 0;
}

static int
read_lines(struct reader *r, char **error)
{
    struct ubpf_object *obj = r->obj;
    struct elf_section section;
    uint32_t n;

    if (!r->lines) {
        return 0;
    }
    section = elf_file_section(&r->file, r->lines);
    if (section.size % sizeof *obj->lines) {
        return ubpf_fail(error, EINVAL,
                         "section \"" UBPF_SEC_LINES
                         "\" has %zu bytes, not a multiple of %zu",
                         section.size, sizeof *obj->lines);
    }
    n = (uint32_t) (section.size / sizeof *obj->lines);
    obj->lines = ubpf_host_zalloc(obj->host, n, sizeof *obj->lines);
    if (!obj->lines) {
        return ubpf_fail_nomem(error);
    }
    if (n) {
        memcpy(obj->lines, section.data, section.size);
    }
    for (uint32_t i = 0; i < n; i++) {
        if (obj->lines[i].insn >= obj->n_insns
            || (i && obj->lines[i].insn < obj->lines[i - 1].insn)) {
            return ubpf_fail(error, EINVAL,
                             "record %" PRIu32 " of section \"" UBPF_SEC_LINES
                             "\" is out of order or beyond the program",
                             i);
        }
    }
    obj->n_lines = n;
    return 0;
}

/* Puts the sections of constants one after the other into obj->rodata. */
static int
read_rodata(struct reader *r, char **error)
{
    struct ubpf_object *obj = r->obj;
    uint32_t n = r->file.n_sections;
    uint64_t total = 0;

    r->rodata_base = ubpf_host_zalloc(obj->host, n, sizeof *r->rodata_base);
    if (!r->rodata_base) {
        return ubpf_fail_nomem(error);
    }
    for (uint32_t i = 0; i < n; i++) {
        struct elf_section section = elf_file_section(&r->file, i);

        r->rodata_base[i] = UINT32_MAX;
        if (i && is_rodata(&section)) {
            /* No constant needs more than 16 bytes of alignment. */
            total = (total + 15) & ~UINT64_C(15);
            r->rodata_base[i] = (uint32_t) total;
            total += section.size;
            if (total > UBPF_MAX_RODATA_SIZE) {
                return ubpf_fail(error, E2BIG,
                                 "more than %u bytes of constants",
                                 UBPF_MAX_RODATA_SIZE);
            }
        }
    }
    if (!total) {
        return 0;
    }
    obj->rodata = ubpf_host_zalloc(obj->host, total, 1);
    if (!obj->rodata) {
        return ubpf_fail_nomem(error);
    }
    obj->rodata_size = (uint32_t) total;
    for (uint32_t i = 1; i < n; i++) {
        if (r->rodata_base[i] != UINT32_MAX) {
            struct elf_section section = elf_file_section(&r->file, i);

            memcpy(obj->rodata + r->rodata_base[i], section.data,
                   section.size);
        }
    }
    return 0;
}

static int
read_object(struct reader *r, char **error)
{
    static int (*const steps[])(struct reader *, char **) = {
        read_sections, read_code,   read_function, read_lines,
        read_rodata,   reader_maps, reader_inits,  reader_relocate,
    };
    int err;

    err = elf_file_open(&r->file, r->obj->elf, r->obj->elf_len, error);
    for (size_t i = 0; !err && i < sizeof steps / sizeof steps[0]; i++) {
        err = steps[i](r, error);
        /* Say first that it is not for this engine, whatever else it is. */
        if (!err && !i) {
            err = check_abi(r, error);
        }
    }
    return err;
}

int
ubpf_object_read(const struct ubpf_host *host, const void *elf, size_t len,
                 const struct ubpf_limits *limits, struct ubpf_object **objp,
                 char **error)
{
    struct reader r = {.limits = limits};
    struct ubpf_object *obj;
    int err;

    *objp = NULL;
    if (len > UBPF_MAX_ELF_SIZE) {
        return ubpf_fail(error, E2BIG, "an object of %zu bytes, more than %u",
                         len, UBPF_MAX_ELF_SIZE);
    }
    obj = ubpf_host_zalloc(host, 1, sizeof *obj);
    if (!obj) {
        return ubpf_fail_nomem(error);
    }
    obj->host = host;
    obj->elf = host->alloc(len ? len : 1);
    if (!obj->elf) {
        ubpf_object_free(obj);
        return ubpf_fail_nomem(error);
    }
    if (len) {
        memcpy(obj->elf, elf, len);
    }
    obj->elf_len = len;

    r.obj = obj;
    err = read_object(&r, error);
    ubpf_host_free(host, r.rodata_base);
    ubpf_host_free(host, r.maps_by_name);
    if (err) {
        ubpf_object_free(obj);
        return err;
    }
    *objp = obj;
    return 0;
}

void
ubpf_object_free(struct ubpf_object *obj)
{
    const struct ubpf_host *host;

    if (!obj) {
        return;
    }
    host = obj->host;
    ubpf_host_free(host, obj->elf);
    ubpf_host_free(host, obj->insns);
    ubpf_host_free(host, obj->maps);
    ubpf_host_free(host, obj->rodata);
    ubpf_host_free(host, obj->inits);
    ubpf_host_free(host, obj->lines);
    ubpf_host_free(host, obj->sections);
    ubpf_host_free(host, obj);
}

uint32_t
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
    return low ? obj->lines[low - 1].line : 0;
}

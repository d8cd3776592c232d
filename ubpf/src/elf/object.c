/* SPDX-License-Identifier: Apache-2.0
 *
 * Reads an object file, step by step. */

#include "elf/object.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <string.h>

#include "elf/reader.h"
#include "error.h"
#include "host.h"

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
        {UBPF_SEC_LINES, &r->lines}, {".maps", &r->btf_maps},
        {".BTF", &r->btf},           {".BTF.ext", &r->btf_ext},
    };

    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (!strcmp(name, known[i].name)) {
            return known[i].index;
        }
    }
    return NULL;
}

/* Whether 'section' has code, all of which is of one kind. */
static bool
is_code(const struct elf_section *section)
{
    const Elf64_Shdr *shdr = &section->header;

    /* Compilers leave an empty .text in objects that have no use for it. */
    return shdr->sh_type == SHT_PROGBITS && shdr->sh_flags & SHF_ALLOC
           && shdr->sh_flags & SHF_EXECINSTR
           && (shdr->sh_size || !strcmp(section->name, UBPF_SEC_PROG));
}

/* Lists the sections in the object and notes the known ones. */
static int
read_sections(struct reader *r, char **error)
{
    struct ubpf_object *obj = r->obj;

    obj->sections =
        ubpf_host_zalloc(obj->host, r->file.n_sections, sizeof *obj->sections);
    r->sections =
        ubpf_host_zalloc(obj->host, r->file.n_sections, sizeof *r->sections);
    if (!obj->sections || !r->sections) {
        return ubpf_fail_nomem(error);
    }
    for (uint32_t i = 1; i < r->file.n_sections; i++) {
        struct elf_section section = elf_file_section(&r->file, i);
        uint32_t *index = known_section(r, section.name);

        r->sections[i].code = is_code(&section);
        if (section.header.sh_flags & SHF_TLS && section.header.sh_size) {
            return ubpf_fail(error, EINVAL,
                             "thread-local data is not supported (section "
                             "\"%s\")",
                             section.name);
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

/* Finds the functions of the program, if it can be decoded. */
static int
find_functions(struct reader *r, char **error)
{
    struct ubpf_object *obj = r->obj;
    int err = ubpf_functions_find(obj->host, obj->insns, obj->n_insns,
                                  &obj->functions, &obj->n_functions);

    return err == ENOMEM ? ubpf_fail_nomem(error) : 0;
}

static int
read_object(struct reader *r, char **error)
{
    static int (*const steps[])(struct reader *, char **) = {
        read_sections,   reader_functions, reader_relocations, reader_link,
        reader_globals,  reader_maps,      reader_inits,       reader_lines,
        reader_relocate, find_functions,
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

/* Frees what 'r' has, but for the object. */
static void
release(struct reader *r, const struct ubpf_host *host)
{
    ubpf_host_free(host, r->sections);
    ubpf_host_free(host, r->functions);
    ubpf_host_free(host, r->rels);
    ubpf_host_free(host, r->linked);
    ubpf_host_free(host, r->maps_by_name);
    ubpf_host_free(host, r->btf_map_at);
}

int
ubpf_object_read_entry(const struct ubpf_host *host, const void *elf,
                       size_t len, const char *entry,
                       const struct ubpf_limits *limits,
                       struct ubpf_object **objp, char **error)
{
    struct reader r = {.limits = limits, .entry = entry};
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
    release(&r, host);
    if (err) {
        ubpf_object_free(obj);
        return err;
    }
    *objp = obj;
    return 0;
}

int
ubpf_object_read(const struct ubpf_host *host, const void *elf, size_t len,
                 const struct ubpf_limits *limits, struct ubpf_object **objp,
                 char **error)
{
    return ubpf_object_read_entry(host, elf, len, NULL, limits, objp, error);
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
    ubpf_host_free(host, obj->functions);
    for (int i = 0; i < UBPF_N_GLOBALS; i++) {
        ubpf_host_free(host, obj->globals[i].data);
    }
    ubpf_host_free(host, obj->inits);
    ubpf_host_free(host, obj->lines);
    ubpf_host_free(host, obj->sections);
    ubpf_host_free(host, obj);
}

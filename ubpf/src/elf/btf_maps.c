/* SPDX-License-Identifier: Apache-2.0
 *
 * Maps that section ".maps" declares by the type of a variable:
 *
 *     struct {
 *         int (*type)[UBPF_MAP_TYPE_HASH];
 *         int (*max_entries)[1024];
 *         struct key *key;
 *         struct value *value;
 *     } flows __attribute__((section(".maps")));
 *
 * The number of elements of an array is a number, what a pointer points to is
 * a type. */

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "elf/btf.h"
#include "elf/reader.h"
#include "error.h"
#include "host.h"

/* A map is a variable of section ".maps". */
static bool
is_map(const struct reader *r, const Elf64_Sym *sym)
{
    return r->btf_maps && sym->st_shndx == r->btf_maps
           && ELF64_ST_TYPE(sym->st_info) == STT_OBJECT;
}

uint32_t
reader_count_btf_maps(const struct reader *r)
{
    uint32_t n = 0;

    for (uint32_t i = 1; r->btf_maps && i < r->file.n_symbols; i++) {
        const char *name;
        Elf64_Sym sym = elf_file_symbol(&r->file, i, &name);

        n += is_map(r, &sym);
    }
    return n;
}

/* Reads the member 'm' of the definition of the map named 'map'. */
static int
read_member(const struct btf *btf, const char *map, const struct btf_member *m,
            struct ubpf_map_def *def, char **error)
{
    const struct {
        const char *name;
        uint32_t *field;
        bool is_type;
    } known[] = {
        {"type", &def->type, false},
        {"key_size", &def->key_size, false},
        {"value_size", &def->value_size, false},
        {"key", &def->key_size, true},
        {"value", &def->value_size, true},
        {"max_entries", &def->max_entries, false},
        {"map_flags", &def->flags, false},
        {"state_size", &def->state_size, false},
        {"extra", &def->extra, false},
    };
    struct btf_type type = btf_bare_type(btf, m->type), to;

    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (strcmp(m->name, known[i].name)) {
            continue;
        }
        to = type.kind == BTF_PTR ? btf_bare_type(btf, type.size_or_type)
                                  : btf_type(btf, 0);
        if (known[i].is_type && to.kind != BTF_VOID) {
            *known[i].field = btf_size(btf, type.size_or_type);
            return 0;
        }
        if (!known[i].is_type && to.kind == BTF_ARRAY) {
            btf_element(&to, known[i].field);
            return 0;
        }
        return ubpf_fail(error, EINVAL,
                         "map \"%s\": \"%s\" is not a pointer to %s", map,
                         m->name, known[i].is_type ? "a type" : "an array");
    }
    return ubpf_fail(error, EINVAL, "map \"%s\": \"%s\" is not supported", map,
                     m->name);
}

/* The type of the variable 'name', or 0. */
static uint32_t
find_variable(const struct btf *btf, const char *name)
{
    for (uint32_t i = 1; i < btf->n_types; i++) {
        struct btf_type type = btf_type(btf, i);

        if (type.kind == BTF_VAR && !strcmp(type.name, name)) {
            return type.size_or_type;
        }
    }
    return 0;
}

static int
read_map(const struct btf *btf, const char *name, struct ubpf_map_def *def,
         char **error)
{
    struct btf_type type = btf_bare_type(btf, find_variable(btf, name));
    int err = 0;

    if (type.kind != BTF_STRUCT) {
        return ubpf_fail(error, EINVAL,
                         "map \"%s\" of section \".maps\" is not a variable "
                         "of a struct type in \".BTF\"",
                         name);
    }
    for (uint32_t i = 0; !err && i < type.n; i++) {
        struct btf_member member = btf_member(btf, &type, i);

        err = read_member(btf, name, &member, def, error);
    }
    return err;
}

int
reader_btf_maps(struct reader *r, struct ubpf_object_map *maps, char **error)
{
    uint32_t n = reader_count_btf_maps(r), k = 0;
    struct elf_section section;
    struct btf btf;
    int err;

    if (!n) {
        return 0;
    }
    if (!r->btf) {
        return ubpf_fail(error, EINVAL,
                         "section \".maps\" needs section \".BTF\": compile "
                         "with -g");
    }
    r->btf_map_at = ubpf_host_zalloc(r->obj->host, n, sizeof *r->btf_map_at);
    if (!r->btf_map_at) {
        return ubpf_fail_nomem(error);
    }
    section = elf_file_section(&r->file, r->btf);
    err = btf_open(&btf, r->obj->host, section.data, section.size);
    if (err) {
        return err == ENOMEM
                   ? ubpf_fail_nomem(error)
                   : ubpf_fail(error, EINVAL, "section \".BTF\" is not valid");
    }
    for (uint32_t i = 1; !err && k < n && i < r->file.n_symbols; i++) {
        Elf64_Sym sym = elf_file_symbol(&r->file, i, &maps[k].name);

        if (is_map(r, &sym)) {
            r->btf_map_at[k] = (uint32_t) sym.st_value;
            err = read_map(&btf, maps[k].name, &maps[k].def, error);
            k++;
        }
    }
    btf_close(&btf);
    return err;
}

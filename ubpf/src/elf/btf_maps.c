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
 * a type.  An array of maps has
 *
 *     struct like_flows *values[];
 *
 * where the struct is such a definition: its template is the first map that
 * agrees with it in all but the number of entries. */

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
    if (!strcmp(m->name, "values")) {
        return 0; /* See find_template(). */
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

/* Reads the definition that type 'id' is of the map named 'name'. */
static int
read_map(const struct btf *btf, const char *name, uint32_t id,
         struct ubpf_map_def *def, char **error)
{
    struct btf_type type = btf_bare_type(btf, id);
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

/* Finds the member that says what the elements of map 'name' look like, and
 * stores the type that it says to '*id': 0 if it says none. */
static bool
find_values(const struct btf *btf, const char *name, uint32_t *id)
{
    struct btf_type type = btf_bare_type(btf, find_variable(btf, name));

    for (uint32_t i = 0; i < type.n; i++) {
        struct btf_member m = btf_member(btf, &type, i);
        struct btf_type values = btf_bare_type(btf, m.type);
        uint32_t n;

        if (strcmp(m.name, "values")) {
            continue;
        }
        *id = 0;
        if (values.kind == BTF_ARRAY) {
            values = btf_bare_type(btf, btf_element(&values, &n));
            *id = values.kind == BTF_PTR ? values.size_or_type : 0;
        }
        return true;
    }
    return false;
}

/* Finds the template of 'map', if it has "values". */
static int
find_template(const struct reader *r, const struct btf *btf,
              struct ubpf_object_map *map, char **error)
{
    struct ubpf_map_def def = {.type = 0};
    uint32_t id;
    int err;

    if (!find_values(btf, map->name, &id)) {
        return 0;
    }
    if (map->def.type != UBPF_MAP_TYPE_ARRAY_OF_MAPS || !id) {
        return ubpf_fail(error, EINVAL,
                         "map \"%s\": \"values\" is not an array of pointers "
                         "to maps, in an array of maps",
                         map->name);
    }
    err = read_map(btf, map->name, id, &def, error);
    for (uint32_t i = 0; !err && i < r->n_declared_maps; i++) {
        def.max_entries = r->obj->maps[i].def.max_entries;
        if (!memcmp(&def, &r->obj->maps[i].def, sizeof def)) {
            map->def.extra = i;
            return 0;
        }
    }
    return err ? err
               : ubpf_fail(error, EINVAL,
                           "no map looks like the values of map \"%s\"",
                           map->name);
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
            err =
                read_map(&btf, maps[k].name, find_variable(&btf, maps[k].name),
                         &maps[k].def, error);
            k++;
        }
    }
    for (uint32_t i = 0; !err && i < k; i++) {
        err = find_template(r, &btf, &maps[i], error);
    }
    btf_close(&btf);
    return err;
}

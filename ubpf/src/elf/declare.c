/* SPDX-License-Identifier: Apache-2.0
 *
 * The maps that an object declares, and what is in them from the start. */

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "elf/reader.h"
#include "error.h"
#include "host.h"
#include "maps/map.h"

/* What maps of one type may have.  Zeros stand for what depends on nothing but
 * the caps. */
static const struct map_rule {
    uint32_t type;
    const char *name;
    uint32_t key_size;   /* The only one. */
    uint32_t min_key;    /* The least one. */
    uint32_t value_size; /* The only one. */
    bool has_words;      /* Values are words of 64 bits. */
    uint32_t flags;      /* Beside those for all. */
    bool has_state;
} map_rules[] = {
    {.type = UBPF_MAP_TYPE_HASH,
     .name = "a hash",
     .flags = UBPF_MAP_F_GROW | UBPF_MAP_F_AGING | UBPF_MAP_F_EXPIRE,
     .has_state = true},
    {.type = UBPF_MAP_TYPE_ARRAY,
     .name = "an array",
     .key_size = 4,
     .has_state = true},
    {.type = UBPF_MAP_TYPE_THREAD_HASH,
     .name = "a hash per thread",
     .has_words = true},
    {.type = UBPF_MAP_TYPE_THREAD_ARRAY,
     .name = "an array per thread",
     .key_size = 4,
     .has_words = true},
    {.type = UBPF_MAP_TYPE_LRU_HASH,
     .name = "an LRU hash",
     .flags = UBPF_MAP_F_AGING | UBPF_MAP_F_EXPIRE,
     .has_state = true},
    {.type = UBPF_MAP_TYPE_LPM,
     .name = "an LPM map",
     .min_key = 5,
     .flags = UBPF_MAP_F_AGING | UBPF_MAP_F_EXPIRE,
     .has_state = true},
    {.type = UBPF_MAP_TYPE_ARRAY_OF_MAPS,
     .name = "an array of maps",
     .key_size = 4,
     .value_size = sizeof(uint32_t)},
    {.type = UBPF_MAP_TYPE_RING, .name = "a ring", .key_size = 8},
    {.type = UBPF_MAP_TYPE_TERNARY,
     .name = "a ternary map",
     .flags = UBPF_MAP_F_AGING | UBPF_MAP_F_EXPIRE,
     .has_state = true},
    {.type = UBPF_MAP_TYPE_METER,
     .name = "an array of meters",
     .key_size = 4,
     .value_size = sizeof(struct ubpf_meter)},
};

static const struct map_rule *
find_rule(uint32_t type)
{
    for (size_t i = 0; i < sizeof map_rules / sizeof map_rules[0]; i++) {
        if (map_rules[i].type == type) {
            return &map_rules[i];
        }
    }
    return NULL;
}

/* Checks the sizes in 'def' of the map named 'name'. */
static int
check_sizes(const char *name, const struct ubpf_map_def *def,
            const struct map_rule *rule, char **error)
{
    if (!def->key_size || def->key_size > UBPF_MAX_KEY_SIZE) {
        return ubpf_fail(error, EINVAL,
                         "map \"%s\" has keys of %" PRIu32
                         " bytes, not 1 to %u",
                         name, def->key_size, UBPF_MAX_KEY_SIZE);
    }
    if (!def->value_size || def->value_size > UBPF_MAX_VALUE_SIZE) {
        return ubpf_fail(error, EINVAL,
                         "map \"%s\" has values of %" PRIu32
                         " bytes, not 1 to %u",
                         name, def->value_size, UBPF_MAX_VALUE_SIZE);
    }
    if (!def->max_entries) {
        return ubpf_fail(error, EINVAL, "map \"%s\" has room for no entries",
                         name);
    }
    if (rule->key_size && def->key_size != rule->key_size) {
        return ubpf_fail(error, EINVAL,
                         "map \"%s\" is %s with keys of %" PRIu32
                         " bytes, not %" PRIu32,
                         name, rule->name, def->key_size, rule->key_size);
    }
    if (def->key_size < rule->min_key) {
        return ubpf_fail(error, EINVAL,
                         "map \"%s\" is %s with keys of %" PRIu32
                         " bytes, fewer than %" PRIu32,
                         name, rule->name, def->key_size, rule->min_key);
    }
    if (rule->value_size && def->value_size != rule->value_size) {
        return ubpf_fail(error, EINVAL,
                         "map \"%s\" is %s with values of %" PRIu32
                         " bytes, not %" PRIu32,
                         name, rule->name, def->value_size, rule->value_size);
    }
    if (rule->has_words && def->value_size % 8) {
        return ubpf_fail(error, EINVAL,
                         "map \"%s\" is %s with values of %" PRIu32
                         " bytes, not a multiple of 8",
                         name, rule->name, def->value_size);
    }
    return 0;
}

/* Checks the flags and the state in 'def' of the map named 'name'. */
static int
check_state(const char *name, const struct ubpf_map_def *def,
            const struct map_rule *rule, char **error)
{
    uint32_t flags =
        rule->flags | UBPF_MAP_F_RDONLY_PROG | UBPF_MAP_F_RDONLY_USER;

    if (def->flags & ~flags) {
        return ubpf_fail(error, EINVAL,
                         "map \"%s\" is %s with unknown flags %#" PRIx32, name,
                         rule->name, def->flags & ~flags);
    }
    if (def->state_size && !rule->has_state) {
        return ubpf_fail(error, EINVAL,
                         "map \"%s\" is %s with %" PRIu32
                         " bytes of state, which it cannot have",
                         name, rule->name, def->state_size);
    }
    if (def->state_size > def->value_size
        || (def->state_size && (def->state_size % 8 || def->value_size % 8))) {
        return ubpf_fail(error, EINVAL,
                         "map \"%s\" has %" PRIu32
                         " bytes of state in values of %" PRIu32
                         ": both must be multiples of 8, the state not the "
                         "greater",
                         name, def->state_size, def->value_size);
    }
    if (def->flags & UBPF_MAP_F_AGING
        && def->state_size < sizeof(struct ubpf_aging)) {
        return ubpf_fail(error, EINVAL,
                         "the entries of map \"%s\" age, but have %" PRIu32
                         " bytes of state, fewer than %zu",
                         name, def->state_size, sizeof(struct ubpf_aging));
    }
    if (def->flags & UBPF_MAP_F_EXPIRE && !(def->flags & UBPF_MAP_F_AGING)) {
        return ubpf_fail(error, EINVAL,
                         "the entries of map \"%s\" expire, but do not age",
                         name);
    }
    return 0;
}

/* Checks what 'def' says of the map named 'name'. */
static int
check_def(const char *name, const struct ubpf_map_def *def, char **error)
{
    const struct map_rule *rule = find_rule(def->type);
    int err;

    if (!rule) {
        return ubpf_fail(error, EINVAL, "map \"%s\" has unknown type %" PRIu32,
                         name, def->type);
    }
    err = check_sizes(name, def, rule, error);
    if (!err) {
        err = check_state(name, def, rule, error);
    }
    if (err) {
        return err;
    }
    if (def->type == UBPF_MAP_TYPE_TERNARY) {
        if (def->extra > def->key_size / 8) {
            return ubpf_fail(error, EINVAL,
                             "map \"%s\" has %" PRIu32
                             " ranges in keys of %" PRIu32 " bytes",
                             name, def->extra, def->key_size);
        }
    } else if (def->extra && def->type != UBPF_MAP_TYPE_ARRAY_OF_MAPS) {
        return ubpf_fail(error, EINVAL,
                         "map \"%s\" is %s, and has %" PRIu32
                         " where there must be 0",
                         name, rule->name, def->extra);
    }
    if (def->type == UBPF_MAP_TYPE_RING
        && def->max_entries & (def->max_entries - 1)) {
        return ubpf_fail(error, EINVAL,
                         "map \"%s\" is a ring of %" PRIu32
                         " records, not a power of 2",
                         name, def->max_entries);
    }
    return 0;
}

/* True if 'name' is fit for people and messages: visible ASCII. */
static bool
is_name(const char *name)
{
    size_t len = strlen(name);

    for (size_t i = 0; i < len; i++) {
        if (name[i] <= ' ' || name[i] > '~') {
            return false;
        }
    }
    return len && len <= UBPF_MAX_NAME && strcmp(name, UBPF_RODATA_MAP)
           && strcmp(name, UBPF_DATA_MAP) && strcmp(name, UBPF_BSS_MAP);
}

/* Names the map that 'sym' stands for. */
static int
name_map(struct reader *r, const Elf64_Sym *sym, const char *name,
         char **error)
{
    const size_t def_size = sizeof(struct ubpf_map_def);
    uint64_t index = sym->st_value / def_size;
    struct ubpf_object_map *map;

    if (!is_name(name)) {
        return ubpf_fail(error, EINVAL, "\"%.64s\" is not a name for a map",
                         name);
    }
    if (sym->st_value % def_size || index >= r->n_legacy_maps
        || (sym->st_size && sym->st_size != def_size)) {
        return ubpf_fail(error, EINVAL,
                         "symbol \"%s\" is not one whole map of %zu bytes in "
                         "section \"" UBPF_SEC_MAPS "\"",
                         name, def_size);
    }
    map = &r->obj->maps[index];
    if (map->name) {
        return ubpf_fail(error, EINVAL,
                         "a map has two names, \"%s\" and "
                         "\"%s\"",
                         map->name, name);
    }
    map->name = name;
    return 0;
}

/* Orders 'a_len' bytes at 'a' and 'b_len' bytes at 'b'. */
static int
compare_names(const void *a, size_t a_len, const void *b, size_t b_len)
{
    int order = memcmp(a, b, a_len < b_len ? a_len : b_len);

    return order ? order : (a_len > b_len) - (a_len < b_len);
}

static int
compare_maps(const void *a_, const void *b_)
{
    const char *a = (*(const struct ubpf_object_map *const *) a_)->name;
    const char *b = (*(const struct ubpf_object_map *const *) b_)->name;

    return compare_names(a, strlen(a), b, strlen(b));
}

/* Checks that 'map', if it is an array of maps, says what these look like. */
static int
check_template(const struct reader *r, const struct ubpf_object_map *map,
               char **error)
{
    uint32_t template = map->def.extra;

    if (map->def.type != UBPF_MAP_TYPE_ARRAY_OF_MAPS) {
        return 0;
    }
    if (template >= r->n_declared_maps) {
        return ubpf_fail(error, EINVAL,
                         "the elements of map \"%s\" look like map %" PRIu32
                         ", of %" PRIu32 " maps",
                         map->name, template, r->n_declared_maps);
    }
    if (r->obj->maps[template].def.type == UBPF_MAP_TYPE_ARRAY_OF_MAPS) {
        return ubpf_fail(error, EINVAL,
                         "the elements of map \"%s\" would be arrays of maps",
                         map->name);
    }
    return 0;
}

/* Checks each map and sorts them by name into r->maps_by_name. */
static int
check_maps(struct reader *r, char **error)
{
    r->maps_by_name = ubpf_host_zalloc(r->obj->host, r->n_declared_maps,
                                       sizeof *r->maps_by_name);
    if (!r->maps_by_name) {
        return ubpf_fail_nomem(error);
    }
    for (uint32_t i = 0; i < r->n_declared_maps; i++) {
        const struct ubpf_object_map *map = &r->obj->maps[i];
        int err;

        if (!map->name) {
            return ubpf_fail(error, EINVAL, "map %" PRIu32 " has no name", i);
        }
        if (!is_name(map->name)) {
            return ubpf_fail(error, EINVAL,
                             "\"%.64s\" is not a name for a map", map->name);
        }
        err = check_def(map->name, &map->def, error);
        if (err) {
            return err;
        }
        r->maps_by_name[i] = map;
        err = check_template(r, map, error);
        if (err) {
            return err;
        }
    }
    qsort(r->maps_by_name, r->n_declared_maps, sizeof *r->maps_by_name,
          compare_maps);
    for (uint32_t i = 1; i < r->n_declared_maps; i++) {
        if (!compare_maps(&r->maps_by_name[i - 1], &r->maps_by_name[i])) {
            return ubpf_fail(error, EINVAL, "two maps named \"%s\"",
                             r->maps_by_name[i]->name);
        }
    }
    return 0;
}

/* Adds the maps for global data. */
static void
add_global_maps(struct ubpf_object *obj)
{
    static const char *const names[] = {UBPF_RODATA_MAP, UBPF_DATA_MAP,
                                        UBPF_BSS_MAP};

    for (int i = 0; i < UBPF_N_GLOBALS; i++) {
        struct ubpf_object_map *map = &obj->maps[obj->n_maps];

        if (obj->globals[i].size) {
            obj->globals[i].map = obj->n_maps++;
            map->name = names[i];
            map->def = (struct ubpf_map_def) {
                .type = UBPF_MAP_TYPE_ARRAY,
                .key_size = 4,
                .value_size = obj->globals[i].size,
                .max_entries = 1,
                .flags = i == UBPF_GLOBAL_RODATA
                             ? UBPF_MAP_F_RDONLY_PROG | UBPF_MAP_F_RDONLY_USER
                             : 0,
            };
        }
    }
}

/* Reads section "maps" and its symbols. */
static int
read_legacy_maps(struct reader *r, const struct elf_section *section,
                 char **error)
{
    const size_t def_size = sizeof(struct ubpf_map_def);
    int err = 0;

    for (uint32_t i = 0; i < r->n_legacy_maps; i++) {
        memcpy(&r->obj->maps[i].def, section->data + i * def_size, def_size);
    }
    for (uint32_t i = 1; r->maps && !err && i < r->file.n_symbols; i++) {
        const char *name;
        Elf64_Sym sym = elf_file_symbol(&r->file, i, &name);
        unsigned int type = ELF64_ST_TYPE(sym.st_info);

        if (sym.st_shndx == r->maps
            && (type == STT_OBJECT || type == STT_NOTYPE)) {
            err = name_map(r, &sym, name, error);
        }
    }
    return err;
}

int
reader_maps(struct reader *r, char **error)
{
    struct ubpf_object *obj = r->obj;
    const size_t def_size = sizeof(struct ubpf_map_def);
    struct elf_section section = {.size = 0};
    uint32_t n_btf = reader_count_btf_maps(r);
    int err;

    if (r->maps) {
        section = elf_file_section(&r->file, r->maps);
    }
    if (section.size % def_size
        || section.size / def_size + n_btf > UBPF_MAX_MAPS) {
        return ubpf_fail(error, EINVAL,
                         "section \"" UBPF_SEC_MAPS
                         "\" has %zu bytes, not up to %u maps of %zu bytes",
                         section.size, UBPF_MAX_MAPS, def_size);
    }
    r->n_legacy_maps = (uint32_t) (section.size / def_size);
    r->n_declared_maps = r->n_legacy_maps + n_btf;
    obj->maps = ubpf_host_zalloc(obj->host,
                                 (size_t) r->n_declared_maps + UBPF_N_GLOBALS,
                                 sizeof *obj->maps);
    if (!obj->maps) {
        return ubpf_fail_nomem(error);
    }
    err = read_legacy_maps(r, &section, error);
    if (!err) {
        err = reader_btf_maps(r, &obj->maps[r->n_legacy_maps], error);
    }
    if (!err) {
        err = check_maps(r, error);
    }
    if (!err) {
        obj->n_maps = r->n_declared_maps;
        add_global_maps(obj);
    }
    return err;
}

/* The map whose name is the 'len' bytes at 'name', or NULL. */
static const struct ubpf_object_map *
find_map(const struct reader *r, const uint8_t *name, uint32_t len)
{
    uint32_t low = 0, high = r->n_declared_maps;

    while (low < high) {
        uint32_t mid = low + (high - low) / 2;
        const struct ubpf_object_map *map = r->maps_by_name[mid];
        int order = compare_names(name, len, map->name, strlen(map->name));

        if (!order) {
            return map;
        } else if (order < 0) {
            high = mid;
        } else {
            low = mid + 1;
        }
    }
    return NULL;
}

/* True if 'record' has the sizes that entries of a map of 'def' have for the
 * control plane, or sets all elements of an array. */
static bool
init_fits(const struct ubpf_map_def *def,
          const struct ubpf_init_record *record)
{
    return record->value_size == ubpf_map_entry_value_size(def)
           && (record->key_size == ubpf_map_entry_key_size(def)
               || (ubpf_map_is_filled(def) && !record->key_size));
}

/* Reads the record at the start of the 'size' bytes at 'p' to '*init' and its
 * length to '*len'. */
static int
read_init(const struct reader *r, const uint8_t *p, size_t size,
          uint32_t index, struct ubpf_object_init *init, size_t *len,
          char **error)
{
    const struct ubpf_object_map *map;
    struct ubpf_init_record record;
    uint64_t used, padded;

    if (size < sizeof record) {
        return ubpf_fail(error, EINVAL,
                         "record %" PRIu32 " of section \"" UBPF_SEC_INIT
                         "\" is truncated",
                         index);
    }
    memcpy(&record, p, sizeof record);
    used = sizeof record + (uint64_t) record.name_len + record.key_size
           + record.value_size;
    padded = (used + 7) & ~UINT64_C(7);
    if (padded > size) {
        return ubpf_fail(error, EINVAL,
                         "record %" PRIu32 " of section \"" UBPF_SEC_INIT
                         "\" is truncated",
                         index);
    }
    map = find_map(r, p + sizeof record, record.name_len);
    if (!map) {
        return ubpf_fail(error, EINVAL,
                         "record %" PRIu32 " of section \"" UBPF_SEC_INIT
                         "\" is for a map \"%.*s\" that does not exist",
                         index,
                         (int) (record.name_len < 64 ? record.name_len : 64),
                         (const char *) p + sizeof record);
    }
    if (record.reserved || !init_fits(&map->def, &record)) {
        return ubpf_fail(error, EINVAL,
                         "record %" PRIu32 " of section \"" UBPF_SEC_INIT
                         "\" does not fit map \"%s\"",
                         index, map->name);
    }
    for (uint64_t i = used; i < padded; i++) {
        if (p[i]) {
            return ubpf_fail(error, EINVAL,
                             "record %" PRIu32 " of section \"" UBPF_SEC_INIT
                             "\" has nonzero padding",
                             index);
        }
    }
    init->map = (uint32_t) (map - r->obj->maps);
    init->key = record.key_size ? p + sizeof record + record.name_len : NULL;
    init->value = p + sizeof record + record.name_len + record.key_size;
    *len = (size_t) padded;
    return 0;
}

int
reader_inits(struct reader *r, char **error)
{
    struct ubpf_object *obj = r->obj;
    struct elf_section section;
    struct ubpf_object_init init;
    uint32_t n = 0;
    size_t len;
    int err;

    if (!r->init) {
        return 0;
    }
    section = elf_file_section(&r->file, r->init);
    for (size_t ofs = 0; ofs < section.size; ofs += len, n++) {
        err = read_init(r, section.data + ofs, section.size - ofs, n, &init,
                        &len, error);
        if (err) {
            return err;
        }
    }
    obj->inits = ubpf_host_zalloc(obj->host, n, sizeof *obj->inits);
    if (!obj->inits) {
        return ubpf_fail_nomem(error);
    }
    for (size_t ofs = 0; ofs < section.size; ofs += len) {
        err = read_init(r, section.data + ofs, section.size - ofs,
                        obj->n_inits, &obj->inits[obj->n_inits], &len, error);
        if (err) {
            return err;
        }
        obj->n_inits++;
    }
    return 0;
}

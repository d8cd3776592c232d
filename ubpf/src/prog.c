/* SPDX-License-Identifier: Apache-2.0
 *
 * Programs: from an object, through the verifier, to something to run. */

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include <ubpf/ubpf.h>

#include "elf/object.h"
#include "error.h"
#include "host.h"
#include "interpreter/code.h"
#include "isa/disasm.h"
#include "jit/native.h"
#include "maps/map.h"
#include "maps/map_array.h"
#include "maps/memory.h"
#include "text.h"
#include "verifier/verifier.h"

struct ubpf_prog {
    struct ubpf_host host;
    bool single_threaded;
    struct ubpf_object *obj;
    struct ubpf_map **maps; /* obj->n_maps of them. */
    struct ubpf_code *code;
    _Atomic(struct ubpf_native *) native; /* NULL: interpreted. */
    char *summary; /* Of the verifier; NULL for want of memory. */
};

/* The limits that 'limits' stands for. */
static struct ubpf_limits
effective_limits(const struct ubpf_limits *limits)
{
    struct ubpf_limits l = *limits;

    if (!l.max_insns) {
        l.max_insns = UBPF_DEFAULT_MAX_INSNS;
    }
    if (!l.max_visited) {
        l.max_visited = UBPF_DEFAULT_MAX_VISITED;
    }
    if (!l.max_map_bytes) {
        l.max_map_bytes = UBPF_DEFAULT_MAX_MAP_BYTES;
    }
    return l;
}

/* Checks what the maps of 'obj' will take when they are full. */
static int
check_map_bytes(const struct ubpf_object *obj, uint64_t max, char **error)
{
    uint64_t total = 0;

    for (uint32_t i = 0; i < obj->n_maps; i++) {
        const struct ubpf_object_map *map = &obj->maps[i];

        /* At most 2^50 each, so that the sum of all cannot overflow. */
        total += ubpf_map_ops(map->def.type)->footprint(&map->def);
        if (total > max) {
            return ubpf_fail(error, E2BIG,
                             "the maps up to \"%s\" take %" PRIu64
                             " bytes when full, more than %" PRIu64,
                             map->name, total, max);
        }
    }
    return 0;
}

/* Makes the maps of 'prog' and puts into them what they have from the
 * start. */
static int
create_maps(struct ubpf_prog *prog, char **error)
{
    const struct ubpf_object *obj = prog->obj;

    prog->maps =
        ubpf_host_zalloc(&prog->host, obj->n_maps, sizeof *prog->maps);
    if (!prog->maps) {
        return ubpf_fail_nomem(error);
    }
    memory_forget_refusal();
    for (uint32_t i = 0; i < obj->n_maps; i++) {
        prog->maps[i] =
            ubpf_map_create(&prog->host, obj->maps[i].name, &obj->maps[i].def);
        if (!prog->maps[i]) {
            return ubpf_fail(error, ENOMEM, "out of memory for map \"%s\"%s",
                             obj->maps[i].name,
                             memory_was_refused() ? ", for a limit" : "");
        }
    }
    for (uint32_t i = 0; i < obj->n_maps; i++) {
        ubpf_map_array_set_program(prog->maps[i], prog->maps, obj->n_maps);
    }
    for (int i = 0; i < UBPF_N_GLOBALS; i++) {
        const struct ubpf_object_global *global = &obj->globals[i];

        if (global->size) {
            ubpf_value_write(ubpf_array_base(prog->maps[global->map]),
                             global->data, global->size);
        }
    }
    return 0;
}

static int
fill_maps(struct ubpf_prog *prog, char **error)
{
    const struct ubpf_object *obj = prog->obj;

    for (uint32_t i = 0; i < obj->n_inits; i++) {
        const struct ubpf_object_init *init = &obj->inits[i];
        struct ubpf_map *map = prog->maps[init->map];
        int err = ubpf_map_put_initial(map, init->key, init->value);

        switch (err) {
        case 0:
            break;
        case ENOMEM:
            return ubpf_fail_nomem(error);
        case EEXIST:
            return ubpf_fail(error, EINVAL,
                             "map \"%s\" has two initial entries with one key",
                             map->name);
        case ENOSPC:
            return ubpf_fail(error, EINVAL,
                             "map \"%s\" has more initial entries than its "
                             "%" PRIu32,
                             map->name, map->def.max_entries);
        default:
            return ubpf_fail(
                error, EINVAL, "map \"%s\" has an initial entry whose %s",
                map->name,
                err == EINVAL && map->def.type == UBPF_MAP_TYPE_ARRAY_OF_MAPS
                    ? "value is no map that it can have"
                    : "key is out of range");
        }
    }
    return 0;
}

/* Translates the instructions for the interpreter into '*codep'. */
static int
build_code(const struct ubpf_prog *prog, struct ubpf_map *const maps[],
           struct ubpf_code **codep)
{
    return ubpf_code_build(&prog->host, prog->obj->insns, prog->obj->n_insns,
                           maps, prog->obj->n_maps, codep);
}

/* The steps of ubpf_prog_load() on a zeroed '*prog'. */
static int
load(struct ubpf_prog *prog, const void *elf, size_t len,
     const struct ubpf_load_options *options, char **error)
{
    const struct ubpf_limits limits = effective_limits(&options->limits);
    char *text = NULL;
    int err;

    err = ubpf_object_read_entry(&prog->host, elf, len, options->entry,
                                 &limits, &prog->obj, error);
    if (!err) {
        err = check_map_bytes(prog->obj, limits.max_map_bytes, error);
    }
    if (err) {
        return err;
    }

    err = ubpf_verify_with(prog->obj,
                           &(struct ubpf_verify_options) {
                               .limits = limits,
                               .trace = options->trace,
                               .trace_aux = options->trace_aux,
                           },
                           &text);
    if (err) {
        ubpf_fail(error, err, "%s", text ? text : "out of memory");
        ubpf_error_free(text);
        return err;
    }
    prog->summary = text;

    prog->host.account = account_new(&prog->host, limits.max_map_bytes);
    if (!prog->host.account) {
        return ubpf_fail_nomem(error);
    }
    err = create_maps(prog, error);
    if (!err) {
        err = fill_maps(prog, error);
    }
    if (!err) {
        err = build_code(prog, prog->maps, &prog->code);
        if (err) {
            ubpf_fail(error, err, "%s",
                      err == ENOMEM ? "out of memory"
                                    : "the verified program cannot be run");
        }
    }
    return err;
}

struct ubpf_prog *
ubpf_prog_load(const struct ubpf_host *host, const void *elf, size_t len,
               const struct ubpf_limits *limits, int *errp, char **error)
{
    struct ubpf_load_options options = {.entry = NULL};

    if (limits) {
        options.limits = *limits;
    }
    return ubpf_prog_load_with(host, elf, len, &options, errp, error);
}

struct ubpf_prog *
ubpf_prog_load_with(const struct ubpf_host *host, const void *elf, size_t len,
                    const struct ubpf_load_options *options, int *errp,
                    char **error)
{
    static const struct ubpf_load_options defaults;
    struct ubpf_prog *prog;
    int err;

    if (error) {
        *error = NULL;
    }
    prog = ubpf_host_zalloc(host, 1, sizeof *prog);
    if (!prog) {
        err = ubpf_fail_nomem(error);
    } else {
        prog->host = *host;
        prog->single_threaded = ubpf_host_is_single_threaded(host);
        err = load(prog, elf, len, options ? options : &defaults, error);
        if (err) {
            ubpf_prog_destroy(prog);
            prog = NULL;
        }
    }
    if (errp) {
        *errp = err;
    }
    return prog;
}

void
ubpf_prog_destroy(struct ubpf_prog *prog)
{
    struct ubpf_host host;

    if (!prog) {
        return;
    }
    host = prog->host;
    ubpf_native_free(&host, atomic_load(&prog->native));
    for (uint32_t i = 0; prog->maps && i < prog->obj->n_maps; i++) {
        ubpf_map_unref(prog->maps[i]);
    }
    ubpf_host_free(&host, prog->maps);
    ubpf_host_free(&host, prog->code);
    ubpf_error_free(prog->summary);
    ubpf_object_free(prog->obj);
    account_release(host.account);
    ubpf_host_free(&host, prog);
}

uint64_t
ubpf_prog_memory_used(const struct ubpf_prog *prog)
{
    return account_used(prog->host.account);
}

const char *
ubpf_prog_verifier_summary(const struct ubpf_prog *prog)
{
    return prog->summary ? prog->summary : "";
}

uint32_t
ubpf_prog_n_insns(const struct ubpf_prog *prog)
{
    return prog->obj->n_insns;
}

const void *
ubpf_prog_elf(const struct ubpf_prog *prog, size_t *len)
{
    *len = prog->obj->elf_len;
    return prog->obj->elf;
}

const void *
ubpf_prog_section(const struct ubpf_prog *prog, const char *name, size_t *len)
{
    for (uint32_t i = 0; i < prog->obj->n_sections; i++) {
        const struct ubpf_object_section *section = &prog->obj->sections[i];

        if (!strcmp(section->name, name)) {
            *len = section->size;
            return section->size ? (const void *) section->data : "";
        }
    }
    *len = 0;
    return NULL;
}

static bool
same_host(const struct ubpf_host *a, const struct ubpf_host *b)
{
    return a->alloc == b->alloc && a->free == b->free
           && a->postpone == b->postpone && a->now_ns == b->now_ns;
}

/* The map of 'old' that can serve as 'map' of another program, or NULL.  The
 * elements of an array of maps have numbers of their program: it is not shared
 * itself. */
static struct ubpf_map *
find_adoptable(const struct ubpf_map *map, const struct ubpf_prog *old)
{
    struct ubpf_map *candidate = ubpf_prog_map_by_name(old, map->name);

    return candidate && !(map->def.flags & UBPF_MAP_F_RDONLY_USER)
                   && map->def.type != UBPF_MAP_TYPE_ARRAY_OF_MAPS
                   && !memcmp(&candidate->def, &map->def, sizeof map->def)
                   && same_host(&candidate->host, &map->host)
               ? candidate
               : NULL;
}

/* Has the arrays of maps of 'prog', which has just adopted maps of 'old', use
 * these.  Returns how many have their elements in common with those of
 * 'old'. */
static size_t
adopt_arrays(struct ubpf_prog *prog, const struct ubpf_prog *old)
{
    size_t adopted = 0;

    for (uint32_t i = 0; i < prog->obj->n_maps; i++) {
        struct ubpf_map *map = prog->maps[i];
        const struct ubpf_map *candidate;

        ubpf_map_array_set_program(map, prog->maps, prog->obj->n_maps);
        candidate = ubpf_prog_map_by_name(old, map->name);
        if (candidate && candidate != map
            && ubpf_map_array_adopt(map, candidate)) {
            adopted++;
        }
    }
    return adopted;
}

size_t
ubpf_prog_adopt_maps(struct ubpf_prog *prog, struct ubpf_prog *old)
{
    uint32_t n = prog->obj->n_maps;
    struct ubpf_code *code = NULL;
    struct ubpf_map **maps, **old_maps;
    size_t adopted = 0;

    maps = ubpf_host_zalloc(&prog->host, n, sizeof *maps);
    if (!maps) {
        return 0;
    }
    for (uint32_t i = 0; i < n; i++) {
        struct ubpf_map *map = find_adoptable(prog->maps[i], old);

        if (map && map != prog->maps[i]) {
            adopted++;
        }
        maps[i] = map ? map : prog->maps[i];
    }
    if (!adopted || build_code(prog, maps, &code)) {
        ubpf_host_free(&prog->host, maps);
        return 0;
    }

    for (uint32_t i = 0; i < n; i++) {
        if (maps[i] != prog->maps[i]) {
            ubpf_map_ref(maps[i]);
            ubpf_map_unref(prog->maps[i]);
        }
    }
    old_maps = prog->maps;
    prog->maps = maps;
    adopted += adopt_arrays(prog, old);
    account_join(prog->host.account, old->host.account);
    ubpf_host_free(&prog->host, old_maps);
    ubpf_host_free(&prog->host, prog->code);
    prog->code = code;
    /* Native code has the addresses of the maps in it. */
    ubpf_native_free(&prog->host, atomic_exchange(&prog->native, NULL));
    return adopted;
}

int
ubpf_prog_compile(struct ubpf_prog *prog, char **error)
{
    struct ubpf_native *native, *none = NULL;
    int err;

    if (error) {
        *error = NULL;
    }
    if (atomic_load(&prog->native)) {
        return 0;
    }
    err = ubpf_native_compile(&prog->host, prog->obj, prog->maps, false,
                              &native, error);
    if (!err
        && !atomic_compare_exchange_strong(&prog->native, &none, native)) {
        ubpf_native_free(&prog->host, native);
    }
    return err;
}

bool
ubpf_prog_is_native(const struct ubpf_prog *prog)
{
    return atomic_load(&prog->native) != NULL;
}

uint64_t
ubpf_prog_compile_ns(const struct ubpf_prog *prog)
{
    const struct ubpf_native *native = atomic_load(&prog->native);

    return native ? native->compile_ns : 0;
}

/* What the value of r0 at a program's end says. */
static enum ubpf_verdict
verdict(uint64_t r0)
{
    return r0 <= UBPF_RESUBMIT ? (enum ubpf_verdict) r0 : UBPF_ABORT;
}

void
ubpf_prog_run_burst(const struct ubpf_prog *prog,
                    struct ubpf_run *const runs[], size_t n,
                    enum ubpf_verdict verdicts[])
{
    const struct ubpf_native *native =
        atomic_load_explicit(&prog->native, memory_order_acquire);

    if (prog->single_threaded) {
        ubpf_host_run_begin();
    }
    if (native) {
        native->code.run(runs, n, verdicts);
    } else {
        for (size_t i = 0; i < n; i++) {
            const struct ubpf_env env = {.host = &prog->host, .run = runs[i]};

            verdicts[i] = verdict(ubpf_code_run(prog->code, &env));
        }
    }
    if (prog->single_threaded) {
        ubpf_host_run_end();
    }
}

enum ubpf_verdict
ubpf_prog_run(const struct ubpf_prog *prog, struct ubpf_run *run)
{
    enum ubpf_verdict result;

    ubpf_prog_run_burst(prog, &run, 1, &result);
    return result;
}

enum ubpf_verdict
ubpf_prog_count(const struct ubpf_prog *prog, struct ubpf_run *run,
                uint64_t *n_insns)
{
    const struct ubpf_env env = {.host = &prog->host, .run = run};
    uint64_t r0;

    *n_insns = 0;
    if (prog->single_threaded) {
        ubpf_host_run_begin();
    }
    r0 = ubpf_code_count(prog->code, &env, n_insns);
    if (prog->single_threaded) {
        ubpf_host_run_end();
    }
    return verdict(r0);
}

size_t
ubpf_prog_n_maps(const struct ubpf_prog *prog)
{
    return prog->obj->n_maps;
}

struct ubpf_map *
ubpf_prog_map(const struct ubpf_prog *prog, size_t index)
{
    return index < prog->obj->n_maps ? prog->maps[index] : NULL;
}

struct ubpf_map *
ubpf_prog_map_by_name(const struct ubpf_prog *prog, const char *name)
{
    for (uint32_t i = 0; i < prog->obj->n_maps; i++) {
        if (!strcmp(prog->maps[i]->name, name)) {
            return prog->maps[i];
        }
    }
    return NULL;
}

char *
ubpf_prog_disassemble(const struct ubpf_prog *prog)
{
    const struct ubpf_object *obj = prog->obj;
    const struct ubpf_object_line *last = NULL;
    struct text text = {0};

    for (uint32_t pc = 0, f = 0; pc < obj->n_insns;) {
        const struct ubpf_object_line *line = ubpf_object_line(obj, pc);
        char insn[UBPF_DISASM_SIZE];
        int len = ubpf_disasm(obj->insns, obj->n_insns, pc, insn, sizeof insn);

        if (f < obj->n_functions && obj->functions[f].start == pc) {
            if (f++) {
                text_printf(&text, "; function\n");
            }
        }
        if (line
            && (!last || line->line != last->line
                || line->file != last->file)) {
            ubpf_object_line_text(line, insn, sizeof insn);
            text_printf(&text, "; %s\n",
                        strncmp(insn, "P4 ", 3) ? insn : insn + 3);
            ubpf_disasm(obj->insns, obj->n_insns, pc, insn, sizeof insn);
        }
        last = line;
        text_printf(&text, "%5" PRIu32 ": %s\n", pc, insn);
        pc += (uint32_t) len;
    }
    return text_finish(&text);
}

const char *
ubpf_version(void)
{
    return UBPF_VERSION;
}

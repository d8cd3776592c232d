/* SPDX-License-Identifier: Apache-2.0
 *
 * libubpf: loads, verifies and runs BPF programs, and keeps their maps.
 *
 * The library knows nothing of its host.  It allocates, defers and tells the
 * time through 'struct ubpf_host'.  Nothing is run that has not been verified:
 * there is no way to get a 'struct ubpf_prog' but through the verifier.
 *
 * Errors: functions return 0 or a positive errno value unless they say
 * otherwise; those that take 'char **error' store there, when they fail, a
 * one-line explanation in the caller's words, to be freed with
 * ubpf_error_free() (NULL when even that could not be allocated).
 *
 * Threads: see docs/abi.md.  In short: run and lookups from any number of
 * threads, inside the host's RCU read-side critical section; updates and
 * deletes from any thread (a lock per map); load, adopt, destroy from one
 * thread at a time per program. */

#ifndef UBPF_UBPF_H
#define UBPF_UBPF_H 1

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <ubpf/abi.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Only what is declared here leaves the shared library. */
#pragma GCC visibility push(default)

/* What the host gives.  The structure is copied by ubpf_prog_load(). */
struct ubpf_host {
    /* Like malloc(), zeroing not needed; NULL when out of memory. */
    void *(*alloc)(size_t size);
    void (*free)(void *);
    /* Calls 'fn(arg)' once every thread that may now be inside a read-side
     * critical section has left it. */
    void (*postpone)(void (*fn)(void *arg), void *arg);
    /* Monotonic nanoseconds. */
    uint64_t (*now_ns)(void);
    /* The library's own, in its copies; NULL. */
    struct ubpf_account *account;
};

/* A host for single-threaded use: malloc, CLOCK_MONOTONIC, and a grace period
 * that lasts until no program runs in the calling thread. */
extern const struct ubpf_host ubpf_host_single_threaded;

struct ubpf_prog;
struct ubpf_map;

/* Bounds on what is loaded.  Zero in a field means its default. */
struct ubpf_limits {
    uint32_t max_insns;     /* Instructions in the object; 65,536. */
    uint32_t max_visited;   /* Instructions the verifier may visit;
                             * 1,000,000. */
    uint64_t max_map_bytes; /* Memory of all maps together; 1 GiB.  E2BIG when
                             * they would take more as they get full; what
                             * they take beyond that, as values per thread do,
                             * fails when it is asked for (EDQUOT). */
};

/* Loads, verifies and makes ready to run the object 'elf' of 'len' bytes.
 * 'limits' may be NULL.  Returns NULL and sets 'error' and, if 'errp' is not
 * NULL, '*errp' (EINVAL not a valid object, EPERM refused by the verifier,
 * E2BIG over a limit, ENOMEM) otherwise. */
struct ubpf_prog *ubpf_prog_load(const struct ubpf_host *host, const void *elf,
                                 size_t len, const struct ubpf_limits *limits,
                                 int *errp, char **error);

/* What else can be said of what is loaded.  Zero means the default. */
struct ubpf_load_options {
    struct ubpf_limits limits;
    /* The program, by the name of its function or section; NULL: the only one
     * of the object. */
    const char *entry;
    /* Called by the verifier with each instruction that it visits and what it
     * knows before it, as one line without '\n', for people to read; NULL: not
     * called.  It makes the proof many times slower. */
    void (*trace)(void *aux, const char *line);
    void *trace_aux;
};

/* ubpf_prog_load() with 'options', which may be NULL. */
struct ubpf_prog *ubpf_prog_load_with(const struct ubpf_host *host,
                                      const void *elf, size_t len,
                                      const struct ubpf_load_options *options,
                                      int *errp, char **error);

/* Frees 'prog' and its share of its maps at once.  The caller has seen to it
 * that no thread still runs it. */
void ubpf_prog_destroy(struct ubpf_prog *prog);

/* Bytes that the maps of 'prog' take now, with those that wait for a grace
 * period and, where it shares maps with another program, all of that one. */
uint64_t ubpf_prog_memory_used(const struct ubpf_prog *prog);

/* What the verifier proved of 'prog', in one line (never NULL). */
const char *ubpf_prog_verifier_summary(const struct ubpf_prog *prog);

uint32_t ubpf_prog_n_insns(const struct ubpf_prog *prog);

/* The object that 'prog' was loaded from; the library's own copy. */
const void *ubpf_prog_elf(const struct ubpf_prog *prog, size_t *len);

/* The raw contents of the first ELF section 'name', or NULL.  Not aligned. */
const void *ubpf_prog_section(const struct ubpf_prog *prog, const char *name,
                              size_t *len);

/* Gives each map of 'prog' whose name, type, sizes, max_entries and flags are
 * those of a map of 'old' that map itself (shared, counted) in place of its
 * own.  Read-only maps (UBPF_MAP_F_RDONLY_USER) keep their new contents.  Call
 * it before 'prog' is first run; pointers to its maps from before are invalid
 * then.  From then on the memory of both programs counts against the limit of
 * 'prog'.  Returns the number of maps adopted: 0, with nothing changed, also
 * for want of memory or when 'old' has another host. */
size_t ubpf_prog_adopt_maps(struct ubpf_prog *prog, struct ubpf_prog *old);

/* One packet's run.  The caller fills 'ctx' (see abi.h for the initial value
 * of each field), 'adjust_head' and 'packet'. */
struct ubpf_run {
    struct ubpf_ctx ctx;
    /* Moves the packet's start by 'delta' as UBPF_HELPER_ADJUST_HEAD says and
     * sets ctx.data and ctx.data_end.  'delta' may be anything; returns 0 or a
     * negative errno value having changed nothing. */
    int (*adjust_head)(struct ubpf_run *run, int32_t delta);
    void *packet; /* For the host's own use. */
};

/* An 'adjust_head' for packets in plain memory: 'packet' points to a struct
 * ubpf_buffer, and ctx.data points into it.  Bytes between 'base' and ctx.data
 * are the headroom; bytes that are added to the packet are zeros. */
struct ubpf_buffer {
    uint8_t *base;
};
int ubpf_buffer_adjust_head(struct ubpf_run *run, int32_t delta);

/* Compiles 'prog' to native code, with which it runs from then on.  Any thread
 * may do so, after ubpf_prog_load() and ubpf_prog_adopt_maps(), also while
 * others run 'prog'.  Returns 0, also when that was done before; ENOTSUP where
 * there is no compiler (libubpf-jit.so); or another errno value.  With an
 * error the interpreter goes on to run 'prog'. */
int ubpf_prog_compile(struct ubpf_prog *prog, char **error);
bool ubpf_prog_is_native(const struct ubpf_prog *prog);

/* How long the compilation took; 0 if 'prog' is not native. */
uint64_t ubpf_prog_compile_ns(const struct ubpf_prog *prog);

/* Runs 'prog' and returns its verdict (already one of the five). */
enum ubpf_verdict ubpf_prog_run(const struct ubpf_prog *prog,
                                struct ubpf_run *run);

/* Runs 'prog' on runs[0] to runs[n - 1] and stores their verdicts. */
void ubpf_prog_run_burst(const struct ubpf_prog *prog,
                         struct ubpf_run *const runs[], size_t n,
                         enum ubpf_verdict verdicts[]);

/* As ubpf_prog_run() by a slower interpreter, which stores in '*n_insns' how
 * many instructions ran; what helpers do is not among them. */
enum ubpf_verdict ubpf_prog_count(const struct ubpf_prog *prog,
                                  struct ubpf_run *run, uint64_t *n_insns);

/* Maps.  Those of a program are numbered from 0 in the order of section
 * "maps"; a map for .rodata, if any, is the last and is named ".rodata". */
size_t ubpf_prog_n_maps(const struct ubpf_prog *prog);
struct ubpf_map *ubpf_prog_map(const struct ubpf_prog *prog, size_t index);
struct ubpf_map *ubpf_prog_map_by_name(const struct ubpf_prog *prog,
                                       const char *name);

struct ubpf_map_info {
    const char *name; /* Lives as long as the map. */
    struct ubpf_map_def def;
    uint64_t n_entries; /* Array: max_entries. */
    uint64_t bytes;     /* Memory in use. */
    /* Bytes of keys and values in the functions below: those of 'def', but for
     * some types (see abi.h). */
    uint32_t entry_key_size;
    uint32_t entry_value_size;
    uint64_t n_dropped; /* Records that were lost (RING). */
};
void ubpf_map_get_info(const struct ubpf_map *map, struct ubpf_map_info *info);

/* The control plane's view: keys and values are copied, and have the sizes
 * 'entry_key_size' and 'entry_value_size'.  A lookup in an LPM map is one by
 * longest prefix, as a program's is; in a ternary map it finds the entry with
 * exactly that priority, data and mask.  Updates and deletes honour
 * UBPF_MAP_F_RDONLY_USER with EPERM, but UBPF_EXIST | UBPF_STATE may change
 * the state of an entry if the rest of 'value' is what is there.  ENOENT no
 * such key (or array index out of range), EEXIST, ENOSPC full, ENOMEM, EDQUOT
 * more memory than max_map_bytes or ubpf_set_memory_limit() allow, EINVAL bad
 * flags, prefix length, ternary key, meter, number of a map or operation
 * (deleting from an array).  An error has changed nothing. */
int ubpf_map_lookup(const struct ubpf_map *map, const void *key, void *value);
int ubpf_map_update(struct ubpf_map *map, const void *key, const void *value,
                    uint64_t flags);
int ubpf_map_delete(struct ubpf_map *map, const void *key);

/* ubpf_map_update() for each of the 'n' entries at 'entries', keys followed by
 * values as ubpf_map_dump() has them, and ubpf_map_delete() for each of 'n'
 * keys: in their order, up to the first that fails, whose error they return.
 * '*n_done' is how many succeeded.  Each is seen as soon as it is done, and
 * others' updates may come between two of them.  In large hashes a batch takes
 * less time than as many calls, for it asks for memory ahead.  To be called
 * inside a read-side critical section, as lookups are. */
int ubpf_map_update_batch(struct ubpf_map *map, const void *entries, size_t n,
                          uint64_t flags, size_t *n_done);
int ubpf_map_delete_batch(struct ubpf_map *map, const void *keys, size_t n,
                          size_t *n_done);

/* Copies up to 'max' entries from '*cursor' on to 'entries', each as key_size
 * bytes of key followed by value_size bytes of value, and moves '*cursor'
 * (initially 0).  Returns how many; 0 means that there are no more.  An entry
 * that is in the map during the whole dump is returned exactly once. */
size_t ubpf_map_dump(const struct ubpf_map *map, uint64_t *cursor,
                     void *entries, size_t max);

/* Deletes the entries of a map with UBPF_MAP_F_AGING and UBPF_MAP_F_EXPIRE
 * that have been idle for longer than their timeout, and returns how many.  It
 * looks at every entry: call it every second or so. */
uint32_t ubpf_map_expire(struct ubpf_map *map);

/* Bounds the memory that the maps of all programs take together, from now on:
 * what does not fit fails, updates with EDQUOT, loads with ENOMEM.  0, as it
 * is at first: no bound.  ubpf_memory_used() says how much it is now. */
void ubpf_set_memory_limit(uint64_t bytes);
uint64_t ubpf_memory_used(void);

/* Disassembly of the instructions, for people, one per line with indexes and
 * P4 lines; to be freed with ubpf_error_free(). */
char *ubpf_prog_disassemble(const struct ubpf_prog *prog);

void ubpf_error_free(char *);

const char *ubpf_version(void);

#pragma GCC visibility pop

#ifdef __cplusplus
}
#endif

#endif /* ubpf/ubpf.h */

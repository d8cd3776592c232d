/* SPDX-License-Identifier: Apache-2.0
 *
 * What libubpf and its compiler to native code say to each other.
 *
 * The compiler is a plugin, libubpf-jit.so, so that a host carries LLVM only
 * when it compiles.  It has none of the library's state and calls none of its
 * functions by name: what it needs comes in 'struct ubpf_jit_input', which
 * serves a library that is linked into its host just as well. */

#ifndef UBPF_JIT_PLUGIN_H
#define UBPF_JIT_PLUGIN_H 1

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <ubpf/ubpf.h>

#include "helpers.h"
#include "isa/functions.h"
#include "isa/isa.h"

struct ring_map;
struct ring_slot;

/* Native code for a program: runs it on runs[0] to runs[n - 1] and stores the
 * verdicts. */
typedef void ubpf_native_fn(struct ubpf_run *const runs[], size_t n,
                            enum ubpf_verdict verdicts[]);

/* A verified program.  'host' and 'maps' live as long as the code. */
struct ubpf_jit_input {
    const struct ubpf_host *host;
    const struct ubpf_insn *insns;
    uint32_t n_insns;
    const struct ubpf_function *functions;
    uint32_t n_functions;
    struct ubpf_map *const *maps;
    uint32_t n_maps;
    bool quick; /* The code need not be optimised. */
    const struct ubpf_helper_desc *(*helper_desc)(uint32_t id);
    ubpf_helper_fn *(*helper_impl)(uint32_t id);
    void *(*array_base)(const struct ubpf_map *map);
    uint32_t (*thread_index)(void);
    struct ubpf_meter *(*meters)(const struct ubpf_map *map);
    uint64_t (*meter_update)(struct ubpf_meter *meter, uint64_t units,
                             uint64_t colour, uint64_t now);
    void (*ring_lose)(struct ring_map *ring, struct ring_slot *slot,
                      uint64_t number);
};

struct ubpf_jit_code {
    ubpf_native_fn *run;
    void *memory; /* The plugin's own. */
};

struct ubpf_jit_plugin {
    /* UBPF_JIT_ID of the headers that the plugin was built with. */
    const char *id;

    /* Compiles 'in'.  Any number of threads may.  Returns 0 with '*code' to
     * be given to 'release', or an errno value with '*error', to be freed with
     * free(), or NULL. */
    int (*compile)(const struct ubpf_jit_input *in, struct ubpf_jit_code *code,
                   char **error);

    /* Frees what 'compile' made.  Nobody runs it any more. */
    void (*release)(struct ubpf_jit_code *code);
};

/* The one symbol of the plugin, of type 'struct ubpf_jit_plugin'. */
#define UBPF_JIT_SYMBOL "ubpf_jit_plugin"

#endif /* plugin.h */

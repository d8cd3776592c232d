/* SPDX-License-Identifier: Apache-2.0
 *
 * Native code of a program, if there is any. */

#ifndef UBPF_JIT_NATIVE_H
#define UBPF_JIT_NATIVE_H 1

#include "jit/plugin.h"

struct ubpf_object;

struct ubpf_native {
    struct ubpf_jit_code code;
    uint64_t compile_ns;
};

/* Compiles 'obj', verified, whose maps are 'maps', all of which live as long
 * as the code; if 'quick', without optimising it.  Returns 0 with '*nativep'
 * to be given to ubpf_native_free(); ENOTSUP where there is no compiler; or
 * another errno value; the latter two with '*error' set if 'error' is not
 * NULL. */
int ubpf_native_compile(const struct ubpf_host *host,
                        const struct ubpf_object *obj,
                        struct ubpf_map *const maps[], bool quick,
                        struct ubpf_native **nativep, char **error);

/* Frees 'native', which may be NULL, and which nobody runs any more. */
void ubpf_native_free(const struct ubpf_host *host,
                      struct ubpf_native *native);

#endif /* native.h */

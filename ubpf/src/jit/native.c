/* SPDX-License-Identifier: Apache-2.0
 *
 * Finds the compiler to native code, once per process, and has it compile. */

#define _GNU_SOURCE 1 /* dladdr(), secure_getenv() */

#include "jit/native.h"

#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "elf/object.h"
#include "error.h"
#include "host.h"
#include "maps/map.h"
#include "maps/meter.h"
#include "maps/ring.h"
#include "maps/thread.h"

#define PLUGIN_FILE "libubpf-jit.so"

static const struct ubpf_jit_plugin *plugin;
static char why_not[512]; /* Why there is none. */

/* Takes the plugin at 'path' if it is one for this library. */
static void
try_plugin(const char *path)
{
    void *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    const struct ubpf_jit_plugin *found;

    if (!handle) {
        snprintf(why_not, sizeof why_not, "%s", dlerror());
        return;
    }
    found = dlsym(handle, UBPF_JIT_SYMBOL);
    if (found && !strcmp(found->id, UBPF_JIT_ID)) {
        plugin = found;
        return;
    }
    snprintf(why_not, sizeof why_not, "%s is of another version", path);
    dlclose(handle);
}

/* Tries the folder of the file that this code came from, 'below' it. */
static void
try_beside(const char *below)
{
    char path[4096];
    const char *slash;
    Dl_info info;

    if (plugin || !dladdr(&why_not, &info) || !info.dli_fname) {
        return;
    }
    slash = strrchr(info.dli_fname, '/');
    if (slash
        && snprintf(path, sizeof path, "%.*s/%s" PLUGIN_FILE,
                    (int) (slash - info.dli_fname), info.dli_fname, below)
               < (int) sizeof path) {
        try_plugin(path);
    }
}

/* In order: what the environment names, beside the library, in the folder of
 * libraries beside that of the executable that the library is part of, where
 * it was to be installed. */
static void
find_plugin(void)
{
    const char *named = secure_getenv("UBPF_JIT");

    if (named) {
        if (*named) {
            try_plugin(named);
        } else {
            snprintf(why_not, sizeof why_not, "UBPF_JIT is empty");
        }
        return;
    }
    try_beside("");
    try_beside("../lib/");
    if (!plugin) {
        try_plugin(UBPF_LIBDIR "/" PLUGIN_FILE);
    }
}

/* What LLVM takes for a program is less than this. */
#define COMPILER_BYTES          (UINT64_C(16) << 20)
#define COMPILER_BYTES_PER_INSN (UINT64_C(8) << 10)

/* True if there is memory to compile 'n_insns' instructions: LLVM ends the
 * process where it finds none. */
static bool
has_memory(uint32_t n_insns)
{
    size_t size = COMPILER_BYTES + n_insns * COMPILER_BYTES_PER_INSN;
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    return memory != MAP_FAILED && !munmap(memory, size);
}

/* Has the plugin compile 'obj' into '*native'. */
static int
compile(const struct ubpf_host *host, const struct ubpf_object *obj,
        struct ubpf_map *const maps[], bool quick, struct ubpf_native *native,
        char **error)
{
    struct ubpf_jit_input in = {
        .host = host,
        .insns = obj->insns,
        .n_insns = obj->n_insns,
        .maps = maps,
        .n_maps = obj->n_maps,
        .quick = quick,
        .helper_desc = ubpf_helper_desc,
        .helper_impl = ubpf_helper_impl,
        .array_base = ubpf_array_base,
        .thread_index = ubpf_thread_index,
        .meters = ubpf_meter_map_meters,
        .meter_update = ubpf_meter_update,
        .ring_lose = ubpf_ring_lose,
    };
    struct ubpf_function *functions;
    char *text = NULL;
    int err;

    err = has_memory(in.n_insns)
              ? ubpf_functions_find(host, in.insns, in.n_insns, &functions,
                                    &in.n_functions)
              : ENOMEM;
    if (!err) {
        in.functions = functions;
        err = plugin->compile(&in, &native->code, &text);
        ubpf_host_free(host, functions);
    }
    if (err) {
        ubpf_fail(error, err, "cannot be compiled to native code: %s",
                  text ? text : strerror(err));
        free(text);
    }
    return err;
}

int
ubpf_native_compile(const struct ubpf_host *host,
                    const struct ubpf_object *obj,
                    struct ubpf_map *const maps[], bool quick,
                    struct ubpf_native **nativep, char **error)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    uint64_t start = ubpf_host_single_threaded.now_ns();
    struct ubpf_native *native;
    int err;

    *nativep = NULL;
    pthread_once(&once, find_plugin);
    if (!plugin) {
        return ubpf_fail(error, ENOTSUP,
                         "there is no compiler to native code (%s)", why_not);
    }
    native = ubpf_host_zalloc(host, 1, sizeof *native);
    if (!native) {
        return ubpf_fail_nomem(error);
    }
    err = compile(host, obj, maps, quick, native, error);
    if (err) {
        ubpf_host_free(host, native);
        return err;
    }
    native->compile_ns = ubpf_host_single_threaded.now_ns() - start;
    *nativep = native;
    return 0;
}

void
ubpf_native_free(const struct ubpf_host *host, struct ubpf_native *native)
{
    if (native) {
        plugin->release(&native->code);
        ubpf_host_free(host, native);
    }
}

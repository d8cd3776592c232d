/* SPDX-License-Identifier: Apache-2.0
 *
 * Any bytes as an object; what is accepted runs. */

#include "run_packets.h"

static void
load(const uint8_t *data, size_t len, const char *entry)
{
    const struct ubpf_load_options options = {
        .limits = {.max_insns = 4096,
                   .max_visited = 20000,
                   .max_map_bytes = 1 << 20},
        .entry = entry,
    };
    char *error = NULL;
    int err;
    struct ubpf_prog *prog = ubpf_prog_load_with(
        &ubpf_host_single_threaded, data, len, &options, &err, &error);

    if (!prog) {
        if (!error || !err) {
            abort();
        }
        ubpf_error_free(error);
        return;
    }
    ubpf_error_free(ubpf_prog_disassemble(prog));
    run_packets(prog, data, len);
    ubpf_prog_destroy(prog);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    load(data, len, NULL);
    load(data, len, "prog");
    return 0;
}

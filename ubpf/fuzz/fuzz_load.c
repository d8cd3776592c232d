/* SPDX-License-Identifier: Apache-2.0
 *
 * Any bytes as an object; what is accepted runs. */

#include "run_packets.h"

static const struct ubpf_limits limits = {
    .max_insns = 4096, .max_visited = 20000, .max_map_bytes = 1 << 20};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    char *error = NULL;
    int err;
    struct ubpf_prog *prog = ubpf_prog_load(&ubpf_host_single_threaded, data,
                                            len, &limits, &err, &error);

    if (!prog) {
        if (!error || !err) {
            abort();
        }
        ubpf_error_free(error);
        return 0;
    }
    ubpf_error_free(ubpf_prog_disassemble(prog));
    run_packets(prog, data, len);
    ubpf_prog_destroy(prog);
    return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */

#ifndef RUN_PACKETS_H
#define RUN_PACKETS_H 1

#include <stdlib.h>
#include <string.h>

#include <ubpf/ubpf.h>

/* Runs 'prog' on a packet of 'len' bytes, in memory of its own with
 * 'headroom' bytes in front, so that a sanitizer sees every byte too far. */
static inline void
run_packet(const struct ubpf_prog *prog, const uint8_t *data, size_t len,
           size_t headroom)
{
    uint8_t *memory = malloc(headroom + len + !(headroom + len));
    struct ubpf_buffer buffer = {.base = memory};
    struct ubpf_run run = {
        .ctx =
            {
                .data = (uintptr_t) (memory + headroom),
                .data_end = (uintptr_t) (memory + headroom + len),
                .packet_length = (uint32_t) len,
                .truncate_len = UINT32_MAX,
            },
        .adjust_head = ubpf_buffer_adjust_head,
        .packet = &buffer,
    };

    if (len) {
        memcpy(memory + headroom, data, len);
    }
    if (ubpf_prog_run(prog, &run) > UBPF_RESUBMIT
        || run.ctx.data_end != (uintptr_t) (memory + headroom + len)
        || run.ctx.data < (uintptr_t) memory
        || run.ctx.data > run.ctx.data_end) {
        abort();
    }
    free(memory);
}

static inline void
run_packets(const struct ubpf_prog *prog, const uint8_t *data, size_t len)
{
    static const size_t lengths[] = {0, 1, 14, 34, 64, 1500};

    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        if (lengths[i] <= len) {
            run_packet(prog, data, lengths[i], lengths[i]);
        } else {
            run_packet(prog, data, len, 16);
            break;
        }
    }
}

#endif /* run_packets.h */

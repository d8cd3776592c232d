// SPDX-License-Identifier: Apache-2.0
//
// A program with the maps of example_info.json.  The first byte of a packet
// says what to do with it, the second is the argument.

#include <ubpf/abi.h>

#define SEC(name) __attribute__((section(name), used))
#define LPM UBPF_MAP_TYPE_LPM
#define HASH UBPF_MAP_TYPE_HASH
#define ARRAY UBPF_MAP_TYPE_ARRAY
#define P UBPF_MAP_F_RDONLY_PROG

SEC("ubpf.abi") const uint32_t abi_version = UBPF_ABI_VERSION;

SEC("maps") struct ubpf_map_def pipe_route = { LPM, 12, 16, 4, P };
SEC("maps") struct ubpf_map_def pipe_route_default = { ARRAY, 4, 16, 1, P };
SEC("maps") struct ubpf_map_def pipe_acl = { HASH, 24, 8, 64, P };
SEC("maps") struct ubpf_map_def pipe_label = {
    LPM, 8, 4, 16, P | UBPF_MAP_F_RDONLY_USER
};
SEC("maps") struct ubpf_map_def pipe_mark_default = { ARRAY, 4, 8, 1, P };
SEC("maps") struct ubpf_map_def pipe_last_seen = { ARRAY, 4, 8, 8, 0 };
SEC("maps") struct ubpf_map_def pipe_flow = { ARRAY, 4, 16, 4, 0 };

/* The default action of table pipe.mark: set_mark(5). */
SEC("ubpf.init") const struct {
    struct ubpf_init_record header;
    char name[17];
    uint8_t key[4], value[8];
    uint8_t padding[3];
} mark_default = {
    { 17, 4, 8, 0 }, "pipe_mark_default", { 0 }, { 1, 0, 0, 0, 5 }, { 0 }
};

static void *(*map_lookup)(void *map, const void *key)
    = (void *) UBPF_HELPER_MAP_LOOKUP;

SEC("prog") uint64_t
entry(struct ubpf_ctx *ctx)
{
    uint8_t *data = (uint8_t *) ctx->data;

    if (data + 2 > (uint8_t *) ctx->data_end) {
        return UBPF_ABORT;
    }
    switch (data[0]) {
    case 0x01:                  /* Drop. */
        return UBPF_DROP;
    case 0x02:                  /* Redirect to a port. */
        ctx->output_port = data[1];
        return UBPF_REDIRECT;
    case 0x03:                  /* Redirect to IN_PORT. */
        ctx->output_port = 0xfff8;
        return UBPF_REDIRECT;
    case 0x04:                  /* Clone to a port. */
        ctx->clone = 1;
        ctx->clone_port = data[1];
        return UBPF_PASS;
    case 0x05:                  /* Truncate to a length. */
        ctx->truncate_len = data[1];
        return UBPF_PASS;
    case 0x06: {                /* Count in a register. */
        uint32_t index = data[1];
        uint64_t *seen = map_lookup(&pipe_last_seen, &index);

        if (!seen) {
            return UBPF_DROP;
        }
        *seen += 1;
        return UBPF_PASS;
    }
    case 0x07: {                /* Port of the route to 10.0.ARG.1, VRF 7. */
        uint8_t key[12] = { 64, 0, 0, 0, 0, 0, 0, 7, 10, 0, data[1], 1 };
        uint16_t *value = map_lookup(&pipe_route, key);

        if (!value) {
            return UBPF_DROP;
        }
        ctx->output_port = value[2];
        return UBPF_REDIRECT;
    }
    default:
        return UBPF_PASS;
    }
}

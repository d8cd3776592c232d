/* SPDX-License-Identifier: Apache-2.0
 *
 * Writes the whole context, as the ABI has it, over bytes 14 to 37 of the
 * packet: what no P4 model shows yet (pkt_mark, tunnel id). */

#include <ubpf/abi.h>

__attribute__((section(UBPF_SEC_ABI), used))
static const uint32_t abi_version = UBPF_ABI_VERSION;

typedef uint32_t __attribute__((aligned(1))) unaligned32;
typedef uint64_t __attribute__((aligned(1))) unaligned64;

__attribute__((section(UBPF_SEC_PROG)))
uint64_t
entry(struct ubpf_ctx *ctx)
{
    uint8_t *data = (uint8_t *) ctx->data;

    if (data + 38 > (uint8_t *) ctx->data_end) {
        return UBPF_DROP;
    }
    *(unaligned32 *) (data + 14) = __builtin_bswap32(ctx->input_port);
    *(unaligned32 *) (data + 18) = __builtin_bswap32(ctx->packet_length);
    *(unaligned32 *) (data + 22) = __builtin_bswap32(ctx->pkt_mark);
    *(unaligned64 *) (data + 26) = __builtin_bswap64(ctx->tunnel_id);
    *(unaligned32 *) (data + 34) = __builtin_bswap32(ctx->output_port);
    return UBPF_PASS;
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * IPv4 options copied to the stack, and parsed there by index. */

#include "headers.h"

PROG u64
options_copy(struct ubpf_ctx *ctx)
{
    u8 *p = DATA(ctx), *end = DATA_END(ctx), options[40] = {0}, found = 0;
    u32 n, i = 0;

    if (p + 34 > end || (p[14] & 15) < 5) {
        return UBPF_DROP;
    }
    n = ((p[14] & 15) - 5) * 4;
    if (p + 34 + n > end) {
        return UBPF_DROP;
    }
#pragma clang loop unroll(disable)
    for (u32 k = 0; k < n; k++) {
        options[k] = p[34 + k];
    }
#pragma clang loop unroll(disable)
    for (u32 rounds = 0; rounds < 10 && i + 1 < n; rounds++) {
        u32 len = options[i] == 1 ? 1 : options[i + 1];

        if (options[i] == 0) {
            break;
        }
        if (len == 0 || len > n - i) {
            return UBPF_DROP;
        }
        found = options[i] == 7 ? options[i + 1] : found;
        i += len;
    }
    ctx->output_port = found;
    return UBPF_REDIRECT;
}

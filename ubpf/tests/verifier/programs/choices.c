/* SPDX-License-Identifier: Apache-2.0
 *
 * Numbers of which some values are excluded, one by one, and switches that
 * become tables and ranges. */

#include "headers.h"

static u32 few[5], more[6];
static u64 total;

PROG u64
choices(struct ubpf_ctx *ctx)
{
    u8 *p = DATA(ctx), *end = DATA_END(ctx), *field = 0;
    u32 x, y;

    if (p + 34 > end) {
        return UBPF_DROP;
    }
    x = p[0] & 7;
    y = p[1] & 7;
    if (x == 3 || x == 6 || x == 7 || y == 6 || y == 7 || y == 5) {
        return UBPF_DROP;
    }
    more[x] += few[y];
    switch (p[23]) {
    case 4:
        field = p + 3;
        break;
    case 9:
        field = p + 10;
        break;
    }
    if (p[23] != 4 && p[23] != 9) {
        return UBPF_PASS;
    }
    if (field) {
        total += *(u32 *) field;
    }
    switch (p[15] >> 2) {
    case 10:
    case 12:
    case 14:
    case 18:
    case 46:
        ctx->output_port = few[y];
        return UBPF_REDIRECT;
    }
    return UBPF_PASS;
}

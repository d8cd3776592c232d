/* SPDX-License-Identifier: Apache-2.0
 *
 * TCP options, walked with a pointer that is compared with the end of the
 * options, which is compared with the packet's end. */

#include "headers.h"

#define MSS 1400

PROG u64
clamp_mss(struct ubpf_ctx *ctx)
{
    u8 *p = DATA(ctx), *end = DATA_END(ctx), *option, *last;
    struct ipv4 *ip = (void *) (p + 14);
    u32 header, tcp;

    if (p + 34 > end || ip->proto != 6) {
        return UBPF_PASS;
    }
    header = (ip->ver_ihl & 15) * 4;
    option = (u8 *) ip + header + 20;
    if (header < 20 || option > end) {
        return UBPF_DROP;
    }
    tcp = (option[-8] >> 4) * 4;
    last = option - 20 + tcp;
    if (last > end) {
        return UBPF_DROP;
    }
#pragma clang loop unroll(disable)
    for (int i = 0; i < 24; i++) {
        if (option + 1 > end || option >= last || *option == 0) {
            break;
        }
        if (*option == 1) {
            option++;
            continue;
        }
        if (option + 2 > end || option[1] < 2) {
            return UBPF_DROP;
        }
        if (*option == 2 && option[1] == 4) {
            u16 *mss = (void *) (option + 2);

            if (option + 4 > end) {
                return UBPF_DROP;
            }
            *mss = ntoh16(*mss) > MSS ? ntoh16(MSS) : *mss;
            break;
        }
        option += option[1];
    }
    return UBPF_PASS;
}

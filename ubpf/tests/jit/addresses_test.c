/* SPDX-License-Identifier: Apache-2.0
 *
 * A program whose address of an element of an array LLVM took for one from
 * NULL: native code against the interpreter.  On one path the index is the
 * number 0, to which the address of the array is added. */

#include "check.h"
#include "jit/differ.h"
#include "verifier/verifier.h"

/* From a random P4 program; the array is map 0. */
/* clang-format off */
static const uint64_t words[] = {
    UINT64_C(0x16bf), UINT64_C(0xb7),
    UINT64_C(0x86279), UINT64_C(0x6879),
    UINT64_C(0x81bf), UINT64_C(0x300000107),
    UINT64_C(0x65212d), UINT64_C(0xfff02a7b),
    UINT64_C(0x28371), UINT64_C(0x8269),
    UINT64_C(0x40000002dc), UINT64_C(0x2800000277),
    UINT64_C(0xffff0000000257), UINT64_C(0x324f),
    UINT64_C(0xa6f6000005b4), UINT64_C(0x3000007b7),
    UINT64_C(0x3b7), UINT64_C(0x95000000b4),
    UINT64_C(0x29bf), UINT64_C(0xff89ad4900000907),
    UINT64_C(0x4b7), UINT64_C(0x712d93001f09a5),
    UINT64_C(0x25bf), UINT64_C(0xff21a46700000507),
    UINT64_C(0x1000003b4), UINT64_C(0x1000004b4),
    UINT64_C(0xff3c866e000105a5), UINT64_C(0x4b4),
    UINT64_C(0x7fffff00000257), UINT64_C(0xf6e6100010255),
    UINT64_C(0x3b4), UINT64_C(0x435c),
    UINT64_C(0xb7), UINT64_C(0x100000354),
    UINT64_C(0xfff0a479), UINT64_C(0x480356),
    UINT64_C(0x82bf), UINT64_C(0xb00000207),
    UINT64_C(0x45422d), UINT64_C(0x7b7),
    UINT64_C(0x7fff00430725), UINT64_C(0x7ff400420725),
    UINT64_C(0x1379), UINT64_C(0xb00000707),
    UINT64_C(0x81bf), UINT64_C(0x710f),
    UINT64_C(0x3d412d), UINT64_C(0x40000003dc),
    UINT64_C(0x3000004b7), UINT64_C(0x30bf),
    UINT64_C(0xa00000077), UINT64_C(0x35bf),
    UINT64_C(0x1200000577), UINT64_C(0xffe00a7b),
    UINT64_C(0xffe85a7b), UINT64_C(0xffd84a7b),
    UINT64_C(0xffd03a7b), UINT64_C(0x31bc),
    UINT64_C(0xe00000174), UINT64_C(0xffff00000154),
    UINT64_C(0x300000194), UINT64_C(0xfff81a63),
    UINT64_C(0xa2bf), UINT64_C(0xfffffff800000207),
    UINT64_C(0x1118), UINT64_C(0x0),
    UINT64_C(0x100000085), UINT64_C(0x20015),
    UINT64_C(0x1b4), UINT64_C(0x106b),
    UINT64_C(0xfffffffd000001b7), UINT64_C(0xfff0a379),
    UINT64_C(0x712d93000109a5), UINT64_C(0xfffffff5000001b7),
    UINT64_C(0x170f), UINT64_C(0x80715),
    UINT64_C(0x61bf), UINT64_C(0x72bf),
    UINT64_C(0x500000085), UINT64_C(0x1bf),
    UINT64_C(0xb7), UINT64_C(0x1a0155),
    UINT64_C(0x86379), UINT64_C(0x6879),
    UINT64_C(0x81bf), UINT64_C(0x12bf),
    UINT64_C(0x300000207), UINT64_C(0xb7),
    UINT64_C(0x13322d), UINT64_C(0xffe0a279),
    UINT64_C(0x22173), UINT64_C(0xffe8a279),
    UINT64_C(0x10000002dc), UINT64_C(0x216b),
    UINT64_C(0x2000000b7), UINT64_C(0x712d93000c09a5),
    UINT64_C(0x300000807), UINT64_C(0x81bf),
    UINT64_C(0x800000107), UINT64_C(0xb7),
    UINT64_C(0x7312d), UINT64_C(0xffd8a179),
    UINT64_C(0x711f), UINT64_C(0x2000000b7),
    UINT64_C(0x300030115), UINT64_C(0xffd0a179),
    UINT64_C(0x40000001dc), UINT64_C(0x187b),
    UINT64_C(0x95),
};
/* clang-format on */
#define N_INSNS (sizeof words / sizeof words[0])

int
main(void)
{
    static struct ubpf_insn insns[N_INSNS];
    static struct ubpf_object_map maps[] = {
        {"array", {UBPF_MAP_TYPE_ARRAY, 4, 8, 3}},
    };
    struct ubpf_object obj = {
        .host = &ubpf_host_single_threaded,
        .insns = insns,
        .n_insns = N_INSNS,
        .maps = maps,
        .n_maps = 1,
    };
    char why[100], *text = NULL;

    memcpy(insns, words, sizeof insns);
    if (ubpf_verify(&obj, NULL, &text)) {
        FAIL("%s", text);
    }
    free(text);
    /* What goes wrong depends on where the array is. */
    for (uint64_t seed = 1; seed <= 12; seed++) {
        if (!differ(&obj, seed, 200, why, sizeof why)) {
            FAIL("%s", why);
        }
    }
    return 0;
}

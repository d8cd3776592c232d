/* SPDX-License-Identifier: Apache-2.0
 *
 * Hashes of the packet, of lengths that are known, by all algorithms. */

#include "headers.h"

static uint64_t (*const hash_bytes)(const void *data, uint64_t len,
                                    uint64_t algorithm) = (void *)
    UBPF_HELPER_HASH;
static int64_t (*const ring_output)(const void *map, const void *data,
                                    uint64_t size) = (void *)
    UBPF_HELPER_RING_OUTPUT;

struct hashes {
    u64 lookup3, crc16, crc32, crc32c, xxh64;
};
MAP(results, ARRAY, u32, struct hashes, 16);
MAP(records, RING, u64, struct hashes, 16);

#define MAX_LEN 40

/* Hashes LEN bytes into element INDEX. */
#define TRY(INDEX, LEN)                                              \
    do {                                                             \
        struct hashes *h = map_lookup(&results, &(u32) {INDEX});     \
                                                                     \
        if (h) {                                                     \
            h->lookup3 = hash_lookup3(p, LEN, p[INDEX]);             \
            h->crc16 = hash_bytes(p, LEN, UBPF_HASH_CRC16);          \
            h->crc32 = hash_bytes(p, LEN, UBPF_HASH_CRC32);          \
            h->crc32c = hash_bytes(p, LEN, UBPF_HASH_CRC32C);        \
            h->xxh64 = hash_bytes(p, LEN, UBPF_HASH_XXH64);          \
            ring_output(&records, h, (INDEX) % 2 ? sizeof *h : LEN); \
        }                                                            \
    } while (0)

PROG u64
hashes(struct ubpf_ctx *ctx)
{
    u8 *p = DATA(ctx);

    if (p + MAX_LEN > DATA_END(ctx)) {
        return UBPF_DROP;
    }
    TRY(0, 0);
    TRY(1, 1);
    TRY(2, 3);
    TRY(3, 4);
    TRY(4, 7);
    TRY(5, 8);
    TRY(6, 11);
    TRY(7, 12);
    TRY(8, 13);
    TRY(9, 16);
    TRY(10, 17);
    TRY(11, 27);
    TRY(12, 40);
    return UBPF_PASS;
}

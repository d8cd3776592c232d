/* SPDX-License-Identifier: Apache-2.0
 *
 * Known answers of the hash functions, and what maps do with keys. */

#include <ubpf/abi.h>

#include "check.h"
#include "hashes.h"
#include "lookup3.h"
#include "maps/key.h"

/* From the self-test that Jenkins published with lookup3. */
static void
lookup3_known_answers(void)
{
    const char *score = "Four score and seven years ago";

    CHECK_EQ(ubpf_lookup3("", 0, 0), 0xdeadbeef);
    CHECK_EQ(ubpf_lookup3("", 0, 0xdeadbeef), 0xbd5b7dde);
    CHECK_EQ(ubpf_lookup3(score, 30, 0), 0x17770551);
    CHECK_EQ(ubpf_lookup3(score, 30, 1), 0xcd628161);
}

static void
lookup3_does_not_care_for_alignment(void)
{
    _Alignas(8) char buf[64];

    for (size_t i = 0; i < 16; i++) {
        memcpy(buf + i, "Four score and seven years ago", 30);
        CHECK_EQ(ubpf_lookup3(buf + i, 30, 0), 0x17770551);
    }
}

/* Every byte counts, at each length around the block of 12. */
static void
lookup3_takes_in_each_byte(void)
{
    uint8_t data[40] = {0};

    for (size_t len = 1; len <= sizeof data; len++) {
        uint32_t before = ubpf_lookup3(data, len, 7);

        for (size_t i = 0; i < len; i++) {
            data[i] = 1;
            CHECK(ubpf_lookup3(data, len, 7) != before);
            data[i] = 0;
        }
    }
}

/* What the catalogue of CRC algorithms, and xxHash's own tests, give. */
static void
known_answers(void)
{
    const char *check = "123456789";

    CHECK_EQ(ubpf_hash(check, 9, UBPF_HASH_CRC16), 0xbb3d);
    CHECK_EQ(ubpf_hash(check, 9, UBPF_HASH_CRC32), 0xcbf43926);
    CHECK_EQ(ubpf_hash(check, 9, UBPF_HASH_CRC32C), 0xe3069283);
    CHECK_EQ(ubpf_hash(check, 9, UBPF_HASH_XXH64),
             UINT64_C(0x8cb841db40e6ae83));
    CHECK_EQ(ubpf_hash("", 0, UBPF_HASH_XXH64), UINT64_C(0xef46db3751d8e999));
    CHECK_EQ(ubpf_hash("", 0, UBPF_HASH_CRC32), 0);
    CHECK_EQ(ubpf_hash(check, 9, 0), 0);
    CHECK_EQ(ubpf_hash(check, 9, 5), 0);
}

/* Bit by bit, as the CRCs are defined. */
static uint32_t
slow_crc(const uint8_t *p, size_t len, uint32_t poly, uint32_t first)
{
    uint32_t crc = first;

    for (size_t i = 0; i < len * 8; i++) {
        uint32_t bit = (crc ^ p[i / 8] >> i % 8) & 1;

        crc = crc >> 1 ^ (bit ? poly : 0);
    }
    return crc ^ first;
}

/* By tables, and by the machine's instructions where it has them. */
static void
crc_at_each_length_and_alignment(void)
{
    uint8_t data[80];
    uint64_t random = 5;

    for (size_t i = 0; i < sizeof data; i++) {
        data[i] = (uint8_t) (next_random(&random) >> 32);
    }
    for (size_t len = 0; len <= 70; len++) {
        for (size_t ofs = 0; ofs < 8; ofs++) {
            const uint8_t *p = data + ofs;
            uint32_t crc16 = slow_crc(p, len, 0xa001, 0);
            uint32_t crc32 = slow_crc(p, len, 0xedb88320, UINT32_MAX);
            uint32_t crc32c = slow_crc(p, len, 0x82f63b78, UINT32_MAX);

            CHECK_EQ(ubpf_crc16(p, len), crc16);
            CHECK_EQ(ubpf_crc32(p, len), crc32);
            CHECK_EQ(ubpf_crc32c(p, len), crc32c);
            CHECK_EQ(ubpf_crc_by_table(p, len, UBPF_HASH_CRC16), crc16);
            CHECK_EQ(ubpf_crc_by_table(p, len, UBPF_HASH_CRC32), crc32);
            CHECK_EQ(ubpf_crc_by_table(p, len, UBPF_HASH_CRC32C), crc32c);
        }
    }
}

/* Nothing past the end is read (which the address sanitizer sees). */
static void
hashes_end_where_the_data_does(void)
{
    for (size_t len = 1; len <= 70; len++) {
        uint8_t *data = calloc(1, len);

        CHECK(data);
        for (uint64_t algorithm = 1; algorithm <= 4; algorithm++) {
            uint64_t before = ubpf_hash(data, len, algorithm);

            data[len - 1] = 1;
            CHECK(ubpf_hash(data, len, algorithm) != before);
            data[len - 1] = 0;
        }
        free(data);
    }
}

/* Of 32 bytes and more, and every tail. */
static void
xxh64_known_answers(void)
{
    const char *text =
        "Nobody inspects the spammish repetition, not even once";

    CHECK_EQ(ubpf_xxh64(text, 39), UINT64_C(0xfbcea83c8a378bf1));
    CHECK_EQ(ubpf_xxh64("a", 1), UINT64_C(0xd24ec4f1a98c6e5b));
    CHECK_EQ(ubpf_xxh64("abc", 3), UINT64_C(0x44bc2cf5ad770999));
}

static void
random_numbers_differ(void)
{
    uint64_t seen[64];

    for (int i = 0; i < 64; i++) {
        seen[i] = ubpf_random();
        for (int j = 0; j < i; j++) {
            CHECK(seen[i] != seen[j]);
        }
    }
}

/* Each bit of a key of any size changes its hash and makes it another key; a
 * key is never read past its end (which the address sanitizer sees). */
static void
map_keys(void)
{
    const uint64_t seed[2] = {UINT64_C(0x0123456789abcdef),
                              UINT64_C(0xfedcba9876543210)};

    for (uint32_t size = 1; size <= 70; size++) {
        uint8_t *a = calloc(1, size), *b = calloc(1, size);
        uint64_t hash;

        CHECK(a && b && key_equal(a, b, size));
        hash = key_hash(seed, a, size);
        CHECK_EQ(key_hash(seed, b, size), hash);
        for (uint32_t i = 0; i < size * 8; i++) {
            b[i / 8] ^= (uint8_t) (1 << i % 8);
            CHECK(!key_equal(a, b, size));
            CHECK(key_hash(seed, b, size) != hash);
            b[i / 8] = 0;
        }
        free(a);
        free(b);
    }
}

int
main(void)
{
    lookup3_known_answers();
    lookup3_does_not_care_for_alignment();
    lookup3_takes_in_each_byte();
    known_answers();
    crc_at_each_length_and_alignment();
    hashes_end_where_the_data_does();
    xxh64_known_answers();
    random_numbers_differ();
    map_keys();
    return 0;
}

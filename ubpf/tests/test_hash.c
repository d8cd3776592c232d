/* SPDX-License-Identifier: Apache-2.0
 *
 * Known answers of the hash functions. */

#include "check.h"
#include "lookup3.h"
#include "maps/siphash.h"

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

/* Key 00 01 ... 0f and messages "", 00, 00 01: the first of the vectors that
 * implementations of SipHash-1-3 share. */
static void
siphash_known_answers(void)
{
    const uint64_t key[2] = {UINT64_C(0x0706050403020100),
                             UINT64_C(0x0f0e0d0c0b0a0908)};
    const uint8_t message[2] = {0, 1};

    CHECK_EQ(ubpf_siphash13(key, message, 0), UINT64_C(0xabac0158050fc4dc));
    CHECK_EQ(ubpf_siphash13(key, message, 1), UINT64_C(0xc9f49bf37d57ca93));
    CHECK_EQ(ubpf_siphash13(key, message, 2), UINT64_C(0x82cb9b024dc7d44d));
}

int
main(void)
{
    lookup3_known_answers();
    lookup3_does_not_care_for_alignment();
    lookup3_takes_in_each_byte();
    siphash_known_answers();
    return 0;
}

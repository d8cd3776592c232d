/* SPDX-License-Identifier: Apache-2.0
 *
 * SipHash-1-3, the keyed hash function of Aumasson and Bernstein ("SipHash: a
 * fast short-input PRF", 2012) with one round per word and three at the end,
 * enough where the attacker never sees a hash value. */

#ifndef UBPF_SIPHASH_H
#define UBPF_SIPHASH_H 1

#include <stddef.h>
#include <stdint.h>
#include <string.h>

static inline uint64_t
sip_rotate(uint64_t x, unsigned int n)
{
    return x << n | x >> (64 - n);
}

static inline void
sip_round(uint64_t v[4])
{
    v[0] += v[1];
    v[2] += v[3];
    v[1] = sip_rotate(v[1], 13) ^ v[0];
    v[3] = sip_rotate(v[3], 16) ^ v[2];
    v[0] = sip_rotate(v[0], 32);
    v[2] += v[1];
    v[0] += v[3];
    v[1] = sip_rotate(v[1], 17) ^ v[2];
    v[3] = sip_rotate(v[3], 21) ^ v[0];
    v[2] = sip_rotate(v[2], 32);
}

/* Hashes the 'len' bytes at 'data' under the 128-bit 'key'. */
static inline uint64_t
ubpf_siphash13(const uint64_t key[2], const void *data, size_t len)
{
    uint64_t v[4] = {
        key[0] ^ UINT64_C(0x736f6d6570736575),
        key[1] ^ UINT64_C(0x646f72616e646f6d),
        key[0] ^ UINT64_C(0x6c7967656e657261),
        key[1] ^ UINT64_C(0x7465646279746573),
    };
    const uint8_t *p = data;
    uint64_t word = 0;
    size_t left;

    for (left = len; left >= 8; left -= 8, p += 8) {
        memcpy(&word, p, 8);
        v[3] ^= word;
        sip_round(v);
        v[0] ^= word;
    }
    word = (uint64_t) len << 56;
    for (size_t i = 0; i < left; i++) {
        word |= (uint64_t) p[i] << (8 * i);
    }
    v[3] ^= word;
    sip_round(v);
    v[0] ^= word;

    v[2] ^= 0xff;
    sip_round(v);
    sip_round(v);
    sip_round(v);
    return v[0] ^ v[1] ^ v[2] ^ v[3];
}

#endif /* siphash.h */

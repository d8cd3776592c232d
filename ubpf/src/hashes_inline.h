/* SPDX-License-Identifier: Apache-2.0
 *
 * The hash functions for whoever knows how much is hashed: loops of a known
 * number of turns, and loads of known sizes.  Nothing past the end is read. */

#ifndef UBPF_HASHES_INLINE_H
#define UBPF_HASHES_INLINE_H 1

#include <stddef.h>
#include <stdint.h>

#include "maps/key.h"

/* The 'size' bytes at 'p', at most 8, as a number. */
static inline uint64_t
hash_word(const uint8_t *p, size_t size)
{
    if (size >= 8) {
        return key_load64(p);
    } else if (size >= 4) {
        return key_load32(p)
               | (uint64_t) key_load32(p + size - 4) << (8 * (size - 4));
    } else if (!size) {
        return 0;
    }
    return p[0] | (uint64_t) p[size / 2] << (8 * (size / 2))
           | (uint64_t) p[size - 1] << (8 * (size - 1));
}

static inline uint32_t
hash_rotate32(uint32_t x, unsigned int n)
{
    return x << n | x >> (32 - n);
}

static inline uint64_t
hash_rotate64(uint64_t x, unsigned int n)
{
    return x << n | x >> (64 - n);
}

/* lookup3, written from its author's description: three 32-bit words of state
 * take in 12 bytes at a time as little-endian words, stirred by a reversible
 * mix after each 12 bytes but the last, and by a final mix after those. */

/* x loses z, takes z rotated, z gains y. */
static inline void
lookup3_mix_step(uint32_t *x, const uint32_t *y, uint32_t *z, unsigned int n)
{
    *x -= *z;
    *x ^= hash_rotate32(*z, n);
    *z += *y;
}

static inline void
lookup3_mix(uint32_t s[3])
{
    lookup3_mix_step(&s[0], &s[1], &s[2], 4);
    lookup3_mix_step(&s[1], &s[2], &s[0], 6);
    lookup3_mix_step(&s[2], &s[0], &s[1], 8);
    lookup3_mix_step(&s[0], &s[1], &s[2], 16);
    lookup3_mix_step(&s[1], &s[2], &s[0], 19);
    lookup3_mix_step(&s[2], &s[0], &s[1], 4);
}

/* x is xored with y, then loses y rotated. */
static inline void
lookup3_final_step(uint32_t *x, const uint32_t *y, unsigned int n)
{
    *x ^= *y;
    *x -= hash_rotate32(*y, n);
}

static inline void
lookup3_final(uint32_t s[3])
{
    lookup3_final_step(&s[2], &s[1], 14);
    lookup3_final_step(&s[0], &s[2], 11);
    lookup3_final_step(&s[1], &s[0], 25);
    lookup3_final_step(&s[2], &s[1], 16);
    lookup3_final_step(&s[0], &s[2], 4);
    lookup3_final_step(&s[1], &s[0], 14);
    lookup3_final_step(&s[2], &s[1], 24);
}

/* Adds up to 12 bytes, as if followed by zeros, to the state. */
static inline void
lookup3_absorb(uint32_t s[3], const uint8_t *p, size_t len)
{
    s[0] += (uint32_t) hash_word(p, len < 4 ? len : 4);
    if (len > 4) {
        s[1] += (uint32_t) hash_word(p + 4, len < 8 ? len - 4 : 4);
    }
    if (len > 8) {
        s[2] += (uint32_t) hash_word(p + 8, len < 12 ? len - 8 : 4);
    }
}

static inline uint32_t
lookup3_inline(const void *data, size_t len, uint32_t seed)
{
    uint32_t initial = UINT32_C(0xdeadbeef) + (uint32_t) len + seed;
    uint32_t s[3] = {initial, initial, initial};
    const uint8_t *p = data;

    if (!len) {
        return s[2];
    }
    for (; len > 12; len -= 12, p += 12) {
        lookup3_absorb(s, p, 12);
        lookup3_mix(s);
    }
    lookup3_absorb(s, p, len);
    lookup3_final(s);
    return s[2];
}

/* XXH64 by its specification (Yann Collet, "xxHash fast digest algorithm"). */
#define XXH_P1 UINT64_C(0x9e3779b185ebca87)
#define XXH_P2 UINT64_C(0xc2b2ae3d27d4eb4f)
#define XXH_P3 UINT64_C(0x165667b19e3779f9)
#define XXH_P4 UINT64_C(0x85ebca77c2b2ae63)
#define XXH_P5 UINT64_C(0x27d4eb2f165667c5)

static inline uint64_t
xxh64_round(uint64_t lane, uint64_t input)
{
    return hash_rotate64(lane + input * XXH_P2, 31) * XXH_P1;
}

/* Takes in the blocks of 32 bytes, of which there is one. */
static inline uint64_t
xxh64_blocks(const uint8_t *p, size_t len)
{
    uint64_t lane[4] = {XXH_P1 + XXH_P2, XXH_P2, 0, 0 - XXH_P1};
    uint64_t h;

    for (; len >= 32; len -= 32, p += 32) {
        for (int i = 0; i < 4; i++) {
            lane[i] = xxh64_round(lane[i], key_load64(p + 8 * i));
        }
    }
    h = hash_rotate64(lane[0], 1) + hash_rotate64(lane[1], 7)
        + hash_rotate64(lane[2], 12) + hash_rotate64(lane[3], 18);
    for (int i = 0; i < 4; i++) {
        h = (h ^ xxh64_round(0, lane[i])) * XXH_P1 + XXH_P4;
    }
    return h;
}

static inline uint64_t
xxh64_inline(const void *data, size_t len)
{
    uint64_t h = (len < 32 ? XXH_P5 : xxh64_blocks(data, len)) + len;
    const uint8_t *p = (const uint8_t *) data + len / 32 * 32;
    size_t left = len % 32;

    for (; left >= 8; left -= 8, p += 8) {
        h ^= xxh64_round(0, key_load64(p));
        h = hash_rotate64(h, 27) * XXH_P1 + XXH_P4;
    }
    if (left >= 4) {
        h = hash_rotate64(h ^ key_load32(p) * XXH_P1, 23) * XXH_P2 + XXH_P3;
        left -= 4;
        p += 4;
    }
    for (; left; left--, p++) {
        h = hash_rotate64(h ^ *p * XXH_P5, 11) * XXH_P1;
    }
    h = (h ^ h >> 33) * XXH_P2;
    h = (h ^ h >> 29) * XXH_P3;
    return h ^ h >> 32;
}

/* The next number after '*state', which moves: a counter with a large odd
 * step, scrambled (Steele, Lea and Flood's SplitMix, 2014). */
static inline uint64_t
random_next(uint64_t *state)
{
    uint64_t x = *state += UINT64_C(0x9e3779b97f4a7c15);

    x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
    return x ^ x >> 31;
}

#endif /* hashes_inline.h */

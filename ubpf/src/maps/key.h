/* SPDX-License-Identifier: Apache-2.0
 *
 * Keys as words: hashed and compared without a loop where the compiler knows
 * their size, and never past their end. */

#ifndef UBPF_KEY_H
#define UBPF_KEY_H 1

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

static inline uint64_t
key_load64(const uint8_t *p)
{
    uint64_t x;

    memcpy(&x, p, sizeof x);
    return x;
}

static inline uint32_t
key_load32(const uint8_t *p)
{
    uint32_t x;

    memcpy(&x, p, sizeof x);
    return x;
}

/* The 'size' bytes at 'p', 1 to 7, as a number. */
static inline uint64_t
key_load_short(const uint8_t *p, uint32_t size)
{
    if (size >= 4) {
        return key_load32(p) | (uint64_t) key_load32(p + size - 4) << 32;
    }
    return p[0] | (uint64_t) p[size / 2] << 8 | (uint64_t) p[size - 1] << 16;
}

/* Both halves of a product of 128 bits, folded. */
static inline uint64_t
key_fold(uint64_t a, uint64_t b)
{
    unsigned __int128 product = (unsigned __int128) a * b;

    return (uint64_t) product ^ (uint64_t) (product >> 64);
}

/* A hash of the 'size' bytes at 'key', at least 1, of which every bit is as
 * good as any other.  Whoever does not know 'seed', which is random, cannot
 * choose keys that collide. */
static inline uint64_t
key_hash(const uint64_t seed[2], const void *key, uint32_t size)
{
    const uint8_t *p = key;
    uint64_t h = seed[0];

    if (size < 8) {
        h = key_fold(key_load_short(p, size) ^ seed[1], h);
    } else {
        uint32_t left = size;

        for (; left >= 16; left -= 16, p += 16) {
            h = key_fold(key_load64(p) ^ seed[1], key_load64(p + 8) ^ h);
        }
        if (left > 8) {
            h = key_fold(key_load64(p) ^ seed[1],
                         key_load64(p + left - 8) ^ h);
        } else if (left) {
            h = key_fold(key_load64(p + left - 8) ^ seed[1], h);
        }
    }
    return key_fold(h ^ size, seed[1] ^ UINT64_C(0x9e3779b97f4a7c15));
}

/* True if the 'size' bytes, at least 1, at 'a' and 'b' are the same. */
static inline bool
key_equal(const void *a_, const void *b_, uint32_t size)
{
    const uint8_t *a = a_, *b = b_;

    if (size < 8) {
        return key_load_short(a, size) == key_load_short(b, size);
    }
    for (; size > 8; size -= 8, a += 8, b += 8) {
        if (size < 16) {
            /* The last two words overlap. */
            return !((key_load64(a) ^ key_load64(b))
                     | (key_load64(a + size - 8) ^ key_load64(b + size - 8)));
        }
        if (key_load64(a) != key_load64(b)) {
            return false;
        }
    }
    return key_load64(a) == key_load64(b);
}

#endif /* key.h */

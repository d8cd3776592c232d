/* SPDX-License-Identifier: Apache-2.0
 *
 * The hash function lookup3, written from its author's description: three
 * 32-bit words of state take in 12 bytes at a time as little-endian words,
 * stirred by a reversible mix after each 12 bytes but the last, and by a
 * final mix after those. */

#include "lookup3.h"

#include <string.h>

static inline uint32_t
rotate(uint32_t x, unsigned int n)
{
    return x << n | x >> (32 - n);
}

/* Rotations of the six steps of each mix. */
static const uint8_t mix_steps[6] = {4, 6, 8, 16, 19, 4};
static const uint8_t final_steps[7] = {14, 11, 25, 16, 4, 14, 24};

/* One step: x loses z, takes z rotated, z gains y. */
static inline void
mix(uint32_t s[3])
{
    for (unsigned int i = 0; i < 6; i++) {
        uint32_t *x = &s[i % 3], *y = &s[(i + 1) % 3], *z = &s[(i + 2) % 3];

        *x -= *z;
        *x ^= rotate(*z, mix_steps[i]);
        *z += *y;
    }
}

/* One step: x is xored with y, then loses y rotated; starts at the third. */
static inline void
final_mix(uint32_t s[3])
{
    for (unsigned int i = 0; i < 7; i++) {
        uint32_t *x = &s[(i + 2) % 3], *y = &s[(i + 1) % 3];

        *x ^= *y;
        *x -= rotate(*y, final_steps[i]);
    }
}

/* Adds up to 12 bytes, as if followed by zeros, to the state. */
static inline void
absorb(uint32_t s[3], const uint8_t *p, size_t len)
{
    uint32_t words[3] = {0, 0, 0};

    memcpy(words, p, len);
    for (unsigned int i = 0; i < 3; i++) {
        s[i] += words[i];
    }
}

uint32_t
ubpf_lookup3(const void *data, size_t len, uint32_t seed)
{
    uint32_t initial = UINT32_C(0xdeadbeef) + (uint32_t) len + seed;
    uint32_t s[3] = {initial, initial, initial};
    const uint8_t *p = data;

    if (!len) {
        return s[2];
    }
    for (; len > 12; len -= 12, p += 12) {
        absorb(s, p, 12);
        mix(s);
    }
    absorb(s, p, len);
    final_mix(s);
    return s[2];
}

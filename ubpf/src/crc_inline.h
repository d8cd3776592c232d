/* SPDX-License-Identifier: Apache-2.0
 *
 * Cyclic redundancy checks by the machine's own instructions, where it has
 * them.  All are reflected: bit 0 of a word is the coefficient of its highest
 * power. */

#ifndef UBPF_CRC_INLINE_H
#define UBPF_CRC_INLINE_H 1

#include <stddef.h>
#include <stdint.h>

#include "hashes_inline.h"

/* What is known of a polynomial P of degree 32 (one of degree 16 counts as P
 * times x^16).  A product of two words of 64 bits, taken as one of 128, has
 * each coefficient at a power that is one too high: x^63 stands for x^64, and
 * so on. */
struct crc_constants {
    uint64_t x63, x95, x127, x191; /* These powers modulo P. */
    uint64_t quotient;             /* x^64 divided by P. */
    uint64_t poly;                 /* P itself. */
    uint32_t first, last; /* What a check begins with, and is xored with. */
};

static const struct crc_constants crc16_constants = {
    .x63 = UINT64_C(0xfc0100000000),
    .x95 = UINT64_C(0xccc100000000),
    .x127 = UINT64_C(0xc3fd00000000),
    .x191 = UINT64_C(0xd13d00000000),
    .quotient = UINT64_C(0x1cfffbfff),
    .poly = UINT64_C(0x14003),
};

static const struct crc_constants crc32_constants = {
    .x63 = UINT64_C(0xb8bc676500000000),
    .x95 = UINT64_C(0xccaa009e00000000),
    .x127 = UINT64_C(0x9ba54c6f00000000),
    .x191 = UINT64_C(0x65673b4600000000),
    .quotient = UINT64_C(0x1f7011641),
    .poly = UINT64_C(0x1db710641),
    .first = UINT32_MAX,
    .last = UINT32_MAX,
};

#if defined __x86_64__

#define CRC_HAS_MACHINE 1
#define CRC_TARGET      __attribute__((target("pclmul,sse4.2")))
#define CRC_MACHINE     CRC_TARGET static inline

typedef long long crc_words __attribute__((vector_size(16)));

/* True if this machine can run what is CRC_MACHINE. */
static inline int
crc_is_supported(void)
{
    return __builtin_cpu_supports("pclmul")
           && __builtin_cpu_supports("sse4.2");
}

CRC_MACHINE crc_words
crc_split(unsigned __int128 x)
{
    return (crc_words) {(long long) (uint64_t) x,
                        (long long) (uint64_t) (x >> 64)};
}

CRC_MACHINE unsigned __int128
crc_join(crc_words x)
{
    return (unsigned __int128) (uint64_t) x[1] << 64 | (uint64_t) x[0];
}

/* The 'size' bytes at 'p', at most 16. */
CRC_MACHINE unsigned __int128
crc_load(const uint8_t *p, size_t size)
{
    return size <= 8
               ? hash_word(p, size)
               : hash_word(p, 8)
                     | (unsigned __int128) hash_word(p + 8, size - 8) << 64;
}

CRC_MACHINE crc_words
crc_multiply(uint64_t a, uint64_t b)
{
    crc_words x = {(long long) a, 0}, y = {(long long) b, 0};

    return __builtin_ia32_pclmulqdq128(x, y, 0);
}

/* 'sum' times x^128. */
CRC_MACHINE crc_words
crc_shift(crc_words sum, const struct crc_constants *c)
{
    return crc_multiply((uint64_t) sum[0], c->x191)
           ^ crc_multiply((uint64_t) sum[1], c->x127);
}

/* 'x' modulo P. */
CRC_MACHINE uint32_t
crc_divide(uint64_t x, const struct crc_constants *c)
{
    uint32_t q = (uint32_t) crc_multiply((uint32_t) x, c->quotient)[0];

    return (uint32_t) ((x ^ (uint64_t) crc_multiply(q, c->poly)[0]) >> 32);
}

/* 'sum' times x^32 modulo P: first to 96 bits, then to 64, then to 32. */
CRC_MACHINE uint32_t
crc_reduce(crc_words sum, const struct crc_constants *c)
{
    crc_words x = crc_multiply((uint64_t) sum[0], c->x95);
    uint64_t low = (uint64_t) x[1] ^ (uint64_t) sum[1] >> 32;

    x = crc_multiply((uint64_t) x[0] ^ (uint64_t) sum[1] << 32, c->x63);
    return crc_divide((uint64_t) x[1] ^ low, c);
}

/* What 'sum' becomes by the 'size' bytes at 'p', 1 to 15. */
CRC_MACHINE crc_words
crc_append(crc_words sum, const uint8_t *p, size_t size,
           const struct crc_constants *c)
{
    unsigned int in = (unsigned int) size * 8, out = 128 - in;
    unsigned __int128 all = crc_join(sum);

    return crc_shift(crc_split(all << out), c)
           ^ crc_split(all >> in | crc_load(p, size) << out);
}

/* The check of the 'len' bytes at 'data' by the polynomial of 'c'. */
CRC_MACHINE uint32_t
crc_inline(const void *data, size_t len, const struct crc_constants *c)
{
    const uint8_t *p = data;
    crc_words sum;

    if (len < 4) {
        uint64_t x = hash_word(p, len) ^ c->first;

        return crc_divide(x << (32 - 8 * len), c) ^ c->last;
    } else if (len <= 16) {
        sum = crc_split((crc_load(p, len) ^ c->first) << (128 - 8 * len));
        return crc_reduce(sum, c) ^ c->last;
    }
    sum = crc_split(crc_load(p, 16) ^ c->first);
    for (p += 16, len -= 16; len >= 16; p += 16, len -= 16) {
        sum = crc_shift(sum, c) ^ crc_split(crc_load(p, 16));
    }
    if (len) {
        sum = crc_append(sum, p, len, c);
    }
    return crc_reduce(sum, c) ^ c->last;
}

/* CRC-32/ISCSI. */
CRC_MACHINE uint32_t
crc32c_inline(const void *data, size_t len)
{
    const uint8_t *p = data;
    uint64_t crc = UINT32_MAX;
    uint32_t crc32;

    for (; len >= 8; len -= 8, p += 8) {
        crc = __builtin_ia32_crc32di(crc, key_load64(p));
    }
    crc32 = (uint32_t) crc;
    if (len >= 4) {
        crc32 = __builtin_ia32_crc32si(crc32, key_load32(p));
        len -= 4;
        p += 4;
    }
    for (; len; len--, p++) {
        crc32 = __builtin_ia32_crc32qi(crc32, *p);
    }
    return ~crc32;
}

#endif /* __x86_64__ */

#endif /* crc_inline.h */

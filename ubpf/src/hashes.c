/* SPDX-License-Identifier: Apache-2.0 */

#include "hashes.h"

#include <pthread.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include <ubpf/abi.h>

/* Reflected polynomials. */
#define POLY_CRC16  0xa001u
#define POLY_CRC32  0xedb88320u
#define POLY_CRC32C 0x82f63b78u

/* Entry [k][b]: what byte 'b' does to a CRC when 'k' more bytes follow. */
static uint32_t crc32_table[8][256], crc32c_table[8][256];
static uint16_t crc16_table[256];

static pthread_once_t once = PTHREAD_ONCE_INIT;

static uint32_t
crc_of_byte(uint32_t byte, uint32_t poly)
{
    for (int i = 0; i < 8; i++) {
        byte = byte >> 1 ^ (byte & 1 ? poly : 0);
    }
    return byte;
}

static void
make_table(uint32_t table[8][256], uint32_t poly)
{
    for (uint32_t b = 0; b < 256; b++) {
        table[0][b] = crc_of_byte(b, poly);
    }
    for (uint32_t b = 0; b < 256; b++) {
        for (int k = 1; k < 8; k++) {
            uint32_t before = table[k - 1][b];

            table[k][b] = before >> 8 ^ table[0][before & 0xff];
        }
    }
}

static void
make_tables(void)
{
    make_table(crc32_table, POLY_CRC32);
    make_table(crc32c_table, POLY_CRC32C);
    for (uint32_t b = 0; b < 256; b++) {
        crc16_table[b] = (uint16_t) crc_of_byte(b, POLY_CRC16);
    }
}

/* Eight bytes at a time: their contributions do not depend on each other. */
static uint32_t
crc(const uint32_t table[8][256], const uint8_t *p, size_t len)
{
    uint32_t crc = UINT32_MAX;

    for (; len >= 8; len -= 8, p += 8) {
        uint32_t low, high;

        memcpy(&low, p, 4);
        memcpy(&high, p + 4, 4);
        low ^= crc;
        crc = table[7][low & 0xff] ^ table[6][low >> 8 & 0xff]
              ^ table[5][low >> 16 & 0xff] ^ table[4][low >> 24]
              ^ table[3][high & 0xff] ^ table[2][high >> 8 & 0xff]
              ^ table[1][high >> 16 & 0xff] ^ table[0][high >> 24];
    }
    for (; len; len--, p++) {
        crc = crc >> 8 ^ table[0][(crc ^ *p) & 0xff];
    }
    return ~crc;
}

uint16_t
ubpf_crc16(const void *data, size_t len)
{
    const uint8_t *p = data;
    uint16_t crc = 0;

    pthread_once(&once, make_tables);
    for (; len; len--, p++) {
        crc = (uint16_t) (crc >> 8 ^ crc16_table[(crc ^ *p) & 0xff]);
    }
    return crc;
}

uint32_t
ubpf_crc32(const void *data, size_t len)
{
    pthread_once(&once, make_tables);
    return crc(crc32_table, data, len);
}

#if defined __x86_64__
/* The same by the machine's own instruction. */
__attribute__((target("sse4.2"))) static uint32_t
crc32c_machine(const uint8_t *p, size_t len)
{
    uint64_t crc = UINT32_MAX;
    uint32_t crc32;

    for (; len >= 8; len -= 8, p += 8) {
        uint64_t word;

        memcpy(&word, p, sizeof word);
        crc = __builtin_ia32_crc32di(crc, word);
    }
    for (crc32 = (uint32_t) crc; len; len--, p++) {
        crc32 = __builtin_ia32_crc32qi(crc32, *p);
    }
    return ~crc32;
}
#endif

uint32_t
ubpf_crc32c(const void *data, size_t len)
{
#if defined __x86_64__
    if (__builtin_cpu_supports("sse4.2")) {
        return crc32c_machine(data, len);
    }
#endif
    pthread_once(&once, make_tables);
    return crc(crc32c_table, data, len);
}

/* XXH64 by its specification (Yann Collet, "xxHash fast digest algorithm"). */
#define P1 UINT64_C(0x9e3779b185ebca87)
#define P2 UINT64_C(0xc2b2ae3d27d4eb4f)
#define P3 UINT64_C(0x165667b19e3779f9)
#define P4 UINT64_C(0x85ebca77c2b2ae63)
#define P5 UINT64_C(0x27d4eb2f165667c5)

static uint64_t
rotate(uint64_t x, unsigned int n)
{
    return x << n | x >> (64 - n);
}

static uint64_t
word64(const uint8_t *p)
{
    uint64_t x;

    memcpy(&x, p, sizeof x);
    return x;
}

static uint64_t
xxh_round(uint64_t lane, uint64_t input)
{
    return rotate(lane + input * P2, 31) * P1;
}

static uint64_t
xxh_merge(uint64_t h, uint64_t lane)
{
    return (h ^ xxh_round(0, lane)) * P1 + P4;
}

uint64_t
ubpf_xxh64(const void *data, size_t len)
{
    const uint8_t *p = data;
    size_t left = len;
    uint64_t h = P5;

    if (left >= 32) {
        uint64_t lane[4] = {P1 + P2, P2, 0, 0 - P1};

        for (; left >= 32; left -= 32, p += 32) {
            for (int i = 0; i < 4; i++) {
                lane[i] = xxh_round(lane[i], word64(p + 8 * i));
            }
        }
        h = rotate(lane[0], 1) + rotate(lane[1], 7) + rotate(lane[2], 12)
            + rotate(lane[3], 18);
        for (int i = 0; i < 4; i++) {
            h = xxh_merge(h, lane[i]);
        }
    }
    h += len;
    for (; left >= 8; left -= 8, p += 8) {
        h = rotate(h ^ xxh_round(0, word64(p)), 27) * P1 + P4;
    }
    if (left >= 4) {
        uint32_t word;

        memcpy(&word, p, sizeof word);
        h = rotate(h ^ word * P1, 23) * P2 + P3;
        left -= 4;
        p += 4;
    }
    for (; left; left--, p++) {
        h = rotate(h ^ *p * P5, 11) * P1;
    }
    h = (h ^ h >> 33) * P2;
    h = (h ^ h >> 29) * P3;
    return h ^ h >> 32;
}

uint64_t
ubpf_hash(const void *data, size_t len, uint64_t algorithm)
{
    switch (algorithm) {
    case UBPF_HASH_CRC16:
        return ubpf_crc16(data, len);
    case UBPF_HASH_CRC32:
        return ubpf_crc32(data, len);
    case UBPF_HASH_CRC32C:
        return ubpf_crc32c(data, len);
    case UBPF_HASH_XXH64:
        return ubpf_xxh64(data, len);
    default:
        return 0;
    }
}

/* A counter with a large odd step from a random start, scrambled (Steele, Lea
 * and Flood's SplitMix, 2014). */
uint64_t
ubpf_random(void)
{
    static _Thread_local uint64_t state;
    uint64_t x;

    if (!state
        && getrandom(&state, sizeof state, GRND_NONBLOCK)
               != (ssize_t) sizeof state) {
        struct timespec now;

        clock_gettime(CLOCK_MONOTONIC, &now);
        state = (uint64_t) now.tv_nsec * P1 ^ (uintptr_t) &state;
    }
    state += UINT64_C(0x9e3779b97f4a7c15);
    x = state;
    x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
    return x ^ x >> 31;
}

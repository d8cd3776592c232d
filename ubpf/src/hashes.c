/* SPDX-License-Identifier: Apache-2.0 */

#include "hashes.h"

#include <pthread.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include <ubpf/abi.h>

#include "crc_inline.h"
#include "hashes_inline.h"

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

uint32_t
ubpf_crc_by_table(const void *data, size_t len, enum ubpf_hash algorithm)
{
    const uint8_t *p = data;
    uint32_t sum = 0;

    pthread_once(&once, make_tables);
    if (algorithm != UBPF_HASH_CRC16) {
        return crc(algorithm == UBPF_HASH_CRC32 ? crc32_table : crc32c_table,
                   data, len);
    }
    for (; len; len--, p++) {
        sum = sum >> 8 ^ crc16_table[(sum ^ *p) & 0xff];
    }
    return sum;
}

uint16_t
ubpf_crc16(const void *data, size_t len)
{
#if defined CRC_HAS_MACHINE
    if (crc_is_supported()) {
        return (uint16_t) crc_inline(data, len, &crc16_constants);
    }
#endif
    return (uint16_t) ubpf_crc_by_table(data, len, UBPF_HASH_CRC16);
}

uint32_t
ubpf_crc32(const void *data, size_t len)
{
#if defined CRC_HAS_MACHINE
    if (crc_is_supported()) {
        return crc_inline(data, len, &crc32_constants);
    }
#endif
    return ubpf_crc_by_table(data, len, UBPF_HASH_CRC32);
}

uint32_t
ubpf_crc32c(const void *data, size_t len)
{
#if defined CRC_HAS_MACHINE
    if (crc_is_supported()) {
        return crc32c_inline(data, len);
    }
#endif
    return ubpf_crc_by_table(data, len, UBPF_HASH_CRC32C);
}

uint64_t
ubpf_xxh64(const void *data, size_t len)
{
    return xxh64_inline(data, len);
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

uint64_t
ubpf_random(void)
{
    static _Thread_local uint64_t state;

    if (!state
        && getrandom(&state, sizeof state, GRND_NONBLOCK)
               != (ssize_t) sizeof state) {
        struct timespec now;

        clock_gettime(CLOCK_MONOTONIC, &now);
        state = (uint64_t) now.tv_nsec * XXH_P1 ^ (uintptr_t) &state;
    }
    return random_next(&state);
}

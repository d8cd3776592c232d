/* SPDX-License-Identifier: Apache-2.0
 *
 * The functions of enum ubpf_hash, and random numbers. */

#ifndef UBPF_HASHES_H
#define UBPF_HASHES_H 1

#include <stddef.h>
#include <stdint.h>

#include <ubpf/abi.h>

uint16_t ubpf_crc16(const void *data, size_t len);  /* CRC-16/ARC. */
uint32_t ubpf_crc32(const void *data, size_t len);  /* CRC-32/ISO-HDLC. */
uint32_t ubpf_crc32c(const void *data, size_t len); /* CRC-32/ISCSI. */
uint64_t ubpf_xxh64(const void *data, size_t len);  /* XXH64, seed 0. */

/* The check that 'algorithm' numbers, as on a machine without instructions for
 * it. */
uint32_t ubpf_crc_by_table(const void *data, size_t len,
                           enum ubpf_hash algorithm);

/* The one that 'algorithm' numbers, or 0. */
uint64_t ubpf_hash(const void *data, size_t len, uint64_t algorithm);

/* A number that the calling thread has not had before, unless by chance. */
uint64_t ubpf_random(void);

#endif /* hashes.h */

/* SPDX-License-Identifier: Apache-2.0 */

#ifndef PROGRAM_FILE_H
#define PROGRAM_FILE_H 1

#include <stddef.h>
#include <stdint.h>

#include <ubpf/ubpf.h>

/* Reads the file at 'path'; the caller frees it. */
uint8_t *read_file(const char *path, size_t *len);

/* Reads the object compiled from prog/NAME.c; the caller frees it. */
uint8_t *program_file(const char *name, size_t *len);

/* Loads it, which must succeed. */
struct ubpf_prog *program_load(const struct ubpf_host *host, const char *name);

/* A packet with headroom, and how to run a program on it. */
struct packet {
    struct ubpf_run run;
    struct ubpf_buffer buffer;
    uint8_t memory[256 + 64];
};

/* Makes '*p' a packet of 'len' bytes with 256 bytes of headroom. */
void packet_init(struct packet *p, const void *data, size_t len);

size_t packet_len(const struct packet *p);
const uint8_t *packet_data(const struct packet *p);

#endif /* program_file.h */

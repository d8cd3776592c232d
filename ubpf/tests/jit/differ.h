/* SPDX-License-Identifier: Apache-2.0
 *
 * Runs one verified program as native code, optimised and not, and in the
 * interpreter, each with maps of its own that start with the same contents, on
 * the same bursts of packets, and compares all that a program can change. */

#ifndef UBPF_TEST_DIFFER_H
#define UBPF_TEST_DIFFER_H 1

#include <stdbool.h>

#include "elf/object.h"

/* Runs 'obj', verified, on 'packets' packets that follow from 'seed'.  Returns
 * false, with what differs in 'why', of 'size' bytes. */
bool differ(const struct ubpf_object *obj, uint64_t seed, int packets,
            char *why, size_t size);

#endif /* differ.h */

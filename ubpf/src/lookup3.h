/* SPDX-License-Identifier: Apache-2.0 */

#ifndef UBPF_LOOKUP3_H
#define UBPF_LOOKUP3_H 1

#include <stddef.h>
#include <stdint.h>

/* Bob Jenkins' lookup3 hash 'hashlittle' (2006) of the 'len' bytes at 'data',
 * which need not be aligned, with initial value 'seed'. */
uint32_t ubpf_lookup3(const void *data, size_t len, uint32_t seed);

#endif /* lookup3.h */

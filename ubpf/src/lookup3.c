/* SPDX-License-Identifier: Apache-2.0 */

#include "lookup3.h"

#include "hashes_inline.h"

uint32_t
ubpf_lookup3(const void *data, size_t len, uint32_t seed)
{
    return lookup3_inline(data, len, seed);
}

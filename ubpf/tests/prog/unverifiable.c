/* SPDX-License-Identifier: Apache-2.0
 *
 * Reads the packet without asking whether the byte is there. */

#include "ubpf_program.h"

SECTION(UBPF_SEC_PROG) uint64_t entry(struct ubpf_ctx *ctx)
{
    return *(const uint8_t *) ctx->data & 1;
}

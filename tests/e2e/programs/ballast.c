/* SPDX-License-Identifier: Apache-2.0
 *
 * Lets everything pass, and carries MEGABYTES of what nobody needs. */

#include <ubpf/abi.h>

__attribute__((section(UBPF_SEC_ABI), used))
static const uint32_t abi_version = UBPF_ABI_VERSION;

__attribute__((section("ballast"), used))
static const uint8_t weight[MEGABYTES << 20] = { 1 };

__attribute__((section(UBPF_SEC_PROG)))
uint64_t
entry(struct ubpf_ctx *ctx)
{
    return ctx->packet_length ? UBPF_PASS : UBPF_DROP;
}

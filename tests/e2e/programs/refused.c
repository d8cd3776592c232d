/* SPDX-License-Identifier: Apache-2.0
 *
 * Objects that must not load, one for each value of WRONG. */

#define UNCHECKED_ACCESS 1
#define UNKNOWN_HELPER 2
#define UNKNOWN_MAP_TYPE 3
#define WRONG_ABI 4
#define ENDLESS_LOOP 5
#define TWO_PROGRAMS 6
#define NO_PROGRAM 7

#include <ubpf/abi.h>

__attribute__((section(UBPF_SEC_ABI), used))
static const uint32_t abi_version =
    WRONG == WRONG_ABI ? 4242 : UBPF_ABI_VERSION;

#if WRONG == UNKNOWN_MAP_TYPE
__attribute__((section(UBPF_SEC_MAPS)))
struct ubpf_map_def strange = { 77, 4, 4, 16, 0 };
#endif

#if WRONG == NO_PROGRAM
int unused;
#else
__attribute__((section(UBPF_SEC_PROG)))
uint64_t
entry(struct ubpf_ctx *ctx)
{
#if WRONG == UNCHECKED_ACCESS
    return *(uint8_t *) ctx->data & 1 ? UBPF_PASS : UBPF_DROP;
#elif WRONG == UNKNOWN_HELPER
    return ((uint64_t (*)(void)) 9999)() & 1 ? UBPF_PASS : UBPF_DROP;
#elif WRONG == ENDLESS_LOOP
    volatile uint32_t spins = 0;
    while (spins != 0xffffffff || ctx->input_port != 7) {
        spins = spins * 2 + 1;
    }
    return UBPF_PASS;
#else
    return ctx->packet_length > 100 ? UBPF_PASS : UBPF_DROP;
#endif
}
#endif

#if WRONG == TWO_PROGRAMS
__attribute__((section(UBPF_SEC_PROG)))
uint64_t
second(struct ubpf_ctx *ctx)
{
    return ctx->input_port ? UBPF_PASS : UBPF_DROP;
}
#endif

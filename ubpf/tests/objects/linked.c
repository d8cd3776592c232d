/* SPDX-License-Identifier: Apache-2.0
 *
 * Two programs that share functions, data of all kinds, and a map: declared by
 * type with BTF, as a struct ubpf_map_def without. */

#include <ubpf/abi.h>

struct flow {
    uint32_t port;
    uint16_t bytes[2];
};

struct counters {
    uint64_t packets, bytes;
};

#ifdef WITHOUT_BTF
struct ubpf_map_def flows __attribute__((section("maps"), used)) = {
    UBPF_MAP_TYPE_HASH,
    sizeof(struct flow),
    sizeof(struct counters),
    64,
};
#else
#define NUMBER(NAME, N)  int(*NAME)[N]
#define TYPE(NAME, TYPE) TYPE *NAME

struct {
    NUMBER(type, UBPF_MAP_TYPE_HASH);
    TYPE(key, struct flow);
    TYPE(value, struct counters);
    NUMBER(max_entries, 64);
} flows __attribute__((section(".maps"), used));
#endif

uint32_t abi __attribute__((section("ubpf.abi"), used)) = UBPF_ABI_VERSION;

static void *(*const map_lookup)(void *map, const void *key) = (void *) 1;
static int64_t (*const map_update)(void *map, const void *key,
                                   const void *value,
                                   uint64_t flags) = (void *) 2;

static uint64_t n_calls;
uint32_t base = 7;
static const uint32_t weights[] = {1, 10, 100, 1000};

/* Counts in the caller's frame and in a variable. */
static __attribute__((noinline)) uint64_t
twice(uint64_t x, uint64_t *n)
{
    *n += 1;
    n_calls++;
    return x * 2;
}

__attribute__((noinline)) uint64_t
weigh(uint64_t x)
{
    return x * weights[x & 3] + base;
}

static __attribute__((noinline)) void
count_flow(uint32_t port)
{
    struct flow flow = {.port = port, .bytes = {1, 2}};
    struct counters *found = map_lookup(&flows, &flow);
    struct counters first = {1, 64};

    if (found) {
        found->packets++;
        found->bytes += 64;
    } else {
        map_update(&flows, &flow, &first, UBPF_ANY);
    }
}

__attribute__((section("prog"))) uint64_t
count(volatile struct ubpf_ctx *ctx)
{
    uint64_t n = 0, sum = twice(ctx->input_port, &n);

    sum += twice(ctx->input_port + 1, &n);
    count_flow(ctx->input_port);
    base += 1;
    ctx->output_port = (uint32_t) (sum + n * 10000 + n_calls * 100000);
    return UBPF_REDIRECT;
}

__attribute__((section("prog/other"))) uint64_t
other(volatile struct ubpf_ctx *ctx)
{
    ctx->output_port = (uint32_t) weigh(ctx->input_port);
    return UBPF_REDIRECT;
}

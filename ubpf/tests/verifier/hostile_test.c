/* SPDX-License-Identifier: Apache-2.0
 *
 * Programs made to cost the verifier all that they can: it ends, within its
 * limits, with the verdict expected. */

#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "check.h"
#include "elf/object.h"
#include "verifier/verifier.h"

#define MAX_INSNS 65536
#define WORDS     (UBPF_STACK_SIZE / 8)

/* Beside the proof itself there is a list of the functions and the like. */
#define MAX_MEMORY (UBPF_VERIFIER_MAX_BYTES + (1 << 20))

/* Seconds of a processor that a proof may take; sanitizers take their time. */
#if defined __SANITIZE_ADDRESS__ || defined __SANITIZE_THREAD__ \
    || defined __has_feature
#define MAX_SECONDS 20
#else
#define MAX_SECONDS 2
#endif

static struct ubpf_insn insns[MAX_INSNS];
static uint32_t n_insns;
static uint64_t seed;

static const struct ubpf_object_map maps[] = {
    {"h", {UBPF_MAP_TYPE_HASH, 4, 16, 8}},
};

/* What the verifier has, and the most that it had. */
static uint64_t bytes, most_bytes;

static void *
count_alloc(size_t size)
{
    uint64_t *block = malloc(size + 16);

    CHECK(block);
    *block = size;
    bytes += size;
    most_bytes = bytes > most_bytes ? bytes : most_bytes;
    return block + 2;
}

static void
count_free(void *memory)
{
    if (memory) {
        uint64_t *block = (uint64_t *) memory - 2;

        bytes -= *block;
        free(block);
    }
}

static void
emit(int opcode, int dst, int src, int offset, int32_t imm)
{
    CHECK(n_insns < MAX_INSNS);
    insns[n_insns++] =
        (struct ubpf_insn) {(uint8_t) opcode, (uint8_t) (dst & 15),
                            (uint8_t) (src & 15), (int16_t) offset, imm};
}

static void
emit_exit(void)
{
    emit(0xb7, 0, 0, 0, 0);
    emit(0x95, 0, 0, 0, 0);
}

/* Back to 'top' while register 'reg' is below 2^31. */
static void
emit_long_loop(int reg, uint32_t top)
{
    emit(0x07, reg, 0, 0, 1);
    emit(0xa5, reg, 0, (int) top - (int) n_insns - 1, INT32_MAX);
}

/* A number in each word of the stack. */
static void
fill_stack(void)
{
    for (int i = 1; i <= WORDS; i++) {
        emit(0x7a, UBPF_REG_FP, 0, -8 * i, i);
    }
}

static int
any_word(void)
{
    return -8 * (int) (1 + next_random(&seed) % WORDS);
}

static void
straight(void)
{
    while (n_insns < MAX_INSNS - 2) {
        emit(0xb7, 0, 0, 0, 1);
    }
    emit_exit();
}

/* Each way leaves another stack to where they meet. */
static void
diamonds(void)
{
    fill_stack();
    emit(0x61, 2, 1, 16, 0);
    for (int i = 0; i < 15000; i++) {
        emit(0x15, 2, 0, 1, i);
        emit(0x7a, UBPF_REG_FP, 0, any_word(), i);
        emit(0x79, 3, UBPF_REG_FP, any_word(), 0);
        emit(0x0f, 2, 3, 0, 0);
    }
    emit_exit();
}

static void
long_loop(void)
{
    fill_stack();
    emit(0xb7, 3, 0, 0, 0);
    emit(0x61, 2, 1, 16, 0);
    emit(0x15, 2, 0, 1, 5);
    emit(0x7a, UBPF_REG_FP, 0, -8, 3);
    emit_long_loop(3, n_insns - 3);
    emit_exit();
}

static void
lookups_in_a_long_loop(void)
{
    uint32_t top;

    fill_stack();
    emit(0xb7, 6, 0, 0, 0);
    top = n_insns;
    emit(0x18, 1, 1, 0, 0);
    emit(0, 0, 0, 0, 0);
    emit(0xbf, 2, UBPF_REG_FP, 0, 0);
    emit(0x07, 2, 0, 0, -8);
    emit(0x85, 0, 0, 0, UBPF_HELPER_MAP_LOOKUP);
    emit(0x15, 0, 0, 1, 0);
    emit(0x79, 3, 0, 0, 0);
    emit_long_loop(6, top);
    emit_exit();
}

/* Each round leaves one of two numbers more, which is part of an offset. */
static void
counts_in_a_long_loop(void)
{
    uint32_t top;

    emit(0x61, 2, 1, 16, 0);
    emit(0xb7, 6, 0, 0, 0);
    emit(0xb7, 7, 0, 0, 0);
    top = n_insns;
    emit(0xbf, 3, 2, 0, 0);
    emit(0x7f, 3, 6, 0, 0);
    emit(0x57, 3, 0, 0, 1);
    emit(0x15, 3, 0, 1, 0);
    emit(0x07, 7, 0, 0, 1);
    emit(0xbf, 5, 7, 0, 0);
    emit(0x57, 5, 0, 0, 31);
    emit(0xbf, 4, UBPF_REG_FP, 0, 0);
    emit(0x0f, 4, 5, 0, 0);
    emit(0x72, 4, 0, -32, 1);
    emit_long_loop(6, top);
    emit_exit();
}

/* Each function calls the next 40 times. */
static void
calls_within_calls(void)
{
    const int n_calls = 40, size = n_calls + 2;

    for (int f = 0; f < UBPF_MAX_FRAMES; f++) {
        for (int i = 0; i < n_calls && f < UBPF_MAX_FRAMES - 1; i++) {
            emit(0x85, 0, 1, 0, (f + 1) * size - (int) n_insns - 1);
        }
        emit_exit();
    }
}

static void
many_functions(void)
{
    const int n = 16000;

    for (int i = 0; i < n; i++) {
        emit(0x85, 0, 1, 0, n + 2 + 2 * i - i - 1);
    }
    for (int i = 0; i <= n; i++) {
        emit_exit();
    }
}

static void
jumps_at_random(void)
{
    emit(0x61, 2, 1, 16, 0);
    for (int i = 0; i < 60000; i++) {
        emit(0x15, 2, 0, i < 59000 ? (int) (next_random(&seed) % 900) : 0, i);
    }
    emit_exit();
}

/* Each way has another sum. */
static void
sums(void)
{
    emit(0x61, 2, 1, 16, 0);
    for (int i = 0; i < 30000; i++) {
        emit(0x15, 2, 0, 1, i);
        emit(0x07, 2, 0, 0, i);
    }
    emit_exit();
}

static const struct {
    const char *name;
    void (*make)(void);
    int verdict;
} programs[] = {
    {"straight", straight, 0},
    {"diamonds", diamonds, E2BIG},
    {"long loop", long_loop, E2BIG},
    {"lookups in a long loop", lookups_in_a_long_loop, E2BIG},
    {"counts in a long loop", counts_in_a_long_loop, E2BIG},
    {"calls within calls", calls_within_calls, E2BIG},
    {"many functions", many_functions, 0},
    {"jumps at random", jumps_at_random, 0},
    {"sums", sums, 0},
};

static void
prove(size_t i)
{
    struct ubpf_host host = ubpf_host_single_threaded;
    struct ubpf_object obj = {
        .host = &host,
        .insns = insns,
        .maps = (struct ubpf_object_map *) maps,
        .n_maps = 1,
    };
    struct ubpf_limits limits = {.max_insns = MAX_INSNS};
    char *text = NULL;
    double seconds;
    clock_t start;
    int verdict;

    host.alloc = count_alloc;
    host.free = count_free;
    n_insns = 0;
    seed = 1;
    most_bytes = 0;
    programs[i].make();
    obj.n_insns = n_insns;
    start = clock();
    verdict = ubpf_verify(&obj, &limits, &text);
    seconds = (double) (clock() - start) / CLOCKS_PER_SEC;
    printf("%s: %.2f s, %.1f MiB: %s\n", programs[i].name, seconds,
           (double) most_bytes / (1 << 20), text ? text : "");
    if (verdict != programs[i].verdict) {
        FAIL("%s: %s: %s", programs[i].name, strerror(verdict), text);
    }
    CHECK(text && !strchr(text, '\n'));
    free(text);
    if (most_bytes > MAX_MEMORY) {
        FAIL("%s: it took %llu bytes", programs[i].name,
             (unsigned long long) most_bytes);
    }
    if (seconds > MAX_SECONDS) {
        FAIL("%s: it took %.2f s", programs[i].name, seconds);
    }
    CHECK_EQ(bytes, 0);
}

int
main(void)
{
    for (size_t i = 0; i < sizeof programs / sizeof programs[0]; i++) {
        prove(i);
    }
    return 0;
}

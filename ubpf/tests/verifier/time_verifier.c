/* SPDX-License-Identifier: Apache-2.0
 *
 * How long proofs take:
 *
 *     time_verifier OBJECT...
 *
 * prints for each object its instructions, those visited, and the least of
 * some times in milliseconds. */

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "elf/object.h"
#include "program_file.h"
#include "verifier/verifier.h"

#define ROUNDS 9

static double
now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double) t.tv_sec * 1e3 + (double) t.tv_nsec / 1e6;
}

static void
time_object(const char *file)
{
    static const struct ubpf_limits limits = {UBPF_DEFAULT_MAX_INSNS,
                                              UBPF_DEFAULT_MAX_VISITED,
                                              UBPF_DEFAULT_MAX_MAP_BYTES};
    char *text = NULL;
    struct ubpf_object *obj;
    double best = 1e9;
    size_t len;
    uint8_t *elf = read_file(file, &len);

    if (ubpf_object_read(&ubpf_host_single_threaded, elf, len, &limits, &obj,
                         &text)) {
        printf("%s: %s\n", file, text);
        ubpf_error_free(text);
        free(elf);
        return;
    }
    for (int i = 0; i < ROUNDS; i++) {
        double start = now_ms();

        free(text);
        ubpf_verify(obj, &limits, &text);
        best = now_ms() - start < best ? now_ms() - start : best;
    }
    printf("%-40s %6" PRIu32 " insns %8.3f ms  %s\n", file, obj->n_insns, best,
           text ? text : "out of memory");
    free(text);
    ubpf_object_free(obj);
    free(elf);
}

int
main(int argc, char *argv[])
{
    for (int i = 1; i < argc; i++) {
        time_object(argv[i]);
    }
    return argc < 2;
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * Soundness by trial: random programs, of which those that the verifier
 * accepts run on the checking machine with random packets.
 *
 *     fuzz_test [PROGRAMS [SEED]] */

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "generate.h"
#include "isa/disasm.h"
#include "machine.h"
#include "verifier/verifier.h"

#define PACKETS 16 /* For each program. */

/* What the verifier came to in the last program. */
static bool reached[PROGRAM_INSNS];

/* Its functions. */
static struct ubpf_function *functions;
static uint32_t n_functions;

static void
print(const struct ubpf_object *obj)
{
    char text[UBPF_DISASM_SIZE];

    for (uint32_t pc = 0; pc < obj->n_insns;) {
        int len = ubpf_disasm(obj->insns, obj->n_insns, pc, text, sizeof text);

        fprintf(stderr, "%4" PRIu32 ": %s\n", pc, text);
        pc += (uint32_t) len;
    }
}

/* Whether the program has functions of its own. */
static bool
calls(const struct ubpf_object *obj)
{
    for (uint32_t pc = 0; pc < obj->n_insns; pc++) {
        if (obj->insns[pc].opcode == 0x85 && obj->insns[pc].src) {
            return true;
        }
    }
    return false;
}

/* Runs an accepted program on some packets. */
static bool
try_program(const struct ubpf_object *obj, uint64_t max_steps)
{
    static struct machine m;

    m.rnd = rnd;
    m.functions = functions;
    m.n_functions = n_functions;
    for (int i = 0; i < PACKETS; i++) {
        if (!machine_run(&m, obj, reached, below(i % 3 ? 50 : 200),
                         max_steps)) {
            return false;
        }
    }
    return true;
}

/* Shows the program that was accepted though it is not safe. */
static void
report(const struct ubpf_object *obj, uint64_t seed, uint64_t max_steps)
{
    static struct machine m;

    print(obj);
    fprintf(stderr, "accepted, but unsafe (seed %" PRIu64 ")\n", seed);
    m.rnd = rnd;
    m.functions = functions;
    m.n_functions = n_functions;
    for (int i = 0; i < 3000; i++) {
        if (!machine_run(&m, obj, reached, below(200), max_steps)) {
            fprintf(stderr, "%s\n", m.trap);
            break;
        }
    }
}

int
main(int argc, char *argv[])
{
    long programs = argc > 1 ? atol(argv[1]) : 20000, accepted = 0, hard = 0;
    long calling = 0;
    uint64_t seed = argc > 2 ? strtoull(argv[2], NULL, 0) : 1;
    struct ubpf_verify_options options = {.reached = reached};
    static struct ubpf_insn insns[PROGRAM_INSNS];

    generate_random = true;
    for (long i = 0; i < programs; i++, seed++) {
        struct ubpf_object obj = {
            .host = &ubpf_host_single_threaded,
            .insns = insns,
            .n_insns = generate(seed, insns),
            .maps = (struct ubpf_object_map *) generated_maps,
            .n_maps = GENERATED_MAPS,
        };
        char *text = NULL;
        int error;

        /* A low limit makes the verifier forget numbers. */
        options.limits.max_visited = seed % 2 ? 600 : 20000;
        error = ubpf_verify_with(&obj, &options, &text);
        free(text);
        hard += error == E2BIG;
        accepted += !error;
        calling += !error && calls(&obj);
        if (!error) {
            ubpf_functions_find(obj.host, insns, obj.n_insns, &functions,
                                &n_functions);
        }
        if (!error && !try_program(&obj, options.limits.max_visited)) {
            report(&obj, seed, options.limits.max_visited);
            return 1;
        }
        free(functions);
        functions = NULL;
    }
    printf("%ld programs, %ld accepted and run %ld times (%ld with calls), "
           "%ld too complex\n",
           programs, accepted, accepted * PACKETS, calling, hard);
    return accepted < programs / 50 || calling < accepted / 50;
}

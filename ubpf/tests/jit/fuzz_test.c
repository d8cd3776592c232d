/* SPDX-License-Identifier: Apache-2.0
 *
 * Random programs, of which those that the verifier accepts run as native
 * code and in the interpreter, which must agree.
 *
 *     jit_fuzz [PROGRAMS [SEED]] */

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "isa/disasm.h"
#include "jit/differ.h"
#include "verifier/generate.h"
#include "verifier/verifier.h"

#define PACKETS 60

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

/* Whether the program asks for random numbers. */
static bool
is_random(const struct ubpf_object *obj)
{
    for (uint32_t pc = 0; pc < obj->n_insns; pc++) {
        if (obj->insns[pc].opcode == 0x85 && !obj->insns[pc].src
            && obj->insns[pc].imm == UBPF_HELPER_RANDOM) {
            return true;
        }
    }
    return false;
}

int
main(int argc, char *argv[])
{
    long programs = argc > 1 ? atol(argv[1]) : 100, accepted = 0, tried = 0;
    uint64_t seed = argc > 2 ? strtoull(argv[2], NULL, 0) : 1;
    static struct ubpf_insn insns[PROGRAM_INSNS];

    for (; accepted < programs; seed++, tried++) {
        struct ubpf_object obj = {
            .host = &ubpf_host_single_threaded,
            .insns = insns,
            .n_insns = generate(seed, insns),
            .maps = (struct ubpf_object_map *) generated_maps,
            .n_maps = GENERATED_MAPS,
        };
        char *text = NULL, why[100];
        int error = ubpf_verify(&obj, NULL, &text);

        free(text);
        if (error || is_random(&obj)) {
            continue;
        }
        accepted++;
        if (!differ(&obj, seed, PACKETS, why, sizeof why)) {
            print(&obj);
            fprintf(stderr, "seed %" PRIu64 ": %s\n", seed, why);
            return 1;
        }
    }
    printf("%ld programs tried, %ld accepted and compared on %d packets\n",
           tried, accepted, PACKETS);
    return 0;
}

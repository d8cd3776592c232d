/* SPDX-License-Identifier: Apache-2.0
 *
 * A machine that runs a program step by step and checks everything that the
 * verifier promises: an independent judge of what it accepts. */

#ifndef UBPF_TEST_MACHINE_H
#define UBPF_TEST_MACHINE_H 1

#include <ubpf/abi.h>

#include "elf/object.h"
#include "isa/functions.h"
#include "isa/isa.h"

enum tag {
    TAG_NONE,
    TAG_NUMBER,
    TAG_POINTER
};

/* A call that has not returned. */
struct machine_frame {
    uint32_t pc; /* Of the call. */
    uint64_t saved[4], top, bottom;
    uint8_t saved_tag[4];
};

#define MACHINE_ROOM   1024 /* Bytes for a packet. */
#define MACHINE_MAPS   16   /* Of an object, at most. */
#define MACHINE_VALUES 2    /* Elements of a map. */

struct machine {
    const struct ubpf_object *obj;
    const struct ubpf_function *functions;
    uint32_t n_functions;
    uint64_t (*rnd)(void);

    uint64_t reg[UBPF_N_REGS];
    uint8_t reg_tag[UBPF_N_REGS];
    struct machine_frame frames[UBPF_MAX_FRAMES];
    uint32_t n_frames;
    uint8_t stack[UBPF_STACK_SIZE], stack_tag[UBPF_STACK_SIZE];
    uint8_t packet[MACHINE_ROOM];
    uint32_t packet_start, packet_len;
    uint64_t packet_base; /* Address of packet[0]; a new one for
                           * each move. */
    uint64_t ctx_numbers[sizeof(struct ubpf_ctx) / 4];
    uint8_t values[MACHINE_MAPS][MACHINE_VALUES][128];
    uint64_t steps;
    char trap[160]; /* What was violated, or empty. */
};

/* Runs the program of 'obj' on a random packet of 'len' bytes for at most
 * 'max_steps', and through what is set in 'reached' only (see
 * ubpf_verify_reached()).  Returns false, with 'm->trap' set, where it broke a
 * rule. */
bool machine_run(struct machine *m, const struct ubpf_object *obj,
                 const bool *reached, uint32_t len, uint64_t max_steps);

#endif /* machine.h */

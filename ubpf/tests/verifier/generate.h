/* SPDX-License-Identifier: Apache-2.0
 *
 * Random programs that are meant to be nearly right: the verifier accepts
 * about one in three. */

#ifndef UBPF_TEST_GENERATE_H
#define UBPF_TEST_GENERATE_H 1

#include <stdint.h>

#include "isa/isa.h"

/* Slots that suffice for any program. */
#define PROGRAM_INSNS 464

/* Random numbers, of which generate() sets the seed. */
uint64_t rnd(void);
uint32_t below(uint32_t n);

/* Writes the program that belongs to 'seed', for maps of 16, 64 and 24 bytes
 * with keys of 4, the last one read-only.  Returns its slots. */
uint32_t generate(uint64_t seed, struct ubpf_insn insns[PROGRAM_INSNS]);

#endif /* generate.h */

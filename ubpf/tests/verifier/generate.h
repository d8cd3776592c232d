/* SPDX-License-Identifier: Apache-2.0
 *
 * Random programs that are meant to be nearly right: the verifier accepts
 * about one in four. */

#ifndef UBPF_TEST_GENERATE_H
#define UBPF_TEST_GENERATE_H 1

#include <stdbool.h>
#include <stdint.h>

#include "elf/object.h"
#include "isa/isa.h"

/* Slots that suffice for any program. */
#define PROGRAM_INSNS 464

/* Random numbers, of which generate() sets the seed. */
uint64_t rnd(void);
uint32_t below(uint32_t n);

/* The maps that programs refer to.  Without the last few, fewer programs are
 * accepted. */
#define GENERATED_MAPS 13
extern const struct ubpf_object_map generated_maps[GENERATED_MAPS];

/* Whether programs call random(). */
extern bool generate_random;

/* Writes the program that belongs to 'seed', to be loaded with the maps
 * above.  Returns its slots. */
uint32_t generate(uint64_t seed, struct ubpf_insn insns[PROGRAM_INSNS]);

#endif /* generate.h */

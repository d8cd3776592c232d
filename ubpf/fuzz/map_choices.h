/* SPDX-License-Identifier: Apache-2.0
 *
 * What a fuzzer's bytes say: a map, and keys and values for it. */

#ifndef MAP_CHOICES_H
#define MAP_CHOICES_H 1

#include <stdint.h>

#include "map_model.h"

/* Maps that an array of maps may have, and one that does not fit. */
#define N_ELEMENTS 3

/* What the input says, from its start to its end; then zeros. */
struct input {
    const uint8_t *p, *end;
};

uint8_t next_byte(struct input *in);

/* A definition of a map: any that the loader takes. */
struct ubpf_map_def choose_def(struct input *in);

/* A key of the control plane: of few different bytes, so that the same ones
 * come again. */
void choose_key(const struct model *m, struct input *in, uint8_t *key);

/* The key of a program's lookup. */
void choose_prog_key(const struct model *m, struct input *in, uint8_t *key);

void choose_value(const struct model *m, struct input *in, uint8_t *value);

#endif /* map_choices.h */

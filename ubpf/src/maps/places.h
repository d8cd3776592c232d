/* SPDX-License-Identifier: Apache-2.0
 *
 * A place for each entry of a ternary map, which it keeps as long as it is in
 * the map: the order of dumps.  Readers take no lock; writers are serialised
 * by the caller. */

#ifndef UBPF_PLACES_H
#define UBPF_PLACES_H 1

#include <stdint.h>

#include <ubpf/ubpf.h>

struct ternary_places;

/* Bytes that 'n' places take. */
uint64_t places_footprint(uint64_t n);

/* Room for 'n' entries, or NULL for want of memory. */
struct ternary_places *places_create(const struct ubpf_host *host, uint64_t n);
void places_destroy(struct ternary_places *places);

/* Takes a free place, of which there is one, and puts it to '*place'.  Returns
 * 0 or ENOMEM. */
int places_take(struct ternary_places *places, uint32_t *place);

/* Makes 'entry' what is at 'place', which was taken. */
void places_set(struct ternary_places *places, uint32_t place, void *entry);

/* Gives 'place' back. */
void places_return(struct ternary_places *places, uint32_t place);

/* The next entry from '*cursor' (initially 0) on, which it moves, or NULL. */
void *places_next(const struct ternary_places *places, uint64_t *cursor);

uint64_t places_bytes(const struct ternary_places *places);

#endif /* places.h */

/* SPDX-License-Identifier: Apache-2.0
 *
 * Abstract numbers: what the verifier knows of a 64-bit register that holds
 * no pointer.  Every operation is sound: its result contains the concrete
 * result for all concrete operands (tests/verifier_scalar.c checks that). */

#ifndef UBPF_SCALAR_H
#define UBPF_SCALAR_H 1

#include <stdbool.h>
#include <stdint.h>

#include "tnum.h"

/* Bounds of a number of 32 or 64 bits, read as unsigned and as signed (those
 * of 32 bits sign-extended). */
struct range {
    uint64_t umin, umax;
    int64_t smin, smax;
};

/* The conjunction of three views of one register. */
struct scalar {
    struct tnum bits;
    struct range r64; /* Of the whole. */
    struct range r32; /* Of the low half. */
};

struct scalar scalar_unknown(void);
struct scalar scalar_const(uint64_t);
/* Any number of 'bits' bits, zero-extended or sign-extended to 64. */
struct scalar scalar_of_width(int bits, bool sign_extended);
/* Any of 'umin'...'umax'. */
struct scalar scalar_between(uint64_t umin, uint64_t umax);

static inline bool
scalar_is_const(const struct scalar *s)
{
    return !s->bits.mask;
}

bool scalar_is_unknown(const struct scalar *);
bool scalar_contains(const struct scalar *, uint64_t x);
/* Whether every number of 'b' is one of 'a'. */
bool scalar_covers(const struct scalar *a, const struct scalar *b);
bool scalar_equal(const struct scalar *a, const struct scalar *b);

/* Makes the three views of '*s' agree; false if no number is left. */
bool scalar_reduce(struct scalar *s);

/* Narrows '*s' to what is also in 'other'; false if nothing is. */
bool scalar_intersect(struct scalar *s, const struct scalar *other);

/* Result of enum ubpf_alu 'code', 'bits' (32 or 64) wide; 'from' as in struct
 * ubpf_op. */
struct scalar scalar_alu(int code, int bits, int from, const struct scalar *a,
                         const struct scalar *b);

/* Narrows '*a' and '*b' to what they can be where enum ubpf_cond 'code' holds
 * ('holds') or does not; false if it cannot come to that. */
bool scalar_assume(int code, int bits, bool holds, struct scalar *a,
                   struct scalar *b);

/* For scalar.c and scalar_alu.c. */
struct range range_full(int bits);
void range_intersect(struct range *, const struct range *);

#endif /* scalar.h */

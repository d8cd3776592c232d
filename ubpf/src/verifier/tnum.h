/* SPDX-License-Identifier: Apache-2.0
 *
 * Numbers of which some bits are known (Vishwanathan et al., "Sound, Precise,
 * and Fast Abstract Interpretation with Tristate Numbers", CGO 2022). */

#ifndef UBPF_TNUM_H
#define UBPF_TNUM_H 1

#include <stdbool.h>
#include <stdint.h>

/* All x with (x & ~mask) == value.  'value' and 'mask' share no bit. */
struct tnum {
    uint64_t value;
    uint64_t mask; /* 1: this bit is not known. */
};

#define TNUM_UNKNOWN ((struct tnum) {0, UINT64_MAX})

static inline struct tnum
tnum_const(uint64_t x)
{
    return (struct tnum) {x, 0};
}

static inline bool
tnum_contains(struct tnum t, uint64_t x)
{
    return (x & ~t.mask) == t.value;
}

/* Whether every number of 'b' is one of 'a'. */
static inline bool
tnum_covers(struct tnum a, struct tnum b)
{
    return !(b.mask & ~a.mask) && (b.value & ~a.mask) == a.value;
}

/* The low 'bits' bits, the others zero. */
static inline struct tnum
tnum_low(struct tnum t, int bits)
{
    uint64_t low = bits == 64 ? UINT64_MAX : (UINT64_C(1) << bits) - 1;
    return (struct tnum) {t.value & low, t.mask & low};
}

struct tnum tnum_add(struct tnum a, struct tnum b);
struct tnum tnum_sub(struct tnum a, struct tnum b);
struct tnum tnum_mul(struct tnum a, struct tnum b);
struct tnum tnum_and(struct tnum a, struct tnum b);
struct tnum tnum_or(struct tnum a, struct tnum b);
struct tnum tnum_xor(struct tnum a, struct tnum b);
struct tnum tnum_bswap(struct tnum t, int bits);

/* Sign-extends the low 'bits' bits to 64. */
struct tnum tnum_sign_extend(struct tnum t, int bits);

/* The least number of 't' that is not below 'x', or the greatest that is not
 * above it, to '*x'; false if there is none. */
bool tnum_least(struct tnum t, uint64_t *x);
bool tnum_most(struct tnum t, uint64_t *x);

/* The smallest tnum with all of 'umin'...'umax'. */
struct tnum tnum_range(uint64_t umin, uint64_t umax);

/* The numbers of both; false if there are none. */
bool tnum_intersect(struct tnum a, struct tnum b, struct tnum *);

#endif /* tnum.h */

/* SPDX-License-Identifier: Apache-2.0 */

#include "scalar.h"

#include <string.h>

#include "isa/eval.h"
#include "isa/isa.h"

#define MIN(A, B) ((A) < (B) ? (A) : (B))
#define MAX(A, B) ((A) > (B) ? (A) : (B))

static uint64_t
low_mask(int bits)
{
    return bits == 64 ? UINT64_MAX : (UINT64_C(1) << bits) - 1;
}

static int64_t
signed_max(int bits)
{
    return (int64_t) (low_mask(bits) >> 1);
}

struct range
range_full(int bits)
{
    return (struct range) {0, low_mask(bits), -signed_max(bits) - 1,
                           signed_max(bits)};
}

void
range_intersect(struct range *r, const struct range *other)
{
    r->umin = MAX(r->umin, other->umin);
    r->umax = MIN(r->umax, other->umax);
    r->smin = MAX(r->smin, other->smin);
    r->smax = MIN(r->smax, other->smax);
}

struct scalar
scalar_unknown(void)
{
    return (struct scalar) {TNUM_UNKNOWN, range_full(64), range_full(32)};
}

struct scalar
scalar_const(uint64_t x)
{
    int64_t low = (int32_t) (uint32_t) x;

    return (struct scalar) {
        tnum_const(x),
        {x, x, (int64_t) x, (int64_t) x},
        {(uint32_t) x, (uint32_t) x, low, low},
    };
}

struct scalar
scalar_between(uint64_t umin, uint64_t umax)
{
    struct scalar s = scalar_unknown();

    s.r64.umin = umin;
    s.r64.umax = umax;
    scalar_reduce(&s);
    return s;
}

struct scalar
scalar_of_width(int bits, bool sign_extended)
{
    struct scalar s = scalar_unknown();

    if (sign_extended) {
        s.r64.smin = -signed_max(bits) - 1;
        s.r64.smax = signed_max(bits);
    } else {
        s.r64.umax = low_mask(bits);
    }
    scalar_reduce(&s);
    return s;
}

static bool
range_covers(const struct range *a, const struct range *b)
{
    return a->umin <= b->umin && a->umax >= b->umax && a->smin <= b->smin
           && a->smax >= b->smax;
}

bool
scalar_is_unknown(const struct scalar *s)
{
    struct range full = range_full(64), low = range_full(32);

    return s->bits.mask == UINT64_MAX && range_covers(&s->r64, &full)
           && range_covers(&s->r32, &low);
}

bool
scalar_contains(const struct scalar *s, uint64_t x)
{
    struct scalar c = scalar_const(x);

    return scalar_covers(s, &c);
}

bool
scalar_covers(const struct scalar *a, const struct scalar *b)
{
    return tnum_covers(a->bits, b->bits) && range_covers(&a->r64, &b->r64)
           && range_covers(&a->r32, &b->r32);
}

bool
scalar_equal(const struct scalar *a, const struct scalar *b)
{
    return !memcmp(a, b, sizeof *a);
}

/* Moves bounds, unsigned and as such in order, to numbers of 't'; false if
 * there are none. */
static bool
round_bounds(struct tnum t, uint64_t *least, uint64_t *most)
{
    return tnum_least(t, least) && tnum_most(t, most) && *least <= *most;
}

/* The same with signed bounds of 'bits' bits: flipping the sign keeps their
 * order. */
static bool
round_signed(struct tnum t, int bits, int64_t *least, int64_t *most)
{
    uint64_t sign = UINT64_C(1) << (bits - 1);
    uint64_t lo = ((uint64_t) *least & low_mask(bits)) ^ sign;
    uint64_t hi = ((uint64_t) *most & low_mask(bits)) ^ sign;

    t.value ^= sign & ~t.mask;
    if (!round_bounds(t, &lo, &hi)) {
        return false;
    }
    *least = ubpf_sign_extend(lo ^ sign, bits);
    *most = ubpf_sign_extend(hi ^ sign, bits);
    return true;
}

/* Bounds from the known bits, and the signed from the unsigned and back where
 * the range does not cross the sign bit; false if no number is left. */
static bool
reduce_range(struct range *r, struct tnum t, int bits)
{
    uint64_t low = low_mask(bits), sign = UINT64_C(1) << (bits - 1);

    t = tnum_low(t, bits);
    if (!round_bounds(t, &r->umin, &r->umax)
        || !round_signed(t, bits, &r->smin, &r->smax)) {
        return false;
    }
    if ((r->umin & sign) == (r->umax & sign)) {
        r->smin = MAX(r->smin, ubpf_sign_extend(r->umin, bits));
        r->smax = MIN(r->smax, ubpf_sign_extend(r->umax, bits));
    }
    if (r->smin <= r->smax && (r->smin < 0) == (r->smax < 0)) {
        r->umin = MAX(r->umin, (uint64_t) r->smin & low);
        r->umax = MIN(r->umax, (uint64_t) r->smax & low);
    }
    return true;
}

/* Bounds of the low half from those of the whole and back. */
static void
exchange_halves(struct scalar *s)
{
    struct range *w = &s->r64, *l = &s->r32;

    if (w->umin <= w->umax && w->umin >> 32 == w->umax >> 32) {
        uint64_t high = w->umin >> 32 << 32;

        l->umin = MAX(l->umin, (uint32_t) w->umin);
        l->umax = MIN(l->umax, (uint32_t) w->umax);
        w->umin = MAX(w->umin, high | l->umin);
        w->umax = MIN(w->umax, high | l->umax);
    }
    if (w->smin <= w->smax && w->smin >= INT32_MIN && w->smax <= INT32_MAX) {
        l->smin = MAX(l->smin, w->smin);
        l->smax = MIN(l->smax, w->smax);
        w->smin = MAX(w->smin, l->smin);
        w->smax = MIN(w->smax, l->smax);
    }
}

static bool
range_is_empty(const struct range *r)
{
    return r->umin > r->umax || r->smin > r->smax;
}

/* Known bits from the bounds. */
static bool
reduce_bits(struct scalar *s)
{
    struct tnum low = tnum_range(s->r32.umin, s->r32.umax);

    low.mask |= ~(uint64_t) UINT32_MAX;
    return tnum_intersect(s->bits, tnum_range(s->r64.umin, s->r64.umax),
                          &s->bits)
           && tnum_intersect(s->bits, low, &s->bits);
}

bool
scalar_reduce(struct scalar *s)
{
    for (int i = 0; i < 3; i++) {
        struct scalar before = *s;

        if (!reduce_range(&s->r64, s->bits, 64)
            || !reduce_range(&s->r32, s->bits, 32)) {
            return false;
        }
        exchange_halves(s);
        if (range_is_empty(&s->r64) || range_is_empty(&s->r32)
            || !reduce_bits(s)) {
            return false;
        }
        if (scalar_equal(&before, s)) {
            break;
        }
    }
    if (scalar_is_const(s)) {
        if (!scalar_contains(s, s->bits.value)) {
            return false;
        }
        *s = scalar_const(s->bits.value);
    }
    return true;
}

bool
scalar_intersect(struct scalar *s, const struct scalar *other)
{
    range_intersect(&s->r64, &other->r64);
    range_intersect(&s->r32, &other->r32);
    return tnum_intersect(s->bits, other->bits, &s->bits) && scalar_reduce(s);
}

/* a < b ('strict') or a <= b, unsigned. */
static bool
assume_below(struct range *a, struct range *b, bool strict)
{
    if (strict && (!b->umax || a->umin == UINT64_MAX)) {
        return false;
    }
    a->umax = MIN(a->umax, b->umax - strict);
    b->umin = MAX(b->umin, a->umin + strict);
    return true;
}

/* a < b ('strict') or a <= b, signed. */
static bool
assume_less(struct range *a, struct range *b, bool strict)
{
    if (strict && (b->smax == INT64_MIN || a->smin == INT64_MAX)) {
        return false;
    }
    a->smax = MIN(a->smax, b->smax - strict);
    b->smin = MAX(b->smin, a->smin + strict);
    return true;
}

/* Takes the constant of 'c', if it is one, off the ends of 'r'. */
static bool
assume_unequal(struct range *r, const struct range *c)
{
    if (c->umin != c->umax) {
        return true;
    }
    if (r->umin == r->umax && r->umin == c->umin) {
        return false;
    }
    if (r->umin == c->umin) {
        r->umin++;
    } else if (r->umax == c->umin) {
        r->umax--;
    }
    if (r->smin == c->smin && r->smin < r->smax) {
        r->smin++;
    } else if (r->smax == c->smin && r->smin < r->smax) {
        r->smax--;
    }
    return true;
}

/* a & b is not zero ('holds') or is, in the low 'bits' bits. */
static bool
assume_set(struct scalar *a, struct scalar *b, int bits, bool holds)
{
    struct tnum ta = tnum_low(a->bits, bits), tb = tnum_low(b->bits, bits);

    if (holds) {
        uint64_t maybe = (ta.value | ta.mask) & (tb.value | tb.mask);

        if (!maybe) {
            return false;
        }
        if (!(maybe & (maybe - 1))) { /* One bit only: set in both. */
            a->bits.value |= maybe;
            a->bits.mask &= ~maybe;
            b->bits.value |= maybe;
            b->bits.mask &= ~maybe;
        }
        return true;
    }
    if (ta.value & tb.value) {
        return false;
    }
    a->bits.mask &= ~tb.value;
    b->bits.mask &= ~ta.value;
    return true;
}

/* Equality of the low 'bits' bits. */
static bool
assume_equal(struct scalar *a, struct scalar *b, int bits)
{
    struct tnum ta = a->bits, tb = b->bits;
    struct range *ra = bits == 64 ? &a->r64 : &a->r32;
    struct range *rb = bits == 64 ? &b->r64 : &b->r32;

    ta.mask |= ~low_mask(bits);
    ta.value &= low_mask(bits);
    tb.mask |= ~low_mask(bits);
    tb.value &= low_mask(bits);
    range_intersect(ra, rb);
    *rb = *ra;
    return tnum_intersect(a->bits, tb, &a->bits)
           && tnum_intersect(b->bits, ta, &b->bits);
}

/* The condition that holds where 'code' does not; SET has none. */
static int
opposite(int code)
{
    static const uint8_t of[UBPF_N_COND] = {
        [UBPF_COND_EQ] = UBPF_COND_NE,   [UBPF_COND_NE] = UBPF_COND_EQ,
        [UBPF_COND_GT] = UBPF_COND_LE,   [UBPF_COND_LE] = UBPF_COND_GT,
        [UBPF_COND_GE] = UBPF_COND_LT,   [UBPF_COND_LT] = UBPF_COND_GE,
        [UBPF_COND_SGT] = UBPF_COND_SLE, [UBPF_COND_SLE] = UBPF_COND_SGT,
        [UBPF_COND_SGE] = UBPF_COND_SLT, [UBPF_COND_SLT] = UBPF_COND_SGE,
        [UBPF_COND_SET] = UBPF_COND_SET,
    };
    return of[code];
}

bool
scalar_assume(int code, int bits, bool holds, struct scalar *a,
              struct scalar *b)
{
    struct range *ra = bits == 64 ? &a->r64 : &a->r32;
    struct range *rb = bits == 64 ? &b->r64 : &b->r32;
    bool ok = true;

    switch ((enum ubpf_cond)(holds ? code : opposite(code))) {
    case UBPF_COND_EQ:
        ok = assume_equal(a, b, bits);
        break;
    case UBPF_COND_NE: {
        struct range old = *ra;

        ok = assume_unequal(ra, rb) && assume_unequal(rb, &old);
        break;
    }
    case UBPF_COND_LT:
        ok = assume_below(ra, rb, true);
        break;
    case UBPF_COND_LE:
        ok = assume_below(ra, rb, false);
        break;
    case UBPF_COND_GT:
        ok = assume_below(rb, ra, true);
        break;
    case UBPF_COND_GE:
        ok = assume_below(rb, ra, false);
        break;
    case UBPF_COND_SLT:
        ok = assume_less(ra, rb, true);
        break;
    case UBPF_COND_SLE:
        ok = assume_less(ra, rb, false);
        break;
    case UBPF_COND_SGT:
        ok = assume_less(rb, ra, true);
        break;
    case UBPF_COND_SGE:
        ok = assume_less(rb, ra, false);
        break;
    case UBPF_COND_SET:
        ok = assume_set(a, b, bits, holds);
        break;
    case UBPF_N_COND:
        break;
    }
    return ok && scalar_reduce(a) && scalar_reduce(b);
}

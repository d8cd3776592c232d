/* SPDX-License-Identifier: Apache-2.0
 *
 * Arithmetic on abstract numbers.  Known bits, bounds of the whole and bounds
 * of the low half are computed each on its own and then reduced together. */

#include "scalar.h"

#include "isa/eval.h"
#include "isa/isa.h"

typedef __int128 wide;

#define MIN(A, B) ((A) < (B) ? (A) : (B))
#define MAX(A, B) ((A) > (B) ? (A) : (B))

/* The numbers that are congruent, modulo 2^bits, to one of 'lo'...'hi': exact
 * where that is an interval again. */
static struct range
wrap(wide lo, wide hi, int bits)
{
    struct range r = range_full(bits);
    uint64_t low = r.umax;
    wide half = (wide) 1 << (bits - 1);

    if (lo >> bits == hi >> bits) {
        r.umin = (uint64_t) lo & low;
        r.umax = (uint64_t) hi & low;
    }
    if ((lo + half) >> bits == (hi + half) >> bits) {
        r.smin = ubpf_sign_extend((uint64_t) lo, bits);
        r.smax = ubpf_sign_extend((uint64_t) hi, bits);
    }
    return r;
}

static struct range
range_add(const struct range *a, const struct range *b, int bits)
{
    struct range u =
        wrap((wide) a->umin + b->umin, (wide) a->umax + b->umax, bits);
    struct range s =
        wrap((wide) a->smin + b->smin, (wide) a->smax + b->smax, bits);

    range_intersect(&u, &s);
    return u;
}

static struct range
range_sub(const struct range *a, const struct range *b, int bits)
{
    struct range u =
        wrap((wide) a->umin - b->umax, (wide) a->umax - b->umin, bits);
    struct range s =
        wrap((wide) a->smin - b->smax, (wide) a->smax - b->smin, bits);

    range_intersect(&u, &s);
    return u;
}

static struct range
range_mul(const struct range *a, const struct range *b, int bits)
{
    wide p[4] = {
        (wide) a->smin * b->smin,
        (wide) a->smin * b->smax,
        (wide) a->smax * b->smin,
        (wide) a->smax * b->smax,
    };
    wide lo = p[0], hi = p[0];
    struct range r;

    for (int i = 1; i < 4; i++) {
        lo = MIN(lo, p[i]);
        hi = MAX(hi, p[i]);
    }
    r = wrap(lo, hi, bits);
    if (a->umax <= INT64_MAX && b->umax <= INT64_MAX) {
        struct range u =
            wrap((wide) a->umin * b->umin, (wide) a->umax * b->umax, bits);
        range_intersect(&r, &u);
    }
    return r;
}

/* The smallest 2^n - 1 that is not less than 'x'. */
static uint64_t
fill(uint64_t x)
{
    return x ? UINT64_MAX >> __builtin_clzll(x) : 0;
}

static struct range
range_logic(int code, const struct range *a, const struct range *b, int bits)
{
    struct range r = range_full(bits);

    if (code == UBPF_ALU_AND) {
        r.umax = MIN(a->umax, b->umax);
    } else {
        r.umax = fill(a->umax | b->umax);
        r.umin = code == UBPF_ALU_OR ? MAX(a->umin, b->umin) : 0;
    }
    return r;
}

/* Shifts of 'a' by between 'least' and 'most' < 'bits' places. */
static struct range
range_shift(int code, const struct range *a, int least, int most, int bits)
{
    struct range r = range_full(bits);

    if (code == UBPF_ALU_LSH) {
        if (a->umax <= r.umax >> most) {
            r.umin = a->umin << least;
            r.umax = a->umax << most;
        }
    } else if (code == UBPF_ALU_RSH) {
        r.umin = a->umin >> most;
        r.umax = a->umax >> least;
    } else {
        r.smin = a->smin >> (a->smin < 0 ? least : most);
        r.smax = a->smax >> (a->smax < 0 ? most : least);
    }
    return r;
}

/* Unsigned quotient; 0 where the divisor is 0. */
static struct range
range_div(const struct range *a, const struct range *b, int bits)
{
    struct range r = range_full(bits);

    r.umin = b->umin ? a->umin / b->umax : 0;
    r.umax = a->umax / MAX(b->umin, 1);
    return r;
}

/* Unsigned remainder; the dividend where the divisor is 0. */
static struct range
range_mod(const struct range *a, const struct range *b, int bits)
{
    struct range r = range_full(bits);

    if (b->umin && a->umax < b->umin) {
        return *a;
    }
    r.umax = b->umin ? MIN(a->umax, b->umax - 1) : a->umax;
    return r;
}

/* Known bits of 'a' shifted by 'n' places, 'bits' wide. */
static struct tnum
shift_bits(int code, struct tnum a, int n, int bits)
{
    struct tnum t;

    switch (code) {
    case UBPF_ALU_LSH:
        return (struct tnum) {a.value << n, a.mask << n};
    case UBPF_ALU_RSH:
        a = tnum_low(a, bits);
        return (struct tnum) {a.value >> n, a.mask >> n};
    default:
        a = tnum_sign_extend(a, bits);
        t.mask = (uint64_t) ((int64_t) a.mask >> n);
        t.value = (uint64_t) ((int64_t) a.value >> n) & ~t.mask;
        return t;
    }
}

/* The known bits of the result, of which the low 'bits' count. */
static struct tnum
alu_bits(int code, int bits, int from, struct tnum a, struct tnum b)
{
    switch ((enum ubpf_alu) code) {
    case UBPF_ALU_ADD:
        return tnum_add(a, b);
    case UBPF_ALU_SUB:
        return tnum_sub(a, b);
    case UBPF_ALU_NEG:
        return tnum_sub(tnum_const(0), a);
    case UBPF_ALU_MUL:
        return tnum_mul(a, b);
    case UBPF_ALU_AND:
        return tnum_and(a, b);
    case UBPF_ALU_OR:
        return tnum_or(a, b);
    case UBPF_ALU_XOR:
        return tnum_xor(a, b);
    case UBPF_ALU_MOV:
        return b;
    case UBPF_ALU_MOVSX:
        return tnum_sign_extend(b, from);
    case UBPF_ALU_TO_LE:
        return tnum_low(a, from);
    case UBPF_ALU_TO_BE:
    case UBPF_ALU_BSWAP:
        return tnum_bswap(tnum_low(a, from), from);
    case UBPF_ALU_LSH:
    case UBPF_ALU_RSH:
    case UBPF_ALU_ARSH:
        /* Shift counts are taken modulo the width: their low bits count. */
        b = tnum_low(b, bits == 64 ? 6 : 5);
        if (!b.mask) {
            return shift_bits(code, a, (int) b.value, bits);
        }
        break;
    case UBPF_ALU_DIV:
    case UBPF_ALU_MOD:
    case UBPF_ALU_SDIV:
    case UBPF_ALU_SMOD:
    case UBPF_N_ALU:
        break;
    }
    return TNUM_UNKNOWN;
}

/* The bounds of the result from those of operands of the same width. */
static struct range
alu_range(int code, int bits, const struct range *a, const struct range *b,
          struct tnum count)
{
    static const struct range zero;

    switch ((enum ubpf_alu) code) {
    case UBPF_ALU_ADD:
        return range_add(a, b, bits);
    case UBPF_ALU_SUB:
        return range_sub(a, b, bits);
    case UBPF_ALU_NEG:
        return range_sub(&zero, a, bits);
    case UBPF_ALU_MUL:
        return range_mul(a, b, bits);
    case UBPF_ALU_AND:
    case UBPF_ALU_OR:
    case UBPF_ALU_XOR:
        return range_logic(code, a, b, bits);
    case UBPF_ALU_MOV:
        return *b;
    case UBPF_ALU_DIV:
        return range_div(a, b, bits);
    case UBPF_ALU_MOD:
        return range_mod(a, b, bits);
    case UBPF_ALU_LSH:
    case UBPF_ALU_RSH:
    case UBPF_ALU_ARSH:
        count = tnum_low(count, bits == 64 ? 6 : 5);
        if (b->umax < (uint64_t) bits) {
            return range_shift(code, a, (int) b->umin, (int) b->umax, bits);
        }
        return range_shift(code, a, (int) count.value,
                           (int) (count.value | count.mask), bits);
    case UBPF_ALU_SDIV:
    case UBPF_ALU_SMOD:
    case UBPF_ALU_MOVSX:
    case UBPF_ALU_TO_LE:
    case UBPF_ALU_TO_BE:
    case UBPF_ALU_BSWAP:
    case UBPF_N_ALU:
        break;
    }
    return range_full(bits);
}

/* Whether the low half of a 64-bit 'code' follows from the low halves. */
static bool
low_half_is_closed(int code)
{
    switch (code) {
    case UBPF_ALU_ADD:
    case UBPF_ALU_SUB:
    case UBPF_ALU_NEG:
    case UBPF_ALU_MUL:
    case UBPF_ALU_AND:
    case UBPF_ALU_OR:
    case UBPF_ALU_XOR:
    case UBPF_ALU_MOV:
        return true;
    default:
        return false;
    }
}

/* Bounds of the low 'from' bits of 'b', sign-extended to 'bits'. */
static struct range
movsx_range(int from, int bits, const struct scalar *b)
{
    int64_t max = (int64_t) ((UINT64_C(1) << (from - 1)) - 1);
    struct range r = range_full(bits);

    r.smin = -max - 1;
    r.smax = max;
    if (b->r64.smin >= r.smin && b->r64.smax <= r.smax) {
        r.smin = b->r64.smin;
        r.smax = b->r64.smax;
    } else if (b->r32.smin >= r.smin && b->r32.smax <= r.smax) {
        r.smin = b->r32.smin;
        r.smax = b->r32.smax;
    }
    return r;
}

/* The low half of '*s', zero-extended. */
static void
zero_extend(struct scalar *s)
{
    s->bits = tnum_low(s->bits, 32);
    s->r64 = range_full(64);
    s->r64.umin = s->r32.umin;
    s->r64.umax = s->r32.umax;
}

struct scalar
scalar_alu(int code, int bits, int from, const struct scalar *a,
           const struct scalar *b)
{
    struct scalar r = scalar_unknown();

    if (scalar_is_const(a) && scalar_is_const(b)) {
        return scalar_const(
            ubpf_eval_alu(code, bits, from, a->bits.value, b->bits.value));
    }
    r.bits = alu_bits(code, bits, from, a->bits, b->bits);
    if (bits == 64) {
        r.r64 = code == UBPF_ALU_MOVSX
                    ? movsx_range(from, 64, b)
                    : alu_range(code, 64, &a->r64, &b->r64, b->bits);
        if (low_half_is_closed(code)) {
            r.r32 = alu_range(code, 32, &a->r32, &b->r32, b->bits);
        }
        if (code == UBPF_ALU_TO_LE
            && (from == 64 || a->r64.umax >> from == 0)) {
            r = *a;
        }
    } else {
        r.r32 = code == UBPF_ALU_MOVSX
                    ? movsx_range(from, 32, b)
                    : alu_range(code, 32, &a->r32, &b->r32, b->bits);
        zero_extend(&r);
    }
    scalar_reduce(&r);
    return r;
}

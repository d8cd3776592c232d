/* SPDX-License-Identifier: Apache-2.0 */

#include "tnum.h"

/* A carry that differs between the smallest and the largest sum makes its bit
 * unknown. */
struct tnum
tnum_add(struct tnum a, struct tnum b)
{
    uint64_t least = a.value + b.value;
    uint64_t most = least + a.mask + b.mask;
    uint64_t mask = (least ^ most) | a.mask | b.mask;

    return (struct tnum) {least & ~mask, mask};
}

struct tnum
tnum_sub(struct tnum a, struct tnum b)
{
    uint64_t middle = a.value - b.value;
    uint64_t mask = ((middle + a.mask) ^ (middle - b.mask)) | a.mask | b.mask;

    return (struct tnum) {middle & ~mask, mask};
}

/* Long multiplication; a bit of 'a' that is not known adds either nothing or
 * 'b' shifted. */
struct tnum
tnum_mul(struct tnum a, struct tnum b)
{
    struct tnum sum = {0, 0};

    for (; a.value | a.mask; a.value >>= 1, a.mask >>= 1) {
        if (a.value & 1) {
            sum = tnum_add(sum, b);
        } else if (a.mask & 1) {
            sum = tnum_add(sum, (struct tnum) {0, b.value | b.mask});
        }
        b.value <<= 1;
        b.mask <<= 1;
    }
    return sum;
}

struct tnum
tnum_and(struct tnum a, struct tnum b)
{
    uint64_t ones = a.value & b.value;
    uint64_t maybe = (a.value | a.mask) & (b.value | b.mask);

    return (struct tnum) {ones, maybe & ~ones};
}

struct tnum
tnum_or(struct tnum a, struct tnum b)
{
    uint64_t ones = a.value | b.value;

    return (struct tnum) {ones, (a.mask | b.mask) & ~ones};
}

struct tnum
tnum_xor(struct tnum a, struct tnum b)
{
    uint64_t mask = a.mask | b.mask;

    return (struct tnum) {(a.value ^ b.value) & ~mask, mask};
}

static uint64_t
swap(uint64_t x, int bits)
{
    return __builtin_bswap64(x) >> (64 - bits);
}

struct tnum
tnum_bswap(struct tnum t, int bits)
{
    return (struct tnum) {swap(t.value, bits), swap(t.mask, bits)};
}

struct tnum
tnum_sign_extend(struct tnum t, int bits)
{
    int n = 64 - bits;
    uint64_t value = (uint64_t) ((int64_t) (t.value << n) >> n);
    uint64_t mask = (uint64_t) ((int64_t) (t.mask << n) >> n);

    return (struct tnum) {value & ~mask, mask};
}

struct tnum
tnum_range(uint64_t umin, uint64_t umax)
{
    uint64_t differ = umin ^ umax;
    uint64_t mask;

    if (!differ) {
        return tnum_const(umin);
    }
    mask = UINT64_MAX >> __builtin_clzll(differ);
    return (struct tnum) {umin & ~mask, mask};
}

bool
tnum_least(struct tnum t, uint64_t *x)
{
    uint64_t wrong = (*x ^ t.value) & ~t.mask, bit, low;

    if (!wrong) {
        return true;
    }
    bit = UINT64_C(1) << (63 - __builtin_clzll(wrong));
    if (*x & bit) {
        /* A bit too much: one above it has to be set instead. */
        bit = t.mask & ~*x & ~(bit | (bit - 1));
        if (!bit) {
            return false;
        }
        bit &= -bit;
    }
    low = bit | (bit - 1);
    *x = (*x & ~low) | bit | (t.value & low);
    return true;
}

bool
tnum_most(struct tnum t, uint64_t *x)
{
    uint64_t y = ~*x;
    bool found = tnum_least((struct tnum) {~t.value & ~t.mask, t.mask}, &y);

    *x = ~y;
    return found;
}

bool
tnum_intersect(struct tnum a, struct tnum b, struct tnum *t)
{
    uint64_t mask = a.mask & b.mask;

    if ((a.value ^ b.value) & ~a.mask & ~b.mask) {
        return false;
    }
    *t = (struct tnum) {(a.value | b.value) & ~mask, mask};
    return true;
}

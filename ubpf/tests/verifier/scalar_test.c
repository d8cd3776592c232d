/* SPDX-License-Identifier: Apache-2.0
 *
 * Checks the verifier's abstract arithmetic against the concrete one: for
 * random and extreme abstract operands and concrete numbers in them, the
 * concrete result must lie in the abstract one.
 *
 *     scalar_test [ROUNDS [SEED]] */

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "isa/eval.h"
#include "verifier/scalar.h"

static uint64_t rng_state;

/* xorshift64*. */
static uint64_t
rnd(void)
{
    rng_state ^= rng_state >> 12;
    rng_state ^= rng_state << 25;
    rng_state ^= rng_state >> 27;
    return rng_state * UINT64_C(0x2545f4914f6cdd1d);
}

/* A number near a place where arithmetic goes wrong, or any. */
static uint64_t
interesting(void)
{
    static const uint64_t edges[] = {
        0,
        0x7f,
        0xff,
        0x7fff,
        0xffff,
        0x7fffffff,
        0xffffffff,
        0x100000000,
        0x7fffffffffffffff,
        0x8000000000000000,
        0xffffffff80000000,
        0xffffffffffff8000,
        0xffffffff7fffffff,
        31,
        63,
    };
    uint64_t x;

    switch (rnd() % 4) {
    case 0:
        return edges[rnd() % (sizeof edges / sizeof *edges)] + rnd() % 5 - 2;
    case 1:
        return rnd() >> (rnd() % 64);
    case 2:
        x = UINT64_C(1) << (rnd() % 64);
        return rnd() % 2 ? -x : x;
    default:
        return rnd();
    }
}

/* An abstract number that contains 'x', made of random facts about 'x'. */
static struct scalar
around(uint64_t x)
{
    struct scalar s = scalar_unknown();
    int64_t low = (int32_t) (uint32_t) x;
    int what = rnd() % 64;
    uint64_t y;

    if (what == 0) {
        return scalar_const(x);
    }
    if (what & 1) {
        s.bits.mask = interesting();
        s.bits.value = x & ~s.bits.mask;
    }
    for (int i = 0; i < 4; i++) {
        y = rnd() % 2 ? interesting() : x + interesting() % 9 - 4;
        if (what & 2) {
            if (y <= x && y > s.r64.umin) {
                s.r64.umin = y;
            } else if (y >= x && y < s.r64.umax) {
                s.r64.umax = y;
            }
        }
        if (what & 4) {
            if ((int64_t) y <= (int64_t) x && (int64_t) y > s.r64.smin) {
                s.r64.smin = (int64_t) y;
            } else if ((int64_t) y >= (int64_t) x
                       && (int64_t) y < s.r64.smax) {
                s.r64.smax = (int64_t) y;
            }
        }
        if (what & 8) {
            if ((uint32_t) y <= (uint32_t) x && (uint32_t) y > s.r32.umin) {
                s.r32.umin = (uint32_t) y;
            } else if ((uint32_t) y >= (uint32_t) x
                       && (uint32_t) y < s.r32.umax) {
                s.r32.umax = (uint32_t) y;
            }
        }
        if (what & 16) {
            int64_t t = (int32_t) (uint32_t) y;

            if (t <= low && t > s.r32.smin) {
                s.r32.smin = t;
            } else if (t >= low && t < s.r32.smax) {
                s.r32.smax = t;
            }
        }
    }
    if (!scalar_reduce(&s)) {
        fprintf(stderr, "reduce: empty around %#" PRIx64 "\n", x);
        exit(1);
    }
    return s;
}

static void
print(const char *name, const struct scalar *s)
{
    fprintf(stderr,
            "  %s: bits %#" PRIx64 "/%#" PRIx64 " u64 %#" PRIx64 "..%#" PRIx64
            " s64 %" PRId64 "..%" PRId64 " u32 %#" PRIx64 "..%#" PRIx64
            " s32 %" PRId64 "..%" PRId64 "\n",
            name, s->bits.value, s->bits.mask, s->r64.umin, s->r64.umax,
            s->r64.smin, s->r64.smax, s->r32.umin, s->r32.umax, s->r32.smin,
            s->r32.smax);
}

static void
check(bool ok, const char *what, int code, int bits, int from, uint64_t x,
      uint64_t y, const struct scalar *a, const struct scalar *b)
{
    if (!ok) {
        fprintf(stderr,
                "%s code %d bits %d from %d unsound for %#" PRIx64
                ", %#" PRIx64 "\n",
                what, code, bits, from, x, y);
        print("a", a);
        print("b", b);
        exit(1);
    }
}

static void
check_alu(int code, int bits, int from, uint64_t x, uint64_t y)
{
    struct scalar a = around(x), b = around(y);
    struct scalar r = scalar_alu(code, bits, from, &a, &b);

    check(scalar_contains(&a, x) && scalar_contains(&b, y), "reduce", code,
          bits, from, x, y, &a, &b);
    check(scalar_contains(&r, ubpf_eval_alu(code, bits, from, x, y)), "alu",
          code, bits, from, x, y, &a, &b);
}

static void
check_assume(int code, int bits, uint64_t x, uint64_t y)
{
    struct scalar a = around(x), b = around(y);
    struct scalar ra = a, rb = b;
    bool holds = ubpf_eval_cond(code, bits, x, y);

    check(scalar_assume(code, bits, holds, &ra, &rb) && scalar_contains(&ra, x)
              && scalar_contains(&rb, y),
          "assume", code, bits, holds, x, y, &a, &b);
    check(scalar_covers(&a, &ra) && scalar_covers(&b, &rb), "assume widens",
          code, bits, holds, x, y, &a, &b);
}

static void
check_sets(uint64_t x, uint64_t y)
{
    struct scalar a = around(x), b = around(x), c = around(y), both = a;

    check(scalar_intersect(&both, &b) && scalar_contains(&both, x),
          "intersect", 0, 64, 0, x, x, &a, &b);
    if (scalar_covers(&a, &c)) {
        check(scalar_contains(&a, y), "covers", 0, 64, 0, x, y, &a, &c);
    }
}

/* Precision that real programs depend on: exact results, one each. */
static void
check_precision(void)
{
    struct scalar u8 = scalar_of_width(8, false), four = scalar_const(4), r;
    struct scalar x = scalar_unknown(), y = scalar_const(100);

    r = scalar_alu(
        UBPF_ALU_AND, 64, 0, &u8,
        &(struct scalar) {{15, 0}, {15, 15, 15, 15}, {15, 15, 15, 15}});
    r = scalar_alu(UBPF_ALU_MUL, 32, 0, &r, &four);
    check(r.r64.umin == 0 && r.r64.umax == 60 && (r.bits.mask & 3) == 0,
          "precision of (u8 & 15) * 4", 0, 32, 0, 0, 0, &r, &four);
    r = scalar_alu(UBPF_ALU_SUB, 64, 0, &r, &four);
    check(r.r64.smin == -4 && r.r64.smax == 56, "precision of - 4", 0, 64, 0,
          0, 0, &r, &four);
    check(scalar_assume(UBPF_COND_SGT, 32, false, &x, &y) && x.r32.smax == 100,
          "precision of jmp32", 0, 32, 0, 0, 0, &x, &y);
    r = scalar_alu(UBPF_ALU_MOV, 32, 0, &x, &x);
    check(scalar_assume(UBPF_COND_SGE, 32, true, &r, &four) && r.r64.umin == 4
              && r.r64.umax == 100,
          "precision of jmp32 after zero extension", 0, 32, 0, 0, 0, &r,
          &four);
    r = scalar_between(20, 60);
    y = scalar_const(21);
    check(!scalar_assume(
              UBPF_COND_LT, 64, true, &r,
              &(struct scalar) {{20, 0}, {20, 20, 20, 20}, {20, 20, 20, 20}}),
          "precision of impossible", 0, 64, 0, 0, 0, &r, &y);
}

int
main(int argc, char *argv[])
{
    static const int froms[] = {8, 16, 32, 64};
    long rounds = argc > 1 ? atol(argv[1]) : 40000;

    rng_state = argc > 2 ? strtoull(argv[2], NULL, 0) : 0x9e3779b97f4a7c15;
    check_precision();
    for (long i = 0; i < rounds; i++) {
        for (int code = 0; code < UBPF_N_ALU; code++) {
            int bits = rnd() % 2 ? 32 : 64;
            int from = 0;

            if (code == UBPF_ALU_MOVSX) {
                from = froms[rnd() % (bits == 64 ? 3 : 2)];
            } else if (code >= UBPF_ALU_TO_LE) {
                from = froms[1 + rnd() % 3];
                bits = 64;
            }
            check_alu(code, bits, from, interesting(), interesting());
        }
        for (int code = 0; code < UBPF_N_COND; code++) {
            uint64_t x = interesting();

            check_assume(code, rnd() % 2 ? 32 : 64, x,
                         rnd() % 4 ? interesting() : x);
        }
        check_sets(interesting(), interesting());
    }
    printf("%ld rounds over %d operations: sound\n", rounds,
           UBPF_N_ALU + UBPF_N_COND);
    return 0;
}

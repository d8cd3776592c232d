/* SPDX-License-Identifier: Apache-2.0
 *
 * The interpreter, opcode by opcode, against RFC 9669. */

#include "check.h"
#include "faulty_host.h"
#include "interpreter/code.h"
#include "maps/map.h"

#define INSN(OPCODE, DST, SRC, OFFSET, IMM)  \
    ((struct ubpf_insn) {.opcode = (OPCODE), \
                         .dst = (DST),       \
                         .src = (SRC),       \
                         .offset = (OFFSET), \
                         .imm = (IMM)})
#define LDDW(DST, VALUE)                                 \
    INSN(0x18, DST, 0, 0, (int32_t) (uint32_t) (VALUE)), \
        INSN(0, 0, 0, 0, (int32_t) (uint32_t) ((uint64_t) (VALUE) >> 32))
#define MOV(DST, SRC) INSN(0xbf, DST, SRC, 0, 0)
#define EXIT          INSN(0x95, 0, 0, 0, 0)

#define MIN32 UINT64_C(0x80000000)
#define MIN64 UINT64_C(0x8000000000000000)
#define ONES  UINT64_MAX

/* Runs 'n' instructions with context 'ctx' and returns r0. */
static uint64_t
run(const struct ubpf_insn *insns, size_t n, struct ubpf_run *r,
    struct ubpf_map *const maps[], uint32_t n_maps)
{
    struct ubpf_env env = {.host = &faulty_host, .run = r};
    struct ubpf_code *code;
    uint64_t r0;

    CHECK_EQ(ubpf_code_build(&faulty_host, insns, (uint32_t) n, maps, n_maps,
                             &code),
             0);
    r0 = ubpf_code_run(code, &env);
    faulty_host.free(code);
    return r0;
}

#define RUN(INSNS)                                 \
    run(INSNS, sizeof(INSNS) / sizeof((INSNS)[0]), \
        &(struct ubpf_run) {.adjust_head = NULL}, NULL, 0)

/* r1 = a; r2 = b; the instruction; r0 = r1. */
struct alu_case {
    const char *name;
    uint8_t opcode;
    int16_t offset;
    int32_t imm;
    uint64_t a, b, result;
};

/* Opcodes end in 4 or c (32 bits, immediate or register), 7 or f (64). */
static const struct alu_case alu_cases[] = {
    {"add64 imm", 0x07, 0, -1, 5, 0, 4},
    {"add64 reg wraps", 0x0f, 0, 0, ONES, 2, 1},
    {"add32 imm clears the upper half", 0x04, 0, 1, 0x1ffffffff, 0, 0},
    {"add32 reg", 0x0c, 0, 0, 0xffffffff00000001, 0xff00000002, 3},
    {"sub64 imm", 0x17, 0, 7, 5, 0, ONES - 1},
    {"sub64 reg", 0x1f, 0, 0, 5, 7, ONES - 1},
    {"sub32 imm", 0x14, 0, 7, 5, 0, 0xfffffffe},
    {"sub32 reg", 0x1c, 0, 0, 5, 7, 0xfffffffe},
    {"mul64 imm", 0x27, 0, -2, 3, 0, ONES - 5},
    {"mul64 reg", 0x2f, 0, 0, 0x100000001, 0x100000001, 0x200000001},
    {"mul32 imm", 0x24, 0, -2, 3, 0, 0xfffffffa},
    {"mul32 reg", 0x2c, 0, 0, 0xffffffff, 0xffffffff, 1},
    {"div64 imm is unsigned by a sign-extended one", 0x37, 0, -1, ONES, 0, 1},
    {"div64 reg", 0x3f, 0, 0, 17, 5, 3},
    {"div64 by zero", 0x3f, 0, 0, 17, 0, 0},
    {"div64 imm by zero", 0x37, 0, 0, 17, 0, 0},
    {"div32 imm", 0x34, 0, -1, 0xffffffff, 0, 1},
    {"div32 reg looks at the lower half", 0x3c, 0, 0, 0x500000011, 5, 3},
    {"div32 by zero in the lower half", 0x3c, 0, 0, 17, 0x100000000, 0},
    {"sdiv64 imm", 0x37, 1, -5, 17, 0, (uint64_t) -3},
    {"sdiv64 reg rounds to zero", 0x3f, 1, 0, (uint64_t) -17, 5,
     (uint64_t) -3},
    {"sdiv64 by zero", 0x3f, 1, 0, (uint64_t) -17, 0, 0},
    {"sdiv64 overflow", 0x3f, 1, 0, MIN64, ONES, MIN64},
    {"sdiv32 imm", 0x34, 1, -5, 17, 0, 0xfffffffd},
    {"sdiv32 reg", 0x3c, 1, 0, 0xffffffef, 5, 0xfffffffd},
    {"sdiv32 by zero", 0x3c, 1, 0, 17, 0, 0},
    {"sdiv32 overflow", 0x3c, 1, 0, MIN32, 0xffffffff, MIN32},
    {"or64 imm sign-extends", 0x47, 0, MIN32, 1, 0, 0xffffffff80000001},
    {"or64 reg", 0x4f, 0, 0, 0xf0, 0x0f, 0xff},
    {"or32 imm", 0x44, 0, MIN32, 1, 0, 0x80000001},
    {"or32 reg", 0x4c, 0, 0, 0xf000000f0, 0xf, 0xff},
    {"and64 imm", 0x57, 0, -16, ONES, 0, 0xfffffffffffffff0},
    {"and64 reg", 0x5f, 0, 0, 0xff, 0x1f0, 0xf0},
    {"and32 imm", 0x54, 0, -16, ONES, 0, 0xfffffff0},
    {"and32 reg", 0x5c, 0, 0, ONES, ONES, 0xffffffff},
    {"lsh64 imm", 0x67, 0, 63, 3, 0, MIN64},
    {"lsh64 reg masks the count", 0x6f, 0, 0, 1, 65, 2},
    {"lsh32 imm", 0x64, 0, 31, 3, 0, MIN32},
    {"lsh32 reg masks the count", 0x6c, 0, 0, 1, 33, 2},
    {"rsh64 imm", 0x77, 0, 63, MIN64, 0, 1},
    {"rsh64 reg masks the count", 0x7f, 0, 0, 4, 65, 2},
    {"rsh32 imm", 0x74, 0, 4, 0xf000000f0, 0, 0xf},
    {"rsh32 reg masks the count", 0x7c, 0, 0, 4, 33, 2},
    {"neg64", 0x87, 0, 0, 5, 0, (uint64_t) -5},
    {"neg64 of the least", 0x87, 0, 0, MIN64, 0, MIN64},
    {"neg32", 0x84, 0, 0, 0x100000005, 0, 0xfffffffb},
    {"mod64 imm", 0x97, 0, 5, 17, 0, 2},
    {"mod64 reg", 0x9f, 0, 0, 17, 5, 2},
    {"mod64 by zero", 0x9f, 0, 0, 17, 0, 17},
    {"mod32 imm", 0x94, 0, 5, 0x100000011, 0, 2},
    {"mod32 reg", 0x9c, 0, 0, 17, 5, 2},
    {"mod32 by zero keeps the lower half", 0x9c, 0, 0, 0x100000011, 0, 17},
    {"smod64 imm", 0x97, 1, 5, (uint64_t) -17, 0, (uint64_t) -2},
    {"smod64 reg has the dividend's sign", 0x9f, 1, 0, 17, (uint64_t) -5, 2},
    {"smod64 by zero", 0x9f, 1, 0, (uint64_t) -17, 0, (uint64_t) -17},
    {"smod64 overflow", 0x9f, 1, 0, MIN64, ONES, 0},
    {"smod32 imm", 0x94, 1, 5, 0xffffffef, 0, 0xfffffffe},
    {"smod32 reg", 0x9c, 1, 0, 17, 0xfffffffb, 2},
    {"smod32 by zero", 0x9c, 1, 0, ONES, 0, 0xffffffff},
    {"smod32 overflow", 0x9c, 1, 0, MIN32, 0xffffffff, 0},
    {"xor64 imm", 0xa7, 0, -1, 0xff, 0, 0xffffffffffffff00},
    {"xor64 reg", 0xaf, 0, 0, 0xff, 0xf0, 0x0f},
    {"xor32 imm", 0xa4, 0, -1, 0xff, 0, 0xffffff00},
    {"xor32 reg", 0xac, 0, 0, 0xf000000ff, 0xf0, 0x0f},
    {"mov64 imm sign-extends", 0xb7, 0, -1, 5, 0, ONES},
    {"mov64 reg", 0xbf, 0, 0, 5, ONES, ONES},
    {"mov32 imm", 0xb4, 0, -1, 5, 0, 0xffffffff},
    {"mov32 reg", 0xbc, 0, 0, 5, ONES, 0xffffffff},
    {"movsx64 8", 0xbf, 8, 0, 0, 0x180, 0xffffffffffffff80},
    {"movsx64 16", 0xbf, 16, 0, 0, 0x18000, 0xffffffffffff8000},
    {"movsx64 32", 0xbf, 32, 0, 0, 0x180000000, 0xffffffff80000000},
    {"movsx32 8", 0xbc, 8, 0, 0, 0x180, 0xffffff80},
    {"movsx32 16", 0xbc, 16, 0, 0, 0x18000, 0xffff8000},
    {"arsh64 imm", 0xc7, 0, 63, MIN64, 0, ONES},
    {"arsh64 reg masks the count", 0xcf, 0, 0, (uint64_t) -4, 65,
     (uint64_t) -2},
    {"arsh32 imm", 0xc4, 0, 31, MIN32, 0, 0xffffffff},
    {"arsh32 reg masks the count", 0xcc, 0, 0, 0xfffffffc, 33, 0xfffffffe},
    {"le16", 0xd4, 0, 16, 0x1122334455667788, 0, 0x7788},
    {"le32", 0xd4, 0, 32, 0x1122334455667788, 0, 0x55667788},
    {"le64", 0xd4, 0, 64, 0x1122334455667788, 0, 0x1122334455667788},
    {"be16", 0xdc, 0, 16, 0x1122334455667788, 0, 0x8877},
    {"be32", 0xdc, 0, 32, 0x1122334455667788, 0, 0x88776655},
    {"be64", 0xdc, 0, 64, 0x1122334455667788, 0, 0x8877665544332211},
    {"bswap16", 0xd7, 0, 16, 0x1122334455667788, 0, 0x8877},
    {"bswap32", 0xd7, 0, 32, 0x1122334455667788, 0, 0x88776655},
    {"bswap64", 0xd7, 0, 64, 0x1122334455667788, 0, 0x8877665544332211},
};

static void
arithmetic(void)
{
    for (size_t i = 0; i < sizeof alu_cases / sizeof alu_cases[0]; i++) {
        const struct alu_case *c = &alu_cases[i];
        /* The third bit says whether the operand is a register, but for
         * those that have no operand. */
        bool swap = c->opcode == 0xdc;
        struct ubpf_insn insns[] = {
            LDDW(1, c->a),
            LDDW(2, c->b),
            INSN(c->opcode, 1, c->opcode & 8 && !swap ? 2 : 0, c->offset,
                 c->imm),
            MOV(0, 1),
            EXIT,
        };
        uint64_t result = RUN(insns);

        if (result != c->result) {
            FAIL("%s: %#" PRIx64 ", not %#" PRIx64, c->name, result,
                 c->result);
        }
    }
}

/* Bit 0: jumps when a == b, bit 1: when a < b both as signed and as unsigned
 * numbers, bit 2: when a = -1 and b = 1 (more as unsigned, less as signed),
 * bit 3: when a & b != 0 with a = 6, b = 3. */
static const struct {
    const char *name;
    uint8_t nibble;
    unsigned int when;
} cond_cases[] = {
    {"jeq", 0x10, 1},          {"jgt", 0x20, 4 | 8},
    {"jge", 0x30, 1 | 4 | 8},  {"jset", 0x40, 1 | 4 | 8},
    {"jne", 0x50, 2 | 4 | 8},  {"jsgt", 0x60, 8},
    {"jsge", 0x70, 1 | 8},     {"jlt", 0xa0, 2},
    {"jle", 0xb0, 1 | 2},      {"jslt", 0xc0, 2 | 4},
    {"jsle", 0xd0, 1 | 2 | 4},
};

static void
jumps(void)
{
    static const struct {
        int32_t a, b;
    } operands[] = {{5, 5}, {5, 8}, {-1, 1}, {6, 3}};

    for (size_t i = 0; i < sizeof cond_cases / sizeof cond_cases[0]; i++) {
        for (unsigned int form = 0; form < 4 * 4; form++) {
            bool reg = form & 1, wide = form & 2;
            unsigned int set = form / 4;
            /* 32-bit comparisons do not see this. */
            uint64_t garbage = wide ? 0 : UINT64_C(0x1234567800000000);
            uint64_t a = (uint64_t) (int64_t) operands[set].a ^ garbage;
            uint64_t b = (uint64_t) (int64_t) operands[set].b;
            struct ubpf_insn insns[] = {
                LDDW(1, a),
                LDDW(2, b),
                INSN(0xb7, 0, 0, 0, 1),
                INSN(cond_cases[i].nibble | (wide ? 5 : 6) | (reg ? 8 : 0), 1,
                     reg ? 2 : 0, 1, reg ? 0 : operands[set].b),
                INSN(0xb7, 0, 0, 0, 0),
                EXIT,
            };
            uint64_t jumped = RUN(insns);

            if (jumped != (cond_cases[i].when >> set & 1)) {
                FAIL("%s%s %s: %d, %d: jumped %" PRIu64, cond_cases[i].name,
                     wide ? "" : "32", reg ? "reg" : "imm", operands[set].a,
                     operands[set].b, jumped);
            }
        }
    }
}

/* Jumps count slots of the object, of which an lddw has two. */
static void
jumps_over_lddw(void)
{
    struct ubpf_insn forward[] = {
        INSN(0x05, 0, 0, 2, 0),
        LDDW(0, 1),
        LDDW(0, 2),
        EXIT,
    };
    struct ubpf_insn far[] = {
        INSN(0x06, 0, 0, 0, 2),
        LDDW(0, 1),
        LDDW(0, 2),
        EXIT,
    };
    struct ubpf_insn back[] = {
        INSN(0xb7, 0, 0, 0, 0),   LDDW(1, 0), INSN(0x07, 0, 0, 0, 1),
        INSN(0xa5, 0, 0, -4, 10), EXIT,
    };

    CHECK_EQ(RUN(forward), 2);
    CHECK_EQ(RUN(far), 2);
    CHECK_EQ(RUN(back), 10);
}

static void
memory(void)
{
    struct ubpf_insn bytes[] = {
        LDDW(1, 0x8182838485868788),
        INSN(0x7b, 10, 1, -8, 0),  /* *(u64 *)(r10 - 8) = r1 */
        INSN(0x73, 10, 1, -13, 0), /* u8, u16, u32, unaligned. */
        INSN(0x6b, 10, 1, -11, 0),
        INSN(0x63, 10, 1, -17, 0),
        INSN(0x79, 0, 10, -8, 0),
        EXIT,
    };
    static const struct {
        uint8_t opcode;
        uint64_t result;
    } loads[] = {
        {0x71, 0x88},
        {0x69, 0x8788},
        {0x61, 0x85868788},
        {0x79, 0x8182838485868788},
        {0x91, 0xffffffffffffff88},
        {0x89, 0xffffffffffff8788},
        {0x81, 0xffffffff85868788},
    };
    static const struct {
        uint8_t opcode;
        uint64_t result;
    } stores[] = {
        {0x72, 0x11111111111111fe},
        {0x6a, 0x111111111111fffe},
        {0x62, 0x11111111fffffffe},
        {0x7a, 0xfffffffffffffffe},
    };

    CHECK_EQ(RUN(bytes), 0x8182838485868788);
    for (size_t i = 0; i < sizeof loads / sizeof loads[0]; i++) {
        struct ubpf_insn insns[] = {
            LDDW(1, 0x8182838485868788),
            INSN(0x7b, 10, 1, -13, 0),
            INSN(loads[i].opcode, 0, 10, -13, 0),
            EXIT,
        };

        CHECK_EQ(RUN(insns), loads[i].result);
    }
    for (size_t i = 0; i < sizeof stores / sizeof stores[0]; i++) {
        struct ubpf_insn insns[] = {
            LDDW(1, 0x1111111111111111),
            INSN(0x7b, 10, 1, -8, 0),
            INSN(stores[i].opcode, 10, 0, -8, -2),
            INSN(0x79, 0, 10, -8, 0),
            EXIT,
        };

        CHECK_EQ(RUN(insns), stores[i].result);
    }
}

static void
whole_stack(void)
{
    struct ubpf_insn insns[] = {
        INSN(0x7a, 10, 0, -4096, 7),
        INSN(0x79, 0, 10, -4096, 0),
        EXIT,
    };

    CHECK_EQ(RUN(insns), 7);
}

/* The cell is 0x1_0000000f; the operand 0x3_000000f1; r0 starts as the
 * cell, so that cmpxchg exchanges. */
static void
atomics(void)
{
    static const struct {
        int32_t imm;
        uint64_t cell64, cell32;
    } cases[] = {
        {0x00, 0x400000100, 0x100000100}, {0x40, 0x3000000ff, 0x1000000ff},
        {0x50, 0x100000001, 0x100000001}, {0xa0, 0x2000000fe, 0x1000000fe},
        {0x01, 0x400000100, 0x100000100}, {0x41, 0x3000000ff, 0x1000000ff},
        {0x51, 0x100000001, 0x100000001}, {0xa1, 0x2000000fe, 0x1000000fe},
        {0xe1, 0x3000000f1, 0x1000000f1}, {0xf1, 0x3000000f1, 0x1000000f1},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        for (int wide = 0; wide < 2; wide++) {
            struct ubpf_insn insns[] = {
                LDDW(0, 0x10000000f),
                LDDW(1, 0x3000000f1),
                INSN(0x7b, 10, 0, -8, 0),
                INSN(wide ? 0xdb : 0xc3, 10, 1, -8, cases[i].imm),
                INSN(0x7b, 10, 0, -16, 0),
                INSN(0x79, 0, 10, -8, 0),
                EXIT,
                /* What the instruction fetched. */
                MOV(0, 1),
                EXIT,
            };
            bool fetch = cases[i].imm & 1, compares = cases[i].imm == 0xf1;

            CHECK_EQ(RUN(insns), wide ? cases[i].cell64 : cases[i].cell32);
            if (fetch) {
                insns[7] = compares ? INSN(0x79, 0, 10, -16, 0) : MOV(0, 1);
                CHECK_EQ(RUN(insns), wide ? 0x10000000f : 0xf);
            }
        }
    }
}

static void
failed_cmpxchg_changes_nothing(void)
{
    struct ubpf_insn insns[] = {
        LDDW(0, 0x20000000e),
        LDDW(1, 0x3000000f1),
        LDDW(2, 0x10000000f),
        INSN(0x7b, 10, 2, -8, 0),
        INSN(0xdb, 10, 1, -8, 0xf1),
        INSN(0x79, 3, 10, -8, 0), /* r0 = old * 16 + new, in effect. */
        INSN(0x67, 0, 0, 0, 4),
        INSN(0x0f, 0, 3, 0, 0),
        EXIT,
    };

    CHECK_EQ(RUN(insns), 0x10000000f * 16 + 0x10000000f);
}

/* A program whose helper returns in r0 and leaves r6...r9 alone. */
static void
calls(void)
{
    struct ubpf_insn insns[] = {
        LDDW(1, 0x65726f6353), /* "Score" */
        INSN(0x7b, 10, 1, -8, 0),
        INSN(0xb7, 6, 0, 0, 42),
        MOV(1, 10),
        INSN(0x07, 1, 0, 0, -8),
        INSN(0xb7, 2, 0, 0, 0),
        LDDW(3, 0x7700000000), /* Only 32 bits of seed count. */
        INSN(0x85, 0, 0, 0, UBPF_HELPER_HASH_LOOKUP3),
        INSN(0x0f, 0, 6, 0, 0),
        EXIT,
    };

    CHECK_EQ(RUN(insns), 0xdeadbeefu + 42);
}

static int
fake_adjust_head(struct ubpf_run *run, int32_t delta)
{
    run->ctx.data += (uint64_t) (int64_t) delta;
    return delta == 13 ? -22 : 0;
}

static void
adjust_head_takes_32_bits(void)
{
    static const struct {
        uint64_t delta, result;
    } cases[] = {
        {(uint64_t) -2, 0},
        {13, (uint64_t) -22},
        {UINT64_C(0x100000000), (uint64_t) -22},
        {MIN64, (uint64_t) -22},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct ubpf_run r = {.adjust_head = fake_adjust_head};
        struct ubpf_insn insns[] = {
            LDDW(2, cases[i].delta),
            INSN(0x85, 0, 0, 0, UBPF_HELPER_ADJUST_HEAD),
            EXIT,
        };

        CHECK_EQ(run(insns, sizeof insns / sizeof insns[0], &r, NULL, 0),
                 cases[i].result);
    }
}

static void
maps_are_addresses(void)
{
    struct ubpf_map_def def = {UBPF_MAP_TYPE_ARRAY, 4, 16, 2, 0};
    struct ubpf_map *map = ubpf_map_create(&faulty_host, "m", &def);
    struct ubpf_insn insns[] = {
        INSN(0x18, 1, UBPF_PSEUDO_MAP_IDX, 0, 0),
        INSN(0, 0, 0, 0, 0),
        INSN(0x18, 2, UBPF_PSEUDO_MAP_VALUE, 0, 0),
        INSN(0, 0, 0, 0, 8),
        INSN(0x7a, 2, 0, 0, 99),
        INSN(0x62, 10, 0, -4, 0),
        MOV(2, 10),
        INSN(0x07, 2, 0, 0, -4),
        INSN(0x85, 0, 0, 0, UBPF_HELPER_MAP_LOOKUP),
        INSN(0x79, 0, 0, 8, 0),
        EXIT,
    };
    struct ubpf_code *code;

    CHECK_EQ(run(insns, sizeof insns / sizeof insns[0],
                 &(struct ubpf_run) {.adjust_head = NULL}, &map, 1),
             99);
    CHECK_EQ(ubpf_code_build(&faulty_host, insns,
                             sizeof insns / sizeof insns[0], &map, 0, &code),
             22);
    insns[3].imm = 17;
    CHECK_EQ(ubpf_code_build(&faulty_host, insns,
                             sizeof insns / sizeof insns[0], &map, 1, &code),
             22);
    ubpf_map_unref(map);
}

static void
builder_refuses_what_cannot_run(void)
{
    struct ubpf_insn into_lddw[] = {INSN(0x05, 0, 0, 1, 0), LDDW(0, 0), EXIT};
    struct ubpf_insn unknown[] = {INSN(0xff, 0, 0, 0, 0), EXIT};
    struct ubpf_insn helper[] = {INSN(0x85, 0, 0, 0, 12), EXIT};
    struct ubpf_code *code;

    CHECK_EQ(ubpf_code_build(&faulty_host, into_lddw, 4, NULL, 0, &code), 22);
    CHECK_EQ(ubpf_code_build(&faulty_host, unknown, 2, NULL, 0, &code), 22);
    CHECK_EQ(ubpf_code_build(&faulty_host, helper, 2, NULL, 0, &code), 22);
}

int
main(void)
{
    arithmetic();
    jumps();
    jumps_over_lddw();
    memory();
    whole_stack();
    atomics();
    failed_cmpxchg_changes_nothing();
    calls();
    adjust_head_takes_32_bits();
    maps_are_addresses();
    builder_refuses_what_cannot_run();
    CHECK_EQ(faulty_host_in_use(), 0);
    return 0;
}

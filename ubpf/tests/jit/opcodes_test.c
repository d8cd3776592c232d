/* SPDX-License-Identifier: Apache-2.0
 *
 * Every arithmetic operation, comparison, load, store and atomic operation of
 * the opcode table, with all variants of offset and immediate that decode, on
 * edge values: native code against the interpreter. */

#include "check.h"
#include "elf/object.h"
#include "host.h"
#include "interpreter/code.h"
#include "jit/native.h"

#define MAX_INSNS   16000
#define MAX_RESULTS 4000

/* Registers: the packet, operands 'a' and 'b', and what is stored. */
#define PACKET 7
#define A      1
#define B      2

static const uint64_t values[] = {
    0,
    1,
    2,
    7,
    0x7f,
    0x80,
    0xffff8000,
    0x7fffffff,
    0x80000000,
    0xffffffff,
    0x100000000,
    0x123456789abcdef0,
    0x7fffffffffffffff,
    0x8000000000000000,
    0xffffffff80000000,
    0xfffffffffffffff9,
    UINT64_MAX,
};
#define N_VALUES (sizeof values / sizeof values[0])

static const int32_t imms[] = {
    0,    1,    -1,   7,    8,    16,         31,        32,
    63,   64,   80,   81,   0xa0, 0x12345678, INT32_MAX, INT32_MIN,
    0x40, 0x41, 0x50, 0x51, 0xa1, 0xe1,       0xf1,      -7,
};
static const int16_t offsets[] = {0, 1, 8, 16, 32};

static struct ubpf_insn insns[MAX_INSNS];
static uint32_t n_insns, n_results;

static void
emit(uint8_t opcode, int dst, int src, int offset, int32_t imm)
{
    CHECK(n_insns < MAX_INSNS);
    insns[n_insns++] = (struct ubpf_insn) {
        .opcode = opcode,
        .dst = dst & 15,
        .src = src & 15,
        .offset = (int16_t) offset,
        .imm = imm,
    };
}

/* Appends register 'reg' to the packet. */
static void
store_result(int reg)
{
    CHECK(n_results < MAX_RESULTS);
    emit(0x7b, PACKET, reg, (int) (16 + 8 * n_results++), 0);
}

/* The operands in registers, in r0, and on the stack at r10 - 8. */
static void
load_operands(void)
{
    emit(0x79, A, PACKET, 0, 0);
    emit(0x79, B, PACKET, 8, 0);
    emit(0xbf, 0, B, 0, 0);
    emit(0x7b, UBPF_REG_FP, A, -8, 0);
}

/* Adds the instruction if it is one that can be tried so. */
static void
try_insn(uint8_t opcode, int16_t offset, int32_t imm)
{
    bool uses_src = ubpf_opcodes[opcode].fields & UBPF_USES_SRC;
    struct ubpf_insn insn = {
        .opcode = opcode, .dst = A, .src = uses_src ? B : 0, .imm = imm};
    struct ubpf_op op;

    switch ((enum ubpf_kind) ubpf_opcodes[opcode].kind) {
    case UBPF_KIND_ALU:
        insn.offset = offset;
        break;
    case UBPF_KIND_JUMP:
        insn.offset = 1;
        break;
    case UBPF_KIND_LOAD:
        insn.src = UBPF_REG_FP;
        insn.offset = -8;
        break;
    case UBPF_KIND_STORE:
    case UBPF_KIND_ATOMIC:
        insn.dst = UBPF_REG_FP;
        insn.offset = -8;
        break;
    default:
        return;
    }
    if (offset && insn.offset != offset) {
        return; /* Was tried with offset 0. */
    }
    load_operands();
    insns[n_insns] = insn;
    if (ubpf_decode(insns, MAX_INSNS, n_insns, &op)) {
        n_insns -= 4;
        return;
    }
    n_insns++;
    if (op.kind == UBPF_KIND_JUMP) {
        emit(0xb7, 0, 0, 0, 12345);
        store_result(0);
        return;
    }
    store_result(A);
    if (op.kind != UBPF_KIND_ALU) {
        store_result(B);
        store_result(0);
        emit(0x79, A, UBPF_REG_FP, -8, 0);
        store_result(A);
    }
}

/* Writes the program that tries opcodes 'first' to 'last'. */
static void
build(int first, int last)
{
    n_insns = n_results = 0;
    memset(insns, 0, sizeof insns);
    emit(0x79, PACKET, 1, 0, 0);
    for (int opcode = first; opcode <= last; opcode++) {
        for (size_t i = 0; i < sizeof imms / sizeof imms[0]; i++) {
            for (size_t j = 0; j < sizeof offsets / sizeof offsets[0]; j++) {
                try_insn((uint8_t) opcode, offsets[j], imms[i]);
            }
        }
    }
    emit(0xb7, 0, 0, 0, UBPF_PASS);
    emit(0x95, 0, 0, 0, 0);
}

/* Runs both on operands 'a' and 'b' and compares what they stored. */
static void
compare(const struct ubpf_code *code, const struct ubpf_native *native,
        uint64_t a, uint64_t b)
{
    static uint64_t memory[2][2 + MAX_RESULTS];
    struct ubpf_run runs[2], *run = &runs[1];
    struct ubpf_env env = {.host = &ubpf_host_single_threaded,
                           .run = &runs[0]};
    enum ubpf_verdict verdict;

    for (int e = 0; e < 2; e++) {
        memset(&runs[e], 0, sizeof runs[e]);
        memory[e][0] = a;
        memory[e][1] = b;
        runs[e].ctx.data = (uintptr_t) memory[e];
    }
    CHECK_EQ(ubpf_code_run(code, &env), UBPF_PASS);
    native->code.run(&run, 1, &verdict);
    CHECK_EQ(verdict, UBPF_PASS);
    for (uint32_t i = 0; i < n_results; i++) {
        if (memory[0][2 + i] != memory[1][2 + i]) {
            FAIL("result %" PRIu32 " of %#" PRIx64 " and %#" PRIx64
                 ": %#" PRIx64 " interpreted, %#" PRIx64 " native",
                 i, a, b, memory[0][2 + i], memory[1][2 + i]);
        }
    }
}

static void
try_opcodes(int first, int last)
{
    struct ubpf_object obj = {.host = &ubpf_host_single_threaded,
                              .insns = insns};
    struct ubpf_native *native;
    struct ubpf_code *code;
    char *error = NULL;

    build(first, last);
    obj.n_insns = n_insns;
    CHECK_EQ(ubpf_code_build(obj.host, insns, n_insns, NULL, 0, &code), 0);
    if (ubpf_native_compile(obj.host, &obj, NULL, false, &native, &error)) {
        FAIL("%s", error);
    }
    for (size_t i = 0; i < N_VALUES; i++) {
        for (size_t j = 0; j < N_VALUES; j++) {
            compare(code, native, values[i], values[j]);
        }
    }
    ubpf_native_free(obj.host, native);
    ubpf_host_free(obj.host, code);
}

int
main(void)
{
    /* Programs small enough to be optimised, and one that is not. */
    for (int first = 0; first < 256; first += 16) {
        try_opcodes(first, first + 15);
        CHECK(n_insns < 4096);
    }
    try_opcodes(0, 255);
    CHECK(n_results > 1000);
    printf("%" PRIu32 " results of %" PRIu32 " instructions\n", n_results,
           n_insns);
    return 0;
}
